/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Classification by the nearest class centroid: a class is the mean direction of its examples' embeddings. It learns
 * from one example on and needs no optimiser.
 */
#ifndef SUPCON_TRAIN_CENTROID_H
#define SUPCON_TRAIN_CENTROID_H

#include "real.h"

/* Divides the cosines before the softmax, as the contrastive loss does by default in training. */
#define SUPCON_CENTROID_TEMPERATURE 0.1

typedef struct _SupconCentroids SupconCentroids;

/** For embeddings of dim numbers, without any class. dim > 0. */
SupconCentroids *supcon_centroids_new (guint dim);
void supcon_centroids_free (SupconCentroids *centroids);
/** One more than the largest label that was added. */
guint supcon_centroids_n_classes (const SupconCentroids *centroids);
/** Examples of label so far. */
guint64 supcon_centroids_count (const SupconCentroids *centroids, guint label);

/**
 * Adds an example (dim numbers of any length, normalised here) to class label. FALSE, and nothing is added, when it has
 * no direction: all zero, or not finite.
 */
gboolean supcon_centroids_add (SupconCentroids *centroids, const SupconReal *embedding, guint label);

/** Takes an example that was added to label off again. */
void supcon_centroids_remove (SupconCentroids *centroids, const SupconReal *embedding, guint label);

/** scores (n_classes): the cosine between embedding and each centroid, minus infinity for a class without examples. */
void supcon_centroids_scores (const SupconCentroids *centroids, const SupconReal *embedding, SupconReal *scores);

/**
 * probabilities (n_classes): the softmax of scores / SUPCON_CENTROID_TEMPERATURE. n_classes > 0. Not finite when
 * embedding is not.
 */
void supcon_centroids_classify (
    const SupconCentroids *centroids, const SupconReal *embedding, SupconReal *probabilities);

#endif
