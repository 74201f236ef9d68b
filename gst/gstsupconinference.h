/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** From pictures to what one layer of the newest model says of them. One thread at a time. */
#ifndef GST_SUPCON_INFERENCE_H
#define GST_SUPCON_INFERENCE_H

#include "augment/resize.h"
#include "gstsupconmodel.h"

G_BEGIN_DECLS

typedef enum
{
  GST_SUPCON_LAYER_EMBEDDING,
  GST_SUPCON_LAYER_PROJECTION,
  GST_SUPCON_LAYER_LOGITS
} GstSupconLayer;

typedef struct _GstSupconInference GstSupconInference;

/** How pictures become the model's input: see SupconPolicy's. */
typedef struct
{
  SupconInterpolation interpolation;
  gdouble center_crop;
} GstSupconPreparation;

/**
 * Takes source. threads: 0, one for each processor. There is no model before the first update. NULL and error: there is
 * no such preparation.
 */
GstSupconInference *gst_supcon_inference_new (GstSupconModelSource * source,
    GstSupconLayer layer, guint threads, SupconPrecision precision,
    GstSupconPreparation preparation, GError ** error);
void gst_supcon_inference_free (GstSupconInference * inference);

/** Goes over to the newest model, if there is one. FALSE: it is of no use, and the one before stays. */
gboolean gst_supcon_inference_update (GstSupconInference * inference,
    GError ** error);
/** Numbers that leave for each picture, the same from the first model on; 0 while there is none. */
guint gst_supcon_inference_dim (const GstSupconInference * inference);
/** Of the model in use, 0 while there is none. */
guint64 gst_supcon_inference_version (const GstSupconInference * inference);
/** As in its snapshot. */
guint64 gst_supcon_inference_fingerprint (const GstSupconInference * inference);
/** The model's name or location. */
const gchar *gst_supcon_inference_name (const GstSupconInference * inference);

/**
 * Resizes each of n > 0 pictures, or its middle, to the model's input, grey replicated, and encodes all of them at once. There is a
 * model. normalize: to unit length. Returns n x dim numbers, valid until the next call.
 */
const gfloat *gst_supcon_inference_run (GstSupconInference * inference,
    const SupconImage * pictures, guint n, gboolean normalize);

G_END_DECLS
#endif
