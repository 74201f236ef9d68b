/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Classification by the labels of the nearest neighbours (Wu et al. 2018, arXiv 1805.01978, section 3.4). */
#ifndef SUPCON_TRAIN_NEIGHBOURS_H
#define SUPCON_TRAIN_NEIGHBOURS_H

#include "real.h"

/* Divides the cosines of neighbours before their votes are weighed. */
#define SUPCON_NEIGHBOUR_TEMPERATURE 0.07

/**
 * probabilities (n_classes): each of the n neighbours votes for its label (< n_classes) with weight exp (cosine /
 * SUPCON_NEIGHBOUR_TEMPERATURE), and the weights are divided by their sum. cosines: the largest first. All zero without
 * neighbours.
 */
void supcon_neighbours_vote (
    const SupconReal *cosines, const guint *labels, guint n, guint n_classes, SupconReal *probabilities);

#endif
