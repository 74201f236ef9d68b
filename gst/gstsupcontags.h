/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What is said of a frame, and the forms in which it leaves. */
#ifndef GST_SUPCON_TAGS_H
#define GST_SUPCON_TAGS_H

#include <gst/video/video.h>

#include "labels.h"

G_BEGIN_DECLS

#define GST_SUPCON_MAX_TAGS 100

typedef struct
{
  const gchar *label;           /* interned */
  gdouble confidence;           /* [0, 1] */
  gint id;                      /* class, or -1 with the label "unknown" */
} GstSupconTag;

/* What is said of a frame or of one of its regions. */
typedef struct
{
  GstVideoRegionOfInterestMeta *region; /* NULL: the frame */
  GstSupconTag tags[GST_SUPCON_MAX_TAGS];
  guint n;
} GstSupconVerdict;

/**
 * The most probable of n classes into tags, at most top_k (<= GST_SUPCON_MAX_TAGS), the most probable first; none below
 * threshold or of probability 0. When none is left, "unknown" alone. Class current (-1: none) is judged as if it were
 * more probable by hysteresis. Returns how many.
 */
guint gst_supcon_tags_choose (const gfloat * probabilities, guint n, const SupconLabels * labels, guint top_k,
    gdouble threshold, gint current, gdouble hysteresis, GstSupconTag * tags);

/* verdicts: GArray of GstSupconVerdict, of the frame alone or of regions alone. */

/**
 * As parameters "classification" of each region, that of a frame of width x height being one of type supcon over the whole
 * of it; where GStreamer has GstAnalyticsRelationMeta, as classifications in it too. buffer is writable.
 */
void gst_supcon_verdicts_attach (const GArray * verdicts, GstBuffer * buffer, guint width, guint height);

/**
 * Sets labels GstValueArray of string, confidences GstValueArray of double, of the first; where they are of regions,
 * regions GstValueArray of the structures { x, y, width, height uint, type string, labels, confidences }.
 */
void gst_supcon_verdicts_to_structure (const GArray * verdicts, GstStructure * s);

/** The label of the first tag of a whole frame, as long as the frame is unchanged; NULL: none, or unknown. */
const gchar *gst_supcon_frame_first_label (GstBuffer * frame);

/** A line for each tag; NULL where there is nothing to say. */
gchar * gst_supcon_verdicts_to_text (const GArray * verdicts);

G_END_DECLS
#endif
