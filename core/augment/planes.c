/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "augment/kernels.h"
#include "augment/scratch.h"

typedef struct {
  const SupconPlanes *planes;
  const SupconImage *image;
  gboolean split; /* from the image to planes, or back */
} Copy;

static void
copy_pixels (const Copy *copy, guint8 *pixels, gsize at, gsize n)
{
  guint8 *const *plane = copy->planes->plane;

  if (copy->planes->channels == 1)
    memcpy (copy->split ? plane[0] + at : pixels, copy->split ? pixels : plane[0] + at, n);
  else if (copy->split)
    supcon_augment_kernels ()->split (pixels, n, plane[0] + at, plane[1] + at, plane[2] + at);
  else
    supcon_augment_kernels ()->join (plane[0] + at, plane[1] + at, plane[2] + at, n, pixels);
}

static void
copy_rows (guint first, guint end, G_GNUC_UNUSED SupconScratch *scratch, gpointer data)
{
  const Copy *copy = data;
  const SupconImage *image = copy->image;
  gsize width = image->width;
  /* Rows without gaps are one row. */
  guint rows = image->stride == width * image->channels ? end - first : 1;

  for (gsize y = first; y < end; y += rows)
    copy_pixels (copy, image->pixels + y * image->stride, y * width, rows * width);
}

void
supcon_planes_from_image (const SupconPlanes *planes, const SupconImage *image, SupconScratch *scratch)
{
  Copy copy = { planes, image, TRUE };

  supcon_scratch_rows (scratch, image->height, SUPCON_BAND, copy_rows, &copy);
}

void
supcon_planes_to_image (const SupconPlanes *planes, const SupconImage *image, SupconScratch *scratch)
{
  Copy copy = { planes, image, FALSE };

  supcon_scratch_rows (scratch, image->height, SUPCON_BAND, copy_rows, &copy);
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
