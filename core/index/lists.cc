/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* faiss has no C functions in Debian's package, so this file is C++. That package is compiled for the first x86-64
 * processors, one number at a time in an inner product: those of queries with a list's entries are ours here, and those
 * with the directions are BLAS's. */
#include <glib.h>

#include <algorithm>
#include <exception>

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/utils/Heap.h>
#include <faiss/utils/distances.h>
#include <omp.h>

extern "C" {
#include "error.h"
#include "index/lists.h"
#include "index/scores.h"
#include "parallel.h"
}

/* Queries from which on faiss takes BLAS. It is in nobody else's reach, being linked into ours. */
[[maybe_unused]] static const int least_queries = faiss::distance_compute_blas_threshold = 1;

/* Compares one query at a time with lists. The best k so far are a heap, the worst of them first. */
struct Scanner : faiss::InvertedListScanner {
  static constexpr size_t block = 256; /* entries whose scores are made at once */
  const guint dim;
  const float *query = nullptr;

  explicit Scanner (guint dim) : dim (dim)
  {
    keep_max = true;
    code_size = dim * sizeof (float);
  }

  void set_query (const float *vector) override { query = vector; }

  void set_list (idx_t number, float) override { list_no = number; }

  float distance_to_code (const uint8_t *code) const override
  {
    float score;

    supcon_index_scores (query, dim, (const float *)code, 1, &score);
    return score;
  }

  size_t scan_codes (
      size_t n, const uint8_t *codes, const idx_t *ids, float *best, idx_t *labels, size_t k) const override
  {
    float scores[block];
    size_t better = 0;

    for (size_t first = 0; first < n; first += block) {
      size_t m = std::min (block, n - first);

      supcon_index_scores (query, dim, (const float *)(codes + first * code_size), (guint)m, scores);
      for (size_t i = 0; i < m; i++)
        if (scores[i] > best[0]) {
          faiss::minheap_replace_top (k, best, labels, scores[i], ids[first + i]);
          better++;
        }
    }
    return better;
  }
};

struct Entries : faiss::IndexIVFFlat {
  using faiss::IndexIVFFlat::IndexIVFFlat;

  faiss::InvertedListScanner *get_InvertedListScanner (bool, const faiss::IDSelector *) const override
  {
    return new Scanner ((guint)d);
  }
};

struct _SupconLists {
  faiss::IndexFlatIP directions;
  Entries entries;

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
