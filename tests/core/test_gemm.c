/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Products by two numbers of bfloat16 for each of float32, and the loss that is made of them, against double. */
#include <math.h>

#include "check_main.h"
#include "loss/supcon.h"
#include "nn/gemm_bf16x2.h"
#include "random.h"

#define HALVES (3 * 0x1p-18) /* what a term may be off by, as a part of its size: nn/gemm_bf16x2.h */

static void
check_product (gsize m, gsize n, gsize k, SupconTranspose trans_a, SupconTranspose trans_b, SupconReal beta)
{
  gsize lda = (trans_a ? m : k) + 3, ldb = (trans_b ? k : n) + 1, ldc = n + 2;
  SupconReal *a = random_array ((trans_a ? k : m) * lda, 1), *b = random_array ((trans_b ? n : k) * ldb, 2);
  SupconReal *c = random_array (m * ldc, 3), *kept = g_memdup2 (c, m * ldc * sizeof *c);
  gpointer scratch = supcon_aligned_alloc (supcon_gemm_bf16x2_scratch (m, n, k), 1);

  for (gsize i = 0; beta == 0 && i < m * ldc; i++)
    c[i] = i % ldc < n ? NAN : c[i]; /* need not be initialised */
  supcon_gemm_bf16x2 (trans_a, trans_b, m, n, k, 0.5, a, lda, b, ldb, beta, c, ldc, scratch);
  for (gsize i = 0; i < m; i++)
    for (gsize j = 0; j < ldc; j++) {
      double sum = beta * kept[i * ldc + j], magnitude = fabs (sum);

      if (j >= n) {
        ck_assert_float_eq (c[i * ldc + j], kept[i * ldc + j]);
        continue;
      }
      for (gsize l = 0; l < k; l++) {
        double term = 0.5 * a[trans_a ? l * lda + i : i * lda + l] * b[trans_b ? j * ldb + l : l * ldb + j];

        sum += term;
        magnitude += fabs (term);
      }
      /* Two more roundings take beta and alpha in. */
      ck_assert_double_eq_tol (c[i * ldc + j], sum, (HALVES + (3 * k + 2) * 0x1p-24) * magnitude);
    }
  supcon_real_free (a);
  supcon_real_free (b);
  supcon_real_free (c);
  g_free (kept);
  g_aligned_free (scratch);
}

/* Each way to lie in memory, with rows longer than they need be, and sizes around those of tiles and of blocks. */
START_TEST (test_product)
{
  static const guint sizes[][3] = { { 1, 1, 1 }, { 16, 16, 32 }, { 32, 32, 64 }, { 31, 33, 45 }, { 70, 15, 130 },
    { 64, 128, 256 }, { 5, 96, 31 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint way = 0; way < 8; way++)
      check_product (sizes[i][0], sizes[i][1], sizes[i][2], way % 2, way / 2 % 2, way / 4 * 0.75);
}
END_TEST

/* Numbers that are the sum of two of bfloat16 lose nothing but the product of their lower halves. */
START_TEST (test_exact)
{
  enum { N = 32, K = 32 };
  SupconReal a[N * K], b[N * K], c[N * N];
  gpointer scratch = supcon_aligned_alloc (supcon_gemm_bf16x2_scratch (N, N, K), 1);

  for (guint i = 0; i < N * K; i++) {
    a[i] = i % 7 + 0x1p-9;
    b[i] = 1 + i % 5;
  }
  supcon_gemm_bf16x2 (SUPCON_NO_TRANS, SUPCON_TRANS, N, N, K, 1, a, K, b, K, 0, c, N, scratch);
  for (guint i = 0; i < N; i++)
    for (guint j = 0; j < N; j++) {
      float sum = 0;

      for (guint k = 0; k < K; k++)
        sum += a[i * K + k] * b[j * K + k];
      ck_assert_float_eq (c[i * N + j], sum);
    }
  g_aligned_free (scratch);
}
END_TEST

/* Equation 2 as it stands, with whole matrices. */
static double
plain_loss (const SupconViews *views, double temperature, double *dz)
{
  guint n = views->n, dim = views->dim;
  double *s = g_new (double, (gsize)n *n), loss = 0;

  for (guint i = 0; i < n; i++)
    for (guint j = 0; j < n; j++) {
      s[(gsize)i * n + j] = 0;
      for (guint k = 0; k < dim; k++)
        s[(gsize)i * n + j] += (double)views->z[i * dim + k] * views->z[j * dim + k] / temperature;
    }
  for (guint i = 0; i < n; i++) {
    double *row = s + (gsize)i * n, sum = 0, positives = 0;

    for (guint j = 0; j < n; j++) {
      sum += j != i ? exp (row[j]) : 0;
      positives += j != i && views->labels[j] == views->labels[i];
    }
    for (guint j = 0; j < n; j++) {
      gboolean positive = j != i && views->labels[j] == views->labels[i];
      double weight = j != i ? exp (row[j]) / sum - positive / positives : 0;

      loss += positive ? (log (sum) - row[j]) / positives / n : 0;
      for (guint k = 0; k < dim; k++) {
        dz[i * dim + k] += weight * views->z[j * dim + k] / temperature / n;
        dz[j * dim + k] += weight * views->z[i * dim + k] / temperature / n;
      }
    }
  }
  g_free (s);
  return loss;
}

/* A similarity's error is at most that of terms whose magnitudes sum to 1, divided by the temperature, and a share of
 * the softmax is off by twice that; so is the loss, and so is the length of each row of its gradient, as a part of what
 * the row's terms come to without regard to direction: at most 4 / (t n). */
static void
check_loss (guint n)
{
  enum { DIM = 40 };
  const double t = 0.1, exponentials = 0x1p-21, error = (HALVES + 3 * DIM * 0x1p-24 + exponentials) / t;
  SupconWorkspace workspace = { .threads = 2 };
  SupconReal *z = random_array (n * DIM, 4), *dz = supcon_real_alloc (n * DIM);
  double *expected = g_new0 (double, n *DIM), loss;
  gint32 *labels = g_new (gint32, n);
  guint64 *samples = g_new (guint64, n);
  const SupconViews views = { .z = z, .n = n, .dim = DIM, .labels = labels, .samples = samples };

  for (guint i = 0; i < n; i++) {
    double length = 0;

    for (guint k = 0; k < DIM; k++)
      length += z[i * DIM + k] * z[i * DIM + k];
    for (guint k = 0; k < DIM; k++)
      z[i * DIM + k] /= sqrt (length);
    labels[i] = i % 10;
    samples[i] = i;
  }
  loss = plain_loss (&views, t, expected);
  ck_assert_double_eq_tol (
      supcon_loss (&(SupconLossConfig){ .temperature = t }, &views, &workspace, dz).loss, loss, 2 * error);
  for (guint i = 0; i < n; i++) {
    double difference = 0;

    for (guint k = 0; k < DIM; k++)
      difference += pow (dz[i * DIM + k] - expected[i * DIM + k], 2);
    ck_assert_double_le (sqrt (difference), 2 * error * 4 / (t * n));
  }
  supcon_workspace_clear (&workspace);
  supcon_real_free (z);
  supcon_real_free (dz);
  g_free (expected);
  g_free (labels);
  g_free (samples);
}

/* Of small blocks, and of large ones. */
START_TEST (test_loss)
{
  check_loss (200);
  check_loss (2100);
}
END_TEST

SUPCON_CHECK_MAIN ("gemm", test_product, test_exact, test_loss)
