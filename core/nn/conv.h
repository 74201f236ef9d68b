/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Convolution without bias, NHWC, square kernels: forward, gradient by input, gradient by weights.
 *
 * x: n x in_h x in_w x in_c. w: kernel x kernel x in_c x out_c (HWIO). y: n x out_h x out_w x out_c.
 * All three passes are products of register tiles (nn/tile.h) over bands of rows that fit a core's cache; the rows that
 * a band reads are copied once with their zero padding, so that one row of a kernel is one contiguous run. Nothing of
 * the size of a whole batch is ever unrolled.
 */
#ifndef SUPCON_NN_CONV_H
#define SUPCON_NN_CONV_H

#include "nn/workspace.h"
#include "precision.h"

typedef struct {
  guint in_h, in_w, in_c, out_h, out_w, out_c;
  guint kernel, stride, pad;
  gboolean winograd;         /* of 3x3 kernels: forward and gradient by input go nn/winograd.h's way, in float32 */
  gboolean winograd_weights; /* so does the gradient by weights; where winograd is, this is */
  SupconPrecision precision; /* of x, y, their gradients, residual and packed weights; never auto */
} SupconConv;

/** Fills the output's size by the usual rule, (in + 2 pad - kernel) / stride + 1; stride is 1 or 2; precision is
 * float32, and the way that of large batches. */
void supcon_conv_init (
    SupconConv *conv, guint in_h, guint in_w, guint in_c, guint out_c, guint kernel, guint stride, guint pad);

/** Chooses the ways that are best for n pictures, by the shapes, the precision and the processor's level. Packed
 * weights are of the way that they were packed for. */
void supcon_conv_choose (SupconConv *conv, guint n);

static inline gsize
supcon_conv_in_size (const SupconConv *conv)
{
  return (gsize)conv->in_h * conv->in_w * conv->in_c;
}

static inline gsize
supcon_conv_out_size (const SupconConv *conv)
{
  return (gsize)conv->out_h * conv->out_w * conv->out_c;
}

static inline gsize
supcon_conv_weight_size (const SupconConv *conv)
{
  return (gsize)conv->kernel * conv->kernel * conv->in_c * conv->out_c;
}

/** Makes the workspace large enough for any pass of conv over batches of up to n pictures. */
void supcon_conv_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace);

/** Whether forward and the gradient by input are those in bfloat16: Winograd's compute in float32 whatever the
 * precision. */
static inline gboolean
supcon_conv_is_bf16 (const SupconConv *conv)
{
  return conv->precision == SUPCON_PRECISION_BFLOAT16 && !conv->winograd;
}

/** Whether the gradient by weights is that in bfloat16. */
static inline gboolean
supcon_conv_is_bf16_by_weights (const SupconConv *conv)
{
  return conv->precision == SUPCON_PRECISION_BFLOAT16 && !conv->winograd_weights;
}

/** Size, in SupconReal's, of the packed form of the weights that forward reads, whatever is chosen, and packing them.
 */
gsize supcon_conv_packed_size (const SupconConv *conv);
void supcon_conv_pack (const SupconConv *conv, const SupconReal *w, guint threads, SupconReal *packed);

/**
 * What forward does with a band of y while it is still in cache. Any of them may be NULL:
 * scale and shift (out_c each, both or none): y = y * scale + shift; then residual (like y): y += residual; then
 * relu: y = max (y, 0). mean, variance (out_c each, both or none): written with each channel's mean and biased variance
 * of y over the batch; they are taken before any of the others.
 */
typedef struct {
  const SupconReal *scale, *shift;
  const void *residual;
  gboolean relu;
  SupconReal *mean, *variance;
} SupconConvEpilogue;

/** packed: by supcon_conv_pack. epilogue may be NULL. */
void supcon_conv_forward (const SupconConv *conv, guint n, const void *x, const SupconReal *packed,
    const SupconConvEpilogue *epilogue, SupconWorkspace *workspace, void *y);

/** dx = (accumulate: dx +) the gradient by x for gradient dy by y. */
void supcon_conv_backward_input (const SupconConv *conv, guint n, const void *dy, const SupconReal *w,
    gboolean accumulate, SupconWorkspace *workspace, void *dx);

/** dw += the gradient by w. */
void supcon_conv_backward_weights (
    const SupconConv *conv, guint n, const void *x, const void *dy, SupconWorkspace *workspace, SupconReal *dw);

#endif
