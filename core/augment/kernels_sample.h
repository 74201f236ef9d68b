/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The loops that take pixels from between pixels, a part of kernels.c. */
#ifndef SUPCON_AUGMENT_KERNELS_SAMPLE_H
#define SUPCON_AUGMENT_KERNELS_SAMPLE_H

#include <string.h>

#include "augment/kernels.h"

/* 1.5 * 2^23: what it leaves of a sum is rounded, a half to even. */
#define ROUNDING 12582912.0f

static void
ramp (double start, double slope, guint n, float *restrict out)
{
  for (guint i = 0; i < n; i++)
    out[i] = (float)(start + (gint32)i * slope);
}

/* The two bytes from each place on. A gather takes four. */
static inline __attribute__ ((always_inline)) void
fetch_pairs (const guint8 *from, const guint32 *at, guint n, guint16 *out)
{
  guint i = 0;

#if defined(__AVX512VBMI__)
  for (; i + 16 <= n; i += 16)
    _mm256_storeu_si256 ((__m256i *)(gpointer)(out + i),
        _mm512_cvtepi32_epi16 (_mm512_i32gather_epi32 (_mm512_loadu_si512 (at + i), from, 1)));
#elif defined(__AVX2__)
  for (; i + 8 <= n; i += 8) {
    __m256i four = _mm256_i32gather_epi32 (
        (const int *)(gconstpointer)from, _mm256_loadu_si256 ((const __m256i *)(gconstpointer)(at + i)), 1);
    __m256i two = _mm256_and_si256 (four, _mm256_set1_epi32 (0xffff));

    _mm_storeu_si128 ((__m128i *)(gpointer)(out + i),
        _mm_packus_epi32 (_mm256_castsi256_si128 (two), _mm256_extracti128_si256 (two, 1)));
  }
#endif
  for (; i < n; i++)
    memcpy (&out[i], from + at[i], 2);
}

/* What makes vectors apart from what does not: places, bytes from there, sums. Two neighbours of a row are one load. */
static void
sample (const guint8 *const *planes, guint n_planes, guint width, guint height, const float *x, const float *y, guint n,
    guint8 *const *out)
{
  enum { RUN = 64 };
  const gint32 last_left = (gint32)MAX (width, 2) - 2, last_top = (gint32)MAX (height, 2) - 2;
  const float last_x = (float)(width - 1), last_y = (float)(height - 1);
  const gsize down = height > 1 ? width : 0;
  float across[RUN], below[RUN];
  guint16 upper[RUN], lower[RUN];
  guint32 at[RUN];

  for (guint first = 0; first < n; first += RUN) {
    guint m = MIN (RUN, n - first);

    for (guint i = 0; i < m; i++) {
      float px = x[first + i], py = y[first + i];
      gint32 left, top;

      px = px > 0.0f ? px : 0.0f;
      px = px < last_x ? px : last_x;
      py = py > 0.0f ? py : 0.0f;
      py = py < last_y ? py : last_y;
      left = (gint32)px;
      left = left < last_left ? left : last_left;
      top = (gint32)py;
      top = top < last_top ? top : last_top;
      across[i] = px - (float)left;
      below[i] = py - (float)top;
      at[i] = (guint32)top * width + (guint32)left;
    }
    for (guint p = 0; p < n_planes; p++) {
      const guint8 *from = planes[p];
      guint8 *restrict to = out[p] + first;

      fetch_pairs (from, at, m, upper);
      fetch_pairs (from + down, at, m, lower);
      for (guint i = 0; i < m; i++) {
        guint16 u = GUINT16_FROM_LE (upper[i]), l = GUINT16_FROM_LE (lower[i]);
        float a = (float)(u & 255), c = (float)(l & 255);
        float above = a + across[i] * ((float)(u >> 8) - a), under = c + across[i] * ((float)(l >> 8) - c);

        to[i] = (guint8)(gint32)(above + below[i] * (under - above) + ROUNDING - ROUNDING);
      }
    }
  }
}

#undef ROUNDING

#endif
