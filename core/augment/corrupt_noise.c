/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/corrupt_private.h"

void
supcon_corrupt_gaussian_noise (SupconPlanes *picture, guint severity, SupconRng *rng)
{
  static const double sigma[2][5] = { { 0.04, 0.06, 0.08, 0.09, 0.10 }, { 0.08, 0.12, 0.18, 0.26, 0.38 } };
  double scale = 255.0 * sigma[corrupt_table (picture)][severity - 1];

  for (guint c = 0; c < picture->channels; c++)
    for (gsize i = 0; i < corrupt_pixels (picture); i++)
      picture->plane[c][i] = corrupt_byte (picture->plane[c][i] + scale * supcon_rng_normal (rng));
}

/* The smallest number whose distribution function is above a uniform number. */
static guint
draw_poisson (double mean, SupconRng *rng)
{
  double u = supcon_rng_uniform (rng, 0.0, 1.0), p = exp (-mean), sum = p;
  guint k = 0;

  /* What is left of the tail is below the uniform number's own step. */
  while (sum <= u && k < 10000) {
    p *= mean / ++k;
    sum += p;
  }
  return k;
}

void
supcon_corrupt_shot_noise (SupconPlanes *picture, guint severity, SupconRng *rng)
{
  static const double photons[2][5] = { { 500, 250, 100, 75, 50 }, { 60, 25, 12, 5, 3 } };
  double white = photons[corrupt_table (picture)][severity - 1];

  for (guint c = 0; c < picture->channels; c++)
    for (gsize i = 0; i < corrupt_pixels (picture); i++)
      picture->plane[c][i] = corrupt_byte (draw_poisson (picture->plane[c][i] / 255.0 * white, rng) / white * 255.0);
}

/* Salt and pepper, half each. */
void
supcon_corrupt_impulse_noise (SupconPlanes *picture, guint severity, SupconRng *rng)
{
  static const double share[2][5] = { { 0.01, 0.02, 0.03, 0.05, 0.07 }, { 0.03, 0.06, 0.09, 0.17, 0.27 } };
  double amount = share[corrupt_table (picture)][severity - 1];

  for (guint c = 0; c < picture->channels; c++)
    for (gsize i = 0; i < corrupt_pixels (picture); i++) {
      double u = supcon_rng_uniform (rng, 0.0, 1.0);

      if (u < amount)
        picture->plane[c][i] = u < amount / 2 ? 255 : 0;
    }
}
