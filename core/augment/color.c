/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "augment/blend.h"
#include "augment/kernels.h"
#include "augment/scratch.h"

/* Of a byte's value alone, so by a table. */
static void
blend_planes (SupconPlanes *picture, float value, float factor)
{
  guint8 table[256];

  for (guint i = 0; i < 256; i++)
    table[i] = blend (value, (float)i, factor);
  for (guint c = 0; c < picture->channels; c++)
    supcon_augment_kernels ()->look_up (picture->plane[c], (gsize)picture->width * picture->height, table);
}

void
supcon_planes_brightness (SupconPlanes *picture, double factor)
{
  blend_planes (picture, 0.0f, (float)factor);
}

void
supcon_planes_contrast (SupconPlanes *picture, double factor)
{
  gsize n = (gsize)picture->width * picture->height;
  /* The luma of grey is that grey. */
  const guint8 *g = picture->plane[picture->channels == 3 ? 1 : 0], *b = picture->plane[picture->channels == 3 ? 2 : 0];
  guint64 sum = 0;

  /* A row at a time, whose sum fits 32 bits. */
  for (gsize at = 0; at < n; at += picture->width)
    sum += supcon_augment_kernels ()->luma_sum (picture->plane[0] + at, g + at, b + at, picture->width);
  blend_planes (picture, floorf ((float)((double)sum / n + 0.5)), (float)factor);
}

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
