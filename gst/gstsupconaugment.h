/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supconaugment: random views of a frame. */
#ifndef GST_SUPCON_AUGMENT_H
#define GST_SUPCON_AUGMENT_H

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SUPCON_AUGMENT (gst_supcon_augment_get_type ())
G_DECLARE_FINAL_TYPE (GstSupconAugment, gst_supcon_augment, GST, SUPCON_AUGMENT,
    GstBaseTransform)

G_END_DECLS
#endif
