/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Tags as SubRip subtitles: a cue for each run of frames with the same first tag. */
#ifndef GST_SUPCON_SUBTITLES_H
#define GST_SUPCON_SUBTITLES_H

#include <gst/gst.h>
#include <stdio.h>

G_BEGIN_DECLS

typedef struct _GstSupconSubtitles GstSupconSubtitles;

/** file: open to be written, not owned. */
GstSupconSubtitles *gst_supcon_subtitles_new (FILE * file);
/** The cue that is open is lost unless it was ended. */
void gst_supcon_subtitles_free (GstSupconSubtitles * subtitles);

/** Takes in what a frame is tagged with. time: in the stream; without one the frame is passed over. FALSE: see errno. */
gboolean gst_supcon_subtitles_add (GstSupconSubtitles * subtitles,
    GstBuffer * frame, GstClockTime time);
/** Writes the cue that is open. FALSE: see errno. */
gboolean gst_supcon_subtitles_end (GstSupconSubtitles * subtitles);

G_END_DECLS
#endif
