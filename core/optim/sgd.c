/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "optim/sgd.h"

#include "simd.h"

SUPCON_MULTIVERSION void
supcon_sgd_step (
    const SupconSgd *sgd, double learning_rate, SupconReal *w, const SupconReal *g, SupconReal *velocity, gsize n)
{
  const SupconReal momentum = sgd->momentum, decay = sgd->weight_decay, rate = learning_rate;

  if (sgd->nesterov)
    for (gsize i = 0; i < n; i++) {
      SupconReal gradient = g[i] + decay * w[i];

      velocity[i] = momentum * velocity[i] + gradient;
      w[i] -= rate * (gradient + momentum * velocity[i]);
    }
  else
    for (gsize i = 0; i < n; i++) {
      velocity[i] = momentum * velocity[i] + g[i] + decay * w[i];
      w[i] -= rate * velocity[i];
    }
}
