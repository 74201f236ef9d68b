/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The passes of nn/conv.h in bfloat16, and the grid that they share. Private to nn.
 *
 * A band's inputs are copied to 'slots', one for each place of the padded band, so that output pixel p (numbered along
 * the slots) reads the taps of kernel row t as one run from slot p + some offset of t: a tile of consecutive outputs is
 * a matrix with an even stride, whatever rows it crosses. With stride 1 a slot is a pixel, and a run covers the next
 * ones; some numbers are of no output, and what is computed for them is dropped. Zeros after a row are those before the
 * next, and likewise those below a picture and above the next. With a larger stride a slot holds the whole run of one
 * output, and rows are sorted by their remainder.
 */
#ifndef SUPCON_NN_CONV_BF16_H
#define SUPCON_NN_CONV_BF16_H

#include "nn/bf16_tile.h"
#include "nn/conv_band.h"
#include "nn/conv_finish.h"

#define SUPCON_MAX_TAPS 16

typedef struct {
  SupconGrid grid; /* its source is not used */
  SupconNormInput source;
  guint images;       /* of the batch */
  gboolean pointwise; /* all pixels of the batch are one picture of one column */
  gboolean direct;    /* the source itself is in the order of slots */
  guint pitch;        /* slots of a row */
  guint plane_rows;   /* of one picture's part of a plane; the rows of one remainder are a plane */
  gsize image, plane; /* slots */
} SupconBf16Grid;

/** For one of conv's grids: cuts it into bands and fills the rest. */
void supcon_bf16_grid_init (
    SupconBf16Grid *self, const SupconConv *conv, const SupconGrid *grid, const SupconNormInput *source, guint n);
/** For the forward pass. */
void supcon_bf16_grid_forward (SupconBf16Grid *self, const SupconConv *conv, const SupconNormInput *x, guint n);

/** Elements of a slot that holds 'channels' of the input's channels. */
gsize supcon_bf16_slot (const SupconBf16Grid *self, guint channels);
/** Terms of a run over so many channels, in whole steps. */
guint supcon_bf16_run (const SupconBf16Grid *self, guint channels);
/** Slot of kernel row tap's run, for output 0. */
gsize supcon_bf16_tap (const SupconBf16Grid *self, guint tap);
/** Elements of a band's copy, with what tiles at its end read too much. */
gsize supcon_bf16_copy_size (const SupconBf16Grid *self, guint channels);
/** Copies channels first_channel and up of the inputs of output rows first_row and up of some pictures. */
void supcon_bf16_copy (const SupconBf16Grid *self, guint first_image, guint images, guint first_row, guint rows,
    guint first_channel, guint channels, SupconBfloat16 *copy);

/** The products of forward and of the gradient by input, band after band. */
typedef struct {
  SupconBf16Grid grid;
  const SupconBfloat16 *packed; /* panel after panel: taps_h x run rows in pairs */
  SupconFinish finish;
} SupconBf16Walk;

/* Outputs and channels of a block. */
#define SUPCON_BF16_PANEL (2 * SUPCON_BF16_BLOCK)

/** Some panels of a band, whose inputs have been copied; between the kernels' begin and end. */
void supcon_bf16_walk_band (
    const SupconBf16Walk *self, gsize number, guint first_panel, guint end_panel, SupconBfloat16 *copy);

/** The gradient by input of a convolution with stride 1 in the order of the other gradient's bands: packs the weights
 * into the workspace and gives back what else there is of it. */
SupconReal *supcon_bf16_walk_init (SupconBf16Walk *self, const SupconConv *conv, guint n, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace);
/** SupconReal's that it takes of the workspace. */
gsize supcon_bf16_walk_size (const SupconConv *conv, guint n);

/** What conv_bf16_weights.c asks of the workspace: bytes. */
gsize supcon_bf16_weights_worker_size (const SupconConv *conv, guint n);
gsize supcon_bf16_weights_shared_size (const SupconConv *conv, guint n);

/** As nn/conv.h's and nn/conv_norm.h's; workspace for both. */
void supcon_bf16_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace);
gsize supcon_bf16_packed_size (const SupconConv *conv);
void supcon_bf16_pack (const SupconConv *conv, const SupconReal *w, guint threads, void *packed);
void supcon_bf16_forward (const SupconConv *conv, guint n, const SupconNormInput *x, const void *packed,
    const SupconConvEpilogue *epilogue, SupconWorkspace *workspace, void *y);
void supcon_bf16_backward_input (const SupconConv *conv, guint n, const SupconNormInput *dy, const SupconReal *w,
    const SupconConvTarget *target, SupconWorkspace *workspace);
/** target may be NULL; where it is not, the gradient by input is written too, w being the weights. */
void supcon_bf16_backward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace, SupconReal *dw);

#endif
