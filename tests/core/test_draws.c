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

/* The bounds of the text, neither passed nor kept away from: of 1000 draws one is in the outer tenth, but for 1e-22. */
static void
check_color_bounds (const char *text, double amount, double hue)
{
  SupconProgram *program = parse_program (text);
  double least[4] = { 9, 9, 9, 9 }, most[4] = { -9, -9, -9, -9 };

  for (guint i = 0; i < 1000; i++) {
    SupconDraws draws;

    draw (program, i, &draws);
    for (guint k = 0; k < 4; k++) {
      least[k] = MIN (least[k], draws.steps[0].values[k]);
      most[k] = MAX (most[k], draws.steps[0].values[k]);
    }
  }
  for (guint k = 0; k < 4; k++) {
    double middle = k < 3 ? 1 : 0, bound = k < 3 ? amount : hue;

    ck_assert_double_ge (least[k], middle - bound);
    ck_assert_double_le (least[k], middle - 0.8 * bound);
    ck_assert_double_ge (most[k], middle + 0.8 * bound);
    ck_assert_double_le (most[k], middle + bound);
  }
  supcon_program_free (program);
}

/* Where nothing is said of the hue it goes a quarter as far as the rest, whichever amount is drawn. */
START_TEST (test_color_bounds)
{
  check_color_bounds ("color(0.4,hue=0.05)", 0.4, 0.05);
  check_color_bounds ("color(0.4)", 0.4, 0.1);
  check_color_bounds ("color(0.4+-0.2)", 0.6, 0.15);
}
END_TEST

/* Of an amount above 1 no factor is below 0, as in torchvision; the others reach as far as they would. */
START_TEST (test_color_not_negative)
{
  SupconProgram *program = parse_program ("color(1.6)");
  double least = 9, most = 0;

  for (guint i = 0; i < 1000; i++) {
    SupconDraws draws;

    draw (program, i, &draws);
    for (guint k = 0; k < 3; k++) {
      least = MIN (least, draws.steps[0].values[k]);
      most = MAX (most, draws.steps[0].values[k]);
    }
  }
  ck_assert (least >= 0 && least < 0.1 && most > 2.5 && most <= 2.6);
  supcon_program_free (program);
}
END_TEST

/* RandomErasing's ratio is height / width, where RandomResizedCrop's is width / height. */
START_TEST (test_shapes)
{
  SupconProgram *erase = parse_program ("erase(ratio=2:3)"), *crop = parse_program ("crop(scale=0.1:0.2,ratio=2:3)");

  for (guint i = 0; i < 100; i++) {
    SupconDraws draws;

    draw (erase, i, &draws);
    check_number (draws.n_steps == 1 && draws.steps[0].values[3] > 1.5 * draws.steps[0].values[2], "erased %gx%g",
        draws.steps[0].values[2], draws.steps[0].values[3]);
    draw (crop, i, &draws);
    check_number (draws.crop.width > 1.5 * draws.crop.height, "cropped %ux%u", draws.crop.width, draws.crop.height);
  }
  supcon_program_free (erase);
  supcon_program_free (crop);
}
END_TEST

/* The same operation in two chains, or twice in one, draws each time. */
START_TEST (test_mix_independent)
{
  SupconProgram *program = parse_program ("mix(2,2){rotate(-30:30)}");

  for (guint i = 0; i < 100; i++) {
    static const guint at[] = { 2, 3, 5, 6 }; /* behind the mix and the head of each chain */
    SupconDraws draws;

    draw (program, i, &draws);
    check_number (draws.n_steps == 7, "%u steps", draws.n_steps);
    for (guint a = 0; a < G_N_ELEMENTS (at); a++)
      for (guint b = 0; b < a; b++)
        check_number (
            draws.steps[at[a]].values[0] != draws.steps[at[b]].values[0], "steps %u and %u are the same", at[a], at[b]);
  }
  supcon_program_free (program);
}
END_TEST

/* Bounds in either order are the same: a square of 64 x 48 pixels has at most 42 of a side, at least 24. */
START_TEST (test_bounds_in_any_order)
{
  static const gchar *const texts[] = { "crop(scale=0.2:0.6,ratio=1)", "crop(scale=0.6:0.2,ratio=1)" };

  for (guint n = 0; n < G_N_ELEMENTS (texts); n++) {
    SupconProgram *program = parse_program (texts[n]);
    guint least = 64, most = 0;

    for (guint i = 0; i < 200; i++) {
      SupconDraws draws;

      supcon_program_draw (program, 7, i, 0, 64, 48, 32, 32, &draws);
      least = MIN (least, draws.crop.width);
      most = MAX (most, draws.crop.width);
    }
    ck_assert (least >= 24 && least <= 26 && most >= 41 && most <= 43);
    supcon_program_free (program);
  }
}
END_TEST

/* A crop is left to chance where its probability says so. */
START_TEST (test_crop_probability)
{
  SupconProgram *program = parse_program ("crop(scale=0.2,p=0.25)");
  guint n = 0;

  for (guint i = 0; i < 400; i++) {
    SupconDraws draws;

    supcon_program_draw (program, 7, i, 0, 64, 48, 32, 32, &draws);
    n += draws.crop.width < 64;
  }
  ck_assert_double_eq_tol (n, 100, 4 * sqrt (400 * 0.25 * 0.75));
  supcon_program_free (program);
}
END_TEST

/* No rectangle is as wide as the view, and a square of cutout goes by its shorter side. */
START_TEST (test_within_the_view)
{
  SupconProgram *erase = parse_program ("erase(scale=0.5,ratio=0.5)"), *cutout = parse_program ("cutout(0.5)");
  double most = 0;

  for (guint i = 0; i < 200; i++) {
    SupconDraws draws;

    supcon_program_draw (erase, 7, i, 0, 64, 48, 32, 32, &draws);
    ck_assert_uint_eq (draws.n_steps, 0);
    supcon_program_draw (cutout, 7, i, 0, 64, 48, 40, 20, &draws);
    most = MAX (most, MAX (draws.steps[0].values[2], draws.steps[0].values[3]));
  }
  ck_assert_double_eq (most, 10);
  supcon_program_free (erase);
  supcon_program_free (cutout);
}
END_TEST

/* The same operation at two places draws at each. */
START_TEST (test_places_independent)
{
  SupconProgram *program = parse_program ("rotate(-30:30) rotate(-30:30)");

  for (guint i = 0; i < 100; i++) {
    SupconDraws draws;

    supcon_program_draw (program, 7, i, 0, 64, 48, 32, 32, &draws);
    check_number (draws.steps[0].values[0] != draws.steps[1].values[0], "both turn by %g", draws.steps[0].values[0]);
  }
  supcon_program_free (program);
}
END_TEST

/* Flips that stand first are the crop's, and two of them none. */
START_TEST (test_flips)
{
  static const gchar *const texts[] = { "identity", "flip", "flip flip", "flip flip flip" };

  for (guint n = 0; n < G_N_ELEMENTS (texts); n++) {
    SupconProgram *program = parse_program (texts[n]);
    SupconDraws draws;

    draw (program, 0, &draws);
    ck_assert_int_eq (draws.mirror, n % 2);
    ck_assert_uint_eq (draws.n_steps, 0);
    supcon_program_free (program);
  }
}
END_TEST

/* One that comes after a turn is not, and nothing is composed that is not asked for. */
START_TEST (test_flip_in_its_place)
{
  SupconProgram *program = parse_program ("rotate(90) flip");
  SupconDraws draws;

  supcon_program_draw (program, 7, 0, 0, 64, 48, 32, 32, &draws);
  ck_assert (!draws.mirror && !draws.compose);
  ck_assert_uint_eq (draws.n_steps, 2);
  ck_assert_int_eq (draws.steps[1].operation, SUPCON_OPERATION_FLIP);
  supcon_program_free (program);
}
END_TEST

/* Dirichlet's variance of one of k weights is (1/k) (1 - 1/k) / (k alpha + 1), of the picture's share and of the
 * chains'. The square of a weight's distance from 1/k is at most (1 - 1/k)^2, so its own variance at most its mean
 * times what is left to that; four standard deviations of the mean of n. */
START_TEST (test_mix_alpha)
{
  enum { DRAWS = 2000 };
  static const struct {
    const gchar *text;
    double alpha;
  } cases[] = { { "mix(3,1,0.2){identity}", 0.2 }, { "mix(3,1){identity}", 1 }, { "mix(3,1,5){identity}", 5 } };

  for (guint a = 0; a < G_N_ELEMENTS (cases); a++) {
    SupconProgram *program = parse_program (cases[a].text);
    double variances[2] = { 0 };

    for (guint i = 0; i < DRAWS; i++) {
      double chains;
      SupconDraws draws;

      /* The mix, and three chains of nothing. */
      draw (program, i, &draws);
      check_number (draws.n_steps == 4, "%u steps", draws.n_steps);
      chains = draws.steps[1].values[0] + draws.steps[2].values[0] + draws.steps[3].values[0];
      check_number (fabs (draws.steps[0].values[1] + chains - 1) < 1e-9, "weights of %g and %g",
          draws.steps[0].values[1], chains);
      variances[0] += pow (draws.steps[0].values[1] - 1 / 2.0, 2) / DRAWS;
      variances[1] += pow (draws.steps[1].values[0] / chains - 1 / 3.0, 2) / DRAWS;
    }
    for (guint which = 0; which < 2; which++) {
      double k = 2 + which, expected = (k - 1) / (k * k) / (k * cases[a].alpha + 1);
      double largest = pow (1 - 1 / k, 2);

      ck_assert_double_eq_tol (variances[which], expected, 4 * sqrt (expected * (largest - expected) / DRAWS));
    }
    supcon_program_free (program);
  }
}
END_TEST

/* 1 to n, each as often; another view, sample or seed draws anew, so that it agrees once in n. */
START_TEST (test_neighbour)
{
  enum { N = 7, DRAWS = 7000 };
  double expected[N], expected_same[2] = { DRAWS / (double)N, DRAWS - DRAWS / (double)N };
  guint counts[N] = { 0 }, same[3] = { 0 };

  for (guint i = 0; i < N; i++)
    expected[i] = (double)DRAWS / N;
  for (guint i = 0; i < DRAWS; i++) {
    guint back = supcon_draw_neighbour (3, i, 1, N);

    check_number (back >= 1 && back <= N, "%u of %d", back, N);
    counts[back - 1]++;
    same[0] += back == supcon_draw_neighbour (3, i, 2, N);
    same[1] += back == supcon_draw_neighbour (3, i + DRAWS, 1, N);
    same[2] += back == supcon_draw_neighbour (4, i, 1, N);
  }
  assert_counts (counts, expected, N);
  for (guint k = 0; k < 3; k++) {
    guint both[] = { same[k], DRAWS - same[k] };

    assert_counts (both, expected_same, 2);
  }
  ck_assert_uint_eq (supcon_draw_neighbour (3, 1, 1, 0), 0);
}
END_TEST

SUPCON_CHECK_MAIN ("draws", test_crop, test_erase, test_color, test_color_bounds, test_blur, test_cutout, test_flips,
    test_flip_in_its_place, test_bounds_in_any_order, test_crop_probability, test_within_the_view,
    test_places_independent, test_mix_alpha, test_neighbour, test_color_not_negative, test_shapes, test_mix_independent)
