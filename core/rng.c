/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rng.h"

#include <math.h>

/* Philox's round constants (Salmon et al. 2011, table 2 and section 4.3). */
#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u
#define PHILOX_ROUNDS 10

static void
philox_block (const guint32 key[2], const guint32 counter[4], guint32 block[4])
{
  guint32 k0 = key[0], k1 = key[1];
  guint32 c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];

  for (guint round = 0; round < PHILOX_ROUNDS; round++) {
    guint64 p0 = (guint64)PHILOX_M0 * c0;
    guint64 p1 = (guint64)PHILOX_M1 * c2;

    c0 = (guint32)(p1 >> 32) ^ c1 ^ k0;
    c1 = (guint32)p1;
    c2 = (guint32)(p0 >> 32) ^ c3 ^ k1;
    c3 = (guint32)p0;
    k0 += PHILOX_W0;
    k1 += PHILOX_W1;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

void
supcon_rng_init (SupconRng *rng, guint64 seed, guint64 sample, guint32 view, guint32 operation)
{
  rng->key[0] = (guint32)seed;
  rng->key[1] = (guint32)(seed >> 32);
  /* The last word counts blocks; an operation's number shares a word with the view's, 16 bits each. */
  rng->counter[0] = 0;
  rng->counter[1] = (guint32)sample;
  rng->counter[2] = (guint32)(sample >> 32);
  rng->counter[3] = view << 16 | (operation & 0xFFFF);
  rng->used = 4;
}

guint32
supcon_rng_next (SupconRng *rng)
{
  if (rng->used == 4) {
    philox_block (rng->key, rng->counter, rng->block);
    rng->counter[0]++;
    rng->used = 0;
  }
  return rng->block[rng->used++];
}

double
supcon_rng_uniform (SupconRng *rng, double low, double high)
{
  return low + (high - low) * (supcon_rng_next (rng) * 0x1p-32);
}

guint32
supcon_rng_below (SupconRng *rng, guint32 n)
{
  /* Numbers below the remainder of 2^32 by n would favour small results (Lemire 2019). */
  guint64 product = (guint64)supcon_rng_next (rng) * n;

  if ((guint32)product < n) {
    guint32 threshold = -n % n;

    while ((guint32)product < threshold)
      product = (guint64)supcon_rng_next (rng) * n;
  }
  return (guint32)(product >> 32);
}

double
supcon_rng_normal (SupconRng *rng)
{
  double u = (supcon_rng_next (rng) + 1.0) * 0x1p-32;
  double angle = supcon_rng_uniform (rng, 0.0, 2.0 * G_PI);

  return sqrt (-2.0 * log (u)) * cos (angle);
}

double
supcon_rng_gamma (SupconRng *rng, double shape)
{
  double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt (9 * d), boost = 1;

  /* Section 6: a power of a uniform number takes a shape above 1 below it. */
  if (shape < 1)
    boost = pow ((supcon_rng_next (rng) + 1.0) * 0x1p-32, 1 / shape);
  for (;;) {
    double x = supcon_rng_normal (rng), v = 1 + c * x, u = (supcon_rng_next (rng) + 1.0) * 0x1p-32;

    v = v * v * v;
    if (v > 0 && log (u) < 0.5 * x * x + d - d * v + d * log (v))
      return d * v * boost;
  }
}

void
supcon_rng_permutation (SupconRng *rng, guint32 *order, guint32 n)
{
  for (guint32 i = 0; i < n; i++) {
    guint32 j = supcon_rng_below (rng, i + 1);

    order[i] = order[j];
    order[j] = i;
  }
}
