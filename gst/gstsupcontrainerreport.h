/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * What supcontrainer says while it trains: element messages, lines of progress and of the metrics file, and warnings.
 * One thread at a time.
 */
#ifndef GST_SUPCON_TRAINER_REPORT_H
#define GST_SUPCON_TRAINER_REPORT_H

#include <gst/gst.h>

#include "gstsupcontextfile.h"
#include "gstsupcontrainerjob.h"

G_BEGIN_DECLS

typedef struct _GstSupconTrainerReport GstSupconTrainerReport;

/** In the name of element. job is borrowed. first_step: steps that were done before. */
GstSupconTrainerReport *gst_supcon_trainer_report_new (GstElement * element,
    const GstSupconTrainerJob * job, guint64 first_step);
/** report may be NULL. */
void gst_supcon_trainer_report_free (GstSupconTrainerReport * report);

/** Opens the job's metrics file; NULL: it names none. SUPCON_ERROR_WRITE. */
gboolean gst_supcon_trainer_report_open_metrics (GstSupconTrainerReport *
    report, const GstSupconTextFile * file, GError ** error);

/** The time runs from here on. */
void gst_supcon_trainer_report_begin (GstSupconTrainerReport * report);
/**
 * A step is done, on batch. dropped: frames so far. only_label: of all of batch, NULL when it has several or none.
 */
void gst_supcon_trainer_report_step (GstSupconTrainerReport * report,
    const SupconTrainStats * stats, const SupconBatch * batch,
    const gchar * only_label, guint64 dropped);
void gst_supcon_trainer_report_validation (GstSupconTrainerReport * report,
    guint64 step, const SupconValidation * validation, gboolean best);
/** The frames that step is judged by are not all: n have come so far. */
void gst_supcon_trainer_report_unfinished_validation (GstSupconTrainerReport *
    report, guint64 step, guint n);
void gst_supcon_trainer_report_checkpoint (GstSupconTrainerReport * report,
    const gchar * location, guint64 step);

/** A checkpoint was not written, and training goes on without it: told at once, and each minute as long as none is;
 * again: what the next one of tries again. Takes error. */
void gst_supcon_trainer_report_not_written (GstSupconTrainerReport * report,
    GError * error, const gchar * again);
/** An older checkpoint was not kept. Takes error. */
void gst_supcon_trainer_report_not_kept (GstSupconTrainerReport * report,
    GError * error);

/** Ends a line of progress that is redrawn, so that another line may follow. */
void gst_supcon_trainer_report_end_line (GstSupconTrainerReport * report);
/** The stream has ended: what would have been said later is said now. */
void gst_supcon_trainer_report_finish (GstSupconTrainerReport * report);

G_END_DECLS
#endif
