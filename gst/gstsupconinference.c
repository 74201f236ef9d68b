/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconinference.h"

#include "augment/augmenter.h"
#include "augment/policy.h"
#include "error.h"
#include "nn/activation.h"
#include "parallel.h"

struct _GstSupconInference
{
  GstSupconModelSource *source;
  GstSupconLayer layer;
  guint threads, dim;
  SupconPrecision precision;
  guint64 version, fingerprint;
  SupconModel *model;           /* our own: what it computes with is in it */
  SupconAugmenter *augmenter;
  SupconProgram *program;       /* draws nothing at random */

  /* For 'capacity' pictures. */
  guint capacity;
  guint8 *pixels;               /* as the model takes them */
  SupconReal *r, *values, *norm;
};

GstSupconInference *
gst_supcon_inference_new (GstSupconModelSource * source, GstSupconLayer layer,
    guint threads, SupconPrecision precision, GstSupconPreparation preparation,
    GError ** error)
{
  GstSupconInference *self = g_new0 (GstSupconInference, 1);
  SupconPolicy policy;
  gchar *text;

  self->source = source;
  self->layer = layer;
  self->threads = threads;
  self->precision = precision;
  self->augmenter = supcon_augmenter_new ();
  supcon_policy_init (&policy, SUPCON_POLICY_NONE);
  policy.interpolation = preparation.interpolation;
  policy.center_crop = preparation.center_crop;
  text = supcon_policy_to_text (&policy);
  self->program = supcon_program_parse (text, error);
  g_free (text);
  if (!self->program)
    g_clear_pointer (&self, gst_supcon_inference_free);
  return self;
}

static void
free_buffers (GstSupconInference * self)
{
  self->capacity = 0;
  g_clear_pointer (&self->pixels, g_free);
  g_clear_pointer (&self->r, g_free);
  g_clear_pointer (&self->values, g_free);
  g_clear_pointer (&self->norm, g_free);
}

void
gst_supcon_inference_free (GstSupconInference * self)
{
  gst_supcon_model_source_free (self->source);
  supcon_model_free (self->model);
  supcon_augmenter_free (self->augmenter);
  supcon_program_free (self->program);
  free_buffers (self);
  g_free (self);
}

/* The length of what leaves, 0 with the error set when the model has no such layer. */
static guint
layer_dim (const GstSupconInference * self, const SupconModel * model,
    GError ** error)
{
  guint classes = supcon_model_n_classes (model);

  switch (self->layer) {
    case GST_SUPCON_LAYER_EMBEDDING:
      return supcon_model_embedding_dim (model);
    case GST_SUPCON_LAYER_PROJECTION:
      return supcon_model_projection_dim (model);
    case GST_SUPCON_LAYER_LOGITS:
      if (classes == 0)
        g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
            "layer=logits needs a classifier, but %s has none; train one with "
            "supcontrainer stage=linear", gst_supcon_inference_name (self));
      return classes;
  }
  g_assert_not_reached ();
}

/* What a file says of its pictures' size is nothing that it has to hold, and without memory GLib ends the process. */
static gboolean
check_memory (const GstSupconInference * self, const SupconModel * model,
    GError ** error)
{
  const SupconModelConfig *config = supcon_model_config (model);
  gsize bytes = supcon_model_embed_size (model);
  gpointer memory = g_try_malloc (bytes);

  g_free (memory);
  if (!memory)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s: to encode a picture of %ux%u takes %" G_GSIZE_FORMAT
        " bytes, more than there is memory; expected a model of smaller "
        "pictures", gst_supcon_inference_name (self), config->input_width,
        config->input_height, bytes);
  return memory != NULL;
}

static gboolean
use (GstSupconInference * self, const GstSupconSnapshot * snapshot,
    GError ** error)
{
  guint dim = layer_dim (self, snapshot->model, error);

  if (dim == 0 || !check_memory (self, snapshot->model, error))
    return FALSE;
  if (self->dim && dim != self->dim) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s: the new model gives %u numbers for a picture, expected %u as the "
        "one before", gst_supcon_inference_name (self), dim, self->dim);
    return FALSE;
  }
  if (!self->model || !supcon_model_assign (self->model, snapshot->model)) {
    supcon_model_free (self->model);
    self->model = supcon_model_copy (snapshot->model);
    supcon_model_set_threads (self->model, self->threads);
    supcon_model_set_precision (self->model, self->precision);
    free_buffers (self);
  }
  self->dim = dim;
  self->version = snapshot->version;
  self->fingerprint = snapshot->fingerprint;
  return TRUE;
}

gboolean
gst_supcon_inference_update (GstSupconInference * self, GError ** error)
{
  GError *cause = NULL;
  GstSupconSnapshot *snapshot =
      gst_supcon_model_source_take (self->source, &cause);
  gboolean good = TRUE;

  if (cause) {
    g_propagate_error (error, cause);
    return FALSE;
  }
  if (snapshot) {
    good = use (self, snapshot, error);
    gst_supcon_snapshot_unref (snapshot);
  }
  return good;
}

guint
gst_supcon_inference_dim (const GstSupconInference * self)
{
  return self->dim;
}

guint64
gst_supcon_inference_version (const GstSupconInference * self)
{
  return self->version;
}

guint64
gst_supcon_inference_fingerprint (const GstSupconInference * self)
{
  return self->fingerprint;
}

const gchar *
gst_supcon_inference_name (const GstSupconInference * self)
{
  return gst_supcon_model_source_name (self->source);
}

static void
reserve (GstSupconInference * self, guint n)
{
  const SupconModelConfig *config = supcon_model_config (self->model);

  if (n <= self->capacity)
    return;
  free_buffers (self);
  self->capacity = n;
  self->pixels = g_malloc ((gsize) n * config->input_width *
      config->input_height * 3);
  self->r = g_new (SupconReal,
      (gsize) n * supcon_model_embedding_dim (self->model));
  self->values = g_new (SupconReal, (gsize) n * self->dim);
  self->norm = g_new (SupconReal, n);
}

const gfloat *
gst_supcon_inference_run (GstSupconInference * self,
    const SupconImage * pictures, guint n, gboolean normalize)
{
  const SupconModelConfig *config = supcon_model_config (self->model);
  SupconImage target = {
    .stride = (gsize) config->input_width * 3,
    .width = config->input_width,
    .height = config->input_height,
    .channels = 3,
  };
  SupconReal *r;

  reserve (self, n);
  for (guint i = 0; i < n; i++) {
    target.pixels = self->pixels + i * target.stride * target.height;
    supcon_augmenter_apply (self->augmenter, self->program, 0, 0, 0,
        &pictures[i], &target);
  }
  /* Somebody waits for the frame, nobody for a step of the training beside. */
  supcon_parallel_begin_urgent ();
  r = self->layer == GST_SUPCON_LAYER_EMBEDDING ? self->values : self->r;
  supcon_model_embed (self->model, self->pixels, n, r);
  if (self->layer == GST_SUPCON_LAYER_PROJECTION)
    supcon_model_project (self->model, r, n, self->values);
  else if (self->layer == GST_SUPCON_LAYER_LOGITS)
    supcon_model_classify (self->model, r, n, self->values);
  if (normalize)
    supcon_normalize_forward (n, self->dim, self->values, self->values,
        self->norm);
  supcon_parallel_end_urgent ();
  return self->values;
}
