/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/calibrate.h"

#include <math.h>
#include <string.h>

#define MAX_STEPS 50
#define PRECISION 1e-6
#define MAX_LOGITS (1 << 22)

/* First and second derivative of the sum of negative log likelihoods of softmax (b logits) by b. */
static void
derivatives (const SupconReal *logits, guint n, guint classes, const gint32 *labels, double b, double *d1, double *d2)
{
  *d1 = *d2 = 0;
  for (guint i = 0; i < n; i++, logits += classes) {
    double largest = logits[0], sum = 0, mean = 0, square = 0;

    for (guint c = 1; c < classes; c++)
      largest = MAX (largest, logits[c]);
    for (guint c = 0; c < classes; c++) {
      double z = logits[c] - largest, weight = exp (b * z);

      sum += weight;
      mean += weight * z;
      square += weight * z * z;
    }
    mean /= sum;
    *d1 += mean - (logits[labels[i]] - largest);
    *d2 += square / sum - mean * mean;
  }
}

double
supcon_calibrate_temperature (const SupconReal *logits, guint n, guint classes, const gint32 *labels)
{
  /* By b = 1 / T the likelihood is convex: Newton's steps, or the middle of what is left where they lead out of it, and
   * now and then, as they creep where all is right. */
  double least = 1 / SUPCON_MAX_CALIBRATION, most = 1 / SUPCON_MIN_CALIBRATION, b = 1;

  for (guint step = 0; n > 0 && step < MAX_STEPS && most - least > PRECISION * b; step++) {
    double d1, d2, next;

    derivatives (logits, n, classes, labels, b, &d1, &d2);
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

struct _SupconCalibration {
  guint classes, capacity, n, next;
  SupconReal *logits; /* capacity x classes, a ring */
  gint32 *labels;
};

SupconCalibration *
supcon_calibration_new (void)
{
  return g_new0 (SupconCalibration, 1);
}

void
supcon_calibration_free (SupconCalibration *self)
{
  if (self == NULL)
    return;
  g_free (self->logits);
  g_free (self->labels);
  g_free (self);
}

void
supcon_calibration_add (SupconCalibration *self, const SupconReal *logits, guint n, guint classes, const gint32 *labels)
{
  if (classes != self->classes) {
    self->classes = classes;
    self->capacity = CLAMP (MAX_LOGITS / classes, 1, SUPCON_CALIBRATION_PICTURES);
    self->n = self->next = 0;
    self->logits = g_renew (SupconReal, self->logits, (gsize)self->capacity * classes);
    self->labels = g_renew (gint32, self->labels, self->capacity);
  }
  for (guint i = 0; i < n; i++) {
    if (labels[i] < 0 || (guint)labels[i] >= classes)
      continue;
    memcpy (self->logits + (gsize)self->next * classes, logits + (gsize)i * classes, classes * sizeof *self->logits);
    self->labels[self->next] = labels[i];
    self->next = (self->next + 1) % self->capacity;
    self->n = MIN (self->n + 1, self->capacity);
  }
}

double
supcon_calibration_temperature (const SupconCalibration *self)
{
  return supcon_calibrate_temperature (self->logits, self->n, self->classes, self->labels);
}
