/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loss/signals.h"

#include <math.h>

typedef struct {
  const SupconLossConfig *config;
  const SupconViews *views;
  double *positive, *negative; /* similarities of one anchor, then weights, the hardest tenth first */
} Anchors;

typedef struct {
  double sum;
  guint64 n;
} Mean;

static void
add (Mean *mean, double value)
{
  mean->sum += value;
  mean->n++;
}

static double
mean_of (const Mean *mean)
{
  return mean->n ? mean->sum / mean->n : 0;
}

static gboolean
is_positive (const Anchors *self, guint i, guint j)
{
  const SupconViews *views = self->views;
  gboolean by_label = self->config->kind != SUPCON_LOSS_SELF && views->labels[i] >= 0;

  if (by_label)
    return views->labels[i] == views->labels[j];
  return views->samples[i] == views->samples[j] && (self->config->kind == SUPCON_LOSS_SELF || views->labels[j] < 0);
}

static guint
tenth_of (guint n)
{
  return (n + 9) / 10;
}

/* Brings the k smallest of x to its front, in any order (Hoare 1961, FIND). */
static void
bring_smallest (double *x, guint n, guint k)
{
  gint64 left = 0, right = (gint64)n - 1;

  while (left < right) {
    double pivot = x[(left + right) / 2];
    gint64 i = left, j = right;

    while (i <= j) {
      while (x[i] < pivot)
        i++;
      while (x[j] > pivot)
        j--;
      if (i <= j) {
        double swapped = x[i];

        x[i++] = x[j];
        x[j--] = swapped;
      }
    }
    if ((gint64)k - 1 <= j)
      right = j;
    else if ((gint64)k - 1 >= i)
      left = i;
    else
      return;
  }
}

/* Mean of the first tenth's weights by the mean of all. */
static void
add_share (Mean *mean, const double *weights, guint n)
{
  guint tenth = tenth_of (n);
  double hard = 0, all = 0;

  for (guint k = 0; k < n; k++) {
    hard += k < tenth ? weights[k] : 0;
    all += weights[k];
  }
  if (all > 0)
    add (mean, hard / tenth / (all / n));
}

static void
add_anchor (Anchors *self, guint i, Mean *alignment, Mean *uniformity, Mean *hard_positives, Mean *hard_negatives)
{
  const SupconViews *views = self->views;
  const SupconReal *z = views->z + (gsize)i * views->dim;
  guint positives = 0, negatives = 0;
  double t = self->config->temperature, sum = 0;

  for (guint j = 0; j < views->n; j++) {
    const SupconReal *other = views->z + (gsize)j * views->dim;
    double dot = 0;

    if (j == i)
      continue;
    for (guint k = 0; k < views->dim; k++)
      dot += (double)z[k] * other[k];
    add (uniformity, exp (-2 * (2 - 2 * dot)));
    sum += exp ((dot - 1) / t);
    if (is_positive (self, i, j)) {
      add (alignment, 2 - 2 * dot);
      self->positive[positives++] = dot;
    } else {
      self->negative[negatives++] = -dot;
    }
  }
  bring_smallest (self->positive, positives, tenth_of (positives));
  bring_smallest (self->negative, negatives, tenth_of (negatives));
  for (guint k = 0; k < positives; k++)
    self->positive[k] = fabs (exp ((self->positive[k] - 1) / t) / sum - 1.0 / positives);
  for (guint k = 0; k < negatives; k++)
    self->negative[k] = exp ((-self->negative[k] - 1) / t) / sum;
  if (positives == 0)
    return;
  add_share (hard_positives, self->positive, positives);
  add_share (hard_negatives, self->negative, negatives);
}

void
supcon_loss_signals (
    const SupconLossConfig *config, const SupconViews *views, SupconWorkspace *workspace, SupconLossSignals *signals)
{
  guint n = views->n - views->n_past, anchors = MIN (n, SUPCON_SIGNAL_ANCHORS);
  Anchors self = { .config = config, .views = views };
  Mean alignment = { 0 }, uniformity = { 0 }, hard_positives = { 0 }, hard_negatives = { 0 };

  supcon_workspace_reserve (workspace, 0, 2 * (gsize)views->n * sizeof (double) / sizeof (SupconReal));
  self.positive = (double *)workspace->shared;
  self.negative = self.positive + views->n;
  for (guint a = 0; a < anchors; a++)
    add_anchor (&self, (guint64)a * n / anchors, &alignment, &uniformity, &hard_positives, &hard_negatives);
  *signals = (SupconLossSignals){ .hard_positives = mean_of (&hard_positives),
    .hard_negatives = mean_of (&hard_negatives),
    .alignment = mean_of (&alignment),
    .uniformity = uniformity.n ? log (mean_of (&uniformity)) : 0 };
}
