/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconformat.h"

#include "gstsupconmeta.h"

/* R'G'B' from Y'CbCr of full scale: R' = Y' + 2 (1 - Kr) Cr, B' = Y' + 2 (1 - Kb) Cb, and Y' = Kr R' + Kg G' + Kb B'
 * (ITU-R BT.601 and BT.709), with the range's scales on top. */
static void
set_matrix (const GstVideoInfo * info, SupconChroma * chroma)
{
  gdouble kr = 0.299, kb = 0.114, luma, red, blue;
  gint offset[GST_VIDEO_MAX_COMPONENTS], scale[GST_VIDEO_MAX_COMPONENTS];

  gst_video_color_matrix_get_Kr_Kb (GST_VIDEO_INFO_COLORIMETRY (info).matrix,
      &kr, &kb);
  gst_video_color_range_offsets (GST_VIDEO_INFO_COLORIMETRY (info).range,
      info->finfo, offset, scale);
  luma = 255.0 / scale[0];
  blue = 2 * (1 - kb) * 255.0 / scale[1];
  red = 2 * (1 - kr) * 255.0 / scale[2];
  for (guint i = 0; i < 3; i++) {
    chroma->offset[i] = offset[i];
    chroma->matrix[i][0] = luma;
  }
  chroma->matrix[0][1] = 0;
  chroma->matrix[0][2] = red;
  chroma->matrix[1][1] = -blue * kb / (1 - kr - kb);
  chroma->matrix[1][2] = -red * kr / (1 - kr - kb);
  chroma->matrix[2][1] = blue;
  chroma->matrix[2][2] = 0;
}

static void
set_chroma (GstVideoFrame * frame, guint x, guint y, SupconChroma * chroma)
{
  GstVideoChromaSite site = GST_VIDEO_INFO_CHROMA_SITE (&frame->info);

  for (guint i = 0; i < 2; i++) {
    chroma->plane[i] = GST_VIDEO_FRAME_COMP_DATA (frame, i + 1);
    chroma->stride[i] = GST_VIDEO_FRAME_COMP_STRIDE (frame, i + 1);
  }
  chroma->step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, 1);
  chroma->width = GST_VIDEO_FRAME_COMP_WIDTH (frame, 1);
  chroma->height = GST_VIDEO_FRAME_COMP_HEIGHT (frame, 1);
  chroma->x = x / 2.0 + (site & GST_VIDEO_CHROMA_SITE_H_COSITED ? 0.25 : 0);
  chroma->y = y / 2.0 + (site & GST_VIDEO_CHROMA_SITE_V_COSITED ? 0.25 : 0);
  set_matrix (&frame->info, chroma);
}

void
gst_supcon_frame_part (GstVideoFrame * frame, const GstVideoRectangle * part,
    SupconImage * picture, SupconChroma * chroma)
{
  GstVideoFormat format = GST_VIDEO_FRAME_FORMAT (frame);
  guint step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, 0);

  *picture = (SupconImage) {
    .pixels = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0) +
        (gsize) part->y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0) +
        (gsize) part->x * step,
    .stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0),
    .width = part->w,
    .height = part->h,
    .channels = format == GST_VIDEO_FORMAT_GRAY8 ? 1 : 3
  };
  if (GST_VIDEO_FORMAT_INFO_IS_YUV (frame->info.finfo)) {
    set_chroma (frame, part->x, part->y, chroma);
    picture->chroma = chroma;
  } else if (format != GST_VIDEO_FORMAT_RGB && format != GST_VIDEO_FORMAT_GRAY8) {
    picture->step = step;
    for (guint c = 0; c < 3; c++)
      picture->order[c] = GST_VIDEO_FORMAT_INFO_POFFSET (frame->info.finfo, c);
  }
}

void
gst_supcon_frame_picture (GstVideoFrame * frame, SupconImage * picture,
    SupconChroma * chroma)
{
  GstVideoRectangle shown = gst_supcon_frame_rectangle (frame);

  gst_supcon_frame_part (frame, &shown, picture, chroma);
}
