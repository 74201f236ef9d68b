/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks over square tiles of S = z z^T / t, of which only those on and above the diagonal are made. Tiles go in rounds,
 * as the matches of a tournament do: in a round no two tiles share a block of rows or columns, so they run in parallel
 * and every sum has a fixed order. */
#include "loss/loss_private.h"
#include "nn/gemm_bf16x2.h"

gsize
supcon_loss_tile_size (const SupconLoss *self)
{
  gsize block = self->block, scratch = 0;

  /* The largest of a tile's products: z's rows by z's columns, and the tile or the tile transposed by z. */
  if (supcon_gemm_bf16x2_wins ())
    scratch = MAX (supcon_gemm_bf16x2_scratch (block, block, self->views->dim),
        supcon_gemm_bf16x2_scratch (block, self->views->dim, block));
  return block * block + scratch / sizeof (SupconReal);
}

void
supcon_loss_multiply (const SupconLoss *self, guint worker, SupconTranspose trans_a, SupconTranspose trans_b, gsize m,
    gsize n, gsize k, SupconReal alpha, const SupconReal *a, gsize lda, const SupconReal *z, SupconReal beta,
    SupconReal *c, gsize ldc)
{
  gsize dim = self->views->dim;

  if (supcon_gemm_bf16x2_wins ())
    supcon_gemm_bf16x2 (trans_a, trans_b, m, n, k, alpha, a, lda, z, dim, beta, c, ldc,
        supcon_workspace_worker (self->workspace, worker) + (gsize)self->block * self->block);
  else
    supcon_gemm (trans_a, trans_b, m, n, k, alpha, a, lda, z, dim, beta, c, ldc);
}

/* Round 0 is the diagonal; the others are the circle method's, with an idle block when the number is odd. */
gboolean
supcon_loss_make_tile (const SupconLoss *self, gsize match, guint worker, SupconLossTile *tile)
{
  const SupconViews *views = self->views;
  guint even = (self->blocks + 1) & ~1u, turn = self->round - 1;
  guint a = match, b = match;

  if (self->round > 0) {
    a = match ? (turn + match) % (even - 1) : even - 1;
    b = match ? (turn + even - 1 - match) % (even - 1) : turn;
  }
  if (MAX (a, b) >= self->blocks || MIN (a, b) * self->block >= self->n_anchors)
    return FALSE;
  tile->row = MIN (a, b) * self->block;
  tile->col = MAX (a, b) * self->block;
  tile->rows = MIN (self->block, views->n - tile->row);
  tile->cols = MIN (self->block, views->n - tile->col);
  tile->s = supcon_workspace_worker (self->workspace, worker);
  supcon_loss_multiply (self, worker, SUPCON_NO_TRANS, SUPCON_TRANS, tile->rows, tile->cols, views->dim,
      self->inverse_t, views->z + (gsize)tile->row * views->dim, views->dim, views->z + (gsize)tile->col * views->dim,
      0, tile->s, self->block);
  for (guint i = 0; i < tile->rows; i++) {
    SupconReal *row = tile->s + (gsize)i * self->block;

    for (guint j = tile->cols; j < self->block; j++)
      row[j] = SUPCON_OUTSIDE;
    if (tile->row == tile->col)
      row[i] = SUPCON_OUTSIDE;
  }
  return TRUE;
}

void
supcon_loss_for_all_tiles (SupconLoss *self, SupconTaskFunc func)
{
  guint even = (self->blocks + 1) & ~1u, threads = self->workspace->threads;

  self->round = 0;
  supcon_parallel_for (threads, self->blocks, func, self);
  for (self->round = 1; self->round < even && self->blocks > 1; self->round++)
    supcon_parallel_for (threads, even / 2, func, self);
}
