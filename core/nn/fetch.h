/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The weights that a product takes next, fetched to the level-two cache a part with each step of the one before: a
 * processor does so by itself, but too late where few pixels share weights that come from memory. Private to nn.
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

#endif
