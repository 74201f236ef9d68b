/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Frames by number, and a folder of its own for each test. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include "pipeline.h"

#define CAPS "video/x-raw,format=RGB,width=8,height=4,framerate=25/1"
#define FRAME (GST_SECOND / 25)

static gchar *folder;

static void
set_up (void)
{
  folder = folder_new ();
}

static void
tear_down (void)
{
  folder_free (folder);
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

#endif
