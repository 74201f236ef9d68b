/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconevaluation.h"

#include "gstsupconmeta.h"

struct _GstSupconEvaluationReport
{
  GstStructure *structure;
  gchar *text, *json;
};

static const guint neighbours[] = SUPCON_PROBE_NEIGHBOURS;

static void
add_probe (GstStructure * s, const SupconProbeResult * probe)
{
  gst_structure_set (s, "examples", G_TYPE_UINT64, probe->examples,
      "centroid", G_TYPE_DOUBLE, probe->centroid, NULL);
  for (guint i = 0; i < SUPCON_PROBE_KINDS; i++) {
    gchar *name = g_strdup_printf ("knn-%u", neighbours[i]);

    gst_structure_set (s, name, G_TYPE_DOUBLE, probe->knn[i], NULL);
    g_free (name);
  }
}

static GstStructure *
to_structure (const SupconEvaluation * evaluation,
    const SupconLabels * labels, guint64 unknown_labels)
{
  guint n = supcon_evaluation_n_classes (evaluation);
  GValue names = G_VALUE_INIT, rows = G_VALUE_INIT;
  GstStructure *s = gst_structure_new ("supcon-evaluation",
      "count", G_TYPE_UINT64, supcon_evaluation_count (evaluation),
      "top1", G_TYPE_DOUBLE, supcon_evaluation_top1 (evaluation),
      "top5", G_TYPE_DOUBLE, supcon_evaluation_top5 (evaluation),
      "ece", G_TYPE_DOUBLE, supcon_evaluation_ece (evaluation),
      "nll", G_TYPE_DOUBLE, supcon_evaluation_nll (evaluation),
      "brier", G_TYPE_DOUBLE, supcon_evaluation_brier (evaluation),
      "unknown-labels", G_TYPE_UINT64, unknown_labels, NULL);

  gst_value_array_init (&names, n);
  gst_value_array_init (&rows, n);
  for (guint truth = 0; truth < n; truth++) {
    GValue name = G_VALUE_INIT, row = G_VALUE_INIT;

    g_value_init (&name, G_TYPE_STRING);
    g_value_set_string (&name, supcon_labels_name (labels, truth));
    gst_value_array_append_and_take_value (&names, &name);

    gst_value_array_init (&row, n);
    for (guint predicted = 0; predicted < n; predicted++) {
      GValue count = G_VALUE_INIT;

      g_value_init (&count, G_TYPE_UINT64);
      g_value_set_uint64 (&count, supcon_evaluation_confusion (evaluation,
              truth, predicted));
      gst_value_array_append_and_take_value (&row, &count);
    }
    gst_value_array_append_and_take_value (&rows, &row);
  }
  gst_structure_take_value (s, "labels", &names);
  gst_structure_take_value (s, "confusion", &rows);
  if (supcon_evaluation_probe (evaluation))
    add_probe (s, supcon_evaluation_probe (evaluation));
  return s;
}

/* A line of more classes is longer than anybody reads: of a thousand, six megabytes were printed. */
#define MOST_IN_MATRIX 100

static gchar *
to_text (const SupconEvaluation * evaluation,
    const SupconLabels * labels, guint64 unknown_labels)
{
  guint n = supcon_evaluation_n_classes (evaluation);
  gboolean with_matrix = n <= MOST_IN_MATRIX;
  const SupconProbeResult *probe = supcon_evaluation_probe (evaluation);
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "%" G_GUINT64_FORMAT " labelled pictures: "
      "top-1 %.2f %%, top-5 %.2f %%, ECE %.2f %%, NLL %.4f, Brier %.4f\n",
      supcon_evaluation_count (evaluation),
      100 * supcon_evaluation_top1 (evaluation),
      100 * supcon_evaluation_top5 (evaluation),
      100 * supcon_evaluation_ece (evaluation),
      supcon_evaluation_nll (evaluation),
      supcon_evaluation_brier (evaluation));
  if (probe) {
    g_string_append_printf (text, "By %" G_GUINT64_FORMAT " examples: "
        "nearest centroid %.2f %%", probe->examples, 100 * probe->centroid);
    for (guint i = 0; i < SUPCON_PROBE_KINDS; i++)
      g_string_append_printf (text, ", %u neighbour%s %.2f %%", neighbours[i],
          neighbours[i] > 1 ? "s" : "", 100 * probe->knn[i]);
    g_string_append_c (text, '\n');
  }
  if (unknown_labels)
    g_string_append_printf (text, "%" G_GUINT64_FORMAT " more have a label "
        "that the model does not know\n", unknown_labels);
  if (n == 0)
    return g_string_free (text, FALSE);

  if (with_matrix) {
    g_string_append (text, "Confusion: a row is a true class, a column a "
        "predicted one, at the right the share of the row that is right\n   ");
    for (guint i = 0; i < n; i++)
      g_string_append_printf (text, " %5u", i);
    g_string_append_c (text, '\n');
  } else {
    g_string_append_printf (text, "The share of each class that is right (with "
        "more than %u classes confusion is written to evaluation-location "
        "alone)\n", MOST_IN_MATRIX);
  }
  for (guint truth = 0; truth < n; truth++) {
    guint64 right = supcon_evaluation_confusion (evaluation, truth, truth);
    guint64 all = 0;

    g_string_append_printf (text, "%3u", truth);
    for (guint predicted = 0; predicted < n; predicted++) {
      guint64 count = supcon_evaluation_confusion (evaluation, truth,
          predicted);

      if (with_matrix)
        g_string_append_printf (text, " %5" G_GUINT64_FORMAT, count);
      all += count;
    }
    if (all)
      g_string_append_printf (text, "  %5.1f %%", 100. * right / all);
    else
      g_string_append (text, "      - %");
    g_string_append_printf (text, "  %s\n", supcon_labels_name (labels, truth));
  }
  return g_string_free (text, FALSE);
}

GstSupconEvaluationReport *
gst_supcon_evaluation_report_new (const SupconEvaluation * evaluation,
    const SupconLabels * labels, guint64 unknown_labels)
{
  GstSupconEvaluationReport *self;

  if (supcon_evaluation_count (evaluation) == 0 && unknown_labels == 0)
    return NULL;
  self = g_new (GstSupconEvaluationReport, 1);
  self->structure = to_structure (evaluation, labels, unknown_labels);
  self->text = to_text (evaluation, labels, unknown_labels);
  self->json = supcon_evaluation_to_json (evaluation, labels, unknown_labels);
  return self;
}

void
gst_supcon_evaluation_report_give (GstSupconEvaluationReport * self,
    GstElement * element, gboolean print, const GstSupconTextFile * file)
{
  GError *error = NULL;

  gst_element_post_message (element,
      gst_message_new_element (GST_OBJECT (element), self->structure));
  if (file && !gst_supcon_text_file_replace (file, self->json, &error)) {
    g_prefix_error (&error, "evaluation-location: ");
    gst_supcon_post_error (element, error);
  }
  if (print)
    g_print ("%s", self->text);
  g_free (self->text);
  g_free (self->json);
  g_free (self);
}
