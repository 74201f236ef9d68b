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
  const gchar *label;           /* owned by the labels */
  gdouble confidence;           /* [0, 1] */
  gint id;                      /* class, or -1 with the label "unknown" */
} GstSupconTag;

/**
 * The most probable of n classes into tags, at most top_k (<= GST_SUPCON_MAX_TAGS), the most probable first; none below
 * threshold. When none is left, "unknown" alone. Returns how many.
 */
guint gst_supcon_tags_choose (const gfloat * probabilities, guint n, const SupconLabels * labels, guint top_k,
    gdouble threshold, GstSupconTag * tags);

/** As parameters "classification" of a region of interest over the whole of buffer, a picture of width x height. */
void gst_supcon_tags_attach (const GstSupconTag * tags, guint n, GstBuffer * buffer, guint width, guint height);

/** supcon-tags { timestamp uint64, labels GstValueArray of string, confidences GstValueArray of double } */
GstStructure * gst_supcon_tags_to_structure (const GstSupconTag * tags, guint n, GstClockTime timestamp);

/**
 * A text buffer with the time of buffer, a line for each tag; or a gap event where there is nothing to say (n = 0, or
 * unknown). NULL when there is no gap since buffer has no time.
 */
GstMiniObject * gst_supcon_tags_to_text (const GstSupconTag * tags, guint n, GstBuffer * buffer);

G_END_DECLS
#endif
