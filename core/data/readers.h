/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What a data set is made of and who fills it. Private to core/data. */
#ifndef SUPCON_DATA_READERS_H
#define SUPCON_DATA_READERS_H

#include <gio/gio.h>
#include <string.h>

#include "data/dataset.h"
#include "labels.h"

struct _SupconDataset {
  SupconLabels *classes;
  guint32 count;
  guint32 *labels;  /* count, each < the number of classes */
  guint32 *places;  /* count: a number of the picture's own, whatever else is there; NULL: its index */
  guint8 *hidden;   /* count: whether the label is hidden; NULL: none is */
  gboolean has_val; /* a folder of its own holds split val */
  /* Either pictures in memory, all of one size... */
  guint8 *pixels;
  guint width, height, channels;
  /* ...or their files. */
  GPtrArray *paths;
};

/* A reader fills a zeroed data set whose classes is an empty list. When it fails the data set is only good for freeing.
 */
gboolean supcon_idx_read (SupconDataset *dataset, const char *images, const char *labels, GError **error);
gboolean supcon_idx_read_folder (
    SupconDataset *dataset, const char *folder, const char *labels, SupconSplit split, GError **error);
gboolean supcon_cifar_read (SupconDataset *dataset, const char *folder, SupconSplit split, GError **error);
gboolean supcon_folder_read (SupconDataset *dataset, const char *folder, SupconSplit split, GError **error);

/* A byte, 0 to 255, for each label of an IDX file of 1 to most; g_free(). Errors name the path. */
guint8 *supcon_idx_read_labels (const char *path, guint32 most, guint32 *count, GError **error);

/* The file's bytes, decompressed where it is gzip'ed. Reading gives *got <= size bytes, fewer at the end of the file.
 */
GInputStream *supcon_stream_open (const char *path, GError **error);
gboolean supcon_stream_read (
    GInputStream *stream, const char *path, void *data, gsize size, gsize *got, GError **error);

/* Whether the folder holds a file that only such a data set has. */
gboolean supcon_idx_is_in (const char *folder);
gboolean supcon_cifar_is_in (const char *folder);

/* The order of an array of strings, for g_ptr_array_sort(). */
static inline int
supcon_compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *)a, *(char *const *)b);
}

#endif
