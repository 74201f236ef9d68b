/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "data/dataset.h"

#include "data/readers.h"
#include "error.h"

static gboolean
read_any (SupconDataset *dataset, const char *location, const char *labels_location, SupconSplit split, GError **error)
{
  if (!g_file_test (location, G_FILE_TEST_EXISTS)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND, "%s: there is no such file or folder", location);
    return FALSE;
  }
  if (!g_file_test (location, G_FILE_TEST_IS_DIR))
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

SupconDataset *
supcon_dataset_open (const char *location, const char *labels_location, SupconSplit split, GError **error)
{
  SupconDataset *dataset = g_new0 (SupconDataset, 1);

  dataset->classes = supcon_labels_new ();
  if (!read_any (dataset, location, labels_location, split, error)) {
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
supcon_dataset_number_classes (SupconDataset *dataset, guint n)
{
  for (guint i = supcon_labels_count (dataset->classes); i < n; i++) {
    char name[16];

    g_snprintf (name, sizeof name, "%u", i);
    supcon_labels_add (dataset->classes, name);
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
}
