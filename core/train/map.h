/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * A map of the last embeddings: their place in the plane of the two directions in which embeddings differ most, found
 * while they come (candid covariance-free incremental principal component analysis, Weng, Zhang and Hwang 2003, IEEE
 * TPAMI 25(8)), so that the plane turns slowly as the embeddings change.
 */
#ifndef SUPCON_TRAIN_MAP_H
#define SUPCON_TRAIN_MAP_H

#include "real.h"

typedef struct {
  SupconReal x, y; /* of the embedding, scaled to unit length, less the mean */
  gint label;      /* as it was added */
} SupconMapPoint;

typedef struct _SupconMap SupconMap;

/** For embeddings of dim numbers, of which the last n are kept. dim, n > 0. */
SupconMap *supcon_map_new (guint dim, guint n);
void supcon_map_free (SupconMap *map);
guint supcon_map_dim (const SupconMap *map);

/**
 * Adds an embedding (dim numbers of any length), over the oldest when there are n. label is any number. FALSE, and
 * nothing is added, when it has no direction: all zero, or not finite.
 */
gboolean supcon_map_add (SupconMap *map, const SupconReal *embedding, gint label);

/** points (at least n): those that are kept, the oldest first. Returns how many. */
guint supcon_map_points (const SupconMap *map, SupconMapPoint *points);

/** The plane's share of the embeddings' variance, [0, 1]. */
double supcon_map_explained (const SupconMap *map);

#endif
