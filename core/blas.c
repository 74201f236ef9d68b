/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "blas.h"

#include <cblas.h>

static void
keep_single_threaded (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once)) {
    openblas_set_num_threads (1);
    g_once_init_leave (&once, 1);
  }
}

void
supcon_gemm (SupconTranspose trans_a, SupconTranspose trans_b, gsize m, gsize n, gsize k, SupconReal alpha,
    const SupconReal *a, gsize lda, const SupconReal *b, gsize ldb, SupconReal beta, SupconReal *c, gsize ldc)
{
  CBLAS_TRANSPOSE ta = trans_a == SUPCON_TRANS ? CblasTrans : CblasNoTrans;
  CBLAS_TRANSPOSE tb = trans_b == SUPCON_TRANS ? CblasTrans : CblasNoTrans;

  keep_single_threaded ();
#ifdef SUPCON_DOUBLE
  cblas_dgemm (CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#else
  cblas_sgemm (CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#endif
}
