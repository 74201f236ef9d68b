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
  double start, size; /* what is seen of the input: from here on, so much */
  guint in, out;
  SupconInterpolation interpolation;
  guint taps;           /* room for weights per output pixel */
  guint most;           /* of count; weights behind an output pixel's own are 0 */
  guint *first, *count; /* which input pixels each output pixel sees */
  float *weights;
  gsize n_outputs, n_weights; /* room of these: it grows alone, so that in the end nothing is allocated */
} Filter;

struct _SupconResizer {
  Filter horizontal, vertical;
  Filter chroma_horizontal, chroma_vertical;
  float *row; /* between the passes: not rounded, unlike PIL's */
  gsize row_size;
  float *components; /* a row of Y', Cb, Cr of the result */
  gsize components_size;
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
  filter_clear (&resizer->chroma_horizontal);
  filter_clear (&resizer->chroma_vertical);
  g_free (resizer->row);
  g_free (resizer->components);
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

/* The input pixels and weights of PIL's precompute_coeffs for a box from start on. */
static void
filter_prepare (Filter *filter, double start, double size, guint in, guint out, SupconInterpolation interpolation)
{
  gboolean bicubic = interpolation == SUPCON_INTERPOLATION_BICUBIC;
  double (*kernel) (double) = bicubic ? cubic : triangle;
  double scale = size / out, reduction = MAX (scale, 1.0);
  double support = bicubic ? 2.0 * reduction : reduction;

  if (filter->start == start && filter->size == size && filter->in == in && filter->out == out
      && filter->interpolation == interpolation)
    return;

  filter->start = start;
  filter->size = size;
  filter->in = in;
  filter->out = out;
  filter->interpolation = interpolation;
  filter->taps = (guint)ceil (support) * 2 + 1;
  filter->most = 0;
  if (filter->n_outputs < out) {
    filter->n_outputs = out;
    filter->first = g_renew (guint, filter->first, out);
    filter->count = g_renew (guint, filter->count, out);
  }
  if (filter->n_weights < (gsize)out * filter->taps) {
    filter->n_weights = (gsize)out * filter->taps;
    filter->weights = g_renew (float, filter->weights, filter->n_weights);
  }

  for (guint o = 0; o < out; o++) {
    double centre = start + (o + 0.5) * scale;
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

/* One value of each of so many that a pixel has, every step-th of row. */
static void
resize_component_horizontally (const Filter *filter, const float *row, guint step, gboolean mirror, float *restrict out)
{
  const Filter f = *filter;

  for (guint i = 0; i < f.out; i++) {
    guint x = mirror ? f.out - 1 - i : i;
    const float *weights = f.weights + (gsize)x * f.taps;
    const float *in = row + (gsize)f.first[x] * step;
    float sum = 0;

    for (guint t = 0; t < f.count[x]; t++)
      sum += weights[t] * in[t * step];
    out[i] = sum;
  }
}

SUPCON_MULTIVERSION static void
convert_row (
    const SupconChroma *chroma, const float *y, const float *cb, const float *cr, guint n, guint8 *restrict out)
{
  const SupconChroma c = *chroma;

  for (guint i = 0; i < n; i++)
    for (guint k = 0; k < 3; k++) {
      float value = c.matrix[k][0] * (y[i] - c.offset[0]) + c.matrix[k][1] * (cb[i] - c.offset[1])
                    + c.matrix[k][2] * (cr[i] - c.offset[2]) + 0.5f;

      out[3 * i + k] = (guint8)(gint32)CLAMP (value, 0.0f, 255.0f);
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

/* Room for a row of n values and what is read behind its end, which has no weight but must be a number. */
static void
reserve_row (SupconResizer *resizer, gsize n, gsize n_behind)
{
  if (resizer->row_size < n + n_behind) {
    resizer->row = g_renew (float, resizer->row, n + n_behind);
    resizer->row_size = n + n_behind;
  }
  memset (resizer->row + n, 0, n_behind * sizeof *resizer->row);
}

static float *
reserve_components (SupconResizer *resizer, guint width)
{
  if (resizer->components_size < width) {
    resizer->components = g_renew (float, resizer->components, (gsize)3 * width);
    resizer->components_size = width;
  }
  return resizer->components;
}

/* Pixels of another order, or with a byte more, than RGB. */
static void
resize_packed (SupconResizer *resizer, const SupconImage *src, const guint8 *pixels, guint width, gboolean mirror,
    const SupconImage *dst)
{
  gsize n = (gsize)width * src->step;
  float *components = reserve_components (resizer, dst->width);

  reserve_row (resizer, n, 0);
  for (guint y = 0; y < dst->height; y++) {
    guint8 *out = dst->pixels + y * dst->stride;

    resize_vertically (&resizer->vertical, y, pixels, src->stride, n, resizer->row);
    for (guint c = 0; c < 3; c++) {
      resize_component_horizontally (&resizer->horizontal, resizer->row + src->order[c], src->step, mirror, components);
      for (guint x = 0; x < dst->width; x++)
        out[3 * x + c] = (guint8)(gint32)CLAMP (components[x] + 0.5f, 0.0f, 255.0f);
    }
  }
}

/* The values of chroma that the rectangle touches: a range of one direction. */
static void
chroma_range (double start, double size, guint n, guint *first, guint *count)
{
  guint end = (guint)CLAMP (ceil (start + size), 1, n);

  *first = (guint)CLAMP (floor (start), 0, end - 1);
  *count = end - *first;
}

static void
resize_luma_and_chroma (SupconResizer *resizer, const SupconImage *src, const SupconRect *crop, const guint8 *luma,
    gboolean mirror, SupconInterpolation interpolation, const SupconImage *dst)
{
  const SupconChroma *chroma = src->chroma;
  double x = chroma->x + crop->x / 2.0, y = chroma->y + crop->y / 2.0;
  float *components = reserve_components (resizer, dst->width);
  guint first_x, n_x, first_y, n_y;
  gsize n;

  chroma_range (x, crop->width / 2.0, chroma->width, &first_x, &n_x);
  chroma_range (y, crop->height / 2.0, chroma->height, &first_y, &n_y);
  filter_prepare (&resizer->chroma_horizontal, x - first_x, crop->width / 2.0, n_x, dst->width, interpolation);
  filter_prepare (&resizer->chroma_vertical, y - first_y, crop->height / 2.0, n_y, dst->height, interpolation);
  n = (gsize)(n_x - 1) * chroma->step + 1;
  reserve_row (resizer, MAX (crop->width, n), 0);

  for (guint row = 0; row < dst->height; row++) {
    resize_vertically (&resizer->vertical, row, luma, src->stride, crop->width, resizer->row);
    resize_component_horizontally (&resizer->horizontal, resizer->row, 1, mirror, components);
    for (guint c = 0; c < 2; c++) {
      const guint8 *plane = chroma->plane[c] + first_y * chroma->stride[c] + (gsize)first_x * chroma->step;

      resize_vertically (&resizer->chroma_vertical, row, plane, chroma->stride[c], n, resizer->row);
      resize_component_horizontally (
          &resizer->chroma_horizontal, resizer->row, chroma->step, mirror, components + (c + 1) * dst->width);
    }
    convert_row (chroma, components, components + dst->width, components + 2 * dst->width, dst->width,
        dst->pixels + row * dst->stride);
  }
}

void
supcon_resizer_apply (SupconResizer *resizer, const SupconImage *src, const SupconRect *crop, gboolean mirror,
    SupconInterpolation interpolation, const SupconImage *dst)
{
  guint step = src->chroma ? 1 : src->step ? src->step : src->channels;
  const guint8 *pixels = src->pixels + crop->y * src->stride + (gsize)crop->x * step;
  gsize n = (gsize)crop->width * step;

  filter_prepare (&resizer->horizontal, 0, crop->width, crop->width, dst->width, interpolation);
  filter_prepare (&resizer->vertical, 0, crop->height, crop->height, dst->height, interpolation);
  if (src->chroma) {
    resize_luma_and_chroma (resizer, src, crop, pixels, mirror, interpolation, dst);
    return;
  }
  if (src->step) {
    resize_packed (resizer, src, pixels, crop->width, mirror, dst);
    return;
  }
  /* Colours are read by fours. */
  reserve_row (resizer, n, (gsize)resizer->horizontal.most * src->channels + 1);

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
