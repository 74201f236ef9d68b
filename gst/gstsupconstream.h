/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What elements ask of the stream that passes: its times, its breaks, its caps, what is upstream of it. */
#ifndef GST_SUPCON_STREAM_H
#define GST_SUPCON_STREAM_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

/** When a frame is shown, as a player tells it; GST_CLOCK_TIME_NONE where it has no time, or its segment is not one of time. */
GstClockTime gst_supcon_stream_time (const GstSegment * segment, GstBuffer * frame);

/** A transform's before_transform: controlled properties take the values that they have at the frame's time. */
void gst_supcon_sync_values (GstBaseTransform * trans, GstBuffer * frame);

/**
 * Whether a frame shows something else than the one before it: it is marked as discontinuous, and its time is before or more
 * than a second after that one's. The mark alone is none: a leaky queue, or QoS, puts it behind each frame that it drops.
 */
gboolean gst_supcon_is_jump (GstBuffer * frame, GstClockTime before, GstClockTime time);

/** What filter (NULL: anything) leaves of caps, in filter's order; for transform_caps. Takes caps. */
GstCaps * gst_supcon_filter_caps (GstCaps * caps, GstCaps * filter);

/** What it means that caps were not taken behind a source pad, on whose streaming thread this is called. */
GstFlowReturn gst_supcon_refused (GstPad * srcpad);

/** Where upstream of a sink pad the stream comes from. NULL when it cannot say; free with g_free. */
gchar * gst_supcon_upstream_uri (GstPad * sinkpad);

/** Whether it comes from a live source: it will not give again what it gave. */
gboolean gst_supcon_upstream_is_live (GstPad * sinkpad);

/** From how many sources the stream comes, as through a funnel; a tee's is counted for each of its ways. */
guint gst_supcon_upstream_count_sources (GstPad * sinkpad);

G_END_DECLS
#endif
