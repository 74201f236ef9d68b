/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each vector routine of augmentation against its plain C twin, on random rows of random lengths, and timed beside it:
 * checkkernels [NAME]. In the manner of dav1d's checkasm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "augment/kernels.h"
#include "rng.h"

#define PIXELS 4096
#define ROUNDS 300
#define SECONDS 0.05
#define RADIUS 11

/* What a routine reads and writes. Everything it writes is compared, and what lies around it. */
typedef struct {
  guint8 bytes[3 * PIXELS + 64], planes[3][PIXELS + 64], table[256];
  guint32 histogram[256], offsets[PIXELS];
  float floats[PIXELS + 4 * SUPCON_BLUR_BLOCK], sums[PIXELS + 4 * SUPCON_BLUR_BLOCK], weights[2 * RADIUS + 1];
  gint32 shift;
  float factor;
} Data;

static void
fill (Data *data, SupconRng *rng)
{
  float total = 0;

  for (gsize i = 0; i < sizeof data->bytes; i++)
    data->bytes[i] = supcon_rng_next (rng) >> 24;
  for (guint c = 0; c < 3; c++)
    for (guint i = 0; i < sizeof data->planes[c]; i++)
      data->planes[c][i] = supcon_rng_next (rng) >> 24;
  for (guint i = 0; i < 256; i++)
    data->table[i] = supcon_rng_next (rng) >> 24;
  memset (data->histogram, 0, sizeof data->histogram);
  for (guint i = 0; i < PIXELS; i++)
    data->offsets[i] = supcon_rng_below (rng, PIXELS);
  for (guint i = 0; i < G_N_ELEMENTS (data->floats); i++)
    data->floats[i] = supcon_rng_next (rng) >> 24;
  memset (data->sums, 0, sizeof data->sums);
  for (guint i = 0; i < G_N_ELEMENTS (data->weights); i++)
    total += data->weights[i] = (float)supcon_rng_uniform (rng, 0.01, 1);
  for (guint i = 0; i < G_N_ELEMENTS (data->weights); i++)
    data->weights[i] /= total;
  data->shift = (gint32)supcon_rng_below (rng, 255) - 127;
  data->factor = (float)supcon_rng_uniform (rng, 0, 2.5);
}

static void
run_split (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->split (d->bytes, n, d->planes[0], d->planes[1], d->planes[2]);
}

static void
run_join (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->join (d->planes[0], d->planes[1], d->planes[2], n, d->bytes);
}

static void
run_look_up (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->look_up (d->bytes, n, d->table);
}

static void
run_count (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->count (d->bytes, n, d->histogram);
}

static void
run_trace (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->trace (d->shift * 1024, 77 << 14, d->shift * 99, 1 << 13, n, PIXELS, d->offsets);
}

static void
run_take (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->take (d->planes[0], d->offsets, n, d->bytes);
}

static void
run_luma_sum (const SupconAugmentKernels *k, Data *d, guint n)
{
  d->histogram[0] = k->luma_sum (d->planes[0], d->planes[1], d->planes[2], n);
}

static void
run_saturate (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->saturate (d->planes[0], d->planes[1], d->planes[2], n, d->factor);
}

static void
run_turn_hue (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->turn_hue (d->planes[0], d->planes[1], d->planes[2], n, d->shift);
}

static void
run_grey (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->grey (d->planes[0], d->planes[1], d->planes[2], n);
}

static void
run_sharpen (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->sharpen (d->planes[0], d->planes[1], d->planes[2], n, d->factor, d->bytes);
}

static void
run_to_float (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->to_float (d->bytes, n, d->sums);
}

static void
run_blur_down (const SupconAugmentKernels *k, Data *d, guint n)
{
  const float *rows[2 * RADIUS + 1];

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    rows[i] = d->floats + i;
  k->blur_down (rows, G_N_ELEMENTS (rows), d->weights, n, d->sums);
}

static void
run_blur_across (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->blur_across (d->floats, n, d->weights, 2 * RADIUS + 1, d->bytes);
}

static const struct {
  const gchar *name;
  void (*run) (const SupconAugmentKernels *kernels, Data *data, guint n);
  gboolean fused; /* its sums may be rounded otherwise */
} routines[] = {
  { "split", run_split, FALSE },
  { "join", run_join, FALSE },
  { "look_up", run_look_up, FALSE },
  { "count", run_count, FALSE },
  { "trace", run_trace, FALSE },
  { "take", run_take, FALSE },
  { "luma_sum", run_luma_sum, FALSE },
  { "saturate", run_saturate, FALSE },
  { "turn_hue", run_turn_hue, FALSE },
  { "grey", run_grey, FALSE },
  { "sharpen", run_sharpen, FALSE },
  { "to_float", run_to_float, FALSE },
  { "blur_down", run_blur_down, TRUE },
  { "blur_across", run_blur_across, TRUE },
};

static gboolean
same (const Data *a, const Data *b, gboolean fused, guint n)
{
  if (!fused)
    return memcmp (a, b, sizeof *a) == 0;
  /* Sums behind are of whole blocks. */
  for (guint i = 0; i < n; i++)
    if (ABS (a->sums[i] - b->sums[i]) > 1e-3f)
      return FALSE;
  for (gsize i = 0; i < sizeof a->bytes; i++)
    if (ABS (a->bytes[i] - b->bytes[i]) > 1)
      return FALSE;
  return memcmp (a->planes, b->planes, sizeof a->planes) == 0;
}

/* Processor time of one pixel, in nanoseconds. */
static double
measure (guint routine, const SupconAugmentKernels *kernels, Data *data)
{
  clock_t begin = clock (), end;
  guint n = 0;

  do {
    for (guint i = 0; i < 10; i++, n++)
      routines[routine].run (kernels, data, PIXELS);
    end = clock ();
  } while (end - begin < SECONDS * CLOCKS_PER_SEC);
  return (double)(end - begin) / CLOCKS_PER_SEC * 1e9 / n / PIXELS;
}

int
main (int argc, char **argv)
{
  Data *plain = g_new0 (Data, 1), *vector = g_new0 (Data, 1);
  guint failed = 0;
  SupconRng rng;

  supcon_rng_init (&rng, 1, 0, 0, 0);
  printf ("%-12s %-8s %12s %12s %8s\n", "routine", "set", "plain ns/px", "ns/px", "faster");
  for (guint r = 0; r < G_N_ELEMENTS (routines); r++) {
    if (argc > 1 && strcmp (argv[1], routines[r].name) != 0)
      continue;
    for (const SupconAugmentKernels *const *k = supcon_augment_all_kernels (); *k; k++) {
      double slow, fast;
      guint round;

      if (*k == &supcon_augment_plain)
        continue;
      for (round = 0; round < ROUNDS; round++) {
        guint n = 1 + supcon_rng_below (&rng, round % 2 ? PIXELS : 300);

        fill (plain, &rng);
        memcpy (vector, plain, sizeof *plain);
        routines[r].run (&supcon_augment_plain, plain, n);
        routines[r].run (*k, vector, n);
        if (!same (plain, vector, routines[r].fused, n))
          break;
      }
      fill (plain, &rng);
      memcpy (vector, plain, sizeof *plain);
      slow = measure (r, &supcon_augment_plain, plain);
      fast = measure (r, *k, vector);
      printf ("%-12s %-8s %12.3f %12.3f %7.1fx%s\n", routines[r].name, (*k)->name, slow, fast, slow / fast,
          round < ROUNDS ? "  DIFFERS" : "");
      failed += round < ROUNDS;
    }
  }
  g_free (plain);
  g_free (vector);
  return failed > 0;
}
