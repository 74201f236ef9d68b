/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"
#include "file.h"

#define LENGTH_BYTES 8
#define MAX_HEADER (100 * 1000 * 1000) /* the reference implementation's limit */
#define MAX_NAME 255
/* Of JSON, which take forty times their text in memory; the longest list is of labels. */
#define MAX_VALUES (2 * 1000 * 1000)
#define METADATA "__metadata__"

static const struct {
  const char *name;
  gsize size;
} dtypes[SUPCON_N_DTYPES] = {
  [SUPCON_DTYPE_F64] = { "F64", 8 },
  [SUPCON_DTYPE_F32] = { "F32", 4 },
  [SUPCON_DTYPE_F16] = { "F16", 2 },
  [SUPCON_DTYPE_BF16] = { "BF16", 2 },
  [SUPCON_DTYPE_I64] = { "I64", 8 },
  [SUPCON_DTYPE_U64] = { "U64", 8 },
  [SUPCON_DTYPE_I32] = { "I32", 4 },
  [SUPCON_DTYPE_U32] = { "U32", 4 },
  [SUPCON_DTYPE_I16] = { "I16", 2 },
  [SUPCON_DTYPE_U16] = { "U16", 2 },
  [SUPCON_DTYPE_I8] = { "I8", 1 },
  [SUPCON_DTYPE_U8] = { "U8", 1 },
  [SUPCON_DTYPE_BOOL] = { "BOOL", 1 },
  [SUPCON_DTYPE_F8_E4M3] = { "F8_E4M3", 1 },
  [SUPCON_DTYPE_F8_E5M2] = { "F8_E5M2", 1 },
};

const char *
supcon_dtype_name (SupconDtype dtype)
{
  return dtypes[dtype].name;
}

gsize
supcon_dtype_size (SupconDtype dtype)
{
  return dtypes[dtype].size;
}

char *
supcon_shape_to_string (const gsize *dims, guint n_dims)
{
  GString *string = g_string_new ("[");

  for (guint i = 0; i < n_dims; i++)
    g_string_append_printf (string, "%s%" G_GSIZE_FORMAT, i ? ", " : "", dims[i]);
  g_string_append_c (string, ']');
  return g_string_free (string, FALSE);
}

gboolean
supcon_format_error (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error)
    *error = g_error_new_valist (SUPCON_ERROR, SUPCON_ERROR_FORMAT, format, args);
  va_end (args);
  return FALSE;
}

typedef struct {
  GHashTable *counts; /* members seen, by object */
  char *duplicate;
} MemberCheck;

/* json-glib lets a later member replace an earlier one: then the object has fewer members than were seen. */
static void
object_member (JsonParser *parser G_GNUC_UNUSED, JsonObject *object, const char *name, gpointer data)
{
  MemberCheck *check = data;
  guint count = GPOINTER_TO_UINT (g_hash_table_lookup (check->counts, object)) + 1;

  g_hash_table_insert (check->counts, object, GUINT_TO_POINTER (count));
  if (count != json_object_get_size (object) && !check->duplicate)
    check->duplicate = g_utf8_make_valid (name, strnlen (name, MAX_NAME));
}

/* json-glib parses by recursion without a limit and takes comments and assignments: neither gets through here. */
static gboolean
json_scan (const char *text, gsize length, guint max_depth, GError **error)
{
  gboolean in_string = FALSE, closed = FALSE;
  guint depth = 0, values = 1;

  for (gsize i = 0; i < length; i++) {
    char c = text[i];

    if (in_string) {
      if (c == '\\')
        i++;
      else if (c == '"')
        in_string = FALSE;
      continue;
    }
    if (strchr (" \t\r\n", c))
      continue;
    /* One object or array, and nothing beside it. */
    if (closed || !(depth > 0 ? g_ascii_isalnum (c) || strchr ("{}[]:,+-.\"", c) : c == '{' || c == '['))
      return supcon_format_error (error, "not JSON at byte %" G_GSIZE_FORMAT, i);
    if (c == '"') {
      in_string = TRUE;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth)
        return supcon_format_error (error, "JSON nested deeper than %u at byte %" G_GSIZE_FORMAT, max_depth, i);
    } else if (c == '}' || c == ']') {
      if (depth == 0)
        return supcon_format_error (error, "not JSON at byte %" G_GSIZE_FORMAT, i);
      closed = --depth == 0;
    } else if (c == ',' && ++values > MAX_VALUES) {
      return supcon_format_error (error, "more than %d values of JSON at byte %" G_GSIZE_FORMAT, MAX_VALUES, i);
    }
  }
  if (in_string || !closed)
    return supcon_format_error (error, "JSON ends too early, at byte %" G_GSIZE_FORMAT, length);
  return TRUE;
}

JsonNode *
supcon_json_parse (const char *text, gsize length, guint max_depth, GError **error)
{
  MemberCheck check = { NULL, NULL };
  JsonParser *parser;
  JsonNode *root = NULL;
  GError *cause = NULL;

  if (!g_utf8_validate_len (text, length, NULL)) {
    supcon_format_error (error, "not valid UTF-8");
    return NULL;
  }
  if (!json_scan (text, length, max_depth, error))
    return NULL;

  check.counts = g_hash_table_new (NULL, NULL);
  parser = json_parser_new ();
  g_signal_connect (parser, "object-member", G_CALLBACK (object_member), &check);
  if (!json_parser_load_from_data (parser, text, length, &cause)) {
    /* It may show a string whole, with halves of surrogate pairs. */
    char *shown = g_utf8_make_valid (cause->message, strnlen (cause->message, MAX_NAME));

    supcon_format_error (error, "not JSON: %s", shown);
    g_free (shown);
    g_error_free (cause);
  } else if (check.duplicate) {
    supcon_format_error (error, "\"%s\" is there twice, expected once", check.duplicate);
  } else {
    root = json_parser_steal_root (parser);
    if (!root)
      supcon_format_error (error, "JSON without a value");
  }
  g_object_unref (parser);
  g_hash_table_unref (check.counts);
  g_free (check.duplicate);
  return root;
}

struct _SupconSafetensors {
  int fd;
  GMappedFile *map;     /* or NULL */
  JsonNode *header;     /* owns names and metadata */
  JsonObject *metadata; /* may be NULL */
  gsize data_start, data_size;
  GArray *tensors;     /* SupconTensor, by start */
  GHashTable *by_name; /* to the elements of tensors */
};

/* A whole number that is not negative; json-glib wraps those over 2^63 to negative ones. */
static gboolean
node_to_size (JsonNode *node, gsize *value)
{
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64 || json_node_get_int (node) < 0)
    return FALSE;
  *value = json_node_get_int (node);
  return TRUE;
}

static JsonArray *
member_array (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static const char *
node_string (JsonNode *node)
{
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

static gboolean
read_dtype (JsonObject *object, SupconTensor *tensor, GError **error)
{
  const char *name = node_string (json_object_get_member (object, "dtype"));

  if (!name)
    return supcon_format_error (error, "tensor %s: no dtype string", tensor->name);
  for (guint i = 0; i < SUPCON_N_DTYPES; i++) {
    if (g_str_equal (name, dtypes[i].name)) {
      tensor->dtype = i;
      return TRUE;
    }
  }
  return supcon_format_error (error, "tensor %s: unknown dtype, expected F32 or another of the format's", tensor->name);
}

static gboolean
read_shape (JsonObject *object, SupconTensor *tensor, GError **error)
{
  JsonArray *shape = member_array (object, "shape");

  if (!shape)
    return supcon_format_error (error, "tensor %s: no shape array", tensor->name);
  if (json_array_get_length (shape) > SUPCON_TENSOR_MAX_DIMS)
    return supcon_format_error (error, "tensor %s: shape of %u dimensions, expected at most %d", tensor->name,
        json_array_get_length (shape), SUPCON_TENSOR_MAX_DIMS);
  tensor->n_dims = json_array_get_length (shape);
  tensor->size = 1;
  for (guint i = 0; i < tensor->n_dims; i++) {
    if (!node_to_size (json_array_get_element (shape, i), &tensor->dims[i]))
      return supcon_format_error (
          error, "tensor %s: dimension %u of the shape is not a non-negative integer", tensor->name, i);
    if (!g_size_checked_mul (&tensor->size, tensor->size, tensor->dims[i]))
      return supcon_format_error (error, "tensor %s: shape too large to be true", tensor->name);
  }
  return TRUE;
}

static gboolean
read_tensor (SupconSafetensors *file, const char *name, JsonNode *node, GError **error)
{
  SupconTensor tensor = { 0 };
  JsonObject *object;
  JsonArray *offsets;
  gsize end, bytes;

  if (strlen (name) > MAX_NAME || !g_utf8_validate (name, -1, NULL))
    return supcon_format_error (
        error, "tensor name of %" G_GSIZE_FORMAT " bytes, expected at most %d of valid UTF-8", strlen (name), MAX_NAME);
  tensor.name = name;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return supcon_format_error (error, "tensor %s: not a JSON object", name);
  object = json_node_get_object (node);
  if (!read_dtype (object, &tensor, error) || !read_shape (object, &tensor, error))
    return FALSE;

  offsets = member_array (object, "data_offsets");
  if (!offsets || json_array_get_length (offsets) != 2
      || !node_to_size (json_array_get_element (offsets, 0), &tensor.start)
      || !node_to_size (json_array_get_element (offsets, 1), &end))
    return supcon_format_error (error, "tensor %s: data_offsets are not two non-negative integers", name);
  if (tensor.start > end || end > file->data_size)
    return supcon_format_error (error,
        "tensor %s: data_offsets %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT
        ", expected an ordered range in the %" G_GSIZE_FORMAT " bytes of data that the file has",
        name, tensor.start, end, file->data_size);
  if (!g_size_checked_mul (&bytes, tensor.size, dtypes[tensor.dtype].size) || bytes != end - tensor.start) {
    char *shape = supcon_shape_to_string (tensor.dims, tensor.n_dims);

    supcon_format_error (error, "tensor %s: %" G_GSIZE_FORMAT " bytes of data do not hold shape %s of %s", name,
        end - tensor.start, shape, dtypes[tensor.dtype].name);
    g_free (shape);
    return FALSE;
  }
  g_array_append_val (file->tensors, tensor);
  return TRUE;
}

static gboolean
read_metadata (SupconSafetensors *file, JsonNode *node, GError **error)
{
  JsonObjectIter iter;
  const char *key, *value;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return supcon_format_error (error, METADATA " is not a JSON object");
  file->metadata = json_node_get_object (node);
  json_object_iter_init_ordered (&iter, file->metadata);
  while (json_object_iter_next_ordered (&iter, &key, &node)) {
    value = node_string (node);
    /* An escape may stand for half a surrogate pair, so that valid text decodes to an invalid string. */
    if (strlen (key) > MAX_NAME || !g_utf8_validate (key, -1, NULL))
      return supcon_format_error (error,
          METADATA ": key of %" G_GSIZE_FORMAT " bytes, expected at most %d of valid UTF-8", strlen (key), MAX_NAME);
    if (!value || !g_utf8_validate (value, -1, NULL))
      return supcon_format_error (error, METADATA ": %s is not a string of valid UTF-8", key);
  }
  return TRUE;
}

static gint
compare_tensors (gconstpointer a, gconstpointer b)
{
  const SupconTensor *x = a, *y = b;

  if (x->start != y->start)
    return x->start < y->start ? -1 : 1;
  return x->size < y->size ? -1 : x->size > y->size;
}

/* Every byte of the data belongs to one tensor, as the format asks: that leaves no room for overlaps either. */
static gboolean
index_tensors (SupconSafetensors *file, GError **error)
{
  const char *previous = "the header";
  gsize end = 0;

  g_array_sort (file->tensors, compare_tensors);
  for (guint i = 0; i < file->tensors->len; i++) {
    SupconTensor *tensor = &g_array_index (file->tensors, SupconTensor, i);

    if (tensor->start < end)
      return supcon_format_error (error, "tensor %s overlaps tensor %s", tensor->name, previous);
    if (tensor->start > end)
      return supcon_format_error (error,
          "bytes %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT " of the data belong to no tensor", end, tensor->start);
    end = tensor->start + tensor->size * dtypes[tensor->dtype].size;
    previous = tensor->name;
    g_hash_table_insert (file->by_name, (gpointer)tensor->name, tensor);
  }
  if (end != file->data_size)
    return supcon_format_error (error,
        "%" G_GSIZE_FORMAT " bytes of data, expected the %" G_GSIZE_FORMAT " that the tensors take", file->data_size,
        end);
  return TRUE;
}

static gboolean
read_error (GError **error)
{
  g_set_error_literal (error, SUPCON_ERROR, SUPCON_ERROR_READ, g_strerror (errno));
  return FALSE;
}

/* n bytes of the file from 'start' on. */
static gboolean
read_all (const SupconSafetensors *file, gsize start, void *to, gsize n, GError **error)
{
  for (gsize done = 0; done < n;) {
    gssize got = pread (file->fd, (char *)to + done, n - done, start + done);

    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return read_error (error);
    if (got == 0)
      return supcon_format_error (error,
          "%" G_GSIZE_FORMAT " bytes, expected %" G_GSIZE_FORMAT ": it became shorter while it was read", start + done,
          start + n);
    done += got;
  }
  return TRUE;
}

static gboolean
read_header (SupconSafetensors *file, GError **error)
{
  g_autofree char *text = NULL;
  struct stat status;
  guint64 length;
  gsize size;
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (fstat (file->fd, &status) != 0)
    return read_error (error);
  size = status.st_size;
  if (size < LENGTH_BYTES)
    return supcon_format_error (error, "%" G_GSIZE_FORMAT " bytes, expected a safetensors file of 8 or more", size);
  if (!read_all (file, 0, &length, LENGTH_BYTES, error))
    return FALSE;
  if (GUINT64_FROM_LE (length) > MIN (size - LENGTH_BYTES, MAX_HEADER)) {
    if (memcmp (&length, "PK\003\004", 4) == 0)
      return supcon_format_error (error, "a zip archive, as torch.save writes; expected safetensors, "
                                         "which safetensors.torch.save_file writes of a state_dict");
    return supcon_format_error (error,
        "header of %" G_GUINT64_FORMAT " bytes, expected at most %" G_GSIZE_FORMAT
        " (not a safetensors file, or a truncated one)",
        GUINT64_FROM_LE (length), MIN (size - LENGTH_BYTES, MAX_HEADER));
  }
  length = GUINT64_FROM_LE (length);
  file->data_start = LENGTH_BYTES + length;
  file->data_size = size - file->data_start;

  text = g_malloc (length);
  if (!read_all (file, LENGTH_BYTES, text, length, error))
    return FALSE;
  file->header = supcon_json_parse (text, length, 3, error);
  if (!file->header) {
    g_prefix_error (error, "header: ");
    return FALSE;
  }
  if (!JSON_NODE_HOLDS_OBJECT (file->header))
    return supcon_format_error (error, "header is not a JSON object");
  json_object_iter_init_ordered (&iter, json_node_get_object (file->header));
  while (json_object_iter_next_ordered (&iter, &name, &node)) {
    if (!(g_str_equal (name, METADATA) ? read_metadata (file, node, error) : read_tensor (file, name, node, error)))
      return FALSE;
  }
  return index_tensors (file, error);
}

SupconSafetensors *
supcon_safetensors_open (const char *location, GError **error)
{
  SupconSafetensors *file;
  char *shown;

  if (!supcon_file_check (location, error))
    return NULL;
  file = g_new0 (SupconSafetensors, 1);
  file->fd = g_open (location, O_RDONLY | O_CLOEXEC);
  file->tensors = g_array_new (FALSE, FALSE, sizeof (SupconTensor));
  file->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  if (file->fd >= 0 ? read_header (file, error) : read_error (error))
    return file;
  shown = g_filename_display_name (location);
  g_prefix_error (error, "%s: ", shown);
  g_free (shown);
  supcon_safetensors_free (file);
  return NULL;
}

void
supcon_safetensors_free (SupconSafetensors *file)
{
  if (!file)
    return;
  g_hash_table_unref (file->by_name);
  g_array_unref (file->tensors);
  g_clear_pointer (&file->header, json_node_unref);
  g_clear_pointer (&file->map, g_mapped_file_unref);
  if (file->fd >= 0)
    close (file->fd);
  g_free (file);
}

guint8 *
supcon_safetensors_read (const SupconSafetensors *file, const SupconTensor *tensor, GError **error)
{
  gsize size = tensor->size * dtypes[tensor->dtype].size;
  guint8 *bytes = g_try_malloc (MAX (1, size));

  if (!bytes) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_READ, "no memory for the %" G_GSIZE_FORMAT " bytes of tensor %s",
        size, tensor->name);
    return NULL;
  }
  if (!read_all (file, file->data_start + tensor->start, bytes, size, error))
    g_clear_pointer (&bytes, g_free);
  return bytes;
}

gboolean
supcon_safetensors_map (SupconSafetensors *file, GError **error)
{
  GError *cause = NULL;

  file->map = g_mapped_file_new_from_fd (file->fd, FALSE, &cause);
  if (!file->map) {
    g_set_error_literal (error, SUPCON_ERROR, SUPCON_ERROR_READ, cause->message);
    g_error_free (cause);
    return FALSE;
  }
  for (guint i = 0; i < file->tensors->len; i++) {
    SupconTensor *tensor = &g_array_index (file->tensors, SupconTensor, i);

    tensor->data = (const guint8 *)g_mapped_file_get_contents (file->map) + file->data_start + tensor->start;
  }
  return TRUE;
}

const char *
supcon_safetensors_metadata (const SupconSafetensors *file, const char *key)
{
  return file->metadata ? node_string (json_object_get_member (file->metadata, key)) : NULL;
}

const SupconTensor *
supcon_safetensors_tensors (const SupconSafetensors *file, guint *n)
{
  *n = file->tensors->len;
  return (const SupconTensor *)(gpointer)file->tensors->data;
}

const SupconTensor *
supcon_safetensors_find (const SupconSafetensors *file, const char *name)
{
  return g_hash_table_lookup (file->by_name, name);
}

gboolean
supcon_tensor_is_real (const SupconTensor *tensor)
{
  return tensor->dtype <= SUPCON_DTYPE_BF16;
}

static float
float_from_bits (guint32 bits)
{
  float value;

  memcpy (&value, &bits, sizeof (value));
  return value;
}

static float
half_to_float (guint16 half)
{
  guint exponent = half >> 10 & 31, mantissa = half & 1023;
  float value;

  if (exponent == 31)
    value = mantissa ? NAN : INFINITY;
  else if (exponent == 0)
    value = ldexpf (mantissa, -24);
  else
    value = ldexpf (1024 + mantissa, (int)exponent - 25);
  return half >> 15 ? -value : value;
}

SupconReal
supcon_tensor_get (const SupconTensor *tensor, gsize index)
{
  const guint8 *source = tensor->data + index * dtypes[tensor->dtype].size;
  guint16 bits16;
  guint32 bits32;
  guint64 bits64;
  double value;

  switch (tensor->dtype) {
  case SUPCON_DTYPE_F32:
    memcpy (&bits32, source, sizeof (bits32));
    return float_from_bits (GUINT32_FROM_LE (bits32));
  case SUPCON_DTYPE_F64:
    memcpy (&bits64, source, sizeof (bits64));
    bits64 = GUINT64_FROM_LE (bits64);
    memcpy (&value, &bits64, sizeof (value));
    return value;
  case SUPCON_DTYPE_F16:
    memcpy (&bits16, source, sizeof (bits16));
    return half_to_float (GUINT16_FROM_LE (bits16));
  case SUPCON_DTYPE_BF16:
    memcpy (&bits16, source, sizeof (bits16));
    return float_from_bits ((guint32)GUINT16_FROM_LE (bits16) << 16);
  default:
    g_return_val_if_reached (NAN);
  }
}
