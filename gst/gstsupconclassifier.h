/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * What supcontagger knows: the classes, what turns an embedding into their probabilities, and how right that was.
 * One thread at a time.
 */
#ifndef GST_SUPCON_CLASSIFIER_H
#define GST_SUPCON_CLASSIFIER_H

#include <gst/gst.h>

#include "labels.h"
#include "train/evaluate.h"

G_BEGIN_DECLS

typedef enum
{
  GST_SUPCON_CLASSIFIER_LINEAR,
  GST_SUPCON_CLASSIFIER_CENTROID
} GstSupconClassifierMethod;

typedef struct _GstSupconClassifier GstSupconClassifier;

/**
 * location: checkpoint with a classifier for linear; for centroid NULL, or a checkpoint whose labels come first, so that
 * classes have the numbers that they have there.
 */
GstSupconClassifier *gst_supcon_classifier_new (GstSupconClassifierMethod method, const gchar * location,
    GError ** error);
void gst_supcon_classifier_free (GstSupconClassifier * classifier);

/**
 * Takes in a frame's embedding (dim numbers of layer, which may be NULL), counting it when label (may be NULL) is its
 * true one. With centroid it is then learnt from, and has no probabilities of its own.
 * probabilities: *n of them, valid until the next call. *n is 0 where there is nothing to say. smoothing: the weight of
 * the frames before.
 */
gboolean gst_supcon_classifier_take (GstSupconClassifier * classifier, const gfloat * embedding, guint dim,
    const gchar * layer, const gchar * label, gdouble smoothing, const gfloat ** probabilities, guint * n,
    GError ** error);
/** The next frame has nothing to do with those before it. */
void gst_supcon_classifier_forget_frames (GstSupconClassifier * classifier);

const SupconLabels *gst_supcon_classifier_labels (GstSupconClassifier * classifier);
/** Of the labelled frames since the last reset. unknown_labels: those whose label is no known class. */
const SupconEvaluation *gst_supcon_classifier_evaluation (GstSupconClassifier * classifier,
    guint64 * unknown_labels);
void gst_supcon_classifier_reset_evaluation (GstSupconClassifier * classifier);

G_END_DECLS
#endif
