/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures of classification and the centroid classifier, against numbers worked out by hand. */
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "train/centroid.h"
#include "train/evaluate.h"

#define ck_assert_close(a, b) ck_assert_double_eq_tol (a, b, 1e-6)

/* The number at a JSONPath. */
static void
ck_assert_json (const char *json, const char *path, double expected)
{
  JsonNode *root = json_from_string (json, NULL), *found;

  ck_assert_ptr_nonnull (root);
  found = json_path_query (path, root, NULL);
  ck_assert_ptr_nonnull (found);
  ck_assert_int_eq (json_array_get_length (json_node_get_array (found)), 1);
  ck_assert_close (json_array_get_double_element (json_node_get_array (found), 0), expected);
  json_node_unref (found);
  json_node_unref (root);
}

START_TEST (test_empty)
{
  SupconEvaluation *evaluation = supcon_evaluation_new ();

  ck_assert_uint_eq (supcon_evaluation_count (evaluation), 0);
  ck_assert_uint_eq (supcon_evaluation_n_classes (evaluation), 0);
  ck_assert_double_eq (supcon_evaluation_top1 (evaluation), 0);
  ck_assert_double_eq (supcon_evaluation_top5 (evaluation), 0);
  ck_assert_double_eq (supcon_evaluation_ece (evaluation), 0);
  ck_assert_double_eq (supcon_evaluation_nll (evaluation), 0);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 0, 0), 0);
  supcon_evaluation_free (evaluation);
  supcon_evaluation_free (NULL);
}
END_TEST

START_TEST (test_measures)
{
  static const float p[4][3] = { { .7f, .2f, .1f }, { .7f, .2f, .1f }, { .1f, .6f, .3f }, { .3f, .3f, .4f } };
  static const guint truth[4] = { 0, 1, 1, 2 };
  SupconEvaluation *evaluation = supcon_evaluation_new ();

  for (guint i = 0; i < 4; i++)
    supcon_evaluation_add (evaluation, p[i], 3, truth[i]);
  ck_assert_uint_eq (supcon_evaluation_count (evaluation), 4);
  ck_assert_uint_eq (supcon_evaluation_n_classes (evaluation), 3);
  ck_assert_close (supcon_evaluation_top1 (evaluation), 0.75);
  ck_assert_close (supcon_evaluation_top5 (evaluation), 1);
  ck_assert_close (supcon_evaluation_nll (evaluation), -(log (.7) + log (.2) + log (.6) + log (.4)) / 4);
  ck_assert_close (supcon_evaluation_brier (evaluation),
      (.09 + .04 + .01 + .49 + .64 + .01 + .01 + .16 + .09 + .09 + .09 + .36) / 4);
  /* One bin for .7 (1 of 2 right: |1 - 1.4|), one for .6 (|1 - .6|), one for .4 (|1 - .4|). */
  ck_assert_close (supcon_evaluation_ece (evaluation), (.4 + .4 + .6) / 4);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 0, 0), 1);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 1, 0), 1);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 1, 1), 1);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 2, 2), 1);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 0, 1), 0);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 3, 0), 0);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 0, 3), 0);
  supcon_evaluation_free (evaluation);
}
END_TEST

START_TEST (test_bins)
{
  /* Of both sides of the border 9/15 = 0.6: a bin holds its upper border. In one bin the two would cancel out. */
  static const float below[2] = { .6f, .4f }, above[2] = { .61f, .39f };
  SupconEvaluation *evaluation = supcon_evaluation_new ();

  supcon_evaluation_add (evaluation, below, 2, 0);
  supcon_evaluation_add (evaluation, above, 2, 1);
  ck_assert_close (supcon_evaluation_ece (evaluation), (.4 + .61) / 2);
  supcon_evaluation_free (evaluation);

  /* Certainty and its opposite extreme belong to a bin too. */
  evaluation = supcon_evaluation_new ();
  supcon_evaluation_add (evaluation, (const float[1]){ 1 }, 1, 0);
  ck_assert_double_eq (supcon_evaluation_ece (evaluation), 0);
  ck_assert (!signbit (supcon_evaluation_nll (evaluation))); /* which JSON would show */
  /* As does what rounding, in a sum of votes for one class, has made more of. */
  supcon_evaluation_add (evaluation, (const float[1]){ nextafterf (1, 2) }, 1, 0);
  ck_assert_uint_eq (supcon_evaluation_reliability (evaluation, SUPCON_ECE_BINS - 1).count, 2);
  supcon_evaluation_free (evaluation);
}
END_TEST

START_TEST (test_rank)
{
  /* The true class at each rank of seven, by falling probabilities. */
  static const float falling[7] = { .3f, .2f, .15f, .12f, .1f, .08f, .05f };
  /* Equal ones: the lower class is the prediction, so truth 4 is the fifth and truth 5 the sixth. */
  static const float equal[6] = { 1 / 6.f, 1 / 6.f, 1 / 6.f, 1 / 6.f, 1 / 6.f, 1 / 6.f };
  SupconEvaluation *evaluation = supcon_evaluation_new ();

  for (guint truth = 0; truth < 7; truth++)
    supcon_evaluation_add (evaluation, falling, 7, truth);
  ck_assert_close (supcon_evaluation_top1 (evaluation), 1 / 7.);
  ck_assert_close (supcon_evaluation_top5 (evaluation), 5 / 7.);
  supcon_evaluation_free (evaluation);

  evaluation = supcon_evaluation_new ();
  for (guint truth = 0; truth < 6; truth++)
    supcon_evaluation_add (evaluation, equal, 6, truth);
  ck_assert_close (supcon_evaluation_top1 (evaluation), 1 / 6.);
  ck_assert_close (supcon_evaluation_top5 (evaluation), 5 / 6.);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 5, 0), 1);
  supcon_evaluation_free (evaluation);
}
END_TEST

START_TEST (test_impossible)
{
  /* A true class of probability 0 costs log 1e-12, not infinity. */
  SupconEvaluation *evaluation = supcon_evaluation_new ();

  supcon_evaluation_add (evaluation, (const float[2]){ 1, 0 }, 2, 1);
  ck_assert_close (supcon_evaluation_nll (evaluation), 12 * log (10));
  supcon_evaluation_free (evaluation);
}
END_TEST

START_TEST (test_growing)
{
  SupconEvaluation *evaluation = supcon_evaluation_new ();

  supcon_evaluation_add (evaluation, (const float[2]){ .2f, .8f }, 2, 0);
  supcon_evaluation_add (evaluation, (const float[5]){ 0, 0, .1f, .9f, 0 }, 5, 3);
  supcon_evaluation_add (evaluation, (const float[2]){ .2f, .8f }, 2, 1);
  ck_assert_uint_eq (supcon_evaluation_n_classes (evaluation), 5);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 0, 1), 1);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 3, 3), 1);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 1, 1), 1);
  ck_assert_close (supcon_evaluation_top1 (evaluation), 2 / 3.);
  supcon_evaluation_free (evaluation);
}
END_TEST

/* Of a class that no picture was of there is no accuracy. */
START_TEST (test_accuracy_of_none)
{
  SupconEvaluation *evaluation = supcon_evaluation_new ();
  SupconLabels *labels = supcon_labels_new ();
  char *json;

  supcon_labels_add_numbers (labels, 3);
  supcon_evaluation_add (evaluation, (const float[3]){ .2f, .7f, .1f }, 3, 1);
  supcon_evaluation_add (evaluation, (const float[3]){ .2f, .7f, .1f }, 3, 2);
  json = supcon_evaluation_to_json (evaluation, labels, 0);
  ck_assert_msg (strstr (json, "\"accuracy\":[null,1.0,0.0]") != NULL, "%s", json);
  g_free (json);
  supcon_labels_free (labels);
  supcon_evaluation_free (evaluation);
}
END_TEST

START_TEST (test_centroid_scores)
{
  static const SupconReal a[2] = { 3, 0 }, b[2] = { 0, .5 }, c[2] = { 0, -2 }, query[2] = { 3, 4 };
  SupconCentroids *centroids = supcon_centroids_new (2);
  SupconReal scores[4], p[4];

  ck_assert_uint_eq (supcon_centroids_n_classes (centroids), 0);
  /* Class 0: mean of the directions (1, 0) and (0, 1), whatever their lengths. Class 1: (0, 1). Class 2: none. Class 3:
   * two that cancel out. */
  ck_assert (supcon_centroids_add (centroids, a, 0));
  ck_assert (supcon_centroids_add (centroids, b, 0));
  ck_assert (supcon_centroids_add (centroids, b, 3));
  ck_assert (supcon_centroids_add (centroids, c, 3));
  ck_assert (supcon_centroids_add (centroids, b, 1));
  ck_assert_uint_eq (supcon_centroids_n_classes (centroids), 4);
  ck_assert_uint_eq (supcon_centroids_count (centroids, 0), 2);
  ck_assert_uint_eq (supcon_centroids_count (centroids, 2), 0);
  ck_assert_uint_eq (supcon_centroids_count (centroids, 9), 0);

  supcon_centroids_scores (centroids, query, scores);
  ck_assert_close (scores[0], 1.4 / sqrt (2));
  ck_assert_close (scores[1], .8);
  ck_assert (isinf (scores[2]) && scores[2] < 0);
  ck_assert_close (scores[3], 0);

  supcon_centroids_classify (centroids, query, p);
  ck_assert_close (p[0] + p[1] + p[3], 1);
  ck_assert_double_eq (p[2], 0);
  ck_assert_double_eq_tol (p[0] / p[1], exp ((1.4 / sqrt (2) - .8) / .1), 1e-4);
  supcon_centroids_free (centroids);
  supcon_centroids_free (NULL);
}
END_TEST

START_TEST (test_centroid_no_direction)
{
  static const SupconReal zero[2] = { 0, 0 }, nan[2] = { NAN, 1 }, good[2] = { 1, 0 };
  SupconCentroids *centroids = supcon_centroids_new (2);
  SupconReal p[2];

  ck_assert (!supcon_centroids_add (centroids, zero, 0));
  ck_assert (!supcon_centroids_add (centroids, nan, 0));
  ck_assert_uint_eq (supcon_centroids_n_classes (centroids), 0);
  supcon_centroids_add (centroids, good, 0);
  supcon_centroids_add (centroids, good, 1);
  supcon_centroids_classify (centroids, zero, p);
  ck_assert_close (p[0], .5);
  supcon_centroids_classify (centroids, nan, p);
  ck_assert (!isfinite (p[0]));
  supcon_centroids_free (centroids);
}
END_TEST

/* The numbers are scikit-learn's and numpy's: tests/oracle/evaluation.py. */
START_TEST (test_oracle)
{
  const guint n = 500, classes = 8;
  SupconEvaluation *evaluation = supcon_evaluation_new ();
  SupconLabels *labels = supcon_labels_new ();
  SupconReliability bin;
  char *json;

  for (guint i = 0; i < n; i++) {
    double exponent[8], sum = 0;
    float p[8];
    guint best = 0;

    for (guint c = 0; c < classes; c++)
      sum += exponent[c] = exp (2.5 * sin (0.7 * i * (c + 1) + c));
    for (guint c = 0; c < classes; c++) {
      p[c] = exponent[c] / sum;
      if (p[c] > p[best])
        best = c;
    }
    supcon_evaluation_add (evaluation, p, classes, i % 3 > 0 ? best : (i * 5 + i / 7) % classes);
  }
  ck_assert_close (supcon_evaluation_top1 (evaluation), 0.698);
  ck_assert_close (supcon_evaluation_top5 (evaluation), 0.87);
  ck_assert_close (supcon_evaluation_nll (evaluation), 1.7217534711657962);
  ck_assert_close (supcon_evaluation_brier (evaluation), 0.7045502498569762);
  ck_assert_close (supcon_evaluation_ece (evaluation), 0.32922299560904505);
  bin = supcon_evaluation_reliability (evaluation, 8);
  ck_assert_uint_eq (bin.count, 23);
  ck_assert_close (bin.confidence, 0.5474016044450842);
  ck_assert_close (bin.accuracy, 0.391304347826087);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 2, 5), 4);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 5, 2), 1);
  ck_assert_uint_eq (supcon_evaluation_confusion (evaluation, 3, 3), 35);

  for (guint c = 0; c < classes; c++) {
    char name[] = { '"', 'a' + c, '\0' };

    supcon_labels_add (labels, name);
  }
  json = supcon_evaluation_to_json (evaluation, labels, 7);
  ck_assert_json (json, "$.count", 500);
  ck_assert_json (json, "$.unknown-labels", 7);
  ck_assert_json (json, "$.brier", 0.7045502498569762);
  ck_assert_json (json, "$.confusion[2][5]", 4);
  ck_assert_json (json, "$.reliability[8].accuracy", 0.391304347826087);
  ck_assert_ptr_nonnull (strstr (json, "\"\\\"h\""));
  g_free (json);
  supcon_labels_free (labels);
  supcon_evaluation_free (evaluation);
}
END_TEST

enum { EXAMPLES = 600, PICTURES = 300, DIM = 16, KINDS = 5 };

/* A direction of its own for each class, and noise that is a hash of the place: the oracle's. */
static void
make_embedding (guint i, SupconReal *x)
{
  for (guint d = 0; d < DIM; d++) {
    guint32 h = (i * DIM + d) * 2654435761u;

    h ^= h >> 16;
    h *= 0x45D9F3B;
    h ^= h >> 16;
    x[d] = 0.12 * cos ((i % KINDS + 1.0) * (d + 2)) + h / 4294967296.0 - 0.5;
  }
}

static const char *
kind_of (guint i)
{
  static const char *const names[KINDS] = { "a", "b", "c", "d", "e" };

  return names[i % KINDS];
}

/* Against scikit-learn and numpy, and twice, since a result is of the pictures since the one before. */
START_TEST (test_probe)
{
  SupconIndex *index = supcon_index_new (DIM, SUPCON_METRIC_INNER_PRODUCT);
  SupconReal x[DIM];
  SupconProbe *probe;
  SupconProbeResult result;

  ck_assert_ptr_null (supcon_probe_new (index));
  for (guint i = 0; i < EXAMPLES; i++) {
    make_embedding (i, x);
    ck_assert (supcon_index_add (index, x, &(SupconEntry){ .label = kind_of (i), .timestamp = -1 }));
    /* Counts for nothing. */
    ck_assert (supcon_index_add (index, x, &(SupconEntry){ .timestamp = -1 }));
  }
  supcon_index_set_encoder (index, 77);
  probe = supcon_probe_new (index);
  supcon_index_free (index);
  ck_assert_uint_eq (supcon_probe_dim (probe), DIM);
  ck_assert_uint_eq (supcon_probe_encoder (probe), 77);
  result = supcon_probe_take (probe);
  ck_assert_uint_eq (result.count, 0);
  ck_assert_double_eq (result.centroid, 0);
  for (guint round = 0; round < 2; round++) {
    for (guint i = EXAMPLES; i < EXAMPLES + PICTURES; i++) {
      make_embedding (i, x);
      supcon_probe_add (probe, x, kind_of (i));
      supcon_probe_add (probe, x, "unknown");
    }
    result = supcon_probe_take (probe);
    ck_assert_uint_eq (result.count, PICTURES);
    ck_assert_uint_eq (result.examples, EXAMPLES);
    ck_assert_close (result.knn[0], 115 / 300.0);
    ck_assert_close (result.knn[1], 129 / 300.0);
    ck_assert_close (result.knn[2], 132 / 300.0);
    ck_assert_close (result.centroid, 163 / 300.0);
  }
  supcon_probe_free (probe);
}
END_TEST

/* Fewer examples than neighbours, a picture that is as near to two labels, of which the first is taken, and one that
 * has no direction. */
START_TEST (test_probe_small)
{
  const SupconReal x[2] = { 1, 0 }, y[2] = { 0, 1 }, near_x[2] = { 3, 1 }, between[2] = { 1, 1 }, none[2] = { 0, 0 };
  SupconIndex *index = supcon_index_new (2, SUPCON_METRIC_COSINE);
  SupconEvaluation *evaluation = supcon_evaluation_new ();
  SupconLabels *labels = supcon_labels_new ();
  SupconProbeResult result;
  SupconProbe *probe;
  char *json;

  supcon_index_add (index, x, &(SupconEntry){ .label = "x", .timestamp = -1 });
  supcon_index_add (index, y, &(SupconEntry){ .label = "y", .timestamp = -1 });
  probe = supcon_probe_new (index);
  supcon_index_free (index);
  supcon_probe_add (probe, near_x, "x");
  supcon_probe_add (probe, near_x, "y");
  supcon_probe_add (probe, y, "y");
  supcon_probe_add (probe, between, "x");
  supcon_probe_add (probe, none, "x"); /* the first of those that are as near */
  result = supcon_probe_take (probe);
  ck_assert_double_eq (result.knn[0], 0.6);
  ck_assert_double_eq (result.knn[2], 0.6);
  ck_assert_double_eq (result.centroid, 0.6);
  ck_assert_ptr_null (supcon_evaluation_probe (evaluation));
  supcon_evaluation_set_probe (evaluation, &result);
  json = supcon_evaluation_to_json (evaluation, labels, 0);
  ck_assert_json (json, "$.probe.count", 5);
  ck_assert_json (json, "$.probe.examples", 2);
  ck_assert_json (json, "$.probe.knn-20", 0.6);
  ck_assert_json (json, "$.probe.centroid", 0.6);
  g_free (json);
  supcon_probe_free (probe);
  supcon_labels_free (labels);
  supcon_evaluation_free (evaluation);
}
END_TEST

SUPCON_CHECK_MAIN ("evaluate", test_empty, test_measures, test_bins, test_rank, test_impossible, test_growing,
    test_accuracy_of_none, test_oracle, test_probe, test_probe_small, test_centroid_scores, test_centroid_no_direction)
