/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What bfloat16 costs in accuracy, on Fashion-MNIST: for some seeds and either precision a short training of resnet8
 * and its classifier, the top-1 on the test pictures, and on how many of them the other precision gives the same class.
 * bench_precision FOLDER [SEEDS] [STEPS]; 256 views a batch, then as many steps of the classifier. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "augment/augmenter.h"
#include "augment/policy.h"
#include "data/sampler.h"
#include "train/trainer.h"

enum { BATCH = 256, SIDE = 28 };

static void
train (
    SupconModel *model, SupconStage stage, const SupconDataset *data, SupconSampler *sampler, guint64 seed, guint steps)
{
  SupconTrainerConfig config = { .stage = stage,
    .loss = { .temperature = 0.1 },
    .optimizer = { .momentum = 0.9, .weight_decay = 1e-4 },
    .schedule = { .learning_rate = supcon_trainer_default_learning_rate (stage, SUPCON_OPTIMIZER_SGD, BATCH) } };
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0);
  SupconBatch *batch = supcon_batch_new (BATCH, SIDE, SIDE);
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  SupconPolicy policy;
  SupconProgram *program;
  SupconTrainStats stats;
  guint32 length = supcon_sampler_epoch_length (sampler);
  guint views = stage == SUPCON_STAGE_CONTRASTIVE ? 2 : 1;
  guint64 n = 0;
  gchar *text;

  supcon_policy_init (&policy, SUPCON_POLICY_CROP);
  policy.scale_min = 0.7;
  policy.ratio_min = 0.9;
  policy.ratio_max = 1.1;
  text = supcon_policy_to_text (&policy);
  program = supcon_program_parse (text, NULL);
  for (guint step = 0; step < steps; step++) {
    supcon_batch_reset (batch);
    for (guint i = 0; i < BATCH / views; i++, n++) {
      guint32 at = supcon_sampler_index (sampler, n / length, n % length);
      SupconSample sample;
      guint8 pixels[SIDE * SIDE];
      SupconImage picture = { NULL, SIDE, SIDE, SIDE, 1 }, view = { pixels, SIDE, SIDE, SIDE, 1 };

      supcon_dataset_get (data, at, &sample);
      picture.pixels = (guint8 *)sample.pixels;
      for (guint v = 0; v < views; v++) {
        supcon_augmenter_apply (augmenter, program, seed, n, v, &picture, &view);
        supcon_batch_append (batch, pixels, SIDE, 1, sample.label, n);
      }
    }
    supcon_trainer_step (trainer, batch, &stats, NULL);
  }
  supcon_program_free (program);
  g_free (text);
  supcon_augmenter_free (augmenter);
  supcon_batch_free (batch);
  supcon_trainer_free (trainer);
}

/* The class that the model gives each picture. */
static void
classify (SupconModel *model, SupconPrecision precision, const SupconDataset *data, guint *classes)
{
  guint n = supcon_dataset_count (data), dim = supcon_model_embedding_dim (model);
  guint n_classes = supcon_model_n_classes (model);
  SupconReal *r = g_new (SupconReal, BATCH * dim), *logits = g_new (SupconReal, BATCH * n_classes);
  SupconBatch *batch = supcon_batch_new (BATCH, SIDE, SIDE);

  supcon_model_set_precision (model, precision);
  for (guint first = 0; first < n; first += BATCH) {
    supcon_batch_reset (batch);
    for (guint i = first; i < MIN (n, first + BATCH); i++) {
      SupconSample sample;

      supcon_dataset_get (data, i, &sample);
      supcon_batch_append (batch, sample.pixels, SIDE, 1, 0, i);
    }
    supcon_model_embed (model, batch->pixels, batch->n, r);
    supcon_model_classify (model, r, batch->n, logits);
    for (guint i = 0; i < batch->n; i++) {
      guint best = 0;

      for (guint c = 1; c < n_classes; c++)
        best = logits[i * n_classes + c] > logits[i * n_classes + best] ? c : best;
      classes[first + i] = best;
    }
  }
  supcon_batch_free (batch);
  g_free (r);
  g_free (logits);
}

int
main (int argc, char **argv)
{
  const char *folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
  guint seeds = argc > 2 ? atoi (argv[2]) : 3, steps = argc > 3 ? atoi (argv[3]) : 150;
  GError *error = NULL;
  SupconDataset *data = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, &error);
  SupconDataset *test = data ? supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TEST, 0, &error) : NULL;
  guint n = test ? supcon_dataset_count (test) : 0;
  guint *classes[2] = { g_new (guint, MAX (n, 1)), g_new (guint, MAX (n, 1)) };

  if (!test) {
    fprintf (stderr, "%s\n", error->message);
    return 1;
  }
  for (guint seed = 0; seed < seeds; seed++)
    for (SupconPrecision precision = SUPCON_PRECISION_FLOAT32; precision <= SUPCON_PRECISION_BFLOAT16; precision++) {
      SupconSampler *sampler = supcon_sampler_new (data, &(SupconSamplerConfig){ .shuffle = TRUE, .seed = seed }, NULL);
      SupconModelConfig config;
      SupconModel *model;
      guint right[2] = { 0 }, same = 0;

      supcon_model_config_init (&config);
      g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
      config.input_width = config.input_height = SIDE;
      model = supcon_model_new (&config, seed, NULL);
      supcon_model_set_precision (model, precision);
      train (model, SUPCON_STAGE_CONTRASTIVE, data, sampler, seed, steps);
      supcon_model_set_n_classes (model, supcon_dataset_n_classes (data));
      train (model, SUPCON_STAGE_LINEAR, data, sampler, seed, steps);
      for (guint p = 0; p < 2; p++) {
        classify (model, p, test, classes[p]);
        for (guint i = 0; i < n; i++) {
          SupconSample sample;

          supcon_dataset_get (test, i, &sample);
          right[p] += classes[p][i] == sample.label;
        }
      }
      for (guint i = 0; i < n; i++)
        same += classes[0][i] == classes[1][i];
      printf ("seed %u, trained in %s: top-1 %.2f %% in float32, %.2f %% in bfloat16, same class for %.2f %% of %u\n",
          seed, precision ? "bfloat16" : "float32", 100.0 * right[0] / n, 100.0 * right[1] / n, 100.0 * same / n, n);
      fflush (stdout);
      supcon_sampler_free (sampler);
      supcon_model_free (model);
    }
  supcon_dataset_free (data);
  supcon_dataset_free (test);
  g_free (classes[0]);
  g_free (classes[1]);
  return 0;
}
