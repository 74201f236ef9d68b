/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/scratch.h"
#include "simd.h"

/* A product and a sum rounded once instead of twice would now and then give another byte than PIL's. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif

/* PIL's convert("L"): BT.601 luma, weights of 16 bits. */
static inline guint
luma (guint r, guint g, guint b)
{
  return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
}

/* PIL's Image.blend, which truncates. */
static inline guint8
blend (float from, float to, float factor)
{
  float value = from + factor * (to - from);

  value = value < 0.0f ? 0.0f : value;
  value = value > 255.0f ? 255.0f : value;
  return (guint8)(gint32)value;
}

SUPCON_MULTIVERSION static void
blend_with (guint8 *plane, gsize n, float value, float factor)
{
  for (gsize i = 0; i < n; i++)
    plane[i] = blend (value, plane[i], factor);
}

static void
blend_planes (SupconPlanes *picture, float value, float factor)
{
  for (guint c = 0; c < picture->channels; c++)
    blend_with (picture->plane[c], (gsize)picture->width * picture->height, value, factor);
}

void
supcon_planes_brightness (SupconPlanes *picture, double factor)
{
  blend_planes (picture, 0.0f, (float)factor);
}

/* A row at a time, whose sum fits 32 bits. */
SUPCON_MULTIVERSION static guint32
luma_sum (const guint8 *r, const guint8 *g, const guint8 *b, guint n)
{
  guint32 sum = 0;

  for (guint i = 0; i < n; i++)
    sum += luma (r[i], g[i], b[i]);
  return sum;
}

void
supcon_planes_contrast (SupconPlanes *picture, double factor)
{
  gsize n = (gsize)picture->width * picture->height;
  /* The luma of grey is that grey. */
  const guint8 *g = picture->plane[picture->channels == 3 ? 1 : 0], *b = picture->plane[picture->channels == 3 ? 2 : 0];
  guint64 sum = 0;

  for (gsize at = 0; at < n; at += picture->width)
    sum += luma_sum (picture->plane[0] + at, g + at, b + at, picture->width);
  blend_planes (picture, floorf ((float)((double)sum / n + 0.5)), (float)factor);
}

SUPCON_MULTIVERSION static void
saturate (guint8 *restrict r, guint8 *restrict g, guint8 *restrict b, gsize n, float factor)
{
  for (gsize i = 0; i < n; i++) {
    float grey = luma (r[i], g[i], b[i]);

    r[i] = blend (grey, r[i], factor);
    g[i] = blend (grey, g[i], factor);
    b[i] = blend (grey, b[i], factor);
  }
}

void
supcon_planes_saturation (SupconPlanes *picture, double factor)
{
  if (picture->channels == 3)
    saturate (picture->plane[0], picture->plane[1], picture->plane[2], (gsize)picture->width * picture->height,
        (float)factor);
}

/* To HSV and back as PIL's Convert.c does it: hue and saturation are bytes in between, truncated, which takes double
 * precision. Everything is computed for every pixel and chosen from, so that it makes vectors. */
SUPCON_MULTIVERSION static void
turn_hue (guint8 *restrict red, guint8 *restrict green, guint8 *restrict blue, gsize n, gint32 shift)
{
  for (gsize i = 0; i < n; i++) {
    gint32 r = red[i], g = green[i], b = blue[i];
    gint32 most = MAX (r, MAX (g, b)), least = MIN (r, MIN (g, b)), range = most - least;
    float divisor = MAX (range, 1), top = MAX (most, 1), value = most;
    float rc = (most - r) / divisor, gc = (most - g) / divisor, bc = (most - b) / divisor;
    float from_red = bc - gc, from_green = 2.0f + rc - bc, from_blue = 4.0f + gc - rc;
    float part = g == most ? from_green : from_blue, hue, saturation = range / top, f, fs;
    double turn;
    gint32 h, s, sector, p, q, t, x, y;

    part = r == most ? from_red : part;
    turn = part * (1.0 / 6.0) + 1.0;
    hue = (float)(turn - (gint32)turn);
    h = ((gint32)(hue * 255.0) + shift) & 255;
    s = (gint32)(saturation * 255.0);

    f = h * 6.0f / 255.0f;
    sector = (gint32)f;
    f -= sector;
    sector = sector == 6 ? 0 : sector;
    fs = s / 255.0f;
    p = (gint32)(value * (1.0f - fs) + 0.5f);
    q = (gint32)(value * (1.0f - fs * f) + 0.5f);
    t = (gint32)(value * (1.0f - fs * (1.0f - f)) + 0.5f);

    x = sector == 1 ? q : p;
    y = sector == 4 ? t : x;
    red[i] = (guint8)(((sector == 0) | (sector == 5)) ? most : y);
    x = sector == 3 ? q : p;
    y = sector == 0 ? t : x;
    green[i] = (guint8)(((sector == 1) | (sector == 2)) ? most : y);
    x = sector == 5 ? q : p;
    y = sector == 2 ? t : x;
    blue[i] = (guint8)(((sector == 3) | (sector == 4)) ? most : y);
  }
}

void
supcon_planes_hue (SupconPlanes *picture, double shift)
{
  if (picture->channels == 3)
    turn_hue (picture->plane[0], picture->plane[1], picture->plane[2], (gsize)picture->width * picture->height,
        (gint32)(shift * 255.0));
}

SUPCON_MULTIVERSION static void
grey_planes (guint8 *restrict r, guint8 *restrict g, guint8 *restrict b, gsize n)
{
  for (gsize i = 0; i < n; i++)
    r[i] = g[i] = b[i] = (guint8)luma (r[i], g[i], b[i]);
}

void
supcon_planes_greyscale (SupconPlanes *picture)
{
  if (picture->channels == 3)
    grey_planes (picture->plane[0], picture->plane[1], picture->plane[2], (gsize)picture->width * picture->height);
}

/* Row y of PIL's SMOOTH, whose weights are 1 and, in the middle, 5 thirteenths; a thirteenth has no half to round. */
SUPCON_MULTIVERSION static void
sharpen_row (
    const guint8 *above, const guint8 *row, const guint8 *below, guint width, float factor, guint8 *restrict out)
{
  for (guint x = 1; x + 1 < width; x++) {
    guint sum = above[x - 1] + above[x] + above[x + 1] + row[x - 1] + 5 * row[x] + row[x + 1] + below[x - 1] + below[x]
                + below[x + 1];

    out[x] = blend ((2 * sum + 13) / 26, row[x], factor);
  }
}

void
supcon_planes_sharpness (SupconPlanes *picture, double factor, SupconScratch *scratch)
{
  guint width = picture->width, height = picture->height;

  /* The edge stays: it has no neighbours on one side. */
  for (guint c = 0; c < picture->channels; c++) {
    const guint8 *from = supcon_scratch_copy (scratch, picture->plane[c], (gsize)width * height);

    for (guint y = 1; y + 1 < height; y++)
      sharpen_row (from + (gsize)(y - 1) * width, from + (gsize)y * width, from + (gsize)(y + 1) * width, width,
          (float)factor, picture->plane[c] + (gsize)y * width);
  }
}
