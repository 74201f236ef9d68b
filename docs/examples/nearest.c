/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an index holds, and the neighbours of its first entry, from C without GStreamer:
 *
 *     cc nearest.c $(pkg-config --cflags --libs libsupcon) -o nearest && ./nearest INDEX.safetensors */
#include <stdio.h>

#include <index/index.h>

int
main (int argc, char **argv)
{
  GError *error = NULL;
  SupconIndex *index = argc == 2 ? supcon_index_load (argv[1], &error) : NULL;
  SupconNeighbour found[5];

  if (!index) {
    fprintf (stderr, "%s\n", error ? error->message : "usage: nearest INDEX.safetensors");
    g_clear_error (&error);
    return 1;
  }
  printf ("%" G_GSIZE_FORMAT " entries of %u numbers\n", supcon_index_count (index), supcon_index_dim (index));
  if (supcon_index_count (index) > 0) {
    supcon_index_search (index, 1, supcon_index_embedding (index, 0), 5, 0, found);
    for (guint i = 0; i < 5 && found[i].entry != SUPCON_NO_ENTRY; i++) {
      SupconEntry entry = supcon_index_entry (index, found[i].entry);

      printf ("%.3f  %.2f s  %s\n", found[i].score, entry.timestamp * 1e-9, entry.uri ? entry.uri : "");
    }
  }
  supcon_index_free (index);
  return 0;
}
