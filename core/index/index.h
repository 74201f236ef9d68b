/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Similarity search: embeddings with a label, a time and a URI each, and those of them that are nearest to a query.
 * The search is exact, unless supcon_index_approximate is called.
 *
 * An index may be searched from several threads at once, but not while entries are added.
 */
#ifndef SUPCON_INDEX_INDEX_H
#define SUPCON_INDEX_INDEX_H

#include "real.h"

#define SUPCON_INDEX_MAX_DIM 65536
#define SUPCON_INDEX_MAX_ENTRIES G_MAXINT32
/* In place of an entry's number: there is none. */
#define SUPCON_NO_ENTRY G_MAXSIZE

typedef enum {
  SUPCON_METRIC_COSINE,       /* embeddings and queries are scaled to unit length */
  SUPCON_METRIC_INNER_PRODUCT /* they are taken as they are */
} SupconMetric;

typedef struct {
  const char *label; /* valid UTF-8; NULL: none */
  const char *uri;   /* of where it comes from, valid UTF-8; NULL: none */
  gint64 timestamp;  /* nanoseconds in the stream of that URI; -1: none */
} SupconEntry;

typedef struct {
  gsize entry; /* its number, or SUPCON_NO_ENTRY */
  SupconReal score;
} SupconNeighbour;

typedef struct _SupconIndex SupconIndex;

/** 0 < dim <= SUPCON_INDEX_MAX_DIM. */
SupconIndex *supcon_index_new (guint dim, SupconMetric metric);
void supcon_index_free (SupconIndex *index);

guint supcon_index_dim (const SupconIndex *index);
/** What the scores of an index that was loaded are. */
SupconMetric supcon_index_metric (const SupconIndex *index);
/** Which encoder the embeddings are of, by supcon_model_fingerprint; 0, as at first: it is not known. */
guint64 supcon_index_encoder (const SupconIndex *index);
void supcon_index_set_encoder (SupconIndex *index, guint64 fingerprint);
/** Entries; they are numbered from 0 in the order in which they were added. */
gsize supcon_index_count (const SupconIndex *index);
/** The strings are owned by index. entry < count. */
SupconEntry supcon_index_entry (const SupconIndex *index, gsize entry);
/** dim numbers, as they are stored; valid until the next entry is added. entry < count. */
const SupconReal *supcon_index_embedding (const SupconIndex *index, gsize entry);

/**
 * Adds an entry with its embedding (dim numbers); what is given is copied. FALSE, and nothing is added, when the
 * embedding is not finite, has no direction though the metric is the cosine, or the index is full.
 */
gboolean supcon_index_add (SupconIndex *index, const SupconReal *embedding, const SupconEntry *entry);

/**
 * neighbours (n x k): of each of the n queries (n x dim) the k entries of the largest scores, the largest first, of
 * equal ones the entry that was added first; SUPCON_NO_ENTRY where there are not as many, or the query is not finite or
 * has no direction though the metric is the cosine. n, k > 0. Scores never are stored beyond a strip of a few kilobytes
 * for each thread.
 */
void supcon_index_search (
    const SupconIndex *index, guint n, const SupconReal *queries, guint k, guint threads, SupconNeighbour *neighbours);

/**
 * Puts what the entries are now into as many lists as the square root of their count, by direction, where searches from
 * here on look through the probes > 0 lists that are nearest to a query: they take less time, and miss what is in
 * others. Embeddings are copied into memory. Until the next entry is added, or this is called again.
 * SUPCON_ERROR_SETTINGS: built without faiss, or there is not the memory.
 */
gboolean supcon_index_approximate (SupconIndex *index, guint probes, guint threads, GError **error);

/**
 * As search, for one query; but of entries of one URI, or of none, that are less than gap nanoseconds apart only the
 * best is given.
 * Returns how many of the k were found, with scores of at least threshold.
 */
guint supcon_index_search_distinct (const SupconIndex *index, const SupconReal *query, guint k, gint64 gap,
    double threshold, guint threads, SupconNeighbour *neighbours);

/**
 * Reads a safetensors file: embeddings F32 [n, dim], which stay mapped and are read from disk when a search comes to
 * them, and, each of which may be absent, labels I32 [n] and uris I32 [n] (numbers of strings, -1: none), timestamps
 * I64 [n], label-names and uri-names U8 (the strings, each ended by a zero byte). Embeddings F64, F16 or BF16 are
 * converted. SUPCON_ERROR_NOT_FOUND, _READ or _FORMAT.
 */
SupconIndex *supcon_index_load (const char *location, GError **error);
/** Writes such a file; a file that is there is replaced in one step. SUPCON_ERROR_WRITE. */
gboolean supcon_index_save (const SupconIndex *index, const char *location, GError **error);

#endif
