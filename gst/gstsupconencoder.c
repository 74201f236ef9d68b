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
 * float32, dim uint, layer string, model string }, or `other/tensors` that hold nothing but the embedding, in NNStreamer's
 * caps.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! videoconvert ! supconencoder location=model.safetensors ! fakesink
 * ]| Attaches an embedding to every frame.
 */

#include "gstsupconencoder.h"

#include <gst/video/video.h>
#include <string.h>

#include "augment/augmenter.h"
#include "error.h"
#include "gstsupconenums.h"
#include "gstsupconmeta.h"
#include "model/checkpoint.h"
#include "nn/activation.h"
#include "parallel.h"

GST_DEBUG_CATEGORY_STATIC (supcon_encoder_debug);
#define GST_CAT_DEFAULT supcon_encoder_debug

typedef enum
{
  LAYER_EMBEDDING,
  LAYER_PROJECTION,
  LAYER_LOGITS
} Layer;

enum
{
  PROP_0,
  PROP_LOCATION,
  PROP_ENCODER,
  PROP_STEM,
  PROP_WIDTH,
  PROP_LAYER,
  PROP_NORMALIZE,
  PROP_INTERVAL,
  PROP_THREADS
};

#define DEFAULT_LAYER LAYER_EMBEDDING
#define DEFAULT_INTERVAL 1
#define DEFAULT_NORMALIZE FALSE

struct _GstSupconEncoder
{
  GstBaseTransform parent;

  /* Properties, under the object lock. */
  gchar *location;
  gint encoder;
  SupconStem stem;
  gdouble width;
  Layer layer;
  gboolean normalize;
  guint interval, threads;

  /* From start to stop. */
  SupconModel *model;
  SupconAugmenter *augmenter;
  guint8 *pixels;               /* a picture as the model takes it */
  SupconReal *r;                /* embedding */
  SupconReal *values;           /* what leaves, dim of them */
  guint dim;
  Layer active_layer;
  guint64 frame;                /* since start or flush */

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
    {LAYER_EMBEDDING, "The encoder's output r", "embedding"},
    {LAYER_PROJECTION, "The projection head's output z, of unit length", "projection"},
    {LAYER_LOGITS, "The linear classifier's output", "logits"})
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
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_encoder_finalize (GObject * object)
{
  g_free (GST_SUPCON_ENCODER (object)->location);
  G_OBJECT_CLASS (gst_supcon_encoder_parent_class)->finalize (object);
}

/* The length of what leaves, 0 with the error set when the model has no such layer. */
static guint
layer_dim (SupconModel * model, Layer layer, const gchar * location,
    GError ** error)
{
  guint classes = supcon_model_n_classes (model);

  switch (layer) {
    case LAYER_EMBEDDING:
      return supcon_model_embedding_dim (model);
    case LAYER_PROJECTION:
      return supcon_model_projection_dim (model);
    case LAYER_LOGITS:
      if (classes == 0)
        g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
            "layer=logits needs a classifier, but %s has none; train one with "
            "supcontrainer stage=linear", location);
      return classes;
  }
  g_assert_not_reached ();
}

static gboolean
gst_supcon_encoder_start (GstBaseTransform * trans)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);
  SupconModelConfig fallback;
  SupconCheckpointInfo info = { 0 };
  GError *error = NULL;
  const SupconModelConfig *config;
  gchar *location;
  guint threads;

  supcon_model_config_init (&fallback);
  GST_OBJECT_LOCK (self);
  location = g_strdup (self->location);
  g_strlcpy (fallback.encoder,
      gst_supcon_enum_nick (GST_TYPE_SUPCON_ENCODER_NAME, self->encoder),
      sizeof fallback.encoder);
  fallback.stem = self->stem;
  fallback.width = self->width;
  fallback.input_width = fallback.input_height =
      self->stem == SUPCON_STEM_IMAGENET ? 224 : 32;
  self->active_layer = self->layer;
  threads = self->threads;
  GST_OBJECT_UNLOCK (self);

  if (!location) {
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND,
        ("The property location is not set; expected a checkpoint."), (NULL));
    return FALSE;
  }
  self->model = supcon_checkpoint_load (location, &fallback, &info, &error);
  supcon_checkpoint_info_clear (&info);
  self->dim = self->model ? layer_dim (self->model, self->active_layer,
      location, &error) : 0;
  g_free (location);
  if (self->dim == 0) {
    g_clear_pointer (&self->model, supcon_model_free);
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  supcon_model_set_threads (self->model, threads);
  config = supcon_model_config (self->model);
  self->augmenter = supcon_augmenter_new ();
  self->pixels = g_malloc ((gsize) config->input_width *
      config->input_height * 3);
  self->r = g_new (SupconReal, supcon_model_embedding_dim (self->model));
  self->values = g_new (SupconReal, self->dim);
  self->frame = 0;
  return TRUE;
}

static gboolean
gst_supcon_encoder_stop (GstBaseTransform * trans)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);

  g_clear_pointer (&self->model, supcon_model_free);
  g_clear_pointer (&self->augmenter, supcon_augmenter_free);
  g_clear_pointer (&self->pixels, g_free);
  g_clear_pointer (&self->r, g_free);
  g_clear_pointer (&self->values, g_free);
  self->dim = 0;
  return TRUE;
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

      if (self->dim) {
        gchar *dimensions = g_strdup_printf ("%u:1:1:1", self->dim);

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
    *out = gst_buffer_new_allocate (NULL, self->dim * sizeof (gfloat), NULL);
    gst_buffer_copy_into (*out, in,
        GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  } else {
    /* Its memory is shared: frames get a meta and are not touched. */
    *out = gst_buffer_is_writable (in) ? in : gst_buffer_copy (in);
  }
  return GST_FLOW_OK;
}

/* The visible part of the frame, resized to the model's input, grey replicated, into 'pixels'. */
static void
read_picture (GstSupconEncoder * self, GstVideoFrame * frame)
{
  const SupconModelConfig *config = supcon_model_config (self->model);
  SupconImage source;
  const SupconImage target = {
    .pixels = self->pixels,
    .stride = (gsize) config->input_width * 3,
    .width = config->input_width,
    .height = config->input_height,
    .channels = 3,
  };

  gst_supcon_frame_visible (frame, &source.pixels, &source.stride,
      &source.width, &source.height, &source.channels);
  supcon_augmenter_apply (self->augmenter, NULL, 0, 0, 0, &source, &target);
}

static void
encode (GstSupconEncoder * self, GstVideoFrame * frame, gboolean normalize)
{
  SupconReal norm;

  read_picture (self, frame);
  supcon_model_embed (self->model, self->pixels, 1, self->r);
  switch (self->active_layer) {
    case LAYER_EMBEDDING:
      memcpy (self->values, self->r, self->dim * sizeof *self->values);
      break;
    case LAYER_PROJECTION:
      supcon_model_project (self->model, self->r, 1, self->values);
      break;
    case LAYER_LOGITS:
      supcon_model_classify (self->model, self->r, 1, self->values);
      break;
  }
  if (normalize)
    supcon_normalize_forward (1, self->dim, self->values, self->values, &norm);
}

static GstFlowReturn
gst_supcon_encoder_transform (GstBaseTransform * trans, GstBuffer * in,
    GstBuffer * out)
{
  GstSupconEncoder *self = GST_SUPCON_ENCODER (trans);
  gboolean normalize;
  guint interval;
  gchar *location;

  GST_OBJECT_LOCK (self);
  normalize = self->normalize;
  interval = self->interval;
  location = g_strdup (self->location);
  GST_OBJECT_UNLOCK (self);

  if (self->frame++ % interval == 0) {
    GstVideoFrame frame;

    if (!gst_video_frame_map (&frame, &self->info, in, GST_MAP_READ)) {
      GST_ELEMENT_ERROR (self, RESOURCE, READ,
          ("A frame cannot be read; expected %" G_GSIZE_FORMAT " bytes, got %"
              G_GSIZE_FORMAT ".", GST_VIDEO_INFO_SIZE (&self->info),
              gst_buffer_get_size (in)), (NULL));
      g_free (location);
      return GST_FLOW_ERROR;
    }
    encode (self, &frame, normalize);
    gst_video_frame_unmap (&frame);
  }
  if (self->tensors)
    gst_buffer_fill (out, 0, self->values, self->dim * sizeof (gfloat));
  else
    gst_supcon_buffer_set_embedding (out, self->values, self->dim,
        gst_supcon_enum_nick (GST_TYPE_SUPCON_ENCODER_LAYER,
            self->active_layer), location);
  g_free (location);
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
          "ResNet as safetensors", NULL, ready));
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
  g_object_class_install_property (object_class, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
          "Threads to compute with; 0 = one for each processor", 0,
          SUPCON_MAX_THREADS, 0, ready));

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
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_ENCODER_LAYER, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_ENCODER_NAME, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_STEM, 0);
}

static void
gst_supcon_encoder_init (GstSupconEncoder * self)
{
  self->stem = SUPCON_STEM_IMAGENET;
  self->width = 1.0;
  self->interval = DEFAULT_INTERVAL;
}
