/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/resize.h"

#include "simd.h"

/* Values that the vertical pass sums together: a constant, so that the compiler keeps the sums in registers. */
#define BLOCK 64

/* One pixel and what follows it. */
typedef float Pixel __attribute__ ((vector_size (16), aligned (4), may_alias));
typedef gint32 PixelInts __attribute__ ((vector_size (16)));
typedef guint8 PixelBytes __attribute__ ((vector_size (4), aligned (1), may_alias));

/* One direction's weights. */
typedef struct {
  guint in, out;
  SupconInterpolation interpolation;
  guint taps;           /* room for weights per output pixel */
  guint most;           /* of count; weights behind an output pixel's own are 0 */
  guint *first, *count; /* which input pixels each output pixel sees */
  float *weights;
} Filter;

struct _SupconResizer {
  Filter horizontal, vertical;
  float *row; /* between the passes: not rounded, unlike PIL's */
  gsize row_size;
};

SupconResizer *
supcon_resizer_new (void)
{
  return g_new0 (SupconResizer, 1);
}

static void
filter_clear (Filter *filter)
{
  g_free (filter->first);
  g_free (filter->count);
  g_free (filter->weights);
}

void
supcon_resizer_free (SupconResizer *resizer)
{
  if (!resizer)
    return;
  filter_clear (&resizer->horizontal);
  filter_clear (&resizer->vertical);
  g_free (resizer->row);
  g_free (resizer);
}

static double
triangle (double x)
{
  return MAX (0.0, 1.0 - fabs (x));
}

static double
cubic (double x)
{
  x = fabs (x);
  if (x < 1.0)
    return (1.5 * x - 2.5) * x * x + 1.0;
  return x < 2.0 ? ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0 : 0.0;
}

/* The input pixels and weights of PIL's precompute_coeffs. */
static void
filter_prepare (Filter *filter, guint in, guint out, SupconInterpolation interpolation)
{
  gboolean bicubic = interpolation == SUPCON_INTERPOLATION_BICUBIC;
  double (*kernel) (double) = bicubic ? cubic : triangle;
  double scale = (double)in / out, reduction = MAX (scale, 1.0);
  double support = bicubic ? 2.0 * reduction : reduction;

  if (filter->in == in && filter->out == out && filter->interpolation == interpolation)
    return;

  filter->in = in;
  filter->out = out;
  filter->interpolation = interpolation;
  filter->taps = (guint)ceil (support) * 2 + 1;
  filter->most = 0;
  filter->first = g_renew (guint, filter->first, out);
  filter->count = g_renew (guint, filter->count, out);
  filter->weights = g_renew (float, filter->weights, (gsize)out * filter->taps);

  for (guint o = 0; o < out; o++) {
    double centre = (o + 0.5) * scale;
    guint first = (guint)MAX (0.0, centre - support + 0.5);
    guint end = MIN (in, (guint)(centre + support + 0.5));
    float *weights = filter->weights + (gsize)o * filter->taps;
    double total = 0.0;

    for (guint i = first; i < end; i++)
      total += kernel ((i - centre + 0.5) / reduction);
    for (guint i = first; i < end; i++)
      weights[i - first] = (float)(kernel ((i - centre + 0.5) / reduction) / total);
    while (end - first > 1 && weights[end - first - 1] == 0.0f)
      end--;
    for (guint i = end - first; i < filter->taps; i++)
      weights[i] = 0.0f;
    filter->first[o] = first;
    filter->count[o] = end - first;
    filter->most = MAX (filter->most, end - first);
  }
}

static inline __attribute__ ((always_inline)) void
sum_columns (const guint8 *pixels, gsize stride, const float *weights, guint count, guint n, float *row)
{
  float sums[BLOCK] = { 0 };

  for (guint t = 0; t < count; t++, pixels += stride) {
    for (guint i = 0; i < n; i++)
      sums[i] += weights[t] * pixels[i];
  }
  memcpy (row, sums, n * sizeof *row);
}

/* One row of height 'y' of the result, 'n' values wide, from the rows below 'pixels'. */
SUPCON_MULTIVERSION static void
resize_vertically (const Filter *filter, guint y, const guint8 *pixels, gsize stride, gsize n, float *row)
{
  const float *weights = filter->weights + (gsize)y * filter->taps;
  guint count = filter->count[y];
  gsize i;

  pixels += filter->first[y] * stride;
  for (i = 0; i + BLOCK <= n; i += BLOCK)
    sum_columns (pixels + i, stride, weights, count, BLOCK, row + i);
  if (i < n && n >= BLOCK)
    sum_columns (pixels + n - BLOCK, stride, weights, count, BLOCK, row + n - BLOCK);
  else if (i < n)
    sum_columns (pixels, stride, weights, count, (guint)n, row);
}

/* Every pixel takes as many values as the one that needs most, and the usual numbers have a loop of their own. Three
 * channels are one vector of four, the last of which is the next pixel's and is written over by it: so pixels are
 * written from left to right, mirrored or not. limited: weights may be negative, so that sums go beyond a byte. */
static inline __attribute__ ((always_inline)) void
sum_pixels (const Filter *filter, guint most, gboolean limited, const float *row, gboolean mirror, guint8 *restrict out)
{
  const Filter f = *filter; /* which no byte written can change */

  for (guint i = 0; i < f.out; i++, out += 3) {
    guint x = mirror ? f.out - 1 - i : i;
    const float *weights = f.weights + (gsize)x * f.taps;
    const float *in = row + (gsize)f.first[x] * 3;
    Pixel sums = { 0.5f, 0.5f, 0.5f, 0.5f };
    PixelBytes bytes;

    for (guint t = 0; t < most; t++, in += 3)
      sums += weights[t] * *(const Pixel *)in;
    if (limited)
      for (guint c = 0; c < 4; c++)
        sums[c] = CLAMP (sums[c], 0.0f, 255.0f);
    bytes = __builtin_convertvector(__builtin_convertvector(sums, PixelInts), PixelBytes);
    if (i + 1 < f.out)
      *(PixelBytes *)out = bytes;
    else
      memcpy (out, &bytes, 3);
  }
}

SUPCON_MULTIVERSION static void
resize_colour_horizontally (const Filter *filter, const float *row, gboolean mirror, guint8 *restrict out)
{
  if (filter->interpolation == SUPCON_INTERPOLATION_BICUBIC) {
    sum_pixels (filter, filter->most, TRUE, row, mirror, out);
    return;
  }
  switch (filter->most) {
  case 2:
    sum_pixels (filter, 2, FALSE, row, mirror, out);
    break;
  case 3:
    sum_pixels (filter, 3, FALSE, row, mirror, out);
    break;
  case 4:
    sum_pixels (filter, 4, FALSE, row, mirror, out);
    break;
  case 5:
    sum_pixels (filter, 5, FALSE, row, mirror, out);
    break;
  case 6:
    sum_pixels (filter, 6, FALSE, row, mirror, out);
    break;
  default:
    sum_pixels (filter, filter->most, FALSE, row, mirror, out);
    break;
  }
}

static void
resize_grey_horizontally (const Filter *filter, const float *row, gboolean mirror, guint8 *restrict out)
{
  const Filter f = *filter;

  for (guint i = 0; i < f.out; i++) {
    guint x = mirror ? f.out - 1 - i : i;
    const float *weights = f.weights + (gsize)x * f.taps;
    const float *in = row + f.first[x];
    float sum = 0.5f;

    for (guint t = 0; t < f.most; t++)
      sum += weights[t] * in[t];
    out[i] = (guint8)(gint32)CLAMP (sum, 0.0f, 255.0f);
  }
}

void
supcon_resizer_apply (SupconResizer *resizer, const SupconImage *src, const SupconRect *crop, gboolean mirror,
    SupconInterpolation interpolation, const SupconImage *dst)
{
  const guint8 *pixels = src->pixels + crop->y * src->stride + (gsize)crop->x * src->channels;
  gsize n = (gsize)crop->width * src->channels, n_behind;

  filter_prepare (&resizer->horizontal, crop->width, dst->width, interpolation);
  filter_prepare (&resizer->vertical, crop->height, dst->height, interpolation);
  /* What is read behind the row's end has no weight, but must be a number. Colours are read by fours. */
  n_behind = (gsize)resizer->horizontal.most * src->channels + 1;
  if (resizer->row_size < n + n_behind) {
    resizer->row = g_renew (float, resizer->row, n + n_behind);
    resizer->row_size = n + n_behind;
  }
  memset (resizer->row + n, 0, n_behind * sizeof *resizer->row);

  /* Down first: that pass is over contiguous bytes, so the one that sees most pixels is the one made of vectors. */
  for (guint y = 0; y < dst->height; y++) {
    guint8 *out = dst->pixels + y * dst->stride;

    resize_vertically (&resizer->vertical, y, pixels, src->stride, n, resizer->row);
    if (dst->channels == 1)
      resize_grey_horizontally (&resizer->horizontal, resizer->row, mirror, out);
    else
      resize_colour_horizontally (&resizer->horizontal, resizer->row, mirror, out);
  }
}
