/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Probabilities of classes over time: what the frames before say of this one. */
#ifndef SUPCON_TRAIN_SMOOTH_H
#define SUPCON_TRAIN_SMOOTH_H

#include "real.h"

#define SUPCON_MAX_MAJORITY 1000

typedef struct _SupconSmoother SupconSmoother;

SupconSmoother *supcon_smoother_new (void);
void supcon_smoother_free (SupconSmoother *smoother);
/** The next frame has nothing to do with those before it. */
void supcon_smoother_reset (SupconSmoother *smoother);

/**
 * Takes a frame's probabilities p of n > 0 classes and replaces them, first by s p_before + (1 - s) p, s = smoothing in
 * [0, 1]; then, with majority > 1, by the share of the last majority frames (<= SUPCON_MAX_MAJORITY) in which that
 * class was the most probable. Classes may be added between calls; a new one had probability 0 before.
 */
void supcon_smoother_take (SupconSmoother *smoother, double smoothing, guint majority, SupconReal *p, guint n);

#endif
