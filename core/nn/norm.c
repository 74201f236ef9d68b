/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/norm.h"
#include "simd.h"

#include <math.h>
#include <string.h>

/* Elements of a task: a part of the level-two cache. */
#define CHUNK_ELEMENTS 32768

typedef struct {
  gsize pixels, chunk;
  guint c;
  const SupconReal *x, *scale, *shift, *residual, *mean, *y;
  gboolean relu;
  SupconReal *out, *dy;
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

SUPCON_MULTIVERSION static void
apply_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Norm *self = data;
  const guint c = self->c;
  const SupconReal *scale = self->scale, *shift = self->shift;
  gsize end = MIN (self->pixels, (task + 1) * self->chunk);

  for (gsize p = task * self->chunk; p < end; p++) {
    const SupconReal *x = self->x + p * c;
    SupconReal *y = self->out + p * c;

    if (self->residual) {
      const SupconReal *residual = self->residual + p * c;

      for (guint i = 0; i < c; i++)
        y[i] = x[i] * scale[i] + shift[i] + residual[i];
    } else {
      for (guint i = 0; i < c; i++)
        y[i] = x[i] * scale[i] + shift[i];
    }
    if (self->relu)
      for (guint i = 0; i < c; i++)
        y[i] = y[i] < 0 ? 0 : y[i];
  }
}

void
supcon_norm_apply (gsize pixels, guint c, const SupconReal *x, const SupconReal *scale, const SupconReal *shift,
    const SupconReal *residual, gboolean relu, guint threads, SupconReal *y)
{
  Norm self = { .pixels = pixels,
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

SUPCON_MULTIVERSION static void
sums_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Norm *self = data;
  const guint c = self->c;
  const SupconReal *mean = self->mean;
  SupconReal *sum = self->partial + task * 2 * c, *product = sum + c;
  gsize end = MIN (self->pixels, (task + 1) * self->chunk);

  memset (sum, 0, 2 * c * sizeof *sum);
  for (gsize p = task * self->chunk; p < end; p++) {
    const SupconReal *x = self->x + p * c;
    SupconReal *dy = self->dy + p * c;

    if (self->y) {
      const SupconReal *y = self->y + p * c;

      for (guint i = 0; i < c; i++)
        dy[i] = y[i] > 0 ? dy[i] : 0;
    }
    for (guint i = 0; i < c; i++) {
      sum[i] += dy[i];
      product[i] += dy[i] * (x[i] - mean[i]);
    }
  }
}

/* dx = a dy + b x + d, by channel */
SUPCON_MULTIVERSION static void
gradient_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Norm *self = data;
  const guint c = self->c;
  const SupconReal *a = self->a, *b = self->b, *d = self->d;
  gsize end = MIN (self->pixels, (task + 1) * self->chunk);

  for (gsize p = task * self->chunk; p < end; p++) {
    const SupconReal *x = self->x + p * c, *dy = self->dy + p * c;
    SupconReal *dx = self->out + p * c;

    for (guint i = 0; i < c; i++)
      dx[i] = a[i] * dy[i] + b[i] * x[i] + d[i];
  }
}

void
supcon_norm_backward (gsize pixels, guint c, const SupconReal *x, const SupconReal *mean, const SupconReal *variance,
    const SupconReal *gamma, const SupconReal *y, SupconReal *dy, SupconWorkspace *workspace, SupconReal *dx,
    SupconReal *dgamma, SupconReal *dbeta)
{
  gsize chunks = n_chunks (pixels, c);
  SupconReal *a = workspace->shared + chunks * 2 * c, *b = a + c, *d = b + c;
  Norm self = { .pixels = pixels,
    .chunk = chunk_pixels (c),
    .c = c,
    .x = x,
    .mean = mean,
    .y = y,
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
