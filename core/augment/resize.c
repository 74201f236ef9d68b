/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Across first, as PIL does it: every row of the crop once, when the rows of the result ask for it, into a ring of so
 * many as they need at a time. Each thread has its own, and makes anew what a band shares with the one before it when
 * that was another's. */
#include "augment/resize.h"

#include <math.h>
#include <string.h>

#include "augment/kernels.h"
#include "augment/scratch.h"

/* One direction's weights. */
typedef struct {
  double start, size; /* what is seen of the input: from here on, so much */
  guint in, out;
  SupconInterpolation interpolation;
  guint taps;           /* room for weights per output */
  guint most;           /* of count */
  guint *first, *count; /* which inputs each output sees */
  gint32 *weights;      /* 0 behind count */
  guint room_out;
  gsize room_weights;
  gint32 *by_tap;
  double *room;
} Filter;

/* One plane of a picture: all channels of packed pixels, or luma or chroma alone. */
typedef struct {
  Filter horizontal, vertical;
  SupconAcross across;
  gsize room_offsets;
  gint32 *mirrored; /* weights from right to left */
  gsize room_mirrored;
  guint ring_rows; /* of its rings, and the bytes of each */
  gsize row_size;
  /* Where its bytes are, and how far they go. */
  const guint8 *bytes;
  gsize stride, readable;
} Plane;

struct _SupconResizer {
  Plane plane[3]; /* all pixels, or luma and chroma */
  guint number;   /* of this resize among all */
  const SupconChroma *chroma;
  const SupconImage *dst;
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
  g_free (filter->by_tap);
  g_free (filter->room);
}

static void
plane_clear (Plane *plane)
{
  filter_clear (&plane->horizontal);
  filter_clear (&plane->vertical);
  g_free (plane->across.offsets);
  g_free (plane->across.table);
  g_free (plane->mirrored);
}

void
supcon_resizer_free (SupconResizer *resizer)
{
  if (!resizer)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (resizer->plane); i++)
    plane_clear (&resizer->plane[i]);
  g_free (resizer);
}

/* At least n of them in *array, which it may replace. */
#define RESERVE(array, room, n)                                                                                        \
  G_STMT_START                                                                                                         \
  {                                                                                                                    \
    if ((room) < (n)) {                                                                                                \
      g_free (array);                                                                                                  \
      (array) = g_malloc (((room) = (n)) * sizeof *(array));                                                           \
    }                                                                                                                  \
  }                                                                                                                    \
  G_STMT_END

static void
filter_reserve (Filter *filter)
{
  gsize n = (gsize)filter->out * (filter->taps + 2);

  if (filter->room_out < filter->out) {
    filter->room_out = filter->out;
    filter->first = g_renew (guint, filter->first, filter->out);
    filter->count = g_renew (guint, filter->count, filter->out);
  }
  if (filter->room_weights < n) {
    filter->room_weights = n;
    filter->weights = g_renew (gint32, filter->weights, n);
    filter->by_tap = g_renew (gint32, filter->by_tap, n);
    filter->room = g_renew (double, filter->room, n);
  }
}

/* The inputs and weights of PIL's precompute_coeffs for a box from start on. FALSE: they were made before. */
static gboolean
filter_prepare (Filter *filter, double start, double size, guint in, guint out, SupconInterpolation interpolation)
{
  gboolean bicubic = interpolation == SUPCON_INTERPOLATION_BICUBIC;
  double scale = size / out, support = (bicubic ? 2.0 : 1.0) * MAX (scale, 1.0);

  if (filter->start == start && filter->size == size && filter->in == in && filter->out == out
      && filter->interpolation == interpolation)
    return FALSE;

  filter->start = start;
  filter->size = size;
  filter->in = in;
  filter->out = out;
  filter->interpolation = interpolation;
  filter->taps = (guint)ceil (support) * 2 + 1;
  filter->most = 0;
  filter_reserve (filter);
  for (guint o = 0; o < out; o++) {
    double centre = start + (o + 0.5) * scale;

    filter->first[o] = (guint)MAX (0.0, centre - support + 0.5);
    filter->count[o] = MIN (in, (guint)(centre + support + 0.5)) - filter->first[o];
  }
  supcon_augment_kernels ()->weigh (
      bicubic, start, scale, filter->first, filter->count, out, filter->taps, filter->room, filter->by_tap);

  /* In the order of outputs, without what weighs nothing at either end. */
  for (guint o = 0; o < out; o++) {
    gint32 *weights = filter->weights + (gsize)o * filter->taps;
    guint skipped = 0, count = filter->count[o];

    while (skipped + 1 < count && filter->by_tap[(gsize)skipped * out + o] == 0)
      skipped++;
    while (count > skipped + 1 && filter->by_tap[(gsize)(count - 1) * out + o] == 0)
      count--;
    count -= skipped;
    for (guint k = 0; k < count; k++)
      weights[k] = filter->by_tap[(gsize)(skipped + k) * out + o];
    for (guint k = count; k < filter->taps; k++)
      weights[k] = 0;
    filter->first[o] += skipped;
    filter->count[o] = count;
    filter->most = MAX (filter->most, count);
  }
  return TRUE;
}

/* A box of a plane's pixels of step bytes, channels of which are wanted: byte order[c] of each. */
static void
plane_prepare (Plane *plane, const double box[4], guint in_width, guint in_height, guint step, guint channels,
    const guint8 *order, gboolean mirror, SupconInterpolation interpolation, const SupconImage *dst)
{
  SupconAcross *across = &plane->across;
  Filter *filter = &plane->horizontal;
  guint width = dst->width;

  filter_prepare (&plane->vertical, box[1], box[3], in_height, dst->height, interpolation);
  filter_prepare (filter, box[0], box[2], in_width, width, interpolation);

  across->n = width * channels;
  across->channels = channels;
  across->taps = filter->most;
  across->step = step;
  across->stride = filter->taps;
  across->weights = filter->weights;
  RESERVE (across->offsets, plane->room_offsets, across->n);
  if (mirror) {
    RESERVE (plane->mirrored, plane->room_mirrored, (gsize)width * filter->taps);
    for (guint x = 0; x < width; x++)
      memcpy (plane->mirrored + (gsize)x * filter->taps, filter->weights + (gsize)(width - 1 - x) * filter->taps,
          filter->taps * sizeof *filter->weights);
    across->weights = plane->mirrored;
  }
  for (guint x = 0; x < width; x++)
    for (guint c = 0; c < channels; c++)
      across->offsets[x * channels + c] = filter->first[mirror ? width - 1 - x : x] * step + order[c];
  supcon_augment_kernels ()->plan_across (across);

  /* One row may be there before it is asked for; an even number, so that pairs do not end in the middle. */
  plane->ring_rows = (plane->vertical.most + 2) & ~1u;
  plane->row_size = (across->n + 2 * SUPCON_RESIZE_BEHIND - 1) / SUPCON_RESIZE_BEHIND * SUPCON_RESIZE_BEHIND;
}

/* A row of the result before which none is in the ring, or those before it are. */
static void
ring_prepare (SupconRing *ring, const Plane *plane, gboolean goes_on)
{
  if (!goes_on)
    ring->done = 0;
  if (ring->room < plane->row_size * plane->ring_rows) {
    g_free (ring->bytes);
    ring->bytes = g_malloc0 (ring->room = plane->row_size * plane->ring_rows);
  }
  RESERVE (ring->rows, ring->room_rows, plane->vertical.most);
}

static void
plane_row (const Plane *plane, SupconRing *ring, guint y, guint8 *out)
{
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();
  const Filter *filter = &plane->vertical;
  guint first = filter->first[y], count = filter->count[y];

  for (ring->done = MAX (ring->done, first); ring->done < first + count;) {
    guint at = ring->done % plane->ring_rows, n = at + 1 < plane->ring_rows && ring->done + 1 < filter->in ? 2 : 1;
    gsize from = ring->done * plane->stride;

    kernels->across (&plane->across, n, plane->bytes + from, plane->stride, plane->readable - from,
        ring->bytes + at * plane->row_size, plane->row_size);
    ring->done += n;
  }
  for (guint k = 0; k < count; k++)
    ring->rows[k] = ring->bytes + (first + k) % plane->ring_rows * plane->row_size;
  kernels->down (ring->rows, filter->weights + (gsize)y * filter->taps, count, plane->across.n, out);
}

/* The values of chroma that the rectangle touches: a range of one direction. */
static void
chroma_range (double start, double size, guint n, guint *first, guint *count)
{
  guint end = (guint)CLAMP (ceil (start + size), 1, n);

  *first = (guint)CLAMP (floor (start), 0, end - 1);
  *count = end - *first;
}

/* Luma has been prepared as pixels are. */
static void
prepare_chroma (SupconResizer *resizer, const SupconChroma *chroma, const SupconRect *crop, gboolean mirror,
    SupconInterpolation interpolation)
{
  static const guint8 alone = 0;
  double x = chroma->x + crop->x / 2.0, y = chroma->y + crop->y / 2.0, box[4];
  guint first_x, n_x, first_y, n_y;

  chroma_range (x, crop->width / 2.0, chroma->width, &first_x, &n_x);
  chroma_range (y, crop->height / 2.0, chroma->height, &first_y, &n_y);
  box[0] = x - first_x;
  box[1] = y - first_y;
  box[2] = crop->width / 2.0;
  box[3] = crop->height / 2.0;
  for (guint c = 0; c < 2; c++) {
    Plane *plane = &resizer->plane[1 + c];

    plane_prepare (plane, box, n_x, n_y, chroma->step, 1, &alone, mirror, interpolation, resizer->dst);
    plane->bytes = chroma->plane[c] + first_y * chroma->stride[c] + (gsize)first_x * chroma->step;
    plane->stride = chroma->stride[c];
    plane->readable = (n_y - 1) * chroma->stride[c] + (gsize)(n_x - 1) * chroma->step + 1;
  }
}

static void
resize_rows (guint first, guint end, SupconScratch *scratch, gpointer data)
{
  const SupconResizer *self = data;
  const SupconImage *dst = self->dst;
  gboolean goes_on = scratch->ring_resize == self->number && scratch->ring_row == first;
  guint8 *parts[3];

  for (guint p = 0; p < (self->chroma ? 3 : 1); p++)
    ring_prepare (&scratch->ring[p], &self->plane[p], goes_on);
  if (self->chroma)
    RESERVE (scratch->components, scratch->n_components, (gsize)3 * dst->width);
  for (guint y = first; y < end; y++) {
    guint8 *out = dst->pixels + y * dst->stride;

    if (!self->chroma) {
      plane_row (&self->plane[0], &scratch->ring[0], y, out);
      continue;
    }
    for (guint p = 0; p < 3; p++) {
      parts[p] = scratch->components + p * (gsize)dst->width;
      plane_row (&self->plane[p], &scratch->ring[p], y, parts[p]);
    }
    supcon_augment_kernels ()->convert (self->chroma, parts[0], parts[1], parts[2], dst->width, out);
  }
  scratch->ring_resize = self->number;
  scratch->ring_row = end;
}

void
supcon_resizer_apply (SupconResizer *resizer, const SupconImage *src, const SupconRect *crop, gboolean mirror,
    SupconInterpolation interpolation, const SupconImage *dst, SupconScratch *scratch)
{
  static const guint8 as_it_is[] = { 0, 1, 2 };
  static guint numbers;
  guint step = src->chroma ? 1 : src->step ? src->step : src->channels;
  const double box[4] = { 0, 0, crop->width, crop->height };
  Plane *plane = &resizer->plane[0];

  resizer->number = __atomic_add_fetch (&numbers, 1, __ATOMIC_RELAXED);
  resizer->chroma = src->chroma;
  resizer->dst = dst;
  plane_prepare (plane, box, crop->width, crop->height, step, src->chroma ? 1 : src->channels,
      src->step && !src->chroma ? src->order : as_it_is, mirror, interpolation, dst);
  plane->bytes = src->pixels + crop->y * src->stride + (gsize)crop->x * step;
  plane->stride = src->stride;
  plane->readable = (crop->height - 1) * src->stride + (gsize)crop->width * step;
  if (src->chroma)
    prepare_chroma (resizer, src->chroma, crop, mirror, interpolation);
  supcon_scratch_rows (scratch, dst->height, SUPCON_BAND, resize_rows, resizer);
}
