/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What settings cannot mean is said before there is a frame. Names are those of supcontrainer's properties. */
#include <math.h>

#include "error.h"
#include "train/trainer_private.h"

const char *
supcon_stage_name (SupconStage stage)
{
  static const char *const names[] = { "contrastive", "linear", "cross-entropy", "finetune", "regression" };

  return names[stage];
}

gboolean
supcon_stage_needs_encoder (SupconStage stage)
{
  return stage != SUPCON_STAGE_CONTRASTIVE && stage != SUPCON_STAGE_CROSS_ENTROPY;
}

gboolean
supcon_trainer_has_classes (const SupconTrainerConfig *config)
{
  return config->stage == SUPCON_STAGE_CONTRASTIVE ? config->online_linear : config->stage != SUPCON_STAGE_REGRESSION;
}

static gboolean fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
fail (GError **error, const char *format, ...)
{
  va_list args;
  char *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS, text);
  g_free (text);
  return FALSE;
}

/* A setting that only some stages know. */
static gboolean
check_stage (const SupconTrainerConfig *config, gboolean set, const char *name, SupconStage one, SupconStage other,
    GError **error)
{
  if (!set || config->stage == one || config->stage == other)
    return TRUE;
  return fail (error, "%s is set, but stage is %s; expected %s%s%s", name, supcon_stage_name (config->stage),
      supcon_stage_name (one), one != other ? " or " : "", one != other ? supcon_stage_name (other) : "");
}

static gboolean
check_stages (const SupconTrainerConfig *config, GError **error)
{
  const SupconStage contrastive = SUPCON_STAGE_CONTRASTIVE, finetune = SUPCON_STAGE_FINETUNE;

  return check_stage (config, config->queue_size > 0, "queue-size", contrastive, contrastive, error)
         && check_stage (config, config->online_linear, "online-linear", contrastive, contrastive, error)
         && check_stage (config, config->dropout > 0, "dropout", SUPCON_STAGE_CROSS_ENTROPY, finetune, error)
         && check_stage (config, config->encoder_learning_rate > 0, "encoder-learning-rate", finetune, finetune, error)
         && check_stage (config, config->freeze != NULL, "freeze", finetune, finetune, error);
}

static gboolean
check_targets (const SupconTrainerConfig *config, GError **error)
{
  const char *name = config->mix.mixup > 0 ? "mixup" : config->mix.cutmix > 0 ? "cutmix" : "label-smoothing";
  gboolean soft = config->mix.mixup > 0 || config->mix.cutmix > 0 || config->label_smoothing > 0;

  if (!soft)
    return TRUE;
  if (config->stage == SUPCON_STAGE_REGRESSION
      || (config->stage == SUPCON_STAGE_CONTRASTIVE && config->loss.kind != SUPCON_LOSS_GENERAL))
    return fail (error,
        "%s is set, which makes labels of several classes; expected loss=generalized in stage contrastive, or a stage "
        "of cross-entropy",
        name);
  if (config->queue_size)
    return fail (error, "%s is set, but a queue (queue-size=%u) holds one label each; expected one of them", name,
        config->queue_size);
  return TRUE;
}

static gboolean
check_queue (const SupconTrainerConfig *config, guint batch_size, GError **error)
{
  if (config->queue_size && config->queue_size < batch_size)
    return fail (error, "queue-size is %u, smaller than batch-size, %u; expected at least a batch, or 0 for no queue",
        config->queue_size, batch_size);
  if (config->momentum_encoder && !config->queue_size)
    return fail (error, "momentum-encoder is set, but queue-size is 0; expected a queue for it to fill");
  return TRUE;
}

static gboolean
check_freeze (const SupconTrainerConfig *config, SupconModel *model, GError **error)
{
  if (!config->freeze || !model || supcon_trainer_count_frozen (model, config->freeze) > 0)
    return TRUE;
  return fail (error, "freeze is \"%s\", which is no layer of %s; expected for example bn1, layer1 or layer2.0",
      config->freeze, supcon_model_config (model)->encoder);
}

gboolean
supcon_trainer_check (const SupconTrainerConfig *config, guint batch_size, SupconModel *model, GError **error)
{
  if (!(config->loss.temperature > 0 && isfinite (config->loss.temperature)))
    return fail (error, "temperature is %g; expected more than 0 (the paper's is 0.1)", config->loss.temperature);
  if (config->micro_batch && (config->micro_batch > batch_size || batch_size % config->micro_batch))
    return fail (error,
        "micro-batch is %u, which does not divide batch-size, %u; expected a divisor, or 0 for one piece",
        config->micro_batch, batch_size);
  if (config->optimizer.nesterov && config->optimizer.kind != SUPCON_OPTIMIZER_SGD)
    return fail (
        error, "nesterov is set, but optimizer is %s; expected sgd", supcon_optimizer_name (config->optimizer.kind));
  return check_stages (config, error) && check_targets (config, error) && check_queue (config, batch_size, error)
         && check_freeze (config, model, error);
}
