/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "augment/kernels.h"
#include "augment/operations.h"

/* Rows without gaps are one row. */
static void
get_rows (const SupconImage *image, guint *n_rows, gsize *n)
{
  gboolean whole = image->stride == (gsize)image->width * image->channels;

  *n_rows = whole ? 1 : image->height;
  *n = whole ? (gsize)image->width * image->height : image->width;
}

void
supcon_planes_from_image (const SupconPlanes *planes, const SupconImage *image)
{
  guint n_rows;
  gsize n;

  get_rows (image, &n_rows, &n);
  for (guint y = 0; y < n_rows; y++) {
    const guint8 *in = image->pixels + y * image->stride;
    gsize at = (gsize)y * n;

    if (image->channels == 1)
      memcpy (planes->plane[0] + at, in, n);
    else
      supcon_augment_kernels ()->split (in, n, planes->plane[0] + at, planes->plane[1] + at, planes->plane[2] + at);
  }
}

void
supcon_planes_to_image (const SupconPlanes *planes, const SupconImage *image)
{
  guint n_rows;
  gsize n;

  get_rows (image, &n_rows, &n);
  for (guint y = 0; y < n_rows; y++) {
    guint8 *out = image->pixels + y * image->stride;
    gsize at = (gsize)y * n;

    if (image->channels == 1)
      memcpy (out, planes->plane[0] + at, n);
    else
      supcon_augment_kernels ()->join (planes->plane[0] + at, planes->plane[1] + at, planes->plane[2] + at, n, out);
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
