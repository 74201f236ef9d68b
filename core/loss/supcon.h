/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The contrastive losses and their gradients: Khosla et al. 2020 (arXiv 2004.11362), eq. 1 to 3; SINCERE (Feeney and
 * Hughes 2023, arXiv 2309.14277); GenSCL (Kim et al. 2022, arXiv 2206.00384).
 */
#ifndef SUPCON_LOSS_SUPCON_H
#define SUPCON_LOSS_SUPCON_H

#include "nn/workspace.h"

typedef enum {
  SUPCON_LOSS_OUT,     /* eq. 2: the mean over positives outside the logarithm */
  SUPCON_LOSS_IN,      /* eq. 3: inside */
  SUPCON_LOSS_SELF,    /* eq. 1: positives are the other views of the same sample */
  SUPCON_LOSS_SINCERE, /* eq. 2 without the anchor's other positives in the denominator */
  SUPCON_LOSS_GENERAL  /* GenSCL: positives weigh as much as their labels are alike */
} SupconLossKind;

/** Label of a view without a label: its positives are its own sample's other views. */
#define SUPCON_UNLABELLED (-1)

typedef struct {
  SupconLossKind kind;
  double temperature;      /* > 0 */
  double base_temperature; /* loss and gradient are multiplied by temperature / base_temperature, as in the authors'
                              code; 0: by 1 */
} SupconLossConfig;

/** Embeddings, one a row, and whose they are. */
typedef struct {
  const SupconReal *z; /* n x dim, rows of unit length */
  guint n, dim;
  guint n_past;           /* so many of the n rows, the last ones, are contrasts alone: past embeddings, constants */
  const gint32 *labels;   /* n class indices or SUPCON_UNLABELLED */
  const guint64 *samples; /* n sample numbers; equal ones are views of one picture */
  /* Of SUPCON_LOSS_GENERAL: n x n_classes weights (>= 0) of the classes in each labelled row; NULL: one class each. */
  const SupconReal *targets;
  guint n_classes;
  guint most; /* the largest n of later calls with this workspace, which takes memory for it at once; 0: not known */
} SupconViews;

typedef struct {
  double loss;           /* mean over the anchors that have a positive; 0 when none has */
  guint anchors;         /* how many have one */
  double collapsed_loss; /* what loss would be if all of z were one point */
  double
      positives_per_anchor; /* mean of |P(i)| over the views that are not past; GENERAL: of the sum of similarities */
} SupconLossResult;

/**
 * Loss of views and its gradient by z.
 *
 * dz ((n - n_past) x dim): written with dLoss/dz, loss being the reported mean; NULL for the value alone. All memory
 * beyond the arguments is workspace's, which grows when it must: O(n), a row of dim for each group of positives, and
 * fixed tiles per thread; the n x n matrix is never stored. The same bits for any number of threads. Where there is AMX
 * the products are nn/gemm_bf16x2.h's: a similarity of rows of length 1, divided by the temperature t, is then off by
 * at most 1.2e-5 / t + 2e-7 dim / t, and by some 7e-7 / t as a rule.
 */
SupconLossResult supcon_loss (
    const SupconLossConfig *config, const SupconViews *views, SupconWorkspace *workspace, SupconReal *dz);

#endif
