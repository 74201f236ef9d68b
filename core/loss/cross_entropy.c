/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loss/cross_entropy.h"

#include <math.h>
#include <string.h>

void
supcon_softmax (const SupconReal *logits, guint n, guint classes, SupconReal *probabilities)
{
  for (guint i = 0; i < n; i++, logits += classes, probabilities += classes) {
    SupconReal largest = logits[0];
    double sum = 0;

    for (guint c = 1; c < classes; c++)
      largest = MAX (largest, logits[c]);
    for (guint c = 0; c < classes; c++) {
      probabilities[c] = exp (logits[c] - largest);
      sum += probabilities[c];
    }
    for (guint c = 0; c < classes; c++)
      probabilities[c] /= sum;
  }
}

SupconCrossEntropyResult
supcon_cross_entropy (const SupconReal *logits, guint n, guint classes, const gint32 *labels, const SupconReal *targets,
    SupconReal *dlogits)
{
  SupconCrossEntropyResult result = { 0 };
  double sum = 0;

  for (guint i = 0; i < n; i++)
    result.counted += labels[i] >= 0;
  for (guint i = 0; i < n; i++) {
    const SupconReal *row = logits + (gsize)i * classes;
    guint best;
    double total = 0;

    if (labels[i] < 0) {
      if (dlogits)
        memset (dlogits + (gsize)i * classes, 0, classes * sizeof *dlogits);
      continue;
    }
    best = supcon_real_largest (row, classes);
    for (guint c = 0; c < classes; c++)
      total += exp (row[c] - row[best]);
    sum += log (total) + row[best];
    for (guint c = 0; c < classes; c++) {
      SupconReal target = targets ? targets[(gsize)i * classes + c] : c == (guint)labels[i];

      sum -= target * row[c];
      if (dlogits)
        dlogits[(gsize)i * classes + c] = (exp (row[c] - row[best]) / total - target) / result.counted;
    }
    result.correct += best == (guint)labels[i];
  }
  result.loss = result.counted ? sum / result.counted : 0;
  return result;
}
