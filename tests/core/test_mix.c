/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mixup and CutMix: pictures, shares and targets. */
#include "train/mix.h"

#include "training.h"

static guint
count (const SupconBatch *batch, guint i, guint8 value)
{
  guint n = 0;

  for (guint k = 0; k < SIZE * SIZE * 3; k++)
    n += batch->pixels[i * SIZE * SIZE * 3 + k] == value;
  return n;
}

START_TEST (test_mix)
{
  enum { N = 401 };
  guint8 pixels[SIZE * SIZE * 3];
  double sum = 0, square = 0;

  for (guint cut = 0; cut < 2; cut++) {
    SupconBatch *batch = supcon_batch_new (N, SIZE, SIZE);
    SupconMix mix = { cut ? 0 : 0.5, cut ? 1 : 0 };
    SupconReal targets[N * 5];
    guint mixed = 0;

    for (guint i = 0; i < N; i++) {
      memset (pixels, i % 5 * 50, sizeof pixels);
      supcon_batch_append (batch, pixels, SIZE * 3, 3, i % 5 == 4 ? SUPCON_UNLABELLED : (gint32)(i % 5), i);
    }
    supcon_mix (&mix, 1, 2, batch);
    supcon_batch_targets (batch, 5, 0, targets);
    for (guint i = 0; i < N; i++) {
      guint8 own = i % 5 * 50, other = batch->second[i] * 50;
      double share = batch->share[i];

      if (batch->second[i] == SUPCON_UNLABELLED) {
        ck_assert_uint_eq (count (batch, i, own), sizeof pixels);
        continue;
      }
      mixed++;
      ck_assert (share >= 0 && share <= 1 && batch->labels[i] >= 0);
      if (cut && own != other)
        ck_assert (fabs (count (batch, i, own) - share * sizeof pixels) < 1e-3
                   && fabs (count (batch, i, other) - (1 - share) * sizeof pixels) < 1e-3);
      else if (!cut)
        ck_assert (fabs (batch->pixels[i * sizeof pixels] - (share * own + (1 - share) * other)) <= 0.5001);
      if (own != other)
        ck_assert (
            fabs (targets[i * 5 + own / 50] - share) < 1e-6 && fabs (targets[i * 5 + other / 50] + share - 1) < 1e-6);
      sum += cut ? 0 : share - 0.5;
      square += cut ? 0 : (share - 0.5) * (share - 0.5);
    }
    ck_assert_uint_ge (mixed, N / 5 * 4 - 2);
    if (!cut) {
      /* Beta(0.5, 0.5) has mean 1/2 and variance 1/8; pairs share their number. */
      ck_assert_double_eq_tol (sum / mixed, 0, 0.1);
      ck_assert_double_eq_tol (square / mixed, 0.125, 0.03);
    }
    supcon_batch_free (batch);
  }
}
END_TEST

SUPCON_CHECK_MAIN ("mix", test_mix)
