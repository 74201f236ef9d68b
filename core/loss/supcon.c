/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two walks over square tiles of S = z z^T / t, of which only those on and above the diagonal are made. The first finds
 * each row's log-sum-exp (running maximum and sum), the second makes each tile of dL/dS, which is symmetric, again from
 * it and multiplies it by z at once, for its rows and for its columns. Tiles go in rounds, as the matches of a
 * tournament do: in a round no two tiles share a block of rows or columns, so they run in parallel and every sum has a
 * fixed order. */
#include "loss/supcon.h"

#include "blas.h"
#include "parallel.h"
#include "simd.h"

/* Rows of a block, for large and for small batches. */
#define BLOCK_LARGE 256
#define BLOCK_SMALL 64
#define LANES 16

/* From this temperature on e^(s - 1/t) neither overflows nor loses the sum for unit vectors, |s| <= 1/t: one
 * exponential then serves a row, a column and both anchors of a pair. */
#define SHARED_TEMPERATURE 0.05

/* Stands for an element that does not count: e to it is 0, and it never is the maximum. */
#define OUTSIDE ((SupconReal)-1e30)

/* A running log-sum-exp for each row. */
typedef struct {
  SupconReal *largest;
  double *sum;
} LogSums;

typedef struct {
  SupconLossKind kind;
  const SupconReal *z;
  guint n, dim;
  guint block, blocks; /* rows of a block; how many there are */
  guint round;
  SupconReal inverse_t;
  gboolean shared; /* exponentials are e^(s - 1/t) */
  guint32 *group;  /* rows of equal group are each other's positives */
  guint *size;     /* of row i's group */
  guint32 *first;  /* first row of i's group */
  guint anchors;
  SupconReal *sums; /* n x dim: row i is the sum of z over i's group when i is its first, else unused */
  LogSums all, positives;
  SupconReal *lse, *lse_pos; /* their values; -OUTSIDE for rows that are no anchors. lse_pos when shared: the weights of
                                softmax_tile_shared */
  double *loss;
  SupconReal *dz;
  SupconReal *scratch; /* block x block for each worker */
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

/* Two blocks and the tile of S where they meet; the same one twice on the diagonal. */
typedef struct {
  guint row, col;   /* first ones */
  guint rows, cols; /* how many */
  SupconReal *s;    /* block x block, widened to it; OUTSIDE on the diagonal and beyond n */
} Tile;

/* Match number 'match' of the round. Round 0 is the diagonal; the others are the circle method's, with an idle block
 * when the number is odd. */
static gboolean
make_tile (const Loss *self, gsize match, guint worker, Tile *tile)
{
  guint even = (self->blocks + 1) & ~1u, turn = self->round - 1;
  guint a = match, b = match;

  if (self->round > 0) {
    a = match ? (turn + match) % (even - 1) : even - 1;
    b = match ? (turn + even - 1 - match) % (even - 1) : turn;
  }
  if (MAX (a, b) >= self->blocks)
    return FALSE;
  tile->row = MIN (a, b) * self->block;
  tile->col = MAX (a, b) * self->block;
  tile->rows = MIN (self->block, self->n - tile->row);
  tile->cols = MIN (self->block, self->n - tile->col);
  tile->s = self->scratch + (gsize)worker * self->block * self->block;
  supcon_gemm (SUPCON_NO_TRANS, SUPCON_TRANS, tile->rows, tile->cols, self->dim, self->inverse_t,
      self->z + (gsize)tile->row * self->dim, self->dim, self->z + (gsize)tile->col * self->dim, self->dim, 0, tile->s,
      self->block);
  for (guint i = 0; i < tile->rows; i++) {
    SupconReal *row = tile->s + (gsize)i * self->block;

    for (guint j = tile->cols; j < self->block; j++)
      row[j] = OUTSIDE;
    if (tile->row == tile->col)
      row[i] = OUTSIDE;
  }
  return TRUE;
}

static void
for_all_tiles (Loss *self, SupconTaskFunc func, guint threads)
{
  guint even = (self->blocks + 1) & ~1u;

  self->round = 0;
  supcon_parallel_for (threads, self->blocks, func, self);
  for (self->round = 1; self->round < even && self->blocks > 1; self->round++)
    supcon_parallel_for (threads, even / 2, func, self);
}

static void
log_sum_merge (LogSums *sums, guint row, SupconReal largest, double sum)
{
  if (largest <= OUTSIDE)
    return;
  if (largest > sums->largest[row]) {
    sums->sum[row] = sums->sum[row] * exp (sums->largest[row] - largest) + sum;
    sums->largest[row] = largest;
  } else {
    sums->sum[row] += sum * exp (largest - sums->largest[row]);
  }
}

/* Takes the tile's rows into the sums of their rows. */
SUPCON_MULTIVERSION static void
add_rows (const Tile *tile, guint width, LogSums *sums)
{
  for (guint i = 0; i < tile->rows; i++) {
    const SupconReal *row = tile->s + (gsize)i * width;
    SupconReal largest[LANES], sum[LANES] = { 0 }, most;
    double total = 0;

    memcpy (largest, row, sizeof largest);
    for (guint j = LANES; j < width; j += LANES)
      for (guint k = 0; k < LANES; k++)
        largest[k] = row[j + k] > largest[k] ? row[j + k] : largest[k];
    most = largest[0];
    for (guint k = 1; k < LANES; k++)
      most = MAX (most, largest[k]);
    for (guint j = 0; j < width; j += LANES)
      for (guint k = 0; k < LANES; k++)
        sum[k] += supcon_exp (row[j + k] - most);
    for (guint k = 0; k < LANES; k++)
      total += sum[k];
    log_sum_merge (sums, tile->row + i, most, total);
  }
}

/* Takes the tile's columns into the sums of theirs. */
SUPCON_MULTIVERSION static void
add_cols (const Tile *tile, guint width, LogSums *sums)
{
  SupconReal most[BLOCK_LARGE], sum[BLOCK_LARGE] = { 0 };

  memcpy (most, tile->s, width * sizeof *most);
  for (guint i = 1; i < tile->rows; i++)
    for (guint j = 0; j < width; j++) {
      SupconReal s = tile->s[(gsize)i * width + j];

      most[j] = s > most[j] ? s : most[j];
    }
  for (guint i = 0; i < tile->rows; i++)
    for (guint j = 0; j < width; j++)
      sum[j] += supcon_exp (tile->s[(gsize)i * width + j] - most[j]);
  for (guint j = 0; j < tile->cols; j++)
    log_sum_merge (sums, tile->col + j, most[j], sum[j]);
}

/* Takes the tile into the sums of its rows and, off the diagonal, of its columns, with 1/t for all their maxima. The
 * tile is used up. */
SUPCON_MULTIVERSION static void
add_shared (const Tile *tile, guint width, SupconReal shift, LogSums *sums)
{
  SupconReal cols[BLOCK_LARGE] = { 0 };

  for (guint i = 0; i < tile->rows; i++) {
    SupconReal *row = tile->s + (gsize)i * width;
    SupconReal lanes[LANES] = { 0 };
    double total = 0;

    /* Loops of one thing each, which compilers vectorise. */
    for (guint j = 0; j < width; j++)
      row[j] = supcon_exp (row[j] - shift);
    for (guint j = 0; j < width; j++)
      cols[j] += row[j];
    for (guint j = 0; j < width; j += LANES)
      for (guint k = 0; k < LANES; k++)
        lanes[k] += row[j + k];
    for (guint k = 0; k < LANES; k++)
      total += lanes[k];
    log_sum_merge (sums, tile->row + i, shift, total);
  }
  for (guint j = 0; tile->row != tile->col && j < tile->cols; j++)
    log_sum_merge (sums, tile->col + j, shift, cols[j]);
}

SUPCON_MULTIVERSION static void
keep_positives (const Tile *tile, guint width, const guint32 *group)
{
  const guint32 *cols = group + tile->col;

  for (guint i = 0; i < tile->rows; i++)
    for (guint j = 0; j < tile->cols; j++) {
      SupconReal *s = tile->s + (gsize)i * width + j;

      *s = cols[j] == group[tile->row + i] ? *s : OUTSIDE;
    }
}

static void
sums_task (gsize match, guint worker, gpointer data)
{
  Loss *self = data;
  Tile tile;

  if (!make_tile (self, match, worker, &tile))
    return;
  if (self->shared) {
    add_shared (&tile, self->block, self->inverse_t, &self->all);
    return;
  }
  add_rows (&tile, self->block, &self->all);
  if (tile.row != tile.col)
    add_cols (&tile, self->block, &self->all);
  if (self->kind != SUPCON_LOSS_IN)
    return;
  keep_positives (&tile, self->block, self->group);
  add_rows (&tile, self->block, &self->positives);
  if (tile.row != tile.col)
    add_cols (&tile, self->block, &self->positives);
}

static double
dot (const SupconReal *a, const SupconReal *b, guint dim)
{
  double sum = 0;

  for (guint k = 0; k < dim; k++)
    sum += (double)a[k] * b[k];
  return sum;
}

/* Each anchor's loss, and the values of the log-sum-exps. */
static void
finish_losses (Loss *self)
{
  for (guint i = 0; i < self->n; i++) {
    guint n_positives = self->size[i] - 1;
    const SupconReal *z = self->z + (gsize)i * self->dim;
    double lse = self->all.largest[i] + log (self->all.sum[i]);

    self->loss[i] = 0;
    self->lse[i] = -OUTSIDE;
    self->lse_pos[i] = self->shared ? 0 : -OUTSIDE;
    if (n_positives == 0)
      continue;
    self->lse[i] = lse;
    if (self->shared)
      self->lse_pos[i] = exp (self->inverse_t - lse);
    if (self->kind == SUPCON_LOSS_IN) {
      double lse_pos = self->positives.largest[i] + log (self->positives.sum[i]);

      self->lse_pos[i] = lse_pos;
      self->loss[i] = log (n_positives) - lse_pos + lse;
    } else {
      double similarity = dot (z, self->sums + (gsize)self->first[i] * self->dim, self->dim) - dot (z, z, self->dim);

      self->loss[i] = lse - similarity * self->inverse_t / n_positives;
    }
  }
}

/* s = Q_ij + Q_ji: i as anchor, and as contrast of anchor j. */
SUPCON_MULTIVERSION static void
softmax_tile (const Tile *tile, guint width, const SupconReal *lse)
{
  const SupconReal *lse_cols = lse + tile->col;

  for (guint i = 0; i < tile->rows; i++) {
    SupconReal *row = tile->s + (gsize)i * width, lse_row = lse[tile->row + i];

    for (guint j = 0; j < tile->cols; j++)
      row[j] = supcon_exp (row[j] - lse_row) + supcon_exp (row[j] - lse_cols[j]);
  }
}

/* The same with weight[i] = e^(1/t - lse_i), 0 for rows that are no anchors. */
SUPCON_MULTIVERSION static void
softmax_tile_shared (const Tile *tile, guint width, SupconReal shift, const SupconReal *weight)
{
  const SupconReal *weight_cols = weight + tile->col;

  for (guint i = 0; i < tile->rows; i++) {
    SupconReal *row = tile->s + (gsize)i * width, weight_row = weight[tile->row + i];

    for (guint j = 0; j < tile->cols; j++)
      row[j] = supcon_exp (row[j] - shift) * (weight_row + weight_cols[j]);
  }
}

/* The same as softmax_tile less the softmax over positives (eq. 3). */
SUPCON_MULTIVERSION static void
softmax_tile_in (const Tile *tile, guint width, const SupconReal *lse, const SupconReal *lse_pos, const guint32 *group)
{
  for (guint i = 0; i < tile->rows; i++) {
    SupconReal *row = tile->s + (gsize)i * width;
    guint r = tile->row + i;

    for (guint j = 0; j < tile->cols; j++) {
      SupconReal s = row[j];
      SupconReal positive = supcon_exp (s - lse_pos[r]) + supcon_exp (s - lse_pos[tile->col + j]);

      row[j] = supcon_exp (s - lse[r]) + supcon_exp (s - lse[tile->col + j]);
      row[j] -= group[tile->col + j] == group[r] ? positive : 0;
    }
  }
}

static void
gradient_task (gsize match, guint worker, gpointer data)
{
  const Loss *self = data;
  SupconReal scale = self->inverse_t / self->anchors;
  gsize dim = self->dim;
  Tile tile;

  if (!make_tile (self, match, worker, &tile))
    return;
  if (self->kind == SUPCON_LOSS_IN)
    softmax_tile_in (&tile, self->block, self->lse, self->lse_pos, self->group);
  else if (self->shared)
    softmax_tile_shared (&tile, self->block, self->inverse_t, self->lse_pos);
  else
    softmax_tile (&tile, self->block, self->lse);
  supcon_gemm (SUPCON_NO_TRANS, SUPCON_NO_TRANS, tile.rows, dim, tile.cols, scale, tile.s, self->block,
      self->z + tile.col * dim, dim, 1, self->dz + tile.row * dim, dim);
  if (tile.row != tile.col)
    supcon_gemm (SUPCON_TRANS, SUPCON_NO_TRANS, tile.cols, dim, tile.rows, scale, tile.s, self->block,
        self->z + tile.row * dim, dim, 1, self->dz + tile.col * dim, dim);
}

/* The positives' part of eq. 2's gradient, which needs no tile. It starts dz. */
static void
start_gradient (Loss *self)
{
  SupconReal scale = self->inverse_t / self->anchors;

  for (guint i = 0; i < self->n; i++) {
    const SupconReal *z = self->z + (gsize)i * self->dim, *sum = self->sums + (gsize)self->first[i] * self->dim;
    SupconReal share = self->kind != SUPCON_LOSS_IN && self->size[i] > 1 ? 2 * scale / (self->size[i] - 1) : 0;

    for (guint k = 0; k < self->dim; k++)
      self->dz[(gsize)i * self->dim + k] = share * (z[k] - sum[k]);
  }
}

static LogSums
log_sums_new (guint n)
{
  LogSums sums = { g_new (SupconReal, n), g_new0 (double, n) };

  for (guint i = 0; i < n; i++)
    sums.largest[i] = OUTSIDE;
  return sums;
}

SupconLossResult
supcon_loss (SupconLossKind kind, const SupconReal *z, guint n, guint dim, const gint32 *labels, const guint64 *samples,
    double temperature, guint threads, SupconReal *dz)
{
  Loss self = { .kind = kind,
    .z = z,
    .n = n,
    .dim = dim,
    .block = n >= 8 * BLOCK_LARGE ? BLOCK_LARGE : BLOCK_SMALL, /* small ones so that there are enough */
    .inverse_t = 1 / temperature,
    .shared = kind != SUPCON_LOSS_IN && temperature >= SHARED_TEMPERATURE,
    .dz = dz };
  SupconLossResult result = { 0 };
  double sum = 0, positives = 0;

  if (n == 0)
    return result;
  self.blocks = (n + self.block - 1) / self.block;
  self.group = g_new (guint32, n);
  self.first = g_new (guint32, n);
  self.size = g_new (guint, n);
  self.sums = g_new (SupconReal, (gsize)n * dim);
  self.all = log_sums_new (n);
  self.positives = log_sums_new (n);
  self.lse = g_new (SupconReal, n);
  self.lse_pos = g_new (SupconReal, n);
  self.loss = g_new (double, n);
  self.scratch = g_new (SupconReal, (gsize)supcon_parallel_threads (threads) * self.block * self.block);

  find_groups (&self, labels, samples);
  sum_groups (&self);
  if (self.anchors) {
    for_all_tiles (&self, sums_task, threads);
    finish_losses (&self);
    for (guint i = 0; i < n; i++)
      sum += self.loss[i];
    result.loss = sum / self.anchors;
    if (dz) {
      start_gradient (&self);
      for_all_tiles (&self, gradient_task, threads);
    }
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
  g_free (self.all.largest);
  g_free (self.all.sum);
  g_free (self.positives.largest);
  g_free (self.positives.sum);
  g_free (self.lse);
  g_free (self.lse_pos);
  g_free (self.loss);
  g_free (self.scratch);
  return result;
}
