/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/mix.h"

#include <math.h>

#include "loss/supcon.h"
#include "rng.h"

/* Streams of random numbers, apart from those of augmentation. */
#define PAIRS G_GUINT64_CONSTANT (0x6d6978)

static double
beta_draw (SupconRng *rng, double alpha)
{
  double x = supcon_rng_gamma (rng, alpha), y = supcon_rng_gamma (rng, alpha);

  return x + y > 0 ? x / (x + y) : 0.5;
}

static void
mix_pixels (guint8 *a, guint8 *b, gsize size, double share)
{
  for (gsize i = 0; i < size; i++) {
    guint8 x = a[i], y = b[i];

    a[i] = share * x + (1 - share) * y + 0.5;
    b[i] = share * y + (1 - share) * x + 0.5;
  }
}

/* Exchanges a box whose area is 1 - share of the picture, less what lies outside; returns the share that is kept. */
static double
exchange_box (SupconRng *rng, guint8 *a, guint8 *b, guint width, guint height, double share)
{
  double side = sqrt (1 - share);
  gint w = width * side, h = height * side;
  gint x = supcon_rng_below (rng, width), y = supcon_rng_below (rng, height);
  gint left = MAX (x - w / 2, 0), right = MIN (x - w / 2 + w, (gint)width);
  gint top = MAX (y - h / 2, 0), bottom = MIN (y - h / 2 + h, (gint)height);

  for (gint row = top; row < bottom; row++)
    for (gsize i = ((gsize)row * width + left) * 3; i < ((gsize)row * width + right) * 3; i++) {
      guint8 keep = a[i];

      a[i] = b[i];
      b[i] = keep;
    }
  return 1 - (double)(right - left) * (bottom - top) / ((double)width * height);
}

static void
mix_pair (const SupconMix *mix, SupconRng *rng, SupconBatch *batch, guint i, guint j)
{
  gsize size = (gsize)batch->width * batch->height * 3;
  guint8 *a = batch->pixels + i * size, *b = batch->pixels + j * size;
  gboolean cut = mix->cutmix > 0 && (mix->mixup == 0 || supcon_rng_uniform (rng, 0, 1) < 0.5);
  double share = beta_draw (rng, cut ? mix->cutmix : mix->mixup);

  if (cut)
    share = exchange_box (rng, a, b, batch->width, batch->height, share);
  else
    mix_pixels (a, b, size, share);
  batch->second[i] = batch->labels[j];
  batch->second[j] = batch->labels[i];
  batch->share[i] = batch->share[j] = share;
}

void
supcon_mix (const SupconMix *mix, guint64 seed, guint64 step, SupconBatch *batch)
{
  guint32 *order = batch->order;
  guint n = 0;
  SupconRng rng;

  if (mix->mixup == 0 && mix->cutmix == 0)
    return;
  supcon_rng_init (&rng, seed ^ PAIRS, step, 0, 0);
  supcon_rng_permutation (&rng, order, batch->n);
  for (guint i = 0; i < batch->n; i++)
    if (batch->labels[order[i]] != SUPCON_UNLABELLED)
      order[n++] = order[i];
  for (guint i = 0; i + 1 < n; i += 2) {
    supcon_rng_init (&rng, seed ^ PAIRS, step, i / 2 + 1, 0);
    mix_pair (mix, &rng, batch, order[i], order[i + 1]);
  }
}
