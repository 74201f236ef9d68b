/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/probe.h"

#include <string.h>

#include "train/centroid.h"
#include "train/neighbours.h"

/* Pictures that are searched for at once, since a batch is much faster than one by one. */
#define BATCH 256

static const guint neighbours_of_kind[SUPCON_PROBE_KINDS] = SUPCON_PROBE_NEIGHBOURS;
#define MOST (neighbours_of_kind[SUPCON_PROBE_KINDS - 1])

struct _SupconProbe {
  SupconIndex *index;
  SupconLabels *labels;
  GArray *entry_labels; /* guint, of the index's entries */
  SupconCentroids *centroids;

  guint n; /* pictures that wait */
  SupconReal *queries;
  guint truths[BATCH];
  SupconNeighbour *found;    /* BATCH x MOST */
  SupconReal *probabilities; /* of each label */

  guint64 count, right_knn[SUPCON_PROBE_KINDS], right_centroid;
};

SupconProbe *
supcon_probe_new (const SupconIndex *index)
{
  SupconProbe *self = g_new0 (SupconProbe, 1);
  const SupconEntry unnamed = { .timestamp = -1 };
  guint dim = supcon_index_dim (index);

  self->index = supcon_index_new (dim, SUPCON_METRIC_COSINE);
  supcon_index_set_encoder (self->index, supcon_index_encoder (index));
  self->labels = supcon_labels_new ();
  self->entry_labels = g_array_new (FALSE, FALSE, sizeof (guint));
  self->centroids = supcon_centroids_new (dim);
  for (gsize i = 0; i < supcon_index_count (index); i++) {
    const char *name = supcon_index_entry (index, i).label;
    const SupconReal *embedding = supcon_index_embedding (index, i);
    guint label;

    if (!name || !supcon_index_add (self->index, embedding, &unnamed))
      continue;
    label = supcon_labels_add (self->labels, name);
    g_array_append_val (self->entry_labels, label);
    supcon_centroids_add (self->centroids, embedding, label);
  }
  self->queries = g_new (SupconReal, (gsize)BATCH * dim);
  self->found = g_new (SupconNeighbour, (gsize)BATCH * MOST);
  self->probabilities = g_new (SupconReal, MAX (supcon_labels_count (self->labels), 1));
  if (self->entry_labels->len == 0)
    g_clear_pointer (&self, supcon_probe_free);
  return self;
}

void
supcon_probe_free (SupconProbe *self)
{
  if (self == NULL)
    return;
  supcon_index_free (self->index);
  supcon_labels_free (self->labels);
  g_array_unref (self->entry_labels);
  supcon_centroids_free (self->centroids);
  g_free (self->queries);
  g_free (self->found);
  g_free (self->probabilities);
  g_free (self);
}

guint
supcon_probe_dim (const SupconProbe *self)
{
  return supcon_index_dim (self->index);
}

guint64
supcon_probe_encoder (const SupconProbe *self)
{
  return supcon_index_encoder (self->index);
}

/* Whether the k nearest of neighbours vote for truth. */
static gboolean
is_voted (SupconProbe *self, const SupconNeighbour *neighbours, guint k, guint truth)
{
  guint n_labels = supcon_labels_count (self->labels), n = 0;
  g_autofree SupconReal *cosines = g_new (SupconReal, k);
  g_autofree guint *labels = g_new (guint, k);

  for (; n < k && neighbours[n].entry != SUPCON_NO_ENTRY; n++) {
    cosines[n] = neighbours[n].score;
    labels[n] = g_array_index (self->entry_labels, guint, neighbours[n].entry);
  }
  supcon_neighbours_vote (cosines, labels, n, n_labels, self->probabilities);
  return n > 0 && supcon_real_largest (self->probabilities, n_labels) == truth;
}

static void
judge (SupconProbe *self)
{
  guint dim = supcon_index_dim (self->index), n_labels = supcon_labels_count (self->labels);

  if (self->n == 0)
    return;
  supcon_index_search (self->index, self->n, self->queries, MOST, 0, self->found);
  for (guint i = 0; i < self->n; i++) {
    const SupconNeighbour *found = self->found + (gsize)i * MOST;

    for (guint kind = 0; kind < SUPCON_PROBE_KINDS; kind++)
      self->right_knn[kind] += is_voted (self, found, neighbours_of_kind[kind], self->truths[i]);
    /* Without a direction it is near to no class. */
    if (found->entry == SUPCON_NO_ENTRY)
      continue;
    supcon_centroids_scores (self->centroids, self->queries + (gsize)i * dim, self->probabilities);
    self->right_centroid += supcon_real_largest (self->probabilities, n_labels) == self->truths[i];
  }
  self->count += self->n;
  self->n = 0;
}

void
supcon_probe_add (SupconProbe *self, const SupconReal *embedding, const char *label)
{
  guint dim = supcon_index_dim (self->index);
  gint truth = supcon_labels_find (self->labels, label);

  if (truth < 0)
    return;
  memcpy (self->queries + (gsize)self->n * dim, embedding, dim * sizeof *embedding);
  self->truths[self->n++] = truth;
  if (self->n == BATCH)
    judge (self);
}

SupconProbeResult
supcon_probe_take (SupconProbe *self)
{
  SupconProbeResult result = { .examples = self->entry_labels->len };
  double n;

  judge (self);
  n = MAX (self->count, 1);
  result.count = self->count;
  for (guint kind = 0; kind < SUPCON_PROBE_KINDS; kind++)
    result.knn[kind] = self->right_knn[kind] / n;
  result.centroid = self->right_centroid / n;
  self->count = self->right_centroid = 0;
  memset (self->right_knn, 0, sizeof self->right_knn);
  return result;
}
