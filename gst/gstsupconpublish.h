/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supconpublish: tags and neighbours as JSON Lines or subtitles. */
#ifndef GST_SUPCON_PUBLISH_H
#define GST_SUPCON_PUBLISH_H

#include <gst/video/video.h>

G_BEGIN_DECLS

#define GST_TYPE_SUPCON_PUBLISH (gst_supcon_publish_get_type ())
G_DECLARE_FINAL_TYPE (GstSupconPublish, gst_supcon_publish, GST, SUPCON_PUBLISH, GstBaseTransform)

G_END_DECLS
#endif
