/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/norm.h"

#include <math.h>
#include <string.h>

#include "cpu.h"
#include "nn/feature.h"
#include "nn/norm_load.h"
#include "simd.h"

/* Elements of a task: a part of the level-two cache. */
#define CHUNK_ELEMENTS 32768

typedef struct {
  SupconPrecision precision;
  gsize pixels, chunk;
  guint c;
  const SupconNormInput *input;
  const SupconNormSums *sums;
  void *out, *dy;
  SupconReal *partial; /* chunks x 2 x c: sums of dz and of dz (x - mean) */
} Norm;

static gsize
chunk_pixels (guint c)
{
  return MAX (1, CHUNK_ELEMENTS / c);
}

static gsize
n_chunks (gsize pixels, guint c)
{
  return (pixels + chunk_pixels (c) - 1) / chunk_pixels (c);
}

void
supcon_norm_fold (guint c, const SupconReal *mean, const SupconReal *variance, const SupconReal *gamma,
    const SupconReal *beta, SupconReal *scale, SupconReal *shift)
{
  for (guint i = 0; i < c; i++) {
    scale[i] = gamma[i] / sqrt (variance[i] + SUPCON_NORM_EPSILON);
    shift[i] = beta[i] - mean[i] * scale[i];
  }
}

void
supcon_norm_update_running (guint c, gsize pixels, const SupconReal *mean, const SupconReal *variance,
    SupconReal *running_mean, SupconReal *running_var)
{
  double unbiased = pixels > 1 ? pixels / (pixels - 1.0) : 1.0;

  for (guint i = 0; i < c; i++) {
    running_mean[i] += SUPCON_NORM_MOMENTUM * (mean[i] - running_mean[i]);
    running_var[i] += SUPCON_NORM_MOMENTUM * (variance[i] * unbiased - running_var[i]);
  }
}

static SUPCON_INLINE void
load_real (SupconLanes *to, const SupconReal *x, guint i, guint n)
{
  supcon_lanes_load (to, x, i, n, SUPCON_PRECISION_FLOAT32);
}

static SupconNormLoad
best_load (void)
{
#if defined(SUPCON_HAVE_AMX) && !defined(SUPCON_DOUBLE)
  if (supcon_cpu_has_bf16 ())
    return supcon_norm_load_native;
#endif
  return supcon_norm_load_plain;
}

void
supcon_norm_load (SupconPrecision precision, const SupconNormInput *input, guint c, gsize first, gsize count,
    guint first_channel, guint channels, void *to)
{
  gsize size = supcon_feature_size (precision);

  if (input->scale) {
    best_load () (precision, precision, input, c, first, count, first_channel, channels, to);
  } else if (channels == c) {
    memcpy (to, supcon_feature_at (input->x, first * c, precision), count * c * size);
  } else {
    const char *from = supcon_feature_at (input->x, first * c + first_channel, precision);

    for (gsize i = 0; i < count; i++, from += c * size)
      memcpy ((char *)to + i * channels * size, from, channels * size);
  }
}

void
supcon_norm_load_real (SupconPrecision precision, const SupconNormInput *input, guint c, gsize first, gsize count,
    guint first_channel, guint channels, SupconReal *to)
{
  if (precision == SUPCON_PRECISION_FLOAT32)
    supcon_norm_load (precision, input, c, first, count, first_channel, channels, to);
  else
    best_load () (precision, SUPCON_PRECISION_FLOAT32, input, c, first, count, first_channel, channels, to);
}

static void
apply_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Norm *self = data;
  gsize first = task * self->chunk;

  supcon_norm_load (self->precision, self->input, self->c, first, MIN (self->chunk, self->pixels - first), 0, self->c,
      supcon_feature_at (self->out, first * self->c, self->precision));
}

void
supcon_norm_apply (
    SupconPrecision precision, gsize pixels, guint c, const SupconNormInput *input, guint threads, void *y)
{
  Norm self = { .precision = precision, .pixels = pixels, .chunk = chunk_pixels (c), .c = c, .input = input, .out = y };

  supcon_parallel_for (threads, n_chunks (pixels, c), apply_task, &self);
}

void
supcon_norm_reserve (gsize pixels, guint c, SupconWorkspace *workspace)
{
  supcon_workspace_reserve (workspace, 0, n_chunks (pixels, c) * 2 * c);
}

static SUPCON_INLINE void
sum_chunk (const Norm *self, gsize chunk, const SupconPrecision precision)
{
  const guint c = self->c;
  const SupconNormSums *sums = self->sums;
  SupconReal *total = self->partial + chunk * 2 * c, *products = total + c;
  gsize end = MIN (self->pixels, (chunk + 1) * self->chunk);

  memset (total, 0, 2 * c * sizeof *total);
  for (gsize p = chunk * self->chunk; p < end; p++)
    for (guint i = 0; i < c; i += SUPCON_LANES) {
      guint n = MIN (SUPCON_LANES, c - i);
      SupconLanes x, dy, mean, sum, product;

      supcon_lanes_load (&dy, self->dy, p * c + i, n, precision);
      supcon_lanes_load (&x, sums->x, p * c + i, n, precision);
      if (sums->y || sums->scale) {
        SupconLanes y;

        if (sums->y) {
          supcon_lanes_load (&y, sums->y, p * c + i, n, precision);
        } else {
          SupconLanes shift;

          load_real (&y, sums->scale, i, n);
          load_real (&shift, sums->shift, i, n);
          y = x * y + shift;
        }
        supcon_lanes_relu_backward (&dy, &y);
        supcon_lanes_store (&dy, self->dy, p * c + i, n, precision);
      }
      load_real (&mean, sums->mean, i, n);
      load_real (&sum, total, i, n);
      load_real (&product, products, i, n);
      sum += dy;
      product += dy * (x - mean);
      supcon_lanes_store (&sum, total, i, n, SUPCON_PRECISION_FLOAT32);
      supcon_lanes_store (&product, products, i, n, SUPCON_PRECISION_FLOAT32);
    }
}

SUPCON_MULTIVERSION static void
sums_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Norm *self = data;

  if (self->precision == SUPCON_PRECISION_BFLOAT16)
    sum_chunk (self, task, SUPCON_PRECISION_BFLOAT16);
  else
    sum_chunk (self, task, SUPCON_PRECISION_FLOAT32);
}

void
supcon_norm_add_partial (guint c, gsize n, const SupconReal *partial, const SupconNormSums *sums)
{
  for (guint i = 0; i < c; i++) {
    double sum = 0, product = 0;

    for (gsize k = 0; k < n; k++) {
      sum += partial[k * 2 * c + i];
      product += partial[k * 2 * c + c + i];
    }
    sums->sum[i] = sum;
    sums->product[i] = product;
  }
}

void
supcon_norm_backward (
    SupconPrecision precision, gsize pixels, guint c, const SupconNormSums *sums, void *dy, SupconWorkspace *workspace)
{
  Norm self = { .precision = precision,
    .pixels = pixels,
    .chunk = chunk_pixels (c),
    .c = c,
    .sums = sums,
    .dy = dy,
    .partial = workspace->shared };

  supcon_parallel_for (workspace->threads, n_chunks (pixels, c), sums_task, &self);
  supcon_norm_add_partial (c, n_chunks (pixels, c), self.partial, sums);
}

SupconNormInput
supcon_norm_gradient (gsize pixels, guint c, const SupconNormSums *sums, const SupconReal *variance,
    const SupconReal *gamma, const void *dz, SupconReal *a, SupconReal *b, SupconReal *d, SupconReal *dgamma,
    SupconReal *dbeta)
{
  for (guint i = 0; i < c; i++) {
    double invstd = 1.0 / sqrt (variance[i] + SUPCON_NORM_EPSILON);

    dbeta[i] += sums->sum[i];
    dgamma[i] += sums->product[i] * invstd;
    /* dx = gamma invstd (dz - mean (dz) - xhat mean (dz xhat)) */
    a[i] = gamma[i] * invstd;
    b[i] = -a[i] * invstd * invstd * sums->product[i] / pixels;
    d[i] = -a[i] * sums->sum[i] / pixels - b[i] * sums->mean[i];
  }
  return (SupconNormInput){ .x = dz, .scale = a, .other = sums->x, .other_scale = b, .shift = d };
}
