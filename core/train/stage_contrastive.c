/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "loss/cross_entropy.h"
#include "train/trainer_private.h"

/* Embeddings are called collapsed when, for so many steps in a row, the loss is as near as this to what one point for
 * all of them gives and the spread of z is as small. A network that has just been made may look like that for some
 * steps. */
#define COLLAPSE_STEPS 50
#define COLLAPSE_LOSS 0.01
#define COLLAPSE_SPREAD 0.01

/* 1 - |mean of z|^2: the mean squared distance of unit vectors from their mean. */
static double
spread_of (const SupconReal *z, guint n, guint dim)
{
  double length = 0;

  for (guint k = 0; k < dim; k++) {
    double mean = 0;

    for (guint i = 0; i < n; i++)
      mean += z[(gsize)i * dim + k];
    length += mean / n * (mean / n);
  }
  return 1 - length;
}

static void
watch_collapse (SupconTrainer *self, const SupconLossResult *loss, SupconTrainStats *stats)
{
  gboolean looks_so
      = loss->anchors && fabs (loss->loss - loss->collapsed_loss) < COLLAPSE_LOSS && stats->spread < COLLAPSE_SPREAD;

  self->collapsed_steps = looks_so ? self->collapsed_steps + 1 : 0;
  stats->collapsed = self->collapsed_steps >= COLLAPSE_STEPS;
}

/* The batch's z and, after them, the queue's. */
static SupconViews
make_views (SupconTrainer *self, SupconBatch *batch, guint dim, guint classes)
{
  SupconViews views = {
    .z = self->z, .n = batch->n, .dim = dim, .labels = batch->labels, .samples = batch->samples, .n_classes = classes
  };
  const SupconQueue *queue = self->queue;

  if (self->config.loss.kind == SUPCON_LOSS_GENERAL)
    views.targets = supcon_trainer_targets (self, batch, classes);
  if (!queue)
    return views;
  memcpy (self->labels, batch->labels, batch->n * sizeof *self->labels);
  memcpy (self->samples, batch->samples, batch->n * sizeof *self->samples);
  /* Oldest first, so that sums have one order wherever the queue begins. */
  for (guint i = 0; i < queue->n; i++) {
    guint from = supcon_queue_place (queue, i), to = batch->n + i;

    memcpy (self->z + (gsize)to * dim, queue->z + (gsize)from * dim, dim * sizeof *queue->z);
    self->labels[to] = queue->labels[from];
    self->samples[to] = queue->samples[from];
  }
  views.labels = self->labels;
  views.samples = self->samples;
  views.n += queue->n;
  views.n_past = queue->n;
  views.most = batch->n + queue->size;
  return views;
}

/* The classifier beside: its gradient goes to its own weights alone. */
static void
probe (SupconTrainer *self, const SupconBatch *batch, guint classes, SupconTrainStats *stats)
{
  SupconCrossEntropyResult result;

  supcon_model_classify (self->model, self->r, batch->n, self->logits);
  result = supcon_cross_entropy (self->logits, batch->n, classes, batch->labels, NULL, self->dlogits);
  supcon_model_backward_classifier (self->model, self->r, batch->n, self->dlogits, NULL);
  stats->classified = result.counted;
  stats->correct = result.correct;
}

gboolean
supcon_trainer_contrastive_step (SupconTrainer *self, SupconBatch *batch, SupconTrainStats *stats, GError **error)
{
  guint dim = supcon_model_projection_dim (self->model), classes = supcon_model_n_classes (self->model);
  guint target_classes = self->config.loss.kind == SUPCON_LOSS_GENERAL ? supcon_batch_n_classes (batch) : 0;
  SupconViews views;
  SupconLossResult loss;

  supcon_trainer_reserve (self, batch->n, MAX (target_classes, self->config.online_linear ? classes : 0));
  supcon_trainer_encode (self, batch);
  views = make_views (self, batch, dim, target_classes);
  self->workspace.threads = supcon_model_threads (self->model);
  loss = supcon_loss (&self->config.loss, &views, &self->workspace, self->dz);
  stats->loss = loss.loss;
  stats->anchors = loss.anchors;
  stats->positives_per_anchor = loss.positives_per_anchor;
  stats->spread = spread_of (self->z, batch->n, dim);
  stats->has_signals = stats->reported && views.n > 1;
  if (stats->has_signals)
    supcon_loss_signals (&self->config.loss, &views, &self->workspace, &stats->signals);

  supcon_model_zero_grad (self->model);
  if (self->config.online_linear && classes)
    probe (self, batch, classes, stats);
  supcon_trainer_backpropagate (self, batch);
  if (!supcon_trainer_update (self, stats, error))
    return FALSE;
  watch_collapse (self, &loss, stats);
  if (self->queue && self->config.momentum_encoder)
    supcon_trainer_encode_by_average (self, batch);
  if (self->queue)
    supcon_queue_push (self->queue, self->z, batch->labels, batch->samples, batch->n);
  return TRUE;
}
