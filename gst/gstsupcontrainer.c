/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supcontrainer
 * @title: supcontrainer
 * @short_description: Trains an encoder on the labelled frames that reach it
 *
 * Collects frames with the meta `supcon-sample` into batches and trains on them, on a thread of its own, while the next
 * batch is collected. With stage=contrastive an encoder and a projection head learn by the supervised contrastive loss
 * (Khosla et al. 2020, arXiv 2004.11362); with stage=linear a classifier learns on the embeddings of that encoder, which
 * no longer changes; with stage=finetune both learn, with stage=cross-entropy both from the start, and with
 * stage=regression a number is learnt from labels that are numbers. The result is written to
 * #GstSupconTrainer:location, at the end of the stream, every #GstSupconTrainer:checkpoint-interval steps and when the
 * element stops. The last of #GstSupconTrainer:total-steps, or a #GstSupconTrainer:patience that ends, is the end of the
 * stream too, whatever upstream still has.
 *
 * The model's input size is that of the first frames, or of the checkpoint that
 * it begins with or is taught by. Labels are strings, found as they come; a frame
 * without one has its own other views as positives, and is passed over by the
 * other stages. A trained classifier in #GstSupconTrainer:teacher-location teaches
 * by its probabilities, frames without a label too; `accuracy` then takes what it
 * finds most probable for the label of those.
 *
 * A full pair of batches makes upstream wait; a live source may rather lose frames, see #GstSupconTrainer:leaky.
 *
 * Frames on the request pad `validation` are not learnt from: every #GstSupconTrainer:validate-interval steps, and at
 * the end, they tell how good the model is, by nearest neighbours in the contrastive stage, by the classifier in the others.
 * Averages of the weights (#GstSupconTrainer:average-decay) are judged in their place, as it is these that are written.
 * The classifier's temperature, by which confidences are right, is fitted to them.
 * #GstSupconTrainer:best-location keeps the best, #GstSupconTrainer:patience ends a training that gets no better.
 *
 * Element messages: `supcon-validation` { step uint64, count uint, validation-accuracy, validation-loss double, best
 * boolean }, `supcon-train` { step, examples, dropped uint64, loss, learning-rate, gradient-norm,
 * examples-per-second, positives-per-anchor double; accuracy double where a classifier is trained; hard-positive-weight,
 * hard-negative-weight, alignment, uniformity double in the contrastive stage } and `supcon-checkpoint` {
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
#include "gstsupcontrainerplan.h"
#include "gstsupcontrainersettings.h"
#include "gstsupcontrainersize.h"
#include "gstsupcontrainerstart.h"
#include "gstsupcontrainerworker.h"

GST_DEBUG_CATEGORY_STATIC (supcon_trainer_debug);
#define GST_CAT_DEFAULT supcon_trainer_debug

enum
{
  PROP_0,
  PROP_STEP,
  PROP_DROPPED,
  PROP_LAST_LOSS,
  PROP_SETTINGS                 /* and all that follow */
};

/* Samples of frames without a meta, out of the way of those that sources number. */
#define UNNUMBERED_SAMPLES (G_GUINT64_CONSTANT (1) << 63)

struct _GstSupconTrainer
{
  GstBaseSink parent;
  GstSupconTrainerWorker *worker;

  GstSupconTrainerSettings settings;    /* under the object lock */
  GstSupconTrainerSettings run; /* a copy, from READY to PAUSED on until back in READY */
  GstSupconValidation *validation;
  GstPad *validation_pad;       /* owned by the element's pads; NULL until requested. Under the object lock */

  GstSupconTrainerStart start;  /* what it owns until the worker has taken it */

  GstVideoInfo info;
  GstSupconTrainerSize size;    /* of the model's input; written under the object lock */
  guint64 frames;
  gboolean refused;             /* why no training can begin was said; upstream asks again with each frame */
};

/* *INDENT-OFF* */
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8 }")));

static GstStaticPadTemplate validation_template =
GST_STATIC_PAD_TEMPLATE ("validation", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8 }")));
/* *INDENT-ON* */

G_DEFINE_TYPE (GstSupconTrainer, gst_supcon_trainer, GST_TYPE_BASE_SINK);
GST_ELEMENT_REGISTER_DEFINE (supcontrainer, "supcontrainer", GST_RANK_NONE,
    GST_TYPE_SUPCON_TRAINER);

static void
gst_supcon_trainer_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (object);

  gst_supcon_settings_set_property (object, id, value, pspec);
  GST_OBJECT_LOCK (self);
  gst_supcon_trainer_settings_note (&self->settings, id);
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

  if (id < PROP_SETTINGS)
    get_status_property (self, id, value);
  else
    gst_supcon_settings_get_property (object, id, value, pspec);
}

static void
gst_supcon_trainer_finalize (GObject * object)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (object);

  gst_supcon_trainer_worker_free (self->worker);
  gst_supcon_validation_free (self->validation);
  gst_supcon_trainer_settings_clear (&self->settings);
  G_OBJECT_CLASS (gst_supcon_trainer_parent_class)->finalize (object);
}

static gboolean
is_validated (GstSupconTrainer * self)
{
  gboolean validated;

  GST_OBJECT_LOCK (self);
  validated = self->validation_pad != NULL;
  GST_OBJECT_UNLOCK (self);
  return validated;
}

/* What can be said against the settings before there is a frame. */
static gboolean
check_settings (GstSupconTrainer * self, GError ** error)
{
  const GstSupconTrainerJob *job = &self->run.job;
  gboolean validated = is_validated (self);
  const gchar *judging = job->best_location ? "best-location" : job->patience ?
      "patience" : job->validate_interval ? "validate-interval" : NULL;

  if (judging && !validated) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s is set, but the pad validation is not linked; expected frames on "
        "it to judge the model by", judging);
    return FALSE;
  }
  if (job->checkpoint_keep && !job->checkpoint_interval) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "checkpoint-keep is %u, but checkpoint-interval is 0; expected an "
        "interval, as the checkpoints between are what is kept",
        job->checkpoint_keep);
    return FALSE;
  }
  if (validated && job->config.stage == SUPCON_STAGE_REGRESSION) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "The pad validation is linked, which judges classes, but "
        "stage=regression has none; expected one of them");
    return FALSE;
  }
  return supcon_trainer_check (&job->config, job->batch_size,
      self->start.model, error);
}

static void
end_run (GstSupconTrainer * self)
{
  gst_supcon_validation_stop (self->validation);
  gst_supcon_trainer_worker_stop (self->worker);
  gst_supcon_trainer_start_clear (&self->start);
  gst_supcon_trainer_size_set (&self->size, GST_ELEMENT (self), 0, 0);
  gst_supcon_trainer_settings_clear (&self->run);
}

static gboolean
begin_run (GstSupconTrainer * self)
{
  GError *error = NULL;

  self->frames = 0;
  self->refused = FALSE;
  gst_video_info_init (&self->info);
  gst_supcon_validation_start (self->validation);
  GST_OBJECT_LOCK (self);
  self->run = gst_supcon_trainer_settings_copy (&self->settings);
  GST_OBJECT_UNLOCK (self);
  g_strlcpy (self->run.model.encoder,
      gst_supcon_enum_nick (GST_TYPE_SUPCON_ENCODER_NAME, self->run.encoder),
      sizeof self->run.model.encoder);
  if (!gst_supcon_trainer_start_load (&self->start, &self->run, &error))
    goto failed;
  self->run.job.config.teacher = self->start.teacher;
  if (!check_settings (self, &error))
    goto failed;
  if (self->start.model || self->start.teacher) {
    const SupconModelConfig *config =
        supcon_model_config (self->start.model ? self->start.model :
        supcon_teacher_model (self->start.teacher));

    gst_supcon_trainer_size_set (&self->size, GST_ELEMENT (self),
        config->input_width, config->input_height);
  }
  return TRUE;

failed:
  gst_supcon_post_error (GST_ELEMENT (self), error);
  return FALSE;
}

/* Not when GstBaseSink starts and stops, which is between NULL and READY: properties may be set in READY. */
static GstStateChangeReturn
gst_supcon_trainer_change_state (GstElement * element,
    GstStateChange transition)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (element);
  GstStateChangeReturn ret = GST_STATE_CHANGE_FAILURE;

  if (transition != GST_STATE_CHANGE_READY_TO_PAUSED || begin_run (self))
    ret = GST_ELEMENT_CLASS (gst_supcon_trainer_parent_class)->change_state
        (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED
          && ret == GST_STATE_CHANGE_FAILURE))
    end_run (self);
  return ret;
}

/* Once there is a model or a teacher, its input size is what is taken. */
static GstCaps *
gst_supcon_trainer_get_caps (GstBaseSink * sink, GstCaps * filter)
{
  return gst_supcon_trainer_size_limit (&GST_SUPCON_TRAINER (sink)->size,
      GST_ELEMENT (sink),
      gst_pad_get_pad_template_caps (GST_BASE_SINK_PAD (sink)), filter);
}

/* Frames that change their size in the middle are refused by this alone. */
static gboolean
gst_supcon_trainer_query (GstBaseSink * sink, GstQuery * query)
{
  gboolean ok =
      GST_BASE_SINK_CLASS (gst_supcon_trainer_parent_class)->query (sink,
      query), accepted = TRUE;
  GstCaps *caps;

  if (ok && GST_QUERY_TYPE (query) == GST_QUERY_ACCEPT_CAPS)
    gst_query_parse_accept_caps_result (query, &accepted);
  if (!accepted) {
    gst_query_parse_accept_caps (query, &caps);
    gst_supcon_trainer_size_refuse (&GST_SUPCON_TRAINER (sink)->size,
        GST_ELEMENT (sink), caps);
  }
  return ok;
}

static gboolean
gst_supcon_trainer_set_caps (GstBaseSink * sink, GstCaps * caps)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (sink);
  GError *error = NULL;
  GstSupconTrainerJob job;

  if (self->refused || !gst_video_info_from_caps (&self->info, caps))
    return FALSE;
  if (gst_supcon_trainer_worker_is_running (self->worker))
    return TRUE;
  if (!self->start.model) {
    SupconModelConfig config = self->run.model;

    config.input_width = GST_VIDEO_INFO_WIDTH (&self->info);
    config.input_height = GST_VIDEO_INFO_HEIGHT (&self->info);
    if (supcon_trainer_check_weights (&config, &error))
      self->start.model = supcon_model_new (&config, self->run.seed, &error);
    if (!self->start.model)
      goto failed;
    gst_supcon_trainer_size_set (&self->size, GST_ELEMENT (self),
        config.input_width, config.input_height);
  }
  supcon_model_set_threads (self->start.model, self->run.threads);
  supcon_model_set_precision (self->start.model, self->run.precision);
  if (!gst_supcon_trainer_plan (GST_BASE_SINK_PAD (sink), &self->run,
          &self->start, &job, &error)
      || !supcon_trainer_check_memory (&job.config, job.batch_size,
          self->start.model, &error))
    goto failed;
  job.config.held_out = is_validated (self);
  job.validation = job.config.held_out ? self->validation : NULL;
  GST_INFO_OBJECT (self, "learning rate %g, %" G_GUINT64_FORMAT
      " warm-up steps of %" G_GUINT64_FORMAT,
      job.config.schedule.learning_rate, job.config.schedule.warmup_steps,
      job.config.schedule.total_steps);
  if (gst_supcon_trainer_worker_start (self->worker, &job, &self->start, &error))
    return TRUE;

failed:
  self->refused = TRUE;
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
  if (width != self->size.width || height != self->size.height) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("A frame shows %ux%u pixels; expected %ux%u, the size of the model's "
            "input. Put supconaugment or videoscale before.", width, height,
            self->size.width, self->size.height), (NULL));
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

/* The end of the stream is passed on, to be posted, when all is trained and written. */
static GstFlowReturn
finish (GstSupconTrainer * self)
{
  GstFlowReturn ret;

  if (self->refused)
    return GST_FLOW_ERROR;
  if (!gst_supcon_trainer_worker_is_running (self->worker)) {
    gst_supcon_trainer_size_warn_of_no_frame (&self->size,
        GST_ELEMENT (self));
    return GST_FLOW_OK;
  }
  /* As in render, GstBaseSink holds the preroll lock here. */
  while ((ret = gst_supcon_trainer_worker_finish (self->worker)) ==
      GST_FLOW_FLUSHING) {
    ret = gst_base_sink_wait_preroll (GST_BASE_SINK (self));
    if (ret != GST_FLOW_OK)
      break;
  }
  return ret;
}

/* The same for an EOS event, which is taken, once: GstBaseSink posts it and refuses what follows. */
static GstFlowReturn
end_stream (GstBaseSink * sink, GstEvent * eos)
{
  GstFlowReturn ret = finish (GST_SUPCON_TRAINER (sink));

  if (ret != GST_FLOW_OK) {
    gst_event_unref (eos);
    return ret;
  }
  return GST_BASE_SINK_CLASS (gst_supcon_trainer_parent_class)->event (sink,
      eos) ? GST_FLOW_OK : GST_FLOW_FLUSHING;
}

static GstFlowReturn
gst_supcon_trainer_render (GstBaseSink * sink, GstBuffer * buffer)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (sink);
  GstVideoFrame frame;
  GstFlowReturn ret;

  if (!gst_supcon_frame_map (GST_ELEMENT (self), &frame, &self->info, buffer))
    return GST_FLOW_ERROR;
  ret = push_frame (self, buffer, &frame);
  gst_video_frame_unmap (&frame);
  self->frames++;
  /* Upstream might not make an end of what it is told: funnel waits for its other sources. */
  if (ret == GST_FLOW_EOS) {
    GstEvent *eos = gst_event_new_eos (), *segment =
        gst_pad_get_sticky_event (GST_BASE_SINK_PAD (sink), GST_EVENT_SEGMENT,
        0);

    if (segment)                /* applications know the end of what they sought by it */
      gst_event_set_seqnum (eos, gst_event_get_seqnum (segment));
    gst_clear_event (&segment);
    ret = end_stream (sink, eos);
    if (ret == GST_FLOW_OK)
      ret = GST_FLOW_EOS;
  }
  return ret;
}

static gboolean
gst_supcon_trainer_event (GstBaseSink * sink, GstEvent * event)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (sink);

  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    return end_stream (sink, event) == GST_FLOW_OK;
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_supcon_trainer_worker_flush (self->worker);
  return GST_BASE_SINK_CLASS (gst_supcon_trainer_parent_class)->event (sink,
      event);
}

static gboolean
set_unlocked (GstBaseSink * sink, gboolean unlocked)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (sink);

  gst_supcon_trainer_worker_set_unlocked (self->worker, unlocked);
  gst_supcon_validation_set_unlocked (self->validation, unlocked);
  return TRUE;
}

static gboolean
gst_supcon_trainer_unlock (GstBaseSink * sink)
{
  return set_unlocked (sink, TRUE);
}

static gboolean
gst_supcon_trainer_unlock_stop (GstBaseSink * sink)
{
  return set_unlocked (sink, FALSE);
}

static GstPad *
gst_supcon_trainer_request_new_pad (GstElement * element,
    GstPadTemplate * template, G_GNUC_UNUSED const gchar * name,
    G_GNUC_UNUSED const GstCaps * caps)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (element);
  GstPad *pad = gst_pad_new_from_template (template, "validation");
  gboolean taken;

  GST_OBJECT_LOCK (self);
  taken = self->validation_pad != NULL;
  if (!taken)
    self->validation_pad = pad;
  GST_OBJECT_UNLOCK (self);
  if (taken)
    gst_clear_object (&pad);
  else
    gst_supcon_validation_attach (self->validation, element, pad);
  return pad;
}

static void
gst_supcon_trainer_release_pad (GstElement * element, GstPad * pad)
{
  GstSupconTrainer *self = GST_SUPCON_TRAINER (element);

  GST_OBJECT_LOCK (self);
  self->validation_pad = NULL;
  GST_OBJECT_UNLOCK (self);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
}

static void
gst_supcon_trainer_class_init (GstSupconTrainerClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS (klass);
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  GST_DEBUG_CATEGORY_INIT (supcon_trainer_debug, "supcontrainer", 0,
      "supcontrainer");
  gst_supcon_trainer_settings_install (object_class, PROP_SETTINGS,
      G_STRUCT_OFFSET (GstSupconTrainer, settings));
  object_class->set_property = gst_supcon_trainer_set_property;
  object_class->get_property = gst_supcon_trainer_get_property;
  object_class->finalize = gst_supcon_trainer_finalize;
  g_object_class_install_property (object_class, PROP_STEP,
      g_param_spec_uint64 ("step", "Step", "Steps done", 0, G_MAXUINT64, 0,
          readable));
  g_object_class_install_property (object_class, PROP_DROPPED,
      g_param_spec_uint64 ("dropped", "Dropped", "Frames dropped by leaky", 0,
          G_MAXUINT64, 0, readable));
  g_object_class_install_property (object_class, PROP_LAST_LOSS,
      g_param_spec_double ("last-loss", "Last loss", "Loss of the last step",
          -G_MAXDOUBLE, G_MAXDOUBLE, 0.0, readable));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class,
      &validation_template);
  element_class->request_new_pad = gst_supcon_trainer_request_new_pad;
  element_class->release_pad = gst_supcon_trainer_release_pad;
  element_class->change_state = gst_supcon_trainer_change_state;
  gst_element_class_set_static_metadata (element_class,
      "SupCon trainer", "Sink/Video",
      "Trains an encoder, and a classifier on it, with labelled frames",
      "The gst-supcon authors");

  sink_class->get_caps = gst_supcon_trainer_get_caps;
  sink_class->query = gst_supcon_trainer_query;
  sink_class->set_caps = gst_supcon_trainer_set_caps;
  sink_class->propose_allocation = gst_supcon_trainer_propose_allocation;
  sink_class->render = gst_supcon_trainer_render;
  sink_class->event = gst_supcon_trainer_event;
  sink_class->unlock = gst_supcon_trainer_unlock;
  sink_class->unlock_stop = gst_supcon_trainer_unlock_stop;
}

static void
gst_supcon_trainer_init (GstSupconTrainer * self)
{
  self->worker = gst_supcon_trainer_worker_new (GST_ELEMENT (self));
  self->validation = gst_supcon_validation_new ();
  gst_supcon_trainer_settings_init (&self->settings);
  gst_base_sink_set_sync (GST_BASE_SINK (self), FALSE);
}
