/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Which frame of its stream a frame is. A part of supconlabel; its video's streaming thread's. */
#ifndef GST_SUPCON_FRAME_NUMBER_H
#define GST_SUPCON_FRAME_NUMBER_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  GstSegment segment;
  gint fps_n, fps_d;            /* fps_n 0: not known */
  guint64 number;               /* of the last frame */
  gboolean known;               /* the next one is the one after it */
  gboolean sought;              /* there was a seek, which the next one follows */
  gboolean stream_started;      /* the next segment is the first of its stream */
} GstSupconFrameNumber;

void gst_supcon_frame_number_start (GstSupconFrameNumber * self);

/** Takes from an event of the stream what it says of the frames behind it. */
void gst_supcon_frame_number_event (GstSupconFrameNumber * self,
    GstEvent * event);

/**
 * The number of the next frame: counted from 0; after a seek, and of each frame that is played backwards, told from where
 * in the stream the frame is.
 */
guint64 gst_supcon_frame_number_next (GstSupconFrameNumber * self,
    GstBuffer * frame);

G_END_DECLS
#endif
