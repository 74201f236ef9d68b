/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Which clip a frame belongs to and the frames before it there, for one stream or for several that take turns, as they
 * leave funnel.
 */
#ifndef GST_SUPCON_CLIPS_H
#define GST_SUPCON_CLIPS_H

#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct _GstSupconClips GstSupconClips;

GstSupconClips *gst_supcon_clips_new (void);
void gst_supcon_clips_free (GstSupconClips * self);

/** Clips are numbered from 0 on. */
void gst_supcon_clips_reset (GstSupconClips * self);
/** Lets go of all frames; clips go on. */
void gst_supcon_clips_flush (GstSupconClips * self);

/**
 * The frames that follow are of the stream that stream_start has started. The same event again goes on with the
 * stream's clip, another one with the stream's id begins a clip.
 */
void gst_supcon_clips_set_stream (GstSupconClips * self,
    GstEvent * stream_start);

/**
 * Returns the number of the frame's clip, of clip_length frames at most (0: any number). The frame and window before it
 * are kept (0: none). Frames of other caps are no neighbours. A stream is over when 256 frames of others have come.
 */
guint64 gst_supcon_clips_add (GstSupconClips * self, GstBuffer * frame,
    const GstVideoInfo * info, guint window, guint clip_length);

/** How many of the frames before the last one in its clip have its label, back to the first that has another. */
guint gst_supcon_clips_count_neighbours (GstSupconClips * self);
/** The frame so many before the last one, which is number 0. Owned by self. */
GstBuffer *gst_supcon_clips_get (GstSupconClips * self, guint back);

G_END_DECLS
#endif
