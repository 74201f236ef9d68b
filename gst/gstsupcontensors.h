/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What supconencoder gives, as GStreamer's own tensors, which frames and their caps have since 1.28 (HAVE_GST_TENSORS). */
#ifndef GST_SUPCON_TENSORS_H
#define GST_SUPCON_TENSORS_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* layer: the nick. Logits are the tensor classification-generic-out, which GStreamer's decoders know; others, for which there
 * is no registered name, supcon-LAYER. */

/** Adds to a structure of caps, beside what it may tell of others, that frames have a tensor of dim numbers. */
void gst_supcon_tensors_describe (GstStructure * video, const gchar * layer,
    guint dim);

/** Adds the embedding that a frame has, if any, as GstTensorMeta. frame is writable. */
void gst_supcon_tensors_attach (GstBuffer * frame);

G_END_DECLS
#endif
