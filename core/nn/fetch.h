/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * What is needed after a product, fetched to the level-two cache a part with each of the product's steps: the weights
 * of the next one, or, where those are in the cache anyway, what a band goes on with. A processor does so by itself,
 * but too late. Private to nn.
 */
#ifndef SUPCON_NN_FETCH_H
#define SUPCON_NN_FETCH_H

#include <glib.h>

typedef struct {
  const char *at, *end;
  gsize step; /* bytes */
} SupconFetch;

/* Tiles that share the work, at most: more would ask for each line more often. */
#define SUPCON_FETCH_TILES 8
/* Bytes that a level-two cache of 1 MB holds beside what passes through it. */
#define SUPCON_FETCH_CACHE ((gsize)896 << 10)

/** The 'bytes' of weights at 'from', which follow as many, by 'tiles' tiles or more of 'steps' steps each; nothing
 * where the cache does not hold both and the 'beside' bytes that they are multiplied by. */
static inline SupconFetch
supcon_fetch (const void *from, gsize bytes, gsize beside, gsize tiles, gsize steps)
{
  gsize parts = steps * CLAMP (tiles, 1, SUPCON_FETCH_TILES);

  return (SupconFetch){ .at = from,
    .end = (const char *)from + (2 * bytes + beside <= SUPCON_FETCH_CACHE ? bytes : 0),
    .step = (bytes + parts - 1) / parts };
}

/* Bytes of a line of a cache. */
#define SUPCON_FETCH_LINE 64
/* Runs of memory at most. */
#define SUPCON_FETCH_RUNS 4

/** Runs of memory that are needed after many products. */
typedef struct {
  const char *from[SUPCON_FETCH_RUNS];
  gsize bytes[SUPCON_FETCH_RUNS];
  guint n;
} SupconFetchRuns;

static inline void
supcon_fetch_add (SupconFetchRuns *self, const void *from, gsize bytes)
{
  self->from[self->n] = from;
  self->bytes[self->n++] = bytes;
}

/** What product number i of n, of 'steps' steps, fetches of at least one run and at most n, each of which has about as
 * many products. A step is a line at most, so that none is passed over. */
static inline SupconFetch
supcon_fetch_part (const SupconFetchRuns *self, guint i, guint n, gsize steps)
{
  guint run = i * self->n / n;
  guint first = (run * n + self->n - 1) / self->n, end = ((run + 1) * n + self->n - 1) / self->n;
  gsize from = self->bytes[run] * (i - first) / (end - first);
  gsize to = self->bytes[run] * (i + 1 - first) / (end - first);

  return (SupconFetch){ .at = self->from[run] + from,
    .end = self->from[run] + to,
    .step = MIN (SUPCON_FETCH_LINE, (to - from + steps - 1) / steps) };
}

/** Whether there is something left; self may be NULL. */
static inline gboolean
supcon_fetch_left (const SupconFetch *self)
{
  return self && self->at < self->end;
}

#endif
