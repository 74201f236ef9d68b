/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/conv.h"

#include <string.h>

#include "nn/conv_band.h"
#include "nn/conv_bf16.h"
#include "nn/winograd.h"

void
supcon_conv_init (
    SupconConv *conv, guint in_h, guint in_w, guint in_c, guint out_c, guint kernel, guint stride, guint pad)
{
  g_assert (stride * stride <= SUPCON_MAX_PHASES);
  *conv = (SupconConv){ .in_h = in_h,
    .in_w = in_w,
    .in_c = in_c,
    .out_h = (in_h + 2 * pad - kernel) / stride + 1,
    .out_w = (in_w + 2 * pad - kernel) / stride + 1,
    .out_c = out_c,
    .kernel = kernel,
    .stride = stride,
    .pad = pad };
  supcon_conv_choose (conv, G_MAXUINT);
}

void
supcon_conv_choose (SupconConv *conv, guint n)
{
  conv->winograd_weights = supcon_winograd_wins (conv, n);
  conv->winograd = conv->winograd_weights && supcon_winograd_fits_forward (conv);
}

void
supcon_conv_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  if (supcon_conv_is_bf16 (conv))
    supcon_bf16_reserve (conv, n, workspace);
  else
    supcon_conv_walk_reserve (conv, n, workspace);
  if (!supcon_conv_is_bf16_by_weights (conv))
    supcon_conv_weights_reserve (conv, n, workspace);
}

gsize
supcon_conv_packed_size (const SupconConv *conv)
{
  if (supcon_winograd_fits_forward (conv))
    return supcon_winograd_packed_size (conv); /* the largest */
  if (supcon_conv_is_bf16 (conv))
    return supcon_bf16_packed_size (conv);
  return (gsize)conv->kernel * conv->kernel * conv->in_c
         * supcon_padded_channels (conv->out_c, supcon_tile_kernels ()->lanes);
}

typedef struct {
  const SupconConv *conv;
  const SupconReal *w;
  SupconReal *packed;
} Packing;

static void
pack_task (gsize panel, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Packing *self = data;
  guint lanes = supcon_tile_kernels ()->lanes, channels = self->conv->out_c, channel = panel * 2 * lanes;
  guint width = supcon_panel_vectors (channels, lanes, panel) * lanes, valid = MIN (width, channels - channel);
  gsize rows = (gsize)self->conv->kernel * self->conv->kernel * self->conv->in_c;
  SupconReal *to = self->packed + rows * channel;

  for (gsize row = 0; row < rows; row++, to += width) {
    memcpy (to, self->w + row * channels + channel, valid * sizeof *to);
    memset (to + valid, 0, (width - valid) * sizeof *to);
  }
}

void
supcon_conv_pack (const SupconConv *conv, const SupconReal *w, guint threads, SupconReal *packed)
{
  Packing packing = { .conv = conv, .w = w, .packed = packed };

  if (supcon_conv_is_bf16 (conv)) {
    supcon_bf16_pack (conv, w, threads, packed);
    return;
  }
  if (conv->winograd) {
    supcon_winograd_pack (conv, w, FALSE, threads, packed);
    return;
  }
  supcon_parallel_for (threads, supcon_panels (conv->out_c, supcon_tile_kernels ()->lanes), pack_task, &packing);
}

void
supcon_conv_forward (const SupconConv *conv, guint n, const void *x, const SupconReal *packed,
    const SupconConvEpilogue *epilogue, SupconWorkspace *workspace, void *y)
{
  SupconNormInput input = { .x = x };

  if (supcon_conv_is_bf16 (conv))
    supcon_bf16_forward (conv, n, &input, packed, epilogue, workspace, y);
  else
    supcon_real_forward (conv, n, &input, packed, epilogue, workspace, y);
}

void
supcon_conv_backward_input (const SupconConv *conv, guint n, const void *dy, const SupconReal *w, gboolean accumulate,
    SupconWorkspace *workspace, void *dx)
{
  SupconNormInput input = { .x = dy };
  SupconConvTarget target = { .dx = dx, .add = accumulate ? dx : NULL };

  if (supcon_conv_is_bf16 (conv))
    supcon_bf16_backward_input (conv, n, &input, w, &target, workspace);
  else
    supcon_real_backward_input (conv, n, &input, w, &target, workspace);
}

void
supcon_conv_backward_weights (
    const SupconConv *conv, guint n, const void *x, const void *dy, SupconWorkspace *workspace, SupconReal *dw)
{
  supcon_conv_norm_backward (
      conv, n, &(SupconNormInput){ .x = x }, &(SupconNormInput){ .x = dy }, NULL, NULL, workspace, dw);
}
