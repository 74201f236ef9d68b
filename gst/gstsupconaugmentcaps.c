/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconaugmentcaps.h"

#include "gstsupconformat.h"
#include "gstsupconstream.h"

/* Size, format and what hangs on them (shape of the pixels, colorimetry) are free on the other side, as far as its
 * template goes. */
GstCaps *
gst_supcon_augment_transform_caps (G_GNUC_UNUSED GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstCaps *result = gst_caps_new_empty ();
  GValue formats = G_VALUE_INIT;

  g_value_init (&formats, GST_TYPE_LIST);
  gst_value_deserialize (&formats, direction == GST_PAD_SINK ?
      GST_SUPCON_VIEW_FORMATS : GST_SUPCON_PICTURE_FORMATS);
  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    GstStructure *s = gst_structure_copy (gst_caps_get_structure (caps, i));

    gst_structure_set (s, "width", GST_TYPE_INT_RANGE, 1, G_MAXINT, "height",
        GST_TYPE_INT_RANGE, 1, G_MAXINT, NULL);
    gst_structure_set_value (s, "format", &formats);
    if (gst_structure_has_field (s, "pixel-aspect-ratio"))
      gst_structure_set (s, "pixel-aspect-ratio", GST_TYPE_FRACTION_RANGE, 1,
          G_MAXINT, G_MAXINT, 1, NULL);
    gst_structure_remove_fields (s, "colorimetry", "chroma-site", NULL);
    result = gst_caps_merge_structure_full (result, s,
        gst_caps_features_copy (gst_caps_get_features (caps, i)));
  }
  g_value_unset (&formats);
  return gst_supcon_filter_caps (result, filter);
}

/* What of others agrees with those fields of s that are named; NULL if nothing does. */
static GstCaps *
agreeing (GstCaps * others, const GstStructure * s, const gchar * const *fields)
{
  GstCaps *wanted = gst_caps_new_empty_simple ("video/x-raw"), *result;

  for (; *fields; fields++) {
    const GValue *value = gst_structure_get_value (s, *fields);

    if (value)
      gst_caps_set_value (wanted, *fields, value);
  }
  result = gst_caps_intersect_full (others, wanted, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (wanted);
  if (gst_caps_is_empty (result))
    gst_clear_caps (&result);
  return result;
}

/* As near to the given side as the other side allows: its format first, then its size. */
GstCaps *
gst_supcon_augment_fixate_caps (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstPadDirection direction, GstCaps * caps, GstCaps * others)
{
  static const gchar *const same[] = { "format", "width", "height", NULL };
  static const gchar *const same_format[] = { "format", NULL };
  GstStructure *in = gst_caps_get_structure (caps, 0), *out;
  gint width = 0, height = 0, out_width = 0, out_height = 0;
  const GValue *colorimetry = gst_structure_get_value (in, "colorimetry");
  const gchar *format = gst_structure_get_string (in, "format");
  GstCaps *best = agreeing (others, in, same);

  if (!best)
    best = agreeing (others, in, same_format);
  if (best) {
    gst_caps_unref (others);
    others = best;
  }
  others = gst_caps_make_writable (gst_caps_truncate (others));
  out = gst_caps_get_structure (others, 0);

  gst_structure_get (in, "width", G_TYPE_INT, &width, "height", G_TYPE_INT,
      &height, NULL);
  gst_structure_fixate_field_nearest_int (out, "width", width);
  gst_structure_fixate_field_nearest_int (out, "height", height);
  gst_structure_get (out, "width", G_TYPE_INT, &out_width, "height",
      G_TYPE_INT, &out_height, NULL);
  /* Pixels keep their shape in a frame that keeps its size; a view of another size has square ones. */
  if (gst_structure_has_field (out, "pixel-aspect-ratio")) {
    gint n = 1, d = 1;

    if (out_width == width && out_height == height)
      gst_structure_get_fraction (in, "pixel-aspect-ratio", &n, &d);
    gst_structure_fixate_field_nearest_fraction (out, "pixel-aspect-ratio", n,
        d);
  }
  gst_structure_fixate_field_string (out, "format", format ? format : "RGB");
  if (colorimetry && !gst_structure_has_field (out, "colorimetry")
      && g_strcmp0 (gst_structure_get_string (out, "format"), format) == 0)
    gst_structure_set_value (out, "colorimetry", colorimetry);
  return gst_caps_fixate (others);
}

GstBufferPool *
gst_supcon_augment_choose_pool (GstQuery * query, guint size)
{
  gboolean offered = gst_query_get_n_allocation_pools (query) > 0;
  GstBufferPool *pool = NULL;
  guint least = 0, most = 0;

  if (offered)
    gst_query_parse_nth_allocation_pool (query, 0, &pool, &size, &least,
        &most);
  if (pool && most == 0) {
    if (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL)
        && gst_buffer_pool_has_option (pool,
            GST_BUFFER_POOL_OPTION_VIDEO_META)) {
      GstStructure *config = gst_buffer_pool_get_config (pool);

      gst_buffer_pool_config_add_option (config,
          GST_BUFFER_POOL_OPTION_VIDEO_META);
      gst_buffer_pool_set_config (pool, config);
    }
    gst_object_unref (pool);
    return NULL;
  }
  gst_clear_object (&pool);
  pool = gst_buffer_pool_new ();
  if (offered)
    gst_query_set_nth_allocation_pool (query, 0, pool, size, least, 0);
  else
    gst_query_add_allocation_pool (query, pool, size, 0, 0);
  return pool;
}
