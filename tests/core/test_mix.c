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

/* Every view has a label of its own, so that second says which one it was mixed with. */
static SupconBatch *
mixed_new (guint n, const SupconMix *mix, guint64 seed, guint64 step)
{
  SupconBatch *batch = supcon_batch_new (n, SIZE, SIZE);
  const guint8 pixels[SIZE * SIZE * 3] = { 0 };

  for (guint i = 0; i < n; i++)
    supcon_batch_append (batch, pixels, SIZE * 3, 3, i, i);
  supcon_mix (mix, seed, step, batch);
  return batch;
}

/* Partners are drawn from all views, they and shares anew by seed and step: that the one beside comes up is one chance
 * in n - 1. */
START_TEST (test_partners)
{
  enum { N = 1000 };
  static const guint64 draws[][2] = { { 1, 2 }, { 1, 3 }, { 2, 2 } };
  SupconMix mix = { .mixup = 1 };
  SupconBatch *first = mixed_new (N, &mix, draws[0][0], draws[0][1]);

  for (guint d = 0; d < G_N_ELEMENTS (draws); d++) {
    SupconBatch *batch = mixed_new (N, &mix, draws[d][0], draws[d][1]);
    guint beside = 0, again = 0, shares = 0;

    for (guint i = 0; i < N; i++) {
      check_number (batch->second[i] != (gint32)i && batch->second[batch->second[i]] == (gint32)i,
          "draw %u: view %u is mixed with %d", d, i, batch->second[i]);
      beside += batch->second[i] == (gint32)(i ^ 1);
      again += batch->second[i] == first->second[i];
      /* Wherever they are: another order of the same shares is no other draw. */
      for (guint j = 0; j < N; j++)
        if (batch->share[i] == first->share[j]) {
          shares++;
          break;
        }
    }
    ck_assert_uint_le (beside, 10);
    ck_assert_msg (d == 0 ? again == N : again <= 10, "draw %u: %u partners are the first draw's", d, again);
    ck_assert_msg (d == 0 ? shares == N : shares <= 10, "draw %u: %u shares are the first draw's", d, shares);
    supcon_batch_free (batch);
  }
  supcon_batch_free (first);
}
END_TEST

/* The mean of a side of the box that lies within the picture, and of its square: its centre may be any pixel. */
static double
mean_side (guint side, double *square)
{
  double mean = 0;

  *square = 0;
  for (guint centre = 0; centre < SIZE; centre++) {
    guint inside = 0;

    for (guint k = 0; k < side; k++)
      inside += centre + k >= side / 2 && centre + k - side / 2 < SIZE;
    mean += inside / (double)SIZE;
    *square += inside * inside / (double)SIZE;
  }
  return mean;
}

/* Beta(1, 1)'s areas, less what lies outside: both sides are as long as the root of the area says. */
START_TEST (test_cutmix_area)
{
  enum { N = 2000, AREAS = 10000 };
  SupconMix mix = { .cutmix = 1 };
  SupconBatch *batch = mixed_new (N, &mix, 1, 2);
  double mean = 0, square = 0, kept = 0;

  for (guint a = 0; a < AREAS; a++) {
    double side_square, side = mean_side (SIZE * sqrt ((a + 0.5) / AREAS), &side_square);

    mean += side * side / (SIZE * SIZE) / AREAS;
    square += side_square * side_square / pow (SIZE, 4) / AREAS;
  }
  for (guint i = 0; i < N; i++)
    kept += batch->share[i] / N;
  /* Four standard deviations of the mean of N / 2 pairs. */
  ck_assert_double_eq_tol (1 - kept, mean, 4 * sqrt ((square - mean * mean) / (N / 2)));
  supcon_batch_free (batch);
}
END_TEST

/* With both, each pair is mixed by one of them, drawn evenly. Shares of whole pixels tell CutMix. */
START_TEST (test_both)
{
  enum { PAIRS = 400 };
  SupconMix mix = { .mixup = 1, .cutmix = 1 };
  SupconBatch *batch = mixed_new (2 * PAIRS, &mix, 1, 2);
  guint cut = 0;

  for (guint i = 0; i < 2 * PAIRS; i++) {
    double kept = batch->share[i] * SIZE * SIZE;

    cut += fabs (kept - round (kept)) < 1e-4;
  }
  ck_assert_double_eq_tol (cut / 2, PAIRS / 2, 4 * sqrt (PAIRS / 4));
  supcon_batch_free (batch);
}
END_TEST

/* Each draws by its own alpha: mixup's of 50 keeps its shares in the middle, CutMix's of 0.05 leaves two pictures of
 * five without a box of a pixel. */
START_TEST (test_both_alphas)
{
  enum { PAIRS = 400 };
  SupconMix mix = { .mixup = 50, .cutmix = 0.05 };
  SupconBatch *batch = mixed_new (2 * PAIRS, &mix, 1, 2);
  guint cut = 0, untouched = 0;

  for (guint i = 0; i < 2 * PAIRS; i++) {
    double share = batch->share[i], kept = share * SIZE * SIZE;

    if (fabs (kept - round (kept)) < 1e-4) {
      cut++;
      untouched += share == 1;
    } else {
      check_number (share > 0.2 && share < 0.8, "mixup has drawn %g", share);
    }
  }
  ck_assert_uint_gt (cut, PAIRS / 2);
  ck_assert_uint_gt (untouched, cut / 4);
  supcon_batch_free (batch);
}
END_TEST

/* So small an alpha draws nothing but 0 and 1, of numbers that may both be below the least there is. */
START_TEST (test_least_alpha)
{
  enum { N = 200 };
  SupconMix mix = { .mixup = 1e-4 };
  SupconBatch *batch = mixed_new (N, &mix, 1, 2);

  for (guint i = 0; i < N; i++)
    check_number (batch->share[i] >= 0 && batch->share[i] <= 1, "mixup has drawn %g", batch->share[i]);
  supcon_batch_free (batch);
}
END_TEST

/* What smoothing leaves is shared between both labels, and all of a row adds up to 1. */
START_TEST (test_smoothed)
{
  enum { N = 10 };
  SupconMix mix = { .mixup = 1 };
  SupconBatch *batch = mixed_new (N, &mix, 1, 2);
  SupconReal targets[N * N];

  supcon_batch_targets (batch, N, 0.1, targets);
  for (guint i = 0; i < N; i++) {
    double sum = 0;

    for (guint c = 0; c < N; c++)
      sum += targets[i * N + c];
    ck_assert_double_eq_tol (sum, 1, 1e-6);
    ck_assert_double_eq_tol (targets[i * N + i], 0.9 * batch->share[i] + 0.1 / N, 1e-6);
  }
  supcon_batch_free (batch);
}
END_TEST

/* Classes of which a batch has no picture count where they are known. */
START_TEST (test_n_classes)
{
  SupconBatch *batch = supcon_batch_new (2, 1, 1);
  const guint8 pixel[3] = { 0 };

  supcon_batch_append (batch, pixel, 3, 3, SUPCON_UNLABELLED, 0);
  ck_assert_uint_eq (supcon_batch_n_classes (batch), 0);
  supcon_batch_append (batch, pixel, 3, 3, 4, 1);
  ck_assert_uint_eq (supcon_batch_n_classes (batch), 5);
  batch->n_classes = 7;
  ck_assert_uint_eq (supcon_batch_n_classes (batch), 7);
  supcon_batch_free (batch);
}
END_TEST

/* Nothing of a view is left to one that takes its place, nor has one without a label any class. */
START_TEST (test_taken_again)
{
  enum { N_CLASSES = 3 };
  SupconBatch *batch = supcon_batch_new (2, 1, 1);
  SupconMix mix = { .mixup = 1 };
  const guint8 pixel[3] = { 0 };
  SupconReal targets[2 * N_CLASSES];

  for (guint round = 0; round < 2; round++) {
    supcon_batch_reset (batch);
    for (guint i = 0; i < 2; i++)
      supcon_batch_append (batch, pixel, 3, 3, round ? SUPCON_UNLABELLED : (gint32)i, i);
    for (guint i = 0; i < 2; i++) {
      ck_assert_double_eq (batch->values[i], 0);
      batch->values[i] = 1;
    }
    supcon_mix (&mix, 1, 2, batch);
  }
  supcon_batch_targets (batch, N_CLASSES, 0.1, targets);
  for (guint i = 0; i < 2 * N_CLASSES; i++)
    ck_assert_double_eq (targets[i], 0);
  supcon_batch_free (batch);
}
END_TEST

SUPCON_CHECK_MAIN ("mix", test_mix, test_partners, test_cutmix_area, test_both, test_both_alphas, test_least_alpha,
    test_smoothed, test_n_classes, test_taken_again)
