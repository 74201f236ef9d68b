/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that may be gzip'ed, whatever their name. */
#include "data/readers.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "error.h"
#include "file.h"

GInputStream *
supcon_stream_open (const char *path, GError **error)
{
  GInputStream *file, *stream;
  GZlibDecompressor *decompressor;
  guint8 magic[2];
  int fd;

  if (!supcon_file_check (path, error))
    return NULL;
  fd = g_open (path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_READ, "%s: %s", path, g_strerror (errno));
    return NULL;
  }
  file = g_unix_input_stream_new (fd, TRUE);
  if (pread (fd, magic, 2, 0) != 2 || magic[0] != 0x1f || magic[1] != 0x8b)
    return file;
  decompressor = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP);
  stream = g_converter_input_stream_new (file, G_CONVERTER (decompressor));
  g_object_unref (decompressor);
  g_object_unref (file);
  return stream;
}

gboolean
supcon_stream_read (GInputStream *stream, const char *path, void *data, gsize size, gsize *got, GError **error)
{
  GError *cause = NULL;
  gboolean damaged;

  if (g_input_stream_read_all (stream, data, size, got, NULL, &cause))
    return TRUE;
  damaged = g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_INVALID_DATA)
            || g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
  g_set_error (error, SUPCON_ERROR, damaged ? SUPCON_ERROR_FORMAT : SUPCON_ERROR_READ, "%s: %s%s", path,
      damaged ? "gzip'ed data are damaged or end too early: " : "", cause->message);
  g_error_free (cause);
  return FALSE;
}
