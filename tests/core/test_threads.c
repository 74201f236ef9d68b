/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same bits for any number of threads: weights after steps of training, embeddings, and the loss of many views. */
#include <math.h>
#include <sched.h>
#include <string.h>

#include "check_main.h"
#include "nn/workspace.h"
#include "parallel.h"
#include "random.h"
#include "rng.h"
#include "train/trainer.h"

enum { THREADS = 3, VIEWS = 12, STEPS = 2, EMBEDDED = 5 };

/* Noise in two classes. */
static SupconBatch *
batch_new (guint n, guint size)
{
  SupconBatch *batch = supcon_batch_new (n, size, size);
  SupconRng rng;

  supcon_rng_init (&rng, 3, 0, 0, 0);
  for (guint i = 0; i < n; i++)
    append_noise (batch, &rng, i / 2 % 2, i / 2);
  return batch;
}

/* All weights and statistics of a new network after STEPS steps, then the embeddings of some pictures. */
static GArray *
learn (const char *encoder, guint size, SupconPrecision precision, guint threads)
{
  SupconTrainerConfig config = { .loss = { .temperature = 0.1 },
    .optimizer = { .momentum = 0.9, .weight_decay = 1e-4 },
    .schedule = { .learning_rate = 0.05 } };
  GArray *all = g_array_new (FALSE, FALSE, sizeof (SupconReal));
  SupconBatch *batch = batch_new (VIEWS, size);
  SupconModelConfig model_config;
  SupconModel *model;
  SupconTrainer *trainer;
  SupconTrainStats stats;
  SupconParam *params;
  SupconReal *r;
  guint n;

  supcon_model_config_init (&model_config);
  g_strlcpy (model_config.encoder, encoder, sizeof model_config.encoder);
  model_config.stem = SUPCON_STEM_SMALL;
  model_config.width = 0.5;
  model_config.input_width = model_config.input_height = size;
  model = supcon_model_new (&model_config, 0, NULL);
  supcon_model_set_threads (model, threads);
  supcon_model_set_precision (model, precision);
  trainer = supcon_trainer_new (model, &config, 0);
  for (guint step = 0; step < STEPS; step++)
    ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++)
    g_array_append_vals (all, params[i].data, params[i].size);
  r = g_new (SupconReal, EMBEDDED * supcon_model_embedding_dim (model));
  supcon_model_embed (model, batch->pixels, EMBEDDED, r);
  g_array_append_vals (all, r, EMBEDDED * supcon_model_embedding_dim (model));
  g_free (r);
  supcon_trainer_free (trainer);
  supcon_batch_free (batch);
  supcon_model_free (model);
  return all;
}

static void
expect_same (const char *encoder, guint size, SupconPrecision precision)
{
  GArray *one = learn (encoder, size, precision, 1);

  for (guint threads = 2; threads <= THREADS; threads++) {
    GArray *more = learn (encoder, size, precision, threads);

    ck_assert_uint_eq (more->len, one->len);
    ck_assert_msg (memcmp (more->data, one->data, one->len * sizeof (SupconReal)) == 0,
        "%s, precision %d: not the same with %u threads", encoder, precision, threads);
    g_array_unref (more);
  }
  g_array_unref (one);
}

START_TEST (test_float32)
{
  expect_same ("resnet8", 20, SUPCON_PRECISION_FLOAT32);
  expect_same ("resnet18", 12, SUPCON_PRECISION_FLOAT32);
  expect_same ("resnet50", 10, SUPCON_PRECISION_FLOAT32);
}
END_TEST

START_TEST (test_bfloat16)
{
  expect_same ("resnet8", 20, SUPCON_PRECISION_BFLOAT16);
  expect_same ("resnet18", 12, SUPCON_PRECISION_BFLOAT16);
  expect_same ("resnet50", 10, SUPCON_PRECISION_BFLOAT16);
}
END_TEST

/* Several large tiles, an odd number of blocks. */
START_TEST (test_loss)
{
  enum { N = 2200, DIM = 16 };
  SupconReal *z = g_new (SupconReal, N * DIM), *dz[THREADS];
  gint32 *labels = g_new (gint32, N);
  guint64 *samples = g_new (guint64, N);
  SupconViews views = { .z = z, .n = N, .dim = DIM, .labels = labels, .samples = samples };
  double loss[THREADS];
  SupconRng rng;

  supcon_rng_init (&rng, 1, 0, 0, 0);
  for (guint i = 0; i < N * DIM; i++)
    z[i] = supcon_rng_normal (&rng) / sqrt (DIM);
  for (guint i = 0; i < N; i++) {
    labels[i] = i % 10;
    samples[i] = i;
  }
  for (guint t = 0; t < THREADS; t++) {
    SupconWorkspace workspace = { .threads = t + 1 };

    dz[t] = g_new (SupconReal, N * DIM);
    loss[t] = supcon_loss (&(SupconLossConfig){ .temperature = 0.1 }, &views, &workspace, dz[t]).loss;
    ck_assert (loss[t] == loss[0]);
    ck_assert_mem_eq (dz[t], dz[0], N * DIM * sizeof **dz);
    supcon_workspace_clear (&workspace);
  }
  for (guint t = 0; t < THREADS; t++)
    g_free (dz[t]);
  g_free (z);
  g_free (labels);
  g_free (samples);
}
END_TEST

/* Lets the process use one processor, of those that it might before. */
static void
allow_one_processor (cpu_set_t *before)
{
  cpu_set_t one;
  guint first = 0;

  ck_assert (sched_getaffinity (0, sizeof *before, before) == 0);
  while (!CPU_ISSET (first, before))
    first++;
  CPU_ZERO (&one);
  CPU_SET (first, &one);
  ck_assert (sched_setaffinity (0, sizeof one, &one) == 0);
}

/* As many threads as processors that the process may use, as in a container that has one of many. Each test is a
 * process of its own, so that they were not counted before. */
START_TEST (test_allowed_processors)
{
  cpu_set_t allowed;

  allow_one_processor (&allowed);
  ck_assert_uint_eq (supcon_parallel_threads (0), 1);
  ck_assert_uint_eq (supcon_parallel_threads (3), 3);
  ck_assert_uint_eq (supcon_parallel_threads (SUPCON_MAX_THREADS + 1), SUPCON_MAX_THREADS);
  ck_assert (sched_setaffinity (0, sizeof allowed, &allowed) == 0);
}
END_TEST

/* A training: short tasks without end. */
typedef struct {
  guint tasks, stop; /* atomic */
} Ordinary;

static void
ordinary_task (G_GNUC_UNUSED gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  __atomic_fetch_add (&((Ordinary *)data)->tasks, 1, __ATOMIC_RELAXED);
}

static gpointer
call_without_end (gpointer data)
{
  while (!__atomic_load_n (&((Ordinary *)data)->stop, __ATOMIC_RELAXED))
    supcon_parallel_for (2, 10000, ordinary_task, data);
  return NULL;
}

/* How many tasks were begun, until these are enough or the time is over. */
static guint
wait_for_tasks (Ordinary *ordinary, guint more, guint milliseconds)
{
  guint before = __atomic_load_n (&ordinary->tasks, __ATOMIC_RELAXED), now = before;

  for (guint i = 0; i < milliseconds && now - before < more; i++) {
    g_usleep (1000);
    now = __atomic_load_n (&ordinary->tasks, __ATOMIC_RELAXED);
  }
  return now - before;
}

/* How many tasks others begin while this one takes its time. */
static void
urgent_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  guint begun = task == 0 ? wait_for_tasks (data, G_MAXUINT, 20) : 0;

  ck_assert_msg (begun <= 4, "%u ordinary tasks beside an urgent one", begun);
}

/* Two threads at work are as many as there are to be: while a frame is encoded by both, a training beside begins what
 * each thread, and a call that it ends, was about to begin, and no more; between two frames it goes on. */
START_TEST (test_urgent_first)
{
  Ordinary ordinary = { 0 };
  cpu_set_t allowed;
  GThread *thread;

  /* Counted as one, so that the limit is the two threads of each call. */
  allow_one_processor (&allowed);
  ck_assert_uint_eq (supcon_parallel_threads (0), 1);
  ck_assert (sched_setaffinity (0, sizeof allowed, &allowed) == 0);
  thread = g_thread_new ("ordinary", call_without_end, &ordinary);
  for (guint frame = 0; frame < 5; frame++) {
    ck_assert_uint_ge (wait_for_tasks (&ordinary, 100, 60000), 100);
    supcon_parallel_begin_urgent ();
    supcon_parallel_for (2, 2, urgent_task, &ordinary);
    supcon_parallel_end_urgent ();
  }
  __atomic_store_n (&ordinary.stop, TRUE, __ATOMIC_RELAXED);
  g_thread_join (thread);
}
END_TEST

SUPCON_CHECK_MAIN ("threads", test_allowed_processors, test_urgent_first, test_float32, test_bfloat16, test_loss)
