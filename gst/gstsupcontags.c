/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontags.h"

#include "gstsupconanalytics.h"
#include "gstsupconmeta.h"
#include "gstsupconregions.h"

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

static const GstSupconVerdict *
get_verdict (const GArray * verdicts, guint i)
{
  return &g_array_index (verdicts, GstSupconVerdict, i);
}

static void
attach_params (const GstSupconVerdict * verdict,
    GstVideoRegionOfInterestMeta * region, const gchar * model)
{
  for (guint i = 0; i < verdict->n; i++) {
    GstStructure *s = gst_structure_new ("classification",
        "label", G_TYPE_STRING, verdict->tags[i].label,
        "confidence", G_TYPE_DOUBLE, verdict->tags[i].confidence,
        "label_id", G_TYPE_INT, verdict->tags[i].id, NULL);

    /* The embedding may be another model's when somebody reads the tag. */
    if (model)
      gst_structure_set (s, "model_name", G_TYPE_STRING, model, NULL);
    gst_video_region_of_interest_meta_add_param (region, s);
  }
}

void
gst_supcon_verdicts_attach (const GArray * verdicts, GstBuffer * buffer,
    guint width, guint height)
{
  for (guint i = 0; i < verdicts->len; i++) {
    const GstSupconVerdict *verdict = get_verdict (verdicts, i);
    const gchar *model = NULL;
    GstBuffer *embedding = verdict->region ?
        gst_supcon_region_get_embedding (verdict->region, NULL, NULL, &model) :
        gst_supcon_buffer_get_embedding (buffer, NULL, NULL, &model);

#ifdef HAVE_GST_ANALYTICS
    gst_supcon_analytics_attach (verdict, buffer);
#endif
    attach_params (verdict, verdict->region ? verdict->region :
        gst_buffer_add_video_region_of_interest_meta (buffer, "supcon", 0, 0,
            width, height), model);
    gst_clear_buffer (&embedding);
  }
}

const gchar *
gst_supcon_frame_first_label (GstBuffer * frame)
{
  const GQuark supcon = g_quark_from_static_string ("supcon");
  GstVideoRegionOfInterestMeta *region;
  gpointer state = NULL;

  while ((region = gst_supcon_region_next (frame, &state))) {
    GstStructure *tag = region->roi_type == supcon ?
        gst_video_region_of_interest_meta_get_param (region,
        "classification") : NULL;
    const gchar *label = tag ? gst_structure_get_string (tag, "label") : NULL;
    gint id = -1;

    if (label && gst_structure_get_int (tag, "label_id", &id) && id >= 0)
      return label;
  }
  return NULL;
}

static void
tags_to_structure (const GstSupconVerdict * verdict, GstStructure * s)
{
  GValue labels = G_VALUE_INIT, confidences = G_VALUE_INIT;

  gst_value_array_init (&labels, verdict->n);
  gst_value_array_init (&confidences, verdict->n);
  for (guint i = 0; i < verdict->n; i++) {
    GValue label = G_VALUE_INIT, confidence = G_VALUE_INIT;

    g_value_init (&label, G_TYPE_STRING);
    g_value_set_string (&label, verdict->tags[i].label);
    gst_value_array_append_and_take_value (&labels, &label);
    g_value_init (&confidence, G_TYPE_DOUBLE);
    g_value_set_double (&confidence, verdict->tags[i].confidence);
    gst_value_array_append_and_take_value (&confidences, &confidence);
  }
  gst_structure_take_value (s, "labels", &labels);
  gst_structure_take_value (s, "confidences", &confidences);
}

static void
append_region (GValue * regions, const GstSupconVerdict * verdict)
{
  const GstVideoRegionOfInterestMeta *region = verdict->region;
  GValue value = G_VALUE_INIT;
  GstStructure *s = gst_structure_new ("region", "x", G_TYPE_UINT, region->x,
      "y", G_TYPE_UINT, region->y, "width", G_TYPE_UINT, region->w, "height",
      G_TYPE_UINT, region->h, "type", G_TYPE_STRING,
      g_quark_to_string (region->roi_type), NULL);

  tags_to_structure (verdict, s);
  g_value_init (&value, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&value, s);
  gst_value_array_append_and_take_value (regions, &value);
}

void
gst_supcon_verdicts_to_structure (const GArray * verdicts, GstStructure * s)
{
  GValue regions = G_VALUE_INIT;

  tags_to_structure (get_verdict (verdicts, 0), s);
  if (!get_verdict (verdicts, 0)->region)
    return;
  gst_value_array_init (&regions, verdicts->len);
  for (guint i = 0; i < verdicts->len; i++)
    append_region (&regions, get_verdict (verdicts, i));
  gst_structure_take_value (s, "regions", &regions);
}

gchar *
gst_supcon_verdicts_to_text (const GArray * verdicts)
{
  GString *lines = g_string_new (NULL);

  for (guint i = 0; i < verdicts->len; i++) {
    const GstSupconVerdict *verdict = get_verdict (verdicts, i);

    if (verdict->tags[0].id < 0)
      continue;
    for (guint k = 0; k < verdict->n; k++) {
      /* A line is a tag, whatever is in the label. */
      gchar *label = g_strdelimit (g_strdup (verdict->tags[k].label), "\r\n",
          ' ');

      g_string_append_printf (lines, "%s%s %.0f %%", lines->len ? "\n" : "",
          label, 100 * verdict->tags[k].confidence);
      g_free (label);
    }
  }
  return g_string_free (lines, lines->len == 0);
}
