/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "data/dataset.h"

#include <string.h>

#include "data/readers.h"
#include "error.h"
#include "file.h"
#include "rng.h"

static gboolean
read_any (SupconDataset *dataset, const char *location, const char *labels_location, SupconSplit split, GError **error)
{
  GStatBuf status;

  if (!supcon_file_stat (location, &status, error))
    return FALSE;
  if (!status.st_mode) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND, "%s: there is no such file or folder", location);
    return FALSE;
  }
  if (!S_ISDIR (status.st_mode))
    return supcon_idx_read (dataset, location, labels_location, error);
  if (supcon_idx_is_in (location))
    return supcon_idx_read_folder (dataset, location, labels_location, split, error);
  if (labels_location) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "labels-location %s: only pictures in IDX files have their labels elsewhere, and %s holds none",
        labels_location, location);
    return FALSE;
  }
  if (supcon_cifar_is_in (location))
    return supcon_cifar_read (dataset, location, split, error);
  return supcon_folder_read (dataset, location, split, error);
}

/* What pictures are chosen for; each draws anew. */
typedef enum { CHOOSE_VAL, CHOOSE_LABELLED, CHOOSE_SPOILT } Choice;

static SupconRng
rng_of (const SupconDataset *dataset, guint32 index, Choice choice)
{
  SupconRng rng;

  supcon_rng_init (&rng, 0, dataset->places ? dataset->places[index] : index, 0, choice);
  return rng;
}

/* Leaves the pictures of the split. */
static gboolean
split_by_place (SupconDataset *dataset, const char *location, SupconSplit split, double val_fraction, GError **error)
{
  gsize size = (gsize)dataset->width * dataset->height * dataset->channels;
  guint32 kept = 0, *kept_places = g_new (guint32, dataset->count);
  GPtrArray *paths = dataset->paths ? g_ptr_array_new_with_free_func (g_free) : NULL;

  for (guint32 i = 0; i < dataset->count; i++) {
    SupconRng rng = rng_of (dataset, i, CHOOSE_VAL);

    if ((supcon_rng_uniform (&rng, 0, 1) < val_fraction) != (split == SUPCON_SPLIT_VAL))
      continue;
    if (paths)
      g_ptr_array_add (paths, g_steal_pointer (&g_ptr_array_index (dataset->paths, i)));
    else
      memmove (dataset->pixels + kept * size, dataset->pixels + i * size, size);
    kept_places[kept] = dataset->places ? dataset->places[i] : i;
    dataset->labels[kept++] = dataset->labels[i];
  }
  if (paths) {
    g_ptr_array_unref (dataset->paths);
    dataset->paths = paths;
  }
  g_free (dataset->places);
  dataset->places = kept_places;
  dataset->count = kept;
  if (kept == 0)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s: no picture is left in split %s with val-fraction %g; expected %s", location,
        split == SUPCON_SPLIT_VAL ? "val" : "train", val_fraction,
        val_fraction > 0 ? "more pictures" : "more than 0, or a folder val");
  return kept != 0;
}

SupconDataset *
supcon_dataset_open (
    const char *location, const char *labels_location, SupconSplit split, double val_fraction, GError **error)
{
  SupconDataset *dataset = g_new0 (SupconDataset, 1);

  dataset->classes = supcon_labels_new ();
  if (!read_any (dataset, location, labels_location, split, error)
      || (split != SUPCON_SPLIT_TEST && !dataset->has_val && (val_fraction > 0 || split == SUPCON_SPLIT_VAL)
          && !split_by_place (dataset, location, split, val_fraction, error))) {
    supcon_dataset_free (dataset);
    return NULL;
  }
  return dataset;
}

void
supcon_dataset_free (SupconDataset *dataset)
{
  if (!dataset)
    return;
  supcon_labels_free (dataset->classes);
  g_free (dataset->labels);
  g_free (dataset->places);
  g_free (dataset->hidden);
  g_free (dataset->pixels);
  g_clear_pointer (&dataset->paths, g_ptr_array_unref);
  g_free (dataset);
}

guint32
supcon_dataset_count (const SupconDataset *dataset)
{
  return dataset->count;
}

guint
supcon_dataset_n_classes (const SupconDataset *dataset)
{
  return supcon_labels_count (dataset->classes);
}

const char *
supcon_dataset_class_name (const SupconDataset *dataset, guint index)
{
  return supcon_labels_name (dataset->classes, index);
}

gboolean
supcon_dataset_set_class_names (SupconDataset *dataset, const char *names, GError **error)
{
  g_auto (GStrv) list = g_strsplit (names, ",", -1);
  guint n = g_strv_length (list), expected = supcon_dataset_n_classes (dataset);
  SupconLabels *classes;

  if (n < expected) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "class-names: %u names found, at least %u expected, one for each class", n, expected);
    return FALSE;
  }
  classes = supcon_labels_new ();
  for (guint i = 0; i < n; i++) {
    const char *name = g_strstrip (list[i]);

    if (!*name || supcon_labels_add (classes, name) != i) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS, "class-names: name number %u, \"%s\", is %s", i, name,
          *name ? "there twice" : "empty");
      supcon_labels_free (classes);
      return FALSE;
    }
  }
  supcon_labels_free (dataset->classes);
  dataset->classes = classes;
  return TRUE;
}

void
supcon_dataset_hide_labels (SupconDataset *dataset, double labelled)
{
  if (!dataset->hidden)
    dataset->hidden = g_new0 (guint8, dataset->count);
  for (guint32 i = 0; i < dataset->count; i++) {
    SupconRng rng = rng_of (dataset, i, CHOOSE_LABELLED);

    dataset->hidden[i] |= supcon_rng_uniform (&rng, 0, 1) >= labelled;
  }
}

void
supcon_dataset_spoil_labels (SupconDataset *dataset, double noise)
{
  guint n = supcon_dataset_n_classes (dataset);

  for (guint32 i = 0; i < dataset->count; i++) {
    SupconRng rng = rng_of (dataset, i, CHOOSE_SPOILT);

    if (supcon_rng_uniform (&rng, 0, 1) < noise)
      dataset->labels[i] = (dataset->labels[i] + 1 + supcon_rng_below (&rng, n - 1)) % n;
  }
}

guint
supcon_dataset_label (const SupconDataset *dataset, guint32 index)
{
  return dataset->labels[index];
}

void
supcon_dataset_get (const SupconDataset *dataset, guint32 index, SupconSample *sample)
{
  gsize size = (gsize)dataset->width * dataset->height * dataset->channels;

  sample->pixels = dataset->pixels ? dataset->pixels + index * size : NULL;
  sample->path = dataset->paths ? g_ptr_array_index (dataset->paths, index) : NULL;
  sample->width = dataset->width;
  sample->height = dataset->height;
  sample->channels = dataset->channels;
  sample->label = dataset->labels[index];
  sample->labelled = !dataset->hidden || !dataset->hidden[index];
}
