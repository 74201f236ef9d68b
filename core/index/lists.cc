/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* faiss has no C functions in Debian's package, so this file is C++. */
#include <glib.h>

#include <exception>

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <omp.h>

extern "C" {
#include "error.h"
#include "index/lists.h"
#include "parallel.h"
}

struct _SupconLists {
  faiss::IndexFlatIP directions;
  faiss::IndexIVFFlat entries;

  _SupconLists (guint dim, guint n_lists)
      : directions (dim), entries (&directions, dim, n_lists, faiss::METRIC_INNER_PRODUCT)
  {
    entries.cp.min_points_per_centroid = 1; /* below faiss's own minimum it prints a warning */
  }
};

/* For what this thread calls next. */
static void
use_threads (guint threads)
{
  omp_set_num_threads ((int)supcon_parallel_threads (threads));
}

SupconLists *
supcon_lists_new (guint dim, guint n_lists, gsize n, const float *examples, guint threads, GError **error)
{
  SupconLists *lists = nullptr;

  use_threads (threads);
  try {
    lists = new SupconLists (dim, n_lists);
    lists->entries.train ((faiss::Index::idx_t)n, examples);
  } catch (const std::exception &e) {
    g_set_error (
        error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS, "%u lists of an approximate index: %s", n_lists, e.what ());
    delete lists;
    return nullptr;
  }
  return lists;
}

void
supcon_lists_free (SupconLists *lists)
{
  delete lists;
}

gboolean
supcon_lists_add (SupconLists *lists, gsize n, const float *embeddings, const gint64 *entries, guint threads)
{
  use_threads (threads);
  try {
    lists->entries.add_with_ids ((faiss::Index::idx_t)n, embeddings, (const faiss::Index::idx_t *)entries);
  } catch (const std::exception &) {
    return FALSE;
  }
  return TRUE;
}

void
supcon_lists_search (const SupconLists *lists, gsize n, const float *queries, gsize k, guint probes, guint threads,
    gint64 *entries, float *scores)
{
  faiss::SearchParametersIVF parameters;

  use_threads (threads);
  parameters.nprobe = probes;
  lists->entries.search (
      (faiss::Index::idx_t)n, queries, (faiss::Index::idx_t)k, scores, (faiss::Index::idx_t *)entries, &parameters);
}
