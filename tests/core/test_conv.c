/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The float32 passes of convolution over the shapes of all encoders, by both ways where there are two, against their
 * definition in double precision.
 *
 * Tolerances. Numbers are normal with variance 1. If rounding errors are independent (Higham and Mary 2019), the k-th
 * partial sum of n products, of size sqrt(k), is rounded by at most u sqrt(k), u = 2^-24, so that the sum's error has a
 * deviation of at most u n / sqrt(2); eight of them are allowed, and four roundings more for what is around the sum.
 * Winograd's output is a sum over positions i, j of A^T_ki A^T_lj times such a sum of products of transformed numbers,
 * whose variances are |G_i|^2 |G_j|^2 and |B^T_i|^2 |B^T_j|^2 (squared lengths of rows): its error's deviation is
 * greater by AMPLIFICATION = max_k sum_i (A^T_ki)^2 |G_i|^2 |B^T_i|^2 (the root of its square, for two dimensions), and
 * likewise with columns of G and lengths of A's rows by its gradient's. */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "cpu.h"
#include "nn/conv.h"
#include "random.h"
#include "rng.h"

#define AMPLIFICATION 24.55
#define GRADIENT_AMPLIFICATION 26.24

/* height and width, in, out, kernel, stride, pictures. */
static const guint shapes[][6] = {
  /* Stems. */
  { 224, 3, 64, 7, 2, 1 },
  { 32, 3, 64, 3, 1, 1 },
  { 32, 3, 16, 3, 1, 3 },
  /* resnet18 and 34. */
  { 56, 64, 64, 3, 1, 1 },
  { 56, 64, 128, 3, 2, 1 },
  { 56, 64, 128, 1, 2, 1 },
  { 28, 128, 128, 3, 1, 2 },
  { 28, 128, 256, 3, 2, 1 },
  { 28, 128, 256, 1, 2, 1 },
  { 14, 256, 256, 3, 1, 3 },
  { 14, 256, 512, 3, 2, 1 },
  { 14, 256, 512, 1, 2, 1 },
  { 7, 512, 512, 3, 1, 5 },
  /* The same with a small stem. */
  { 32, 64, 64, 3, 1, 1 },
  { 32, 64, 128, 3, 2, 1 },
  { 32, 64, 128, 1, 2, 1 },
  { 16, 128, 128, 3, 1, 2 },
  { 16, 128, 256, 3, 2, 1 },
  { 16, 128, 256, 1, 2, 1 },
  { 8, 256, 256, 3, 1, 3 },
  { 8, 256, 512, 3, 2, 1 },
  { 8, 256, 512, 1, 2, 1 },
  { 4, 512, 512, 3, 1, 9 },
  /* resnet50 to 200, beside these. */
  { 56, 64, 64, 1, 1, 1 },
  { 56, 64, 256, 1, 1, 1 },
  { 56, 256, 64, 1, 1, 1 },
  { 56, 256, 128, 1, 1, 1 },
  { 56, 128, 128, 3, 2, 1 },
  { 56, 256, 512, 1, 2, 1 },
  { 28, 128, 512, 1, 1, 1 },
  { 28, 512, 128, 1, 1, 1 },
  { 28, 512, 256, 1, 1, 1 },
  { 28, 256, 256, 3, 2, 1 },
  { 28, 512, 1024, 1, 2, 1 },
  { 14, 256, 1024, 1, 1, 1 },
  { 14, 1024, 256, 1, 1, 1 },
  { 14, 1024, 512, 1, 1, 1 },
  { 14, 512, 512, 3, 2, 1 },
  { 14, 1024, 2048, 1, 2, 1 },
  { 7, 512, 2048, 1, 1, 2 },
  { 7, 2048, 512, 1, 1, 2 },
  /* The same with a small stem. */
  { 32, 64, 64, 1, 1, 1 },
  { 32, 64, 256, 1, 1, 1 },
  { 32, 256, 64, 1, 1, 1 },
  { 32, 256, 128, 1, 1, 1 },
  { 32, 128, 128, 3, 2, 1 },
  { 32, 256, 512, 1, 2, 1 },
  { 16, 128, 512, 1, 1, 1 },
  { 16, 512, 128, 1, 1, 1 },
  { 16, 512, 256, 1, 1, 1 },
  { 16, 256, 256, 3, 2, 1 },
  { 16, 512, 1024, 1, 2, 1 },
  { 8, 256, 1024, 1, 1, 2 },
  { 8, 1024, 256, 1, 1, 2 },
  { 8, 1024, 512, 1, 1, 1 },
  { 8, 512, 512, 3, 2, 1 },
  { 8, 1024, 2048, 1, 2, 1 },
  { 4, 512, 2048, 1, 1, 3 },
  { 4, 2048, 512, 1, 1, 3 },
  /* resnet8 to 110. */
  { 32, 16, 16, 3, 1, 5 },
  { 32, 16, 32, 3, 2, 3 },
  { 16, 32, 32, 3, 1, 9 },
  { 16, 32, 64, 3, 2, 3 },
  { 8, 64, 64, 3, 1, 20 },
  /* Others: one pixel, seven channels, what strides and tiles do not divide. */
  { 1, 7, 9, 3, 1, 3 },
  { 1, 32, 48, 3, 1, 7 },
  { 9, 7, 7, 3, 2, 2 },
  { 9, 7, 7, 1, 2, 2 },
  { 13, 48, 80, 3, 1, 3 },
  { 5, 16, 16, 3, 1, 1 },
};

typedef struct {
  SupconConv conv;
  guint n, threads;
  SupconReal *x, *w, *dy;
  SupconReal *y, *dx, *dw; /* results */
  gsize x_size, w_size, y_size;
} Case;

static void
run (Case *c)
{
  SupconWorkspace workspace = { .threads = c->threads };
  SupconReal *packed = supcon_real_alloc (supcon_conv_packed_size (&c->conv));

  supcon_conv_reserve (&c->conv, c->n, &workspace);
  supcon_conv_pack (&c->conv, c->w, c->threads, packed);
  supcon_conv_forward (&c->conv, c->n, c->x, packed, NULL, &workspace, c->y);
  supcon_conv_backward_input (&c->conv, c->n, c->dy, c->w, FALSE, &workspace, c->dx);
  memset (c->dw, 0, c->w_size * sizeof *c->dw);
  supcon_conv_backward_weights (&c->conv, c->n, c->x, c->dy, &workspace, c->dw);
  supcon_real_free (packed);
  supcon_workspace_clear (&workspace);
}

/* For each tap (kh, kw) of an output pixel that lies inside the picture. */
#define FOR_TAPS(conv, row, col)                                                                                       \
  for (guint kh = 0; kh < (conv)->kernel; kh++)                                                                        \
    for (guint kw = 0; kw < (conv)->kernel; kw++)                                                                      \
      if ((row) * (conv)->stride + kh >= (conv)->pad && (row) * (conv)->stride + kh - (conv)->pad < (conv)->in_h       \
          && (col) * (conv)->stride + kw >= (conv)->pad && (col) * (conv)->stride + kw - (conv)->pad < (conv)->in_w)

static double
expected_output (const Case *c, gsize at)
{
  const SupconConv *conv = &c->conv;
  guint o = at % conv->out_c, col = at / conv->out_c % conv->out_w, row = at / conv->out_c / conv->out_w % conv->out_h;
  gsize image = at / supcon_conv_out_size (conv);
  double sum = 0;

  FOR_TAPS (conv, row, col)
  {
    gsize i = row * conv->stride + kh - conv->pad, j = col * conv->stride + kw - conv->pad;

    for (guint ch = 0; ch < conv->in_c; ch++)
      sum += (double)c->x[((image * conv->in_h + i) * conv->in_w + j) * conv->in_c + ch]
             * c->w[((gsize)(kh * conv->kernel + kw) * conv->in_c + ch) * conv->out_c + o];
  }
  return sum;
}

static double
expected_input (const Case *c, gsize at)
{
  const SupconConv *conv = &c->conv;
  guint ch = at % conv->in_c, j = at / conv->in_c % conv->in_w, i = at / conv->in_c / conv->in_w % conv->in_h;
  gsize image = at / supcon_conv_in_size (conv);
  double sum = 0;

  for (guint row = 0; row < conv->out_h; row++)
    for (guint col = 0; col < conv->out_w; col++) {
      guint kh = i + conv->pad - row * conv->stride, kw = j + conv->pad - col * conv->stride;

      if (kh >= conv->kernel || kw >= conv->kernel) /* below 0 too: unsigned */
        continue;
      for (guint o = 0; o < conv->out_c; o++)
        sum += (double)c->dy[((image * conv->out_h + row) * conv->out_w + col) * conv->out_c + o]
               * c->w[((gsize)(kh * conv->kernel + kw) * conv->in_c + ch) * conv->out_c + o];
    }
  return sum;
}

static double
expected_weight (const Case *c, gsize at)
{
  const SupconConv *conv = &c->conv;
  guint o = at % conv->out_c, ch = at / conv->out_c % conv->in_c, tap = at / conv->out_c / conv->in_c;
  double sum = 0;

  for (gsize image = 0; image < c->n; image++)
    for (guint row = 0; row < conv->out_h; row++)
      for (guint col = 0; col < conv->out_w; col++)
        FOR_TAPS (conv, row, col)
  if (kh * conv->kernel + kw == tap) {
    gsize i = row * conv->stride + kh - conv->pad, j = col * conv->stride + kw - conv->pad;

    sum += (double)c->x[((image * conv->in_h + i) * conv->in_w + j) * conv->in_c + ch]
           * c->dy[((image * conv->out_h + row) * conv->out_w + col) * conv->out_c + o];
  }
  return sum;
}

/* Compares some numbers of a result of sums of 'terms' products. */
static void
check (const Case *c, const char *what, const SupconReal *found, gsize size, double (*expected) (const Case *, gsize),
    double terms, double amplification)
{
  double tolerance = ldexp (8 * (terms / sqrt (2) + 4 * sqrt (terms)) * amplification, -24);
  gsize step = 1 + size / 61;

  for (gsize at = 0; at < size; at += step) {
    double right = expected (c, at);

    ck_assert_msg (fabs (found[at] - right) <= tolerance,
        "%s of %u pixels, %u to %u channels, kernel %u, stride %u, winograd %d, number %zu: %g, expected %g within %g",
        what, c->conv.in_h, c->conv.in_c, c->conv.out_c, c->conv.kernel, c->conv.stride, c->conv.winograd, at,
        found[at], right, tolerance);
  }
}

static void
check_way (Case *c)
{
  const SupconConv *conv = &c->conv;
  double taps = conv->kernel * conv->kernel, pixels = (double)c->n * conv->out_h * conv->out_w;
  SupconReal *y = supcon_real_alloc (c->y_size), *dx = supcon_real_alloc (c->x_size),
             *dw = supcon_real_alloc (c->w_size);

  c->threads = 1;
  run (c);
  if (conv->winograd) {
    double tiles = (double)c->n * ((conv->out_h + 3) / 4) * ((conv->out_w + 3) / 4);

    check (c, "output", c->y, c->y_size, expected_output, conv->in_c, AMPLIFICATION);
    check (c, "gradient by input", c->dx, c->x_size, expected_input, conv->out_c, AMPLIFICATION);
    check (c, "gradient by weights", c->dw, c->w_size, expected_weight, tiles, GRADIENT_AMPLIFICATION);
  } else {
    check (c, "output", c->y, c->y_size, expected_output, taps * conv->in_c, 1);
    check (c, "gradient by input", c->dx, c->x_size, expected_input, taps * conv->out_c, 1);
    check (c, "gradient by weights", c->dw, c->w_size, expected_weight, pixels, 1);
  }
  /* The same bits for any number of threads. */
  memcpy (y, c->y, c->y_size * sizeof *y);
  memcpy (dx, c->dx, c->x_size * sizeof *dx);
  memcpy (dw, c->dw, c->w_size * sizeof *dw);
  for (c->threads = 2; c->threads <= 3; c->threads++) {
    run (c);
    ck_assert (memcmp (y, c->y, c->y_size * sizeof *y) == 0);
    ck_assert (memcmp (dx, c->dx, c->x_size * sizeof *dx) == 0);
    ck_assert (memcmp (dw, c->dw, c->w_size * sizeof *dw) == 0);
  }
  supcon_real_free (y);
  supcon_real_free (dx);
  supcon_real_free (dw);
}

START_TEST (test_shapes)
{
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    const guint *s = shapes[i];
    Case c = { .n = s[5] };

    supcon_conv_init (&c.conv, s[0], s[0], s[1], s[2], s[3], s[4], s[3] / 2);
    c.x_size = c.n * supcon_conv_in_size (&c.conv);
    c.w_size = supcon_conv_weight_size (&c.conv);
    c.y_size = c.n * supcon_conv_out_size (&c.conv);
    c.x = random_array (c.x_size, 1);
    c.w = random_array (c.w_size, 2);
    c.dy = random_array (c.y_size, 3);
    c.y = supcon_real_alloc (c.y_size);
    c.dx = supcon_real_alloc (c.x_size);
    c.dw = supcon_real_alloc (c.w_size);
    check_way (&c);
    if (c.conv.winograd) {
      supcon_conv_choose (&c.conv, 0);
      ck_assert (!c.conv.winograd);
      check_way (&c);
    }
    supcon_real_free (c.x);
    supcon_real_free (c.w);
    supcon_real_free (c.dy);
    supcon_real_free (c.y);
    supcon_real_free (c.dx);
    supcon_real_free (c.dw);
  }
}
END_TEST

/* What is chosen: Winograd for all 3x3 of stride 1 in large batches, not where few tiles would share the weights. */
START_TEST (test_choice)
{
  SupconConv conv;

  supcon_conv_init (&conv, 7, 7, 512, 512, 3, 1, 1);
  ck_assert (conv.winograd);
  supcon_conv_choose (&conv, 1);
  ck_assert (!conv.winograd);
  supcon_conv_choose (&conv, 2);
  ck_assert (!conv.winograd);
  supcon_conv_choose (&conv, 16);
  ck_assert (conv.winograd);
  supcon_conv_init (&conv, 14, 14, 256, 256, 3, 1, 1);
  supcon_conv_choose (&conv, 1);
  ck_assert (conv.winograd);
  supcon_conv_init (&conv, 56, 56, 64, 64, 3, 1, 1);
  supcon_conv_choose (&conv, 1);
  ck_assert (conv.winograd);
  supcon_conv_init (&conv, 56, 56, 64, 64, 3, 2, 1);
  ck_assert (!conv.winograd);
  /* In bfloat16 only where there is no AMX, and of many channels the gradient by weights alone. */
  supcon_conv_init (&conv, 56, 56, 64, 64, 3, 1, 1);
  conv.precision = SUPCON_PRECISION_BFLOAT16;
  supcon_conv_choose (&conv, 16);
  ck_assert_int_eq (conv.winograd, supcon_cpu_level () < SUPCON_CPU_AMX);
  ck_assert_int_eq (conv.winograd_weights, supcon_cpu_level () < SUPCON_CPU_AMX);
  supcon_conv_init (&conv, 14, 14, 256, 256, 3, 1, 1);
  conv.precision = SUPCON_PRECISION_BFLOAT16;
  supcon_conv_choose (&conv, 16);
  ck_assert (!conv.winograd);
  ck_assert_int_eq (conv.winograd_weights, supcon_cpu_level () < SUPCON_CPU_AMX);
  supcon_conv_init (&conv, 56, 56, 40, 64, 3, 1, 1);
  ck_assert (!conv.winograd);
  supcon_conv_init (&conv, 56, 56, 64, 64, 1, 1, 0);
  ck_assert (!conv.winograd);
}
END_TEST

SUPCON_CHECK_MAIN ("conv", test_shapes, test_choice)
