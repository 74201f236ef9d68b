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
#include "nn/conv_finish.h"

enum { SUPCON_WINOGRAD_OUT = 4, SUPCON_WINOGRAD_IN = 6, SUPCON_WINOGRAD_POSITIONS = 36, SUPCON_WINOGRAD_SLOT = 16 };

/** The transforms, compiled once for each instruction set: n consecutive channels, a multiple of SLOT, of one tile.
 * 'row' and 'col' are the distances of its pixels, 'position' is that of two positions' numbers, 'slot' that of two
 * runs of SLOT or, where there are panels, it is not needed. */
typedef struct {
  guint lanes;
  /** x: the first of 6x6 pixels. */
  void (*input) (const SupconReal *x, gsize row, gsize col, guint n, SupconReal *v, gsize position, gsize slot);
  /** m: 36 positions of n numbers. y: rows x cols pixels, at most 4x4. */
  void (*output) (
      const SupconReal *m, gsize position, guint n, guint rows, guint cols, SupconReal *y, gsize row, gsize col);
  /** dy: the first of 4x4 pixels. */
  void (*gradient) (const SupconReal *dy, gsize row, gsize col, guint n, SupconReal *z, gsize position);
  /** w: 9 taps, 'tap' apart. */
  void (*weights) (const SupconReal *w, gsize tap, guint n, SupconReal *u, gsize position);
  /** dw += */
  void (*weights_gradient) (const SupconReal *u, gsize position, guint n, SupconReal *dw, gsize tap);
} SupconWinogradKernels;

extern const SupconWinogradKernels supcon_winograd_plain, supcon_winograd_avx2, supcon_winograd_avx512;

const SupconWinogradKernels *supcon_winograd_kernels (void);

/** Whether conv can be done so at all, whether forward and the gradient by input are (where the gradient by weights
 * is), and whether it is the fastest for n pictures. */
gboolean supcon_winograd_fits (const SupconConv *conv);
gboolean supcon_winograd_fits_forward (const SupconConv *conv);
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

/* Elements of U below which it stays in a level-two cache of 2 MB beside what a band of both gradients needs. */
#define SUPCON_WINOGRAD_FEW_WEIGHTS (1 << 18)
/** Elements of U. */
gsize supcon_winograd_packed_size (const SupconConv *conv);
/** U of w, or of the weights of the gradient by input. */
void supcon_winograd_pack (
    const SupconConv *conv, const SupconReal *w, gboolean for_gradient, guint threads, SupconReal *packed);

/** Cuts a grid into bands of whole tiles: of 'tiles' tiles, or as many as are best for 'channels' output channels. */
void supcon_winograd_cut_to (SupconGrid *grid, guint tiles);
void supcon_winograd_cut (SupconGrid *grid, guint channels);

/** A band's inputs as tiles read them: those of whole tiles, with zeros outside the picture. */
typedef struct {
  SupconGrid grid;
  SupconConvBand band;
  guint across, down; /* tiles of a picture's part of the band */
  gsize row, image;   /* elements from one row or picture to the next */
  SupconReal *copy;
} SupconWinogradInput;

/** Elements of the copy for a band of the grid, cut. */
gsize supcon_winograd_input_size (const SupconGrid *grid);
/** Copies a band. */
SupconWinogradInput supcon_winograd_input (const SupconGrid *grid, const SupconConvBand *band, SupconReal *copy);

static inline gsize
supcon_winograd_band_tiles (const SupconWinogradInput *self)
{
  return (gsize)self->band.images * self->down * self->across;
}

/** The band's picture, and the row and column of the first output of a tile in it. */
typedef struct {
  guint image, row, col;
} SupconWinogradPlace;

static inline SupconWinogradPlace
supcon_winograd_place (const SupconWinogradInput *self, gsize tile)
{
  return (SupconWinogradPlace){ tile / self->across / self->down,
    tile / self->across % self->down * SUPCON_WINOGRAD_OUT, tile % self->across * SUPCON_WINOGRAD_OUT };
}

/** The first pixel that a tile reads. */
static inline const SupconReal *
supcon_winograd_pixel (const SupconWinogradInput *self, gsize tile)
{
  SupconWinogradPlace place = supcon_winograd_place (self, tile);

  return self->copy + place.image * self->image + place.row * self->row + (gsize)place.col * self->grid.c;
}

/** Transforms all of the band's tiles into V: a run of SLOT for each tile, 'slot' from one run of channels to the next.
 */
void supcon_winograd_transform (const SupconWinogradInput *self, SupconReal *v, gsize position, gsize slot);

/** Elements of a worker's memory for a band of the grid, cut. */
gsize supcon_winograd_worker_size (const SupconGrid *grid, guint channels);
/** Adds the memory that a band's outputs need. */
void supcon_winograd_fetch_output (
    const SupconGrid *grid, const SupconConvBand *band, const SupconFinish *finish, SupconFetchRuns *runs);
/** One band of correlation: copied, or as copied before, with room for the transformed numbers. runs: what its products
 * fetch in place of their weights, what the outputs need being fetched by then; or NULL. */
void supcon_winograd_band (const SupconGrid *grid, const SupconConvBand *band, const SupconReal *packed,
    const SupconFinish *finish, SupconReal *scratch);
void supcon_winograd_correlate (const SupconGrid *grid, const SupconWinogradInput *input, const SupconReal *packed,
    const SupconFinish *finish, SupconFetchRuns *runs, SupconReal *room);

/** Both gradients from one copy of dy, where a core's cache has room for the transformed gradient by weights: whether
 * that is so, and doing it. */
gboolean supcon_winograd_joins (const SupconConv *conv);
void supcon_winograd_backward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace, SupconReal *dw);

/** The gradient by weights alone; room for it and for both. */
void supcon_winograd_weights_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace);
void supcon_winograd_weights (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    SupconWorkspace *workspace, SupconReal *dw);

#endif
