/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "augment/kernels.h"
#include "augment/scratch.h"

#define BLOCK SUPCON_BLUR_BLOCK

/* A weight below this adds less than 1/100 of 255ths over a whole kernel. */
#define SMALLEST_WEIGHT 1e-6

/* Index i reflected into 0..n-1, the edge itself not repeated. */
static gint
reflect (gint i, gint n)
{
  return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
}

void
supcon_planes_blur (SupconPlanes *picture, guint radius, double sigma, SupconScratch *scratch)
{
  guint width = picture->width, height = picture->height;
  gsize n = (gsize)width * height, n_row = width + 2 * radius + 2 * BLOCK;
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();
  double total = 0;
  gint r = (gint)radius;

  g_return_if_fail (radius < width && radius < height && sigma > 0.0);
  if (scratch->n_weights < 2 * radius + 1)
    scratch->weights = g_renew (float, scratch->weights, scratch->n_weights = 2 * radius + 1);
  if (scratch->n_rows < 2 * radius + 1)
    scratch->rows = g_renew (const float *, scratch->rows, scratch->n_rows = 2 * radius + 1);
  if (scratch->n_plane < n + BLOCK) {
    scratch->plane = g_renew (float, scratch->plane, scratch->n_plane = n + BLOCK);
    memset (scratch->plane + n, 0, BLOCK * sizeof *scratch->plane);
  }
  if (scratch->n_row < n_row) {
    scratch->row = g_renew (float, scratch->row, scratch->n_row = n_row);
    memset (scratch->row, 0, n_row * sizeof *scratch->row);
  }
  for (gint k = -r; k <= r; k++)
    total += exp (-0.5 * k * k / (sigma * sigma));
  while (r > 0 && exp (-0.5 * r * r / (sigma * sigma)) / total < SMALLEST_WEIGHT)
    r--;
  for (gint k = -r; k <= r; k++)
    scratch->weights[k + r] = (float)(exp (-0.5 * k * k / (sigma * sigma)) / total);

  for (guint c = 0; c < picture->channels; c++) {
    float *middle = scratch->row + r;

    kernels->to_float (picture->plane[c], n, scratch->plane);
    for (guint y = 0; y < height; y++) {
      for (gint k = -r; k <= r; k++)
        scratch->rows[k + r] = scratch->plane + (gsize)reflect ((gint)y + k, (gint)height) * width;
      kernels->blur_down (scratch->rows, 2 * r + 1, scratch->weights, width, middle);
      for (gint k = 1; k <= r; k++) {
        middle[-k] = middle[k];
        middle[(gint)width - 1 + k] = middle[(gint)width - 1 - k];
      }
      kernels->blur_across (scratch->row, width, scratch->weights, 2 * r + 1, picture->plane[c] + (gsize)y * width);
    }
  }
}
