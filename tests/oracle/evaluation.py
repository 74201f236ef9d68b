# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints the numbers of test_evaluate.c's test_oracle: scikit-learn's measures of probabilities that a formula gives, and the
calibration error and reliability by numpy from their definition (Guo et al. 2017, 15 bins of equal width).

    python3 tests/oracle/evaluation.py
"""
import numpy as np
from sklearn.metrics import confusion_matrix, log_loss, top_k_accuracy_score

N, CLASSES, BINS = 500, 8, 15
i, c = np.mgrid[0:N, 0:CLASSES]
logits = 2.5 * np.sin(0.7 * i * (c + 1) + c)
p = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)
truth = (np.arange(N) * 5 + np.arange(N) // 7) % CLASSES
truth = np.where(np.arange(N) % 3 > 0, p.argmax(1), truth)

wide = p.astype(np.float64)
print("top1", top_k_accuracy_score(truth, wide, k=1, labels=range(CLASSES)))
print("top5", top_k_accuracy_score(truth, wide, k=5, labels=range(CLASSES)))
print("nll", log_loss(truth, wide / wide.sum(1, keepdims=True), labels=range(CLASSES)))
print("brier", ((wide - np.eye(CLASSES)[truth]) ** 2).sum(1).mean())
confidence, right = p.max(1), p.argmax(1) == truth
bins = np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(int) - 1, 0, BINS - 1)
ece = 0.0
for b in range(BINS):
    inside = bins == b
    if inside.any():
        ece += inside.mean() * abs(right[inside].mean() - wide.max(1)[inside].mean())
print("ece", ece)
inside = bins == 8
print("bin 8", inside.sum(), wide.max(1)[inside].mean(), right[inside].mean())
matrix = confusion_matrix(truth, p.argmax(1), labels=range(CLASSES))
print("confusion", matrix[2, 5], matrix[5, 2], matrix[3, 3], matrix.trace())
