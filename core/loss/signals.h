/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What embeddings look like while they learn: which pairs the gradient works on, and how they lie on the sphere. */
#ifndef SUPCON_LOSS_SIGNALS_H
#define SUPCON_LOSS_SIGNALS_H

#include "loss/supcon.h"

/** At most so many anchors, evenly spread over the batch, are looked at. */
#define SUPCON_SIGNAL_ANCHORS 64

typedef struct {
  /* Mean gradient weight of the hardest tenth (rounded up) of an anchor's positives, those least like it, and of its
   * negatives, those most like it, by the mean weight of all of them; the mean over anchors. 1: hardness does not
   * matter. A weight is the size of the derivative of the anchor's own term of the loss by z_i.z_j / t: of eq. 2
   * |Q_ip - 1/|P(i)|| and Q_in (paper, eq. 4 and 5). 0: there are none. */
  double hard_positives, hard_negatives;
  /* Wang and Isola 2020 (arXiv 2005.10242), alpha = 2 and t = 2: the mean of |z_i - z_p|^2 over positive pairs, and
   * log of the mean of exp(-2 |z_i - z_j|^2) over all pairs. Lower is better. */
  double alignment, uniformity;
} SupconLossSignals;

/** Of soft labels, positives are the pairs whose labels' cosine is at least this. */
#define SUPCON_SIGNAL_LIKENESS 0.5

/** config: its kind tells who is a positive. O(n dim) for each anchor; views n >= 2, past ones are contrasts as others.
 */
void supcon_loss_signals (
    const SupconLossConfig *config, const SupconViews *views, SupconWorkspace *workspace, SupconLossSignals *signals);

#endif
