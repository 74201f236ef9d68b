/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontags.h"

guint
gst_supcon_tags_choose (const gfloat * probabilities, guint n,
    const SupconLabels * labels, guint top_k, gdouble threshold,
    GstSupconTag * tags)
{
  gfloat most = 0;
  guint chosen = 0;

  for (guint i = 0; i < n; i++) {
    gfloat p = probabilities[i];
    guint at;

    most = MAX (most, p);
    /* A class of probability 0 is no answer even where the threshold is 0. */
    if (p <= 0 || p < threshold)
      continue;
    for (at = chosen; at > 0 && tags[at - 1].confidence < p; at--)
      if (at < top_k)
        tags[at] = tags[at - 1];
    if (at < top_k) {
      tags[at] = (GstSupconTag) { supcon_labels_name (labels, i), p, i };
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
gst_supcon_tags_attach (const GstSupconTag * tags, guint n, GstBuffer * buffer,
    guint width, guint height)
{
  GstVideoRegionOfInterestMeta *roi =
      gst_buffer_add_video_region_of_interest_meta (buffer, "supcon", 0, 0,
      width, height);

  for (guint i = 0; i < n; i++)
    gst_video_region_of_interest_meta_add_param (roi,
        gst_structure_new ("classification",
            "label", G_TYPE_STRING, tags[i].label,
            "confidence", G_TYPE_DOUBLE, tags[i].confidence,
            "label_id", G_TYPE_INT, tags[i].id, NULL));
}

GstStructure *
gst_supcon_tags_to_structure (const GstSupconTag * tags, guint n,
    GstClockTime timestamp)
{
  GValue labels = G_VALUE_INIT, confidences = G_VALUE_INIT;
  GstStructure *s = gst_structure_new ("supcon-tags",
      "timestamp", G_TYPE_UINT64, timestamp, NULL);

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
  return s;
}

GstMiniObject *
gst_supcon_tags_to_text (const GstSupconTag * tags, guint n, GstBuffer * buffer)
{
  GString *lines;
  GstBuffer *text;
  gsize size;

  if (n == 0 || tags[0].id < 0) {
    GstClockTime duration = GST_BUFFER_DURATION (buffer);

    if (!GST_BUFFER_PTS_IS_VALID (buffer))
      return NULL;
    /* Only a gap that lasts tells textoverlay not to wait for this frame's text. */
    if (!GST_CLOCK_TIME_IS_VALID (duration) || duration == 0)
      duration = 1;
    return GST_MINI_OBJECT_CAST (gst_event_new_gap (GST_BUFFER_PTS (buffer),
            duration));
  }

  lines = g_string_new (NULL);
  for (guint i = 0; i < n; i++)
    g_string_append_printf (lines, "%s%s %.0f %%", i ? "\n" : "",
        tags[i].label, 100 * tags[i].confidence);
  size = lines->len;
  text = gst_buffer_new_wrapped (g_string_free (lines, FALSE), size);
  GST_BUFFER_PTS (text) = GST_BUFFER_PTS (buffer);
  GST_BUFFER_DURATION (text) = GST_BUFFER_DURATION (buffer);
  return GST_MINI_OBJECT_CAST (text);
}
