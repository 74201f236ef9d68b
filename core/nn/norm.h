/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Batch normalisation (Ioffe and Szegedy 2015), NHWC: 'pixels' rows of c channels, in some precision. */
#ifndef SUPCON_NN_NORM_H
#define SUPCON_NN_NORM_H

#include "nn/workspace.h"
#include "precision.h"

/* torch.nn.BatchNorm2d's */
#define SUPCON_NORM_EPSILON 1e-5
#define SUPCON_NORM_MOMENTUM 0.1

/** scale and shift (c) with which x * scale + shift = gamma (x - mean) / sqrt (variance + epsilon) + beta. */
void supcon_norm_fold (guint c, const SupconReal *mean, const SupconReal *variance, const SupconReal *gamma,
    const SupconReal *beta, SupconReal *scale, SupconReal *shift);

/** Moves the running statistics by the momentum towards those of a batch of 'pixels' (variance made unbiased). */
void supcon_norm_update_running (guint c, gsize pixels, const SupconReal *mean, const SupconReal *variance,
    SupconReal *running_mean, SupconReal *running_var);

/** y = x * scale + shift + residual, then max (., 0) when relu. residual (like x) may be NULL; y may be x. */
void supcon_norm_apply (SupconPrecision precision, gsize pixels, guint c, const void *x, const SupconReal *scale,
    const SupconReal *shift, const void *residual, gboolean relu, guint threads, void *y);

/** Makes room for supcon_norm_backward. */
void supcon_norm_reserve (gsize pixels, guint c, SupconWorkspace *workspace);

/** Which of the outputs a ReLU after the normalisation let pass: those where y > 0; or, with y NULL, where x * scale +
 * shift > 0; all of them with scale NULL too. */
typedef struct {
  const void *y;
  const SupconReal *scale, *shift;
} SupconNormMask;

/**
 * Gradients of batch normalisation and the ReLU after it. x: the input; mean, variance: the batch's. dy is first
 * replaced by the gradient before the ReLU. dx: written, may be dy. dgamma, dbeta: added to.
 */
void supcon_norm_backward (SupconPrecision precision, gsize pixels, guint c, const void *x, const SupconReal *mean,
    const SupconReal *variance, const SupconReal *gamma, const SupconNormMask *mask, void *dy,
    SupconWorkspace *workspace, void *dx, SupconReal *dgamma, SupconReal *dbeta);

#endif
