/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IDX files (LeCun et al., the MNIST database): two zero bytes, the type (8: unsigned byte), the number of dimensions,
 * each dimension as 32 bits, most significant byte first, then the values.
 */
#include "data/readers.h"

#include <string.h>

#include "error.h"

#define IDX_LABELS 0x801u
#define IDX_IMAGES 0x803u
#define FIRST_READ (1 << 20)

static gboolean
read_header (
    GInputStream *stream, const char *path, guint32 magic, guint32 *dimensions, guint n_dimensions, GError **error)
{
  guint32 words[4];
  gsize size = (1 + n_dimensions) * sizeof *words, got;

  if (!supcon_stream_read (stream, path, words, size, &got, error))
    return FALSE;
  if (got >= 4 && GUINT32_FROM_BE (words[0]) != magic) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: magic number 0x%08x found, 0x%08x expected (IDX, unsigned bytes, %u dimension%s)", path,
        GUINT32_FROM_BE (words[0]), magic, n_dimensions, n_dimensions == 1 ? "" : "s");
    return FALSE;
  }
  if (got != size) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: short file: %" G_GSIZE_FORMAT " bytes found, an IDX header of %" G_GSIZE_FORMAT " expected", path, got,
        size);
    return FALSE;
  }
  for (guint i = 0; i < n_dimensions; i++)
    dimensions[i] = GUINT32_FROM_BE (words[1 + i]);
  return TRUE;
}

/* The rest of the file, which has to be 'expected' > 0 bytes. Memory grows with what really comes, so a header that
 * promises too much takes none. */
static guint8 *
read_rest (GInputStream *stream, const char *path, guint64 expected, GError **error)
{
  guint64 capacity = MIN (expected, FIRST_READ);
  guint8 *data = NULL, *larger, extra;
  gsize size = 0, got;

  for (;;) {
    larger = g_try_realloc (data, capacity);
    if (!larger) {
      g_set_error (
          error, SUPCON_ERROR, SUPCON_ERROR_READ, "%s: no memory for %" G_GUINT64_FORMAT " bytes", path, capacity);
      goto fail;
    }
    data = larger;
    if (!supcon_stream_read (stream, path, data + size, capacity - size, &got, error))
      goto fail;
    size += got;
    if (size < capacity || size == expected)
      break;
    capacity = MIN (expected, capacity * 2);
  }
  if (size < expected) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: short file: %" G_GSIZE_FORMAT " values found, %" G_GUINT64_FORMAT " expected by its header", path, size,
        expected);
    goto fail;
  }
  if (!supcon_stream_read (stream, path, &extra, 1, &got, error))
    goto fail;
  if (got) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: more values found than the %" G_GUINT64_FORMAT " expected by its header", path, expected);
    goto fail;
  }
  return data;

fail:
  g_free (data);
  return NULL;
}

guint8 *
supcon_idx_read_labels (const char *path, guint32 most, guint32 *count, GError **error)
{
  GInputStream *stream = supcon_stream_open (path, error);
  guint8 *values = NULL;

  if (!stream)
    return NULL;
  if (!read_header (stream, path, IDX_LABELS, count, 1, error))
    goto done;
  if (*count == 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT, "%s: no label found, at least 1 expected", path);
    goto done;
  }
  if (*count > most) {
    g_set_error (
        error, SUPCON_ERROR, SUPCON_ERROR_FORMAT, "%s: %u labels found, at most %u expected", path, *count, most);
    goto done;
  }
  values = read_rest (stream, path, *count, error);

done:
  g_object_unref (stream);
  return values;
}

static gboolean
read_labels (SupconDataset *dataset, const char *path, GError **error)
{
  guint8 *values = supcon_idx_read_labels (path, G_MAXUINT32, &dataset->count, error);
  guint n_classes = 0;

  if (!values)
    return FALSE;
  dataset->labels = g_try_new (guint32, dataset->count);
  if (!dataset->labels) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_READ, "%s: no memory for %u labels", path, dataset->count);
    g_free (values);
    return FALSE;
  }
  for (guint32 i = 0; i < dataset->count; i++) {
    dataset->labels[i] = values[i];
    n_classes = MAX (n_classes, values[i] + 1u);
  }
  supcon_labels_add_numbers (dataset->classes, n_classes);
  g_free (values);
  return TRUE;
}

static gboolean
read_images (SupconDataset *dataset, const char *path, const char *labels, GError **error)
{
  GInputStream *stream = supcon_stream_open (path, error);
  guint32 dimensions[3];

  if (!stream)
    return FALSE;
  if (!read_header (stream, path, IDX_IMAGES, dimensions, 3, error))
    goto done;
  if (dimensions[0] != dataset->count) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: %u labels found, %u expected, one for each picture of %s", labels, dataset->count, dimensions[0], path);
    goto done;
  }
  for (guint i = 1; i < 3; i++) {
    if (dimensions[i] == 0 || dimensions[i] > SUPCON_DATASET_MAX_SIDE) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT, "%s: %s %u found, 1 to %u expected", path,
          i == 1 ? "height" : "width", dimensions[i], SUPCON_DATASET_MAX_SIDE);
      goto done;
    }
  }
  dataset->height = dimensions[1];
  dataset->width = dimensions[2];
  dataset->channels = 1;
  /* Fits 64 bits: 32 for the count, 15 for each side. */
  dataset->pixels = read_rest (stream, path, (guint64)dimensions[0] * dimensions[1] * dimensions[2], error);

done:
  g_object_unref (stream);
  return dataset->pixels != NULL;
}

static gboolean
is_images (const char *path, GError **error)
{
  GInputStream *stream = supcon_stream_open (path, error);
  guint32 dimensions[3];
  gboolean good = stream && read_header (stream, path, IDX_IMAGES, dimensions, 3, error);

  g_clear_object (&stream);
  return good;
}

/* folder/name or folder/name.gz, whichever is there, or NULL. */
static char *
find_file (const char *folder, const char *name)
{
  char *path = g_build_filename (folder, name, NULL);
  char *packed;

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return path;
  packed = g_strconcat (path, ".gz", NULL);
  g_free (path);
  if (g_file_test (packed, G_FILE_TEST_EXISTS))
    return packed;
  g_free (packed);
  return NULL;
}

/* The labels that lie beside a file of pictures under the MNIST family's name, plain or .gz, or NULL. */
static char *
find_labels (const char *images)
{
  g_autofree char *folder = g_path_get_dirname (images);
  g_autofree char *base = g_path_get_basename (images);
  GString *name;
  char *path = NULL;

  if (g_str_has_suffix (base, ".gz"))
    base[strlen (base) - 3] = '\0';
  name = g_string_new (base);
  if (g_string_replace (name, "images-idx3", "labels-idx1", 1) == 1)
    path = find_file (folder, name->str);
  g_string_free (name, TRUE);
  return path;
}

gboolean
supcon_idx_read (SupconDataset *dataset, const char *images, const char *labels, GError **error)
{
  g_autofree char *found = labels ? g_strdup (labels) : find_labels (images);

  if (!found && !is_images (images, error))
    return FALSE;
  if (!found) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND,
        "%s: no labels found beside it (its name with images-idx3 replaced by labels-idx1); set labels-location",
        images);
    return FALSE;
  }
  return read_labels (dataset, found, error) && read_images (dataset, images, found, error);
}

static const char *const image_names[] = { "train-images-idx3-ubyte", "t10k-images-idx3-ubyte" };

gboolean
supcon_idx_read_folder (
    SupconDataset *dataset, const char *folder, const char *labels, SupconSplit split, GError **error)
{
  const char *name = image_names[split == SUPCON_SPLIT_TEST];
  g_autofree char *images = find_file (folder, name);

  if (!images) {
    g_set_error (
        error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND, "%s: neither %s nor %s.gz found in it", folder, name, name);
    return FALSE;
  }
  return supcon_idx_read (dataset, images, labels, error);
}

gboolean
supcon_idx_is_in (const char *folder)
{
  for (guint i = 0; i < G_N_ELEMENTS (image_names); i++) {
    g_autofree char *path = find_file (folder, image_names[i]);

    if (path)
      return TRUE;
  }
  return FALSE;
}
