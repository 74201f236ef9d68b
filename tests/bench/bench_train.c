/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times what training and tagging spend their time in, one JSON line a measurement: tests/bench/compare.py runs it
 * beside PyTorch. Usage: bench_train [THREADS [REPEATS [NAME [bfloat16]]]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/workspace.h"
#include "rng.h"
#include "train/trainer.h"

static guint threads, repeats;
static SupconPrecision precision;

/* A training step of, or one embedding of, n pictures. */
static const struct {
  const char *name, *encoder;
  SupconStem stem;
  guint n, size;
  gboolean training;
} networks[] = {
  { "step-resnet18-16x224", "resnet18", SUPCON_STEM_IMAGENET, 16, 224, TRUE },
  { "step-resnet50-16x224", "resnet50", SUPCON_STEM_IMAGENET, 16, 224, TRUE },
  { "step-resnet20-512x32", "resnet20", SUPCON_STEM_SMALL, 512, 32, TRUE },
  { "frame-resnet18-224", "resnet18", SUPCON_STEM_IMAGENET, 1, 224, FALSE },
  { "frame-resnet50-224", "resnet50", SUPCON_STEM_IMAGENET, 1, 224, FALSE },
  { "frames-resnet18-16x224", "resnet18", SUPCON_STEM_IMAGENET, 16, 224, FALSE },
  { "frames-resnet50-16x224", "resnet50", SUPCON_STEM_IMAGENET, 16, 224, FALSE },
};

static int
compare (const void *a, const void *b)
{
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void
report (const char *name, double *seconds, guint n)
{
  qsort (seconds, n, sizeof *seconds, compare);
  printf ("{\"name\": \"%s\", \"seconds\": %.6f, \"best\": %.6f}\n", name, seconds[n / 2], seconds[0]);
  fflush (stdout);
}

static double
now (void)
{
  return g_get_monotonic_time () / 1e6;
}

static SupconModel *
model_new (const char *encoder, SupconStem stem, guint size)
{
  SupconModelConfig config;
  SupconModel *model;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, encoder, sizeof config.encoder);
  config.stem = stem;
  config.input_width = config.input_height = size;
  model = supcon_model_new (&config, 0, NULL);
  supcon_model_set_threads (model, threads);
  supcon_model_set_precision (model, precision);
  return model;
}

static SupconBatch *
batch_new (guint n, guint size)
{
  SupconBatch *batch = supcon_batch_new (n, size, size);
  SupconRng rng;

  supcon_rng_init (&rng, 0, 0, 0, 0);
  for (gsize i = 0; i < (gsize)n * size * size * 3; i++)
    batch->pixels[i] = supcon_rng_next (&rng) >> 24;
  for (guint i = 0; i < n; i++) {
    batch->labels[i] = i / 2 % 10;
    batch->samples[i] = i / 2;
  }
  batch->n = n;
  return batch;
}

static void
bench_step (const char *name, const char *encoder, SupconStem stem, guint n, guint size)
{
  SupconModel *model = model_new (encoder, stem, size);
  SupconBatch *batch = batch_new (n, size);
  SupconTrainerConfig config = { .loss = { .temperature = 0.1 },
    .optimizer = { .momentum = 0.9, .weight_decay = 1e-4 },
    .schedule = { .learning_rate = 0.01 } };
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0);
  double *seconds = g_new (double, repeats);
  SupconTrainStats stats;

  supcon_trainer_step (trainer, batch, &stats, NULL);
  for (guint i = 0; i < repeats; i++) {
    double start = now ();

    supcon_trainer_step (trainer, batch, &stats, NULL);
    seconds[i] = now () - start;
  }
  report (name, seconds, repeats);
  g_free (seconds);
  supcon_trainer_free (trainer);
  supcon_batch_free (batch);
  supcon_model_free (model);
}

static void
bench_embed (const char *name, const char *encoder, guint n, guint size)
{
  SupconModel *model = model_new (encoder, SUPCON_STEM_IMAGENET, size);
  SupconBatch *batch = batch_new (n, size);
  SupconReal *r = g_new (SupconReal, n * supcon_model_embedding_dim (model));
  double *seconds = g_new (double, repeats);

  supcon_model_embed (model, batch->pixels, n, r);
  for (guint i = 0; i < repeats; i++) {
    double start = now ();

    supcon_model_embed (model, batch->pixels, n, r);
    seconds[i] = now () - start;
  }
  report (name, seconds, repeats);
  g_free (seconds);
  g_free (r);
  supcon_batch_free (batch);
  supcon_model_free (model);
}

static void
bench_loss (const char *name, guint n, guint dim)
{
  SupconReal *z = g_new (SupconReal, (gsize)n * dim), *dz = g_new (SupconReal, (gsize)n * dim);
  gint32 *labels = g_new (gint32, n);
  guint64 *samples = g_new (guint64, n);
  double *seconds = g_new (double, repeats);
  SupconWorkspace workspace = { .threads = threads };
  SupconRng rng;

  supcon_rng_init (&rng, 0, 0, 0, 0);
  for (gsize i = 0; i < (gsize)n * dim; i++)
    z[i] = supcon_rng_normal (&rng) / sqrt (dim);
  for (guint i = 0; i < n; i++) {
    labels[i] = supcon_rng_below (&rng, 1000);
    samples[i] = i / 2;
  }
  for (guint i = 0; i < repeats; i++) {
    double start = now ();

    supcon_loss (&(SupconLossConfig){ .temperature = 0.1 },
        &(SupconViews){ .z = z, .n = n, .dim = dim, .labels = labels, .samples = samples }, &workspace, dz);
    seconds[i] = now () - start;
  }
  report (name, seconds, repeats);
  supcon_workspace_clear (&workspace);
  g_free (seconds);
  g_free (z);
  g_free (dz);
  g_free (labels);
  g_free (samples);
}

int
main (int argc, char **argv)
{
  const char *only = argc > 3 ? argv[3] : "";

  threads = argc > 1 ? atoi (argv[1]) : 0;
  repeats = argc > 2 ? atoi (argv[2]) : 7;
  precision = argc > 4 && strcmp (argv[4], "bfloat16") == 0 ? SUPCON_PRECISION_BFLOAT16 : SUPCON_PRECISION_FLOAT32;
  for (guint i = 0; i < G_N_ELEMENTS (networks); i++) {
    if (!strstr (networks[i].name, only))
      continue;
    if (networks[i].training)
      bench_step (networks[i].name, networks[i].encoder, networks[i].stem, networks[i].n, networks[i].size);
    else
      bench_embed (networks[i].name, networks[i].encoder, networks[i].n, networks[i].size);
  }
  if (strstr ("loss-6144x128", only))
    bench_loss ("loss-6144x128", 6144, 128);
  return 0;
}
