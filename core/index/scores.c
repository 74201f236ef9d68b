/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "index/scores.h"

#include "simd.h"

typedef SupconReal Lanes __attribute__ ((vector_size (64), aligned (sizeof (SupconReal)), may_alias));
#define LANES (sizeof (Lanes) / sizeof (SupconReal))
#define AHEAD 1024 /* numbers to fetch before they are needed: past the end of a page, where the processor stops */

SUPCON_MULTIVERSION void
supcon_index_scores (const SupconReal *query, guint dim, const SupconReal *rows, guint n, SupconReal *scores)
{
  guint whole = dim - dim % LANES;

  for (guint i = 0; i < n; i++, rows += dim) {
    Lanes sums = { 0 };
    SupconReal sum = 0;

    for (guint k = 0; k < whole; k += LANES) {
      sums += *(const Lanes *)(rows + k) * *(const Lanes *)(query + k);
      __builtin_prefetch (rows + k + AHEAD);
    }
    for (guint k = whole; k < dim; k++)
      sum += rows[k] * query[k];
    for (guint k = 0; k < LANES; k++)
      sum += sums[k];
    scores[i] = sum;
  }
}
