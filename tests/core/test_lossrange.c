/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The losses in float, whose exponentials leave its range at low temperatures, against plain loops in double. In double
 * precision, where test_losses.c holds them to the formulas, that would show at far lower temperatures alone. */
#include <math.h>

#include "check_main.h"
#include "loss/supcon.h"
#include "nn/activation.h"
#include "random.h"

enum { N = 40, DIM = 8 };

/* Two views of each sample, near one direction, but for the first row, which lies opposite to all others. With one
 * positive each all losses are eq. 2. */
START_TEST (test_opposite)
{
  static const double temperatures[] = { 0.01, 0.02, 0.04, 0.05, 0.1 };
  SupconReal *z = random_array (N * DIM, 1), norm[N], dz[N * DIM];
  SupconWorkspace workspace = { .threads = 2 };
  gint32 labels[N];
  guint64 samples[N];
  SupconViews views = { .z = z, .n = N, .dim = DIM, .labels = labels, .samples = samples };

  for (guint i = 0; i < N; i++) {
    labels[i] = i / 2;
    samples[i] = i / 2;
    for (guint k = 0; k < DIM; k++)
      z[i * DIM + k] = i ? 0.05 * z[i * DIM + k] + (k == 0) : -(k == 0);
  }
  supcon_normalize_forward (N, DIM, z, z, norm);
  for (guint t = 0; t < G_N_ELEMENTS (temperatures); t++) {
    /* What the header promises of a similarity divided by the temperature, however products are made. */
    double temperature = temperatures[t], off = (1.2e-5 + 2e-7 * DIM) / temperature, loss = 0;
    double s[N][N], lse[N];

    for (guint i = 0; i < N; i++) {
      double sum = 0;

      for (guint j = 0; j < N; j++) {
        s[i][j] = 0;
        for (guint k = 0; k < DIM; k++)
          s[i][j] += (double)z[i * DIM + k] * z[j * DIM + k] / temperature;
        sum += i != j ? exp (s[i][j]) : 0;
      }
      lse[i] = log (sum);
      loss += (lse[i] - s[i][i ^ 1]) / N;
    }
    for (SupconLossKind kind = SUPCON_LOSS_OUT; kind <= SUPCON_LOSS_GENERAL; kind++) {
      SupconLossConfig config = { .kind = kind, .temperature = temperature };

      /* The log-sum-exp and the positive are off. */
      ck_assert_double_eq_tol (supcon_loss (&config, &views, &workspace, dz).loss, loss, 2 * off);
      for (guint i = 0; i < N; i++)
        for (guint k = 0; k < DIM; k++) {
          double expected = -2 * z[(i ^ 1) * DIM + k], weights = 2;

          for (guint j = 0; j < N; j++) {
            double weight = i != j ? exp (s[i][j] - lse[i]) + exp (s[i][j] - lse[j]) : 0;

            expected += weight * z[j * DIM + k];
            weights += weight;
          }
          /* A weight is off by as much, relatively, as the two numbers in its exponent. */
          ck_assert_double_eq_tol (
              dz[i * DIM + k], expected / (N * temperature), 2 * off * weights / (N * temperature));
        }
    }
  }
  supcon_workspace_clear (&workspace);
  supcon_real_free (z);
}
END_TEST

/* Positives so much nearer than negatives, or with none beside them, that there is nothing left to learn: two rows in
 * one place, and two more opposite. An exponential beyond float's range may be any number, a small one too, so many
 * temperatures are tried. */
START_TEST (test_certain)
{
  const SupconReal z[] = { 1, 0, 1, 0, -1, 0, -1, 0 };
  SupconWorkspace workspace = { .threads = 1 };
  SupconReal dz[G_N_ELEMENTS (z)];

  for (guint i = 0; i < 2 * 200 * 5; i++) {
    SupconLossConfig config = { .kind = i / 400, .temperature = 2.0 / (90 + 2 * (i / 2 % 200)) };
    guint n = i % 2 ? 4 : 2;
    SupconViews views = {
      .z = z, .n = n, .dim = 2, .labels = (const gint32[]){ 0, 0, 1, 1 }, .samples = (const guint64[]){ 0, 0, 1, 1 }
    };

    ck_assert_double_eq_tol (supcon_loss (&config, &views, &workspace, dz).loss, 0, 1e-5);
    for (guint k = 0; k < n * 2; k++)
      check_number (
          fabs (dz[k]) < 1e-5, "loss %u, temperature %g: dz[%u] is %g", i / 400, config.temperature, k, dz[k]);
  }
  supcon_workspace_clear (&workspace);
}
END_TEST

/* What an encoder gives whose numbers have left float's range: the trainer knows it by the loss. */
START_TEST (test_not_a_number)
{
  for (SupconLossKind kind = SUPCON_LOSS_OUT; kind <= SUPCON_LOSS_GENERAL; kind++) {
    const SupconReal z[] = { 1, 0, NAN, NAN, 0, 1, 1, 0 };
    SupconReal dz[G_N_ELEMENTS (z)];
    SupconLossConfig config = { .kind = kind, .temperature = 0.1 };
    SupconWorkspace workspace = { .threads = 1 };
    SupconViews views = {
      .z = z, .n = 4, .dim = 2, .labels = (const gint32[]){ 0, 0, 1, 1 }, .samples = (const guint64[]){ 0, 0, 1, 1 }
    };

    ck_assert (!isfinite (supcon_loss (&config, &views, &workspace, dz).loss));
    supcon_workspace_clear (&workspace);
  }
}
END_TEST

SUPCON_CHECK_MAIN ("lossrange", test_opposite, test_certain, test_not_a_number)
