/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/checkpoint.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "model/checkpoint_queue.h"
#include "model/safetensors.h"

#define FORMAT "gst-supcon"
#define VERSION "1"
#define RUNNING_MEAN ".running_mean"
#define BATCHES_TRACKED ".num_batches_tracked"
#define MAX_PIXELS 16384
#define MAX_PROJECTION 65536
#define MAX_CLASSES 1000000
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

static const char *const stem_names[] = { "imagenet", "small", NULL };
static const char *const projection_names[] = { "mlp", "linear", "none", NULL };

void
supcon_checkpoint_info_clear (SupconCheckpointInfo *info)
{
  g_clear_pointer (&info->labels, supcon_labels_free);
  g_clear_pointer (&info->queue, supcon_queue_free);
  info->stage[0] = info->optimizer[0] = '\0';
  info->step = info->frames = 0;
  info->temperature = 0;
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

static void
write_values (SupconSafetensorsWriter *writer, const SupconParam *param, const SupconReal *values)
{
  Layout l = layout_of (param);
  guint32 *buffer = g_new (guint32, MIN (BLOCK, l.out) * l.in * l.k);

  for (gsize o = 0; o < l.out; o += BLOCK) {
    gsize n = MIN (BLOCK, l.out - o);

    for (gsize i = 0; i < l.in; i++)
      for (gsize k = 0; k < l.k; k++)
        for (gsize b = 0; b < n; b++) {
          float value = values[(k * l.in + i) * l.out + o + b];
          guint32 bits;

          memcpy (&bits, &value, sizeof bits);
          buffer[(b * l.in + i) * l.k + k] = GUINT32_TO_LE (bits);
        }
    supcon_safetensors_writer_write (writer, buffer, n * l.in * l.k * sizeof *buffer);
  }
  g_free (buffer);
}

/* The shortest of the precisions that reads back as the same number, so that 0.1 is written as 0.1. */
static const char *
format_double (double value, char buffer[G_ASCII_DTOSTR_BUF_SIZE])
{
  g_ascii_formatd (buffer, G_ASCII_DTOSTR_BUF_SIZE, "%.15g", value);
  return g_ascii_strtod (buffer, NULL) == value ? buffer : g_ascii_dtostr (buffer, G_ASCII_DTOSTR_BUF_SIZE, value);
}

static void
add_double (SupconSafetensorsWriter *writer, const char *key, double value)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  supcon_safetensors_writer_add_metadata (writer, key, format_double (value, buffer));
}

static void
add_triple (SupconSafetensorsWriter *writer, const char *key, const double value[3])
{
  char buffer[3][G_ASCII_DTOSTR_BUF_SIZE];
  char *text = g_strdup_printf ("%s %s %s", format_double (value[0], buffer[0]), format_double (value[1], buffer[1]),
      format_double (value[2], buffer[2]));

  supcon_safetensors_writer_add_metadata (writer, key, text);
  g_free (text);
}

static void
add_uint (SupconSafetensorsWriter *writer, const char *key, guint64 value)
{
  char text[24];

  g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT, value);
  supcon_safetensors_writer_add_metadata (writer, key, text);
}

static void
add_labels (SupconSafetensorsWriter *writer, const SupconLabels *labels, guint n)
{
  JsonArray *array = json_array_new ();
  JsonNode *root = json_node_init_array (json_node_alloc (), array);
  char *text;

  for (guint i = 0; i < n; i++)
    json_array_add_string_element (array, supcon_labels_name (labels, i));
  text = json_to_string (root, FALSE);
  supcon_safetensors_writer_add_metadata (writer, "labels", text);
  g_free (text);
  json_node_unref (root);
  json_array_unref (array);
}

static void
add_metadata (
    SupconSafetensorsWriter *writer, const SupconModelConfig *config, const SupconCheckpointInfo *info, guint n_labels)
{
  supcon_safetensors_writer_add_metadata (writer, "format", FORMAT);
  supcon_safetensors_writer_add_metadata (writer, "version", VERSION);
  supcon_safetensors_writer_add_metadata (writer, "encoder", config->encoder);
  supcon_safetensors_writer_add_metadata (writer, "stem", stem_names[config->stem]);
  add_double (writer, "width", config->width);
  add_uint (writer, "input-width", config->input_width);
  add_uint (writer, "input-height", config->input_height);
  add_triple (writer, "mean", config->mean);
  add_triple (writer, "std", config->std);
  supcon_safetensors_writer_add_metadata (writer, "projection", projection_names[config->projection]);
  add_uint (writer, "projection-dim", config->projection_dim);
  add_uint (writer, "projection-hidden", config->projection_hidden);
  add_labels (writer, info->labels, n_labels);
  supcon_safetensors_writer_add_metadata (writer, "stage", info->stage);
  add_uint (writer, "step", info->step);
  add_uint (writer, "frames", info->frames);
  if (info->temperature > 0)
    add_double (writer, "temperature", info->temperature);
  if (*info->optimizer)
    supcon_safetensors_writer_add_metadata (writer, "optimizer", info->optimizer);
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
  gboolean done;
  guint n_labels, n;

  if (!count_labels (model, info->labels, &n_labels, error))
    return FALSE;
  writer = supcon_safetensors_writer_new (location, error);
  if (!writer)
    return FALSE;
  params = supcon_model_params (model, &n);

  /* PyTorch's strict loading wants a number of batches for each BatchNorm; first, where eight bytes are aligned. */
  add_metadata (writer, supcon_model_config (model), info, n_labels);
  for (guint i = 0; i < n; i++)
    if (g_str_has_suffix (params[i].name, RUNNING_MEAN)) {
      gsize stem = strlen (params[i].name) - strlen (RUNNING_MEAN);

      g_snprintf (name, sizeof name, "%.*s" BATCHES_TRACKED, (int)stem, params[i].name);
      supcon_safetensors_writer_add_tensor (writer, name, SUPCON_DTYPE_I64, 0, NULL);
    }
  supcon_checkpoint_queue_add_integers (writer, info->queue);
  for (guint i = 0; i < n; i++)
    supcon_safetensors_writer_add_tensor (writer, params[i].name, SUPCON_DTYPE_F32, params[i].n_dims, params[i].dims);
  for (guint k = 0; k < N_STATES; k++)
    for (guint i = 0; i < n; i++)
      if (state_of (&params[i], k)) {
        g_snprintf (name, sizeof name, "%s%s", state_prefixes[k], params[i].name);
        supcon_safetensors_writer_add_tensor (writer, name, SUPCON_DTYPE_F32, params[i].n_dims, params[i].dims);
      }
  supcon_checkpoint_queue_add_embeddings (writer, info->queue);

  for (guint i = 0; i < n; i++)
    if (g_str_has_suffix (params[i].name, RUNNING_MEAN))
      supcon_safetensors_writer_write (writer, &batches, sizeof batches);
  supcon_checkpoint_queue_write_integers (writer, info->queue, n_labels);
  for (guint i = 0; i < n; i++)
    write_values (writer, &params[i], params[i].average ? params[i].average : params[i].data);
  for (guint k = 0; k < N_STATES; k++)
    for (guint i = 0; i < n; i++) {
      const SupconReal *values = state_of (&params[i], k);

      if (values)
        write_values (writer, &params[i], values == params[i].average ? params[i].data : values);
    }
  supcon_checkpoint_queue_write_embeddings (writer, info->queue);
  done = supcon_safetensors_writer_finish (writer, error);
  supcon_safetensors_writer_free (writer);
  return done;
}

gboolean
supcon_checkpoint_check_writable (const char *location, GError **error)
{
  SupconSafetensorsWriter *writer = supcon_safetensors_writer_new (location, error);

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

/* A value may be as long as the file: an error shows its beginning. */
static gboolean
fail_value (GError **error, const char *key, const char *value, const char *expected)
{
  char *shown = g_utf8_make_valid (value, strnlen (value, 60));

  supcon_format_error (error, "metadata %s is \"%s\", expected %s", key, shown, expected);
  g_free (shown);
  return FALSE;
}

static const char *
get_string (const SupconSafetensors *file, const char *key, GError **error)
{
  const char *value = supcon_safetensors_metadata (file, key);

  if (!value)
    supcon_format_error (error, "metadata %s is missing", key);
  return value;
}

static gboolean
get_uint (const SupconSafetensors *file, const char *key, guint64 min, guint64 max, guint64 *value, GError **error)
{
  const char *text = get_string (file, key, error);
  char expected[64];

  if (!text)
    return FALSE;
  if (g_ascii_string_to_unsigned (text, 10, min, max, value, NULL))
    return TRUE;
  g_snprintf (expected, sizeof expected, "a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, min, max);
  return fail_value (error, key, text, expected);
}

/* n numbers with a space between. */
static gboolean
get_doubles (
    const SupconSafetensors *file, const char *key, guint n, double min, double max, double *values, GError **error)
{
  const char *text = get_string (file, key, error), *at = text;
  char expected[64];
  guint i;

  if (!text)
    return FALSE;
  for (i = 0; i < n; i++) {
    char *end;

    /* strtod itself would pass over white space. */
    values[i] = g_ascii_isspace (*at) ? NAN : g_ascii_strtod (at, &end);
    if (!(values[i] >= min && values[i] <= max) || end == at || *end != (i + 1 < n ? ' ' : '\0'))
      break;
    at = end + 1;
  }
  if (i == n)
    return TRUE;
  g_snprintf (expected, sizeof expected, "%u number%s from %g to %g", n, n > 1 ? "s" : "", min, max);
  return fail_value (error, key, text, expected);
}

static gboolean
get_enum (const SupconSafetensors *file, const char *key, const char *const *names, guint *value, GError **error)
{
  const char *text = get_string (file, key, error);
  char *expected;

  if (!text)
    return FALSE;
  for (*value = 0; names[*value]; (*value)++)
    if (g_str_equal (text, names[*value]))
      return TRUE;
  expected = g_strjoinv (" or ", (char **)names);
  fail_value (error, key, text, expected);
  g_free (expected);
  return FALSE;
}

/* A short string into a buffer of size bytes. */
static gboolean
get_name (const SupconSafetensors *file, const char *key, char *name, gsize size, GError **error)
{
  const char *text = get_string (file, key, error);

  if (!text)
    return FALSE;
  if (g_strlcpy (name, text, size) < size)
    return TRUE;
  return fail_value (error, key, text, "a name of at most 15 bytes");
}

static gboolean
read_config (const SupconSafetensors *file, SupconModelConfig *config, GError **error)
{
  const char *version = get_string (file, "version", error);
  guint64 width, height, dim, hidden;
  guint stem, projection;

  if (!version)
    return FALSE;
  if (!g_str_equal (version, VERSION))
    return fail_value (error, "version", version, "\"" VERSION "\" (a newer gst-supcon may have written it)");
  supcon_model_config_init (config);
  if (!get_name (file, "encoder", config->encoder, sizeof config->encoder, error)
      || !get_enum (file, "stem", stem_names, &stem, error)
      || !get_doubles (file, "width", 1, 1e-3, 8, &config->width, error)
      || !get_uint (file, "input-width", 1, MAX_PIXELS, &width, error)
      || !get_uint (file, "input-height", 1, MAX_PIXELS, &height, error)
      || !get_doubles (file, "mean", 3, -1e3, 1e3, config->mean, error)
      || !get_doubles (file, "std", 3, 1e-6, 1e3, config->std, error)
      || !get_enum (file, "projection", projection_names, &projection, error)
      || !get_uint (file, "projection-dim", projection == SUPCON_PROJECTION_NONE ? 0 : 1, MAX_PROJECTION, &dim, error)
      || !get_uint (file, "projection-hidden", 0, MAX_PROJECTION, &hidden, error))
    return FALSE;
  config->stem = stem;
  config->projection = projection;
  config->input_width = width;
  config->input_height = height;
  config->projection_dim = dim;
  config->projection_hidden = hidden;
  return TRUE;
}

static gboolean
parse_labels (const char *text, SupconLabels *labels, GError **error)
{
  JsonNode *root = supcon_json_parse (text, strlen (text), 1, error);
  gboolean good = TRUE;
  JsonArray *array;

  if (!root) {
    g_prefix_error (error, "metadata labels: ");
    return FALSE;
  }
  array = JSON_NODE_HOLDS_ARRAY (root) ? json_node_get_array (root) : NULL;
  if (!array || json_array_get_length (array) > MAX_CLASSES)
    good = supcon_format_error (error, "metadata labels is not a JSON array of at most %d strings", MAX_CLASSES);
  for (guint i = 0; good && i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    const char *label = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;

    if (!label || !g_utf8_validate (label, -1, NULL))
      good = supcon_format_error (error, "metadata labels: entry %u is not a string of valid UTF-8", i);
    else if (supcon_labels_add (labels, label) != i)
      good = supcon_format_error (error, "metadata labels: entry %u is there twice, expected unique labels", i);
  }
  json_node_unref (root);
  return good;
}

/* n_classes: rows of the classifier; 0 when there is none, then the labels are those that the encoder was trained
 * with. */
static gboolean
read_info (const SupconSafetensors *file, guint n_classes, SupconCheckpointInfo *info, GError **error)
{
  const char *labels = get_string (file, "labels", error);

  if (!labels || !parse_labels (labels, info->labels, error)
      || !get_name (file, "stage", info->stage, sizeof info->stage, error)
      || !get_uint (file, "step", 0, G_MAXINT64, &info->step, error)
      /* Files of before it was counted have none. */
      || (supcon_safetensors_metadata (file, "frames")
          && !get_uint (file, "frames", 0, G_MAXINT64, &info->frames, error))
      || (supcon_safetensors_metadata (file, "temperature")
          && !get_doubles (file, "temperature", 1, 1e-3, 1e3, &info->temperature, error))
      || (supcon_safetensors_metadata (file, "optimizer")
          && !get_name (file, "optimizer", info->optimizer, sizeof info->optimizer, error)))
    return FALSE;
  if (n_classes > 0 && supcon_labels_count (info->labels) != n_classes)
    return supcon_format_error (error, "metadata labels has %u entries, expected %u as classifier.weight has rows",
        supcon_labels_count (info->labels), n_classes);
  return TRUE;
}

/* supcon_model_new takes memory by a configuration that need not be true. A narrow twin tells how many weights there
 * would be, as their number grows with the square of the width; the file has to hold about as many. */
static gboolean
check_size (const SupconSafetensors *file, const SupconModelConfig *config, gboolean ours, GError **error)
{
  SupconModelConfig narrow = *config;
  double expected = 0, found = 0, ratio, dim, hidden;
  const SupconTensor *tensors;
  SupconModel *twin;
  guint n;

  narrow.width = 1.0 / 16;
  narrow.projection = SUPCON_PROJECTION_NONE;
  ratio = config->width / narrow.width;
  twin = supcon_model_new (&narrow, 0, error);
  if (!twin)
    return FALSE;
  for (const SupconParam *param = supcon_model_params (twin, &n), *end = param + n; param < end; param++)
    expected += param->size * (param->n_dims > 1 ? ratio * ratio : ratio);
  dim = supcon_model_embedding_dim (twin) * ratio;
  supcon_model_free (twin);
  hidden = config->projection_hidden ? config->projection_hidden : dim;
  if (ours && config->projection == SUPCON_PROJECTION_MLP)
    expected += hidden * (dim + config->projection_dim);
  else if (ours && config->projection == SUPCON_PROJECTION_LINEAR)
    expected += dim * config->projection_dim;

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
  if (weight->n_dims == 2 && weight->dims[0] <= MAX_CLASSES && weight->dims[1] == dim) {
    *n_classes = weight->dims[0];
    return TRUE;
  }
  shape = supcon_shape_to_string (weight->dims, weight->n_dims);
  supcon_format_error (error, "tensor %s has shape %s, expected at most %d rows of %" G_GSIZE_FORMAT, weight->name,
      shape, MAX_CLASSES, dim);
  g_free (shape);
  return FALSE;
}

static gboolean
read_values (const SupconTensor *tensor, const SupconParam *param, SupconReal *values, GError **error)
{
  Layout l = layout_of (param);
  gsize at = 0;

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
  for (gsize o = 0; o < l.out; o++)
    for (gsize i = 0; i < l.in; i++)
      for (gsize k = 0; k < l.k; k++, at++) {
        SupconReal value = supcon_tensor_get (tensor, at);

        if (!isfinite (value))
          return supcon_format_error (
              error, "tensor %s: element %" G_GSIZE_FORMAT " is not a finite number", tensor->name, at);
        values[(k * l.in + i) * l.out + o] = value;
      }
  return TRUE;
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
    if (!read_values (tensor, &params[i], params[i].data, error))
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
      if (!read_values (tensor, &params[i], values, error))
        return FALSE;
      used[tensor - tensors] = TRUE;
    }
  }

  for (guint i = 0; i < n_tensors; i++)
    if (!used[i] && !g_str_has_suffix (tensors[i].name, BATCHES_TRACKED)
        && !(ours && g_str_has_prefix (tensors[i].name, SUPCON_CHECKPOINT_QUEUE)))
      return supcon_format_error (
          error, "tensor %s is not one of %s's", tensors[i].name, supcon_model_config (model)->encoder);
  return TRUE;
}

/* The labels of a file that knows of none: the numbers of its classes. */
static void
number_labels (SupconLabels *labels, guint n_classes)
{
  for (guint i = 0; i < n_classes; i++) {
    char number[16];

    g_snprintf (number, sizeof number, "%u", i);
    supcon_labels_add (labels, number);
  }
}

static gboolean
load (const SupconSafetensors *file, const SupconModelConfig *fallback, SupconModel **model, SupconCheckpointInfo *info,
    GError **error)
{
  gboolean ours = g_strcmp0 (supcon_safetensors_metadata (file, "format"), FORMAT) == 0;
  SupconModelConfig config;
  guint n_classes;

  if (!ours && !fallback) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "does not say what network it is of (no gst-supcon metadata); expected the encoder to be given");
    return FALSE;
  }
  if (ours && !read_config (file, &config, error))
    return FALSE;
  if (!ours)
    config = *fallback;
  if (!check_size (file, &config, ours, error))
    return FALSE;
  *model = supcon_model_new (&config, 0, error);
  if (!*model || !count_classes (file, ours, supcon_model_embedding_dim (*model), &n_classes, error))
    return FALSE;
  if (!ours)
    number_labels (info->labels, n_classes);
  else if (!read_info (file, n_classes, info, error))
    return FALSE;
  supcon_model_set_n_classes (*model, n_classes);
  if (ours
      && !supcon_checkpoint_queue_read (
          file, supcon_model_projection_dim (*model), supcon_labels_count (info->labels), &info->queue, error))
    return FALSE;
  return read_tensors (file, ours, *model, error);
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
