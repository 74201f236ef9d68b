/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled as nn/conv_finish_block.c is. LOAD_NAME: that of its function. */
#include "nn/norm_load.h"

#include "nn/feature.h"
#include "simd.h"

/* Elements of which one block of channels is read after the other, while the processor fetches those behind them. */
#define RUN_ELEMENTS 512
/* Elements behind a run that are not fetched yet: loading them takes as long as memory takes to answer. */
#define AHEAD_ELEMENTS 2048

/* Channels in vectors of n <= 16 of some pixels; from, to: the elements at which the first pixel's are. */
static SUPCON_INLINE void
load_channels (const SupconNormInput *input, gsize from, guint c, gsize count, guint channel, const guint vectors,
    guint n, void *out, gsize to, guint to_c, const gboolean two, const SupconPrecision precision,
    const SupconPrecision to_precision)
{
  SupconLanes scale[2] = { 0 }, shift[2] = { 0 }, other_scale[2] = { 0 };
  const void *x = input->x, *other = input->other;
  /* ReLU or nothing. No constant argument, as the others are: that would double the functions. */
  const SupconReal least = input->relu ? 0 : -INFINITY;

#pragma GCC unroll 2
  for (guint v = 0; v < vectors; v++) {
    guint at = channel + v * SUPCON_LANES;

    if (input->scale) {
      supcon_lanes_load (&scale[v], input->scale, at, n, SUPCON_PRECISION_FLOAT32);
      supcon_lanes_load (&shift[v], input->shift, at, n, SUPCON_PRECISION_FLOAT32);
    } else {
      scale[v] += 1;
    }
    if (input->other_scale)
      supcon_lanes_load (&other_scale[v], input->other_scale, at, n, SUPCON_PRECISION_FLOAT32);
    else
      other_scale[v] += 1;
  }
  for (gsize i = 0; i < count; i++, from += c, to += to_c) {
    SupconLanes value[2], second;

#pragma GCC unroll 2
    for (guint v = 0; v < vectors; v++) {
      supcon_lanes_load (&value[v], x, from + v * SUPCON_LANES, n, precision);
      value[v] = value[v] * scale[v] + shift[v];
      if (two) {
        supcon_lanes_load (&second, other, from + v * SUPCON_LANES, n, precision);
        value[v] += second * other_scale[v];
      }
      supcon_lanes_zero_below (&value[v], least);
    }
    if (to_precision != precision) {
#pragma GCC unroll 2
      for (guint v = 0; v < vectors; v++)
        supcon_lanes_round (&value[v]);
    }
    if (vectors == 2)
      supcon_lanes_store_two (value, out, to, to_precision);
    else
      supcon_lanes_store (&value[0], out, to, n, to_precision);
  }
}

static SUPCON_INLINE void
load_run (const SupconNormInput *input, guint c, gsize first, gsize count, guint first_channel, guint channels,
    void *out, gsize to, const gboolean two, const SupconPrecision precision, const SupconPrecision to_precision)
{
  for (guint i = 0; i < channels;) {
    guint channel = first_channel + i, left = channels - i, at = to + i;
    gsize from = first * c + channel;

    if (left >= 2 * SUPCON_LANES) {
      load_channels (input, from, c, count, channel, 2, SUPCON_LANES, out, at, channels, two, precision, to_precision);
      i += 2 * SUPCON_LANES;
    } else if (left >= SUPCON_LANES) {
      load_channels (input, from, c, count, channel, 1, SUPCON_LANES, out, at, channels, two, precision, to_precision);
      i += SUPCON_LANES;
    } else {
      load_channels (input, from, c, count, channel, 1, left, out, at, channels, two, precision, to_precision);
      i += left;
    }
  }
}

static SUPCON_INLINE void
load (const SupconNormInput *input, guint c, gsize first, gsize count, guint first_channel, guint channels, void *to,
    const SupconPrecision precision, const SupconPrecision to_precision)
{
  gsize most = MAX (1, RUN_ELEMENTS / channels), size = supcon_feature_size (precision);
  gsize ahead = AHEAD_ELEMENTS / channels;

  for (gsize i = 0; i < count; i += most) {
    gsize run = MIN (most, count - i), next = (first + i + run + ahead) * c + first_channel;

    for (gsize pixel = 0; pixel < run; pixel++, next += c)
      for (gsize line = 0; line < channels; line += 64 / size) {
        __builtin_prefetch (supcon_feature_at (input->x, next + line, precision), 0, 2);
        if (input->other)
          __builtin_prefetch (supcon_feature_at (input->other, next + line, precision), 0, 2);
      }
    if (input->other)
      load_run (input, c, first + i, run, first_channel, channels, to, i * channels, TRUE, precision, to_precision);
    else
      load_run (input, c, first + i, run, first_channel, channels, to, i * channels, FALSE, precision, to_precision);
  }
}

SUPCON_MULTIVERSION void
LOAD_NAME (SupconPrecision precision, SupconPrecision to_precision, const SupconNormInput *input, guint c, gsize first,
    gsize count, guint first_channel, guint channels, void *to)
{
  const SupconPrecision real = SUPCON_PRECISION_FLOAT32, half = SUPCON_PRECISION_BFLOAT16;

  if (precision == real)
    load (input, c, first, count, first_channel, channels, to, real, real);
  else if (to_precision == real)
    load (input, c, first, count, first_channel, channels, to, half, real);
  else
    load (input, c, first, count, first_channel, channels, to, half, half);
}
