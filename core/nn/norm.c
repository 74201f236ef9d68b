/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/norm.h"

#include <math.h>
#include <string.h>

#include "nn/feature.h"
#include "simd.h"

/* Elements of a task: a part of the level-two cache. */
#define CHUNK_ELEMENTS 32768

typedef struct {
  SupconPrecision precision;
  gsize pixels, chunk;
  guint c;
  const void *x, *residual;
  SupconNormMask mask;
  const SupconReal *scale, *shift, *mean;
  gboolean relu;
  void *out, *dy;
  SupconReal *partial; /* chunks x 2 x c: sums of dy and of dy (x - mean) */
  const SupconReal *a, *b, *d;
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

static SUPCON_INLINE void
apply_chunk (const Norm *self, gsize chunk, const SupconPrecision precision)
{
  const guint c = self->c;
  gsize end = MIN (self->pixels, (chunk + 1) * self->chunk);

  for (gsize p = chunk * self->chunk; p < end; p++)
    for (guint i = 0; i < c; i += SUPCON_LANES) {
      guint n = MIN (SUPCON_LANES, c - i);
      SupconLanes value, scale, shift, residual;

      supcon_lanes_load (&value, self->x, p * c + i, n, precision);
      load_real (&scale, self->scale, i, n);
      load_real (&shift, self->shift, i, n);
      value = value * scale + shift;
      if (self->residual) {
        supcon_lanes_load (&residual, self->residual, p * c + i, n, precision);
        value += residual;
      }
      if (self->relu)
        supcon_lanes_relu (&value);
      supcon_lanes_store (&value, self->out, p * c + i, n, precision);
    }
}

SUPCON_MULTIVERSION static void
apply_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Norm *self = data;

  if (self->precision == SUPCON_PRECISION_BFLOAT16)
    apply_chunk (self, task, SUPCON_PRECISION_BFLOAT16);
  else
    apply_chunk (self, task, SUPCON_PRECISION_FLOAT32);
}

void
supcon_norm_apply (SupconPrecision precision, gsize pixels, guint c, const void *x, const SupconReal *scale,
    const SupconReal *shift, const void *residual, gboolean relu, guint threads, void *y)
{
  Norm self = { .precision = precision,
    .pixels = pixels,
    .chunk = chunk_pixels (c),
    .c = c,
    .x = x,
    .scale = scale,
    .shift = shift,
    .residual = residual,
    .relu = relu,
    .out = y };

  supcon_parallel_for (threads, n_chunks (pixels, c), apply_task, &self);
}

void
supcon_norm_reserve (gsize pixels, guint c, SupconWorkspace *workspace)
{
  supcon_workspace_reserve (workspace, 0, n_chunks (pixels, c) * 2 * c + 3 * c);
}

static SUPCON_INLINE void
sum_chunk (const Norm *self, gsize chunk, const SupconPrecision precision)
{
  const guint c = self->c;
  const SupconNormMask *mask = &self->mask;
  SupconReal *sums = self->partial + chunk * 2 * c, *products = sums + c;
  gsize end = MIN (self->pixels, (chunk + 1) * self->chunk);

  memset (sums, 0, 2 * c * sizeof *sums);
  for (gsize p = chunk * self->chunk; p < end; p++)
    for (guint i = 0; i < c; i += SUPCON_LANES) {
      guint n = MIN (SUPCON_LANES, c - i);
      SupconLanes x, dy, mean, sum, product;

      supcon_lanes_load (&dy, self->dy, p * c + i, n, precision);
      supcon_lanes_load (&x, self->x, p * c + i, n, precision);
      if (mask->y || mask->scale) {
        SupconLanes y;

        if (mask->y) {
          supcon_lanes_load (&y, mask->y, p * c + i, n, precision);
        } else {
          SupconLanes shift;

          load_real (&y, mask->scale, i, n);
          load_real (&shift, mask->shift, i, n);
          y = x * y + shift;
        }
        supcon_lanes_relu_backward (&dy, &y);
        supcon_lanes_store (&dy, self->dy, p * c + i, n, precision);
      }
      load_real (&mean, self->mean, i, n);
      load_real (&sum, sums, i, n);
      load_real (&product, products, i, n);
      sum += dy;
      product += dy * (x - mean);
      supcon_lanes_store (&sum, sums, i, n, SUPCON_PRECISION_FLOAT32);
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

/* dx = a dy + b x + d, by channel */
static SUPCON_INLINE void
gradient_chunk (const Norm *self, gsize chunk, const SupconPrecision precision)
{
  const guint c = self->c;
  gsize end = MIN (self->pixels, (chunk + 1) * self->chunk);

  for (gsize p = chunk * self->chunk; p < end; p++)
    for (guint i = 0; i < c; i += SUPCON_LANES) {
      guint n = MIN (SUPCON_LANES, c - i);
      SupconLanes x, dy, a, b, d;

      supcon_lanes_load (&x, self->x, p * c + i, n, precision);
      supcon_lanes_load (&dy, self->dy, p * c + i, n, precision);
      load_real (&a, self->a, i, n);
      load_real (&b, self->b, i, n);
      load_real (&d, self->d, i, n);
      dy = a * dy + b * x + d;
      supcon_lanes_store (&dy, self->out, p * c + i, n, precision);
    }
}

SUPCON_MULTIVERSION static void
gradient_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Norm *self = data;

  if (self->precision == SUPCON_PRECISION_BFLOAT16)
    gradient_chunk (self, task, SUPCON_PRECISION_BFLOAT16);
  else
    gradient_chunk (self, task, SUPCON_PRECISION_FLOAT32);
}

void
supcon_norm_backward (SupconPrecision precision, gsize pixels, guint c, const void *x, const SupconReal *mean,
    const SupconReal *variance, const SupconReal *gamma, const SupconNormMask *mask, void *dy,
    SupconWorkspace *workspace, void *dx, SupconReal *dgamma, SupconReal *dbeta)
{
  gsize chunks = n_chunks (pixels, c);
  SupconReal *a = workspace->shared + chunks * 2 * c, *b = a + c, *d = b + c;
  Norm self = { .precision = precision,
    .pixels = pixels,
    .chunk = chunk_pixels (c),
    .c = c,
    .x = x,
    .mean = mean,
    .mask = *mask,
    .dy = dy,
    .out = dx,
    .partial = workspace->shared,
    .a = a,
    .b = b,
    .d = d };

  supcon_parallel_for (workspace->threads, chunks, sums_task, &self);
  for (guint i = 0; i < c; i++) {
    double invstd = 1.0 / sqrt (variance[i] + SUPCON_NORM_EPSILON), sum = 0, product = 0;

    for (gsize chunk = 0; chunk < chunks; chunk++) {
      sum += self.partial[chunk * 2 * c + i];
      product += self.partial[chunk * 2 * c + c + i];
    }
    dbeta[i] += sum;
    dgamma[i] += product * invstd;
    /* dx = gamma invstd (dy - mean (dy) - xhat mean (dy xhat)) */
    a[i] = gamma[i] * invstd;
    b[i] = -a[i] * invstd * invstd * product / pixels;
    d[i] = -a[i] * sum / pixels - b[i] * mean[i];
  }
  supcon_parallel_for (workspace->threads, chunks, gradient_task, &self);
}
