/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two walks over tiles. The first finds each row's log-sum-exp (running maximum and sum), the second makes each tile of
 * dL/dS again from it, which is symmetric, and multiplies it by z at once, for its rows and for its columns. SINCERE,
 * whose terms are not linear in the positives' similarities, takes one more between them. */
#include "loss/supcon.h"

#include <string.h>

#include "loss/loss_private.h"
#include "simd.h"

/* Rows of a block, for large and for small batches. */
#define BLOCK_LARGE SUPCON_LOSS_BLOCK
#define BLOCK_SMALL 64
#define LANES 16

/* From this temperature on e^(s - 1/t) neither overflows nor loses the sum for unit vectors, |s| <= 1/t: one
 * exponential then serves a row, a column and both anchors of a pair. */
#define SHARED_TEMPERATURE 0.05

/* e to more than this is not needed where it is divided by, nor does float hold it. */
#define LARGEST_EXPONENT ((SupconReal)80)

static void
log_sum_merge (SupconLogSums *sums, guint row, SupconReal largest, double sum)
{
  if (largest <= SUPCON_OUTSIDE)
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
add_rows (const SupconLossTile *tile, guint width, SupconLogSums *sums)
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
add_cols (const SupconLossTile *tile, guint width, SupconLogSums *sums)
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
add_shared (const SupconLossTile *tile, guint width, SupconReal shift, SupconLogSums *sums)
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

/* Leaves those of the same group, or those of others. */
SUPCON_MULTIVERSION static void
keep (gboolean positives, const SupconLossTile *tile, guint width, const guint32 *group)
{
  const guint32 *cols = group + tile->col;

  for (guint i = 0; i < tile->rows; i++)
    for (guint j = 0; j < tile->cols; j++) {
      SupconReal *s = tile->s + (gsize)i * width + j;

      *s = (cols[j] == group[tile->row + i]) == positives ? *s : SUPCON_OUTSIDE;
    }
}

static void
sums_task (gsize match, guint worker, gpointer data)
{
  SupconLoss *self = data;
  SupconLossTile tile;

  if (!supcon_loss_make_tile (self, match, worker, &tile))
    return;
  if (self->shared) {
    add_shared (&tile, self->block, self->inverse_t, &self->all);
    return;
  }
  if (self->config.kind == SUPCON_LOSS_SINCERE)
    keep (FALSE, &tile, self->block, self->group);
  add_rows (&tile, self->block, &self->all);
  if (tile.row != tile.col)
    add_cols (&tile, self->block, &self->all);
  if (self->config.kind != SUPCON_LOSS_IN)
    return;
  keep (TRUE, &tile, self->block, self->group);
  add_rows (&tile, self->block, &self->positives);
  if (tile.row != tile.col)
    add_cols (&tile, self->block, &self->positives);
}

/* The values of the log-sum-exps, and each anchor's loss but for what supcon_loss_pull and sincere_task add. */
static void
finish_sums (SupconLoss *self)
{
  SupconLossKind kind = self->config.kind;

  for (guint i = 0; i < self->views->n; i++) {
    double lse = self->all.sum[i] > 0 ? self->all.largest[i] + log (self->all.sum[i]) : SUPCON_OUTSIDE;

    self->loss[i] = 0;
    self->lse[i] = -SUPCON_OUTSIDE;
    self->lse_pos[i] = self->shared || kind == SUPCON_LOSS_SINCERE ? 0 : -SUPCON_OUTSIDE;
    if (self->share[i] == 0)
      continue;
    self->lse[i] = lse;
    if (self->shared)
      self->lse_pos[i] = exp (self->inverse_t - lse);
    if (kind == SUPCON_LOSS_IN) {
      self->lse_pos[i] = self->positives.largest[i] + log (self->positives.sum[i]);
      self->loss[i] = -log (self->share[i]) - self->lse_pos[i] + lse;
    } else if (kind != SUPCON_LOSS_SINCERE) {
      self->loss[i] = lse;
    }
  }
}

/* log (1 + e^x) */
static double
soft_plus (double x)
{
  return x > 0 ? x + log1p (exp (-x)) : log1p (exp (x));
}

/* log ((e^s + e^lse) / e^s) of each positive, and how much of its gradient negatives carry, for row i as anchor. */
static void
add_sincere (SupconLoss *self, guint i, SupconReal s)
{
  if (self->share[i] == 0)
    return;
  self->loss[i] += self->share[i] * soft_plus (self->lse[i] - s);
  self->lse_pos[i] += self->share[i] / (1 + exp (s - self->lse[i]));
}

static void
sincere_task (gsize match, guint worker, gpointer data)
{
  SupconLoss *self = data;
  SupconLossTile tile;

  if (!supcon_loss_make_tile (self, match, worker, &tile))
    return;
  for (guint i = 0; i < tile.rows; i++)
    for (guint j = 0; j < tile.cols; j++) {
      guint row = tile.row + i, col = tile.col + j;
      SupconReal s = tile.s[(gsize)i * self->block + j];

      if (row == col || self->group[row] != self->group[col])
        continue;
      add_sincere (self, row, s);
      if (tile.row != tile.col)
        add_sincere (self, col, s);
    }
}

/* s = Q_ij + Q_ji: i as anchor, and as contrast of anchor j. */
SUPCON_MULTIVERSION static void
softmax_tile (const SupconLossTile *tile, guint width, const SupconReal *lse)
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
softmax_tile_shared (const SupconLossTile *tile, guint width, SupconReal shift, const SupconReal *weight)
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
softmax_tile_in (
    const SupconLossTile *tile, guint width, const SupconReal *lse, const SupconReal *lse_pos, const guint32 *group)
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

/* The same for SINCERE. weight: of the negatives of each row; share: 0 for rows that are no anchors. */
SUPCON_MULTIVERSION static void
sincere_tile (const SupconLossTile *tile, guint width, const SupconReal *lse, const SupconReal *weight,
    const double *share, const guint32 *group)
{
  for (guint i = 0; i < tile->rows; i++) {
    SupconReal *row = tile->s + (gsize)i * width;
    guint r = tile->row + i;

    for (guint j = 0; j < tile->cols; j++) {
      guint c = tile->col + j;
      SupconReal by_row = supcon_exp (MIN (row[j] - lse[r], LARGEST_EXPONENT));
      SupconReal by_col = supcon_exp (MIN (row[j] - lse[c], LARGEST_EXPONENT));
      SupconReal negative = weight[r] * by_row + weight[c] * by_col;
      SupconReal positive = (SupconReal)share[r] / (1 + by_row) + (SupconReal)share[c] / (1 + by_col);

      row[j] = group[c] == group[r] ? -positive : negative;
    }
    if (tile->row == tile->col)
      row[i] = 0;
  }
}

static void
gradient_task (gsize match, guint worker, gpointer data)
{
  const SupconLoss *self = data;
  const SupconViews *views = self->views;
  SupconReal scale = self->inverse_t * self->scale / self->anchors;
  gsize dim = views->dim;
  SupconLossTile tile;
  guint rows, cols;

  if (!supcon_loss_make_tile (self, match, worker, &tile))
    return;
  if (self->config.kind == SUPCON_LOSS_SINCERE)
    sincere_tile (&tile, self->block, self->lse, self->lse_pos, self->share, self->group);
  else if (self->config.kind == SUPCON_LOSS_IN)
    softmax_tile_in (&tile, self->block, self->lse, self->lse_pos, self->group);
  else if (self->shared)
    softmax_tile_shared (&tile, self->block, self->inverse_t, self->lse_pos);
  else
    softmax_tile (&tile, self->block, self->lse);
  /* Past embeddings have no gradient. */
  rows = MIN (tile.rows, self->n_anchors - tile.row);
  cols = MIN (tile.cols, self->n_anchors - MIN (self->n_anchors, tile.col));
  supcon_loss_multiply (self, worker, SUPCON_NO_TRANS, SUPCON_NO_TRANS, rows, dim, tile.cols, scale, tile.s,
      self->block, views->z + tile.col * dim, 1, self->dz + tile.row * dim, dim);
  if (tile.row != tile.col && cols > 0)
    supcon_loss_multiply (self, worker, SUPCON_TRANS, SUPCON_NO_TRANS, cols, dim, tile.rows, scale, tile.s, self->block,
        views->z + tile.row * dim, 1, self->dz + tile.col * dim, dim);
}

/* The next piece of memory, on a cache line of its own; NULL: memory is only counted. */
static gpointer
take (char *memory, gsize *used, gsize n, gsize size)
{
  gpointer piece = memory ? memory + *used : NULL;

  *used += (n * size + 63) & ~(gsize)63;
  return piece;
}

/* Where all arrays are in memory; how many bytes they are. */
static gsize
lay_out (SupconLoss *self, char *memory)
{
  const SupconViews *views = self->views;
  gsize n = MAX (views->n, views->most), classes = views->n_classes, used = 0;
  gboolean soft = self->config.kind == SUPCON_LOSS_GENERAL && views->targets;

  self->group = take (memory, &used, n, sizeof *self->group);
  self->size = take (memory, &used, n, sizeof *self->size);
  self->slots = take (memory, &used, self->n_slots, sizeof *self->slots);
  self->share = take (memory, &used, n, sizeof *self->share);
  self->all.largest = take (memory, &used, n, sizeof *self->all.largest);
  self->all.sum = take (memory, &used, n, sizeof *self->all.sum);
  self->positives.largest = take (memory, &used, n, sizeof *self->positives.largest);
  self->positives.sum = take (memory, &used, n, sizeof *self->positives.sum);
  self->lse = take (memory, &used, n, sizeof *self->lse);
  self->lse_pos = take (memory, &used, n, sizeof *self->lse_pos);
  self->loss = take (memory, &used, n, sizeof *self->loss);
  self->sums = take (memory, &used, n * views->dim, sizeof *self->sums);
  if (soft) {
    self->unit = take (memory, &used, n * classes, sizeof *self->unit);
    self->by_class = take (memory, &used, classes * views->dim, sizeof *self->by_class);
    self->near = take (memory, &used, n * views->dim, sizeof *self->near);
    self->weighted = take (memory, &used, n * views->dim, sizeof *self->weighted);
    self->class_sums = take (memory, &used, classes, sizeof *self->class_sums);
  }
  return used;
}

static void
log_sums_clear (SupconLogSums *sums, guint n)
{
  for (guint i = 0; i < n; i++) {
    sums->largest[i] = SUPCON_OUTSIDE;
    sums->sum[i] = 0;
  }
}

/* Small ones so that there are enough. */
static guint
block_of (guint n)
{
  return n >= 8 * BLOCK_LARGE ? BLOCK_LARGE : BLOCK_SMALL;
}

static void
loss_init (SupconLoss *self)
{
  guint n = self->views->n, most = MAX (n, self->views->most);

  self->n_anchors = n - self->views->n_past;
  self->inverse_t = 1 / self->config.temperature;
  self->scale = self->config.base_temperature > 0 ? self->config.temperature / self->config.base_temperature : 1;
  self->shared = self->config.kind != SUPCON_LOSS_IN && self->config.kind != SUPCON_LOSS_SINCERE
                 && self->config.temperature >= SHARED_TEMPERATURE;
  for (self->n_slots = 4; self->n_slots < 2 * (gsize)most; self->n_slots *= 2)
    ;
  self->block = block_of (most);
  supcon_workspace_reserve (self->workspace, supcon_loss_tile_size (self), lay_out (self, NULL) / sizeof (SupconReal));
  lay_out (self, (char *)self->workspace->shared);
  self->block = block_of (n);
  self->blocks = (n + self->block - 1) / self->block;
  log_sums_clear (&self->all, n);
  log_sums_clear (&self->positives, n);
}

SupconLossResult
supcon_loss (const SupconLossConfig *config, const SupconViews *views, SupconWorkspace *workspace, SupconReal *dz)
{
  SupconLoss self = { .config = *config, .views = views, .workspace = workspace, .dz = dz };
  SupconLossResult result = { 0 };
  gsize gradient = (gsize)(views->n - views->n_past) * views->dim;
  double sum = 0;

  if (gradient == 0)
    return result;
  if (dz)
    memset (dz, 0, gradient * sizeof *dz);
  loss_init (&self);
  supcon_loss_find_positives (&self);
  if (self.anchors) {
    supcon_loss_for_all_tiles (&self, sums_task);
    finish_sums (&self);
    if (config->kind == SUPCON_LOSS_SINCERE)
      supcon_loss_for_all_tiles (&self, sincere_task);
    else if (config->kind != SUPCON_LOSS_IN)
      supcon_loss_pull (&self, self.inverse_t * self.scale / self.anchors);
    for (guint i = 0; i < self.n_anchors; i++)
      sum += self.loss[i];
    if (dz)
      supcon_loss_for_all_tiles (&self, gradient_task);
    result.loss = self.scale * sum / self.anchors;
  }
  result.anchors = self.anchors;
  result.collapsed_loss = supcon_loss_when_collapsed (&self);
  result.positives_per_anchor = supcon_loss_count_positives (&self);
  return result;
}
