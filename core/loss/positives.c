/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is whose positive, and what that part of the losses comes to that needs no tile: positives are alike within a
 * group, or as their vectors of classes are, so sums of z over each group or class, taken once, give it in O(n). */
#include <math.h>
#include <string.h>

#include "blas.h"
#include "loss/loss_private.h"
#include "nn/workspace.h"

typedef struct {
  gboolean by_label;
  guint64 key;
  guint32 row;
} GroupKey;

static int
compare_keys (const void *a, const void *b)
{
  const GroupKey *x = a, *y = b;

  if (x->by_label != y->by_label)
    return x->by_label ? -1 : 1;
  if (x->key != y->key)
    return x->key < y->key ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row;
}

static gboolean
is_soft (const SupconLoss *self, guint row)
{
  return self->config.kind == SUPCON_LOSS_GENERAL && self->views->targets && self->views->labels[row] >= 0;
}

/* Vectors of classes of length 1, so that their products are cosines; zero for rows that are not soft. */
static SupconReal *
unit_targets (const SupconLoss *self)
{
  gsize classes = self->views->n_classes;
  SupconReal *unit = supcon_real_alloc (self->views->n * classes);

  for (guint i = 0; i < self->views->n; i++) {
    const SupconReal *target = self->views->targets + i * classes;
    double square = 0;

    for (guint c = 0; c < classes; c++)
      square += (double)target[c] * target[c];
    for (guint c = 0; c < classes; c++)
      unit[i * classes + c] = is_soft (self, i) && square > 0 ? target[c] / sqrt (square) : 0;
  }
  return unit;
}

/* The share of a soft row: one by the sum of its similarities to all other rows. Its group's size was one of labels. */
static void
share_targets (SupconLoss *self)
{
  const SupconReal *unit = self->unit;
  gsize classes = self->views->n_classes;
  double *sums = g_new0 (double, classes);

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
  g_free (sums);
}

void
supcon_loss_find_positives (SupconLoss *self)
{
  const SupconViews *views = self->views;
  guint n = views->n;
  GroupKey *keys = g_new (GroupKey, n);

  for (guint i = 0; i < n; i++) {
    gboolean by_label = self->config.kind != SUPCON_LOSS_SELF && views->labels[i] >= 0;

    keys[i] = (GroupKey){ by_label, by_label ? (guint64)views->labels[i] : views->samples[i], i };
  }
  qsort (keys, n, sizeof *keys, compare_keys);
  for (guint begin = 0, end, group = 0; begin < n; begin = end, group++) {
    for (end = begin + 1; end < n && keys[end].by_label == keys[begin].by_label && keys[end].key == keys[begin].key;
         end++)
      ;
    for (guint k = begin; k < end; k++) {
      guint row = keys[k].row;
      gboolean anchor = end - begin > 1 && row < self->n_anchors;

      self->group[row] = group;
      self->size[row] = end - begin;
      self->first[row] = keys[begin].row;
      self->share[row] = anchor ? 1.0 / (end - begin - 1) : 0;
      self->anchors += anchor;
    }
  }
  g_free (keys);
  if (self->config.kind == SUPCON_LOSS_GENERAL && views->targets) {
    self->unit = unit_targets (self);
    share_targets (self);
  }
}

/* sums (n x dim) at the first row of each group: of z over its rows before 'end' that are not soft. */
static void
sum_groups (const SupconLoss *self, guint end, SupconReal *sums)
{
  gsize dim = self->views->dim;

  memset (sums, 0, self->views->n * dim * sizeof *sums);
  for (guint i = 0; i < end; i++) {
    SupconReal *sum = sums + self->first[i] * dim;

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
  SupconReal *sums = supcon_real_alloc (self->views->n * dim);

  sum_groups (self, self->views->n, sums);
  for (guint i = 0; i < self->n_anchors; i++) {
    const SupconReal *z = self->views->z + i * dim, *sum = sums + self->first[i] * dim;

    if (self->share[i] == 0 || is_soft (self, i))
      continue;
    self->loss[i] -= self->share[i] * self->inverse_t * pulled (sum, z, dim);
    if (self->dz)
      take (scale * self->share[i], sum, z, dim, self->dz + i * dim);
  }
  /* As the positive of other anchors. */
  if (self->dz) {
    if (self->views->n_past)
      sum_groups (self, self->n_anchors, sums);
    for (guint i = 0; i < self->n_anchors; i++)
      if (self->share[i] > 0 && !is_soft (self, i))
        take (scale * self->share[i], sums + self->first[i] * dim, self->views->z + i * dim, dim, self->dz + i * dim);
  }
  supcon_real_free (sums);
}

static void
pull_targets (SupconLoss *self, double scale)
{
  const SupconReal *unit = self->unit;
  gsize dim = self->views->dim, classes = self->views->n_classes, n = self->views->n;
  SupconReal *by_class = supcon_real_alloc (classes * dim), *near = supcon_real_alloc (n * dim), *weighted;

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
    weighted = supcon_real_alloc (n * dim);
    for (guint i = 0; i < n; i++)
      for (guint k = 0; k < dim; k++)
        weighted[i * dim + k] = (i < self->n_anchors ? self->share[i] : 0) * self->views->z[i * dim + k];
    supcon_gemm (SUPCON_TRANS, SUPCON_NO_TRANS, classes, dim, n, 1, unit, classes, weighted, dim, 0, by_class, dim);
    supcon_gemm (SUPCON_NO_TRANS, SUPCON_NO_TRANS, n, dim, classes, 1, unit, classes, by_class, dim, 0, near, dim);
    for (guint i = 0; i < self->n_anchors; i++)
      if (is_soft (self, i))
        take (scale, near + i * dim, weighted + i * dim, dim, self->dz + i * dim);
    supcon_real_free (weighted);
  }
  supcon_real_free (by_class);
  supcon_real_free (near);
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
      sum += self->size[i] - 1;
    else if (self->share[i] > 0)
      sum += 1 / self->share[i];
  return sum / self->n_anchors;
}
