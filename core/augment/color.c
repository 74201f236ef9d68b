/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/kernels.h"
#include "augment/scratch.h"

void
supcon_planes_saturation (SupconPlanes *picture, double factor)
{
  if (picture->channels == 3)
    supcon_augment_kernels ()->saturate (picture->plane[0], picture->plane[1], picture->plane[2],
        (gsize)picture->width * picture->height, (float)factor);
}

void
supcon_planes_hue (SupconPlanes *picture, double shift)
{
  if (picture->channels == 3)
    supcon_augment_kernels ()->turn_hue (picture->plane[0], picture->plane[1], picture->plane[2],
        (gsize)picture->width * picture->height, (gint32)(shift * 255.0));
}

void
supcon_planes_greyscale (SupconPlanes *picture)
{
  if (picture->channels == 3)
    supcon_augment_kernels ()->grey (
        picture->plane[0], picture->plane[1], picture->plane[2], (gsize)picture->width * picture->height);
}

void
supcon_planes_sharpness (SupconPlanes *picture, double factor, SupconScratch *scratch)
{
  guint width = picture->width, height = picture->height;

  /* The edge stays: it has no neighbours on one side. */
  for (guint c = 0; c < picture->channels; c++) {
    const guint8 *from = supcon_scratch_copy (scratch, picture->plane[c], (gsize)width * height);

    for (guint y = 1; y + 1 < height; y++)
      supcon_augment_kernels ()->sharpen (from + (gsize)(y - 1) * width, from + (gsize)y * width,
          from + (gsize)(y + 1) * width, width, (float)factor, picture->plane[c] + (gsize)y * width);
  }
}
