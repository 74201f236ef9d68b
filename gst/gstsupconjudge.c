/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconjudge.h"

#include "error.h"
#include "gstsupconmeta.h"
#include "gstsupconregions.h"
#include "gstsupcontags.h"

/* What is known of a frame, or of one of its regions. */
typedef struct
{
  GstVideoRegionOfInterestMeta *region; /* NULL: the frame */
  GstBuffer *embedding;
  guint dim;
  const gchar *layer, *label;
} Case;

/* Takes the embedding. */
static gboolean
judge (GstSupconClassifier * classifier, const Case * what,
    const GstSupconTaggerSettings * settings, gint * current,
    GArray * verdicts, GError ** error)
{
  GstSupconVerdict verdict = {.region = what->region };
  const gfloat *probabilities;
  guint n_classes;
  GstMapInfo map;
  gboolean ok;

  if (!gst_buffer_map (what->embedding, &map, GST_MAP_READ)) {
    gst_buffer_unref (what->embedding);
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_READ,
        "the embedding of a frame cannot be read");
    return FALSE;
  }
  ok = gst_supcon_classifier_take (classifier, (const gfloat *) map.data,
      what->dim, what->layer, what->label, settings->learning, !what->region,
      settings->smoothing, settings->majority, &probabilities, &n_classes,
      error);
  gst_buffer_unmap (what->embedding, &map);
  gst_buffer_unref (what->embedding);
  if (!ok || !n_classes)
    return ok;
  verdict.n = gst_supcon_tags_choose (probabilities, n_classes,
      gst_supcon_classifier_labels (classifier), settings->top_k,
      settings->threshold, what->region ? -1 : *current, settings->hysteresis,
      verdict.tags);
  if (!what->region)
    *current = verdict.tags[0].id;
  g_array_append_val (verdicts, verdict);
  return TRUE;
}

gboolean
gst_supcon_judge (GstSupconClassifier * classifier, GstBuffer * frame,
    const GstSupconTaggerSettings * settings, gint * current,
    GArray * verdicts, GError ** error)
{
  const gchar *label = NULL;
  gpointer state = NULL;
  gboolean ok = TRUE;
  Case what = { 0 };

  gst_supcon_buffer_get_sample (frame, &label, NULL, NULL);
  what.label = label;
  what.embedding =
      gst_supcon_buffer_get_embedding (frame, &what.dim, &what.layer, NULL);
  if (what.embedding)
    return judge (classifier, &what, settings, current, verdicts, error);
  while (ok && (what.region = gst_supcon_region_next (frame, &state))) {
    const gchar *own = gst_supcon_region_get_label (what.region);

    what.label = own ? own : label;
    what.embedding = gst_supcon_region_get_embedding (what.region, &what.dim,
        &what.layer, NULL);
    if (what.embedding)
      ok = judge (classifier, &what, settings, current, verdicts, error);
  }
  return ok;
}
