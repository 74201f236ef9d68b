/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconregions.h"

GstVideoRegionOfInterestMeta *
gst_supcon_region_next (GstBuffer * frame, gpointer * state)
{
  return (GstVideoRegionOfInterestMeta *)
      gst_buffer_iterate_meta_filtered (frame, state,
      GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
}

gboolean
gst_supcon_region_rectangle (const GstVideoRegionOfInterestMeta * region,
    guint width, guint height, GstVideoRectangle * part)
{
  if (region->x >= width || region->y >= height || region->w == 0
      || region->h == 0)
    return FALSE;
  part->x = region->x;
  part->y = region->y;
  part->w = MIN (region->w, width - region->x);
  part->h = MIN (region->h, height - region->y);
  return TRUE;
}

const gchar *
gst_supcon_region_find_label (GstVideoRegionOfInterestMeta * region,
    GstSupconRegionLabel from)
{
  const gchar *label = NULL;

  if (from == GST_SUPCON_REGION_LABEL_TYPE)
    label = g_quark_to_string (region->roi_type);
  else if (from == GST_SUPCON_REGION_LABEL_PARAMETER)
    for (GList * l = region->params; l && !(label && *label); l = l->next)
      label = gst_structure_get_string (l->data, "label");
  return label && *label ? label : NULL;
}

gboolean
gst_supcon_cutter_set_caps (GstSupconCutter * self, const GstCaps * caps,
    gboolean copies)
{
  gst_supcon_cutter_clear (self);
  self->copies = copies;
  return gst_video_info_from_caps (&self->info, caps);
}

void
gst_supcon_cutter_clear (GstSupconCutter * self)
{
  g_clear_pointer (&self->converter, gst_video_converter_free);
}

/* What holds for the whole frame alone. (Metas of memory stay behind where it is not copied.) */
static gboolean
remove_meta (G_GNUC_UNUSED GstBuffer * buffer, GstMeta ** meta,
    G_GNUC_UNUSED gpointer data)
{
  GType api = (*meta)->info->api;

  if (api == GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE
      || api == GST_VIDEO_CROP_META_API_TYPE)
    *meta = NULL;
  return TRUE;
}

static GstBuffer *
mark (GstBuffer * frame, const GstVideoRectangle * part)
{
  GstBuffer *cut = gst_buffer_copy (frame);
  GstVideoCropMeta *crop;

  gst_buffer_foreach_meta (cut, remove_meta, NULL);
  crop = gst_buffer_add_video_crop_meta (cut);
  crop->x = part->x;
  crop->y = part->y;
  crop->width = part->w;
  crop->height = part->h;
  return cut;
}

/* The converter for part, which info describes. */
static GstVideoConverter *
get_converter (GstSupconCutter * self, const GstVideoRectangle * part,
    GstVideoInfo * info)
{
  if (self->converter && memcmp (&self->part, part, sizeof *part) == 0)
    return self->converter;
  gst_supcon_cutter_clear (self);
  self->part = *part;
  self->converter = gst_video_converter_new (&self->info, info,
      gst_structure_new ("cut", GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT,
          part->x, GST_VIDEO_CONVERTER_OPT_SRC_Y, G_TYPE_INT, part->y,
          GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, part->w,
          GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, part->h, NULL));
  return self->converter;
}

/* NULL where the frame is not in memory, or there is no converter that cuts its format. */
static GstBuffer *
copy (GstSupconCutter * self, GstBuffer * frame, const GstVideoRectangle * part)
{
  GstVideoInfo info;
  GstVideoFrame in, out;
  GstVideoConverter *converter;
  GstBuffer *cut;

  gst_video_info_set_interlaced_format (&info,
      GST_VIDEO_INFO_FORMAT (&self->info),
      GST_VIDEO_INFO_INTERLACE_MODE (&self->info), part->w, part->h);
  info.colorimetry = self->info.colorimetry;
  info.chroma_site = self->info.chroma_site;
  info.fps_n = self->info.fps_n;
  info.fps_d = self->info.fps_d;
  /* GStreamer's converter writes behind the end of a part that tiles stick out of. */
  converter = GST_VIDEO_FORMAT_INFO_IS_TILED (self->info.finfo) ? NULL :
      get_converter (self, part, &info);
  if (!converter || !gst_video_frame_map (&in, &self->info, frame,
          GST_MAP_READ))
    return NULL;
  cut = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_video_frame_map (&out, &info, cut, GST_MAP_WRITE);
  gst_video_converter_frame (converter, &in, &out);
  gst_video_frame_unmap (&out);
  gst_video_frame_unmap (&in);
  gst_buffer_copy_into (cut, frame, GST_BUFFER_COPY_METADATA, 0, -1);
  gst_buffer_foreach_meta (cut, remove_meta, NULL);
  return cut;
}

GstBuffer *
gst_supcon_cutter_cut (GstSupconCutter * self, GstBuffer * frame,
    const GstVideoRectangle * part)
{
  return self->copies ? copy (self, frame, part) : mark (frame, part);
}
