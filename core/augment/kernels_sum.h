/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Loops that sum in float32, a part of kernels.c. */
#ifndef SUPCON_AUGMENT_KERNELS_SUM_H
#define SUPCON_AUGMENT_KERNELS_SUM_H

#include <string.h>

#include "augment/kernels.h"

static void
add_bytes (const guint8 *restrict bytes, gsize n, float weight, float *restrict sums)
{
  for (gsize i = 0; i < n; i++)
    sums[i] += weight * bytes[i];
}

static void
add_floats (const float *restrict in, gsize n, float weight, float *restrict sums)
{
  for (gsize i = 0; i < n; i++)
    sums[i] += weight * in[i];
}

/* One of R', G' and B' by its row of a SupconChroma's matrix. */
static void
convert_plane (const float matrix[3], const float offset[3], const guint8 *y, const guint8 *cb, const guint8 *cr,
    guint n, guint8 *restrict out)
{
  float by_y = matrix[0], by_cb = matrix[1], by_cr = matrix[2], y0 = offset[0], cb0 = offset[1], cr0 = offset[2];

  for (guint i = 0; i < n; i++) {
    float value = by_y * (y[i] - y0) + by_cb * (cb[i] - cb0) + by_cr * (cr[i] - cr0) + 0.5f;

    value = value > 0.0f ? value : 0.0f;
    value = value < 255.0f ? value : 255.0f;
    out[i] = (guint8)(gint32)value;
  }
}

/* The logarithm of x > 0 to 1e-6: exponent and a series in (m - 1) / (m + 1), m the mantissa from sqrt(1/2) to sqrt(2);
 * loops over it make vectors. */
static inline __attribute__ ((always_inline)) float
fast_log (float x)
{
  guint32 bits;
  gint32 exponent;
  float m, t, t2;

  memcpy (&bits, &x, sizeof bits);
  exponent = (gint32)(bits - 0x3f3504f3u) >> 23;
  bits -= (guint32)exponent << 23;
  memcpy (&m, &bits, sizeof m);
  t = (m - 1.0f) / (m + 1.0f);
  t2 = t * t;
  return exponent * 0.69314718f
         + 2.0f * t * (1.0f + t2 * (0.33333333f + t2 * (0.2f + t2 * (0.14285714f + t2 * 0.11111111f))));
}

static void
bend (float point_x, float y2, float weight_x, float weight_y, guint width, float *restrict x, float *restrict y)
{
  for (guint i = 0; i < width; i++) {
    float d = i - point_x, r2 = d * d + y2, phi;

    r2 = r2 < (float)SUPCON_WARP_SMALLEST ? (float)SUPCON_WARP_SMALLEST : r2;
    phi = 0.5f * r2 * fast_log (r2);
    x[i] -= weight_x * phi;
    y[i] -= weight_y * phi;
  }
}

#endif
