/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supcontrainer
 * @title: supcontrainer
 * @short_description: Trains an encoder on the labelled frames that reach it
 *
 * Collects frames with the meta `supcon-sample` into batches and trains on them, on a thread of its own, while the next
 * batch is collected. With stage=contrastive an encoder and a projection head learn by the supervised contrastive loss
 * (Khosla et al. 2020, arXiv 2004.11362); with stage=linear a classifier learns on the embeddings of that encoder, which
 * no longer changes. The result is written to #GstSupconTrainer:location, at the end of the stream, every
 * #GstSupconTrainer:checkpoint-interval steps and when the element stops.
 *
 * The model's input size is that of the first frames. Labels are strings, found as they come; a frame without one has
 * its own other views as positives, and is passed over by stage=linear.
 *
 * A full pair of batches makes upstream wait; a live source may rather lose frames, see #GstSupconTrainer:leaky.
 *
 * Element messages: `supcon-train` { step, examples, dropped uint64, loss, learning-rate, gradient-norm,
 * examples-per-second, positives-per-anchor double; accuracy double in the linear stage } and `supcon-checkpoint` {
 * location string, step uint64 }. The end of the stream is posted when the last step is done and written.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 supcondatasetsrc location=/usr/share/datasets/fashion-mnist max-samples=512 shuffle=true ! supconaugment views=2 ! video/x-raw,format=GRAY8,width=28,height=28 ! queue ! supcontrainer encoder=resnet8 batch-size=128 location=model.safetensors progress=true
 * ]| Trains for eight steps on pictures of clothes (Debian's package dataset-fashion-mnist).
 */

#include "gstsupcontrainer.h"

#include <gst/video/video.h>
#include <string.h>

#include "error.h"
#include "gstsupconenums.h"
#include "gstsupconmeta.h"
#include "gstsupcontrainerworker.h"
#include "model/checkpoint.h"
#include "parallel.h"

GST_DEBUG_CATEGORY_STATIC (supcon_trainer_debug);
#define GST_CAT_DEFAULT supcon_trainer_debug

enum
{
  PROP_0,
  PROP_LOCATION,
  PROP_INIT_LOCATION,
  PROP_RESUME,
  PROP_STAGE,
  PROP_LOSS,
  PROP_TEMPERATURE,
  PROP_ENCODER,
  PROP_STEM,
  PROP_WIDTH,
  PROP_ZERO_INIT_RESIDUAL,
  PROP_PROJECTION,
  PROP_PROJECTION_DIM,
  PROP_PROJECTION_HIDDEN,
  PROP_BATCH_SIZE,
  PROP_DROP_LAST,
  PROP_LEARNING_RATE,
  PROP_MOMENTUM,
  PROP_NESTEROV,
  PROP_WEIGHT_DECAY,
  PROP_DECAY_ALL,
  PROP_SCHEDULE,
  PROP_WARMUP_STEPS,
  PROP_TOTAL_STEPS,
  PROP_SEED,
  PROP_THREADS,
  PROP_LEAKY,
  PROP_CHECKPOINT_INTERVAL,
  PROP_METRICS_LOCATION,
  PROP_MESSAGE_INTERVAL,
  PROP_PROGRESS,
  PROP_STEP,
  PROP_DROPPED,
  PROP_LAST_LOSS
};

#define DEFAULT_BATCH_SIZE 256
#define DEFAULT_TEMPERATURE 0.1
#define DEFAULT_MOMENTUM 0.9
#define DEFAULT_WEIGHT_DECAY 1e-4
#define DEFAULT_WARMUP_STEPS (-1)
#define DEFAULT_MESSAGE_INTERVAL 10

/* What warmup-steps=-1 means: a tenth of the training, not less than the first nor more than the second number, which is
 * also taken when the training's length is not known; and at most half of a short training. */
#define MIN_WARMUP_STEPS 20
#define MAX_WARMUP_STEPS 100

/* Samples of frames without a meta, out of the way of those that sources number. */
#define UNNUMBERED_SAMPLES (G_GUINT64_CONSTANT (1) << 63)

struct _GstSupconTrainer
{
  GstBaseSink parent;
  GstSupconTrainerWorker *worker;

  /* Properties, under the object lock. */
  gchar *location, *init_location, *metrics_location;
  gboolean resume;
  GstSupconTrainerJob job;
  SupconModelConfig model_config;
  gint encoder;
  gboolean encoder_set, stem_set, width_set;    /* by the user, so a checkpoint must agree */
  gdouble learning_rate;
  gint warmup_steps;
  guint64 total_steps, seed;
  guint threads;

  /* From start until the worker has taken them. */
  SupconModel *model;
  SupconLabels *labels;
  guint64 first_step, first_frame;      /* where resuming begins */

  GstVideoInfo info;
  guint width, height;          /* of the model's input; 0: not known yet */
  guint64 frames;
};

/* *INDENT-OFF* */
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8 }")));
/* *INDENT-ON* */

G_DEFINE_TYPE (GstSupconTrainer, gst_supcon_trainer, GST_TYPE_BASE_SINK);
GST_ELEMENT_REGISTER_DEFINE (supcontrainer, "supcontrainer", GST_RANK_NONE,
    GST_TYPE_SUPCON_TRAINER);

/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, stage_get_type, "GstSupconTrainerStage",
    {SUPCON_STAGE_CONTRASTIVE, "Encoder and projection head, by a contrastive loss", "contrastive"},
    {SUPCON_STAGE_LINEAR, "Linear classifier on the frozen encoder, by cross-entropy", "linear"})
GST_SUPCON_DEFINE_ENUM (static GType, loss_get_type, "GstSupconTrainerLoss",
    {SUPCON_LOSS_OUT, "Supervised, mean over positives outside the logarithm (eq. 2)", "supcon-out"},
    {SUPCON_LOSS_IN, "Supervised, mean inside the logarithm (eq. 3)", "supcon-in"},
    {SUPCON_LOSS_SELF, "Self-supervised, labels are not used (eq. 1)", "simclr"})
GST_SUPCON_DEFINE_ENUM (static GType, schedule_get_type, "GstSupconTrainerSchedule",
    {SUPCON_SCHEDULE_CONSTANT, "Constant", "constant"},
    {SUPCON_SCHEDULE_STEP, "A tenth at 60, 80 and 90 % of the steps", "step"},
    {SUPCON_SCHEDULE_COSINE, "Half a cosine down to 0", "cosine"})
GST_SUPCON_DEFINE_ENUM (static GType, leaky_get_type, "GstSupconTrainerLeaky",
    {GST_SUPCON_TRAINER_LEAKY_NO, "Upstream waits", "no"},
    {GST_SUPCON_TRAINER_LEAKY_UPSTREAM, "New frames are dropped", "upstream"},
    {GST_SUPCON_TRAINER_LEAKY_DOWNSTREAM, "The batch that waits is dropped", "downstream"})
/* *INDENT-ON* */

static void
gst_supcon_trainer_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (object);
  SupconTrainerConfig *config = &self->job.config;

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_free (self->location);
      self->location = g_value_dup_string (value);
      break;
    case PROP_INIT_LOCATION:
      g_free (self->init_location);
      self->init_location = g_value_dup_string (value);
      break;
    case PROP_METRICS_LOCATION:
      g_free (self->metrics_location);
      self->metrics_location = g_value_dup_string (value);
      break;
    case PROP_RESUME:
      self->resume = g_value_get_boolean (value);
      break;
    case PROP_STAGE:
      config->stage = g_value_get_enum (value);
      break;
    case PROP_LOSS:
      config->loss = g_value_get_enum (value);
      break;
    case PROP_TEMPERATURE:
      config->temperature = g_value_get_double (value);
      break;
    case PROP_ENCODER:
      self->encoder = g_value_get_enum (value);
      self->encoder_set = TRUE;
      break;
    case PROP_STEM:
      self->model_config.stem = g_value_get_enum (value);
      self->stem_set = TRUE;
      break;
    case PROP_WIDTH:
      self->model_config.width = g_value_get_double (value);
      self->width_set = TRUE;
      break;
    case PROP_ZERO_INIT_RESIDUAL:
      self->model_config.zero_init_residual = g_value_get_boolean (value);
      break;
    case PROP_PROJECTION:
      self->model_config.projection = g_value_get_enum (value);
      break;
    case PROP_PROJECTION_DIM:
      self->model_config.projection_dim = g_value_get_uint (value);
      break;
    case PROP_PROJECTION_HIDDEN:
      self->model_config.projection_hidden = g_value_get_uint (value);
      break;
    case PROP_BATCH_SIZE:
      self->job.batch_size = g_value_get_uint (value);
      break;
    case PROP_DROP_LAST:
      self->job.drop_last = g_value_get_boolean (value);
      break;
    case PROP_LEARNING_RATE:
      self->learning_rate = g_value_get_double (value);
      break;
    case PROP_MOMENTUM:
      config->optimizer.momentum = g_value_get_double (value);
      break;
    case PROP_NESTEROV:
      config->optimizer.nesterov = g_value_get_boolean (value);
      break;
    case PROP_WEIGHT_DECAY:
      config->optimizer.weight_decay = g_value_get_double (value);
      break;
    case PROP_DECAY_ALL:
      config->decay_all = g_value_get_boolean (value);
      break;
    case PROP_SCHEDULE:
      config->schedule.kind = g_value_get_enum (value);
      break;
    case PROP_WARMUP_STEPS:
      self->warmup_steps = g_value_get_int (value);
      break;
    case PROP_TOTAL_STEPS:
      self->total_steps = g_value_get_uint64 (value);
      break;
    case PROP_SEED:
      self->seed = g_value_get_uint64 (value);
      break;
    case PROP_THREADS:
      self->threads = g_value_get_uint (value);
      break;
    case PROP_LEAKY:
      self->job.leaky = g_value_get_enum (value);
      break;
    case PROP_CHECKPOINT_INTERVAL:
      self->job.checkpoint_interval = g_value_get_uint64 (value);
      break;
    case PROP_MESSAGE_INTERVAL:
      self->job.message_interval = g_value_get_uint (value);
      break;
    case PROP_PROGRESS:
      self->job.progress = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
get_status_property (GstSupconTrainer * self, guint id, GValue * value)
{
  guint64 step, dropped;
  gdouble loss;

  gst_supcon_trainer_worker_status (self->worker, &step, &dropped, &loss);
  if (id == PROP_STEP)
    g_value_set_uint64 (value, step);
  else if (id == PROP_DROPPED)
    g_value_set_uint64 (value, dropped);
  else
    g_value_set_double (value, loss);
}

static void
gst_supcon_trainer_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (object);
  const SupconTrainerConfig *config = &self->job.config;

  if (id == PROP_STEP || id == PROP_DROPPED || id == PROP_LAST_LOSS) {
    get_status_property (self, id, value);
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, self->location);
      break;
    case PROP_INIT_LOCATION:
      g_value_set_string (value, self->init_location);
      break;
    case PROP_METRICS_LOCATION:
      g_value_set_string (value, self->metrics_location);
      break;
    case PROP_RESUME:
      g_value_set_boolean (value, self->resume);
      break;
    case PROP_STAGE:
      g_value_set_enum (value, config->stage);
      break;
    case PROP_LOSS:
      g_value_set_enum (value, config->loss);
      break;
    case PROP_TEMPERATURE:
      g_value_set_double (value, config->temperature);
      break;
    case PROP_ENCODER:
      g_value_set_enum (value, self->encoder);
      break;
    case PROP_STEM:
      g_value_set_enum (value, self->model_config.stem);
      break;
    case PROP_WIDTH:
      g_value_set_double (value, self->model_config.width);
      break;
    case PROP_ZERO_INIT_RESIDUAL:
      g_value_set_boolean (value, self->model_config.zero_init_residual);
      break;
    case PROP_PROJECTION:
      g_value_set_enum (value, self->model_config.projection);
      break;
    case PROP_PROJECTION_DIM:
      g_value_set_uint (value, self->model_config.projection_dim);
      break;
    case PROP_PROJECTION_HIDDEN:
      g_value_set_uint (value, self->model_config.projection_hidden);
      break;
    case PROP_BATCH_SIZE:
      g_value_set_uint (value, self->job.batch_size);
      break;
    case PROP_DROP_LAST:
      g_value_set_boolean (value, self->job.drop_last);
      break;
    case PROP_LEARNING_RATE:
      g_value_set_double (value, self->learning_rate);
      break;
    case PROP_MOMENTUM:
      g_value_set_double (value, config->optimizer.momentum);
      break;
    case PROP_NESTEROV:
      g_value_set_boolean (value, config->optimizer.nesterov);
      break;
    case PROP_WEIGHT_DECAY:
      g_value_set_double (value, config->optimizer.weight_decay);
      break;
    case PROP_DECAY_ALL:
      g_value_set_boolean (value, config->decay_all);
      break;
    case PROP_SCHEDULE:
      g_value_set_enum (value, config->schedule.kind);
      break;
    case PROP_WARMUP_STEPS:
      g_value_set_int (value, self->warmup_steps);
      break;
    case PROP_TOTAL_STEPS:
      g_value_set_uint64 (value, self->total_steps);
      break;
    case PROP_SEED:
      g_value_set_uint64 (value, self->seed);
      break;
    case PROP_THREADS:
      g_value_set_uint (value, self->threads);
      break;
    case PROP_LEAKY:
      g_value_set_enum (value, self->job.leaky);
      break;
    case PROP_CHECKPOINT_INTERVAL:
      g_value_set_uint64 (value, self->job.checkpoint_interval);
      break;
    case PROP_MESSAGE_INTERVAL:
      g_value_set_uint (value, self->job.message_interval);
      break;
    case PROP_PROGRESS:
      g_value_set_boolean (value, self->job.progress);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_trainer_finalize (GObject * object)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (object);

  gst_supcon_trainer_worker_free (self->worker);
  g_free (self->location);
  g_free (self->init_location);
  g_free (self->metrics_location);
  G_OBJECT_CLASS (gst_supcon_trainer_parent_class)->finalize (object);
}

/* What the user asked for must be what the file holds. */
static gboolean
check_architecture (GstSupconTrainer * self, const gchar * location,
    const SupconModelConfig * found, GError ** error)
{
  const SupconModelConfig *wanted = &self->model_config;

  if (self->encoder_set && !g_str_equal (wanted->encoder, found->encoder))
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s holds encoder %s, but encoder=%s is asked for", location,
        found->encoder, wanted->encoder);
  else if (self->stem_set && wanted->stem != found->stem)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s holds an encoder with stem %s, but stem=%s is asked for", location,
        gst_supcon_enum_nick (GST_TYPE_SUPCON_STEM, found->stem),
        gst_supcon_enum_nick (GST_TYPE_SUPCON_STEM, wanted->stem));
  else if (self->width_set && wanted->width != found->width)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s holds an encoder of width %g, but width=%g is asked for", location,
        found->width, wanted->width);
  else
    return TRUE;
  return FALSE;
}

static gboolean
load_model (GstSupconTrainer * self, const gchar * location, gboolean resume,
    GError ** error)
{
  const gchar *stage =
      gst_supcon_enum_nick (stage_get_type (), self->job.config.stage);
  const gchar *optimizer =
      supcon_optimizer_name (self->job.config.optimizer.kind);
  SupconModelConfig fallback = self->model_config;
  SupconCheckpointInfo info = { 0 };

  fallback.input_width = fallback.input_height =
      fallback.stem == SUPCON_STEM_IMAGENET ? 224 : 32;
  self->model = supcon_checkpoint_load (location, &fallback, &info, error);
  if (!self->model)
    return FALSE;
  if (!check_architecture (self, location, supcon_model_config (self->model),
          error)) {
    supcon_checkpoint_info_clear (&info);
    return FALSE;
  }
  if (resume && g_str_equal (info.stage, stage) && *info.optimizer
      && !g_str_equal (info.optimizer, optimizer)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s was written by optimizer=%s, which resume=true cannot go on with "
        "by optimizer=%s; use init-location to start from it", location,
        info.optimizer, optimizer);
    supcon_checkpoint_info_clear (&info);
    return FALSE;
  }
  if (resume && g_str_equal (info.stage, stage)) {
    self->first_step = info.step;
    self->first_frame = info.frames;
    supcon_model_swap_average (self->model);
  } else if (resume && self->job.config.stage == SUPCON_STAGE_CONTRASTIVE) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s was written by stage %s, which resume=true cannot go on with in "
        "stage contrastive; use init-location to start from it", location,
        *info.stage ? info.stage : "(none)");
    supcon_checkpoint_info_clear (&info);
    return FALSE;
  } else {
    supcon_model_forget_state (self->model);
  }
  self->labels = info.labels;
  info.labels = NULL;
  supcon_checkpoint_info_clear (&info);
  self->width = supcon_model_config (self->model)->input_width;
  self->height = supcon_model_config (self->model)->input_height;
  return TRUE;
}

static gboolean
prepare (GstSupconTrainer * self, GError ** error)
{
  gboolean linear = self->job.config.stage == SUPCON_STAGE_LINEAR;
  gboolean exists;

  if (!self->location) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "The property location is not set; expected where to write what is "
        "learnt");
    return FALSE;
  }
  if (!supcon_checkpoint_check_writable (self->location, error))
    return FALSE;
  exists = g_file_test (self->location, G_FILE_TEST_EXISTS);
  if (self->resume && exists)
    return load_model (self, self->location, TRUE, error);
  if (self->init_location)
    return load_model (self, self->init_location, FALSE, error);
  if (linear && exists)
    return load_model (self, self->location, FALSE, error);
  if (linear) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "stage=linear needs a trained encoder, but init-location is not set "
        "and %s does not exist; train with stage=contrastive first",
        self->location);
    return FALSE;
  }
  return TRUE;
}

static void
forget_model (GstSupconTrainer * self)
{
  g_clear_pointer (&self->model, supcon_model_free);
  g_clear_pointer (&self->labels, supcon_labels_free);
  self->width = self->height = 0;
}

static gboolean
gst_supcon_trainer_start (GstBaseSink * sink)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (sink);
  GError *error = NULL;

  self->first_step = self->first_frame = self->frames = 0;
  g_strlcpy (self->model_config.encoder,
      gst_supcon_enum_nick (GST_TYPE_SUPCON_ENCODER_NAME, self->encoder),
      sizeof self->model_config.encoder);
  if (prepare (self, &error))
    return TRUE;
  forget_model (self);
  gst_supcon_post_error (GST_ELEMENT (self), error);
  return FALSE;
}

static gboolean
gst_supcon_trainer_stop (GstBaseSink * sink)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (sink);

  gst_supcon_trainer_worker_stop (self->worker);
  forget_model (self);
  return TRUE;
}

/* Once the model is there, its input size is what it takes. */
static GstCaps *
gst_supcon_trainer_get_caps (GstBaseSink * sink, GstCaps * filter)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (sink);
  GstCaps *caps = gst_pad_get_pad_template_caps (GST_BASE_SINK_PAD (sink));

  if (self->width) {
    caps = gst_caps_make_writable (caps);
    gst_caps_set_simple (caps, "width", G_TYPE_INT, (gint) self->width,
        "height", G_TYPE_INT, (gint) self->height, NULL);
  }
  if (filter) {
    GstCaps *all = caps;

    caps = gst_caps_intersect_full (filter, all, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref (all);
  }
  return caps;
}

/* How many steps there will be: as said, or as upstream knows how many frames it has; 0: nobody knows. In buffers, since
 * demuxers and decoders answer in frames too, each for its own branch of a pipeline with several. */
static guint64
find_total_steps (GstSupconTrainer * self)
{
  gint64 frames;
  guint64 steps;

  if (self->total_steps)
    return self->total_steps;
  if (!gst_pad_peer_query_duration (GST_BASE_SINK_PAD (self),
          GST_FORMAT_BUFFERS, &frames) || frames <= 0)
    return 0;
  steps = MAX (1, frames / self->job.batch_size);
  /* A stream that is played again from its start holds the steps before resuming too. */
  return self->first_frame ? MAX (steps, self->first_step) : self->first_step + steps;
}

/* What a live source gave before it will not give again. */
static gboolean
upstream_is_live (GstSupconTrainer * self)
{
  GstQuery *query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (GST_BASE_SINK_PAD (self), query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  gst_query_unref (query);
  return live;
}

static guint64
auto_warmup_steps (guint64 steps)
{
  if (steps == 0)
    return MAX_WARMUP_STEPS;
  return MIN (CLAMP (steps / 10, MIN_WARMUP_STEPS, MAX_WARMUP_STEPS),
      steps / 2);
}

static GstSupconTrainerJob
make_job (GstSupconTrainer * self)
{
  GstSupconTrainerJob job = self->job;
  SupconSchedule *schedule = &job.config.schedule;
  guint64 total, first_step;

  if (self->first_frame && upstream_is_live (self))
    self->first_frame = 0;
  total = find_total_steps (self);
  /* The warm-up is that of the run that is gone on with. */
  first_step = self->first_frame ? 0 : self->first_step;
  job.skip_frames = self->first_frame;
  job.location = self->location;
  job.metrics_location = self->metrics_location;
  job.last_step = self->total_steps;
  schedule->total_steps = total;
  schedule->learning_rate = self->learning_rate > 0 ? self->learning_rate :
      supcon_trainer_default_learning_rate (job.config.stage,
      job.config.optimizer.kind, job.batch_size);
  if (self->warmup_steps >= 0)
    schedule->warmup_steps = self->warmup_steps;
  else if (job.config.stage == SUPCON_STAGE_CONTRASTIVE)
    schedule->warmup_steps = auto_warmup_steps (total ? total - first_step : 0);
  GST_INFO_OBJECT (self, "learning rate %g, %" G_GUINT64_FORMAT
      " warm-up steps of %" G_GUINT64_FORMAT, schedule->learning_rate,
      schedule->warmup_steps, total);
  return job;
}

static gboolean
gst_supcon_trainer_set_caps (GstBaseSink * sink, GstCaps * caps)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (sink);
  GError *error = NULL;
  GstSupconTrainerJob job;
  SupconModel *model;
  SupconLabels *labels;

  if (!gst_video_info_from_caps (&self->info, caps))
    return FALSE;
  if (gst_supcon_trainer_worker_is_running (self->worker))
    return TRUE;
  if (!self->model) {
    SupconModelConfig config = self->model_config;

    config.input_width = GST_VIDEO_INFO_WIDTH (&self->info);
    config.input_height = GST_VIDEO_INFO_HEIGHT (&self->info);
    self->model = supcon_model_new (&config, self->seed, &error);
    if (!self->model)
      goto failed;
    self->labels = supcon_labels_new ();
    self->width = config.input_width;
    self->height = config.input_height;
  }
  supcon_model_set_threads (self->model, self->threads);
  job = make_job (self);
  model = g_steal_pointer (&self->model);
  labels = g_steal_pointer (&self->labels);
  if (gst_supcon_trainer_worker_start (self->worker, &job, model, labels,
          self->first_step, &error))
    return TRUE;

failed:
  gst_supcon_post_error (GST_ELEMENT (self), error);
  return FALSE;
}

static gboolean
gst_supcon_trainer_propose_allocation (G_GNUC_UNUSED GstBaseSink * sink,
    GstQuery * query)
{
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return TRUE;
}

static GstFlowReturn
push_frame (GstSupconTrainer * self, GstBuffer * buffer, GstVideoFrame * frame)
{
  guint8 *pixels;
  gsize stride;
  guint width, height, channels;
  const gchar *label = NULL;
  guint64 sample = UNNUMBERED_SAMPLES + self->frames;
  GstFlowReturn ret;

  gst_supcon_frame_visible (frame, &pixels, &stride, &width, &height,
      &channels);
  if (width != self->width || height != self->height) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("A frame shows %ux%u pixels; expected %ux%u, the size of the model's "
            "input. Put supconaugment or videoscale before.", width, height,
            self->width, self->height), (NULL));
    return GST_FLOW_ERROR;
  }
  gst_supcon_buffer_get_sample (buffer, &label, &sample, NULL);
  while ((ret = gst_supcon_trainer_worker_push (self->worker, pixels, stride,
              channels, label, sample)) == GST_FLOW_FLUSHING) {
    ret = gst_base_sink_wait_preroll (GST_BASE_SINK (self));
    if (ret != GST_FLOW_OK)
      break;
  }
  return ret;
}

static GstFlowReturn
gst_supcon_trainer_render (GstBaseSink * sink, GstBuffer * buffer)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (sink);
  GstVideoFrame frame;
  GstFlowReturn ret;

  if (!gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (self, RESOURCE, READ,
        ("A frame cannot be read; expected %" G_GSIZE_FORMAT " bytes, got %"
            G_GSIZE_FORMAT ".", GST_VIDEO_INFO_SIZE (&self->info),
            gst_buffer_get_size (buffer)), (NULL));
    return GST_FLOW_ERROR;
  }
  ret = push_frame (self, buffer, &frame);
  gst_video_frame_unmap (&frame);
  self->frames++;
  return ret;
}

/* The end of the stream is passed on, to be posted, when all is trained and written. */
static GstFlowReturn
finish (GstSupconTrainer * self, GstEvent * eos)
{
  GstFlowReturn ret;

  if (!gst_supcon_trainer_worker_is_running (self->worker)) {
    GST_ELEMENT_WARNING (self, STREAM, FAILED,
        ("The stream ended before its first frame: nothing was trained."),
        (NULL));
    return GST_FLOW_OK;
  }
  while ((ret = gst_supcon_trainer_worker_finish (self->worker)) ==
      GST_FLOW_FLUSHING) {
    GST_BASE_SINK_PREROLL_LOCK (self);
    ret = gst_base_sink_do_preroll (GST_BASE_SINK (self),
        GST_MINI_OBJECT_CAST (eos));
    GST_BASE_SINK_PREROLL_UNLOCK (self);
    if (ret != GST_FLOW_OK)
      break;
  }
  return ret;
}

static gboolean
gst_supcon_trainer_event (GstBaseSink * sink, GstEvent * event)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (sink);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP) {
    gst_supcon_trainer_worker_flush (self->worker);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_EOS
      && finish (self, event) != GST_FLOW_OK) {
    gst_event_unref (event);
    return FALSE;
  }
  return GST_BASE_SINK_CLASS (gst_supcon_trainer_parent_class)->event (sink,
      event);
}

static gboolean
gst_supcon_trainer_unlock (GstBaseSink * sink)
{
  gst_supcon_trainer_worker_set_unlocked (GST_SUPCON_TRAINER (sink)->worker,
      TRUE);
  return TRUE;
}

static gboolean
gst_supcon_trainer_unlock_stop (GstBaseSink * sink)
{
  gst_supcon_trainer_worker_set_unlocked (GST_SUPCON_TRAINER (sink)->worker,
      FALSE);
  return TRUE;
}

static void
install_model_properties (GObjectClass * object_class, GParamFlags flags)
{
  g_object_class_install_property (object_class, PROP_ENCODER,
      g_param_spec_enum ("encoder", "Encoder",
          "Architecture: torchvision's ResNets, or those for small pictures of "
          "He et al. 2015, section 4.2, which train fastest",
          GST_TYPE_SUPCON_ENCODER_NAME, GST_SUPCON_ENCODER_NAME_RESNET20,
          flags));
  g_object_class_install_property (object_class, PROP_STEM,
      g_param_spec_enum ("stem", "Stem",
          "First layers of resnet18 and larger: imagenet halves the picture "
          "twice, small keeps its size", GST_TYPE_SUPCON_STEM,
          SUPCON_STEM_SMALL, flags));
  g_object_class_install_property (object_class, PROP_WIDTH,
      g_param_spec_double ("width", "Width", "Factor of all channels", 0.01,
          8.0, 1.0, flags));
  g_object_class_install_property (object_class, PROP_ZERO_INIT_RESIDUAL,
      g_param_spec_boolean ("zero-init-residual", "Zero-init residual",
          "Start the last gamma of each block at zero, as in torchvision",
          FALSE, flags));
  g_object_class_install_property (object_class, PROP_PROJECTION,
      g_param_spec_enum ("projection", "Projection",
          "Projection head (paper, section 3.1)", GST_TYPE_SUPCON_PROJECTION,
          SUPCON_PROJECTION_MLP, flags));
  g_object_class_install_property (object_class, PROP_PROJECTION_DIM,
      g_param_spec_uint ("projection-dim", "Projection dimension",
          "Length of z; 128 is the paper's", 1, 65536, 128, flags));
  g_object_class_install_property (object_class, PROP_PROJECTION_HIDDEN,
      g_param_spec_uint ("projection-hidden", "Projection hidden units",
          "Hidden units of projection=mlp; 0 = as many as the embedding has "
          "numbers", 0, 65536, 0, flags));
}

static void
install_training_properties (GObjectClass * object_class, GParamFlags flags)
{
  g_object_class_install_property (object_class, PROP_STAGE,
      g_param_spec_enum ("stage", "Stage", "What is trained",
          stage_get_type (), SUPCON_STAGE_CONTRASTIVE, flags));
  g_object_class_install_property (object_class, PROP_LOSS,
      g_param_spec_enum ("loss", "Loss",
          "Loss of the contrastive stage; supcon-out is the paper's better one",
          loss_get_type (), SUPCON_LOSS_OUT, flags));
  g_object_class_install_property (object_class, PROP_TEMPERATURE,
      g_param_spec_double ("temperature", "Temperature",
          "Divides similarities in the contrastive loss; 0.1 is the paper's",
          0.001, 100.0, DEFAULT_TEMPERATURE, flags));
  g_object_class_install_property (object_class, PROP_BATCH_SIZE,
      g_param_spec_uint ("batch-size", "Batch size",
          "Views in a batch; larger ones have more positives and negatives", 2,
          1 << 20, DEFAULT_BATCH_SIZE, flags));
  g_object_class_install_property (object_class, PROP_DROP_LAST,
      g_param_spec_boolean ("drop-last", "Drop last",
          "Leave out an unfull batch at the end of the stream", TRUE, flags));
  g_object_class_install_property (object_class, PROP_LEARNING_RATE,
      g_param_spec_double ("learning-rate", "Learning rate",
          "Learning rate after the warm-up; 0 = one that fits batch-size", 0.0,
          1000.0, 0.0, flags));
  g_object_class_install_property (object_class, PROP_MOMENTUM,
      g_param_spec_double ("momentum", "Momentum",
          "Momentum of stochastic gradient descent", 0.0, 0.9999,
          DEFAULT_MOMENTUM, flags));
  g_object_class_install_property (object_class, PROP_NESTEROV,
      g_param_spec_boolean ("nesterov", "Nesterov", "Nesterov's momentum",
          FALSE, flags));
  g_object_class_install_property (object_class, PROP_WEIGHT_DECAY,
      g_param_spec_double ("weight-decay", "Weight decay",
          "Added to the gradient as a multiple of the weights; 1e-4 is the "
          "paper's", 0.0, 1.0, DEFAULT_WEIGHT_DECAY, flags));
  g_object_class_install_property (object_class, PROP_DECAY_ALL,
      g_param_spec_boolean ("decay-all", "Decay all",
          "Weight decay on biases and normalisation parameters too", FALSE,
          flags));
  g_object_class_install_property (object_class, PROP_SCHEDULE,
      g_param_spec_enum ("schedule", "Schedule",
          "Course of the learning rate; constant where the number of steps is "
          "not known", schedule_get_type (), SUPCON_SCHEDULE_COSINE, flags));
  g_object_class_install_property (object_class, PROP_WARMUP_STEPS,
      g_param_spec_int ("warmup-steps", "Warm-up steps",
          "Steps in which the learning rate rises from zero; -1 = a tenth of "
          "the training, 20 to 100, and none in the linear stage", -1,
          G_MAXINT, DEFAULT_WARMUP_STEPS, flags));
  g_object_class_install_property (object_class, PROP_TOTAL_STEPS,
      g_param_spec_uint64 ("total-steps", "Total steps",
          "Steps after which training ends, those before resume included; 0 = "
          "until the stream ends, whose length upstream is asked for", 0,
          G_MAXUINT64, 0, flags));
  g_object_class_install_property (object_class, PROP_SEED,
      g_param_spec_uint64 ("seed", "Seed", "Seed of the first weights", 0,
          G_MAXUINT64, 0, flags));
  g_object_class_install_property (object_class, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
          "Threads to compute with, the result does not depend on it; 0 = one "
          "for each processor", 0, SUPCON_MAX_THREADS, 0, flags));
}

static void
install_run_properties (GObjectClass * object_class, GParamFlags flags)
{
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  g_object_class_install_property (object_class, PROP_LOCATION,
      g_param_spec_string ("location", "Location",
          "Checkpoint to write (safetensors)", NULL, flags));
  g_object_class_install_property (object_class, PROP_INIT_LOCATION,
      g_param_spec_string ("init-location", "Initial location",
          "Checkpoint to take the first weights from; stage=linear reads "
          "location when this is not set", NULL, flags));
  g_object_class_install_property (object_class, PROP_RESUME,
      g_param_spec_boolean ("resume", "Resume",
          "Go on from the checkpoint at location when there is one, at the "
          "frame that comes after those it was trained on", FALSE,
          flags));
  g_object_class_install_property (object_class, PROP_LEAKY,
      g_param_spec_enum ("leaky", "Leaky",
          "What gives way when frames come faster than they can be trained on",
          leaky_get_type (), GST_SUPCON_TRAINER_LEAKY_NO, flags));
  g_object_class_install_property (object_class, PROP_CHECKPOINT_INTERVAL,
      g_param_spec_uint64 ("checkpoint-interval", "Checkpoint interval",
          "Steps between checkpoints; 0 = at the end alone", 0, G_MAXUINT64, 0,
          flags));
  g_object_class_install_property (object_class, PROP_METRICS_LOCATION,
      g_param_spec_string ("metrics-location", "Metrics location",
          "File of JSON lines to write: the first holds version and "
          "properties, each other one what a supcon-train message says; "
          "resume=true adds to it", NULL, flags));
  g_object_class_install_property (object_class, PROP_MESSAGE_INTERVAL,
      g_param_spec_uint ("message-interval", "Message interval",
          "Steps between supcon-train messages", 1, G_MAXUINT,
          DEFAULT_MESSAGE_INTERVAL, flags));
  g_object_class_install_property (object_class, PROP_PROGRESS,
      g_param_spec_boolean ("progress", "Progress",
          "Print step, loss, speed and time left: one line, redrawn, on a "
          "terminal, a line every few seconds elsewhere", FALSE, flags));
  g_object_class_install_property (object_class, PROP_STEP,
      g_param_spec_uint64 ("step", "Step", "Steps done", 0, G_MAXUINT64, 0,
          readable));
  g_object_class_install_property (object_class, PROP_DROPPED,
      g_param_spec_uint64 ("dropped", "Dropped", "Frames dropped by leaky", 0,
          G_MAXUINT64, 0, readable));
  g_object_class_install_property (object_class, PROP_LAST_LOSS,
      g_param_spec_double ("last-loss", "Last loss", "Loss of the last step",
          -G_MAXDOUBLE, G_MAXDOUBLE, 0.0, readable));
}

static void
gst_supcon_trainer_class_init (GstSupconTrainerClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS (klass);
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;

  GST_DEBUG_CATEGORY_INIT (supcon_trainer_debug, "supcontrainer", 0,
      "supcontrainer");
  object_class->set_property = gst_supcon_trainer_set_property;
  object_class->get_property = gst_supcon_trainer_get_property;
  object_class->finalize = gst_supcon_trainer_finalize;
  install_run_properties (object_class, ready);
  install_model_properties (object_class, ready);
  install_training_properties (object_class, ready);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_set_static_metadata (element_class,
      "Supervised contrastive trainer", "Sink/Video",
      "Trains an encoder, and a classifier on it, with labelled frames",
      "The gst-supcon authors");

  sink_class->start = gst_supcon_trainer_start;
  sink_class->stop = gst_supcon_trainer_stop;
  sink_class->get_caps = gst_supcon_trainer_get_caps;
  sink_class->set_caps = gst_supcon_trainer_set_caps;
  sink_class->propose_allocation = gst_supcon_trainer_propose_allocation;
  sink_class->render = gst_supcon_trainer_render;
  sink_class->event = gst_supcon_trainer_event;
  sink_class->unlock = gst_supcon_trainer_unlock;
  sink_class->unlock_stop = gst_supcon_trainer_unlock_stop;
  gst_type_mark_as_plugin_api (stage_get_type (), 0);
  gst_type_mark_as_plugin_api (loss_get_type (), 0);
  gst_type_mark_as_plugin_api (schedule_get_type (), 0);
  gst_type_mark_as_plugin_api (leaky_get_type (), 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_PROJECTION, 0);
}

static void
gst_supcon_trainer_init (GstSupconTrainer * self)
{
  self->worker = gst_supcon_trainer_worker_new (GST_ELEMENT (self));
  supcon_model_config_init (&self->model_config);
  self->encoder = GST_SUPCON_ENCODER_NAME_RESNET20;
  self->warmup_steps = DEFAULT_WARMUP_STEPS;
  self->job.batch_size = DEFAULT_BATCH_SIZE;
  self->job.drop_last = TRUE;
  self->job.message_interval = DEFAULT_MESSAGE_INTERVAL;
  self->job.config.temperature = DEFAULT_TEMPERATURE;
  self->job.config.optimizer.momentum = DEFAULT_MOMENTUM;
  self->job.config.optimizer.weight_decay = DEFAULT_WEIGHT_DECAY;
  self->job.config.schedule.kind = SUPCON_SCHEDULE_COSINE;
  gst_base_sink_set_sync (GST_BASE_SINK (self), FALSE);
}
