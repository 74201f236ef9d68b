/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "index/index_private.h"

#include <math.h>

#include "error.h"

/* Examples for each list that its direction is learnt from; faiss learns from up to four times as many, in four times
 * the time. */
#define EXAMPLES 64
/* Entries that are copied at once. */
#define BLOCK 16384

/* Copies an embedding; FALSE: a number or the length's square is not finite, as those of a file from elsewhere may be,
 * and faiss would give up the process. */
static gboolean
copy_finite (const SupconIndex *index, gsize entry, float *to)
{
  const SupconReal *embedding = supcon_index_embedding (index, entry);
  float square = 0;

  for (guint i = 0; i < index->dim; i++) {
    to[i] = (float)embedding[i];
    square += to[i] * to[i];
  }
  return isfinite (square);
}

/* Every step-th entry. */
static gsize
copy_examples (const SupconIndex *index, gsize step, float *examples)
{
  gsize n = 0;

  for (gsize i = 0; i < supcon_index_count (index); i += step)
    n += copy_finite (index, i, examples + n * index->dim);
  return n;
}

static gboolean
add_all (const SupconIndex *index, SupconLists *lists, guint threads)
{
  float *embeddings = g_new (float, (gsize)BLOCK * index->dim);
  gint64 *entries = g_new (gint64, BLOCK);
  gsize n = 0, count = supcon_index_count (index);
  gboolean ok = TRUE;

  for (gsize i = 0; ok && i < count; i++) {
    entries[n] = (gint64)i;
    n += copy_finite (index, i, embeddings + n * index->dim);
    if (n == BLOCK || i + 1 == count) {
      ok = supcon_lists_add (lists, n, embeddings, entries, threads);
      n = 0;
    }
  }
  g_free (embeddings);
  g_free (entries);
  return ok;
}

gboolean
supcon_index_approximate (SupconIndex *index, guint probes, guint threads, GError **error)
{
  gsize count = supcon_index_count (index);
  guint n_lists = (guint)MAX (sqrt ((double)count), 1);
  gsize step = MAX (count / ((gsize)n_lists * EXAMPLES), 1);
  float *examples = g_new (float, (count / step + 1) * index->dim);
  gsize n = copy_examples (index, step, examples);

  g_clear_pointer (&index->lists, supcon_lists_free);
  index->probes = probes;
  if (n > 0) {
    index->lists = supcon_lists_new (index->dim, (guint)MIN (n_lists, n), n, examples, threads, error);
    if (index->lists && !add_all (index, index->lists, threads)) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
          "an approximate index of %" G_GSIZE_FORMAT " entries of %u numbers takes more memory than there is", count,
          index->dim);
      g_clear_pointer (&index->lists, supcon_lists_free);
    }
  }
  g_free (examples);
  return n == 0 || index->lists;
}

void
supcon_index_search_lists (
    const SupconIndex *index, guint n, const SupconReal *queries, guint k, guint threads, SupconNeighbour *neighbours)
{
  float *scaled = g_new0 (float, (gsize)n * index->dim), *scores = g_new (float, (gsize)n *k);
  gint64 *entries = g_new (gint64, (gsize)n * k);
  gboolean *comparable = g_new (gboolean, n);

  for (guint j = 0; j < n; j++) {
    const SupconReal *query = queries + (gsize)j * index->dim;
    double scale = supcon_index_scale (index, query);

    comparable[j] = scale != 0;
    for (guint i = 0; comparable[j] && i < index->dim; i++)
      scaled[(gsize)j * index->dim + i] = (float)(query[i] * scale);
  }
  supcon_lists_search (index->lists, n, scaled, k, index->probes, threads, entries, scores);
  for (gsize i = 0; i < (gsize)n * k; i++)
    neighbours[i] = entries[i] >= 0 && comparable[i / k] ? (SupconNeighbour){ (gsize)entries[i], scores[i] }
                                                         : (SupconNeighbour){ SUPCON_NO_ENTRY, -INFINITY };
  g_free (scaled);
  g_free (scores);
  g_free (entries);
  g_free (comparable);
}
