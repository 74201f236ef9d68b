/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "nn/workspace.h"
#include "train/trainer_private.h"

/* The best of 0.0125 to 0.8 in short trainings, both kinds of losses taken together: of batches from SGD_FULL_BATCH on
 * one rate, of smaller ones, whose gradients are noisier, less. docs/learning-rates.md has the figures. */
#define SGD_RATE 0.2
#define SGD_FULL_BATCH 128

/* Likewise, of any batch. LARS: SimCLR's, for batches of 4,096 there. */
#define ADAM_RATE 4e-3
#define RMSPROP_RATE 1e-3
#define LARS_RATE 4.8

/* Decay of a momentum encoder that nothing is said of: MoCo's. */
#define MOMENTUM_ENCODER_DECAY 0.999

double
supcon_trainer_scaled_learning_rate (double learning_rate, guint batch_size)
{
  return learning_rate * batch_size / 256;
}

double
supcon_trainer_default_learning_rate (SupconStage stage, SupconOptimizerKind optimizer, guint batch_size)
{
  gboolean lars = optimizer == SUPCON_OPTIMIZER_LARS;
  double rate = lars ? LARS_RATE : SGD_RATE * sqrt (MIN (batch_size, SGD_FULL_BATCH) / (double)SGD_FULL_BATCH);

  if (supcon_optimizer_has_squares (optimizer))
    return optimizer == SUPCON_OPTIMIZER_RMSPROP ? RMSPROP_RATE : ADAM_RATE;
  if (stage == SUPCON_STAGE_LINEAR)
    return lars ? LARS_RATE : sqrt (batch_size / 256.0);
  if (stage == SUPCON_STAGE_FINETUNE)
    return rate / 3;
  return stage == SUPCON_STAGE_REGRESSION ? rate / 10 : rate;
}

guint
supcon_trainer_count_frozen (SupconModel *model, const char *freeze)
{
  guint n, first = 0;
  const SupconParam *params = supcon_model_params (model, &n);
  gsize length = freeze ? strlen (freeze) : 0;

  for (guint i = 0; length && i < n; i++)
    if (params[i].part == SUPCON_PART_ENCODER && strncmp (params[i].name, freeze, length) == 0
        && params[i].name[length] == '.')
      first = i + 1;
  return first;
}

static gsize
count_running (SupconModel *model)
{
  guint n;
  const SupconParam *params = supcon_model_params (model, &n);
  gsize size = 0;

  for (guint i = 0; i < n; i++)
    if (params[i].kind == SUPCON_PARAM_BUFFER)
      size += params[i].size;
  return size;
}

SupconTrainer *
supcon_trainer_new (SupconModel *model, const SupconTrainerConfig *config, guint64 first_step)
{
  SupconTrainer *self = g_new0 (SupconTrainer, 1);

  self->model = model;
  self->config = *config;
  if (config->momentum_encoder && config->average_decay == 0)
    self->config.average_decay = MOMENTUM_ENCODER_DECAY;
  self->step = first_step;
  self->first_learnt = supcon_trainer_count_frozen (model, config->freeze);
  self->running = supcon_real_alloc (count_running (model));
  if (config->queue_size)
    self->queue = supcon_queue_new (config->queue_size, supcon_model_projection_dim (model));
  supcon_model_enable_training (model);
  supcon_model_set_state (model, (supcon_optimizer_has_squares (config->optimizer.kind) ? SUPCON_STATE_SQUARES : 0)
                                     | (self->config.average_decay > 0 ? SUPCON_STATE_AVERAGE : 0));
  return self;
}

static void
free_buffers (SupconTrainer *self)
{
  g_clear_pointer (&self->r, supcon_real_free);
  g_clear_pointer (&self->dr, supcon_real_free);
  g_clear_pointer (&self->z, supcon_real_free);
  g_clear_pointer (&self->dz, supcon_real_free);
  g_clear_pointer (&self->logits, supcon_real_free);
  g_clear_pointer (&self->dlogits, supcon_real_free);
  g_clear_pointer (&self->targets, supcon_real_free);
  g_clear_pointer (&self->labels, g_free);
  g_clear_pointer (&self->samples, g_free);
}

void
supcon_trainer_free (SupconTrainer *self)
{
  free_buffers (self);
  supcon_workspace_clear (&self->workspace);
  supcon_real_free (self->running);
  supcon_queue_free (self->queue);
  supcon_queue_free (self->calibration);
  g_free (self);
}

double
supcon_trainer_calibrate (SupconTrainer *self, gboolean roughly)
{
  guint64 age = self->step - self->fitted_step;

  if (self->fitted_step == 0 || age > (roughly ? self->step / 10 : 0)) {
    self->temperature = supcon_calibrate_temperature (self->calibration);
    self->fitted_step = self->step;
  }
  return self->temperature;
}

guint64
supcon_trainer_step_count (const SupconTrainer *self)
{
  return self->step;
}

const SupconQueue *
supcon_trainer_queue (const SupconTrainer *self)
{
  return self->queue;
}

const SupconQueue *
supcon_trainer_logits (const SupconTrainer *self)
{
  return self->calibration;
}

void
supcon_trainer_hold_out (SupconTrainer *self, SupconQueue *logits)
{
  supcon_queue_free (self->calibration);
  self->calibration = logits;
  self->fitted_step = 0;
}

void
supcon_trainer_restore (SupconTrainer *self, const SupconQueue *past, const SupconQueue *logits)
{
  if (self->queue && past)
    supcon_queue_push (self->queue, past->z, past->labels, past->samples, past->n);
  if (logits)
    supcon_calibration_add (&self->calibration, logits->z, logits->n, logits->dim, logits->labels, logits->samples);
}

void
supcon_trainer_reserve (SupconTrainer *self, guint n, guint classes)
{
  gsize r_dim = supcon_model_embedding_dim (self->model), z_dim = supcon_model_projection_dim (self->model);
  gsize past = self->config.queue_size;

  if (n <= self->capacity && classes <= self->classes)
    return;
  self->capacity = MAX (n, self->capacity);
  self->classes = MAX (classes, self->classes);
  free_buffers (self);
  self->r = supcon_real_alloc (self->capacity * r_dim);
  self->dr = supcon_real_alloc (self->capacity * r_dim);
  if (self->config.stage == SUPCON_STAGE_CONTRASTIVE) {
    self->z = supcon_real_alloc ((self->capacity + past) * z_dim);
    self->dz = supcon_real_alloc (self->capacity * z_dim);
  }
  if (past) {
    self->labels = g_new (gint32, self->capacity + past);
    self->samples = g_new (guint64, self->capacity + past);
  }
  self->logits = supcon_real_alloc ((gsize)self->capacity * self->classes);
  self->dlogits = supcon_real_alloc ((gsize)self->capacity * self->classes);
  self->targets = supcon_real_alloc ((gsize)self->capacity * self->classes);
}

const SupconReal *
supcon_trainer_targets (SupconTrainer *self, SupconBatch *batch, guint classes)
{
  const SupconTrainerConfig *config = &self->config;

  if (config->mix.mixup == 0 && config->mix.cutmix == 0 && config->label_smoothing == 0 && !config->teacher)
    return NULL;
  supcon_batch_targets (batch, classes, config->label_smoothing, self->targets);
  if (config->teacher)
    supcon_teacher_teach (config->teacher, config->teacher_weight, batch, classes, self->targets);
  return self->targets;
}

gboolean
supcon_trainer_step (SupconTrainer *self, SupconBatch *batch, SupconTrainStats *stats, GError **error)
{
  guint interval = self->config.report_interval;
  guint64 step = self->step + 1;

  *stats = (SupconTrainStats){ .step = step,
    .reported = interval && (step % interval == 0 || step == self->config.schedule.total_steps) };
  if (self->config.teacher)
    batch->n_classes = MAX (batch->n_classes, supcon_teacher_n_classes (self->config.teacher));
  supcon_mix (&self->config.mix, self->config.seed, self->step, batch);
  switch (self->config.stage) {
  case SUPCON_STAGE_CONTRASTIVE:
    return supcon_trainer_contrastive_step (self, batch, stats, error);
  case SUPCON_STAGE_REGRESSION:
    return supcon_trainer_regression_step (self, batch, stats, error);
  default:
    return supcon_trainer_classifier_step (self, batch, stats, error);
  }
}
