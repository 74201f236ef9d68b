/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Views of the largest sides, and what is larger: nothing overflows. */
#include <string.h>

#include "apply_policy.h"
#include "augment/operations.h"
#include "check_main.h"

#define SHORT 3

static guint8
formula (guint x, guint y)
{
  return (x * 7 + y * 13 + ((x * (y + 3)) ^ (x << 2)) % 61) & 0xFF;
}

static SupconImage
make_picture (guint width, guint height)
{
  SupconImage picture = {
    .pixels = g_malloc ((gsize)width * height), .stride = width, .width = width, .height = height, .channels = 1
  };

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      picture.pixels[(gsize)y * width + x] = formula (x, y);
  return picture;
}

static guint8 *
apply (const gchar *text, const SupconImage *picture, guint width, guint height)
{
  SupconImage view = {
    .pixels = g_malloc0 ((gsize)width * height), .stride = width, .width = width, .height = height, .channels = 1
  };
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  SupconProgram *program = parse_program (text);

  supcon_augmenter_apply (augmenter, program, 1, 0, 0, picture, &view);
  supcon_program_free (program);
  supcon_augmenter_free (augmenter);
  return view.pixels;
}

/* What is known of each pixel, wide and tall. */
START_TEST (test_moves)
{
  enum { N = SUPCON_VIEW_MAX_SIDE * SHORT };
  static const gchar *const black[] = {
    "translate-x(pixels=-32767) translate-y(pixels=-32767)",
    "compose translate-x(pixels=-32767) translate-x(pixels=-32767) translate-y(-1) translate-y(-1)",
    "compose rotate(45) translate-x(pixels=32767) translate-x(pixels=32767) translate-y(pixels=32767)",
  };
  static const gchar *const same[] = {
    "compose translate-x(pixels=-32767) translate-x(pixels=-32767) translate-x(pixels=32767) translate-x(pixels=32767)",
    "rotate(180) rotate(180)",
    "rotate(180,1) rotate(180,1)",
    "rotate(0,1)",
  };
  SupconImage picture = _i ? make_picture (SHORT, SUPCON_VIEW_MAX_SIDE) : make_picture (SUPCON_VIEW_MAX_SIDE, SHORT);
  guint8 *bytes;

  for (guint i = 0; i < G_N_ELEMENTS (black); i++) {
    bytes = apply (black[i], &picture, picture.width, picture.height);
    for (guint k = 0; k < N; k++)
      check_number (bytes[k] == 0, "%s: %d at %u", black[i], bytes[k], k);
    g_free (bytes);
  }
  for (guint i = 0; i < G_N_ELEMENTS (same); i++) {
    bytes = apply (same[i], &picture, picture.width, picture.height);
    for (guint k = 0; k < N; k++)
      check_number (
          bytes[k] == picture.pixels[k], "%s: %d at %u, expected %d", same[i], bytes[k], k, picture.pixels[k]);
    g_free (bytes);
  }
  bytes = apply ("rotate(180)", &picture, picture.width, picture.height);
  for (guint k = 0; k < N; k++)
    check_number (
        bytes[k] == picture.pixels[N - 1 - k], "%d at %u, expected %d", bytes[k], k, picture.pixels[N - 1 - k]);
  g_free (bytes);
  g_free (picture.pixels);
}
END_TEST

/* For the sanitizers, as far as bytes are not known: moves whose product is beyond any number of 64 bits, and all else
 * that takes pixels from elsewhere. */
START_TEST (test_steps)
{
  static const gchar *const texts[] = {
    "rotate(0.001)",
    "rotate(33,1)",
    "shear-x(10) shear-y(-10) shear-x(10,1)",
    "warp(0.5,points=4,boundary=2)",
    "elastic(5)",
    "crop(scale=0.5,ratio=0.01:100) bicubic",
  };
  GString *shears = g_string_new ("compose");

  for (guint i = 0; i < 15; i++)
    g_string_append (shears, " shear-x(10) shear-y(10)");
  for (guint i = 0; i < 2; i++) {
    SupconImage picture = i ? make_picture (SHORT, SUPCON_VIEW_MAX_SIDE) : make_picture (SUPCON_VIEW_MAX_SIDE, SHORT);

    for (guint k = 0; k < G_N_ELEMENTS (texts); k++)
      g_free (apply (texts[k], &picture, picture.width, picture.height));
    g_free (apply (shears->str, &picture, picture.width, picture.height));
    g_string_append (shears, " rotate(1,1)");
    g_string_erase (shears, strlen ("compose"), strlen (" shear-x(10)"));
    g_free (picture.pixels);
  }
  g_string_free (shears, TRUE);
}
END_TEST

/* Pictures may be larger than views: of one value they stay that. */
START_TEST (test_pictures)
{
  enum { SIDE = 200000 };
  static const gchar *const texts[] = { "crop", "center-crop(0.9) bicubic", "flip" };

  for (guint i = 0; i < 2; i++) {
    SupconImage picture = i ? make_picture (1, SIDE) : make_picture (SIDE, 1);

    memset (picture.pixels, 77, SIDE);
    for (guint k = 0; k < G_N_ELEMENTS (texts); k++) {
      guint8 *bytes = apply (texts[k], &picture, 40, 40);

      for (guint b = 0; b < 40 * 40; b++)
        check_number (ABS (bytes[b] - 77) <= 1, "%s: %d at %u", texts[k], bytes[b], b);
      g_free (bytes);
    }
    g_free (picture.pixels);
  }
}
END_TEST

/* A larger view is the caller's mistake and is left alone. */
START_TEST (test_refused)
{
  static const double half[6] = { 1, 0, 0.5, 0, 1, 0 }, points[3][2] = { { 1, 0 }, { 9, 1 }, { 5, 2 } },
                      moved[3][2] = { { 2, 0 }, { 9, 2 }, { 5, 2 } };
  SupconScratch *scratch = supcon_scratch_new ();

  for (guint i = 0; i < 2; i++) {
    SupconImage picture
        = i ? make_picture (SHORT, SUPCON_VIEW_MAX_SIDE + 1) : make_picture (SUPCON_VIEW_MAX_SIDE + 1, SHORT);
    SupconPlanes planes
        = { .plane = { picture.pixels }, .width = picture.width, .height = picture.height, .channels = 1 };
    gsize n = (gsize)picture.width * picture.height;
    guint8 *before = g_memdup2 (picture.pixels, n), *bytes;

    for (guint k = 0; k < 4; k++)
      g_test_expect_message (NULL, G_LOG_LEVEL_CRITICAL, "*SUPCON_VIEW_MAX_SIDE*");
    bytes = apply ("rotate(1)", &picture, picture.width, picture.height);
    for (gsize k = 0; k < n; k++)
      check_number (bytes[k] == 0, "%d", bytes[k]);
    supcon_planes_affine (&planes, half, scratch);
    supcon_planes_affine_bilinear (&planes, half, scratch);
    supcon_planes_warp (&planes, 3, points, moved, 0, scratch);
    g_test_assert_expected_messages ();
    ck_assert (memcmp (picture.pixels, before, n) == 0);
    g_free (before);
    g_free (bytes);
    g_free (picture.pixels);
  }
  supcon_scratch_free (scratch);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("largest");
  TCase *tcase = tcase_create ("largest");
  SRunner *runner = srunner_create (suite);
  int failed;

  tcase_set_timeout (tcase, SUPCON_TEST_SECONDS);
  tcase_add_loop_test (tcase, test_moves, 0, 2);
  tcase_add_test (tcase, test_steps);
  tcase_add_test (tcase, test_pictures);
  tcase_add_test (tcase, test_refused);
  suite_add_tcase (suite, tcase);
  srunner_run_all (runner, CK_NORMAL);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
