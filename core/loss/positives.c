/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is whose positive, and what that part of the losses comes to that needs no tile: positives are alike within a
 * group, or as their vectors of classes are, so sums of z over each group or class, taken once, give it in O(n). */
#include <math.h>
#include <string.h>

#include "blas.h"
#include "loss/loss_private.h"

static gboolean
goes_by_label (const SupconLoss *self, guint row)
{
  return supcon_loss_goes_by_label (&self->config, self->views, row);
}

static guint64
key_of (const SupconLoss *self, guint row)
{
  return goes_by_label (self, row) ? (guint64)self->views->labels[row] : self->views->samples[row];
}

/* Row's place in the table: that of a row with the same key, or an empty one. slots: 1 + the first row of a group. */
static guint32 *
find_slot (const SupconLoss *self, guint row)
{
  guint64 key = key_of (self, row);
  gboolean by_label = goes_by_label (self, row);
  gsize at = (key + by_label) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15) >> 20; /* Fibonacci hashing */

  for (;; at++) {
    guint32 *slot = &self->slots[at & (self->n_slots - 1)];

    if (*slot == 0 || (key_of (self, *slot - 1) == key && goes_by_label (self, *slot - 1) == by_label))
      return slot;
  }
}

static gboolean
is_soft (const SupconLoss *self, guint row)
{
  return self->config.kind == SUPCON_LOSS_GENERAL && self->views->targets && self->views->labels[row] >= 0;
}

/* Vectors of classes of length 1, so that their products are cosines; zero for rows that are not soft. */
static void
unit_targets (SupconLoss *self)
{
  gsize classes = self->views->n_classes;

  for (guint i = 0; i < self->views->n; i++) {
    const SupconReal *target = self->views->targets + i * classes;
    double square = 0;

    for (guint c = 0; c < classes; c++)
      square += (double)target[c] * target[c];
    for (guint c = 0; c < classes; c++)
      self->unit[i * classes + c] = is_soft (self, i) && square > 0 ? target[c] / sqrt (square) : 0;
  }
}

/* The share of a soft row: one by the sum of its similarities to all other rows. Its group's size was one of labels. */
static void
share_targets (SupconLoss *self)
{
  const SupconReal *unit = self->unit;
  gsize classes = self->views->n_classes;
  double *sums = self->class_sums;

  memset (sums, 0, classes * sizeof *sums);
  for (guint i = 0; i < self->views->n; i++)
    for (guint c = 0; c < classes; c++)
      sums[c] += unit[i * classes + c];
  for (guint i = 0; i < self->n_anchors; i++) {
    double similar = 0, self_similar = 0;

    if (!is_soft (self, i))
      continue;
    for (guint c = 0; c < classes; c++) {
      similar += unit[i * classes + c] * sums[c];
      self_similar += (double)unit[i * classes + c] * unit[i * classes + c];
    }
    similar -= self_similar;
    self->anchors -= self->share[i] > 0;
    self->share[i] = similar > 1e-6 ? 1 / similar : 0;
    self->anchors += self->share[i] > 0;
  }
}

void
supcon_loss_find_positives (SupconLoss *self)
{
  guint n = self->views->n;

  memset (self->slots, 0, self->n_slots * sizeof *self->slots);
  for (guint i = 0; i < n; i++) {
    guint32 *slot = find_slot (self, i);

    if (*slot == 0) {
      *slot = i + 1;
      self->group[i] = self->groups;
      self->size[self->groups++] = 0;
    }
    self->group[i] = self->group[*slot - 1];
    self->size[self->group[i]]++;
  }
  for (guint i = 0; i < n; i++) {
    guint others = self->size[self->group[i]] - 1;
    gboolean anchor = others > 0 && i < self->n_anchors;

    self->share[i] = anchor ? 1.0 / others : 0;
    self->anchors += anchor;
  }
  if (self->unit) {
    unit_targets (self);
    share_targets (self);
  }
}

double
supcon_loss_when_collapsed (const SupconLoss *self)
{
  double sum = 0;

  for (guint i = 0; i < self->n_anchors; i++) {
    guint contrasts = self->views->n - 1;

    if (self->config.kind == SUPCON_LOSS_SINCERE)
      contrasts -= self->size[self->group[i]] - 2; /* one positive at a time */
    sum += self->share[i] > 0 ? log (contrasts) : 0;
  }
  return self->anchors ? self->scale * sum / self->anchors : 0;
}

/* sums: of z over each group's rows before 'end' that are not soft. */
static void
sum_groups (const SupconLoss *self, guint end)
{
  gsize dim = self->views->dim;

  memset (self->sums, 0, self->groups * dim * sizeof *self->sums);
  for (guint i = 0; i < end; i++) {
    SupconReal *sum = self->sums + self->group[i] * dim;

    if (is_soft (self, i))
      continue;
    for (guint k = 0; k < dim; k++)
      sum[k] += self->views->z[i * dim + k];
  }
}

static void
take (SupconReal factor, const SupconReal *a, const SupconReal *z, guint dim, SupconReal *dz)
{
  for (guint k = 0; k < dim; k++)
    dz[k] -= factor * (a[k] - z[k]);
}

static double
pulled (const SupconReal *a, const SupconReal *z, guint dim)
{
  double sum = 0;

  for (guint k = 0; k < dim; k++)
    sum += ((double)a[k] - z[k]) * z[k];
  return sum;
}

static void
pull_groups (SupconLoss *self, double scale)
{
  gsize dim = self->views->dim;
  const SupconReal *sums = self->sums;

  sum_groups (self, self->views->n);
  for (guint i = 0; i < self->n_anchors; i++) {
    const SupconReal *z = self->views->z + i * dim, *sum = sums + self->group[i] * dim;

    if (self->share[i] == 0 || is_soft (self, i))
      continue;
    self->loss[i] -= self->share[i] * self->inverse_t * pulled (sum, z, dim);
    if (self->dz)
      take (scale * self->share[i], sum, z, dim, self->dz + i * dim);
  }
  /* As the positive of other anchors. */
  if (self->dz) {
    if (self->views->n_past)
      sum_groups (self, self->n_anchors);
    for (guint i = 0; i < self->n_anchors; i++)
      if (self->share[i] > 0 && !is_soft (self, i))
        take (scale * self->share[i], sums + self->group[i] * dim, self->views->z + i * dim, dim, self->dz + i * dim);
  }
}

static void
pull_targets (SupconLoss *self, double scale)
{
  const SupconReal *unit = self->unit;
  gsize dim = self->views->dim, classes = self->views->n_classes, n = self->views->n;
  SupconReal *by_class = self->by_class, *near = self->near, *weighted = self->weighted;

  /* near_i = sum_j cos_ij z_j, i itself included. */
  supcon_gemm (SUPCON_TRANS, SUPCON_NO_TRANS, classes, dim, n, 1, unit, classes, self->views->z, dim, 0, by_class, dim);
  supcon_gemm (SUPCON_NO_TRANS, SUPCON_NO_TRANS, n, dim, classes, 1, unit, classes, by_class, dim, 0, near, dim);
  for (guint i = 0; i < self->n_anchors; i++)
    if (is_soft (self, i) && self->share[i] > 0) {
      const SupconReal *z = self->views->z + i * dim;

      self->loss[i] -= self->share[i] * self->inverse_t * pulled (near + i * dim, z, dim);
      if (self->dz)
        take (scale * self->share[i], near + i * dim, z, dim, self->dz + i * dim);
    }
  if (self->dz) {
    for (guint i = 0; i < n; i++)
      for (guint k = 0; k < dim; k++)
        weighted[i * dim + k] = self->share[i] * self->views->z[i * dim + k];
    supcon_gemm (SUPCON_TRANS, SUPCON_NO_TRANS, classes, dim, n, 1, unit, classes, weighted, dim, 0, by_class, dim);
    supcon_gemm (SUPCON_NO_TRANS, SUPCON_NO_TRANS, n, dim, classes, 1, unit, classes, by_class, dim, 0, near, dim);
    for (guint i = 0; i < self->n_anchors; i++)
      if (is_soft (self, i))
        take (scale, near + i * dim, weighted + i * dim, dim, self->dz + i * dim);
  }
}

void
supcon_loss_pull (SupconLoss *self, double scale)
{
  pull_groups (self, scale);
  if (self->unit)
    pull_targets (self, scale);
}

double
supcon_loss_count_positives (const SupconLoss *self)
{
  double sum = 0;

  for (guint i = 0; i < self->n_anchors; i++)
    if (!is_soft (self, i))
      sum += self->size[self->group[i]] - 1;
    else if (self->share[i] > 0)
      sum += 1 / self->share[i];
  return sum / self->n_anchors;
}
