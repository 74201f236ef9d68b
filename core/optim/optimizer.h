/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The optimisers. SGD, Adam, AdamW and RMSProp are PyTorch's (torch.optim, dampening 0); LARS is algorithm 1 of You et
 * al. 2017, "Large batch training of convolutional networks" (arXiv 1708.03888).
 */
#ifndef SUPCON_OPTIM_OPTIMIZER_H
#define SUPCON_OPTIM_OPTIMIZER_H

#include "real.h"

typedef enum {
  SUPCON_OPTIMIZER_SGD,
  SUPCON_OPTIMIZER_LARS,
  SUPCON_OPTIMIZER_ADAM,
  SUPCON_OPTIMIZER_ADAMW, /* Loshchilov and Hutter 2019: weight decay beside the gradient */
  SUPCON_OPTIMIZER_RMSPROP
} SupconOptimizerKind;

typedef struct {
  SupconOptimizerKind kind;
  double momentum;     /* [0, 1); Adam's and AdamW's beta1 */
  double smoothing;    /* [0, 1), of squared gradients: Adam's beta2, RMSProp's alpha; 0: 0.999 and 0.99 */
  double epsilon;      /* of Adam, AdamW and RMSProp; 0: 1e-8 */
  double trust;        /* LARS: eta; 0: 0.001 */
  double weight_decay; /* AdamW: w -= rate weight_decay w; others: added to the gradient as weight_decay * w */
  gboolean nesterov;   /* SGD's alone */
} SupconOptimizer;

/** sgd, lars, adam, adamw, rmsprop. */
const char *supcon_optimizer_name (SupconOptimizerKind kind);

/** Whether the optimiser keeps squares of gradients, as the adaptive ones do. */
gboolean supcon_optimizer_has_squares (SupconOptimizerKind kind);

/**
 * Update number 'step' (from 1) of a tensor of n weights w by gradient g. momentum and, for kinds that have them,
 * squares: n, zero before the first step. adapts: FALSE leaves the tensor (a bias, BatchNorm's gamma and beta) out of
 * LARS's scaling.
 */
void supcon_optimizer_step (const SupconOptimizer *optimizer, double learning_rate, guint64 step, gboolean adapts,
    SupconReal *w, const SupconReal *g, SupconReal *momentum, SupconReal *squares, gsize n);

#endif
