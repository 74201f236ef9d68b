/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What an index holds. Private to index/. */
#ifndef SUPCON_INDEX_INDEX_PRIVATE_H
#define SUPCON_INDEX_INDEX_PRIVATE_H

#include "index/index.h"
#include "index/lists.h"
#include "labels.h"
#include "model/safetensors.h"

struct _SupconIndex {
  guint dim;
  SupconMetric metric;
  guint64 encoder; /* its fingerprint, 0: not known */

  /* Embeddings: first those that are in the file, then those in memory. */
  SupconSafetensors *file; /* NULL: none is */
  const SupconReal *mapped;
  gsize n_mapped;
  SupconReal *added;
  gsize n_added, capacity;

  GArray *labels, *uris; /* gint32: numbers in the names, -1: none */
  GArray *timestamps;    /* gint64 */
  SupconLabels *label_names, *uri_names;

  SupconLists *lists; /* NULL: searches are exact */
  guint probes;
};

/* Room for one more embedding of dim numbers, to be filled. */
SupconReal *supcon_index_grow (SupconIndex *index);

/* What embedding is to be multiplied by for the metric, or 0 when it cannot be compared. */
double supcon_index_scale (const SupconIndex *index, const SupconReal *embedding);

/* supcon_index_search where there are lists. */
void supcon_index_search_lists (
    const SupconIndex *index, guint n, const SupconReal *queries, guint k, guint threads, SupconNeighbour *neighbours);

#endif
