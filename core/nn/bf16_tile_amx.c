/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AMX (Intel SDM volume 1, chapter 18): tiles 0 to 3 hold c, 4 and 5 a's blocks, 6 and 7 b's. What passes is loaded
 * with the hint to leave the nearest cache to the rest. */
#include "nn/bf16_tile.h"

#include <immintrin.h>

static void
begin (void)
{
#define ALL(x)                                                                                                         \
  {                                                                                                                    \
    x, x, x, x, x, x, x, x                                                                                             \
  }
  static const struct {
    guint8 palette, start_row, reserved[14];
    guint16 row_bytes[16];
    guint8 rows[16];
  } config = { 1, 0, { 0 }, ALL (64), ALL (SUPCON_BF16_BLOCK) };

  _tile_loadconfig (&config);
}

static void
end (void)
{
  _tile_release ();
}

#define LOAD(number, from, row, passes)                                                                                \
  if (passes)                                                                                                          \
    _tile_stream_loadd (number, from, row);                                                                            \
  else                                                                                                                 \
    _tile_loadd (number, from, row);

/* Asks for the lines from 'at' on that begin within so many bytes; gives back where the next one is. */
static SUPCON_INLINE const char *
fetch_lines (const char *at, const char *end, gsize bytes)
{
  const char *stop = MIN (end, at + bytes);

  for (; at < stop; at += SUPCON_FETCH_LINE)
    __builtin_prefetch (at, 0, 2);
  return at;
}

static SUPCON_INLINE void
product_of (const SupconBf16Tile *tile, const guint rows, const guint cols, const SupconBf16Passing passing,
    const gboolean fetches)
{
  const gsize a_row = tile->a_row * sizeof *tile->a, b_row = cols * 64, c_row = tile->c_row * sizeof *tile->c;
  const gsize below = SUPCON_BF16_BLOCK * tile->a_row;
  const SupconBfloat16 *b = tile->b;
  const char *at = fetches ? tile->fetch->at : NULL, *end = fetches ? tile->fetch->end : NULL;
  const gsize bytes = fetches ? tile->fetch->step * SUPCON_BF16_STEP / 2 : 0;
  float *c0 = tile->c, *c2 = tile->c + SUPCON_BF16_BLOCK * tile->c_row;

  if (tile->accumulate) {
    _tile_loadd (0, c0, c_row);
    if (cols > 1)
      _tile_loadd (1, c0 + SUPCON_BF16_BLOCK, c_row);
    if (rows > 1)
      _tile_loadd (2, c2, c_row);
    if (rows > 1 && cols > 1)
      _tile_loadd (3, c2 + SUPCON_BF16_BLOCK, c_row);
  } else {
    _tile_zero (0);
    _tile_zero (1);
    _tile_zero (2);
    _tile_zero (3);
  }
  for (guint o = 0; o < tile->outer; o++) {
    const SupconBfloat16 *a = tile->a + tile->a_outer[o];

    for (guint k = 0; k < tile->inner; k++, a += SUPCON_BF16_STEP, b += SUPCON_BF16_BLOCK * cols * 32) {
      if (fetches)
        at = fetch_lines (at, end, bytes);
      LOAD (6, b, b_row, passing == SUPCON_BF16_B_PASSES)
      LOAD (4, a, a_row, passing == SUPCON_BF16_A_PASSES)
      _tile_dpbf16ps (0, 4, 6);
      if (cols > 1) {
        LOAD (7, b + 32, b_row, passing == SUPCON_BF16_B_PASSES)
        _tile_dpbf16ps (1, 4, 7);
      }
      if (rows > 1) {
        LOAD (5, a + below, a_row, passing == SUPCON_BF16_A_PASSES)
        _tile_dpbf16ps (2, 5, 6);
      }
      if (rows > 1 && cols > 1)
        _tile_dpbf16ps (3, 5, 7);
    }
  }
  if (fetches)
    tile->fetch->at = at;
  _tile_stored (0, c0, c_row);
  if (cols > 1)
    _tile_stored (1, c0 + SUPCON_BF16_BLOCK, c_row);
  if (rows > 1)
    _tile_stored (2, c2, c_row);
  if (rows > 1 && cols > 1)
    _tile_stored (3, c2 + SUPCON_BF16_BLOCK, c_row);
}

static SUPCON_INLINE void
product_by (const SupconBf16Tile *tile, const SupconBf16Passing passing, const gboolean fetches)
{
  if (tile->rows > 1 && tile->cols > 1)
    product_of (tile, 2, 2, passing, fetches);
  else if (tile->rows > 1)
    product_of (tile, 2, 1, passing, fetches);
  else if (tile->cols > 1)
    product_of (tile, 1, 2, passing, fetches);
  else
    product_of (tile, 1, 1, passing, fetches);
}

static void
product (const SupconBf16Tile *tile)
{
  if (supcon_fetch_left (tile->fetch))
    product_by (tile, SUPCON_BF16_B_PASSES, TRUE);
  else if (tile->passing == SUPCON_BF16_B_PASSES)
    product_by (tile, SUPCON_BF16_B_PASSES, FALSE);
  else if (tile->passing == SUPCON_BF16_A_PASSES)
    product_by (tile, SUPCON_BF16_A_PASSES, FALSE);
  else
    product_by (tile, SUPCON_BF16_NONE_PASSES, FALSE);
}

const SupconBf16Kernels supcon_bf16_amx = { "amx", 2 * SUPCON_BF16_BLOCK, begin, end, product };
