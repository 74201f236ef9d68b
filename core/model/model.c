/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/model_net.h"

#include <string.h>

#include "error.h"
#include "nn/bf16_tile.h"

void
supcon_model_config_init (SupconModelConfig *config)
{
  *config = (SupconModelConfig){ .encoder = "resnet20",
    .stem = SUPCON_STEM_SMALL,
    .width = 1.0,
    .projection = SUPCON_PROJECTION_MLP,
    .projection_dim = 128,
    .mean = { 0.485, 0.456, 0.406 },
    .std = { 0.229, 0.224, 0.225 } };
}

static void
add_dense (SupconModel *self, Dense *dense, const char *name, guint in, guint out)
{
  const gsize dims[2] = { out, in };
  char full[64];

  dense->in = in;
  dense->out = out;
  g_snprintf (full, sizeof full, "%s.weight", name);
  dense->weight = supcon_params_add (
      &self->params, full, SUPCON_PARAM_WEIGHT, SUPCON_PART_PROJECTION, 2, dims, SUPCON_INIT_LINEAR, in, self->seed);
  g_snprintf (full, sizeof full, "%s.bias", name);
  dense->bias = supcon_params_add (
      &self->params, full, SUPCON_PARAM_SCALE, SUPCON_PART_PROJECTION, 1, dims, SUPCON_INIT_LINEAR, in, self->seed);
}

static gboolean
check_config (const SupconModelConfig *config, GError **error)
{
  if (MAX (config->input_width, config->input_height) > SUPCON_MODEL_MAX_SIDE) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS, "input of %ux%u pixels; expected at most %u to a side",
        config->input_width, config->input_height, SUPCON_MODEL_MAX_SIDE);
    return FALSE;
  }
  if (config->projection != SUPCON_PROJECTION_NONE
      && (config->projection_dim == 0 || config->projection_dim > SUPCON_MODEL_MAX_PROJECTION
          || config->projection_hidden > SUPCON_MODEL_MAX_PROJECTION)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "projection head of %u hidden and %u output units; expected 1 to %u output and at most %u hidden units",
        config->projection_hidden, config->projection_dim, SUPCON_MODEL_MAX_PROJECTION, SUPCON_MODEL_MAX_PROJECTION);
    return FALSE;
  }
  for (guint c = 0; c < 3; c++)
    if (!(config->std[c] > 0)) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS, "std of channel %u is %g; expected more than 0", c,
          config->std[c]);
      return FALSE;
    }
  return TRUE;
}

SupconModel *
supcon_model_new (const SupconModelConfig *config, guint64 seed, GError **error)
{
  SupconModel *self;
  guint dim;

  if (!check_config (config, error))
    return NULL;
  self = g_new0 (SupconModel, 1);
  self->config = *config;
  self->seed = seed;
  self->classifier = -1;
  self->encoder = supcon_resnet_new (config, seed, &self->params, error);
  if (!self->encoder) {
    supcon_model_free (self);
    return NULL;
  }
  dim = supcon_resnet_dim (self->encoder);
  if (config->projection == SUPCON_PROJECTION_LINEAR) {
    add_dense (self, &self->head[self->n_head++], "projection", dim, config->projection_dim);
  } else if (config->projection == SUPCON_PROJECTION_MLP) {
    guint hidden = config->projection_hidden ? config->projection_hidden : dim;

    add_dense (self, &self->head[self->n_head++], "projection.0", dim, hidden);
    add_dense (self, &self->head[self->n_head++], "projection.2", hidden, config->projection_dim);
  }
  return self;
}

/* By a narrow twin, as the encoder's weights grow with the square of the width. */
double
supcon_model_count_weights (const SupconModelConfig *config, GError **error)
{
  SupconModelConfig narrow = *config;
  double count = 0, ratio, dim, hidden;
  SupconModel *twin;

  narrow.width = 1.0 / 16;
  narrow.projection = SUPCON_PROJECTION_NONE;
  ratio = config->width / narrow.width;
  twin = supcon_model_new (&narrow, 0, error);
  if (!twin)
    return -1;
  for (const SupconParam *param = twin->params.items, *end = param + twin->params.n; param < end; param++)
    count += param->size * (param->n_dims > 1 ? ratio * ratio : ratio);
  dim = supcon_model_embedding_dim (twin) * ratio;
  supcon_model_free (twin);
  hidden = config->projection_hidden ? config->projection_hidden : dim;
  if (config->projection == SUPCON_PROJECTION_MLP)
    count += hidden * (dim + config->projection_dim);
  else if (config->projection == SUPCON_PROJECTION_LINEAR)
    count += dim * config->projection_dim;
  return count;
}

void
supcon_model_free (SupconModel *self)
{
  if (!self)
    return;
  supcon_resnet_free (self->encoder);
  supcon_params_clear (&self->params);
  supcon_workspace_clear (&self->workspace);
  g_aligned_free (self->input);
  supcon_model_free_buffers (self);
  g_free (self);
}

static gboolean
configs_equal (const SupconModelConfig *a, const SupconModelConfig *b)
{
  return strcmp (a->encoder, b->encoder) == 0 && a->stem == b->stem && a->width == b->width
         && a->input_width == b->input_width && a->input_height == b->input_height && a->projection == b->projection
         && a->projection_dim == b->projection_dim && a->projection_hidden == b->projection_hidden
         && memcmp (a->mean, b->mean, sizeof a->mean) == 0 && memcmp (a->std, b->std, sizeof a->std) == 0;
}

gboolean
supcon_model_assign (SupconModel *self, const SupconModel *from)
{
  if (!configs_equal (&self->config, &from->config))
    return FALSE;
  supcon_model_set_n_classes (self, from->n_classes);
  supcon_resnet_invalidate (self->encoder);
  for (guint i = 0; i < from->params.n; i++) {
    const SupconParam *param = &from->params.items[i];

    memcpy (
        self->params.items[i].data, param->average ? param->average : param->data, param->size * sizeof (SupconReal));
  }
  return TRUE;
}

SupconModel *
supcon_model_copy (const SupconModel *from)
{
  SupconModel *copy = supcon_model_new (&from->config, 0, NULL);

  supcon_model_assign (copy, from);
  return copy;
}

const SupconModelConfig *
supcon_model_config (const SupconModel *self)
{
  return &self->config;
}

guint
supcon_model_embedding_dim (const SupconModel *self)
{
  return supcon_resnet_dim (self->encoder);
}

guint
supcon_model_projection_dim (const SupconModel *self)
{
  return self->n_head ? self->head[self->n_head - 1].out : supcon_model_embedding_dim (self);
}

guint
supcon_model_n_classes (const SupconModel *self)
{
  return self->n_classes;
}

static void
grow (SupconReal **memory, gsize old_size, gsize new_size)
{
  SupconReal *grown;

  if (!*memory)
    return;
  grown = supcon_real_alloc (new_size);
  memcpy (grown, *memory, MIN (old_size, new_size) * sizeof *grown);
  if (new_size > old_size)
    memset (grown + old_size, 0, (new_size - old_size) * sizeof *grown);
  supcon_real_free (*memory);
  *memory = grown;
}

void
supcon_model_set_n_classes (SupconModel *self, guint n_classes)
{
  guint dim = supcon_model_embedding_dim (self);
  const gsize dims[2] = { n_classes, dim };

  if (n_classes == self->n_classes)
    return;
  self->n_classes = n_classes;
  if (self->classifier < 0) {
    self->classifier = supcon_params_add (&self->params, "classifier.weight", SUPCON_PARAM_WEIGHT,
        SUPCON_PART_CLASSIFIER, 2, dims, SUPCON_INIT_ZERO, 0, self->seed);
    supcon_params_add (&self->params, "classifier.bias", SUPCON_PARAM_SCALE, SUPCON_PART_CLASSIFIER, 1, dims,
        SUPCON_INIT_ZERO, 0, self->seed);
    return;
  }
  for (guint i = 0; i < 2; i++) {
    SupconParam *param = &self->params.items[self->classifier + i];
    gsize size = (gsize)n_classes * (i ? 1 : dim);

    grow (&param->data, param->size, size);
    grow (&param->grad, param->size, size);
    grow (&param->velocity, param->size, size);
    grow (&param->squares, param->size, size);
    grow (&param->average, param->size, size);
    param->dims[0] = n_classes;
    param->size = size;
  }
}

void
supcon_model_set_threads (SupconModel *self, guint threads)
{
  self->workspace.threads = threads;
}

guint
supcon_model_threads (const SupconModel *self)
{
  return self->workspace.threads;
}

void
supcon_model_set_precision (SupconModel *self, SupconPrecision precision)
{
  if (precision == SUPCON_PRECISION_AUTO)
    precision = supcon_bf16_kernels () == &supcon_bf16_plain ? SUPCON_PRECISION_FLOAT32 : SUPCON_PRECISION_BFLOAT16;
  if (precision == self->precision)
    return;
  self->precision = precision;
  g_clear_pointer (&self->input, g_aligned_free);
  self->input_capacity = 0;
  supcon_resnet_set_precision (self->encoder, precision);
}

SupconPrecision
supcon_model_precision (const SupconModel *self)
{
  return self->precision;
}

guint64
supcon_model_fingerprint (const SupconModel *self)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (guint i = 0; i < self->params.n; i++) {
    const SupconParam *param = &self->params.items[i];

    if (param->part != SUPCON_PART_ENCODER)
      continue;
    for (gsize k = 0; k < param->size; k++) {
      float value = param->data[k];
      guint32 word;

      memcpy (&word, &value, sizeof word);
      hash = (hash ^ word) * G_GUINT64_CONSTANT (0x100000001b3);
    }
  }
  return MAX (hash, 1);
}

SupconParam *
supcon_model_params (SupconModel *self, guint *n)
{
  supcon_resnet_invalidate (self->encoder);
  *n = self->params.n;
  return self->params.items;
}

void
supcon_model_enable_training (SupconModel *self)
{
  supcon_params_enable_training (&self->params);
}

void
supcon_model_zero_grad (SupconModel *self)
{
  for (guint i = 0; i < self->params.n; i++) {
    SupconParam *param = &self->params.items[i];

    if (param->grad)
      memset (param->grad, 0, param->size * sizeof *param->grad);
  }
}

void
supcon_model_set_state (SupconModel *self, SupconModelState wanted)
{
  supcon_params_set_state (&self->params, wanted);
}

void
supcon_model_swap_average (SupconModel *self)
{
  supcon_resnet_invalidate (self->encoder);
  for (guint i = 0; i < self->params.n; i++) {
    SupconParam *param = &self->params.items[i];
    SupconReal *data = param->data;

    if (!param->average)
      continue;
    param->data = param->average;
    param->average = data;
  }
}

void
supcon_model_forget_state (SupconModel *self)
{
  supcon_model_set_state (self, 0);
  for (guint i = 0; i < self->params.n; i++)
    if (self->params.items[i].velocity)
      memset (self->params.items[i].velocity, 0, self->params.items[i].size * sizeof (SupconReal));
}
