/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Classification by examples, which needs no training: a class is what it was shown, its newest
 * SUPCON_EXAMPLES_PER_CLASS examples. A new picture goes to the nearest centroid, or by the vote of its nearest
 * neighbours.
 */
#ifndef SUPCON_TRAIN_EXAMPLES_H
#define SUPCON_TRAIN_EXAMPLES_H

#include "labels.h"
#include "real.h"

#define SUPCON_EXAMPLES_PER_CLASS 1000
#define SUPCON_MAX_NEIGHBOURS 1000

typedef struct _SupconExamples SupconExamples;

/** For embeddings of dim numbers, without any class. dim > 0. */
SupconExamples *supcon_examples_new (guint dim);
void supcon_examples_free (SupconExamples *examples);
guint supcon_examples_dim (const SupconExamples *examples);
/** Which encoder they are of, by supcon_model_fingerprint; 0, as at first: it is not known. */
guint64 supcon_examples_encoder (const SupconExamples *examples);
void supcon_examples_set_encoder (SupconExamples *examples, guint64 fingerprint);
/** One more than the largest class that ever had an example. */
guint supcon_examples_n_classes (const SupconExamples *examples);
gboolean supcon_examples_is_empty (const SupconExamples *examples);
/** Examples of class label that are kept. */
guint supcon_examples_count (const SupconExamples *examples, guint label);

/**
 * Adds an example (dim numbers of any length) to class label; the oldest goes when there are too many. FALSE, and
 * nothing is added, when it has no direction: all zero, or not finite.
 */
gboolean supcon_examples_add (SupconExamples *examples, const SupconReal *embedding, guint label);
/** Class label has no example any more. */
void supcon_examples_forget (SupconExamples *examples, guint label);
/** The examples of class from become class to's, from != to. */
void supcon_examples_merge (SupconExamples *examples, guint from, guint to);

/** As supcon_centroids_classify. There is an example. */
void supcon_examples_classify_centroid (
    const SupconExamples *examples, const SupconReal *embedding, SupconReal *probabilities);
/**
 * probabilities (n_classes): the vote of the k examples of the largest cosines (supcon_neighbours_vote). 0 < k <=
 * SUPCON_MAX_NEIGHBOURS; n_classes > 0. There is an example. Not finite when embedding is not or is all zero.
 */
void supcon_examples_classify_knn (
    const SupconExamples *examples, const SupconReal *embedding, guint k, SupconReal *probabilities);

/** Writes the examples with their classes' labels, as an index that supcon_index_load reads. SUPCON_ERROR_WRITE. */
gboolean supcon_examples_save (
    const SupconExamples *examples, const SupconLabels *labels, const char *location, GError **error);
/**
 * Reads them; labels: those that are new are added. Entries without a label are passed over. others: the file's entries
 * where saving would leave something of them out (those without a label, too many of a class, times, URIs, lengths),
 * else 0.
 */
SupconExamples *supcon_examples_load (const char *location, SupconLabels *labels, gsize *others, GError **error);

#endif
