/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shortcut of option A, a picture a task. */
#include <string.h>

#include "model/resnet_net.h"
#include "parallel.h"

typedef struct {
  const SupconConv *in, *out;
  const void *from;
  void *to;
} Shortcut;

/* The element of the block's input at which the pixel is that an output pixel is made of. */
static gsize
place (const SupconConv *in, gsize image, guint row, guint col)
{
  return ((image * in->in_h + row * in->stride) * in->in_w + col * in->stride) * in->in_c;
}

static void
forward_task (gsize image, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Shortcut *self = data;
  const SupconConv *in = self->in, *out = self->out;
  gsize size = supcon_feature_size (in->precision);
  char *to = (char *)self->to + image * supcon_conv_out_size (out) * size;

  for (guint row = 0; row < out->out_h; row++)
    for (guint col = 0; col < out->out_w; col++, to += out->out_c * size) {
      memcpy (to, supcon_feature_at (self->from, place (in, image, row, col), in->precision), in->in_c * size);
      memset (to + in->in_c * size, 0, (out->out_c - in->in_c) * size);
    }
}

static void
backward_task (gsize image, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Shortcut *self = data;
  const SupconConv *in = self->in, *out = self->out;
  gsize size = supcon_feature_size (in->precision);
  const char *from = (const char *)self->from + image * supcon_conv_out_size (out) * size;

  memset (supcon_feature_at (self->to, place (in, image, 0, 0), in->precision), 0, supcon_conv_in_size (in) * size);
  for (guint row = 0; row < out->out_h; row++)
    for (guint col = 0; col < out->out_w; col++, from += out->out_c * size)
      memcpy (supcon_feature_at (self->to, place (in, image, row, col), in->precision), from, in->in_c * size);
}

void
supcon_resnet_pad_shortcut (
    const SupconResnetLayer *first, const SupconResnetLayer *last, guint n, guint threads, const void *x, void *y)
{
  Shortcut shortcut = { .in = &first->conv, .out = &last->conv, .from = x, .to = y };

  supcon_parallel_for (threads, n, forward_task, &shortcut);
}

void
supcon_resnet_pad_shortcut_backward (
    const SupconResnetLayer *first, const SupconResnetLayer *last, guint n, guint threads, const void *dy, void *dx)
{
  Shortcut shortcut = { .in = &first->conv, .out = &last->conv, .from = dy, .to = dx };

  supcon_parallel_for (threads, n, backward_task, &shortcut);
}
