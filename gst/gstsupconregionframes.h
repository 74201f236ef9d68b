/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Regions of frames that leave as frames of their own. A part of supconlabel; its streaming thread's. */
#ifndef GST_SUPCON_REGION_FRAMES_H
#define GST_SUPCON_REGION_FRAMES_H

#include "gstsupconregions.h"

G_BEGIN_DECLS

typedef struct
{
  GstElement *element;          /* whose errors are posted */
  GstPad *src;
  GstCaps *caps;                /* the frames' that come */
  gboolean caps_known;          /* by cutter */
  GstSupconCutter cutter;
  gint width, height;           /* that downstream was told last; 0: since then it was negotiated anew */
  guint64 region;               /* regions before this one */
} GstSupconRegionFrames;

/** Frames, or regions, since the start. */
typedef struct
{
  guint64 labelled, unlabelled, skipped_regions;
} GstSupconLabelCounts;

void gst_supcon_region_frames_init (GstSupconRegionFrames * frames,
    GstElement * element, GstPad * src);
void gst_supcon_region_frames_clear (GstSupconRegionFrames * frames);
/** Before the first frame. */
void gst_supcon_region_frames_start (GstSupconRegionFrames * frames);
void gst_supcon_region_frames_set_caps (GstSupconRegionFrames * frames,
    GstCaps * caps);

/**
 * Pushes a frame for each region of frame (transfer full) that lies in it, in their order; a gap where there is none.
 * label: of those that have none of their own, or NULL. Samples are numbered from first_sample. counts: is added to.
 */
GstFlowReturn gst_supcon_region_frames_push (GstSupconRegionFrames * frames,
    GstBuffer * frame, const gchar * label, guint64 first_sample,
    GstSupconLabelCounts * counts);

G_END_DECLS
#endif
