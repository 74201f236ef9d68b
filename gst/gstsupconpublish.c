/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supconpublish
 * @title: supconpublish
 * @short_description: Writes tags and neighbours as JSON Lines or subtitles
 *
 * Writes what frames carry to the file #GstSupconPublish:location or to standard output, and passes the frames on.
 *
 * With #GstSupconPublish:format=json-lines it is a line of JSON for each frame that carries regions of interest (supcontagger's tags, a
 * detector's boxes) or neighbours (supconindex). The fields have the names that DL Streamer's gvametaconvert and gvametapublish give them, so that what reads those reads
 * these:
 *
 *     { "resolution": { "width", "height" }, "source": URI, "timestamp": nanoseconds in the stream,
 *       "objects": [ { "x", "y", "w", "h", "roi_type", "id",
 *         "detection": { "bounding_box": { "x_min", "y_min", "x_max", "y_max" }, "label", "label_id", "confidence" },
 *         "classification": { "label", "label_id", "confidence", "model": { "name" } },
 *         "tensors": [ { "name", "label", "label_id", "confidence" } ] } ],
 *       "neighbours": [ { "score", "label", "timestamp", "source" } ] }
 *
 * A region without a detector's parameters has the box of its rectangle, and the first tag's label and confidence, under
 * `detection`. `classification` (or the name that a classifier of another maker gave) is the first tag, `tensors` are all
 * of them. What is not known is left out. `neighbours` is ours; DL Streamer has nothing like it.
 *
 * Each line is written at once, so that a reader at the other end of a pipe need not wait.
 *
 * With format=srt it is a SubRip subtitle file: a cue for each run of frames with the same first tag, whose text is the
 * label alone (line breaks in it become spaces). supconlabel reads that back as labels. Frames that are unknown have no cue.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=3 ! videoconvert ! supconencoder location=model.safetensors ! supcontagger location=model.safetensors top-k=3 ! supconpublish ! fakesink
 * ]| Prints what a test picture is taken for.
 */

#include "gstsupconpublish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gst/base/gstbasetransform.h>

#include "gstsupconenums.h"
#include "gstsupconjson.h"
#include "gstsupconmeta.h"
#include "gstsupconregions.h"
#include "gstsupconsettings.h"
#include "gstsupconsubtitles.h"

GST_DEBUG_CATEGORY_STATIC (supcon_publish_debug);
#define GST_CAT_DEFAULT supcon_publish_debug

typedef enum
{
  FORMAT_JSON_LINES,
  FORMAT_SRT
} Format;

typedef struct
{
  gchar *location;
  gint format;
  gchar *source;
} Settings;

struct _GstSupconPublish
{
  GstBaseTransform parent;

  Settings settings;            /* under the object lock */

  /* Streaming thread, from start to stop. */
  FILE *file;
  GstVideoInfo info;
  gchar *stream_uri;            /* what upstream answers */

  GstSupconSubtitles *subtitles;        /* NULL: lines are written */
};

static GstSupconSettingsClass *settings_class;

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));

#define GST_TYPE_SUPCON_PUBLISH_FORMAT (gst_supcon_publish_format_get_type ())
/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, gst_supcon_publish_format_get_type, "GstSupconPublishFormat",
    {FORMAT_JSON_LINES, "A JSON object on a line for each frame, in DL Streamer's field names", "json-lines"},
    {FORMAT_SRT, "SubRip subtitles, a cue for each run of frames with the same first tag", "srt"})
/* *INDENT-ON* */

G_DEFINE_TYPE_WITH_CODE (GstSupconPublish, gst_supcon_publish,
    GST_TYPE_BASE_TRANSFORM,
    GST_DEBUG_CATEGORY_INIT (supcon_publish_debug, "supconpublish", 0,
        "supconpublish element"));
GST_ELEMENT_REGISTER_DEFINE (supconpublish, "supconpublish", GST_RANK_NONE,
    GST_TYPE_SUPCON_PUBLISH);

/* From metas to fields */

/* Takes structure. */
static void
set_structure (GstStructure * s, const gchar * field, GstStructure * structure)
{
  gst_structure_set (s, field, GST_TYPE_STRUCTURE, structure, NULL);
  gst_structure_free (structure);
}

/* Takes structure. */
static void
append_structure (GValue * array, GstStructure * structure)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&value, structure);
  gst_value_array_append_and_take_value (array, &value);
}

/* Those of the three that are in param, into s. */
static void
copy_label (GstStructure * s, const GstStructure * param)
{
  static const gchar *const fields[] = { "label", "label_id", "confidence" };

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    const GValue *value = gst_structure_get_value (param, fields[i]);

    if (value)
      gst_structure_set_value (s, fields[i], value);
  }
}

static GstStructure *
detection_to_structure (GstSupconPublish * self,
    const GstVideoRegionOfInterestMeta * roi, const GstStructure * detection,
    const GstStructure * first)
{
  gdouble x_min = roi->x / (gdouble) GST_VIDEO_INFO_WIDTH (&self->info);
  gdouble y_min = roi->y / (gdouble) GST_VIDEO_INFO_HEIGHT (&self->info);
  gdouble x_max =
      (roi->x + (gdouble) roi->w) / GST_VIDEO_INFO_WIDTH (&self->info);
  gdouble y_max =
      (roi->y + (gdouble) roi->h) / GST_VIDEO_INFO_HEIGHT (&self->info);
  GstStructure *s = gst_structure_new_empty ("detection");

  if (detection) {
    gst_structure_get (detection, "x_min", G_TYPE_DOUBLE, &x_min,
        "y_min", G_TYPE_DOUBLE, &y_min, "x_max", G_TYPE_DOUBLE, &x_max,
        "y_max", G_TYPE_DOUBLE, &y_max, NULL);
    copy_label (s, detection);
    if (!gst_structure_has_field (s, "label") && roi->roi_type)
      gst_structure_set (s, "label", G_TYPE_STRING,
          g_quark_to_string (roi->roi_type), NULL);
  } else if (first) {
    copy_label (s, first);
  }
  set_structure (s, "bounding_box", gst_structure_new ("bounding-box",
          "x_min", G_TYPE_DOUBLE, x_min, "y_min", G_TYPE_DOUBLE, y_min,
          "x_max", G_TYPE_DOUBLE, x_max, "y_max", G_TYPE_DOUBLE, y_max, NULL));
  return s;
}

static GstStructure *
classification_to_structure (const GstStructure * param, const gchar * model)
{
  const gchar *name = gst_structure_get_string (param, "model_name");
  GstStructure *s = gst_structure_new_empty ("classification");

  copy_label (s, param);
  if (!name)
    name = model;
  if (name)
    set_structure (s, "model", gst_structure_new ("model", "name",
            G_TYPE_STRING, name, NULL));
  return s;
}

static GstStructure *
region_to_structure (GstSupconPublish * self,
    const GstVideoRegionOfInterestMeta * roi, const gchar * model)
{
  GstStructure *s = gst_structure_new ("object", "x", G_TYPE_UINT, roi->x,
      "y", G_TYPE_UINT, roi->y, "w", G_TYPE_UINT, roi->w, "h", G_TYPE_UINT,
      roi->h, NULL);
  const GstStructure *detection = NULL, *first = NULL;
  GValue tensors = G_VALUE_INIT;

  gst_value_array_init (&tensors, 1);
  if (roi->roi_type)
    gst_structure_set (s, "roi_type", G_TYPE_STRING,
        g_quark_to_string (roi->roi_type), NULL);
  for (const GList * l = roi->params; l; l = l->next) {
    const GstStructure *param = l->data;
    const gchar *attribute =
        gst_structure_get_string (param, "attribute_name");
    GstStructure *tensor;
    gint id;

    /* What travels between our own elements is no tag. */
    if (gst_structure_has_name (param, GST_SUPCON_SAMPLE_META)
        || gst_structure_has_name (param, GST_SUPCON_EMBEDDING_META))
      continue;
    if (!attribute)
      attribute = gst_structure_get_name (param);
    if (gst_structure_has_name (param, "object_id")) {
      if (gst_structure_get_int (param, "id", &id))
        gst_structure_set (s, "id", G_TYPE_INT, id, NULL);
      continue;
    }
    if (gst_structure_has_name (param, "detection")) {
      detection = param;
    } else if (gst_structure_has_field (param, "label")) {
      if (!first)
        first = param;
      if (!gst_structure_has_field (s, attribute))
        set_structure (s, attribute, classification_to_structure (param,
                model));
    }
    tensor = gst_structure_new ("tensor", "name", G_TYPE_STRING, attribute,
        NULL);
    copy_label (tensor, param);
    append_structure (&tensors, tensor);
  }
  set_structure (s, "detection", detection_to_structure (self, roi, detection,
          first));
  gst_structure_take_value (s, "tensors", &tensors);
  return s;
}

/* FALSE: there is no region. */
static gboolean
regions_to_array (GstSupconPublish * self, GstBuffer * buffer, GValue * array)
{
  GstBuffer *embedding;
  const gchar *model = NULL;
  GstVideoRegionOfInterestMeta *roi;
  gpointer state = NULL;

  embedding = gst_supcon_buffer_get_embedding (buffer, NULL, NULL, &model);
  gst_value_array_init (array, 1);
  while ((roi = gst_supcon_region_next (buffer, &state)))
    append_structure (array, region_to_structure (self, roi,
            roi->roi_type == g_quark_from_static_string ("supcon") ? model :
            NULL));
  gst_clear_buffer (&embedding);
  return gst_value_array_get_size (array) > 0;
}

/* The i-th of the field's values. NULL: there is none of that type, as any application can attach the meta. */
static const GValue *
get_element (const GstStructure * meta, const gchar * field, guint i,
    GType type)
{
  const GValue *array = gst_structure_get_value (meta, field), *value;

  if (!array || !GST_VALUE_HOLDS_ARRAY (array)
      || i >= gst_value_array_get_size (array))
    return NULL;
  value = gst_value_array_get_value (array, i);
  return G_VALUE_HOLDS (value, type) ? value : NULL;
}

static gboolean
is_text (const GValue * value)
{
  const gchar *text = value ? g_value_get_string (value) : NULL;

  return text && *text && g_utf8_validate (text, -1, NULL);
}

static void
neighbours_to_array (const GstStructure * meta, GValue * array)
{
  const GValue *scores = gst_structure_get_value (meta, "scores");
  guint n = scores && GST_VALUE_HOLDS_ARRAY (scores) ?
      gst_value_array_get_size (scores) : 0;

  gst_value_array_init (array, 1);
  for (guint i = 0; i < n; i++) {
    const GValue *score = get_element (meta, "scores", i, G_TYPE_DOUBLE);
    const GValue *label = get_element (meta, "labels", i, G_TYPE_STRING);
    const GValue *uri = get_element (meta, "uris", i, G_TYPE_STRING);
    const GValue *time = get_element (meta, "timestamps", i, G_TYPE_UINT64);
    GstStructure *s;

    if (!score)
      continue;
    s = gst_structure_new_empty ("neighbour");
    gst_structure_set_value (s, "score", score);
    if (is_text (label))
      gst_structure_set_value (s, "label", label);
    if (is_text (uri))
      gst_structure_set_value (s, "source", uri);
    if (time && GST_CLOCK_TIME_IS_VALID (g_value_get_uint64 (time)))
      gst_structure_set_value (s, "timestamp", time);
    append_structure (array, s);
  }
}

static GstClockTime
stream_time (GstSupconPublish * self, GstBuffer * buffer)
{
  return gst_segment_to_stream_time (&GST_BASE_TRANSFORM (self)->segment,
      GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
}

/* NULL: the frame carries nothing to be told. */
static GstStructure *
frame_to_structure (GstSupconPublish * self, GstBuffer * buffer)
{
  const GstStructure *found = gst_supcon_buffer_get_neighbours (buffer);
  GstClockTime time = stream_time (self, buffer);
  GValue objects = G_VALUE_INIT, neighbours = G_VALUE_INIT;
  gboolean any = regions_to_array (self, buffer, &objects);
  GstStructure *s;

  if (!any && !found) {
    g_value_unset (&objects);
    return NULL;
  }
  s = gst_structure_new_empty ("frame");
  set_structure (s, "resolution", gst_structure_new ("resolution",
          "width", G_TYPE_INT, GST_VIDEO_INFO_WIDTH (&self->info),
          "height", G_TYPE_INT, GST_VIDEO_INFO_HEIGHT (&self->info), NULL));
  GST_OBJECT_LOCK (self);
  if (self->settings.source || self->stream_uri)
    gst_structure_set (s, "source", G_TYPE_STRING,
        self->settings.source ? self->settings.source : self->stream_uri, NULL);
  GST_OBJECT_UNLOCK (self);
  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_structure_set (s, "timestamp", G_TYPE_UINT64, time, NULL);
  if (any)
    gst_structure_take_value (s, "objects", &objects);
  else
    g_value_unset (&objects);
  if (found) {
    neighbours_to_array (found, &neighbours);
    gst_structure_take_value (s, "neighbours", &neighbours);
  }
  return s;
}

/* Streaming */

static gboolean
gst_supcon_publish_start (GstBaseTransform * trans)
{
  GstSupconPublish *self = GST_SUPCON_PUBLISH (trans);
  gboolean subtitles;
  gchar *location;

  GST_OBJECT_LOCK (self);
  location = g_strdup (self->settings.location);
  subtitles = self->settings.format == FORMAT_SRT;
  GST_OBJECT_UNLOCK (self);
  self->file = location ? fopen (location, "we") : stdout;
  if (!self->file)
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_WRITE,
        ("%s: cannot be written: %s", location, g_strerror (errno)), (NULL));
  else if (subtitles)
    self->subtitles = gst_supcon_subtitles_new (self->file);
  g_free (location);
  return self->file != NULL;
}

/* Says which file could not be written, by errno. */
static void
post_write_error (GstSupconPublish * self)
{
  gint number = errno;
  gchar *location;

  GST_OBJECT_LOCK (self);
  location = g_strdup (self->settings.location);
  GST_OBJECT_UNLOCK (self);
  GST_ELEMENT_ERROR (self, RESOURCE, WRITE, ("%s: cannot be written: %s",
          location ? location : "standard output", g_strerror (number)),
      (NULL));
  g_free (location);
}

static void
end_subtitles (GstSupconPublish * self)
{
  if (self->subtitles && !gst_supcon_subtitles_end (self->subtitles))
    post_write_error (self);
}

static gboolean
gst_supcon_publish_stop (GstBaseTransform * trans)
{
  GstSupconPublish *self = GST_SUPCON_PUBLISH (trans);

  end_subtitles (self);
  g_clear_pointer (&self->subtitles, gst_supcon_subtitles_free);
  if (self->file != stdout && fclose (self->file) != 0)
    post_write_error (self);
  self->file = NULL;
  g_clear_pointer (&self->stream_uri, g_free);
  return TRUE;
}

static gboolean
gst_supcon_publish_set_caps (GstBaseTransform * trans, GstCaps * incaps,
    G_GNUC_UNUSED GstCaps * outcaps)
{
  return gst_video_info_from_caps (&GST_SUPCON_PUBLISH (trans)->info, incaps);
}

static gboolean
gst_supcon_publish_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstSupconPublish *self = GST_SUPCON_PUBLISH (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
    g_free (self->stream_uri);
    self->stream_uri = gst_supcon_upstream_uri (trans->sinkpad);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
    end_subtitles (self);
  }
  return GST_BASE_TRANSFORM_CLASS (gst_supcon_publish_parent_class)->sink_event
      (trans, event);
}

static gboolean
write_line (GstSupconPublish * self, GstBuffer * buffer)
{
  GstStructure *s = frame_to_structure (self, buffer);
  gboolean ok;
  gchar *line;

  if (!s)
    return TRUE;
  line = gst_supcon_structure_to_json (s);
  ok = fprintf (self->file, "%s\n", line) > 0 && fflush (self->file) == 0;
  g_free (line);
  gst_structure_free (s);
  return ok;
}

static GstFlowReturn
gst_supcon_publish_transform_ip (GstBaseTransform * trans, GstBuffer * buffer)
{
  GstSupconPublish *self = GST_SUPCON_PUBLISH (trans);

  if (self->subtitles ? gst_supcon_subtitles_add (self->subtitles, buffer,
          stream_time (self, buffer)) : write_line (self, buffer))
    return GST_FLOW_OK;
  post_write_error (self);
  return GST_FLOW_ERROR;
}

/* Properties */

static void
gst_supcon_publish_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstSupconPublish *self = GST_SUPCON_PUBLISH (object);

  GST_OBJECT_LOCK (self);
  if (!gst_supcon_settings_set (settings_class, &self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_publish_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstSupconPublish *self = GST_SUPCON_PUBLISH (object);

  GST_OBJECT_LOCK (self);
  if (!gst_supcon_settings_get (settings_class, &self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_publish_finalize (GObject * object)
{
  gst_supcon_settings_clear (settings_class,
      &GST_SUPCON_PUBLISH (object)->settings);
  G_OBJECT_CLASS (gst_supcon_publish_parent_class)->finalize (object);
}

static void
gst_supcon_publish_class_init (GstSupconPublishClass * klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->set_property = gst_supcon_publish_set_property;
  object_class->get_property = gst_supcon_publish_get_property;
  object_class->finalize = gst_supcon_publish_finalize;
  settings_class = gst_supcon_settings_class_new (1);
  gst_supcon_settings_install (settings_class, object_class,
      G_STRUCT_OFFSET (Settings, location), g_param_spec_string ("location",
          "Location", "File that is written; it is replaced; "
          "not set: standard output", NULL, flags | GST_PARAM_MUTABLE_READY));
  gst_supcon_settings_install (settings_class, object_class,
      G_STRUCT_OFFSET (Settings, format), g_param_spec_enum ("format",
          "Format", "What is written", GST_TYPE_SUPCON_PUBLISH_FORMAT,
          FORMAT_JSON_LINES, flags | GST_PARAM_MUTABLE_READY));
  gst_supcon_settings_install (settings_class, object_class,
      G_STRUCT_OFFSET (Settings, source), g_param_spec_string ("source",
          "Source", "Field source of the lines; not set: the URI that upstream "
          "answers", NULL, flags | GST_PARAM_MUTABLE_PLAYING));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "SupCon publisher",
      "Filter/Metadata", "Writes tags and neighbours as JSON Lines or subtitles",
      "The gst-supcon authors");

  trans_class->start = gst_supcon_publish_start;
  trans_class->stop = gst_supcon_publish_stop;
  trans_class->set_caps = gst_supcon_publish_set_caps;
  trans_class->sink_event = gst_supcon_publish_sink_event;
  trans_class->transform_ip = gst_supcon_publish_transform_ip;
  trans_class->transform_ip_on_passthrough = TRUE;

  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_PUBLISH_FORMAT, 0);
}

static void
gst_supcon_publish_init (GstSupconPublish * self)
{
  gst_supcon_settings_init (settings_class, &self->settings);
  /* Frames are read only, so one that is shared need not be copied. */
  gst_base_transform_set_passthrough (GST_BASE_TRANSFORM (self), TRUE);
}
