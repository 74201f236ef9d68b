/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What the tests of supconlabel share: frames and cues of a tenth of a second. */
#ifndef TEST_LABELLING_H
#define TEST_LABELLING_H

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <string.h>

#define VIDEO_CAPS "video/x-raw,format=GRAY8,framerate=10/1,width=4,height=4"
#define FRAME (GST_SECOND / 10)

static inline GstHarness *
new_harness (void)
{
  GstHarness *h = gst_harness_new ("supconlabel");

  gst_harness_set_src_caps_str (h, VIDEO_CAPS);
  return h;
}

/* A second harness on the text pad of the first one's element. */
static inline GstHarness *
new_text_harness (GstHarness * h, const gchar * format)
{
  GstHarness *text = gst_harness_new_with_element (h->element, "text", NULL);
  GstCaps *caps = gst_caps_new_simple ("text/x-raw", "format", G_TYPE_STRING,
      format, NULL);

  gst_harness_set_src_caps (text, caps);
  return text;
}

static inline GstBuffer *
new_frame (guint i)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 16, NULL);

  GST_BUFFER_PTS (buffer) = i * FRAME;
  GST_BUFFER_DURATION (buffer) = FRAME;
  return buffer;
}

/* In tenths of a second, as frames; end 0: no duration. */
static inline void
push_cue (GstHarness * text, const gchar * label, guint start, guint end)
{
  GstBuffer *buffer = gst_buffer_new_memdup (label, strlen (label));

  GST_BUFFER_PTS (buffer) = start * FRAME;
  if (end)
    GST_BUFFER_DURATION (buffer) = (end - start) * FRAME;
  fail_unless_equals_int (gst_harness_push (text, buffer), GST_FLOW_OK);
}

static inline void
assert_label (GstBuffer * buffer, const gchar * label, guint64 sample)
{
  GstCustomMeta *meta;
  GstStructure *s;
  guint64 has_sample;

  fail_unless (buffer != NULL);
  meta = gst_buffer_get_custom_meta (buffer, "supcon-sample");
  fail_unless (meta != NULL);
  s = gst_custom_meta_get_structure (meta);
  fail_unless_equals_string (gst_structure_get_string (s, "label"), label);
  fail_unless (gst_structure_get_uint64 (s, "sample", &has_sample));
  /* Above it is what tells elements apart. */
  fail_unless_equals_uint64 (has_sample & G_MAXUINT32, sample);
}

/* Frame i goes in and comes out with that label. */
static inline void
pass_frame (GstHarness * h, guint i, const gchar * label)
{
  GstBuffer *buffer;

  fail_unless_equals_int (gst_harness_push (h, new_frame (i)), GST_FLOW_OK);
  buffer = gst_harness_pull (h);
  assert_label (buffer, label, i);
  gst_buffer_unref (buffer);
}

static inline void
push_segment (GstHarness * h, guint start)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = start * FRAME;
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
}

/* Runs to the end, or to the first error. */
static inline void
assert_runs (const gchar * launch)
{
  GstElement *pipeline = gst_parse_launch (launch, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstElement *l = gst_bin_get_by_name (GST_BIN (pipeline), "l");
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_EOS);
  gst_message_unref (message);
  if (l) {
    guint64 labelled, unlabelled;

    g_object_get (l, "labelled", &labelled, "unlabelled", &unlabelled, NULL);
    fail_unless_equals_uint64 (labelled, 15);
    fail_unless_equals_uint64 (unlabelled, 15);
    gst_object_unref (l);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

#endif
