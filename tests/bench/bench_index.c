/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seconds of a search: bench_index INDEX BATCH NEIGHBOURS THREADS REPEATS [PROBES]. The queries are the index's own
 * first embeddings. Prints {"seconds": median, "last": score of the first query's last neighbour}; for an approximate
 * search, with PROBES, also the share of the exact search's neighbours that it finds, and the seconds that its lists
 * take to be made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/neighbours.h"
#include "index/index.h"

static int
compare_times (const void *a, const void *b)
{
  const gint64 *x = a, *y = b;

  return *x < *y ? -1 : *x > *y;
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  SupconIndex *index = argc == 6 || argc == 7 ? supcon_index_load (argv[1], &error) : NULL;
  guint batch, k, threads, repeats;
  SupconNeighbour *neighbours, *exact;
  SupconReal *queries;
  gint64 *times, made;

  if (!index) {
    fprintf (
        stderr, "%s\n", error ? error->message : "usage: bench_index INDEX BATCH NEIGHBOURS THREADS REPEATS [PROBES]");
    return 2;
  }
  batch = atoi (argv[2]);
  k = atoi (argv[3]);
  threads = atoi (argv[4]);
  repeats = atoi (argv[5]);
  queries = g_new (SupconReal, (gsize)batch * supcon_index_dim (index));
  for (guint i = 0; i < batch; i++)
    memcpy (queries + (gsize)i * supcon_index_dim (index), supcon_index_embedding (index, i),
        supcon_index_dim (index) * sizeof *queries);
  neighbours = g_new (SupconNeighbour, (gsize)batch * k);
  exact = g_new (SupconNeighbour, (gsize)batch * k);
  times = g_new (gint64, repeats);
  supcon_index_search (index, batch, queries, k, threads, exact);
  made = g_get_monotonic_time ();
  if (argc == 7 && !supcon_index_approximate (index, atoi (argv[6]), threads, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 1;
  }
  made = g_get_monotonic_time () - made;
  for (guint i = 0; i < repeats; i++) {
    gint64 begin = g_get_monotonic_time ();

    supcon_index_search (index, batch, queries, k, threads, neighbours);
    times[i] = g_get_monotonic_time () - begin;
  }
  qsort (times, repeats, sizeof *times, compare_times);
  printf ("{\"seconds\": %.6f, \"last\": %.6f", times[repeats / 2] * 1e-6, neighbours[k - 1].score);
  if (argc == 7)
    printf (", \"recall\": %.4f, \"made\": %.2f", recall (exact, neighbours, batch, k), made * 1e-6);
  printf ("}\n");
  g_free (times);
  g_free (neighbours);
  g_free (exact);
  g_free (queries);
  supcon_index_free (index);
  return 0;
}
