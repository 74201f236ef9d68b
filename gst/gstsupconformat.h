/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Frames of every format that augmentation and encoding read. */
#ifndef GST_SUPCON_FORMAT_H
#define GST_SUPCON_FORMAT_H

#include <gst/video/video.h>

#include "augment/image.h"

G_BEGIN_DECLS

#define GST_SUPCON_PICTURE_FORMATS \
    "{ RGB, GRAY8, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, ABGR, I420, YV12, NV12, NV21 }"

/**
 * Part (inside, not empty) of a mapped frame of one of these formats. Colours of Y'CbCr are converted by the matrix and
 * range that the caps state (BT.601 for small and BT.709 for large pictures where they state none, as GstVideoInfo has
 * it), its chroma stands where chroma-site says. Alpha is passed over. picture refers to chroma and to the frame.
 */
void gst_supcon_frame_part (GstVideoFrame * frame, const GstVideoRectangle * part,
    SupconImage * picture, SupconChroma * chroma);

/** What a frame shows: its crop meta's rectangle, else the whole. */
void gst_supcon_frame_picture (GstVideoFrame * frame, SupconImage * picture,
    SupconChroma * chroma);

G_END_DECLS
#endif
