/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Classes by examples, labels with other names, probabilities over time; against numbers worked out by hand. */
#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

#include "check_main.h"
#include "index/index.h"
#include "labels.h"
#include "train/examples.h"
#include "train/smooth.h"

#define ck_assert_close(a, b) ck_assert_double_eq_tol (a, b, 1e-5)

static const SupconReal east[2] = { 2, 0 }, north[2] = { 0, .5 }, west[2] = { -1, 0 }, query[2] = { 3, 4 };

START_TEST (test_knn)
{
  SupconExamples *examples = supcon_examples_new (2);
  SupconReal p[3], none[2] = { 0, 0 }, infinite[2] = { INFINITY, 0 };

  ck_assert (supcon_examples_is_empty (examples));
  ck_assert (!supcon_examples_add (examples, none, 0));
  ck_assert (!supcon_examples_add (examples, infinite, 0));
  ck_assert (supcon_examples_is_empty (examples));
  ck_assert (supcon_examples_add (examples, east, 0));
  ck_assert (supcon_examples_add (examples, east, 0));
  ck_assert (supcon_examples_add (examples, north, 2));
  ck_assert (supcon_examples_add (examples, west, 2));
  ck_assert_uint_eq (supcon_examples_n_classes (examples), 3);

  /* Cosines .6, .6, .8, -.6. */
  supcon_examples_classify_knn (examples, query, 1, p);
  ck_assert_close (p[0], 0);
  ck_assert_close (p[1], 0);
  ck_assert_close (p[2], 1);
  supcon_examples_classify_knn (examples, query, 3, p);
  ck_assert_close (p[2], 1 / (1 + 2 * exp (-.2 / .07)));
  ck_assert_close (p[0] + p[2], 1);
  supcon_examples_classify_knn (examples, query, 1000, p);
  ck_assert_close (p[0] + p[2], 1);
  supcon_examples_classify_knn (examples, none, 3, p);
  ck_assert (isnan (p[0]) && isnan (p[1]));
  supcon_examples_classify_knn (examples, infinite, 3, p);
  ck_assert (!isfinite (p[0]));
  supcon_examples_free (examples);
}
END_TEST

/* Of examples that are as near as each other those of the first class count, whatever comes nearer after them. */
START_TEST (test_ties)
{
  static const SupconReal nearer[2] = { 3.1, 4 };
  SupconExamples *examples = supcon_examples_new (2);
  SupconReal p[3];

  supcon_examples_add (examples, north, 1);
  supcon_examples_add (examples, north, 0);
  supcon_examples_classify_knn (examples, query, 1, p);
  ck_assert_close (p[0], 1);
  supcon_examples_add (examples, nearer, 2);
  supcon_examples_classify_knn (examples, query, 2, p);
  ck_assert (p[0] > 0);
  ck_assert_close (p[1], 0);
  supcon_examples_free (examples);
}
END_TEST

START_TEST (test_forget_and_merge)
{
  SupconExamples *examples = supcon_examples_new (2);
  SupconReal p[3];

  supcon_examples_add (examples, east, 0);
  supcon_examples_add (examples, west, 1);
  supcon_examples_add (examples, north, 2);
  supcon_examples_forget (examples, 2);
  supcon_examples_forget (examples, 7);
  ck_assert_uint_eq (supcon_examples_count (examples, 2), 0);
  supcon_examples_classify_knn (examples, query, 3, p);
  ck_assert_close (p[2], 0);
  supcon_examples_classify_centroid (examples, query, p);
  ck_assert_close (p[0], 1 / (1 + exp (-12)));
  ck_assert_close (p[2], 0);

  supcon_examples_merge (examples, 0, 1);
  ck_assert_uint_eq (supcon_examples_count (examples, 0), 0);
  ck_assert_uint_eq (supcon_examples_count (examples, 1), 2);
  supcon_examples_classify_centroid (examples, query, p);
  ck_assert_close (p[1], 1);
  supcon_examples_forget (examples, 1);
  ck_assert (supcon_examples_is_empty (examples));
  /* Nothing of them is left in the centroid. */
  supcon_examples_add (examples, east, 0);
  supcon_examples_add (examples, north, 1);
  supcon_examples_classify_centroid (examples, query, p);
  ck_assert_close (p[1], 1 / (1 + exp (-2)));
  supcon_examples_free (examples);
}
END_TEST

/* Of more examples than are kept the newest count, in the centroid as in the vote. */
START_TEST (test_newest)
{
  SupconExamples *examples = supcon_examples_new (2), *read;
  SupconLabels *labels = supcon_labels_new (), *others = supcon_labels_new ();
  char *location = NULL;
  SupconReal p[3];
  gint fd = g_file_open_tmp ("examples-XXXXXX", &location, NULL);
  GError *error = NULL;
  gsize left = 1;

  for (guint i = 0; i < SUPCON_EXAMPLES_PER_CLASS; i++)
    supcon_examples_add (examples, east, 0);
  for (guint i = 0; i < SUPCON_EXAMPLES_PER_CLASS; i++)
    supcon_examples_add (examples, i ? north : west, 0);
  supcon_examples_add (examples, east, 1);
  ck_assert_uint_eq (supcon_examples_count (examples, 0), SUPCON_EXAMPLES_PER_CLASS);
  supcon_examples_classify_centroid (examples, query, p);
  ck_assert_double_eq_tol (p[0], 1 / (1 + exp (-2)), 1e-3);

  supcon_labels_add (labels, "line\n\"two\"");
  supcon_labels_add (labels, "杯子");
  supcon_examples_set_encoder (examples, 77);
  ck_assert (supcon_examples_save (examples, labels, location, &error));
  supcon_labels_add (others, "cup");
  supcon_labels_add (others, "杯子");
  read = supcon_examples_load (location, others, &left, &error);
  ck_assert_ptr_nonnull (read);
  ck_assert_uint_eq (left, 0);
  ck_assert_uint_eq (supcon_examples_encoder (read), 77);
  ck_assert_int_eq (supcon_labels_find (others, "line\n\"two\""), 2);
  ck_assert_uint_eq (supcon_examples_count (read, 0), 0);
  ck_assert_uint_eq (supcon_examples_count (read, 1), 1);
  ck_assert_uint_eq (supcon_examples_count (read, 2), SUPCON_EXAMPLES_PER_CLASS);
  /* The oldest still is the oldest: one more puts west out. */
  supcon_examples_add (read, north, 2);
  supcon_examples_classify_centroid (read, query, p);
  ck_assert_close (p[2], 1 / (1 + exp (-2)));
  ck_assert (g_file_set_contents (location, "no examples", -1, NULL));
  ck_assert_ptr_null (supcon_examples_load (location, others, &left, &error));
  ck_assert_ptr_nonnull (strstr (error->message, location));
  g_error_free (error);
  g_unlink (location);
  close (fd);
  g_free (location);
  supcon_labels_free (labels);
  supcon_labels_free (others);
  supcon_examples_free (examples);
  supcon_examples_free (read);
}
END_TEST

/* An index of frames is more than its examples: that is said, so that nobody writes over it. */
START_TEST (test_index_is_more)
{
  static const SupconEntry entries[]
      = { { "cup", NULL, -1 }, { NULL, NULL, -1 }, { "cup", "a", -1 }, { "cup", NULL, 0 } };
  char *location = NULL;
  gint fd = g_file_open_tmp ("examples-XXXXXX", &location, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    for (guint metric = 0; metric < 2; metric++) {
      SupconIndex *index = supcon_index_new (2, metric);
      SupconLabels *labels = supcon_labels_new ();
      SupconExamples *read;
      gsize others;

      for (guint copy = 0; copy < 3; copy++)
        supcon_index_add (index, east, &entries[i]);
      ck_assert (supcon_index_save (index, location, NULL));
      read = supcon_examples_load (location, labels, &others, NULL);
      ck_assert_uint_eq (others, i == 0 && metric == SUPCON_METRIC_COSINE ? 0 : 3);
      supcon_index_free (index);
      supcon_labels_free (labels);
      supcon_examples_free (read);
    }
  g_unlink (location);
  close (fd);
  g_free (location);
}
END_TEST

/* Examples that differ: each is turned by so much more than the one before. */
#define STEP 0.001

/* In the file that is written of them, which has the oldest first, n examples come one after the other from 'first' on.
 */
static void
check_order (const SupconExamples *examples, guint n, guint first)
{
  SupconLabels *labels = supcon_labels_new ();
  char *location = NULL;
  gint fd = g_file_open_tmp ("examples-XXXXXX", &location, NULL);
  SupconIndex *index;

  supcon_labels_add (labels, "a");
  supcon_labels_add (labels, "b");
  ck_assert (supcon_examples_save (examples, labels, location, NULL));
  index = supcon_index_load (location, NULL);
  ck_assert_ptr_nonnull (index);
  ck_assert_uint_eq (supcon_index_count (index), n);
  for (guint i = 0; i < n; i++) {
    const SupconReal *x = supcon_index_embedding (index, i);

    ck_assert_double_eq_tol (atan2 (x[1], x[0]), (first + i) * STEP, STEP / 2);
  }
  supcon_index_free (index);
  g_unlink (location);
  close (fd);
  g_free (location);
  supcon_labels_free (labels);
}

static void
add_turned (SupconExamples *examples, guint label, guint first, guint n)
{
  for (guint i = first; i < first + n; i++)
    supcon_examples_add (examples, (const SupconReal[2]){ cos (i * STEP), sin (i * STEP) }, label);
}

/* The oldest go first: after a merge of a class that has gone round, and when a class that had begins anew. */
START_TEST (test_order)
{
  SupconExamples *examples = supcon_examples_new (2);

  add_turned (examples, 0, 0, SUPCON_EXAMPLES_PER_CLASS + 300);
  check_order (examples, SUPCON_EXAMPLES_PER_CLASS, 300);
  supcon_examples_merge (examples, 0, 1);
  check_order (examples, SUPCON_EXAMPLES_PER_CLASS, 300);
  add_turned (examples, 1, SUPCON_EXAMPLES_PER_CLASS + 300, 1);
  check_order (examples, SUPCON_EXAMPLES_PER_CLASS, 301);

  supcon_examples_forget (examples, 1);
  add_turned (examples, 1, 0, 5);
  check_order (examples, 5, 0);
  add_turned (examples, 1, 5, SUPCON_EXAMPLES_PER_CLASS);
  check_order (examples, SUPCON_EXAMPLES_PER_CLASS, 5);
  /* Round once more. */
  add_turned (examples, 1, SUPCON_EXAMPLES_PER_CLASS + 5, SUPCON_EXAMPLES_PER_CLASS);
  check_order (examples, SUPCON_EXAMPLES_PER_CLASS, SUPCON_EXAMPLES_PER_CLASS + 5);
  supcon_examples_free (examples);
}
END_TEST

START_TEST (test_rename)
{
  SupconLabels *labels = supcon_labels_new ();

  supcon_labels_add (labels, "cup");
  supcon_labels_add (labels, "box");
  ck_assert (supcon_labels_rename (labels, 0, "mug"));
  ck_assert_str_eq (supcon_labels_name (labels, 0), "mug");
  ck_assert_int_eq (supcon_labels_find (labels, "mug"), 0);
  ck_assert_int_eq (supcon_labels_find (labels, "cup"), -1);
  ck_assert (!supcon_labels_rename (labels, 0, "box"));
  ck_assert (supcon_labels_rename (labels, 1, "box"));
  ck_assert_uint_eq (supcon_labels_add (labels, "cup"), 2);
  supcon_labels_free (labels);
}
END_TEST

/* Numbers name what has no name yet. */
START_TEST (test_numbered)
{
  SupconLabels *labels = supcon_labels_new ();

  supcon_labels_add (labels, "cup");
  supcon_labels_add_numbers (labels, 3);
  ck_assert_uint_eq (supcon_labels_count (labels), 3);
  ck_assert_str_eq (supcon_labels_name (labels, 2), "2");
  supcon_labels_free (labels);
}
END_TEST

START_TEST (test_smoothing)
{
  SupconSmoother *smoother = supcon_smoother_new ();
  SupconReal first[2] = { 1, 0 }, second[2] = { 0, 1 }, grown[3] = { 0, 0, 1 };

  supcon_smoother_take (smoother, .75, 1, first, 2);
  ck_assert_close (first[0], 1);
  supcon_smoother_take (smoother, .75, 1, second, 2);
  ck_assert_close (second[0], .75);
  ck_assert_close (second[1], .25);
  supcon_smoother_take (smoother, .5, 1, grown, 3);
  ck_assert_close (grown[0], .375);
  ck_assert_close (grown[1], .125);
  ck_assert_close (grown[2], .5);
  supcon_smoother_reset (smoother);
  second[0] = 0, second[1] = 1;
  supcon_smoother_take (smoother, .75, 1, second, 2);
  ck_assert_close (second[1], 1);
  supcon_smoother_free (smoother);
}
END_TEST

/* Votes of the last three frames: a, b, b, then c as a new class, twice. */
START_TEST (test_majority)
{
  static const guint best[] = { 0, 1, 1, 2, 2 };
  static const double expected[][3]
      = { { 1, 0, 0 }, { .5, .5, 0 }, { 1 / 3., 2 / 3., 0 }, { 0, 2 / 3., 1 / 3. }, { 0, 1 / 3., 2 / 3. } };
  SupconSmoother *smoother = supcon_smoother_new ();

  for (guint round = 0; round < 2; round++) {
    for (guint i = 0; i < G_N_ELEMENTS (best); i++) {
      guint n = best[i] == 2 ? 3 : 2;
      SupconReal p[3] = { .3, .3, .3 };

      p[best[i]] = .4;
      supcon_smoother_take (smoother, 0, 3, p, n);
      for (guint c = 0; c < n; c++)
        ck_assert_close (p[c], expected[i][c]);
    }
    supcon_smoother_reset (smoother);
  }
  supcon_smoother_free (smoother);
}
END_TEST

/* Votes for a class that is no more count for none, and are not written beyond the classes that there are. */
START_TEST (test_majority_of_fewer)
{
  SupconSmoother *smoother = supcon_smoother_new ();
  SupconReal three[3] = { 0, 0, 1 }, two[3] = { 0, 1, 7 };

  supcon_smoother_take (smoother, 0, 3, three, 3);
  supcon_smoother_take (smoother, 0, 3, two, 2);
  ck_assert_close (two[0], 0);
  ck_assert_close (two[1], .5);
  ck_assert_close (two[2], 7);
  /* Of equal ones the first has the vote. */
  two[0] = two[1] = .5;
  supcon_smoother_take (smoother, 0, 1, two, 2);
  supcon_smoother_take (smoother, 0, 2, two, 2);
  ck_assert_close (two[0], 1);
  supcon_smoother_free (smoother);
}
END_TEST

SUPCON_CHECK_MAIN ("examples", test_knn, test_ties, test_forget_and_merge, test_newest, test_index_is_more, test_order,
    test_rename, test_numbered, test_smoothing, test_majority, test_majority_of_fewer)
