/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: what a step does to the weights of a small network. */
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#include <glib/gstdio.h>

#include "check_main.h"
#include "error.h"
#include "model/checkpoint.h"
#include "rng.h"
#include "train/calibrate.h"
#include "train/trainer.h"
#include "train/neighbours.h"
#include "train/validate.h"

enum { SIZE = 12, VIEWS = 16, CLASSES = 3 };

static SupconModel *
model_new (void)
{
  SupconModelConfig config;
  SupconModel *model;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
  config.width = 0.25;
  config.input_width = config.input_height = SIZE;
  config.projection_dim = 5;
  model = supcon_model_new (&config, 3, NULL);
  supcon_model_set_n_classes (model, CLASSES);
  return model;
}

/* Noise, a little brighter for each class; two views a sample. */
static SupconBatch *
batch_new (guint views, guint stream)
{
  SupconBatch *batch = supcon_batch_new (views, SIZE, SIZE);
  guint8 pixels[SIZE * SIZE * 3];
  SupconRng rng;

  supcon_rng_init (&rng, 7, stream, 0, 0);
  for (guint i = 0; i < views; i++) {
    guint label = i / 2 % CLASSES;

    for (guint k = 0; k < sizeof pixels; k++)
      pixels[k] = supcon_rng_below (&rng, 200) + 25 * label;
    supcon_batch_append (batch, pixels, SIZE * 3, 3, label, i / 2);
    batch->values[i] = 0.3 * label + 0.1 * i;
  }
  return batch;
}

static SupconTrainerConfig
config_of (SupconStage stage)
{
  return (SupconTrainerConfig){ .stage = stage,
    .loss = { .temperature = 0.2 },
    .optimizer = { .momentum = 0.9, .weight_decay = 1e-3 },
    .schedule = { .learning_rate = 0.05 } };
}

static SupconLabels *
labels_new (void)
{
  SupconLabels *labels = supcon_labels_new ();

  for (guint c = 0; c < CLASSES; c++)
    supcon_labels_add (labels, (const char *[]){ "a", "b", "c" }[c]);
  return labels;
}

/* Steps on batches that are numbered by the step. */
static SupconTrainStats
train (SupconModel *model, const SupconTrainerConfig *config, guint64 first, guint64 end)
{
  SupconTrainer *trainer = supcon_trainer_new (model, config, first);
  SupconTrainStats stats = { 0 };

  for (guint64 step = first; step < end; step++) {
    SupconBatch *batch = batch_new (VIEWS, step);

    ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
    supcon_batch_free (batch);
  }
  supcon_trainer_free (trainer);
  return stats;
}

/* All weights and running statistics, one after the other. */
static GArray *
weights_of (SupconModel *model, gboolean average)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (SupconReal));
  guint n;
  const SupconParam *params = supcon_model_params (model, &n);

  for (guint i = 0; i < n; i++)
    g_array_append_vals (all, average ? params[i].average : params[i].data, params[i].size);
  return all;
}

static double
difference (const GArray *a, const GArray *b)
{
  double most = 0;

  ck_assert_uint_eq (a->len, b->len);
  for (guint i = 0; i < a->len; i++)
    most = MAX (most, fabs (g_array_index (a, SupconReal, i) - g_array_index (b, SupconReal, i)));
  return most;
}

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
  g_array_unref (before);
  g_array_unref (moved);
  g_array_unref (shortened);
  supcon_model_free (free);
  supcon_model_free (clipped);
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

static SupconModel *
save_and_load (SupconModel *model)
{
  SupconLabels *labels = labels_new ();
  SupconCheckpointInfo info = { .labels = labels, .stage = "contrastive", .optimizer = "adamw", .step = 2 };
  char *folder = g_dir_make_tmp ("supcon-trainer-XXXXXX", NULL);
  char *location = g_build_filename (folder, "m.safetensors", NULL);
  SupconModel *loaded;

  ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
  loaded = supcon_checkpoint_load (location, NULL, &info, NULL);
  ck_assert_ptr_nonnull (loaded);
  ck_assert_str_eq (info.optimizer, "adamw");
  supcon_labels_free (labels);
  supcon_checkpoint_info_clear (&info);
  g_remove (location);
  g_rmdir (folder);
  g_free (location);
  g_free (folder);
  return loaded;
}

/* A file holds float32, so that the run that is gone on with agrees with the other to its precision. */
START_TEST (test_optimizer_in_checkpoint)
{
  static const SupconOptimizerKind kinds[] = { SUPCON_OPTIMIZER_SGD, SUPCON_OPTIMIZER_LARS, SUPCON_OPTIMIZER_ADAM,
    SUPCON_OPTIMIZER_ADAMW, SUPCON_OPTIMIZER_RMSPROP };

  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
    SupconModel *model = model_new (), *loaded;
    GArray *expected, *found;

    config.optimizer.kind = kinds[k];
    config.schedule.learning_rate = 1e-3;
    config.average_decay = 0.8;
    train (model, &config, 0, 2);
    loaded = save_and_load (model);
    expected = weights_of (model, TRUE); /* what the file gives as the model */
    found = weights_of (loaded, FALSE);
    ck_assert_double_lt (difference (found, expected), 1e-6);
    g_array_unref (expected);
    g_array_unref (found);

    supcon_model_swap_average (loaded);
    train (model, &config, 2, 4);
    train (loaded, &config, 2, 4);
    for (guint average = 0; average < 2; average++) {
      expected = weights_of (model, average);
      found = weights_of (loaded, average);
      ck_assert_msg (difference (found, expected) < 2e-5, "%s differs by %g", supcon_optimizer_name (kinds[k]),
          difference (found, expected));
      g_array_unref (expected);
      g_array_unref (found);
    }
    supcon_model_free (model);
    supcon_model_free (loaded);
  }
}
END_TEST

/* Against the definition, each picture by all others. */
START_TEST (test_validate_neighbours)
{
  enum { N = 60 };
  SupconModel *model = model_new ();
  guint dim = supcon_model_embedding_dim (model), correct = 0, labelled = 0;
  SupconBatch *batch = batch_new (N, 5);
  SupconReal *r = g_new (SupconReal, N * dim);
  SupconValidation validation;

  for (guint i = 0; i < N; i += 7)
    batch->labels[i] = SUPCON_UNLABELLED;
  supcon_model_embed (model, batch->pixels, N, r);
  for (guint i = 0; i < N; i++) {
    double cosine[N], votes[CLASSES] = { 0 };
    guint best = 0;

    if (batch->labels[i] == SUPCON_UNLABELLED)
      continue;
    labelled++;
    for (guint j = 0; j < N; j++) {
      double ij = 0, ii = 0, jj = 0;

      for (guint k = 0; k < dim; k++) {
        ij += r[i * dim + k] * r[j * dim + k];
        ii += r[i * dim + k] * r[i * dim + k];
        jj += r[j * dim + k] * r[j * dim + k];
      }
      cosine[j] = j == i || batch->labels[j] == SUPCON_UNLABELLED ? -2 : ij / sqrt (ii * jj);
    }
    for (guint k = 0; k < SUPCON_VALIDATION_NEIGHBOURS; k++) {
      guint nearest = 0;

      for (guint j = 1; j < N; j++)
        if (cosine[j] > cosine[nearest])
          nearest = j;
      votes[batch->labels[nearest]] += exp ((cosine[nearest] - 1) / SUPCON_NEIGHBOUR_TEMPERATURE);
      cosine[nearest] = -2;
    }
    for (guint c = 1; c < CLASSES; c++)
      if (votes[c] > votes[best])
        best = c;
    correct += (gint32)best == batch->labels[i];
  }
  supcon_validate_neighbours (model, batch->pixels, batch->labels, N, &validation);
  ck_assert_uint_eq (validation.n, labelled);
  ck_assert_double_eq_tol (validation.accuracy, (double)correct / labelled, 1e-12);
  ck_assert (correct > labelled / CLASSES && correct < labelled); /* neither chance nor certainty, which prove little */
  g_free (r);
  supcon_batch_free (batch);
  supcon_model_free (model);
}
END_TEST

START_TEST (test_validate_classifier)
{
  enum { N = 12 };
  SupconModel *model = model_new ();
  SupconBatch *batch = batch_new (N, 6);
  SupconValidation validation;
  guint n;
  SupconParam *params = supcon_model_params (model, &n);

  /* Zero weights and a bias: always class 1, with a probability that is known. */
  memset (params[n - 2].data, 0, params[n - 2].size * sizeof (SupconReal));
  for (guint c = 0; c < CLASSES; c++)
    params[n - 1].data[c] = c == 1;
  batch->labels[0] = SUPCON_UNLABELLED;
  batch->labels[1] = CLASSES + 4; /* one that the classifier does not know */
  supcon_validate_classifier (model, batch->pixels, batch->labels, N, &validation);
  ck_assert_uint_eq (validation.n, N - 1);
  ck_assert_double_eq_tol (validation.accuracy, 4.0 / (N - 1), 1e-12);
  ck_assert_double_eq_tol (validation.loss, log (2 + exp (1)) - 4.0 / (N - 2), 1e-9);
  supcon_batch_free (batch);
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
  guint n;
  SupconParam *params = supcon_model_params (model, &n);

  for (guint i = 0; i < n; i++)
    if (g_str_equal (params[i].name, name)) {
      index %= params[i].size;
      *grad = params[i].grad ? params[i].grad[index] : 0;
      return &params[i].data[index];
    }
  ck_abort_msg ("no tensor %s", name);
}

static void
check_gradients (const char *what, SupconTrainerConfig config, const char *const *names)
{
  for (guint t = 0; names[t]; t++)
    for (guint probe = 0; probe < 3; probe++) {
      SupconModel *model = model_new ();
      SupconReal grad, ignored, *element;
      double up, down;
      guint n;
      SupconParam *params;

      if (config.stage == SUPCON_STAGE_REGRESSION)
        supcon_model_set_n_classes (model, 1);
      params = supcon_model_params (model, &n);
      for (guint i = 0; i < n; i++) /* a classifier at zero tells the encoder nothing */
        for (gsize k = 0; params[i].part == SUPCON_PART_CLASSIFIER && k < params[i].size; k++)
          params[i].data[k] = sin (k + 1.0);
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

START_TEST (test_finetune)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_FINETUNE);
  SupconModel *model = model_new (), *slow = model_new ();
  GArray *before;
  const SupconParam *params, *others;
  guint n, frozen = 0, at = 0;

  config.optimizer = (SupconOptimizer){ 0 };
  config.freeze = "layer2";
  params = supcon_model_params (model, &n);
  others = supcon_model_params (slow, &n);
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; params[i].part == SUPCON_PART_CLASSIFIER && k < params[i].size; k++)
      params[i].data[k] = others[i].data[k] = sin (k + 1.0);
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

/* The queue holds what averaged weights say of past batches, from the second step on. */
START_TEST (test_momentum_encoder)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  SupconModel *model = model_new ();
  SupconTrainer *trainer;
  guint dim = supcon_model_projection_dim (model);
  SupconReal *z = g_new (SupconReal, 3 * VIEWS * dim);
  gint32 labels[3 * VIEWS];
  guint64 samples[3 * VIEWS];
  guint past = 0;

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
END_TEST

static guint
count (const SupconBatch *batch, guint i, guint8 value)
{
  guint n = 0;

  for (guint k = 0; k < SIZE * SIZE * 3; k++)
    n += batch->pixels[i * SIZE * SIZE * 3 + k] == value;
  return n;
}

START_TEST (test_mix)
{
  enum { N = 401 };
  guint8 pixels[SIZE * SIZE * 3];
  double sum = 0, square = 0;

  for (guint cut = 0; cut < 2; cut++) {
    SupconBatch *batch = supcon_batch_new (N, SIZE, SIZE);
    SupconMix mix = { cut ? 0 : 0.5, cut ? 1 : 0 };
    SupconReal targets[N * 5];
    guint mixed = 0;

    for (guint i = 0; i < N; i++) {
      memset (pixels, i % 5 * 50, sizeof pixels);
      supcon_batch_append (batch, pixels, SIZE * 3, 3, i % 5 == 4 ? SUPCON_UNLABELLED : (gint32)(i % 5), i);
    }
    supcon_mix (&mix, 1, 2, batch);
    supcon_batch_targets (batch, 5, 0, targets);
    for (guint i = 0; i < N; i++) {
      guint8 own = i % 5 * 50, other = batch->second[i] * 50;
      double share = batch->share[i];

      if (batch->second[i] == SUPCON_UNLABELLED) {
        ck_assert_uint_eq (count (batch, i, own), sizeof pixels);
        continue;
      }
      mixed++;
      ck_assert (share >= 0 && share <= 1 && batch->labels[i] >= 0);
      if (cut && own != other)
        ck_assert (fabs (count (batch, i, own) - share * sizeof pixels) < 1e-3
                   && fabs (count (batch, i, other) - (1 - share) * sizeof pixels) < 1e-3);
      else if (!cut)
        ck_assert (fabs (batch->pixels[i * sizeof pixels] - (share * own + (1 - share) * other)) <= 0.5001);
      if (own != other)
        ck_assert (
            fabs (targets[i * 5 + own / 50] - share) < 1e-6 && fabs (targets[i * 5 + other / 50] + share - 1) < 1e-6);
      sum += cut ? 0 : share - 0.5;
      square += cut ? 0 : (share - 0.5) * (share - 0.5);
    }
    ck_assert_uint_ge (mixed, N / 5 * 4 - 2);
    if (!cut) {
      /* Beta(0.5, 0.5) has mean 1/2 and variance 1/8; pairs share their number. */
      ck_assert_double_eq_tol (sum / mixed, 0, 0.1);
      ck_assert_double_eq_tol (square / mixed, 0.125, 0.03);
    }
    supcon_batch_free (batch);
  }
}
END_TEST

static void
check_refused (SupconTrainerConfig config, const char *message)
{
  SupconModel *model = model_new ();
  GError *error = NULL;

  ck_assert (!supcon_trainer_check (&config, 64, model, &error));
  ck_assert_msg (strstr (error->message, message) != NULL, "%s", error->message);
  g_error_free (error);
  supcon_model_free (model);
}

START_TEST (test_settings)
{
  SupconTrainerConfig good = config_of (SUPCON_STAGE_CONTRASTIVE), bad;

  good.queue_size = 64;
  good.micro_batch = 16;
  ck_assert (supcon_trainer_check (&good, 64, NULL, NULL));
#define REFUSED(message, ...)                                                                                          \
  bad = good;                                                                                                          \
  __VA_ARGS__;                                                                                                         \
  check_refused (bad, message)
  REFUSED ("temperature is 0; expected more than 0", bad.loss.temperature = 0);
  REFUSED ("queue-size is 63, smaller than batch-size, 64", bad.queue_size = 63);
  REFUSED ("micro-batch is 24, which does not divide batch-size, 64", bad.micro_batch = 24);
  REFUSED ("micro-batch is 128", bad.micro_batch = 128);
  REFUSED ("momentum-encoder is set, but queue-size is 0", bad.queue_size = 0, bad.momentum_encoder = TRUE);
  REFUSED ("mixup is set", bad.mix.mixup = 1);
  REFUSED ("cutmix is set, but a queue", bad.mix.cutmix = 1, bad.loss.kind = SUPCON_LOSS_GENERAL);
  REFUSED ("nesterov is set, but optimizer is adam", bad.optimizer.nesterov = TRUE,
      bad.optimizer.kind = SUPCON_OPTIMIZER_ADAM);
  REFUSED ("dropout is set, but stage is contrastive", bad.dropout = 0.5);
  REFUSED ("queue-size is set, but stage is linear", bad.stage = SUPCON_STAGE_LINEAR);
  REFUSED ("freeze is \"layer9\", which is no layer of resnet8", bad.stage = SUPCON_STAGE_FINETUNE, bad.queue_size = 0,
      bad.freeze = "layer9");
}
END_TEST

static void
check_too_large (SupconTrainerConfig config, guint batch_size, const char *message)
{
  SupconModel *model = model_new ();
  GError *error = NULL;

  ck_assert (!supcon_trainer_check_memory (&config, batch_size, model, &error));
  ck_assert_int_eq (error->code, SUPCON_ERROR_SETTINGS);
  ck_assert_msg (
      strstr (error->message, message) != NULL && strstr (error->message, "12x12") != NULL, "%s", error->message);
  g_error_free (error);
  supcon_model_free (model);
}

/* Sanitizers reserve more address space than any limit leaves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ADDRESS_SPACE RLIM_INFINITY
#else
#define ADDRESS_SPACE ((rlim_t)4 << 30)
#endif

START_TEST (test_memory)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  struct rlimit limit = { ADDRESS_SPACE, RLIM_INFINITY };
  SupconModel *model = model_new ();

  ck_assert_int_eq (setrlimit (RLIMIT_AS, &limit), 0);
  ck_assert (supcon_trainer_check_memory (&config, 256, model, NULL));
  config.micro_batch = 64;
  ck_assert (supcon_trainer_check_memory (&config, 1 << 20, model, NULL));
  /* The frozen encoder keeps nothing. */
  config = config_of (SUPCON_STAGE_LINEAR);
  ck_assert (supcon_trainer_check_memory (&config, 1 << 20, model, NULL));
  supcon_model_free (model);
  if (limit.rlim_cur == RLIM_INFINITY)
    return;

  config = config_of (SUPCON_STAGE_CONTRASTIVE);
  check_too_large (config, 1 << 23, "batch-size is 8388608: two batches of pictures of 12x12 take 7247757312 bytes");
  check_too_large (config, 1 << 20, "batch-size is 1048576: to encode so many");
  config.micro_batch = 1 << 19;
  check_too_large (config, 1 << 20, "micro-batch is 524288: to encode so many");
  config.micro_batch = 64;
  config.queue_size = 1 << 28;
  check_too_large (config, 1 << 20, "queue-size is 268435456: so many embeddings of 5 numbers");
}
END_TEST

static void
step_to (SupconTrainer *trainer, guint last)
{
  SupconTrainStats stats;

  for (guint step = supcon_trainer_step_count (trainer); step < last; step++) {
    SupconBatch *batch = batch_new (VIEWS, step);

    ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
    supcon_batch_free (batch);
  }
}

/* A fit holds for a tenth of the steps where that is enough, and is made once a step. */
START_TEST (test_calibration)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_LINEAR);
  SupconModel *model = model_new ();
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0);
  double before, now;

  ck_assert_double_eq (supcon_trainer_calibrate (trainer, FALSE), 1);
  step_to (trainer, 10);
  before = supcon_trainer_calibrate (trainer, TRUE);
  ck_assert_double_ne (before, 1);
  step_to (trainer, 12); /* two steps of twelve: too old */
  now = supcon_trainer_calibrate (trainer, TRUE);
  ck_assert_double_ne (now, before);
  ck_assert_double_eq (supcon_trainer_calibrate (trainer, FALSE), now);
  step_to (trainer, 13);
  ck_assert_double_eq (supcon_trainer_calibrate (trainer, TRUE), now);
  ck_assert_double_ne (supcon_trainer_calibrate (trainer, FALSE), now);
  supcon_trainer_free (trainer);
  supcon_model_free (model);
}
END_TEST

/* The logits that the fit goes by are in a checkpoint: who goes on from it fits to the same. */
START_TEST (test_calibration_resumed)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CROSS_ENTROPY);
  SupconModel *model = model_new (), *loaded;
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0), *resumed;
  SupconCheckpointInfo info = { .labels = labels_new (), .stage = "cross-entropy" }, found;
  char *folder = g_dir_make_tmp ("supcon-trainer-XXXXXX", NULL);
  char *location = g_build_filename (folder, "m.safetensors", NULL);
  const guint batches = SUPCON_CALIBRATION_PICTURES / VIEWS;
  GError *error = NULL;
  guint n;

  step_to (trainer, batches + 3); /* the queue has gone round */
  /* A file holds floats; the trainer goes on with its doubles, so they are floats too. */
  for (SupconParam *param = supcon_model_params (model, &n), *end = param + n; param < end; param++)
    for (gsize k = 0; k < param->size; k++) {
      param->data[k] = (float)param->data[k];
      if (param->velocity)
        param->velocity[k] = (float)param->velocity[k];
    }
  info.logits = (SupconQueue *)supcon_trainer_logits (trainer);
  ck_assert_uint_eq (info.logits->n, SUPCON_CALIBRATION_PICTURES);
  for (gsize k = 0; k < (gsize)info.logits->n * info.logits->dim; k++)
    info.logits->z[k] = (float)info.logits->z[k];
  ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
  loaded = supcon_checkpoint_load (location, NULL, &found, &error);
  ck_assert_msg (loaded != NULL, "%s", error ? error->message : "");
  resumed = supcon_trainer_new (loaded, &config, batches + 3);
  supcon_trainer_restore (resumed, NULL, found.logits);
  step_to (trainer, batches + 8);
  step_to (resumed, batches + 8);
  ck_assert_double_ne (supcon_trainer_calibrate (trainer, FALSE), 1);
  ck_assert_double_eq (supcon_trainer_calibrate (resumed, FALSE), supcon_trainer_calibrate (trainer, FALSE));
  supcon_checkpoint_info_clear (&found);
  supcon_labels_free (info.labels);
  supcon_trainer_free (resumed);
  supcon_trainer_free (trainer);
  supcon_model_free (loaded);
  supcon_model_free (model);
  g_remove (location);
  g_rmdir (folder);
  g_free (location);
  g_free (folder);
}
END_TEST

/* A queue that has gone round once comes back oldest first; what is not one is refused. */
START_TEST (test_queue_in_checkpoint)
{
  SupconModel *model = model_new (), *loaded;
  guint dim = supcon_model_projection_dim (model);
  SupconLabels *labels = labels_new ();
  SupconCheckpointInfo info = { .labels = labels, .stage = "contrastive", .queue = supcon_queue_new (3, dim) };
  SupconCheckpointInfo found;
  char *folder = g_dir_make_tmp ("supcon-trainer-XXXXXX", NULL);
  char *location = g_build_filename (folder, "m.safetensors", NULL);
  SupconReal z[4 * 5];
  GError *error = NULL;

  for (guint i = 0; i < 4 * dim; i++)
    z[i] = i / 32.0;
  supcon_queue_push (info.queue, z, (const gint32[]){ 0, 1, -1, 9 }, (const guint64[]){ 5, 6, G_MAXUINT64, 8 }, 4);
  ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
  loaded = supcon_checkpoint_load (location, NULL, &found, &error);
  ck_assert_msg (loaded != NULL, "%s", error ? error->message : "");
  ck_assert_uint_eq (found.queue->n, 3);
  for (guint i = 0; i < 3; i++) {
    guint at = supcon_queue_place (found.queue, i);

    ck_assert_int_eq (found.queue->labels[at], ((const gint32[]){ 1, -1, -1 })[i]); /* label 9 has no name */
    ck_assert (found.queue->samples[at] == ((const guint64[]){ 6, G_MAXUINT64, 8 })[i]);
    ck_assert (memcmp (found.queue->z + at * dim, z + (i + 1) * dim, dim * sizeof *z) == 0);
  }
  supcon_checkpoint_info_clear (&found);
  supcon_model_free (loaded);

  info.queue->z[1] = NAN;
  ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
  ck_assert (!supcon_checkpoint_load (location, NULL, &found, &error));
  ck_assert_msg (strstr (error->message, "of queue.embeddings has") && strstr (error->message, "not finite"), "%s",
      error->message);
  g_error_free (error);
  supcon_queue_free (info.queue);
  supcon_labels_free (labels);
  supcon_model_free (model);
  g_remove (location);
  g_rmdir (folder);
  g_free (location);
  g_free (folder);
}
END_TEST

SUPCON_CHECK_MAIN ("trainer", test_queue_in_checkpoint, test_clipping, test_average, test_optimizer_in_checkpoint,
    test_validate_neighbours, test_validate_classifier, test_stage_gradients, test_micro_batch, test_online_linear,
    test_finetune, test_momentum_encoder, test_mix, test_settings, test_memory, test_calibration,
    test_calibration_resumed)
