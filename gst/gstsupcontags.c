/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontags.h"

guint
gst_supcon_tags_choose (const gfloat * probabilities, guint n,
    const SupconLabels * labels, guint top_k, gdouble threshold, gint current,
    gdouble hysteresis, GstSupconTag * tags)
{
  gdouble ranks[GST_SUPCON_MAX_TAGS];
  gfloat most = 0;
  guint chosen = 0;

  for (guint i = 0; i < n; i++) {
    gfloat p = probabilities[i];
    gdouble rank = p + ((gint) i == current ? hysteresis : 0);
    guint at;

    most = MAX (most, p);
    /* A class of probability 0 is no answer even where the threshold is 0. */
    if (p <= 0 || rank < threshold)
      continue;
    for (at = chosen; at > 0 && ranks[at - 1] < rank; at--)
      if (at < top_k) {
        tags[at] = tags[at - 1];
        ranks[at] = ranks[at - 1];
      }
    if (at < top_k) {
      tags[at] = (GstSupconTag) {
      g_intern_string (supcon_labels_name (labels, i)), p, i};
      ranks[at] = rank;
      chosen = MIN (chosen + 1, top_k);
    }
  }
  if (chosen == 0) {
    tags[0] = (GstSupconTag) { "unknown", most, -1 };
    chosen = 1;
  }
  return chosen;
}

void
gst_supcon_tags_attach (const GstSupconTag * tags, guint n,
    GstVideoRegionOfInterestMeta * roi)
{
  for (guint i = 0; i < n; i++)
    gst_video_region_of_interest_meta_add_param (roi,
        gst_structure_new ("classification",
            "label", G_TYPE_STRING, tags[i].label,
            "confidence", G_TYPE_DOUBLE, tags[i].confidence,
            "label_id", G_TYPE_INT, tags[i].id, NULL));
}

void
gst_supcon_tags_to_structure (const GstSupconTag * tags, guint n,
    GstStructure * s)
{
  GValue labels = G_VALUE_INIT, confidences = G_VALUE_INIT;

  gst_value_array_init (&labels, n);
  gst_value_array_init (&confidences, n);
  for (guint i = 0; i < n; i++) {
    GValue label = G_VALUE_INIT, confidence = G_VALUE_INIT;

    g_value_init (&label, G_TYPE_STRING);
    g_value_set_string (&label, tags[i].label);
    gst_value_array_append_and_take_value (&labels, &label);
    g_value_init (&confidence, G_TYPE_DOUBLE);
    g_value_set_double (&confidence, tags[i].confidence);
    gst_value_array_append_and_take_value (&confidences, &confidence);
  }
  gst_structure_take_value (s, "labels", &labels);
  gst_structure_take_value (s, "confidences", &confidences);
}

gchar *
gst_supcon_tags_to_text (const GstSupconTag * tags, guint n)
{
  GString *lines;

  if (n == 0 || tags[0].id < 0)
    return NULL;
  lines = g_string_new (NULL);
  for (guint i = 0; i < n; i++) {
    /* A line is a tag, whatever is in the label. */
    gchar *label = g_strdelimit (g_strdup (tags[i].label), "\r\n", ' ');

    g_string_append_printf (lines, "%s%s %.0f %%", i ? "\n" : "", label,
        100 * tags[i].confidence);
    g_free (label);
  }
  return g_string_free (lines, FALSE);
}
