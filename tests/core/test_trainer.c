/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: what a step does to the weights of a small network. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "check_main.h"
#include "model/checkpoint.h"
#include "rng.h"
#include "train/trainer.h"
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
  SupconLabels *labels = supcon_labels_new ();
  SupconCheckpointInfo info = { .labels = labels, .stage = "contrastive", .optimizer = "adamw", .step = 2 };
  char *folder = g_dir_make_tmp ("supcon-trainer-XXXXXX", NULL);
  char *location = g_build_filename (folder, "m.safetensors", NULL);
  SupconModel *loaded;

  for (guint c = 0; c < CLASSES; c++)
    supcon_labels_add (labels, (const char *[]){ "a", "b", "c" }[c]);
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
      votes[batch->labels[nearest]] += exp ((cosine[nearest] - 1) / SUPCON_VALIDATION_TEMPERATURE);
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

SUPCON_CHECK_MAIN ("trainer", test_clipping, test_average, test_optimizer_in_checkpoint, test_validate_neighbours,
    test_validate_classifier)
