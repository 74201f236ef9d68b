/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/evaluate.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

/* The pictures whose confidence falls into one bin of the calibration error. */
typedef struct {
  guint64 count, correct;
  double confidence; /* sum */
} Bin;

struct _SupconEvaluation {
  guint n_classes;
  guint64 count, top1, top5;
  double log_likelihood, squares;
  Bin bins[SUPCON_ECE_BINS];
  guint64 *confusion; /* n_classes x n_classes, rows are true classes */
  gboolean has_probe;
  SupconProbeResult probe;
};

SupconEvaluation *
supcon_evaluation_new (void)
{
  return g_new0 (SupconEvaluation, 1);
}

void
supcon_evaluation_free (SupconEvaluation *evaluation)
{
  if (evaluation == NULL)
    return;
  g_free (evaluation->confusion);
  g_free (evaluation);
}

static void
grow (SupconEvaluation *evaluation, guint n_classes)
{
  guint old = evaluation->n_classes;
  guint64 *confusion = g_new0 (guint64, (gsize)n_classes * n_classes);

  for (guint i = 0; i < old; i++)
    memcpy (confusion + (gsize)i * n_classes, evaluation->confusion + (gsize)i * old, old * sizeof (guint64));
  g_free (evaluation->confusion);
  evaluation->confusion = confusion;
  evaluation->n_classes = n_classes;
}

/* The bin (b / 15, (b + 1) / 15] of a confidence. The borders are floats as confidences are, so that 0.6f is 9 / 15.
 */
static guint
bin_of (float confidence)
{
  guint bin = 0;

  while (bin < SUPCON_ECE_BINS - 1 && confidence > (float)(bin + 1) / SUPCON_ECE_BINS)
    bin++;
  return bin;
}

void
supcon_evaluation_add (SupconEvaluation *evaluation, const float *probabilities, guint n_classes, guint truth)
{
  guint predicted = 0, rank = 0;
  double square = 0;
  Bin *bin;

  g_return_if_fail (truth < n_classes);

  if (n_classes > evaluation->n_classes)
    grow (evaluation, n_classes);

  /* Of equal probabilities the lower class comes first, in the rank as in the prediction. */
  for (guint i = 0; i < n_classes; i++) {
    if (probabilities[i] > probabilities[predicted])
      predicted = i;
    if (probabilities[i] > probabilities[truth] || (i < truth && probabilities[i] == probabilities[truth]))
      rank++;
    square += pow ((double)probabilities[i] - (i == truth), 2);
  }

  evaluation->count++;
  evaluation->top1 += rank < 1;
  evaluation->top5 += rank < 5;
  evaluation->log_likelihood += log (MAX (probabilities[truth], 1e-12));
  evaluation->squares += square;
  bin = &evaluation->bins[bin_of (probabilities[predicted])];
  bin->count++;
  bin->correct += predicted == truth;
  bin->confidence += probabilities[predicted];
  evaluation->confusion[(gsize)truth * evaluation->n_classes + predicted]++;
}

guint64
supcon_evaluation_count (const SupconEvaluation *evaluation)
{
  return evaluation->count;
}

guint
supcon_evaluation_n_classes (const SupconEvaluation *evaluation)
{
  return evaluation->n_classes;
}

static double
mean (const SupconEvaluation *evaluation, double sum)
{
  return evaluation->count ? sum / (double)evaluation->count : 0;
}

double
supcon_evaluation_top1 (const SupconEvaluation *evaluation)
{
  return mean (evaluation, (double)evaluation->top1);
}

double
supcon_evaluation_top5 (const SupconEvaluation *evaluation)
{
  return mean (evaluation, (double)evaluation->top5);
}

double
supcon_evaluation_ece (const SupconEvaluation *evaluation)
{
  double sum = 0;

  /* n_b / n * |accuracy_b - confidence_b|, in which n_b cancels. */
  for (guint b = 0; b < SUPCON_ECE_BINS; b++)
    sum += fabs ((double)evaluation->bins[b].correct - evaluation->bins[b].confidence);
  return mean (evaluation, sum);
}

double
supcon_evaluation_nll (const SupconEvaluation *evaluation)
{
  return mean (evaluation, 0 - evaluation->log_likelihood); /* not -0 */
}

double
supcon_evaluation_brier (const SupconEvaluation *evaluation)
{
  return mean (evaluation, evaluation->squares);
}

SupconReliability
supcon_evaluation_reliability (const SupconEvaluation *evaluation, guint bin)
{
  const Bin *b = &evaluation->bins[bin];
  double count = MAX (b->count, 1);

  return (SupconReliability){ b->count, b->confidence / count, b->correct / count };
}

guint64
supcon_evaluation_confusion (const SupconEvaluation *evaluation, guint truth, guint predicted)
{
  if (truth >= evaluation->n_classes || predicted >= evaluation->n_classes)
    return 0;
  return evaluation->confusion[(gsize)truth * evaluation->n_classes + predicted];
}

void
supcon_evaluation_set_probe (SupconEvaluation *evaluation, const SupconProbeResult *result)
{
  evaluation->has_probe = TRUE;
  evaluation->probe = *result;
}

const SupconProbeResult *
supcon_evaluation_probe (const SupconEvaluation *evaluation)
{
  return evaluation->has_probe ? &evaluation->probe : NULL;
}

static void
add_measures (JsonBuilder *json, const SupconEvaluation *evaluation)
{
  const struct {
    const char *name;
    double value;
  } measures[] = { { "top1", supcon_evaluation_top1 (evaluation) }, { "top5", supcon_evaluation_top5 (evaluation) },
    { "ece", supcon_evaluation_ece (evaluation) }, { "nll", supcon_evaluation_nll (evaluation) },
    { "brier", supcon_evaluation_brier (evaluation) } };

  for (guint i = 0; i < G_N_ELEMENTS (measures); i++) {
    json_builder_set_member_name (json, measures[i].name);
    json_builder_add_double_value (json, measures[i].value);
  }
}

static void
add_classes (JsonBuilder *json, const SupconEvaluation *evaluation, const SupconLabels *labels)
{
  guint n = evaluation->n_classes;

  json_builder_set_member_name (json, "labels");
  json_builder_begin_array (json);
  for (guint i = 0; i < n; i++)
    json_builder_add_string_value (json, supcon_labels_name (labels, i));
  json_builder_end_array (json);

  json_builder_set_member_name (json, "accuracy");
  json_builder_begin_array (json);
  for (guint i = 0; i < n; i++) {
    guint64 all = 0;

    for (guint j = 0; j < n; j++)
      all += supcon_evaluation_confusion (evaluation, i, j);
    if (all)
      json_builder_add_double_value (json, (double)supcon_evaluation_confusion (evaluation, i, i) / all);
    else
      json_builder_add_null_value (json);
  }
  json_builder_end_array (json);

  json_builder_set_member_name (json, "confusion");
  json_builder_begin_array (json);
  for (guint i = 0; i < n; i++) {
    json_builder_begin_array (json);
    for (guint j = 0; j < n; j++)
      json_builder_add_int_value (json, supcon_evaluation_confusion (evaluation, i, j));
    json_builder_end_array (json);
  }
  json_builder_end_array (json);
}

static void
add_reliability (JsonBuilder *json, const SupconEvaluation *evaluation)
{
  json_builder_set_member_name (json, "reliability");
  json_builder_begin_array (json);
  for (guint b = 0; b < SUPCON_ECE_BINS; b++) {
    SupconReliability bin = supcon_evaluation_reliability (evaluation, b);

    json_builder_begin_object (json);
    json_builder_set_member_name (json, "count");
    json_builder_add_int_value (json, bin.count);
    json_builder_set_member_name (json, "confidence");
    json_builder_add_double_value (json, bin.confidence);
    json_builder_set_member_name (json, "accuracy");
    json_builder_add_double_value (json, bin.accuracy);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_probe (JsonBuilder *json, const SupconProbeResult *probe)
{
  static const guint neighbours[] = SUPCON_PROBE_NEIGHBOURS;

  json_builder_set_member_name (json, "probe");
  json_builder_begin_object (json);
  json_builder_set_member_name (json, "count");
  json_builder_add_int_value (json, probe->count);
  json_builder_set_member_name (json, "examples");
  json_builder_add_int_value (json, probe->examples);
  for (guint i = 0; i < SUPCON_PROBE_KINDS; i++) {
    char name[16];

    g_snprintf (name, sizeof name, "knn-%u", neighbours[i]);
    json_builder_set_member_name (json, name);
    json_builder_add_double_value (json, probe->knn[i]);
  }
  json_builder_set_member_name (json, "centroid");
  json_builder_add_double_value (json, probe->centroid);
  json_builder_end_object (json);
}

char *
supcon_evaluation_to_json (const SupconEvaluation *evaluation, const SupconLabels *labels, guint64 unknown_labels)
{
  JsonBuilder *json = json_builder_new ();
  JsonNode *root;
  char *text;

  json_builder_begin_object (json);
  json_builder_set_member_name (json, "count");
  json_builder_add_int_value (json, evaluation->count);
  json_builder_set_member_name (json, "unknown-labels");
  json_builder_add_int_value (json, unknown_labels);
  add_measures (json, evaluation);
  add_classes (json, evaluation, labels);
  add_reliability (json, evaluation);
  if (evaluation->has_probe)
    add_probe (json, &evaluation->probe);
  json_builder_end_object (json);
  root = json_builder_get_root (json);
  text = json_to_string (root, FALSE);
  json_node_unref (root);
  g_object_unref (json);
  return text;
}
