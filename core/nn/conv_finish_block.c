/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled as nn/conv_bf16_finish.c is. FINISH_NAME: that of its function. */
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
FINISH_NAME (const SupconFinish *self, const SupconFinishBlock *block)
{
  if (self->precision == SUPCON_PRECISION_BFLOAT16)
    finish_block (self, block, SUPCON_PRECISION_BFLOAT16);
  else
    finish_block (self, block, SUPCON_PRECISION_FLOAT32);
}
