/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Tags as GStreamer's own analytics metas, which it has since 1.24 (HAVE_GST_ANALYTICS). */
#ifndef GST_SUPCON_ANALYTICS_H
#define GST_SUPCON_ANALYTICS_H

#include "gstsupcontags.h"

G_BEGIN_DECLS

/**
 * Adds a classification to buffer's GstAnalyticsRelationMeta, which it makes where there is none; of a region, together
 * with an object detection of its type and rectangle, related to it. buffer is writable.
 */
void gst_supcon_analytics_attach (const GstSupconVerdict * verdict, GstBuffer * buffer);

G_END_DECLS
#endif
