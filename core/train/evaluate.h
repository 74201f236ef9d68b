/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Measures of classification on labelled pictures. */
#ifndef SUPCON_TRAIN_EVALUATE_H
#define SUPCON_TRAIN_EVALUATE_H

#include "labels.h"
#include "train/probe.h"

#define SUPCON_ECE_BINS 15

typedef struct _SupconEvaluation SupconEvaluation;

SupconEvaluation *supcon_evaluation_new (void);
void supcon_evaluation_free (SupconEvaluation *evaluation);
/** Counts one picture: probabilities (n_classes, sum 1), true class (< n_classes). Classes may grow between calls. */
void supcon_evaluation_add (SupconEvaluation *evaluation, const float *probabilities, guint n_classes, guint truth);
guint64 supcon_evaluation_count (const SupconEvaluation *evaluation);
guint supcon_evaluation_n_classes (const SupconEvaluation *evaluation);
/** Share of pictures whose true class is among the k most probable, in [0, 1]. k = 1 or 5. */
double supcon_evaluation_top1 (const SupconEvaluation *evaluation);
double supcon_evaluation_top5 (const SupconEvaluation *evaluation);
/** Expected calibration error over 15 bins of equal width (Guo et al. 2017), in [0, 1]. */
double supcon_evaluation_ece (const SupconEvaluation *evaluation);
/** Mean negative log likelihood, nats (probabilities clipped at 1e-12). */
double supcon_evaluation_nll (const SupconEvaluation *evaluation);
/** Mean squared distance between probabilities and the true class's 1 among 0s (Brier 1950), in [0, 2]. */
double supcon_evaluation_brier (const SupconEvaluation *evaluation);
/** Pictures of class truth that were taken for class predicted. */
guint64 supcon_evaluation_confusion (const SupconEvaluation *evaluation, guint truth, guint predicted);

/** The pictures with a confidence (the largest probability) in (bin / 15, (bin + 1) / 15]; means are 0 without any. */
typedef struct {
  guint64 count;
  double confidence, accuracy;
} SupconReliability;

SupconReliability supcon_evaluation_reliability (const SupconEvaluation *evaluation, guint bin);

/** What a probe found on the same pictures, to be told with the rest; until then there is nothing of it. */
void supcon_evaluation_set_probe (SupconEvaluation *evaluation, const SupconProbeResult *result);
/** NULL: there is none. */
const SupconProbeResult *supcon_evaluation_probe (const SupconEvaluation *evaluation);

/**
 * All of it as one JSON object: count, top1, top5, ece, nll, brier, unknown-labels (as given: pictures with a label
 * that the model does not know), labels, accuracy (of each class, null without pictures), confusion (a row a true
 * class), reliability (an object with count, confidence, accuracy for each bin), probe (only where it was set: an
 * object with count, examples, knn-1, knn-20, knn-200, centroid). labels: at least as many as evaluation has classes.
 * Free with g_free().
 */
char *supcon_evaluation_to_json (
    const SupconEvaluation *evaluation, const SupconLabels *labels, guint64 unknown_labels);

#endif
