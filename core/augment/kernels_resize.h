/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The loops of the resize, a part of kernels.c. PIL's arithmetic: weights of 22 bits, sums of 32, a byte between the
 * two directions; whatever the instruction set, the bytes are PIL's.
 */
#ifndef SUPCON_AUGMENT_KERNELS_RESIZE_H
#define SUPCON_AUGMENT_KERNELS_RESIZE_H

#include <math.h>
#include <string.h>

#include "augment/kernels.h"

#define HALF (1 << (SUPCON_RESIZE_BITS - 1))

static inline __attribute__ ((always_inline)) double
weight_at (gboolean bicubic, double x)
{
  double near, far;

  x = fabs (x);
  if (!bicubic)
    return x < 1.0 ? 1.0 - x : 0.0;
  near = (1.5 * x - 2.5) * x * x + 1.0;
  far = (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5;
  far = x < 2.0 ? far : 0.0;
  return x < 1.0 ? near : far;
}

/* By taps outside and outputs inside, so that it makes vectors. */
static inline __attribute__ ((always_inline)) void
weigh_by (gboolean bicubic, double start, double scale, const guint *restrict first, const guint *restrict count,
    guint n, guint taps, double *restrict room, gint32 *restrict weights)
{
  double inverse = 1.0 / (scale > 1.0 ? scale : 1.0), *centres = room, *totals = room + n,
         *values = room + 2 * (gsize)n;

  for (guint i = 0; i < n; i++) {
    centres[i] = start + ((gint32)i + 0.5) * scale;
    totals[i] = 0;
  }
  for (guint k = 0; k < taps; k++)
    for (guint i = 0; i < n; i++) {
      double value = weight_at (bicubic, ((gint32)(first[i] + k) - centres[i] + 0.5) * inverse);

      value = k < count[i] ? value : 0.0;
      values[(gsize)k * n + i] = value;
      totals[i] += value;
    }
  for (guint k = 0; k < taps; k++)
    for (guint i = 0; i < n; i++) {
      double value = values[(gsize)k * n + i] / totals[i] * (1 << SUPCON_RESIZE_BITS);

      weights[(gsize)k * n + i] = (gint32)(value + (value < 0 ? -0.5 : 0.5));
    }
}

static void
weigh (gboolean bicubic, double start, double scale, const guint *first, const guint *count, guint n, guint taps,
    double *room, gint32 *weights)
{
  if (bicubic)
    weigh_by (TRUE, start, scale, first, count, n, taps, room, weights);
  else
    weigh_by (FALSE, start, scale, first, count, n, taps, room, weights);
}

static inline guint8
to_byte (gint32 sum)
{
  sum >>= SUPCON_RESIZE_BITS;
  return (guint8)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* Aligned to 64 bytes: loads that straddle lines of the cache take twice as long. */
static inline guint8 *
reserve_table (SupconAcross *plan, gsize size)
{
  if (plan->table_size < size) {
    g_free (plan->table);
    plan->table = g_malloc ((plan->table_size = size) + 63);
  }
  return plan->table + (-(guintptr)plan->table & 63);
}

/* Bytes from i to end of a row. Where a pixel has fewer taps than most, the last weights are 0, and their bytes may lie
 * beyond what can be read. */
static inline void
across_plain (const SupconAcross *plan, const guint8 *row, gsize readable, guint i, guint end, guint8 *out)
{
  for (; i < end; i++) {
    const gint32 *weights = plan->weights + (gsize)(i / plan->channels) * plan->stride;
    const guint8 *in = row + plan->offsets[i];
    guint taps = plan->taps;
    gint32 sum = HALF;

    while (plan->offsets[i] + (gsize)(taps - 1) * plan->step >= readable)
      taps--;
    for (guint k = 0; k < taps; k++)
      sum += weights[k] * in[k * plan->step];
    out[i] = to_byte (sum);
  }
}

#if defined(__AVX512VBMI__) && defined(__AVX512VNNI__)
#include "augment/kernels_resize_avx512.h"
#elif defined(__AVX2__)
#include "augment/kernels_resize_avx2.h"
#else

static void
plan_across (G_GNUC_UNUSED SupconAcross *plan)
{
}

static void
across (const SupconAcross *plan, guint n_rows, const guint8 *row, gsize stride, gsize readable, guint8 *out,
    gsize out_stride)
{
  for (guint r = 0; r < n_rows; r++)
    across_plain (plan, row + r * stride, readable - r * stride, 0, plan->n, out + r * out_stride);
}

static void
down (const guint8 *const *rows, const gint32 *weights, guint n_rows, gsize n, guint8 *restrict out)
{
  enum { BLOCK = 64 };

  for (gsize i = 0; i < n; i += BLOCK) {
    gint32 sums[BLOCK];
    guint8 bytes[BLOCK];

    for (guint k = 0; k < BLOCK; k++)
      sums[k] = HALF;
    for (guint row = 0; row < n_rows; row++)
      for (guint k = 0; k < BLOCK; k++)
        sums[k] += weights[row] * rows[row][i + k];
    for (guint k = 0; k < BLOCK; k++)
      bytes[k] = to_byte (sums[k]);
    memcpy (out + i, bytes, MIN (BLOCK, n - i));
  }
}

#endif

#undef HALF

#endif
