/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Regions of interest of frames: where they lie, what they are called, and frames cut out along them. */
#ifndef GST_SUPCON_REGIONS_H
#define GST_SUPCON_REGIONS_H

#include <gst/video/video.h>

G_BEGIN_DECLS

typedef enum
{
  GST_SUPCON_REGION_LABEL_FRAME,
  GST_SUPCON_REGION_LABEL_TYPE,
  GST_SUPCON_REGION_LABEL_PARAMETER
} GstSupconRegionLabel;

/** The next region of a frame, or NULL; state: NULL at first. */
GstVideoRegionOfInterestMeta *gst_supcon_region_next (GstBuffer * frame,
    gpointer * state);

/** The part of a frame of width x height pixels that a region shows; FALSE: it is empty or outside. */
gboolean gst_supcon_region_rectangle (const GstVideoRegionOfInterestMeta *
    region, guint width, guint height, GstVideoRectangle * part);

/** What its detector says that a region shows; NULL where it says nothing. Valid as long as the region is unchanged. */
const gchar *gst_supcon_region_find_label (GstVideoRegionOfInterestMeta *
    region, GstSupconRegionLabel from);

/** Cuts frames. */
typedef struct
{
  GstVideoInfo info;            /* the frames' */
  gboolean copies;              /* downstream reads no crop metas, so pixels are copied */
  GstVideoConverter *converter; /* of the last size */
  GstVideoRectangle part;       /* what it takes */
} GstSupconCutter;

/** For frames of caps. copies: see above. FALSE: caps are not those of frames that are in memory. */
gboolean gst_supcon_cutter_set_caps (GstSupconCutter * cutter,
    const GstCaps * caps, gboolean copies);
void gst_supcon_cutter_clear (GstSupconCutter * cutter);

/**
 * A frame of part of frame alone, with frame's times, flags and metas but for its regions. Where pixels are copied it is
 * of part's size, else it is all of frame with a GstVideoCropMeta. NULL: frame cannot be read.
 */
GstBuffer *gst_supcon_cutter_cut (GstSupconCutter * cutter, GstBuffer * frame,
    const GstVideoRectangle * part);

G_END_DECLS
#endif
