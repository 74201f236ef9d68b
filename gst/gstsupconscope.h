/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supconscope: a video of the embedding space and of the training. */
#ifndef GST_SUPCON_SCOPE_H
#define GST_SUPCON_SCOPE_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_SUPCON_SCOPE (gst_supcon_scope_get_type ())
G_DECLARE_FINAL_TYPE (GstSupconScope, gst_supcon_scope, GST, SUPCON_SCOPE, GstBaseTransform)

G_END_DECLS
#endif
