/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"
#include "file.h"

/* A temporary file's name: a dot, the name, a dot, six letters that make it unique, this. */
#define PARTIAL ".partial"
#define UNIQUE 6

struct _SupconSafetensorsWriter {
  char *location;
  char *target, *folder, *temporary; /* temporary: NULL when it is not there (any more) */
  FILE *stream;
  JsonObject *header, *metadata;
  gsize declared, written; /* bytes of tensors */
  gboolean header_done;
  int error; /* errno of the first failure */
};

static void
set_write_error (GError **error, const char *location, const char *what)
{
  char *shown = g_filename_display_name (location);

  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_WRITE, "%s: cannot be written: %s", shown, what);
  g_free (shown);
}

void
supcon_safetensors_remove_stale (const char *location)
{
  char *target = supcon_file_target (location);
  char *folder = g_path_get_dirname (target), *name = g_path_get_basename (target);
  char *prefix = g_strdup_printf (".%s.", name);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *other;

  while (dir && (other = g_dir_read_name (dir))) {
    char *path;
    int fd;

    if (!g_str_has_prefix (other, prefix) || !g_str_has_suffix (other, PARTIAL)
        || strlen (other) != strlen (prefix) + UNIQUE + strlen (PARTIAL))
      continue;
    path = g_build_filename (folder, other, NULL);
    fd = g_open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) == 0)
      g_unlink (path);
    if (fd >= 0)
      close (fd);
    g_free (path);
  }
  if (dir)
    g_dir_close (dir);
  g_free (prefix);
  g_free (name);
  g_free (folder);
  g_free (target);
}

/* A new file, locked as long as it is open. path: its name, to be freed. -1 with errno. */
static int
make_temporary (const char *folder, const char *name, char **path)
{
  struct stat status;
  int fd;

  do {
    *path = g_strdup_printf ("%s" G_DIR_SEPARATOR_S ".%s.XXXXXX" PARTIAL, folder, name);
    fd = g_mkstemp_full (*path, O_RDWR | O_CLOEXEC, 0666);
    if (fd < 0)
      break;
    /* Who removes stale files may have been faster. File systems without locks have nobody who removes. */
    if (flock (fd, LOCK_EX) != 0 || fstat (fd, &status) != 0 || status.st_nlink > 0)
      return fd;
    close (fd);
    g_free (*path);
  } while (TRUE);
  g_clear_pointer (path, g_free);
  return -1;
}

SupconSafetensorsWriter *
supcon_safetensors_writer_new (const char *location, GError **error)
{
  SupconSafetensorsWriter *writer;
  GStatBuf status;
  char *name;
  int fd;

  if (!*location || g_str_has_suffix (location, G_DIR_SEPARATOR_S)) {
    set_write_error (error, location, "not the name of a file");
    return NULL;
  }
  /* The rename at the end would put a file in place of a device or a pipe. */
  if (g_stat (location, &status) == 0 && !S_ISREG (status.st_mode)) {
    set_write_error (error, location, S_ISDIR (status.st_mode) ? "it is a folder" : "it is not a regular file");
    return NULL;
  }

  writer = g_new0 (SupconSafetensorsWriter, 1);
  writer->location = g_strdup (location);
  writer->target = supcon_file_target (location);
  writer->folder = g_path_get_dirname (writer->target);
  writer->header = json_object_new ();
  writer->metadata = json_object_new ();
  json_object_set_object_member (writer->header, "__metadata__", writer->metadata);

  name = g_path_get_basename (writer->target);
  fd = make_temporary (writer->folder, name, &writer->temporary);
  g_free (name);
  if (fd < 0) {
    set_write_error (error, location, g_strerror (errno));
    supcon_safetensors_writer_free (writer);
    return NULL;
  }
  writer->stream = fdopen (fd, "wb");
  if (!writer->stream) {
    set_write_error (error, location, g_strerror (errno));
    close (fd);
    supcon_safetensors_writer_free (writer);
    return NULL;
  }
  return writer;
}

gboolean
supcon_safetensors_writer_reserve (SupconSafetensorsWriter *writer, gsize bytes, GError **error)
{
  int failure = posix_fallocate (fileno (writer->stream), 0, bytes);

  if (failure == 0 || failure == EINVAL || failure == EOPNOTSUPP)
    return TRUE;
  set_write_error (error, writer->location, g_strerror (failure));
  return FALSE;
}

void
supcon_safetensors_writer_add_metadata (SupconSafetensorsWriter *writer, const char *key, const char *value)
{
  json_object_set_string_member (writer->metadata, key, value);
}

void
supcon_safetensors_writer_add_tensor (
    SupconSafetensorsWriter *writer, const char *name, SupconDtype dtype, guint n_dims, const gsize *dims)
{
  JsonObject *tensor = json_object_new ();
  JsonArray *shape = json_array_new (), *offsets = json_array_new ();
  gsize bytes = supcon_dtype_size (dtype);

  for (guint i = 0; i < n_dims; i++) {
    json_array_add_int_element (shape, dims[i]);
    bytes *= dims[i];
  }
  json_array_add_int_element (offsets, writer->declared);
  writer->declared += bytes;
  json_array_add_int_element (offsets, writer->declared);
  json_object_set_string_member (tensor, "dtype", supcon_dtype_name (dtype));
  json_object_set_array_member (tensor, "shape", shape);
  json_object_set_array_member (tensor, "data_offsets", offsets);
  json_object_set_object_member (writer->header, name, tensor);
}

static void
write_bytes (SupconSafetensorsWriter *writer, const void *bytes, gsize n)
{
  if (!writer->error && n > 0 && fwrite (bytes, 1, n, writer->stream) != n)
    writer->error = errno;
}

static void
write_header (SupconSafetensorsWriter *writer)
{
  JsonNode *root = json_node_init_object (json_node_alloc (), writer->header);
  char *text = json_to_string (root, FALSE);
  gsize length = strlen (text), padded = (length + 7) & ~(gsize)7;
  guint64 field = GUINT64_TO_LE (padded);

  write_bytes (writer, &field, sizeof field);
  write_bytes (writer, text, length);
  write_bytes (writer, "       ", padded - length);
  g_free (text);
  json_node_unref (root);
  writer->header_done = TRUE;
}

void
supcon_safetensors_writer_write (SupconSafetensorsWriter *writer, const void *bytes, gsize n)
{
  if (!writer->header_done)
    write_header (writer);
  write_bytes (writer, bytes, n);
  writer->written += n;
}

/* Makes the rename last. A folder that cannot be opened or synced by its kind is left to the system's own time. */
static gboolean
sync_folder (const char *folder)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
  gboolean done;

  if (fd < 0)
    return TRUE;
  done = fsync (fd) == 0 || errno == EINVAL;
  error = errno;
  close (fd);
  errno = error;
  return done;
}

gboolean
supcon_safetensors_writer_finish (SupconSafetensorsWriter *writer, GError **error)
{
  supcon_safetensors_writer_write (writer, NULL, 0);
  g_return_val_if_fail (writer->written == writer->declared, FALSE);

  if (!writer->error && (fflush (writer->stream) != 0 || fsync (fileno (writer->stream)) != 0))
    writer->error = errno;
  /* While it is open, as it is locked only then. */
  if (!writer->error) {
    if (g_rename (writer->temporary, writer->target) != 0)
      writer->error = errno;
    else
      g_clear_pointer (&writer->temporary, g_free);
  }
  if (!writer->error && !sync_folder (writer->folder))
    writer->error = errno;
  if (writer->error)
    set_write_error (error, writer->location, g_strerror (writer->error));
  return !writer->error;
}

void
supcon_safetensors_writer_free (SupconSafetensorsWriter *writer)
{
  if (!writer)
    return;
  if (writer->temporary)
    g_unlink (writer->temporary);
  if (writer->stream)
    fclose (writer->stream);
  json_object_unref (writer->header);
  g_free (writer->location);
  g_free (writer->target);
  g_free (writer->folder);
  g_free (writer->temporary);
  g_free (writer);
}
