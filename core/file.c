/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "file.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "error.h"

gboolean
supcon_file_check (const char *path, GError **error)
{
  SupconErrorCode code = SUPCON_ERROR_READ;
  GStatBuf status;
  const char *why;
  char *shown;

  if (g_stat (path, &status) == 0) {
    if (S_ISREG (status.st_mode))
      return TRUE;
    why = S_ISDIR (status.st_mode) ? "is a folder" : "is not a regular file";
  } else {
    if (errno == ENOENT || errno == ENOTDIR)
      code = SUPCON_ERROR_NOT_FOUND;
    why = g_strerror (errno);
  }
  shown = g_filename_display_name (path);
  g_set_error (error, SUPCON_ERROR, code, "%s: %s", shown, why);
  g_free (shown);
  return FALSE;
}

gboolean
supcon_file_read (const char *path, char **bytes, gsize *size, GError **error)
{
  GError *cause = NULL;

  if (!supcon_file_check (path, error))
    return FALSE;
  if (g_file_get_contents (path, bytes, size, &cause))
    return TRUE;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_READ, "%s", cause->message);
  g_error_free (cause);
  return FALSE;
}
