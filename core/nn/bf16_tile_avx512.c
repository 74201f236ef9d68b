/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AVX-512 BF16: up to twelve of the rows that are wanted, of 16 columns, or eight of 32, in registers. */
#include "nn/bf16_tile.h"

#include <immintrin.h>

/* Rows of tiles of one vector and of two: their sums hide the latency of a product at two a cycle, and their rows'
 * addresses stay in registers. */
#define ROWS1 12
#define ROWS2 8

static void
nothing (void)
{
}

/* Rows of[0] and up; with their number, that of the columns' vectors and whether it fetches constant, 'sum' is
 * registers alone. */
static SUPCON_INLINE void
rows_product (const SupconBf16Tile *tile, const guint8 *of, const guint rows, const guint cols, const gboolean fetches)
{
  __m512 sum[ROWS1][2];
  const SupconBfloat16 *b = tile->b, *a[ROWS1];
  const char *fetch = fetches ? tile->fetch->at : NULL;
  gsize fetch_step = fetches ? tile->fetch->step : 0;

#pragma GCC unroll 12
  for (guint i = 0; i < rows; i++) {
    a[i] = tile->a + of[i] * tile->a_row;
#pragma GCC unroll 2
    for (guint j = 0; j < cols; j++)
      sum[i][j] = tile->accumulate ? _mm512_loadu_ps (tile->c + of[i] * tile->c_row + j * 16) : _mm512_setzero_ps ();
  }
  for (guint o = 0; o < tile->outer; o++) {
    gsize end = tile->a_outer[o] + tile->terms;

    for (gsize k = tile->a_outer[o]; k < end; k += 2, b += 32 * cols) {
      __m512bh b0 = (__m512bh)_mm512_loadu_si512 (b), b1 = (__m512bh)_mm512_loadu_si512 (b + 32 * (cols - 1));

      if (fetches) {
        __builtin_prefetch (fetch, 0, 2);
        fetch += fetch_step;
      }
#pragma GCC unroll 12
      for (guint i = 0; i < rows; i++) {
        gint32 pair;
        __m512bh both;

        memcpy (&pair, a[i] + k, sizeof pair);
        both = (__m512bh)_mm512_set1_epi32 (pair);
        sum[i][0] = _mm512_dpbf16_ps (sum[i][0], both, b0);
        if (cols > 1)
          sum[i][1] = _mm512_dpbf16_ps (sum[i][1], both, b1);
      }
    }
    b += (tile->inner * SUPCON_BF16_STEP - tile->terms) * SUPCON_BF16_BLOCK * cols;
  }
  if (fetches)
    tile->fetch->at = fetch;
#pragma GCC unroll 12
  for (guint i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (guint j = 0; j < cols; j++)
      _mm512_storeu_ps (tile->c + of[i] * tile->c_row + j * 16, sum[i][j]);
}

static SUPCON_INLINE void
some_rows (const SupconBf16Tile *tile, const guint8 *of, guint rows, const guint cols, const gboolean fetches)
{
#define CASE(n)                                                                                                        \
  case n:                                                                                                              \
    if (n <= (cols > 1 ? ROWS2 : ROWS1))                                                                               \
      rows_product (tile, of, n, cols, fetches);                                                                       \
    break;
  switch (rows) {
    CASE (1)
    CASE (2)
    CASE (3)
    CASE (4)
    CASE (5)
    CASE (6)
    CASE (7)
    CASE (8)
    CASE (9)
    CASE (10)
    CASE (11)
    CASE (12)
  }
}

static void
product (const SupconBf16Tile *tile)
{
  static const guint8 all[2 * SUPCON_BF16_BLOCK] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
    19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };
  const guint8 *of = tile->wanted ? tile->wanted : all;
  guint n = tile->wanted ? tile->n_wanted : tile->rows * SUPCON_BF16_BLOCK, most = tile->cols > 1 ? ROWS2 : ROWS1;
  guint pieces = (n + most - 1) / most;

  for (guint i = 0; i < pieces; i++) {
    guint rows = n / pieces + (i < n % pieces);

    if (supcon_fetch_left (tile->fetch)) {
      if (tile->cols > 1)
        some_rows (tile, of, rows, 2, TRUE);
      else
        some_rows (tile, of, rows, 1, TRUE);
    } else if (tile->cols > 1)
      some_rows (tile, of, rows, 2, FALSE);
    else
      some_rows (tile, of, rows, 1, FALSE);
    of += rows;
  }
}

const SupconBf16Kernels supcon_bf16_avx512 = { "avx512", ROWS2, nothing, nothing, product };
