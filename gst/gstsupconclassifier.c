/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconclassifier.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "loss/cross_entropy.h"
#include "model/checkpoint.h"
#include "train/centroid.h"

struct _GstSupconClassifier
{
  GstSupconClassifierMethod method;
  gchar *location;
  SupconModel *model;           /* linear */
  SupconCentroids *centroids;   /* centroid, from the first frame on */
  SupconLabels *labels;
  SupconEvaluation *evaluation;
  guint64 unknown_labels;
  GArray *probabilities;        /* gfloat: of this frame */
  GArray *smoothed;             /* gfloat: of the frames so far; empty when they do not count any more */
};

static gboolean
load (GstSupconClassifier * self, GError ** error)
{
  SupconCheckpointInfo info = { 0 };

  self->model = supcon_checkpoint_load (self->location, NULL, &info, error);
  if (!self->model)
    return FALSE;
  self->labels = g_steal_pointer (&info.labels);
  supcon_checkpoint_info_clear (&info);
  return TRUE;
}

static gboolean
start_linear (GstSupconClassifier * self, GError ** error)
{
  guint n_classes, n_labels;

  if (!self->location) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "location is not set, but method=linear needs a checkpoint with a "
        "classifier");
    return FALSE;
  }
  if (!load (self, error))
    return FALSE;
  n_classes = supcon_model_n_classes (self->model);
  n_labels = supcon_labels_count (self->labels);
  if (n_classes == 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "'%s' has no classifier: train one with supcontrainer stage=linear, or "
        "use method=centroid", self->location);
    return FALSE;
  }
  if (n_labels < n_classes) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "'%s' has %u label names, expected one for each of its classifier's %u "
        "classes", self->location, n_labels, n_classes);
    return FALSE;
  }
  return TRUE;
}

static gboolean
start_centroid (GstSupconClassifier * self, GError ** error)
{
  if (!self->location) {
    self->labels = supcon_labels_new ();
    return TRUE;
  }
  if (!load (self, error))
    return FALSE;
  g_clear_pointer (&self->model, supcon_model_free);
  return TRUE;
}

GstSupconClassifier *
gst_supcon_classifier_new (GstSupconClassifierMethod method,
    const gchar * location, GError ** error)
{
  GstSupconClassifier *self = g_new0 (GstSupconClassifier, 1);

  self->method = method;
  self->location = g_strdup (location);
  self->evaluation = supcon_evaluation_new ();
  self->probabilities = g_array_new (FALSE, FALSE, sizeof (gfloat));
  self->smoothed = g_array_new (FALSE, FALSE, sizeof (gfloat));
  if (method == GST_SUPCON_CLASSIFIER_LINEAR ? start_linear (self, error)
      : start_centroid (self, error))
    return self;
  gst_supcon_classifier_free (self);
  return NULL;
}

void
gst_supcon_classifier_free (GstSupconClassifier * self)
{
  g_clear_pointer (&self->model, supcon_model_free);
  g_clear_pointer (&self->centroids, supcon_centroids_free);
  g_clear_pointer (&self->labels, supcon_labels_free);
  supcon_evaluation_free (self->evaluation);
  g_array_unref (self->probabilities);
  g_array_unref (self->smoothed);
  g_free (self->location);
  g_free (self);
}

static gboolean
classify_linear (GstSupconClassifier * self, const gfloat * embedding,
    guint dim, const gchar * layer, GError ** error)
{
  guint expected = supcon_model_embedding_dim (self->model);
  gfloat *p;

  if (layer && strcmp (layer, "embedding") != 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "the frames carry layer '%s', but the classifier of '%s' takes layer "
        "'embedding': set it on supconencoder", layer, self->location);
    return FALSE;
  }
  if (dim != expected) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "the frame's embedding has %u numbers, but the classifier of '%s' takes "
        "%u: supconencoder must use the same checkpoint", dim, self->location,
        expected);
    return FALSE;
  }
  g_array_set_size (self->probabilities, supcon_model_n_classes (self->model));
  p = (gfloat *) self->probabilities->data;
  supcon_model_classify (self->model, embedding, 1, p);
  supcon_softmax (p, 1, self->probabilities->len, p);
  return TRUE;
}

static gboolean
classify_centroid (GstSupconClassifier * self, const gfloat * embedding,
    guint dim, GError ** error)
{
  guint expected;

  if (!self->centroids)
    self->centroids = supcon_centroids_new (dim);
  expected = supcon_centroids_dim (self->centroids);
  if (dim != expected) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "the frame's embedding has %u numbers, but those before it had %u: "
        "method=centroid compares them", dim, expected);
    return FALSE;
  }
  g_array_set_size (self->probabilities,
      supcon_centroids_n_classes (self->centroids));
  if (self->probabilities->len)
    supcon_centroids_classify (self->centroids, embedding,
        (gfloat *) self->probabilities->data);
  return TRUE;
}

/* p = s p_before + (1 - s) p. A class that is new had probability 0 before. */
static void
smooth (GstSupconClassifier * self, gdouble s)
{
  gfloat *p = (gfloat *) self->probabilities->data;
  const gfloat *before = (const gfloat *) self->smoothed->data;
  guint n = self->probabilities->len, n_before = self->smoothed->len;

  for (guint i = 0; n_before && i < n; i++)
    p[i] = s * (i < n_before ? before[i] : 0) + (1 - s) * p[i];
  g_array_set_size (self->smoothed, 0);
  g_array_append_vals (self->smoothed, p, n);
}

static void
evaluate (GstSupconClassifier * self, const gchar * label)
{
  gint truth = supcon_labels_find (self->labels, label);
  guint n = self->probabilities->len;

  /* A label that was only read from a checkpoint is not known by centroids yet. */
  if (truth < 0 || (guint) truth >= n
      || (self->centroids && !supcon_centroids_count (self->centroids, truth)))
    self->unknown_labels++;
  else
    supcon_evaluation_add (self->evaluation,
        (const gfloat *) self->probabilities->data, n, truth);
}

static gboolean
refuse_embedding (GError ** error)
{
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NUMERIC,
      "the frame's embedding leads to no class: it is all zero, or numbers in "
      "it or in the classifier are not finite");
  return FALSE;
}

gboolean
gst_supcon_classifier_take (GstSupconClassifier * self,
    const gfloat * embedding, guint dim, const gchar * layer,
    const gchar * label, gdouble smoothing, const gfloat ** probabilities,
    guint * n, GError ** error)
{
  gboolean linear = self->method == GST_SUPCON_CLASSIFIER_LINEAR;
  gboolean teaches = !linear && label;

  if (!(linear ? classify_linear (self, embedding, dim, layer, error)
          : classify_centroid (self, embedding, dim, error)))
    return FALSE;
  /* One number that is not finite makes all the probabilities so. */
  if (self->probabilities->len
      && !isfinite (g_array_index (self->probabilities, gfloat, 0)))
    return refuse_embedding (error);
  if (!teaches)
    smooth (self, smoothing);
  if (label)
    evaluate (self, label);
  if (teaches) {
    if (!supcon_centroids_add (self->centroids, embedding,
            supcon_labels_add (self->labels, label)))
      return refuse_embedding (error);
    g_array_set_size (self->probabilities, 0);
  }
  *probabilities = (const gfloat *) self->probabilities->data;
  *n = self->probabilities->len;
  return TRUE;
}

void
gst_supcon_classifier_forget_frames (GstSupconClassifier * self)
{
  g_array_set_size (self->smoothed, 0);
}

const SupconLabels *
gst_supcon_classifier_labels (GstSupconClassifier * self)
{
  return self->labels;
}

const SupconEvaluation *
gst_supcon_classifier_evaluation (GstSupconClassifier * self,
    guint64 * unknown_labels)
{
  *unknown_labels = self->unknown_labels;
  return self->evaluation;
}

void
gst_supcon_classifier_reset_evaluation (GstSupconClassifier * self)
{
  supcon_evaluation_free (self->evaluation);
  self->evaluation = supcon_evaluation_new ();
  self->unknown_labels = 0;
}
