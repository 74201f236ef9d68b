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
#define TAPS 24

/* What a routine reads and writes. Everything it writes is compared, and what lies around it. */
typedef struct {
  guint8 bytes[3 * PIXELS + 64], planes[3][PIXELS + 64], table[256];
  guint32 histogram[256], offsets[PIXELS];
  float floats[PIXELS + 4 * SUPCON_BLUR_BLOCK], sums[PIXELS + 4 * SUPCON_BLUR_BLOCK], weights[2 * RADIUS + 1];
  gint32 shift, resize_weights[PIXELS * TAPS];
  guint taps;
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
  /* Sums reach beyond bytes to both sides, but never beyond 32 bits. */
  for (guint i = 0; i < G_N_ELEMENTS (data->resize_weights); i++)
    data->resize_weights[i] = (gint32)(supcon_rng_next (rng) >> 13) - (1 << 18);
  data->taps = 1 + supcon_rng_below (rng, TAPS);
}

/* n outputs of some scale. */
static void
run_weigh (const SupconAugmentKernels *k, Data *d, guint n)
{
  double scale = 0.1 + 4 * (double)d->factor, support = d->shift < 0 ? 2 : 1, room[(TAPS + 2) * 64];
  guint first[64], count[64];

  n = 1 + n % 64;
  for (guint i = 0; i < n; i++) {
    first[i] = (guint)MAX (0.0, (i + 0.5) * scale - support + 0.5);
    count[i] = 1 + i % d->taps;
  }
  k->weigh (d->shift < 0, 0, scale, first, count, n, TAPS, room, d->resize_weights);
}

/* Two rows of 6,144 bytes to n bytes of pixels of three, out of pixels of three or four. */
static void
run_across (const SupconAugmentKernels *k, Data *d, guint n)
{
  enum { STRIDE = 3 * PIXELS / 2 };
  SupconAcross plan = { .channels = 3, .taps = d->taps, .stride = d->taps, .weights = d->resize_weights };
  guint pixels = MAX (n / 3, 1), room;

  plan.step = d->shift & 1 ? 3 : 4;
  plan.n = 3 * pixels;
  plan.offsets = d->offsets;
  room = STRIDE / plan.step - d->taps + 1;
  for (guint i = 0; i < plan.n; i++)
    d->offsets[i] = i / 3 * room / pixels * plan.step + i % 3;
  k->plan_across (&plan);
  for (guint times = 0; times < 8; times++)
    k->across (&plan, 2, d->bytes, STRIDE, 2 * STRIDE, d->planes[0], d->planes[1] - d->planes[0]);
  g_free (plan.table);
  for (guint row = 0; row < 2; row++)
    memset (d->planes[row] + plan.n, 0, sizeof d->planes[row] - plan.n);
}

static void
run_down (const SupconAugmentKernels *k, Data *d, guint n)
{
  const guint8 *rows[TAPS];

  for (guint i = 0; i < TAPS; i++)
    rows[i] = d->bytes + 256 * i;
  k->down (rows, d->resize_weights, d->taps, n, d->planes[0]);
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
run_ramp (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->ramp (d->shift * 0.37, d->factor, n, d->sums);
}

/* A turn of a picture of 64 rows, from outside to outside. */
static void
run_sample (const SupconAugmentKernels *k, Data *d, guint n)
{
  const guint8 *planes[3] = { d->planes[0], d->planes[1], d->planes[2] };
  guint8 *out[3] = { d->bytes, d->bytes + PIXELS, d->bytes + 2 * PIXELS };

  for (guint i = 0; i < n; i++) {
    d->floats[i] = (float)(i & 63) * d->factor + (float)(i >> 6) * 0.3f + (float)d->shift / 8;
    d->sums[i] = (float)(i >> 6) * d->factor - (float)(i & 63) * 0.3f - (float)d->shift / 8;
  }
  k->sample (planes, 3, 64, PIXELS / 64, d->floats, d->sums, n, out);
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

static void
run_add_bytes (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->add_bytes (d->bytes, n, d->factor, d->sums);
  k->add_bytes (d->bytes + 1, n, d->weights[0], d->sums);
}

static void
run_add_floats (const SupconAugmentKernels *k, Data *d, guint n)
{
  k->add_floats (d->floats, n, d->factor, d->sums);
  k->add_floats (d->floats + 1, n, d->weights[0], d->sums);
}

/* BT.601 of the usual range, stretched so that it goes beyond bytes. */
static void
run_convert (const SupconAugmentKernels *k, Data *d, guint n)
{
  SupconChroma chroma = { .offset = { 16, 128, 128 },
    .matrix = { { 1.164f, d->factor - 1, 1.596f }, { 1.164f, -0.392f, -0.813f }, { d->factor, 2.017f, 0 } } };

  k->convert (&chroma, d->planes[0], d->planes[1], d->planes[2], n, d->bytes);
}

static void
run_bend (const SupconAugmentKernels *k, Data *d, guint n)
{
  float *x = d->floats, *y = d->sums, y2 = (float)(d->shift * d->shift / 64);

  k->bend ((float)d->taps * 7, y2, d->factor * 1e-3f, -d->weights[0], n, x, y);
}

static const struct {
  const gchar *name;
  void (*run) (const SupconAugmentKernels *kernels, Data *data, guint n);
  gboolean fused; /* its sums may be rounded otherwise */
} routines[] = {
  { "weigh", run_weigh, FALSE },
  { "across", run_across, FALSE },
  { "down", run_down, FALSE },
  { "split", run_split, FALSE },
  { "join", run_join, FALSE },
  { "look_up", run_look_up, FALSE },
  { "count", run_count, FALSE },
  { "trace", run_trace, FALSE },
  { "take", run_take, FALSE },
  { "ramp", run_ramp, FALSE },
  { "sample", run_sample, FALSE },
  { "luma_sum", run_luma_sum, FALSE },
  { "saturate", run_saturate, FALSE },
  { "turn_hue", run_turn_hue, FALSE },
  { "grey", run_grey, FALSE },
  { "sharpen", run_sharpen, FALSE },
  { "to_float", run_to_float, FALSE },
  { "blur_down", run_blur_down, TRUE },
  { "blur_across", run_blur_across, TRUE },
  { "add_bytes", run_add_bytes, FALSE },
  { "add_floats", run_add_floats, FALSE },
  { "convert", run_convert, FALSE },
  { "bend", run_bend, FALSE },
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
