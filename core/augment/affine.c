/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "augment/kernels.h"
#include "augment/scratch.h"

#define FRACTION 16

/* No more than 2^30 pixels, which is far outside and may be multiplied by a side: moves after one another make large
 * numbers. */
static gint64
fixed (double x)
{
  return (gint64)floor (CLAMP (x, -0x1p30, 0x1p30) * (1 << FRACTION) + 0.5);
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

typedef struct {
  const SupconPlanes *picture;
  const double *matrix;
  const guint8 *from[3];
} Affine;

static void
take_rows (guint first_row, guint end_row, SupconScratch *scratch, gpointer data)
{
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();
  const Affine *self = data;
  const SupconPlanes *picture = self->picture;
  const double *matrix = self->matrix;
  gint width = (gint)picture->width;
  gint64 dx = fixed (matrix[0]), dy = fixed (matrix[3]);
  gint64 right = (gint64)width << FRACTION, bottom = (gint64)picture->height << FRACTION;
  guint32 *offsets = supcon_scratch_offsets (scratch, picture->width);

  for (guint y = first_row; y < end_row; y++) {
    gint64 x_in = fixed (matrix[2] + 0.5 * matrix[0] + 0.5 * matrix[1]) + y * fixed (matrix[1]);
    gint64 y_in = fixed (matrix[5] + 0.5 * matrix[3] + 0.5 * matrix[4]) + y * fixed (matrix[4]);
    gint first = 0, end = width;
    gboolean straight = dx == 1 << FRACTION && dy == 0;

    /* A line through a rectangle is inside it in one piece. */
    inside (x_in, dx, right, width, &first, &end);
    inside (y_in, dy, bottom, width, &first, &end);
    first = MIN (first, end);
    if (first < end)
      kernels->trace ((gint32)(x_in + first * dx), (gint32)(y_in + first * dy), (gint32)dx, (gint32)dy,
          straight ? 1 : (guint)(end - first), picture->width, offsets);
    for (guint c = 0; c < picture->channels; c++) {
      guint8 *row = picture->plane[c] + (gsize)y * width;

      memset (row, 0, (gsize)first);
      if (straight && first < end)
        memcpy (row + first, self->from[c] + offsets[0], (gsize)(end - first));
      else
        kernels->take (self->from[c], offsets, (guint)(end - first), row + first);
      memset (row + end, 0, (gsize)(width - end));
    }
  }
}

void
supcon_planes_affine (SupconPlanes *picture, const double matrix[6], SupconScratch *scratch)
{
  Affine affine = { .picture = picture, .matrix = matrix };

  g_return_if_fail (MAX (picture->width, picture->height) <= SUPCON_VIEW_MAX_SIDE);
  supcon_scratch_copy_all (scratch, picture, affine.from);
  supcon_scratch_rows (scratch, picture->height, SUPCON_BAND, take_rows, &affine);
}

static void
sample_rows (guint first, guint end, SupconScratch *scratch, gpointer data)
{
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();
  const Affine *self = data;
  const double *matrix = self->matrix;
  guint width = self->picture->width, height = self->picture->height;
  float *x = supcon_scratch_at (scratch, 2 * (gsize)width), *y = x + width;

  for (guint row = first; row < end; row++) {
    /* A pixel further for the border. */
    kernels->ramp (matrix[0] * 0.5 + matrix[1] * (row + 0.5) + matrix[2] + 0.5, matrix[0], width, x);
    kernels->ramp (matrix[3] * 0.5 + matrix[4] * (row + 0.5) + matrix[5] + 0.5, matrix[3], width, y);
    supcon_planes_sample_row (self->picture, row, self->from, width + 2, height + 2, x, y);
  }
}

void
supcon_planes_affine_bilinear (SupconPlanes *picture, const double matrix[6], SupconScratch *scratch)
{
  Affine affine = { .picture = picture, .matrix = matrix };

  g_return_if_fail (MAX (picture->width, picture->height) <= SUPCON_VIEW_MAX_SIDE);
  supcon_scratch_copy_bordered (scratch, picture, affine.from);
  supcon_scratch_rows (scratch, picture->height, SUPCON_BAND, sample_rows, &affine);
}
