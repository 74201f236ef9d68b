/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The innermost product of the bfloat16 passes: up to 2 x 2 blocks of 16 x 16 float32 sums that stay in registers.
 *
 *   c[i][j] (+)= sum over o < outer, k < 32 inner of a[a_outer[o] + i a_row + k] * b[(32 inner o + k) / 2][j][k % 2]
 *
 * b is in pairs of rows, each pair interleaved, 16 cols elements of float32's size wide: what AMX and AVX-512 BF16 call
 * VNNI. Every processor's function reads the same layout; the plain one is the twin that the others are tested against.
 * They differ in the order of the sums and in that subnormal numbers may count as zero.
 */
#ifndef SUPCON_NN_BF16_TILE_H
#define SUPCON_NN_BF16_TILE_H

#include "nn/feature.h"
#include "nn/fetch.h"

/* Rows and columns of a block, and terms of a step. */
#define SUPCON_BF16_BLOCK 16
#define SUPCON_BF16_STEP 32

/** What the next products do not take again, where with what they do it is more than the nearest cache holds. */
typedef enum { SUPCON_BF16_NONE_PASSES, SUPCON_BF16_A_PASSES, SUPCON_BF16_B_PASSES } SupconBf16Passing;

typedef struct {
  const SupconBfloat16 *a, *b;
  gsize a_row;          /* elements */
  const gsize *a_outer; /* elements */
  guint outer, inner;
  guint terms;          /* even: of the 32 inner, those behind so many are zero in a or b, and may be left out */
  guint rows, cols;     /* blocks, 1 or 2 */
  const guint8 *wanted; /* rows, of which n_wanted matter: others may be left out; NULL: all do */
  guint n_wanted;
  SupconReal *c;
  gsize c_row;
  gboolean accumulate; /* add to c instead of replacing it */
  SupconBf16Passing passing;
  SupconFetch *fetch; /* what is fetched meanwhile, a step with each two terms, or NULL; the plain product does not */
} SupconBf16Tile;

typedef struct {
  const char *name;
  guint rows; /* that it takes at once, of 32 columns: each time it goes through the steps, and fetches */
  /* Before and after a thread's products: they take and give back its tile registers. */
  void (*begin) (void);
  void (*end) (void);
  void (*product) (const SupconBf16Tile *tile);
} SupconBf16Kernels;

extern const SupconBf16Kernels supcon_bf16_plain, supcon_bf16_avx512, supcon_bf16_amx;

/** The best that this processor runs. */
const SupconBf16Kernels *supcon_bf16_kernels (void);

#endif
