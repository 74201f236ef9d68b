/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/pool.h"

#include <string.h>

#include "parallel.h"
#include "simd.h"

typedef struct {
  guint h, w, c;
  const SupconReal *in;
  SupconReal *out;
  guint8 *index;
} Pool;

SUPCON_MULTIVERSION static void
max_forward_task (gsize image, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Pool *self = data;
  const guint c = self->c;
  guint out_h = supcon_max_pool_size (self->h), out_w = supcon_max_pool_size (self->w);
  const SupconReal *x = self->in + image * self->h * self->w * c;

  for (guint row = 0; row < out_h; row++)
    for (guint col = 0; col < out_w; col++) {
      gsize at = ((image * out_h + row) * out_w + col) * c;
      SupconReal *y = self->out + at;
      gboolean first = TRUE;

      for (guint k = 0; k < 9; k++) {
        gint i = (gint)(2 * row + k / 3) - 1, j = (gint)(2 * col + k % 3) - 1;
        const SupconReal *from = x + ((gsize)i * self->w + j) * c;

        if (i < 0 || j < 0 || i >= (gint)self->h || j >= (gint)self->w)
          continue;
        if (first) {
          memcpy (y, from, c * sizeof *y);
          if (self->index)
            memset (self->index + at, k, c);
          first = FALSE;
          continue;
        }
        if (self->index) {
          guint8 *index = self->index + at;

          for (guint ch = 0; ch < c; ch++)
            index[ch] = from[ch] > y[ch] ? k : index[ch];
        }
        for (guint ch = 0; ch < c; ch++)
          y[ch] = from[ch] > y[ch] ? from[ch] : y[ch];
      }
    }
}

void
supcon_max_pool_forward (
    guint n, guint h, guint w, guint c, const SupconReal *x, guint threads, SupconReal *y, guint8 *index)
{
  Pool self = { .h = h, .w = w, .c = c, .in = x, .out = y, .index = index };

  supcon_parallel_for (threads, n, max_forward_task, &self);
}

SUPCON_MULTIVERSION static void
max_backward_task (gsize image, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Pool *self = data;
  const guint c = self->c;
  guint out_h = supcon_max_pool_size (self->h), out_w = supcon_max_pool_size (self->w);
  SupconReal *dx = self->out + image * self->h * self->w * c;

  memset (dx, 0, (gsize)self->h * self->w * c * sizeof *dx);
  for (guint row = 0; row < out_h; row++)
    for (guint col = 0; col < out_w; col++) {
      gsize at = ((image * out_h + row) * out_w + col) * c;
      const SupconReal *dy = self->in + at;
      const guint8 *index = self->index + at;

      for (guint k = 0; k < 9; k++) {
        gint i = (gint)(2 * row + k / 3) - 1, j = (gint)(2 * col + k % 3) - 1;
        SupconReal *to = dx + ((gsize)i * self->w + j) * c;

        if (i < 0 || j < 0 || i >= (gint)self->h || j >= (gint)self->w)
          continue;
        for (guint ch = 0; ch < c; ch++)
          to[ch] += index[ch] == k ? dy[ch] : 0;
      }
    }
}

void
supcon_max_pool_backward (
    guint n, guint h, guint w, guint c, const SupconReal *dy, const guint8 *index, guint threads, SupconReal *dx)
{
  Pool self = { .h = h, .w = w, .c = c, .in = dy, .out = dx, .index = (guint8 *)index };

  supcon_parallel_for (threads, n, max_backward_task, &self);
}

SUPCON_MULTIVERSION static void
average_forward_task (gsize image, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Pool *self = data;
  guint c = self->c, pixels = self->h;
  const SupconReal *x = self->in + image * pixels * c;
  SupconReal *y = self->out + image * c;

  memset (y, 0, c * sizeof *y);
  for (guint p = 0; p < pixels; p++, x += c)
    for (guint ch = 0; ch < c; ch++)
      y[ch] += x[ch];
  for (guint ch = 0; ch < c; ch++)
    y[ch] /= pixels;
}

void
supcon_average_pool_forward (guint n, guint pixels, guint c, const SupconReal *x, guint threads, SupconReal *y)
{
  Pool self = { .h = pixels, .w = 1, .c = c, .in = x, .out = y };

  supcon_parallel_for (threads, n, average_forward_task, &self);
}

SUPCON_MULTIVERSION static void
average_backward_task (gsize image, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Pool *self = data;
  guint c = self->c, pixels = self->h;
  const SupconReal *dy = self->in + image * c;
  SupconReal *dx = self->out + image * pixels * c;

  for (guint p = 0; p < pixels; p++, dx += c)
    for (guint ch = 0; ch < c; ch++)
      dx[ch] = dy[ch] / pixels;
}

void
supcon_average_pool_backward (guint n, guint pixels, guint c, const SupconReal *dy, guint threads, SupconReal *dx)
{
  Pool self = { .h = pixels, .w = 1, .c = c, .in = dy, .out = dx };

  supcon_parallel_for (threads, n, average_backward_task, &self);
}
