/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "file.h"

#include <errno.h>

#include "error.h"

/* As many as the system itself would follow. */
#define MAX_LINKS 40

static gboolean
fail (const char *path, SupconErrorCode code, const char *why, GError **error)
{
  char *shown = g_filename_display_name (path);

  g_set_error (error, SUPCON_ERROR, code, "%s: %s", shown, why);
  g_free (shown);
  return FALSE;
}

gboolean
supcon_file_stat (const char *path, GStatBuf *status, GError **error)
{
  if (g_stat (path, status) == 0)
    return TRUE;
  *status = (GStatBuf){ 0 };
  return errno == ENOENT || errno == ENOTDIR || fail (path, SUPCON_ERROR_READ, g_strerror (errno), error);
}

gboolean
supcon_file_check (const char *path, GError **error)
{
  GStatBuf status;

  if (!supcon_file_stat (path, &status, error))
    return FALSE;
  if (!status.st_mode)
    return fail (path, SUPCON_ERROR_NOT_FOUND, g_strerror (errno), error);
  return S_ISREG (status.st_mode)
         || fail (path, SUPCON_ERROR_READ, S_ISDIR (status.st_mode) ? "is a folder" : "is not a regular file", error);
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

char *
supcon_file_target (const char *path)
{
  char *target = g_strdup (path), *link;

  for (guint i = 0; i < MAX_LINKS && (link = g_file_read_link (target, NULL)); i++) {
    char *folder = g_path_get_dirname (target);

    g_free (target);
    target = g_path_is_absolute (link) ? g_strdup (link) : g_build_filename (folder, link, NULL);
    g_free (folder);
    g_free (link);
  }
  return target;
}
