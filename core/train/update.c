/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From gradients to weights: the global norm, clipping, the optimiser and the running averages. */
#include <math.h>

#include "error.h"
#include "parallel.h"
#include "simd.h"
#include "train/trainer_private.h"

typedef struct {
  const SupconTrainer *trainer;
  SupconParam *params;
  double learning_rate;
  SupconReal clip; /* multiplies gradients, where it is less than 1 */
  double *squares; /* of each tensor's gradient */
} Update;

/* The classifier beside the contrastive stage always learns by the same simple means. */
#define PROBE_RATE 0.1
static const SupconOptimizer probe_optimizer = { .kind = SUPCON_OPTIMIZER_SGD, .momentum = 0.9 };

/* What the learning rate of tensor number 'index' is multiplied by; 0: it does not learn. */
static double
rate_of (const SupconTrainer *self, const SupconParam *param, guint index)
{
  const SupconTrainerConfig *config = &self->config;

  if (!param->grad)
    return 0;
  switch (param->part) {
  case SUPCON_PART_ENCODER:
    if (config->stage == SUPCON_STAGE_LINEAR || config->stage == SUPCON_STAGE_REGRESSION || index < self->first_learnt)
      return 0;
    return config->encoder_learning_rate > 0 ? config->encoder_learning_rate / config->schedule.learning_rate : 1;
  case SUPCON_PART_PROJECTION:
    return config->stage == SUPCON_STAGE_CONTRASTIVE;
  case SUPCON_PART_CLASSIFIER:
    return config->stage != SUPCON_STAGE_CONTRASTIVE;
  }
  return 0;
}

static gboolean
is_probe (const SupconTrainer *self, const SupconParam *param)
{
  return self->config.online_linear && param->part == SUPCON_PART_CLASSIFIER;
}

/* Several sums, so that the loop is vectors. */
SUPCON_MULTIVERSION static double
sum_of_squares (const SupconReal *x, gsize n)
{
  enum { SUMS = 32 };
  double sums[SUMS] = { 0 }, sum = 0;
  gsize i = 0;

  for (; i + SUMS <= n; i += SUMS)
    for (guint k = 0; k < SUMS; k++)
      sums[k] += (double)x[i + k] * x[i + k];
  for (; i < n; i++)
    sum += (double)x[i] * x[i];
  for (guint k = 0; k < SUMS; k++)
    sum += sums[k];
  return sum;
}

static void
square_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Update *self = data;
  const SupconParam *param = &self->params[task];

  self->squares[task] = rate_of (self->trainer, param, task) > 0 ? sum_of_squares (param->grad, param->size) : 0;
}

SUPCON_MULTIVERSION static void
scale (SupconReal factor, SupconReal *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] *= factor;
}

SUPCON_MULTIVERSION static void
follow (SupconReal share, const SupconReal *x, SupconReal *average, gsize n)
{
  for (gsize i = 0; i < n; i++)
    average[i] += share * (x[i] - average[i]);
}

static void
update_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Update *self = data;
  const SupconTrainerConfig *config = &self->trainer->config;
  SupconParam *param = &self->params[task];
  SupconOptimizer optimizer = config->optimizer;
  gboolean weight = param->kind == SUPCON_PARAM_WEIGHT;
  double rate = self->learning_rate * rate_of (self->trainer, param, task);

  if (rate > 0) {
    if (!weight && !config->decay_all)
      optimizer.weight_decay = 0;
    if (self->clip < 1)
      scale (self->clip, param->grad, param->size);
    supcon_optimizer_step (&optimizer, rate, self->trainer->step + 1, weight, param->data, param->grad, param->velocity,
        param->squares, param->size);
  } else if (param->grad && is_probe (self->trainer, param)) {
    supcon_optimizer_step (&probe_optimizer, PROBE_RATE, self->trainer->step + 1, weight, param->data, param->grad,
        param->velocity, NULL, param->size);
  }
  if (param->average)
    follow (1 - config->average_decay, param->data, param->average, param->size);
}

/* The forward pass has moved them. Embedding, not training, reads them, so a loss may stay finite when they do not. */
static gboolean
has_finite_statistics (const SupconParam *params, guint n)
{
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; params[i].kind == SUPCON_PARAM_BUFFER && k < params[i].size; k++)
      if (!isfinite (params[i].data[k]))
        return FALSE;
  return TRUE;
}

gboolean
supcon_trainer_update (SupconTrainer *self, SupconTrainStats *stats, GError **error)
{
  guint n, threads = supcon_model_threads (self->model);
  Update job = { .trainer = self, .params = supcon_model_params (self->model, &n), .clip = 1 };
  const char *broken = NULL;
  double squares = 0;

  supcon_workspace_reserve (&self->workspace, 0, n * sizeof (double) / sizeof (SupconReal));
  job.squares = (double *)self->workspace.shared;
  job.learning_rate = supcon_schedule_learning_rate (&self->config.schedule, self->step);
  supcon_parallel_for (threads, n, square_task, &job);
  for (guint i = 0; i < n; i++)
    squares += job.squares[i];

  stats->learning_rate = job.learning_rate;
  stats->gradient_norm = sqrt (squares);
  if (!isfinite (stats->loss))
    broken = "loss";
  else if (!isfinite (squares))
    broken = "gradient";
  else if (!has_finite_statistics (job.params, n))
    broken = "running variance of BatchNorm";
  if (broken) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NUMERIC,
        "step %" G_GUINT64_FORMAT ": the %s is not a finite number (loss %g, gradient norm %g, learning rate %g); "
        "lower the learning rate or raise the temperature",
        stats->step, broken, stats->loss, stats->gradient_norm, stats->learning_rate);
    return FALSE;
  }
  if (self->config.clip_norm > 0)
    job.clip = self->config.clip_norm / stats->gradient_norm;
  supcon_parallel_for (threads, n, update_task, &job);
  self->step++;
  return TRUE;
}
