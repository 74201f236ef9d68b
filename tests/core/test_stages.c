/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: what a step of the stages does beside following the gradient of its loss, and what it tells. */
#include "training.h"

/* Within four standard deviations of n p. */
static void
check_share (const char *what, guint found, guint n, double p)
{
  ck_assert_msg (fabs (found - n * p) < 4 * sqrt (n * p * (1 - p)), "%s: %u of %u, not %g", what, found, n, n * p);
}

/* What the classifier is shown of a batch in a step: its logits, for its weights are the identity. */
static SupconReal *
shown_new (double dropout, guint views, guint64 step, guint64 seed)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CROSS_ENTROPY);
  SupconModel *model = model_new ();
  SupconBatch *batch = batch_new (views, 0);
  guint dim = supcon_model_embedding_dim (model);
  SupconTrainer *trainer;
  SupconTrainStats stats;
  SupconReal *shown;

  supcon_model_set_n_classes (model, dim);
  for (guint k = 0; k < dim; k++)
    param_of (model, "classifier.weight")->data[k * dim + k] = 1;
  config.dropout = dropout;
  config.seed = seed;
  trainer = supcon_trainer_new (model, &config, step);
  ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
  ck_assert_uint_eq (supcon_trainer_logits (trainer)->n, views);
  shown = g_memdup2 (supcon_trainer_logits (trainer)->z, views * dim * sizeof *shown);
  supcon_trainer_free (trainer);
  supcon_batch_free (batch);
  supcon_model_free (model);
  return shown;
}

/* What is left is enlarged, so that its mean stays; which elements are is drawn anew for each view, step and
 * seed. */
START_TEST (test_dropout)
{
  enum { N = 64, DIM = 16 };
  const double dropout = 0.4, alike = dropout * dropout + (1 - dropout) * (1 - dropout);
  SupconReal *whole = shown_new (0, N, 3, 0), *third = shown_new (dropout, N, 3, 0);
  SupconReal *fourth = shown_new (dropout, N, 4, 0), *other = shown_new (dropout, N, 3, 1);
  guint n = 0, dropped = 0, as_fourth = 0, as_other = 0, pairs = 0, as_next = 0;

  for (guint i = 0; i < N * DIM; i++) {
    gboolean is_zero = third[i] == 0;

    if (whole[i] == 0) /* by itself */
      continue;
    check_number (is_zero || fabs (third[i] - whole[i] / (1 - dropout)) < 1e-12, "%g became %g", whole[i], third[i]);
    n++;
    dropped += is_zero;
    as_fourth += is_zero == (fourth[i] == 0);
    as_other += is_zero == (other[i] == 0);
    if (i / DIM % 2 == 0 && whole[i + DIM] != 0) {
      pairs++;
      as_next += is_zero == (third[i + DIM] == 0);
    }
  }
  ck_assert_uint_gt (pairs, N * DIM / 4);
  check_share ("dropped", dropped, n, dropout);
  check_share ("as in the next step", as_fourth, n, alike);
  check_share ("as by another seed", as_other, n, alike);
  check_share ("as of the next view", as_next, pairs, alike);
  g_free (whole);
  g_free (third);
  g_free (fourth);
  g_free (other);
}
END_TEST

/* Each step mixes by its own number, so that no two mix alike. */
START_TEST (test_mixed_by_step)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CROSS_ENTROPY);
  SupconModel *model = model_new ();
  SupconTrainer *trainer;
  SupconTrainStats stats;

  config.mix.mixup = 1;
  config.seed = 5;
  trainer = supcon_trainer_new (model, &config, 0);
  for (guint step = 0; step < 3; step++) {
    SupconBatch *batch = batch_new (VIEWS, 0), *expected = batch_new (VIEWS, 0);

    ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
    supcon_mix (&config.mix, config.seed, step, expected);
    ck_assert_mem_eq (batch->pixels, expected->pixels, VIEWS * SIZE * SIZE * 3);
    ck_assert_mem_eq (batch->second, expected->second, VIEWS * sizeof *batch->second);
    supcon_batch_free (batch);
    supcon_batch_free (expected);
  }
  supcon_trainer_free (trainer);
  supcon_model_free (model);
}
END_TEST

/* The generalised loss sees labels as smoothing makes them: with 0.3 of it pairs of two of the three classes are alike
 * by 0.17 / 0.66. Of 6, 6 and 4 views a view then has 5 or 3 positives, and so much of 10 or 12 others. Where a teacher
 * knows more classes than the batch has labels, views without one are its. */
START_TEST (test_soft_contrastive)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new (), *knowing = model_new ();
  SupconBatch *batch = batch_new (VIEWS, 0);
  SupconTrainer *trainer;
  SupconTrainStats stats;

  config.loss.kind = SUPCON_LOSS_GENERAL;
  config.label_smoothing = 0.3;
  stats = train (model, &config, 0, 1);
  ck_assert_double_eq_tol (stats.positives_per_anchor, 4.5 + 10.5 * 0.17 / 0.66, 1e-9);
  ck_assert_uint_eq (stats.classified, 0); /* which the classifier beside does alone */

  fill_classifier (knowing);
  config.label_smoothing = 0;
  config.teacher = supcon_teacher_new (knowing, 1, (const guint[CLASSES]){ 0, 1, 2 });
  for (guint i = 0; i < VIEWS; i++) {
    batch->labels[i] = SUPCON_UNLABELLED;
    batch->samples[i] = i;
  }
  trainer = supcon_trainer_new (model, &config, 1);
  ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
  ck_assert_uint_eq (stats.anchors, VIEWS);
  supcon_trainer_free (trainer);
  supcon_teacher_free (config.teacher);
  supcon_batch_free (batch);
  supcon_model_free (model);
}
END_TEST

/* The classifier beside learns by SGD of rate 0.1 and momentum 0.9, whatever the contrastive loss is trained by. */
START_TEST (test_probe)
{
  static const char *const names[] = { "classifier.weight", "classifier.bias" };
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new ();
  SupconTrainer *trainer;
  SupconReal *w[2], *velocity[2];

  config.optimizer.momentum = 0.5;
  config.online_linear = TRUE;
  trainer = supcon_trainer_new (model, &config, 0);
  for (guint t = 0; t < 2; t++) {
    const SupconParam *param = param_of (model, names[t]);

    w[t] = g_memdup2 (param->data, param->size * sizeof *param->data);
    velocity[t] = g_new0 (SupconReal, param->size);
  }
  for (guint step = 1; step <= 3; step++) {
    step_to (trainer, step);
    for (guint t = 0; t < 2; t++) {
      const SupconParam *param = param_of (model, names[t]);

      for (gsize k = 0; k < param->size; k++) {
        velocity[t][k] = 0.9 * velocity[t][k] + param->grad[k];
        w[t][k] -= 0.1 * velocity[t][k];
        check_number (fabs (param->data[k] - w[t][k]) < 1e-12, "step %u: %s is %g, not %g", step, names[t],
            param->data[k], w[t][k]);
      }
    }
  }
  for (guint t = 0; t < 2; t++) {
    g_free (w[t]);
    g_free (velocity[t]);
  }
  supcon_trainer_free (trainer);
  supcon_model_free (model);
}
END_TEST

/* The projection's weights are multiplied by factor, and a constant added: 0 makes one point of all embeddings. */
static void
draw_together (SupconModel *model, const SupconReal *weights, double factor)
{
  SupconParam *weight = param_of (model, "projection.2.weight"), *bias = param_of (model, "projection.2.bias");

  for (gsize k = 0; k < weight->size; k++)
    weight->data[k] = factor * weights[k];
  for (gsize k = 0; k < bias->size; k++)
    bias->data[k] = factor < 1;
}

/* The mean squared distance of a batch's embeddings from their mean. */
static double
spread_of (SupconModel *model, const SupconBatch *batch)
{
  guint dim = supcon_model_projection_dim (model);
  const SupconReal *z;
  double sum = 0;

  supcon_model_forward (model, batch->pixels, batch->n);
  z = supcon_model_forward_projection (model);
  for (guint k = 0; k < dim; k++) {
    double mean = 0;

    for (guint i = 0; i < batch->n; i++)
      mean += z[i * dim + k] / batch->n;
    for (guint i = 0; i < batch->n; i++)
      sum += (z[i * dim + k] - mean) * (z[i * dim + k] - mean);
  }
  return sum / batch->n;
}

/* Fifty steps on one batch. */
static SupconTrainStats
repeat (SupconModel *model, const SupconTrainerConfig *config, SupconBatch *batch)
{
  SupconTrainer *trainer = supcon_trainer_new (model, config, 0);
  SupconTrainStats stats;

  for (guint step = 1; step <= 50; step++)
    ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
  supcon_trainer_free (trainer);
  return stats;
}

/* Fifty steps in a row, no fewer, on one point for all embeddings; near ones that a low temperature tells apart are not
 * collapsed. */
START_TEST (test_collapse)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new ();
  SupconParam *weight = param_of (model, "projection.2.weight");
  SupconReal *weights = g_memdup2 (weight->data, weight->size * sizeof *weights);
  SupconBatch *batch = batch_new (VIEWS, 0);
  SupconTrainer *trainer;
  SupconTrainStats stats;

  config.schedule.learning_rate = 0;
  config.queue_size = VIEWS; /* the spread is the batch's all the same */
  trainer = supcon_trainer_new (model, &config, 0);
  for (guint step = 1; step <= 52; step++) {
    draw_together (model, weights, step == 51);
    ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
    ck_assert_double_eq_tol (stats.spread, spread_of (model, batch), 1e-12);
    ck_assert_msg (stats.collapsed == (step == 50), "step %u, spread %g", step, stats.spread);
  }
  supcon_trainer_free (trainer);

  config.queue_size = 0;
  draw_together (model, weights, 0.3);
  config.loss.temperature = 1e-5;
  stats = repeat (model, &config, batch);
  ck_assert_double_lt (stats.spread, 0.001);
  ck_assert (!stats.collapsed);

  /* Nor are ones that lie apart, to which a high temperature is blind. */
  draw_together (model, weights, 1);
  config.loss.temperature = 1000;
  stats = repeat (model, &config, batch);
  ck_assert_double_gt (stats.spread, 0.02);
  ck_assert (!stats.collapsed);

  /* Where no view has a positive, nothing was to be kept apart. */
  draw_together (model, weights, 0);
  config.loss.temperature = 0.2;
  for (guint i = 0; i < VIEWS; i++) {
    batch->labels[i] = SUPCON_UNLABELLED;
    batch->samples[i] = i;
  }
  stats = repeat (model, &config, batch);
  ck_assert_uint_eq (stats.anchors, 0);
  ck_assert (!stats.collapsed);
  supcon_batch_free (batch);
  supcon_model_free (model);
  g_free (weights);
}
END_TEST

START_TEST (test_unlabelled_are_not_classified)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CROSS_ENTROPY);
  SupconModel *model = model_new ();
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0);
  SupconBatch *batch = batch_new (VIEWS, 0);
  SupconTrainStats stats;

  for (guint i = 0; i < 3; i++)
    batch->labels[i] = SUPCON_UNLABELLED;
  ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
  ck_assert_uint_eq (stats.classified, VIEWS - 3);
  ck_assert_uint_eq (stats.anchors, VIEWS - 3);
  supcon_batch_free (batch);
  supcon_trainer_free (trainer);
  /* Numbers have no classes: all views are learnt from. */
  supcon_model_set_n_classes (model, 1);
  config = config_of (SUPCON_STAGE_REGRESSION);
  stats = train (model, &config, 0, 1);
  ck_assert_uint_eq (stats.anchors, VIEWS);
  ck_assert_uint_eq (stats.classified, 0);
  supcon_model_free (model);
}
END_TEST

/* And at the end, whose figures are those that are kept. */
START_TEST (test_signal_interval)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new ();

  config.report_interval = 3;
  for (guint step = 1; step <= 7; step++)
    ck_assert_int_eq (train (model, &config, step - 1, step).has_signals, step == 3 || step == 6);
  config.schedule.total_steps = 7;
  for (guint step = 1; step <= 7; step++)
    ck_assert_int_eq (train (model, &config, step - 1, step).has_signals, step == 3 || step == 6 || step == 7);
  supcon_model_free (model);
}
END_TEST

/* One view has nothing to be compared with, so there is neither a loss nor anything to tell of. */
START_TEST (test_one_view)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new ();
  SupconTrainer *trainer;
  SupconBatch *batch = batch_new (1, 0);
  SupconTrainStats stats;

  config.report_interval = 1;
  trainer = supcon_trainer_new (model, &config, 0);
  ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
  ck_assert (stats.reported && !stats.has_signals);
  ck_assert_uint_eq (stats.anchors, 0);
  ck_assert_double_eq (stats.loss, 0);
  supcon_trainer_free (trainer);
  supcon_batch_free (batch);
  supcon_model_free (model);
}
END_TEST

SUPCON_CHECK_MAIN ("stages", test_dropout, test_mixed_by_step, test_soft_contrastive, test_probe, test_collapse,
    test_unlabelled_are_not_classified, test_signal_interval, test_one_view)
