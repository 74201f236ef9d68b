/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bfloat16 passes against their definition in double precision on the same rounded numbers.
 *
 * Tolerances: a float32 sum of k products that are exact in it (two significands of 8 bits) is off by at most
 * k 2^-24 times the sum of their magnitudes (Higham 2002, section 4.2), whatever the order; storing it as bfloat16 adds
 * half a unit, at most 2^-8 of its size. */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "cpu.h"
#include "model/model.h"
#include "nn/conv_bf16.h"
#include "nn/pool.h"
#include "nn/winograd.h"
#include "random.h"
#include "rng.h"

static SupconBfloat16 *
random_features (gsize n, guint stream)
{
  SupconBfloat16 *x = g_new (SupconBfloat16, n);
  SupconRng rng;

  supcon_rng_init (&rng, 1, stream, 0, 0);
  for (gsize i = 0; i < n; i++)
    x[i] = supcon_bfloat16_round (supcon_rng_normal (&rng));
  return x;
}

START_TEST (test_rounding)
{
  static const struct {
    float from, to;
  } known[] = { { 1, 1 }, { -0.0f, -0.0f }, { 1 + 1.0f / 256, 1 }, { 1 + 3.0f / 256, 1 + 4.0f / 256 },
    { 1 + 1.1f / 256, 1 + 2.0f / 256 }, { 3.4e38f, INFINITY }, { -INFINITY, -INFINITY } };
  const guint32 odd_nan = 0x7f800001;
  float nan;

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    ck_assert_float_eq (supcon_bfloat16_widen (supcon_bfloat16_round (known[i].from)), known[i].to);
  memcpy (&nan, &odd_nan, sizeof nan);
  ck_assert_float_nan (supcon_bfloat16_widen (supcon_bfloat16_round (nan)));
}
END_TEST

static void
check_tile (const SupconBf16Kernels *kernels)
{
  enum { OUTER = 3, INNER = 2, ROW = 70, K = OUTER * INNER * SUPCON_BF16_STEP };
  const gsize outer[OUTER] = { 5, 3000, 901 };
  const guint8 wanted[] = { 0, 2, 3, 4, 5, 6, 7, 11, 13, 14, 15, 16, 17, 19, 21, 30, 31 };
  SupconBfloat16 *a = random_features (6000, 1), *b = random_features (K * 32, 2);

  kernels->begin ();
  for (guint test = 0; test < 96; test++) {
    SupconFetch fetch = supcon_fetch (b, K * 32 * sizeof *b, 0, 1, OUTER * (INNER * SUPCON_BF16_STEP - 14) / 2);
    guint8 matters[32];
    float c[32 * 40], kept[32 * 40];
    SupconBf16Tile tile = { .a = a,
      .b = b,
      .a_row = ROW,
      .a_outer = outer,
      .outer = OUTER,
      .inner = INNER,
      .terms = test / 8 % 2 ? INNER * SUPCON_BF16_STEP - 14 : INNER * SUPCON_BF16_STEP,
      .wanted = test / 8 % 2 ? wanted : NULL,
      .n_wanted = test % 2 ? G_N_ELEMENTS (wanted) : 11, /* those below 16 */
      .rows = 1 + test % 2,
      .cols = 1 + test / 2 % 2,
      .c = c,
      .c_row = 40,
      .accumulate = test / 4 % 2,
      .passing = test / 32,
      .fetch = test / 16 % 2 ? &fetch : NULL };
    guint width = tile.cols * SUPCON_BF16_BLOCK;

    memset (matters, !tile.wanted, sizeof matters);
    for (guint i = 0; tile.wanted && i < tile.n_wanted; i++)
      matters[wanted[i]] = TRUE;
    for (guint k = 0; k < K; k++)
      for (guint j = 0; j < width; j++)
        if (k % (32 * INNER) >= tile.terms)
          b[k / 2 * 2 * width + 2 * j + k % 2] = 0;
    for (guint i = 0; i < G_N_ELEMENTS (c); i++)
      c[i] = kept[i] = i;
    kernels->product (&tile);
    if (!g_str_equal (kernels->name, "plain"))
      ck_assert (supcon_fetch_left (&fetch) == !tile.fetch);
    for (guint i = 0; i < 32; i++)
      for (guint j = 0; j < 40; j++) {
        double sum = tile.accumulate ? kept[i * 40 + j] : 0, size = fabs (sum);

        if (i >= tile.rows * SUPCON_BF16_BLOCK || j >= width) {
          ck_assert_float_eq (c[i * 40 + j], kept[i * 40 + j]);
          continue;
        }
        if (!matters[i])
          continue;
        for (guint k = 0; k < K; k++) {
          double product = (double)supcon_bfloat16_widen (a[outer[k / 32 / INNER] + i * ROW + k % (32 * INNER)])
                           * supcon_bfloat16_widen (b[k / 2 * 2 * width + 2 * j + k % 2]);

          sum += product;
          size += fabs (product);
        }
        ck_assert_msg (fabs (c[i * 40 + j] - sum) <= (K + 1) * ldexp (size, -24),
            "%s, case %u, (%u, %u): %g, expected %g", kernels->name, test, i, j, c[i * 40 + j], sum);
      }
  }
  kernels->end ();
  g_free (a);
  g_free (b);
}

START_TEST (test_tiles)
{
  check_tile (&supcon_bf16_plain);
#ifdef SUPCON_HAVE_AMX
  if (__builtin_cpu_supports ("avx512bf16"))
    check_tile (&supcon_bf16_avx512);
  if (supcon_cpu_amx_available ())
    check_tile (&supcon_bf16_amx);
#endif
}
END_TEST

#ifdef SUPCON_HAVE_AMX
/* The processor's own rounding: of the same bits as the plain one, but that subnormal numbers become zero. */
START_TEST (test_native_rounding)
{
  enum { N = 32 };
  static const guint32 low[N / 2] = { 0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x1234, 0x7ffe, 0x8123, 0xfffe, 2, 0xabcd };
  float c[N * N] __attribute__ ((aligned (64)));
  SupconBfloat16 found[N];
  const SupconFinish finish = { .channels = N, .precision = SUPCON_PRECISION_BFLOAT16, .target = found };
  SupconFinishBlock block = { .c = c, .c_row = N, .of = supcon_finish_rows, .count = 1 };

  if (!supcon_cpu_has_bf16 ())
    return;
  for (guint32 high = 0; high < 0x10000; high++) {
    guint32 bits[N];

    for (guint i = 0; i < N; i++)
      bits[i] = high << 16 | low[i % (N / 2)];
    memcpy (c, bits, sizeof bits);
    block.n = high % 2 ? N : 19;
    supcon_finish_native (&finish, &block);
    for (guint i = 0; i < block.n; i++) {
      if (isnan (c[i]))
        check_number (isnan (supcon_bfloat16_widen (found[i])), "%08x is rounded to %04x", bits[i], found[i]);
      else
        check_number (found[i] == (bits[i] << 1 >> 24 ? supcon_bfloat16_round (c[i]) : high & 0x8000),
            "%08x is rounded to %04x", bits[i], found[i]);
    }
  }
}
END_TEST

/* Both ways to finish a block: outputs within a unit (one may round a product before it adds), sums those of the
 * outputs that were written, of differences from the pivot where they are for mean and variance. */
static void
check_finish (const SupconFinish *finish, const SupconFinishBlock *block, guint kind, gsize size)
{
  SupconFinish self = *finish;
  const SupconNormSums *norm = finish->gradient ? finish->gradient->sums : NULL;
  SupconBfloat16 *out[2] = { random_features (size, 30), random_features (size, 30) };
  void (*const ways[2]) (const SupconFinish *, const SupconFinishBlock *)
      = { supcon_finish_plain, supcon_finish_native };
  SupconReal sums[2][128] = { { 0 } }, pivots[64] = { 0 };

  for (guint way = 0; way < 2; way++) {
    self.target = out[way];
    self.partial = finish->partial ? sums[way] : NULL;
    self.pivot = pivots;
    ways[way](&self, block);
    for (guint i = block->channel; finish->partial && i < block->channel + block->n; i++) {
      double sum = 0, product = 0, sum_size = 0, product_size = 0;

      if (!norm)
        ck_assert_float_eq (pivots[i], block->c[block->of[0] * block->c_row + i - block->channel]);
      for (guint k = 0; k < block->count; k++) {
        gsize at = block->at[k] + i;
        double value = supcon_bfloat16_widen (out[way][at]), left = norm ? value : value - (double)pivots[i];
        double factor
            = norm ? supcon_bfloat16_widen (((const SupconBfloat16 *)norm->x)[at]) - (double)norm->mean[i] : left;

        sum += left;
        sum_size += fabs (value) + fabs (pivots[i]);
        product += left * factor;
        product_size += (fabs (value) + fabs (pivots[i])) * (fabs (factor) + fabs (norm ? norm->mean[i] : pivots[i]));
      }
      ck_assert (fabs (sums[way][i] - sum) <= (block->count + 3) * ldexp (sum_size, -24));
      ck_assert (fabs (sums[way][i + finish->channels] - product) <= (block->count + 3) * ldexp (product_size, -24));
    }
  }
  for (gsize i = 0; i < size; i++) {
    double plain = supcon_bfloat16_widen (out[0][i]), native = supcon_bfloat16_widen (out[1][i]);

    ck_assert_msg (fabs (plain - native) <= ldexp (fabs (plain), -7) + 1e-5,
        "kind %u, %u channels, %zu: %g, expected %g", kind, block->n, i, native, plain);
  }
  g_free (out[0]);
  g_free (out[1]);
}

static void
check_native_finish (void)
{
  enum { CHANNELS = 64, PIXELS = 40, SIZE = CHANNELS * PIXELS };
  static const guint widths[] = { 32, 16, 20, 7 };
  SupconReal *scale = random_array (CHANNELS, 31), *shift = random_array (CHANNELS, 32);
  SupconReal *mean = random_array (CHANNELS, 33);
  SupconBfloat16 *added = random_features (SIZE, 34), *x = random_features (SIZE, 35), *y = random_features (SIZE, 36);
  SupconReal *c = random_array (32 * 32, 37), partial;
  guint8 of[29];
  SupconFinishBlock block = { .c = c, .c_row = 32, .of = of, .count = G_N_ELEMENTS (of), .channel = 32, .first = TRUE };

  for (guint i = 0; i < block.count; i++) {
    of[i] = i + i / 10;
    block.at[i] = (39 - i) * CHANNELS;
  }
  for (guint kind = 0; kind < 16; kind++) {
    const SupconNormSums sums = {
      .x = x, .y = kind % 8 / 2 == 1 ? y : NULL, .scale = kind % 8 / 2 < 3 ? scale : NULL, .shift = shift, .mean = mean
    };
    const SupconConvTarget gradient = { .add = kind % 2 ? added : NULL, .sums = kind % 8 / 2 ? &sums : NULL };
    const SupconConvEpilogue epilogue
        = { .scale = scale, .shift = shift, .residual = kind % 2 ? added : NULL, .relu = kind / 2 % 2 };
    SupconFinish finish = { .channels = CHANNELS, .precision = SUPCON_PRECISION_BFLOAT16 };

    if (kind < 8) {
      finish.gradient = &gradient;
      finish.partial = gradient.sums ? &partial : NULL;
    } else if (kind < 12) {
      finish.epilogue = &epilogue;
    } else {
      finish.partial = kind % 2 ? &partial : NULL;
    }
    for (guint i = 0; i < G_N_ELEMENTS (widths); i++) {
      block.n = widths[i];
      block.ahead = i % 2 ? 0 : CHANNELS;
      check_finish (&finish, &block, kind, SIZE);
    }
  }
  supcon_real_free (scale);
  supcon_real_free (shift);
  supcon_real_free (mean);
  supcon_real_free (c);
  g_free (added);
  g_free (x);
  g_free (y);
}

START_TEST (test_native_finish)
{
  if (supcon_cpu_has_bf16 ())
    check_native_finish ();
}
END_TEST
#endif

/* A sum in double with the size of its terms. */
typedef struct {
  double sum, size;
} Sum;

static void
add (Sum *to, double product)
{
  to->sum += product;
  to->size += fabs (product);
}

static void
check_feature (const char *what, guint test, const SupconBfloat16 *found, const Sum *expected, gsize n, guint terms)
{
  for (gsize i = 0; i < n; i++) {
    double value = supcon_bfloat16_widen (found[i]), tolerance = terms * ldexp (expected[i].size, -24);

    tolerance += ldexp (fabs (expected[i].sum) + tolerance, -8);
    check_number (fabs (value - expected[i].sum) <= tolerance, "case %u, %s %zu: %g, expected %g", test, what, i, value,
        expected[i].sum);
  }
}

/* How much greater Winograd's errors are: test_conv.c derives it. */
#define WINOGRAD_TIMES 26.24

/* The largest of windows is one of their numbers, in bfloat16 too; of equal ones the first. */
START_TEST (test_max_pool)
{
  enum { N = 2, H = 7, W = 6, C = 37, X = N * H * W * C, Y = N * 4 * 3 * C };
  SupconBfloat16 x[X], y[Y];
  float wide[X], expected[Y];
  guint8 index[Y], expected_index[Y];
  SupconRng rng;

  supcon_rng_init (&rng, 1, 0, 0, 0);
  for (guint i = 0; i < X; i++) {
    wide[i] = (gint)supcon_rng_below (&rng, 9) - 4;
    x[i] = supcon_bfloat16_round (wide[i]);
  }
  supcon_max_pool_forward (SUPCON_PRECISION_FLOAT32, N, H, W, C, wide, 1, expected, expected_index);
  supcon_max_pool_forward (SUPCON_PRECISION_BFLOAT16, N, H, W, C, x, 2, y, index);
  for (guint i = 0; i < Y; i++) {
    guint channel = i % C, col = i / C % 3, row = i / C / 3 % 4, image = i / C / 12, first = 9;

    for (guint k = 9; k-- > 0;) {
      gint a = (gint)(2 * row + k / 3) - 1, b = (gint)(2 * col + k % 3) - 1;

      if (a >= 0 && b >= 0 && a < H && b < W
          && wide[((image * H + (guint)a) * W + (guint)b) * C + channel] == expected[i])
        first = k;
    }
    ck_assert_float_eq (supcon_bfloat16_widen (y[i]), expected[i]);
    ck_assert_uint_eq (expected_index[i], first);
    ck_assert_uint_eq (index[i], first);
  }
}
END_TEST

/* height, width, in, out, kernel, stride, padding, pictures: the kernels and channels of all encoders, then bands of
 * rows and of pictures, sizes that the stride does not divide, few and odd channels, a single pixel. */
static const guint conv_cases[][8] = {
  { 23, 30, 3, 64, 7, 2, 3, 2 },
  { 9, 8, 64, 64, 3, 1, 1, 2 },
  { 9, 8, 64, 128, 3, 2, 1, 2 },
  { 8, 9, 64, 128, 1, 2, 0, 2 },
  { 7, 7, 128, 128, 3, 1, 1, 2 },
  { 7, 7, 128, 256, 3, 2, 1, 3 },
  { 6, 6, 256, 256, 3, 1, 1, 2 },
  { 6, 6, 256, 512, 3, 2, 1, 1 },
  { 4, 4, 512, 512, 3, 1, 1, 2 },
  { 10, 10, 64, 256, 1, 1, 0, 7 },
  { 5, 5, 256, 64, 1, 1, 0, 3 },
  { 5, 5, 512, 2048, 1, 1, 0, 1 },
  { 5, 5, 2048, 512, 1, 1, 0, 1 },
  { 4, 4, 1024, 2048, 1, 2, 0, 2 },
  /* what else resnet50 to 200 have */
  { 5, 5, 64, 64, 1, 1, 0, 3 },
  { 5, 5, 256, 128, 1, 1, 0, 3 },
  { 5, 5, 128, 512, 1, 1, 0, 2 },
  { 5, 5, 512, 128, 1, 1, 0, 2 },
  { 5, 5, 512, 256, 1, 1, 0, 2 },
  { 4, 4, 256, 1024, 1, 1, 0, 2 },
  { 4, 4, 1024, 256, 1, 1, 0, 2 },
  { 4, 4, 1024, 512, 1, 1, 0, 1 },
  { 5, 5, 128, 128, 3, 2, 1, 2 },
  { 5, 5, 256, 256, 3, 2, 1, 2 },
  { 4, 4, 512, 512, 3, 2, 1, 1 },
  { 5, 5, 256, 512, 1, 2, 0, 2 },
  { 5, 5, 512, 1024, 1, 2, 0, 2 },
  /* those for small pictures */
  { 32, 32, 3, 16, 3, 1, 1, 3 },
  { 32, 32, 16, 16, 3, 1, 1, 3 },
  { 32, 32, 16, 32, 3, 2, 1, 3 },
  { 16, 16, 32, 32, 3, 1, 1, 5 },
  { 16, 16, 32, 64, 3, 2, 1, 5 },
  { 8, 8, 64, 64, 3, 1, 1, 19 },
  { 9, 7, 7, 10, 3, 2, 1, 3 },
  { 40, 41, 7, 37, 3, 1, 1, 2 },
  { 13, 15, 7, 23, 1, 1, 0, 9 },
  { 11, 13, 33, 40, 5, 2, 2, 2 },
  { 1, 1, 6, 33, 3, 1, 1, 2 },
  { 1, 1, 32, 16, 1, 1, 0, 1 },
  { 2, 2, 4, 4, 3, 2, 1, 17 },
  { 6, 6, 8, 24, 1, 2, 0, 3 },
  { 60, 60, 2, 5, 3, 2, 1, 1 },
  { 3, 3, 2, 3, 5, 1, 2, 2 },
  /* sums of so many weights that tasks cut channels of both sides, unevenly */
  { 4, 4, 480, 400, 3, 1, 1, 2 },
  { 4, 4, 480, 400, 3, 2, 1, 1 },
  /* bands enough for both gradients at once */
  { 33, 32, 16, 16, 3, 1, 1, 5 },
  { 8, 8, 20, 17, 3, 1, 1, 70 },
  { 7, 9, 32, 48, 1, 1, 0, 70 },
};

static void
check_sum (const char *what, guint test, guint channel, double found, const Sum *expected, gsize terms)
{
  ck_assert_msg (fabs (found - expected->sum) <= (terms + 3) * ldexp (expected->size, -24),
      "case %u, %s of channel %u: %g, expected %g", test, what, channel, found, expected->sum);
}

/* terms: of a sum. */
static void
check_weights (guint test, const SupconReal *dw, const Sum *expected, gsize n, double terms)
{
  for (gsize i = 0; i < n; i++)
    check_number (fabs (dw[i] - expected[i].sum) <= (terms + 8) * ldexp (expected[i].size, -24),
        "case %u, weight %zu: %g, expected %g", test, i, dw[i], expected[i].sum);
}

/* What training does, with inputs that are normalised as they are read: of the same bits as from inputs that are kept,
 * x and dy, in y and dw (Winograd's gradient by weights in another order of sums alone). dx_sum: what the gradient by x
 * and 'before' add up to. */
static void
check_training (guint test, const SupconConv *conv, guint n, const SupconNormInput *x_input,
    const SupconNormInput *dy_input, const SupconReal *w, const SupconReal *packed, SupconWorkspace *workspace,
    const SupconBfloat16 *y, const SupconReal *dw, const Sum *dw_sum, const SupconBfloat16 *before, const Sum *dx_sum)
{
  gsize pixels = (gsize)n * conv->in_h * conv->in_w, x_size = pixels * conv->in_c;
  gsize outputs = (gsize)n * conv->out_h * conv->out_w, y_size = outputs * conv->out_c;
  gsize w_size = supcon_conv_weight_size (conv);
  SupconReal *mean = supcon_real_alloc (conv->out_c), *variance = supcon_real_alloc (conv->out_c);
  SupconReal *sum = supcon_real_alloc (conv->in_c), *product = supcon_real_alloc (conv->in_c);
  SupconReal *again = supcon_real_alloc (w_size), *centre = random_array (conv->in_c, 16);
  SupconReal *scale = random_array (conv->in_c, 17), *shift = random_array (conv->in_c, 18);
  SupconBfloat16 *found = g_new (SupconBfloat16, MAX (x_size, y_size)), *norm_x = random_features (x_size, 19);
  SupconBfloat16 *norm_y = random_features (x_size, 20);
  SupconNormSums sums = { .x = norm_x,
    .y = test % 2 ? norm_y : NULL,
    .scale = scale,
    .shift = shift,
    .mean = centre,
    .sum = sum,
    .product = product };
  SupconConvTarget target = { .dx = found, .add = found, .sums = conv->kernel >= conv->stride ? &sums : NULL };
  Sum *masked = g_new0 (Sum, x_size);
  const double times = conv->winograd ? WINOGRAD_TIMES : 1;

  supcon_conv_norm_reserve (conv, n, workspace);
  memset (workspace->worker, 0xff, workspace->n_workers * workspace->worker_size * sizeof (SupconReal));
  memset (workspace->shared, 0xff, workspace->shared_size * sizeof (SupconReal));
  supcon_conv_norm_forward (conv, n, x_input, packed, mean, variance, workspace, found);
  ck_assert_msg (memcmp (found, y, y_size * sizeof *y) == 0, "case %u: an input normalised on the way", test);
  for (guint c = 0; c < conv->out_c; c++) {
    Sum total = { 0 }, squares = { 0 };
    double expected, largest = 0;

    for (gsize p = 0; p < outputs; p++) {
      double value = supcon_bfloat16_widen (y[p * conv->out_c + c]);

      add (&total, value / outputs);
      add (&squares, value * value / outputs);
      largest = MAX (largest, fabs (value));
    }
    /* They are sums of differences from one of the numbers: of the largest, where it comes to the worst; for the
     * variance, within four deviations of the mean. */
    check_sum ("mean", test, c, mean[c], &(Sum){ total.sum, total.size + largest }, outputs);
    /* With d for the differences: of the mean of their squares, 17 variances, less that of their mean, 4 x sqrt (17)
     * twice. */
    expected = squares.sum - total.sum * total.sum;
    check_sum ("variance", test, c, variance[c], &(Sum){ expected, 50 * expected }, outputs);
  }

  for (gsize i = 0; i < w_size; i++)
    again[i] = 1;
  memcpy (found, before, x_size * sizeof *found);
  memset (workspace->worker, 0xff, workspace->n_workers * workspace->worker_size * sizeof (SupconReal));
  memset (workspace->shared, 0xff, workspace->shared_size * sizeof (SupconReal));
  supcon_conv_norm_backward (conv, n, x_input, dy_input, w, &target, workspace, again);
  if (conv->winograd_weights)
    check_weights (test, again, dw_sum, w_size, WINOGRAD_TIMES * outputs);
  else
    ck_assert_msg (memcmp (again, dw, w_size * sizeof *dw) == 0, "case %u: both gradients", test);
  for (gsize i = 0; i < x_size; i++) {
    guint c = i % conv->in_c;
    SupconReal value
        = sums.y ? supcon_bfloat16_widen (norm_y[i]) : fmaf (supcon_bfloat16_widen (norm_x[i]), scale[c], shift[c]);

    if (!target.sums || value > 0)
      masked[i] = dx_sum[i];
  }
  check_feature (
      "training's gradient", test, found, masked, x_size, times * conv->kernel * conv->kernel * conv->out_c + 1);
  for (guint c = 0; target.sums && c < conv->in_c; c++) {
    Sum total = { 0 }, products = { 0 };

    for (gsize p = 0; p < pixels; p++) {
      double dz = supcon_bfloat16_widen (found[p * conv->in_c + c]);

      add (&total, dz);
      add (&products, dz * ((double)supcon_bfloat16_widen (norm_x[p * conv->in_c + c]) - centre[c]));
    }
    check_sum ("sum", test, c, sum[c], &total, pixels);
    check_sum ("product", test, c, product[c], &products, pixels);
  }

  supcon_real_free (mean);
  supcon_real_free (variance);
  supcon_real_free (sum);
  supcon_real_free (product);
  supcon_real_free (again);
  supcon_real_free (centre);
  supcon_real_free (scale);
  supcon_real_free (shift);
  g_free (found);
  g_free (norm_x);
  g_free (norm_y);
  g_free (masked);
}

/* Each case by the passes in bfloat16 and, where they fit, by Winograd's, in float32: the gradient by weights alone,
 * and all three. */
START_TEST (test_conv)
{
  const guint *k = conv_cases[_i], n = k[7];
  SupconWorkspace workspace = { .threads = 1 + _i % 3 };
  SupconConv conv;
  gsize x_size, y_size, w_size;
  SupconBfloat16 *x, *w_rounded, *dy, *y, *dx, *before, *raw, *dz, *other;
  SupconReal *w, *dw, *scales[5];
  SupconNormInput x_input, dy_input;
  Sum *y_sum, *dx_sum, *added_sum, *dw_sum;

  supcon_conv_init (&conv, k[0], k[1], k[2], k[3], k[4], k[5], k[6]);
  conv.precision = SUPCON_PRECISION_BFLOAT16;
  x_size = n * supcon_conv_in_size (&conv);
  y_size = n * supcon_conv_out_size (&conv);
  w_size = supcon_conv_weight_size (&conv);
  raw = random_features (x_size, 1);
  w_rounded = random_features (w_size, 2);
  dz = random_features (y_size, 3);
  other = random_features (y_size, 5);
  for (guint i = 0; i < G_N_ELEMENTS (scales); i++)
    scales[i] = random_array (i < 2 ? conv.in_c : conv.out_c, 6 + i);
  x_input = (SupconNormInput){ .x = raw, .scale = scales[0], .shift = scales[1], .relu = TRUE };
  dy_input
      = (SupconNormInput){ .x = dz, .scale = scales[2], .other = other, .other_scale = scales[3], .shift = scales[4] };
  x = g_new (SupconBfloat16, x_size);
  dy = g_new (SupconBfloat16, y_size);
  supcon_norm_apply (SUPCON_PRECISION_BFLOAT16, x_size / conv.in_c, conv.in_c, &x_input, workspace.threads, x);
  supcon_norm_apply (SUPCON_PRECISION_BFLOAT16, y_size / conv.out_c, conv.out_c, &dy_input, workspace.threads, dy);
  before = random_features (x_size, 4);
  y = g_new (SupconBfloat16, y_size);
  dx = g_new (SupconBfloat16, x_size);
  w = supcon_real_alloc (w_size);
  dw = supcon_real_alloc (w_size);
  y_sum = g_new0 (Sum, y_size);
  dx_sum = g_new0 (Sum, x_size);
  dw_sum = g_new0 (Sum, w_size);
  for (gsize i = 0; i < w_size; i++) {
    w[i] = supcon_bfloat16_widen (w_rounded[i]);
    add (&dw_sum[i], 1);
  }
  for (guint image = 0; image < n; image++)
    for (guint row = 0; row < conv.out_h; row++)
      for (guint col = 0; col < conv.out_w; col++)
        for (guint kh = 0; kh < conv.kernel; kh++)
          for (guint kw = 0; kw < conv.kernel; kw++) {
            gint i = (gint)(row * conv.stride + kh) - (gint)conv.pad;
            gint j = (gint)(col * conv.stride + kw) - (gint)conv.pad;
            gsize y_at = ((image * conv.out_h + row) * conv.out_w + col) * conv.out_c, x_at, w_at;

            if (i < 0 || j < 0 || i >= (gint)conv.in_h || j >= (gint)conv.in_w)
              continue;
            x_at = ((image * conv.in_h + i) * conv.in_w + j) * conv.in_c;
            w_at = (kh * conv.kernel + kw) * conv.in_c * conv.out_c;
            for (guint c = 0; c < conv.in_c; c++) {
              double x_value = supcon_bfloat16_widen (x[x_at + c]);

              for (guint o = 0; o < conv.out_c; o++) {
                double w_value = w[w_at + c * conv.out_c + o], dy_value = supcon_bfloat16_widen (dy[y_at + o]);

                add (&y_sum[y_at + o], x_value * w_value);
                add (&dx_sum[x_at + c], dy_value * w_value);
                add (&dw_sum[w_at + c * conv.out_c + o], x_value * dy_value);
              }
            }
          }

  added_sum = g_memdup2 (dx_sum, x_size * sizeof *dx_sum);
  for (gsize i = 0; i < x_size; i++)
    add (&added_sum[i], supcon_bfloat16_widen (before[i]));

  for (guint passes = 0; passes < 3; passes++) {
    const double times = passes == 2 ? WINOGRAD_TIMES : 1, weights_times = passes ? WINOGRAD_TIMES : 1;
    SupconReal *packed;

    conv.winograd_weights = passes >= 1;
    conv.winograd = passes == 2;
    if ((passes && !supcon_winograd_fits (&conv)) || (passes == 2 && !supcon_winograd_fits_forward (&conv)))
      break;
    packed = supcon_real_alloc (supcon_conv_packed_size (&conv));
    supcon_conv_reserve (&conv, n, &workspace);
    supcon_conv_pack (&conv, w, workspace.threads, packed);
    /* What an earlier layer has left in the workspace must not matter. */
    memset (workspace.worker, 0xff, workspace.n_workers * workspace.worker_size * sizeof (SupconReal));
    memset (workspace.shared, 0xff, workspace.shared_size * sizeof (SupconReal));
    supcon_conv_forward (&conv, n, x, packed, NULL, &workspace, y);
    check_feature ("output", _i, y, y_sum, y_size, times * conv.kernel * conv.kernel * conv.in_c);

    for (gsize i = 0; i < w_size; i++)
      dw[i] = 1;
    memset (workspace.worker, 0xff, workspace.n_workers * workspace.worker_size * sizeof (SupconReal));
    supcon_conv_backward_weights (&conv, n, x, dy, &workspace, dw);
    check_weights (_i, dw, dw_sum, w_size, weights_times * (y_size / conv.out_c));

    memset (workspace.worker, 0xff, workspace.n_workers * workspace.worker_size * sizeof (SupconReal));
    supcon_conv_backward_input (&conv, n, dy, w, FALSE, &workspace, dx);
    check_feature ("gradient", _i, dx, dx_sum, x_size, times * conv.kernel * conv.kernel * conv.out_c);
    memcpy (dx, before, x_size * sizeof *dx);
    supcon_conv_backward_input (&conv, n, dy, w, TRUE, &workspace, dx);
    check_feature ("added gradient", _i, dx, added_sum, x_size, times * conv.kernel * conv.kernel * conv.out_c + 1);
    check_training (_i, &conv, n, &x_input, &dy_input, w, packed, &workspace, y, dw, dw_sum, before, added_sum);
    supcon_real_free (packed);
  }

  for (guint i = 0; i < G_N_ELEMENTS (scales); i++)
    supcon_real_free (scales[i]);
  g_free (raw);
  g_free (dz);
  g_free (other);
  g_free (x);
  g_free (w_rounded);
  g_free (dy);
  g_free (before);
  g_free (y);
  g_free (dx);
  supcon_real_free (w);
  supcon_real_free (dw);
  g_free (y_sum);
  g_free (dx_sum);
  g_free (added_sum);
  g_free (dw_sum);
  supcon_workspace_clear (&workspace);
}
END_TEST

/* auto: bfloat16 where the processor multiplies it, at the level that is permitted, and float32 elsewhere. */
START_TEST (test_auto)
{
  SupconModelConfig config;
  SupconModel *model;
  gboolean multiplies = supcon_cpu_has_bf16 () || supcon_cpu_level () >= SUPCON_CPU_AMX;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
  config.input_width = config.input_height = 32;
  model = supcon_model_new (&config, 0, NULL);
  supcon_model_set_precision (model, SUPCON_PRECISION_AUTO);
  ck_assert_int_eq (supcon_model_precision (model), multiplies ? SUPCON_PRECISION_BFLOAT16 : SUPCON_PRECISION_FLOAT32);
  supcon_model_free (model);
}
END_TEST

enum { N = 12, SIZE = 32 };

/* Embeddings, then all gradients of the sum of r's products with noise. Pictures that differ and weak branches keep the
 * network well conditioned: of pictures that are alike, or deep at random weights, batch normalisation enlarges what
 * little differs, rounding too. */
static SupconReal *
pass (const char *encoder, SupconPrecision precision, guint threads, gboolean rounded, gsize *size)
{
  const char *last_norm = g_str_equal (encoder, "resnet50") ? "bn3.weight" : "bn2.weight";
  SupconModelConfig config;
  SupconModel *model;
  SupconParam *params;
  guint8 *pixels = g_malloc (N * SIZE * SIZE * 3);
  SupconReal *result, *dz;
  SupconRng rng;
  guint n, dim;
  gsize at;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, encoder, sizeof config.encoder);
  config.stem = SUPCON_STEM_SMALL;
  config.width = 0.5;
  config.projection = SUPCON_PROJECTION_NONE;
  config.input_width = config.input_height = SIZE;
  model = supcon_model_new (&config, 5, NULL);
  supcon_model_set_threads (model, threads);
  supcon_model_set_precision (model, precision);
  ck_assert_int_eq (supcon_model_precision (model), precision);
  supcon_model_enable_training (model);
  dim = supcon_model_embedding_dim (model);
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; strstr (params[i].name, last_norm) && k < params[i].size; k++)
      params[i].data[k] = 0.1;
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; rounded && k < params[i].size; k++)
      params[i].data[k] = supcon_bfloat16_widen (supcon_bfloat16_round (params[i].data[k]));
  for (guint i = 0; i < N; i++)
    for (guint p = 0; p < SIZE * SIZE * 3; p++)
      pixels[i * SIZE * SIZE * 3 + p] = 128 + 30 * sin (i + p % 3 * 2) + 40 * sin (p / 3 % SIZE * (1 + i) * 0.3)
                                        + 40 * cos (p / 3 / SIZE * i * 0.2);
  supcon_rng_init (&rng, 2, 0, 0, 0);
  dz = g_new (SupconReal, N * supcon_model_projection_dim (model));
  for (guint i = 0; i < N * supcon_model_projection_dim (model); i++)
    dz[i] = supcon_rng_normal (&rng);

  at = N * dim;
  for (guint i = 0; i < n; i++)
    at += params[i].grad ? params[i].size : 0;
  *size = at;
  result = g_new (SupconReal, at);
  supcon_model_embed (model, pixels, N, result);
  supcon_model_forward (model, pixels, N);
  supcon_model_forward_projection (model);
  supcon_model_backward (model, dz);
  at = N * dim;
  for (guint i = 0; i < n; i++)
    if (params[i].grad) {
      memcpy (result + at, params[i].grad, params[i].size * sizeof *result);
      at += params[i].size;
    }
  g_free (dz);
  g_free (pixels);
  supcon_model_free (model);
  return result;
}

static double
difference (const SupconReal *a, const SupconReal *b, gsize n)
{
  double error = 0, length = 0;

  for (gsize i = 0; i < n; i++) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    length += b[i] * b[i];
  }
  return sqrt (error / length);
}

/* How far rounding moves a network depends on its weights. So the measure is float32 whose weights alone are rounded:
 * one error of a product's terms. bfloat16 has at most eight of that size, independent of each other: the weights, a
 * layer's input and its output; on the way back dz, the convolution's gradient, the input again, the weights and the
 * sum with the shortcut's. Their squares add up, to sqrt (8) times the one. */
START_TEST (test_network)
{
  static const char *const encoders[] = { "resnet8", "resnet20", "resnet18", "resnet50" };

  for (guint e = 0; e < G_N_ELEMENTS (encoders); e++) {
    gsize size, embeddings;
    SupconReal *exact = pass (encoders[e], SUPCON_PRECISION_FLOAT32, 2, FALSE, &size);
    SupconReal *rounded = pass (encoders[e], SUPCON_PRECISION_FLOAT32, 2, TRUE, &size);
    SupconReal *one = pass (encoders[e], SUPCON_PRECISION_BFLOAT16, 1, FALSE, &size);
    const double times = sqrt (8);
    double allowed, gradients;

    embeddings = N * (e < 2 ? 32 : e == 2 ? 256 : 1024);
    allowed = times * difference (rounded, exact, embeddings);
    ck_assert_msg (difference (one, exact, embeddings) <= allowed, "%s: embeddings are %g off, expected at most %g",
        encoders[e], difference (one, exact, embeddings), allowed);
    gradients = difference (one + embeddings, exact + embeddings, size - embeddings);
    allowed = times * difference (rounded + embeddings, exact + embeddings, size - embeddings);
    ck_assert_msg (
        gradients <= allowed, "%s: gradients are %g off, expected at most %g", encoders[e], gradients, allowed);
    for (guint threads = 2; threads < 4; threads++) {
      SupconReal *more = pass (encoders[e], SUPCON_PRECISION_BFLOAT16, threads, FALSE, &size);

      ck_assert_msg (
          memcmp (one, more, size * sizeof *one) == 0, "%s: %u threads give other bits", encoders[e], threads);
      g_free (more);
    }
    g_free (exact);
    g_free (rounded);
    g_free (one);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("bf16");
  TCase *kernels = tcase_create ("kernels"), *networks = tcase_create ("networks");
  SRunner *runner = srunner_create (suite);
  int failed;

  /* tests/meson.build runs the first case for each instruction set, and both with the processor's best. */
  tcase_set_timeout (kernels, SUPCON_TEST_SECONDS);
  tcase_add_test (kernels, test_rounding);
  tcase_add_test (kernels, test_tiles);
#ifdef SUPCON_HAVE_AMX
  tcase_add_test (kernels, test_native_rounding);
  tcase_add_test (kernels, test_native_finish);
#endif
  tcase_add_loop_test (kernels, test_conv, 0, G_N_ELEMENTS (conv_cases));
  tcase_add_test (kernels, test_max_pool);
  tcase_add_test (kernels, test_auto);
  suite_add_tcase (suite, kernels);
  tcase_set_timeout (networks, SUPCON_TEST_SECONDS);
  tcase_add_test (networks, test_network);
  suite_add_tcase (suite, networks);
  srunner_run_all (runner, CK_NORMAL);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
