/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A small network and what it is trained on, the same for every test of training. */
#ifndef TEST_TRAINING_H
#define TEST_TRAINING_H

#include <math.h>
#include <string.h>

#include "check_main.h"
#include "rng.h"
#include "train/trainer.h"

enum { SIZE = 12, VIEWS = 16, CLASSES = 3 };

static inline SupconModel *
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

static inline SupconParam *
param_of (SupconModel *model, const char *name)
{
  guint n;

  for (SupconParam *param = supcon_model_params (model, &n), *end = param + n; param < end; param++)
    if (g_str_equal (param->name, name))
      return param;
  ck_abort_msg ("no tensor %s", name);
}

/* Gives the classifier weights, since one at zero tells the encoder nothing and all pictures the same. */
static inline void
fill_classifier (SupconModel *model)
{
  guint n;
  const SupconParam *params = supcon_model_params (model, &n);

  for (guint i = 0; i < n; i++)
    for (gsize k = 0; params[i].part == SUPCON_PART_CLASSIFIER && k < params[i].size; k++)
      params[i].data[k] = sin (k + 1.0);
}

/* Noise, a little brighter for each class; two views a sample. */
static inline SupconBatch *
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

static inline SupconTrainerConfig
config_of (SupconStage stage)
{
  return (SupconTrainerConfig){ .stage = stage,
    .loss = { .temperature = 0.2 },
    .optimizer = { .momentum = 0.9, .weight_decay = 1e-3 },
    .schedule = { .learning_rate = 0.05 } };
}

/* Steps on batches that are numbered by the step. */
static inline SupconTrainStats
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
static inline GArray *
weights_of (SupconModel *model, gboolean average)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (SupconReal));
  guint n;
  const SupconParam *params = supcon_model_params (model, &n);

  for (guint i = 0; i < n; i++)
    g_array_append_vals (all, average ? params[i].average : params[i].data, params[i].size);
  return all;
}

static inline double
difference (const GArray *a, const GArray *b)
{
  double most = 0;

  ck_assert_uint_eq (a->len, b->len);
  for (guint i = 0; i < a->len; i++)
    most = MAX (most, fabs (g_array_index (a, SupconReal, i) - g_array_index (b, SupconReal, i)));
  return most;
}

static inline void
step_to (SupconTrainer *trainer, guint last)
{
  SupconTrainStats stats;

  for (guint step = supcon_trainer_step_count (trainer); step < last; step++) {
    SupconBatch *batch = batch_new (VIEWS, step);

    ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
    supcon_batch_free (batch);
  }
}

#endif
