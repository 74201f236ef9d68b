/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What a test has left in its folder. */
#ifndef TEST_ENTRIES_H
#define TEST_ENTRIES_H

#include <glib.h>

static inline guint
count_entries (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

#endif
