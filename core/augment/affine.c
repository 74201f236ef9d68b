/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "augment/scratch.h"

#define FRACTION 16

static gint64
fixed (double x)
{
  return (gint64)floor (x * (1 << FRACTION) + 0.5);
}

/* The first i from which low <= at + i step < high, and the first after it from which not, within 0..n. */
static void
inside (gint64 at, gint64 step, gint64 high, gint n, gint *first, gint *end)
{
  while (*first < n && (at + *first * step < 0 || at + *first * step >= high))
    ++*first;
  while (*end > *first && (at + (*end - 1) * step < 0 || at + (*end - 1) * step >= high))
    --*end;
}

void
supcon_planes_affine (SupconPlanes *picture, const double matrix[6], SupconScratch *scratch)
{
  gint width = (gint)picture->width, height = (gint)picture->height;
  gint64 dx = fixed (matrix[0]), dy = fixed (matrix[3]);
  gint64 right = (gint64)width << FRACTION, bottom = (gint64)height << FRACTION;

  for (guint c = 0; c < picture->channels; c++) {
    const guint8 *from = supcon_scratch_copy (scratch, picture->plane[c], (gsize)width * height);

    for (gint y = 0; y < height; y++) {
      guint8 *row = picture->plane[c] + (gsize)y * width;
      gint64 x_in = fixed (matrix[2] + 0.5 * matrix[0] + 0.5 * matrix[1]) + y * fixed (matrix[1]);
      gint64 y_in = fixed (matrix[5] + 0.5 * matrix[3] + 0.5 * matrix[4]) + y * fixed (matrix[4]);
      gint first = 0, end = width;

      /* A line through a rectangle is inside it in one piece. */
      inside (x_in, dx, right, width, &first, &end);
      inside (y_in, dy, bottom, width, &first, &end);
      for (gint x = 0; x < first; x++)
        row[x] = 0;
      for (gint x = first; x < end; x++)
        row[x] = from[((y_in + x * dy) >> FRACTION) * width + ((x_in + x * dx) >> FRACTION)];
      for (gint x = MAX (first, end); x < width; x++)
        row[x] = 0;
    }
  }
}
