/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations on neighbourhoods. */
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

typedef struct {
  const SupconPlanes *picture;
  const SupconScratch *scratch; /* whose weights and plane they are */
  guint channel;
  gint radius;
} Blur;

static void
rows_to_float (guint first, guint end, G_GNUC_UNUSED SupconScratch *scratch, gpointer data)
{
  const Blur *self = data;
  gsize at = (gsize)first * self->picture->width;

  supcon_augment_kernels ()->to_float (
      self->picture->plane[self->channel] + at, (gsize)(end - first) * self->picture->width, self->scratch->plane + at);
}

static void
blur_rows (guint first, guint end, SupconScratch *scratch, gpointer data)
{
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();
  const Blur *self = data;
  gint width = (gint)self->picture->width, height = (gint)self->picture->height, r = self->radius;
  gsize n_row = (gsize)(width + 2 * r + 2 * BLOCK);
  float *middle;

  if (scratch->n_rows < 2 * (gsize)r + 1)
    scratch->rows = g_renew (const float *, scratch->rows, scratch->n_rows = 2 * (gsize)r + 1);
  if (scratch->n_row < n_row) {
    scratch->row = g_renew (float, scratch->row, scratch->n_row = n_row);
    memset (scratch->row, 0, n_row * sizeof *scratch->row);
  }
  middle = scratch->row + r;
  for (gint y = (gint)first; y < (gint)end; y++) {
    for (gint k = -r; k <= r; k++)
      scratch->rows[k + r] = self->scratch->plane + (gsize)reflect (y + k, height) * width;
    kernels->blur_down (scratch->rows, 2 * r + 1, self->scratch->weights, width, middle);
    for (gint k = 1; k <= r; k++) {
      middle[-k] = middle[k];
      middle[width - 1 + k] = middle[width - 1 - k];
    }
    kernels->blur_across (
        scratch->row, width, self->scratch->weights, 2 * r + 1, self->picture->plane[self->channel] + (gsize)y * width);
  }
}

void
supcon_planes_blur (SupconPlanes *picture, guint radius, double sigma, SupconScratch *scratch)
{
  gsize n = (gsize)picture->width * picture->height;
  Blur blur = { .picture = picture, .scratch = scratch };
  double total = 0;
  gint r = (gint)radius;

  g_return_if_fail (radius < picture->width && radius < picture->height && sigma > 0.0);
  if (scratch->n_weights < 2 * radius + 1)
    scratch->weights = g_renew (float, scratch->weights, scratch->n_weights = 2 * radius + 1);
  if (scratch->n_plane < n + BLOCK) {
    scratch->plane = g_renew (float, scratch->plane, scratch->n_plane = n + BLOCK);
    memset (scratch->plane + n, 0, BLOCK * sizeof *scratch->plane);
  }
  for (gint k = -r; k <= r; k++)
    total += exp (-0.5 * k * k / (sigma * sigma));
  while (r > 0 && exp (-0.5 * r * r / (sigma * sigma)) / total < SMALLEST_WEIGHT)
    r--;
  for (gint k = -r; k <= r; k++)
    scratch->weights[k + r] = (float)(exp (-0.5 * k * k / (sigma * sigma)) / total);

  blur.radius = r;
  for (; blur.channel < picture->channels; blur.channel++) {
    supcon_scratch_rows (scratch, picture->height, SUPCON_BAND, rows_to_float, &blur);
    supcon_scratch_rows (scratch, picture->height, SUPCON_BAND, blur_rows, &blur);
  }
}

typedef struct {
  const SupconPlanes *picture;
  const guint8 *from[3];
  float factor;
} Sharpness;

static void
sharpen_rows (guint first, guint end, G_GNUC_UNUSED SupconScratch *scratch, gpointer data)
{
  const Sharpness *self = data;
  gsize width = self->picture->width;

  /* The edge stays: it has no neighbours on one side. */
  for (guint c = 0; c < self->picture->channels; c++)
    for (gsize y = MAX (first, 1); y < MIN (end, self->picture->height - 1); y++)
      supcon_augment_kernels ()->sharpen (self->from[c] + (y - 1) * width, self->from[c] + y * width,
          self->from[c] + (y + 1) * width, self->picture->width, self->factor, self->picture->plane[c] + y * width);
}

void
supcon_planes_sharpness (SupconPlanes *picture, double factor, SupconScratch *scratch)
{
  Sharpness sharpness = { .picture = picture, .factor = (float)factor };

  supcon_scratch_copy_all (scratch, picture, sharpness.from);
  supcon_scratch_rows (scratch, picture->height, SUPCON_BAND, sharpen_rows, &sharpness);
}
