/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/activation.h"

#include <math.h>

void
supcon_relu_forward (gsize n, SupconReal *x)
{
  for (gsize i = 0; i < n; i++)
    x[i] = x[i] < 0 ? 0 : x[i];
}

void
supcon_relu_backward (gsize n, const SupconReal *y, SupconReal *dy)
{
  for (gsize i = 0; i < n; i++)
    dy[i] = y[i] > 0 ? dy[i] : 0;
}

void
supcon_normalize_forward (guint n, guint dim, const SupconReal *w, SupconReal *z, SupconReal *norm)
{
  for (guint i = 0; i < n; i++, w += dim, z += dim) {
    double squares = 0;
    SupconReal inverse;

    for (guint k = 0; k < dim; k++)
      squares += (double)w[k] * w[k];
    norm[i] = sqrt (squares);
    inverse = norm[i] > 0 ? 1 / norm[i] : 0;
    for (guint k = 0; k < dim; k++)
      z[k] = w[k] * inverse;
  }
}

void
supcon_normalize_backward (
    guint n, guint dim, const SupconReal *z, const SupconReal *norm, const SupconReal *dz, SupconReal *dw)
{
  for (guint i = 0; i < n; i++, z += dim, dz += dim, dw += dim) {
    SupconReal inverse = norm[i] > 0 ? 1 / norm[i] : 0;
    double along = 0;

    for (guint k = 0; k < dim; k++)
      along += (double)z[k] * dz[k];
    for (guint k = 0; k < dim; k++)
      dw[k] = (dz[k] - (SupconReal)along * z[k]) * inverse;
  }
}
