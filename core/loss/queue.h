/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * A queue of past embeddings, which are contrasts of a batch without being in it (He et al. 2020, "Momentum contrast",
 * arXiv 1911.05722), each with its label, so that those of the anchor's class are positives.
 */
#ifndef SUPCON_LOSS_QUEUE_H
#define SUPCON_LOSS_QUEUE_H

#include "real.h"

typedef struct {
  guint size, dim;
  guint n;    /* how many there are, up to size */
  guint next; /* place of the next one, the oldest's when the queue is full */
  SupconReal *z;
  gint32 *labels;
  guint64 *samples;
} SupconQueue;

/** An empty queue of size embeddings of dim numbers. */
SupconQueue *supcon_queue_new (guint size, guint dim);
void supcon_queue_free (SupconQueue *queue);
/** Place of the i-th oldest, i < n. */
guint supcon_queue_place (const SupconQueue *queue, guint i);
/** Adds n embeddings; those that come too many push out the oldest. */
void supcon_queue_push (SupconQueue *queue, const SupconReal *z, const gint32 *labels, const guint64 *samples, guint n);

#endif
