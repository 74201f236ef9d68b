/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The matrix product of float32 numbers by those of bfloat16: each number is the sum of two of bfloat16, its nearest
 * and the nearest to the rest, and of the four products of halves the smallest is left out (what oneMKL calls the
 * compute mode float_to_bf16x2). AMX multiplies these three products several times as fast as one of float32.
 *
 * The error of an element of op(A) op(B) is at most 3 2^-18 + 3 k 2^-24 times the sum of the magnitudes of its k terms:
 * 2^-18 of a term that is left out, as much of each factor's rest, and a sum of 3 k float32 numbers.
 */
#ifndef SUPCON_NN_GEMM_BF16X2_H
#define SUPCON_NN_GEMM_BF16X2_H

#include "blas.h"

/** Whether it is faster here than supcon_gemm: where there is AMX; never in the double build. */
gboolean supcon_gemm_bf16x2_wins (void);

/** Bytes of scratch memory of one product. */
gsize supcon_gemm_bf16x2_scratch (gsize m, gsize n, gsize k);

/** As supcon_gemm, of numbers between -3e38 and 3e38, in the calling thread; scratch is aligned to 64 bytes. */
void supcon_gemm_bf16x2 (SupconTranspose trans_a, SupconTranspose trans_b, gsize m, gsize n, gsize k, SupconReal alpha,
    const SupconReal *a, gsize lda, const SupconReal *b, gsize ldb, SupconReal beta, SupconReal *c, gsize ldc,
    gpointer scratch);

#endif
