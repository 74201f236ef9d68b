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
 * float32, dim uint, layer string, model string, version uint64, latency uint64 (nanoseconds) }, or `other/tensors` that
 * hold nothing but the embedding, in NNStreamer's caps.
 *
 * With #GstSupconEncoder:model the model is the one that a supcontrainer of the same process shares under that name: its
 * newest complete weights are taken between two frames, and the meta's version counts them. With
 * #GstSupconEncoder:watch a checkpoint that is replaced, by whatever process, is read again.
 *
 * A frame that would be late downstream, as live pictures get where encoding is too slow for them, is dropped and told of
 * in a QoS message (#GstBaseTransform:qos). The LATENCY query counts in what the slowest of the first 30 frames took.
 *
 * With #GstSupconEncoder:regions each #GstVideoRegionOfInterestMeta of a frame gets an embedding of its own, as a
 * parameter `supcon-embedding` of the region.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! videoconvert ! supconencoder location=model.safetensors ! fakesink
 * ]| Attaches an embedding to every frame.
 */

#include "gstsupconencoder.h"

#include <gst/video/video.h>

#include "error.h"
#include "gstsupconenums.h"
#include "gstsupconinference.h"
#include "gstsupconmeta.h"
#include "parallel.h"

GST_DEBUG_CATEGORY_STATIC (supcon_encoder_debug);
#define GST_CAT_DEFAULT supcon_encoder_debug

enum
{
  PROP_0,
  PROP_LOCATION,
  PROP_MODEL,
  PROP_WATCH,
  PROP_ENCODER,
  PROP_STEM,
  PROP_WIDTH,
  PROP_LAYER,
  PROP_NORMALIZE,
  PROP_INTERVAL,
  PROP_REGIONS,
  PROP_THREADS,
  PROP_PRECISION,
  PROP_SKIPPED_REGIONS
};

#define DEFAULT_LAYER GST_SUPCON_LAYER_EMBEDDING
#define DEFAULT_INTERVAL 1
#define DEFAULT_NORMALIZE FALSE
#define DEFAULT_REGIONS FALSE
/* Frames that tell the latency. */
#define TIMED_FRAMES 30
#define DEFAULT_WATCH FALSE

struct _GstSupconEncoder
{
  GstBaseTransform parent;

  /* Properties, under the object lock. */
  gchar *location, *model;
  gboolean watch;
  gint encoder;
  SupconStem stem;
  gdouble width;
  GstSupconLayer layer;
  gboolean normalize, regions;
  guint interval, threads;
  SupconPrecision precision;
  guint64 skipped_regions;

  /* From start to stop. */
  GstSupconInference *inference;
  GstSupconLayer active_layer;
  guint64 frame;                /* since start or flush */
  GstClockTime latency;         /* of the slowest of the first frames, under the object lock */
  guint timed;                  /* frames that were */
  GArray *last;                 /* gfloat: what left for the last whole frame; empty: nothing yet */
  GArray *pictures;             /* SupconImage: of this frame */

  GstVideoInfo info;
  gboolean tensors;             /* what leaves is no video */
};

/* *INDENT-OFF* */
#define VIDEO_CAPS GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8 }")
#define TENSOR_CAPS "other/tensors, format = (string) static, num_tensors = (int) 1, types = (string) float32, " \
    "framerate = " GST_VIDEO_FPS_RANGE

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (VIDEO_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (VIDEO_CAPS "; " TENSOR_CAPS));
/* *INDENT-ON* */

G_DEFINE_TYPE (GstSupconEncoder, gst_supcon_encoder, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (supconencoder, "supconencoder", GST_RANK_NONE,
    GST_TYPE_SUPCON_ENCODER);

#define GST_TYPE_SUPCON_ENCODER_LAYER (layer_get_type ())
/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, layer_get_type, "GstSupconEncoderLayer",
    {GST_SUPCON_LAYER_EMBEDDING, "The encoder's output r", "embedding"},
    {GST_SUPCON_LAYER_PROJECTION, "The projection head's output z, of unit length", "projection"},
    {GST_SUPCON_LAYER_LOGITS, "The linear classifier's output", "logits"})
/* *INDENT-ON* */

static void
gst_supcon_encoder_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_free (self->location);
      self->location = g_value_dup_string (value);
      break;
    case PROP_MODEL:
      g_free (self->model);
      self->model = g_value_dup_string (value);
      break;
    case PROP_WATCH:
      self->watch = g_value_get_boolean (value);
      break;
    case PROP_REGIONS:
      self->regions = g_value_get_boolean (value);
      break;
    case PROP_ENCODER:
      self->encoder = g_value_get_enum (value);
      break;
    case PROP_STEM:
      self->stem = g_value_get_enum (value);
      break;
    case PROP_WIDTH:
      self->width = g_value_get_double (value);
      break;
    case PROP_LAYER:
      self->layer = g_value_get_enum (value);
      break;
    case PROP_NORMALIZE:
      self->normalize = g_value_get_boolean (value);
      break;
    case PROP_INTERVAL:
      self->interval = g_value_get_uint (value);
      break;
    case PROP_THREADS:
      self->threads = g_value_get_uint (value);
      break;
    case PROP_PRECISION:
      self->precision = g_value_get_enum (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_encoder_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, self->location);
      break;
    case PROP_MODEL:
      g_value_set_string (value, self->model);
      break;
    case PROP_WATCH:
      g_value_set_boolean (value, self->watch);
      break;
    case PROP_REGIONS:
      g_value_set_boolean (value, self->regions);
      break;
    case PROP_SKIPPED_REGIONS:
      g_value_set_uint64 (value, self->skipped_regions);
      break;
    case PROP_ENCODER:
      g_value_set_enum (value, self->encoder);
      break;
    case PROP_STEM:
      g_value_set_enum (value, self->stem);
      break;
    case PROP_WIDTH:
      g_value_set_double (value, self->width);
      break;
    case PROP_LAYER:
      g_value_set_enum (value, self->layer);
      break;
    case PROP_NORMALIZE:
      g_value_set_boolean (value, self->normalize);
      break;
    case PROP_INTERVAL:
      g_value_set_uint (value, self->interval);
      break;
    case PROP_THREADS:
      g_value_set_uint (value, self->threads);
      break;
    case PROP_PRECISION:
      g_value_set_enum (value, self->precision);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_encoder_finalize (GObject * object)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (object);

  g_free (self->location);
  g_free (self->model);
  G_OBJECT_CLASS (gst_supcon_encoder_parent_class)->finalize (object);
}

static gboolean
gst_supcon_encoder_start (GstBaseTransform * trans)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);
  SupconModelConfig fallback;
  GError *error = NULL;

  supcon_model_config_init (&fallback);
  GST_OBJECT_LOCK (self);
  g_strlcpy (fallback.encoder,
      gst_supcon_enum_nick (GST_TYPE_SUPCON_ENCODER_NAME, self->encoder),
      sizeof fallback.encoder);
  fallback.stem = self->stem;
  fallback.width = self->width;
  fallback.input_width = fallback.input_height =
      self->stem == SUPCON_STEM_IMAGENET ? 224 : 32;
  self->active_layer = self->layer;
  self->skipped_regions = 0;
  self->latency = 0;
  self->timed = 0;
  if (self->location || self->model)
    self->inference =
        gst_supcon_inference_new (gst_supcon_model_source_new (self->model,
            self->location, self->watch, &fallback), self->layer,
        self->threads, self->precision);
  GST_OBJECT_UNLOCK (self);

  if (!self->inference) {
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND,
        ("The property location is not set, nor is model; expected a "
            "checkpoint or the name of a model that a supcontrainer shares."),
        (NULL));
    return FALSE;
  }
  if (!gst_supcon_inference_update (self->inference, &error)) {
    g_clear_pointer (&self->inference, gst_supcon_inference_free);
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  self->frame = 0;
  self->last = g_array_new (FALSE, FALSE, sizeof (gfloat));
  self->pictures = g_array_new (FALSE, FALSE, sizeof (SupconImage));
  return TRUE;
}

static gboolean
gst_supcon_encoder_stop (GstBaseTransform * trans)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  g_clear_pointer (&self->inference, gst_supcon_inference_free);
  g_clear_pointer (&self->last, g_array_unref);
  g_clear_pointer (&self->pictures, g_array_unref);
  return TRUE;
}

/* 0: not known yet. */
static guint
output_dim (const GstSupconEncoder * self)
{
  return self->inference ? gst_supcon_inference_dim (self->inference) : 0;
}

/* The framerate of a structure, whatever kind of value it is. */
static void
copy_framerate (const GstStructure * from, GstStructure * to)
{
  const GValue *value = gst_structure_get_value (from, "framerate");

  if (value)
    gst_structure_set_value (to, "framerate", value);
}

static GstCaps *
gst_supcon_encoder_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);
  GstCaps *other = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    GstStructure *s = gst_caps_get_structure (caps, i);
    gboolean video = gst_structure_has_name (s, "video/x-raw");

    if (video)
      other = gst_caps_merge_structure (other, gst_structure_copy (s));
    if (direction == GST_PAD_SINK && video) {
      GstStructure *tensors = gst_structure_from_string (TENSOR_CAPS, NULL);

      if (output_dim (self)) {
        gchar *dimensions = g_strdup_printf ("%u:1:1:1", output_dim (self));

        gst_structure_set (tensors, "dimensions", G_TYPE_STRING, dimensions,
            NULL);
        g_free (dimensions);
      }
      copy_framerate (s, tensors);
      other = gst_caps_merge_structure (other, tensors);
    } else if (direction == GST_PAD_SRC && !video) {
      GstCaps *any = gst_static_pad_template_get_caps (&sink_template);

      any = gst_caps_make_writable (any);
      copy_framerate (s, gst_caps_get_structure (any, 0));
      other = gst_caps_merge (other, any);
    }
  }
  if (filter) {
    GstCaps *all = other;

    other = gst_caps_intersect_full (filter, all, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref (all);
  }
  return other;
}

static gboolean
gst_supcon_encoder_set_caps (GstBaseTransform * trans, GstCaps * in,
    GstCaps * out)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  self->tensors = !gst_structure_has_name (gst_caps_get_structure (out, 0),
      "video/x-raw");
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
  return TRUE;
}

/* Frames are only read here: what upstream allocates is downstream's affair, with strides and crops as they like. */
static gboolean
gst_supcon_encoder_propose_allocation (GstBaseTransform * trans,
    G_GNUC_UNUSED GstQuery * decide, GstQuery * query)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  if (!self->tensors && !gst_pad_peer_query (trans->srcpad, query))
    GST_DEBUG_OBJECT (self, "downstream proposes nothing");
  if (!gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL))
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

static GstFlowReturn
gst_supcon_encoder_prepare_output_buffer (GstBaseTransform * trans,
    GstBuffer * in, GstBuffer ** out)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  if (self->tensors) {
    *out = gst_buffer_new_allocate (NULL, output_dim (self) * sizeof (gfloat),
        NULL);
    gst_buffer_copy_into (*out, in,
        GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  } else {
    /* Its memory is shared: frames get a meta and are not touched. */
    *out = gst_buffer_is_writable (in) ? in : gst_buffer_copy (in);
  }
  return GST_FLOW_OK;
}

/* The visible part of the frame. */
static SupconImage
visible_picture (GstVideoFrame * frame)
{
  SupconImage picture = { 0 };

  gst_supcon_frame_visible (frame, &picture.pixels, &picture.stride,
      &picture.width, &picture.height, &picture.channels);
  return picture;
}

/* The part of the frame that a region shows; FALSE when it is outside. */
static gboolean
region_picture (GstVideoFrame * frame,
    const GstVideoRegionOfInterestMeta * region, SupconImage * picture)
{
  guint width = GST_VIDEO_FRAME_WIDTH (frame);
  guint height = GST_VIDEO_FRAME_HEIGHT (frame);

  if (region->x >= width || region->y >= height || region->w == 0
      || region->h == 0)
    return FALSE;
  *picture = (SupconImage) { 0 };
  picture->channels =
      GST_VIDEO_FRAME_FORMAT (frame) == GST_VIDEO_FORMAT_GRAY8 ? 1 : 3;
  picture->stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);
  picture->pixels = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0) +
      region->y * picture->stride + (gsize) region->x * picture->channels;
  picture->width = MIN (region->w, width - region->x);
  picture->height = MIN (region->h, height - region->y);
  return TRUE;
}

/* The regions of out that lie in the frame (transfer container), with their pictures; NULL when it has no region. */
static GPtrArray *
find_regions (GstSupconEncoder * self, GstVideoFrame * frame, GstBuffer * out)
{
  GPtrArray *regions = NULL;
  gpointer state = NULL;
  guint64 skipped = 0;
  GstMeta *meta;

  while ((meta = gst_buffer_iterate_meta_filtered (out, &state,
              GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
    SupconImage picture;

    if (!regions)
      regions = g_ptr_array_new ();
    if (region_picture (frame, (GstVideoRegionOfInterestMeta *) meta,
            &picture)) {
      g_ptr_array_add (regions, meta);
      g_array_append_val (self->pictures, picture);
    } else {
      skipped++;
    }
  }
  GST_OBJECT_LOCK (self);
  self->skipped_regions += skipped;
  GST_OBJECT_UNLOCK (self);
  return regions;
}

/* regions: whether they are what is encoded where there are any. */
static void
encode (GstSupconEncoder * self, GstVideoFrame * frame, GstBuffer * out,
    gboolean normalize, gboolean regions)
{
  guint dim = gst_supcon_inference_dim (self->inference);
  const gchar *layer = gst_supcon_enum_nick (GST_TYPE_SUPCON_ENCODER_LAYER,
      self->active_layer);
  const gchar *name = gst_supcon_inference_name (self->inference);
  GPtrArray *found;
  const gfloat *values;

  g_array_set_size (self->pictures, 0);
  g_array_set_size (self->last, 0);
  found = regions ? find_regions (self, frame, out) : NULL;
  if (!found) {
    SupconImage picture = visible_picture (frame);

    values = gst_supcon_inference_run (self->inference, &picture, 1, normalize);
    g_array_append_vals (self->last, values, dim);
    return;
  }
  if (found->len) {
    values = gst_supcon_inference_run (self->inference,
        (const SupconImage *) self->pictures->data, found->len, normalize);
    for (guint i = 0; i < found->len; i++)
      gst_supcon_region_set_embedding (g_ptr_array_index (found, i),
          values + (gsize) i * dim, dim, layer, name);
  }
  g_ptr_array_unref (found);
}

/* What left for the last whole frame, or that there is nothing. */
static void
attach (GstSupconEncoder * self, GstBuffer * out, GstClockTime latency)
{
  gboolean known = self->last->len > 0;

  gst_supcon_buffer_set_embedding (out,
      known ? (const gfloat *) self->last->data : NULL, self->last->len,
      gst_supcon_enum_nick (GST_TYPE_SUPCON_ENCODER_LAYER, self->active_layer),
      gst_supcon_inference_name (self->inference));
  gst_supcon_buffer_set_embedding_origin (out,
      gst_supcon_inference_version (self->inference), latency);
}

/* What a frame takes is what it comes later by. The pipeline is told once it is known, and when it grows by half. */
static void
time_frame (GstSupconEncoder * self, GstClockTime time)
{
  gboolean changed = FALSE;

  GST_OBJECT_LOCK (self);
  if (self->timed < TIMED_FRAMES) {
    self->timed++;
    changed = time > self->latency + self->latency / 2;
    self->latency = MAX (self->latency, time);
  }
  GST_OBJECT_UNLOCK (self);
  if (changed)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_latency (GST_OBJECT (self)));
}

static gboolean
gst_supcon_encoder_query (GstBaseTransform * trans, GstPadDirection direction,
    GstQuery * query)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);
  gboolean ok = GST_BASE_TRANSFORM_CLASS (gst_supcon_encoder_parent_class)->query
      (trans, direction, query);
  GstClockTime least, most;
  gboolean live;

  if (!ok || direction != GST_PAD_SRC
      || GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return ok;
  gst_query_parse_latency (query, &live, &least, &most);
  GST_OBJECT_LOCK (self);
  least += self->latency;
  if (GST_CLOCK_TIME_IS_VALID (most))
    most += self->latency;
  GST_OBJECT_UNLOCK (self);
  gst_query_set_latency (query, live, least, most);
  return TRUE;
}

static GstFlowReturn
gst_supcon_encoder_transform (GstBaseTransform * trans, GstBuffer * in,
    GstBuffer * out)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);
  gint64 start = g_get_monotonic_time ();
  gboolean normalize, regions;
  GError *error = NULL;
  guint interval;

  GST_OBJECT_LOCK (self);
  normalize = self->normalize;
  regions = self->regions && !self->tensors;
  interval = self->interval;
  GST_OBJECT_UNLOCK (self);

  if (!gst_supcon_inference_update (self->inference, &error)) {
    GST_ELEMENT_WARNING (self, RESOURCE, READ, ("%s", error->message),
        ("The model before it stays in use."));
    g_error_free (error);
  }
  if (output_dim (self) && self->frame++ % interval == 0) {
    GstVideoFrame frame;

    if (!gst_video_frame_map (&frame, &self->info, in, GST_MAP_READ)) {
      GST_ELEMENT_ERROR (self, RESOURCE, READ,
          ("A frame cannot be read; expected %" G_GSIZE_FORMAT " bytes, got %"
              G_GSIZE_FORMAT ".", GST_VIDEO_INFO_SIZE (&self->info),
              gst_buffer_get_size (in)), (NULL));
      return GST_FLOW_ERROR;
    }
    encode (self, &frame, out, normalize, regions);
    gst_video_frame_unmap (&frame);
    time_frame (self, (g_get_monotonic_time () - start) * GST_USECOND);
  }
  if (self->tensors)
    gst_buffer_fill (out, 0, self->last->data,
        self->last->len * sizeof (gfloat));
  else
    attach (self, out, (g_get_monotonic_time () - start) * GST_USECOND);
  return GST_FLOW_OK;
}

static gboolean
gst_supcon_encoder_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  /* The last result belongs to frames before. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP
      || GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
    self->frame = 0;
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
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;
  const GParamFlags playing = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;

  GST_DEBUG_CATEGORY_INIT (supcon_encoder_debug, "supconencoder", 0,
      "supconencoder");
  object_class->set_property = gst_supcon_encoder_set_property;
  object_class->get_property = gst_supcon_encoder_get_property;
  object_class->finalize = gst_supcon_encoder_finalize;

  g_object_class_install_property (object_class, PROP_LOCATION,
      g_param_spec_string ("location", "Location",
          "Checkpoint to read: one that supcontrainer wrote, or a torchvision "
          "ResNet as safetensors; with model as well, what is used until the "
          "trainer shares its first", NULL, ready));
  g_object_class_install_property (object_class, PROP_MODEL,
      g_param_spec_string ("model", "Model",
          "Name under which a supcontrainer of this process shares its model; "
          "frames pass without an embedding until there is one", NULL, ready));
  g_object_class_install_property (object_class, PROP_WATCH,
      g_param_spec_boolean ("watch", "Watch",
          "Read the checkpoint again, between two frames, when it is replaced; "
          "the one before stays in use when the new one is bad",
          DEFAULT_WATCH, ready));
  g_object_class_install_property (object_class, PROP_ENCODER,
      g_param_spec_enum ("encoder", "Encoder",
          "Architecture of a checkpoint that does not say it itself",
          GST_TYPE_SUPCON_ENCODER_NAME, 0, ready));
  g_object_class_install_property (object_class, PROP_STEM,
      g_param_spec_enum ("stem", "Stem",
          "Stem of a checkpoint that does not say it itself; its input is then "
          "224x224 (imagenet) or 32x32 (small)", GST_TYPE_SUPCON_STEM,
          SUPCON_STEM_IMAGENET, ready));
  g_object_class_install_property (object_class, PROP_WIDTH,
      g_param_spec_double ("width", "Width",
          "Factor of the channels of a checkpoint that does not say it itself",
          0.01, 8.0, 1.0, ready));
  g_object_class_install_property (object_class, PROP_LAYER,
      g_param_spec_enum ("layer", "Layer",
          "Which of the model's outputs leaves; classifiers and retrieval work "
          "on the embedding (paper, section 3.1)",
          GST_TYPE_SUPCON_ENCODER_LAYER, DEFAULT_LAYER, ready));
  g_object_class_install_property (object_class, PROP_NORMALIZE,
      g_param_spec_boolean ("normalize", "Normalize",
          "Scale what leaves to unit length, as searches by cosine want it; "
          "the linear classifier wants it as it is", DEFAULT_NORMALIZE,
          playing));
  g_object_class_install_property (object_class, PROP_INTERVAL,
      g_param_spec_uint ("interval", "Interval",
          "Encode every so many frames; those between carry the last result",
          1, G_MAXUINT, DEFAULT_INTERVAL, playing));
  g_object_class_install_property (object_class, PROP_REGIONS,
      g_param_spec_boolean ("regions", "Regions",
          "Encode each region of interest that a frame carries, all at once, "
          "in place of the whole frame; a frame without any is encoded whole",
          DEFAULT_REGIONS, playing));
  g_object_class_install_property (object_class, PROP_SKIPPED_REGIONS,
      g_param_spec_uint64 ("skipped-regions", "Skipped regions",
          "Regions that lie outside their frame; those that stick out of it "
          "are cut", 0, G_MAXUINT64, 0,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (object_class, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
          "Threads to compute with; 0 = one for each processor", 0,
          SUPCON_MAX_THREADS, 0, ready));
  g_object_class_install_property (object_class, PROP_PRECISION,
      g_param_spec_enum ("precision", "Precision",
          "Numbers that the encoder computes with; float32, since the result "
          "then depends least on the processor", GST_TYPE_SUPCON_PRECISION,
          SUPCON_PRECISION_FLOAT32, ready));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Supervised contrastive encoder", "Filter/Analyzer/Video",
      "Turns frames into embeddings", "The gst-supcon authors");

  trans_class->start = gst_supcon_encoder_start;
  trans_class->stop = gst_supcon_encoder_stop;
  trans_class->transform_caps = gst_supcon_encoder_transform_caps;
  trans_class->set_caps = gst_supcon_encoder_set_caps;
  trans_class->propose_allocation = gst_supcon_encoder_propose_allocation;
  trans_class->prepare_output_buffer =
      gst_supcon_encoder_prepare_output_buffer;
  trans_class->transform = gst_supcon_encoder_transform;
  trans_class->sink_event = gst_supcon_encoder_sink_event;
  trans_class->query = gst_supcon_encoder_query;
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_ENCODER_LAYER, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_ENCODER_NAME, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_STEM, 0);
}

static void
gst_supcon_encoder_init (GstSupconEncoder * self)
{
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), TRUE);
  self->stem = SUPCON_STEM_IMAGENET;
  self->width = 1.0;
  self->interval = DEFAULT_INTERVAL;
}
