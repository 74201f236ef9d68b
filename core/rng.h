/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Random numbers from a counter, not from a state: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy
 * as 1, 2, 3"). A stream is named by (seed, sample, view, operation), so what a view gets depends neither on the thread
 * that makes it, nor on the order, nor on which other operations run.
 */
#ifndef SUPCON_RNG_H
#define SUPCON_RNG_H

#include <glib.h>

typedef struct {
  guint32 key[2];
  guint32 counter[4];
  guint32 block[4];
  guint used; /* numbers taken from block, 4 = none left */
} SupconRng;

/** Of view and operation the lower 16 bits count. */
void supcon_rng_init (SupconRng *rng, guint64 seed, guint64 sample, guint32 view, guint32 operation);
/** 32 uniform bits. */
guint32 supcon_rng_next (SupconRng *rng);
/** Uniform in [low, high). */
double supcon_rng_uniform (SupconRng *rng, double low, double high);
/** Uniform integer in [0, n), n > 0, without modulo bias. */
guint32 supcon_rng_below (SupconRng *rng, guint32 n);
/** Standard normal (Box and Muller). */
double supcon_rng_normal (SupconRng *rng);
/** Gamma(shape, 1), shape > 0: Marsaglia and Tsang 2000, "A simple method for generating gamma variables". */
double supcon_rng_gamma (SupconRng *rng, double shape);
/** Uniform permutation of 0..n-1 (Fisher and Yates) into order. */
void supcon_rng_permutation (SupconRng *rng, guint32 *order, guint32 n);

#endif
