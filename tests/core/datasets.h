/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Data sets that a test writes into a folder of its own, from setup to teardown. */
#ifndef TEST_DATASETS_H
#define TEST_DATASETS_H

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "check_main.h"
#include "data/dataset.h"
#include "error.h"

static char *folder;

static inline void
write_file (const char *name, const guint8 *bytes, gsize n)
{
  char *path = g_build_filename (folder, name, NULL), *dir = g_path_get_dirname (path);

  g_mkdir_with_parents (dir, 0700);
  ck_assert (g_file_set_contents (path, (const char *)bytes, n, NULL));
  g_free (dir);
  g_free (path);
}

static inline void
write_text (const char *name, const char *text)
{
  write_file (name, (const guint8 *)text, strlen (text));
}

static inline void
remove_all (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    char *child = g_build_filename (path, name, NULL);

    remove_all (child);
    g_free (child);
  }
  if (dir)
    g_dir_close (dir);
  g_remove (path);
}

/* gzip'ed, by the name with .gz behind it, in place of the file of that name. */
static inline void
pack_file (const char *name)
{
  char *path = g_build_filename (folder, name, NULL), *packed = g_strconcat (name, ".gz", NULL), *bytes;
  GConverter *compressor = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1));
  GOutputStream *memory = g_memory_output_stream_new_resizable ();
  GOutputStream *stream = g_converter_output_stream_new (memory, compressor);
  gsize n;

  ck_assert (g_file_get_contents (path, &bytes, &n, NULL));
  ck_assert (g_output_stream_write_all (stream, bytes, n, NULL, NULL, NULL));
  ck_assert (g_output_stream_close (stream, NULL, NULL));
  write_file (packed, g_memory_output_stream_get_data (G_MEMORY_OUTPUT_STREAM (memory)),
      g_memory_output_stream_get_data_size (G_MEMORY_OUTPUT_STREAM (memory)));
  g_remove (path);
  g_object_unref (stream);
  g_object_unref (memory);
  g_object_unref (compressor);
  g_free (bytes);
  g_free (packed);
  g_free (path);
}

#define MAX_PICTURES 1000

/* n pictures of 3x2, the first two pixels their number, the others counting up; labels 0, 1, 2, 0, ... missing: bytes
 * that are left out at the end, -1 for one too many. */
static inline void
write_idx (const char *prefix, guint n, guint n_labels, guint8 magic, gint missing)
{
  guint8 pictures[16 + 6 * MAX_PICTURES + 1] = { 0, 0, 8, magic, 0, 0, n >> 8, n, 0, 0, 0, 2, 0, 0, 0, 3 };
  guint8 labels[8 + MAX_PICTURES] = { 0, 0, 8, 1, 0, 0, n_labels >> 8, n_labels };
  char name[64];

  for (guint i = 0; i < 6 * n; i++)
    pictures[16 + i] = i % 6 == 0 ? i / 6 & 255 : i % 6 == 1 ? i / 6 >> 8 : i;
  for (guint i = 0; i < n_labels; i++)
    labels[8 + i] = i % 3;
  g_snprintf (name, sizeof name, "%s-images-idx3-ubyte", prefix);
  write_file (name, pictures, 16 + 6 * n - missing);
  g_snprintf (name, sizeof name, "%s-labels-idx1-ubyte", prefix);
  write_file (name, labels, 8 + n_labels);
}

static inline guint
number_of (const SupconSample *sample)
{
  return sample->pixels[0] | sample->pixels[1] << 8;
}

static inline void
setup (void)
{
  folder = g_dir_make_tmp ("gst-supcon-XXXXXX", NULL);
}

static inline void
teardown (void)
{
  remove_all (folder);
  g_free (folder);
}

/* The folder or file is refused with such an error. */
static inline void
check_error (const char *location, SupconSplit split, SupconErrorCode code, const char *named)
{
  GError *error = NULL;
  SupconDataset *dataset = supcon_dataset_open (location, NULL, split, 0, &error);

  ck_assert_ptr_null (dataset);
  ck_assert_msg (g_error_matches (error, SUPCON_ERROR, code), "%s", error->message);
  ck_assert_msg (strstr (error->message, named) != NULL, "%s", error->message);
  g_error_free (error);
}

#endif
