/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What is drawn how often, against torchvision's own draws (tests/oracle/policies.py), by chi-square over as many
 * draws of a fixed seed. */
#ifndef SUPCON_TEST_COUNTER_H
#define SUPCON_TEST_COUNTER_H

#include <math.h>
#include <string.h>

#include "apply_policy.h"
#include "check_main.h"
#include "golden/policies.h"

/* Counts of text by statistic: two sets of GOLDEN_DRAWS draws of one distribution. */
typedef struct {
  GHashTable *counts; /* "statistic\1key": how often */
} Counter;

static inline void
counter_add (Counter *counter, const gchar *statistic, const gchar *key)
{
  gchar *both = g_strdup_printf ("%s\1%s", statistic, key);

  g_hash_table_insert (
      counter->counts, both, GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (counter->counts, both)) + 1));
}

static inline Counter
counter_new (void)
{
  return (Counter){ g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
}

/* Adds one key's counts to chi^2; keys that are hardly ever drawn count together. */
typedef struct {
  double chi2, rest[2];
  guint n;
} Sum;

static inline void
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
static inline void
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

static inline void
draw (const SupconProgram *program, guint64 sample, SupconDraws *draws)
{
  supcon_program_draw (program, 7, sample, 0, 64, 48, 32, 32, draws);
}

static inline int
bin_of (double value, double low, double high, int n)
{
  return MIN (n - 1, (int)((value - low) / (high - low) * n));
}

static inline void
add_bin (Counter *counter, const gchar *statistic, double value, double low, double high)
{
  gchar key[16];

  g_snprintf (key, sizeof key, "%d", bin_of (value, low, high, 20));
  counter_add (counter, statistic, key);
}

static inline void
add_pair (Counter *counter, const gchar *statistic, int a, int b)
{
  gchar key[32];

  g_snprintf (key, sizeof key, "%d %d", a, b);
  counter_add (counter, statistic, key);
}

/* chi^2 of counts against what is expected, below its mean plus five standard deviations. */
static inline void
assert_counts (const guint *counts, const double *expected, guint n)
{
  double chi2 = 0;

  for (guint i = 0; i < n; i++)
    chi2 += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  ck_assert_msg (chi2 <= n - 1 + 5 * sqrt (2.0 * (n - 1)), "chi^2 %g of %u counts", chi2, n);
}

#endif
