/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The corruptions of ImageNet-C, the sparse warp and AugMix's mixture against numpy, and what they leave alone. */
#include <math.h>
#include <string.h>

#include "augment/augmenter.h"
#include "augment/corrupt.h"
#include "augment/operations.h"
#include "check_main.h"
#include "golden/corruptions.h"

static SupconCorruption *const corruptions[] = { supcon_corrupt_gaussian_noise, supcon_corrupt_shot_noise,
  supcon_corrupt_impulse_noise, supcon_corrupt_defocus_blur, supcon_corrupt_glass_blur, supcon_corrupt_motion_blur,
  supcon_corrupt_zoom_blur, supcon_corrupt_snow, supcon_corrupt_frost, supcon_corrupt_fog, supcon_corrupt_brightness,
  supcon_corrupt_contrast, supcon_corrupt_elastic, supcon_corrupt_pixelate, supcon_corrupt_jpeg };
#define JPEG (G_N_ELEMENTS (corruptions) - 1)

/* The formula of tests/oracle/corruptions.py. */
static SupconPlanes
make_picture (guint width, guint height, guint channels)
{
  SupconPlanes picture = { .width = width, .height = height, .channels = channels };

  for (guint c = 0; c < channels; c++) {
    picture.plane[c] = g_malloc ((gsize)width * height);
    for (guint y = 0; y < height; y++)
      for (guint x = 0; x < width; x++)
        picture.plane[c][y * width + x] = 128 + (x * (7 - 2 * c) + y * (3 + 2 * c)) % 97 - 60 * (x > y);
  }
  return picture;
}

static void
free_picture (SupconPlanes *picture)
{
  for (guint c = 0; c < picture->channels; c++)
    g_free (picture->plane[c]);
}

START_TEST (test_corruptions)
{
  guint which = golden_corruptions[_i].corruption, every = golden_corruptions[_i].every, different = 0, n = 0;
  SupconPlanes picture = make_picture (golden_corruptions[_i].width, golden_corruptions[_i].height, 3);
  gsize bytes = (gsize)picture.width * picture.height * 3;
  double total = 0;
  SupconRng rng;

  supcon_rng_init (&rng, 3, golden_corruptions[_i].severity, 0, which);
  corruptions[which](&picture, golden_corruptions[_i].severity, &rng);
  for (gsize i = 0; i < bytes; i += every, n++) {
    gint golden = golden_corrupted[golden_corruptions[_i].offset + n];
    gint difference = ABS ((gint)picture.plane[i % 3][i / 3] - golden);

    /* libjpeg's DCT is of integers: where it rounds a coefficient the other way, a block differs. On the mean that is a
     * tenth of what the compression loses. */
    ck_assert_msg (difference <= (which == JPEG ? 40 : 1), "corruption %u, severity %u, byte %zu: %d, %d expected",
        which, golden_corruptions[_i].severity, i, picture.plane[i % 3][i / 3], golden);
    different += difference != 0;
    total += difference;
  }
  if (which == JPEG)
    ck_assert_msg (total / n < 1.5, "mean difference %g", total / n);
  else
    ck_assert_msg (different <= n / 50 + 1, "corruption %u: %u of %u differ", which, different, n);
  free_picture (&picture);
}
END_TEST

/* Grey pictures and pictures of small sizes. */
START_TEST (test_corruptions_sizes)
{
  for (guint which = 0; which < G_N_ELEMENTS (corruptions); which++)
    for (guint size = 1; size <= 20; size += size < 5 ? 1 : 5)
      for (guint severity = 1; severity <= 5; severity++) {
        SupconPlanes picture = make_picture (size, 21 - size, 1 + 2 * (size & 1));
        SupconRng rng;

        supcon_rng_init (&rng, 1, size, 0, which);
        corruptions[which](&picture, severity, &rng);
        free_picture (&picture);
      }
}
END_TEST

/* Black has no colour that could be kept: it becomes grey, a twentieth of white in a small picture. */
START_TEST (test_brightness_of_black)
{
  SupconPlanes picture = make_picture (4, 4, 3);

  for (guint c = 0; c < 3; c++)
    memset (picture.plane[c], 0, 16);
  supcon_corrupt_brightness (&picture, 1, NULL);
  for (guint c = 0; c < 3; c++)
    ck_assert_uint_eq (picture.plane[c][5], 12);
  free_picture (&picture);
}
END_TEST

START_TEST (test_warp)
{
  SupconPlanes picture = make_picture (golden_warps[_i].width, golden_warps[_i].height, 3);
  gsize n = (gsize)picture.width * picture.height * 3;
  SupconScratch *scratch = supcon_scratch_new ();
  guint different = 0;

  supcon_planes_warp (
      &picture, golden_warps[_i].n, golden_warps[_i].from, golden_warps[_i].to, golden_warps[_i].boundary, scratch);
  for (gsize i = 0; i < n; i++) {
    gint difference = picture.plane[i % 3][i / 3] - golden_warped[golden_warps[_i].offset + i];

    ck_assert_int_le (ABS (difference), 1);
    different += difference != 0;
  }
  /* Sums of float32: a byte in a thousand is rounded the other way. */
  ck_assert_uint_le (different, n / 1000);
  supcon_scratch_free (scratch);
  free_picture (&picture);
}
END_TEST

/* Nothing moves, nothing changes; points on a line have no spline. */
START_TEST (test_warp_identity)
{
  static const double line[3][2] = { { 1, 1 }, { 5, 5 }, { 9, 9 } }, moved[3][2] = { { 2, 2 }, { 5, 5 }, { 8, 8 } };
  SupconPlanes picture = make_picture (23, 17, 3), same = make_picture (23, 17, 3);
  SupconScratch *scratch = supcon_scratch_new ();

  supcon_planes_warp (&picture, 3, line, line, 2, scratch);
  supcon_planes_warp (&picture, 3, line, moved, 0, scratch);
  for (guint c = 0; c < 3; c++)
    ck_assert_mem_eq (picture.plane[c], same.plane[c], 23 * 17);
  supcon_scratch_free (scratch);
  free_picture (&picture);
  free_picture (&same);
}
END_TEST

#define SIDE 16

static void
apply (const gchar *text, guint64 sample, guint8 in[SIDE * SIDE * 3], guint8 out[SIDE * SIDE * 3])
{
  SupconImage picture = { .pixels = in, .stride = SIDE * 3, .width = SIDE, .height = SIDE, .channels = 3 },
              view = { .pixels = out, .stride = SIDE * 3, .width = SIDE, .height = SIDE, .channels = 3 };
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  GError *error = NULL;
  SupconProgram *program = supcon_program_parse (text, &error);

  ck_assert_msg (program != NULL, "%s: %s", text, error ? error->message : "");
  supcon_augmenter_apply (augmenter, program, 5, sample, 0, &picture, &view);
  supcon_program_free (program);
  supcon_augmenter_free (augmenter);
}

/* Chains that do nothing leave the picture, chains that invert it twice too; one that inverts it mixes both. */
START_TEST (test_mix)
{
  guint8 in[SIDE * SIDE * 3], out[SIDE * SIDE * 3];
  double share[500], mean = 0, variance = 0;

  for (guint i = 0; i < sizeof in; i++)
    in[i] = (guint8)(i * 37);
  for (guint sample = 0; sample < 500; sample++) {
    apply ("mix{identity}", sample, in, out);
    ck_assert_mem_eq (in, out, sizeof in);
    apply ("mix(3,2){invert}", sample, in, out);
    ck_assert_mem_eq (in, out, sizeof in);
    apply ("mix(2,1){invert}", sample, in, out);
    share[sample] = (out[0] - 255.0) / -255.0; /* in[0] is 0 */
    for (guint i = 0; i < sizeof in; i++) {
      double expected = share[sample] * in[i] + (1 - share[sample]) * (255 - in[i]);

      ck_assert_double_eq_tol (out[i], expected, 2.0);
    }
    mean += share[sample] / 500;
    variance += share[sample] * share[sample] / 500;
  }
  /* Beta (1, 1) is uniform. */
  variance -= mean * mean;
  ck_assert_double_eq_tol (mean, 0.5, 4 * sqrt (1 / 12.0 / 500));
  ck_assert_double_eq_tol (variance, 1 / 12.0, 0.012);
}
END_TEST

/* Cutout's square is about every pixel as often as about another: the middle is covered most, a corner a quarter. */
START_TEST (test_cutout)
{
  guint8 in[SIDE * SIDE * 3], out[SIDE * SIDE * 3];
  guint middle = 0, corner = 0, n = 2000;

  memset (in, 200, sizeof in);
  for (guint sample = 0; sample < n; sample++) {
    guint black = 0;

    apply ("cutout(0.5)", sample, in, out);
    for (guint i = 0; i < sizeof in; i++) {
      ck_assert (out[i] == 0 || out[i] == 200);
      black += out[i] == 0;
    }
    ck_assert_uint_ge (black, 4 * 4 * 3);
    ck_assert_uint_le (black, 8 * 8 * 3);
    middle += out[3 * (8 * SIDE + 8)] == 0;
    corner += out[0] == 0;
  }
  ck_assert_double_eq_tol (middle / (double)n, 64 / 256.0, 4 * sqrt (0.25 * 0.75 / n));
  ck_assert_double_eq_tol (corner / (double)n, 25 / 256.0, 4 * sqrt (0.1 * 0.9 / n));
  apply ("cutout(2,fill=77)", 1, in, out);
  ck_assert_uint_eq (out[3 * (8 * SIDE + 8)], 77);
  apply ("cutout(2,fill=-1)", 1, in, out);
  ck_assert (memcmp (out + 3 * 8 * SIDE, out + 3 * 9 * SIDE, 24) != 0);
}
END_TEST

/* Each name of the language does what its function does: another picture at each severity. */
START_TEST (test_names)
{
  guint8 in[SIDE * SIDE * 3], out[2][SIDE * SIDE * 3];

  for (guint i = 0; i < sizeof in; i++)
    in[i] = (guint8)(100 + i * 7 % 90);
  for (guint op = SUPCON_OPERATION_GAUSSIAN_NOISE; op <= SUPCON_OPERATION_JPEG; op++) {
    for (guint k = 0; k < 2; k++) {
      gchar *text = g_strdup_printf ("%s(%u)", supcon_operation_name (op), k ? 5 : 1);

      apply (text, 0, in, out[k]);
      g_free (text);
    }
    ck_assert_msg (memcmp (in, out[1], sizeof in) != 0, "%s does nothing", supcon_operation_name (op));
    ck_assert_msg (memcmp (out[0], out[1], sizeof in) != 0, "%s has one severity", supcon_operation_name (op));
  }
  apply ("warp(0)", 0, in, out[0]);
  ck_assert_mem_eq (in, out[0], sizeof in);
  apply ("warp(0.2,points=3,boundary=1)", 0, in, out[0]);
  ck_assert (memcmp (in, out[0], sizeof in) != 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("corruptions");
  TCase *tcase = tcase_create ("corruptions");
  SRunner *runner = srunner_create (suite);
  int failed;

  tcase_set_timeout (tcase, SUPCON_TEST_SECONDS);
  tcase_add_loop_test (tcase, test_corruptions, 0, G_N_ELEMENTS (golden_corruptions));
  tcase_add_loop_test (tcase, test_warp, 0, G_N_ELEMENTS (golden_warps));
  tcase_add_test (tcase, test_corruptions_sizes);
  tcase_add_test (tcase, test_brightness_of_black);
  tcase_add_test (tcase, test_warp_identity);
  tcase_add_test (tcase, test_mix);
  tcase_add_test (tcase, test_cutout);
  tcase_add_test (tcase, test_names);
  suite_add_tcase (suite, tcase);
  srunner_run_all (runner, CK_NORMAL);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
