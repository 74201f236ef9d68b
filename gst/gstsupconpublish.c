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
 * label alone. supconlabel reads that back as labels, but for space at either end and carriage returns, which become
 * spaces; behind each `<` and line feed stands a WORD JOINER (U+2060), which is not seen. Frames that are unknown have no cue.
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
#include <unistd.h>

#include <gst/base/gstbasetransform.h>

#include "gstsupconenums.h"
#include "gstsupconfields.h"
#include "gstsupconjson.h"
#include "gstsupconmeta.h"
#include "gstsupconsettings.h"
#include "gstsupconstream.h"
#include "gstsupconsubtitles.h"
#include "gstsupcontextfile.h"

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
  GstSupconTextFile *text;      /* whose the file is; NULL: standard output */
  gboolean begun;               /* what was in the file before is gone */
  gboolean told;                /* that it cannot be written */
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

/* Streaming */

/* What is there stays until there is something to write: other elements may not
 * start. */
static FILE *
open_file (const GstSupconTextFile * file, GError ** error)
{
  gint fd = gst_supcon_text_file_open (file, 0, error);

  return fd >= 0 ? fdopen (fd, "w") : NULL;
}

static gboolean
gst_supcon_publish_start (GstBaseTransform * trans)
{
  GstSupconPublish *self = GST_SUPCON_PUBLISH (trans);
  GError *error = NULL;
  gboolean subtitles;
  gchar *location;

  GST_OBJECT_LOCK (self);
  location = g_strdup (self->settings.location);
  subtitles = self->settings.format == FORMAT_SRT;
  GST_OBJECT_UNLOCK (self);
  self->begun = self->told = FALSE;
  if (!location)
    self->file = stdout;
  else if ((self->text = gst_supcon_text_file_new ("location", location,
              subtitles ? GST_SUPCON_TEXT_SUBTITLES : GST_SUPCON_TEXT_JSON,
              &error)))
    self->file = open_file (self->text, &error);
  g_free (location);
  if (error) {
    g_clear_pointer (&self->text, gst_supcon_text_file_free);
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  if (subtitles)
    self->subtitles = gst_supcon_subtitles_new (self->file);
  return TRUE;
}

/* Says which file could not be written, by errno; once, since what is left in
 * the buffer fails again when it is closed. */
static void
post_write_error (GstSupconPublish * self)
{
  gint number = errno;
  gchar *location;

  if (self->told)
    return;
  self->told = TRUE;
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
is_owned (const GstSupconPublish * self)
{
  return self->text && gst_supcon_text_file_is_owned (self->text);
}

/* An empty file is mostly one that was written before the tags were made. */
static void
warn_if_empty (GstSupconPublish * self)
{
  gchar *location;

  if (!is_owned (self) || !self->begun || ftell (self->file) != 0)
    return;
  GST_OBJECT_LOCK (self);
  location = g_strdup (self->settings.location);
  GST_OBJECT_UNLOCK (self);
  GST_ELEMENT_WARNING (self, STREAM, FAILED,
      ("Nothing is written to %s, as no frame carried %s; expected %s upstream "
          "of supconpublish.", location,
          self->subtitles ? "a tag other than unknown" : "tags or neighbours",
          self->subtitles ? "supcontagger" :
          "supcontagger, or supconindex with mode=search,"), (NULL));
  g_free (location);
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
  g_clear_pointer (&self->text, gst_supcon_text_file_free);
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
    warn_if_empty (self);
  }
  return GST_BASE_TRANSFORM_CLASS (gst_supcon_publish_parent_class)->sink_event
      (trans, event);
}

static gboolean
write_line (GstSupconPublish * self, GstBuffer * buffer)
{
  GstStructure *s;
  gboolean ok;
  gchar *line, *source;

  GST_OBJECT_LOCK (self);
  source = g_strdup (self->settings.source);
  GST_OBJECT_UNLOCK (self);
  s = gst_supcon_frame_to_structure (buffer, &self->info,
      gst_supcon_stream_time (&GST_BASE_TRANSFORM (self)->segment, buffer),
      source ? source : self->stream_uri);
  g_free (source);
  if (!s)
    return TRUE;
  line = gst_supcon_structure_to_json (s);
  ok = fprintf (self->file, "%s\n", line) > 0 && fflush (self->file) == 0;
  g_free (line);
  gst_structure_free (s);
  return ok;
}

/* Before the first frame. */
static gboolean
begin (GstSupconPublish * self)
{
  gboolean done = self->begun || !is_owned (self)
      || ftruncate (fileno (self->file), 0) == 0;

  self->begun = TRUE;
  return done;
}

static gboolean
write_frame (GstSupconPublish * self, GstBuffer * buffer)
{
  const GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;

  return self->subtitles ? gst_supcon_subtitles_add (self->subtitles, buffer,
      gst_supcon_stream_time (segment, buffer)) : write_line (self, buffer);
}

static GstFlowReturn
gst_supcon_publish_transform_ip (GstBaseTransform * trans, GstBuffer * buffer)
{
  GstSupconPublish *self = GST_SUPCON_PUBLISH (trans);

  if (begin (self) && write_frame (self, buffer))
    return GST_FLOW_OK;
  post_write_error (self);
  return GST_FLOW_ERROR;
}

/* Properties */

static void
gst_supcon_publish_finalize (GObject * object)
{
  gst_supcon_settings_clear (settings_class,
      &GST_SUPCON_PUBLISH (object)->settings);
  G_OBJECT_CLASS (gst_supcon_publish_parent_class)->finalize (object);
}

#define ADD(field, spec) \
  gst_supcon_settings_install (settings_class, \
      G_STRUCT_OFFSET (Settings, field), spec)

static void
gst_supcon_publish_class_init (GstSupconPublishClass * klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->finalize = gst_supcon_publish_finalize;
  settings_class = gst_supcon_settings_class_new (object_class, 1,
      G_STRUCT_OFFSET (GstSupconPublish, settings));
  ADD (location, g_param_spec_string ("location",
          "Location", "File that is written; one of the same format is replaced "
          "when the first frame comes; not set: standard output", NULL, flags | GST_PARAM_MUTABLE_READY));
  ADD (format, g_param_spec_enum ("format",
          "Format", "What is written", GST_TYPE_SUPCON_PUBLISH_FORMAT,
          FORMAT_JSON_LINES, flags | GST_PARAM_MUTABLE_READY));
  ADD (source, g_param_spec_string ("source",
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
