/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconfields.h"

#include "gstsupconmeta.h"
#include "gstsupconregions.h"

/* Takes structure. */
static void
set_structure (GstStructure * s, const gchar * field, GstStructure * structure)
{
  gst_structure_set (s, field, GST_TYPE_STRUCTURE, structure, NULL);
  gst_structure_free (structure);
}

/* Takes structure. */
static void
append_structure (GValue * array, GstStructure * structure)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&value, structure);
  gst_value_array_append_and_take_value (array, &value);
}

/* Those of the three that are in param, into s. */
static void
copy_label (GstStructure * s, const GstStructure * param)
{
  static const gchar *const fields[] = { "label", "label_id", "confidence" };

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    const GValue *value = gst_structure_get_value (param, fields[i]);

    if (value)
      gst_structure_set_value (s, fields[i], value);
  }
}

static GstStructure *
detection_to_structure (const GstVideoInfo * info,
    const GstVideoRegionOfInterestMeta * roi, const GstStructure * detection,
    const GstStructure * first)
{
  gdouble x_min = roi->x / (gdouble) GST_VIDEO_INFO_WIDTH (info);
  gdouble y_min = roi->y / (gdouble) GST_VIDEO_INFO_HEIGHT (info);
  gdouble x_max =
      (roi->x + (gdouble) roi->w) / GST_VIDEO_INFO_WIDTH (info);
  gdouble y_max =
      (roi->y + (gdouble) roi->h) / GST_VIDEO_INFO_HEIGHT (info);
  GstStructure *s = gst_structure_new_empty ("detection");

  if (detection) {
    gst_structure_get (detection, "x_min", G_TYPE_DOUBLE, &x_min,
        "y_min", G_TYPE_DOUBLE, &y_min, "x_max", G_TYPE_DOUBLE, &x_max,
        "y_max", G_TYPE_DOUBLE, &y_max, NULL);
    copy_label (s, detection);
    if (!gst_structure_has_field (s, "label") && roi->roi_type)
      gst_structure_set (s, "label", G_TYPE_STRING,
          g_quark_to_string (roi->roi_type), NULL);
  } else if (first) {
    copy_label (s, first);
  }
  set_structure (s, "bounding_box", gst_structure_new ("bounding-box",
          "x_min", G_TYPE_DOUBLE, x_min, "y_min", G_TYPE_DOUBLE, y_min,
          "x_max", G_TYPE_DOUBLE, x_max, "y_max", G_TYPE_DOUBLE, y_max, NULL));
  return s;
}

static GstStructure *
classification_to_structure (const GstStructure * param, const gchar * model)
{
  const gchar *name = gst_structure_get_string (param, "model_name");
  GstStructure *s = gst_structure_new_empty ("classification");

  copy_label (s, param);
  if (!name)
    name = model;
  if (name)
    set_structure (s, "model", gst_structure_new ("model", "name",
            G_TYPE_STRING, name, NULL));
  return s;
}

static GstStructure *
region_to_structure (const GstVideoInfo * info,
    const GstVideoRegionOfInterestMeta * roi, const gchar * model)
{
  GstStructure *s = gst_structure_new ("object", "x", G_TYPE_UINT, roi->x,
      "y", G_TYPE_UINT, roi->y, "w", G_TYPE_UINT, roi->w, "h", G_TYPE_UINT,
      roi->h, NULL);
  const GstStructure *detection = NULL, *first = NULL;
  GValue tensors = G_VALUE_INIT;

  gst_value_array_init (&tensors, 1);
  if (roi->roi_type)
    gst_structure_set (s, "roi_type", G_TYPE_STRING,
        g_quark_to_string (roi->roi_type), NULL);
  for (const GList * l = roi->params; l; l = l->next) {
    const GstStructure *param = l->data;
    const gchar *attribute =
        gst_structure_get_string (param, "attribute_name");
    GstStructure *tensor;
    gint id;

    /* What travels between our own elements is no tag. */
    if (gst_structure_has_name (param, GST_SUPCON_SAMPLE_META)
        || gst_structure_has_name (param, GST_SUPCON_EMBEDDING_META))
      continue;
    if (!attribute)
      attribute = gst_structure_get_name (param);
    if (gst_structure_has_name (param, "object_id")) {
      if (gst_structure_get_int (param, "id", &id))
        gst_structure_set (s, "id", G_TYPE_INT, id, NULL);
      continue;
    }
    if (gst_structure_has_name (param, "detection")) {
      detection = param;
    } else if (gst_structure_has_field (param, "label")) {
      if (!first)
        first = param;
      if (!gst_structure_has_field (s, attribute))
        set_structure (s, attribute, classification_to_structure (param,
                model));
    }
    tensor = gst_structure_new ("tensor", "name", G_TYPE_STRING, attribute,
        NULL);
    copy_label (tensor, param);
    append_structure (&tensors, tensor);
  }
  set_structure (s, "detection", detection_to_structure (info, roi, detection,
          first));
  gst_structure_take_value (s, "tensors", &tensors);
  return s;
}

/* FALSE: there is no region. */
static gboolean
regions_to_array (GstBuffer * buffer, const GstVideoInfo * info, GValue * array)
{
  GstBuffer *embedding;
  const gchar *model = NULL;
  GstVideoRegionOfInterestMeta *roi;
  gpointer state = NULL;

  embedding = gst_supcon_buffer_get_embedding (buffer, NULL, NULL, &model);
  gst_value_array_init (array, 1);
  while ((roi = gst_supcon_region_next (buffer, &state)))
    append_structure (array, region_to_structure (info, roi,
            roi->roi_type == g_quark_from_static_string ("supcon") ? model :
            NULL));
  gst_clear_buffer (&embedding);
  return gst_value_array_get_size (array) > 0;
}

/* The i-th of the field's values. NULL: there is none of that type, as any
 * application can attach the meta. */
static const GValue *
get_element (const GstStructure * meta, const gchar * field, guint i,
    GType type)
{
  const GValue *array = gst_structure_get_value (meta, field), *value;

  if (!array || !GST_VALUE_HOLDS_ARRAY (array)
      || i >= gst_value_array_get_size (array))
    return NULL;
  value = gst_value_array_get_value (array, i);
  return G_VALUE_HOLDS (value, type) ? value : NULL;
}

static gboolean
is_text (const GValue * value)
{
  const gchar *text = value ? g_value_get_string (value) : NULL;

  return text && *text && g_utf8_validate (text, -1, NULL);
}

static void
neighbours_to_array (const GstStructure * meta, GValue * array)
{
  const GValue *scores = gst_structure_get_value (meta, "scores");
  guint n = scores && GST_VALUE_HOLDS_ARRAY (scores) ?
      gst_value_array_get_size (scores) : 0;

  gst_value_array_init (array, 1);
  for (guint i = 0; i < n; i++) {
    const GValue *score = get_element (meta, "scores", i, G_TYPE_DOUBLE);
    const GValue *label = get_element (meta, "labels", i, G_TYPE_STRING);
    const GValue *uri = get_element (meta, "uris", i, G_TYPE_STRING);
    const GValue *time = get_element (meta, "timestamps", i, G_TYPE_UINT64);
    GstStructure *s;

    if (!score)
      continue;
    s = gst_structure_new_empty ("neighbour");
    gst_structure_set_value (s, "score", score);
    if (is_text (label))
      gst_structure_set_value (s, "label", label);
    if (is_text (uri))
      gst_structure_set_value (s, "source", uri);
    if (time && GST_CLOCK_TIME_IS_VALID (g_value_get_uint64 (time)))
      gst_structure_set_value (s, "timestamp", time);
    append_structure (array, s);
  }
}

GstStructure *
gst_supcon_frame_to_structure (GstBuffer * buffer, const GstVideoInfo * info,
    GstClockTime time, const gchar * source)
{
  const GstStructure *found = gst_supcon_buffer_get_neighbours (buffer);
  GValue objects = G_VALUE_INIT, neighbours = G_VALUE_INIT;
  gboolean any = regions_to_array (buffer, info, &objects);
  GstStructure *s;

  if (!any && !found) {
    g_value_unset (&objects);
    return NULL;
  }
  s = gst_structure_new_empty ("frame");
  set_structure (s, "resolution", gst_structure_new ("resolution",
          "width", G_TYPE_INT, GST_VIDEO_INFO_WIDTH (info),
          "height", G_TYPE_INT, GST_VIDEO_INFO_HEIGHT (info), NULL));
  if (source)
    gst_structure_set (s, "source", G_TYPE_STRING, source, NULL);
  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_structure_set (s, "timestamp", G_TYPE_UINT64, time, NULL);
  if (any)
    gst_structure_take_value (s, "objects", &objects);
  else
    g_value_unset (&objects);
  if (found) {
    neighbours_to_array (found, &neighbours);
    gst_structure_take_value (s, "neighbours", &neighbours);
  }
  return s;
}
