/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconcues.h"

#include "gstsupconsubtitles.h"

/* A label and the running time [start, end) that it holds for. */
typedef struct
{
  GstClockTime start, end;
  gchar *label;
} Cue;

static void
cue_free (gpointer data)
{
  Cue *cue = data;

  g_free (cue->label);
  g_free (cue);
}

static void
forget (GstSupconCues * self)
{
  g_queue_clear_full (&self->queue, cue_free);
  self->position = 0;
  self->eos = FALSE;
}

void
gst_supcon_cues_init (GstSupconCues * self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->queue);
}

void
gst_supcon_cues_clear (GstSupconCues * self)
{
  g_queue_clear_full (&self->queue, cue_free);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
}

void
gst_supcon_cues_start (GstSupconCues * self)
{
  g_mutex_lock (&self->lock);
  forget (self);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->text_flushing = FALSE;
  self->flushing = FALSE;
  g_mutex_unlock (&self->lock);
}

static void
set (GstSupconCues * self, gboolean * flag, gboolean value)
{
  g_mutex_lock (&self->lock);
  *flag = value;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
gst_supcon_cues_set_flushing (GstSupconCues * self, gboolean flushing)
{
  set (self, &self->flushing, flushing);
}

void
gst_supcon_cues_set_seeking (GstSupconCues * self, gboolean seeking)
{
  set (self, &self->seeking, seeking);
}

/* The newest cue at that running time, or NULL; those that have ended are forgotten. Called with the lock. */
static const Cue *
find_cue (GstSupconCues * self, GstClockTime time)
{
  Cue *cue;

  while ((cue = g_queue_peek_head (&self->queue)) && cue->end <= time)
    cue_free (g_queue_pop_head (&self->queue));
  for (GList * l = self->queue.tail; l; l = l->prev) {
    cue = l->data;
    if (cue->start <= time && time < cue->end)
      return cue;
  }
  return NULL;
}

gboolean
gst_supcon_cues_wait (GstSupconCues * self, GstClockTime time, gchar ** label)
{
  const Cue *cue = NULL;
  gboolean known = FALSE, flushing;

  g_mutex_lock (&self->lock);
  for (;;) {
    if (!self->seeking) {
      if (GST_CLOCK_TIME_IS_VALID (time))
        cue = find_cue (self, time);
      known = cue || !GST_CLOCK_TIME_IS_VALID (time) || !self->linked
          || self->eos || self->text_flushing || self->position > time;
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

/* The text's pad */

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

/* The label that the buffer's text is, without markup and space around it; NULL when it is no text. */
static gchar *
read_label (GstBuffer * buffer, gboolean markup)
{
  gchar *label = NULL, *raw, *text;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return NULL;
  /* An empty buffer may have no data at all. */
  raw = map.data ? g_strndup ((const gchar *) map.data, map.size) :
      g_strdup ("");
  gst_buffer_unmap (buffer, &map);
  if (g_utf8_validate (raw, -1, NULL)) {
    text = markup ? strip_markup (raw) : g_strdup (raw);
    label = gst_supcon_subtitles_read (text);
    g_free (text);
  }
  g_free (raw);
  return label;
}

/* Cues are small, so none is refused: a text pad that blocked could hold up the demuxer that feeds the video too. */
static GstFlowReturn
gst_supcon_cues_chain (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  GstSupconCues *self = gst_pad_get_element_private (pad);
  guint64 start = GST_BUFFER_PTS (buffer), end = GST_CLOCK_TIME_NONE;
  gchar *text;

  if (!gst_pad_has_current_caps (pad)) {
    GST_ELEMENT_ERROR (parent, STREAM, FORMAT,
        ("What comes to the pad text has no caps; expected text with times, as "
            "subparse makes of a subtitle file."), (NULL));
    gst_buffer_unref (buffer);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (GST_BUFFER_DURATION_IS_VALID (buffer) && GST_CLOCK_TIME_IS_VALID (start))
    end = start + GST_BUFFER_DURATION (buffer);

  g_mutex_lock (&self->lock);
  text = read_label (buffer, self->markup);
  if (!text || !GST_CLOCK_TIME_IS_VALID (start)) {
    GST_WARNING_OBJECT (pad, "a cue that is no UTF-8 text or has no time: %"
        GST_PTR_FORMAT, buffer);
  } else if (gst_segment_clip (&self->segment, GST_FORMAT_TIME, start,
          end, &start, &end)) {
    Cue *last = g_queue_peek_tail (&self->queue);
    Cue *cue = g_new (Cue, 1);

    cue->start = gst_segment_to_running_time (&self->segment,
        GST_FORMAT_TIME, start);
    cue->end = gst_segment_to_running_time (&self->segment,
        GST_FORMAT_TIME, end);
    if (!GST_BUFFER_DURATION_IS_VALID (buffer))
      cue->end = GST_CLOCK_TIME_NONE;
    cue->label = g_steal_pointer (&text);
    if (last && last->end == GST_CLOCK_TIME_NONE)
      last->end = cue->start;
    g_queue_push_tail (&self->queue, cue);
    /* Cues come in the order of their starts, so up to this one's start all are here. */
    self->position = MAX (self->position, cue->start);
    g_cond_broadcast (&self->changed);
  }
  g_mutex_unlock (&self->lock);
  g_free (text);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* The text stream ends here: none of its events go on. */
static gboolean
gst_supcon_cues_event (GstPad * pad, G_GNUC_UNUSED GstObject * parent,
    GstEvent * event)
{
  GstSupconCues *self = gst_pad_get_element_private (pad);
  GstClockTime start, duration, position;
  const GstSegment *segment;
  GstCaps *caps;

  g_mutex_lock (&self->lock);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      self->markup =
          g_strcmp0 (gst_structure_get_string (gst_caps_get_structure (caps,
                  0), "format"), "pango-markup") == 0;
      break;
    case GST_EVENT_STREAM_START:
      self->eos = FALSE;
      break;
    case GST_EVENT_SEGMENT:
      gst_event_parse_segment (event, &segment);
      if (segment->format == GST_FORMAT_TIME)
        gst_segment_copy_into (segment, &self->segment);
      else
        GST_WARNING_OBJECT (pad, "the text's segment is not in time: %"
            GST_SEGMENT_FORMAT, segment);
      self->eos = FALSE;
      break;
    case GST_EVENT_GAP:
      gst_event_parse_gap (event, &start, &duration);
      if (GST_CLOCK_TIME_IS_VALID (duration))
        start += duration;
      /* A gap may reach beyond the segment, where there is no running time. */
      position = gst_segment_to_running_time (&self->segment,
          GST_FORMAT_TIME, MIN (start, self->segment.stop));
      if (GST_CLOCK_TIME_IS_VALID (position))
        self->position = MAX (self->position, position);
      break;
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT_DONE:       /* the end, until a seek */
      self->eos = TRUE;
      break;
    case GST_EVENT_FLUSH_START:
      self->text_flushing = TRUE;
      break;
    case GST_EVENT_FLUSH_STOP:
      self->text_flushing = FALSE;
      gst_segment_init (&self->segment, GST_FORMAT_TIME);
      forget (self);
      break;
    default:
      break;
  }
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  gst_event_unref (event);
  return TRUE;
}

static GstPadLinkReturn
gst_supcon_cues_link (GstPad * pad, G_GNUC_UNUSED GstObject * parent,
    G_GNUC_UNUSED GstPad * peer)
{
  GstSupconCues *self = gst_pad_get_element_private (pad);

  set (self, &self->linked, TRUE);
  return GST_PAD_LINK_OK;
}

static void
gst_supcon_cues_unlink (GstPad * pad, G_GNUC_UNUSED GstObject * parent)
{
  GstSupconCues *self = gst_pad_get_element_private (pad);

  g_mutex_lock (&self->lock);
  self->linked = FALSE;
  forget (self);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

GstPad *
gst_supcon_cues_pad_new (GstSupconCues * self, GstPadTemplate * template)
{
  GstPad *pad = gst_pad_new_from_template (template, "text");

  gst_pad_set_element_private (pad, self);
  gst_pad_set_chain_function (pad, gst_supcon_cues_chain);
  gst_pad_set_event_function (pad, gst_supcon_cues_event);
  gst_pad_set_link_function (pad, gst_supcon_cues_link);
  gst_pad_set_unlink_function (pad, gst_supcon_cues_unlink);
  return pad;
}
