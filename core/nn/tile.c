/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled with TILE_NAME (the variable to define), TILE_BYTES (of a vector) and the rows that fit the registers,
 * TILE_ROWS1 for tiles of one vector and TILE_ROWS2 for tiles of two. */
#include "nn/tile.h"

#define LANES (TILE_BYTES / sizeof (SupconReal))
#define MOST_ROWS 16 /* of any instruction set */

typedef SupconReal Vector __attribute__ ((vector_size (TILE_BYTES), aligned (sizeof (SupconReal)), may_alias));

/* With rows, vectors and whether it fetches constant after inlining, 'sum' is registers alone; with a size that is
 * constant after inlining only, gcc keeps it in memory where there is fetching. */
static inline __attribute__ ((always_inline)) void
tile_product (const SupconTile *tile, const guint rows, const guint vectors, const gboolean fetches)
{
  Vector sum[MOST_ROWS][2];
  gsize a_row = tile->a_row, fetch_step = fetches ? tile->fetch->step : 0;
  const char *fetch = fetches ? tile->fetch->at : NULL;

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
      if (fetches) {
        __builtin_prefetch (fetch, 0, 2);
        fetch += fetch_step;
      }
      a += tile->a_inner;
      b += tile->b_inner;
    }
  }
  if (fetches)
    tile->fetch->at = fetch;

#pragma GCC unroll 32
  for (guint i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (guint j = 0; j < vectors; j++)
      *(Vector *)(tile->c + i * tile->c_row + j * LANES) = sum[i][j];
}

#define ROWS(n)                                                                                                        \
  case n:                                                                                                              \
    if (n <= most)                                                                                                     \
      tile_product (tile, n <= most ? n : 1, vectors, fetches);                                                        \
    break;

static inline __attribute__ ((always_inline)) void
some_rows (const SupconTile *tile, guint rows, const guint vectors, const guint most, const gboolean fetches)
{
  switch (rows) {
    ROWS (1)
    ROWS (2)
    ROWS (3)
    ROWS (4)
    ROWS (5)
    ROWS (6)
    ROWS (7)
    ROWS (8)
    ROWS (9)
    ROWS (10)
    ROWS (11)
    ROWS (12)
    ROWS (13)
    ROWS (14)
    ROWS (15)
    ROWS (16)
  default:
    g_assert_not_reached ();
  }
}

#define TILE_FUNC(vectors)                                                                                             \
  static void tile_##vectors (const SupconTile *tile, guint rows)                                                      \
  {                                                                                                                    \
    if (supcon_fetch_left (tile->fetch))                                                                               \
      some_rows (tile, rows, vectors, TILE_ROWS##vectors, TRUE);                                                       \
    else                                                                                                               \
      some_rows (tile, rows, vectors, TILE_ROWS##vectors, FALSE);                                                      \
  }

TILE_FUNC (1)
TILE_FUNC (2)

const SupconTileKernels TILE_NAME = { G_STRINGIFY (TILE_NAME), LANES, { TILE_ROWS1, TILE_ROWS2 }, { tile_1, tile_2 } };
