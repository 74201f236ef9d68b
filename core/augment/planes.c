/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/planes.h"

#include <string.h>

#include "augment/kernels.h"

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
