/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/neighbours.h"

#include <math.h>
#include <string.h>

/* Of a neighbour, less than what would overflow: the nearest has 1. */
static double
weight_of (const SupconReal *cosines, guint i)
{
  return exp (((double)cosines[i] - cosines[0]) / SUPCON_NEIGHBOUR_TEMPERATURE);
}

void
supcon_neighbours_vote (
    const SupconReal *cosines, const guint *labels, guint n, guint n_classes, SupconReal *probabilities)
{
  double sum = 0;

  memset (probabilities, 0, n_classes * sizeof *probabilities);
  for (guint i = 0; i < n; i++)
    sum += weight_of (cosines, i);
  for (guint i = 0; i < n; i++)
    probabilities[labels[i]] += (SupconReal)(weight_of (cosines, i) / sum);
}
