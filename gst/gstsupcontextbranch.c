/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontextbranch.h"

#include <string.h>

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));

static GstStaticPadTemplate text_template = GST_STATIC_PAD_TEMPLATE ("text",
    GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("text/x-raw, format = (string) utf8"));

void
gst_supcon_text_branch_add_pad_templates (GstElementClass * klass)
{
  gst_element_class_add_static_pad_template (klass, &sink_template);
  gst_element_class_add_static_pad_template (klass, &src_template);
  gst_element_class_add_static_pad_template_with_gtype (klass, &text_template,
      GST_TYPE_SUPCON_TEXT_PAD);
}

void
gst_supcon_text_branch_init (GstSupconTextBranch * branch,
    GstBaseTransform * element)
{
  *branch = (GstSupconTextBranch) { element, NULL, GST_SEQNUM_INVALID };
}

static GstSupconTextPad *
ref_pad (GstSupconTextBranch * branch)
{
  GstSupconTextPad *pad;

  GST_OBJECT_LOCK (branch->element);
  pad = branch->pad ? gst_object_ref (branch->pad) : NULL;
  GST_OBJECT_UNLOCK (branch->element);
  return pad;
}

gboolean
gst_supcon_text_branch_is_repeated_seek (GstSupconTextBranch * branch,
    GstEvent * event)
{
  guint32 seqnum = gst_event_get_seqnum (event);
  gboolean repeated;

  if (GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    return FALSE;
  GST_OBJECT_LOCK (branch->element);
  repeated = branch->seek_seqnum == seqnum;
  branch->seek_seqnum = seqnum;
  GST_OBJECT_UNLOCK (branch->element);
  return repeated;
}

static gboolean
text_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  /* That a text is late says nothing about the pictures. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS
      || gst_supcon_text_branch_is_repeated_seek (gst_pad_get_element_private
          (pad), event)) {
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_event_default (pad, parent, event);
}

GstPad *
gst_supcon_text_branch_request (GstSupconTextBranch * branch,
    GstPadTemplate * templ)
{
  GstSupconTextPad *there = ref_pad (branch);
  GstPad *pad;

  if (there) {
    gst_object_unref (there);
    return NULL;
  }
  pad = g_object_new (GST_TYPE_SUPCON_TEXT_PAD, "name", "text",
      "direction", GST_PAD_SRC, "template", templ, NULL);
  gst_pad_set_element_private (pad, branch);
  gst_pad_set_event_function (pad, text_event);
  gst_element_add_pad (GST_ELEMENT (branch->element), pad);
  GST_OBJECT_LOCK (branch->element);
  branch->pad = GST_SUPCON_TEXT_PAD (pad);
  GST_OBJECT_UNLOCK (branch->element);
  return pad;
}

void
gst_supcon_text_branch_release (GstSupconTextBranch * branch, GstPad * pad)
{
  GST_OBJECT_LOCK (branch->element);
  branch->pad = NULL;
  GST_OBJECT_UNLOCK (branch->element);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (GST_ELEMENT (branch->element), pad);
}

void
gst_supcon_text_branch_change_state (GstSupconTextBranch * branch,
    GstStateChange transition)
{
  GstSupconTextPad *pad = ref_pad (branch);

  if (!pad)
    return;
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    gst_supcon_text_pad_pause (pad);
  gst_object_unref (pad);
}

/* item: a buffer or serialised event, transfer full; dropped without a pad. */
static GstFlowReturn
push (GstSupconTextBranch * branch, gpointer item)
{
  GstSupconTextPad *pad = ref_pad (branch);
  GstFlowReturn flow;

  if (!pad) {
    gst_mini_object_unref (item);
    return GST_FLOW_OK;
  }
  flow = gst_supcon_text_pad_push (pad,
      GST_BASE_TRANSFORM_SINK_PAD (branch->element), item);
  gst_object_unref (pad);
  return flow;
}

/* A gap event with the time of frame; what has none still tells a sink that it need not wait for the first text. */
static GstEvent *
gap_new (const GstSegment * segment, GstBuffer * frame)
{
  GstClockTime time = GST_BUFFER_PTS (frame), duration =
      GST_BUFFER_DURATION (frame);

  if (!GST_CLOCK_TIME_IS_VALID (time))
    time = segment->position;
  if (!GST_CLOCK_TIME_IS_VALID (time))
    time = segment->start;
  /* Only a gap that lasts tells textoverlay not to wait for this frame's text. */
  if (!GST_CLOCK_TIME_IS_VALID (duration) || duration == 0)
    duration = 1;
  return gst_event_new_gap (time, duration);
}

/* A buffer of text with the time of frame. text: transfer full. */
static GstBuffer *
text_new (gchar * text, GstBuffer * frame)
{
  GstBuffer *result;

  result = gst_buffer_new_wrapped (text, strlen (text));
  GST_BUFFER_PTS (result) = GST_BUFFER_PTS (frame);
  /* A text that lasts no time is over before its frame comes: textoverlay drops it and waits for another. */
  if (GST_BUFFER_DURATION (frame) > 0)
    GST_BUFFER_DURATION (result) = GST_BUFFER_DURATION (frame);
  return result;
}

GstFlowReturn
gst_supcon_text_branch_push_text (GstSupconTextBranch * branch,
    GstBuffer * frame, gchar * text)
{
  if (text)
    return push (branch, text_new (text, frame));
  return push (branch, gap_new (&branch->element->segment, frame));
}

/* Flushes both pads, at flush-start the pictures first, since they may be what the text's peer waits for. */
static gboolean
flush (GstSupconTextBranch * branch, GstBaseTransformClass * base,
    GstEvent * event)
{
  GstSupconTextPad *pad = ref_pad (branch);
  gboolean ok;

  gst_event_ref (event);
  ok = base->sink_event (branch->element, event);
  if (pad) {
    gst_supcon_text_pad_flush (pad, event);
    gst_object_unref (pad);
  }
  gst_event_unref (event);
  return ok;
}

gboolean
gst_supcon_text_branch_sink_event (GstSupconTextBranch * branch,
    GstBaseTransformClass * base, GstEvent * event)
{
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP:
      return flush (branch, base, event);
    case GST_EVENT_EOS:
    case GST_EVENT_GAP:
    case GST_EVENT_SEGMENT_DONE:
      push (branch, gst_event_ref (event));
      break;
    default:
      break;
  }
  return base->sink_event (branch->element, event);
}
