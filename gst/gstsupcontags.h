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

/**
 * The most probable of n classes into tags, at most top_k (<= GST_SUPCON_MAX_TAGS), the most probable first; none below
 * threshold. When none is left, "unknown" alone. Class current (-1: none) is judged as if it were more probable by
 * hysteresis. Returns how many.
 */
guint gst_supcon_tags_choose (const gfloat * probabilities, guint n, const SupconLabels * labels, guint top_k,
    gdouble threshold, gint current, gdouble hysteresis, GstSupconTag * tags);

/** As parameters "classification" of a region. */
void gst_supcon_tags_attach (const GstSupconTag * tags, guint n, GstVideoRegionOfInterestMeta * region);

/** Sets labels GstValueArray of string, confidences GstValueArray of double. */
void gst_supcon_tags_to_structure (const GstSupconTag * tags, guint n, GstStructure * s);

/** A line for each tag; NULL where there is nothing to say (n = 0, or unknown). */
gchar * gst_supcon_tags_to_text (const GstSupconTag * tags, guint n);

G_END_DECLS
#endif
