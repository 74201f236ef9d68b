/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Tags as SubRip subtitles: a cue for each run of frames with the same first tag.
 *
 * SubRip has no escapes: an empty line ends a cue, and readers, subparse among them, take whatever looks like a tag for
 * one. So a WORD JOINER, which is not seen, stands behind each < and line feed of a label.
 */
#ifndef GST_SUPCON_SUBTITLES_H
#define GST_SUPCON_SUBTITLES_H

#include <gst/gst.h>
#include <stdio.h>

G_BEGIN_DECLS

#define GST_SUPCON_SUBTITLES_JOINER "\xe2\x81\xa0"      /* U+2060 */

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

/** The label that a cue's text, without markup, was written for. Free with g_free. */
gchar *gst_supcon_subtitles_read (const gchar * text);

G_END_DECLS
#endif
