/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconmeta.h"

#include "error.h"

static gboolean
copy_field (GQuark field, const GValue * value, gpointer structure)
{
  gst_structure_id_set_value (structure, field, value);
  return TRUE;
}

/* Copies on every kind of transformation: a label or an embedding holds for the scaled, converted or cropped picture
 * too. GStreamer's own copy is not used since before 1.24 it ties the new structure's mutability to the old buffer. */
static gboolean
transform_meta (GstBuffer * transbuf, GstCustomMeta * meta,
    G_GNUC_UNUSED GstBuffer * buffer, G_GNUC_UNUSED GQuark type,
    G_GNUC_UNUSED gpointer data, gpointer user_data)
{
  const gchar *name = user_data;
  GstCustomMeta *copy = gst_buffer_get_custom_meta (transbuf, name);

  if (!copy)
    copy = gst_buffer_add_custom_meta (transbuf, name);
  gst_structure_foreach (gst_custom_meta_get_structure (meta), copy_field,
      gst_custom_meta_get_structure (copy));
  return TRUE;
}

void
gst_supcon_meta_register (void)
{
  static const gchar *const names[] = { GST_SUPCON_SAMPLE_META,
    GST_SUPCON_EMBEDDING_META, GST_SUPCON_NEIGHBOURS_META
  };
  static const gchar *no_tags[] = { NULL };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    if (!gst_meta_get_info (names[i]))
      gst_meta_register_custom (names[i], no_tags, transform_meta,
          (gpointer) names[i], NULL);
  }
}

static GstStructure *
writable_structure (GstBuffer * buffer, const gchar * name)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, name);

  if (!meta)
    meta = gst_buffer_add_custom_meta (buffer, name);
  return gst_custom_meta_get_structure (meta);
}

static const GstStructure *
readable_structure (GstBuffer * buffer, const gchar * name)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, name);

  return meta ? gst_custom_meta_get_structure (meta) : NULL;
}

void
gst_supcon_buffer_set_sample (GstBuffer * buffer, const gchar * label,
    guint64 sample, guint view)
{
  GstStructure *s = writable_structure (buffer, GST_SUPCON_SAMPLE_META);

  gst_structure_set (s, "sample", G_TYPE_UINT64, sample, "view", G_TYPE_UINT,
      view, NULL);
  /* A buffer of a pool that has the label already needs no copy of it. */
  if (!label)
    gst_structure_remove_field (s, "label");
  else if (g_strcmp0 (gst_structure_get_string (s, "label"), label) != 0)
    gst_structure_set (s, "label", G_TYPE_STRING, label, NULL);
}

void
gst_supcon_buffer_keep_sample (GstBuffer * buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer,
      GST_SUPCON_SAMPLE_META);

  GST_META_FLAG_SET (meta, GST_META_FLAG_POOLED);
  gst_structure_remove_field (gst_custom_meta_get_structure (meta), "draws");
}

gboolean
gst_supcon_meta_is_sample (const GstMeta * meta)
{
  return meta->info == gst_meta_get_info (GST_SUPCON_SAMPLE_META);
}

gboolean
gst_supcon_buffer_get_sample (GstBuffer * buffer, const gchar ** label,
    guint64 * sample, guint * view)
{
  const GstStructure *s = readable_structure (buffer, GST_SUPCON_SAMPLE_META);

  if (!s)
    return FALSE;
  if (label)
    *label = gst_structure_get_string (s, "label");
  if (sample && !gst_structure_get_uint64 (s, "sample", sample))
    *sample = 0;
  if (view && !gst_structure_get_uint (s, "view", view))
    *view = 0;
  return TRUE;
}

static GstStructure *
writable_param (GstVideoRegionOfInterestMeta * region, const gchar * name)
{
  GstStructure *s = gst_video_region_of_interest_meta_get_param (region, name);

  if (!s) {
    s = gst_structure_new_empty (name);
    gst_video_region_of_interest_meta_add_param (region, s);
  }
  return s;
}

void
gst_supcon_region_set_label (GstVideoRegionOfInterestMeta * region,
    const gchar * label)
{
  GstStructure *s = gst_video_region_of_interest_meta_get_param (region,
      GST_SUPCON_SAMPLE_META);

  if (label)
    gst_structure_set (writable_param (region, GST_SUPCON_SAMPLE_META), "label",
        G_TYPE_STRING, label, NULL);
  else if (s)
    gst_structure_remove_field (s, "label");
}

const gchar *
gst_supcon_region_get_label (GstVideoRegionOfInterestMeta * region)
{
  const GstStructure *s = gst_video_region_of_interest_meta_get_param (region,
      GST_SUPCON_SAMPLE_META);

  return s ? gst_structure_get_string (s, "label") : NULL;
}

void
gst_supcon_buffer_set_draws (GstBuffer * buffer, const GstStructure * draws)
{
  gst_structure_set (writable_structure (buffer, GST_SUPCON_SAMPLE_META),
      "draws", GST_TYPE_STRUCTURE, draws, NULL);
}

static void
write_embedding (GstStructure * s, const gfloat * data, guint dim,
    const gchar * layer, const gchar * model)
{
  gst_structure_set (s, "dim", G_TYPE_UINT, dim, "layer", G_TYPE_STRING, layer,
      "model", G_TYPE_STRING, model, NULL);
  if (data) {
    GstBuffer *values =
        gst_buffer_new_memdup (data, (gsize) dim * sizeof (gfloat));

    gst_structure_set (s, "data", GST_TYPE_BUFFER, values, NULL);
    gst_buffer_unref (values);
  } else {
    gst_structure_remove_field (s, "data");
  }
}

void
gst_supcon_buffer_set_embedding (GstBuffer * buffer, const gfloat * data,
    guint dim, const gchar * layer, const gchar * model)
{
  write_embedding (writable_structure (buffer, GST_SUPCON_EMBEDDING_META),
      data, dim, layer, model);
}

void
gst_supcon_region_set_embedding (GstVideoRegionOfInterestMeta * region,
    const gfloat * data, guint dim, const gchar * layer, const gchar * model)
{
  write_embedding (writable_param (region, GST_SUPCON_EMBEDDING_META), data,
      dim, layer, model);
}

void
gst_supcon_buffer_set_embedding_origin (GstBuffer * buffer, guint64 version,
    GstClockTime latency)
{
  gst_structure_set (writable_structure (buffer, GST_SUPCON_EMBEDDING_META),
      "version", G_TYPE_UINT64, version, "latency", G_TYPE_UINT64, latency,
      NULL);
}

gboolean
gst_supcon_buffer_get_embedding_origin (GstBuffer * buffer, guint64 * version,
    GstClockTime * latency)
{
  const GstStructure *s =
      readable_structure (buffer, GST_SUPCON_EMBEDDING_META);

  return s && gst_structure_get_uint64 (s, "version", version)
      && gst_structure_get_uint64 (s, "latency", latency);
}

static GstBuffer *
read_embedding (const GstStructure * s, guint * dim, const gchar ** layer,
    const gchar ** model)
{
  GstBuffer *values = NULL;
  guint n = 0;

  /* Any application can attach the meta, so its fields are held to each other. */
  if (!s || !gst_structure_get (s, "data", GST_TYPE_BUFFER, &values, NULL)
      || !values)
    return NULL;
  if (!gst_structure_get_uint (s, "dim", &n) || n == 0
      || gst_buffer_get_size (values) != (gsize) n * sizeof (gfloat)) {
    gst_buffer_unref (values);
    return NULL;
  }
  if (dim)
    *dim = n;
  if (layer)
    *layer = gst_structure_get_string (s, "layer");
  if (model)
    *model = gst_structure_get_string (s, "model");
  return values;
}

void
gst_supcon_buffer_set_embedding_encoder (GstBuffer * buffer,
    guint64 fingerprint)
{
  gst_structure_set (writable_structure (buffer, GST_SUPCON_EMBEDDING_META),
      "encoder", G_TYPE_UINT64, fingerprint, NULL);
}

guint64
gst_supcon_buffer_get_embedding_encoder (GstBuffer * buffer)
{
  const GstStructure *s =
      readable_structure (buffer, GST_SUPCON_EMBEDDING_META);
  guint64 fingerprint = 0;

  if (s)
    gst_structure_get_uint64 (s, "encoder", &fingerprint);
  return fingerprint;
}

GstBuffer *
gst_supcon_buffer_get_embedding (GstBuffer * buffer, guint * dim,
    const gchar ** layer, const gchar ** model)
{
  return read_embedding (readable_structure (buffer,
          GST_SUPCON_EMBEDDING_META), dim, layer, model);
}

GstBuffer *
gst_supcon_region_get_embedding (GstVideoRegionOfInterestMeta * region,
    guint * dim, const gchar ** layer, const gchar ** model)
{
  return read_embedding (gst_video_region_of_interest_meta_get_param (region,
          GST_SUPCON_EMBEDDING_META), dim, layer, model);
}

void
gst_supcon_buffer_set_neighbours (GstBuffer * buffer,
    const GstStructure * structure)
{
  gst_structure_foreach (structure, copy_field,
      writable_structure (buffer, GST_SUPCON_NEIGHBOURS_META));
}

const GstStructure *
gst_supcon_buffer_get_neighbours (GstBuffer * buffer)
{
  return readable_structure (buffer, GST_SUPCON_NEIGHBOURS_META);
}

GstVideoRectangle
gst_supcon_frame_rectangle (GstVideoFrame * frame)
{
  GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (frame->buffer);
  guint w = GST_VIDEO_FRAME_WIDTH (frame), h = GST_VIDEO_FRAME_HEIGHT (frame);
  GstVideoRectangle shown = { 0, 0, w, h };

  /* A crop that shows nothing of the frame is nonsense and passed over. */
  if (crop && crop->x < w && crop->y < h && crop->width && crop->height) {
    shown.x = crop->x;
    shown.y = crop->y;
    shown.w = MIN (crop->width, w - crop->x);
    shown.h = MIN (crop->height, h - crop->y);
  }
  return shown;
}

gboolean
gst_supcon_frame_map (GstElement * element, GstVideoFrame * frame,
    const GstVideoInfo * info, GstBuffer * buffer)
{
  if (GST_VIDEO_INFO_FORMAT (info) == GST_VIDEO_FORMAT_UNKNOWN) {
    GST_ELEMENT_ERROR (element, CORE, NEGOTIATION,
        ("A frame came before caps that tell its format and size."), (NULL));
    return FALSE;
  }
  if (gst_video_frame_map (frame, info, buffer, GST_MAP_READ))
    return TRUE;
  GST_ELEMENT_ERROR (element, RESOURCE, READ,
      ("A frame cannot be read; expected %" G_GSIZE_FORMAT " bytes, got %"
          G_GSIZE_FORMAT ".", GST_VIDEO_INFO_SIZE (info),
          gst_buffer_get_size (buffer)), (NULL));
  return FALSE;
}

void
gst_supcon_frame_visible (GstVideoFrame * frame, guint8 ** pixels,
    gsize * stride, guint * width, guint * height, guint * channels)
{
  GstVideoRectangle shown = gst_supcon_frame_rectangle (frame);

  *stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);
  *channels = GST_VIDEO_FRAME_FORMAT (frame) == GST_VIDEO_FORMAT_GRAY8 ? 1 : 3;
  *pixels = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0) +
      shown.y * *stride + (gsize) shown.x * *channels;
  *width = shown.w;
  *height = shown.h;
}

void
gst_supcon_post_error (GstElement * element, GError * error)
{
  GQuark domain = GST_LIBRARY_ERROR;
  gint code = GST_LIBRARY_ERROR_FAILED;

  if (error->domain == SUPCON_ERROR) {
    switch ((SupconErrorCode) error->code) {
      case SUPCON_ERROR_NOT_FOUND:
        domain = GST_RESOURCE_ERROR;
        code = GST_RESOURCE_ERROR_NOT_FOUND;
        break;
      case SUPCON_ERROR_READ:
        domain = GST_RESOURCE_ERROR;
        code = GST_RESOURCE_ERROR_READ;
        break;
      case SUPCON_ERROR_WRITE:
        domain = GST_RESOURCE_ERROR;
        code = GST_RESOURCE_ERROR_WRITE;
        break;
      case SUPCON_ERROR_FORMAT:
        domain = GST_STREAM_ERROR;
        code = GST_STREAM_ERROR_FORMAT;
        break;
      case SUPCON_ERROR_SETTINGS:
        domain = GST_LIBRARY_ERROR;
        code = GST_LIBRARY_ERROR_SETTINGS;
        break;
      case SUPCON_ERROR_NUMERIC:
        break;
    }
  }
  /* A file's name may be anything, but bindings take a message for UTF-8. */
  gst_element_message_full (element, GST_MESSAGE_ERROR, domain, code,
      g_utf8_make_valid (error->message, -1), NULL, __FILE__, GST_FUNCTION,
      __LINE__);
  g_error_free (error);
}

void
gst_supcon_post_info (GstElement * element, const gchar * format, ...)
{
  va_list args;
  gchar *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  gst_element_message_full (element, GST_MESSAGE_INFO, GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_SETTINGS, text, g_strdup (text), __FILE__,
      GST_FUNCTION, __LINE__);
}

gboolean
gst_supcon_check_encoded (GstElement * element, GstBuffer * buffer)
{
  guint64 version;
  GstClockTime latency;
  GstBuffer *embedding =
      gst_supcon_buffer_get_embedding (buffer, NULL, NULL, NULL);

  if (embedding) {
    gst_buffer_unref (embedding);
    return TRUE;
  }
  if (gst_supcon_buffer_get_embedding_origin (buffer, &version, &latency))
    return TRUE;
  GST_ELEMENT_ERROR (element, STREAM, WRONG_TYPE,
      ("A frame has no embedding: supconencoder must be upstream of %s.",
          GST_OBJECT_NAME (gst_element_get_factory (element))),
      ("no valid %s meta at %" GST_TIME_FORMAT, GST_SUPCON_EMBEDDING_META,
          GST_TIME_ARGS (GST_BUFFER_PTS (buffer))));
  return FALSE;
}
