/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supconlabel
 * @title: supconlabel
 *
 * Attaches a label to every frame, as a `supcon-sample` meta with the frame's sample number (the one it came with,
 * else the number of the frame). The label is the first of these that there is for the frame:
 *
 * - the cue on the request pad `text` in whose time [start, end) the frame's running time falls (the newest, where
 *   cues overlap; one without duration lasts until the next begins). Frames wait until the text stream is known up to
 *   their time. Subtitle files arrive through subparse: `filesrc location=labels.srt ! subparse ! l.text`
 * - the frame's entry in the file at `labels-location`
 * - the property `label`
 *
 * A frame with none of them is unlabelled, whatever label it came with.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=10 ! supconlabel label=bars ! fakesink
 * ]|
 */

#include "gstsupconlabel.h"

#include "data/frame_labels.h"
#include "gstsupconmeta.h"

GST_DEBUG_CATEGORY_STATIC (gst_supcon_label_debug);
#define GST_CAT_DEFAULT gst_supcon_label_debug

enum
{
  PROP_0,
  PROP_LABEL,
  PROP_LABELS_LOCATION,
  PROP_LABELLED,
  PROP_UNLABELLED,
};

/* A label and the running time [start, end) that it holds for. */
typedef struct
{
  GstClockTime start, end;
  gchar *label;
} Cue;

struct _GstSupconLabel
{
  GstElement parent;
  GstPad *sink, *src, *text;    /* text: under the object lock, or NULL */

  /* Under the object lock. */
  gchar *label, *labels_location;
  guint64 labelled, unlabelled;

  /* The video's streaming thread's. */
  GstSegment segment;
  gint fps_n, fps_d;
  gboolean frame_known;         /* frame counts on from the last one */
  gboolean flushed;             /* the next frame follows a seek */
  guint64 frame;
  GPtrArray *file;              /* labels-location's labels or NULL; "" = none */

  /* Between the text and the video, under lock. */
  GMutex lock;
  GCond changed;
  GQueue cues;
  GstSegment text_segment;
  GstClockTime text_position;   /* running time up to which cues are known */
  gboolean text_markup, text_linked, text_eos, text_flushing;
  gboolean flushing;            /* the video is */
  gboolean seeking;             /* a flushing seek is on its way upstream */
};

#define gst_supcon_label_parent_class parent_class
G_DEFINE_FINAL_TYPE (GstSupconLabel, gst_supcon_label, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE (supconlabel, "supconlabel", GST_RANK_NONE,
    GST_TYPE_SUPCON_LABEL);

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));
static GstStaticPadTemplate text_template = GST_STATIC_PAD_TEMPLATE ("text",
    GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("text/x-raw, format={ utf8, pango-markup }"));

static void
cue_free (gpointer data)
{
  Cue *cue = data;

  g_free (cue->label);
  g_free (cue);
}

static gboolean
load_labels (GstSupconLabel * self)
{
  gchar *location;
  GError *error = NULL;

  g_clear_pointer (&self->file, g_ptr_array_unref);
  GST_OBJECT_LOCK (self);
  location = g_strdup (self->labels_location);
  GST_OBJECT_UNLOCK (self);
  if (!location)
    return TRUE;
  self->file = supcon_frame_labels_read (location, &error);
  if (error) {
    g_prefix_error (&error, "labels-location: ");
    gst_supcon_post_error (GST_ELEMENT (self), error);
  }
  g_free (location);
  return self->file != NULL;
}

/* ---- text ---- */

static void
append_text (G_GNUC_UNUSED GMarkupParseContext * context, const gchar * text,
    gsize length, gpointer user_data, G_GNUC_UNUSED GError ** error)
{
  g_string_append_len (user_data, text, length);
}

/* The text between the tags, or the whole when that is no markup after all. */
static gchar *
strip_markup (const gchar * text)
{
  static const GMarkupParser parser = {.text = append_text };
  GString *plain = g_string_new (NULL);
  GMarkupParseContext *context =
      g_markup_parse_context_new (&parser, 0, plain, NULL);
  gboolean ok = g_markup_parse_context_parse (context, "<m>", -1, NULL)
      && g_markup_parse_context_parse (context, text, -1, NULL)
      && g_markup_parse_context_parse (context, "</m>", -1, NULL)
      && g_markup_parse_context_end_parse (context, NULL);

  g_markup_parse_context_free (context);
  if (!ok)
    g_string_assign (plain, text);
  return g_string_free (plain, FALSE);
}

/* A copy of the buffer's text without markup and space around it; NULL when it is no text. */
static gchar *
read_text (GstBuffer * buffer, gboolean markup)
{
  gchar *text = NULL, *raw;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return NULL;
  raw = g_strndup ((const gchar *) map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  if (g_utf8_validate (raw, -1, NULL))
    text = g_strstrip (markup ? strip_markup (raw) : g_strdup (raw));
  g_free (raw);
  return text;
}

/* Cues are small, so none is refused: a text pad that blocked could hold up the demuxer that feeds the video too. */
static GstFlowReturn
gst_supcon_label_text_chain (G_GNUC_UNUSED GstPad * pad, GstObject * parent,
    GstBuffer * buffer)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (parent);
  guint64 start = GST_BUFFER_PTS (buffer), end = GST_CLOCK_TIME_NONE;
  gchar *text;

  if (GST_BUFFER_DURATION_IS_VALID (buffer) && GST_CLOCK_TIME_IS_VALID (start))
    end = start + GST_BUFFER_DURATION (buffer);

  g_mutex_lock (&self->lock);
  text = read_text (buffer, self->text_markup);
  if (!text || !GST_CLOCK_TIME_IS_VALID (start)) {
    GST_WARNING_OBJECT (self, "a cue that is no UTF-8 text or has no time: %"
        GST_PTR_FORMAT, buffer);
  } else if (gst_segment_clip (&self->text_segment, GST_FORMAT_TIME, start,
          end, &start, &end)) {
    Cue *last = g_queue_peek_tail (&self->cues);
    Cue *cue = g_new (Cue, 1);

    cue->start = gst_segment_to_running_time (&self->text_segment,
        GST_FORMAT_TIME, start);
    cue->end = gst_segment_to_running_time (&self->text_segment,
        GST_FORMAT_TIME, end);
    if (!GST_BUFFER_DURATION_IS_VALID (buffer))
      cue->end = GST_CLOCK_TIME_NONE;
    cue->label = g_steal_pointer (&text);
    if (last && last->end == GST_CLOCK_TIME_NONE)
      last->end = cue->start;
    g_queue_push_tail (&self->cues, cue);
    /* Cues come in the order of their starts, so up to this one's start all are here. */
    self->text_position = MAX (self->text_position, cue->start);
    g_cond_broadcast (&self->changed);
  }
  g_mutex_unlock (&self->lock);
  g_free (text);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static void
clear_cues (GstSupconLabel * self)
{
  g_queue_clear_full (&self->cues, cue_free);
  self->text_position = 0;
  self->text_eos = FALSE;
}

/* The text stream ends here: none of its events go on. */
static gboolean
gst_supcon_label_text_event (G_GNUC_UNUSED GstPad * pad, GstObject * parent,
    GstEvent * event)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (parent);
  GstClockTime start, duration, position;
  const GstSegment *segment;
  GstCaps *caps;

  g_mutex_lock (&self->lock);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      self->text_markup =
          g_strcmp0 (gst_structure_get_string (gst_caps_get_structure (caps,
                  0), "format"), "pango-markup") == 0;
      break;
    case GST_EVENT_STREAM_START:
      self->text_eos = FALSE;
      break;
    case GST_EVENT_SEGMENT:
      gst_event_parse_segment (event, &segment);
      if (segment->format == GST_FORMAT_TIME)
        gst_segment_copy_into (segment, &self->text_segment);
      else
        GST_WARNING_OBJECT (self, "the text's segment is not in time: %"
            GST_SEGMENT_FORMAT, segment);
      self->text_eos = FALSE;
      break;
    case GST_EVENT_GAP:
      gst_event_parse_gap (event, &start, &duration);
      if (GST_CLOCK_TIME_IS_VALID (duration))
        start += duration;
      /* A gap may reach beyond the segment, where there is no running time. */
      position = gst_segment_to_running_time (&self->text_segment,
          GST_FORMAT_TIME, MIN (start, self->text_segment.stop));
      if (GST_CLOCK_TIME_IS_VALID (position))
        self->text_position = MAX (self->text_position, position);
      break;
    case GST_EVENT_EOS:
      self->text_eos = TRUE;
      break;
    case GST_EVENT_FLUSH_START:
      self->text_flushing = TRUE;
      break;
    case GST_EVENT_FLUSH_STOP:
      self->text_flushing = FALSE;
      gst_segment_init (&self->text_segment, GST_FORMAT_TIME);
      clear_cues (self);
      break;
    default:
      break;
  }
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  gst_event_unref (event);
  return TRUE;
}

static void
set_text_linked (GstSupconLabel * self, gboolean linked)
{
  g_mutex_lock (&self->lock);
  self->text_linked = linked;
  if (!linked)
    clear_cues (self);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static GstPadLinkReturn
gst_supcon_label_text_link (G_GNUC_UNUSED GstPad * pad, GstObject * parent,
    G_GNUC_UNUSED GstPad * peer)
{
  set_text_linked (GST_SUPCON_LABEL (parent), TRUE);
  return GST_PAD_LINK_OK;
}

static void
gst_supcon_label_text_unlink (G_GNUC_UNUSED GstPad * pad, GstObject * parent)
{
  set_text_linked (GST_SUPCON_LABEL (parent), FALSE);
}

/* The newest cue at that running time, or NULL; those that have ended are forgotten. Called with the lock. */
static const Cue *
find_cue (GstSupconLabel * self, GstClockTime time)
{
  Cue *cue;

  while ((cue = g_queue_peek_head (&self->cues)) && cue->end <= time)
    cue_free (g_queue_pop_head (&self->cues));
  for (GList * l = self->cues.tail; l; l = l->prev) {
    cue = l->data;
    if (cue->start <= time && time < cue->end)
      return cue;
  }
  return NULL;
}

/* Waits until the cues at that running time are known. FALSE: the frame is to be flushed. label: NULL for no cue. */
static gboolean
wait_for_cue (GstSupconLabel * self, GstClockTime time, gchar ** label)
{
  const Cue *cue = NULL;
  gboolean known = FALSE, flushing;

  g_mutex_lock (&self->lock);
  for (;;) {
    if (!self->seeking) {
      if (GST_CLOCK_TIME_IS_VALID (time))
        cue = find_cue (self, time);
      known = cue || !GST_CLOCK_TIME_IS_VALID (time) || !self->text_linked
          || self->text_eos || self->text_flushing
          || self->text_position > time;
    }
    if (self->flushing || known)
      break;
    g_cond_wait (&self->changed, &self->lock);
  }
  *label = cue && *cue->label ? g_strdup (cue->label) : NULL;
  flushing = self->flushing;
  g_mutex_unlock (&self->lock);
  return !flushing;
}

/* ---- video ---- */

/* The number of the frame: counted from 0, and after a seek told from where in the stream the frame is. */
static void
count_frame (GstSupconLabel * self, GstBuffer * buffer)
{
  GstClockTime time = self->segment.format == GST_FORMAT_TIME
      ? gst_segment_to_stream_time (&self->segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer)) : GST_CLOCK_TIME_NONE;

  if (self->frame_known) {
    self->frame++;
  } else {
    self->frame = 0;
    if (self->flushed && GST_CLOCK_TIME_IS_VALID (time) && self->fps_n > 0)
      self->frame = gst_util_uint64_scale_round (time, self->fps_n,
          self->fps_d * GST_SECOND);
    else if (self->flushed && GST_BUFFER_OFFSET_IS_VALID (buffer))
      self->frame = GST_BUFFER_OFFSET (buffer);
    self->frame_known = TRUE;
  }
}

static GstFlowReturn
gst_supcon_label_chain (G_GNUC_UNUSED GstPad * pad, GstObject * parent,
    GstBuffer * buffer)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (parent);
  GstClockTime time = GST_CLOCK_TIME_NONE;
  gchar *label = NULL;
  guint64 sample;
  guint view = 0;

  if (self->segment.format == GST_FORMAT_TIME)
    time = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME,
        GST_BUFFER_PTS (buffer));
  if (!wait_for_cue (self, time, &label)) {
    g_free (label);
    gst_buffer_unref (buffer);
    return GST_FLOW_FLUSHING;
  }
  count_frame (self, buffer);
  if (!label && self->file && self->frame < self->file->len)
    label = g_strdup (g_ptr_array_index (self->file, self->frame));
  GST_OBJECT_LOCK (self);
  if (!label || !*label) {
    g_free (label);
    label = g_strdup (self->label);
  }
  if (label)
    self->labelled++;
  else
    self->unlabelled++;
  GST_OBJECT_UNLOCK (self);

  sample = self->frame;
  buffer = gst_buffer_make_writable (buffer);
  gst_supcon_buffer_get_sample (buffer, NULL, &sample, &view);
  gst_supcon_buffer_set_sample (buffer, label, sample, view);
  g_free (label);
  return gst_pad_push (self->src, buffer);
}

static gboolean
gst_supcon_label_sink_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (parent);
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      if (!gst_structure_get_fraction (gst_caps_get_structure (caps, 0),
              "framerate", &self->fps_n, &self->fps_d))
        self->fps_n = 0;
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      break;
    case GST_EVENT_FLUSH_START:
      g_mutex_lock (&self->lock);
      self->flushing = TRUE;
      g_cond_broadcast (&self->changed);
      g_mutex_unlock (&self->lock);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_segment_init (&self->segment, GST_FORMAT_TIME);
      self->frame_known = FALSE;
      self->flushed = TRUE;
      g_mutex_lock (&self->lock);
      self->flushing = FALSE;
      g_mutex_unlock (&self->lock);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

static void
set_seeking (GstSupconLabel * self, gboolean seeking)
{
  g_mutex_lock (&self->lock);
  self->seeking = seeking;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static gboolean
gst_supcon_label_src_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (parent);
  GstSeekFlags flags = GST_SEEK_FLAG_NONE;
  gboolean flush, ret;
  GstPad *text;

  GST_OBJECT_LOCK (self);
  text = self->text ? gst_object_ref (self->text) : NULL;
  GST_OBJECT_UNLOCK (self);
  if (!text)
    return gst_pad_event_default (pad, parent, event);

  /* Text goes first, so that its cues are not those of before the seek when frames come again. Until the video has
   * answered, a frame from before waits: it would use up the new cues. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK)
    gst_event_parse_seek (event, NULL, NULL, &flags, NULL, NULL, NULL, NULL);
  flush = (flags & GST_SEEK_FLAG_FLUSH) != 0;
  if (flush)
    set_seeking (self, TRUE);
  gst_pad_push_event (text, gst_event_ref (event));
  ret = gst_pad_event_default (pad, parent, event);
  if (flush)
    set_seeking (self, FALSE);
  gst_object_unref (text);
  return ret;
}

/* Queries and events pass between the video's pads; the text's is a dead end. */
static GstIterator *
gst_supcon_label_internal_links (GstPad * pad, GstObject * parent)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (parent);
  GValue other = G_VALUE_INIT;
  GstIterator *iterator;

  if (pad != self->sink && pad != self->src)
    return NULL;
  g_value_init (&other, GST_TYPE_PAD);
  g_value_set_object (&other, pad == self->sink ? self->src : self->sink);
  iterator = gst_iterator_new_single (GST_TYPE_PAD, &other);
  g_value_unset (&other);
  return iterator;
}

static GstPad *
gst_supcon_label_request_new_pad (GstElement * element,
    GstPadTemplate * template, G_GNUC_UNUSED const gchar * name,
    G_GNUC_UNUSED const GstCaps * caps)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (element);
  GstPad *pad = gst_pad_new_from_template (template, "text");
  gboolean taken;

  gst_pad_set_chain_function (pad, gst_supcon_label_text_chain);
  gst_pad_set_event_function (pad, gst_supcon_label_text_event);
  gst_pad_set_link_function (pad, gst_supcon_label_text_link);
  gst_pad_set_unlink_function (pad, gst_supcon_label_text_unlink);
  gst_pad_set_iterate_internal_links_function (pad,
      gst_supcon_label_internal_links);
  GST_OBJECT_LOCK (self);
  taken = self->text != NULL;
  if (!taken)
    self->text = gst_object_ref_sink (pad);
  GST_OBJECT_UNLOCK (self);
  if (taken) {
    gst_object_unref (pad);
    return NULL;
  }
  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  return pad;
}

static void
gst_supcon_label_release_pad (GstElement * element, GstPad * pad)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (element);
  GstPad *text;

  GST_OBJECT_LOCK (self);
  text = g_steal_pointer (&self->text);
  GST_OBJECT_UNLOCK (self);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  gst_clear_object (&text);
}

static GstStateChangeReturn
gst_supcon_label_change_state (GstElement * element,
    GstStateChange transition)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (element);

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (!load_labels (self))
      return GST_STATE_CHANGE_FAILURE;
    gst_segment_init (&self->segment, GST_FORMAT_TIME);
    self->fps_n = 0;
    self->frame_known = FALSE;
    self->flushed = FALSE;
    GST_OBJECT_LOCK (self);
    self->labelled = 0;
    self->unlabelled = 0;
    GST_OBJECT_UNLOCK (self);
    g_mutex_lock (&self->lock);
    clear_cues (self);
    gst_segment_init (&self->text_segment, GST_FORMAT_TIME);
    self->text_flushing = FALSE;
    self->flushing = FALSE;
    g_mutex_unlock (&self->lock);
  } else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    /* A frame that waits would keep its pad from stopping. */
    g_mutex_lock (&self->lock);
    self->flushing = TRUE;
    g_cond_broadcast (&self->changed);
    g_mutex_unlock (&self->lock);
  }
  return GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
}

static void
gst_supcon_label_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LABEL:
      g_free (self->label);
      self->label = g_value_dup_string (value);
      /* An empty label is none. */
      if (self->label && !*self->label)
        g_clear_pointer (&self->label, g_free);
      break;
    case PROP_LABELS_LOCATION:
      g_free (self->labels_location);
      self->labels_location = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_label_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LABEL:
      g_value_set_string (value, self->label);
      break;
    case PROP_LABELS_LOCATION:
      g_value_set_string (value, self->labels_location);
      break;
    case PROP_LABELLED:
      g_value_set_uint64 (value, self->labelled);
      break;
    case PROP_UNLABELLED:
      g_value_set_uint64 (value, self->unlabelled);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_label_finalize (GObject * object)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (object);

  g_queue_clear_full (&self->cues, cue_free);
  g_clear_pointer (&self->file, g_ptr_array_unref);
  gst_clear_object (&self->text);
  g_free (self->label);
  g_free (self->labels_location);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_supcon_label_init (GstSupconLabel * self)
{
  GstElement *element = GST_ELEMENT (self);

  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->cues);

  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, gst_supcon_label_chain);
  gst_pad_set_event_function (self->sink, gst_supcon_label_sink_event);
  gst_pad_set_iterate_internal_links_function (self->sink,
      gst_supcon_label_internal_links);
  GST_PAD_SET_PROXY_CAPS (self->sink);
  GST_PAD_SET_PROXY_ALLOCATION (self->sink);
  gst_element_add_pad (element, self->sink);

  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->src, gst_supcon_label_src_event);
  gst_pad_set_iterate_internal_links_function (self->src,
      gst_supcon_label_internal_links);
  GST_PAD_SET_PROXY_CAPS (self->src);
  gst_element_add_pad (element, self->src);
}

static void
gst_supcon_label_class_init (GstSupconLabelClass * klass)
{
  GObjectClass *gobject_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags count = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  GST_DEBUG_CATEGORY_INIT (gst_supcon_label_debug, "supconlabel", 0,
      "labels for frames");

  gobject_class->set_property = gst_supcon_label_set_property;
  gobject_class->get_property = gst_supcon_label_get_property;
  gobject_class->finalize = gst_supcon_label_finalize;
  element_class->request_new_pad = gst_supcon_label_request_new_pad;
  element_class->release_pad = gst_supcon_label_release_pad;
  element_class->change_state = gst_supcon_label_change_state;

  g_object_class_install_property (gobject_class, PROP_LABEL,
      g_param_spec_string ("label", "Label",
          "Label of the frames that neither the text pad nor labels-location "
          "has one for; empty: none", NULL,
          flags | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (gobject_class, PROP_LABELS_LOCATION,
      g_param_spec_string ("labels-location", "Labels' location",
          "File of labels by frame number, plain or .gz: IDX (MNIST's), or "
          "text with one label a line, where an empty line is none", NULL,
          flags | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (gobject_class, PROP_LABELLED,
      g_param_spec_uint64 ("labelled", "Labelled",
          "Frames that got a label since the start", 0, G_MAXUINT64, 0,
          count));
  g_object_class_install_property (gobject_class, PROP_UNLABELLED,
      g_param_spec_uint64 ("unlabelled", "Unlabelled",
          "Frames that got none since the start", 0, G_MAXUINT64, 0, count));

  gst_element_class_set_static_metadata (element_class, "Labels for frames",
      "Filter/Metadata/Video",
      "Attaches labels to frames: one for all, by time from a text stream, or "
      "by frame number from a file", "gst-supcon");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &text_template);
}
