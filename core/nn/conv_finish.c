/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/conv_finish.h"

#include "cpu.h"
#include "nn/feature.h"

#define MAX_LANES 16
/* Rows so many bytes apart all fall on one set of a level-one cache; more of them than it has ways would push each
 * other out between two of a row's numbers. */
#define SET_BYTES 4096
#define SET_ROWS 7

const guint8 supcon_finish_rows[SUPCON_FINISH_PIXELS] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
  18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

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
  block->of = supcon_finish_rows;
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

/* The bands' sums of differences from their pivots and of the squares of these into mean and variance of the batch
 * (Chan, Golub and LeVeque 1979), in the bands' order. A pivot is one of the numbers, so that no digits get lost. */
void
supcon_finish_statistics (const SupconFinish *self, const SupconGrid *grid, guint n)
{
  enum { RUN = 16 }; /* channels that vectors go through together */
  guint channels = self->channels;
  gsize bands = supcon_grid_bands (grid, n);

  for (guint first = 0; first < channels; first += RUN) {
    guint run = MIN (RUN, channels - first);
    double count = 0, mean[RUN] = { 0 }, squares[RUN] = { 0 };

    for (gsize b = 0; b < bands; b++) {
      SupconConvBand band = supcon_grid_band (grid, n, b, channels);
      const SupconReal *pivot = self->pivot + b * channels + first;
      const SupconReal *sum = self->partial + b * 2 * channels + first, *product = sum + channels;
      double size = (double)band.images * band.rows * grid->cols, before = count;

      count += size;
      for (guint c = 0; c < run; c++) {
        double delta = pivot[c] + sum[c] / size - mean[c];
        /* Of equal numbers what is left may be below zero by rounding, and a checkpoint with such a variance is
         * refused. */
        double within = product[c] - sum[c] * (double)sum[c] / size;

        mean[c] += delta * (size / count);
        squares[c] += MAX (within, 0) + delta * delta * (size * before / count);
      }
    }
    for (guint c = 0; c < run; c++) {
      self->epilogue->mean[first + c] = mean[c];
      self->epilogue->variance[first + c] = squares[c] / count;
    }
  }
}
