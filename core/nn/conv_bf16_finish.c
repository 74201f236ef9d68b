/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a block's sums: compiled once for what SUPCON_MULTIVERSION knows, and once for AVX-512 BF16, which
 * rounds by itself. BF16_FINISH_NAME: that of its function. */
#include "nn/conv_bf16.h"

#include "simd.h"

typedef enum { STORE, STATISTICS, SCALE, GRADIENT, GRADIENT_MASK_Y, GRADIENT_MASK_X, GRADIENT_SUMS } Kind;

/* Channels in vectors of n <= 16 of some places. */
static SUPCON_INLINE void
finish_channels (const SupconBf16Walk *self, const SupconBf16Places *places, const float *c, guint channel,
    const guint vectors, guint n, SupconReal *sums, const Kind kind, const gboolean add)
{
  const SupconPrecision real = SUPCON_PRECISION_FLOAT32, half = SUPCON_PRECISION_BFLOAT16;
  const gboolean counts = kind == STATISTICS || kind >= GRADIENT_MASK_Y;
  const SupconNormSums *norm = kind >= GRADIENT_MASK_Y ? self->gradient->sums : NULL;
  const SupconBfloat16 *added = kind == SCALE      ? self->epilogue->residual
                                : kind >= GRADIENT ? self->gradient->add
                                                   : NULL;
  const SupconBfloat16 *norm_x = norm ? norm->x : NULL, *norm_y = norm ? norm->y : NULL;
  const gboolean relu = kind == SCALE && self->epilogue->relu;
  const guint count = places->count;
  SupconBfloat16 *target = self->target;
  SupconLanes scale[2] = { 0 }, shift[2] = { 0 }, mean[2] = { 0 }, sum[2] = { 0 }, product[2] = { 0 };

#pragma GCC unroll 2
  for (guint v = 0; v < vectors; v++) {
    guint at = channel + v * SUPCON_LANES;

    if (kind == SCALE || kind == GRADIENT_MASK_X) {
      supcon_lanes_load (&scale[v], kind == SCALE ? self->epilogue->scale : norm->scale, at, n, real);
      supcon_lanes_load (&shift[v], kind == SCALE ? self->epilogue->shift : norm->shift, at, n, real);
    }
    if (kind >= GRADIENT_MASK_Y)
      supcon_lanes_load (&mean[v], norm->mean, at, n, real);
    if (counts) {
      supcon_lanes_load (&sum[v], sums, at, n, real);
      supcon_lanes_load (&product[v], sums + self->channels, at, n, real);
    }
  }
  for (guint i = 0; i < count; i++) {
    gsize to = places->at[i] + channel, ahead = to + SUPCON_BF16_PANEL; /* of the next panel */
    SupconLanes out[2];

    __builtin_prefetch (target + ahead, 0, 2);
    if (add && added != target)
      __builtin_prefetch (added + ahead);
    if (kind >= GRADIENT_MASK_Y)
      __builtin_prefetch (norm_x + ahead);
    if (kind == GRADIENT_MASK_Y)
      __builtin_prefetch (norm_y + ahead);
#pragma GCC unroll 2
    for (guint v = 0; v < vectors; v++) {
      const float *from = c + places->of[i] * SUPCON_BF16_PANEL + v * SUPCON_LANES;
      gsize at = to + v * SUPCON_LANES;
      SupconLanes value = __builtin_convertvector(*(const SupconFloatLanes *)from, SupconLanes), other, x;

      if (kind == SCALE)
        value = value * scale[v] + shift[v];
      if (add) {
        supcon_lanes_load (&other, added, at, n, half);
        value += other;
      }
      if (relu)
        supcon_lanes_relu (&value);
      if (kind >= GRADIENT_MASK_Y)
        supcon_lanes_load (&x, norm_x, at, n, half);
      if (kind == GRADIENT_MASK_Y)
        supcon_lanes_load (&other, norm_y, at, n, half);
      if (kind == GRADIENT_MASK_X)
        other = x * scale[v] + shift[v];
      if (kind == GRADIENT_MASK_Y || kind == GRADIENT_MASK_X)
        supcon_lanes_relu_backward (&value, &other);
      if (counts)
        supcon_lanes_round (&value);
      out[v] = value;
      if (counts)
        sum[v] += value;
      if (kind == STATISTICS)
        product[v] += value * value;
      else if (counts)
        product[v] += value * (x - mean[v]);
    }
    if (vectors == 2)
      supcon_lanes_store_two (out, target, to);
    else
      supcon_lanes_store (&out[0], target, to, n, half);
  }
#pragma GCC unroll 2
  for (guint v = 0; counts && v < vectors; v++) {
    supcon_lanes_store (&sum[v], sums, channel + v * SUPCON_LANES, n, real);
    supcon_lanes_store (&product[v], sums + self->channels, channel + v * SUPCON_LANES, n, real);
  }
}

static SUPCON_INLINE void
finish (const SupconBf16Walk *self, const SupconBf16Places *places, const float *c, guint channel, guint channels,
    SupconReal *sums, const Kind kind, const gboolean add)
{
  if (channels == SUPCON_BF16_PANEL) {
    finish_channels (self, places, c, channel, 2, SUPCON_LANES, sums, kind, add);
    return;
  }
  for (guint i = 0; i < channels; i += SUPCON_LANES) {
    if (channels - i >= SUPCON_LANES)
      finish_channels (self, places, c + i, channel + i, 1, SUPCON_LANES, sums, kind, add);
    else
      finish_channels (self, places, c + i, channel + i, 1, channels - i, sums, kind, add);
  }
}

SUPCON_MULTIVERSION void
BF16_FINISH_NAME (const SupconBf16Walk *self, const SupconBf16Places *places, const float *c, guint channel,
    guint channels, SupconReal *sums)
{
  const SupconConvTarget *gradient = self->gradient;

  if (gradient) {
    const SupconNormSums *norm = gradient->sums;

    if (!norm && gradient->add)
      finish (self, places, c, channel, channels, sums, GRADIENT, TRUE);
    else if (!norm)
      finish (self, places, c, channel, channels, sums, GRADIENT, FALSE);
    else if (norm->y && gradient->add)
      finish (self, places, c, channel, channels, sums, GRADIENT_MASK_Y, TRUE);
    else if (norm->y)
      finish (self, places, c, channel, channels, sums, GRADIENT_MASK_Y, FALSE);
    else if (norm->scale)
      finish (self, places, c, channel, channels, sums, GRADIENT_MASK_X, gradient->add != NULL);
    else
      finish (self, places, c, channel, channels, sums, GRADIENT_SUMS, gradient->add != NULL);
  } else if (self->partial) {
    finish (self, places, c, channel, channels, sums, STATISTICS, FALSE);
  } else if (!self->epilogue) {
    finish (self, places, c, channel, channels, sums, STORE, FALSE);
  } else if (self->epilogue->residual) {
    finish (self, places, c, channel, channels, sums, SCALE, TRUE);
  } else {
    finish (self, places, c, channel, channels, sums, SCALE, FALSE);
  }
}
