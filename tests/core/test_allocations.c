/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a training step allocates once shapes are known: nothing. The C library's functions are replaced in this process
 * by ones that count, for all libraries and threads. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "check_main.h"
#include "parallel.h"
#include "random.h"
#include "rng.h"
#include "train/trainer.h"

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t n, size_t size);
extern void *__libc_realloc (void *memory, size_t size);
extern void *__libc_memalign (size_t alignment, size_t size);

static guint allocations; /* atomic */

static void
count (void)
{
  __atomic_fetch_add (&allocations, 1, __ATOMIC_RELAXED);
}

void *
malloc (size_t size)
{
  count ();
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  count ();
  return __libc_calloc (n, size);
}

void *
realloc (void *memory, size_t size)
{
  count ();
  return __libc_realloc (memory, size);
}

void *
memalign (size_t alignment, size_t size)
{
  count ();
  return __libc_memalign (alignment, size);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  return memalign (alignment, size);
}

int
posix_memalign (void **memory, size_t alignment, size_t size)
{
  *memory = memalign (alignment, size);
  return *memory ? 0 : ENOMEM;
}

enum { SIZE = 16, VIEWS = 96, CLASSES = 5, FIRST_COUNTED = 2, STEPS = 5 };

/* Noise; two views a sample, every seventh sample without a label. */
static void
fill (SupconBatch *batch, guint step)
{
  SupconRng rng;

  supcon_rng_init (&rng, 5, step, 0, 0);
  supcon_batch_reset (batch);
  for (guint i = 0; i < VIEWS; i++) {
    append_noise (batch, &rng, i / 2 % 7 ? (gint32)(i / 2 % CLASSES) : SUPCON_UNLABELLED, i / 2);
    batch->values[i] = i;
  }
}

static SupconModel *
model_new (void)
{
  SupconModelConfig config;
  SupconModel *model;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
  config.input_width = config.input_height = SIZE;
  model = supcon_model_new (&config, 0, NULL);
  supcon_model_set_threads (model, 3);
  supcon_model_set_n_classes (model, CLASSES);
  return model;
}

/* Steps of a new model in both precisions; the allocations of all but the first. */
static void
expect_none (const SupconTrainerConfig *config, const char *what)
{
  static const SupconPrecision precisions[] = { SUPCON_PRECISION_FLOAT32, SUPCON_PRECISION_BFLOAT16 };

  for (guint p = 0; p < G_N_ELEMENTS (precisions); p++) {
    SupconModel *model = model_new ();
    SupconBatch *batch = supcon_batch_new (VIEWS, SIZE, SIZE);
    SupconTrainer *trainer;

    supcon_model_set_precision (model, precisions[p]);
    if (config->stage == SUPCON_STAGE_REGRESSION)
      supcon_model_set_n_classes (model, 1);
    trainer = supcon_trainer_new (model, config, 0);
    for (guint step = 1; step <= STEPS; step++) {
      SupconTrainStats stats;
      gboolean good;
      guint made;

      fill (batch, step);
      made = __atomic_load_n (&allocations, __ATOMIC_RELAXED);
      good = supcon_trainer_step (trainer, batch, &stats, NULL);
      made = __atomic_load_n (&allocations, __ATOMIC_RELAXED) - made; /* assertions allocate */
      ck_assert (good);
      ck_assert_msg (step < FIRST_COUNTED || made == 0, "%s, precision %d, step %u: %u allocations", what,
          precisions[p], step, made);
    }
    supcon_trainer_free (trainer);
    supcon_batch_free (batch);
    supcon_model_free (model);
  }
}

static SupconTrainerConfig
config_of (SupconStage stage)
{
  return (SupconTrainerConfig){ .stage = stage,
    .loss = { .temperature = 0.2 },
    .optimizer = { .momentum = 0.9 },
    .schedule = { .learning_rate = 0.01 } };
}

/* The counters count: of GLib, of C and of aligned memory. */
START_TEST (test_counting)
{
  guint made = allocations;
  void *memory[] = { g_malloc (10), g_new0 (int, 7), malloc (3), g_aligned_alloc (5, 8, 64), g_realloc (NULL, 3) };

  made = allocations - made;
  ck_assert_uint_eq (made, G_N_ELEMENTS (memory));
  for (guint i = 0; i < G_N_ELEMENTS (memory); i++)
    free (memory[i]);
}
END_TEST

START_TEST (test_losses)
{
  static const SupconLossKind kinds[]
      = { SUPCON_LOSS_OUT, SUPCON_LOSS_IN, SUPCON_LOSS_SELF, SUPCON_LOSS_SINCERE, SUPCON_LOSS_GENERAL };

  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);

    config.loss.kind = kinds[k];
    expect_none (&config, "contrastive");
  }
}
END_TEST

START_TEST (test_stages)
{
  static const SupconStage stages[] = { SUPCON_STAGE_LINEAR, SUPCON_STAGE_CROSS_ENTROPY, SUPCON_STAGE_FINETUNE };
  SupconTrainerConfig regression = config_of (SUPCON_STAGE_REGRESSION);

  for (guint s = 0; s < G_N_ELEMENTS (stages); s++) {
    SupconTrainerConfig config = config_of (stages[s]);

    expect_none (&config, "stage");
    config.dropout = 0.2;
    config.label_smoothing = 0.1;
    config.mix = (SupconMix){ .mixup = 0.4, .cutmix = 1 };
    expect_none (&config, "stage with mixup and cutmix");
  }
  expect_none (&regression, "regression");
}
END_TEST

START_TEST (test_options)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);

  config.micro_batch = 20;
  expect_none (&config, "micro-batches");
  config.micro_batch = 0;
  config.queue_size = VIEWS / 2;
  expect_none (&config, "queue");
  config.momentum_encoder = TRUE;
  config.online_linear = TRUE;
  config.report_interval = 1;
  config.clip_norm = 1e-3;
  expect_none (&config, "queue of a momentum encoder, probe, signals, clipping");
  config = config_of (SUPCON_STAGE_CONTRASTIVE);
  config.mix.mixup = 0.4;
  config.loss.kind = SUPCON_LOSS_GENERAL;
  expect_none (&config, "mixup");
  config.teacher = supcon_teacher_new (model_new (), 1, (const guint[]){ 0, 1, 2, 3, 4 });
  expect_none (&config, "mixup, taught");
  supcon_teacher_free (config.teacher);
  config = config_of (SUPCON_STAGE_CONTRASTIVE);
  config.optimizer.kind = SUPCON_OPTIMIZER_ADAM;
  expect_none (&config, "adam");
  config.optimizer.kind = SUPCON_OPTIMIZER_LARS;
  expect_none (&config, "lars");
}
END_TEST

SUPCON_CHECK_MAIN ("allocations", test_counting, test_losses, test_stages, test_options)
