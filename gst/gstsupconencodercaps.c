/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconencodercaps.h"

#include "gstsupcontensors.h"

/* The framerate of a structure, whatever kind of value it is. */
static void
copy_framerate (const GstStructure * from, GstStructure * to)
{
  const GValue *value = gst_structure_get_value (from, "framerate");

  if (value)
    gst_structure_set_value (to, "framerate", value);
}

static gboolean
is_video (const GstStructure * s)
{
  return gst_structure_has_name (s, "video/x-raw");
}

static GstStructure *
tensors_of (const GstStructure * video, guint dim)
{
  GstStructure *tensors =
      gst_structure_from_string (GST_SUPCON_ENCODER_TENSOR_CAPS, NULL);

  if (dim) {
    gchar *dimensions = g_strdup_printf ("%u:1:1:1", dim);

    gst_structure_set (tensors, "dimensions", G_TYPE_STRING, dimensions, NULL);
    g_free (dimensions);
  }
  copy_framerate (video, tensors);
  return tensors;
}

/* The same frames on the other side of the element, where those that leave have the tensors too. */
static GstStructure *
same_frames (const GstStructure * video, GstPadDirection direction,
    const gchar * layer, guint dim)
{
  GstStructure *other = gst_structure_copy (video);

#ifdef HAVE_GST_TENSORS
  if (direction == GST_PAD_SRC)
    gst_structure_remove_field (other, "tensors");
  else if (dim)
    gst_supcon_tensors_describe (other, layer, dim);
#else
  (void) direction, (void) layer, (void) dim;
#endif
  return other;
}

GstCaps *
gst_supcon_encoder_caps_transform (GstPadDirection direction,
    const GstCaps * caps, const gchar * layer, guint dim)
{
  GstCaps *other = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    const GstStructure *s = gst_caps_get_structure (caps, i);

    if (is_video (s))
      other = gst_caps_merge_structure (other, same_frames (s, direction, layer,
              dim));
    if (direction == GST_PAD_SINK && is_video (s)) {
      other = gst_caps_merge_structure (other, tensors_of (s, dim));
    } else if (direction == GST_PAD_SRC && !is_video (s)) {
      GstCaps *any = gst_caps_from_string (GST_SUPCON_ENCODER_VIDEO_CAPS);

      copy_framerate (s, gst_caps_get_structure (any, 0));
      other = gst_caps_merge (other, any);
    }
  }
  return other;
}

gboolean
gst_supcon_encoder_caps_are_tensors (const GstCaps * caps)
{
  return !is_video (gst_caps_get_structure (caps, 0));
}

void
gst_supcon_encoder_hold_frames (GstQuery * query, gsize size, guint held)
{
  GstBufferPool *pool = NULL;
  guint frame = 0, least = 0, most = 0;

  if (gst_query_get_n_allocation_pools (query) == 0) {
    gst_query_add_allocation_pool (query, NULL, size, held + 1, 0);
    return;
  }
  gst_query_parse_nth_allocation_pool (query, 0, &pool, &frame, &least, &most);
  /* One that has fewer would run dry while frames wait here. */
  if (most != 0 && least + held > most) {
    gst_clear_object (&pool);
    most = 0;
  }
  gst_query_set_nth_allocation_pool (query, 0, pool, frame, least + held, most);
  gst_clear_object (&pool);
}
