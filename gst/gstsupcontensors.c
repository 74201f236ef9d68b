/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontensors.h"

#include <gst/analytics/analytics.h>

#include "gstsupconmeta.h"

/* Free with g_free. */
static gchar *
tensor_id (const gchar * layer)
{
  return g_str_equal (layer, "logits") ? g_strdup ("classification-generic-out")
      : g_strdup_printf ("supcon-%s", layer);
}

void
gst_supcon_tensors_describe (GstStructure * video, const gchar * layer,
    guint dim)
{
  gchar *id = tensor_id (layer);
  gchar *text = g_strdup_printf ("tensorgroups, %s=(/uniquelist){ (GstCaps)["
      "tensor/strided, tensor-id=(string)%s, dims=<(int)%u>, "
      "dims-order=(string)row-major, type=(string)float32] }", id, id, dim);
  GstStructure *ours = gst_structure_from_string (text, NULL), *all = NULL;

  if (gst_structure_get (video, "tensors", GST_TYPE_STRUCTURE, &all, NULL)) {
    gst_structure_set_value (all, id, gst_structure_get_value (ours, id));
    gst_structure_free (ours);
  } else {
    all = ours;
  }
  gst_structure_set (video, "tensors", GST_TYPE_STRUCTURE, all, NULL);
  gst_structure_free (all);
  g_free (text);
  g_free (id);
}

void
gst_supcon_tensors_attach (GstBuffer * frame)
{
  const gchar *layer = NULL;
  guint dim;
  GstBuffer *values =
      gst_supcon_buffer_get_embedding (frame, &dim, &layer, NULL);
  gsize dims[1];
  GstTensor **tensors;
  gchar *id;

  if (!values)
    return;
  dims[0] = dim;
  id = tensor_id (layer);
  tensors = g_new (GstTensor *, 1);
  tensors[0] = gst_tensor_new_simple (g_quark_from_string (id),
      GST_TENSOR_DATA_TYPE_FLOAT32, values, GST_TENSOR_DIM_ORDER_ROW_MAJOR, 1,
      dims);
  gst_tensor_meta_set (gst_buffer_add_tensor_meta (frame), 1, tensors);
  g_free (id);
}
