/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Batch normalisation (Ioffe and Szegedy 2015), NHWC: 'pixels' rows of c channels. */
#ifndef SUPCON_NN_NORM_H
#define SUPCON_NN_NORM_H

#include "nn/workspace.h"

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
void supcon_norm_apply (gsize pixels, guint c, const SupconReal *x, const SupconReal *scale, const SupconReal *shift,
    const SupconReal *residual, gboolean relu, guint threads, SupconReal *y);

/** Makes room for supcon_norm_backward. */
void supcon_norm_reserve (gsize pixels, guint c, SupconWorkspace *workspace);

/**
 * Gradients of batch normalisation and the ReLU after it. x: the input; mean, variance: the batch's. y: the output
 * after the ReLU, or NULL when there is none; with y, dy is first replaced by the gradient before the ReLU, dy [y > 0].
 * dx: written, may be dy. dgamma, dbeta: added to.
 */
void supcon_norm_backward (gsize pixels, guint c, const SupconReal *x, const SupconReal *mean,
    const SupconReal *variance, const SupconReal *gamma, const SupconReal *y, SupconReal *dy,
    SupconWorkspace *workspace, SupconReal *dx, SupconReal *dgamma, SupconReal *dbeta);

#endif
