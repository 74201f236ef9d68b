/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders of class folders of pictures. Only names are read here; who uses the pictures decodes them. */
#include "data/readers.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "file.h"

/* How deep below a class folder pictures are looked for: enough for every layout known, and links in circles end. */
#define MAX_DEPTH 4

static const char *const extensions[]
    = { ".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".pnm", ".tif", ".tiff", ".gif" };

static gboolean
is_picture (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (extensions); i++) {
    gsize length = strlen (name), tail = strlen (extensions[i]);

    if (length > tail && g_ascii_strcasecmp (name + length - tail, extensions[i]) == 0)
      return TRUE;
  }
  return FALSE;
}

/* Names in folder, sorted, hidden ones left out; or NULL. */
static GPtrArray *
list_names (const char *folder, GError **error)
{
  GError *cause = NULL;
  GDir *dir = g_dir_open (folder, 0, &cause);
  GPtrArray *names;
  const char *name;
  int failed;

  if (!dir) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_READ, "%s", cause->message);
    g_error_free (cause);
    return NULL;
  }
  names = g_ptr_array_new_with_free_func (g_free);
  /* The end of the names and an error look alike but for errno. */
  for (errno = 0; (name = g_dir_read_name (dir)); errno = 0) {
    if (name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  }
  failed = errno;
  g_dir_close (dir);
  if (failed) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_READ, "%s: %s", folder, g_strerror (failed));
    g_ptr_array_unref (names);
    return NULL;
  }
  g_ptr_array_sort (names, supcon_compare_names);
  return names;
}

/* Whether path is a folder; a link that leads nowhere, if only to itself, is none. FALSE: nobody can tell. */
static gboolean
find_folder (const char *path, gboolean *is_folder, GError **error)
{
  GStatBuf status;

  *is_folder = FALSE;
  if (g_stat (path, &status) != 0 && errno == ELOOP)
    return TRUE;
  if (!supcon_file_stat (path, &status, error))
    return FALSE;
  *is_folder = S_ISDIR (status.st_mode);
  return TRUE;
}

static gboolean
list_pictures (const char *folder, guint depth, GPtrArray *paths, GError **error)
{
  g_autoptr (GPtrArray) names = list_names (folder, error);

  if (!names)
    return FALSE;
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *path = g_build_filename (folder, name, NULL);
    gboolean is_folder;

    if (!find_folder (path, &is_folder, error))
      return FALSE;
    if (is_folder) {
      if (depth < MAX_DEPTH && !list_pictures (path, depth + 1, paths, error))
        return FALSE;
    } else if (is_picture (name)) {
      g_ptr_array_add (paths, g_steal_pointer (&path));
    }
  }
  return TRUE;
}

/* Names of the sub-folders of folder; or NULL. */
static GPtrArray *
list_folders (const char *folder, GError **error)
{
  GPtrArray *names = list_names (folder, error);

  for (guint i = 0; names && i < names->len;) {
    g_autofree char *path = g_build_filename (folder, g_ptr_array_index (names, i), NULL);
    gboolean is_folder;

    if (!find_folder (path, &is_folder, error))
      g_clear_pointer (&names, g_ptr_array_unref);
    else if (is_folder)
      i++;
    else
      g_ptr_array_remove_index (names, i);
  }
  return names;
}

static gboolean
has_name (const GPtrArray *names, const char *name)
{
  return g_ptr_array_find_with_equal_func ((GPtrArray *)names, name, g_str_equal, NULL);
}

/* Goes down to the split's sub-folder where the sub-folders are splits. */
static char *
choose_folder (const char *folder, SupconSplit split, gboolean *has_val, GError **error)
{
  g_autoptr (GPtrArray) names = list_folders (folder, error);
  guint n_splits = 0;
  const char *name = "train";

  if (!names)
    return NULL;
  n_splits += has_name (names, "train");
  n_splits += has_name (names, "test");
  n_splits += has_name (names, "val");
  if (n_splits == 0 || n_splits != names->len)
    return g_strdup (folder);
  *has_val = has_name (names, "val");
  if (split == SUPCON_SPLIT_TEST)
    name = has_name (names, "test") ? "test" : "val";
  else if (split == SUPCON_SPLIT_VAL && *has_val)
    name = "val";
  if (!has_name (names, name)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND, "%s: no folder %s found in it", folder,
        split == SUPCON_SPLIT_TEST ? "test or val" : "train");
    return NULL;
  }
  return g_build_filename (folder, name, NULL);
}

gboolean
supcon_folder_read (SupconDataset *dataset, const char *folder, SupconSplit split, GError **error)
{
  g_autofree char *chosen = choose_folder (folder, split, &dataset->has_val, error);
  g_autoptr (GPtrArray) names = chosen ? list_folders (chosen, error) : NULL;
  GArray *labels;

  if (!names)
    return FALSE;
  if (names->len == 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND,
        "%s: no data set found in it; sub-folders with pictures, one for each class, or IDX or CIFAR files expected",
        chosen);
    return FALSE;
  }
  dataset->paths = g_ptr_array_new_with_free_func (g_free);
  labels = g_array_new (FALSE, FALSE, sizeof (guint32));
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename (chosen, g_ptr_array_index (names, i), NULL);
    g_autofree char *name = g_filename_display_name (g_ptr_array_index (names, i));
    guint32 label = supcon_labels_add (dataset->classes, name);
    guint before = dataset->paths->len;

    /* Each byte that is no UTF-8 is shown as the same sign. */
    if (label != i) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
          "%s: two class folders are called \"%s\", bytes that are no UTF-8 left aside; expected names in UTF-8",
          chosen, name);
      break;
    }
    if (!list_pictures (path, 0, dataset->paths, error))
      break;
    if (dataset->paths->len == before) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND,
          "%s: no picture found in this class folder (.jpg, .png, .bmp, .webp, ... expected)", path);
      break;
    }
    for (guint j = before; j < dataset->paths->len; j++)
      g_array_append_val (labels, label);
    dataset->count = i + 1 == names->len ? dataset->paths->len : 0;
  }
  dataset->labels = (guint32 *)(void *)g_array_free (labels, FALSE);
  dataset->places = g_new (guint32, MAX (dataset->count, 1));
  for (guint i = 0; i < dataset->count; i++)
    dataset->places[i] = g_str_hash ((const char *)g_ptr_array_index (dataset->paths, i) + strlen (chosen));
  return dataset->count != 0;
}
