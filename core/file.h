/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Files that are about to be read. */
#ifndef SUPCON_FILE_H
#define SUPCON_FILE_H

#include <glib.h>

/** Whether path is a regular file; opening a pipe would wait for a writer. The error begins with the path. */
gboolean supcon_file_check (const char *path, GError **error);

#endif
