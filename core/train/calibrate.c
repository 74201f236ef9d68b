/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/calibrate.h"

#include <math.h>

#include "loss/cross_entropy.h"

#define MAX_STEPS 50
#define PRECISION 1e-6
#define MAX_LOGITS (1 << 22)

/* First and second derivative of the sum of negative log likelihoods of softmax (b logits) by b, of targets (n one-hot
 * + 1 / classes) / (n + 1). */
static void
derivatives (const SupconQueue *queue, double b, double *d1, double *d2)
{
  *d1 = *d2 = 0;
  /* Oldest first, so that sums have one order wherever the queue begins. */
  for (guint i = 0; i < queue->n; i++) {
    guint at = supcon_queue_place (queue, i);
    const SupconReal *logits = queue->z + (gsize)at * queue->dim;
    double largest = logits[0], sum = 0, mean = 0, square = 0, total = 0;

    for (guint c = 1; c < queue->dim; c++)
      largest = MAX (largest, logits[c]);
    for (guint c = 0; c < queue->dim; c++) {
      double z = logits[c] - largest, weight = exp (b * z);

      sum += weight;
      mean += weight * z;
      square += weight * z * z;
      total += z;
    }
    mean /= sum;
    *d1 += mean - (queue->n * (logits[queue->labels[at]] - largest) + total / queue->dim) / (queue->n + 1.0);
    *d2 += square / sum - mean * mean;
  }
}

double
supcon_calibrate_temperature (const SupconQueue *logits)
{
  /* By b = 1 / T the likelihood is convex: Newton's steps, or the middle of what is left where they lead out of it, and
   * now and then, as they creep where all is right. */
  double least = 1 / SUPCON_MAX_CALIBRATION, most = 1 / SUPCON_MIN_CALIBRATION, b = 1;

  for (guint step = 0; logits && logits->n > 0 && step < MAX_STEPS && most - least > PRECISION * b; step++) {
    double d1, d2, next;

    derivatives (logits, b, &d1, &d2);
    if (d1 > 0)
      most = b;
    else
      least = b;
    next = b - d1 / d2;
    if (fabs (next - b) <= PRECISION * b)
      break;
    b = next > least && next < most && step % 4 != 3 ? next : sqrt (least * most);
  }
  return 1 / b;
}

void
supcon_calibrated_softmax (
    const SupconReal *logits, guint n, guint classes, double temperature, SupconReal *probabilities)
{
  for (gsize i = 0; i < (gsize)n * classes; i++)
    probabilities[i] = logits[i] / temperature;
  supcon_softmax (probabilities, n, classes, probabilities);
}

static SupconQueue *
queue_new (guint classes)
{
  return supcon_queue_new (CLAMP (MAX_LOGITS / classes, 1, SUPCON_CALIBRATION_PICTURES), classes);
}

static gboolean
is_class (gint32 label, guint classes)
{
  return label >= 0 && (guint)label < classes;
}

void
supcon_calibration_add (
    SupconQueue **queue, const SupconReal *logits, guint n, guint classes, const gint32 *labels, const guint64 *samples)
{
  if (!*queue)
    *queue = queue_new (classes);
  for (guint i = 0; i < n; i++)
    if (is_class (labels[i], classes))
      supcon_queue_push (*queue, logits + (gsize)i * classes, &labels[i], &samples[i], 1);
}

SupconQueue *
supcon_calibration_sample (const SupconReal *logits, guint n, guint classes, const gint32 *labels)
{
  SupconQueue *queue = queue_new (classes);
  guint labelled = 0, seen = 0, interval;

  for (guint i = 0; i < n; i++)
    labelled += is_class (labels[i], classes);
  interval = (labelled + queue->size - 1) / queue->size;
  for (guint i = 0; i < n; i++)
    if (is_class (labels[i], classes) && seen++ % interval == 0)
      supcon_queue_push (queue, logits + (gsize)i * classes, &labels[i], &(guint64){ i }, 1);
  return queue;
}
