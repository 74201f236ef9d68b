/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/conv_finish.h"

#include "cpu.h"
#include "nn/conv_band.h"
#include "nn/feature.h"

#define MAX_LANES 16
/* Rows so many bytes apart all fall on one set of a level-one cache; more of them than it has ways would push each
 * other out between two of a row's numbers. */
#define SET_BYTES 4096
#define SET_ROWS 7

void
supcon_finish (const SupconFinish *self, const SupconFinishBlock *block)
{
#if defined(SUPCON_HAVE_AMX) && !defined(SUPCON_DOUBLE)
  if (supcon_cpu_has_bf16 ()) {
    supcon_finish_native (self, block);
    return;
  }
#endif
  supcon_finish_plain (self, block);
}

/* What is read or written at the same places: as many arrays as the result says. */
static guint
arrays_of (const SupconFinish *self, const void *arrays[SUPCON_FETCH_RUNS])
{
  const void *added = self->gradient ? self->gradient->add : self->epilogue ? self->epilogue->residual : NULL;
  const SupconNormSums *sums = self->gradient ? self->gradient->sums : NULL;
  guint n = 0;

  arrays[n++] = self->target;
  if (added && added != self->target)
    arrays[n++] = added;
  if (sums)
    arrays[n++] = sums->x;
  if (sums && sums->y)
    arrays[n++] = sums->y;
  return n;
}

static SUPCON_INLINE void
prefetch (const SupconFinish *self, const SupconFinishBlock *block, const gboolean near)
{
  const void *arrays[SUPCON_FETCH_RUNS];
  guint n = arrays_of (self, arrays);
  gsize line = 64 / supcon_feature_size (self->precision);

  for (guint a = 0; a < n; a++)
    for (guint i = 0; i < block->count; i++)
      for (guint channel = 0; channel < block->n; channel += line) {
        const void *x = supcon_feature_at (arrays[a], block->at[i] + block->channel + channel, self->precision);

        if (near)
          __builtin_prefetch (x, 0, 3);
        else
          __builtin_prefetch (x, 0, 2);
      }
}

void
supcon_finish_prefetch (const SupconFinish *self, const SupconFinishBlock *block, gboolean near)
{
  if (near)
    prefetch (self, block, TRUE);
  else
    prefetch (self, block, FALSE);
}

void
supcon_finish_fetch (const SupconFinish *self, gsize first, gsize size, SupconFetchRuns *runs)
{
  const void *arrays[SUPCON_FETCH_RUNS];
  guint n = arrays_of (self, arrays);

  for (guint a = 0; a < n; a++)
    supcon_fetch_add (
        runs, supcon_feature_at (arrays[a], first, self->precision), size * supcon_feature_size (self->precision));
}

void
supcon_finish_products (
    const SupconFinish *self, SupconFinishBlock *block, const SupconTile *product, guint pixels, gsize at)
{
  const SupconTileKernels *kernels = supcon_tile_kernels ();
  guint vectors = product->b_inner / kernels->lanes, most = kernels->max_rows[vectors - 1];
  guint tiles;
  SupconReal c[SUPCON_FINISH_PIXELS * 2 * MAX_LANES];
  SupconTile tile = *product;

  if (product->a_row * sizeof (SupconReal) % SET_BYTES == 0)
    most = MIN (most, SET_ROWS);
  tiles = (pixels + most - 1) / most;
  tile.c = c;
  tile.c_row = product->b_inner;
  block->c = c;
  block->c_row = product->b_inner;
  for (guint t = 0; t < tiles; t++) {
    block->count = supcon_even_piece (pixels, tiles, t);
    for (guint i = 0; i < block->count; i++, at += self->col_stride)
      block->at[i] = at;
    supcon_finish_prefetch (self, block, FALSE);
    kernels->func[vectors - 1](&tile, block->count);
    supcon_finish (self, block);
    block->first = FALSE;
    tile.a += block->count * tile.a_row;
  }
}
