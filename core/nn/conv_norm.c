/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/conv_norm.h"

#include "nn/conv_band.h"
#include "nn/conv_bf16.h"

void
supcon_conv_norm_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  supcon_conv_reserve (conv, n, workspace);
  supcon_norm_reserve ((gsize)n * conv->in_h * conv->in_w, conv->in_c, workspace);
  supcon_norm_reserve ((gsize)n * conv->out_h * conv->out_w, conv->out_c, workspace);
}

void
supcon_conv_norm_forward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconReal *packed,
    SupconReal *mean, SupconReal *variance, SupconWorkspace *workspace, void *y)
{
  SupconConvEpilogue epilogue = { .mean = mean, .variance = variance };

  if (supcon_conv_is_bf16 (conv))
    supcon_bf16_forward (conv, n, x, packed, &epilogue, workspace, y);
  else
    supcon_real_forward (conv, n, x, packed, &epilogue, workspace, y);
}

void
supcon_conv_norm_backward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace, SupconReal *dw)
{
  if (supcon_conv_is_bf16_by_weights (conv)) {
    supcon_bf16_backward (conv, n, x, dy, w, target, workspace, dw);
  } else if (target && supcon_conv_is_bf16 (conv)) {
    supcon_real_backward (conv, n, x, dy, NULL, NULL, workspace, dw);
    supcon_bf16_backward_input (conv, n, dy, w, target, workspace);
  } else {
    supcon_real_backward (conv, n, x, dy, w, target, workspace, dw);
  }
}
