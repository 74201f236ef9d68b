/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/pool.h"

#include <string.h>

#include "nn/feature.h"
#include "parallel.h"
#include "simd.h"

typedef struct {
  SupconPrecision precision;
  guint h, w, c;
  const void *in;
  void *out;
  guint8 *index;
} Pool;

/* Places in windows. */
typedef guint8 Bytes __attribute__ ((vector_size (SUPCON_LANES)));
/* Between SupconLanes and them: gcc makes no vectors of the conversion in one step. */
typedef gint32 Numbers __attribute__ ((vector_size (SUPCON_LANES * sizeof (gint32))));

/* Defines the task 'name' as 'name'_part for each precision. */
#define POOL_TASK(name)                                                                                                \
  SUPCON_MULTIVERSION static void name##_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)                  \
  {                                                                                                                    \
    const Pool *self = data;                                                                                           \
                                                                                                                       \
    if (self->precision == SUPCON_PRECISION_BFLOAT16)                                                                  \
      name##_part (self, task, SUPCON_PRECISION_BFLOAT16);                                                             \
    else                                                                                                               \
      name##_part (self, task, SUPCON_PRECISION_FLOAT32);                                                              \
  }

/* to = where ? from : to */
static SUPCON_INLINE void
choose (SupconLanes *to, const SupconLanes *from, const SupconMaskLanes *where)
{
  *to = (SupconLanes)((*where & (SupconMaskLanes)*from) | (~*where & (SupconMaskLanes)*to));
}

/* n <= 16 channels of an output: the first of the largest of rows first_i .. end_i - 1 and columns likewise. */
static SUPCON_INLINE void
max_forward_lanes (const Pool *self, const void *x, guint first_i, guint end_i, guint first_j, guint end_j,
    SupconReal place, gsize at, guint n, const SupconPrecision precision)
{
  SupconLanes best, value, best_place = (SupconLanes){ 0 } + place;

  supcon_lanes_load (&best, x, ((gsize)first_i * self->w + first_j) * self->c, n, precision);
  for (guint i = first_i; i < end_i; i++)
    for (guint j = first_j; j < end_j; j++) {
      SupconLanes here = (SupconLanes){ 0 } + (place + (i - first_i) * 3 + (j - first_j));
      SupconMaskLanes larger;

      supcon_lanes_load (&value, x, ((gsize)i * self->w + j) * self->c, n, precision);
      larger = value > best;
      choose (&best_place, &here, &larger);
      choose (&best, &value, &larger);
    }
  supcon_lanes_store (&best, self->out, at, n, precision);
  if (self->index) {
    Bytes places = __builtin_convertvector(__builtin_convertvector(best_place, Numbers), Bytes);

    memcpy (self->index + at, &places, n);
  }
}

/* A row of a picture's outputs. */
static SUPCON_INLINE void
max_forward_part (const Pool *self, gsize task, const SupconPrecision precision)
{
  guint out_h = supcon_max_pool_size (self->h), out_w = supcon_max_pool_size (self->w);
  guint row = task % out_h, first_i = row ? 2 * row - 1 : 0, end_i = MIN (2 * row + 2, self->h);
  gsize picture = task / out_h * self->h * self->w * self->c, at = task * out_w * self->c;

  for (guint col = 0; col < out_w; col++) {
    guint first_j = col ? 2 * col - 1 : 0, end_j = MIN (2 * col + 2, self->w), place = (row ? 0 : 3) + (col ? 0 : 1);

    for (guint channel = 0; channel < self->c; channel += SUPCON_LANES) {
      guint n = MIN (SUPCON_LANES, self->c - channel);
      const void *x = supcon_feature_at (self->in, picture + channel, precision);

      if (n == SUPCON_LANES)
        max_forward_lanes (self, x, first_i, end_i, first_j, end_j, place, at + channel, SUPCON_LANES, precision);
      else
        max_forward_lanes (self, x, first_i, end_i, first_j, end_j, place, at + channel, n, precision);
    }
    at += self->c;
  }
}

POOL_TASK (max_forward)

void
supcon_max_pool_forward (
    SupconPrecision precision, guint n, guint h, guint w, guint c, const void *x, guint threads, void *y, guint8 *index)
{
  Pool self = { .precision = precision, .h = h, .w = w, .c = c, .in = x, .out = y, .index = index };

  supcon_parallel_for (threads, (gsize)n * supcon_max_pool_size (h), max_forward_task, &self);
}

static SUPCON_INLINE void
max_backward_part (const Pool *self, gsize image, const SupconPrecision precision)
{
  const guint c = self->c;
  guint out_h = supcon_max_pool_size (self->h), out_w = supcon_max_pool_size (self->w);
  void *dx = supcon_feature_at (self->out, image * self->h * self->w * c, precision);

  memset (dx, 0, (gsize)self->h * self->w * c * supcon_feature_size (precision));
  for (guint row = 0; row < out_h; row++)
    for (guint col = 0; col < out_w; col++) {
      gsize at = ((image * out_h + row) * out_w + col) * c;
      const void *dy = supcon_feature_at (self->in, at, precision);
      const guint8 *index = self->index + at;

      for (guint k = 0; k < 9; k++) {
        gint i = (gint)(2 * row + k / 3) - 1, j = (gint)(2 * col + k % 3) - 1;
        void *to;

        if (i < 0 || j < 0 || i >= (gint)self->h || j >= (gint)self->w)
          continue;
        to = supcon_feature_at (dx, ((gsize)i * self->w + j) * c, precision);
        for (guint ch = 0; ch < c; ch++)
          supcon_feature_set (to, ch, precision,
              supcon_feature_get (to, ch, precision) + (index[ch] == k ? supcon_feature_get (dy, ch, precision) : 0));
      }
    }
}

POOL_TASK (max_backward)

void
supcon_max_pool_backward (SupconPrecision precision, guint n, guint h, guint w, guint c, const void *dy,
    const guint8 *index, guint threads, void *dx)
{
  Pool self = { .precision = precision, .h = h, .w = w, .c = c, .in = dy, .out = dx, .index = (guint8 *)index };

  supcon_parallel_for (threads, n, max_backward_task, &self);
}

static SUPCON_INLINE void
average_forward_part (const Pool *self, gsize image, const SupconPrecision precision)
{
  guint c = self->c, pixels = self->h;
  SupconReal *y = (SupconReal *)self->out + image * c;

  memset (y, 0, c * sizeof *y);
  for (guint p = 0; p < pixels; p++) {
    const void *x = supcon_feature_at (self->in, (image * pixels + p) * c, precision);

    for (guint ch = 0; ch < c; ch++)
      y[ch] += supcon_feature_get (x, ch, precision);
  }
  for (guint ch = 0; ch < c; ch++)
    y[ch] /= pixels;
}

POOL_TASK (average_forward)

void
supcon_average_pool_forward (
    SupconPrecision precision, guint n, guint pixels, guint c, const void *x, guint threads, SupconReal *y)
{
  Pool self = { .precision = precision, .h = pixels, .w = 1, .c = c, .in = x, .out = y };

  supcon_parallel_for (threads, n, average_forward_task, &self);
}

static SUPCON_INLINE void
average_backward_part (const Pool *self, gsize image, const SupconPrecision precision)
{
  guint c = self->c, pixels = self->h;
  const SupconReal *dy = (const SupconReal *)self->in + image * c;

  for (guint p = 0; p < pixels; p++) {
    void *dx = supcon_feature_at (self->out, (image * pixels + p) * c, precision);

    for (guint ch = 0; ch < c; ch++)
      supcon_feature_set (dx, ch, precision, dy[ch] / pixels);
  }
}

POOL_TASK (average_backward)

void
supcon_average_pool_backward (
    SupconPrecision precision, guint n, guint pixels, guint c, const SupconReal *dy, guint threads, void *dx)
{
  Pool self = { .precision = precision, .h = pixels, .w = 1, .c = c, .in = dy, .out = dx };

  supcon_parallel_for (threads, n, average_backward_task, &self);
}
