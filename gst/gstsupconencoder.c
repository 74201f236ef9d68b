/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supconencoder
 * @title: supconencoder
 * @short_description: Turns frames into embeddings
 *
 * Runs each frame through the encoder of a checkpoint that supcontrainer wrote (or through a torchvision ResNet saved as
 * safetensors, with #GstSupconEncoder:encoder given). Frames of any size are resized to the model's input.
 *
 * What leaves is decided by what downstream accepts: the same frame with the meta `supcon-embedding` { data GstBuffer of
 * float32, dim uint, layer string, model string, version uint64, latency uint64 (nanoseconds), encoder uint64 }, or `other/tensors` that
 * hold nothing but the embedding, in NNStreamer's caps. Built against GStreamer 1.28 or newer, frames have it as
 * #GstTensorMeta too, and their caps tell of it.
 *
 * With #GstSupconEncoder:model the model is the one that a supcontrainer of the same process shares under that name: its
 * newest complete weights are taken between two frames, and the meta's version counts them. With
 * #GstSupconEncoder:watch a checkpoint that is replaced, by whatever process, is read again.
 *
 * A frame that would be late downstream, as live pictures get where encoding is too slow for them, is dropped and told of
 * in a QoS message (#GstBaseTransform:qos). The LATENCY query counts in what the slowest of the first 30 batches took.
 *
 * With #GstSupconEncoder:batch-size several frames are encoded at once, which takes less time for each, and leave one
 * after the other. Fewer are where they have waited for #GstSupconEncoder:batch-timeout, where the stream ends or pauses
 * (a gap), or where caps or segment change. The LATENCY query counts in that they wait.
 *
 * With #GstSupconEncoder:regions each #GstVideoRegionOfInterestMeta of a frame gets an embedding of its own, as a
 * parameter `supcon-embedding` of the region. With #GstSupconEncoder:interval a region between has that of the region of
 * its type in the frame before that shows the same thing: they share at least half of what they cover together.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! videoconvert ! supconencoder location=model.safetensors ! fakesink
 * ]| Attaches an embedding to every frame.
 */

#include "gstsupconencoder.h"

#include "gstsupconbatch.h"
#include "gstsupcondeadline.h"
#include "gstsupconencodercaps.h"
#include "gstsupconencodersettings.h"
#include "gstsupconenums.h"
#include "gstsupconlatency.h"
#include "gstsupconmeta.h"
#include "gstsupconstream.h"
#include "gstsupcontensors.h"

GST_DEBUG_CATEGORY_STATIC (supcon_encoder_debug);
#define GST_CAT_DEFAULT supcon_encoder_debug

struct _GstSupconEncoder
{
  GstBaseTransform parent;

  GstSupconEncoderSettings settings;           /* under the object lock */

  /* From start to stop; the streaming thread's. */
  GstSupconInference *inference;
  GstSupconBatch *batch;
  guint batch_size;
  guint64 frame;                /* since caps or a flush */
  GstVideoInfo info;
  gboolean tensors;             /* what leaves is no video */

  guint dim;                    /* of what leaves, under the object lock; 0: no model tells it yet */
  GstSupconLatency latency;     /* under the object lock */
  GstClockTime wait;            /* of a batch's first frame, at most */
  GstSupconDeadline *deadline;  /* with batch-size > 1: sends off a batch that does not fill up; from start to stop */
};

/* *INDENT-OFF* */
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_SUPCON_ENCODER_VIDEO_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_SUPCON_ENCODER_VIDEO_CAPS "; " GST_SUPCON_ENCODER_TENSOR_CAPS));
/* *INDENT-ON* */

G_DEFINE_TYPE (GstSupconEncoder, gst_supcon_encoder, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (supconencoder, "supconencoder", GST_RANK_NONE,
    GST_TYPE_SUPCON_ENCODER);

static GstSupconSettingsClass *settings_class;

static void
gst_supcon_encoder_finalize (GObject * object)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (object);

  gst_supcon_settings_clear (settings_class, &self->settings);
  G_OBJECT_CLASS (gst_supcon_encoder_parent_class)->finalize (object);
}

/* What leaves */

/* Whatever the thread. */
static const gchar *
output_layer (GstSupconEncoder * self)
{
  GstSupconLayer layer;

  GST_OBJECT_LOCK (self);
  layer = self->settings.layer;
  GST_OBJECT_UNLOCK (self);
  return gst_supcon_enum_nick (GST_TYPE_SUPCON_ENCODER_LAYER, layer);
}

/* 0: not known yet. Whatever the thread. */
static guint
output_dim (GstSupconEncoder * self)
{
  guint dim;

  GST_OBJECT_LOCK (self);
  dim = self->dim;
  GST_OBJECT_UNLOCK (self);
  return dim;
}

/* Batches */

static void
run_batch (GstSupconEncoder * self)
{
  gint64 start = g_get_monotonic_time ();
  gboolean normalize;

  if (self->deadline)
    gst_supcon_deadline_set (self->deadline, 0);
  GST_OBJECT_LOCK (self);
  normalize = self->settings.normalize;
  GST_OBJECT_UNLOCK (self);
  gst_supcon_batch_run (self->batch, normalize);
  /* What a batch takes is what its frames come later by. */
  gst_supcon_latency_measure (&self->latency,
      (g_get_monotonic_time () - start) * GST_USECOND);
}

/* The next frame that is to leave, as it leaves; NULL: none. */
static GstBuffer *
take_output (GstSupconEncoder * self)
{
  GstBuffer *frame = gst_supcon_batch_take (self->batch);
  GstBuffer *values, *tensor;

#ifdef HAVE_GST_TENSORS
  if (frame && !self->tensors)
    gst_supcon_tensors_attach (frame);
#endif
  if (!frame || !self->tensors)
    return frame;
  values = gst_supcon_buffer_get_embedding (frame, NULL, NULL, NULL);
  tensor = gst_buffer_copy (values);
  gst_buffer_copy_into (tensor, frame,
      GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  gst_buffer_unref (values);
  gst_buffer_unref (frame);
  return tensor;
}

/* Sends off the frames that wait. An error comes back with the next frame. */
static void
send (GstSupconEncoder * self)
{
  GstBuffer *out;

  if (gst_supcon_batch_waiting (self->batch) == 0)
    return;
  run_batch (self);
  while ((out = take_output (self)))
    gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (self), out);
}

/* Of the batch that waits. */
static gint64
batch_deadline (const GstSupconEncoder * self)
{
  return gst_supcon_batch_since (self->batch) +
      (gint64) (self->wait / GST_USECOND);
}

/* The deadline's thread: the first frame has waited for long enough. */
static void
send_late (gpointer data)
{
  GstSupconEncoder *self = data;

  GST_PAD_STREAM_LOCK (GST_BASE_TRANSFORM_SINK_PAD (self));
  /* Another batch may wait by now. */
  if (gst_supcon_batch_waiting (self->batch)
      && g_get_monotonic_time () >= batch_deadline (self))
    send (self);
  GST_PAD_STREAM_UNLOCK (GST_BASE_TRANSFORM_SINK_PAD (self));
}

/* How long a batch's first frame waits at most; 0: there are no batches. */
static void
set_wait (GstSupconEncoder * self)
{
  GstClockTime timeout;

  GST_OBJECT_LOCK (self);
  timeout = self->settings.batch_timeout;
  GST_OBJECT_UNLOCK (self);
  self->wait = 0;
  if (self->batch_size > 1)
    self->wait = timeout ? timeout :
        gst_supcon_latency_of_frames (&self->info, self->batch_size);
  gst_supcon_latency_set_wait (&self->latency, self->wait);
}

/* Start and stop */

/* Goes over to the newest model; whoever asks for caps, from whatever thread, is told by the object what it gives. FALSE:
 * the one before stays. */
static gboolean
update_model (GstSupconEncoder * self, GError ** error)
{
  gboolean good = gst_supcon_inference_update (self->inference, error);

  GST_OBJECT_LOCK (self);
  self->dim = gst_supcon_inference_dim (self->inference);
  GST_OBJECT_UNLOCK (self);
  return good;
}

static gboolean
gst_supcon_encoder_start (GstBaseTransform * trans)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  self->settings.skipped_regions = 0;
  self->batch_size = self->settings.batch_size;
  self->inference = gst_supcon_encoder_settings_open (&self->settings, &error);
  GST_OBJECT_UNLOCK (self);

  if (!self->inference || !update_model (self, &error)) {
    g_clear_pointer (&self->inference, gst_supcon_inference_free);
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  self->batch = gst_supcon_batch_new (self->inference, output_layer (self));
  gst_supcon_latency_reset (&self->latency);
  if (self->batch_size > 1)
    self->deadline = gst_supcon_deadline_new (send_late, self);
  return TRUE;
}

static gboolean
gst_supcon_encoder_stop (GstBaseTransform * trans)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  /* Its thread looks at it until it ends. */
  if (self->deadline)
    gst_supcon_deadline_free (self->deadline);
  self->deadline = NULL;
  g_clear_pointer (&self->batch, gst_supcon_batch_free);
  g_clear_pointer (&self->inference, gst_supcon_inference_free);
  GST_OBJECT_LOCK (self);
  self->dim = 0;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

/* Caps */

static GstCaps *
gst_supcon_encoder_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  return gst_supcon_filter_caps (gst_supcon_encoder_caps_transform (direction,
          caps, output_layer (self), output_dim (self)), filter);
}

static gboolean
gst_supcon_encoder_set_caps (GstBaseTransform * trans, GstCaps * in,
    GstCaps * out)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  /* Frames of the caps before. What is known of one kind of frame is not carried on to another: tensors are of whole
   * frames, and there may be regions alone. */
  send (self);
  self->frame = 0;
  self->tensors = gst_supcon_encoder_caps_are_tensors (out);
  if (!gst_video_info_from_caps (&self->info, in))
    return FALSE;
  if (self->tensors && output_dim (self) == 0) {
    GST_ELEMENT_ERROR (self, LIBRARY, SETTINGS,
        ("other/tensors are of a size that only a model tells, and nobody has "
            "shared model \"%s\" yet; set location as well.",
            gst_supcon_inference_name (self->inference)), (NULL));
    return FALSE;
  }
  if (GST_VIDEO_INFO_IS_INTERLACED (&self->info))
    GST_INFO_OBJECT (self, "interlaced frames are encoded as they are");
  set_wait (self);
  return TRUE;
}

/* Frames are only read here: what upstream allocates is downstream's affair, with strides and crops as they like. */
static gboolean
gst_supcon_encoder_propose_allocation (GstBaseTransform * trans,
    G_GNUC_UNUSED GstQuery * decide, GstQuery * query)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  if (self->tensors)
    gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  else if (!gst_pad_peer_query (trans->srcpad, query))
    GST_DEBUG_OBJECT (self, "downstream proposes nothing");
  if (!gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL))
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);

  if (self->batch_size > 1)
    gst_supcon_encoder_hold_frames (query, self->info.size, self->batch_size);
  return TRUE;
}

static gboolean
gst_supcon_encoder_query (GstBaseTransform * trans, GstPadDirection direction,
    GstQuery * query)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);
  gboolean ok;

  /* Anybody may ask, whatever the state. */
  if (GST_QUERY_TYPE (query) == GST_QUERY_DRAIN && self->batch)
    send (self);
  ok = GST_BASE_TRANSFORM_CLASS (gst_supcon_encoder_parent_class)->query (trans,
      direction, query);
  if (ok && direction == GST_PAD_SRC
      && GST_QUERY_TYPE (query) == GST_QUERY_LATENCY)
    gst_supcon_latency_answer (&self->latency, query);
  return ok;
}

/* Frames */

static GstFlowReturn
gst_supcon_encoder_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * buffer)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  GstBuffer *left;

  /* What downstream did not take of the frames before. */
  while ((left = gst_supcon_batch_take (self->batch)))
    gst_buffer_unref (left);
  return GST_BASE_TRANSFORM_CLASS
      (gst_supcon_encoder_parent_class)->submit_input_buffer (trans, is_discont,
      buffer);
}

/* Puts a frame (transfer full) into the batch. */
static GstFlowReturn
take_input (GstSupconEncoder * self, GstBuffer * frame)
{
  GstSupconBatchTask task = GST_SUPCON_BATCH_CARRY, what;
  gboolean first = gst_supcon_batch_waiting (self->batch) == 0, ok;
  gsize size = gst_buffer_get_size (frame);
  GError *error = NULL;
  guint64 skipped = 0;
  guint interval;

  /* All frames of a batch are of one model. */
  if (first && !update_model (self, &error)) {
    GST_ELEMENT_WARNING (self, RESOURCE, READ, ("%s", error->message),
        ("The model before it stays in use."));
    g_error_free (error);
  }
  GST_OBJECT_LOCK (self);
  what = self->settings.regions && !self->tensors ? GST_SUPCON_BATCH_REGIONS :
      GST_SUPCON_BATCH_ENCODE;
  interval = self->settings.interval;
  GST_OBJECT_UNLOCK (self);
  if (output_dim (self) && self->frame++ % interval == 0)
    task = what;

  ok = gst_supcon_batch_add (self->batch, frame, &self->info, task, &skipped);
  GST_OBJECT_LOCK (self);
  self->settings.skipped_regions += skipped;
  GST_OBJECT_UNLOCK (self);
  if (!ok) {
    GST_ELEMENT_ERROR (self, RESOURCE, READ,
        ("A frame cannot be read; expected %" G_GSIZE_FORMAT " bytes, got %"
            G_GSIZE_FORMAT ".", GST_VIDEO_INFO_SIZE (&self->info), size),
        (NULL));
    return GST_FLOW_ERROR;
  }
  /* Nothing keeps a frame that only carries on what is known. */
  if (gst_supcon_batch_waiting (self->batch) >= self->batch_size
      || (first && task == GST_SUPCON_BATCH_CARRY))
    run_batch (self);
  else if (first)
    gst_supcon_deadline_set (self->deadline, batch_deadline (self));
  return GST_FLOW_OK;
}

/* Called until nothing comes out. */
static GstFlowReturn
gst_supcon_encoder_generate_output (GstBaseTransform * trans, GstBuffer ** out)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);
  GstBuffer *frame = g_steal_pointer (&trans->queued_buf);
  GstFlowReturn flow = frame ? take_input (self, frame) : GST_FLOW_OK;

  *out = take_output (self);
  return flow;
}

static gboolean
gst_supcon_encoder_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  if (GST_EVENT_IS_SERIALIZED (event) && GST_EVENT_TYPE (event) !=
      GST_EVENT_FLUSH_STOP)
    send (self);
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS && output_dim (self) == 0)
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS,
        ("No frame was encoded: no supcontrainer of this process has shared a "
            "model \"%s\"; expected one with this name in its property model.",
            gst_supcon_inference_name (self->inference)), (NULL));
  /* The last result belongs to frames before. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP
      || GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
    gst_supcon_batch_flush (self->batch);
    self->frame = 0;
  }
  return
      GST_BASE_TRANSFORM_CLASS (gst_supcon_encoder_parent_class)->sink_event
      (trans, event);
}

static void
gst_supcon_encoder_class_init (GstSupconEncoderClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (supcon_encoder_debug, "supconencoder", 0,
      "supconencoder");
  object_class->finalize = gst_supcon_encoder_finalize;

  settings_class = gst_supcon_encoder_settings_install (object_class,
      G_STRUCT_OFFSET (GstSupconEncoder, settings));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "SupCon encoder", "Filter/Analyzer/Video",
      "Turns frames into embeddings", "The gst-supcon authors");

  trans_class->start = gst_supcon_encoder_start;
  trans_class->stop = gst_supcon_encoder_stop;
  trans_class->transform_caps = gst_supcon_encoder_transform_caps;
  trans_class->set_caps = gst_supcon_encoder_set_caps;
  trans_class->propose_allocation = gst_supcon_encoder_propose_allocation;
  trans_class->submit_input_buffer = gst_supcon_encoder_submit_input_buffer;
  trans_class->generate_output = gst_supcon_encoder_generate_output;
  trans_class->sink_event = gst_supcon_encoder_sink_event;
  trans_class->query = gst_supcon_encoder_query;
}

static void
gst_supcon_encoder_init (GstSupconEncoder * self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  gst_base_transform_set_qos_enabled (trans, TRUE);
  gst_base_transform_set_passthrough (trans, FALSE);
  gst_supcon_settings_init (settings_class, &self->settings);
  gst_supcon_latency_init (&self->latency, GST_ELEMENT (self));
}
