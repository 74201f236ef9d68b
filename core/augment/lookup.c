/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations that change a byte by its value alone: a table for each channel. */
#include <math.h>
#include <string.h>

#include "augment/kernels.h"
#include "augment/operations.h"

static void
look_up (SupconPlanes *picture, guint channel, const guint8 table[256])
{
  supcon_augment_kernels ()->look_up (picture->plane[channel], (gsize)picture->width * picture->height, table);
}

static void
look_up_all (SupconPlanes *picture, const guint8 table[256])
{
  for (guint c = 0; c < picture->channels; c++)
    look_up (picture, c, table);
}

void
supcon_planes_posterize (SupconPlanes *picture, guint bits)
{
  guint8 table[256];

  for (guint i = 0; i < 256; i++)
    table[i] = i & ~((1u << (8 - MIN (bits, 8))) - 1);
  look_up_all (picture, table);
}

void
supcon_planes_solarize (SupconPlanes *picture, double threshold)
{
  guint8 table[256];

  for (guint i = 0; i < 256; i++)
    table[i] = i < threshold ? i : 255 - i;
  look_up_all (picture, table);
}

void
supcon_planes_invert (SupconPlanes *picture)
{
  supcon_planes_solarize (picture, 0.0);
}

static void
count (const SupconPlanes *picture, guint channel, guint32 histogram[256])
{
  supcon_augment_kernels ()->count (picture->plane[channel], (gsize)picture->width * picture->height, histogram);
}

/* PIL's ImageOps.autocontrast. */
void
supcon_planes_auto_contrast (SupconPlanes *picture)
{
  for (guint c = 0; c < picture->channels; c++) {
    guint32 histogram[256];
    gint low = 0, high = 255;
    guint8 table[256];
    double scale;

    count (picture, c, histogram);
    while (low < 255 && !histogram[low])
      low++;
    while (high > 0 && !histogram[high])
      high--;
    if (high <= low)
      continue;
    scale = 255.0 / (high - low);
    for (gint i = 0; i < 256; i++)
      table[i] = (guint8)CLAMP (i * scale - low * scale, 0.0, 255.0);
    look_up (picture, c, table);
  }
}

/* PIL's ImageOps.equalize. */
void
supcon_planes_equalize (SupconPlanes *picture)
{
  for (guint c = 0; c < picture->channels; c++) {
    guint32 histogram[256], total = 0, last = 0, step, n;
    guint8 table[256];

    count (picture, c, histogram);
    for (guint i = 0; i < 256; i++) {
      total += histogram[i];
      last = histogram[i] ? histogram[i] : last;
    }
    step = (total - last) / 255;
    if (step == 0)
      continue;
    n = step / 2;
    for (guint i = 0; i < 256; i++) {
      table[i] = (guint8)MIN (n / step, 255);
      n += histogram[i];
    }
    look_up (picture, c, table);
  }
}

void
supcon_planes_flip (SupconPlanes *picture)
{
  for (guint c = 0; c < picture->channels; c++)
    for (guint y = 0; y < picture->height; y++) {
      guint8 *row = picture->plane[c] + (gsize)y * picture->width;

      for (guint a = 0, b = picture->width - 1; a < b; a++, b--) {
        guint8 byte = row[a];

        row[a] = row[b];
        row[b] = byte;
      }
    }
}

void
supcon_planes_erase (SupconPlanes *picture, guint x, guint y, guint width, guint height, double fill, SupconRng *rng)
{
  if (x >= picture->width || y >= picture->height)
    return;
  width = MIN (width, picture->width - x);
  height = MIN (height, picture->height - y);
  for (guint c = 0; c < picture->channels; c++)
    for (guint row = y; row < y + height; row++) {
      guint8 *bytes = picture->plane[c] + (gsize)row * picture->width + x;

      if (fill >= 0)
        memset (bytes, (gint)rint (fill), width);
      else
        for (guint i = 0; i < width; i++)
          bytes[i] = supcon_rng_next (rng) >> 24;
    }
}
