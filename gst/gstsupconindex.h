/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supconindex: similarity search among embeddings. */
#ifndef GST_SUPCON_INDEX_H
#define GST_SUPCON_INDEX_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_SUPCON_INDEX (gst_supcon_index_get_type ())
G_DECLARE_FINAL_TYPE (GstSupconIndex, gst_supcon_index, GST, SUPCON_INDEX, GstBaseTransform)

G_END_DECLS
#endif
