/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one search finds beside another. */
#ifndef NEIGHBOURS_H
#define NEIGHBOURS_H

#include "index/index.h"

/* Of the k neighbours of each of n queries, the share that is among the others of the same query. */
static inline double
recall (const SupconNeighbour *exact, const SupconNeighbour *found, guint n, guint k)
{
  gsize hits = 0;

  for (gsize i = 0; i < (gsize)n * k; i++)
    for (guint l = 0; l < k; l++)
      hits += exact[i].entry == found[i / k * k + l].entry;
  return hits / ((double)n * k);
}

#endif
