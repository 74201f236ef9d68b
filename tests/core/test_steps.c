/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What steps make of the view's size: views that are no squares, where one axis cannot stand for the other. */
#include <math.h>

#include "apply_policy.h"
#include "augment/operations.h"
#include "check_main.h"

/* Grey, and its rows follow each other: a plane too. */
static SupconImage
new_picture (guint width, guint height)
{
  SupconImage picture = {
    .pixels = g_malloc ((gsize)width * height), .stride = width, .width = width, .height = height, .channels = 1
  };

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      picture.pixels[y * width + x] = (guint8)(x * 37 + y * 59 + (x * y ^ x << 2) % 61);
  return picture;
}

/* The text's steps on a picture of the view's size. */
static SupconImage
apply (const SupconProgram *program, guint64 sample, const SupconImage *picture)
{
  SupconImage view = new_picture (picture->width, picture->height);
  SupconAugmenter *augmenter = supcon_augmenter_new ();

  supcon_augmenter_apply (augmenter, program, 5, sample, 0, picture, &view);
  supcon_augmenter_free (augmenter);
  return view;
}

/* Points at quarters of both axes, displaced by a share of the shorter side: here the height, there the width. */
START_TEST (test_warp)
{
  enum { POINTS = 3, BOUNDARY = 2 };
  static const guint sizes[][2] = { { 40, 20 }, { 17, 50 } };
  SupconProgram *program = parse_program ("warp(0.15,points=3,boundary=2)");
  SupconScratch *scratch = supcon_scratch_new ();

  for (guint sample = 0; sample < 4; sample++) {
    guint width = sizes[sample % 2][0], height = sizes[sample % 2][1], n = 0;
    double shorter = sample % 2 ? 17 : 20, from[POINTS * POINTS][2], to[POINTS * POINTS][2];
    SupconImage picture = new_picture (width, height), view = apply (program, sample, &picture);
    SupconPlanes expected = { .width = width, .height = height, .channels = 1, .plane = { picture.pixels } };
    SupconDraws draws;
    SupconRng rng;

    supcon_program_draw (program, 5, sample, 0, width, height, width, height, &draws);
    ck_assert_uint_eq (draws.n_steps, 1);
    rng = draws.steps[0].rng;
    for (guint row = 1; row <= POINTS; row++)
      for (guint column = 1; column <= POINTS; column++, n++) {
        from[n][0] = column * width / 4.0;
        from[n][1] = row * height / 4.0;
        to[n][1] = from[n][1] + 0.15 * shorter * supcon_rng_normal (&rng);
        to[n][0] = from[n][0] + 0.15 * shorter * supcon_rng_normal (&rng);
      }
    supcon_planes_warp (&expected, n, from, to, BOUNDARY, scratch);
    ck_assert_mem_eq (view.pixels, expected.plane[0], (gsize)width * height);
    g_free (picture.pixels);
    g_free (view.pixels);
  }
  supcon_scratch_free (scratch);
  supcon_program_free (program);
}
END_TEST

static gint
reflect (gint i, gint n)
{
  return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
}

/* SimCLR's blur by its definition: a kernel of a tenth of the height whatever the width is, no wider than what can be
 * reflected in the shorter side. */
START_TEST (test_blur)
{
  static const struct {
    guint width, height;
    gint radius;
  } cases[] = { { 48, 20, 1 }, { 20, 48, 2 }, { 3, 97, 2 }, { 97, 3, 0 }, { 30, 39, 1 }, { 30, 40, 2 } };
  SupconProgram *program = parse_program ("blur(1.5)");

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    gint width = (gint)cases[k].width, height = (gint)cases[k].height, radius = cases[k].radius;
    SupconImage picture = new_picture (width, height), view = apply (program, 0, &picture);

    for (gint y = 0; y < height; y++)
      for (gint x = 0; x < width; x++) {
        double sum = 0, total = 0;

        for (gint dy = -radius; dy <= radius; dy++)
          for (gint dx = -radius; dx <= radius; dx++) {
            double weight = exp (-(dx * dx + dy * dy) / (2 * 1.5 * 1.5));

            sum += weight * picture.pixels[reflect (y + dy, height) * width + reflect (x + dx, width)];
            total += weight;
          }
        /* A half by rounding to bytes, the rest for sums in float32. */
        check_number (fabs (view.pixels[y * width + x] - sum / total) <= 0.501, "%d x %d, (%d, %d): %d, %g expected",
            width, height, x, y, view.pixels[y * width + x], sum / total);
      }
    g_free (picture.pixels);
    g_free (view.pixels);
  }
  supcon_program_free (program);
}
END_TEST

/* Shares of a side are cut to whole pixels, not rounded, and by as many to either side: 2.6 is 2, 3.6 is 3. */
START_TEST (test_translate)
{
  static const struct {
    const gchar *text;
    gint x, y;
  } moves[] = { { "translate-x(0.13)", 2, 0 }, { "translate-x(-0.13)", -2, 0 }, { "translate-y(0.12)", 0, 3 },
    { "translate-y(-0.12)", 0, -3 } };
  SupconImage picture = new_picture (20, 30);

  for (guint m = 0; m < G_N_ELEMENTS (moves); m++) {
    SupconProgram *program = parse_program (moves[m].text);
    SupconImage view = apply (program, 0, &picture);

    for (gint y = 0; y < 30; y++)
      for (gint x = 0; x < 20; x++) {
        gint from_x = x - moves[m].x, from_y = y - moves[m].y;
        gboolean inside = from_x >= 0 && from_x < 20 && from_y >= 0 && from_y < 30;
        guint expected = inside ? picture.pixels[from_y * 20 + from_x] : 0, found = view.pixels[y * 20 + x];

        check_number (found == expected, "%s: %u at %d, %d; expected %u", moves[m].text, found, x, y, expected);
      }
    g_free (view.pixels);
    supcon_program_free (program);
  }
  g_free (picture.pixels);
}
END_TEST

SUPCON_CHECK_MAIN ("steps", test_warp, test_blur, test_translate)
