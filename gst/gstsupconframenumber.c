/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconframenumber.h"

#include "gstsupconstream.h"

void
gst_supcon_frame_number_start (GstSupconFrameNumber * self)
{
  *self = (GstSupconFrameNumber) { 0 };
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
}

/* The next frame tells its number. */
static void
forget (GstSupconFrameNumber * self)
{
  self->known = FALSE;
  self->sought = TRUE;
}

void
gst_supcon_frame_number_event (GstSupconFrameNumber * self, GstEvent * event)
{
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      if (!gst_structure_get_fraction (gst_caps_get_structure (caps, 0),
              "framerate", &self->fps_n, &self->fps_d))
        self->fps_n = 0;
      break;
    case GST_EVENT_STREAM_START:
      self->stream_started = TRUE;
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      /* Streams that follow each other are counted on; within one there was a seek that does not flush. */
      if (self->known && !self->stream_started)
        forget (self);
      self->stream_started = FALSE;
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_segment_init (&self->segment, GST_FORMAT_TIME);
      forget (self);
      break;
    default:
      break;
  }
}

static guint64
tell (GstSupconFrameNumber * self, GstBuffer * frame)
{
  GstClockTime time = gst_supcon_stream_time (&self->segment, frame);

  if (GST_CLOCK_TIME_IS_VALID (time) && self->fps_n > 0)
    return gst_util_uint64_scale_round (time, self->fps_n,
        self->fps_d * GST_SECOND);
  return GST_BUFFER_OFFSET_IS_VALID (frame) ? GST_BUFFER_OFFSET (frame) : 0;
}

guint64
gst_supcon_frame_number_next (GstSupconFrameNumber * self, GstBuffer * frame)
{
  gboolean backwards = self->segment.rate < 0;

  if (self->known && !backwards)
    self->number++;
  else
    self->number = self->sought || backwards ? tell (self, frame) : 0;
  self->known = TRUE;
  return self->number;
}
