/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What single operations draw. */
#include "counter.h"

static void
add_number (Counter *counter, const gchar *name, const gchar *what, guint value)
{
  gchar statistic[32], key[16];

  g_snprintf (statistic, sizeof statistic, "%s %s", name, what);
  g_snprintf (key, sizeof key, "%u", value);
  counter_add (counter, statistic, key);
}

static void
add_rectangle (
    Counter *counter, const gchar *name, guint x, guint y, guint width, guint height, guint of_width, guint of_height)
{
  gchar statistic[32];

  add_number (counter, name, "x", x);
  add_number (counter, name, "y", y);
  add_number (counter, name, "width", width);
  add_number (counter, name, "height", height);
  g_snprintf (statistic, sizeof statistic, "%s size", name);
  add_pair (counter, statistic, width * 8 / (of_width + 1), height * 8 / (of_height + 1));
  g_snprintf (statistic, sizeof statistic, "%s place", name);
  add_pair (counter, statistic, x * 4 / (of_width - width + 1), y * 4 / (of_height - height + 1));
}

/* Usual pictures, those that most of the ten tries do not fit into, and one that none does. */
START_TEST (test_crop)
{
  static const struct {
    const gchar *name, *text;
    guint width, height;
  } cases[] = {
    { "crop", "crop", 64, 48 },
    { "crop wide", "crop(scale=0.3:1)", 96, 24 },
    { "crop tall", "crop(scale=0.3:1,ratio=0.5:2)", 20, 97 },
    { "crop never", "crop(scale=0.9:1,ratio=1:2)", 97, 20 },
  };
  Counter counter = counter_new ();

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    SupconProgram *program = parse_program (cases[k].text);

    for (guint i = 0; i < GOLDEN_DRAWS; i++) {
      SupconDraws draws;

      supcon_program_draw (program, 7, i, 0, cases[k].width, cases[k].height, 32, 32, &draws);
      add_rectangle (&counter, cases[k].name, draws.crop.x, draws.crop.y, draws.crop.width, draws.crop.height,
          cases[k].width, cases[k].height);
    }
    supcon_program_free (program);
  }
  counter_check (&counter, "crop");
}
END_TEST

START_TEST (test_erase)
{
  SupconProgram *program = parse_program ("erase");
  Counter counter = counter_new ();

  for (guint i = 0; i < GOLDEN_DRAWS; i++) {
    SupconDraws draws;
    const double *v = draws.steps[0].values;

    draw (program, i, &draws);
    ck_assert_uint_eq (draws.n_steps, 1);
    add_rectangle (&counter, "erase", (guint)v[0], (guint)v[1], (guint)v[2], (guint)v[3], 32, 32);
  }
  counter_check (&counter, "erase");
  supcon_program_free (program);
}
END_TEST

START_TEST (test_color)
{
  static const gchar *const factors[] = { "color factor 0", "color factor 1", "color factor 2", "color factor 3" };
  SupconProgram *program = parse_program ("color(0.8)");
  Counter counter = counter_new ();

  for (guint i = 0; i < GOLDEN_DRAWS; i++) {
    const SupconStep *step;
    SupconDraws draws;
    gchar order[32];

    draw (program, i, &draws);
    step = draws.steps;
    g_snprintf (order, sizeof order, "%u %u %u %u", step->order[0], step->order[1], step->order[2], step->order[3]);
    counter_add (&counter, "color order", order);
    for (guint k = 0; k < 4; k++)
      add_bin (&counter, factors[k], step->values[k], k < 3 ? 0.2 : -0.2, k < 3 ? 1.8 : 0.2);
    add_pair (&counter, "color pair", bin_of (step->values[0], 0.2, 1.8, 6), bin_of (step->values[3], -0.2, 0.2, 6));
  }
  counter_check (&counter, "color");
  supcon_program_free (program);
}
END_TEST

START_TEST (test_blur)
{
  SupconProgram *program = parse_program ("blur");
  Counter counter = counter_new ();

  for (guint i = 0; i < GOLDEN_DRAWS; i++) {
    SupconDraws draws;

    draw (program, i, &draws);
    add_bin (&counter, "blur", draws.steps[0].values[0], 0.1, 2);
  }
  counter_check (&counter, "blur");
  supcon_program_free (program);
}
END_TEST

/* DeVries and Taylor: the middle is any pixel of 32x32, each equally likely; the square of 16 is cut off at the edges.
 */
START_TEST (test_cutout)
{
  enum { SIDE = 32, HALF = 8 };
  SupconProgram *program = parse_program ("cutout");
  double expected[SIDE * SIDE];
  guint counts[SIDE * SIDE] = { 0 };

  for (guint i = 0; i < SIDE * SIDE; i++)
    expected[i] = (double)GOLDEN_DRAWS / (SIDE * SIDE);
  for (guint i = 0; i < GOLDEN_DRAWS; i++) {
    SupconDraws draws;
    guint middle[2];

    draw (program, i, &draws);
    for (guint axis = 0; axis < 2; axis++) {
      guint first = (guint)draws.steps[0].values[axis], size = (guint)draws.steps[0].values[2 + axis];

      middle[axis] = first > 0 ? first + HALF : size - HALF;
      ck_assert_uint_eq (size, MIN (middle[axis] + HALF, SIDE) - first);
    }
    counts[middle[1] * SIDE + middle[0]]++;
  }
  assert_counts (counts, expected, SIDE * SIDE);
  supcon_program_free (program);
}
END_TEST

SUPCON_CHECK_MAIN ("draws", test_crop, test_erase, test_color, test_blur, test_cutout)
