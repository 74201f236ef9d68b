/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontextpad.h"

/* More waiting texts than this hold the pictures up. It is far above the number of pictures that any element between
 * here and the place where the streams meet keeps to itself, for else both would wait for ever. */
#define MAX_WAITING 1024

struct _GstSupconTextPad
{
  GstPad parent;

  GMutex lock;                  /* protects what follows */
  GCond changed;
  GQueue queue;                 /* GstMiniObject: buffers and serialised events */
  gboolean flushing;
  GstFlowReturn flow;           /* of the last buffer, if it was a failure */
  GstClockTime last;            /* of what was queued last; NONE: nothing yet, or it has no time, or is the end */

  /* The sink pad's events that were passed on last. Streaming thread, and while it is stopped. */
  GstEvent *stream_start, *segment;
};

G_DEFINE_TYPE (GstSupconTextPad, gst_supcon_text_pad, GST_TYPE_PAD);

static void
clear_queue (GstSupconTextPad * self)
{
  g_queue_clear_full (&self->queue, (GDestroyNotify) gst_mini_object_unref);
}

static void
text_pad_loop (gpointer data)
{
  GstSupconTextPad *self = data;
  GstMiniObject *item = NULL;

  g_mutex_lock (&self->lock);
  while (!self->flushing && !(item = g_queue_pop_head (&self->queue)))
    g_cond_wait (&self->changed, &self->lock);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);

  if (!item) {
    gst_pad_pause_task (GST_PAD (self));
  } else if (GST_IS_EVENT (item)) {
    gst_pad_push_event (GST_PAD (self), GST_EVENT_CAST (item));
  } else {
    GstFlowReturn flow = gst_pad_push (GST_PAD (self), GST_BUFFER_CAST (item));

    /* A text pad that is not linked, or not any more, is no reason to stop. */
    g_mutex_lock (&self->lock);
    if (flow < GST_FLOW_EOS)
      self->flow = flow;
    g_mutex_unlock (&self->lock);
  }
}

/* With gst_pad_start_task and gst_pad_stop_task or gst_pad_pause_task: starts and ends the time in which texts pass. */
static void
set_flushing (GstSupconTextPad * self, gboolean flushing)
{
  g_mutex_lock (&self->lock);
  self->flushing = flushing;
  self->flow = GST_FLOW_OK;
  self->last = GST_CLOCK_TIME_NONE;
  clear_queue (self);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static gboolean
text_pad_activate_mode (GstPad * pad, G_GNUC_UNUSED GstObject * parent,
    GstPadMode mode, gboolean active)
{
  GstSupconTextPad *self = GST_SUPCON_TEXT_PAD (pad);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  set_flushing (self, !active);
  if (!active)
    return gst_pad_stop_task (pad);
  gst_clear_event (&self->stream_start);
  gst_clear_event (&self->segment);
  return gst_pad_start_task (pad, text_pad_loop, pad, NULL);
}

static void
enqueue (GstSupconTextPad * self, gpointer item)
{
  while (!self->flushing && self->queue.length >= MAX_WAITING)
    g_cond_wait (&self->changed, &self->lock);
  if (self->flushing) {
    gst_mini_object_unref (item);
    return;
  }
  g_queue_push_tail (&self->queue, item);
  g_cond_broadcast (&self->changed);
}

static GstClockTime
time_of (GstMiniObject * item)
{
  GstClockTime time = GST_CLOCK_TIME_NONE;

  if (GST_IS_BUFFER (item))
    time = GST_BUFFER_PTS (item);
  else if (GST_EVENT_TYPE (item) == GST_EVENT_GAP)
    gst_event_parse_gap (GST_EVENT_CAST (item), &time, NULL);
  return time;
}

/* Whether the sink pad's event of type is another one than last; then that one becomes last. */
static gboolean
take_sticky (GstPad * sinkpad, GstEventType type, GstEvent ** last)
{
  GstEvent *event = gst_pad_get_sticky_event (sinkpad, type, 0);
  gboolean is_new = event && event != *last;

  if (is_new)
    gst_event_replace (last, event);
  gst_clear_event (&event);
  return is_new;
}

/* Texts have times; what counts bytes of pictures is no segment for them. */
static GstEvent *
new_segment (GstEvent * event)
{
  const GstSegment *segment;
  GstSegment any;

  gst_event_parse_segment (event, &segment);
  if (segment->format == GST_FORMAT_TIME)
    return gst_event_ref (event);
  gst_segment_init (&any, GST_FORMAT_TIME);
  return gst_event_new_segment (&any);
}

GstFlowReturn
gst_supcon_text_pad_push (GstSupconTextPad * self, GstPad * sinkpad,
    GstMiniObject * item)
{
  GstPad *pad = GST_PAD (self);
  GstEvent *stream_start = NULL, *caps = NULL, *segment = NULL;
  GstFlowReturn flow;

  if (take_sticky (sinkpad, GST_EVENT_STREAM_START, &self->stream_start)) {
    GstCaps *text_caps = gst_pad_get_pad_template_caps (pad);
    GstElement *element = gst_pad_get_parent_element (sinkpad);
    gchar *id = gst_pad_create_stream_id (pad, element, "text");
    guint group;

    stream_start = gst_event_new_stream_start (id);
    gst_event_set_stream_flags (stream_start, GST_STREAM_FLAG_SPARSE);
    if (gst_event_parse_group_id (self->stream_start, &group))
      gst_event_set_group_id (stream_start, group);
    caps = gst_event_new_caps (text_caps);
    gst_caps_unref (text_caps);
    gst_object_unref (element);
    g_free (id);
  }
  if (take_sticky (sinkpad, GST_EVENT_SEGMENT, &self->segment))
    segment = new_segment (self->segment);

  g_mutex_lock (&self->lock);
  if (stream_start) {
    enqueue (self, stream_start);
    enqueue (self, caps);
  }
  if (segment)
    enqueue (self, segment);
  self->last = time_of (item);
  enqueue (self, item);
  flow = self->flow;
  g_mutex_unlock (&self->lock);
  return flow;
}

void
gst_supcon_text_pad_pause (GstSupconTextPad * self)
{
  g_mutex_lock (&self->lock);
  if (!self->flushing && g_queue_is_empty (&self->queue)
      && GST_CLOCK_TIME_IS_VALID (self->last))
    enqueue (self, gst_event_new_gap (self->last, 0));
  g_mutex_unlock (&self->lock);
}

void
gst_supcon_text_pad_flush (GstSupconTextPad * self, GstEvent * event)
{
  GstPad *pad = GST_PAD (self);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START) {
    set_flushing (self, TRUE);
    gst_pad_push_event (pad, gst_event_ref (event));
    gst_pad_pause_task (pad);
  } else {
    gst_pad_push_event (pad, gst_event_ref (event));
    /* Flushing takes the segment off downstream, and what a stream starts with may have been dropped here. */
    gst_clear_event (&self->segment);
    gst_clear_event (&self->stream_start);
    if (!gst_pad_is_active (pad))
      return;
    set_flushing (self, FALSE);
    gst_pad_start_task (pad, text_pad_loop, pad, NULL);
  }
}

static void
gst_supcon_text_pad_finalize (GObject * object)
{
  GstSupconTextPad *self = GST_SUPCON_TEXT_PAD (object);

  clear_queue (self);
  gst_clear_event (&self->stream_start);
  gst_clear_event (&self->segment);
  g_cond_clear (&self->changed);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_supcon_text_pad_parent_class)->finalize (object);
}

static void
gst_supcon_text_pad_class_init (GstSupconTextPadClass * klass)
{
  G_OBJECT_CLASS (klass)->finalize = gst_supcon_text_pad_finalize;
}

static void
gst_supcon_text_pad_init (GstSupconTextPad * self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->queue);
  self->flushing = TRUE;
  gst_pad_set_activatemode_function (GST_PAD (self), text_pad_activate_mode);
}
