/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supconlabel: attaches labels to frames. */
#ifndef GST_SUPCON_LABEL_H
#define GST_SUPCON_LABEL_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SUPCON_LABEL (gst_supcon_label_get_type ())
G_DECLARE_FINAL_TYPE (GstSupconLabel, gst_supcon_label, GST, SUPCON_LABEL,
    GstElement)

G_END_DECLS
#endif
