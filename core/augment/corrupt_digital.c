/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/corrupt_private.h"
#include "augment/scratch.h"

void
supcon_corrupt_contrast (SupconPlanes *picture, guint severity, G_GNUC_UNUSED SupconRng *rng)
{
  static const double numbers[2][5] = { { 0.75, 0.5, 0.4, 0.3, 0.15 }, { 0.4, 0.3, 0.2, 0.1, 0.05 } };
  double factor = numbers[corrupt_table (picture)][severity - 1];
  gsize n = corrupt_pixels (picture);

  for (guint p = 0; p < picture->channels; p++) {
    guint64 sum = 0;
    double mean;

    for (gsize i = 0; i < n; i++)
      sum += picture->plane[p][i];
    mean = (double)sum / n;
    for (gsize i = 0; i < n; i++)
      picture->plane[p][i] = corrupt_byte ((picture->plane[p][i] - mean) * factor + mean);
  }
}

/* The affine map, as two rows of three, that takes three points of 'from' to 'to' (x, y). */
static void
affine_of (const double from[3][2], const double to[3][2], double m[2][3])
{
  double ax = from[1][0] - from[0][0], ay = from[1][1] - from[0][1];
  double bx = from[2][0] - from[0][0], by = from[2][1] - from[0][1], det = ax * by - ay * bx;

  for (guint k = 0; k < 2; k++) {
    double a = to[1][k] - to[0][k], b = to[2][k] - to[0][k];

    m[k][0] = (a * by - b * ay) / det;
    m[k][1] = (b * ax - a * bx) / det;
    m[k][2] = to[0][k] - m[k][0] * from[0][0] - m[k][1] * from[0][1];
  }
}

static float *
draw_displacement (const SupconPlanes *picture, double alpha, double sigma, SupconRng *rng)
{
  float *field = g_new (float, corrupt_pixels (picture));

  for (gsize i = 0; i < corrupt_pixels (picture); i++)
    field[i] = (float)supcon_rng_uniform (rng, -1, 1);
  supcon_corrupt_gaussian (field, picture->width, picture->height, sigma, 3.0, CORRUPT_SYMMETRIC);
  for (gsize i = 0; i < corrupt_pixels (picture); i++)
    field[i] *= (float)alpha;
  return field;
}

/* Into 0..last, mirrored at both. */
static float
fold (double at, double last)
{
  if (last <= 0)
    return 0;
  at = fmod (fabs (at), 2 * last);
  return (float)(at > last ? 2 * last - at : at);
}

/* A random affine map and a smooth random displacement; the published code samples for each, this once for both. */
void
supcon_corrupt_elastic (SupconPlanes *picture, guint severity, SupconRng *rng)
{
  /* Strength and smoothness of the displacement, reach of the affine map's points: shares of the shorter side. */
  static const double numbers[2][5][3]
      = { { { 0, 0, 0.08 }, { 0.05, 0.2, 0.07 }, { 0.08, 0.06, 0.06 }, { 0.1, 0.04, 0.05 }, { 0.1, 0.03, 0.03 } },
          { { 2, 0.7, 0.1 }, { 2, 0.08, 0.2 }, { 0.05, 0.01, 0.02 }, { 0.07, 0.01, 0.02 }, { 0.12, 0.01, 0.02 } } };
  const double *c = numbers[corrupt_table (picture)][severity - 1];
  guint width = picture->width, height = picture->height, side = MIN (width, height);
  double x = width / 2, y = height / 2, q = MAX (side / 3, 1), m[2][3];
  double from[3][2] = { { x + q, y + q }, { x + q, y - q }, { x - q, y - q } }, to[3][2];
  SupconScratch *scratch = supcon_scratch_new ();
  const guint8 *planes[3];
  float *dx, *dy, *at_x = g_new (float, width), *at_y = g_new (float, width);

  for (guint i = 0; i < 3; i++)
    for (guint k = 0; k < 2; k++)
      to[i][k] = from[i][k] + supcon_rng_uniform (rng, -c[2] * side, c[2] * side);
  /* Where each pixel comes from: the map backwards. */
  affine_of (to, from, m);
  dx = draw_displacement (picture, c[0] * side, c[1] * side, rng);
  dy = draw_displacement (picture, c[0] * side, c[1] * side, rng);
  supcon_scratch_copy_all (scratch, picture, planes);
  for (guint row = 0; row < height; row++) {
    for (guint i = 0; i < width; i++) {
      double px = i + dx[(gsize)row * width + i], py = row + dy[(gsize)row * width + i];

      at_x[i] = fold (m[0][0] * px + m[0][1] * py + m[0][2], width - 1.0);
      at_y[i] = fold (m[1][0] * px + m[1][1] * py + m[1][2], height - 1.0);
    }
    supcon_planes_sample_row (picture, row, planes, width, height, at_x, at_y);
  }
  supcon_scratch_free (scratch);
  g_free (dx);
  g_free (dy);
  g_free (at_x);
  g_free (at_y);
}

/* The mean of the pixels of n (step apart) whose centres the box of small pixel i covers, as PIL's BOX filter. */
static guint8
box_mean (const guint8 *bytes, gsize step, guint n, guint i, guint small)
{
  double scale = (double)n / small, centre = (i + 0.5) * scale;
  guint first = (guint)MAX (0.0, centre - scale / 2 + 0.5), end = MIN (n, (guint)(centre + scale / 2 + 0.5)), sum = 0;

  for (guint k = first; k < end; k++)
    sum += bytes[k * step];
  return (guint8)((sum + (end - first) / 2) / (end - first));
}

/* Which of small pixels each of n is, as PIL's NEAREST adds up its steps. */
static guint *
nearest (guint n, guint small)
{
  double step = (double)small / n, at = step * 0.5;
  guint *which = g_new (guint, n);

  for (guint i = 0; i < n; i++, at += step)
    which[i] = MIN ((guint)at, small - 1);
  return which;
}

void
supcon_corrupt_pixelate (SupconPlanes *picture, guint severity, G_GNUC_UNUSED SupconRng *rng)
{
  static const double numbers[2][5] = { { 0.95, 0.9, 0.85, 0.75, 0.65 }, { 0.6, 0.5, 0.4, 0.3, 0.25 } };
  double share = numbers[corrupt_table (picture)][severity - 1];
  guint width = picture->width, height = picture->height;
  guint small_w = MAX (1, (guint)(width * share)), small_h = MAX (1, (guint)(height * share));
  guint8 *narrow = g_malloc ((gsize)small_w * height), *small = g_malloc ((gsize)small_w * small_h);
  guint *columns = nearest (width, small_w), *rows = nearest (height, small_h);

  for (guint p = 0; p < picture->channels; p++) {
    for (guint y = 0; y < height; y++)
      for (guint x = 0; x < small_w; x++)
        narrow[y * small_w + x] = box_mean (picture->plane[p] + (gsize)y * width, 1, width, x, small_w);
    for (guint y = 0; y < small_h; y++)
      for (guint x = 0; x < small_w; x++)
        small[y * small_w + x] = box_mean (narrow + x, small_w, height, y, small_h);
    for (guint y = 0; y < height; y++)
      for (guint x = 0; x < width; x++)
        picture->plane[p][(gsize)y * width + x] = small[rows[y] * small_w + columns[x]];
  }
  g_free (narrow);
  g_free (small);
  g_free (columns);
  g_free (rows);
}

/* ITU-T T.81, tables K.1 and K.2. */
static const guint8 quantisers[2][64] = {
  { 16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
      87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120,
      101, 72, 92, 95, 98, 112, 100, 103, 99 },
  { 17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
      99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
      99, 99, 99, 99, 99, 99, 99 },
};

/* Rows of cosines: the DCT of 8 values is this matrix times them, its transpose is the way back. */
static void
make_cosines (float m[8][8])
{
  for (guint u = 0; u < 8; u++)
    for (guint x = 0; x < 8; x++)
      m[u][x] = (float)(cos ((2 * x + 1) * u * G_PI / 16) * (u == 0 ? sqrt (0.125) : 0.5));
}

/* A plane of whole blocks through the DCT, its coefficients rounded to multiples of the quantisers, and back. */
static void
quantise (float *plane, guint width, guint height, const guint8 table[64], guint quality)
{
  gint scale = quality < 50 ? 5000 / (gint)quality : 200 - 2 * (gint)quality;
  float m[8][8], q[64], a[8][8], b[8][8];

  make_cosines (m);
  for (guint i = 0; i < 64; i++)
    q[i] = (float)CLAMP ((table[i] * scale + 50) / 100, 1, 255);
  for (guint y = 0; y < height; y += 8)
    for (guint x = 0; x < width; x += 8) {
      float *block = plane + (gsize)y * width + x;

      for (guint j = 0; j < 8; j++)
        for (guint u = 0; u < 8; u++) {
          a[j][u] = 0;
          for (guint i = 0; i < 8; i++)
            a[j][u] += m[u][i] * (block[j * width + i] - 128);
        }
      for (guint v = 0; v < 8; v++)
        for (guint u = 0; u < 8; u++) {
          float sum = 0;

          for (guint j = 0; j < 8; j++)
            sum += m[v][j] * a[j][u];
          b[v][u] = roundf (sum / q[v * 8 + u]) * q[v * 8 + u];
        }
      for (guint v = 0; v < 8; v++)
        for (guint i = 0; i < 8; i++) {
          a[v][i] = 0;
          for (guint u = 0; u < 8; u++)
            a[v][i] += m[u][i] * b[v][u];
        }
      for (guint j = 0; j < 8; j++)
        for (guint i = 0; i < 8; i++) {
          float sum = 128;

          for (guint v = 0; v < 8; v++)
            sum += m[v][j] * a[v][i];
          block[j * width + i] = CLAMP (rintf (sum), 0.0f, 255.0f);
        }
    }
}

/* What is lost in a JPEG file: colours at half the size, coefficients rounded; nothing is coded. */
void
supcon_corrupt_jpeg (SupconPlanes *picture, guint severity, G_GNUC_UNUSED SupconRng *rng)
{
  static const guint numbers[2][5] = { { 80, 65, 58, 50, 40 }, { 25, 18, 15, 10, 7 } };
  static const double to_ycc[3][3]
      = { { 0.299, 0.587, 0.114 }, { -0.168736, -0.331264, 0.5 }, { 0.5, -0.418688, -0.081312 } };
  guint quality = numbers[corrupt_table (picture)][severity - 1];
  guint width = (picture->width + 15) & ~15u, height = (picture->height + 15) & ~15u, half = width / 2;
  float *ycc[3];

  for (guint p = 0; p < picture->channels; p++) {
    float *plane = ycc[p] = g_new (float, (gsize)width *height);

    for (guint y = 0; y < height; y++)
      for (guint x = 0; x < width; x++) {
        /* Blocks over the edge are filled with the edge. */
        gsize at = (gsize)MIN (y, picture->height - 1) * picture->width + MIN (x, picture->width - 1);
        double value = picture->plane[0][at];

        if (picture->channels == 3)
          value = to_ycc[p][0] * picture->plane[0][at] + to_ycc[p][1] * picture->plane[1][at]
                  + to_ycc[p][2] * picture->plane[2][at] + (p > 0 ? 128 : 0);
        plane[(gsize)y * width + x] = (float)rint (value);
      }
    if (p > 0) {
      for (guint y = 0; y < height; y += 2)
        for (guint x = 0; x < width; x += 2) {
          const float *four = plane + (gsize)y * width + x;

          plane[(gsize)(y / 2) * half + x / 2]
              = floorf ((four[0] + four[1] + four[width] + four[width + 1] + 1 + (x / 2 & 1)) / 4);
        }
      quantise (plane, half, height / 2, quantisers[1], quality);
    } else {
      quantise (plane, width, height, quantisers[0], quality);
    }
  }
  for (guint y = 0; y < picture->height; y++)
    for (guint x = 0; x < picture->width; x++) {
      gsize at = (gsize)y * picture->width + x;
      double luma = ycc[0][(gsize)y * width + x], chroma[2];

      if (picture->channels == 1) {
        picture->plane[0][at] = (guint8)luma;
        continue;
      }
      /* Three quarters of the nearest colour, one of the next, in both directions; not beyond the picture. */
      for (guint k = 0; k < 2; k++) {
        guint nx = x / 2, ny = y / 2, last_x = (picture->width + 1) / 2 - 1, last_y = (picture->height + 1) / 2 - 1;
        guint fx = x & 1 ? MIN (nx + 1, last_x) : nx - (nx > 0), fy = y & 1 ? MIN (ny + 1, last_y) : ny - (ny > 0);
        const float *near_row = ycc[k + 1] + (gsize)ny * half, *far_row = ycc[k + 1] + (gsize)fy * half;

        chroma[k]
            = floor ((9 * near_row[nx] + 3 * near_row[fx] + 3 * far_row[nx] + far_row[fx] + 7 + !(x & 1)) / 16) - 128;
      }
      picture->plane[0][at] = (guint8)CLAMP (rint (luma + 1.402 * chroma[1]), 0, 255);
      picture->plane[1][at] = (guint8)CLAMP (rint (luma - 0.344136 * chroma[0] - 0.714136 * chroma[1]), 0, 255);
      picture->plane[2][at] = (guint8)CLAMP (rint (luma + 1.772 * chroma[0]), 0, 255);
    }
  for (guint p = 0; p < picture->channels; p++)
    g_free (ycc[p]);
}
