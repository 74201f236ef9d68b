/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What stands between layers and has no weights. */
#ifndef SUPCON_NN_ACTIVATION_H
#define SUPCON_NN_ACTIVATION_H

#include "real.h"

/** x = max (x, 0), in place. */
void supcon_relu_forward (gsize n, SupconReal *x);
/** dy = dy where y > 0 and 0 elsewhere, in place; y: the output of forward. */
void supcon_relu_backward (gsize n, const SupconReal *y, SupconReal *dy);

/** z = w / |w| for each of n rows of dim; norm (n): |w|. A zero row stays zero. z may be w. */
void supcon_normalize_forward (guint n, guint dim, const SupconReal *w, SupconReal *z, SupconReal *norm);
/** dw = (I - z z^T) dz / |w| for each row; dw may be dz. */
void supcon_normalize_backward (
    guint n, guint dim, const SupconReal *z, const SupconReal *norm, const SupconReal *dz, SupconReal *dw);

#endif
