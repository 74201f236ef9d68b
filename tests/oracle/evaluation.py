# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints the numbers of test_evaluate.c's test_oracle: scikit-learn's measures of probabilities that a formula gives, and the
calibration error and reliability by numpy from their definition (Guo et al. 2017, 15 bins of equal width); and of its test_probe
and test_tagger.c's test_probe: scikit-learn's nearest neighbours, weighted as in Wu et al. 2018, and numpy's nearest centroid.

    python3 tests/oracle/evaluation.py
"""
import numpy as np
from sklearn.neighbors import KNeighborsClassifier
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

EXAMPLES, PICTURES, DIM, KINDS = 600, 300, 16, 5


def embeddings(n, first):
    """n x DIM: a direction of its own for each class, and noise in [-0.5, 0.5) that is a hash of the place."""
    i, d = np.mgrid[first : first + n, 0:DIM]
    h = (i * DIM + d) * 2654435761 % 2**32
    h ^= h >> 16
    h = h * 0x45D9F3B % 2**32
    h ^= h >> 16
    x = 0.12 * np.cos((i % KINDS + 1.0) * (d + 2)) + h / 2**32 - 0.5
    return x.astype(np.float32).astype(np.float64), (np.arange(first, first + n) % KINDS)


x, y = embeddings(EXAMPLES, 0)
q, truth = embeddings(PICTURES, EXAMPLES)
for k in (1, 20, 200):
    knn = KNeighborsClassifier(k, weights=lambda d: np.exp((1 - d) / 0.07), metric="cosine", algorithm="brute").fit(x, y)
    print("knn", k, knn.score(q, truth))
unit = x / np.linalg.norm(x, axis=1, keepdims=True)
centroids = np.stack([unit[y == c].mean(0) for c in range(KINDS)])
cosines = q @ (centroids / np.linalg.norm(centroids, axis=1, keepdims=True)).T
print("centroid", (cosines.argmax(1) == truth).mean())
