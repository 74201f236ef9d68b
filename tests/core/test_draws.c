/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is drawn how often, against torchvision's own draws (tests/oracle/policies.py), by chi-square over as many draws
 * of a fixed seed. */
#include <math.h>
#include <string.h>

#include "apply_policy.h"
#include "check_main.h"
#include "golden/policies.h"

/* Counts of text by statistic: two sets of GOLDEN_DRAWS draws of one distribution. */
typedef struct {
  GHashTable *counts; /* "statistic\1key": how often */
} Counter;

static void
counter_add (Counter *counter, const gchar *statistic, const gchar *key)
{
  gchar *both = g_strdup_printf ("%s\1%s", statistic, key);

  g_hash_table_insert (
      counter->counts, both, GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (counter->counts, both)) + 1));
}

static Counter
counter_new (void)
{
  return (Counter){ g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
}

/* Adds one key's counts to chi^2; keys that are hardly ever drawn count together. */
typedef struct {
  double chi2, rest[2];
  guint n;
} Sum;

static void
sum_add (Sum *sum, double ours, double theirs)
{
  if (ours + theirs < 20) {
    sum->rest[0] += ours;
    sum->rest[1] += theirs;
    return;
  }
  sum->chi2 += (ours - theirs) * (ours - theirs) / (ours + theirs);
  sum->n++;
}

/* Every statistic whose name starts with prefix has the distribution of torchvision's: chi^2 below its mean plus five
 * standard deviations. */
static void
counter_check (Counter *counter, const gchar *prefix)
{
  guint n_statistics = 0;

  for (guint i = 0; i < G_N_ELEMENTS (golden_draws);) {
    const gchar *statistic = golden_draws[i].statistic;
    guint total = 0, seen = 0;
    GHashTableIter iter;
    gpointer key, count;
    Sum sum = { 0 };
    double freedom;

    for (; i < G_N_ELEMENTS (golden_draws) && strcmp (golden_draws[i].statistic, statistic) == 0; i++) {
      gchar *both = g_strdup_printf ("%s\1%s", statistic, golden_draws[i].key);
      guint ours = GPOINTER_TO_UINT (g_hash_table_lookup (counter->counts, both));

      total += golden_draws[i].count;
      seen += ours;
      sum_add (&sum, ours, golden_draws[i].count);
      g_free (both);
    }
    if (!g_str_has_prefix (statistic, prefix))
      continue;
    n_statistics++;
    ck_assert_uint_eq (total, GOLDEN_DRAWS);
    /* What torchvision never drew. */
    g_hash_table_iter_init (&iter, counter->counts);
    while (g_hash_table_iter_next (&iter, &key, &count)) {
      gboolean known = FALSE;

      if (!g_str_has_prefix (key, statistic) || ((const gchar *)key)[strlen (statistic)] != '\1')
        continue;
      for (guint k = 0; k < G_N_ELEMENTS (golden_draws) && !known; k++)
        known = strcmp (golden_draws[k].statistic, statistic) == 0
                && strcmp (golden_draws[k].key, (const gchar *)key + strlen (statistic) + 1) == 0;
      if (known)
        continue;
      ck_assert_msg (GPOINTER_TO_UINT (count) < 20, "%s: torchvision never draws '%s', drawn %u times", statistic,
          (const gchar *)key + strlen (statistic) + 1, GPOINTER_TO_UINT (count));
      seen += GPOINTER_TO_UINT (count);
      sum.rest[0] += GPOINTER_TO_UINT (count);
    }
    ck_assert_msg (seen == GOLDEN_DRAWS, "%s: %u draws", statistic, seen);
    if (sum.rest[0] + sum.rest[1] >= 20)
      sum_add (&sum, sum.rest[0], sum.rest[1]);
    freedom = MAX (sum.n, 1) - 1;
    ck_assert_msg (sum.chi2 <= freedom + 5 * sqrt (2 * freedom), "%s: chi^2 %g with %g degrees of freedom", statistic,
        sum.chi2, freedom);
  }
  ck_assert_uint_gt (n_statistics, 0);
  g_hash_table_unref (counter->counts);
}

static SupconProgram *
policy_program (SupconPolicyKind kind, SupconAutoaugmentTable table)
{
  SupconPolicy policy;
  SupconProgram *program;
  gchar *text;

  supcon_policy_init (&policy, kind);
  policy.table = table;
  text = supcon_policy_to_text (&policy);
  program = parse_program (text);
  g_free (text);
  return program;
}

static void
draw (const SupconProgram *program, guint64 sample, SupconDraws *draws)
{
  supcon_program_draw (program, 7, sample, 0, 64, 48, 32, 32, draws);
}

/* policies.py's step(): hundredths of the value; whole pixels; whole bits. */
static void
add_step (GString *text, const SupconStep *step)
{
  double value = step->values[0];

  g_string_append_printf (text, "%s%s", text->len ? " " : "", supcon_operation_name (step->operation));
  switch (step->operation) {
  case SUPCON_OPERATION_AUTO_CONTRAST:
  case SUPCON_OPERATION_EQUALIZE:
  case SUPCON_OPERATION_INVERT:
    return;
  case SUPCON_OPERATION_TRANSLATE_X:
  case SUPCON_OPERATION_TRANSLATE_Y:
    value = trunc (32 * value + step->values[1]);
    break;
  case SUPCON_OPERATION_POSTERIZE:
    value = rint (value);
    break;
  default:
    break;
  }
  g_string_append_printf (text, ":%d", (int)floor (100 * value + 0.5 + 1e-3));
}

/* Whole sequences: which operations, their signs and magnitudes, all together. */
static void
check_sequences (const gchar *statistic, SupconPolicyKind kind, SupconAutoaugmentTable table)
{
  SupconProgram *program = policy_program (kind, table);
  GString *text = g_string_new (NULL);
  Counter counter = counter_new ();

  for (guint i = 0; i < GOLDEN_DRAWS; i++) {
    SupconDraws draws;

    draw (program, i, &draws);
    g_string_truncate (text, 0);
    for (guint k = 0; k < draws.n_steps; k++)
      add_step (text, &draws.steps[k]);
    counter_add (&counter, statistic, text->str);
  }
  counter_check (&counter, statistic);
  g_string_free (text, TRUE);
  supcon_program_free (program);
}

START_TEST (test_autoaugment)
{
  check_sequences ("autoaugment imagenet", SUPCON_POLICY_AUTOAUGMENT, SUPCON_AUTOAUGMENT_IMAGENET);
  check_sequences ("autoaugment cifar10", SUPCON_POLICY_AUTOAUGMENT, SUPCON_AUTOAUGMENT_CIFAR10);
  check_sequences ("autoaugment svhn", SUPCON_POLICY_AUTOAUGMENT, SUPCON_AUTOAUGMENT_SVHN);
}
END_TEST

START_TEST (test_randaugment) { check_sequences ("randaugment", SUPCON_POLICY_RANDAUGMENT, 0); }
END_TEST

START_TEST (test_trivialaugment) { check_sequences ("trivialaugment", SUPCON_POLICY_TRIVIALAUGMENT, 0); }
END_TEST

static int
bin_of (double value, double low, double high, int n)
{
  return MIN (n - 1, (int)((value - low) / (high - low) * n));
}

static void
add_bin (Counter *counter, const gchar *statistic, double value, double low, double high)
{
  gchar key[16];

  g_snprintf (key, sizeof key, "%d", bin_of (value, low, high, 20));
  counter_add (counter, statistic, key);
}

static void
add_pair (Counter *counter, const gchar *statistic, int a, int b)
{
  gchar key[32];

  g_snprintf (key, sizeof key, "%d %d", a, b);
  counter_add (counter, statistic, key);
}

START_TEST (test_augmix)
{
  SupconProgram *program = policy_program (SUPCON_POLICY_AUGMIX, 0);
  Counter counter = counter_new ();

  for (guint i = 0; i < GOLDEN_DRAWS; i++) {
    GString *first = g_string_new (NULL), *last = g_string_new (NULL), *depths = g_string_new (NULL);
    double before, weights[3];
    const SupconStep *step;
    SupconDraws draws;

    draw (program, i, &draws);
    step = draws.steps;
    ck_assert_uint_eq (step->operation, SUPCON_OPERATION_MIX);
    ck_assert_double_eq (step->values[0], 3);
    before = step->values[1];
    step++;
    for (guint chain = 0; chain < 3; chain++) {
      guint depth = (guint)step->values[1];

      weights[chain] = step->values[0];
      g_string_append_printf (depths, "%s%u", chain ? " " : "", depth);
      step += 1 + depth;
      if (chain == 0)
        add_step (first, step - depth);
    }
    ck_assert_uint_eq (step - draws.steps, draws.n_steps);
    for (const SupconStep *s = draws.steps; s < step; s++)
      if (s->operation == SUPCON_OPERATION_SHEAR_X || s->operation == SUPCON_OPERATION_SHEAR_Y
          || s->operation == SUPCON_OPERATION_ROTATE)
        ck_assert_double_eq (s->values[1], 1);
    add_step (last, step - 1);
    ck_assert_double_eq_tol (before + weights[0] + weights[1] + weights[2], 1, 1e-9);
    counter_add (&counter, "augmix depths", depths->str);
    counter_add (&counter, "augmix first", first->str);
    counter_add (&counter, "augmix last", last->str);
    add_bin (&counter, "augmix before", before, 0, 1);
    add_bin (&counter, "augmix weight 0", weights[0], 0, 1);
    add_bin (&counter, "augmix weight 1", weights[1], 0, 1);
    add_bin (&counter, "augmix weight 2", weights[2], 0, 1);
    add_pair (&counter, "augmix weights", bin_of (before, 0, 1, 5), bin_of (weights[0] / (1 - before), 0, 1, 5));
    g_string_free (first, TRUE);
    g_string_free (last, TRUE);
    g_string_free (depths, TRUE);
  }
  counter_check (&counter, "augmix");
  supcon_program_free (program);
}
END_TEST

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

/* chi^2 of counts against what is expected, below its mean plus five standard deviations. */
static void
assert_counts (const guint *counts, const double *expected, guint n)
{
  double chi2 = 0;

  for (guint i = 0; i < n; i++)
    chi2 += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  ck_assert_msg (chi2 <= n - 1 + 5 * sqrt (2.0 * (n - 1)), "chi^2 %g of %u counts", chi2, n);
}

/* Which of flip, colours, grey and blur: all combinations, as if each were drawn alone. */
START_TEST (test_simaugment)
{
  static const double probabilities[] = { 0.5, 0.8, 0.2, 0.5 };
  SupconProgram *program = policy_program (SUPCON_POLICY_SIMAUGMENT, 0);
  double expected[16];
  guint counts[16] = { 0 };

  for (guint i = 0; i < 16; i++) {
    expected[i] = GOLDEN_DRAWS;
    for (guint k = 0; k < 4; k++)
      expected[i] *= i >> k & 1 ? probabilities[k] : 1 - probabilities[k];
  }
  for (guint i = 0; i < GOLDEN_DRAWS; i++) {
    SupconDraws draws;
    guint which;

    draw (program, i, &draws);
    which = draws.mirror;
    for (guint k = 0; k < draws.n_steps; k++)
      which |= draws.steps[k].operation == SUPCON_OPERATION_COLOR       ? 2
               : draws.steps[k].operation == SUPCON_OPERATION_GREYSCALE ? 4
                                                                        : 8;
    counts[which]++;
  }
  assert_counts (counts, expected, 16);
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

SUPCON_CHECK_MAIN ("draws", test_autoaugment, test_randaugment, test_trivialaugment, test_augmix, test_crop, test_erase,
    test_color, test_blur, test_simaugment, test_cutout)
