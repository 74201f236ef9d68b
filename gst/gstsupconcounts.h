/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Downstream counts views, upstream counts frames. */
#ifndef GST_SUPCON_COUNTS_H
#define GST_SUPCON_COUNTS_H

#include <gst/gst.h>

G_BEGIN_DECLS

/** A seek to a view is one to its frame: takes event, returns that or another. */
GstEvent *gst_supcon_seek_to_frames (GstEvent * event, guint views);

/** Whether it is about a position or a duration in frames, or makes them of something else or the other way round. */
gboolean gst_supcon_query_counts (GstQuery * query);
/** Answers such a query by what upstream of sinkpad says, times views. */
gboolean gst_supcon_query_views (GstPad * sinkpad, GstQuery * query,
    guint views);

G_END_DECLS
#endif
