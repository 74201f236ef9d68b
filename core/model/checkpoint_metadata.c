/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/checkpoint_metadata.h"

#include <math.h>
#include <string.h>

#define FORMAT "gst-supcon"
#define VERSION "1"

static const char *const stem_names[] = { "imagenet", "small", NULL };
static const char *const projection_names[] = { "mlp", "linear", "none", NULL };

const char *
supcon_checkpoint_metadata_stem_name (SupconStem stem)
{
  return stem_names[stem];
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

void
supcon_checkpoint_metadata_add (
    SupconSafetensorsWriter *writer, const SupconModelConfig *config, const SupconCheckpointInfo *info, guint n_labels)
{
  supcon_safetensors_writer_add_metadata (writer, "format", FORMAT);
  supcon_safetensors_writer_add_metadata (writer, "version", VERSION);
  supcon_safetensors_writer_add_metadata (writer, "encoder", config->encoder);
  supcon_safetensors_writer_add_metadata (writer, "stem", supcon_checkpoint_metadata_stem_name (config->stem));
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
  if (info->batch_size > 0)
    add_uint (writer, "batch-size", info->batch_size);
  if (info->temperature > 0)
    add_double (writer, "temperature", info->temperature);
  if (info->validated) {
    add_double (writer, "best-accuracy", info->best_accuracy);
    add_uint (writer, "worse-validations", info->worse);
  }
  if (*info->optimizer)
    supcon_safetensors_writer_add_metadata (writer, "optimizer", info->optimizer);
}

gboolean
supcon_checkpoint_metadata_is_ours (const SupconSafetensors *file)
{
  return g_strcmp0 (supcon_safetensors_metadata (file, "format"), FORMAT) == 0;
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

gboolean
supcon_checkpoint_metadata_read_config (const SupconSafetensors *file, SupconModelConfig *config, GError **error)
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
      || !get_uint (file, "input-width", 1, SUPCON_MODEL_MAX_SIDE, &width, error)
      || !get_uint (file, "input-height", 1, SUPCON_MODEL_MAX_SIDE, &height, error)
      || !get_doubles (file, "mean", 3, -1e3, 1e3, config->mean, error)
      || !get_doubles (file, "std", 3, 1e-6, 1e3, config->std, error)
      || !get_enum (file, "projection", projection_names, &projection, error)
      || !get_uint (file, "projection-dim", projection == SUPCON_PROJECTION_NONE ? 0 : 1, SUPCON_MODEL_MAX_PROJECTION,
          &dim, error)
      || !get_uint (file, "projection-hidden", 0, SUPCON_MODEL_MAX_PROJECTION, &hidden, error))
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
  if (!array || json_array_get_length (array) > SUPCON_CHECKPOINT_MAX_CLASSES)
    good = supcon_format_error (
        error, "metadata labels is not a JSON array of at most %d strings", SUPCON_CHECKPOINT_MAX_CLASSES);
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

static gboolean
has (const SupconSafetensors *file, const char *key)
{
  return supcon_safetensors_metadata (file, key) != NULL;
}

gboolean
supcon_checkpoint_metadata_read_info (
    const SupconSafetensors *file, guint n_classes, SupconCheckpointInfo *info, GError **error)
{
  const char *labels = get_string (file, "labels", error);
  guint64 worse = 0, batch_size = 0;

  if (!labels || !parse_labels (labels, info->labels, error)
      || !get_name (file, "stage", info->stage, sizeof info->stage, error)
      || !get_uint (file, "step", 0, G_MAXINT64, &info->step, error))
    return FALSE;
  /* What is not in every file. */
  if ((has (file, "frames") && !get_uint (file, "frames", 0, G_MAXINT64, &info->frames, error))
      || (has (file, "batch-size") && !get_uint (file, "batch-size", 1, G_MAXUINT, &batch_size, error))
      || (has (file, "temperature") && !get_doubles (file, "temperature", 1, 1e-3, 1e3, &info->temperature, error))
      || (has (file, "optimizer") && !get_name (file, "optimizer", info->optimizer, sizeof info->optimizer, error))
      || (has (file, "best-accuracy") && !get_doubles (file, "best-accuracy", 1, 0, 1, &info->best_accuracy, error))
      || (has (file, "worse-validations") && !get_uint (file, "worse-validations", 0, G_MAXUINT, &worse, error)))
    return FALSE;
  info->validated = has (file, "best-accuracy");
  info->worse = worse;
  info->batch_size = batch_size;
  if (n_classes > 0 && supcon_labels_count (info->labels) != n_classes)
    return supcon_format_error (error, "metadata labels has %u entries, expected %u as classifier.weight has rows",
        supcon_labels_count (info->labels), n_classes);
  return TRUE;
}
