/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/corrupt_private.h"

static double
wibble_mean (double sum, double wibble, SupconRng *rng)
{
  return sum / 4 + wibble * supcon_rng_uniform (rng, -wibble, wibble);
}

/* Clouds from 0 to 1 by diamonds and squares on a map of 'size', a power of two, that wraps around; decay: how much
 * rougher coarse steps are than fine ones. Free with g_free(). */
static float *
make_plasma (guint size, double decay, SupconRng *rng)
{
  float *map = g_new0 (float, (gsize)size *size), low, high;
  double wibble = 100;
#define AT(y, x) map[(gsize)((y) & (size - 1)) * size + ((x) & (size - 1))]

  for (guint step = size; step >= 2; step /= 2, wibble /= decay) {
    guint half = step / 2;

    for (guint y = 0; y < size; y += step)
      for (guint x = 0; x < size; x += step)
        AT (y + half, x + half) = (float)wibble_mean (
            (double)AT (y, x) + AT (y + step, x) + AT (y, x + step) + AT (y + step, x + step), wibble, rng);
    for (guint y = 0; y < size; y += step)
      for (guint x = 0; x < size; x += step)
        AT (y, x + half) = (float)wibble_mean (
            (double)AT (y + half, x + half) + AT (y - half, x + half) + AT (y, x) + AT (y, x + step), wibble, rng);
    for (guint y = 0; y < size; y += step)
      for (guint x = 0; x < size; x += step)
        AT (y + half, x) = (float)wibble_mean (
            (double)AT (y + half, x + half) + AT (y + half, x - half) + AT (y, x) + AT (y + step, x), wibble, rng);
  }
#undef AT
  low = high = map[0];
  for (gsize i = 0; i < (gsize)size * size; i++) {
    low = MIN (low, map[i]);
    high = MAX (high, map[i]);
  }
  for (gsize i = 0; i < (gsize)size * size; i++)
    map[i] = high > low ? (map[i] - low) / (high - low) : 0;
  return map;
}

static guint
power_of_two (guint n)
{
  guint size = 1;

  while (size < n)
    size *= 2;
  return size;
}

void
supcon_corrupt_fog (SupconPlanes *picture, guint severity, SupconRng *rng)
{
  static const double numbers[2][5][2] = { { { 0.2, 3 }, { 0.5, 3 }, { 0.75, 2.5 }, { 1, 2 }, { 1.5, 1.75 } },
    { { 1.5, 2 }, { 2, 2 }, { 2.5, 1.7 }, { 2.5, 1.5 }, { 3, 1.4 } } };
  const double *c = numbers[corrupt_table (picture)][severity - 1];
  guint size = power_of_two (MAX (picture->width, picture->height));
  float *plasma = make_plasma (size, c[1], rng);
  guint8 top = 0;

  for (guint p = 0; p < picture->channels; p++)
    for (gsize i = 0; i < corrupt_pixels (picture); i++)
      top = MAX (top, picture->plane[p][i]);
  for (guint p = 0; p < picture->channels; p++)
    for (guint y = 0; y < picture->height; y++)
      for (guint x = 0; x < picture->width; x++) {
        guint8 *byte = picture->plane[p] + (gsize)y * picture->width + x;

        *byte = corrupt_byte ((*byte + 255 * c[0] * plasma[(gsize)y * size + x]) * top / (top + 255 * c[0]));
      }
  g_free (plasma);
}

/* The published frost is cut from photographs. This one is drawn: ridges of rough clouds, the colour of ice. */
void
supcon_corrupt_frost (SupconPlanes *picture, guint severity, SupconRng *rng)
{
  static const double numbers[2][5][2] = { { { 1, 0.2 }, { 1, 0.3 }, { 0.9, 0.4 }, { 0.85, 0.4 }, { 0.75, 0.45 } },
    { { 1, 0.4 }, { 0.8, 0.6 }, { 0.7, 0.7 }, { 0.65, 0.7 }, { 0.6, 0.75 } } };
  static const double ice[3] = { 205, 230, 255 };
  const double *c = numbers[corrupt_table (picture)][severity - 1];
  guint size = power_of_two (MAX (picture->width, picture->height));
  float *plasma = make_plasma (size, 1.6, rng);

  for (guint p = 0; p < picture->channels; p++)
    for (guint y = 0; y < picture->height; y++)
      for (guint x = 0; x < picture->width; x++) {
        guint8 *byte = picture->plane[p] + (gsize)y * picture->width + x;
        double ridge = 1 - fabs (2.0 * plasma[(gsize)y * size + x] - 1);

        *byte = corrupt_byte (c[0] * *byte + c[1] * ice[picture->channels == 1 ? 1 : p] * ridge * ridge);
      }
  g_free (plasma);
}

void
supcon_corrupt_snow (SupconPlanes *picture, guint severity, SupconRng *rng)
{
  static const struct {
    double mean, sigma, zoom, threshold;
    guint radius;
    double motion, keep;
  } numbers[2][5]
      = { { { 0.1, 0.2, 1, 0.6, 8, 3, 0.95 }, { 0.1, 0.2, 1, 0.5, 10, 4, 0.9 }, { 0.15, 0.3, 1.75, 0.55, 10, 4, 0.9 },
              { 0.25, 0.3, 2.25, 0.6, 12, 6, 0.85 }, { 0.3, 0.3, 1.25, 0.65, 14, 12, 0.8 } },
          { { 0.1, 0.3, 3, 0.5, 10, 4, 0.8 }, { 0.2, 0.3, 2, 0.5, 12, 4, 0.7 }, { 0.55, 0.3, 4, 0.9, 12, 8, 0.7 },
              { 0.55, 0.3, 4.5, 0.85, 12, 8, 0.65 }, { 0.55, 0.3, 2.5, 0.85, 12, 12, 0.55 } } };
  guint k = severity - 1, table = corrupt_table (picture);
  gsize n = corrupt_pixels (picture);
  float *noise = g_new (float, n), *layer = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    noise[i] = (float)(numbers[table][k].mean + numbers[table][k].sigma * supcon_rng_normal (rng));
  supcon_corrupt_zoom (noise, picture->width, picture->height, numbers[table][k].zoom, layer);
  for (gsize i = 0; i < n; i++)
    layer[i] = layer[i] < numbers[table][k].threshold ? 0 : CLAMP (layer[i], 0.0f, 1.0f);
  supcon_corrupt_motion (layer, picture->width, picture->height, numbers[table][k].radius, numbers[table][k].motion,
      supcon_rng_uniform (rng, -135, -45));
  for (gsize i = 0; i < n; i++)
    layer[i] = rintf (layer[i] * 255);
  for (gsize i = 0; i < n; i++) {
    double grey = picture->plane[0][i], keep = numbers[table][k].keep;

    if (picture->channels == 3)
      grey = 0.299 * picture->plane[0][i] + 0.587 * picture->plane[1][i] + 0.114 * picture->plane[2][i];
    for (guint p = 0; p < picture->channels; p++) {
      double byte = picture->plane[p][i];

      byte = keep * byte + (1 - keep) * MAX (byte, grey * 1.5 + 127.5);
      picture->plane[p][i] = corrupt_byte (byte + layer[i] + layer[n - 1 - i]);
    }
  }
  g_free (noise);
  g_free (layer);
}

/* The value of HSV grows: all channels by the same factor. Black becomes grey. */
void
supcon_corrupt_brightness (SupconPlanes *picture, guint severity, G_GNUC_UNUSED SupconRng *rng)
{
  static const double numbers[2][5] = { { 0.05, 0.1, 0.15, 0.2, 0.3 }, { 0.1, 0.2, 0.3, 0.4, 0.5 } };
  double more = 255 * numbers[corrupt_table (picture)][severity - 1];

  for (gsize i = 0; i < corrupt_pixels (picture); i++) {
    double value = picture->plane[0][i], brighter;

    for (guint p = 1; p < picture->channels; p++)
      value = MAX (value, picture->plane[p][i]);
    brighter = MIN (value + more, 255);
    for (guint p = 0; p < picture->channels; p++)
      picture->plane[p][i] = corrupt_byte (value > 0 ? picture->plane[p][i] * brighter / value : brighter);
  }
}
