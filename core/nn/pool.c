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

/* Defines the task 'name' as 'name'_image for each precision. */
#define POOL_TASK(name)                                                                                                \
  SUPCON_MULTIVERSION static void name##_task (gsize image, G_GNUC_UNUSED guint worker, gpointer data)                 \
  {                                                                                                                    \
    const Pool *self = data;                                                                                           \
                                                                                                                       \
    if (self->precision == SUPCON_PRECISION_BFLOAT16)                                                                  \
      name##_image (self, image, SUPCON_PRECISION_BFLOAT16);                                                           \
    else                                                                                                               \
      name##_image (self, image, SUPCON_PRECISION_FLOAT32);                                                            \
  }

static SUPCON_INLINE void
max_forward_image (const Pool *self, gsize image, const SupconPrecision precision)
{
  const guint c = self->c;
  guint out_h = supcon_max_pool_size (self->h), out_w = supcon_max_pool_size (self->w);
  const void *x = supcon_feature_at (self->in, image * self->h * self->w * c, precision);

  for (guint row = 0; row < out_h; row++)
    for (guint col = 0; col < out_w; col++) {
      gsize at = ((image * out_h + row) * out_w + col) * c;
      void *y = supcon_feature_at (self->out, at, precision);
      gboolean first = TRUE;

      for (guint k = 0; k < 9; k++) {
        gint i = (gint)(2 * row + k / 3) - 1, j = (gint)(2 * col + k % 3) - 1;
        const void *from;

        if (i < 0 || j < 0 || i >= (gint)self->h || j >= (gint)self->w)
          continue;
        from = supcon_feature_at (x, ((gsize)i * self->w + j) * c, precision);
        if (first) {
          memcpy (y, from, c * supcon_feature_size (precision));
          if (self->index)
            memset (self->index + at, k, c);
          first = FALSE;
          continue;
        }
        if (self->index) {
          guint8 *index = self->index + at;

          for (guint ch = 0; ch < c; ch++)
            index[ch]
                = supcon_feature_get (from, ch, precision) > supcon_feature_get (y, ch, precision) ? k : index[ch];
        }
        for (guint ch = 0; ch < c; ch++) {
          SupconReal a = supcon_feature_get (from, ch, precision), b = supcon_feature_get (y, ch, precision);

          supcon_feature_set (y, ch, precision, a > b ? a : b);
        }
      }
    }
}

POOL_TASK (max_forward)

void
supcon_max_pool_forward (
    SupconPrecision precision, guint n, guint h, guint w, guint c, const void *x, guint threads, void *y, guint8 *index)
{
  Pool self = { .precision = precision, .h = h, .w = w, .c = c, .in = x, .out = y, .index = index };

  supcon_parallel_for (threads, n, max_forward_task, &self);
}

static SUPCON_INLINE void
max_backward_image (const Pool *self, gsize image, const SupconPrecision precision)
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
average_forward_image (const Pool *self, gsize image, const SupconPrecision precision)
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
average_backward_image (const Pool *self, gsize image, const SupconPrecision precision)
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
