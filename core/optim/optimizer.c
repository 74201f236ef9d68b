/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "optim/optimizer.h"

#include "simd.h"

/* PyTorch's defaults, and the paper's eta. */
#define ADAM_SMOOTHING 0.999
#define RMSPROP_SMOOTHING 0.99
#define EPSILON 1e-8
#define TRUST 0.001

const char *
supcon_optimizer_name (SupconOptimizerKind kind)
{
  static const char *const names[] = { "sgd", "lars", "adam", "adamw", "rmsprop" };

  return names[kind];
}

gboolean
supcon_optimizer_has_squares (SupconOptimizerKind kind)
{
  return kind >= SUPCON_OPTIMIZER_ADAM;
}

SUPCON_MULTIVERSION static void
sgd_step (SupconReal rate, SupconReal momentum, SupconReal decay, gboolean nesterov, SupconReal *w, const SupconReal *g,
    SupconReal *velocity, gsize n)
{
  if (nesterov)
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

/* The rate is inside the momentum, so that a change of it does not rescale what was gathered before. */
SUPCON_MULTIVERSION static void
lars_step (SupconReal rate, SupconReal momentum, SupconReal decay, SupconReal *w, const SupconReal *g,
    SupconReal *velocity, gsize n)
{
  for (gsize i = 0; i < n; i++) {
    velocity[i] = momentum * velocity[i] + rate * (g[i] + decay * w[i]);
    w[i] -= velocity[i];
  }
}

static double
lars_local_rate (const SupconOptimizer *self, const SupconReal *w, const SupconReal *g, gsize n)
{
  double weight = supcon_real_length (w, n), gradient = supcon_real_length (g, n);

  if (weight == 0 || gradient == 0)
    return 1;
  return (self->trust > 0 ? self->trust : TRUST) * weight / (gradient + self->weight_decay * weight);
}

/* correction: what the running means' start at zero takes away from them, 1 - beta^step. */
SUPCON_MULTIVERSION static void
adam_step (SupconReal rate, SupconReal beta1, SupconReal beta2, SupconReal root_correction2, SupconReal epsilon,
    SupconReal decay, SupconReal shrink, SupconReal *w, const SupconReal *g, SupconReal *mean, SupconReal *squares,
    gsize n)
{
  for (gsize i = 0; i < n; i++) {
    SupconReal gradient = g[i] + decay * w[i], root;

    mean[i] += (1 - beta1) * (gradient - mean[i]);
    squares[i] = beta2 * squares[i] + (1 - beta2) * gradient * gradient;
#ifdef SUPCON_DOUBLE
    root = sqrt (squares[i]);
#else
    root = sqrtf (squares[i]);
#endif
    w[i] = shrink * w[i] - rate * mean[i] / (root / root_correction2 + epsilon);
  }
}

SUPCON_MULTIVERSION static void
rmsprop_step (SupconReal rate, SupconReal momentum, SupconReal smoothing, SupconReal epsilon, SupconReal decay,
    SupconReal *w, const SupconReal *g, SupconReal *velocity, SupconReal *squares, gsize n)
{
  for (gsize i = 0; i < n; i++) {
    SupconReal gradient = g[i] + decay * w[i], root;

    squares[i] = smoothing * squares[i] + (1 - smoothing) * gradient * gradient;
#ifdef SUPCON_DOUBLE
    root = sqrt (squares[i]);
#else
    root = sqrtf (squares[i]);
#endif
    velocity[i] = momentum * velocity[i] + gradient / (root + epsilon);
    w[i] -= rate * velocity[i];
  }
}

void
supcon_optimizer_step (const SupconOptimizer *self, double rate, guint64 step, gboolean adapts, SupconReal *w,
    const SupconReal *g, SupconReal *momentum, SupconReal *squares, gsize n)
{
  double epsilon = self->epsilon > 0 ? self->epsilon : EPSILON, decay = self->weight_decay, beta2;
  gboolean beside = self->kind == SUPCON_OPTIMIZER_ADAMW;

  switch (self->kind) {
  case SUPCON_OPTIMIZER_SGD:
    sgd_step (rate, self->momentum, decay, self->nesterov, w, g, momentum, n);
    break;
  case SUPCON_OPTIMIZER_LARS:
    if (adapts)
      rate *= lars_local_rate (self, w, g, n);
    lars_step (rate, self->momentum, decay, w, g, momentum, n);
    break;
  case SUPCON_OPTIMIZER_ADAM:
  case SUPCON_OPTIMIZER_ADAMW:
    beta2 = self->smoothing > 0 ? self->smoothing : ADAM_SMOOTHING;
    adam_step (rate / (1 - pow (self->momentum, step)), self->momentum, beta2, sqrt (1 - pow (beta2, step)), epsilon,
        beside ? 0 : decay, beside ? 1 - rate * decay : 1, w, g, momentum, squares, n);
    break;
  case SUPCON_OPTIMIZER_RMSPROP:
    rmsprop_step (rate, self->momentum, self->smoothing > 0 ? self->smoothing : RMSPROP_SMOOTHING, epsilon, decay, w, g,
        momentum, squares, n);
    break;
  }
}
