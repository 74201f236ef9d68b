/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_SUPCON_ENCODER_H
#define GST_SUPCON_ENCODER_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_SUPCON_ENCODER (gst_supcon_encoder_get_type ())
G_DECLARE_FINAL_TYPE (GstSupconEncoder, gst_supcon_encoder, GST, SUPCON_ENCODER, GstBaseTransform)

G_END_DECLS
#endif
