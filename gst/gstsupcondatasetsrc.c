/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supcondatasetsrc
 * @title: supcondatasetsrc
 * @short_description: Plays a labelled data set of pictures
 *
 * Reads IDX files (the MNIST family, plain or gzip'ed), CIFAR-10 and CIFAR-100 in their binary form, and folders whose
 * sub-folders are the classes: in each, and up to four folders below it, all files .jpg, .jpeg, .png, .bmp, .webp, .ppm,
 * .pgm, .pnm, .tif, .tiff and .gif, by GStreamer's decoders. Each frame carries the meta `supcon-sample` { label string,
 * sample uint64: its number in the data set, view uint }.
 *
 * The order depends on #GstSupconDatasetSrc:seed and the epoch alone, so a seek finds the same frames again. The length
 * of the stream is told in frames and in time, and seeks may count from its end, if it has one. Caps change in the stream
 * where pictures of a folder differ in size.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 supcondatasetsrc location=/usr/share/datasets/fashion-mnist shuffle=true max-samples=100 ! videoconvert ! fakesink
 * ]| Plays a hundred pictures of clothes (Debian's package dataset-fashion-mnist) in random order.
 */

#include "gstsupcondatasetsrc.h"

#include <gst/video/video.h>
#include <string.h>

#include "gstsupcondatasetsrcsettings.h"
#include "gstsupconmeta.h"
#include "gstsupconpicture.h"
#include "gstsupconstream.h"

GST_DEBUG_CATEGORY_STATIC (supcon_dataset_src_debug);
#define GST_CAT_DEFAULT supcon_dataset_src_debug

struct _GstSupconDatasetSrc
{
  GstPushSrc parent;

  GstSupconDatasetSrcSettings settings; /* under the object lock */

  /* From start to stop. Queries from other threads ask for the first group: they, and who changes it, hold the lock. */
  GMutex lock;
  GstSupconDatasetSrcSettings run;      /* settings at the start */
  SupconDataset *dataset;       /* NULL: stopped */
  guint64 position;             /* of the next frame, all epochs counted */
  guint64 length;               /* frames of all epochs; 0: without end */
  gdouble labelled;             /* the share of an epoch's frames that leave with their label */

  SupconSampler *sampler;
  GstSupconPictureDecoder *decoder;
  guint64 failures;             /* in a row */
  GHashTable *unreadable;       /* number of a picture that a warning told of, to why it cannot be read */
  GstVideoInfo info;            /* of the last frame */
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8 }")));

G_DEFINE_TYPE (GstSupconDatasetSrc, gst_supcon_dataset_src, GST_TYPE_PUSH_SRC);
GST_ELEMENT_REGISTER_DEFINE (supcondatasetsrc, "supcondatasetsrc",
    GST_RANK_NONE, GST_TYPE_SUPCON_DATASET_SRC);

static GstSupconSettingsClass *settings_class;

static void
gst_supcon_dataset_src_finalize (GObject * object)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (object);

  gst_supcon_settings_clear (settings_class, &self->settings);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_supcon_dataset_src_parent_class)->finalize (object);
}

static gdouble
share_labelled (const SupconDataset * dataset, SupconSampler * sampler)
{
  guint32 n = supcon_sampler_epoch_length (sampler), labelled = 0;

  for (guint32 i = 0; i < n; i++) {
    SupconSample sample;

    supcon_dataset_get (dataset, supcon_sampler_index (sampler, 0, i), &sample);
    labelled += sample.labelled;
  }
  return labelled / (gdouble) n;
}

static gboolean
gst_supcon_dataset_src_stop (GstBaseSrc * base)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (base);

  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->dataset, supcon_dataset_free);
  gst_supcon_settings_clear (settings_class, &self->run);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&self->decoder, gst_supcon_picture_decoder_free);
  g_clear_pointer (&self->sampler, supcon_sampler_free);
  g_clear_pointer (&self->unreadable, g_hash_table_unref);
  return TRUE;
}

static gboolean
gst_supcon_dataset_src_start (GstBaseSrc * base)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (base);
  SupconDataset *dataset;
  GError *error = NULL;
  gint num_buffers;
  gdouble labelled;

  g_object_get (self, "num-buffers", &num_buffers, NULL);
  GST_OBJECT_LOCK (self);
  self->settings.skipped = 0;
  self->run = self->settings;
  gst_supcon_settings_own_strings (settings_class, &self->run);
  GST_OBJECT_UNLOCK (self);
  dataset = gst_supcon_dataset_src_settings_open (&self->run, &error);
  if (dataset)
    self->sampler =
        supcon_sampler_new (dataset, &self->run.sampler_config, &error);
  if (!self->sampler) {
    g_clear_pointer (&dataset, supcon_dataset_free);
    gst_supcon_dataset_src_stop (base);
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  self->decoder = gst_supcon_picture_decoder_new ();
  self->unreadable = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->failures = 0;
  gst_video_info_init (&self->info);
  labelled = share_labelled (dataset, self->sampler);
  g_mutex_lock (&self->lock);
  self->dataset = dataset;
  self->length =
      (guint64) self->run.epochs * supcon_sampler_epoch_length (self->sampler);
  if (num_buffers >= 0)
    self->length = self->length ? MIN (self->length, (guint64) num_buffers) :
        (guint64) num_buffers;
  self->labelled = labelled;
  self->position = 0;
  g_mutex_unlock (&self->lock);
  return TRUE;
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
  info.fps_n = self->run.framerate[0];
  info.fps_d = self->run.framerate[1];
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

/* The picture as a writable buffer of the format that is set. */
static GstFlowReturn
read_picture (GstSupconDatasetSrc * self, const SupconSample * sample,
    GstBuffer ** buffer, GError ** error)
{
  GstVideoInfo info;

  *buffer = NULL;
  if (sample->pixels) {
    gst_video_info_set_format (&info, sample->channels == 1 ?
        GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_RGB, sample->width,
        sample->height);
  } else {
    *buffer = gst_supcon_picture_decoder_decode (self->decoder, sample->path,
        &info, error);
    if (!*buffer)
      return GST_FLOW_ERROR;
  }
  if (!set_format (self, GST_VIDEO_INFO_FORMAT (&info),
          GST_VIDEO_INFO_WIDTH (&info), GST_VIDEO_INFO_HEIGHT (&info))) {
    gst_clear_buffer (buffer);
    return gst_supcon_refused (GST_BASE_SRC_PAD (self));
  }
  *buffer = *buffer ? gst_buffer_make_writable (*buffer) :
      buffer_from_pixels (self, sample);
  return GST_FLOW_OK;
}

static GstClockTime
time_of (const GstSupconDatasetSrc * self, guint64 position)
{
  return gst_util_uint64_scale (position,
      GST_SECOND * self->run.framerate[1], self->run.framerate[0]);
}

static void
set_position (GstSupconDatasetSrc * self, guint64 position)
{
  g_mutex_lock (&self->lock);
  self->position = position;
  g_mutex_unlock (&self->lock);
}

/* A picture that cannot be read, and is not tried again: why. Takes error. */
static const gchar *
add_unreadable (GstSupconDatasetSrc * self, guint32 index, GError * error)
{
  gchar *shown = g_utf8_make_valid (error->message, -1);

  GST_ELEMENT_WARNING (self, STREAM, DECODE, ("Skipped: %s", shown), (NULL));
  g_hash_table_insert (self->unreadable, GUINT_TO_POINTER (index), shown);
  g_error_free (error);
  return shown;
}

/* Passes over a picture that cannot be read; why: so. FALSE: it was the last hope. */
static gboolean
skip_picture (GstSupconDatasetSrc * self, const gchar * why)
{
  /* All of an epoch are among as many as two have. Fewer may lie between the one that can be read and itself, where it is
   * the first of its epoch and the last of the next. */
  if (++self->failures >= 2 *
      (guint64) supcon_sampler_epoch_length (self->sampler)) {
    GST_ELEMENT_ERROR (self, STREAM, DECODE,
        ("No picture in %s can be read.", self->run.location),
        ("the last one: %s", why));
    return FALSE;
  }
  GST_OBJECT_LOCK (self);
  self->settings.skipped++;
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
    const gchar *why = g_hash_table_lookup (self->unreadable,
        GUINT_TO_POINTER (index));
    SupconSample sample;
    GError *error = NULL;
    GstFlowReturn ret;
    GstBuffer *buffer;

    supcon_dataset_get (self->dataset, index, &sample);
    if (!why) {
      ret = read_picture (self, &sample, &buffer, &error);
      if (ret != GST_FLOW_OK && ret != GST_FLOW_ERROR)
        return ret;
      if (ret == GST_FLOW_ERROR && !self->run.skip_corrupt) {
        gst_supcon_post_error (GST_ELEMENT (self), error);
        return GST_FLOW_ERROR;
      }
      if (ret == GST_FLOW_ERROR)
        why = add_unreadable (self, index, error);
    }
    set_position (self, position + 1);
    if (why) {
      if (!skip_picture (self, why))
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

  guint64 position;

  if (segment->format != GST_FORMAT_TIME)
    return FALSE;
  /* The frame that is shown then. Starts of frames are rounded down, and so is what is asked for. */
  position = gst_util_uint64_scale (segment->position, self->run.framerate[0],
      GST_SECOND * self->run.framerate[1]);
  if (time_of (self, position + 1) <= segment->position)
    position++;
  set_position (self, position);
  return TRUE;
}

/* The place that an end of the seek goes to, as one from the start. FALSE: it
 * counts from an end that the stream has not. */
static gboolean
place_from_start (GstSupconDatasetSrc * self, GstFormat format,
    GstSeekType * type, gint64 * place)
{
  gint64 length;

  if (*type != GST_SEEK_TYPE_END)
    return TRUE;
  if (!gst_pad_query_duration (GST_BASE_SRC_PAD (self), format, &length)
      || length < 0) {
    GST_WARNING_OBJECT (self, "the stream has no end to seek from");
    return FALSE;
  }
  *type = GST_SEEK_TYPE_SET;
  *place = length + CLAMP (*place, -length, 0);
  return TRUE;
}

/* Refused before the base class flushes for it, which would leave the stream
 * without a segment. The base class takes a place from the end for one from the
 * start: it looks for a length in its segment, which has none. */
static GstEvent *
seek_from_start (GstSupconDatasetSrc * self, GstEvent * event)
{
  gdouble rate;
  GstFormat format;
  GstSeekFlags flags;
  GstSeekType start_type, stop_type;
  gint64 start, stop;
  GstEvent *seek;

  gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
      &stop_type, &stop);
  if (rate < 0) {
    GST_WARNING_OBJECT (self, "frames are not played backwards");
    return NULL;
  }
  if (!place_from_start (self, format, &start_type, &start)
      || !place_from_start (self, format, &stop_type, &stop))
    return NULL;
  seek = gst_event_new_seek (rate, format, flags, start_type, start, stop_type,
      stop);
  gst_event_set_seqnum (seek, gst_event_get_seqnum (event));
  return seek;
}

static gboolean
gst_supcon_dataset_src_event (GstBaseSrc * base, GstEvent * event)
{
  GstBaseSrcClass *parent =
      GST_BASE_SRC_CLASS (gst_supcon_dataset_src_parent_class);
  GstEvent *seek;
  gboolean done;

  if (GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    return parent->event (base, event);
  seek = seek_from_start (GST_SUPCON_DATASET_SRC (base), event);
  done = seek && parent->event (base, seek);
  gst_clear_event (&seek);
  return done;
}

/* Seeks that are sent to the element do not come by its pad. */
static gboolean
gst_supcon_dataset_src_send_event (GstElement * element, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK) {
    GstEvent *seek = seek_from_start (GST_SUPCON_DATASET_SRC (element), event);

    gst_event_unref (event);
    if (!seek)
      return FALSE;
    event = seek;
  }
  return GST_ELEMENT_CLASS (gst_supcon_dataset_src_parent_class)->send_event
      (element, event);
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
    *result = gst_util_uint64_scale_round (value, self->run.framerate[0],
        GST_SECOND * self->run.framerate[1]);
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
  gst_structure_set (answer, "epochs", G_TYPE_UINT, self->run.epochs,
      "labels", G_TYPE_STRV, labels, "labelled", G_TYPE_DOUBLE, self->labelled,
      NULL);
  g_strfreev (labels);
}

/* With the lock held, between start and stop. FALSE: it is not ours to answer. */
static gboolean
answer (GstSupconDatasetSrc * self, GstQuery * query)
{
  GstFormat from, to;
  gint64 value, result;
  GstStructure *structure;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_DURATION:
      gst_query_parse_duration (query, &to, NULL);
      if (self->length == 0
          || !convert (self, GST_FORMAT_DEFAULT, self->length, to, &result))
        return FALSE;
      gst_query_set_duration (query, to, result);
      return TRUE;
    case GST_QUERY_POSITION:
      gst_query_parse_position (query, &to, NULL);
      if (!convert (self, GST_FORMAT_DEFAULT, self->position, to, &result))
        return FALSE;
      gst_query_set_position (query, to, result);
      return TRUE;
    case GST_QUERY_CONVERT:
      gst_query_parse_convert (query, &from, &value, &to, NULL);
      if (!convert (self, from, value, to, &result))
        return FALSE;
      gst_query_set_convert (query, from, value, to, result);
      return TRUE;
    case GST_QUERY_CUSTOM:
      structure = gst_query_writable_structure (query);
      if (!gst_structure_has_name (structure, GST_SUPCON_QUERY_DATASET))
        return FALSE;
      answer_dataset (self, structure);
      return TRUE;
    default:
      return FALSE;
  }
}

static gboolean
gst_supcon_dataset_src_query (GstBaseSrc * base, GstQuery * query)
{
  GstSupconDatasetSrc *self = GST_SUPCON_DATASET_SRC (base);
  gboolean answered;

  g_mutex_lock (&self->lock);
  answered = self->dataset && answer (self, query);
  g_mutex_unlock (&self->lock);
  return answered ||
      GST_BASE_SRC_CLASS (gst_supcon_dataset_src_parent_class)->query (base,
      query);
}

static void
gst_supcon_dataset_src_class_init (GstSupconDatasetSrcClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (supcon_dataset_src_debug, "supcondatasetsrc", 0,
      "supcondatasetsrc");
  object_class->finalize = gst_supcon_dataset_src_finalize;
  settings_class = gst_supcon_dataset_src_settings_install (object_class,
      G_STRUCT_OFFSET (GstSupconDatasetSrc, settings));

  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "SupCon data set source", "Source/Video",
      "Plays a labelled data set of pictures", "The gst-supcon authors");
  element_class->send_event = gst_supcon_dataset_src_send_event;

  src_class->start = gst_supcon_dataset_src_start;
  src_class->stop = gst_supcon_dataset_src_stop;
  src_class->negotiate = gst_supcon_dataset_src_negotiate;
  src_class->is_seekable = gst_supcon_dataset_src_is_seekable;
  src_class->do_seek = gst_supcon_dataset_src_do_seek;
  src_class->event = gst_supcon_dataset_src_event;
  src_class->query = gst_supcon_dataset_src_query;
  GST_PUSH_SRC_CLASS (klass)->create = gst_supcon_dataset_src_create;
}

static void
gst_supcon_dataset_src_init (GstSupconDatasetSrc * self)
{
  gst_supcon_settings_init (settings_class, &self->settings);
  g_mutex_init (&self->lock);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
}
