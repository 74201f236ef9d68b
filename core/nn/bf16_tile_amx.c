/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AMX (Intel SDM volume 1, chapter 18): tiles 0 to 3 hold c, 4 and 5 a's blocks, 6 and 7 b's. */
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

static SUPCON_INLINE void
product_of (const SupconBf16Tile *tile, const guint rows, const guint cols)
{
  const gsize a_row = tile->a_row * sizeof *tile->a, b_row = cols * 64, c_row = tile->c_row * sizeof *tile->c;
  const gsize below = SUPCON_BF16_BLOCK * tile->a_row;
  const SupconBfloat16 *b = tile->b;
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
      _tile_loadd (6, b, b_row);
      _tile_loadd (4, a, a_row);
      _tile_dpbf16ps (0, 4, 6);
      if (cols > 1) {
        _tile_loadd (7, b + 32, b_row);
        _tile_dpbf16ps (1, 4, 7);
      }
      if (rows > 1) {
        _tile_loadd (5, a + below, a_row);
        _tile_dpbf16ps (2, 5, 6);
      }
      if (rows > 1 && cols > 1)
        _tile_dpbf16ps (3, 5, 7);
    }
  }
  _tile_stored (0, c0, c_row);
  if (cols > 1)
    _tile_stored (1, c0 + SUPCON_BF16_BLOCK, c_row);
  if (rows > 1)
    _tile_stored (2, c2, c_row);
  if (rows > 1 && cols > 1)
    _tile_stored (3, c2 + SUPCON_BF16_BLOCK, c_row);
}

static void
product (const SupconBf16Tile *tile)
{
  if (tile->rows > 1 && tile->cols > 1)
    product_of (tile, 2, 2);
  else if (tile->rows > 1)
    product_of (tile, 2, 1);
  else if (tile->cols > 1)
    product_of (tile, 1, 2);
  else
    product_of (tile, 1, 1);
}

const SupconBf16Kernels supcon_bf16_amx = { "amx", begin, end, product };
