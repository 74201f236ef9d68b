/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/planes.h"

#include "simd.h"

SUPCON_MULTIVERSION static void
split_row (const guint8 *in, guint n, guint8 *r, guint8 *g, guint8 *b)
{
  for (guint x = 0; x < n; x++) {
    r[x] = in[3 * x];
    g[x] = in[3 * x + 1];
    b[x] = in[3 * x + 2];
  }
}

SUPCON_MULTIVERSION static void
join_row (const guint8 *r, const guint8 *g, const guint8 *b, guint n, guint8 *out)
{
  for (guint x = 0; x < n; x++) {
    out[3 * x] = r[x];
    out[3 * x + 1] = g[x];
    out[3 * x + 2] = b[x];
  }
}

void
supcon_planes_from_image (const SupconPlanes *planes, const SupconImage *image)
{
  for (guint y = 0; y < image->height; y++) {
    const guint8 *in = image->pixels + y * image->stride;
    gsize at = (gsize)y * image->width;

    if (image->channels == 1)
      memcpy (planes->plane[0] + at, in, image->width);
    else
      split_row (in, image->width, planes->plane[0] + at, planes->plane[1] + at, planes->plane[2] + at);
  }
}

void
supcon_planes_to_image (const SupconPlanes *planes, const SupconImage *image)
{
  for (guint y = 0; y < image->height; y++) {
    guint8 *out = image->pixels + y * image->stride;
    gsize at = (gsize)y * image->width;

    if (image->channels == 1)
      memcpy (out, planes->plane[0] + at, image->width);
    else
      join_row (planes->plane[0] + at, planes->plane[1] + at, planes->plane[2] + at, image->width, out);
  }
}
