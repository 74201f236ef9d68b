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
  GST_SUPCON_CLASSIFIER_CENTROID,
  GST_SUPCON_CLASSIFIER_KNN
} GstSupconClassifierMethod;

typedef struct
{
  GstSupconClassifierMethod method;
  guint neighbours;             /* knn: that vote */
  const gchar *name;            /* linear: of a shared model; NULL: none */
  const gchar *location;        /* linear: checkpoint with a classifier. Others: NULL, or a checkpoint whose labels come
                                   first, so that classes have the numbers that they have there */
  gboolean watch;               /* linear: read location again when it is replaced */
  const gchar *examples_location;       /* index to judge embeddings by beside the method; NULL: none */
  const gchar *memory_location; /* others: file of the examples, read now if it is there; NULL: none */
  gboolean learning;            /* others: frames will be examples; the right to write the file is held from now on,
                                   else from the first lesson on */
} GstSupconClassifierConfig;

typedef struct _GstSupconClassifier GstSupconClassifier;

/** config's strings are copied. */
GstSupconClassifier *gst_supcon_classifier_new (const GstSupconClassifierConfig
    * config, GError ** error);
void gst_supcon_classifier_free (GstSupconClassifier * classifier);

/**
 * Goes over to the newest model, if there is one. FALSE: it is of no use, and the one before stays. relabelled: whether its
 * classes are other ones than those before, or in another order; what was counted is forgotten then, and what was smoothed
 * is the caller's to forget.
 */
gboolean gst_supcon_classifier_update (GstSupconClassifier * classifier,
    gboolean * relabelled, GError ** error);
/**
 * Says which encoder made the frames that are taken from now on (its fingerprint, 0: not known). FALSE, once for each model:
 * it is another one than that of what they are compared with; where files are watched, for a while already.
 * SUPCON_ERROR_SETTINGS.
 */
gboolean gst_supcon_classifier_check_encoder (GstSupconClassifier * classifier,
    guint64 fingerprint, GError ** error);

/**
 * Takes in an embedding (dim numbers of layer, which may be NULL), counting it when label (may be NULL) is its true one.
 * With learning, centroid and knn then learn from it, and it has no probabilities of its own.
 * probabilities: *n of them, valid until the next call. *n is 0 where there is nothing to say.
 * time: smooths over the frames before, by smoothing and majority; FALSE: there are none before it, as for regions.
 */
gboolean gst_supcon_classifier_take (GstSupconClassifier * classifier,
    const gfloat * embedding, guint dim, const gchar * layer,
    const gchar * label, gboolean learning, gboolean time, gdouble smoothing,
    guint majority, const gfloat ** probabilities, guint * n, GError ** error);
/** Of what was taken. FALSE, once: it is scaled to length 1, but goes to a linear classifier. SUPCON_ERROR_SETTINGS. */
gboolean gst_supcon_classifier_check_length (GstSupconClassifier * classifier,
    GError ** error);
/** The next frame has nothing to do with those before it. */
void gst_supcon_classifier_forget_frames (GstSupconClassifier * classifier);

/** What was taken last is an example of label. FALSE: nothing was taken yet, it is not a method of examples, or what
 * gst_supcon_memory_learn says. */
gboolean gst_supcon_classifier_learn (GstSupconClassifier * classifier,
    const gchar * label, GError ** error);
/** FALSE: there is no example of it. */
gboolean gst_supcon_classifier_forget (GstSupconClassifier * classifier,
    const gchar * label, GError ** error);
/** What was of class from is of class to, which may be there already. FALSE: there is no class from. */
gboolean gst_supcon_classifier_rename (GstSupconClassifier * classifier,
    const gchar * from, const gchar * to, GError ** error);
/** As gst_supcon_memory_save. */
gboolean gst_supcon_classifier_save (GstSupconClassifier * classifier,
    GError ** error);

const SupconLabels *gst_supcon_classifier_labels (GstSupconClassifier * classifier);
/** Of the labelled frames since the last reset. unknown_labels: those whose label is no known class. */
const SupconEvaluation *gst_supcon_classifier_evaluation (GstSupconClassifier * classifier,
    guint64 * unknown_labels);
void gst_supcon_classifier_reset_evaluation (GstSupconClassifier * classifier);

G_END_DECLS
#endif
