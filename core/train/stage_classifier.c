/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stages that learn an output on r: by cross-entropy, with the encoder or on it as it is, and by squared error. */
#include "loss/cross_entropy.h"
#include "loss/squared_error.h"
#include "rng.h"
#include "train/trainer_private.h"

/* Streams of random numbers, apart from those of augmentation and mixing. */
#define DROPOUT G_GUINT64_CONSTANT (0x64726f70)

static gboolean
trains_encoder (const SupconTrainer *self)
{
  return self->config.stage == SUPCON_STAGE_CROSS_ENTROPY || self->config.stage == SUPCON_STAGE_FINETUNE;
}

/* Zeros a share of x and enlarges the rest, the same elements for the same step (Srivastava et al. 2014). */
static void
drop_out (const SupconTrainer *self, guint n, guint dim, SupconReal *x)
{
  SupconReal keep = 1 / (1 - self->config.dropout);

  if (self->config.dropout == 0)
    return;
  for (guint i = 0; i < n; i++) {
    SupconRng rng;

    supcon_rng_init (&rng, self->config.seed ^ DROPOUT, self->step, i, 0);
    for (guint k = 0; k < dim; k++)
      x[(gsize)i * dim + k] *= supcon_rng_uniform (&rng, 0, 1) < self->config.dropout ? 0 : keep;
  }
}

/* What comes after the gradient by the logits or outputs is known. */
static gboolean
learn (SupconTrainer *self, const SupconBatch *batch, SupconTrainStats *stats, GError **error)
{
  guint dim = supcon_model_embedding_dim (self->model);

  supcon_model_zero_grad (self->model);
  supcon_model_backward_classifier (
      self->model, self->r, batch->n, self->dlogits, trains_encoder (self) ? self->dr : NULL);
  if (trains_encoder (self)) {
    drop_out (self, batch->n, dim, self->dr);
    supcon_trainer_backpropagate (self, batch);
  }
  return supcon_trainer_update (self, stats, error);
}

gboolean
supcon_trainer_classifier_step (SupconTrainer *self, SupconBatch *batch, SupconTrainStats *stats, GError **error)
{
  guint classes = supcon_model_n_classes (self->model), dim = supcon_model_embedding_dim (self->model);
  const SupconReal *targets;
  SupconCrossEntropyResult loss;

  supcon_trainer_reserve (self, batch->n, classes);
  if (trains_encoder (self)) {
    supcon_trainer_encode (self, batch);
    drop_out (self, batch->n, dim, self->r);
  } else {
    supcon_model_embed (self->model, batch->pixels, batch->n, self->r);
  }
  supcon_model_classify (self->model, self->r, batch->n, self->logits);
  targets = supcon_trainer_targets (self, batch, classes);
  loss = supcon_cross_entropy (self->logits, batch->n, classes, batch->labels, targets, self->dlogits);
  /* Those of fewer classes are no longer the model's. */
  if (self->calibration && self->calibration->dim != classes)
    g_clear_pointer (&self->calibration, supcon_queue_free);
  /* Mixed and taught pictures have no label that confidence could be held to. */
  if (!targets && !self->config.held_out)
    supcon_calibration_add (&self->calibration, self->logits, batch->n, classes, batch->labels, batch->samples);
  stats->loss = loss.loss;
  stats->anchors = stats->classified = loss.counted;
  stats->correct = loss.correct;
  return learn (self, batch, stats, error);
}

gboolean
supcon_trainer_regression_step (SupconTrainer *self, const SupconBatch *batch, SupconTrainStats *stats, GError **error)
{
  supcon_trainer_reserve (self, batch->n, 1);
  supcon_model_embed (self->model, batch->pixels, batch->n, self->r);
  supcon_model_classify (self->model, self->r, batch->n, self->logits);
  stats->loss = supcon_squared_error (self->logits, batch->n, batch->values, self->dlogits);
  stats->anchors = batch->n;
  return learn (self, batch, stats, error);
}
