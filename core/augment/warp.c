/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pixels taken from between pixels: smooth deformations. */
#include <math.h>
#include <string.h>

#include "augment/kernels.h"
#include "augment/scratch.h"

void
supcon_planes_sample_row (const SupconPlanes *picture, guint row, const guint8 *const planes[3], guint width,
    guint height, const float *x, const float *y)
{
  guint8 *out[3];

  for (guint c = 0; c < picture->channels; c++)
    out[c] = picture->plane[c] + (gsize)row * picture->width;
  supcon_augment_kernels ()->sample (planes, picture->channels, width, height, x, y, picture->width, out);
}

/* Solves a x = b for both right sides in place, by Gauss with the largest pivot of the column. */
static gboolean
solve (guint n, double a[][SUPCON_WARP_MAX_POINTS + 3], double b[][2])
{
  for (guint k = 0; k < n; k++) {
    guint pivot = k;

    for (guint i = k + 1; i < n; i++)
      pivot = fabs (a[i][k]) > fabs (a[pivot][k]) ? i : pivot;
    if (fabs (a[pivot][k]) < 1e-9)
      return FALSE;
    for (guint j = 0; j < n; j++) {
      double swap = a[k][j];

      a[k][j] = a[pivot][j];
      a[pivot][j] = swap;
    }
    for (guint j = 0; j < 2; j++) {
      double swap = b[k][j];

      b[k][j] = b[pivot][j];
      b[pivot][j] = swap;
    }
    for (guint i = 0; i < n; i++) {
      double factor = a[i][k] / a[k][k];

      if (i == k || factor == 0)
        continue;
      for (guint j = k; j < n; j++)
        a[i][j] -= factor * a[k][j];
      b[i][0] -= factor * b[k][0];
      b[i][1] -= factor * b[k][1];
    }
  }
  for (guint k = 0; k < n; k++) {
    b[k][0] /= a[k][k];
    b[k][1] /= a[k][k];
  }
  return TRUE;
}

typedef struct {
  const SupconPlanes *picture;
  const guint8 *from[3];
  guint n;
  const double (*points)[2], (*flow)[2]; /* the spline: weights of the points, then of x, y and 1 */
} Warp;

static void
warp_rows (guint first, guint end, SupconScratch *scratch, gpointer data)
{
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();
  const Warp *self = data;
  guint width = self->picture->width, height = self->picture->height, n = self->n;
  float *x = supcon_scratch_at (scratch, 2 * (gsize)width), *y = x + width;
  const double (*flow)[2] = self->flow;

  for (guint row = first; row < end; row++) {
    for (guint i = 0; i < width; i++) {
      x[i] = (float)(i - (flow[n][0] * i + flow[n + 1][0] * row + flow[n + 2][0]));
      y[i] = (float)(row - (flow[n][1] * i + flow[n + 1][1] * row + flow[n + 2][1]));
    }
    for (guint i = 0; i < n; i++) {
      float dy = (float)(row - self->points[i][1]);

      kernels->bend ((float)self->points[i][0], dy * dy, (float)flow[i][0], (float)flow[i][1], width, x, y);
    }
    supcon_planes_sample_row (self->picture, row, self->from, width, height, x, y);
  }
}

void
supcon_planes_warp (SupconPlanes *picture, guint n, const double (*from)[2], const double (*to)[2], guint boundary,
    SupconScratch *scratch)
{
  double points[SUPCON_WARP_MAX_POINTS][2], a[SUPCON_WARP_MAX_POINTS + 3][SUPCON_WARP_MAX_POINTS + 3] = { { 0 } };
  double flow[SUPCON_WARP_MAX_POINTS + 3][2] = { { 0 } }, largest = 0;
  guint width = picture->width, height = picture->height, size;
  Warp warp = { .picture = picture };

  g_return_if_fail (n + 4 * boundary <= SUPCON_WARP_MAX_POINTS);
  g_return_if_fail (MAX (width, height) <= SUPCON_VIEW_MAX_SIDE);
  for (guint i = 0; i < n; i++)
    for (guint k = 0; k < 2; k++) {
      points[i][k] = to[i][k];
      flow[i][k] = to[i][k] - from[i][k];
      largest = MAX (largest, fabs (flow[i][k]));
    }
  if (largest == 0)
    return;
  /* Once around: from each corner to the one before the next. */
  for (guint i = 0; i < boundary; i++) {
    double right = (width - 1.0) * i / boundary, down = (height - 1.0) * i / boundary;
    double edges[4][2]
        = { { right, 0 }, { width - 1.0, down }, { width - 1.0 - right, height - 1.0 }, { 0, height - 1.0 - down } };

    memcpy (points[n + 4 * i], edges, sizeof edges);
  }
  n += 4 * boundary;
  size = n + 3;
  for (guint i = 0; i < n; i++) {
    for (guint j = 0; j < n; j++) {
      double dx = points[i][0] - points[j][0], dy = points[i][1] - points[j][1];
      double r2 = MAX (dx * dx + dy * dy, SUPCON_WARP_SMALLEST);

      a[i][j] = 0.5 * r2 * log (r2);
    }
    a[i][n] = a[n][i] = points[i][0];
    a[i][n + 1] = a[n + 1][i] = points[i][1];
    a[i][n + 2] = a[n + 2][i] = 1;
  }
  if (!solve (size, a, flow))
    return;

  warp.n = n;
  warp.points = (const double (*)[2])points;
  warp.flow = (const double (*)[2])flow;
  supcon_scratch_copy_all (scratch, picture, warp.from);
  supcon_scratch_rows (scratch, height, SUPCON_BAND, warp_rows, &warp);
}
