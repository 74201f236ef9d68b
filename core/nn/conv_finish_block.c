/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a block's sums: compiled once for what SUPCON_MULTIVERSION knows, and once for AVX-512 BF16, which
 * rounds by itself. FINISH_NAME: that of its function. */
#include "nn/conv_finish.h"
#include "nn/feature.h"
#include "simd.h"

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

/* Channels in one vector of n <= 16, or in two of 16. */
static SUPCON_INLINE void
finish_channels (const SupconFinish *self, const SupconFinishBlock *block, guint channel, const guint vectors, guint n,
    const Kind kind, const gboolean add, const SupconPrecision precision)
{
  const gboolean sums = kind == STATISTICS || kind >= GRADIENT_SUMS, relu = kind == SCALE && self->epilogue->relu;
  const SupconNormSums *norm = kind >= GRADIENT_SUMS ? self->gradient->sums : NULL;
  const SupconReal *scales = kind == SCALE ? self->epilogue->scale : kind == GRADIENT_MASK_X ? norm->scale : NULL;
  const SupconReal *shifts = kind == SCALE ? self->epilogue->shift : kind == GRADIENT_MASK_X ? norm->shift : NULL;
  /* What a loop that stores vectors, which may be of any type, would read anew with each of them. */
  const void *norm_x = norm ? norm->x : NULL, *norm_y = norm ? norm->y : NULL;
  const void *added = kind == SCALE ? self->epilogue->residual : kind >= GRADIENT ? self->gradient->add : NULL;
  const SupconReal *c = block->c + (channel - block->channel);
  const gsize c_row = block->c_row, ahead = block->ahead;
  const guint count = block->count;
  void *target = self->target;
  SupconReal *partial = sums ? self->partial + block->band * 2 * self->channels : NULL;
  SupconReal *pivots = kind == STATISTICS ? self->pivot + block->band * self->channels : NULL;
  SupconLanes scale[2], shift[2], pivot[2], sum[2] = { { 0 } }, product[2] = { { 0 } };

#pragma GCC unroll 2
  for (guint v = 0; v < vectors; v++) {
    guint at = channel + v * SUPCON_LANES;

    scale[v] = (SupconLanes){ 0 } + 1;
    shift[v] = (SupconLanes){ 0 };
    if (scales) {
      load (&scale[v], scales, at, n);
      load (&shift[v], shifts, at, n);
    }
    if (kind == STATISTICS && block->first) {
      load (&pivot[v], c, block->of[0] * c_row + v * SUPCON_LANES, n);
      store (&pivot[v], pivots, at, n);
    } else if (sums) {
      load (&pivot[v], kind == STATISTICS ? pivots : norm->mean, at, n);
    }
    if (sums && !block->first) {
      load (&sum[v], partial, at, n);
      load (&product[v], partial, self->channels + at, n);
    }
  }
  for (guint i = 0; i < count; i++) {
    gsize to = block->at[i] + channel;
    SupconLanes out[2];

    if (ahead) {
      __builtin_prefetch (supcon_feature_at (target, to + ahead, precision), 0, 2);
      if (add && added != target)
        __builtin_prefetch (supcon_feature_at (added, to + ahead, precision));
      if (kind >= GRADIENT_SUMS)
        __builtin_prefetch (supcon_feature_at (norm_x, to + ahead, precision));
      if (kind == GRADIENT_MASK_Y)
        __builtin_prefetch (supcon_feature_at (norm_y, to + ahead, precision));
    }
#pragma GCC unroll 2
    for (guint v = 0; v < vectors; v++) {
      gsize at = to + v * SUPCON_LANES;
      SupconLanes value, other, x;

      load (&value, c, block->of[i] * c_row + v * SUPCON_LANES, n);
      if (kind == SCALE)
        value = value * scale[v] + shift[v];
      if (add) {
        supcon_lanes_load (&other, added, at, n, precision);
        value += other;
      }
      if (relu)
        supcon_lanes_relu (&value);
      if (kind >= GRADIENT_SUMS)
        supcon_lanes_load (&x, norm_x, at, n, precision);
      if (kind == GRADIENT_MASK_Y)
        supcon_lanes_load (&other, norm_y, at, n, precision);
      if (kind == GRADIENT_MASK_X)
        other = x * scale[v] + shift[v];
      if (kind >= GRADIENT_MASK_Y)
        supcon_lanes_relu_backward (&value, &other);
      if (sums && precision == SUPCON_PRECISION_BFLOAT16)
        supcon_lanes_round (&value);
      out[v] = value;
      if (kind == STATISTICS) {
        value -= pivot[v];
        sum[v] += value;
        product[v] += value * value;
      } else if (sums) {
        sum[v] += value;
        product[v] += value * (x - pivot[v]);
      }
    }
    if (vectors == 2)
      supcon_lanes_store_two (out, target, to, precision);
    else
      supcon_lanes_store (&out[0], target, to, n, precision);
  }
#pragma GCC unroll 2
  for (guint v = 0; sums && v < vectors; v++) {
    store (&sum[v], partial, channel + v * SUPCON_LANES, n);
    store (&product[v], partial, self->channels + channel + v * SUPCON_LANES, n);
  }
}

static SUPCON_INLINE void
finish (const SupconFinish *self, const SupconFinishBlock *block, const Kind kind, const gboolean add,
    const SupconPrecision precision)
{
  guint end = block->channel + block->n, channel = block->channel;

  for (; channel + 2 * SUPCON_LANES <= end; channel += 2 * SUPCON_LANES)
    finish_channels (self, block, channel, 2, SUPCON_LANES, kind, add, precision);
  for (; channel + SUPCON_LANES <= end; channel += SUPCON_LANES)
    finish_channels (self, block, channel, 1, SUPCON_LANES, kind, add, precision);
  if (channel < end)
    finish_channels (self, block, channel, 1, end - channel, kind, add, precision);
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
FINISH_NAME (const SupconFinish *self, const SupconFinishBlock *block)
{
  if (self->precision == SUPCON_PRECISION_BFLOAT16)
    finish_block (self, block, SUPCON_PRECISION_BFLOAT16);
  else
    finish_block (self, block, SUPCON_PRECISION_FLOAT32);
}
