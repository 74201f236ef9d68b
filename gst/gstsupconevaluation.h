/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A SupconEvaluation as elements report it. */
#ifndef GST_SUPCON_EVALUATION_H
#define GST_SUPCON_EVALUATION_H

#include <gst/gst.h>

#include "gstsupcontextfile.h"
#include "labels.h"
#include "train/evaluate.h"

G_BEGIN_DECLS

/** What is to be told of an evaluation, while it may go on. */
typedef struct _GstSupconEvaluationReport GstSupconEvaluationReport;

/** NULL: nothing was counted. labels: at least as many as evaluation has classes. */
GstSupconEvaluationReport *gst_supcon_evaluation_report_new (const SupconEvaluation * evaluation,
    const SupconLabels * labels, guint64 unknown_labels);

/**
 * Posts the element message supcon-evaluation { count uint64, top1, top5, ece, nll, brier double, labels GstValueArray of string,
 * confusion GstValueArray (a row for each true class) of GstValueArray of uint64, unknown-labels uint64; with a probe also examples
 * uint64, knn-1, knn-20, knn-200, centroid double }; writes it to file as JSON, unless that is NULL; with print prints
 * it for people to read. Takes report.
 */
void gst_supcon_evaluation_report_give (GstSupconEvaluationReport * report, GstElement * element, gboolean print,
    const GstSupconTextFile * file);

G_END_DECLS
#endif
