/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/conv_finish.h"

#include "nn/conv_band.h"
#include "nn/feature.h"
#include "simd.h"

#define MAX_LANES 16
/* Rows so many bytes apart all fall on one set of a level-one cache; more of them than it has ways would push each
 * other out between two of a row's numbers. */
#define SET_BYTES 4096
#define SET_ROWS 7

typedef enum { STORE, STATISTICS, SCALE, GRADIENT, GRADIENT_SUMS, GRADIENT_MASK_Y, GRADIENT_MASK_X } Kind;

static SUPCON_INLINE void
load (SupconLanes *to, const SupconReal *x, gsize i, guint n)
{
  supcon_lanes_load (to, x, i, n, SUPCON_PRECISION_FLOAT32);
}

static SUPCON_INLINE void
store (const SupconLanes *from, SupconReal *x, gsize i, guint n)
{
  supcon_lanes_store (from, x, i, n, SUPCON_PRECISION_FLOAT32);
}

/* n <= 16 channels from 'channel' on. */
static SUPCON_INLINE void
finish_channels (const SupconFinish *self, const SupconFinishBlock *block, guint channel, guint n, const Kind kind,
    const gboolean add, const SupconPrecision precision)
{
  const gboolean sums = kind == STATISTICS || kind >= GRADIENT_SUMS;
  const SupconNormSums *norm = kind >= GRADIENT_SUMS ? self->gradient->sums : NULL;
  const void *added = kind == SCALE ? self->epilogue->residual : kind >= GRADIENT ? self->gradient->add : NULL;
  const SupconReal *c = block->c + (channel - block->channel);
  SupconReal *partial = sums ? self->partial + block->band * 2 * self->channels : NULL;
  SupconLanes scale, shift, pivot, sum = { 0 }, product = { 0 };

  if (kind == SCALE && self->epilogue->scale) {
    load (&scale, self->epilogue->scale, channel, n);
    load (&shift, self->epilogue->shift, channel, n);
  } else if (kind == SCALE) {
    scale = (SupconLanes){ 0 } + 1;
    shift = (SupconLanes){ 0 };
  } else if (kind == GRADIENT_MASK_X) {
    load (&scale, norm->scale, channel, n);
    load (&shift, norm->shift, channel, n);
  }
  if (kind == STATISTICS && block->first) {
    load (&pivot, c, 0, n);
    store (&pivot, self->pivot, block->band * self->channels + channel, n);
  } else if (kind == STATISTICS) {
    load (&pivot, self->pivot, block->band * self->channels + channel, n);
  } else if (sums) {
    load (&pivot, norm->mean, channel, n);
  }
  if (sums && !block->first) {
    load (&sum, partial, channel, n);
    load (&product, partial, self->channels + channel, n);
  }
  for (guint i = 0; i < block->count; i++) {
    SupconLanes value, other, x;
    gsize to = block->at[i] + channel;

    load (&value, c, i * block->c_row, n);
    if (kind == SCALE)
      value = value * scale + shift;
    if (add) {
      supcon_lanes_load (&other, added, to, n, precision);
      value += other;
    }
    if (kind == SCALE && self->epilogue->relu)
      supcon_lanes_relu (&value);
    if (kind >= GRADIENT_SUMS)
      supcon_lanes_load (&x, norm->x, to, n, precision);
    if (kind == GRADIENT_MASK_Y)
      supcon_lanes_load (&other, norm->y, to, n, precision);
    if (kind == GRADIENT_MASK_X)
      other = x * scale + shift;
    if (kind >= GRADIENT_MASK_Y)
      supcon_lanes_relu_backward (&value, &other);
    if (sums && precision == SUPCON_PRECISION_BFLOAT16)
      supcon_lanes_round (&value);
    supcon_lanes_store (&value, self->target, to, n, precision);
    if (kind == STATISTICS) {
      value -= pivot;
      sum += value;
      product += value * value;
    } else if (sums) {
      sum += value;
      product += value * (x - pivot);
    }
  }
  if (sums) {
    store (&sum, partial, channel, n);
    store (&product, partial, self->channels + channel, n);
  }
}

static SUPCON_INLINE void
finish (const SupconFinish *self, const SupconFinishBlock *block, const Kind kind, const gboolean add,
    const SupconPrecision precision)
{
  guint end = block->channel + block->n, channel = block->channel;

  for (; channel + SUPCON_LANES <= end; channel += SUPCON_LANES)
    finish_channels (self, block, channel, SUPCON_LANES, kind, add, precision);
  if (channel < end)
    finish_channels (self, block, channel, end - channel, kind, add, precision);
}

static SUPCON_INLINE void
finish_block (const SupconFinish *self, const SupconFinishBlock *block, const SupconPrecision precision)
{
  const SupconConvTarget *gradient = self->gradient;

  if (gradient) {
    const SupconNormSums *sums = gradient->sums;

    if (!sums && gradient->add)
      finish (self, block, GRADIENT, TRUE, precision);
    else if (!sums)
      finish (self, block, GRADIENT, FALSE, precision);
    else if (sums->y && gradient->add)
      finish (self, block, GRADIENT_MASK_Y, TRUE, precision);
    else if (sums->y)
      finish (self, block, GRADIENT_MASK_Y, FALSE, precision);
    else if (sums->scale && gradient->add)
      finish (self, block, GRADIENT_MASK_X, TRUE, precision);
    else if (sums->scale)
      finish (self, block, GRADIENT_MASK_X, FALSE, precision);
    else
      finish (self, block, GRADIENT_SUMS, gradient->add != NULL, precision);
  } else if (self->partial) {
    finish (self, block, STATISTICS, FALSE, precision);
  } else if (!self->epilogue) {
    finish (self, block, STORE, FALSE, precision);
  } else if (self->epilogue->residual) {
    finish (self, block, SCALE, TRUE, precision);
  } else {
    finish (self, block, SCALE, FALSE, precision);
  }
}

SUPCON_MULTIVERSION void
supcon_finish (const SupconFinish *self, const SupconFinishBlock *block)
{
  if (self->precision == SUPCON_PRECISION_BFLOAT16)
    finish_block (self, block, SUPCON_PRECISION_BFLOAT16);
  else
    finish_block (self, block, SUPCON_PRECISION_FLOAT32);
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
      for (guint channel = 0; channel < block->n; channel += line)
        __builtin_prefetch (
            supcon_feature_at (arrays[a], block->at[i] + block->channel + channel, self->precision), 0, near ? 3 : 2);
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
