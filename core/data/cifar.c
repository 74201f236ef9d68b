/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CIFAR-10 and CIFAR-100 in their binary version (Krizhevsky 2009): records of one label byte (CIFAR-100: the coarse
 * one, then the fine one) and 32 x 32 bytes of red, then of green, then of blue.
 */
#include "data/readers.h"

#include <string.h>

#include "error.h"
#include "file.h"

#define SIDE 32
#define PLANE (SIDE * SIDE)

typedef struct {
  const char *files[2]; /* patterns, by split */
  const char *names;
  guint n_classes;
  guint label_bytes; /* the last one counts */
} Kind;

static const Kind kinds[] = {
  { { "data_batch_*.bin", "test_batch.bin" }, "batches.meta.txt", 10, 1 },
  { { "train.bin", "test.bin" }, "fine_label_names.txt", 100, 2 },
};

/* Files of folder that match pattern, in the order of their names. */
static GPtrArray *
find_files (const char *folder, const char *pattern)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    if (g_pattern_match_simple (pattern, name))
      g_ptr_array_add (paths, g_build_filename (folder, name, NULL));
  }
  g_clear_pointer (&dir, g_dir_close);
  g_ptr_array_sort (paths, supcon_compare_names);
  return paths;
}

static const Kind *
find_kind (const char *folder)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    for (guint split = 0; split < 2; split++) {
      g_autoptr (GPtrArray) paths = find_files (folder, kinds[i].files[split]);

      if (paths->len)
        return &kinds[i];
    }
  }
  return NULL;
}

gboolean
supcon_cifar_is_in (const char *folder)
{
  return find_kind (folder) != NULL;
}

static gboolean
read_names (SupconDataset *dataset, const char *folder, const Kind *kind, GError **error)
{
  g_autofree char *path = g_build_filename (folder, kind->names, NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  GStatBuf status;
  guint n = 0;

  if (!supcon_file_stat (path, &status, error))
    return FALSE;
  if (!status.st_mode) {
    supcon_labels_add_numbers (dataset->classes, kind->n_classes);
    return TRUE;
  }
  if (!supcon_file_read (path, &text, NULL, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    if (*g_strstrip (lines[i])) {
      supcon_labels_add (dataset->classes, lines[i]);
      n++;
    }
  }
  if (n != kind->n_classes || supcon_labels_count (dataset->classes) != n) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT, "%s: %u names (%u different) found, %u expected", path, n,
        supcon_labels_count (dataset->classes), kind->n_classes);
    return FALSE;
  }
  return TRUE;
}

static void
interleave (const guint8 *planes, guint8 *pixels)
{
  for (guint i = 0; i < PLANE; i++) {
    pixels[3 * i] = planes[i];
    pixels[3 * i + 1] = planes[PLANE + i];
    pixels[3 * i + 2] = planes[2 * PLANE + i];
  }
}

/* Adds the records of one file. */
static gboolean
read_records (SupconDataset *dataset, const char *path, const Kind *kind, GError **error)
{
  gsize record = kind->label_bytes + 3 * PLANE, size, total;
  g_autofree char *bytes = NULL;
  guint8 *pixels;
  guint32 *labels;

  if (!supcon_file_read (path, &bytes, &size, error))
    return FALSE;
  if (size == 0 || size % record != 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: short file: %" G_GSIZE_FORMAT " bytes found, a multiple of %" G_GSIZE_FORMAT
        " expected (CIFAR-%u's binary version)",
        path, size, record, kind->n_classes);
    return FALSE;
  }
  /* As large as the file that was just read, so the sizes are real ones. */
  total = dataset->count + size / record;
  pixels = g_try_realloc_n (dataset->pixels, total, 3 * PLANE);
  if (pixels)
    dataset->pixels = pixels;
  labels = g_try_realloc_n (dataset->labels, total, sizeof *labels);
  if (labels)
    dataset->labels = labels;
  if (!pixels || !labels || total > G_MAXUINT32) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_READ, "%s: no memory for %" G_GSIZE_FORMAT " pictures", path, total);
    return FALSE;
  }
  for (const guint8 *at = (guint8 *)bytes; dataset->count < total; at += record) {
    guint label = at[kind->label_bytes - 1];

    if (label >= kind->n_classes) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
          "%s: label %u found at byte %" G_GSIZE_FORMAT ", 0 to %u expected", path, label,
          (gsize)(at - (guint8 *)bytes) + kind->label_bytes - 1, kind->n_classes - 1);
      return FALSE;
    }
    labels[dataset->count] = label;
    interleave (at + kind->label_bytes, pixels + (gsize)dataset->count * 3 * PLANE);
    dataset->count++;
  }
  return TRUE;
}

gboolean
supcon_cifar_read (SupconDataset *dataset, const char *folder, SupconSplit split, GError **error)
{
  const Kind *kind = find_kind (folder);
  const char *pattern = kind->files[split == SUPCON_SPLIT_TEST];
  g_autoptr (GPtrArray) paths = find_files (folder, pattern);

  if (paths->len == 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND, "%s: no %s found in it", folder, pattern);
    return FALSE;
  }
  if (!read_names (dataset, folder, kind, error))
    return FALSE;
  dataset->width = SIDE;
  dataset->height = SIDE;
  dataset->channels = 3;
  for (guint i = 0; i < paths->len; i++) {
    if (!read_records (dataset, g_ptr_array_index (paths, i), kind, error))
      return FALSE;
  }
  return TRUE;
}
