/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled with TILE_NAME (the variable to define), TILE_BYTES (of a vector) and the rows that fit the registers,
 * TILE_ROWS1 for tiles of one vector and TILE_ROWS2 for tiles of two. */
#include "nn/tile.h"

#define LANES (TILE_BYTES / sizeof (SupconReal))

typedef SupconReal Vector __attribute__ ((vector_size (TILE_BYTES), aligned (sizeof (SupconReal)), may_alias));

/* With rows and vectors constant after inlining, 'sum' is registers alone. */
static inline __attribute__ ((always_inline)) void
tile_product (const SupconTile *tile, const guint rows, const guint vectors)
{
  Vector sum[rows][vectors];
  gsize a_row = tile->a_row;

#pragma GCC unroll 32
  for (guint i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (guint j = 0; j < vectors; j++)
      sum[i][j] = tile->accumulate ? *(const Vector *)(tile->c + i * tile->c_row + j * LANES) : (Vector){ 0 };

  for (gsize o = 0; o < tile->outer; o++) {
    const SupconReal *a = tile->a + o * tile->a_outer, *b = tile->b + o * tile->b_outer;

    for (gsize k = 0; k < tile->inner; k++) {
      Vector b0 = *(const Vector *)b, b1 = vectors > 1 ? *(const Vector *)(b + LANES) : b0;

#pragma GCC unroll 32
      for (guint i = 0; i < rows; i++) {
        sum[i][0] += a[i * a_row] * b0;
        if (vectors > 1)
          sum[i][1] += a[i * a_row] * b1;
      }
      a += tile->a_inner;
      b += tile->b_inner;
    }
  }

#pragma GCC unroll 32
  for (guint i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (guint j = 0; j < vectors; j++)
      *(Vector *)(tile->c + i * tile->c_row + j * LANES) = sum[i][j];
}

#define ROWS(n, vectors)                                                                                               \
  case n:                                                                                                              \
    if (n <= TILE_ROWS##vectors)                                                                                       \
      tile_product (tile, n <= TILE_ROWS##vectors ? n : 1, vectors);                                                   \
    break;

#define TILE_FUNC(vectors)                                                                                             \
  static void tile_##vectors (const SupconTile *tile, guint rows)                                                      \
  {                                                                                                                    \
    switch (rows) {                                                                                                    \
      ROWS (1, vectors)                                                                                                \
      ROWS (2, vectors)                                                                                                \
      ROWS (3, vectors)                                                                                                \
      ROWS (4, vectors)                                                                                                \
      ROWS (5, vectors)                                                                                                \
      ROWS (6, vectors)                                                                                                \
      ROWS (7, vectors)                                                                                                \
      ROWS (8, vectors)                                                                                                \
      ROWS (9, vectors)                                                                                                \
      ROWS (10, vectors)                                                                                               \
      ROWS (11, vectors)                                                                                               \
      ROWS (12, vectors)                                                                                               \
      ROWS (13, vectors)                                                                                               \
      ROWS (14, vectors)                                                                                               \
      ROWS (15, vectors)                                                                                               \
      ROWS (16, vectors)                                                                                               \
    default:                                                                                                           \
      g_assert_not_reached ();                                                                                         \
    }                                                                                                                  \
  }

TILE_FUNC (1)
TILE_FUNC (2)

const SupconTileKernels TILE_NAME = { G_STRINGIFY (TILE_NAME), LANES, { TILE_ROWS1, TILE_ROWS2 }, { tile_1, tile_2 } };
