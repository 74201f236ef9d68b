/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconclassifier.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "gstsupconmemory.h"
#include "gstsupconmodel.h"
#include "model/checkpoint.h"
#include "train/calibrate.h"
#include "train/smooth.h"

/* Of a file that is watched encoder and classifier learn a moment apart, and frames are on their way. */
#define WATCH_GRACE (2 * G_USEC_PER_SEC)

struct _GstSupconClassifier
{
  GstSupconClassifierMethod method;
  guint64 encoder;              /* the fingerprint of the one that made the frames; 0: not known */
  gint64 grace;                 /* microseconds for which that may be another one than expected */
  gint64 other_since;           /* when it began to be another one; 0: it is not */
  gboolean told_encoder;        /* that it is */

  /* linear */
  GstSupconModelSource *source;
  GstSupconSnapshot *snapshot;  /* NULL: none yet; its labels are 'labels' */
  guint unit_lengths;           /* embeddings of length 1 in a row, up to the last one */
  gboolean told_length;         /* of them */

  /* The others. */
  guint neighbours;
  GstSupconMemory *memory;
  GArray *last;                 /* gfloat: what was taken last */

  SupconLabels *labels;
  SupconEvaluation *evaluation;
  SupconProbe *probe;           /* NULL: none */
  guint64 unknown_labels;
  GArray *probabilities;        /* gfloat: of what was taken last */
  SupconSmoother *smoother;
};

static gboolean
is_linear (const GstSupconClassifier * self)
{
  return self->method == GST_SUPCON_CLASSIFIER_LINEAR;
}

static gboolean
start_linear (GstSupconClassifier * self,
    const GstSupconClassifierConfig * config, GError ** error)
{
  gboolean relabelled;

  if (!config->location && !config->name) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "location is not set, nor is model, but method=linear needs a "
        "checkpoint with a classifier");
    return FALSE;
  }
  self->source = gst_supcon_model_source_new (config->name, config->location,
      config->watch, NULL);
  return gst_supcon_classifier_update (self, &relabelled, error);
}

static gboolean
start_examples (GstSupconClassifier * self,
    const GstSupconClassifierConfig * config, GError ** error)
{
  SupconCheckpointInfo info = { 0 };

  self->neighbours = config->neighbours;
  if (config->location) {
    SupconModel *model =
        supcon_checkpoint_load (config->location, NULL, &info, error);

    if (!model)
      return FALSE;
    supcon_labels_free (self->labels);
    self->labels = g_steal_pointer (&info.labels);
    supcon_checkpoint_info_clear (&info);
    supcon_model_free (model);
  }
  self->memory = gst_supcon_memory_new (config->memory_location,
      config->learning, self->labels, error);
  return self->memory != NULL;
}

static gboolean
start_probe (GstSupconClassifier * self, const gchar * location,
    GError ** error)
{
  SupconIndex *index;

  if (!location)
    return TRUE;
  index = supcon_index_load (location, error);
  if (!index)
    return FALSE;
  self->probe = supcon_probe_new (index);
  supcon_index_free (index);
  if (!self->probe)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "examples-location is %s, in which nothing has a label; expected an "
        "index of labelled frames, as supconindex writes", location);
  return self->probe != NULL;
}

GstSupconClassifier *
gst_supcon_classifier_new (const GstSupconClassifierConfig * config,
    GError ** error)
{
  GstSupconClassifier *self = g_new0 (GstSupconClassifier, 1);

  self->method = config->method;
  self->grace = config->watch ? WATCH_GRACE : 0;
  self->labels = supcon_labels_new ();
  self->evaluation = supcon_evaluation_new ();
  self->probabilities = g_array_new (FALSE, FALSE, sizeof (gfloat));
  self->last = g_array_new (FALSE, FALSE, sizeof (gfloat));
  self->smoother = supcon_smoother_new ();
  if ((is_linear (self) ? start_linear (self, config, error)
          : start_examples (self, config, error))
      && start_probe (self, config->examples_location, error))
    return self;
  gst_supcon_classifier_free (self);
  return NULL;
}

void
gst_supcon_classifier_free (GstSupconClassifier * self)
{
  g_clear_pointer (&self->source, gst_supcon_model_source_free);
  g_clear_pointer (&self->snapshot, gst_supcon_snapshot_unref);
  gst_supcon_memory_free (self->memory);
  supcon_labels_free (self->labels);
  supcon_evaluation_free (self->evaluation);
  supcon_probe_free (self->probe);
  supcon_smoother_free (self->smoother);
  g_array_unref (self->probabilities);
  g_array_unref (self->last);
  g_free (self);
}

static gboolean
check_model (GstSupconClassifier * self, const GstSupconSnapshot * new,
    GError ** error)
{
  const gchar *name = gst_supcon_model_source_name (self->source);
  guint dim = supcon_model_embedding_dim (new->model), expected = dim;

  if (self->snapshot)
    expected = supcon_model_embedding_dim (self->snapshot->model);
  if (!gst_supcon_snapshot_check_classifier (new, name, error))
    return FALSE;
  if (dim != expected)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "'%s': the new model's classifier takes %u numbers, expected %u as the "
        "one before", name, dim, expected);
  return dim == expected;
}

/* Whether classes keep their numbers; there may be more. */
static gboolean
continues (const SupconLabels * before, const SupconLabels * now)
{
  for (guint i = 0; i < supcon_labels_count (before); i++)
    if (i >= supcon_labels_count (now)
        || !g_str_equal (supcon_labels_name (before, i),
            supcon_labels_name (now, i)))
      return FALSE;
  return TRUE;
}

gboolean
gst_supcon_classifier_update (GstSupconClassifier * self,
    gboolean * relabelled, GError ** error)
{
  GError *cause = NULL;
  GstSupconSnapshot *new = self->source ?
      gst_supcon_model_source_take (self->source, &cause) : NULL;

  *relabelled = FALSE;
  if (cause) {
    g_propagate_error (error, cause);
    return FALSE;
  }
  if (!new)
    return TRUE;
  if (!check_model (self, new, error)) {
    gst_supcon_snapshot_unref (new);
    return FALSE;
  }
  *relabelled = self->snapshot
      && !continues (self->snapshot->labels, new->labels);
  if (*relabelled)
    gst_supcon_classifier_reset_evaluation (self);
  g_clear_pointer (&self->snapshot, gst_supcon_snapshot_unref);
  self->snapshot = new;
  self->told_encoder = FALSE;
  return TRUE;
}

static gboolean
is_other (const GstSupconClassifier * self, guint64 expected)
{
  return expected && self->encoder && expected != self->encoder;
}

/* What the frames cannot be compared with, as they are of another encoder: the caller's to free, NULL: there is nothing. */
static gchar *
find_foreign (const GstSupconClassifier * self)
{
  const SupconExamples *examples =
      self->memory ? gst_supcon_memory_examples (self->memory) : NULL;

  if (self->snapshot && is_other (self, self->snapshot->fingerprint))
    return g_strdup_printf ("the classifier in '%s' was trained on, so that it "
        "says nothing of them; expected supconencoder to have the same "
        "location, or the encoder that it began with",
        gst_supcon_model_source_name (self->source));
  if (examples && is_other (self, supcon_examples_encoder (examples)))
    return g_strdup ("the examples that are known (memory-location, and lessons "
        "before this frame), which cannot be compared with them; expected the "
        "encoder that those were taught with");
  if (self->probe && is_other (self, supcon_probe_encoder (self->probe)))
    return g_strdup ("those of examples-location, which cannot be compared with "
        "them; expected the encoder that its index was made with");
  return NULL;
}

gboolean
gst_supcon_classifier_check_encoder (GstSupconClassifier * self,
    guint64 fingerprint, GError ** error)
{
  gint64 now = g_get_monotonic_time ();
  gboolean matters;
  gchar *foreign;

  self->encoder = fingerprint;
  foreign = self->told_encoder ? NULL : find_foreign (self);
  if (!foreign || !self->other_since)
    self->other_since = foreign ? now : 0;
  matters = foreign && now - self->other_since >= self->grace;
  self->told_encoder |= matters;
  if (matters)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "The frames' embeddings are of another encoder than %s", foreign);
  g_free (foreign);
  return !matters;
}

gboolean
gst_supcon_classifier_check_length (GstSupconClassifier * self,
    GError ** error)
{
  /* One may have it by chance. */
  if (self->told_length || self->unit_lengths < 2)
    return TRUE;
  self->told_length = TRUE;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
      "The frames' embeddings have length 1, but the classifier in '%s' was "
      "trained on embeddings as they are, so that its confidences are wrong; "
      "expected normalize=false at supconencoder",
      gst_supcon_model_source_name (self->source));
  return FALSE;
}

static gboolean
classify_linear (GstSupconClassifier * self, const gfloat * embedding,
    guint dim, const gchar * layer, GError ** error)
{
  const gchar *name = gst_supcon_model_source_name (self->source);
  const SupconModel *model;
  guint expected;
  gfloat *p;

  g_array_set_size (self->probabilities, 0);
  if (!self->snapshot)
    return TRUE;
  model = self->snapshot->model;
  expected = supcon_model_embedding_dim (model);
  if (layer && strcmp (layer, "embedding") != 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "the frames carry layer '%s', but the classifier of '%s' takes layer "
        "'embedding': set it on supconencoder", layer, name);
    return FALSE;
  }
  if (dim != expected) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "the frame's embedding has %u numbers, but the classifier of '%s' takes "
        "%u: supconencoder must use the same checkpoint", dim, name, expected);
    return FALSE;
  }
  g_array_set_size (self->probabilities, supcon_model_n_classes (model));
  p = (gfloat *) self->probabilities->data;
  self->unit_lengths =
      fabs (supcon_real_length (embedding, dim) - 1) < 5e-6
      ? self->unit_lengths + 1 : 0;
  supcon_model_classify (model, embedding, 1, p);
  supcon_calibrated_softmax (p, 1, self->probabilities->len,
      self->snapshot->temperature, p);
  return TRUE;
}

static gboolean
classify_examples (GstSupconClassifier * self, const gfloat * embedding,
    guint dim, GError ** error)
{
  const SupconExamples *examples = gst_supcon_memory_examples (self->memory);
  gfloat *p;

  if (!gst_supcon_memory_check_dim (self->memory, dim, error)) {
    g_prefix_error (error, "method=%s: ",
        self->method == GST_SUPCON_CLASSIFIER_KNN ? "knn" : "centroid");
    return FALSE;
  }
  g_array_set_size (self->last, 0);
  g_array_append_vals (self->last, embedding, dim);
  g_array_set_size (self->probabilities, 0);
  if (!examples || supcon_examples_is_empty (examples))
    return TRUE;
  g_array_set_size (self->probabilities,
      supcon_examples_n_classes (examples));
  p = (gfloat *) self->probabilities->data;
  if (self->method == GST_SUPCON_CLASSIFIER_KNN)
    supcon_examples_classify_knn (examples, embedding, self->neighbours,
        p);
  else
    supcon_examples_classify_centroid (examples, embedding, p);
  return TRUE;
}

static void
evaluate (GstSupconClassifier * self, const gchar * label)
{
  gint truth = supcon_labels_find (gst_supcon_classifier_labels (self), label);
  const SupconExamples *examples =
      self->memory ? gst_supcon_memory_examples (self->memory) : NULL;
  guint n = self->probabilities->len;

  /* A label that was only read from a checkpoint is not known by examples yet. */
  if (truth < 0 || (guint) truth >= n
      || (examples && !supcon_examples_count (examples, truth)))
    self->unknown_labels++;
  else
    supcon_evaluation_add (self->evaluation,
        (const gfloat *) self->probabilities->data, n, truth);
}

static gboolean
probe (GstSupconClassifier * self, const gfloat * embedding, guint dim,
    const gchar * label, GError ** error)
{
  if (self->probe && supcon_probe_dim (self->probe) != dim) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "the frame's embedding has %u numbers, but those of examples-location "
        "have %u: the same supconencoder must make both", dim,
        supcon_probe_dim (self->probe));
    return FALSE;
  }
  if (self->probe)
    supcon_probe_add (self->probe, embedding, label);
  return TRUE;
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
    const gchar * label, gboolean learning, gboolean time, gdouble smoothing,
    guint majority, const gfloat ** probabilities, guint * n, GError ** error)
{
  gboolean teaches = learning && !is_linear (self) && label;

  if (!(is_linear (self) ? classify_linear (self, embedding, dim, layer, error)
          : classify_examples (self, embedding, dim, error)))
    return FALSE;
  /* One number that is not finite makes all the probabilities so. */
  if (self->probabilities->len
      && !isfinite (g_array_index (self->probabilities, gfloat, 0)))
    return refuse_embedding (error);
  if (!teaches && time && self->probabilities->len)
    supcon_smoother_take (self->smoother, smoothing, majority,
        (gfloat *) self->probabilities->data, self->probabilities->len);
  if (label) {
    evaluate (self, label);
    if (!probe (self, embedding, dim, label, error))
      return FALSE;
  }
  if (teaches) {
    if (!gst_supcon_classifier_learn (self, label, error))
      return FALSE;
    g_array_set_size (self->probabilities, 0);
  }
  *probabilities = (const gfloat *) self->probabilities->data;
  *n = self->probabilities->len;
  return TRUE;
}

void
gst_supcon_classifier_forget_frames (GstSupconClassifier * self)
{
  supcon_smoother_reset (self->smoother);
}

static gboolean
check_teachable (GstSupconClassifier * self, GError ** error)
{
  if (!is_linear (self))
    return TRUE;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
      "method=linear cannot be taught by examples, a supcontrainer trains it; "
      "use method=centroid or knn");
  return FALSE;
}

/* After a lesson: what was smoothed may be of classes that are others now. */
static void
forget_classes (GstSupconClassifier * self, const SupconExamples * before,
    gboolean changed)
{
  if (changed || gst_supcon_memory_examples (self->memory) != before)
    supcon_smoother_reset (self->smoother);
}

gboolean
gst_supcon_classifier_learn (GstSupconClassifier * self, const gchar * label,
    GError ** error)
{
  const SupconExamples *before;
  gboolean done;

  if (!check_teachable (self, error))
    return FALSE;
  if (!self->last->len) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "nothing to learn '%s' from: no frame has come yet", label);
    return FALSE;
  }
  before = gst_supcon_memory_examples (self->memory);
  done = gst_supcon_memory_learn (self->memory,
      (const gfloat *) self->last->data, self->encoder, label, error);
  forget_classes (self, before, FALSE);
  return done;
}

gboolean
gst_supcon_classifier_forget (GstSupconClassifier * self, const gchar * label,
    GError ** error)
{
  const SupconExamples *before;
  gboolean done;

  if (!check_teachable (self, error))
    return FALSE;
  before = gst_supcon_memory_examples (self->memory);
  done = gst_supcon_memory_forget (self->memory, label, error);
  forget_classes (self, before, done);
  return done;
}

gboolean
gst_supcon_classifier_rename (GstSupconClassifier * self, const gchar * from,
    const gchar * to, GError ** error)
{
  const SupconExamples *before;
  gboolean done, merged;

  if (!check_teachable (self, error))
    return FALSE;
  before = gst_supcon_memory_examples (self->memory);
  done = gst_supcon_memory_rename (self->memory, from, to, &merged, error);
  forget_classes (self, before, merged);
  return done;
}

gboolean
gst_supcon_classifier_save (GstSupconClassifier * self, GError ** error)
{
  return !self->memory || gst_supcon_memory_save (self->memory, error);
}

const SupconLabels *
gst_supcon_classifier_labels (GstSupconClassifier * self)
{
  return self->snapshot ? self->snapshot->labels : self->labels;
}

const SupconEvaluation *
gst_supcon_classifier_evaluation (GstSupconClassifier * self,
    guint64 * unknown_labels)
{
  SupconProbeResult result;

  if (self->probe) {
    result = supcon_probe_take (self->probe);
    supcon_evaluation_set_probe (self->evaluation, &result);
  }
  *unknown_labels = self->unknown_labels;
  return self->evaluation;
}

void
gst_supcon_classifier_reset_evaluation (GstSupconClassifier * self)
{
  supcon_evaluation_free (self->evaluation);
  self->evaluation = supcon_evaluation_new ();
  if (self->probe)
    supcon_probe_take (self->probe);
  self->unknown_labels = 0;
}
