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

gboolean
supcon_trainer_learns_unlabelled (const SupconTrainerConfig *config)
{
  return config->stage == SUPCON_STAGE_CONTRASTIVE || config->teacher;
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
  const char *name = config->mix.mixup > 0         ? "mixup"
                     : config->mix.cutmix > 0      ? "cutmix"
                     : config->label_smoothing > 0 ? "label-smoothing"
                     : config->teacher             ? "teacher-location"
                                                   : NULL;

  if (!name)
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

/* bytes: a double, since sums of what settings may ask for do not fit a gsize. */
static gboolean
is_available (double bytes)
{
  void *memory = bytes < (double)(G_MAXSIZE / 2) ? g_try_malloc ((gsize)bytes) : NULL;

  g_free (memory);
  return memory != NULL;
}

gboolean
supcon_trainer_check_weights (const SupconModelConfig *config, GError **error)
{
  double count = supcon_model_count_weights (config, error), bytes = 3 * count * sizeof (SupconReal);

  if (count < 0)
    return FALSE;
  if (is_available (bytes))
    return TRUE;
  return fail (error,
      "%s of width %g with its projection head has about %.3g weights, which take %.0f bytes to train, more than there "
      "is memory; expected a smaller width or head",
      config->encoder, config->width, count, bytes);
}

gboolean
supcon_trainer_check_memory (
    const SupconTrainerConfig *config, guint batch_size, const SupconModel *model, GError **error)
{
  const SupconModelConfig *size = supcon_model_config (model);
  gboolean frozen = config->stage == SUPCON_STAGE_LINEAR || config->stage == SUPCON_STAGE_REGRESSION;
  guint dim = supcon_model_projection_dim (model), piece = config->micro_batch ? config->micro_batch : batch_size;
  double pictures = 2.0 * batch_size * size->input_width * size->input_height * 3;
  double activations = frozen ? 0 : (double)piece * supcon_model_activation_size (model);
  /* The queue, and the views that the loss sees. */
  double queue = 2.0 * config->queue_size * (dim * sizeof (SupconReal) + sizeof (gint32) + sizeof (guint64));

  if (!is_available (pictures))
    return fail (error,
        "batch-size is %u: two batches of pictures of %ux%u take %.0f bytes, more than there is memory; expected a "
        "smaller one",
        batch_size, size->input_width, size->input_height, pictures);
  if (!is_available (pictures + activations))
    return fail (error,
        "%s is %u: to encode so many pictures of %ux%u at once takes %.0f bytes, more than there is memory; expected "
        "%s",
        config->micro_batch ? "micro-batch" : "batch-size", piece, size->input_width, size->input_height, activations,
        config->micro_batch ? "a smaller one, or smaller frames" : "a smaller one, micro-batch, or smaller frames");
  if (!is_available (pictures + activations + queue))
    return fail (error,
        "queue-size is %u: so many embeddings of %u numbers take %.0f bytes, more than there is memory beside what "
        "encodes pictures of %ux%u; expected a smaller one",
        config->queue_size, dim, queue, size->input_width, size->input_height);
  return TRUE;
}

gboolean
supcon_trainer_check (const SupconTrainerConfig *config, guint batch_size, SupconModel *model, GError **error)
{
  if (!(config->loss.temperature > 0 && isfinite (config->loss.temperature)))
    return fail (error, "temperature is %g; expected more than 0 (the paper's is 0.1)", config->loss.temperature);
  if (config->micro_batch && batch_size % config->micro_batch)
    return fail (error,
        "micro-batch is %u, which does not divide batch-size, %u; expected a divisor, or 0 for one piece",
        config->micro_batch, batch_size);
  if (config->optimizer.nesterov && config->optimizer.kind != SUPCON_OPTIMIZER_SGD)
    return fail (
        error, "nesterov is set, but optimizer is %s; expected sgd", supcon_optimizer_name (config->optimizer.kind));
  return check_stages (config, error) && check_targets (config, error) && check_queue (config, batch_size, error)
         && check_freeze (config, model, error);
}
