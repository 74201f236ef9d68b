/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supcontagger: from embeddings to tags. */
#ifndef GST_SUPCON_TAGGER_H
#define GST_SUPCON_TAGGER_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_SUPCON_TAGGER (gst_supcon_tagger_get_type ())
G_DECLARE_FINAL_TYPE (GstSupconTagger, gst_supcon_tagger, GST, SUPCON_TAGGER, GstBaseTransform)

G_END_DECLS
#endif
