/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Entries in lists, each around a direction of its own, so that a query need only be compared with those of the nearest
 * lists: faiss's IndexIVFFlat (Johnson et al. 2017, arXiv 1702.08734). Private to index/. Without
 * SUPCON_HAVE_FAISS there are none.
 */
#ifndef SUPCON_INDEX_LISTS_H
#define SUPCON_INDEX_LISTS_H

#include "error.h"

typedef struct _SupconLists SupconLists;

#ifdef SUPCON_HAVE_FAISS

/** n x dim finite numbers, n >= n_lists > 0, from which the lists' directions are learnt. SUPCON_ERROR_SETTINGS. */
SupconLists *supcon_lists_new (guint dim, guint n_lists, gsize n, const float *examples, guint threads, GError **error);
void supcon_lists_free (SupconLists *lists);

/** n x dim finite numbers, of the entries of these numbers. FALSE: there is not the memory. */
gboolean supcon_lists_add (SupconLists *lists, gsize n, const float *embeddings, const gint64 *entries, guint threads);

/**
 * entries and scores, n x k: of each of n queries the entries of the largest inner products in the probes lists that
 * are nearest to it, the largest first; -1 where there are not as many. May be called from several threads at once.
 */
void supcon_lists_search (const SupconLists *lists, gsize n, const float *queries, gsize k, guint probes, guint threads,
    gint64 *entries, float *scores);

#else

static inline SupconLists *
supcon_lists_new (G_GNUC_UNUSED guint dim, G_GNUC_UNUSED guint n_lists, G_GNUC_UNUSED gsize n,
    G_GNUC_UNUSED const float *examples, G_GNUC_UNUSED guint threads, GError **error)
{
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
      "an approximate search needs faiss, without which this was built (Debian: libfaiss-dev)");
  return NULL;
}

static inline void
supcon_lists_free (G_GNUC_UNUSED SupconLists *lists)
{
}

static inline gboolean
supcon_lists_add (G_GNUC_UNUSED SupconLists *lists, G_GNUC_UNUSED gsize n, G_GNUC_UNUSED const float *embeddings,
    G_GNUC_UNUSED const gint64 *entries, G_GNUC_UNUSED guint threads)
{
  return FALSE;
}

static inline void
supcon_lists_search (G_GNUC_UNUSED const SupconLists *lists, G_GNUC_UNUSED gsize n, G_GNUC_UNUSED const float *queries,
    G_GNUC_UNUSED gsize k, G_GNUC_UNUSED guint probes, G_GNUC_UNUSED guint threads, G_GNUC_UNUSED gint64 *entries,
    G_GNUC_UNUSED float *scores)
{
}

#endif
#endif
