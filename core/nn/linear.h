/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The fully connected layer, as torch.nn.Linear: w is out x in, b is out. */
#ifndef SUPCON_NN_LINEAR_H
#define SUPCON_NN_LINEAR_H

#include "real.h"

/** y (n x out) = x (n x in) w^T + b. */
void supcon_linear_forward (guint n, guint in, guint out, const SupconReal *x, const SupconReal *w, const SupconReal *b,
    guint threads, SupconReal *y);
/** dx (n x in) = dy w. */
void supcon_linear_backward_input (
    guint n, guint in, guint out, const SupconReal *dy, const SupconReal *w, guint threads, SupconReal *dx);
/** dw += dy^T x, db += the sum of dy's rows. */
void supcon_linear_backward_weights (guint n, guint in, guint out, const SupconReal *x, const SupconReal *dy,
    guint threads, SupconReal *dw, SupconReal *db);

#endif
