/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconanalytics.h"

#include <gst/analytics/analytics.h>

static void
relate_to_region (GstAnalyticsRelationMeta * meta,
    const GstVideoRegionOfInterestMeta * region, guint classification)
{
  GstAnalyticsODMtd object;
  gdouble confidence = 1;
  const GstStructure *detection =
      gst_video_region_of_interest_meta_get_param ((gpointer) region,
      "detection");

  if (detection)
    gst_structure_get_double (detection, "confidence", &confidence);
  if (gst_analytics_relation_meta_add_od_mtd (meta, region->roi_type, region->x,
          region->y, region->w, region->h, confidence, &object))
    gst_analytics_relation_meta_set_relation (meta,
        GST_ANALYTICS_REL_TYPE_RELATE_TO, object.id, classification);
}

void
gst_supcon_analytics_attach (const GstSupconVerdict * verdict,
    GstBuffer * buffer)
{
  GstAnalyticsRelationMeta *meta =
      gst_buffer_get_analytics_relation_meta (buffer);
  gfloat confidences[GST_SUPCON_MAX_TAGS];
  GQuark labels[GST_SUPCON_MAX_TAGS];
  GstAnalyticsClsMtd classification;

  if (!meta)
    meta = gst_buffer_add_analytics_relation_meta (buffer);
  for (guint i = 0; i < verdict->n; i++) {
    confidences[i] = verdict->tags[i].confidence;
    labels[i] = g_quark_from_string (verdict->tags[i].label);
  }
  if (gst_analytics_relation_meta_add_cls_mtd (meta, verdict->n, confidences,
          labels, &classification) && verdict->region)
    relate_to_region (meta, verdict->region, classification.id);
}
