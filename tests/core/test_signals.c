/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: the signals of more rows than are looked at, some of them past, against plain loops. What they
 * are of few rows is held to published code in test_losses.c. */
#include <math.h>

#include "check_main.h"
#include "loss/signals.h"
#include "nn/activation.h"
#include "random.h"

enum { DIM = 4, CLASSES = 5 };

/* Sorted by class, so that anchors that are not spread over the rows are of other classes. */
static gint32
label_of (guint i, guint n)
{
  return i * CLASSES / n;
}

static double
squared_distance (const SupconReal *x, const SupconReal *y)
{
  double sum = 0;

  for (guint k = 0; k < DIM; k++)
    sum += (x[k] - y[k]) * (x[k] - y[k]);
  return sum;
}

static void
check_signals (guint n, guint n_past)
{
  const SupconLossConfig config = { .kind = SUPCON_LOSS_OUT, .temperature = 0.1 };
  guint rows = n - n_past, anchors = MIN (rows, SUPCON_SIGNAL_ANCHORS), positives = 0;
  SupconWorkspace workspace = { .threads = 1 };
  SupconReal *z = random_array (n * DIM, n), *norm = g_new (SupconReal, n);
  gint32 *labels = g_new (gint32, n);
  guint64 *samples = g_new0 (guint64, n);
  SupconViews views = { .z = z, .n = n, .dim = DIM, .n_past = n_past, .labels = labels, .samples = samples };
  double alignment = 0, uniformity = 0;
  SupconLossSignals signals;

  for (guint i = 0; i < n; i++) {
    labels[i] = label_of (i, n);
    z[i * DIM] += labels[i]; /* classes lie apart */
  }
  supcon_normalize_forward (n, DIM, z, z, norm);
  for (guint a = 0; a < anchors; a++) {
    guint i = a * rows / anchors;

    for (guint j = 0; j < n; j++) {
      double distance = squared_distance (z + i * DIM, z + j * DIM);

      uniformity += i != j ? exp (-2 * distance) / (anchors * (n - 1)) : 0;
      alignment += i != j && labels[i] == labels[j] ? distance : 0;
      positives += i != j && labels[i] == labels[j];
    }
  }
  supcon_loss_signals (&config, &views, &workspace, &signals);
  ck_assert_double_eq_tol (signals.alignment, alignment / positives, 1e-12);
  ck_assert_double_eq_tol (signals.uniformity, log (uniformity), 1e-12);
  supcon_workspace_clear (&workspace);
  supcon_real_free (z);
  g_free (norm);
  g_free (labels);
  g_free (samples);
}

START_TEST (test_spread)
{
  check_signals (200, 0);
  check_signals (65, 0);
}
END_TEST

/* Past rows are contrasts, and no anchors. */
START_TEST (test_past)
{
  check_signals (100, 30);
  check_signals (300, 150);
}
END_TEST

/* Of ten negatives the hardest tenth is one: with this loss its e^s by the mean of all. Rows that are alone in their
 * class are no anchors of it. */
START_TEST (test_hardest_of_ten)
{
  enum { NEGATIVES = 10, ROWS = NEGATIVES + 2 };
  const SupconLossConfig config = { .kind = SUPCON_LOSS_OUT, .temperature = 0.1 };
  SupconWorkspace workspace = { .threads = 1 };
  SupconReal *z = random_array (ROWS * DIM, 3), norm[ROWS];
  gint32 labels[ROWS];
  const guint64 samples[ROWS] = { 0 };
  SupconViews views = { .z = z, .n = ROWS, .dim = DIM, .labels = labels, .samples = samples };
  double expected = 0;
  SupconLossSignals signals;

  supcon_normalize_forward (ROWS, DIM, z, z, norm);
  for (guint i = 0; i < ROWS; i++)
    labels[i] = i < 2 ? 0 : i;
  for (guint i = 0; i < 2; i++) {
    double most = 0, sum = 0;

    for (guint j = 2; j < ROWS; j++) {
      double e = exp ((1 - squared_distance (z + i * DIM, z + j * DIM) / 2) / 0.1);

      most = MAX (most, e);
      sum += e;
    }
    expected += most / (sum / NEGATIVES) / 2;
  }
  supcon_loss_signals (&config, &views, &workspace, &signals);
  ck_assert_double_eq_tol (signals.hard_negatives, expected, 1e-9 * expected);
  supcon_workspace_clear (&workspace);
  supcon_real_free (z);
}
END_TEST

/* Rows of one class have no negatives, those without a label no positives: what there is none of is 0. */
START_TEST (test_one_kind)
{
  enum { ROWS = 6 };
  SupconWorkspace workspace = { .threads = 1 };
  SupconReal *z = random_array (ROWS * DIM, 3), norm[ROWS];
  const guint64 samples[ROWS] = { 0, 1, 2, 3, 4, 5 };
  SupconLossSignals signals;

  supcon_normalize_forward (ROWS, DIM, z, z, norm);
  for (gint32 label = -1; label < 1; label++)
    for (SupconLossKind kind = SUPCON_LOSS_OUT; kind <= SUPCON_LOSS_GENERAL; kind++) {
      const SupconLossConfig config = { .kind = kind, .temperature = 0.1 };
      const gint32 labels[ROWS] = { label, label, label, label, label, label };
      SupconViews views = { .z = z, .n = ROWS, .dim = DIM, .labels = labels, .samples = samples };
      gboolean positives = label >= 0 && kind != SUPCON_LOSS_SELF;

      supcon_loss_signals (&config, &views, &workspace, &signals);
      ck_assert_double_eq (signals.hard_negatives, 0);
      /* Eq. 3 and SINCERE learn nothing from positives without negatives. */
      ck_assert ((signals.hard_positives > 0) == (positives && kind != SUPCON_LOSS_IN && kind != SUPCON_LOSS_SINCERE));
      ck_assert ((signals.alignment > 0) == positives);
      ck_assert (signals.uniformity < 0);
    }
  supcon_workspace_clear (&workspace);
  supcon_real_free (z);
}
END_TEST

/* Of soft labels a pair is one of positives from half alike on, and a row of no class is like none. */
START_TEST (test_half_alike)
{
  const SupconLossConfig config = { .kind = SUPCON_LOSS_GENERAL, .temperature = 0.1 };
  const SupconReal z[] = { 1, 0, 0, 1, -1, 0 }, targets[] = { 1, 1, 0, 0, 1, 1, 0, 0, 0 };
  SupconWorkspace workspace = { .threads = 1 };
  SupconViews views = { .z = z,
    .n = 3,
    .dim = 2,
    .labels = (const gint32[]){ 0, 1, 2 },
    .samples = (const guint64[]){ 0, 1, 2 },
    .targets = targets,
    .n_classes = 3 };
  SupconLossSignals signals;

  supcon_loss_signals (&config, &views, &workspace, &signals);
  ck_assert_double_eq (signals.alignment, 2); /* |z_0 - z_1|^2 */
  ck_assert (isfinite (signals.hard_positives) && isfinite (signals.hard_negatives));
  ck_assert_double_gt (signals.hard_negatives, 0);
  supcon_workspace_clear (&workspace);
}
END_TEST

SUPCON_CHECK_MAIN ("signals", test_spread, test_past, test_hardest_of_ten, test_one_kind, test_half_alike)
