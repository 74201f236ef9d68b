/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supcondatasetsrc
 * @title: supcondatasetsrc
 * @short_description: Plays a labelled data set of pictures
 *
 * Reads IDX files (the MNIST family, plain or gzip'ed), CIFAR-10 and CIFAR-100 in their binary form, and folders whose
 * sub-folders are the classes, with pictures of any format that GStreamer decodes. Each frame carries the meta
 * `supcon-sample` { label string, sample uint64: its number in the data set, view uint }.
 *
 * The order depends on #GstSupconDatasetSrc:seed and the epoch alone, so a seek finds the same frames again. The length
 * of the stream is told in frames and in time. Caps change in the stream where pictures of a folder differ in size.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 supcondatasetsrc location=/usr/share/datasets/fashion-mnist shuffle=true max-samples=100 ! videoconvert ! fakesink
 * ]| Plays a hundred pictures of clothes (Debian's package dataset-fashion-mnist) in random order.
 */

#include "gstsupcondatasetsrc.h"

#include <gst/video/video.h>
#include <string.h>

#include "data/sampler.h"
#include "gstsupconenums.h"
#include "gstsupconmeta.h"
#include "gstsupconpicture.h"

GST_DEBUG_CATEGORY_STATIC (supcon_dataset_src_debug);
#define GST_CAT_DEFAULT supcon_dataset_src_debug

enum
{
  PROP_0,
  PROP_LOCATION,
  PROP_LABELS_LOCATION,
  PROP_SPLIT,
  PROP_VAL_FRACTION,
  PROP_LABELLED,
  PROP_LABEL_NOISE,
  PROP_CLASS_NAMES,
  PROP_SHUFFLE,
  PROP_SEED,
  PROP_EPOCHS,
  PROP_MAX_SAMPLES,
  PROP_SAMPLER,
  PROP_CLASSES_PER_BATCH,
  PROP_SAMPLES_PER_CLASS,
  PROP_FRAMERATE,
  PROP_SKIP_CORRUPT,
  PROP_SKIPPED
};

#define DEFAULT_EPOCHS 1
#define DEFAULT_SAMPLES_PER_CLASS 2
#define DEFAULT_FPS_N 30
#define DEFAULT_FPS_D 1

struct _GstSupconDatasetSrc
{
  GstPushSrc parent;

  /* Properties, under the object lock. */
  gchar *location, *labels_location, *class_names;
  SupconSplit split;
  gdouble val_fraction, labelled, label_noise;
  SupconSamplerConfig sampler_config;
  guint epochs;
  gint fps_n, fps_d;
  gboolean skip_corrupt;
  guint64 skipped;

  /* From start to stop. */
  SupconDataset *dataset;
  SupconSampler *sampler;
  GstSupconPictureDecoder *decoder;
  guint64 position;             /* of the next frame, all epochs counted */
  guint64 length;               /* frames of all epochs; 0: without end */
  guint failures;               /* in a row */
  GstVideoInfo info;            /* of the last frame */
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8 }")));

G_DEFINE_TYPE (GstSupconDatasetSrc, gst_supcon_dataset_src, GST_TYPE_PUSH_SRC);
GST_ELEMENT_REGISTER_DEFINE (supcondatasetsrc, "supcondatasetsrc",
    GST_RANK_NONE, GST_TYPE_SUPCON_DATASET_SRC);

/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, split_get_type, "GstSupconDatasetSrcSplit",
    {SUPCON_SPLIT_TRAIN, "Pictures to learn from", "train"},
    {SUPCON_SPLIT_VAL, "Pictures of the training part that are held out, see val-fraction", "val"},
    {SUPCON_SPLIT_TEST, "Pictures to be judged by", "test"})
GST_SUPCON_DEFINE_ENUM (static GType, sampler_get_type, "GstSupconDatasetSrcSampler",
    {SUPCON_SAMPLER_SEQUENTIAL, "Every picture once an epoch", "sequential"},
    {SUPCON_SAMPLER_CLASS_BALANCED, "classes-per-batch random classes by samples-per-class pictures each", "class-balanced"})
/* *INDENT-ON* */

static void
replace_string (gchar ** place, const GValue * value)
{
  g_free (*place);
  *place = g_value_dup_string (value);
}

static void
gst_supcon_dataset_src_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      replace_string (&self->location, value);
      break;
    case PROP_LABELS_LOCATION:
      replace_string (&self->labels_location, value);
      break;
    case PROP_SPLIT:
      self->split = g_value_get_enum (value);
      break;
    case PROP_VAL_FRACTION:
      self->val_fraction = g_value_get_double (value);
      break;
    case PROP_LABELLED:
      self->labelled = g_value_get_double (value);
      break;
    case PROP_LABEL_NOISE:
      self->label_noise = g_value_get_double (value);
      break;
    case PROP_CLASS_NAMES:
      replace_string (&self->class_names, value);
      break;
    case PROP_SHUFFLE:
      self->sampler_config.shuffle = g_value_get_boolean (value);
      break;
    case PROP_SEED:
      self->sampler_config.seed = g_value_get_uint64 (value);
      break;
    case PROP_EPOCHS:
      self->epochs = g_value_get_uint (value);
      break;
    case PROP_MAX_SAMPLES:
      self->sampler_config.max_samples = g_value_get_uint (value);
      break;
    case PROP_SAMPLER:
      self->sampler_config.kind = g_value_get_enum (value);
      break;
    case PROP_CLASSES_PER_BATCH:
      self->sampler_config.classes_per_batch = g_value_get_uint (value);
      break;
    case PROP_SAMPLES_PER_CLASS:
      self->sampler_config.samples_per_class = g_value_get_uint (value);
      break;
    case PROP_FRAMERATE:
      self->fps_n = gst_value_get_fraction_numerator (value);
      self->fps_d = gst_value_get_fraction_denominator (value);
      break;
    case PROP_SKIP_CORRUPT:
      self->skip_corrupt = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_dataset_src_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * pspec)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, self->location);
      break;
    case PROP_LABELS_LOCATION:
      g_value_set_string (value, self->labels_location);
      break;
    case PROP_SPLIT:
      g_value_set_enum (value, self->split);
      break;
    case PROP_VAL_FRACTION:
      g_value_set_double (value, self->val_fraction);
      break;
    case PROP_LABELLED:
      g_value_set_double (value, self->labelled);
      break;
    case PROP_LABEL_NOISE:
      g_value_set_double (value, self->label_noise);
      break;
    case PROP_CLASS_NAMES:
      g_value_set_string (value, self->class_names);
      break;
    case PROP_SHUFFLE:
      g_value_set_boolean (value, self->sampler_config.shuffle);
      break;
    case PROP_SEED:
      g_value_set_uint64 (value, self->sampler_config.seed);
      break;
    case PROP_EPOCHS:
      g_value_set_uint (value, self->epochs);
      break;
    case PROP_MAX_SAMPLES:
      g_value_set_uint (value, self->sampler_config.max_samples);
      break;
    case PROP_SAMPLER:
      g_value_set_enum (value, self->sampler_config.kind);
      break;
    case PROP_CLASSES_PER_BATCH:
      g_value_set_uint (value, self->sampler_config.classes_per_batch);
      break;
    case PROP_SAMPLES_PER_CLASS:
      g_value_set_uint (value, self->sampler_config.samples_per_class);
      break;
    case PROP_FRAMERATE:
      gst_value_set_fraction (value, self->fps_n, self->fps_d);
      break;
    case PROP_SKIP_CORRUPT:
      g_value_set_boolean (value, self->skip_corrupt);
      break;
    case PROP_SKIPPED:
      g_value_set_uint64 (value, self->skipped);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_dataset_src_finalize (GObject * object)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (object);

  g_free (self->location);
  g_free (self->labels_location);
  g_free (self->class_names);
  G_OBJECT_CLASS (gst_supcon_dataset_src_parent_class)->finalize (object);
}

static gboolean
open_dataset (GstSupconDatasetSrc * self, GError ** error)
{
  self->dataset = supcon_dataset_open (self->location, self->labels_location,
      self->split, self->val_fraction, error);
  if (!self->dataset)
    return FALSE;
  if (self->labelled < 1)
    supcon_dataset_hide_labels (self->dataset, self->labelled);
  if (self->label_noise > 0)
    supcon_dataset_spoil_labels (self->dataset, self->label_noise);
  if (self->class_names && !supcon_dataset_set_class_names (self->dataset,
          self->class_names, error))
    return FALSE;
  self->sampler = supcon_sampler_new (self->dataset, &self->sampler_config,
      error);
  return self->sampler != NULL;
}

static gboolean
gst_supcon_dataset_src_stop (GstBaseSrc * base)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (base);

  g_clear_pointer (&self->decoder, gst_supcon_picture_decoder_free);
  g_clear_pointer (&self->sampler, supcon_sampler_free);
  g_clear_pointer (&self->dataset, supcon_dataset_free);
  return TRUE;
}

static gboolean
gst_supcon_dataset_src_start (GstBaseSrc * base)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (base);
  GError *error = NULL;

  if (!self->location) {
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND,
        ("The property location is not set; expected a data set."), (NULL));
    return FALSE;
  }
  if (!open_dataset (self, &error))
    goto failed;
  self->decoder = gst_supcon_picture_decoder_new ();
  self->length =
      (guint64) self->epochs * supcon_sampler_epoch_length (self->sampler);
  self->position = self->failures = 0;
  self->skipped = 0;
  gst_video_info_init (&self->info);
  return TRUE;

failed:
  gst_supcon_dataset_src_stop (base);
  gst_supcon_post_error (GST_ELEMENT (self), error);
  return FALSE;
}

/* Caps follow the pictures, so there is nothing to decide before the first one. */
static gboolean
gst_supcon_dataset_src_negotiate (G_GNUC_UNUSED GstBaseSrc * base)
{
  return TRUE;
}

/* A picture of these properties is next. */
static gboolean
set_format (GstSupconDatasetSrc * self, GstVideoFormat format, guint width,
    guint height)
{
  GstVideoInfo info;
  GstCaps *caps;
  gboolean done;

  if (GST_VIDEO_INFO_FORMAT (&self->info) == format
      && (guint) GST_VIDEO_INFO_WIDTH (&self->info) == width
      && (guint) GST_VIDEO_INFO_HEIGHT (&self->info) == height)
    return TRUE;
  gst_video_info_set_format (&info, format, width, height);
  info.fps_n = self->fps_n;
  info.fps_d = self->fps_d;
  caps = gst_video_info_to_caps (&info);
  done = gst_base_src_set_caps (GST_BASE_SRC (self), caps);
  gst_caps_unref (caps);
  if (done)
    self->info = info;
  return done;
}

static GstBuffer *
buffer_from_pixels (GstSupconDatasetSrc * self, const SupconSample * sample)
{
  GstBuffer *buffer =
      gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&self->info), NULL);
  GstVideoFrame frame;
  gsize row = (gsize) sample->width * sample->channels;

  gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_WRITE);
  for (guint y = 0; y < sample->height; y++)
    memcpy ((guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0) +
        (gsize) y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0),
        sample->pixels + y * row, row);
  gst_video_frame_unmap (&frame);
  return buffer;
}

/* The picture as a writable buffer of the format that is set; NULL with ret telling why not. */
static GstBuffer *
read_picture (GstSupconDatasetSrc * self, const SupconSample * sample,
    GstFlowReturn * ret, GError ** error)
{
  GstBuffer *buffer;
  GstVideoInfo info;

  *ret = GST_FLOW_NOT_NEGOTIATED;
  if (sample->pixels) {
    if (!set_format (self, sample->channels == 1 ? GST_VIDEO_FORMAT_GRAY8 :
            GST_VIDEO_FORMAT_RGB, sample->width, sample->height))
      return NULL;
    return buffer_from_pixels (self, sample);
  }
  buffer = gst_supcon_picture_decoder_decode (self->decoder, sample->path,
      &info, error);
  if (!buffer) {
    *ret = GST_FLOW_ERROR;
    return NULL;
  }
  if (!set_format (self, GST_VIDEO_INFO_FORMAT (&info),
          GST_VIDEO_INFO_WIDTH (&info), GST_VIDEO_INFO_HEIGHT (&info)))
    gst_clear_buffer (&buffer);
  return buffer ? gst_buffer_make_writable (buffer) : NULL;
}

static GstClockTime
time_of (const GstSupconDatasetSrc * self, guint64 position)
{
  return gst_util_uint64_scale (position, GST_SECOND * self->fps_d,
      self->fps_n);
}

/* A picture that cannot be read: FALSE when that is an error. Takes error. */
static gboolean
skip_picture (GstSupconDatasetSrc * self, GError * error)
{
  if (!self->skip_corrupt) {
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  if (++self->failures > supcon_sampler_epoch_length (self->sampler)) {
    GST_ELEMENT_ERROR (self, STREAM, DECODE,
        ("No picture in %s can be read.", self->location),
        ("the last one: %s", error->message));
    g_error_free (error);
    return FALSE;
  }
  GST_ELEMENT_WARNING (self, STREAM, DECODE, ("Skipped: %s", error->message),
      (NULL));
  g_error_free (error);
  GST_OBJECT_LOCK (self);
  self->skipped++;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static GstFlowReturn
gst_supcon_dataset_src_create (GstPushSrc * push, GstBuffer ** out)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (push);
  guint32 per_epoch = supcon_sampler_epoch_length (self->sampler);

  while (self->length == 0 || self->position < self->length) {
    guint64 position = self->position;
    guint32 index = supcon_sampler_index (self->sampler, position / per_epoch,
        position % per_epoch);
    SupconSample sample;
    GError *error = NULL;
    GstFlowReturn ret;
    GstBuffer *buffer;

    supcon_dataset_get (self->dataset, index, &sample);
    buffer = read_picture (self, &sample, &ret, &error);
    if (!buffer && ret != GST_FLOW_ERROR)
      return ret;
    self->position++;
    if (!buffer) {
      if (!skip_picture (self, error))
        return GST_FLOW_ERROR;
      continue;
    }
    self->failures = 0;
    GST_BUFFER_PTS (buffer) = time_of (self, position);
    GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_DURATION (buffer) =
        time_of (self, position + 1) - GST_BUFFER_PTS (buffer);
    GST_BUFFER_OFFSET (buffer) = position;
    GST_BUFFER_OFFSET_END (buffer) = position + 1;
    gst_supcon_buffer_set_sample (buffer,
        sample.labelled ? supcon_dataset_class_name (self->dataset,
            sample.label) : NULL, index, 0);
    *out = buffer;
    return GST_FLOW_OK;
  }
  return GST_FLOW_EOS;
}

static gboolean
gst_supcon_dataset_src_is_seekable (G_GNUC_UNUSED GstBaseSrc * base)
{
  return TRUE;
}

static gboolean
gst_supcon_dataset_src_do_seek (GstBaseSrc * base, GstSegment * segment)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (base);

  if (segment->rate < 0 || segment->format != GST_FORMAT_TIME)
    return FALSE;
  self->position = gst_util_uint64_scale_ceil (segment->position, self->fps_n,
      GST_SECOND * self->fps_d);
  return TRUE;
}

/* Frames and time, the units in which length and position are told. */
static gboolean
convert (GstSupconDatasetSrc * self, GstFormat from, gint64 value,
    GstFormat to, gint64 * result)
{
  gboolean from_time = from == GST_FORMAT_TIME;

  if (from != GST_FORMAT_TIME && from != GST_FORMAT_DEFAULT
      && from != GST_FORMAT_BUFFERS)
    return FALSE;
  if (to != GST_FORMAT_TIME && to != GST_FORMAT_DEFAULT
      && to != GST_FORMAT_BUFFERS)
    return FALSE;
  if (from_time == (to == GST_FORMAT_TIME) || value < 0)
    *result = value;
  else if (from_time)
    *result = gst_util_uint64_scale_round (value, self->fps_n,
        GST_SECOND * self->fps_d);
  else
    *result = time_of (self, value);
  return TRUE;
}

/* Passes over the data, and the labels that may come. */
static void
answer_dataset (GstSupconDatasetSrc * self, GstStructure * answer)
{
  guint n = supcon_dataset_n_classes (self->dataset);
  gchar **labels = g_new0 (gchar *, n + 1);

  for (guint i = 0; i < n; i++)
    labels[i] = g_strdup (supcon_dataset_class_name (self->dataset, i));
  gst_structure_set (answer, "epochs", G_TYPE_UINT, self->epochs,
      "labels", G_TYPE_STRV, labels, NULL);
  g_strfreev (labels);
}

static gboolean
gst_supcon_dataset_src_query (GstBaseSrc * base, GstQuery * query)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (base);
  GstFormat from, to;
  gint64 value, result;
  GstStructure *structure;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_DURATION:
      gst_query_parse_duration (query, &to, NULL);
      if (self->sampler && self->length
          && convert (self, GST_FORMAT_DEFAULT, self->length, to, &result)) {
        gst_query_set_duration (query, to, result);
        return TRUE;
      }
      break;
    case GST_QUERY_POSITION:
      gst_query_parse_position (query, &to, NULL);
      if (self->sampler
          && convert (self, GST_FORMAT_DEFAULT, self->position, to, &result)) {
        gst_query_set_position (query, to, result);
        return TRUE;
      }
      break;
    case GST_QUERY_CONVERT:
      gst_query_parse_convert (query, &from, &value, &to, NULL);
      if (convert (self, from, value, to, &result)) {
        gst_query_set_convert (query, from, value, to, result);
        return TRUE;
      }
      break;
    case GST_QUERY_CUSTOM:
      structure = gst_query_writable_structure (query);
      if (self->dataset
          && gst_structure_has_name (structure, GST_SUPCON_QUERY_DATASET)) {
        answer_dataset (self, structure);
        return TRUE;
      }
      break;
    default:
      break;
  }
  return
      GST_BASE_SRC_CLASS (gst_supcon_dataset_src_parent_class)->query (base,
      query);
}

static void
install_properties (GObjectClass * object_class)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (object_class, PROP_LOCATION,
      g_param_spec_string ("location", "Location",
          "Data set: an IDX file or a folder with them, a folder of CIFAR's "
          "binary files, or a folder of class folders", NULL, ready));
  g_object_class_install_property (object_class, PROP_LABELS_LOCATION,
      g_param_spec_string ("labels-location", "Labels location",
          "IDX file of labels where it is not beside the pictures under its "
          "usual name", NULL, ready));
  g_object_class_install_property (object_class, PROP_SPLIT,
      g_param_spec_enum ("split", "Split", "Which part of the data set",
          split_get_type (), SUPCON_SPLIT_TRAIN, ready));
  g_object_class_install_property (object_class, PROP_VAL_FRACTION,
      g_param_spec_double ("val-fraction", "Validation fraction",
          "Share of the training pictures that split=val plays and split=train "
          "leaves out, always the same ones; a folder val takes its place", 0.0,
          0.99, 0.0, ready));
  g_object_class_install_property (object_class, PROP_LABELLED,
      g_param_spec_double ("labelled", "Labelled",
          "Share of the pictures that keep their label, always the same ones, "
          "to try how few are enough", 0.0, 1.0, 1.0, ready));
  g_object_class_install_property (object_class, PROP_LABEL_NOISE,
      g_param_spec_double ("label-noise", "Label noise",
          "Share of the labels that are made wrong, always the same ones, to "
          "try how many do no harm", 0.0, 1.0, 0.0, ready));
  g_object_class_install_property (object_class, PROP_CLASS_NAMES,
      g_param_spec_string ("class-names", "Class names",
          "Names of the classes in their order, separated by commas; not set: "
          "the data set's own, or numbers", NULL, ready));
  g_object_class_install_property (object_class, PROP_SHUFFLE,
      g_param_spec_boolean ("shuffle", "Shuffle",
          "Play each epoch in another random order", FALSE, ready));
  g_object_class_install_property (object_class, PROP_SEED,
      g_param_spec_uint64 ("seed", "Seed", "Seed of the random order", 0,
          G_MAXUINT64, 0, ready));
  g_object_class_install_property (object_class, PROP_EPOCHS,
      g_param_spec_uint ("epochs", "Epochs",
          "How often the data set is played; 0 = without end", 0, G_MAXUINT,
          DEFAULT_EPOCHS, ready));
  g_object_class_install_property (object_class, PROP_MAX_SAMPLES,
      g_param_spec_uint ("max-samples", "Maximum samples",
          "Use only so many pictures: the first, or with shuffle a random "
          "choice that keeps the shares of the classes; 0 = all", 0, G_MAXUINT,
          0, ready));
  g_object_class_install_property (object_class, PROP_SAMPLER,
      g_param_spec_enum ("sampler", "Sampler",
          "How pictures are drawn; class-balanced makes sure that batches of "
          "the contrastive loss have positives", sampler_get_type (),
          SUPCON_SAMPLER_SEQUENTIAL, ready));
  g_object_class_install_property (object_class, PROP_CLASSES_PER_BATCH,
      g_param_spec_uint ("classes-per-batch", "Classes per batch",
          "Classes that sampler=class-balanced puts next to each other; 0 = "
          "all", 0, G_MAXUINT, 0, ready));
  g_object_class_install_property (object_class, PROP_SAMPLES_PER_CLASS,
      g_param_spec_uint ("samples-per-class", "Samples per class",
          "Pictures of each of these classes", 1, G_MAXUINT,
          DEFAULT_SAMPLES_PER_CLASS, ready));
  g_object_class_install_property (object_class, PROP_FRAMERATE,
      gst_param_spec_fraction ("framerate", "Framerate",
          "Pictures a second, for the timestamps", 1, G_MAXINT, G_MAXINT, 1,
          DEFAULT_FPS_N, DEFAULT_FPS_D, ready));
  g_object_class_install_property (object_class, PROP_SKIP_CORRUPT,
      g_param_spec_boolean ("skip-corrupt", "Skip corrupt",
          "Skip pictures that cannot be read, with a warning, instead of "
          "stopping with an error", FALSE, ready));
  g_object_class_install_property (object_class, PROP_SKIPPED,
      g_param_spec_uint64 ("skipped", "Skipped",
          "Pictures skipped since the start", 0, G_MAXUINT64, 0,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_supcon_dataset_src_class_init (GstSupconDatasetSrcClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (supcon_dataset_src_debug, "supcondatasetsrc", 0,
      "supcondatasetsrc");
  object_class->set_property = gst_supcon_dataset_src_set_property;
  object_class->get_property = gst_supcon_dataset_src_get_property;
  object_class->finalize = gst_supcon_dataset_src_finalize;
  install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Labelled data set source", "Source/Video",
      "Plays a labelled data set of pictures", "The gst-supcon authors");

  src_class->start = gst_supcon_dataset_src_start;
  src_class->stop = gst_supcon_dataset_src_stop;
  src_class->negotiate = gst_supcon_dataset_src_negotiate;
  src_class->is_seekable = gst_supcon_dataset_src_is_seekable;
  src_class->do_seek = gst_supcon_dataset_src_do_seek;
  src_class->query = gst_supcon_dataset_src_query;
  GST_PUSH_SRC_CLASS (klass)->create = gst_supcon_dataset_src_create;
  gst_type_mark_as_plugin_api (split_get_type (), 0);
  gst_type_mark_as_plugin_api (sampler_get_type (), 0);
}

static void
gst_supcon_dataset_src_init (GstSupconDatasetSrc * self)
{
  self->epochs = DEFAULT_EPOCHS;
  self->labelled = 1;
  self->sampler_config.samples_per_class = DEFAULT_SAMPLES_PER_CLASS;
  self->fps_n = DEFAULT_FPS_N;
  self->fps_d = DEFAULT_FPS_D;
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
}
