/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * How well embeddings tell classes apart without a classifier: pictures are judged by examples with labels, as those of
 * the training set, by their nearest neighbours and by the nearest centroid.
 */
#ifndef SUPCON_TRAIN_PROBE_H
#define SUPCON_TRAIN_PROBE_H

#include "index/index.h"
#include "labels.h"

#define SUPCON_PROBE_KINDS 3
/* The nearest one, as many as do for thousands of pictures, and as Wu et al. 2018 take among a million. */
#define SUPCON_PROBE_NEIGHBOURS                                                                                        \
  {                                                                                                                    \
    1, 20, 200                                                                                                         \
  }

/** Shares of the pictures, in [0, 1]; 0 without any. */
typedef struct {
  guint64 count;                  /* pictures that were judged */
  guint64 examples;               /* by so many */
  double knn[SUPCON_PROBE_KINDS]; /* by the vote (supcon_neighbours_vote) of so many neighbours */
  double centroid;                /* by the class whose mean direction is the nearest */
} SupconProbeResult;

typedef struct _SupconProbe SupconProbe;

/** From the entries of an index that have a label; all are copied. NULL: there is none. */
SupconProbe *supcon_probe_new (const SupconIndex *index);
void supcon_probe_free (SupconProbe *probe);
guint supcon_probe_dim (const SupconProbe *probe);
/** As supcon_index_encoder. */
guint64 supcon_probe_encoder (const SupconProbe *probe);
/** Counts a picture (dim numbers) of that label. One whose label no example has is left out, one without a direction is
 * told wrong. */
void supcon_probe_add (SupconProbe *probe, const SupconReal *embedding, const char *label);
/** Of the pictures since the last call. */
SupconProbeResult supcon_probe_take (SupconProbe *probe);

#endif
