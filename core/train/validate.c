/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/validate.h"

#include <math.h>
#include <string.h>

#include "index/index.h"
#include "loss/cross_entropy.h"
#include "loss/supcon.h"
#include "nn/workspace.h"

static SupconReal *
embed (SupconModel *model, const guint8 *pixels, guint n)
{
  SupconReal *r = supcon_real_alloc ((gsize)n * supcon_model_embedding_dim (model));

  supcon_model_embed (model, pixels, n, r);
  return r;
}

/* The label with the largest sum of weights among the neighbours other than the picture itself; -1: none. */
static gint32
vote (const SupconNeighbour *neighbours, guint k, gsize self, const gint32 *labels)
{
  double best_weight = 0;
  gint32 best = -1;

  for (guint i = 0; i < k; i++) {
    double weight = 0;
    gint32 label;

    if (neighbours[i].entry == SUPCON_NO_ENTRY || neighbours[i].entry == self)
      continue;
    label = labels[neighbours[i].entry];
    for (guint j = 0; j < k; j++)
      if (neighbours[j].entry != SUPCON_NO_ENTRY && neighbours[j].entry != self && labels[neighbours[j].entry] == label)
        weight += exp ((neighbours[j].score - 1) / SUPCON_VALIDATION_TEMPERATURE);
    if (weight > best_weight) {
      best_weight = weight;
      best = label;
    }
  }
  return best;
}

void
supcon_validate_neighbours (
    SupconModel *model, const guint8 *pixels, const gint32 *labels, guint n, SupconValidation *validation)
{
  const guint k = SUPCON_VALIDATION_NEIGHBOURS + 1, dim = supcon_model_embedding_dim (model);
  SupconReal *r = embed (model, pixels, n);
  SupconIndex *index = supcon_index_new (dim, SUPCON_METRIC_COSINE);
  const SupconEntry entry = { .timestamp = -1 };
  SupconNeighbour *neighbours = g_new (SupconNeighbour, (gsize)n * k);
  gint32 *indexed = g_new (gint32, MAX (n, 1));
  gsize *place = g_new (gsize, MAX (n, 1));
  guint correct = 0;

  *validation = (SupconValidation){ 0 };
  for (guint i = 0; i < n; i++) {
    place[i] = SUPCON_NO_ENTRY;
    if (labels[i] >= 0 && supcon_index_add (index, r + (gsize)i * dim, &entry)) {
      place[i] = supcon_index_count (index) - 1;
      indexed[place[i]] = labels[i];
    }
  }
  supcon_index_search (index, n, r, k, supcon_model_threads (model), neighbours);
  for (guint i = 0; i < n; i++)
    if (labels[i] >= 0) {
      validation->n++;
      correct += place[i] != SUPCON_NO_ENTRY && vote (neighbours + (gsize)i * k, k, place[i], indexed) == labels[i];
    }
  validation->accuracy = validation->n ? (double)correct / validation->n : 0;
  g_free (place);
  g_free (indexed);
  g_free (neighbours);
  supcon_index_free (index);
  supcon_real_free (r);
}

void
supcon_validate_classifier (
    SupconModel *model, const guint8 *pixels, const gint32 *labels, guint n, SupconValidation *validation)
{
  guint classes = supcon_model_n_classes (model);
  SupconReal *r = embed (model, pixels, n), *logits = supcon_real_alloc ((gsize)n * classes);
  gint32 *known = g_new (gint32, MAX (n, 1));
  SupconCrossEntropyResult loss;

  *validation = (SupconValidation){ 0 };
  for (guint i = 0; i < n; i++) {
    validation->n += labels[i] >= 0;
    known[i] = labels[i] >= 0 && (guint)labels[i] < classes ? labels[i] : SUPCON_UNLABELLED;
  }
  supcon_model_classify (model, r, n, logits);
  loss = supcon_cross_entropy (logits, n, classes, known, NULL, NULL);
  validation->loss = loss.loss;
  validation->accuracy = validation->n ? (double)loss.correct / validation->n : 0;
  g_free (known);
  supcon_real_free (logits);
  supcon_real_free (r);
}
