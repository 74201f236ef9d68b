/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/corrupt_private.h"
#include "augment/kernels.h"

/* Index i mirrored into 0..n-1 until it is inside; repeat: the edge itself comes twice. */
static guint
mirror (gint i, guint n, gboolean repeat)
{
  gint period = repeat ? 2 * (gint)n : MAX (2 * (gint)n - 2, 1), last = repeat ? period - 1 : period;

  i = ((i % period) + period) % period;
  return (guint)(i < (gint)n ? i : last - i);
}

static guint
outside (gint i, guint n, CorruptEdge edge)
{
  return edge == CORRUPT_SYMMETRIC ? mirror (i, n, TRUE) : (guint)CLAMP (i, 0, (gint)n - 1);
}

void
supcon_corrupt_gaussian (float *plane, guint width, guint height, double sigma, double truncate, CorruptEdge edge)
{
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();
  gint radius = (gint)(truncate * sigma + 0.5);
  gsize n = (gsize)width * height;
  double total = 0;
  double *weights;
  float *row, *down;

  if (radius == 0)
    return;
  weights = g_new (double, 2 * radius + 1);
  row = g_new (float, width + 2 * radius);
  down = g_new0 (float, n);
  for (gint k = -radius; k <= radius; k++)
    total += weights[k + radius] = exp (-0.5 * k * k / (sigma * sigma));
  for (guint y = 0; y < height; y++)
    for (gint k = -radius; k <= radius; k++)
      kernels->add_floats (plane + (gsize)outside ((gint)y + k, height, edge) * width, width,
          (float)(weights[k + radius] / total), down + (gsize)y * width);
  memset (plane, 0, n * sizeof *plane);
  for (guint y = 0; y < height; y++) {
    for (gint x = -radius; x < (gint)width + radius; x++)
      row[x + radius] = down[(gsize)y * width + outside (x, width, edge)];
    for (gint k = 0; k <= 2 * radius; k++)
      kernels->add_floats (row + k, width, (float)(weights[k] / total), plane + (gsize)y * width);
  }
  g_free (weights);
  g_free (row);
  g_free (down);
}

static float *
to_floats (const guint8 *bytes, gsize n)
{
  float *plane = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    plane[i] = bytes[i];
  return plane;
}

static void
to_bytes (const float *plane, gsize n, guint8 *bytes)
{
  for (gsize i = 0; i < n; i++)
    bytes[i] = corrupt_byte (plane[i]);
}

#define DISK 10 /* largest radius */
#define SIDE (2 * DISK + 1)

/* A disk of even weight, its edge softened by a Gaussian of 3 or 5 taps; reach: how far from the middle it is kept. */
static gint
make_disk (double radius, double sigma, float kernel[SIDE][SIDE])
{
  gint reach = radius <= 8 ? 8 : (gint)radius, soft = radius <= 8 ? 1 : 2, side = 2 * reach + 1, inside = 0;
  float sharp[SIDE][SIDE];
  double taps[5], total = 0;

  for (gint y = 0; y < side; y++)
    for (gint x = 0; x < side; x++) {
      gboolean in = (x - reach) * (x - reach) + (y - reach) * (y - reach) <= radius * radius;

      sharp[y][x] = in;
      inside += in;
    }
  for (gint k = -soft; k <= soft; k++)
    total += taps[k + soft] = exp (-0.5 * k * k / (sigma * sigma));
  for (gint y = 0; y < side; y++)
    for (gint x = 0; x < side; x++) {
      double sum = 0;

      for (gint j = -soft; j <= soft; j++)
        for (gint i = -soft; i <= soft; i++)
          sum += taps[j + soft] * taps[i + soft] * sharp[mirror (y + j, side, FALSE)][mirror (x + i, side, FALSE)];
      kernel[y][x] = (float)(sum / (total * total * inside));
    }
  return reach;
}

void
supcon_corrupt_defocus_blur (SupconPlanes *picture, guint severity, G_GNUC_UNUSED SupconRng *rng)
{
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();
  static const double numbers[2][5][2] = { { { 0.3, 0.4 }, { 0.4, 0.5 }, { 0.5, 0.6 }, { 1, 0.2 }, { 1.5, 0.1 } },
    { { 3, 0.1 }, { 4, 0.5 }, { 6, 0.5 }, { 8, 0.5 }, { 10, 0.5 } } };
  const double *c = numbers[corrupt_table (picture)][severity - 1];
  guint width = picture->width, height = picture->height;
  float kernel[SIDE][SIDE];
  gint reach = make_disk (c[0], c[1], kernel);
  gsize wide = width + 2 * reach;
  float *padded = g_new (float, wide *(height + 2 * reach)), *out = g_new (float, (gsize)width *height);

  for (guint p = 0; p < picture->channels; p++) {
    for (gint y = -reach; y < (gint)height + reach; y++)
      for (gint x = -reach; x < (gint)width + reach; x++)
        padded[(y + reach) * wide + x + reach]
            = picture->plane[p][(gsize)mirror (y, height, FALSE) * width + mirror (x, width, FALSE)];
    memset (out, 0, corrupt_pixels (picture) * sizeof *out);
    for (guint y = 0; y < height; y++)
      for (gint j = 0; j <= 2 * reach; j++)
        for (gint i = 0; i <= 2 * reach; i++)
          if (kernel[j][i] != 0)
            kernels->add_floats (padded + (y + j) * wide + i, width, kernel[j][i], out + (gsize)y * width);
    to_bytes (out, corrupt_pixels (picture), picture->plane[p]);
  }
  g_free (padded);
  g_free (out);
}

static void
blur_bytes (SupconPlanes *picture, double sigma)
{
  for (guint p = 0; p < picture->channels; p++) {
    float *plane = to_floats (picture->plane[p], corrupt_pixels (picture));

    supcon_corrupt_gaussian (plane, picture->width, picture->height, sigma, 4.0, CORRUPT_NEAREST);
    to_bytes (plane, corrupt_pixels (picture), picture->plane[p]);
    g_free (plane);
  }
}

void
supcon_corrupt_glass_blur (SupconPlanes *picture, guint severity, SupconRng *rng)
{
  static const struct {
    double sigma;
    gint delta, rounds;
  } numbers[2][5] = { { { 0.05, 1, 1 }, { 0.25, 1, 1 }, { 0.4, 1, 1 }, { 0.25, 1, 2 }, { 0.4, 1, 2 } },
    { { 0.7, 1, 2 }, { 0.9, 2, 1 }, { 1, 2, 3 }, { 1.1, 3, 2 }, { 1.5, 4, 2 } } };
  gint delta = numbers[corrupt_table (picture)][severity - 1].delta, width = (gint)picture->width;

  blur_bytes (picture, numbers[corrupt_table (picture)][severity - 1].sigma);
  /* The published code means to swap two pixels; what it does, and what its data sets hold, is a copy. */
  for (gint round = 0; round < numbers[corrupt_table (picture)][severity - 1].rounds; round++)
    for (gint y = (gint)picture->height - delta; y > delta; y--)
      for (gint x = width - delta; x > delta; x--) {
        gint dx = (gint)supcon_rng_below (rng, 2 * delta) - delta, dy = (gint)supcon_rng_below (rng, 2 * delta) - delta;

        for (guint p = 0; p < picture->channels; p++)
          picture->plane[p][y * width + x] = picture->plane[p][(y + dy) * width + x + dx];
      }
  blur_bytes (picture, numbers[corrupt_table (picture)][severity - 1].sigma);
}

void
supcon_corrupt_motion (float *plane, guint width, guint height, guint radius, double sigma, double angle)
{
  double total = 0, s = sin (angle * G_PI / 180), c = cos (angle * G_PI / 180);
  float *in = g_memdup2 (plane, (gsize)width * height * sizeof *plane);

  for (guint i = 0; i <= 2 * radius; i++)
    total += exp (-0.5 * i * i / (sigma * sigma));
  memset (plane, 0, (gsize)width * height * sizeof *plane);
  for (guint i = 0; i <= 2 * radius; i++) {
    gint dy = -(gint)ceil (i * s - 0.5), dx = -(gint)ceil (i * c - 0.5);
    float weight = (float)(exp (-0.5 * i * i / (sigma * sigma)) / total);

    if (ABS (dy) >= (gint)height || ABS (dx) >= (gint)width)
      break;
    for (gint y = 0; y < (gint)height; y++)
      for (gint x = 0; x < (gint)width; x++)
        plane[y * width + x]
            += weight
               * in[outside (y - dy, height, CORRUPT_NEAREST) * width + outside (x - dx, width, CORRUPT_NEAREST)];
  }
  g_free (in);
}

void
supcon_corrupt_motion_blur (SupconPlanes *picture, guint severity, SupconRng *rng)
{
  static const double numbers[2][5][2] = { { { 6, 1 }, { 6, 1.5 }, { 6, 2 }, { 8, 2 }, { 9, 2.5 } },
    { { 10, 3 }, { 15, 5 }, { 15, 8 }, { 15, 12 }, { 20, 15 } } };
  const double *c = numbers[corrupt_table (picture)][severity - 1];
  double angle = supcon_rng_uniform (rng, -45, 45);

  for (guint p = 0; p < picture->channels; p++) {
    float *plane = to_floats (picture->plane[p], corrupt_pixels (picture));

    supcon_corrupt_motion (plane, picture->width, picture->height, (guint)c[0], c[1], angle);
    to_bytes (plane, corrupt_pixels (picture), picture->plane[p]);
    g_free (plane);
  }
}

/* Of n pixels: the first of the part that is enlarged, its length, what is cut off before, and the step. */
static void
zoom_axis (guint n, double factor, gint *first, gint *trim, double *step)
{
  gint part = (gint)ceil (n / factor), out;

  out = (gint)rint (part * factor);
  *first = ((gint)n - part) / 2;
  *trim = MAX (out - (gint)n, 0) / 2;
  *step = out > 1 ? (part - 1.0) / (out - 1.0) : 0.0;
}

void
supcon_corrupt_zoom (const float *plane, guint width, guint height, double factor, float *out)
{
  gint first_x, first_y, trim_x, trim_y;
  double step_x, step_y;

  zoom_axis (width, factor, &first_x, &trim_x, &step_x);
  zoom_axis (height, factor, &first_y, &trim_y, &step_y);
  for (guint y = 0; y < height; y++) {
    double at_y = first_y + ((gint)y + trim_y) * step_y;
    guint top = MIN ((guint)at_y, height - 1), bottom = MIN (top + 1, height - 1);
    double below = MIN (at_y - top, 1.0);

    for (guint x = 0; x < width; x++) {
      double at_x = first_x + ((gint)x + trim_x) * step_x;
      guint left = MIN ((guint)at_x, width - 1), right = MIN (left + 1, width - 1);
      double across = MIN (at_x - left, 1.0);
      double upper = plane[top * width + left] * (1 - across) + plane[top * width + right] * across;
      double lower = plane[bottom * width + left] * (1 - across) + plane[bottom * width + right] * across;

      out[y * width + x] = (float)(upper * (1 - below) + lower * below);
    }
  }
}

void
supcon_corrupt_zoom_blur (SupconPlanes *picture, guint severity, G_GNUC_UNUSED SupconRng *rng)
{
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();
  /* How many factors from 1 on, and their step: numpy's arange, whose end rounding sometimes includes. */
  static const struct {
    guint n;
    double step;
  } numbers[2][5] = { { { 7, 0.01 }, { 12, 0.01 }, { 16, 0.01 }, { 21, 0.01 }, { 26, 0.01 } },
    { { 12, 0.01 }, { 16, 0.01 }, { 11, 0.02 }, { 13, 0.02 }, { 11, 0.03 } } };
  guint n = numbers[corrupt_table (picture)][severity - 1].n;
  gsize pixels = corrupt_pixels (picture);
  float *zoomed = g_new (float, pixels);

  for (guint p = 0; p < picture->channels; p++) {
    float *plane = to_floats (picture->plane[p], pixels), *sum = g_memdup2 (plane, pixels * sizeof *plane);

    for (guint i = 0; i < n; i++) {
      supcon_corrupt_zoom (
          plane, picture->width, picture->height, 1 + i * numbers[corrupt_table (picture)][severity - 1].step, zoomed);
      kernels->add_floats (zoomed, pixels, 1, sum);
    }
    for (gsize i = 0; i < pixels; i++)
      sum[i] /= (float)(n + 1);
    to_bytes (sum, pixels, picture->plane[p]);
    g_free (plane);
    g_free (sum);
  }
  g_free (zoomed);
}
