/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: the losses against the published formulas written as plain loops, and their gradients against
 * central differences. */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "golden/losses.h"
#include "loss/cross_entropy.h"
#include "loss/queue.h"
#include "loss/signals.h"
#include "loss/squared_error.h"
#include "loss/supcon.h"
#include "nn/activation.h"
#include "rng.h"

typedef struct {
  guint n, dim;
  SupconReal *z;
  gint32 *labels;
  guint64 *samples;
  guint n_past, classes;
  SupconReal *targets; /* n x classes for SUPCON_LOSS_GENERAL, or NULL */
} Batch;

/* classes 0: every row unlabelled. Otherwise every ninth row is, and the first row is alone in its class. */
static Batch
batch_new (guint n, guint dim, guint classes, guint views, guint stream)
{
  Batch batch = {
    .n = n, .dim = dim, .z = g_new (SupconReal, n * dim), .labels = g_new (gint32, n), .samples = g_new (guint64, n)
  };
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
  g_free (batch->targets);
}

/* Vectors of classes as mixing and smoothing make them. */
static void
add_targets (Batch *batch, guint classes)
{
  SupconRng rng;

  supcon_rng_init (&rng, 4, 0, 0, 0);
  batch->classes = classes;
  batch->targets = g_new0 (SupconReal, batch->n * classes);
  for (guint i = 0; i < batch->n; i++) {
    double share = supcon_rng_uniform (&rng, 0, 1);

    batch->targets[i * classes + supcon_rng_below (&rng, classes)] += share;
    batch->targets[i * classes + supcon_rng_below (&rng, classes)] += 1 - share;
  }
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

/* How much p is a positive of i. */
static double
weight_of (const Batch *b, SupconLossKind kind, guint i, guint p)
{
  const SupconReal *x = b->targets + i * b->classes, *y = b->targets + p * b->classes;
  double dot = 0, xx = 0, yy = 0;

  if (!b->targets || b->labels[i] < 0 || b->labels[p] < 0)
    return is_positive (b, kind, i, p);
  for (guint c = 0; c < b->classes; c++) {
    dot += x[c] * y[c];
    xx += x[c] * x[c];
    yy += y[c] * y[c];
  }
  return i == p ? 0 : dot / sqrt (xx * yy);
}

static double
similarity (const Batch *b, guint i, guint j)
{
  double sum = 0;

  for (guint k = 0; k < b->dim; k++)
    sum += b->z[i * b->dim + k] * b->z[j * b->dim + k];
  return sum;
}

/* The formulas as they are printed, averaged over the anchors that have a positive. */
static double
plain_loss (const Batch *b, SupconLossKind kind, double t, guint *anchors)
{
  double total = 0;

  *anchors = 0;
  for (guint i = 0; i < b->n - b->n_past; i++) {
    double all = 0, negatives = 0, outside = 0, inside = 0, positives = 0;

    for (guint a = 0; a < b->n; a++) {
      double e = exp (similarity (b, i, a) / t);

      all += a != i ? e : 0;
      negatives += a != i && !is_positive (b, kind, i, a) ? e : 0;
    }
    for (guint p = 0; p < b->n; p++) {
      double weight = weight_of (b, kind, i, p), e = exp (similarity (b, i, p) / t);

      if (weight == 0)
        continue;
      outside += weight * log (e / (kind == SUPCON_LOSS_SINCERE ? e + negatives : all));
      inside += e / all;
      positives += weight;
    }
    if (positives < 1e-6)
      continue;
    ++*anchors;
    total += kind == SUPCON_LOSS_IN ? -log (inside / positives) : -outside / positives;
  }
  return *anchors ? total / *anchors : 0;
}

static const SupconLossKind kinds[]
    = { SUPCON_LOSS_OUT, SUPCON_LOSS_IN, SUPCON_LOSS_SELF, SUPCON_LOSS_SINCERE, SUPCON_LOSS_GENERAL };

static SupconWorkspace workspace = { .threads = 2 };

static SupconLossResult
loss_of (const SupconLossConfig *config, const SupconViews *views, SupconReal *dz)
{
  return supcon_loss (config, views, &workspace, dz);
}

static SupconLossResult
run (const Batch *b, SupconLossKind kind, double t, SupconReal *dz)
{
  SupconLossConfig config = { .kind = kind, .temperature = t };
  SupconViews views = { .z = b->z,
    .n = b->n,
    .dim = b->dim,
    .n_past = b->n_past,
    .labels = b->labels,
    .samples = b->samples,
    .targets = b->targets,
    .n_classes = b->classes };

  return loss_of (&config, &views, dz);
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

static void
check_gradient (Batch *batch, SupconLossKind kind, double t)
{
  guint rows = batch->n - batch->n_past, size = rows * batch->dim, anchors;
  SupconReal *dz = g_new (SupconReal, size);
  SupconLossResult result = run (batch, kind, t, dz);
  double positives = 0;

  ck_assert_double_eq_tol (result.loss, plain_loss (batch, kind, t, &anchors), 1e-10);
  ck_assert_uint_eq (result.anchors, anchors);
  for (guint i = 0; i < rows; i++)
    for (guint p = 0; p < batch->n; p++)
      positives += weight_of (batch, kind, i, p);
  ck_assert_double_eq_tol (result.positives_per_anchor, positives / rows, 1e-10);
  for (guint i = 0; i < size; i++) {
    SupconReal keep = batch->z[i];
    double up, down;

    batch->z[i] = keep + 1e-6;
    up = plain_loss (batch, kind, t, &anchors);
    batch->z[i] = keep - 1e-6;
    down = plain_loss (batch, kind, t, &anchors);
    batch->z[i] = keep;
    ck_assert_msg (fabs (dz[i] - (up - down) / 2e-6) < 1e-8 * pow (MAX (1, 0.2 / t), 3),
        "loss %d, temperature %g: dz[%u] is %g, not %g", kind, t, i, dz[i], (up - down) / 2e-6);
  }
  g_free (dz);
}

START_TEST (test_gradients)
{
  for (guint classes = 0; classes < 8; classes += 4)
    for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
      Batch batch = batch_new (70, 6, classes, 3, 9);

      check_gradient (&batch, kinds[k], 0.2);
      check_gradient (&batch, kinds[k], 0.04); /* where exponentials are not shared */
      batch_clear (&batch);
    }
}
END_TEST

/* The last rows are a queue's: contrasts that learn nothing. */
START_TEST (test_past)
{
  static const guint past[] = { 1, 6, 40, 63, 64, 90 };

  for (guint p = 0; p < G_N_ELEMENTS (past); p++)
    for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
      Batch batch = batch_new (100, 5, 4, 3, 11);

      batch.n_past = past[p];
      check_gradient (&batch, kinds[k], 0.3);
      batch_clear (&batch);
    }
}
END_TEST

START_TEST (test_targets)
{
  for (guint past = 0; past < 40; past += 30) {
    Batch batch = batch_new (80, 5, 4, 2, 12);

    add_targets (&batch, 6);
    batch.n_past = past;
    check_gradient (&batch, SUPCON_LOSS_GENERAL, 0.2);
    check_gradient (&batch, SUPCON_LOSS_GENERAL, 0.04);
    batch_clear (&batch);
  }
}
END_TEST

/* The views of tests/oracle/losses.py. */
enum { ROWS = 12, DIM = 4, N_CLASSES = 3 };
static const gint32 golden_labels[ROWS] = { 0, 0, 1, 1, -1, -1, 2, 2, 0, 0, 1, 2 };
static const guint64 golden_samples[ROWS] = { 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7 };

static void
golden_z (SupconReal *z)
{
  SupconReal norm[ROWS];

  for (guint i = 0; i < ROWS; i++)
    for (guint k = 0; k < DIM; k++)
      z[i * DIM + k] = sin (1.7 * i * i + 2.3 * k + i * k + 0.5);
  supcon_normalize_forward (ROWS, DIM, z, z, norm);
}

static void
golden_targets (SupconReal *targets)
{
  for (guint i = 0; i < ROWS; i++)
    for (guint c = 0; c < N_CLASSES; c++)
      targets[i * N_CLASSES + c] = 0.05 + 0.9 * pow (cos (0.9 * i + c), 2);
}

START_TEST (test_golden)
{
  static const struct {
    const double *loss, *gradient;
  } expected[] = { { out_loss, out_gradient }, { in_loss, in_gradient }, { self_loss, self_gradient },
    { sincere_loss, sincere_gradient }, { general_loss, general_gradient } };
  SupconReal z[ROWS * DIM], targets[ROWS * N_CLASSES], dz[(ROWS - 3) * DIM];
  SupconViews views = { z, ROWS, DIM, 3, golden_labels, golden_samples, targets, N_CLASSES, 0 };

  golden_z (z);
  golden_targets (targets);
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    SupconLossConfig config = { kinds[k], 0.15, 0.07 };

    ck_assert_double_eq_tol (loss_of (&config, &views, dz).loss, *expected[k].loss, 1e-12);
    for (guint i = 0; i < G_N_ELEMENTS (dz); i++)
      ck_assert_double_eq_tol (dz[i], expected[k].gradient[i], 1e-12);
  }
}
END_TEST

START_TEST (test_signals)
{
  SupconReal z[ROWS * DIM], targets[ROWS * N_CLASSES];
  SupconViews views = { z, ROWS, DIM, 0, golden_labels, golden_samples, targets, N_CLASSES, 0 };

  golden_z (z);
  golden_targets (targets);
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    SupconLossConfig config = { .kind = kinds[k], .temperature = 0.15 };
    SupconLossSignals signals;

    supcon_loss_signals (&config, &views, &workspace, &signals);
    ck_assert_double_eq_tol (signals.alignment, alignment[k], 1e-12);
    ck_assert_double_eq_tol (signals.uniformity, *uniformity, 1e-12);
    ck_assert_double_eq_tol (signals.hard_positives, hard_positives[k], 1e-10);
    ck_assert_double_eq_tol (signals.hard_negatives, hard_negatives[k], 1e-10);
  }
}
END_TEST

/* The queue of losses.py: seven places, batches of four. */
START_TEST (test_queue)
{
  enum { SIZE = 7, BATCH = 4 };
  SupconReal all[ROWS * DIM], z[(BATCH + SIZE) * DIM];
  SupconQueue *queue = supcon_queue_new (SIZE, DIM);
  SupconLossConfig config = { .kind = SUPCON_LOSS_OUT, .temperature = 0.15 };

  golden_z (all);
  for (guint step = 0; step < G_N_ELEMENTS (queue_losses); step++) {
    gint32 labels[BATCH + SIZE];
    guint64 samples[BATCH + SIZE] = { 0 };
    SupconViews views
        = { .z = z, .n = BATCH + queue->n, .dim = DIM, .n_past = queue->n, .labels = labels, .samples = samples };

    for (guint b = 0; b < BATCH; b++) {
      memcpy (z + b * DIM, all + (step * 5 + b * 2) % ROWS * DIM, DIM * sizeof *z);
      labels[b] = (step + b) % 3;
    }
    memcpy (z + BATCH * DIM, queue->z, queue->n * DIM * sizeof *z);
    memcpy (labels + BATCH, queue->labels, queue->n * sizeof *labels);
    ck_assert_double_eq_tol (loss_of (&config, &views, NULL).loss, queue_losses[step], 1e-12);
    supcon_queue_push (queue, z, labels, samples, BATCH);
    ck_assert_uint_eq (queue->n, MIN (SIZE, (step + 1) * BATCH));
  }
  supcon_queue_free (queue);
}
END_TEST

START_TEST (test_smoothing)
{
  static const gint32 labels[6] = { 0, 3, 1, 2, 2, 0 };
  SupconReal logits[24], targets[24], dlogits[24];

  for (guint i = 0; i < 24; i++) {
    logits[i] = 3 * sin (1.3 * (i / 4) + 2.1 * (i % 4) * (i % 4));
    targets[i] = 0.1 / 4 + 0.9 * ((guint)labels[i / 4] == i % 4);
  }
  ck_assert_double_eq_tol (supcon_cross_entropy (logits, 6, 4, labels, targets, dlogits).loss, *smooth_loss, 1e-12);
  for (guint i = 0; i < 24; i++)
    ck_assert_double_eq_tol (dlogits[i], smooth_gradient[i], 1e-12);
}
END_TEST

START_TEST (test_squared_error)
{
  static const double values[3] = { 1, -2, 30 };
  SupconReal outputs[3] = { 2, -2, 27 }, doutputs[3];

  ck_assert_double_eq_tol (supcon_squared_error (outputs, 3, values, doutputs), 10.0 / 3, 1e-12);
  ck_assert_double_eq_tol (doutputs[0], 2.0 / 3, 1e-12);
  ck_assert_double_eq_tol (doutputs[1], 0, 1e-12);
  ck_assert_double_eq_tol (doutputs[2], -2, 1e-12);
}
END_TEST

/* With one class for each row GenSCL is eq. 2. */
START_TEST (test_hard_targets)
{
  Batch batch = batch_new (90, 6, 4, 2, 13);
  SupconReal *expected = g_new (SupconReal, 540), *found = g_new (SupconReal, 540);
  SupconLossResult hard = run (&batch, SUPCON_LOSS_OUT, 0.1, expected), soft;

  batch.classes = 10;
  batch.targets = g_new0 (SupconReal, 90 * 10);
  for (guint i = 0; i < 90; i++)
    if (batch.labels[i] >= 0)
      batch.targets[i * 10 + batch.labels[i]] = 1;
  soft = run (&batch, SUPCON_LOSS_GENERAL, 0.1, found);
  ck_assert_double_eq_tol (soft.loss, hard.loss, 1e-12);
  ck_assert_uint_eq (soft.anchors, hard.anchors);
  ck_assert_double_eq_tol (soft.positives_per_anchor, hard.positives_per_anchor, 1e-12);
  for (guint i = 0; i < 540; i++)
    ck_assert_double_eq_tol (found[i], expected[i], 1e-12);
  g_free (expected);
  g_free (found);
  batch_clear (&batch);
}
END_TEST

START_TEST (test_base_temperature)
{
  Batch batch = batch_new (40, 6, 4, 2, 14);
  SupconViews views = { .z = batch.z, .n = 40, .dim = 6, .labels = batch.labels, .samples = batch.samples };
  SupconReal *plain = g_new (SupconReal, 240), *scaled = g_new (SupconReal, 240);

  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    SupconLossConfig config = { .kind = kinds[k], .temperature = 0.2 };
    double loss = loss_of (&config, &views, plain).loss;

    config.base_temperature = 0.07;
    ck_assert_double_eq_tol (loss_of (&config, &views, scaled).loss, loss * 0.2 / 0.07, 1e-10);
    for (guint i = 0; i < 240; i++)
      ck_assert_double_eq_tol (scaled[i], plain[i] * 0.2 / 0.07, 1e-12);
  }
  g_free (plain);
  g_free (scaled);
  batch_clear (&batch);
}
END_TEST

/* Twice as many views take twice the memory, and tiles that are as large as before; of each loss. */
START_TEST (test_memory)
{
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    SupconWorkspace taken[2] = { { .threads = 2 }, { .threads = 2 } };

    for (guint i = 0; i < 2; i++) {
      Batch batch = batch_new (2048 << i, 4, 3, 2, 4);
      SupconLossConfig config = { .kind = kinds[k], .temperature = 0.1 };
      SupconViews views
          = { .z = batch.z, .n = batch.n, .dim = batch.dim, .labels = batch.labels, .samples = batch.samples };

      supcon_loss (&config, &views, &taken[i], NULL);
      batch_clear (&batch);
    }
    ck_assert_uint_le (taken[1].shared_size, 2 * taken[0].shared_size);
    ck_assert_uint_eq (taken[1].worker_size, taken[0].worker_size);
    supcon_workspace_clear (&taken[0]);
    supcon_workspace_clear (&taken[1]);
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
  /* Nor has one that is all past. */
  batch.n_past = 20;
  result = run (&batch, SUPCON_LOSS_OUT, 0.1, dz);
  ck_assert_double_eq (result.loss, 0);
  ck_assert_double_eq (result.positives_per_anchor, 0);
  batch_clear (&batch);
}
END_TEST

/* A row whose vector of classes is zero is like no other: it is a contrast alone. */
START_TEST (test_no_class)
{
  Batch batch = batch_new (20, 4, 1, 1, 1);
  SupconReal dz[80];
  SupconLossResult result;

  for (guint i = 0; i < 20; i++)
    batch.labels[i] = 0;
  batch.classes = 2;
  batch.targets = g_new0 (SupconReal, 40);
  for (guint i = 1; i < 20; i++)
    batch.targets[2 * i] = 1;
  result = run (&batch, SUPCON_LOSS_GENERAL, 0.1, dz);
  ck_assert_uint_eq (result.anchors, 19);
  ck_assert (isfinite (result.loss));
  for (guint i = 0; i < 80; i++)
    ck_assert (isfinite (dz[i]));
  batch_clear (&batch);
}
END_TEST

/* A label and a sample of the same number are not the same thing, though they meet in one place of a small table. */
START_TEST (test_label_like_sample)
{
  for (guint number = 0; number < 16; number++)
    for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
      Batch batch = batch_new (2, 4, 1, 1, 5);

      batch.labels[0] = number;
      batch.labels[1] = SUPCON_UNLABELLED;
      batch.samples[0] = number + 100;
      batch.samples[1] = number;
      ck_assert_uint_eq (run (&batch, kinds[k], 0.2, NULL).anchors, 0);
      batch_clear (&batch);
    }
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

/* All embeddings at one point: log (n - 1) but for SINCERE, and no gradient along the sphere. */
START_TEST (test_collapsed)
{
  SupconReal *dz = g_new (SupconReal, 400);

  for (guint classes = 0; classes < 8; classes += 5)
    for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
      Batch batch = batch_new (100, 4, classes, 2, 1);
      SupconLossResult result;

      for (guint i = 0; i < 400; i++)
        batch.z[i] = 0.5;
      result = run (&batch, kinds[k], 0.1, dz);
      ck_assert_double_eq_tol (result.collapsed_loss, result.loss, 1e-10);
      if (kinds[k] != SUPCON_LOSS_SINCERE)
        ck_assert_double_eq_tol (result.loss, log (99), 1e-10);
      for (guint i = 0; i < 100; i++)
        for (guint c = 1; c < 4; c++)
          ck_assert_double_eq_tol (dz[i * 4 + c], dz[i * 4], 1e-12);
      batch_clear (&batch);
    }
  g_free (dz);
}
END_TEST

/* Of equal logits the first is the one that is chosen, as by torch.argmax. */
START_TEST (test_correct_by_the_first)
{
  static const SupconReal logits[] = { 1, 3, 3, 2 };

  for (gint32 label = 0; label < 4; label++)
    ck_assert_uint_eq (supcon_cross_entropy (logits, 1, 4, &label, NULL, NULL).correct, label == 1);
}
END_TEST

/* Exponentials of such logits fit no double; a batch without a label has no loss. */
START_TEST (test_large_and_unlabelled)
{
  static const SupconReal logits[] = { 2000, 2000, 0 }, expected[] = { 0.5, 0.5, 0 };
  SupconReal probabilities[3], dlogits[3] = { 1, 1, 1 };
  SupconCrossEntropyResult result = supcon_cross_entropy (logits, 1, 3, &(gint32){ 1 }, NULL, NULL);

  ck_assert_double_eq_tol (result.loss, log (2), 1e-12);
  supcon_softmax (logits, 1, 3, probabilities);
  for (guint c = 0; c < 3; c++)
    ck_assert_double_eq (probabilities[c], expected[c]);
  result = supcon_cross_entropy (logits, 1, 3, &(gint32){ SUPCON_UNLABELLED }, NULL, dlogits);
  ck_assert_uint_eq (result.counted, 0);
  ck_assert_double_eq (result.loss, 0);
  for (guint c = 0; c < 3; c++)
    ck_assert_double_eq (dlogits[c], 0);
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
  /* All of the gradient is written, that of rows that do not count too. */
  for (guint i = 0; i < N * CLASSES; i++)
    dlogits[i] = NAN;
  result = supcon_cross_entropy (logits, N, CLASSES, labels, NULL, dlogits);
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
    up = supcon_cross_entropy (logits, N, CLASSES, labels, NULL, NULL).loss;
    logits[i] = keep - 1e-6;
    down = supcon_cross_entropy (logits, N, CLASSES, labels, NULL, NULL).loss;
    logits[i] = keep;
    ck_assert_double_eq_tol (dlogits[i], (up - down) / 2e-6, 1e-8);
  }
}
END_TEST

SUPCON_CHECK_MAIN ("losses", test_values, test_gradients, test_past, test_targets, test_golden, test_signals,
    test_queue, test_smoothing, test_squared_error, test_hard_targets, test_base_temperature, test_gradients_large,
    test_memory, test_no_positives, test_no_class, test_low_temperature, test_collapsed, test_cross_entropy,
    test_label_like_sample, test_correct_by_the_first, test_large_and_unlabelled)
