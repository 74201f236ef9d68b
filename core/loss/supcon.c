/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two walks over tiles of S = z z^T / t. The first finds each row's log-sum-exp (running maximum and sum), the second
 * makes each tile of dL/dS again from it and multiplies it by z at once. A row block is a task, so every row of dz is
 * written by one task alone, in a fixed order. */
#include "loss/supcon.h"

#include "blas.h"
#include "parallel.h"
#include "simd.h"

#define TILE_COLS 256
#define LANES 16

/* Stands for an element that does not count: e to it is 0, and it never is the maximum. */
#define OUTSIDE ((SupconReal)-1e30)

typedef struct {
  SupconLossKind kind;
  const SupconReal *z;
  guint n, dim, rows; /* rows of a task */
  SupconReal inverse_t;
  guint32 *group; /* rows of equal group are each other's positives */
  guint *size;    /* of row i's group */
  guint anchors;
  SupconReal *sums;          /* n x dim: row i is the sum of z over i's group when i is its first, else unused */
  guint32 *first;            /* first row of i's group */
  SupconReal *lse, *lse_pos; /* log-sum-exp over all others and over positives; -OUTSIDE for rows that are no anchors */
  double *loss;
  SupconReal *dz;
  SupconReal *scratch; /* rows x TILE_COLS for each worker */
} Loss;

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

/* P(i): equal labels; for an unlabelled row, or for eq. 1, equal samples. */
static void
find_groups (Loss *self, const gint32 *labels, const guint64 *samples)
{
  GroupKey *keys = g_new (GroupKey, self->n);

  for (guint i = 0; i < self->n; i++) {
    gboolean by_label = self->kind != SUPCON_LOSS_SELF && labels[i] >= 0;

    keys[i] = (GroupKey){ by_label, by_label ? (guint64)labels[i] : samples[i], i };
  }
  qsort (keys, self->n, sizeof *keys, compare_keys);
  for (guint begin = 0, end, group = 0; begin < self->n; begin = end, group++) {
    for (end = begin + 1;
         end < self->n && keys[end].by_label == keys[begin].by_label && keys[end].key == keys[begin].key; end++)
      ;
    for (guint k = begin; k < end; k++) {
      guint row = keys[k].row;

      self->group[row] = group;
      self->size[row] = end - begin;
      self->first[row] = keys[begin].row;
    }
    if (end - begin > 1)
      self->anchors += end - begin;
  }
  g_free (keys);
}

/* Sums of z over each group: with them the positives' terms of eq. 2 need no tile at all. */
static void
sum_groups (Loss *self)
{
  memset (self->sums, 0, (gsize)self->n * self->dim * sizeof *self->sums);
  for (guint i = 0; i < self->n; i++) {
    SupconReal *sum = self->sums + (gsize)self->first[i] * self->dim;

    for (guint k = 0; k < self->dim; k++)
      sum[k] += self->z[(gsize)i * self->dim + k];
  }
}

/* The tile of S for rows first_row.. and columns first_col.., widened to TILE_COLS; the diagonal is outside. */
static void
make_tile (const Loss *self, guint first_row, guint rows, guint first_col, guint cols, SupconReal *tile)
{
  supcon_gemm (SUPCON_NO_TRANS, SUPCON_TRANS, rows, cols, self->dim, self->inverse_t,
      self->z + (gsize)first_row * self->dim, self->dim, self->z + (gsize)first_col * self->dim, self->dim, 0, tile,
      TILE_COLS);
  for (guint i = 0; i < rows; i++) {
    SupconReal *row = tile + (gsize)i * TILE_COLS;

    for (guint j = cols; j < TILE_COLS; j++)
      row[j] = OUTSIDE;
    if (first_row + i >= first_col && first_row + i < first_col + cols)
      row[first_row + i - first_col] = OUTSIDE;
  }
}

/* A running log-sum-exp. */
typedef struct {
  SupconReal largest;
  double sum;
} LogSum;

/* Takes TILE_COLS elements in; those that are OUTSIDE do not count. */
SUPCON_MULTIVERSION static void
log_sum_add (LogSum *self, const SupconReal *row)
{
  SupconReal largest[LANES], sum[LANES] = { 0 }, most = self->largest;
  double total = 0;

  memcpy (largest, row, sizeof largest);
  for (guint j = LANES; j < TILE_COLS; j += LANES)
    for (guint k = 0; k < LANES; k++)
      largest[k] = row[j + k] > largest[k] ? row[j + k] : largest[k];
  for (guint k = 0; k < LANES; k++)
    most = MAX (most, largest[k]);
  if (most <= OUTSIDE)
    return;
  for (guint j = 0; j < TILE_COLS; j += LANES)
    for (guint k = 0; k < LANES; k++)
      sum[k] += supcon_exp (row[j + k] - most);
  for (guint k = 0; k < LANES; k++)
    total += sum[k];
  self->sum = self->sum * exp (self->largest - most) + total;
  self->largest = most;
}

static double
log_sum_value (const LogSum *self)
{
  return self->largest + log (self->sum);
}

SUPCON_MULTIVERSION static void
keep_group (const guint32 *group, guint32 wanted, guint cols, SupconReal *row)
{
  for (guint j = 0; j < cols; j++)
    row[j] = group[j] == wanted ? row[j] : OUTSIDE;
}

static double
dot (const SupconReal *a, const SupconReal *b, guint dim)
{
  double sum = 0;

  for (guint k = 0; k < dim; k++)
    sum += (double)a[k] * b[k];
  return sum;
}

static void
loss_task (gsize task, guint worker, gpointer data)
{
  const Loss *self = data;
  guint first = task * self->rows, rows = MIN (self->rows, self->n - first);
  SupconReal *tile = self->scratch + (gsize)worker * self->rows * TILE_COLS;
  LogSum all[TILE_COLS], positives[TILE_COLS];

  for (guint i = 0; i < rows; i++)
    all[i] = positives[i] = (LogSum){ OUTSIDE, 0 };
  for (guint col = 0; col < self->n; col += TILE_COLS) {
    guint cols = MIN (TILE_COLS, self->n - col);

    make_tile (self, first, rows, col, cols, tile);
    for (guint i = 0; i < rows; i++) {
      SupconReal *row = tile + (gsize)i * TILE_COLS;

      log_sum_add (&all[i], row);
      if (self->kind == SUPCON_LOSS_IN) {
        keep_group (self->group + col, self->group[first + i], cols, row);
        log_sum_add (&positives[i], row);
      }
    }
  }

  for (guint i = 0; i < rows; i++) {
    guint row = first + i, n_positives = self->size[row] - 1;
    const SupconReal *z = self->z + (gsize)row * self->dim;

    self->loss[row] = 0;
    self->lse[row] = -OUTSIDE;
    if (n_positives == 0)
      continue;
    self->lse[row] = log_sum_value (&all[i]);
    if (self->kind == SUPCON_LOSS_IN) {
      self->lse_pos[row] = log_sum_value (&positives[i]);
      self->loss[row] = log (n_positives) - log_sum_value (&positives[i]) + log_sum_value (&all[i]);
    } else {
      double similarity = dot (z, self->sums + (gsize)self->first[row] * self->dim, self->dim) - dot (z, z, self->dim);

      self->loss[row] = log_sum_value (&all[i]) - similarity * self->inverse_t / n_positives;
    }
  }
}

/* row[j] = Q_ij + Q_ji: i as anchor, and as contrast of anchor j. */
SUPCON_MULTIVERSION static void
gradient_row (SupconReal *row, guint cols, SupconReal lse_row, const SupconReal *lse)
{
  for (guint j = 0; j < cols; j++)
    row[j] = supcon_exp (row[j] - lse_row) + supcon_exp (row[j] - lse[j]);
}

/* The same less the softmax over positives (eq. 3). lse_pos is that of anchors in the row's group. */
SUPCON_MULTIVERSION static void
gradient_row_in (SupconReal *row, guint cols, SupconReal lse_row, const SupconReal *lse, SupconReal lse_pos_row,
    const SupconReal *lse_pos, const guint32 *group, guint32 own)
{
  for (guint j = 0; j < cols; j++) {
    SupconReal s = row[j];
    SupconReal positive = supcon_exp (s - lse_pos_row) + supcon_exp (s - lse_pos[j]);

    row[j] = supcon_exp (s - lse_row) + supcon_exp (s - lse[j]) - (group[j] == own ? positive : 0);
  }
}

static void
gradient_task (gsize task, guint worker, gpointer data)
{
  const Loss *self = data;
  guint first = task * self->rows, rows = MIN (self->rows, self->n - first);
  SupconReal *tile = self->scratch + (gsize)worker * self->rows * TILE_COLS;
  SupconReal *dz = self->dz + (gsize)first * self->dim, scale = self->inverse_t / self->anchors;

  for (guint col = 0; col < self->n; col += TILE_COLS) {
    guint cols = MIN (TILE_COLS, self->n - col);

    make_tile (self, first, rows, col, cols, tile);
    for (guint i = 0; i < rows; i++) {
      SupconReal *row = tile + (gsize)i * TILE_COLS;

      if (self->kind == SUPCON_LOSS_IN)
        gradient_row_in (row, cols, self->lse[first + i], self->lse + col, self->lse_pos[first + i],
            self->lse_pos + col, self->group + col, self->group[first + i]);
      else
        gradient_row (row, cols, self->lse[first + i], self->lse + col);
    }
    supcon_gemm (SUPCON_NO_TRANS, SUPCON_NO_TRANS, rows, self->dim, cols, scale, tile, TILE_COLS,
        self->z + (gsize)col * self->dim, self->dim, col > 0, dz, self->dim);
  }
  if (self->kind == SUPCON_LOSS_IN)
    return;
  for (guint i = 0; i < rows; i++) {
    guint row = first + i;
    const SupconReal *z = self->z + (gsize)row * self->dim, *sum = self->sums + (gsize)self->first[row] * self->dim;
    SupconReal share = self->size[row] > 1 ? 2 * scale / (self->size[row] - 1) : 0;

    for (guint k = 0; k < self->dim; k++)
      dz[(gsize)i * self->dim + k] -= share * (sum[k] - z[k]);
  }
}

SupconLossResult
supcon_loss (SupconLossKind kind, const SupconReal *z, guint n, guint dim, const gint32 *labels,
    const guint64 *samples, double temperature, guint threads, SupconReal *dz)
{
  Loss self = { .kind = kind,
    .z = z,
    .n = n,
    .dim = dim,
    /* Small batches in small tasks, so that there are enough of them. */
    .rows = n >= 8 * TILE_COLS ? TILE_COLS : TILE_COLS / 4,
    .inverse_t = 1 / temperature,
    .dz = dz };
  SupconLossResult result = { 0 };
  gsize tasks = (n + self.rows - 1) / self.rows;
  double sum = 0, positives = 0;

  if (n == 0)
    return result;
  self.group = g_new (guint32, n);
  self.first = g_new (guint32, n);
  self.size = g_new (guint, n);
  self.sums = g_new (SupconReal, (gsize)n * dim);
  self.lse = g_new (SupconReal, n);
  self.lse_pos = g_new (SupconReal, n);
  self.loss = g_new (double, n);
  self.scratch = g_new (SupconReal, supcon_parallel_threads (threads) * self.rows * TILE_COLS);

  find_groups (&self, labels, samples);
  sum_groups (&self);
  for (guint i = 0; i < n; i++)
    self.lse_pos[i] = -OUTSIDE;
  if (self.anchors) {
    supcon_parallel_for (threads, tasks, loss_task, &self);
    if (dz)
      supcon_parallel_for (threads, tasks, gradient_task, &self);
    for (guint i = 0; i < n; i++)
      sum += self.loss[i];
    result.loss = sum / self.anchors;
  } else if (dz) {
    memset (dz, 0, (gsize)n * dim * sizeof *dz);
  }
  for (guint i = 0; i < n; i++)
    positives += self.size[i] - 1;
  result.anchors = self.anchors;
  result.positives_per_anchor = positives / n;

  g_free (self.group);
  g_free (self.first);
  g_free (self.size);
  g_free (self.sums);
  g_free (self.lse);
  g_free (self.lse_pos);
  g_free (self.loss);
  g_free (self.scratch);
  return result;
}
