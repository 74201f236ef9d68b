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

/**
 * Features that are not kept but computed when a layer reads them: x * scale + shift + other * other_scale by channel,
 * then max (., 0) when relu. With scale NULL they are x itself; other may be NULL; other_scale NULL means 1.
 */
typedef struct {
  const void *x, *other;
  const SupconReal *scale, *shift, *other_scale;
  gboolean relu;
} SupconNormInput;

/** Channels first_channel and up of 'count' pixels from 'first' on, one pixel after the other. to may be in the place
 * of x or other when all channels are read. */
void supcon_norm_load (SupconPrecision precision, const SupconNormInput *input, guint c, gsize first, gsize count,
    guint first_channel, guint channels, void *to);

/** The same numbers as SupconReal's. */
void supcon_norm_load_real (SupconPrecision precision, const SupconNormInput *input, guint c, gsize first, gsize count,
    guint first_channel, guint channels, SupconReal *to);

/** All of it. y may be x or other. */
void supcon_norm_apply (
    SupconPrecision precision, gsize pixels, guint c, const SupconNormInput *input, guint threads, void *y);

/**
 * What of the gradient of a normalisation and the ReLU after it is found on the way over the pixels: dz, the gradient
 * before the ReLU, and two sums of it. x is what was normalised and mean its batch's. The ReLU let pass where y > 0;
 * or, with y NULL, where x * scale + shift > 0; all of them with scale NULL too.
 */
typedef struct {
  const void *x, *y;
  const SupconReal *scale, *shift, *mean;
  SupconReal *sum, *product; /* c each, written: sums of dz and of dz (x - mean) */
} SupconNormSums;

/** Makes room for supcon_norm_backward. */
void supcon_norm_reserve (gsize pixels, guint c, SupconWorkspace *workspace);

/** dy is replaced by dz. */
void supcon_norm_backward (
    SupconPrecision precision, gsize pixels, guint c, const SupconNormSums *sums, void *dy, SupconWorkspace *workspace);

/** sums from n parts of them: n x 2 x c, sums and products. */
void supcon_norm_add_partial (guint c, gsize n, const SupconReal *partial, const SupconNormSums *sums);

/** The rest: dx as a function of dz and of sums' x. a, b, d: c each, written, which it refers to. dgamma, dbeta: added
 * to. */
SupconNormInput supcon_norm_gradient (gsize pixels, guint c, const SupconNormSums *sums, const SupconReal *variance,
    const SupconReal *gamma, const void *dz, SupconReal *a, SupconReal *b, SupconReal *d, SupconReal *dgamma,
    SupconReal *dbeta);

#endif
