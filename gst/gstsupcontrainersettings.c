/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontrainersettings.h"

#include <gst/gst.h>

#include "gstsupconenums.h"
#include "parallel.h"

static GstSupconSettingsClass *settings_class;
/* Ids of what a checkpoint must agree with when the user says it. */
static guint id_encoder, id_stem, id_width, id_projection, id_projection_dim,
    id_projection_hidden;

/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (GType, gst_supcon_trainer_stage_get_type, "GstSupconTrainerStage",
    {SUPCON_STAGE_CONTRASTIVE, "Encoder and projection head, by a contrastive loss", "contrastive"},
    {SUPCON_STAGE_LINEAR, "Linear classifier on the frozen encoder, by cross-entropy", "linear"},
    {SUPCON_STAGE_CROSS_ENTROPY, "Encoder and classifier together, by cross-entropy", "cross-entropy"},
    {SUPCON_STAGE_FINETUNE, "Encoder that was trained before and classifier, by cross-entropy", "finetune"},
    {SUPCON_STAGE_REGRESSION, "Linear output on the frozen encoder, by squared error; labels are numbers", "regression"})
GST_SUPCON_DEFINE_ENUM (static GType, loss_get_type, "GstSupconTrainerLoss",
    {SUPCON_LOSS_OUT, "Supervised, mean over positives outside the logarithm (eq. 2)", "supcon-out"},
    {SUPCON_LOSS_IN, "Supervised, mean inside the logarithm (eq. 3)", "supcon-in"},
    {SUPCON_LOSS_SELF, "Self-supervised, labels are not used (eq. 1)", "simclr"},
    {SUPCON_LOSS_SINCERE, "supcon-out without other positives in the denominator (Feeney and Hughes 2023)", "sincere"},
    {SUPCON_LOSS_GENERAL, "Positives as much as their labels are alike (Kim et al. 2022)", "generalized"})
GST_SUPCON_DEFINE_ENUM (static GType, optimizer_get_type, "GstSupconTrainerOptimizer",
    {SUPCON_OPTIMIZER_SGD, "Stochastic gradient descent with momentum", "sgd"},
    {SUPCON_OPTIMIZER_LARS, "Layer-wise adaptive rates, for large batches (You et al. 2017)", "lars"},
    {SUPCON_OPTIMIZER_ADAM, "Adam (Kingma and Ba 2015)", "adam"},
    {SUPCON_OPTIMIZER_ADAMW, "Adam with weight decay beside the gradient (Loshchilov and Hutter 2019)", "adamw"},
    {SUPCON_OPTIMIZER_RMSPROP, "RMSProp, as PyTorch defines it", "rmsprop"})
GST_SUPCON_DEFINE_ENUM (static GType, schedule_get_type, "GstSupconTrainerSchedule",
    {SUPCON_SCHEDULE_CONSTANT, "Constant", "constant"},
    {SUPCON_SCHEDULE_STEP, "A tenth at 60, 80 and 90 % of the steps", "step"},
    {SUPCON_SCHEDULE_COSINE, "Half a cosine down to 0", "cosine"})
GST_SUPCON_DEFINE_ENUM (static GType, leaky_get_type, "GstSupconTrainerLeaky",
    {GST_SUPCON_TRAINER_LEAKY_NO, "Upstream waits", "no"},
    {GST_SUPCON_TRAINER_LEAKY_UPSTREAM, "New frames are dropped", "upstream"},
    {GST_SUPCON_TRAINER_LEAKY_DOWNSTREAM, "The batch that waits is dropped", "downstream"})
/* *INDENT-ON* */

#define ADD(field, spec) \
  gst_supcon_settings_install (settings_class, \
      G_STRUCT_OFFSET (GstSupconTrainerSettings, field), spec)

static void
install_model_properties (GParamFlags flags)
{
  id_encoder = ADD (encoder,
      g_param_spec_enum ("encoder", "Encoder",
          "Architecture: torchvision's ResNets, or those for small pictures of "
          "He et al. 2015, section 4.2, which train fastest",
          GST_TYPE_SUPCON_ENCODER_NAME, GST_SUPCON_ENCODER_NAME_RESNET20,
          flags));
  id_stem = ADD (model.stem,
      g_param_spec_enum ("stem", "Stem",
          "First layers of resnet18 and larger: imagenet halves the picture "
          "twice, small keeps its size", GST_TYPE_SUPCON_STEM,
          SUPCON_STEM_SMALL, flags));
  id_width = ADD (model.width,
      g_param_spec_double ("width", "Width", "Factor of all channels", 0.01,
          8.0, 1.0, flags));
  ADD (model.zero_init_residual,
      g_param_spec_boolean ("zero-init-residual", "Zero-init residual",
          "Start the last gamma of each block at zero, as in torchvision",
          FALSE, flags));
  id_projection = ADD (model.projection,
      g_param_spec_enum ("projection", "Projection",
          "Projection head (paper, section 3.1)", GST_TYPE_SUPCON_PROJECTION,
          SUPCON_PROJECTION_MLP, flags));
  id_projection_dim = ADD (model.projection_dim,
      g_param_spec_uint ("projection-dim", "Projection dimension",
          "Length of z; 128 is the paper's", 1, SUPCON_MODEL_MAX_PROJECTION,
          128, flags));
  id_projection_hidden = ADD (model.projection_hidden,
      g_param_spec_uint ("projection-hidden", "Projection hidden units",
          "Hidden units of projection=mlp; 0 = as many as the embedding has "
          "numbers", 0, SUPCON_MODEL_MAX_PROJECTION, 0, flags));
}

/* What is trained, and by what loss. */
static void
install_stage_properties (GParamFlags flags)
{
  ADD (job.config.stage,
      g_param_spec_enum ("stage", "Stage", "What is trained",
          GST_TYPE_SUPCON_TRAINER_STAGE, SUPCON_STAGE_CONTRASTIVE, flags));
  ADD (job.config.loss.kind,
      g_param_spec_enum ("loss", "Loss",
          "Loss of the contrastive stage; supcon-out is the paper's better one",
          loss_get_type (), SUPCON_LOSS_OUT, flags));
  ADD (job.config.loss.temperature,
      g_param_spec_double ("temperature", "Temperature",
          "Divides similarities in the contrastive loss; 0.1 is the paper's",
          0.0, 100.0, 0.1, flags));
  ADD (job.config.loss.base_temperature,
      g_param_spec_double ("base-temperature", "Base temperature",
          "Loss and gradient are multiplied by temperature / base-temperature, "
          "as in the authors' code; 0 = equal to temperature, so by 1", 0.0,
          100.0, 0.0, flags));
  ADD (job.config.online_linear,
      g_param_spec_boolean ("online-linear", "Online linear",
          "Train a linear classifier beside stage contrastive, which does not "
          "change what the encoder learns; its accuracy is in supcon-train",
          FALSE, flags));
  ADD (job.config.dropout,
      g_param_spec_double ("dropout", "Dropout",
          "Share of the embedding that is dropped before the classifier in "
          "stages cross-entropy and finetune", 0.0, 0.99, 0.0, flags));
  ADD (job.config.freeze,
      g_param_spec_string ("freeze", "Freeze",
          "Layer of the encoder, for example layer2, up to and with which "
          "weights do not learn in stage finetune", NULL, flags));
}

/* What a gradient does. */
static void
install_optimizer_properties (GParamFlags flags)
{
  ADD (learning_rate,
      g_param_spec_double ("learning-rate", "Learning rate",
          "Learning rate after the warm-up; 0 = one that fits batch-size", 0.0,
          1000.0, 0.0, flags));
  ADD (scale_learning_rate,
      g_param_spec_boolean ("scale-learning-rate", "Scale learning rate",
          "Take learning-rate as that of 256 views and multiply it by "
          "batch-size / 256; the number used is printed", FALSE, flags));
  ADD (job.config.encoder_learning_rate,
      g_param_spec_double ("encoder-learning-rate", "Encoder learning rate",
          "The encoder's own rate in stage finetune; 0 = learning-rate", 0.0,
          1000.0, 0.0, flags));
  ADD (job.config.optimizer.kind,
      g_param_spec_enum ("optimizer", "Optimizer",
          "What turns gradients into steps; sgd is what the defaults were "
          "found with", optimizer_get_type (), SUPCON_OPTIMIZER_SGD, flags));
  ADD (job.config.optimizer.momentum,
      g_param_spec_double ("momentum", "Momentum",
          "Momentum; of adam and adamw the decay of the mean gradient (beta1)",
          0.0, 0.9999,
          0.9, flags));
  ADD (job.config.optimizer.smoothing,
      g_param_spec_double ("smoothing", "Smoothing",
          "Decay of the mean squared gradient: beta2 of adam and adamw, alpha of "
          "rmsprop; 0 = PyTorch's 0.999 and 0.99", 0.0, 0.999999, 0.0, flags));
  ADD (job.config.optimizer.epsilon,
      g_param_spec_double ("epsilon", "Epsilon",
          "Added to the root of the mean squared gradient by adam, adamw and "
          "rmsprop; 0 = 1e-8", 0.0, 1.0, 0.0, flags));
  ADD (job.config.optimizer.trust,
      g_param_spec_double ("trust", "Trust",
          "Coefficient of the layer-wise rates of lars; 0 = the paper's 0.001",
          0.0, 1.0, 0.0, flags));
  ADD (job.config.optimizer.nesterov,
      g_param_spec_boolean ("nesterov", "Nesterov", "Nesterov's momentum",
          FALSE, flags));
  ADD (job.config.optimizer.weight_decay,
      g_param_spec_double ("weight-decay", "Weight decay",
          "Multiple of the weights that is added to the gradient, or with adamw "
          "taken off them beside it; 1e-4 is that of the authors' code", 0.0,
          1.0, 1e-4, flags));
  ADD (job.config.decay_all,
      g_param_spec_boolean ("decay-all", "Decay all",
          "Weight decay on biases and normalisation parameters too", FALSE,
          flags));
  ADD (job.config.clip_norm,
      g_param_spec_double ("clip-norm", "Clip norm",
          "Longest gradient of all weights together, longer ones are shortened "
          "to it; 0 = any", 0.0, G_MAXDOUBLE, 0.0, flags));
  ADD (job.config.average_decay,
      g_param_spec_double ("average-decay", "Average decay",
          "Decay of a running average of the weights, for example 0.999, which "
          "is then what location holds; 0 = the weights themselves", 0.0,
          0.999999, 0.0, flags));
}

/* For how long, and at which rate. */
static void
install_schedule_properties (GParamFlags flags)
{
  ADD (job.config.schedule.kind,
      g_param_spec_enum ("schedule", "Schedule",
          "Course of the learning rate; constant where the number of steps is "
          "not known", schedule_get_type (), SUPCON_SCHEDULE_COSINE, flags));
  ADD (warmup_steps,
      g_param_spec_int ("warmup-steps", "Warm-up steps",
          "Steps in which the learning rate rises from zero; -1 = a tenth of "
          "the training, 20 to 100, and none on a trained encoder", -1,
          G_MAXINT, -1, flags));
  ADD (warmup_epochs,
      g_param_spec_double ("warmup-epochs", "Warm-up epochs",
          "Epochs of supcondatasetsrc in which the learning rate rises from "
          "zero; 0 = warmup-steps", 0.0, 1e6, 0.0, flags));
  ADD (total_steps,
      g_param_spec_uint64 ("total-steps", "Total steps",
          "Steps after which training ends, those before resume included; 0 = "
          "until the stream ends, whose length upstream is asked for", 0,
          G_MAXUINT64, 0, flags));
}

/* What a frame is to be, beside its label. */
static void
install_target_properties (GParamFlags flags)
{
  ADD (job.config.mix.mixup,
      g_param_spec_double ("mixup", "Mixup",
          "Mix pictures and labels in pairs, shares from Beta(mixup, mixup): "
          "with loss=generalized and stages of cross-entropy; 0 = none", 0.0,
          100.0, 0.0, flags));
  ADD (job.config.mix.cutmix,
      g_param_spec_double ("cutmix", "CutMix",
          "Exchange boxes of pictures in pairs, areas from Beta(cutmix, "
          "cutmix), as mixup; with both, one of them for each pair", 0.0,
          100.0, 0.0, flags));
  ADD (job.config.label_smoothing,
      g_param_spec_double ("label-smoothing", "Label smoothing",
          "Share of a label that is spread over all classes: with "
          "loss=generalized and stages of cross-entropy", 0.0, 0.99, 0.0,
          flags));
  ADD (job.config.teacher_weight,
      g_param_spec_double ("teacher-weight", "Teacher's weight",
          "Share that the probabilities of teacher-location have in what a "
          "frame with a label is to be; of one without they are all", 0.0, 1.0,
          0.5, flags));
}

/* What a step is computed of, and by. */
static void
install_batch_properties (GParamFlags flags)
{
  ADD (job.batch_size,
      g_param_spec_uint ("batch-size", "Batch size",
          "Views in a batch; larger ones have more positives and negatives", 2,
          1 << 20, 256, flags));
  ADD (job.drop_last,
      g_param_spec_boolean ("drop-last", "Drop last",
          "Leave out an incomplete batch at the end of the stream", TRUE,
          flags));
  ADD (job.config.micro_batch,
      g_param_spec_uint ("micro-batch", "Micro-batch",
          "Views encoded at once: memory grows with it in place of batch-size, "
          "which it divides, and time by a third; 0 = the whole batch", 0,
          1 << 20, 0, flags));
  ADD (job.config.queue_size,
      g_param_spec_uint ("queue-size", "Queue size",
          "Past embeddings that are contrasts in stage contrastive too, at "
          "least a batch; 0 = none", 0, 1 << 24, 0, flags));
  ADD (job.config.momentum_encoder,
      g_param_spec_boolean ("momentum-encoder", "Momentum encoder",
          "Fill the queue by the running average of the weights (average-decay, "
          "0.999 when that is 0)", FALSE, flags));
  ADD (seed,
      g_param_spec_uint64 ("seed", "Seed",
          "Seed of the first weights, of mixing and of dropout", 0,
          G_MAXUINT64, 0, flags));
  ADD (threads,
      g_param_spec_uint ("threads", "Threads",
          "Threads to compute with, the result does not depend on it; 0 = one "
          "for each processor that the process may use", 0,
          SUPCON_MAX_THREADS, 0, flags));
  ADD (precision,
      g_param_spec_enum ("precision", "Precision",
          "Numbers that the encoder computes with; float32, since the result "
          "then depends least on the processor", GST_TYPE_SUPCON_PRECISION,
          SUPCON_PRECISION_FLOAT32, flags));
}

static void
install_run_properties (GParamFlags flags)
{
  ADD (location,
      g_param_spec_string ("location", "Location",
          "Checkpoint to write (safetensors)", NULL, flags));
  ADD (init_location,
      g_param_spec_string ("init-location", "Initial location",
          "Checkpoint to take the first weights from; stages linear, finetune "
          "and regression read location when this is not set", NULL, flags));
  ADD (teacher_location,
      g_param_spec_string ("teacher-location", "Teacher's location",
          "Checkpoint of a trained classifier whose probabilities are learnt "
          "from beside the labels, and in place of those that are missing: "
          "with loss=generalized and stages of cross-entropy", NULL, flags));
  ADD (resume,
      g_param_spec_boolean ("resume", "Resume",
          "Go on from the checkpoint at location when there is one, at the "
          "frame that comes after those it was trained on", FALSE,
          flags));
  ADD (job.share_name,
      g_param_spec_string ("model", "Model",
          "Name under which the model is shared with the elements of this "
          "process that have the same model, as it learns", NULL, flags));
  ADD (job.update_interval,
      g_param_spec_uint ("update-interval", "Update interval",
          "Steps between the copies that are shared; each costs about what "
          "reading the weights once does", 1, G_MAXUINT, 10, flags));
  ADD (job.leaky,
      g_param_spec_enum ("leaky", "Leaky",
          "What gives way when frames come faster than they can be trained on",
          leaky_get_type (), GST_SUPCON_TRAINER_LEAKY_NO, flags));
  ADD (job.checkpoint_interval,
      g_param_spec_uint64 ("checkpoint-interval", "Checkpoint interval",
          "Steps between checkpoints; 0 = at the end alone", 0, G_MAXUINT64, 0,
          flags));
  ADD (job.checkpoint_keep,
      g_param_spec_uint ("checkpoint-keep", "Checkpoint keep",
          "How many of the checkpoints of checkpoint-interval are kept under "
          "names with their step; 0 = the newest alone, at location", 0,
          G_MAXUINT, 0, flags));
  ADD (job.validate_interval,
      g_param_spec_uint64 ("validate-interval", "Validate interval",
          "Steps between validations on the frames of the pad validation; 0 = "
          "at the end alone", 0, G_MAXUINT64, 0, flags));
  ADD (job.patience,
      g_param_spec_uint ("patience", "Patience",
          "Validations in a row without a better accuracy after which training "
          "ends (early stopping); 0 = it goes on", 0, G_MAXUINT, 0, flags));
  ADD (job.best_location,
      g_param_spec_string ("best-location", "Best location",
          "Checkpoint of the best validation so far", NULL, flags));
  ADD (job.metrics_location,
      g_param_spec_string ("metrics-location", "Metrics location",
          "File of JSON lines to write: the first holds version and "
          "properties, each other one what a supcon-train or "
          "supcon-validation message says; resume=true adds to it", NULL,
          flags));
  ADD (job.config.report_interval,
      g_param_spec_uint ("message-interval", "Message interval",
          "Steps between supcon-train messages; the last step has one too "
          "where the stream's length is known", 1, G_MAXUINT,
          10, flags));
  ADD (job.progress,
      g_param_spec_boolean ("progress", "Progress",
          "Print step, loss, speed and time left: one line, redrawn, on a "
          "terminal, a line every few seconds elsewhere", FALSE, flags));
}

void
gst_supcon_trainer_settings_install (GObjectClass * klass, guint first_id,
    gsize fields)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;

  settings_class = gst_supcon_settings_class_new (klass, first_id, fields);
  install_run_properties (ready);
  install_model_properties (ready);
  install_stage_properties (ready);
  install_optimizer_properties (ready);
  install_schedule_properties (ready);
  install_target_properties (ready);
  install_batch_properties (ready);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_TRAINER_STAGE, 0);
  gst_type_mark_as_plugin_api (loss_get_type (), 0);
  gst_type_mark_as_plugin_api (optimizer_get_type (), 0);
  gst_type_mark_as_plugin_api (schedule_get_type (), 0);
  gst_type_mark_as_plugin_api (leaky_get_type (), 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_PROJECTION, 0);
}

void
gst_supcon_trainer_settings_init (GstSupconTrainerSettings * self)
{
  supcon_model_config_init (&self->model);
  gst_supcon_settings_init (settings_class, self);
}

GstSupconTrainerSettings
gst_supcon_trainer_settings_copy (const GstSupconTrainerSettings * self)
{
  GstSupconTrainerSettings copy = *self;

  gst_supcon_settings_own_strings (settings_class, &copy);
  return copy;
}

void
gst_supcon_trainer_settings_clear (GstSupconTrainerSettings * self)
{
  gst_supcon_settings_clear (settings_class, self);
}

void
gst_supcon_trainer_settings_note (GstSupconTrainerSettings * self, guint id)
{
  self->encoder_set |= id == id_encoder;
  self->stem_set |= id == id_stem;
  self->width_set |= id == id_width;
  self->projection_set |= id == id_projection;
  self->projection_dim_set |= id == id_projection_dim;
  self->projection_hidden_set |= id == id_projection_hidden;
}

