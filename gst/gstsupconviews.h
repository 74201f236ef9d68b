/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Views that are made together, by several threads, each of one frame into one buffer. */
#ifndef GST_SUPCON_VIEWS_H
#define GST_SUPCON_VIEWS_H

#include <gst/video/video.h>

#include "augment/augmenter.h"

G_BEGIN_DECLS

typedef struct _GstSupconViews GstSupconViews;

typedef struct
{
  const SupconProgram *program;
  guint64 seed, number;         /* of the frame, or of its clip */
  guint view;
} GstSupconViewDraw;

GstSupconViews *gst_supcon_views_new (void);
void gst_supcon_views_free (GstSupconViews * self);

/**
 * Maps frame and buffer, with a reference on frame alone, for gst_supcon_views_make() to make the view that draw
 * describes; its program stays until then. FALSE and SUPCON_ERROR_FORMAT where one is too small for its caps.
 */
gboolean gst_supcon_views_add (GstSupconViews * self, GstBuffer * frame,
    const GstVideoInfo * frame_info, GstBuffer * buffer,
    const GstVideoInfo * buffer_info, const GstSupconViewDraw * draw,
    GError ** error);
/** Makes those that were added, which are the same for any number of threads (0: one for each processor). */
void gst_supcon_views_make (GstSupconViews * self, guint threads);
/** Lets go of those that were added. */
void gst_supcon_views_cancel (GstSupconViews * self);

/** What the view that was added last draws, for the meta, and how many frames back its picture is. */
GstStructure *gst_supcon_views_describe_last (GstSupconViews * self,
    const gchar * operations, guint back);

G_END_DECLS
#endif
