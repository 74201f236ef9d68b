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

/** Whether there is something left; self may be NULL. */
static inline gboolean
supcon_fetch_left (const SupconFetch *self)
{
  return self && self->at < self->end;
}

/* Bytes of a line of a cache. */
#define SUPCON_FETCH_LINE 64
/* Runs of memory at most: four of a band's outputs and two of the next one's inputs. */
#define SUPCON_FETCH_RUNS 6

/** Runs of memory that are fetched one after the other: the one that is, and those that follow. */
typedef struct {
  SupconFetch now;
  const char *from[SUPCON_FETCH_RUNS];
  gsize bytes[SUPCON_FETCH_RUNS];
  guint next, n;
} SupconFetchRuns;

static inline void
supcon_fetch_add (SupconFetchRuns *self, const void *from, gsize bytes)
{
  g_assert (self->n < SUPCON_FETCH_RUNS);
  self->from[self->n] = from;
  self->bytes[self->n++] = bytes;
}

/** Spreads the runs over products of 'steps' steps together; by a line a step at most, so that none is passed over. */
static inline void
supcon_fetch_spread (SupconFetchRuns *self, gsize steps)
{
  gsize bytes = 0;

  for (guint i = 0; i < self->n; i++)
    bytes += self->bytes[i];
  self->now.step = MIN (SUPCON_FETCH_LINE, (bytes + steps - 1) / steps);
}

/** What the next product fetches. */
static inline SupconFetch *
supcon_fetch_next (SupconFetchRuns *self)
{
  if (!supcon_fetch_left (&self->now) && self->next < self->n) {
    self->now.at = self->from[self->next];
    self->now.end = self->now.at + self->bytes[self->next++];
  }
  return &self->now;
}

#endif
