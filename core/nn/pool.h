/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Pooling, NHWC, of features in some precision. */
#ifndef SUPCON_NN_POOL_H
#define SUPCON_NN_POOL_H

#include "precision.h"
#include "real.h"

/** The output's height or width for an input's, of the 3x3 maximum with stride 2 and padding 1. */
static inline guint
supcon_max_pool_size (guint in)
{
  return (in - 1) / 2 + 1;
}

/** y: n x out x out x c maxima. index (like y, or NULL): the place of each maximum in its window, 0 to 8. */
void supcon_max_pool_forward (SupconPrecision precision, guint n, guint h, guint w, guint c, const void *x,
    guint threads, void *y, guint8 *index);
/** dx: written. */
void supcon_max_pool_backward (SupconPrecision precision, guint n, guint h, guint w, guint c, const void *dy,
    const guint8 *index, guint threads, void *dx);

/** y (n x c): mean over the pixels of each picture, no longer in that precision. */
void supcon_average_pool_forward (
    SupconPrecision precision, guint n, guint pixels, guint c, const void *x, guint threads, SupconReal *y);
/** dx (n x pixels x c): written. */
void supcon_average_pool_backward (
    SupconPrecision precision, guint n, guint pixels, guint c, const SupconReal *dy, guint threads, void *dx);

#endif
