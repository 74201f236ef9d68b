/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loss/signals.h"

#include <math.h>

#include "loss/loss_private.h"

/* A contrast of one anchor. */
typedef struct {
  double s;     /* z_i.z_j / t */
  double value; /* how alike the labels are, then the gradient's weight */
} Contrast;

typedef struct {
  const SupconLossConfig *config;
  const SupconViews *views;
  Contrast *contrasts; /* of one anchor: positives from the front, negatives from the back */
  guint positives, negatives;
} Anchor;

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

/* How alike the labels of i and j are: 1 for a positive, 0 for a negative, with vectors of classes their cosine. */
static double
likeness (const Anchor *self, guint i, guint j)
{
  const SupconViews *views = self->views;
  gboolean by_label = supcon_loss_goes_by_label (self->config, views, i);
  gsize classes = views->n_classes;
  double dot = 0, ii = 0, jj = 0;

  if (by_label != supcon_loss_goes_by_label (self->config, views, j))
    return 0;
  if (!by_label)
    return views->samples[i] == views->samples[j];
  if (self->config->kind != SUPCON_LOSS_GENERAL || !views->targets)
    return views->labels[i] == views->labels[j];
  for (guint c = 0; c < classes; c++) {
    double x = views->targets[i * classes + c], y = views->targets[j * classes + c];

    dot += x * y;
    ii += x * x;
    jj += y * y;
  }
  return ii * jj > 0 ? dot / sqrt (ii * jj) : 0;
}

static guint
tenth_of (guint n)
{
  return (n + 9) / 10;
}

/* Brings the k contrasts of which sign times s is smallest to the front, in any order (Hoare 1961, FIND). */
static void
bring_smallest (Contrast *x, double sign, guint n, guint k)
{
  gint64 left = 0, right = (gint64)n - 1;

  while (left < right) {
    double pivot = sign * x[(left + right) / 2].s;
    gint64 i = left, j = right;

    while (i <= j) {
      while (sign * x[i].s < pivot)
        i++;
      while (sign * x[j].s > pivot)
        j--;
      if (i <= j) {
        Contrast swapped = x[i];

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

/* Mean weight of the hardest tenth by the mean of all. sign: 1 for positives, -1 for negatives. */
static void
add_share (Mean *mean, Contrast *contrasts, double sign, guint n)
{
  guint tenth = tenth_of (n);
  double hard = 0, all = 0;

  bring_smallest (contrasts, sign, n, tenth);
  for (guint k = 0; k < n; k++) {
    hard += k < tenth ? contrasts[k].value : 0;
    all += contrasts[k].value;
  }
  if (all > 0)
    add (mean, hard / tenth / (all / n));
}

/* log of the sum of e^s; -INFINITY for none. */
static double
log_sum_exp (const Contrast *contrasts, guint n)
{
  double largest = -INFINITY, sum = 0;

  for (guint k = 0; k < n; k++)
    largest = MAX (largest, contrasts[k].s);
  for (guint k = 0; k < n; k++)
    sum += exp (contrasts[k].s - largest);
  return n ? largest + log (sum) : -INFINITY;
}

/* value becomes the size of the derivative of the anchor's loss by s, but for a factor that positives share, or
 * negatives. */
static void
weigh (Anchor *self, Contrast *positives, Contrast *negatives)
{
  double near = log_sum_exp (positives, self->positives), far = log_sum_exp (negatives, self->negatives);
  double all = MAX (near, far) + log1p (exp (MIN (near, far) - MAX (near, far))), alike = 0;

  for (guint k = 0; k < self->positives; k++)
    alike += positives[k].value;
  for (guint k = 0; k < self->negatives; k++)
    alike += negatives[k].value;
  for (guint k = 0; k < self->positives + self->negatives; k++) {
    gboolean positive = k < self->positives;
    Contrast *contrast = positive ? positives + k : negatives + k - self->positives;

    switch (self->config->kind) {
    case SUPCON_LOSS_IN:
      contrast->value = fabs (exp (contrast->s - all) - (positive ? exp (contrast->s - near) : 0));
      break;
    case SUPCON_LOSS_SINCERE:
      contrast->value = positive ? 1 / (1 + exp (contrast->s - far)) : exp (contrast->s - far);
      break;
    default:
      contrast->value = fabs (exp (contrast->s - all) - contrast->value / alike);
    }
  }
}

static void
add_anchor (Anchor *self, guint i, Mean *alignment, Mean *uniformity, Mean *hard_positives, Mean *hard_negatives)
{
  const SupconViews *views = self->views;
  const SupconReal *z = views->z + (gsize)i * views->dim;
  Contrast *end = self->contrasts + views->n;

  self->positives = self->negatives = 0;
  for (guint j = 0; j < views->n; j++) {
    const SupconReal *other = views->z + (gsize)j * views->dim;
    double dot = 0;
    Contrast contrast;

    if (j == i)
      continue;
    for (guint k = 0; k < views->dim; k++)
      dot += (double)z[k] * other[k];
    add (uniformity, exp (-2 * (2 - 2 * dot)));
    contrast = (Contrast){ .s = dot / self->config->temperature, .value = likeness (self, i, j) };
    if (contrast.value >= SUPCON_SIGNAL_LIKENESS) {
      add (alignment, 2 - 2 * dot);
      self->contrasts[self->positives++] = contrast;
    } else {
      end[-(gint64)++self->negatives] = contrast;
    }
  }
  if (self->positives == 0)
    return;
  weigh (self, self->contrasts, end - self->negatives);
  add_share (hard_positives, self->contrasts, 1, self->positives);
  add_share (hard_negatives, end - self->negatives, -1, self->negatives);
}

void
supcon_loss_signals (
    const SupconLossConfig *config, const SupconViews *views, SupconWorkspace *workspace, SupconLossSignals *signals)
{
  guint n = views->n - views->n_past, anchors = MIN (n, SUPCON_SIGNAL_ANCHORS);
  Anchor self = { .config = config, .views = views };
  Mean alignment = { 0 }, uniformity = { 0 }, hard_positives = { 0 }, hard_negatives = { 0 };

  supcon_workspace_reserve (workspace, 0, views->n * sizeof (Contrast) / sizeof (SupconReal));
  self.contrasts = (Contrast *)workspace->shared;
  for (guint a = 0; a < anchors; a++)
    add_anchor (&self, (guint64)a * n / anchors, &alignment, &uniformity, &hard_positives, &hard_negatives);
  *signals = (SupconLossSignals){ .hard_positives = mean_of (&hard_positives),
    .hard_negatives = mean_of (&hard_negatives),
    .alignment = mean_of (&alignment),
    .uniformity = uniformity.n ? log (mean_of (&uniformity)) : 0 };
}
