/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library as it is installed, in float32, against PyTorch in double precision (tests/oracle/model.py). */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "golden/model.h"
#include "train/trainer.h"

enum { N = 8, SIZE = 64 };

/* A number in [-0.5, 0.5), as noise in model.py. */
static double
noise (guint64 stream, guint64 index)
{
  guint64 h = (index * 2654435761u + stream * 40503 + 12345) & 0xFFFFFFFF;

  h ^= h >> 16;
  h = h * 0x45D9F3B & 0xFFFFFFFF;
  h ^= h >> 16;
  return h / 4294967296.0 - 0.5;
}

/* Where element number 'index' of PyTorch's order lies. */
static gsize
place (const SupconParam *param, gsize index)
{
  gsize w, h, i, o;

  if (param->n_dims != 4)
    return index;
  w = index % param->dims[3];
  h = index / param->dims[3] % param->dims[2];
  i = index / param->dims[3] / param->dims[2] % param->dims[1];
  o = index / param->dims[3] / param->dims[2] / param->dims[1];
  return ((h * param->dims[3] + w) * param->dims[1] + i) * param->dims[0] + o;
}

static double
value_of (const SupconParam *param, guint stream, gsize index)
{
  double v = noise (stream, index);

  if (param->n_dims == 4)
    return v * sqrt (24.0 / (param->dims[0] * param->dims[2] * param->dims[3]));
  if (param->n_dims == 2)
    return v * sqrt (12.0 / param->dims[1]);
  if (g_str_has_suffix (param->name, "running_var"))
    return 1 + v;
  return g_str_has_suffix (param->name, "weight") ? 1 + 0.4 * v : 0.4 * v;
}

static SupconModel *
model_new (const char *encoder, guint8 **pixels)
{
  SupconModelConfig config;
  SupconModel *model;
  SupconParam *params;
  guint n;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, encoder, sizeof config.encoder);
  config.stem = SUPCON_STEM_IMAGENET;
  config.input_width = config.input_height = SIZE;
  model = supcon_model_new (&config, 0, NULL);
  supcon_model_set_threads (model, 2);
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; k < params[i].size; k++)
      params[i].data[place (&params[i], k)] = value_of (&params[i], i + 1, k);
  *pixels = g_malloc (N * SIZE * SIZE * 3);
  for (gsize i = 0; i < N * SIZE * SIZE * 3; i++)
    (*pixels)[i] = floor ((noise (1042, i) + 0.5) * 256);
  return model;
}

static void
check_embedding (const char *encoder, const double *expected)
{
  guint8 *pixels;
  SupconModel *model = model_new (encoder, &pixels);
  guint dim = supcon_model_embedding_dim (model);
  SupconReal *r = g_new (SupconReal, N * dim);
  double error = 0, size = 0;

  supcon_model_embed (model, pixels, N, r);
  for (guint i = 0; i < 64; i++) {
    error += pow (r[dim + i] - expected[i], 2);
    size += pow (expected[i], 2);
  }
  ck_assert_msg (sqrt (error / size) < 1e-4, "%s: relative error %g", encoder, sqrt (error / size));
  g_free (r);
  g_free (pixels);
  supcon_model_free (model);
}

START_TEST (test_embeddings)
{
  check_embedding ("resnet18", resnet18_embedding);
  check_embedding ("resnet50", resnet50_embedding);
}
END_TEST

/* The pictures, moved on by so many places, as they come in that step. */
static SupconBatch *
batch_new (const guint8 *pixels, guint step)
{
  static const gint32 labels[N] = { 0, 1, 0, 1, 2, 2, -1, -1 };
  static const guint64 samples[N] = { 0, 1, 2, 3, 4, 5, 6, 6 };
  SupconBatch *batch = supcon_batch_new (N, SIZE, SIZE);

  for (guint i = 0; i < N; i++)
    supcon_batch_append (
        batch, pixels + (i + N - step) % N * SIZE * SIZE * 3, SIZE * 3, 3, labels[i], samples[i] + N * step);
  return batch;
}

START_TEST (test_training_step)
{
  guint8 *pixels;
  SupconModel *model = model_new ("resnet18", &pixels);
  SupconBatch *batch = batch_new (pixels, 0);
  SupconTrainerConfig config = { .loss = { .temperature = 0.1 },
    .optimizer = { .momentum = 0.9, .weight_decay = 1e-4 },
    .schedule = { .learning_rate = 0.1 } };
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0);
  SupconTrainStats stats;
  guint n, learnt = 0;
  SupconParam *params = supcon_model_params (model, &n);

  ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
  ck_assert_double_eq_tol (stats.loss, resnet18_loss[0], 1e-3 * resnet18_loss[0]);

  for (guint i = 0; i < n; i++) {
    double norm = 0, dot = 0, update = 0, length = 0;

    if (params[i].kind == SUPCON_PARAM_BUFFER)
      continue;
    for (gsize k = 0; k < params[i].size; k++) {
      double direction = noise (5000 + learnt, k);
      gsize at = place (&params[i], k);

      length += direction * direction;
      norm += pow (params[i].grad[at], 2);
      dot += params[i].grad[at] * direction;
      update += (params[i].data[at] - (float)value_of (&params[i], i + 1, k)) * direction;
    }
    norm = sqrt (norm);
    /* Products with noise are as uncertain as the length of what is multiplied times the relative error. */
    length = sqrt (length / params[i].size) * resnet18_gradient_norm[learnt];
    ck_assert_msg (fabs (norm - resnet18_gradient_norm[learnt]) <= 2e-4 * resnet18_gradient_norm[learnt]
                       && fabs (dot - resnet18_gradient_dot[learnt]) <= 2e-4 * length
                       && fabs (update - resnet18_update_dot[learnt]) <= 2e-4 * 0.1 * length + 1e-6 * fabs (update),
        "%s: norm %g, expected %g; product %g, expected %g; update %g, expected %g", params[i].name, norm,
        resnet18_gradient_norm[learnt], dot, resnet18_gradient_dot[learnt], update, resnet18_update_dot[learnt]);
    learnt++;
  }
  ck_assert_uint_eq (learnt, G_N_ELEMENTS (resnet18_gradient_norm));
  supcon_trainer_free (trainer);
  supcon_batch_free (batch);
  supcon_model_free (model);
  g_free (pixels);
}
END_TEST

START_TEST (test_momentum_encoder)
{
  guint8 *pixels;
  SupconModel *model = model_new ("resnet18", &pixels);
  SupconTrainerConfig config = { .loss = { .temperature = 0.1 },
    .optimizer = { .momentum = 0.9, .weight_decay = 1e-4 },
    .schedule = { .learning_rate = 0.001 },
    .queue_size = 12,
    .momentum_encoder = TRUE,
    .average_decay = 0.6 };
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0);

  for (guint step = 0; step < G_N_ELEMENTS (resnet18_momentum_encoder_losses); step++) {
    double expected = resnet18_momentum_encoder_losses[step];
    SupconBatch *batch = batch_new (pixels, step);
    SupconTrainStats stats;

    ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
    /* A ReLU's input within rounding of 0 moves the loss by 2e-4; averages that follow by 0.55, by 5e-3. */
    ck_assert_msg (fabs (stats.loss - expected) < 1e-3 * expected, "step %u: loss %.7f, expected %.7f", step,
        stats.loss, expected);
    supcon_batch_free (batch);
  }
  supcon_trainer_free (trainer);
  supcon_model_free (model);
  g_free (pixels);
}
END_TEST

SUPCON_CHECK_MAIN ("oracle", test_embeddings, test_training_step, test_momentum_encoder)
