/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries are walked once, in strips of as many as the tile product has rows. The queries are packed beforehand, a
 * column each, so that an entry's numbers are read where they lie and a strip's scores are compared with every query's
 * k-th best so far while they are in the first cache. */
#include "index/index_private.h"

#include <math.h>

#include "index/scores.h"
#include "nn/tile.h"
#include "parallel.h"
#include "simd.h"

/* Entries of a task, and the most queries that share one walk of them: both stay in the second cache. */
#define TASK_ROWS 1024
#define BLOCK_QUERIES 64
#define MAX_STRIP 16

typedef struct {
  const SupconIndex *index;
  const SupconTileKernels *kernels;
  guint k;
  guint width;        /* queries, rounded up to whole vectors */
  guint strip;        /* entries */
  gsize mapped_tasks; /* the first so many tasks are of the mapped embeddings */
  SupconReal *packed; /* dim x width */

  /* For each worker. */
  SupconNeighbour *heaps; /* width x k: the best so far, the worst of them first */
  guint *filled;          /* width */
  SupconReal *least;      /* width: no score below it is of use; infinite where there is no query */
} Search;

/* A total order, so that the k best are the same however the entries were shared out. */
static inline gboolean
is_better (const SupconNeighbour *a, const SupconNeighbour *b)
{
  return a->score > b->score || (a->score == b->score && a->entry < b->entry);
}

static void
sift_down (SupconNeighbour *heap, guint n, SupconNeighbour moved)
{
  guint at = 0;

  for (guint child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && is_better (&heap[child], &heap[child + 1]))
      child++;
    if (!is_better (&moved, &heap[child]))
      break;
    heap[at] = heap[child];
  }
  heap[at] = moved;
}

static void
sift_up (SupconNeighbour *heap, guint at, SupconNeighbour moved)
{
  while (at > 0 && is_better (&heap[(at - 1) / 2], &moved)) {
    heap[at] = heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  heap[at] = moved;
}

static void
offer (Search *self, guint worker, guint query, SupconNeighbour candidate)
{
  gsize column = (gsize)worker * self->width + query;
  SupconNeighbour *heap = self->heaps + column * self->k;

  if (self->filled[column] < self->k)
    sift_up (heap, self->filled[column]++, candidate);
  else if (is_better (&candidate, heap))
    sift_down (heap, self->k, candidate);
  if (self->filled[column] == self->k)
    self->least[column] = heap->score;
}

/* Which of the strip's entries are of use to any query: bit i is row i. Not a number compares as false and is nobody's
 * neighbour. */
SUPCON_MULTIVERSION static guint
rows_of_use (const SupconReal *scores, const SupconReal *least, guint rows, guint width)
{
  guint bits = 0;

  for (guint i = 0; i < rows; i++, scores += width) {
    gint any = 0;

    for (guint j = 0; j < width; j++)
      any |= scores[j] >= least[j];
    bits |= (guint)any << i;
  }
  return bits;
}

/* A column for each query, one or two vectors of them at a time. */
static void
score_by_tiles (const Search *self, const SupconReal *rows, guint n_rows, SupconReal *scores)
{
  guint lanes = self->kernels->lanes;
  SupconTile tile = {
    .a = rows,
    .a_row = self->index->dim,
    .a_inner = 1,
    .b_inner = self->width,
    .inner = self->index->dim,
    .outer = 1,
    .c_row = self->width,
  };

  for (guint column = 0, vectors; column < self->width; column += vectors * lanes) {
    vectors = MIN ((self->width - column) / lanes, 2);
    tile.b = self->packed + column;
    tile.c = scores + column;
    self->kernels->func[vectors - 1](&tile, n_rows);
  }
}

static void
search_strip (Search *self, guint worker, const SupconReal *rows, guint n_rows, gsize first_entry)
{
  SupconReal scores[MAX_STRIP * BLOCK_QUERIES];
  const SupconReal *least = self->least + (gsize)worker * self->width;

  /* The tiles' single numbers would not keep up with memory. */
  if (self->width == 1)
    supcon_index_scores (self->packed, self->index->dim, rows, n_rows, scores);
  else
    score_by_tiles (self, rows, n_rows, scores);
  for (guint bits = rows_of_use (scores, least, n_rows, self->width); bits; bits &= bits - 1) {
    guint i = g_bit_nth_lsf (bits, -1);

    for (guint j = 0; j < self->width; j++)
      if (scores[i * self->width + j] >= least[j])
        offer (self, worker, j, (SupconNeighbour){ first_entry + i, scores[i * self->width + j] });
  }
}

static void
search_task (gsize task, guint worker, gpointer data)
{
  Search *self = data;
  const SupconIndex *index = self->index;
  gboolean mapped = task < self->mapped_tasks;
  gsize first = (mapped ? task : task - self->mapped_tasks) * TASK_ROWS;
  gsize end = MIN (first + TASK_ROWS, mapped ? index->n_mapped : index->n_added);

  if (!mapped) {
    first += index->n_mapped;
    end += index->n_mapped;
  }
  for (gsize entry = first; entry < end; entry += self->strip)
    search_strip (self, worker, supcon_index_embedding (index, entry), (guint)MIN (self->strip, end - entry), entry);
}

static guint
width_of (guint n, guint lanes)
{
  return n == 1 ? 1 : (n + lanes - 1) / lanes * lanes;
}

/* Packs n <= BLOCK_QUERIES queries and makes the heaps empty. */
static void
begin (Search *self, guint n, const SupconReal *queries, guint workers)
{
  guint lanes = self->kernels->lanes;

  self->width = width_of (n, lanes);
  self->strip = MIN (self->kernels->max_rows[self->width > lanes], MAX_STRIP);
  memset (self->packed, 0, (gsize)self->index->dim * self->width * sizeof *self->packed);
  memset (self->filled, 0, (gsize)workers * self->width * sizeof *self->filled);
  for (gsize j = 0; j < (gsize)workers * self->width; j++)
    self->least[j] = INFINITY;
  for (guint j = 0; j < n; j++) {
    const SupconReal *query = queries + (gsize)j * self->index->dim;
    double scale = supcon_index_scale (self->index, query);

    if (scale == 0)
      continue;
    for (guint i = 0; i < self->index->dim; i++)
      self->packed[(gsize)i * self->width + j] = (SupconReal)(query[i] * scale);
    for (guint w = 0; w < workers; w++)
      self->least[(gsize)w * self->width + j] = -INFINITY;
  }
}

static int
compare_neighbours (const void *a, const void *b)
{
  return is_better (a, b) ? -1 : is_better (b, a);
}

/* The workers' best together, sorted; k of them, which may be more than there are entries. */
static void
finish (Search *self, guint n, guint workers, SupconNeighbour *neighbours, guint k)
{
  SupconNeighbour *all = g_new (SupconNeighbour, (gsize)workers * self->k);

  for (guint j = 0; j < n; j++) {
    gsize found = 0;

    for (guint w = 0; w < workers; w++) {
      gsize column = (gsize)w * self->width + j;

      memcpy (all + found, self->heaps + column * self->k, self->filled[column] * sizeof *all);
      found += self->filled[column];
    }
    qsort (all, found, sizeof *all, compare_neighbours);
    for (guint i = 0; i < k; i++)
      neighbours[(gsize)j * k + i]
          = i < MIN (found, self->k) ? all[i] : (SupconNeighbour){ SUPCON_NO_ENTRY, -INFINITY };
  }
  g_free (all);
}

static void
search_all (
    const SupconIndex *index, guint n, const SupconReal *queries, guint k, guint threads, SupconNeighbour *neighbours)
{
  gsize mapped_tasks = (index->n_mapped + TASK_ROWS - 1) / TASK_ROWS;
  gsize n_tasks = mapped_tasks + (index->n_added + TASK_ROWS - 1) / TASK_ROWS;
  guint workers = MIN (supcon_parallel_threads (threads), MAX (n_tasks, 1));
  gsize widest = width_of (MIN (n, BLOCK_QUERIES), supcon_tile_kernels ()->lanes), columns = workers * widest;
  Search self = {
    .index = index,
    .kernels = supcon_tile_kernels (),
    .k = (guint)MIN (k, MAX (supcon_index_count (index), 1)),
    .mapped_tasks = mapped_tasks,
    .packed = g_new (SupconReal, index->dim * widest),
    .filled = g_new (guint, columns),
    .least = g_new (SupconReal, columns),
  };
  self.heaps = g_new (SupconNeighbour, columns * self.k);

  for (guint first = 0; first < n; first += BLOCK_QUERIES) {
    guint block = MIN (n - first, BLOCK_QUERIES);

    begin (&self, block, queries + (gsize)first * index->dim, workers);
    supcon_parallel_for (threads, n_tasks, search_task, &self);
    finish (&self, block, workers, neighbours + (gsize)first * k, k);
  }
  g_free (self.packed);
  g_free (self.filled);
  g_free (self.least);
  g_free (self.heaps);
}

void
supcon_index_search (
    const SupconIndex *index, guint n, const SupconReal *queries, guint k, guint threads, SupconNeighbour *neighbours)
{
  if (index->lists)
    supcon_index_search_lists (index, n, queries, k, threads, neighbours);
  else
    search_all (index, n, queries, k, threads, neighbours);
}

static gboolean
is_near_a_better_one (const SupconIndex *index, const SupconNeighbour *neighbours, guint n, gsize entry, gint64 gap)
{
  gint64 time = g_array_index (index->timestamps, gint64, entry);
  gint32 uri = g_array_index (index->uris, gint32, entry);

  for (guint i = 0; time >= 0 && i < n; i++) {
    gint64 other = g_array_index (index->timestamps, gint64, neighbours[i].entry);

    if (other >= 0 && g_array_index (index->uris, gint32, neighbours[i].entry) == uri && ABS (time - other) < gap)
      return TRUE;
  }
  return FALSE;
}

guint
supcon_index_search_distinct (const SupconIndex *index, const SupconReal *query, guint k, gint64 gap, double threshold,
    guint threads, SupconNeighbour *neighbours)
{
  gsize count = supcon_index_count (index), candidates = MIN (k, count);
  guint found;

  /* How many of the best lie close together is not known before: looked among more until there are enough. */
  for (;; candidates = MIN (4 * candidates, count)) {
    SupconNeighbour *best = g_new (SupconNeighbour, candidates + 1);
    gboolean all_seen = candidates == count;

    found = 0;
    if (candidates > 0)
      supcon_index_search (index, 1, query, (guint)candidates, threads, best);
    for (gsize i = 0; i < candidates && found < k; i++) {
      if (best[i].entry == SUPCON_NO_ENTRY || best[i].score < threshold)
        all_seen = TRUE;
      else if (!is_near_a_better_one (index, neighbours, found, best[i].entry, gap))
        neighbours[found++] = best[i];
    }
    g_free (best);
    if (found == k || all_seen)
      return found;
  }
}
