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

static void
apply (SupconPlanes *picture, Operation operation, double a, guint b)
{
  SupconScratch *scratch = supcon_scratch_new ();
  double shear_x[] = { 1, a, 0, 0, 1, 0 }, shear_y[] = { 1, 0, 0, a, 1, 0 };
  double translate_x[] = { 1, 0, -a, 0, 1, 0 }, translate_y[] = { 1, 0, 0, 0, 1, -a };

  switch (operation) {
  case BRIGHTNESS:
    supcon_planes_brightness (picture, a);
    break;
  case CONTRAST:
    supcon_planes_contrast (picture, a);
    break;
  case SATURATION:
    supcon_planes_saturation (picture, a);
    break;
  case HUE:
    supcon_planes_hue (picture, a);
    break;
  case GREYSCALE:
    supcon_planes_greyscale (picture);
    break;
  case SHARPNESS:
    supcon_planes_sharpness (picture, a, scratch);
    break;
  case POSTERIZE:
    supcon_planes_posterize (picture, b);
    break;
  case SOLARIZE:
    supcon_planes_solarize (picture, a);
    break;
  case INVERT:
    supcon_planes_invert (picture);
    break;
  case AUTO_CONTRAST:
    supcon_planes_auto_contrast (picture);
    break;
  case EQUALIZE:
    supcon_planes_equalize (picture);
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
    /* A plain area stays plain under any blur. */
    for (guint c = 0; c < channels; c++)
      memset (picture.plane[c], 40 + 100 * c, 67 * 41);
    apply (&picture, BLUR, 3.0, 20);
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
    supcon_planes_invert (&picture);
  for (guint way = 0; way < 2; way++) {
    Affine *affine = way ? supcon_planes_affine_bilinear : supcon_planes_affine;

    for (guint turn = 0; turn < 2; turn++)
      rotate (&picture, 180, affine, scratch);
    rotate (&picture, 0, affine, scratch);
    affine (&picture, identity, scratch);
  }
  supcon_planes_sharpness (&picture, 1.0, scratch);
  supcon_planes_posterize (&picture, 8);
  supcon_planes_solarize (&picture, 256);
  supcon_planes_erase (&picture, 10, 10, 0, 0, 0, NULL);
  for (guint c = 0; c < 3; c++)
    ck_assert_mem_eq (picture.plane[c], same.plane[c], 67 * 41);
  supcon_scratch_free (scratch);
  free_picture (&picture);
  free_picture (&same);
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
    supcon_planes_hue (&picture, shift / 255.0 + (shift < 0 ? -1e-9 : 1e-9));
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
