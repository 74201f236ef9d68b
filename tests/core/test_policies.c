/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the named policies draw: which operations, signs and magnitudes together. */
#include "counter.h"

static SupconProgram *
program_of (const SupconPolicy *policy)
{
  gchar *text = supcon_policy_to_text (policy);
  SupconProgram *program = parse_program (text);

  g_free (text);
  return program;
}

static SupconProgram *
policy_program (SupconPolicyKind kind, SupconAutoaugmentTable table)
{
  SupconPolicy policy;

  supcon_policy_init (&policy, kind);
  policy.table = table;
  return program_of (&policy);
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

/* torchvision's other numbers. */
START_TEST (test_randaugment_numbers)
{
  Counter counter_one = counter_new (), counter_three = counter_new ();
  SupconPolicy policy;
  SupconProgram *one, *three;

  supcon_policy_init (&policy, SUPCON_POLICY_RANDAUGMENT);
  policy.num_ops = 1;
  policy.magnitude = 25;
  one = program_of (&policy);
  policy.num_ops = 3;
  policy.magnitude = 4;
  policy.num_magnitude_bins = 11;
  three = program_of (&policy);
  for (guint i = 0; i < GOLDEN_DRAWS; i++) {
    GString *text = g_string_new (NULL);
    SupconDraws draws;
    gchar n[8];

    draw (one, i, &draws);
    for (guint k = 0; k < draws.n_steps; k++)
      add_step (text, &draws.steps[k]);
    counter_add (&counter_one, "one of randaugment", text->str);
    g_string_truncate (text, 0);
    draw (three, i, &draws);
    if (draws.n_steps > 0)
      add_step (text, &draws.steps[draws.n_steps - 1]);
    counter_add (&counter_three, "three of randaugment", text->str);
    g_snprintf (n, sizeof n, "%u", draws.n_steps);
    counter_add (&counter_three, "three of randaugment steps", n);
    g_string_free (text, TRUE);
  }
  counter_check (&counter_one, "one of randaugment");
  counter_check (&counter_three, "three of randaugment");
  supcon_program_free (one);
  supcon_program_free (three);
}
END_TEST

START_TEST (test_trivialaugment) { check_sequences ("trivialaugment", SUPCON_POLICY_TRIVIALAUGMENT, 0); }
END_TEST

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

/* How often each combination of four comes, by bits, where each is drawn alone. */
static void
expect_each_alone (const double probabilities[4], double expected[16])
{
  for (guint i = 0; i < 16; i++) {
    expected[i] = GOLDEN_DRAWS;
    for (guint k = 0; k < 4; k++)
      expected[i] *= i >> k & 1 ? probabilities[k] : 1 - probabilities[k];
  }
}

/* Which of flip, colours, grey and blur: all combinations, as if each were drawn alone. */
START_TEST (test_simaugment)
{
  static const double probabilities[] = { 0.5, 0.8, 0.2, 0.5 };
  SupconProgram *program = policy_program (SUPCON_POLICY_SIMAUGMENT, 0);
  double expected[16];
  guint counts[16] = { 0 };

  expect_each_alone (probabilities, expected);
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

/* Tian et al. 2020: colours, blur, RandAugment's operations, grey, in this order. What comes and what does not is as if
 * each were drawn alone, and what is in between is torchvision's RandAugment. */
START_TEST (test_stacked_randaugment)
{
  static const double probabilities[] = { 0.5, 0.8, 0.5, 0.2 };
  SupconProgram *program = policy_program (SUPCON_POLICY_STACKED_RANDAUGMENT, 0);
  Counter counter = counter_new ();
  double expected[16];
  guint counts[16] = { 0 };

  expect_each_alone (probabilities, expected);
  for (guint i = 0; i < GOLDEN_DRAWS; i++) {
    GString *text = g_string_new (NULL);
    gboolean color, blur, grey;
    const SupconStep *step;
    SupconDraws draws;
    guint n;

    draw (program, i, &draws);
    step = draws.steps;
    n = draws.n_steps;
    color = n > 0 && step->operation == SUPCON_OPERATION_COLOR;
    step += color;
    n -= color;
    blur = n > 0 && step->operation == SUPCON_OPERATION_BLUR;
    step += blur;
    n -= blur;
    grey = n > 0 && step[n - 1].operation == SUPCON_OPERATION_GREYSCALE;
    n -= grey;
    counts[draws.mirror | color << 1 | blur << 2 | grey << 3]++;
    for (guint k = 0; k < n; k++)
      add_step (text, &step[k]);
    counter_add (&counter, "randaugment", text->str);
    g_string_free (text, TRUE);
  }
  assert_counts (counts, expected, 16);
  counter_check (&counter, "randaugment");
  supcon_program_free (program);
}
END_TEST

SUPCON_CHECK_MAIN ("policies", test_autoaugment, test_randaugment, test_randaugment_numbers, test_trivialaugment,
    test_augmix, test_simaugment, test_stacked_randaugment)
