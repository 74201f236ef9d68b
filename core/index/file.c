/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "index/index_private.h"

#include <string.h>

#include "error.h"

#define FORMAT "gst-supcon-index"
#define VERSION "1"

static const char *const metrics[] = { "cosine", "inner-product" };

/* An optional column of the table: one number of dtype for each entry. *column is NULL when it is absent. */
static gboolean
find_column (const SupconSafetensors *file, const char *name, SupconDtype dtype, gsize n, const SupconTensor **column,
    GError **error)
{
  const SupconTensor *tensor = supcon_safetensors_find (file, name);

  *column = tensor;
  if (tensor && (tensor->dtype != dtype || tensor->n_dims != 1 || tensor->dims[0] != n)) {
    char *shape = supcon_shape_to_string (tensor->dims, tensor->n_dims);

    supcon_format_error (error, "tensor %s: %s of %s, expected [%" G_GSIZE_FORMAT "] of %s, one for each embedding",
        name, shape, supcon_dtype_name (tensor->dtype), n, supcon_dtype_name (dtype));
    g_free (shape);
    return FALSE;
  }
  return TRUE;
}

/* Strings, each of which a zero byte ends, into names. */
static gboolean
read_names (const SupconSafetensors *file, const char *name, SupconLabels *names, GError **error)
{
  const SupconTensor *tensor = supcon_safetensors_find (file, name);
  guint n = 0;

  if (!tensor)
    return TRUE;
  if (tensor->dtype != SUPCON_DTYPE_U8 || tensor->n_dims != 1)
    return supcon_format_error (error, "tensor %s: %s of %u dimensions, expected U8 of one", name,
        supcon_dtype_name (tensor->dtype), tensor->n_dims);
  if (tensor->size > 0 && tensor->data[tensor->size - 1] != 0)
    return supcon_format_error (error, "tensor %s: the last string is not ended by a zero byte", name);
  for (const char *at = (const char *)tensor->data; at < (const char *)tensor->data + tensor->size;
       at += strlen (at) + 1) {
    if (!g_utf8_validate (at, -1, NULL))
      return supcon_format_error (error, "tensor %s: string %u is not valid UTF-8", name, n);
    if (supcon_labels_add (names, at) != n++)
      return supcon_format_error (error, "tensor %s: \"%s\" is there twice, expected once", name, at);
  }
  return TRUE;
}

/* Numbers of names, each of which must be there. */
static gboolean
read_numbers (const SupconSafetensors *file, const char *name, gsize n, const SupconLabels *names, GArray *numbers,
    GError **error)
{
  const SupconTensor *tensor;

  if (!find_column (file, name, SUPCON_DTYPE_I32, n, &tensor, error))
    return FALSE;
  for (gsize i = 0; i < n; i++) {
    gint32 number = -1;

    if (tensor)
      memcpy (&number, tensor->data + i * sizeof number, sizeof number);
    number = GINT32_FROM_LE (number);
    if (number < -1 || number >= (gint64)supcon_labels_count (names))
      return supcon_format_error (error, "tensor %s: element %" G_GSIZE_FORMAT " is %d, expected -1 to %d", name, i,
          number, (gint)supcon_labels_count (names) - 1);
    g_array_append_val (numbers, number);
  }
  return TRUE;
}

static gboolean
read_timestamps (SupconIndex *index, gsize n, GError **error)
{
  const SupconTensor *tensor;

  if (!find_column (index->file, "timestamps", SUPCON_DTYPE_I64, n, &tensor, error))
    return FALSE;
  for (gsize i = 0; i < n; i++) {
    gint64 time = -1;

    if (tensor)
      memcpy (&time, tensor->data + i * sizeof time, sizeof time);
    time = MAX (GINT64_FROM_LE (time), -1);
    g_array_append_val (index->timestamps, time);
  }
  return TRUE;
}

/* Maps what can be used where it lies; the rest is converted. */
static void
take_embeddings (SupconIndex *index, const SupconTensor *tensor)
{
  if (tensor->dtype == SUPCON_DTYPE_F32 && sizeof (SupconReal) == sizeof (float) && G_BYTE_ORDER == G_LITTLE_ENDIAN
      && (guintptr)tensor->data % sizeof (float) == 0) {
    index->mapped = (const SupconReal *)(gconstpointer)tensor->data;
    index->n_mapped = tensor->dims[0];
    return;
  }
  for (gsize i = 0; i < tensor->dims[0]; i++) {
    SupconReal *row = supcon_index_grow (index);

    for (gsize k = 0; k < index->dim; k++)
      row[k] = supcon_tensor_get (tensor, i * index->dim + k);
  }
}

/* A file of embeddings alone says nothing of their length: they are taken as they are. */
static gboolean
read_metric (const SupconSafetensors *file, SupconMetric *metric, GError **error)
{
  const char *format = supcon_safetensors_metadata (file, "format");
  const char *version = supcon_safetensors_metadata (file, "version");
  const char *name = supcon_safetensors_metadata (file, "metric");

  *metric = SUPCON_METRIC_INNER_PRODUCT;
  if (!g_strcmp0 (format, FORMAT) && g_strcmp0 (version, VERSION))
    return supcon_format_error (error, "version %s, expected " VERSION, version ? version : "missing");
  if (!name)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (metrics); i++) {
    if (g_str_equal (name, metrics[i])) {
      *metric = i;
      return TRUE;
    }
  }
  return supcon_format_error (error, "metric \"%s\", expected cosine or inner-product", name);
}

/* Its fingerprint; a file that another program wrote has none. */
static gboolean
read_encoder (SupconIndex *index, GError **error)
{
  const char *text = supcon_safetensors_metadata (index->file, "encoder-fingerprint");

  return !text || g_ascii_string_to_unsigned (text, 16, 1, G_MAXUINT64, &index->encoder, NULL)
         || supcon_format_error (
             error, "encoder-fingerprint \"%s\", expected a hexadecimal number of at most 64 bits", text);
}

static SupconIndex *
read_index (SupconSafetensors *file, GError **error)
{
  const SupconTensor *tensor = supcon_safetensors_find (file, "embeddings");
  SupconIndex *index;
  SupconMetric metric;
  gsize n;

  if (!tensor) {
    supcon_format_error (error, "no tensor embeddings: not an index");
    return NULL;
  }
  if (!supcon_tensor_is_real (tensor) || tensor->n_dims != 2 || tensor->dims[0] > SUPCON_INDEX_MAX_ENTRIES
      || tensor->dims[1] < 1 || tensor->dims[1] > SUPCON_INDEX_MAX_DIM) {
    char *shape = supcon_shape_to_string (tensor->dims, tensor->n_dims);

    supcon_format_error (error, "tensor embeddings: %s of %s, expected [entries, 1 to %d] of F32, F64, F16 or BF16",
        shape, supcon_dtype_name (tensor->dtype), SUPCON_INDEX_MAX_DIM);
    g_free (shape);
    return NULL;
  }
  if (!read_metric (file, &metric, error))
    return NULL;

  n = tensor->dims[0];
  index = supcon_index_new ((guint)tensor->dims[1], metric);
  index->file = file;
  if (!read_encoder (index, error) || !read_names (file, "label-names", index->label_names, error)
      || !read_names (file, "uri-names", index->uri_names, error)
      || !read_numbers (file, "labels", n, index->label_names, index->labels, error)
      || !read_numbers (file, "uris", n, index->uri_names, index->uris, error) || !read_timestamps (index, n, error)) {
    index->file = NULL; /* the caller's again */
    supcon_index_free (index);
    return NULL;
  }
  take_embeddings (index, tensor);
  return index;
}

SupconIndex *
supcon_index_load (const char *location, GError **error)
{
  SupconSafetensors *file = supcon_safetensors_open (location, error);
  SupconIndex *index;
  char *shown;

  if (!file)
    return NULL;
  index = supcon_safetensors_map (file, error) ? read_index (file, error) : NULL;
  if (!index) {
    supcon_safetensors_free (file);
    shown = g_filename_display_name (location);
    g_prefix_error (error, "%s: ", shown);
    g_free (shown);
  }
  return index;
}

/* Writing */

/* The strings one after the other, each with its zero byte. */
static GString *
join_names (const SupconLabels *names)
{
  GString *joined = g_string_new (NULL);

  for (guint i = 0; i < supcon_labels_count (names); i++) {
    g_string_append (joined, supcon_labels_name (names, i));
    g_string_append_c (joined, '\0');
  }
  return joined;
}

static void
write_numbers (SupconSafetensorsWriter *writer, const GArray *numbers)
{
  for (guint i = 0; i < numbers->len; i++) {
    gint32 number = GINT32_TO_LE (g_array_index (numbers, gint32, i));

    supcon_safetensors_writer_write (writer, &number, sizeof number);
  }
}

static void
write_timestamps (SupconSafetensorsWriter *writer, const GArray *timestamps)
{
  for (guint i = 0; i < timestamps->len; i++) {
    gint64 time = GINT64_TO_LE (g_array_index (timestamps, gint64, i));

    supcon_safetensors_writer_write (writer, &time, sizeof time);
  }
}

static void
write_embeddings (SupconSafetensorsWriter *writer, const SupconIndex *index)
{
  guint32 *row = g_new (guint32, index->dim);

  for (gsize i = 0; i < supcon_index_count (index); i++) {
    const SupconReal *embedding = supcon_index_embedding (index, i);

    for (guint k = 0; k < index->dim; k++) {
      float value = (float)embedding[k];

      memcpy (&row[k], &value, sizeof value);
      row[k] = GUINT32_TO_LE (row[k]);
    }
    supcon_safetensors_writer_write (writer, row, index->dim * sizeof *row);
  }
  g_free (row);
}

gboolean
supcon_index_save (const SupconIndex *index, const char *location, GError **error)
{
  SupconSafetensorsWriter *writer = supcon_safetensors_writer_new (location, error);
  gsize dims[2] = { supcon_index_count (index), index->dim };
  GString *label_names, *uri_names;
  char *encoder;
  gboolean done;

  if (!writer)
    return FALSE;
  label_names = join_names (index->label_names);
  uri_names = join_names (index->uri_names);
  supcon_safetensors_writer_add_metadata (writer, "format", FORMAT);
  supcon_safetensors_writer_add_metadata (writer, "version", VERSION);
  supcon_safetensors_writer_add_metadata (writer, "metric", metrics[index->metric]);
  if (index->encoder) {
    encoder = g_strdup_printf ("%016" G_GINT64_MODIFIER "x", index->encoder);
    supcon_safetensors_writer_add_metadata (writer, "encoder-fingerprint", encoder);
    g_free (encoder);
  }
  /* The embeddings come first, so that they start at a multiple of eight bytes. */
  supcon_safetensors_writer_add_tensor (writer, "embeddings", SUPCON_DTYPE_F32, 2, dims);
  supcon_safetensors_writer_add_tensor (writer, "timestamps", SUPCON_DTYPE_I64, 1, dims);
  supcon_safetensors_writer_add_tensor (writer, "labels", SUPCON_DTYPE_I32, 1, dims);
  supcon_safetensors_writer_add_tensor (writer, "uris", SUPCON_DTYPE_I32, 1, dims);
  supcon_safetensors_writer_add_tensor (writer, "label-names", SUPCON_DTYPE_U8, 1, &label_names->len);
  supcon_safetensors_writer_add_tensor (writer, "uri-names", SUPCON_DTYPE_U8, 1, &uri_names->len);

  write_embeddings (writer, index);
  write_timestamps (writer, index->timestamps);
  write_numbers (writer, index->labels);
  write_numbers (writer, index->uris);
  supcon_safetensors_writer_write (writer, label_names->str, label_names->len);
  supcon_safetensors_writer_write (writer, uri_names->str, uri_names->len);
  done = supcon_safetensors_writer_finish (writer, error);
  supcon_safetensors_writer_free (writer);
  g_string_free (label_names, TRUE);
  g_string_free (uri_names, TRUE);
  return done;
}
