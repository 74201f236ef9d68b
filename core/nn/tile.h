/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The innermost product of every convolution pass: a tile of rows x (1 or 2 vectors) that stays in registers while the
 * sum runs.
 *
 *   c[i][j] = sum over o < outer, k < inner of a[i a_row + o a_outer + k a_inner] * b[o b_outer + k b_inner + j]
 *
 * tile.c is compiled once for each instruction set with its vector length; the plain build is the twin that the others
 * are tested against.
 */
#ifndef SUPCON_NN_TILE_H
#define SUPCON_NN_TILE_H

#include "nn/fetch.h"
#include "real.h"

typedef struct {
  const SupconReal *a, *b;
  gsize a_row, a_inner, a_outer; /* strides in elements */
  gsize b_inner, b_outer;
  gsize inner, outer;
  SupconReal *c;
  gsize c_row;
  gboolean accumulate; /* add to c instead of replacing it */
  SupconFetch *fetch;  /* what is fetched, a step with each k of each o, or NULL */
} SupconTile;

typedef void (*SupconTileFunc) (const SupconTile *tile, guint rows);

typedef struct {
  const char *name;
  guint lanes;            /* elements of a vector */
  guint max_rows[2];      /* for tiles of one and of two vectors */
  SupconTileFunc func[2]; /* 1 <= rows <= max_rows */
} SupconTileKernels;

extern const SupconTileKernels supcon_tile_plain, supcon_tile_avx2, supcon_tile_avx512;

/** The best kernels that this processor runs. */
const SupconTileKernels *supcon_tile_kernels (void);

#endif
