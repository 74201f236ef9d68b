/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** An element in a harness, with its text pad and its messages; frames by number. */
#ifndef TEST_HARNESS_H
#define TEST_HARNESS_H

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#define CAPS "video/x-raw,format=RGB,width=8,height=4,framerate=25/1"
#define FRAME (GST_SECOND / 25)

typedef struct
{
  GstHarness *video, *text;     /* text: NULL without */
  GstBus *bus;
  guint n_frames;               /* that new_frame made */
} Fixture;

static inline void
start (Fixture * f, const gchar * launch, gboolean with_text)
{
  GstElement *element = gst_parse_launch (launch, NULL);

  fail_unless (element != NULL);
  f->n_frames = 0;
  f->bus = gst_bus_new ();
  gst_element_set_bus (element, f->bus);
  f->video = gst_harness_new_with_element (element, "sink", "src");
  f->text = with_text ?
      gst_harness_new_with_element (element, NULL, "text") : NULL;
  gst_harness_set_src_caps_str (f->video, CAPS);
  gst_object_unref (element);
}

static inline void
stop (Fixture * f)
{
  if (f->text)
    gst_harness_teardown (f->text);
  gst_element_set_state (f->video->element, GST_STATE_NULL);
  gst_element_set_bus (f->video->element, NULL);
  gst_harness_teardown (f->video);
  gst_object_unref (f->bus);
}

static inline GstBuffer *
numbered_frame_new (guint number)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 8 * 4 * 3, NULL);

  gst_buffer_memset (frame, 0, number, -1);
  GST_BUFFER_PTS (frame) = number * FRAME;
  GST_BUFFER_DURATION (frame) = FRAME;
  return frame;
}

static inline GstBuffer *
new_frame (Fixture * f)
{
  return numbered_frame_new (f->n_frames++);
}

#endif
