/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/scratch.h"
#include "simd.h"

/* Values summed together, so that the sums stay in registers. */
typedef float Lanes __attribute__ ((vector_size (64), aligned (4), may_alias));
#define N_LANES 16
#define BLOCK (4 * N_LANES)

/* A weight below this adds less than 1/100 of 255ths over a whole kernel. */
#define SMALLEST_WEIGHT 1e-6

/* Index i reflected into 0..n-1, the edge itself not repeated. */
static gint
reflect (gint i, gint n)
{
  return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
}

SUPCON_MULTIVERSION static void
to_float (const guint8 *restrict in, gsize n, float *restrict out)
{
  for (gsize i = 0; i < n; i++)
    out[i] = in[i];
}

/* One row of the plane blurred downwards. rows: 2 radius + 1 of them. Writes whole blocks. */
SUPCON_MULTIVERSION static void
blur_down (const float *const *rows, guint n_rows, const float *weights, guint width, float *restrict out)
{
  for (guint x = 0; x < width; x += BLOCK) {
    Lanes a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

    for (guint k = 0; k < n_rows; k++) {
      const Lanes *in = (const Lanes *)(rows[k] + x);

      a += weights[k] * in[0];
      b += weights[k] * in[1];
      c += weights[k] * in[2];
      d += weights[k] * in[3];
    }
    ((Lanes *)(out + x))[0] = a;
    ((Lanes *)(out + x))[1] = b;
    ((Lanes *)(out + x))[2] = c;
    ((Lanes *)(out + x))[3] = d;
  }
}

/* in: width + 2 radius values, and what is needed to read whole blocks. */
SUPCON_MULTIVERSION static void
blur_across (const float *restrict in, guint width, const float *weights, guint n_weights, guint8 *restrict out)
{
  for (guint x = 0; x < width; x += BLOCK) {
    Lanes a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
    float sums[BLOCK];
    guint8 bytes[BLOCK];

    for (guint k = 0; k < n_weights; k++) {
      const Lanes *values = (const Lanes *)(in + x + k);

      a += weights[k] * values[0];
      b += weights[k] * values[1];
      c += weights[k] * values[2];
      d += weights[k] * values[3];
    }
    ((Lanes *)sums)[0] = a;
    ((Lanes *)sums)[1] = b;
    ((Lanes *)sums)[2] = c;
    ((Lanes *)sums)[3] = d;
    for (guint i = 0; i < BLOCK; i++)
      bytes[i] = (guint8)(gint32)(sums[i] + 0.5f);
    memcpy (out + x, bytes, MIN (BLOCK, width - x));
  }
}

void
supcon_planes_blur (SupconPlanes *picture, guint radius, double sigma, SupconScratch *scratch)
{
  guint width = picture->width, height = picture->height;
  gsize n = (gsize)width * height, n_row = width + 2 * radius + 2 * BLOCK;
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

    to_float (picture->plane[c], n, scratch->plane);
    for (guint y = 0; y < height; y++) {
      for (gint k = -r; k <= r; k++)
        scratch->rows[k + r] = scratch->plane + (gsize)reflect ((gint)y + k, (gint)height) * width;
      blur_down (scratch->rows, 2 * r + 1, scratch->weights, width, middle);
      for (gint k = 1; k <= r; k++) {
        middle[-k] = middle[k];
        middle[(gint)width - 1 + k] = middle[(gint)width - 1 - k];
      }
      blur_across (scratch->row, width, scratch->weights, 2 * r + 1, picture->plane[c] + (gsize)y * width);
    }
  }
}
