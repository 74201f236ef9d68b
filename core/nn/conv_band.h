/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** How the passes of a convolution cut their work into bands, and the passes themselves in float32 (Winograd's: of
 * activations in either precision). Private to nn. */
#ifndef SUPCON_NN_CONV_BAND_H
#define SUPCON_NN_CONV_BAND_H

#include "nn/conv_norm.h"
#include "nn/tile.h"

/* Output pixels of a task: enough to use a panel of weights well, few enough that the band stays in a core's cache. */
#define SUPCON_BAND_PIXELS 256
/* Tasks below which work is cut along channels too, so that small batches still use all processors. */
#define SUPCON_BAND_TASKS 16

/**
 * Where the inputs of a grid of output pixels lie: output (row, col) reads rows row * stride + off_h + t, t < taps_h,
 * of the source, columns likewise; what lies outside the source is zero.
 */
typedef struct {
  SupconNormInput source;    /* n x h x w x c */
  SupconPrecision precision; /* of the source; what is computed of it is SupconReal */
  guint h, w, c;
  guint rows, cols; /* of the output grid of one picture */
  guint stride, taps_h, taps_w;
  gint off_h, off_w;
  guint band_rows;   /* output rows of a task, or all of them when a task has several pictures */
  guint band_images; /* pictures of a task */
} SupconGrid;

/** Chooses band_rows and band_images, for about so many output pixels. */
void supcon_grid_cut_to (SupconGrid *grid, guint band_pixels);
/** To SUPCON_BAND_PIXELS. */
void supcon_grid_cut (SupconGrid *grid);
/** Bands of a batch of n. */
gsize supcon_grid_bands (const SupconGrid *grid, guint n);
/** Whether some input lies outside the source or has to be computed, so that bands have to be copied. */
gboolean supcon_grid_needs_copy (const SupconGrid *grid);
/** Elements of one picture's part of a band's copy. */
gsize supcon_grid_copy_size (const SupconGrid *grid);
/** Elements between rows of the copy. */
gsize supcon_grid_copy_stride (const SupconGrid *grid);
/** Copies, normalised, the inputs of output rows first_row .. first_row + rows - 1 of a picture, zero where outside. */
void supcon_grid_copy (const SupconGrid *grid, guint image, guint first_row, guint rows, SupconReal *copy);

/** A run of n cut into the fewest pieces of at most 'most', as equal as can be: the size of piece number i. */
static inline guint
supcon_even_piece (guint n, guint pieces, guint i)
{
  return n / pieces + (i < n % pieces);
}

/* Channels in panels of two vectors, the last one of one vector when that is enough. */
static inline guint
supcon_panels (guint channels, guint lanes)
{
  return (channels + 2 * lanes - 1) / (2 * lanes);
}

static inline guint
supcon_panel_vectors (guint channels, guint lanes, guint panel)
{
  return channels - panel * 2 * lanes > lanes ? 2 : 1;
}

/* Channels with the padding of the last panel. */
static inline guint
supcon_padded_channels (guint channels, guint lanes)
{
  return (channels + lanes - 1) / lanes * lanes;
}

/** What of a batch's output a task makes. */
typedef struct {
  gsize number;
  guint first_image, images, first_row, rows;
  guint first_channel, end_channel;
} SupconConvBand;

/** Band number 'number' of a batch of n, all channels. */
SupconConvBand supcon_grid_band (const SupconGrid *grid, guint n, gsize number, guint channels);

/** Adds the memory that the copy of the band behind this one reads, as if there were one. */
void supcon_grid_fetch_next (const SupconGrid *grid, const SupconConvBand *band, SupconFetchRuns *runs);

/** nn/conv.h's and nn/conv_norm.h's passes in float32. */
void supcon_real_forward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconReal *packed,
    const SupconConvEpilogue *epilogue, SupconWorkspace *workspace, void *y);
void supcon_real_backward_input (const SupconConv *conv, guint n, const SupconNormInput *dy, const SupconReal *w,
    const SupconConvTarget *target, SupconWorkspace *workspace);
/** target may be NULL; where it is not, the gradient by input is written too, w being the weights. */
void supcon_real_backward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace, SupconReal *dw);

/** The weights of one phase of the gradient by input, which has so many taps. */
void supcon_conv_pack_phase (const SupconConv *conv, const SupconReal *w, guint phase, guint taps_h, guint taps_w,
    guint threads, SupconReal *packed);

/** Copies, normalised, a panel of the c channels of some pixels: pixels x the panel's width, zero behind the channels
 * that there are. */
void supcon_panel_copy (
    const SupconNormInput *input, guint c, gsize first_pixel, gsize pixels, guint panel, SupconReal *copy);

/** What conv_walk.c and conv_weights.c ask of the workspace. */
void supcon_conv_walk_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace);
void supcon_conv_weights_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace);

/** Kernels of one pixel and no padding, which conv_pointwise.c sums the gradient by weights of: the shares of the
 * pixels that are summed apart, what a worker needs, and the sums (panel after panel, share after share) at shared. */
gboolean supcon_conv_is_pointwise (const SupconConv *conv);
guint supcon_conv_pointwise_shares (const SupconConv *conv, guint n);
gsize supcon_conv_pointwise_worker_size (const SupconConv *conv);
gsize supcon_conv_pointwise_shared_size (const SupconConv *conv, guint n);
/** Whether the gradient by input can be made from the same copies. */
gboolean supcon_conv_pointwise_joins (const SupconConv *conv);
/** target: NULL, or where the gradient by input goes too. */
void supcon_conv_pointwise_backward (const SupconConv *conv, guint n, const SupconNormInput *x,
    const SupconNormInput *dy, const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace);

/** The grid of a forward pass over x, which may be NULL where it is not read. */
SupconGrid supcon_conv_grid (const SupconConv *conv, const SupconNormInput *x);

/* Phases of the gradient by input, of which each stride s has s x s: strides are 1 and 2. */
#define SUPCON_MAX_PHASES 4

/** One dimension of a phase of the gradient by input: input positions first, first + stride, ..., and the taps that
 * reach them. */
typedef struct {
  guint first, count, taps;
  gint offset; /* of output position 0's first tap in dy */
} SupconPhase;

SupconPhase supcon_phase_of (guint phase, guint in, guint kernel, guint stride, guint pad);
/** The grid of a phase over dy. */
SupconGrid supcon_phase_grid (
    const SupconConv *conv, const SupconNormInput *dy, const SupconPhase *ph, const SupconPhase *pw);

#endif
