/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Softmax cross-entropy. */
#ifndef SUPCON_LOSS_CROSS_ENTROPY_H
#define SUPCON_LOSS_CROSS_ENTROPY_H

#include "real.h"

typedef struct {
  double loss;   /* mean over the labelled rows, nats; 0 when none is */
  guint counted; /* labelled rows */
  guint correct; /* labelled rows whose largest logit is their label's */
} SupconCrossEntropyResult;

/**
 * logits: n x classes. labels: n in [0, classes), or negative for rows that do not count. targets: n x classes, of rows
 * that count the probabilities that are wanted (sum 1), as mixing and smoothing make them; NULL: the label's alone.
 * dlogits (n x classes): written with the gradient of the mean loss (zero for rows that do not count); NULL for the
 * value alone.
 */
SupconCrossEntropyResult supcon_cross_entropy (const SupconReal *logits, guint n, guint classes, const gint32 *labels,
    const SupconReal *targets, SupconReal *dlogits);

/** probabilities (n x classes) = softmax of each row of logits; may be the same memory. */
void supcon_softmax (const SupconReal *logits, guint n, guint classes, SupconReal *probabilities);

#endif
