/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/conv_norm.h"

#include <string.h>

#include "nn/conv_bf16.h"

static gsize
in_pixels (const SupconConv *conv, guint n)
{
  return (gsize)n * conv->in_h * conv->in_w;
}

static gsize
out_pixels (const SupconConv *conv, guint n)
{
  return (gsize)n * conv->out_h * conv->out_w;
}

void
supcon_conv_norm_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  supcon_conv_reserve (conv, n, workspace);
  supcon_norm_reserve (in_pixels (conv, n), conv->in_c, workspace);
  supcon_norm_reserve (out_pixels (conv, n), conv->out_c, workspace);
}

/* The input, if need be computed into 'room'. */
static const void *
written (const SupconNormInput *input, gsize pixels, guint c, guint threads, void *room)
{
  if (!input->scale)
    return input->x;
  supcon_norm_apply (SUPCON_PRECISION_FLOAT32, pixels, c, input, threads, room);
  return room;
}

void
supcon_conv_norm_forward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconReal *packed,
    SupconReal *mean, SupconReal *variance, SupconWorkspace *workspace, void *again, void *y)
{
  SupconConvEpilogue epilogue = { .mean = mean, .variance = variance };

  if (conv->precision == SUPCON_PRECISION_BFLOAT16)
    supcon_bf16_forward (conv, n, x, packed, &epilogue, workspace, y);
  else
    supcon_conv_forward (conv, n, written (x, in_pixels (conv, n), conv->in_c, workspace->threads, again), packed,
        &epilogue, workspace, y);
}

void
supcon_conv_norm_backward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace, void *again, void *dout,
    SupconReal *dw)
{
  const void *gradient;

  if (conv->precision == SUPCON_PRECISION_BFLOAT16) {
    supcon_bf16_backward (conv, n, x, dy, w, target, workspace, dw);
    return;
  }
  gradient = written (dy, out_pixels (conv, n), conv->out_c, workspace->threads, dout);
  supcon_conv_backward_weights (
      conv, n, written (x, in_pixels (conv, n), conv->in_c, workspace->threads, again), gradient, workspace, dw);
  if (!target)
    return;
  if (target->add && target->add != target->dx)
    memcpy (target->dx, target->add, in_pixels (conv, n) * conv->in_c * sizeof (SupconReal));
  supcon_conv_backward_input (conv, n, gradient, w, target->add != NULL, workspace, target->dx);
  if (target->sums)
    supcon_norm_backward (
        SUPCON_PRECISION_FLOAT32, in_pixels (conv, n), conv->in_c, target->sums, target->dx, workspace);
}
