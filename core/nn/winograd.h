/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3): tiles of 4x4 outputs from 6x6 inputs with 36 products instead
 * of 144 (Lavin and Gray 2015, arXiv 1509.09308). Private to nn.
 *
 *   y = A^T [ (G w G^T) * (B^T x B) ] A,     dw = G^T [ sum over tiles of (B^T x B) * (A dy A^T) ] G
 *
 * by the interpolation points 0, 5/8, -5/8, 3/2, -3/2 and infinity, whose powers are exact in float32 and whose error
 * is a third of that of 0, 1, -1, 2, -2 (on choosing points: Barabasz et al. 2018, arXiv 1803.10986). The gradient by x
 * is the forward pass over dy with the kernel turned by half a turn and its channels exchanged.
 *
 * Transformed arrays have 36 positions, each a matrix. One line of padding between positions keeps the 36 numbers of a
 * tile off the same set of a cache. Inputs (V): in_c / SLOT x tiles x SLOT. Weights (U) and their gradient: as packed
 * weights of a 1x1 kernel, panel after panel of in_c x width. dy (Z): panel after panel of tiles x width.
 */
#ifndef SUPCON_NN_WINOGRAD_H
#define SUPCON_NN_WINOGRAD_H

#include "nn/conv_band.h"

enum { SUPCON_WINOGRAD_OUT = 4, SUPCON_WINOGRAD_IN = 6, SUPCON_WINOGRAD_POSITIONS = 36, SUPCON_WINOGRAD_SLOT = 16 };

/** The transforms, compiled once for each instruction set: n consecutive channels, a multiple of SLOT, of one tile.
 * 'position' is the distance of two positions' numbers, 'slot' that of two runs of SLOT or, where there are panels, it
 * is not needed. */
typedef struct {
  guint lanes;
  /** x: the 36 pixels, row by row. */
  void (*input) (const SupconReal *const *x, guint n, SupconReal *v, gsize position, gsize slot);
  /** m: 36 positions of n numbers. y: rows x cols pixels, at most 4x4. */
  void (*output) (const SupconReal *m, gsize position, guint n, guint rows, guint cols, gboolean accumulate,
      SupconReal *y, gsize row, gsize col);
  /** dy: the 16 pixels. */
  void (*gradient) (const SupconReal *const *dy, guint n, SupconReal *z, gsize position);
  /** w: 9 taps, 'tap' apart. */
  void (*weights) (const SupconReal *w, gsize tap, guint n, SupconReal *u, gsize position);
  /** dw += */
  void (*weights_gradient) (const SupconReal *u, gsize position, guint n, SupconReal *dw, gsize tap);
} SupconWinogradKernels;

extern const SupconWinogradKernels supcon_winograd_plain, supcon_winograd_avx2, supcon_winograd_avx512;

const SupconWinogradKernels *supcon_winograd_kernels (void);

/** Whether conv can be done so, and whether that is also the fastest for n pictures. */
gboolean supcon_winograd_fits (const SupconConv *conv);
gboolean supcon_winograd_wins (const SupconConv *conv, guint n);

/** Tiles across or down n pixels. */
static inline guint
supcon_winograd_tiles (guint n)
{
  return (n + SUPCON_WINOGRAD_OUT - 1) / SUPCON_WINOGRAD_OUT;
}

/** Elements of one position of U. */
static inline gsize
supcon_winograd_position (gsize rows, gsize columns)
{
  return rows * columns + SUPCON_WINOGRAD_SLOT;
}

/** Elements of U. */
gsize supcon_winograd_packed_size (const SupconConv *conv);
/** U of w, or of the weights of the gradient by input. */
void supcon_winograd_pack (
    const SupconConv *conv, const SupconReal *w, gboolean for_gradient, guint threads, SupconReal *packed);

/** Cuts a grid of 'channels' output channels into bands of whole tiles. */
void supcon_winograd_cut (SupconGrid *grid, guint channels);
/** As supcon_conv_reserve. */
void supcon_winograd_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace);

/** The 36 pixels of the tile at tile_row, tile_col of a picture; zeros (at least grid->c) stands for those outside. */
void supcon_winograd_pixels (const SupconGrid *grid, guint image, guint tile_row, guint tile_col,
    const SupconReal *zeros, const SupconReal **pixels);

/** What of a batch's output a task makes. */
typedef struct {
  guint first_image, images, first_row, rows;
  guint first_channel, end_channel;
} SupconConvBand;

/** One band of correlation. target: output (0, 0) of picture 0, with its strides. */
void supcon_winograd_band (const SupconGrid *grid, const SupconConvBand *band, guint channels, const SupconReal *packed,
    SupconReal *scratch, gboolean accumulate, SupconReal *target, gsize image_stride, gsize row_stride,
    gsize col_stride);

/** The gradient by weights: elements of shared memory, and dw += it. */
gsize supcon_winograd_weights_shared_size (const SupconConv *conv, guint n);
void supcon_winograd_weights (const SupconConv *conv, guint n, const SupconReal *x, const SupconReal *dy,
    SupconWorkspace *workspace, SupconReal *dw);

#endif
