/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/trainer.h"

#include <math.h>

#include "loss/cross_entropy.h"
#include "nn/workspace.h"
#include "train/trainer_private.h"

/* Embeddings are called collapsed when, for so many steps in a row, the loss is as near as this to what one point for
 * all of them gives, log (n - 1), and the spread of z is as small. A network that has just been made may look like that
 * for some steps. */
#define COLLAPSE_STEPS 50
#define COLLAPSE_LOSS 0.01
#define COLLAPSE_SPREAD 0.01

/* Rates of a batch of 256 that the optimisers' papers and SimCLR (LARS) train ResNets with. */
#define ADAPTIVE_RATE 1e-3
#define LARS_RATE 0.3

double
supcon_trainer_scaled_learning_rate (double learning_rate, guint batch_size)
{
  return learning_rate * batch_size / 256;
}

double
supcon_trainer_default_learning_rate (SupconStage stage, SupconOptimizerKind optimizer, guint batch_size)
{
  double root = sqrt (batch_size / 256.0);

  if (supcon_optimizer_has_squares (optimizer))
    return ADAPTIVE_RATE;
  if (optimizer == SUPCON_OPTIMIZER_LARS)
    return supcon_trainer_scaled_learning_rate (LARS_RATE, batch_size);
  return stage == SUPCON_STAGE_CONTRASTIVE ? MIN (0.1 * root, 0.2) : root;
}

static void
prepare_state (SupconTrainer *self)
{
  const SupconTrainerConfig *config = &self->config;

  supcon_model_enable_training (self->model);
  supcon_model_set_state (
      self->model, (supcon_optimizer_has_squares (config->optimizer.kind) ? SUPCON_STATE_SQUARES : 0)
                       | (config->average_decay > 0 ? SUPCON_STATE_AVERAGE : 0));
}

SupconTrainer *
supcon_trainer_new (SupconModel *model, const SupconTrainerConfig *config, guint64 first_step)
{
  SupconTrainer *self = g_new0 (SupconTrainer, 1);

  self->model = model;
  self->config = *config;
  self->step = first_step;
  prepare_state (self);
  return self;
}

static void
free_buffers (SupconTrainer *self)
{
  g_clear_pointer (&self->dz, supcon_real_free);
  g_clear_pointer (&self->r, supcon_real_free);
  g_clear_pointer (&self->logits, supcon_real_free);
}

void
supcon_trainer_free (SupconTrainer *self)
{
  free_buffers (self);
  g_free (self);
}

guint64
supcon_trainer_step_count (const SupconTrainer *self)
{
  return self->step;
}

static void
reserve (SupconTrainer *self, guint n, gsize width)
{
  gboolean linear = self->config.stage == SUPCON_STAGE_LINEAR;

  if (n <= self->capacity && width <= self->width)
    return;
  self->capacity = MAX (n, self->capacity);
  self->width = MAX (width, self->width);
  free_buffers (self);
  self->dz = supcon_real_alloc (self->capacity * self->width);
  if (linear) {
    self->r = supcon_real_alloc ((gsize)self->capacity * supcon_model_embedding_dim (self->model));
    self->logits = supcon_real_alloc (self->capacity * self->width);
  }
}

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
watch_collapse (SupconTrainer *self, guint n, SupconTrainStats *stats)
{
  gboolean looks_so
      = stats->anchors && fabs (stats->loss - log (n - 1.0)) < COLLAPSE_LOSS && stats->spread < COLLAPSE_SPREAD;

  self->collapsed_steps = looks_so ? self->collapsed_steps + 1 : 0;
  stats->collapsed = self->collapsed_steps >= COLLAPSE_STEPS;
}

static gboolean
contrastive_step (SupconTrainer *self, const SupconBatch *batch, SupconTrainStats *stats, GError **error)
{
  guint dim = supcon_model_projection_dim (self->model);
  const SupconReal *z;
  SupconLossResult loss;
  SupconViews views;

  reserve (self, batch->n, dim);
  supcon_model_forward (self->model, batch->pixels, batch->n);
  z = supcon_model_forward_projection (self->model);
  views = (SupconViews){ .z = z, .n = batch->n, .dim = dim, .labels = batch->labels, .samples = batch->samples };
  loss = supcon_loss (&self->config.loss, &views, supcon_model_threads (self->model), self->dz);
  stats->loss = loss.loss;
  stats->anchors = loss.anchors;
  stats->positives_per_anchor = loss.positives_per_anchor;
  stats->spread = spread_of (z, batch->n, dim);
  supcon_model_zero_grad (self->model);
  supcon_model_backward (self->model, self->dz);
  if (!supcon_trainer_update (self, stats, error))
    return FALSE;
  watch_collapse (self, batch->n, stats);
  return TRUE;
}

static gboolean
linear_step (SupconTrainer *self, const SupconBatch *batch, SupconTrainStats *stats, GError **error)
{
  guint classes = supcon_model_n_classes (self->model);
  SupconCrossEntropyResult loss;

  reserve (self, batch->n, classes);
  supcon_model_embed (self->model, batch->pixels, batch->n, self->r);
  supcon_model_classify (self->model, self->r, batch->n, self->logits);
  loss = supcon_cross_entropy (self->logits, batch->n, classes, batch->labels, self->dz);
  stats->loss = loss.loss;
  stats->anchors = loss.counted;
  stats->correct = loss.correct;
  supcon_model_zero_grad (self->model);
  supcon_model_backward_classifier (self->model, self->r, batch->n, self->dz);
  return supcon_trainer_update (self, stats, error);
}

gboolean
supcon_trainer_step (SupconTrainer *self, const SupconBatch *batch, SupconTrainStats *stats, GError **error)
{
  *stats = (SupconTrainStats){ 0 };
  if (self->config.stage == SUPCON_STAGE_LINEAR)
    return linear_step (self, batch, stats, error);
  return contrastive_step (self, batch, stats, error);
}
