/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What supconencoder agrees on with its neighbours: frames in, and frames or NNStreamer's tensors out. */
#ifndef GST_SUPCON_ENCODER_CAPS_H
#define GST_SUPCON_ENCODER_CAPS_H

#include <gst/video/video.h>

#include "gstsupconformat.h"

G_BEGIN_DECLS

#define GST_SUPCON_ENCODER_VIDEO_CAPS GST_VIDEO_CAPS_MAKE (GST_SUPCON_PICTURE_FORMATS)
#define GST_SUPCON_ENCODER_TENSOR_CAPS "other/tensors, format = (string) static, num_tensors = (int) 1, " \
    "types = (string) float32, framerate = " GST_VIDEO_FPS_RANGE

/** What the other pad can have when the one of direction has caps. layer, dim: of what leaves, 0: not known yet. */
GstCaps *gst_supcon_encoder_caps_transform (GstPadDirection direction,
    const GstCaps * caps, const gchar * layer, guint dim);

/** Whether caps of what leaves are of tensors. */
gboolean gst_supcon_encoder_caps_are_tensors (const GstCaps * caps);

/** Asks in an ALLOCATION query for as many frames of size bytes more, which do not come back to their pool meanwhile. */
void gst_supcon_encoder_hold_frames (GstQuery * query, gsize size, guint held);

G_END_DECLS
#endif
