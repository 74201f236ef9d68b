/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a model computes: embeddings, its heads' outputs, and the gradients of training. */
#include "model/model_net.h"

#include <string.h>

#include "nn/activation.h"
#include "nn/feature.h"
#include "nn/linear.h"
#include "simd.h"

typedef struct {
  SupconPrecision precision;
  const guint8 *pixels;
  void *out;
  gsize count; /* pixels of a picture */
  SupconReal scale[3], shift[3];
} Normalization;

static SUPCON_INLINE void
normalize_picture (const Normalization *self, gsize image, const SupconPrecision precision)
{
  const guint8 *from = self->pixels + image * self->count * 3;
  void *to = supcon_feature_at (self->out, image * self->count * 3, precision);

  for (gsize p = 0; p < self->count; p++)
    for (guint c = 0; c < 3; c++)
      supcon_feature_set (to, 3 * p + c, precision, from[3 * p + c] * self->scale[c] + self->shift[c]);
}

SUPCON_MULTIVERSION static void
normalize_task (gsize image, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Normalization *self = data;

  if (self->precision == SUPCON_PRECISION_BFLOAT16)
    normalize_picture (self, image, SUPCON_PRECISION_BFLOAT16);
  else
    normalize_picture (self, image, SUPCON_PRECISION_FLOAT32);
}

/* (p / 255 - mean) / std of n pictures into 'input'. */
static void
normalize (SupconModel *self, const guint8 *pixels, guint n)
{
  Normalization job = {
    .precision = self->precision, .pixels = pixels, .count = (gsize)self->config.input_width * self->config.input_height
  };

  if (n > self->input_capacity) {
    g_aligned_free (self->input);
    self->input = g_aligned_alloc (n * job.count * 3, supcon_feature_size (self->precision), 64);
    self->input_capacity = n;
  }
  for (guint c = 0; c < 3; c++) {
    job.scale[c] = 1.0 / (255.0 * self->config.std[c]);
    job.shift[c] = -self->config.mean[c] / self->config.std[c];
  }
  job.out = self->input;
  supcon_parallel_for (self->workspace.threads, n, normalize_task, &job);
}

void
supcon_model_embed (SupconModel *self, const guint8 *pixels, guint n, SupconReal *r)
{
  gsize picture = (gsize)self->config.input_width * self->config.input_height * 3;
  guint dim = supcon_model_embedding_dim (self), most = supcon_resnet_embed_batch (self->encoder);
  guint pieces = (n + most - 1) / most, at_once = (n + pieces - 1) / MAX (1, pieces); /* as equal as can be */

  for (guint first = 0; first < n; first += at_once) {
    guint count = MIN (at_once, n - first);

    normalize (self, pixels + first * picture, count);
    supcon_resnet_embed (self->encoder, &self->params, &self->workspace, self->input, count, r + (gsize)first * dim);
  }
}

static guint
hidden_dim (const SupconModel *self)
{
  return self->n_head == 2 ? self->head[0].out : 0;
}

/* w of r; hidden (n x hidden dim) is written when there is such a layer. */
static void
head_forward (const SupconModel *self, const SupconReal *r, guint n, SupconReal *hidden, SupconReal *w)
{
  const SupconParam *params = self->params.items;
  guint threads = self->workspace.threads;
  const SupconReal *in = r;

  if (self->n_head == 0) {
    memcpy (w, r, (gsize)n * supcon_model_embedding_dim (self) * sizeof *w);
    return;
  }
  for (guint i = 0; i < self->n_head; i++) {
    const Dense *dense = &self->head[i];
    gboolean last = i == self->n_head - 1;
    SupconReal *out = last ? w : hidden;

    supcon_linear_forward (
        n, dense->in, dense->out, in, params[dense->weight].data, params[dense->bias].data, threads, out);
    if (!last)
      supcon_relu_forward ((gsize)n * dense->out, out);
    in = out;
  }
}

void
supcon_model_project (const SupconModel *self, const SupconReal *r, guint n, SupconReal *z)
{
  SupconReal *hidden = supcon_real_alloc ((gsize)n * hidden_dim (self));
  SupconReal *norm = supcon_real_alloc (n);

  head_forward (self, r, n, hidden, z);
  supcon_normalize_forward (n, supcon_model_projection_dim (self), z, z, norm);
  supcon_real_free (hidden);
  supcon_real_free (norm);
}

void
supcon_model_classify (const SupconModel *self, const SupconReal *r, guint n, SupconReal *logits)
{
  const SupconParam *weight;

  g_return_if_fail (self->n_classes > 0);
  weight = &self->params.items[self->classifier];
  supcon_linear_forward (n, supcon_model_embedding_dim (self), self->n_classes, r, weight[0].data, weight[1].data,
      self->workspace.threads, logits);
}

void
supcon_model_free_buffers (SupconModel *self)
{
  g_clear_pointer (&self->r, supcon_real_free);
  g_clear_pointer (&self->hidden, supcon_real_free);
  g_clear_pointer (&self->z, supcon_real_free);
  g_clear_pointer (&self->norm, supcon_real_free);
  g_clear_pointer (&self->dz, supcon_real_free);
  g_clear_pointer (&self->dhidden, supcon_real_free);
  g_clear_pointer (&self->dr, supcon_real_free);
}

gsize
supcon_model_activation_size (const SupconModel *self)
{
  gsize input = (gsize)self->config.input_width * self->config.input_height * 3;

  return input * supcon_feature_size (self->precision) + supcon_resnet_activation_size (self->encoder);
}

gsize
supcon_model_embed_size (const SupconModel *self)
{
  gsize input = (gsize)self->config.input_width * self->config.input_height * 3;

  return input * (1 + supcon_feature_size (self->precision)) + supcon_resnet_embed_size (self->encoder);
}

const SupconReal *
supcon_model_forward (SupconModel *self, const guint8 *pixels, guint n)
{
  gsize dim = supcon_model_embedding_dim (self), z_dim = supcon_model_projection_dim (self);

  self->n = n;
  if (n > self->capacity) {
    self->capacity = n;
    supcon_model_free_buffers (self);
    self->r = supcon_real_alloc (n * dim);
    self->hidden = supcon_real_alloc (n * (gsize)hidden_dim (self));
    self->z = supcon_real_alloc (n * z_dim);
    self->norm = supcon_real_alloc (n);
    self->dz = supcon_real_alloc (n * z_dim);
    self->dhidden = supcon_real_alloc (n * (gsize)hidden_dim (self));
    self->dr = supcon_real_alloc (n * dim);
  }
  normalize (self, pixels, n);
  supcon_resnet_forward (self->encoder, &self->params, &self->workspace, self->input, n, self->r);
  return self->r;
}

const SupconReal *
supcon_model_forward_projection (SupconModel *self)
{
  head_forward (self, self->r, self->n, self->hidden, self->z);
  supcon_normalize_forward (self->n, supcon_model_projection_dim (self), self->z, self->z, self->norm);
  return self->z;
}

void
supcon_model_backward (SupconModel *self, const SupconReal *dz)
{
  guint threads = self->workspace.threads, n = self->n;
  SupconReal *dout = self->dz;

  supcon_normalize_backward (n, supcon_model_projection_dim (self), self->z, self->norm, dz, dout);
  for (gint i = self->n_head - 1; i >= 0; i--) {
    const Dense *dense = &self->head[i];
    SupconParam *weight = &self->params.items[dense->weight], *bias = &self->params.items[dense->bias];
    SupconReal *din = i ? self->dhidden : self->dr;

    supcon_linear_backward_weights (
        n, dense->in, dense->out, i ? self->hidden : self->r, dout, threads, weight->grad, bias->grad);
    supcon_linear_backward_input (n, dense->in, dense->out, dout, weight->data, threads, din);
    if (i)
      supcon_relu_backward ((gsize)n * dense->in, self->hidden, din);
    dout = din;
  }
  supcon_resnet_backward (self->encoder, &self->params, &self->workspace, dout);
}

void
supcon_model_backward_encoder (SupconModel *self, const SupconReal *dr)
{
  supcon_resnet_backward (self->encoder, &self->params, &self->workspace, dr);
}

void
supcon_model_backward_classifier (
    SupconModel *self, const SupconReal *r, guint n, const SupconReal *dlogits, SupconReal *dr)
{
  SupconParam *weight;

  g_return_if_fail (self->n_classes > 0);
  weight = &self->params.items[self->classifier];
  supcon_linear_backward_weights (n, supcon_model_embedding_dim (self), self->n_classes, r, dlogits,
      self->workspace.threads, weight[0].grad, weight[1].grad);
  if (dr)
    supcon_linear_backward_input (
        n, supcon_model_embedding_dim (self), self->n_classes, dlogits, weight->data, self->workspace.threads, dr);
}
