/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/validate.h"

#include <math.h>
#include <string.h>

#include "index/index.h"
#include "loss/cross_entropy.h"
#include "loss/supcon.h"
#include "nn/workspace.h"
#include "train/calibrate.h"
#include "train/neighbours.h"

/* Embeddings, and logits where they are wanted, by what checkpoints give as the model. */
static SupconReal *
embed (SupconModel *model, const guint8 *pixels, guint n, SupconReal *logits)
{
  SupconReal *r = supcon_real_alloc ((gsize)n * supcon_model_embedding_dim (model));

  supcon_model_swap_average (model);
  supcon_model_embed (model, pixels, n, r);
  if (logits)
    supcon_model_classify (model, r, n, logits);
  supcon_model_swap_average (model);
  return r;
}

/* The label that the neighbours other than the picture itself vote for. p: scratch, n_classes. */
static guint
vote (const SupconNeighbour *neighbours, gsize self, const guint *labels, guint n_classes, SupconReal *p)
{
  SupconReal cosines[SUPCON_VALIDATION_NEIGHBOURS];
  guint voters[SUPCON_VALIDATION_NEIGHBOURS], n = 0;

  for (guint i = 0; i <= SUPCON_VALIDATION_NEIGHBOURS && n < SUPCON_VALIDATION_NEIGHBOURS; i++) {
    if (neighbours[i].entry == SUPCON_NO_ENTRY || neighbours[i].entry == self)
      continue;
    cosines[n] = neighbours[i].score;
    voters[n++] = labels[neighbours[i].entry];
  }
  if (n == 0)
    return n_classes;
  supcon_neighbours_vote (cosines, voters, n, n_classes, p);
  return supcon_real_largest (p, n_classes);
}

void
supcon_validate_neighbours (
    SupconModel *model, const guint8 *pixels, const gint32 *labels, guint n, SupconValidation *validation)
{
  const guint k = SUPCON_VALIDATION_NEIGHBOURS + 1, dim = supcon_model_embedding_dim (model);
  SupconReal *r = embed (model, pixels, n, NULL);
  SupconIndex *index = supcon_index_new (dim, SUPCON_METRIC_COSINE);
  const SupconEntry entry = { .timestamp = -1 };
  SupconNeighbour *neighbours = g_new (SupconNeighbour, (gsize)n * k);
  guint *indexed = g_new (guint, MAX (n, 1)), n_classes = 0, correct = 0;
  gsize *place = g_new (gsize, MAX (n, 1));
  SupconReal *p;

  *validation = (SupconValidation){ 0 };
  for (guint i = 0; i < n; i++) {
    place[i] = SUPCON_NO_ENTRY;
    n_classes = MAX ((gint32)n_classes, labels[i] + 1);
    if (labels[i] >= 0 && supcon_index_add (index, r + (gsize)i * dim, &entry)) {
      place[i] = supcon_index_count (index) - 1;
      indexed[place[i]] = labels[i];
    }
  }
  p = g_new (SupconReal, MAX (n_classes, 1));
  supcon_index_search (index, n, r, k, supcon_model_threads (model), neighbours);
  for (guint i = 0; i < n; i++)
    if (labels[i] >= 0) {
      validation->n++;
      correct += place[i] != SUPCON_NO_ENTRY
                 && vote (neighbours + (gsize)i * k, place[i], indexed, n_classes, p) == (guint)labels[i];
    }
  validation->accuracy = validation->n ? (double)correct / validation->n : 0;
  g_free (p);
  g_free (place);
  g_free (indexed);
  g_free (neighbours);
  supcon_index_free (index);
  supcon_real_free (r);
}

void
supcon_validate_classifier (SupconModel *model, const guint8 *pixels, const gint32 *labels, guint n,
    SupconValidation *validation, SupconQueue **logits)
{
  guint classes = supcon_model_n_classes (model);
  SupconReal *scores = supcon_real_alloc ((gsize)n * classes), *r = embed (model, pixels, n, scores);
  gint32 *known = g_new (gint32, MAX (n, 1));
  SupconCrossEntropyResult loss;

  *validation = (SupconValidation){ 0 };
  for (guint i = 0; i < n; i++) {
    validation->n += labels[i] >= 0;
    validation->unknown += labels[i] >= 0 && (guint)labels[i] >= classes;
    known[i] = labels[i] >= 0 && (guint)labels[i] < classes ? labels[i] : SUPCON_UNLABELLED;
  }
  loss = supcon_cross_entropy (scores, n, classes, known, NULL, NULL);
  validation->loss = loss.loss;
  validation->accuracy = validation->n ? (double)loss.correct / validation->n : 0;
  if (logits)
    *logits = supcon_calibration_sample (scores, n, classes, labels);
  g_free (known);
  supcon_real_free (scores);
  supcon_real_free (r);
}
