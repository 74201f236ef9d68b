/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AVX-512 BF16: eight rows of 16 or 32 columns in registers. */
#include "nn/bf16_tile.h"

#include <immintrin.h>

#define ROWS 8

static void
nothing (void)
{
}

static SUPCON_INLINE void
rows_product (const SupconBf16Tile *tile, guint first, const guint cols)
{
  __m512 sum[ROWS][2];
  const SupconBfloat16 *b = tile->b;
  float *c = tile->c + first * tile->c_row;

#pragma GCC unroll 8
  for (guint i = 0; i < ROWS; i++)
#pragma GCC unroll 2
    for (guint j = 0; j < cols; j++)
      sum[i][j] = tile->accumulate ? _mm512_loadu_ps (c + i * tile->c_row + j * 16) : _mm512_setzero_ps ();
  for (guint o = 0; o < tile->outer; o++) {
    const SupconBfloat16 *a = tile->a + tile->a_outer[o] + first * tile->a_row;

    for (gsize k = 0; k < (gsize)tile->inner * SUPCON_BF16_STEP; k += 2, b += 32 * cols) {
      __m512bh b0 = (__m512bh)_mm512_loadu_si512 (b), b1 = (__m512bh)_mm512_loadu_si512 (b + 32 * (cols - 1));

#pragma GCC unroll 8
      for (guint i = 0; i < ROWS; i++) {
        gint32 pair;
        __m512bh both;

        memcpy (&pair, a + i * tile->a_row + k, sizeof pair);
        both = (__m512bh)_mm512_set1_epi32 (pair);
        sum[i][0] = _mm512_dpbf16_ps (sum[i][0], both, b0);
        if (cols > 1)
          sum[i][1] = _mm512_dpbf16_ps (sum[i][1], both, b1);
      }
    }
  }
#pragma GCC unroll 8
  for (guint i = 0; i < ROWS; i++)
#pragma GCC unroll 2
    for (guint j = 0; j < cols; j++)
      _mm512_storeu_ps (c + i * tile->c_row + j * 16, sum[i][j]);
}

static void
product (const SupconBf16Tile *tile)
{
  for (guint first = 0; first < tile->rows * SUPCON_BF16_BLOCK; first += ROWS) {
    if (tile->cols > 1)
      rows_product (tile, first, 2);
    else
      rows_product (tile, first, 1);
  }
}

const SupconBf16Kernels supcon_bf16_avx512 = { "avx512", nothing, nothing, product };
