/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: what a step does to the weights of a small network. */
#include "error.h"
#include "training.h"

/* One step without momentum moves by the gradient: clipped, by a vector of the norm that is asked for. */
START_TEST (test_clipping)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *free = model_new (), *clipped = model_new ();
  GArray *before, *moved, *shortened;
  SupconTrainStats stats;
  double dot = 0, length = 0;

  config.optimizer.weight_decay = 0;
  before = weights_of (free, FALSE);
  stats = train (free, &config, 0, 1);
  ck_assert_double_gt (stats.gradient_norm, 0.05);
  config.clip_norm = stats.gradient_norm / 4;
  train (clipped, &config, 0, 1);
  moved = weights_of (free, FALSE);
  shortened = weights_of (clipped, FALSE);
  for (guint i = 0; i < before->len; i++) {
    double a = g_array_index (moved, SupconReal, i) - g_array_index (before, SupconReal, i);
    double b = g_array_index (shortened, SupconReal, i) - g_array_index (before, SupconReal, i);

    if (a == b) /* running statistics, which do not learn */
      continue;
    dot += a * b;
    length += a * a;
  }
  ck_assert_double_eq_tol (dot / length, 0.25, 1e-9);
  ck_assert_double_eq_tol (sqrt (length), config.schedule.learning_rate * stats.gradient_norm, 1e-9);
  /* A gradient that is shorter stays as it is. */
  supcon_model_free (clipped);
  clipped = model_new ();
  config.clip_norm = stats.gradient_norm * 2;
  train (clipped, &config, 0, 1);
  g_array_unref (shortened);
  shortened = weights_of (clipped, FALSE);
  ck_assert_double_eq (difference (shortened, moved), 0);
  g_array_unref (before);
  g_array_unref (moved);
  g_array_unref (shortened);
  supcon_model_free (free);
  supcon_model_free (clipped);
}
END_TEST

/* Weight decay pulls the first step by rate x decay x weight: of weights, and of biases and BatchNorm where it is to.
 */
START_TEST (test_decay)
{
  const double decay = 0.03;
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *start = model_new (), *models[3];
  SupconParam *params[3], *before;
  guint n, scales = 0;

  for (guint k = 0; k < 3; k++) {
    config.optimizer.weight_decay = k == 0 ? 0 : decay;
    config.decay_all = k == 2;
    models[k] = model_new ();
    train (models[k], &config, 0, 1);
    params[k] = supcon_model_params (models[k], &n);
  }
  before = supcon_model_params (start, &n);
  for (guint i = 0; i < n; i++)
    for (gsize j = 0; j < before[i].size; j++) {
      double pull = config.schedule.learning_rate * decay * before[i].data[j];
      gboolean weight = before[i].kind == SUPCON_PARAM_WEIGHT, learnt = before[i].kind != SUPCON_PARAM_BUFFER;

      /* The classifier is not of this stage. */
      if (before[i].part == SUPCON_PART_CLASSIFIER)
        continue;
      ck_assert_double_eq_tol (params[0][i].data[j] - params[1][i].data[j], weight ? pull : 0, 1e-12);
      ck_assert_double_eq_tol (params[0][i].data[j] - params[2][i].data[j], learnt ? pull : 0, 1e-12);
      scales += learnt && !weight && before[i].data[j] != 0;
    }
  ck_assert_uint_gt (scales, 0);
  supcon_model_free (start);
  for (guint k = 0; k < 3; k++)
    supcon_model_free (models[k]);
}
END_TEST

/* Adam corrects its means by the step's number, so it must be told which one it is. */
START_TEST (test_adam)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new ();
  SupconParam *param = param_of (model, "layer3.0.conv2.weight");
  gsize n = param->size;
  SupconReal *w = g_memdup2 (param->data, n * sizeof *w), *mean = g_new0 (SupconReal, n);
  SupconReal *squares = g_new0 (SupconReal, n);
  SupconTrainer *trainer;

  config.optimizer.kind = SUPCON_OPTIMIZER_ADAM;
  trainer = supcon_trainer_new (model, &config, 0);
  for (guint step = 1; step <= 3; step++) {
    step_to (trainer, step);
    supcon_optimizer_step (
        &config.optimizer, config.schedule.learning_rate, step, TRUE, w, param->grad, mean, squares, n);
    for (gsize k = 0; k < n; k++)
      check_number (fabs (param->data[k] - w[k]) < 1e-12, "step %u: %g, not %g", step, param->data[k], w[k]);
  }
  g_free (w);
  g_free (mean);
  g_free (squares);
  supcon_trainer_free (trainer);
  supcon_model_free (model);
}
END_TEST

/* LARS gives weights rates of their own, layer by layer; biases and BatchNorm move by the rate as it is, without decay.
 */
START_TEST (test_lars_exclusions)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new ();
  GArray *before = weights_of (model, FALSE);
  const SupconParam *params;
  guint n, at = 0, excluded = 0, adapted = 0;

  config.optimizer = (SupconOptimizer){ .kind = SUPCON_OPTIMIZER_LARS, .weight_decay = 0.3 };
  train (model, &config, 0, 1);
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; k < params[i].size; k++, at++) {
      double moved = g_array_index (before, SupconReal, at) - params[i].data[k];
      gboolean plainly;

      if (!params[i].grad || params[i].part == SUPCON_PART_CLASSIFIER)
        continue;
      plainly = fabs (moved - config.schedule.learning_rate * params[i].grad[k]) < 1e-12;
      if (params[i].kind == SUPCON_PARAM_WEIGHT)
        adapted += !plainly;
      else
        ck_assert_msg (plainly, "%s moved by %g, its gradient is %g", params[i].name, moved, params[i].grad[k]);
      excluded += params[i].kind != SUPCON_PARAM_WEIGHT && moved != 0;
    }
  ck_assert_uint_gt (excluded, 0);
  ck_assert_uint_gt (adapted, 0);
  g_array_unref (before);
  supcon_model_free (model);
}
END_TEST

START_TEST (test_average)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new (), *plain = model_new ();
  GArray *expected = weights_of (model, FALSE), *found;

  for (guint step = 0; step < 3; step++) {
    GArray *now;

    train (plain, &config, step, step + 1);
    now = weights_of (plain, FALSE);
    for (guint i = 0; i < now->len; i++)
      g_array_index (expected, SupconReal, i)
          += 0.1 * (g_array_index (now, SupconReal, i) - g_array_index (expected, SupconReal, i));
    g_array_unref (now);
  }
  config.average_decay = 0.9;
  train (model, &config, 0, 3);
  found = weights_of (model, TRUE);
  ck_assert_double_lt (difference (found, expected), 1e-13);
  g_array_unref (found);
  found = weights_of (model, FALSE);
  g_array_unref (expected);
  expected = weights_of (plain, FALSE);
  ck_assert_double_eq (difference (found, expected), 0);
  g_array_unref (found);
  g_array_unref (expected);
  supcon_model_free (model);
  supcon_model_free (plain);
}
END_TEST

/* Embedding reads the running statistics, training does not: a loss that is finite does not tell that they are. */
START_TEST (test_statistics)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new ();
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0);
  SupconBatch *batch = batch_new (VIEWS, 0);
  SupconTrainStats stats;
  GError *error = NULL;

  param_of (model, "layer2.0.bn1.running_var")->data[1] = INFINITY;
  ck_assert (!supcon_trainer_step (trainer, batch, &stats, &error));
  ck_assert (isfinite (stats.loss) && isfinite (stats.gradient_norm));
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_NUMERIC));
  ck_assert_msg (strstr (error->message, "step 1: the running variance of BatchNorm is not a finite number") != NULL,
      "%s", error->message);
  ck_assert_uint_eq (supcon_trainer_step_count (trainer), 0);
  g_error_free (error);
  supcon_batch_free (batch);
  supcon_trainer_free (trainer);
  supcon_model_free (model);
}
END_TEST

/* The gradients of one step, with weights that stay where they are. */
static SupconTrainStats
step_once (SupconModel *model, SupconTrainerConfig config, guint64 step)
{
  config.schedule.learning_rate = 0;
  return train (model, &config, step, step + 1);
}

static SupconReal *
element_of (SupconModel *model, const char *name, guint index, SupconReal *grad)
{
  SupconParam *param = param_of (model, name);

  index %= param->size;
  *grad = param->grad ? param->grad[index] : 0;
  return &param->data[index];
}

static void
check_gradients (const char *what, SupconTrainerConfig config, const char *const *names)
{
  for (guint t = 0; names[t]; t++)
    for (guint probe = 0; probe < 3; probe++) {
      SupconModel *model = model_new ();
      SupconReal grad, ignored, *element;
      double up, down;

      if (config.stage == SUPCON_STAGE_REGRESSION)
        supcon_model_set_n_classes (model, 1);
      fill_classifier (model);
      step_once (model, config, 3);
      element = element_of (model, names[t], probe * 7, &grad);
      *element += 1e-6;
      up = step_once (model, config, 3).loss;
      element = element_of (model, names[t], probe * 7, &ignored);
      *element -= 2e-6;
      down = step_once (model, config, 3).loss;
      ck_assert_msg (fabs (grad - (up - down) / 2e-6) < 1e-5 * (1 + fabs (grad)), "%s, %s: gradient %g, not %g", what,
          names[t], grad, (up - down) / 2e-6);
      supcon_model_free (model);
    }
}

/* Through the whole step of each stage against differences of its loss. */
START_TEST (test_stage_gradients)
{
  static const char *const encoder[] = { "layer3.0.bn2.weight", "layer3.0.conv2.weight", "classifier.weight", NULL };
  static const char *const projection[] = { "layer3.0.bn2.weight", "projection.2.weight", NULL };
  static const char *const head[] = { "classifier.weight", "classifier.bias", NULL };
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CROSS_ENTROPY);

  check_gradients ("cross-entropy", config, encoder);
  config.dropout = 0.4;
  check_gradients ("dropout", config, encoder);
  config.mix.cutmix = 1;
  config.label_smoothing = 0.2;
  check_gradients ("cutmix, smoothing", config, encoder);
  config.micro_batch = 4;
  check_gradients ("in pieces", config, encoder);

  config = config_of (SUPCON_STAGE_CONTRASTIVE);
  config.loss.kind = SUPCON_LOSS_GENERAL;
  config.mix.mixup = config.mix.cutmix = 1;
  config.label_smoothing = 0.1;
  check_gradients ("generalised", config, projection);
  config.teacher = supcon_teacher_new (model_new (), 1, (const guint[]){ 0, 1, 2 });
  config.teacher_weight = 0.7;
  check_gradients ("taught", config, projection);
  supcon_teacher_free (config.teacher);
  config.teacher = NULL;
  config.loss.kind = SUPCON_LOSS_SINCERE;
  config.mix.mixup = config.mix.cutmix = config.label_smoothing = 0;
  config.micro_batch = 8;
  check_gradients ("sincere in pieces", config, projection);

  check_gradients ("linear", config_of (SUPCON_STAGE_LINEAR), head);
  check_gradients ("regression", config_of (SUPCON_STAGE_REGRESSION), head);
}
END_TEST

/* Twins that keep the activations of one piece each tell what a single pass with statistics per piece would give. */
START_TEST (test_micro_batch)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new (), *twins[2] = { model_new (), model_new () };
  SupconBatch *batch = batch_new (VIEWS, 0);
  guint dim = supcon_model_projection_dim (model), half = VIEWS / 2 * SIZE * SIZE * 3, n;
  SupconReal *z = g_new (SupconReal, VIEWS * dim), *dz = g_new (SupconReal, VIEWS * dim);
  SupconViews views = { .z = z, .n = VIEWS, .dim = dim, .labels = batch->labels, .samples = batch->samples };
  SupconWorkspace workspace = { .threads = 1 };
  const SupconParam *found, *twin[2];
  double loss, most = 0;

  config.micro_batch = VIEWS / 2;
  loss = step_once (model, config, 0).loss;
  for (guint t = 0; t < 2; t++) {
    supcon_model_enable_training (twins[t]);
    supcon_model_forward (twins[t], batch->pixels + t * half, VIEWS / 2);
    memcpy (z + t * VIEWS / 2 * dim, supcon_model_forward_projection (twins[t]), VIEWS / 2 * dim * sizeof *z);
  }
  ck_assert_double_eq_tol (loss, supcon_loss (&config.loss, &views, &workspace, dz).loss, 1e-12);
  supcon_workspace_clear (&workspace);
  for (guint t = 0; t < 2; t++) {
    supcon_model_backward (twins[t], dz + t * VIEWS / 2 * dim);
    twin[t] = supcon_model_params (twins[t], &n);
  }
  found = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; found[i].grad && k < found[i].size; k++)
      most = MAX (most, fabs (found[i].grad[k] - twin[0][i].grad[k] - twin[1][i].grad[k]));
  ck_assert_msg (most < 1e-10, "gradients differ by %g", most);

  /* Running statistics have moved once for each piece, in order. */
  supcon_model_forward (twins[0], batch->pixels + half, VIEWS / 2);
  twin[0] = supcon_model_params (twins[0], &n);
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; found[i].kind == SUPCON_PARAM_BUFFER && k < found[i].size; k++)
      ck_assert_double_eq_tol (found[i].data[k], twin[0][i].data[k], 1e-12);
  g_free (z);
  g_free (dz);
  supcon_batch_free (batch);
  supcon_model_free (model);
  supcon_model_free (twins[0]);
  supcon_model_free (twins[1]);
}
END_TEST

/* The classifier beside is seen in the statistics and in nothing that the contrastive loss trains. */
START_TEST (test_online_linear)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *plain = model_new (), *probed = model_new ();
  SupconTrainStats stats;
  const SupconParam *a, *b;
  guint n;

  config.clip_norm = 0.1;
  train (plain, &config, 0, 6);
  config.online_linear = TRUE;
  stats = train (probed, &config, 0, 6);
  ck_assert_uint_eq (stats.classified, VIEWS);
  a = supcon_model_params (plain, &n);
  b = supcon_model_params (probed, &n);
  for (guint i = 0; i < n; i++)
    ck_assert_msg (
        (memcmp (a[i].data, b[i].data, a[i].size * sizeof *a[i].data) == 0) == (a[i].part != SUPCON_PART_CLASSIFIER),
        "%s", a[i].name);
  stats = train (probed, &config, 6, 80);
  ck_assert_uint_ge (stats.correct, VIEWS * 3 / 4);
  supcon_model_free (plain);
  supcon_model_free (probed);
}
END_TEST

/* Averages that were before have followed the weights, which are now, by share of the way. */
static void
check_followed (const GArray *before, const GArray *now, double share, const GArray *after)
{
  for (guint i = 0; i < before->len; i++) {
    SupconReal was = g_array_index (before, SupconReal, i);

    g_array_index (before, SupconReal, i) = was + share * (g_array_index (now, SupconReal, i) - was);
  }
  ck_assert_double_lt (difference (after, before), 1e-12);
}

START_TEST (test_finetune)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_FINETUNE);
  SupconModel *model = model_new (), *slow = model_new ();
  GArray *before;
  const SupconParam *params, *others;
  guint n, frozen = 0, at = 0;

  config.optimizer = (SupconOptimizer){ .weight_decay = 1e-3 };
  config.freeze = "layer2";
  params = supcon_model_params (model, &n);
  others = supcon_model_params (slow, &n);
  fill_classifier (model);
  fill_classifier (slow);
  before = weights_of (model, FALSE);
  train (model, &config, 0, 1);
  config.encoder_learning_rate = config.schedule.learning_rate / 10;
  train (slow, &config, 0, 1);
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; k < params[i].size; k++, at++) {
      double moved = params[i].data[k] - g_array_index (before, SupconReal, at);
      double slowly = others[i].data[k] - g_array_index (before, SupconReal, at);
      gboolean encoder = params[i].part == SUPCON_PART_ENCODER;

      if (params[i].kind == SUPCON_PARAM_BUFFER)
        continue;
      if (params[i].part == SUPCON_PART_PROJECTION || (encoder && !g_str_has_prefix (params[i].name, "layer3"))) {
        ck_assert_msg (moved == 0 && slowly == 0, "%s has moved", params[i].name);
        frozen++;
      } else {
        ck_assert_double_eq_tol (slowly, moved / (encoder ? 10 : 1), 1e-12);
      }
    }
  ck_assert_uint_gt (frozen, 0);
  g_array_unref (before);
  supcon_model_free (model);
  supcon_model_free (slow);
}
END_TEST

/* The second stages on an encoder as it is leave it so: weight decay moves nothing either, nor do statistics. */
START_TEST (test_frozen_encoder)
{
  static const SupconStage stages[] = { SUPCON_STAGE_LINEAR, SUPCON_STAGE_REGRESSION };

  for (guint s = 0; s < G_N_ELEMENTS (stages); s++) {
    SupconTrainerConfig config = config_of (stages[s]);
    SupconModel *model = model_new (), *start = model_new ();
    const SupconParam *params, *before;
    guint n;

    if (stages[s] == SUPCON_STAGE_REGRESSION)
      supcon_model_set_n_classes (model, 1);
    train (model, &config, 0, 3);
    params = supcon_model_params (model, &n);
    before = supcon_model_params (start, &n);
    for (guint i = 0; i < n; i++)
      ck_assert_msg ((memcmp (params[i].data, before[i].data, params[i].size * sizeof *params[i].data) == 0)
                         == (params[i].part != SUPCON_PART_CLASSIFIER),
          "stage %s: %s", supcon_stage_name (stages[s]), params[i].name);
    supcon_model_free (model);
    supcon_model_free (start);
  }
}
END_TEST

/* A layer that is one tensor is frozen, and what follows it is not. */
START_TEST (test_freeze_one_tensor)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_FINETUNE);
  SupconModel *model = model_new ();
  const SupconParam *frozen = param_of (model, "conv1.weight"), *next = param_of (model, "bn1.weight");
  SupconReal *before = g_memdup2 (frozen->data, frozen->size * sizeof *before);

  config.freeze = "conv1";
  fill_classifier (model);
  train (model, &config, 0, 1);
  ck_assert_mem_eq (frozen->data, before, frozen->size * sizeof *before);
  ck_assert (next->data[0] != 1);
  g_free (before);
  supcon_model_free (model);
}
END_TEST

/* The queue holds what averaged weights say of past batches, from the second step on. */
static void
check_momentum_encoder (SupconLossKind kind)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new ();
  SupconTrainer *trainer;
  guint dim = supcon_model_projection_dim (model);
  SupconReal *z = g_new (SupconReal, 3 * VIEWS * dim);
  gint32 labels[3 * VIEWS];
  guint64 samples[3 * VIEWS];
  guint past = 0;

  config.loss.kind = kind;
  config.queue_size = VIEWS + VIEWS / 2;
  config.momentum_encoder = TRUE;
  config.average_decay = 0.6;
  trainer = supcon_trainer_new (model, &config, 0);
  for (guint step = 0; step < 4; step++) {
    SupconBatch *batch = batch_new (VIEWS, step);
    SupconViews views = { .z = z, .n = VIEWS + past, .dim = dim, .n_past = past, .labels = labels, .samples = samples };
    SupconWorkspace workspace = { .threads = 1 };
    SupconTrainStats stats;
    SupconModel *twin = model_new ();
    GArray *before = weights_of (model, TRUE), *now, *after;
    guint n;
    SupconParam *to = supcon_model_params (twin, &n), *from = supcon_model_params (model, &n);

    /* Before the step: z of the weights, in front of what is past. */
    for (guint i = 0; i < n; i++)
      memcpy (to[i].data, from[i].data, to[i].size * sizeof *to[i].data);
    supcon_model_forward (twin, batch->pixels, VIEWS);
    memcpy (z, supcon_model_forward_projection (twin), VIEWS * dim * sizeof *z);
    memcpy (labels, batch->labels, sizeof batch->labels[0] * VIEWS);
    memcpy (samples, batch->samples, sizeof batch->samples[0] * VIEWS);
    ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
    ck_assert_double_eq_tol (stats.loss, supcon_loss (&config.loss, &views, &workspace, NULL).loss, 1e-10);
    supcon_workspace_clear (&workspace);

    /* Averages have followed once, running statistics too, though the averaged weights encoded the batch. */
    now = weights_of (model, FALSE);
    after = weights_of (model, TRUE);
    check_followed (before, now, 0.4, after);
    g_array_unref (before);
    g_array_unref (now);
    g_array_unref (after);

    /* After it: those of the averaged weights become the newest of the past; the oldest are the last. */
    from = supcon_model_params (model, &n);
    to = supcon_model_params (twin, &n);
    for (guint i = 0; i < n; i++)
      memcpy (to[i].data, from[i].average, to[i].size * sizeof *to[i].data);
    supcon_model_forward (twin, batch->pixels, VIEWS);
    past = MIN (past + VIEWS, config.queue_size);
    memmove (z + 2 * VIEWS * dim, z + VIEWS * dim, VIEWS * dim * sizeof *z);
    memmove (labels + 2 * VIEWS, labels + VIEWS, VIEWS * sizeof *labels);
    memmove (samples + 2 * VIEWS, samples + VIEWS, VIEWS * sizeof *samples);
    for (guint i = 0; i < VIEWS; i++) {
      guint at = 2 * VIEWS - 1 - i;

      memcpy (z + at * dim, supcon_model_forward_projection (twin) + i * dim, dim * sizeof *z);
      labels[at] = batch->labels[i];
      samples[at] = batch->samples[i];
    }
    supcon_model_free (twin);
    supcon_batch_free (batch);
  }
  supcon_trainer_free (trainer);
  g_free (z);
  supcon_model_free (model);
}

START_TEST (test_momentum_encoder)
{
  check_momentum_encoder (SUPCON_LOSS_OUT);
  check_momentum_encoder (SUPCON_LOSS_SELF); /* looks at samples, not at labels */
}
END_TEST

/* Nothing said, averages follow by a thousandth, as MoCo's. */
START_TEST (test_momentum_encoder_decay)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new ();
  GArray *before = weights_of (model, FALSE), *now, *average;

  config.queue_size = VIEWS;
  config.momentum_encoder = TRUE;
  train (model, &config, 0, 1);
  now = weights_of (model, FALSE);
  average = weights_of (model, TRUE);
  ck_assert_double_gt (difference (now, before), 1e-3);
  check_followed (before, now, 0.001, average);
  g_array_unref (before);
  g_array_unref (now);
  g_array_unref (average);
  supcon_model_free (model);
}
END_TEST

SUPCON_CHECK_MAIN ("trainer", test_clipping, test_decay, test_adam, test_lars_exclusions, test_average, test_statistics,
    test_stage_gradients, test_micro_batch, test_online_linear, test_finetune, test_frozen_encoder,
    test_freeze_one_tensor, test_momentum_encoder, test_momentum_encoder_decay)
