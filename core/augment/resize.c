/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/resize.h"

#include <math.h>

/* Weights are 16-bit integers, 1 being 1 << shift. Reductions have small weights and take more bits; with 22, a sum of
 * bytes still fits 32 bits. */
#define MIN_SHIFT 15
#define MAX_SHIFT 22

/* The rows between the passes keep 8 bits of fraction, so that only the result is rounded to a byte. */
#define ROW_SHIFT 8

/* Columns that the vertical pass sums together: a constant, so that the compiler makes vectors of them. */
#define BLOCK 16

/* One direction's weights. */
typedef struct {
  guint in, out;
  guint taps; /* room for weights per output pixel */
  guint shift;
  guint *first, *count; /* which input pixels each output pixel sees */
  guint16 *weights;
} Filter;

struct _SupconResizer {
  Filter horizontal, vertical;
  guint16 *row;
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

/* The input pixels and weights of PIL's precompute_coeffs. */
static void
filter_prepare (Filter *filter, guint in, guint out)
{
  double scale = (double)in / out;
  double support = MAX (scale, 1.0);

  if (filter->in == in && filter->out == out)
    return;

  filter->in = in;
  filter->out = out;
  filter->taps = (guint)ceil (support) * 2 + 1;
  for (filter->shift = MIN_SHIFT; filter->shift < MAX_SHIFT; filter->shift++) {
    if (support < (double)(2u << (filter->shift - MIN_SHIFT)))
      break;
  }
  filter->first = g_renew (guint, filter->first, out);
  filter->count = g_renew (guint, filter->count, out);
  filter->weights = g_renew (guint16, filter->weights, (gsize)out * filter->taps);

  for (guint o = 0; o < out; o++) {
    double centre = (o + 0.5) * scale;
    guint first = (guint)MAX (0.0, centre - support + 0.5);
    guint end = MIN (in, (guint)(centre + support + 0.5));
    guint16 *weights = filter->weights + (gsize)o * filter->taps;
    double total = 0.0, sum = 0.0;
    guint given = 0, count = end - first;

    for (guint i = first; i < end; i++)
      total += triangle ((i - centre + 0.5) / support);
    /* The running sum is rounded, not the weight: so the weights add up to 1 exactly and a plain area stays as it is.
     */
    for (guint i = first; i < end; i++) {
      guint upto;

      sum += triangle ((i - centre + 0.5) / support);
      upto = (guint)(sum / total * (1u << filter->shift) + 0.5);
      weights[i - first] = (guint16)(upto - given);
      given = upto;
    }
    while (count > 1 && weights[count - 1] == 0)
      count--;
    filter->first[o] = first;
    filter->count[o] = count;
  }
}

static inline void
sum_columns (
    const guint8 *pixels, gsize stride, const guint16 *weights, guint count, guint shift, guint n, guint16 *row)
{
  guint32 sums[BLOCK];

  for (guint i = 0; i < n; i++)
    sums[i] = 1u << (shift - ROW_SHIFT - 1);
  for (guint t = 0; t < count; t++, pixels += stride) {
    for (guint i = 0; i < n; i++)
      sums[i] += (guint32)(guint16)pixels[i] * weights[t];
  }
  for (guint i = 0; i < n; i++)
    row[i] = (guint16)(sums[i] >> (shift - ROW_SHIFT));
}

/* One row of height 'y' of the result, 'n' values wide, from the rows below 'pixels'. */
static void
resize_vertically (const Filter *filter, guint y, const guint8 *pixels, gsize stride, gsize n, guint16 *row)
{
  const guint16 *weights = filter->weights + (gsize)y * filter->taps;
  guint count = filter->count[y];
  gsize i;

  pixels += filter->first[y] * stride;
  for (i = 0; i + BLOCK <= n; i += BLOCK)
    sum_columns (pixels + i, stride, weights, count, filter->shift, BLOCK, row + i);
  if (i < n && n >= BLOCK)
    sum_columns (pixels + n - BLOCK, stride, weights, count, filter->shift, BLOCK, row + n - BLOCK);
  else if (i < n)
    sum_columns (pixels, stride, weights, count, filter->shift, (guint)n, row);
}

static inline void
resize_horizontally (const Filter *filter, const guint16 *row, guint channels, gboolean mirror, guint8 *pixels)
{
  guint shift = filter->shift + ROW_SHIFT;

  for (guint x = 0; x < filter->out; x++) {
    const guint16 *weights = filter->weights + (gsize)x * filter->taps;
    const guint16 *in = row + (gsize)filter->first[x] * channels;
    guint8 *out = pixels + (gsize)(mirror ? filter->out - 1 - x : x) * channels;
    guint64 sums[3];

    for (guint c = 0; c < channels; c++)
      sums[c] = (guint64)1 << (shift - 1);
    for (guint t = 0; t < filter->count[x]; t++, in += channels) {
      for (guint c = 0; c < channels; c++)
        sums[c] += (guint32)in[c] * weights[t];
    }
    for (guint c = 0; c < channels; c++)
      out[c] = (guint8)(sums[c] >> shift);
  }
}

void
supcon_resizer_apply (
    SupconResizer *resizer, const SupconImage *src, const SupconRect *crop, gboolean mirror, const SupconImage *dst)
{
  const guint8 *pixels = src->pixels + crop->y * src->stride + (gsize)crop->x * src->channels;
  gsize n = (gsize)crop->width * src->channels;

  filter_prepare (&resizer->horizontal, crop->width, dst->width);
  filter_prepare (&resizer->vertical, crop->height, dst->height);
  if (resizer->row_size < n) {
    resizer->row = g_renew (guint16, resizer->row, n);
    resizer->row_size = n;
  }

  /* Down first: that pass is over contiguous bytes, so the one that sees most pixels is the one made of vectors. */
  for (guint y = 0; y < dst->height; y++) {
    guint8 *out = dst->pixels + y * dst->stride;

    resize_vertically (&resizer->vertical, y, pixels, src->stride, n, resizer->row);
    if (dst->channels == 1)
      resize_horizontally (&resizer->horizontal, resizer->row, 1, mirror, out);
    else
      resize_horizontally (&resizer->horizontal, resizer->row, 3, mirror, out);
  }
}
