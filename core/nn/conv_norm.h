/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Convolutions between batch normalisations, in training: nn/conv.h's passes with inputs that are normalised as they
 * are read, and with the next normalisation's gradient taken as theirs by input is written. Nothing else passes over
 * memory.
 */
#ifndef SUPCON_NN_CONV_NORM_H
#define SUPCON_NN_CONV_NORM_H

#include "nn/conv.h"
#include "nn/norm.h"

/** Makes room for all of these, as supcon_conv_reserve. */
void supcon_conv_norm_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace);

/** y with each channel's mean and biased variance. */
void supcon_conv_norm_forward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconReal *packed,
    SupconReal *mean, SupconReal *variance, SupconWorkspace *workspace, void *y);

/** What becomes of the gradient by x. */
typedef struct {
  void *dx;
  const void *add;            /* like dx, and may be it: added; or NULL */
  const SupconNormSums *sums; /* of the normalisation that made x, whose dz dx becomes; or NULL */
} SupconConvTarget;

/** Gradients: dw is added to; that by x goes to the target, which may be NULL. */
void supcon_conv_norm_backward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace, SupconReal *dw);

#endif
