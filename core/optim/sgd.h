/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Stochastic gradient descent with momentum, as PyTorch defines it (torch.optim.SGD, dampening 0). */
#ifndef SUPCON_OPTIM_SGD_H
#define SUPCON_OPTIM_SGD_H

#include "real.h"

typedef struct {
  double momentum;     /* [0, 1) */
  double weight_decay; /* added to the gradient as weight_decay * w */
  gboolean nesterov;
} SupconSgd;

/** One update of n weights w by gradient g. velocity: n, zero before the first step. */
void supcon_sgd_step (
    const SupconSgd *sgd, double learning_rate, SupconReal *w, const SupconReal *g, SupconReal *velocity, gsize n);

#endif
