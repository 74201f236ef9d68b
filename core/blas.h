/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Matrix product. The only door to OpenBLAS, which is kept single-threaded: threads are supcon_parallel_for's.
 */
#ifndef SUPCON_BLAS_H
#define SUPCON_BLAS_H

#include "real.h"

typedef enum { SUPCON_NO_TRANS, SUPCON_TRANS } SupconTranspose;

/**
 * C (m x n) = alpha op(A) (m x k) op(B) (k x n) + beta C, row-major, lda/ldb/ldc in elements between rows as stored.
 * With beta 0, C need not be initialised. Safe to call from several threads.
 */
void supcon_gemm (SupconTranspose trans_a, SupconTranspose trans_b, gsize m, gsize n, gsize k, SupconReal alpha,
    const SupconReal *a, gsize lda, const SupconReal *b, gsize ldb, SupconReal beta, SupconReal *c, gsize ldc);

#endif
