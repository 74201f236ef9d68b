/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: the losses against the published formulas written as plain loops, and their gradients against
 * central differences. */
#include <math.h>

#include "check_main.h"
#include "loss/cross_entropy.h"
#include "loss/supcon.h"
#include "nn/activation.h"
#include "rng.h"

typedef struct {
  guint n, dim;
  SupconReal *z;
  gint32 *labels;
  guint64 *samples;
} Batch;

/* classes 0: every row unlabelled. Otherwise every ninth row is, and the first row is alone in its class. */
static Batch
batch_new (guint n, guint dim, guint classes, guint views, guint stream)
{
  Batch batch = { n, dim, g_new (SupconReal, n * dim), g_new (gint32, n), g_new (guint64, n) };
  SupconReal *norm = g_new (SupconReal, n);
  SupconRng rng;

  supcon_rng_init (&rng, 2, stream, 0, 0);
  for (guint i = 0; i < n * dim; i++)
    batch.z[i] = supcon_rng_normal (&rng);
  supcon_normalize_forward (n, dim, batch.z, batch.z, norm);
  for (guint i = 0; i < n; i++) {
    batch.samples[i] = i / views * 1000003u;
    batch.labels[i] = classes == 0 || i % 9 == 8 ? SUPCON_UNLABELLED : (gint32)supcon_rng_below (&rng, classes);
  }
  batch.labels[0] = classes ? (gint32)classes + 5 : SUPCON_UNLABELLED;
  g_free (norm);
  return batch;
}

static void
batch_clear (Batch *batch)
{
  g_free (batch->z);
  g_free (batch->labels);
  g_free (batch->samples);
}

static gboolean
is_positive (const Batch *b, SupconLossKind kind, guint i, guint p)
{
  if (i == p)
    return FALSE;
  if (kind == SUPCON_LOSS_SELF || b->labels[i] < 0)
    return b->samples[i] == b->samples[p] && (kind == SUPCON_LOSS_SELF || b->labels[p] < 0);
  return b->labels[i] == b->labels[p];
}

static double
similarity (const Batch *b, guint i, guint j)
{
  double sum = 0;

  for (guint k = 0; k < b->dim; k++)
    sum += b->z[i * b->dim + k] * b->z[j * b->dim + k];
  return sum;
}

/* Equations 1 to 3 as they are printed, averaged over the anchors that have a positive. */
static double
plain_loss (const Batch *b, SupconLossKind kind, double t, guint *anchors)
{
  double total = 0;

  *anchors = 0;
  for (guint i = 0; i < b->n; i++) {
    double denominator = 0, outside = 0, inside = 0;
    guint positives = 0;

    for (guint a = 0; a < b->n; a++)
      if (a != i)
        denominator += exp (similarity (b, i, a) / t);
    for (guint p = 0; p < b->n; p++)
      if (is_positive (b, kind, i, p)) {
        double ratio = exp (similarity (b, i, p) / t) / denominator;

        outside += log (ratio);
        inside += ratio;
        positives++;
      }
    if (positives == 0)
      continue;
    ++*anchors;
    total += kind == SUPCON_LOSS_IN ? -log (inside / positives) : -outside / positives;
  }
  return *anchors ? total / *anchors : 0;
}

static const SupconLossKind kinds[] = { SUPCON_LOSS_OUT, SUPCON_LOSS_IN, SUPCON_LOSS_SELF };

static SupconLossResult
run (const Batch *b, SupconLossKind kind, double t, SupconReal *dz)
{
  return supcon_loss (kind, b->z, b->n, b->dim, b->labels, b->samples, t, 2, dz);
}

START_TEST (test_values)
{
  static const guint sizes[] = { 2, 3, 17, 64, 65, 256, 300, 600, 2048 };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
    for (guint classes = 0; classes < 12; classes += 5)
      for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
        Batch batch = batch_new (sizes[s], 16, classes, 2, s);
        guint anchors;
        double expected = plain_loss (&batch, kinds[k], 0.1, &anchors);
        SupconLossResult result = run (&batch, kinds[k], 0.1, NULL);

        ck_assert_uint_eq (result.anchors, anchors);
        ck_assert_double_eq_tol (result.loss, expected, 1e-10 * (1 + expected));
        batch_clear (&batch);
      }
}
END_TEST

START_TEST (test_gradients)
{
  for (guint classes = 0; classes < 8; classes += 4)
    for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
      Batch batch = batch_new (70, 6, classes, 3, 9);
      SupconReal *dz = g_new (SupconReal, 70 * 6);

      run (&batch, kinds[k], 0.2, dz);
      for (guint i = 0; i < 70 * 6; i++) {
        SupconReal keep = batch.z[i];
        double up, down;
        guint anchors;

        batch.z[i] = keep + 1e-6;
        up = plain_loss (&batch, kinds[k], 0.2, &anchors);
        batch.z[i] = keep - 1e-6;
        down = plain_loss (&batch, kinds[k], 0.2, &anchors);
        batch.z[i] = keep;
        ck_assert_double_eq_tol (dz[i], (up - down) / 2e-6, 1e-8);
      }
      batch_clear (&batch);
      g_free (dz);
    }
}
END_TEST

/* Of a large batch too, where there are several tiles: along random directions. */
START_TEST (test_gradients_large)
{
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    Batch batch = batch_new (2100, 8, 3, 2, 4);
    gsize size = 2100 * 8;
    SupconReal *dz = g_new (SupconReal, size), *z = g_memdup2 (batch.z, size * sizeof *z);

    run (&batch, kinds[k], 0.1, dz);
    for (guint direction = 0; direction < 6; direction++) {
      double expected, along = 0, up, down;
      SupconRng rng;

      supcon_rng_init (&rng, 5, direction, 0, 0);
      for (gsize i = 0; i < size; i++) {
        double v = supcon_rng_normal (&rng);

        along += v * dz[i];
        batch.z[i] = z[i] + 1e-5 * v;
      }
      up = run (&batch, kinds[k], 0.1, NULL).loss;
      for (gsize i = 0; i < size; i++)
        batch.z[i] = 2 * z[i] - batch.z[i];
      down = run (&batch, kinds[k], 0.1, NULL).loss;
      expected = (up - down) / 2e-5;
      ck_assert_double_eq_tol (along, expected, 1e-6 * (1 + fabs (expected)));
    }
    g_free (dz);
    g_free (z);
    batch_clear (&batch);
  }
}
END_TEST

START_TEST (test_no_positives)
{
  Batch batch = batch_new (20, 4, 0, 1, 1);
  SupconReal dz[80];
  SupconLossResult result = run (&batch, SUPCON_LOSS_OUT, 0.1, dz);

  ck_assert_uint_eq (result.anchors, 0);
  ck_assert_double_eq (result.loss, 0);
  ck_assert_double_eq (result.positives_per_anchor, 0);
  for (guint i = 0; i < 80; i++)
    ck_assert_double_eq (dz[i], 0);
  batch_clear (&batch);
}
END_TEST

/* exp (1 / t) does not fit a double at this temperature; the loss must not care. */
START_TEST (test_low_temperature)
{
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    Batch batch = batch_new (300, 4, 3, 2, 1);
    SupconReal *dz = g_new (SupconReal, 1200);

    ck_assert (isfinite (run (&batch, kinds[k], 1e-4, dz).loss));
    for (guint i = 0; i < 1200; i++)
      ck_assert (isfinite (dz[i]));
    g_free (dz);
    batch_clear (&batch);
  }
}
END_TEST

/* All embeddings at one point: log (n - 1), and no gradient along the sphere. */
START_TEST (test_collapsed)
{
  Batch batch = batch_new (100, 4, 5, 2, 1);
  SupconReal *dz = g_new (SupconReal, 400);

  for (guint i = 0; i < 400; i++)
    batch.z[i] = 0.5;
  ck_assert_double_eq_tol (run (&batch, SUPCON_LOSS_OUT, 0.1, dz).loss, log (99), 1e-10);
  for (guint i = 0; i < 100; i++)
    for (guint k = 1; k < 4; k++)
      ck_assert_double_eq_tol (dz[i * 4 + k], dz[i * 4], 1e-12);
  g_free (dz);
  batch_clear (&batch);
}
END_TEST

START_TEST (test_cross_entropy)
{
  enum { N = 30, CLASSES = 7 };
  SupconReal logits[N * CLASSES], dlogits[N * CLASSES], probabilities[N * CLASSES];
  gint32 labels[N];
  SupconRng rng;
  SupconCrossEntropyResult result;
  double expected = 0;
  guint counted = 0;

  supcon_rng_init (&rng, 3, 0, 0, 0);
  for (guint i = 0; i < N * CLASSES; i++)
    logits[i] = 4 * supcon_rng_normal (&rng);
  for (guint i = 0; i < N; i++)
    labels[i] = i % 6 == 5 ? -1 : (gint32)supcon_rng_below (&rng, CLASSES);
  result = supcon_cross_entropy (logits, N, CLASSES, labels, dlogits);
  supcon_softmax (logits, N, CLASSES, probabilities);
  for (guint i = 0; i < N; i++)
    if (labels[i] >= 0) {
      expected -= log (probabilities[i * CLASSES + labels[i]]);
      counted++;
    }
  ck_assert_uint_eq (result.counted, counted);
  ck_assert_double_eq_tol (result.loss, expected / counted, 1e-12);
  for (guint i = 0; i < N * CLASSES; i++) {
    SupconReal keep = logits[i];
    double up, down;

    logits[i] = keep + 1e-6;
    up = supcon_cross_entropy (logits, N, CLASSES, labels, NULL).loss;
    logits[i] = keep - 1e-6;
    down = supcon_cross_entropy (logits, N, CLASSES, labels, NULL).loss;
    logits[i] = keep;
    ck_assert_double_eq_tol (dlogits[i], (up - down) / 2e-6, 1e-8);
  }
}
END_TEST

SUPCON_CHECK_MAIN ("losses", test_values, test_gradients, test_gradients_large, test_no_positives, test_low_temperature,
    test_collapsed, test_cross_entropy)
