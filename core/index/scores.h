/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Inner products of one query with many entries. Private to index/. */
#ifndef SUPCON_INDEX_SCORES_H
#define SUPCON_INDEX_SCORES_H

#include "real.h"

/** scores: of n rows of dim numbers, as fast as memory delivers them. */
void supcon_index_scores (const SupconReal *query, guint dim, const SupconReal *rows, guint n, SupconReal *scores);

#endif
