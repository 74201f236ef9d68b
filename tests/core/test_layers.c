/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: each layer against its definition written as plain loops, and its gradients against central
 * differences. */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "nn/activation.h"
#include "nn/conv_norm.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/pool.h"
#include "random.h"
#include "rng.h"

#define STEP 1e-6

static double
dot (const SupconReal *a, const SupconReal *b, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += a[i] * b[i];
  return sum;
}

/* The sum of direction * y is the loss: its derivative by each element of x must be that of 'gradient'. */
typedef void (*Forward) (gpointer data, SupconReal *y);

static void
check_gradient (Forward forward, gpointer data, gsize y_size, const SupconReal *direction, SupconReal *x, gsize x_size,
    const SupconReal *gradient)
{
  SupconReal *y = supcon_real_alloc (y_size);
  gsize stride = 1 + x_size / 150;

  for (gsize i = 0; i < x_size; i += stride) {
    SupconReal keep = x[i];
    double up, down, expected;

    x[i] = keep + STEP;
    forward (data, y);
    up = dot (y, direction, y_size);
    x[i] = keep - STEP;
    forward (data, y);
    down = dot (y, direction, y_size);
    x[i] = keep;
    expected = (up - down) / (2 * STEP);
    ck_assert_msg (fabs (gradient[i] - expected) <= 1e-5 * (1 + fabs (expected)), "element %zu: %.9g, expected %.9g", i,
        (double)gradient[i], expected);
  }
  supcon_real_free (y);
}

static void
plain_conv (const SupconConv *conv, guint n, const SupconReal *x, const SupconReal *w, SupconReal *y)
{
  for (guint image = 0; image < n; image++)
    for (guint row = 0; row < conv->out_h; row++)
      for (guint col = 0; col < conv->out_w; col++)
        for (guint o = 0; o < conv->out_c; o++) {
          double sum = 0;

          for (guint kh = 0; kh < conv->kernel; kh++)
            for (guint kw = 0; kw < conv->kernel; kw++) {
              gint i = (gint)(row * conv->stride + kh) - (gint)conv->pad;
              gint j = (gint)(col * conv->stride + kw) - (gint)conv->pad;

              if (i < 0 || j < 0 || i >= (gint)conv->in_h || j >= (gint)conv->in_w)
                continue;
              for (guint c = 0; c < conv->in_c; c++)
                sum += x[(((gsize)image * conv->in_h + i) * conv->in_w + j) * conv->in_c + c]
                       * w[((kh * conv->kernel + kw) * conv->in_c + c) * conv->out_c + o];
            }
          *y++ = sum;
        }
}

/* height, width, in, out, kernel, stride, padding, pictures: bands of rows, several pictures in a band, ragged and
 * several panels of channels, sizes that the stride does not divide, a single pixel. */
static const guint conv_cases[][8] = {
  { 8, 8, 3, 16, 3, 1, 1, 5 },
  { 9, 7, 5, 10, 3, 2, 1, 3 },
  { 33, 20, 4, 37, 3, 1, 1, 2 },
  { 14, 15, 3, 8, 7, 2, 3, 2 },
  { 6, 6, 8, 24, 1, 2, 0, 3 },
  { 5, 7, 12, 40, 1, 1, 0, 4 },
  { 1, 1, 6, 33, 3, 1, 1, 2 },
  { 2, 2, 4, 4, 3, 2, 1, 17 },
  { 40, 40, 2, 5, 3, 2, 1, 1 },
  /* The last band has rows of two phases of the gradient by input alone. */
  { 5, 300, 3, 5, 3, 2, 1, 2 },
  { 3, 3, 2, 3, 5, 1, 2, 2 },
  /* 1x1: several blocks of channels; several steps of a share of the pixels. */
  { 9, 7, 300, 70, 1, 2, 0, 3 },
  { 48, 48, 3, 5, 1, 1, 0, 2 },
  { 20, 20, 20, 32, 1, 1, 0, 12 },
  /* Winograd: pictures that tiles do not fill, several pictures in a band, several bands and rounds, panels of one
   * vector, a single pixel. */
  { 8, 8, 16, 16, 3, 1, 1, 3 },
  { 13, 7, 32, 48, 3, 1, 1, 2 },
  { 50, 30, 16, 16, 3, 1, 1, 3 },
  { 1, 1, 16, 48, 3, 1, 1, 5 },
  { 3, 9, 48, 16, 3, 1, 1, 4 },
};

START_TEST (test_conv)
{
  for (guint test = 0; test < G_N_ELEMENTS (conv_cases); test++) {
    const guint *k = conv_cases[test], n = k[7];
    SupconWorkspace workspace = { .threads = 1 + test % 3 };
    SupconReal *x, *w, *y, *expected, *packed, *dy, *dx, *dx_twice, *dw, *plain;
    gsize x_size, y_size, w_size;
    SupconConv conv;

    supcon_conv_init (&conv, k[0], k[1], k[2], k[3], k[4], k[5], k[6]);
    x_size = n * supcon_conv_in_size (&conv);
    y_size = n * supcon_conv_out_size (&conv);
    w_size = supcon_conv_weight_size (&conv);
    x = random_array (x_size, 1);
    w = random_array (w_size, 2);
    dy = random_array (y_size, 3);
    dx_twice = random_array (x_size, 4);
    y = supcon_real_alloc (y_size);
    expected = supcon_real_alloc (y_size);
    packed = supcon_real_alloc (supcon_conv_packed_size (&conv));
    dx = supcon_real_alloc (x_size);
    plain = supcon_real_alloc (y_size);
    dw = supcon_real_alloc (w_size);
    memset (dw, 0, w_size * sizeof *dw);

    supcon_conv_reserve (&conv, n, &workspace);
    supcon_conv_pack (&conv, w, workspace.threads, packed);
    supcon_conv_forward (&conv, n, x, packed, NULL, &workspace, y);
    plain_conv (&conv, n, x, w, expected);
    for (gsize i = 0; i < y_size; i++)
      check_number (fabs (y[i] - expected[i]) < 1e-10, "case %u, output %zu: %g, expected %g", test, i, (double)y[i],
          (double)expected[i]);

    /* Convolution is linear in x and in w, so a gradient is right when <dy, conv (v)> = <gradient, v> for the unit
     * vectors v; random directions and the single elements below stand for them. */
    supcon_conv_backward_input (&conv, n, dy, w, FALSE, &workspace, dx);
    supcon_conv_backward_weights (&conv, n, x, dy, &workspace, dw);
    ck_assert_double_eq_tol (dot (dx, x, x_size), dot (dy, y, y_size), 1e-7);
    ck_assert_double_eq_tol (dot (dw, w, w_size), dot (dy, y, y_size), 1e-7);
    for (guint probe = 0; probe < 40; probe++) {
      gsize at = probe * 7919 % x_size, wat = probe * 104729 % w_size;
      SupconReal keep = x[at], wkeep = w[wat];

      x[at] += 1;
      plain_conv (&conv, n, x, w, plain);
      x[at] = keep;
      ck_assert_double_eq_tol (dx[at], dot (dy, plain, y_size) - dot (dy, expected, y_size), 1e-8);
      w[wat] += 1;
      plain_conv (&conv, n, x, w, plain);
      w[wat] = wkeep;
      ck_assert_double_eq_tol (dw[wat], dot (dy, plain, y_size) - dot (dy, expected, y_size), 1e-8);
    }

    memcpy (plain, y, y_size * sizeof *y);
    supcon_conv_backward_input (&conv, n, dy, w, TRUE, &workspace, dx_twice);
    {
      SupconReal *before = random_array (x_size, 4);

      for (gsize i = 0; i < x_size; i++)
        check_number (fabs (dx_twice[i] - before[i] - dx[i]) <= 1e-10, "case %u, added gradient %zu", test, i);
      supcon_real_free (before);
    }
    supcon_real_free (x);
    supcon_real_free (w);
    supcon_real_free (y);
    supcon_real_free (expected);
    supcon_real_free (packed);
    supcon_real_free (dy);
    supcon_real_free (dx);
    supcon_real_free (dx_twice);
    supcon_real_free (plain);
    supcon_real_free (dw);
    supcon_workspace_clear (&workspace);
  }
}
END_TEST

START_TEST (test_conv_epilogue)
{
  SupconConv conv;
  SupconWorkspace workspace = { .threads = 2 };
  guint n = 6, c = 20;
  gsize y_size, pixels;
  SupconReal *x, *w, *y, *z, *residual, *packed, *scale = random_array (c, 5), *shift = random_array (c, 6);
  SupconReal mean[20], variance[20];

  supcon_conv_init (&conv, 19, 21, 3, c, 3, 1, 1);
  y_size = n * supcon_conv_out_size (&conv);
  pixels = y_size / c;
  x = random_array (n * supcon_conv_in_size (&conv), 1);
  w = random_array (supcon_conv_weight_size (&conv), 2);
  residual = random_array (y_size, 3);
  y = supcon_real_alloc (y_size);
  z = supcon_real_alloc (y_size);
  packed = supcon_real_alloc (supcon_conv_packed_size (&conv));
  supcon_conv_reserve (&conv, n, &workspace);
  supcon_conv_pack (&conv, w, 2, packed);

  supcon_conv_forward (&conv, n, x, packed, &(SupconConvEpilogue){ .mean = mean, .variance = variance }, &workspace, y);
  for (guint ch = 0; ch < c; ch++) {
    double sum = 0, squares = 0;

    for (gsize p = 0; p < pixels; p++)
      sum += y[p * c + ch];
    for (gsize p = 0; p < pixels; p++)
      squares += pow (y[p * c + ch] - sum / pixels, 2);
    ck_assert_double_eq_tol (mean[ch], sum / pixels, 1e-12);
    ck_assert_double_eq_tol (variance[ch], squares / pixels, 1e-10);
  }
  supcon_conv_forward (&conv, n, x, packed,
      &(SupconConvEpilogue){ .scale = scale, .shift = shift, .residual = residual, .relu = TRUE }, &workspace, z);
  for (gsize i = 0; i < y_size; i++)
    ck_assert_double_eq_tol (z[i], fmax (y[i] * scale[i % c] + shift[i % c] + residual[i], 0), 1e-12);

  supcon_real_free (x);
  supcon_real_free (w);
  supcon_real_free (y);
  supcon_real_free (z);
  supcon_real_free (residual);
  supcon_real_free (packed);
  supcon_real_free (scale);
  supcon_real_free (shift);
  supcon_workspace_clear (&workspace);
}
END_TEST

/* y = what is read of x, from its definition. */
static SupconReal *
read_input (const SupconNormInput *input, gsize size, guint c)
{
  SupconReal *y = supcon_real_alloc (size);
  const SupconReal *x = input->x, *other = input->other;

  for (gsize i = 0; i < size; i++) {
    y[i] = x[i];
    if (input->scale)
      y[i] = x[i] * input->scale[i % c] + input->shift[i % c];
    if (other)
      y[i] += other[i] * (input->other_scale ? input->other_scale[i % c] : 1);
    if (input->relu)
      y[i] = fmax (y[i], 0);
  }
  return y;
}

static void
check_equal (guint test, const char *what, const SupconReal *found, const SupconReal *expected, gsize n)
{
  for (gsize i = 0; i < n; i++)
    check_number (fabs (found[i] - expected[i]) < 1e-9, "case %u, %s %zu: %g, expected %g", test, what, i,
        (double)found[i], (double)expected[i]);
}

/* What passes read and write in the place of normalisations: against the passes over what was read, and loops over what
 * they write. The gradient's target in turn without sums, with sums of all, of what a mask lets pass, kept or computed;
 * and with and without an addition. */
START_TEST (test_conv_norm)
{
  for (guint test = 0; test < 8 * G_N_ELEMENTS (conv_cases); test++) {
    const guint *k = conv_cases[test / 8], n = k[7], in_c = k[2], out_c = k[3], kind = test % 4;
    gboolean add = test / 4 % 2, plain_input = kind == 1;
    SupconWorkspace workspace = { .threads = 1 + test % 3 };
    SupconReal *in_scale = random_array (in_c, 1), *in_shift = random_array (in_c, 2),
               *in_mean = random_array (in_c, 3);
    SupconReal *out_scale = random_array (out_c, 4), *out_shift = random_array (out_c, 5);
    SupconReal *other_scale = random_array (out_c, 6), *sum = random_array (in_c, 7), *product = random_array (in_c, 8);
    SupconReal *mean = random_array (out_c, 9), *variance = random_array (out_c, 10);
    SupconReal *x, *w, *dz, *out, *mask, *added, *y, *packed, *dx, *dw, *x_read, *dy_read, *expected;
    gsize x_size, y_size, w_size;
    SupconNormInput x_input, dy_input;
    SupconNormSums sums = { .mean = in_mean, .sum = sum, .product = product };
    SupconConvTarget target = { 0 };
    SupconConv conv;

    supcon_conv_init (&conv, k[0], k[1], k[2], k[3], k[4], k[5], k[6]);
    x_size = n * supcon_conv_in_size (&conv);
    y_size = n * supcon_conv_out_size (&conv);
    w_size = supcon_conv_weight_size (&conv);
    x = random_array (x_size, 11);
    w = random_array (w_size, 12);
    dz = random_array (y_size, 13);
    out = random_array (y_size, 14);
    mask = random_array (x_size, 15);
    added = random_array (x_size, 16);
    y = supcon_real_alloc (y_size);
    dx = supcon_real_alloc (x_size);
    dw = supcon_real_alloc (w_size);
    packed = supcon_real_alloc (supcon_conv_packed_size (&conv));
    x_input = (SupconNormInput){ .x = x };
    if (!plain_input)
      x_input = (SupconNormInput){ .x = x, .scale = in_scale, .shift = in_shift, .relu = TRUE };
    dy_input = (SupconNormInput){
      .x = dz, .scale = out_scale, .other = out, .other_scale = other_scale, .shift = out_shift
    };
    x_read = read_input (&x_input, x_size, in_c);
    dy_read = read_input (&dy_input, y_size, out_c);

    supcon_conv_norm_reserve (&conv, n, &workspace);
    supcon_conv_pack (&conv, w, workspace.threads, packed);
    supcon_conv_norm_forward (&conv, n, &x_input, packed, mean, variance, &workspace, y);
    expected = supcon_real_alloc (MAX (MAX (x_size, y_size), w_size));
    plain_conv (&conv, n, x_read, w, expected);
    check_equal (test, "output", y, expected, y_size);
    for (guint c = 0; c < out_c; c++) {
      gsize pixels = y_size / out_c;
      double total = 0, squares = 0;

      for (gsize p = 0; p < pixels; p++)
        total += expected[p * out_c + c];
      for (gsize p = 0; p < pixels; p++)
        squares += pow (expected[p * out_c + c] - total / pixels, 2);
      ck_assert_double_eq_tol (mean[c], total / pixels, 1e-9);
      ck_assert_double_eq_tol (variance[c], squares / pixels, 1e-9);
    }

    /* A convolution that leaves pixels out has no sums. */
    sums.x = x;
    sums.y = kind == 2 ? mask : NULL;
    sums.scale = kind == 3 ? in_scale : NULL;
    sums.shift = in_shift;
    target.dx = dx;
    target.add = add ? added : NULL;
    target.sums = kind && conv.kernel >= conv.stride ? &sums : NULL;
    if (conv.kernel < conv.stride) {
      memcpy (dx, added, x_size * sizeof *dx);
      target.add = add ? dx : NULL;
    }
    memset (dw, 0, w_size * sizeof *dw);
    supcon_conv_norm_backward (&conv, n, &x_input, &dy_input, w, &target, &workspace, dw);
    memset (expected, 0, w_size * sizeof *expected);
    supcon_conv_backward_weights (&conv, n, x_read, dy_read, &workspace, expected);
    check_equal (test, "gradient by weights", dw, expected, w_size);
    supcon_conv_backward_input (&conv, n, dy_read, w, FALSE, &workspace, expected);
    for (gsize i = 0; i < x_size; i++) {
      if (add)
        expected[i] += added[i];
      if (target.sums && kind == 2 && !(mask[i] > 0))
        expected[i] = 0;
      if (target.sums && kind == 3 && !(x[i] * in_scale[i % in_c] + in_shift[i % in_c] > 0))
        expected[i] = 0;
    }
    check_equal (test, "gradient by input", dx, expected, x_size);
    for (guint c = 0; target.sums && c < in_c; c++) {
      double total = 0, products = 0;

      for (gsize i = c; i < x_size; i += in_c) {
        total += expected[i];
        products += expected[i] * (x[i] - in_mean[c]);
      }
      ck_assert_double_eq_tol (sum[c], total, 1e-8);
      ck_assert_double_eq_tol (product[c], products, 1e-8);
    }
    {
      SupconReal *all[] = { in_scale, in_shift, in_mean, out_scale, out_shift, other_scale, sum, product, mean,
        variance, x, w, dz, out, mask, added, y, packed, dx, dw, x_read, dy_read, expected };

      for (guint i = 0; i < G_N_ELEMENTS (all); i++)
        supcon_real_free (all[i]);
    }
    supcon_workspace_clear (&workspace);
  }
}
END_TEST

typedef struct {
  gsize pixels;
  guint c;
  SupconReal *x, *gamma, *beta, *residual;
  gboolean relu;
  SupconReal mean[8], variance[8];
} NormCase;

static void
norm_forward (gpointer data, SupconReal *y)
{
  NormCase *self = data;
  SupconReal scale[8], shift[8];
  SupconNormInput input = { .x = self->x, .other = self->residual, .scale = scale, .shift = shift, .relu = self->relu };

  for (guint i = 0; i < self->c; i++) {
    double sum = 0, squares = 0;

    for (gsize p = 0; p < self->pixels; p++)
      sum += self->x[p * self->c + i];
    self->mean[i] = sum / self->pixels;
    for (gsize p = 0; p < self->pixels; p++)
      squares += pow (self->x[p * self->c + i] - self->mean[i], 2);
    self->variance[i] = squares / self->pixels;
  }
  supcon_norm_fold (self->c, self->mean, self->variance, self->gamma, self->beta, scale, shift);
  supcon_norm_apply (SUPCON_PRECISION_FLOAT32, self->pixels, self->c, &input, 2, y);
}

START_TEST (test_norm)
{
  /* Without ReLU; with the ReLU's outputs; with what they come from, which takes that there is no residual. */
  for (guint test = 0; test < 3; test++) {
    NormCase norm = { .pixels = 9000, .c = 5, .relu = test > 0 };
    gsize size = norm.pixels * norm.c;
    SupconReal *direction = random_array (size, 1), *dy = random_array (size, 1), *y = supcon_real_alloc (size);
    SupconReal *dx = supcon_real_alloc (size);
    SupconReal dgamma[8] = { 0 }, dbeta[8] = { 0 }, scale[8], shift[8], sum[8], product[8], a[8], b[8], d[8];
    SupconNormSums sums = { .mean = norm.mean, .sum = sum, .product = product };
    SupconNormInput gradient;
    SupconWorkspace workspace = { .threads = 2 };

    norm.x = random_array (size, 2);
    norm.gamma = random_array (norm.c, 3);
    norm.beta = random_array (norm.c, 4);
    norm.residual = test < 2 ? random_array (size, 5) : NULL;
    norm_forward (&norm, y);
    supcon_norm_fold (norm.c, norm.mean, norm.variance, norm.gamma, norm.beta, scale, shift);
    sums.x = norm.x;
    sums.y = test == 1 ? y : NULL;
    sums.scale = test == 2 ? scale : NULL;
    sums.shift = shift;
    supcon_norm_reserve (norm.pixels, norm.c, &workspace);
    supcon_norm_backward (SUPCON_PRECISION_FLOAT32, norm.pixels, norm.c, &sums, dy, &workspace);
    gradient = supcon_norm_gradient (norm.pixels, norm.c, &sums, norm.variance, norm.gamma, dy, a, b, d, dgamma, dbeta);
    supcon_norm_apply (SUPCON_PRECISION_FLOAT32, norm.pixels, norm.c, &gradient, 2, dx);
    check_gradient (norm_forward, &norm, size, direction, norm.x, size, dx);
    check_gradient (norm_forward, &norm, size, direction, norm.gamma, norm.c, dgamma);
    check_gradient (norm_forward, &norm, size, direction, norm.beta, norm.c, dbeta);
    /* What is left in dy is the residual's gradient. */
    if (norm.residual)
      check_gradient (norm_forward, &norm, size, direction, norm.residual, size, dy);
    supcon_real_free (direction);
    supcon_real_free (dy);
    supcon_real_free (y);
    supcon_real_free (dx);
    supcon_real_free (norm.x);
    supcon_real_free (norm.gamma);
    supcon_real_free (norm.beta);
    supcon_real_free (norm.residual);
    supcon_workspace_clear (&workspace);
  }
}
END_TEST

START_TEST (test_norm_running)
{
  SupconReal mean = 2, variance = 4, running_mean = 1, running_var = 1;

  supcon_norm_update_running (1, 5, &mean, &variance, &running_mean, &running_var);
  ck_assert_double_eq_tol (running_mean, 0.9 * 1 + 0.1 * 2, 1e-12);
  ck_assert_double_eq_tol (running_var, 0.9 * 1 + 0.1 * 4 * 5 / 4, 1e-12);
}
END_TEST

typedef struct {
  guint n, h, w, c;
  SupconReal *x, *weight, *bias;
  guint out;
} LayerCase;

static void
max_pool_forward (gpointer data, SupconReal *y)
{
  LayerCase *self = data;

  supcon_max_pool_forward (SUPCON_PRECISION_FLOAT32, self->n, self->h, self->w, self->c, self->x, 2, y, NULL);
}

static void
average_pool_forward (gpointer data, SupconReal *y)
{
  LayerCase *self = data;

  supcon_average_pool_forward (SUPCON_PRECISION_FLOAT32, self->n, self->h * self->w, self->c, self->x, 2, y);
}

START_TEST (test_pools)
{
  static const guint sizes[][3] = { { 8, 8, 4 }, { 7, 10, 2 }, { 1, 1, 16 }, { 2, 3, 37 } };

  for (guint test = 0; test < G_N_ELEMENTS (sizes); test++) {
    LayerCase layer = { .n = 3, .h = sizes[test][0], .w = sizes[test][1], .c = sizes[test][2] };
    gsize x_size = (gsize)layer.n * layer.h * layer.w * layer.c;
    guint out_h = supcon_max_pool_size (layer.h), out_w = supcon_max_pool_size (layer.w);
    gsize y_size = (gsize)layer.n * out_h * out_w * layer.c, r_size = layer.n * layer.c;
    SupconReal *direction = random_array (MAX (y_size, r_size), 2), *dx = supcon_real_alloc (x_size);
    SupconReal *y = supcon_real_alloc (y_size);
    guint8 *index = g_malloc (y_size);

    layer.x = random_array (x_size, 1);
    supcon_max_pool_forward (SUPCON_PRECISION_FLOAT32, layer.n, layer.h, layer.w, layer.c, layer.x, 2, y, index);
    for (guint i = 0; i < y_size; i++) {
      guint ch = i % layer.c, col = i / layer.c % out_w, row = i / layer.c / out_w % out_h;
      guint image = i / layer.c / out_w / out_h;
      double best = -INFINITY;

      for (guint a = row ? 2 * row - 1 : 0; a <= 2 * row + 1 && a < layer.h; a++)
        for (guint b = col ? 2 * col - 1 : 0; b <= 2 * col + 1 && b < layer.w; b++)
          best = fmax (best, layer.x[((image * layer.h + a) * layer.w + b) * layer.c + ch]);
      ck_assert_double_eq (y[i], best);
    }
    supcon_max_pool_backward (SUPCON_PRECISION_FLOAT32, layer.n, layer.h, layer.w, layer.c, direction, index, 2, dx);
    check_gradient (max_pool_forward, &layer, y_size, direction, layer.x, x_size, dx);
    supcon_average_pool_backward (SUPCON_PRECISION_FLOAT32, layer.n, layer.h * layer.w, layer.c, direction, 2, dx);
    check_gradient (average_pool_forward, &layer, r_size, direction, layer.x, x_size, dx);
    supcon_real_free (direction);
    supcon_real_free (dx);
    supcon_real_free (y);
    supcon_real_free (layer.x);
    g_free (index);
  }
}
END_TEST

static void
linear_forward (gpointer data, SupconReal *y)
{
  LayerCase *self = data;

  supcon_linear_forward (self->n, self->c, self->out, self->x, self->weight, self->bias, 2, y);
}

START_TEST (test_linear)
{
  LayerCase layer = { .n = 70, .c = 5, .out = 67 };
  gsize x_size = layer.n * layer.c, y_size = layer.n * layer.out, w_size = layer.c * layer.out;
  SupconReal *dy = random_array (y_size, 1), *dx = supcon_real_alloc (x_size), *dw = g_new0 (SupconReal, w_size);
  SupconReal *db = g_new0 (SupconReal, layer.out), *y = supcon_real_alloc (y_size);

  layer.x = random_array (x_size, 2);
  layer.weight = random_array (w_size, 3);
  layer.bias = random_array (layer.out, 4);
  linear_forward (&layer, y);
  ck_assert_double_eq_tol (y[69 * 67 + 66], layer.bias[66] + dot (layer.x + 69 * 5, layer.weight + 66 * 5, 5), 1e-12);
  supcon_linear_backward_input (layer.n, layer.c, layer.out, dy, layer.weight, 2, dx);
  supcon_linear_backward_weights (layer.n, layer.c, layer.out, layer.x, dy, 2, dw, db);
  check_gradient (linear_forward, &layer, y_size, dy, layer.x, x_size, dx);
  check_gradient (linear_forward, &layer, y_size, dy, layer.weight, w_size, dw);
  check_gradient (linear_forward, &layer, y_size, dy, layer.bias, layer.out, db);
  supcon_real_free (dy);
  supcon_real_free (dx);
  g_free (dw);
  g_free (db);
  supcon_real_free (y);
  supcon_real_free (layer.x);
  supcon_real_free (layer.weight);
  supcon_real_free (layer.bias);
}
END_TEST

static void
normalize_forward (gpointer data, SupconReal *y)
{
  LayerCase *self = data;
  SupconReal norm[9];

  supcon_normalize_forward (self->n, self->c, self->x, y, norm);
}

START_TEST (test_normalize)
{
  LayerCase layer = { .n = 9, .c = 7 };
  gsize size = layer.n * layer.c;
  SupconReal *dz = random_array (size, 1), *z = supcon_real_alloc (size), norm[9];

  layer.x = random_array (size, 2);
  supcon_normalize_forward (layer.n, layer.c, layer.x, z, norm);
  for (guint i = 0; i < layer.n; i++)
    ck_assert_double_eq_tol (dot (z + i * layer.c, z + i * layer.c, layer.c), 1, 1e-12);
  {
    SupconReal *dw = supcon_real_alloc (size);

    supcon_normalize_backward (layer.n, layer.c, z, norm, dz, dw);
    check_gradient (normalize_forward, &layer, size, dz, layer.x, size, dw);
    supcon_real_free (dw);
  }
  memset (layer.x, 0, layer.c * sizeof *layer.x);
  supcon_normalize_forward (layer.n, layer.c, layer.x, z, norm);
  ck_assert_double_eq (dot (z, z, layer.c), 0);
  supcon_real_free (dz);
  supcon_real_free (z);
  supcon_real_free (layer.x);
}
END_TEST

SUPCON_CHECK_MAIN ("layers", test_conv, test_conv_epilogue, test_conv_norm, test_norm, test_norm_running, test_pools,
    test_linear, test_normalize)
