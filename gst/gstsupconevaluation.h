/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A SupconEvaluation as elements report it. */
#ifndef GST_SUPCON_EVALUATION_H
#define GST_SUPCON_EVALUATION_H

#include <gst/gst.h>

#include "labels.h"
#include "train/evaluate.h"

G_BEGIN_DECLS

/**
 * supcon-evaluation { count uint64, top1, top5, ece, nll, brier double, labels GstValueArray of string, confusion GstValueArray
 * (a row for each true class) of GstValueArray of uint64, unknown-labels uint64; with a probe also examples uint64, knn-1, knn-20, knn-200,
 * centroid double }. labels: at least as many as evaluation
 * has classes.
 */
GstStructure * gst_supcon_evaluation_to_structure (const SupconEvaluation * evaluation, const SupconLabels * labels,
    guint64 unknown_labels);

/** The same for people to read. */
gchar * gst_supcon_evaluation_to_text (const SupconEvaluation * evaluation, const SupconLabels * labels,
    guint64 unknown_labels);

G_END_DECLS
#endif
