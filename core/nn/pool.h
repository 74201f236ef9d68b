/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Pooling, NHWC. */
#ifndef SUPCON_NN_POOL_H
#define SUPCON_NN_POOL_H

#include "real.h"

/** The output's height or width for an input's, of the 3x3 maximum with stride 2 and padding 1. */
static inline guint
supcon_max_pool_size (guint in)
{
  return (in - 1) / 2 + 1;
}

/** y: n x out x out x c maxima. index (like y, or NULL): the place of each maximum in its window, 0 to 8. */
void supcon_max_pool_forward (
    guint n, guint h, guint w, guint c, const SupconReal *x, guint threads, SupconReal *y, guint8 *index);
/** dx: written. */
void supcon_max_pool_backward (
    guint n, guint h, guint w, guint c, const SupconReal *dy, const guint8 *index, guint threads, SupconReal *dx);

/** y (n x c): mean over the pixels of each picture. */
void supcon_average_pool_forward (guint n, guint pixels, guint c, const SupconReal *x, guint threads, SupconReal *y);
/** dx (n x pixels x c): written. */
void supcon_average_pool_backward (guint n, guint pixels, guint c, const SupconReal *dy, guint threads, SupconReal *dx);

#endif
