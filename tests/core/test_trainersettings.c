/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a training is refused for before its first step. */
#include <sys/resource.h>

#include "error.h"
#include "training.h"

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
  REFUSED ("temperature is inf; expected more than 0", bad.loss.temperature = INFINITY);
  REFUSED ("queue-size is 63, smaller than batch-size, 64", bad.queue_size = 63);
  REFUSED ("micro-batch is 24, which does not divide batch-size, 64", bad.micro_batch = 24);
  REFUSED ("micro-batch is 128", bad.micro_batch = 128);
  REFUSED ("momentum-encoder is set, but queue-size is 0", bad.queue_size = 0, bad.momentum_encoder = TRUE);
  REFUSED ("mixup is set", bad.mix.mixup = 1);
  REFUSED ("mixup is set", bad.mix.mixup = 1, bad.stage = SUPCON_STAGE_REGRESSION, bad.queue_size = 0);
  REFUSED ("label-smoothing is set", bad.label_smoothing = 0.1);
  REFUSED ("cutmix is set, but a queue", bad.mix.cutmix = 1, bad.loss.kind = SUPCON_LOSS_GENERAL);
  bad = good;
  bad.teacher = supcon_teacher_new (model_new (), 1, (const guint[]){ 0, 1, 2 });
  check_refused (bad, "teacher-location is set, which makes labels of several classes; expected loss=generalized");
  bad.loss.kind = SUPCON_LOSS_GENERAL;
  check_refused (bad, "teacher-location is set, but a queue (queue-size=64)");
  supcon_teacher_free (bad.teacher);
  REFUSED ("nesterov is set, but optimizer is adam", bad.optimizer.nesterov = TRUE,
      bad.optimizer.kind = SUPCON_OPTIMIZER_ADAM);
  REFUSED ("dropout is set, but stage is contrastive", bad.dropout = 0.5);
  REFUSED ("queue-size is set, but stage is linear", bad.stage = SUPCON_STAGE_LINEAR);
  REFUSED ("online-linear is set, but stage is linear", bad.stage = SUPCON_STAGE_LINEAR, bad.queue_size = 0,
      bad.online_linear = TRUE);
  REFUSED ("encoder-learning-rate is set, but stage is contrastive", bad.encoder_learning_rate = 0.1);
  REFUSED ("freeze is set, but stage is contrastive", bad.freeze = "layer1");
  /* It is no layer of the encoder. */
  REFUSED ("freeze is \"projection.0\", which is no layer of resnet8", bad.stage = SUPCON_STAGE_FINETUNE,
      bad.queue_size = 0, bad.freeze = "projection.0");
  REFUSED ("freeze is \"layer\", which is no layer of resnet8", bad.stage = SUPCON_STAGE_FINETUNE, bad.queue_size = 0,
      bad.freeze = "layer");
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

/* What docs/learning-rates.md says of each stage: a full rate from 128 views on, of smaller batches the root of their
 * part. */
START_TEST (test_default_rates)
{
  static const struct {
    SupconStage stage;
    SupconOptimizerKind optimizer;
    guint batch;
    double rate;
  } cases[] = { { SUPCON_STAGE_CONTRASTIVE, SUPCON_OPTIMIZER_SGD, 4096, 0.2 },
    { SUPCON_STAGE_CONTRASTIVE, SUPCON_OPTIMIZER_SGD, 128, 0.2 },
    { SUPCON_STAGE_CROSS_ENTROPY, SUPCON_OPTIMIZER_SGD, 32, 0.1 },
    { SUPCON_STAGE_FINETUNE, SUPCON_OPTIMIZER_SGD, 32, 0.1 / 3 },
    { SUPCON_STAGE_REGRESSION, SUPCON_OPTIMIZER_SGD, 512, 0.02 },
    { SUPCON_STAGE_LINEAR, SUPCON_OPTIMIZER_SGD, 64, 0.5 }, { SUPCON_STAGE_LINEAR, SUPCON_OPTIMIZER_ADAM, 64, 0.004 },
    { SUPCON_STAGE_FINETUNE, SUPCON_OPTIMIZER_ADAMW, 64, 0.004 },
    { SUPCON_STAGE_CONTRASTIVE, SUPCON_OPTIMIZER_RMSPROP, 512, 0.001 },
    { SUPCON_STAGE_CONTRASTIVE, SUPCON_OPTIMIZER_LARS, 512, 4.8 },
    { SUPCON_STAGE_LINEAR, SUPCON_OPTIMIZER_LARS, 64, 4.8 },
    { SUPCON_STAGE_FINETUNE, SUPCON_OPTIMIZER_LARS, 64, 1.6 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    ck_assert_double_eq_tol (supcon_trainer_default_learning_rate (cases[i].stage, cases[i].optimizer, cases[i].batch),
        cases[i].rate, 1e-12);
}
END_TEST

START_TEST (test_memory)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
  struct rlimit limit = { ADDRESS_SPACE, RLIM_INFINITY };
  SupconModel *model = model_new ();
  gboolean limited;
  void *beyond;

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
  /* qemu takes the limit and does not keep it. */
  beyond = g_try_malloc ((gsize)8 << 30);
  limited = !beyond;
  g_free (beyond);
  if (!limited)
    return;

  config = config_of (SUPCON_STAGE_CONTRASTIVE);
  check_too_large (config, 1 << 23, "batch-size is 8388608: two batches of pictures of 12x12 take 7247757312 bytes");
  check_too_large (config, 1 << 20, "batch-size is 1048576: to encode so many");
  check_too_large (config, 1 << 20, "micro-batch, or smaller frames");
  config.micro_batch = 1 << 19;
  check_too_large (config, 1 << 20, "micro-batch is 524288: to encode so many");
  config.micro_batch = 64;
  config.queue_size = 1 << 28;
  check_too_large (config, 1 << 20, "queue-size is 268435456: so many embeddings of 5 numbers");
}
END_TEST

SUPCON_CHECK_MAIN ("trainersettings", test_settings, test_default_rates, test_memory)
