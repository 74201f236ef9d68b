/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * What a frame carries, in the field names that DL Streamer's gvametaconvert gives
 * it. supconpublish documents them.
 */
#ifndef GST_SUPCON_FIELDS_H
#define GST_SUPCON_FIELDS_H

#include <gst/video/video.h>

G_BEGIN_DECLS

/**
 * The regions and neighbours of a frame of info (transfer full); NULL: it has
 * none. time: in the stream, or none. source: its URI, or NULL.
 */
GstStructure *gst_supcon_frame_to_structure (GstBuffer * buffer,
    const GstVideoInfo * info, GstClockTime time, const gchar * source);

G_END_DECLS
#endif
