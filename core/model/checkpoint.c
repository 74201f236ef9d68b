/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/checkpoint.h"

#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "error.h"
#include "file.h"
#include "model/checkpoint_metadata.h"
#include "model/checkpoint_queue.h"
#include "model/safetensors.h"

#define RUNNING_MEAN ".running_mean"
#define BATCHES_TRACKED ".num_batches_tracked"
#define MAX_TENSOR_NAME 128

/* What training keeps for each tensor, and its prefix in a file. */
#define N_STATES 3
static const char *const state_prefixes[N_STATES] = { "optimizer.momentum.", "optimizer.square.", "optimizer.weight." };

static SupconReal *
state_of (const SupconParam *param, guint state)
{
  SupconReal *const states[N_STATES] = { param->velocity, param->squares, param->average };

  return states[state];
}

void
supcon_checkpoint_info_clear (SupconCheckpointInfo *info)
{
  g_clear_pointer (&info->labels, supcon_labels_free);
  g_clear_pointer (&info->queue, supcon_queue_free);
  g_clear_pointer (&info->logits, supcon_queue_free);
  *info = (SupconCheckpointInfo){ 0 };
}

/* A 4-dimensional weight seen as out x in x k (OIHW, a file's) or k x in x out (HWIO, ours); others have one order. */
typedef struct {
  gsize out, in, k;
} Layout;

static Layout
layout_of (const SupconParam *param)
{
  if (param->n_dims == 4)
    return (Layout){ param->dims[0], param->dims[1], param->dims[2] * param->dims[3] };
  return (Layout){ 1, param->size, 1 };
}

/* Output channels that are gathered at once: the values of a cache line. */
#define BLOCK 16

/* FALSE: a value is not a finite number. */
static gboolean
write_values (SupconSafetensorsWriter *writer, const SupconParam *param, const SupconReal *values)
{
  Layout l = layout_of (param);
  gboolean finite = TRUE;
  guint32 *buffer = g_new (guint32, MIN (BLOCK, l.out) * l.in * l.k);

  for (gsize o = 0; o < l.out; o += BLOCK) {
    gsize n = MIN (BLOCK, l.out - o);

    for (gsize i = 0; i < l.in; i++)
      for (gsize k = 0; k < l.k; k++)
        for (gsize b = 0; b < n; b++) {
          float value = values[(k * l.in + i) * l.out + o + b];
          guint32 bits;

          finite &= isfinite (value);
          memcpy (&bits, &value, sizeof bits);
          buffer[(b * l.in + i) * l.k + k] = GUINT32_TO_LE (bits);
        }
    supcon_safetensors_writer_write (writer, buffer, n * l.in * l.k * sizeof *buffer);
  }
  g_free (buffer);
  return finite;
}

/* What load would refuse is not written in the first place. A classifier that was not trained since new labels came has
 * no rows for them, so they stay away; without a classifier all labels are kept. */
static gboolean
count_labels (SupconModel *model, const SupconLabels *labels, guint *n, GError **error)
{
  guint n_classes = supcon_model_n_classes (model);

  *n = labels ? supcon_labels_count (labels) : 0;
  if (*n < n_classes) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%u labels for a classifier of %u classes; expected as many of both", *n, n_classes);
    return FALSE;
  }
  if (n_classes > 0)
    *n = n_classes;
  if (*n > SUPCON_CHECKPOINT_MAX_CLASSES) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS, "%u labels, of which a checkpoint holds at most %d", *n,
        SUPCON_CHECKPOINT_MAX_CLASSES);
    return FALSE;
  }
  for (guint i = 0; i < *n; i++)
    if (!g_utf8_validate (supcon_labels_name (labels, i), -1, NULL)) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS, "label %u is not valid UTF-8", i);
      return FALSE;
    }
  return TRUE;
}

gboolean
supcon_checkpoint_save (const char *location, SupconModel *model, const SupconCheckpointInfo *info, GError **error)
{
  const guint64 batches = GUINT64_TO_LE (info->step);
  SupconSafetensorsWriter *writer;
  const SupconParam *params;
  char name[MAX_TENSOR_NAME];
  const char *broken = NULL; /* a tensor that load would refuse */
  gboolean done = FALSE;
  guint n_labels, n;

  if (!count_labels (model, info->labels, &n_labels, error))
    return FALSE;
  writer = supcon_safetensors_writer_new (location, error);
  if (!writer)
    return FALSE;
  params = supcon_model_params (model, &n);

  /* PyTorch's strict loading wants a number of batches for each BatchNorm; first, where eight bytes are aligned. */
  supcon_checkpoint_metadata_add (writer, supcon_model_config (model), info, n_labels);
  for (guint i = 0; i < n; i++)
    if (g_str_has_suffix (params[i].name, RUNNING_MEAN)) {
      gsize stem = strlen (params[i].name) - strlen (RUNNING_MEAN);

      g_snprintf (name, sizeof name, "%.*s" BATCHES_TRACKED, (int)stem, params[i].name);
      supcon_safetensors_writer_add_tensor (writer, name, SUPCON_DTYPE_I64, 0, NULL);
    }
  supcon_checkpoint_queue_add_integers (&supcon_checkpoint_past, writer, info->queue);
  supcon_checkpoint_queue_add_integers (&supcon_checkpoint_logits, writer, info->logits);
  for (guint i = 0; i < n; i++)
    supcon_safetensors_writer_add_tensor (writer, params[i].name, SUPCON_DTYPE_F32, params[i].n_dims, params[i].dims);
  for (guint k = 0; k < N_STATES; k++)
    for (guint i = 0; i < n; i++)
      if (state_of (&params[i], k)) {
        g_snprintf (name, sizeof name, "%s%s", state_prefixes[k], params[i].name);
        supcon_safetensors_writer_add_tensor (writer, name, SUPCON_DTYPE_F32, params[i].n_dims, params[i].dims);
      }
  supcon_checkpoint_queue_add_rows (&supcon_checkpoint_past, writer, info->queue);
  supcon_checkpoint_queue_add_rows (&supcon_checkpoint_logits, writer, info->logits);

  for (guint i = 0; i < n; i++)
    if (g_str_has_suffix (params[i].name, RUNNING_MEAN))
      supcon_safetensors_writer_write (writer, &batches, sizeof batches);
  supcon_checkpoint_queue_write_integers (writer, info->queue, n_labels);
  supcon_checkpoint_queue_write_integers (writer, info->logits, n_labels);
  for (guint i = 0; i < n; i++)
    if (!write_values (writer, &params[i], params[i].average ? params[i].average : params[i].data))
      broken = params[i].name;
  for (guint k = 0; k < N_STATES; k++)
    for (guint i = 0; i < n; i++) {
      const SupconReal *values = state_of (&params[i], k);

      if (values && !write_values (writer, &params[i], values == params[i].average ? params[i].data : values))
        broken = params[i].name;
    }
  if (!supcon_checkpoint_queue_write_rows (writer, info->queue))
    broken = supcon_checkpoint_past.rows;
  if (!supcon_checkpoint_queue_write_rows (writer, info->logits))
    broken = supcon_checkpoint_logits.rows;
  if (broken)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NUMERIC,
        "step %" G_GUINT64_FORMAT
        ": %s, or what training keeps for it, is not made of finite numbers; %s stays as it was",
        info->step, broken, location);
  else
    done = supcon_safetensors_writer_finish (writer, error);
  supcon_safetensors_writer_free (writer);
  return done;
}

gboolean
supcon_checkpoint_check_writable (const char *location, GError **error)
{
  SupconSafetensorsWriter *writer;

  supcon_safetensors_remove_stale (location);
  writer = supcon_safetensors_writer_new (location, error);
  supcon_safetensors_writer_free (writer);
  return writer != NULL;
}

gboolean
supcon_checkpoint_check_room (const char *location, SupconModel *model, GError **error)
{
  SupconSafetensorsWriter *writer = supcon_safetensors_writer_new (location, error);
  gboolean has_room;
  gsize values = 0;
  guint n;

  if (!writer)
    return FALSE;
  for (const SupconParam *param = supcon_model_params (model, &n), *end = param + n; param < end; param++) {
    values += param->size;
    for (guint k = 0; k < N_STATES; k++)
      values += state_of (param, k) ? param->size : 0;
  }
  has_room = supcon_safetensors_writer_reserve (writer, values * sizeof (float), error);
  supcon_safetensors_writer_free (writer);
  return has_room;
}

/* supcon_model_new takes memory by a configuration that need not be true: the file has to hold about as many weights.
 */
static gboolean
check_size (const SupconSafetensors *file, const SupconModelConfig *config, gboolean ours, GError **error)
{
  SupconModelConfig expected_config = *config;
  const SupconTensor *tensors;
  double expected, found = 0;
  guint n;

  if (!ours)
    expected_config.projection = SUPCON_PROJECTION_NONE;
  expected = supcon_model_count_weights (&expected_config, error);
  if (expected < 0)
    return FALSE;
  tensors = supcon_safetensors_tensors (file, &n);
  for (guint i = 0; i < n; i++)
    found += tensors[i].size;
  /* Room for rounded channels. */
  if (expected > 2 * found + 1e6)
    return supcon_format_error (error, "%s of width %g has about %.3g weights, the file holds %.3g", config->encoder,
        config->width, expected, found);
  return TRUE;
}

/* The file's name for a tensor of the model. */
static const SupconTensor *
find_tensor (const SupconSafetensors *file, gboolean ours, const char *name)
{
  char other[MAX_TENSOR_NAME];

  if (!ours && g_str_has_prefix (name, "classifier.")) {
    g_snprintf (other, sizeof other, "fc.%s", name + strlen ("classifier."));
    name = other;
  }
  return supcon_safetensors_find (file, name);
}

static gboolean
count_classes (const SupconSafetensors *file, gboolean ours, gsize dim, guint *n_classes, GError **error)
{
  const SupconTensor *weight = find_tensor (file, ours, "classifier.weight");
  char *shape;

  *n_classes = 0;
  if (!weight)
    return TRUE;
  if (weight->n_dims == 2 && weight->dims[0] <= SUPCON_CHECKPOINT_MAX_CLASSES && weight->dims[1] == dim) {
    *n_classes = weight->dims[0];
    return TRUE;
  }
  shape = supcon_shape_to_string (weight->dims, weight->n_dims);
  supcon_format_error (error, "tensor %s has shape %s, expected at most %d rows of %" G_GSIZE_FORMAT, weight->name,
      shape, SUPCON_CHECKPOINT_MAX_CLASSES, dim);
  g_free (shape);
  return FALSE;
}

/* From a tensor with its data. */
static gboolean
take_values (const SupconTensor *tensor, const SupconParam *param, SupconReal *values, GError **error)
{
  gboolean variance = g_str_has_suffix (param->name, ".running_var");
  Layout l = layout_of (param);
  gsize at = 0;

  for (gsize o = 0; o < l.out; o++)
    for (gsize i = 0; i < l.in; i++)
      for (gsize k = 0; k < l.k; k++, at++) {
        SupconReal value = supcon_tensor_get (tensor, at);

        if (!isfinite (value))
          return supcon_format_error (
              error, "tensor %s: element %" G_GSIZE_FORMAT " is not a finite number", tensor->name, at);
        if (variance && value < 0)
          return supcon_format_error (error,
              "tensor %s: element %" G_GSIZE_FORMAT " is %g; expected a variance, of 0 or more", tensor->name, at,
              (double)value);
        values[(k * l.in + i) * l.out + o] = value;
      }
  return TRUE;
}

static gboolean
read_values (const SupconSafetensors *file, const SupconTensor *tensor, const SupconParam *param, SupconReal *values,
    GError **error)
{
  g_autofree guint8 *bytes = NULL;
  SupconTensor loaded = *tensor;

  if (tensor->n_dims != param->n_dims || memcmp (tensor->dims, param->dims, param->n_dims * sizeof *param->dims) != 0) {
    char *found = supcon_shape_to_string (tensor->dims, tensor->n_dims);
    char *expected = supcon_shape_to_string (param->dims, param->n_dims);

    supcon_format_error (error, "tensor %s has shape %s, expected %s", tensor->name, found, expected);
    g_free (found);
    g_free (expected);
    return FALSE;
  }
  if (!supcon_tensor_is_real (tensor))
    return supcon_format_error (error, "tensor %s has dtype %s, expected F32, F16, BF16 or F64", tensor->name,
        supcon_dtype_name (tensor->dtype));
  bytes = supcon_safetensors_read (file, tensor, error);
  loaded.data = bytes;
  return bytes && take_values (&loaded, param, values, error);
}

/* The file's tensors tell what training kept. */
static void
enable_states (const SupconTensor *tensors, guint n, SupconModel *model)
{
  gboolean found[N_STATES] = { FALSE };

  for (guint i = 0; i < n; i++)
    for (guint k = 0; k < N_STATES; k++)
      found[k] |= g_str_has_prefix (tensors[i].name, state_prefixes[k]);
  if (found[0])
    supcon_model_enable_training (model);
  supcon_model_set_state (model, (found[1] ? SUPCON_STATE_SQUARES : 0) | (found[2] ? SUPCON_STATE_AVERAGE : 0));
}

static gboolean
read_tensors (const SupconSafetensors *file, gboolean ours, SupconModel *model, GError **error)
{
  guint n_tensors, n;
  const SupconTensor *tensors = supcon_safetensors_tensors (file, &n_tensors), *tensor;
  g_autofree gboolean *used = g_new0 (gboolean, n_tensors);
  const SupconParam *params;
  char name[MAX_TENSOR_NAME];

  if (ours)
    enable_states (tensors, n_tensors, model);
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++) {
    tensor = find_tensor (file, ours, params[i].name);
    if (!tensor && !ours && params[i].part == SUPCON_PART_PROJECTION)
      continue;
    if (!tensor)
      return supcon_format_error (error, "tensor %s is missing", params[i].name);
    if (!read_values (file, tensor, &params[i], params[i].data, error))
      return FALSE;
    used[tensor - tensors] = TRUE;
    for (guint k = 0; k < N_STATES; k++) {
      SupconReal *values = state_of (&params[i], k);

      if (!values)
        continue;
      g_snprintf (name, sizeof name, "%s%s", state_prefixes[k], params[i].name);
      tensor = supcon_safetensors_find (file, name);
      if (!tensor)
        return supcon_format_error (error, "tensor %s is missing", name);
      if (!read_values (file, tensor, &params[i], values, error))
        return FALSE;
      used[tensor - tensors] = TRUE;
    }
  }

  for (guint i = 0; i < n_tensors; i++)
    if (!used[i] && !g_str_has_suffix (tensors[i].name, BATCHES_TRACKED)
        && !(ours
             && (supcon_checkpoint_queue_has (&supcon_checkpoint_past, tensors[i].name)
                 || (supcon_model_n_classes (model) > 0
                     && supcon_checkpoint_queue_has (&supcon_checkpoint_logits, tensors[i].name)))))
      return supcon_format_error (
          error, "tensor %s is not one of %s's", tensors[i].name, supcon_model_config (model)->encoder);
  return TRUE;
}

static gboolean
load_as (const SupconSafetensors *file, gboolean ours, const SupconModelConfig *config, SupconModel **model,
    SupconCheckpointInfo *info, GError **error)
{
  guint n_classes;

  if (!check_size (file, config, ours, error))
    return FALSE;
  *model = supcon_model_new (config, 0, error);
  if (!*model || !count_classes (file, ours, supcon_model_embedding_dim (*model), &n_classes, error))
    return FALSE;
  if (!ours)
    supcon_labels_add_numbers (info->labels, n_classes);
  else if (!supcon_checkpoint_metadata_read_info (file, n_classes, info, error))
    return FALSE;
  supcon_model_set_n_classes (*model, n_classes);
  if (ours
      && !supcon_checkpoint_queue_read (&supcon_checkpoint_past, file, supcon_model_projection_dim (*model),
          supcon_labels_count (info->labels), &info->queue, error))
    return FALSE;
  /* Logits are a classifier's. */
  if (ours && n_classes > 0
      && !supcon_checkpoint_queue_read (&supcon_checkpoint_logits, file, n_classes, n_classes, &info->logits, error))
    return FALSE;
  return read_tensors (file, ours, *model, error);
}

static gboolean
load (const SupconSafetensors *file, const SupconModelConfig *fallback, SupconModel **model, SupconCheckpointInfo *info,
    GError **error)
{
  gboolean ours = supcon_checkpoint_metadata_is_ours (file);
  const char *format = supcon_safetensors_metadata (file, "format");
  SupconModelConfig config;

  if (!ours && format && g_str_has_prefix (format, "gst-supcon"))
    return supcon_format_error (error, "is of format %s; expected a model, as supcontrainer writes", format);
  if (!ours && !fallback) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "does not say what network it is of (no gst-supcon metadata); expected a checkpoint that supcontrainer wrote, "
        "by stage=finetune with init-location and encoder for example");
    return FALSE;
  }
  if (ours && !supcon_checkpoint_metadata_read_config (file, &config, error))
    return FALSE;
  if (ours)
    return load_as (file, TRUE, &config, model, info, error);
  if (load_as (file, FALSE, fallback, model, info, error))
    return TRUE;
  g_prefix_error (error, "read as encoder %s with stem %s, since it does not say what it is of: ", fallback->encoder,
      supcon_checkpoint_metadata_stem_name (fallback->stem));
  return FALSE;
}

SupconModel *
supcon_checkpoint_load (
    const char *location, const SupconModelConfig *fallback, SupconCheckpointInfo *info, GError **error)
{
  SupconSafetensors *file;
  SupconModel *model = NULL;

  *info = (SupconCheckpointInfo){ .temperature = 1 };
  file = supcon_safetensors_open (location, error);
  if (!file)
    return NULL;
  info->labels = supcon_labels_new ();
  if (!load (file, fallback, &model, info, error)) {
    char *shown = g_filename_display_name (location);

    g_prefix_error (error, "%s: ", shown);
    g_free (shown);
    g_clear_pointer (&model, supcon_model_free);
    supcon_checkpoint_info_clear (info);
  }
  supcon_safetensors_free (file);
  return model;
}

gboolean
supcon_checkpoint_check_replaced (const char *location, guint64 *step, GError **error)
{
  SupconCheckpointInfo info = { .labels = supcon_labels_new () };
  SupconSafetensors *file = NULL;
  GError *cause = NULL;
  GStatBuf status;
  gboolean good;

  *step = 0;
  if (!supcon_file_stat (location, &status, error)) {
    supcon_checkpoint_info_clear (&info);
    return FALSE;
  }
  good = status.st_size == 0; /* nothing, or an empty file */
  if (!good) {
    file = supcon_safetensors_open (location, &cause);
    good = file && supcon_checkpoint_metadata_is_ours (file)
           && supcon_checkpoint_metadata_read_info (file, 0, &info, &cause);
    *step = info.step;
  }
  if (!good) {
    char *shown = g_filename_display_name (location);

    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s is there and is no checkpoint of supcontrainer (%s); expected a new name, or that of a checkpoint to "
        "replace",
        shown, cause ? cause->message : "its metadata say so");
    g_free (shown);
  }
  g_clear_error (&cause);
  supcon_safetensors_free (file);
  supcon_checkpoint_info_clear (&info);
  return good;
}
