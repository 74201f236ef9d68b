/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What the files of the contrastive losses share. Private to core/loss. */
#ifndef SUPCON_LOSS_LOSS_PRIVATE_H
#define SUPCON_LOSS_LOSS_PRIVATE_H

#include "blas.h"
#include "loss/supcon.h"

/* Rows of the largest block. */
#define SUPCON_LOSS_BLOCK 256

/** Whether row's positives are those of its label, not the other views of its sample. */
static inline gboolean
supcon_loss_goes_by_label (const SupconLossConfig *config, const SupconViews *views, guint row)
{
  return config->kind != SUPCON_LOSS_SELF && views->labels[row] >= 0;
}

/* Stands for an element that does not count: e to it is 0, and it never is the maximum. */
#define SUPCON_OUTSIDE ((SupconReal)-1e30)

/* A running log-sum-exp for each row. */
typedef struct {
  SupconReal *largest;
  double *sum;
} SupconLogSums;

/* A loss at work. */
typedef struct {
  SupconLossConfig config;
  const SupconViews *views;
  SupconWorkspace *workspace; /* for each worker: a tile of block x block, and scratch memory */
  guint n_anchors;            /* rows that may be anchors: all that are not past */
  guint anchors;              /* rows that are */
  guint32 *group;             /* rows of equal group are each other's positives */
  guint groups;               /* how many there are */
  guint32 *size;              /* of group g */
  guint32 *slots;             /* the hash table that finds groups */
  gsize n_slots;              /* a power of two */
  double *share;              /* 1 / |P(i)| for anchors, or 1 / the sum of similarities; 0: row i is no anchor */
  double *loss;               /* of anchor i */
  SupconReal *sums;           /* of z over group g; only the pages of groups that there are are ever touched */
  SupconReal *dz;
  /* Of SUPCON_LOSS_GENERAL with targets, else NULL. */
  SupconReal *unit;            /* targets as vectors of length 1 */
  SupconReal *by_class;        /* classes x dim */
  SupconReal *near, *weighted; /* n x dim */
  double *class_sums;

  /* The walk over tiles. */
  guint block, blocks; /* rows of a block; how many there are */
  guint round;
  SupconReal inverse_t;
  double scale; /* of loss and gradient, by the base temperature */

  gboolean shared; /* exponentials are e^(s - 1/t) */
  SupconLogSums all, positives;
  SupconReal *lse,
      *lse_pos; /* their values; -SUPCON_OUTSIDE for rows that are no anchors. lse_pos when shared:
                   e^(1/t - lse), 0 for rows that are none; of SINCERE: the gradient's weight of negatives */
} SupconLoss;

/* Two blocks and the tile of S = z z^T / t where they meet; the same one twice on the diagonal. */
typedef struct {
  guint row, col;   /* first ones */
  guint rows, cols; /* how many */
  SupconReal *s;    /* block x block; SUPCON_OUTSIDE on the diagonal and beyond the last column */
} SupconLossTile;

/** Room for a tile and for the scratch memory of its products, of each worker: elements. */
gsize supcon_loss_tile_size (const SupconLoss *loss);
/** op (A) op (Z) as supcon_gemm has it, for rows z of the views' embeddings. */
void supcon_loss_multiply (const SupconLoss *loss, guint worker, SupconTranspose trans_a, SupconTranspose trans_b,
    gsize m, gsize n, gsize k, SupconReal alpha, const SupconReal *a, gsize lda, const SupconReal *z, SupconReal beta,
    SupconReal *c, gsize ldc);
/** Match number 'match' of the round; FALSE: there is none, or no anchor in it. */
gboolean supcon_loss_make_tile (const SupconLoss *loss, gsize match, guint worker, SupconLossTile *tile);
/** Calls func for each match of each round, rounds one after the other. */
void supcon_loss_for_all_tiles (SupconLoss *loss, SupconTaskFunc func);

/** P(i): fills group, size, share, anchors, unit. */
void supcon_loss_find_positives (SupconLoss *loss);
/**
 * For losses whose positives' part is linear in S: each anchor's loss becomes less what its positives pull it,
 * sum_p q_ip s_ip with q_ip the target's share of p, and that part's gradient times scale is added to dz, when there is
 * one.
 */
void supcon_loss_pull (SupconLoss *loss, double scale);
/** What the loss would be if all of z were one point. */
double supcon_loss_when_collapsed (const SupconLoss *loss);
/** Mean of |P(i)|, or of the sum of similarities, over the rows that may be anchors. */
double supcon_loss_count_positives (const SupconLoss *loss);

#endif
