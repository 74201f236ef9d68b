/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations on pictures against torchvision's, and SimAugment made of them. */
#include <math.h>
#include <string.h>

#include "augment/operations.h"
#include "apply_policy.h"
#include "check_main.h"

typedef enum {
  BRIGHTNESS,
  CONTRAST,
  SATURATION,
  HUE,
  GREYSCALE,
  SHARPNESS,
  POSTERIZE,
  SOLARIZE,
  INVERT,
  AUTO_CONTRAST,
  EQUALIZE,
  BLUR,
  ROTATE,
  SHEAR_X,
  SHEAR_Y,
  TRANSLATE_X,
  TRANSLATE_Y,
  ROTATE_BILINEAR,
  SHEAR_X_BILINEAR,
  SHEAR_Y_BILINEAR
} Operation;

#include "golden/operations.h"

/* The formula of tests/oracle/operations.py. */
static guint8
formula (guint x, guint y, guint c)
{
  if ((x + y) % 11 == 0)
    return (x * 23 + y * 5) & 0xFF;
  return (x * (9 + 4 * c) + y * (17 - 5 * c) + c * 71 + ((x * y) ^ (x << 2)) % 61) & 0xFF;
}

/* Each plane is a block of its own, so that sanitizers see what goes beyond it. */
static SupconPlanes
make_picture (guint width, guint height, guint channels)
{
  SupconPlanes picture = { .width = width, .height = height, .channels = channels };

  for (guint c = 0; c < channels; c++) {
    picture.plane[c] = g_malloc ((gsize)width * height);
    for (guint y = 0; y < height; y++)
      for (guint x = 0; x < width; x++)
        picture.plane[c][y * width + x] = formula (x, y, c);
  }
  return picture;
}

static void
free_picture (SupconPlanes *picture)
{
  for (guint c = 0; c < picture->channels; c++)
    g_free (picture->plane[c]);
}

typedef void Affine (SupconPlanes *picture, const double matrix[6], SupconScratch *scratch);

/* Counter-clockwise about the middle. */
static void
rotate (SupconPlanes *picture, double degrees, Affine *affine, SupconScratch *scratch)
{
  double c = cos (degrees * G_PI / 180), s = sin (degrees * G_PI / 180);
  double x = picture->width / 2.0, y = picture->height / 2.0;
  double matrix[] = { c, -s, x - c * x + s * y, s, c, y - s * x - c * y };

  affine (picture, matrix, scratch);
}

/* FALSE: not by a byte's value alone. */
static gboolean
add (SupconPointwise *run, Operation operation, double a, guint b)
{
  switch (operation) {
  case BRIGHTNESS:
    supcon_pointwise_brightness (run, a);
    return TRUE;
  case CONTRAST:
    supcon_pointwise_contrast (run, a);
    return TRUE;
  case SATURATION:
    supcon_pointwise_saturation (run, a);
    return TRUE;
  case HUE:
    supcon_pointwise_hue (run, a);
    return TRUE;
  case GREYSCALE:
    supcon_pointwise_greyscale (run);
    return TRUE;
  case POSTERIZE:
    supcon_pointwise_posterize (run, b);
    return TRUE;
  case SOLARIZE:
    supcon_pointwise_solarize (run, a);
    return TRUE;
  case INVERT:
    supcon_pointwise_invert (run);
    return TRUE;
  case AUTO_CONTRAST:
    supcon_pointwise_auto_contrast (run);
    return TRUE;
  case EQUALIZE:
    supcon_pointwise_equalize (run);
    return TRUE;
  default:
    return FALSE;
  }
}

static void
apply (SupconPlanes *picture, Operation operation, double a, guint b)
{
  SupconScratch *scratch = supcon_scratch_new ();
  double shear_x[] = { 1, a, 0, 0, 1, 0 }, shear_y[] = { 1, 0, 0, a, 1, 0 };
  double translate_x[] = { 1, 0, -a, 0, 1, 0 }, translate_y[] = { 1, 0, 0, 0, 1, -a };
  SupconPointwise run;

  supcon_pointwise_begin (&run, picture, scratch);
  add (&run, operation, a, b);
  supcon_pointwise_end (&run);
  switch (operation) {
  case SHARPNESS:
    supcon_planes_sharpness (picture, a, scratch);
    break;
  case BLUR:
    supcon_planes_blur (picture, b, a, scratch);
    break;
  case ROTATE:
    rotate (picture, a, supcon_planes_affine, scratch);
    break;
  case SHEAR_X:
    supcon_planes_affine (picture, shear_x, scratch);
    break;
  case SHEAR_Y:
    supcon_planes_affine (picture, shear_y, scratch);
    break;
  case TRANSLATE_X:
    supcon_planes_affine (picture, translate_x, scratch);
    break;
  case TRANSLATE_Y:
    supcon_planes_affine (picture, translate_y, scratch);
    break;
  case ROTATE_BILINEAR:
    rotate (picture, a, supcon_planes_affine_bilinear, scratch);
    break;
  case SHEAR_X_BILINEAR:
    supcon_planes_affine_bilinear (picture, shear_x, scratch);
    break;
  case SHEAR_Y_BILINEAR:
    supcon_planes_affine_bilinear (picture, shear_y, scratch);
    break;
  default:
    break;
  }
  supcon_scratch_free (scratch);
}

START_TEST (test_golden)
{
  SupconPlanes picture
      = make_picture (golden_operations[_i].width, golden_operations[_i].height, golden_operations[_i].channels);
  Operation operation = golden_operations[_i].operation;
  const guint8 *golden = golden_pixels + golden_operations[_i].offset;
  gsize n = (gsize)picture.width * picture.height;
  gboolean sums = operation == BLUR || operation >= ROTATE_BILINEAR;
  guint different = 0;

  apply (&picture, operation, golden_operations[_i].a, golden_operations[_i].b);
  for (gsize i = 0; i < n; i++) {
    for (guint c = 0; c < picture.channels; c++) {
      int difference = picture.plane[c][i] - golden[i * picture.channels + c];

      /* All but what sums in float32 do torchvision's own arithmetic. */
      ck_assert_int_le (ABS (difference), sums);
      different += difference != 0;
    }
  }
  /* Between pixels many sums are a half, which float32 rounds either way. */
  ck_assert_uint_le (different, n * picture.channels / (operation == BLUR ? 500 : sums ? 50 : G_MAXUINT32));
  free_picture (&picture);
}
END_TEST

START_TEST (test_identities)
{
  for (guint channels = 1; channels <= 3; channels += 2) {
    SupconPlanes picture = make_picture (67, 41, channels), same = make_picture (67, 41, channels);

    apply (&picture, BRIGHTNESS, 1.0, 0);
    apply (&picture, CONTRAST, 1.0, 0);
    apply (&picture, SATURATION, 1.0, 0);
    apply (&picture, BLUR, 0.05, 4);
    for (guint c = 0; c < channels; c++)
      ck_assert_mem_eq (picture.plane[c], same.plane[c], 67 * 41);
    /* A plain area stays plain under any blur, and has no contrast to stretch. */
    for (guint c = 0; c < channels; c++)
      memset (picture.plane[c], 40 + 100 * c, 67 * 41);
    apply (&picture, BLUR, 3.0, 20);
    apply (&picture, AUTO_CONTRAST, 0, 0);
    for (gsize i = 0; i < 67 * 41 * channels; i++)
      ck_assert_uint_eq (picture.plane[i % channels][i / channels], 40 + 100 * (i % channels));
    free_picture (&picture);
    free_picture (&same);
  }
}
END_TEST

/* Twice is not at all; identity parameters of everything else too. */
START_TEST (test_untouched)
{
  SupconPlanes picture = make_picture (67, 41, 3), same = make_picture (67, 41, 3);
  SupconScratch *scratch = supcon_scratch_new ();
  static const double identity[6] = { 1, 0, 0, 0, 1, 0 };

  for (guint twice = 0; twice < 2; twice++)
    supcon_planes_flip (&picture);
  for (guint twice = 0; twice < 2; twice++)
    apply (&picture, INVERT, 0, 0);
  for (guint way = 0; way < 2; way++) {
    Affine *affine = way ? supcon_planes_affine_bilinear : supcon_planes_affine;

    for (guint turn = 0; turn < 2; turn++)
      rotate (&picture, 180, affine, scratch);
    rotate (&picture, 0, affine, scratch);
    affine (&picture, identity, scratch);
  }
  supcon_planes_sharpness (&picture, 1.0, scratch);
  apply (&picture, POSTERIZE, 0, 8);
  apply (&picture, SOLARIZE, 256, 0);
  supcon_planes_erase (&picture, 10, 10, 0, 0, 0, NULL);
  for (guint c = 0; c < 3; c++)
    ck_assert_mem_eq (picture.plane[c], same.plane[c], 67 * 41);
  supcon_scratch_free (scratch);
  free_picture (&picture);
  free_picture (&same);
}
END_TEST

/* Operations that wait for each other leave the bytes of one after the other. */
START_TEST (test_runs)
{
  static const Operation operations[]
      = { BRIGHTNESS, CONTRAST, POSTERIZE, SOLARIZE, INVERT, AUTO_CONTRAST, EQUALIZE, SATURATION, HUE, GREYSCALE };
  SupconScratch *scratch = supcon_scratch_new ();
  SupconRng rng;

  supcon_rng_init (&rng, _i, 0, 0, 0);
  for (guint round = 0; round < 200; round++) {
    guint channels = round % 4 ? 3 : 1, n = 2 + supcon_rng_below (&rng, 8);
    SupconPlanes at_once = make_picture (37, 29, channels), alone = make_picture (37, 29, channels);
    SupconPointwise run;

    supcon_pointwise_begin (&run, &at_once, scratch);
    for (guint i = 0; i < n; i++) {
      Operation operation = operations[supcon_rng_below (&rng, G_N_ELEMENTS (operations))];
      double a = operation == SOLARIZE ? supcon_rng_uniform (&rng, 0, 256)
                 : operation == HUE    ? supcon_rng_uniform (&rng, -0.5, 0.5)
                                       : supcon_rng_uniform (&rng, 0.3, 1.7);
      guint b = supcon_rng_below (&rng, 9);

      apply (&alone, operation, a, b);
      add (&run, operation, a, b);
    }
    supcon_pointwise_end (&run);
    for (guint c = 0; c < channels; c++)
      ck_assert_mem_eq (at_once.plane[c], alone.plane[c], 37 * 29);
    free_picture (&at_once);
    free_picture (&alone);
  }
  supcon_scratch_free (scratch);
}
END_TEST

/* A text's steps on a smooth picture that fades to black before its edges. */
static guint8 *
apply_to_smooth (const gchar *text)
{
  enum { SIDE = 96 };
  SupconImage picture = { .width = SIDE, .height = SIDE, .channels = 1, .stride = SIDE }, view = picture;
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  SupconProgram *program = supcon_program_parse (text, NULL);

  ck_assert_ptr_nonnull (program);
  picture.pixels = g_malloc (SIDE * SIDE);
  view.pixels = g_malloc (SIDE * SIDE);
  for (guint y = 0; y < SIDE; y++)
    for (guint x = 0; x < SIDE; x++) {
      double dx = (x - 47.5) / 40, dy = (y - 47.5) / 40, inside = MAX (0, 1 - dx * dx - dy * dy);

      picture.pixels[y * SIDE + x] = (guint8)(inside * inside * (170 + 80 * sin (x * 0.11) * cos (y * 0.07 + 1)));
    }
  supcon_augmenter_apply (augmenter, program, 0, 0, 0, &picture, &view);
  g_free (picture.pixels);
  supcon_program_free (program);
  supcon_augmenter_free (augmenter);
  return view.pixels;
}

/* One sampling by the composed transform is what stepwise sampling comes near to; in another order it is not. */
START_TEST (test_compose)
{
  enum { N = 96 * 96 };
  static const gchar *const texts[] = {
    "identity rotate(25,1,p=1) shear-x(0.2,1) translate-y(pixels=7)",
    "invert invert flip rotate(-40,1) flip shear-y(-0.15,1)",
    "translate-x(pixels=9) rotate(70,1) rotate(-33,1)",
    "mix(1,2,1){ rotate(30,1) } ",
  };
  gchar *composed_text = g_strdup_printf ("compose %s", texts[_i]);
  guint8 *stepwise = apply_to_smooth (texts[_i]), *composed = apply_to_smooth (composed_text);
  guint different = 0;
  double sum = 0;

  for (guint i = 0; i < N; i++) {
    gint difference = stepwise[i] - composed[i];

    /* Each bilinear step flattens the picture by up to an eighth of its second derivative (here below 4) and rounds. */
    ck_assert_int_le (ABS (difference), 3);
    sum += ABS (difference);
    different += difference != 0;
  }
  ck_assert_double_le (sum / N, 0.5);
  /* They are not the same: something was composed. */
  ck_assert_uint_gt (different, 0);
  g_free (stepwise);
  g_free (composed);
  g_free (composed_text);
}
END_TEST

/* What gets lost outside is lost by steps only, and a transform back is none. */
START_TEST (test_compose_exact)
{
  static const gchar *const pairs[][2] = {
    { "compose translate-x(pixels=60) translate-x(pixels=-60)", "identity" },
    { "compose invert flip translate-y(pixels=9) flip", "invert translate-y(pixels=9)" },
    { "compose rotate(30)", "rotate(30)" },
    { "compose rotate(90) rotate(90)", "rotate(180)" },
    { "compose rotate(20) invert shear-x(0.1)", "rotate(20) invert shear-x(0.1)" },
  };
  guint8 *a = apply_to_smooth (pairs[_i][0]), *b = apply_to_smooth (pairs[_i][1]);

  ck_assert_mem_eq (a, b, 96 * 96);
  g_free (a);
  g_free (b);
}
END_TEST

/* PIL's way to a hue and back in double precision, for one colour. */
static void
pil_hue (const guint8 in[3], gint shift, guint8 out[3])
{
  gint r = in[0], g = in[1], b = in[2], most = MAX (r, MAX (g, b)), least = MIN (r, MIN (g, b));
  float range = (float)(most - least), rc, gc, bc, part, hue, f, fs, turn;
  gint h = 0, s = 0, sector, p, q, t;

  if (most > least) {
    rc = (most - r) / range;
    gc = (most - g) / range;
    bc = (most - b) / range;
    part = r == most ? bc - gc : g == most ? 2.0f + rc - bc : 4.0f + gc - rc;
    hue = (float)fmod (part * (1.0 / 6.0) + 1.0, 1.0);
    h = (gint)(hue * 255.0);
    s = (gint)(range / (float)most * 255.0);
  }
  h = (h + shift) & 255;
  turn = h * 6.0f / 255.0f;
  sector = (gint)turn;
  f = turn - sector;
  fs = s / 255.0f;
  p = (gint)(most * (1.0f - fs) + 0.5f);
  q = (gint)(most * (1.0f - fs * f) + 0.5f);
  t = (gint)(most * (1.0f - fs * (1.0f - f)) + 0.5f);
  switch (sector % 6) {
  case 0:
    out[0] = most, out[1] = t, out[2] = p;
    break;
  case 1:
    out[0] = q, out[1] = most, out[2] = p;
    break;
  case 2:
    out[0] = p, out[1] = most, out[2] = t;
    break;
  case 3:
    out[0] = p, out[1] = q, out[2] = most;
    break;
  case 4:
    out[0] = t, out[1] = p, out[2] = most;
    break;
  default:
    out[0] = most, out[1] = p, out[2] = q;
    break;
  }
}

/* Every 5th of all colours, each by another shift. */
START_TEST (test_hue_exact)
{
  enum { N = 256 * 256 };
  SupconPlanes picture = { .width = 256, .height = 256, .channels = 3 };

  for (guint c = 0; c < 3; c++)
    picture.plane[c] = g_malloc (N);
  for (guint blue = 0; blue < 256; blue += 5) {
    gint shift = (gint)(blue * 7 % 255) - 127;

    for (guint i = 0; i < N; i++) {
      picture.plane[0][i] = i & 255;
      picture.plane[1][i] = i >> 8;
      picture.plane[2][i] = blue;
    }
    apply (&picture, HUE, shift / 255.0 + (shift < 0 ? -1e-9 : 1e-9), 0);
    for (guint i = 0; i < N; i++) {
      guint8 in[3] = { i & 255, i >> 8, blue }, out[3];

      pil_hue (in, shift, out);
      for (guint c = 0; c < 3; c++)
        if (picture.plane[c][i] != out[c])
          ck_abort_msg ("colour %u %u %u by %d", in[0], in[1], in[2], shift);
    }
  }
  free_picture (&picture);
}
END_TEST

typedef struct {
  SupconImage picture, view;
  SupconPolicy policy;
  SupconAugmenter *augmenter;
} Simaugment;

static Simaugment
simaugment_new (void)
{
  Simaugment s = { .picture = { .width = 40, .height = 40, .channels = 3, .stride = 120 } };

  s.view = s.picture;
  s.picture.pixels = g_malloc (4800);
  s.view.pixels = g_malloc (4800);
  for (guint i = 0; i < 4800; i++)
    s.picture.pixels[i] = formula (i / 3 % 40, i / 120, i % 3);
  supcon_policy_init (&s.policy, SUPCON_POLICY_SIMAUGMENT);
  /* Without crop and flip, so that what the rest does can be told. */
  s.policy.scale_min = s.policy.scale_max = 1.0;
  s.policy.ratio_min = s.policy.ratio_max = 1.0;
  s.policy.flip_probability = 0.0;
  s.augmenter = supcon_augmenter_new ();
  return s;
}

static void
simaugment_clear (Simaugment *s)
{
  g_free (s->picture.pixels);
  g_free (s->view.pixels);
  supcon_augmenter_free (s->augmenter);
}

START_TEST (test_simaugment_probabilities)
{
  Simaugment s = simaugment_new ();
  guint grey = 0, same = 0, untouched = 0;
  const guint n = 4000;

  s.policy.blur_probability = 0.0;
  for (guint sample = 0; sample < n; sample++) {
    gboolean is_grey = TRUE;

    apply_policy (s.augmenter, &s.policy, 3, sample, 0, &s.picture, &s.view);
    for (guint i = 0; i < 4800; i += 3)
      is_grey = is_grey && s.view.pixels[i] == s.view.pixels[i + 1] && s.view.pixels[i] == s.view.pixels[i + 2];
    grey += is_grey;
    untouched += memcmp (s.picture.pixels, s.view.pixels, 4800) == 0;
  }
  /* Four standard deviations of 0.2 and of (1 - 0.8) (1 - 0.2). */
  ck_assert_double_eq_tol (grey / (double)n, 0.2, 4 * sqrt (0.2 * 0.8 / n));
  ck_assert_double_eq_tol (untouched / (double)n, 0.16, 4 * sqrt (0.16 * 0.84 / n));

  s.policy.color_probability = s.policy.greyscale_probability = 0.0;
  s.policy.blur_probability = 0.5;
  s.policy.sigma_min = 1.0;
  for (guint sample = 0; sample < n; sample++) {
    apply_policy (s.augmenter, &s.policy, 3, sample, 0, &s.picture, &s.view);
    same += memcmp (s.picture.pixels, s.view.pixels, 4800) == 0;
  }
  ck_assert_double_eq_tol (same / (double)n, 0.5, 4 * sqrt (0.25 / n));
  simaugment_clear (&s);
}
END_TEST

/* What one operation draws does not depend on whether another runs. */
START_TEST (test_simaugment_independent)
{
  Simaugment s = simaugment_new ();
  guint8 *first = g_malloc (4800);

  s.policy.color_probability = 0.0;
  s.policy.greyscale_probability = 0.0;
  for (guint sample = 0; sample < 50; sample++) {
    s.policy.flip_probability = 0.0;
    apply_policy (s.augmenter, &s.policy, 9, sample, 1, &s.picture, &s.view);
    memcpy (first, s.view.pixels, 4800);
    s.policy.flip_probability = 1.0;
    apply_policy (s.augmenter, &s.policy, 9, sample, 1, &s.picture, &s.view);
    for (guint i = 0; i < 1600; i++) {
      const guint8 *mirrored = s.view.pixels + 3 * (i / 40 * 40 + 39 - i % 40);

      for (guint c = 0; c < 3; c++)
        ck_assert_int_le (ABS (first[3 * i + c] - mirrored[c]), 1);
    }
  }
  g_free (first);
  simaugment_clear (&s);
}
END_TEST

/* Views of every small size, grey and coloured. */
START_TEST (test_simaugment_sizes)
{
  Simaugment s = simaugment_new ();

  s.policy.blur_probability = 1.0;
  for (guint size = 0; size < 45 * 3; size++) {
    guint width = size % 3 == 0 ? size / 3 + 1 : size % 3 == 1 ? 1 : 45, height = size % 3 == 0 ? 45 : size / 3 + 1;

    for (guint channels = 1; channels <= 3; channels += 2) {
      gsize n = (gsize)width * height * channels;
      SupconImage view = { .pixels = g_malloc (n),
        .stride = (gsize)width * channels,
        .width = width,
        .height = height,
        .channels = channels };

      apply_policy (s.augmenter, &s.policy, 1, size, 0, &s.picture, &view);
      g_free (view.pixels);
    }
  }
  simaugment_clear (&s);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("operations");
  TCase *tcase = tcase_create ("operations");
  SRunner *runner = srunner_create (suite);
  int failed;

  tcase_set_timeout (tcase, SUPCON_TEST_SECONDS);
  tcase_add_loop_test (tcase, test_golden, 0, G_N_ELEMENTS (golden_operations));
  tcase_add_test (tcase, test_identities);
  tcase_add_test (tcase, test_untouched);
  tcase_add_loop_test (tcase, test_runs, 0, 4);
  tcase_add_loop_test (tcase, test_compose, 0, 4);
  tcase_add_loop_test (tcase, test_compose_exact, 0, 5);
  tcase_add_test (tcase, test_hue_exact);
  tcase_add_test (tcase, test_simaugment_probabilities);
  tcase_add_test (tcase, test_simaugment_independent);
  tcase_add_test (tcase, test_simaugment_sizes);
  suite_add_tcase (suite, tcase);
  srunner_run_all (runner, CK_NORMAL);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
