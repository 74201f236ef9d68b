/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * What becomes of a convolution's outputs, computed in float32, as they leave the registers: the epilogue of a forward
 * pass or the target of a gradient by input. Private to nn.
 */
#ifndef SUPCON_NN_CONV_FINISH_H
#define SUPCON_NN_CONV_FINISH_H

#include "nn/conv_band.h"
#include "nn/conv_norm.h"
#include "nn/tile.h"

/* Pixels of a block, at most. */
#define SUPCON_FINISH_PIXELS 32

typedef struct {
  guint channels;
  SupconPrecision precision; /* of the target and of what is read beside it; sums are taken as it rounds */
  void *target;
  gsize first, image_stride, row_stride, col_stride; /* elements to output (0, 0) of picture 0, and from there on */
  const SupconConvEpilogue *epilogue;                /* of forward, or NULL */
  const SupconConvTarget *gradient;                  /* of the gradient by input, or NULL */
  SupconReal *partial;                               /* bands x 2 x channels: two sums over a band's pixels, or NULL */
  SupconReal *pivot; /* bands x channels, for mean and variance: what the sums are of differences from */
} SupconFinish;

/** Some channels of some pixels. */
typedef struct {
  const SupconReal *c; /* rows of channels, c_row from one to the next */
  gsize c_row;
  gsize at[SUPCON_FINISH_PIXELS]; /* of channel 0 of a pixel in the target */
  const guint8 *of;               /* its row of c */
  guint count;                    /* pixels */
  guint channel, n;               /* the first channel, and how many */
  gsize band;
  gboolean first; /* of this band and these channels */
  gsize ahead;    /* elements to what the next block needs of the same pixels, which is asked for on the way, or 0 */
} SupconFinishBlock;

/** For pixels that are c's rows one after the other. */
extern const guint8 supcon_finish_rows[SUPCON_FINISH_PIXELS];

/** Asks for the memory that the block will need, from the level-two cache where it is near; its c need not be there
 * yet. */
void supcon_finish_prefetch (const SupconFinish *self, const SupconFinishBlock *block, gboolean near);
/** Adds the memory that blocks of the 'size' elements of the target from 'first' on will need. */
void supcon_finish_fetch (const SupconFinish *self, gsize first, gsize size, SupconFetchRuns *runs);
void supcon_finish (const SupconFinish *self, const SupconFinishBlock *block);
/** Mean and variance of the epilogue, from the sums of all bands of the grid and of n pictures. */
void supcon_finish_statistics (const SupconFinish *self, const SupconGrid *grid, guint n);
/* conv_finish_block.c: as the compiler makes it, and with the processor's own conversion to bfloat16. */
void supcon_finish_plain (const SupconFinish *self, const SupconFinishBlock *block);
void supcon_finish_native (const SupconFinish *self, const SupconFinishBlock *block);

/** Products for 'pixels' outputs that follow each other, by the block's channels, a panel, tile after tile, and what
 * becomes of them. product: without its c, of the first pixel; at: that one's place in the target. */
void supcon_finish_products (
    const SupconFinish *self, SupconFinishBlock *block, const SupconTile *product, guint pixels, gsize at);

#endif
