/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times what training and tagging spend their time in, and what bounds it, for tests/bench/compare.py: sets up a work,
 * runs it once and prints {"memory": MB at most so far}; then for each line that it reads runs it for a tenth of a
 * second or once and prints {"gst-supcon": seconds}. Usage: bench_train WORK [float32|bfloat16 [THREADS]] WORK:
 * step-ENCODER-NxSIZE (a training step), frames-ENCODER-NxSIZE (embeddings), loss-NxDIM (loss and gradient); peaks:
 * sgemm, bf16 (products that stay in the nearest cache) and copy of large memory, each of all threads together. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blas.h"
#include "core/random.h"
#include "nn/bf16_tile.h"
#include "nn/workspace.h"
#include "rng.h"
#include "train/trainer.h"

/* The work's state, and how it is run. */
typedef struct _Work Work;
struct _Work {
  void (*run) (Work *work);
  SupconModel *model;
  SupconBatch *batch;
  SupconTrainer *trainer;
  SupconReal *r;
  SupconViews views;
  SupconWorkspace workspace;
  SupconReal *z, *dz;
  char *from, *to;
};

static guint threads;
static SupconPrecision precision;

static SupconModel *
model_new (const char *encoder, guint size)
{
  SupconModelConfig config;
  SupconModel *model;
  GError *error = NULL;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, encoder, sizeof config.encoder);
  config.stem = size < 64 ? SUPCON_STEM_SMALL : SUPCON_STEM_IMAGENET;
  config.input_width = config.input_height = size;
  model = supcon_model_new (&config, 0, &error);
  if (!model)
    g_error ("%s", error->message);
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
  for (guint i = 0; i < n; i++)
    append_noise (batch, &rng, i / 2 % 10, i / 2);
  return batch;
}

static void
run_step (Work *work)
{
  SupconTrainStats stats;

  supcon_trainer_step (work->trainer, work->batch, &stats, NULL);
}

static void
run_frames (Work *work)
{
  supcon_model_embed (work->model, work->batch->pixels, work->batch->n, work->r);
}

static void
network_init (Work *work, const char *encoder, guint n, guint size, gboolean training)
{
  SupconTrainerConfig config = { .loss = { .temperature = 0.1 },
    .optimizer = { .momentum = 0.9, .weight_decay = 1e-4 },
    .schedule = { .learning_rate = 0.01 } };

  work->model = model_new (encoder, size);
  work->batch = batch_new (n, size);
  if (training)
    work->trainer = supcon_trainer_new (work->model, &config, 0);
  else
    work->r = g_new (SupconReal, n * supcon_model_embedding_dim (work->model));
  work->run = training ? run_step : run_frames;
}

static void
run_loss (Work *work)
{
  supcon_loss (&(SupconLossConfig){ .temperature = 0.1 }, &work->views, &work->workspace, work->dz);
}

static void
loss_init (Work *work, guint n, guint dim)
{
  SupconReal *z = g_new (SupconReal, (gsize)n * dim);
  gint32 *labels = g_new (gint32, n);
  guint64 *samples = g_new (guint64, n);
  SupconRng rng;

  supcon_rng_init (&rng, 0, 0, 0, 0);
  for (guint i = 0; i < n; i++) {
    double length = 0;

    for (guint k = 0; k < dim; k++) {
      z[(gsize)i * dim + k] = supcon_rng_normal (&rng);
      length += z[(gsize)i * dim + k] * z[(gsize)i * dim + k];
    }
    for (guint k = 0; k < dim; k++)
      z[(gsize)i * dim + k] /= sqrt (length);
    labels[i] = supcon_rng_below (&rng, 1000);
    samples[i] = i / 2;
  }
  work->views = (SupconViews){ .z = z, .n = n, .dim = dim, .labels = labels, .samples = samples };
  work->dz = g_new (SupconReal, (gsize)n * dim);
  work->run = run_loss;
}

/* Peaks: each task is what one thread does. */
enum { SIDE = 1024, DEPTH = 1024, PRODUCTS = 4000 };
#define COPIED ((gsize)1 << 28)

static void
sgemm_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Work *work = data;

  supcon_gemm (SUPCON_NO_TRANS, SUPCON_NO_TRANS, SIDE, SIDE, SIDE, 1, work->z, SIDE, work->z, SIDE, 0,
      work->dz + task * SIDE * SIDE, SIDE);
}

static void
bf16_task (G_GNUC_UNUSED gsize task, G_GNUC_UNUSED guint worker, G_GNUC_UNUSED gpointer data)
{
  static SupconBfloat16 a[32 * DEPTH], b[32 * DEPTH]; /* zeros, read by all */
  static const gsize outer[1] = { 0 };
  float c[32 * 32];
  const SupconBf16Kernels *kernels = supcon_bf16_kernels ();
  SupconBf16Tile tile = { .a = a,
    .b = b,
    .a_row = DEPTH / 4,
    .a_outer = outer,
    .outer = 1,
    .inner = DEPTH / 4 / SUPCON_BF16_STEP,
    .terms = DEPTH / 4,
    .rows = 2,
    .cols = 2,
    .c = c,
    .c_row = 32 };

  kernels->begin ();
  for (guint i = 0; i < PRODUCTS; i++)
    kernels->product (&tile);
  kernels->end ();
}

static void
copy_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Work *work = data;
  gsize share = COPIED / threads;

  memcpy (work->to + task * share, work->from + task * share, share);
}

static void
run_sgemm (Work *work)
{
  supcon_parallel_for (threads, threads, sgemm_task, work);
}

static void
run_bf16 (Work *work)
{
  supcon_parallel_for (threads, threads, bf16_task, work);
}

static void
run_copy (Work *work)
{
  supcon_parallel_for (threads, threads, copy_task, work);
}

/* FALSE: there is no such peak. Prints how much work a run is: operations, or bytes read and written. */
static gboolean
peak_init (Work *work, const char *name)
{
  double amount;

  if (g_str_equal (name, "sgemm")) {
    work->z = g_new0 (SupconReal, SIDE * SIDE);
    work->dz = g_new0 (SupconReal, (gsize)threads * SIDE * SIDE);
    work->run = run_sgemm;
    amount = 2.0 * SIDE * SIDE * SIDE * threads;
  } else if (g_str_equal (name, "bf16")) {
    work->run = run_bf16;
    amount = 2.0 * 32 * 32 * (DEPTH / 4) * PRODUCTS * threads;
  } else if (g_str_equal (name, "copy")) {
    work->from = g_malloc (COPIED);
    work->to = g_malloc (COPIED);
    memset (work->from, 1, COPIED);
    work->run = run_copy;
    amount = 2.0 * (COPIED / threads * threads);
  } else {
    return FALSE;
  }
  printf ("{\"amount\": %.0f}\n", amount);
  return TRUE;
}

/* The most memory that this process has had, in MB. */
static double
peak_memory (void)
{
  FILE *status = fopen ("/proc/self/status", "r");
  char line[128];
  double memory = 0;

  while (status && fgets (line, sizeof line, status))
    if (g_str_has_prefix (line, "VmHWM:"))
      memory = atof (line + strlen ("VmHWM:")) / 1000;
  if (status)
    fclose (status);
  return memory;
}

int
main (int argc, char **argv)
{
  Work work = { 0 };
  char encoder[16], line[16];
  guint n, size;

  if (argc < 2)
    g_error ("usage: bench_train WORK [float32|bfloat16 [THREADS]]");
  precision = argc > 2 && strcmp (argv[2], "bfloat16") == 0 ? SUPCON_PRECISION_BFLOAT16 : SUPCON_PRECISION_FLOAT32;
  threads = supcon_parallel_threads (argc > 3 ? atoi (argv[3]) : 2);
  work.workspace.threads = threads;
  if (sscanf (argv[1], "step-%15[a-z0-9]-%ux%u", encoder, &n, &size) == 3)
    network_init (&work, encoder, n, size, TRUE);
  else if (sscanf (argv[1], "frames-%15[a-z0-9]-%ux%u", encoder, &n, &size) == 3)
    network_init (&work, encoder, n, size, FALSE);
  else if (sscanf (argv[1], "loss-%ux%u", &n, &size) == 2)
    loss_init (&work, n, size);
  else if (!peak_init (&work, argv[1]))
    g_error ("unknown work %s", argv[1]);
  work.run (&work);
  work.run (&work);
  printf ("{\"memory\": %.1f}\n", peak_memory ());
  fflush (stdout);
  while (fgets (line, sizeof line, stdin)) {
    gint64 begin = g_get_monotonic_time ();
    guint runs = 0;

    do {
      work.run (&work);
      runs++;
    } while (g_get_monotonic_time () - begin < G_USEC_PER_SEC / 10);
    printf ("{\"gst-supcon\": %.6f}\n", (g_get_monotonic_time () - begin) / 1e6 / runs);
    fflush (stdout);
  }
  return 0;
}
