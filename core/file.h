/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Files that are about to be read, or replaced. */
#ifndef SUPCON_FILE_H
#define SUPCON_FILE_H

#include <glib/gstdio.h>

/**
 * What is at path, links followed, as stat() has it; where nothing is, all zeros, and errno says why. FALSE: nobody can
 * tell, as with a disk that fails, and it must not be taken for missing. The error begins with the path.
 */
gboolean supcon_file_stat (const char *path, GStatBuf *status, GError **error);

/** Whether path is a regular file; opening a pipe would wait for a writer. The error begins with the path. */
gboolean supcon_file_check (const char *path, GError **error);

/** The whole of a regular file into *bytes, which the caller frees, with a zero byte after its *size (or NULL) bytes.
 * The errors are SUPCON_ERROR_NOT_FOUND or SUPCON_ERROR_READ and name the path. */
gboolean supcon_file_read (const char *path, char **bytes, gsize *size, GError **error);

/** The file that path leads to, there or not yet: a rename onto a link would put a file in its place. g_free(). */
char *supcon_file_target (const char *path);

#endif
