/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The supervised contrastive losses (Khosla et al. 2020, arXiv 2004.11362, eq. 1 to 3) and their gradients.
 */
#ifndef SUPCON_LOSS_SUPCON_H
#define SUPCON_LOSS_SUPCON_H

#include "real.h"

typedef enum {
  SUPCON_LOSS_OUT, /* eq. 2: the mean over positives outside the logarithm */
  SUPCON_LOSS_IN,  /* eq. 3: inside */
  SUPCON_LOSS_SELF /* eq. 1: positives are the other views of the same sample */
} SupconLossKind;

/** Label of a view without a label: its positives are its own sample's other views. */
#define SUPCON_UNLABELLED (-1)

typedef struct {
  double loss;                 /* mean over the anchors that have a positive; 0 when none has */
  guint anchors;               /* how many have one */
  double positives_per_anchor; /* mean of |P(i)| over all n views */
} SupconLossResult;

/**
 * Loss of z (n x dim, row-major, rows of unit length) and its gradient by z.
 *
 * labels: n class indices or SUPCON_UNLABELLED. samples: n sample numbers; equal ones are views of one picture.
 * temperature > 0. dz (n x dim): written with dLoss/dz, loss being the reported mean; NULL for the value alone.
 * Memory beyond the arguments is O(n) plus fixed tiles per thread; the n x n matrix is never stored. The same bits for
 * any number of threads.
 */
SupconLossResult supcon_loss (SupconLossKind kind, const SupconReal *z, guint n, guint dim, const gint32 *labels,
    const guint64 *samples, double temperature, guint threads, SupconReal *dz);

#endif
