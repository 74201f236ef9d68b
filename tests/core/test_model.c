/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: the gradients of whole networks by a supervised contrastive loss, against central differences.
 */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "error.h"
#include "loss/supcon.h"
#include "model/model.h"
#include "rng.h"

enum { N = 6, PROBES = 16 };

static SupconModelConfig
config_of (const char *encoder, SupconStem stem, guint size, double width)
{
  SupconModelConfig config;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, encoder, sizeof config.encoder);
  config.stem = stem;
  config.width = width;
  config.input_width = size;
  config.input_height = size + 2;
  config.projection_dim = 5;
  return config;
}

static guint8 *
pictures (const SupconModelConfig *config, guint n)
{
  gsize size = (gsize)n * config->input_width * config->input_height * 3;
  guint8 *pixels = g_malloc (size);
  SupconRng rng;

  supcon_rng_init (&rng, 4, 0, 0, 0);
  for (gsize i = 0; i < size; i++)
    pixels[i] = supcon_rng_below (&rng, 256);
  return pixels;
}

static const gint32 labels[N] = { 0, 1, 0, 1, SUPCON_UNLABELLED, SUPCON_UNLABELLED };
static const guint64 samples[N] = { 0, 1, 2, 3, 4, 4 };

static double
loss_of (SupconModel *model, const guint8 *pixels, SupconReal *dz)
{
  SupconLossConfig config = { .kind = SUPCON_LOSS_OUT, .temperature = 0.3 };
  SupconViews views = { .n = N, .dim = supcon_model_projection_dim (model), .labels = labels, .samples = samples };
  SupconWorkspace workspace = { .threads = 2 };
  double loss;

  supcon_model_forward (model, pixels, N);
  views.z = supcon_model_forward_projection (model);
  loss = supcon_loss (&config, &views, &workspace, dz).loss;
  supcon_workspace_clear (&workspace);
  return loss;
}

/* The derivative of the loss by *x, from steps of h. */
static double
central_difference (SupconModel *model, const guint8 *pixels, SupconReal *x, double h)
{
  SupconReal keep = *x;
  double up, down;

  *x = keep + h;
  up = loss_of (model, pixels, NULL);
  *x = keep - h;
  down = loss_of (model, pixels, NULL);
  *x = keep;
  return (up - down) / (2 * h);
}

static gboolean
is_near (double value, double expected)
{
  return fabs (value - expected) <= 1e-5 * (0.01 + fabs (expected));
}

/* Every element that is probed is right, but for those where a ReLU turns over within the step: two sizes of it
 * disagree there. These are few, or nothing would be proven. */
static void
check_model (const SupconModelConfig *config)
{
  GError *error = NULL;
  SupconModel *model = supcon_model_new (config, 11, &error);
  guint8 *pixels = pictures (config, N);
  SupconReal *dz;
  SupconParam *params;
  guint n, turned = 0;

  ck_assert_msg (model != NULL, "%s", error ? error->message : "no model");
  supcon_model_set_threads (model, 2);
  supcon_model_enable_training (model);
  dz = g_new (SupconReal, N * supcon_model_projection_dim (model));
  params = supcon_model_params (model, &n);
  /* Gammas that start at zero would hide the branch behind them. */
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; params[i].kind == SUPCON_PARAM_SCALE && k < params[i].size; k++)
      params[i].data[k] += 0.1 + 0.01 * (k % 7);
  loss_of (model, pixels, dz);
  supcon_model_zero_grad (model);
  supcon_model_backward (model, dz);

  supcon_model_set_threads (model, 1);
  for (guint i = 0; i < n; i++) {
    if (params[i].kind == SUPCON_PARAM_BUFFER)
      continue;
    for (guint probe = 0; probe < PROBES; probe++) {
      gsize at = (probe * 7919 + 13) % params[i].size;
      double grad = params[i].grad[at], wide = central_difference (model, pixels, &params[i].data[at], 1e-6), narrow;

      if (is_near (grad, wide))
        continue;
      narrow = central_difference (model, pixels, &params[i].data[at], 1e-7);
      ck_assert_msg (is_near (grad, narrow) || !is_near (wide, narrow), "%s[%zu] of %s: gradient %g, expected %g",
          params[i].name, at, config->encoder, grad, narrow);
      turned++;
    }
  }
  ck_assert_msg (turned <= n * PROBES / 100, "%s: %u of %u probes meet a corner", config->encoder, turned, n * PROBES);
  g_free (dz);
  g_free (pixels);
  supcon_model_free (model);
}

START_TEST (test_gradients)
{
  SupconModelConfig config = config_of ("resnet8", SUPCON_STEM_SMALL, 8, 0.25);

  check_model (&config);
  config.zero_init_residual = TRUE;
  config.projection = SUPCON_PROJECTION_LINEAR;
  check_model (&config);
  config = config_of ("resnet18", SUPCON_STEM_IMAGENET, 34, 0.0625);
  check_model (&config);
  config.stem = SUPCON_STEM_SMALL;
  config.input_width = 9;
  config.input_height = 13;
  config.projection = SUPCON_PROJECTION_NONE;
  check_model (&config);
  config = config_of ("resnet50", SUPCON_STEM_SMALL, 8, 0.03125);
  check_model (&config);
}
END_TEST

/* Elements of torchvision's networks without fc; of resnet20, counted by hand from its table. */
START_TEST (test_sizes)
{
  static const struct {
    const char *encoder;
    guint64 learnt;
    guint dim;
  } known[] = { { "resnet18", 11176512, 512 }, { "resnet34", 21284672, 512 }, { "resnet50", 23508032, 2048 },
    { "resnet101", 42500160, 2048 }, { "resnet152", 58143808, 2048 }, { "resnet20", 269072, 64 } };

  for (guint k = 0; k < G_N_ELEMENTS (known); k++) {
    SupconModelConfig config = config_of (known[k].encoder, SUPCON_STEM_IMAGENET, 32, 1);
    SupconModel *model = supcon_model_new (&config, 0, NULL);
    guint64 learnt = 0;
    guint n;
    SupconParam *params = supcon_model_params (model, &n);

    for (guint i = 0; i < n; i++)
      if (params[i].part == SUPCON_PART_ENCODER && params[i].kind != SUPCON_PARAM_BUFFER)
        learnt += params[i].size;
    ck_assert_msg (learnt == known[k].learnt, "%s: %" G_GUINT64_FORMAT, known[k].encoder, learnt);
    ck_assert_uint_eq (supcon_model_embedding_dim (model), known[k].dim);
    supcon_model_free (model);
  }
}
END_TEST

/* With running statistics that have reached the batch's, embed must give what forward gives; the unbiased variance
 * leaves a difference that shrinks with the pixels of the smallest map. */
START_TEST (test_embed)
{
  static const char *const encoders[] = { "resnet8", "resnet18", "resnet50" };
  enum { MANY = 96 };

  for (guint e = 0; e < G_N_ELEMENTS (encoders); e++) {
    SupconModelConfig config = config_of (encoders[e], SUPCON_STEM_SMALL, 16, 0.125);
    SupconModel *model = supcon_model_new (&config, 3, NULL), *other = supcon_model_new (&config, 4, NULL);
    SupconModel *fresh[2] = { supcon_model_copy (other), supcon_model_copy (other) };
    guint dim = supcon_model_embedding_dim (model), z_dim = supcon_model_projection_dim (model);
    guint8 *pixels = pictures (&config, MANY);
    SupconReal *r = g_new (SupconReal, MANY * dim), *z = g_new (SupconReal, MANY * z_dim);
    SupconReal *again = g_new (SupconReal, MANY * dim);
    const SupconReal *expected = NULL, *expected_z;

    for (guint i = 0; i < 120; i++)
      expected = supcon_model_forward (model, pixels, MANY);
    expected_z = supcon_model_forward_projection (model);
    supcon_model_embed (model, pixels, MANY, r);
    supcon_model_project (model, r, MANY, z);
    for (guint i = 0; i < MANY * dim; i++)
      ck_assert_double_eq_tol (r[i], expected[i], 0.05 * (1 + fabs (expected[i])));
    for (guint i = 0; i < MANY * z_dim; i++)
      ck_assert_double_eq_tol (z[i], expected_z[i], 0.05);
    /* One at a time gives the same as all at once. */
    supcon_model_embed (model, pixels + 16 * 18 * 3 * (MANY - 1), 1, z);
    for (guint i = 0; i < MIN (dim, z_dim); i++)
      ck_assert_double_eq_tol (z[i], r[(MANY - 1) * dim + i], 1e-12);
    /* By turns, and with other weights, as a model that has seen nothing else. */
    ck_assert (supcon_model_assign (model, other));
    for (guint i = 0; i < 3; i++) {
      guint n = i % 2 ? MANY : 1;

      supcon_model_embed (model, pixels, n, r);
      supcon_model_embed (fresh[i % 2], pixels, n, again);
      ck_assert_mem_eq (r, again, n * dim * sizeof *r);
    }
    supcon_model_free (other);
    supcon_model_free (fresh[0]);
    supcon_model_free (fresh[1]);
    g_free (again);
    supcon_model_free (model);
    g_free (pixels);
    g_free (r);
    g_free (z);
  }
}
END_TEST

START_TEST (test_settings)
{
  static const struct {
    const char *encoder;
    guint size;
    double width;
    const char *named;
  } bad[] = { { "resnet19", 64, 1, "resnet19" }, { "resnet18", 20, 1, "20x22" }, { "resnet18", 64, 0.001, "width" },
    { "resnet18", 64, 9, "width" }, { "resnet20", 3, 1, "3x5" } };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    SupconModelConfig config = config_of (bad[i].encoder, SUPCON_STEM_IMAGENET, bad[i].size, bad[i].width);
    GError *error = NULL;

    ck_assert_ptr_null (supcon_model_new (&config, 0, &error));
    ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS));
    ck_assert_msg (strstr (error->message, bad[i].named) != NULL, "%s", error->message);
    g_clear_error (&error);
  }
}
END_TEST

START_TEST (test_classes_grow)
{
  SupconModelConfig config = config_of ("resnet8", SUPCON_STEM_SMALL, 8, 0.25);
  SupconModel *model = supcon_model_new (&config, 0, NULL);
  guint dim = supcon_model_embedding_dim (model), n;
  SupconParam *params;

  supcon_model_enable_training (model);
  supcon_model_set_state (model, SUPCON_STATE_SQUARES | SUPCON_STATE_AVERAGE);
  supcon_model_set_n_classes (model, 2);
  params = supcon_model_params (model, &n);
  ck_assert_str_eq (params[n - 2].name, "classifier.weight");
  params[n - 2].data[2 * dim - 1] = 7;
  params[n - 1].data[1] = 8;
  params[n - 2].velocity[2 * dim - 1] = 9;
  params[n - 2].squares[2 * dim - 1] = 10;
  params[n - 2].average[2 * dim - 1] = 11;
  supcon_model_set_n_classes (model, 5);
  params = supcon_model_params (model, &n);
  ck_assert_uint_eq (params[n - 2].size, 5 * dim);
  ck_assert_double_eq (params[n - 2].data[2 * dim - 1], 7);
  ck_assert_double_eq (params[n - 2].data[2 * dim], 0);
  ck_assert_double_eq (params[n - 1].data[1], 8);
  ck_assert_double_eq (params[n - 1].data[4], 0);
  ck_assert_ptr_nonnull (params[n - 1].grad);
  ck_assert_double_eq (params[n - 2].velocity[2 * dim - 1], 9);
  ck_assert_double_eq (params[n - 2].squares[2 * dim - 1], 10);
  ck_assert_double_eq (params[n - 2].average[2 * dim - 1], 11);
  for (guint k = 2 * dim; k < 5 * dim; k++)
    ck_assert (params[n - 2].velocity[k] == 0 && params[n - 2].squares[k] == 0 && params[n - 2].average[k] == 0);
  supcon_model_free (model);
}
END_TEST

/* A copy is what a checkpoint would give, the averages; who begins anew keeps nothing of the run before. */
START_TEST (test_state)
{
  SupconModelConfig config = config_of ("resnet8", SUPCON_STEM_SMALL, 8, 0.25);
  SupconModel *model = supcon_model_new (&config, 0, NULL), *copy;
  guint n;
  const SupconParam *params = supcon_model_params (model, &n), *copied;

  supcon_model_enable_training (model);
  supcon_model_set_state (model, SUPCON_STATE_SQUARES | SUPCON_STATE_AVERAGE);
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; k < params[i].size; k++) {
      params[i].average[k] = params[i].data[k] + 1 + k;
      if (params[i].velocity)
        params[i].velocity[k] = 2;
    }
  copy = supcon_model_copy (model);
  copied = supcon_model_params (copy, &n);
  for (guint i = 0; i < n; i++)
    ck_assert_mem_eq (copied[i].data, params[i].average, params[i].size * sizeof *params[i].average);
  supcon_model_forget_state (model);
  for (guint i = 0; i < n; i++) {
    ck_assert (!params[i].squares && !params[i].average);
    for (gsize k = 0; params[i].velocity && k < params[i].size; k++)
      check_number (params[i].velocity[k] == 0, "%s keeps a momentum of %g", params[i].name, params[i].velocity[k]);
  }
  supcon_model_free (copy);
  supcon_model_free (model);
}
END_TEST

/* Training keeps of a picture of 224x224 three quarters of the numbers that ResNet-50's convolutions and blocks put out
 * (11.1 and 5.5 million) beside three of the largest (0.8 million) for gradients. */
START_TEST (test_activations)
{
  SupconModelConfig config;
  SupconModel *model;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet50", sizeof config.encoder);
  config.stem = SUPCON_STEM_IMAGENET;
  config.input_width = config.input_height = 224;
  model = supcon_model_new (&config, 0, NULL);
  ck_assert_uint_le (supcon_model_activation_size (model), 0.75 * 19.0e6 * sizeof (SupconReal) + 1e6);
  supcon_model_free (model);
}
END_TEST

/* What is drawn is the seed's and the tensor's own: nothing of it is another seed's, and no tensor begins as another
 * one, as the ratio of the first two numbers tells at any deviation. That of convolutions is He's by fan-out. */
START_TEST (test_initial)
{
  SupconModelConfig config = config_of ("resnet8", SUPCON_STEM_SMALL, 8, 1);
  SupconModel *model = supcon_model_new (&config, 1, NULL), *other = supcon_model_new (&config, 2, NULL);
  guint n;
  const SupconParam *a = supcon_model_params (model, &n), *b = supcon_model_params (other, &n);

  for (guint i = 0; i < n; i++) {
    double square = 0, variance;

    if (a[i].kind != SUPCON_PARAM_WEIGHT && a[i].part != SUPCON_PART_PROJECTION)
      continue;
    for (gsize k = 0; k < a[i].size; k++) {
      check_number (a[i].data[k] != b[i].data[k], "%s: element %zu is the same by another seed", a[i].name, k);
      square += a[i].data[k] * a[i].data[k] / a[i].size;
    }
    for (guint j = 0; j < i; j++)
      if (a[j].kind == SUPCON_PARAM_WEIGHT)
        ck_assert_msg (fabs (a[i].data[0] / a[i].data[1] - a[j].data[0] / a[j].data[1]) > 1e-9, "%s begins as %s",
            a[i].name, a[j].name);
    if (a[i].n_dims != 4)
      continue;
    variance = 2.0 / (a[i].dims[0] * a[i].dims[2] * a[i].dims[3]);
    /* Four standard deviations of a variance of that many numbers. */
    ck_assert_msg (fabs (square / variance - 1) < 4 * sqrt (2.0 / a[i].size), "%s: variance %g, expected %g", a[i].name,
        square, variance);
  }
  supcon_model_free (model);
  supcon_model_free (other);
}
END_TEST

/* Every tensor of the encoder counts, running statistics too, and no other: an index stays one's own when only heads
 * have learnt. */
START_TEST (test_fingerprint)
{
  SupconModelConfig config = config_of ("resnet8", SUPCON_STEM_SMALL, 8, 0.25);
  SupconModel *model = supcon_model_new (&config, 1, NULL);
  guint64 fingerprint;
  SupconParam *params;
  guint n;

  supcon_model_set_n_classes (model, 2);
  fingerprint = supcon_model_fingerprint (model);
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++) {
    SupconReal keep = params[i].data[0];

    params[i].data[0] += 1;
    ck_assert_msg ((supcon_model_fingerprint (model) != fingerprint) == (params[i].part == SUPCON_PART_ENCODER), "%s",
        params[i].name);
    params[i].data[0] = keep;
  }
  ck_assert (supcon_model_fingerprint (model) == fingerprint);
  supcon_model_free (model);
}
END_TEST

SUPCON_CHECK_MAIN ("model", test_gradients, test_sizes, test_embed, test_settings, test_classes_grow, test_state,
    test_activations, test_initial, test_fingerprint)
