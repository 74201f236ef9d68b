/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What supcontrainer begins with: a checkpoint that it goes on from or starts at, if there is one. */
#ifndef GST_SUPCON_TRAINER_START_H
#define GST_SUPCON_TRAINER_START_H

#include "gstsupcontextfile.h"
#include "gstsupcontrainersettings.h"
#include "model/checkpoint.h"

G_BEGIN_DECLS

/** Another training's file at a name that is to be written. */
typedef struct
{
  gboolean found;
  guint64 step;
  gboolean resumable;           /* resume=true would go on with it */
} GstSupconTrainerReplaced;

typedef struct
{
  SupconModel *model;           /* NULL: a new one is to be made */
  SupconLabels *labels;         /* of model and teacher */
  SupconTeacher *teacher;       /* or NULL */
  SupconQueue *past, *logits;   /* embeddings and logits to go on with, or NULL */
  gboolean resumed;             /* goes on with the file at location */
  gboolean only_added;          /* the first file's encoder and head stay in what is written, and it has no classifier */
  guint64 first_step, first_frame;      /* where resuming begins */
  guint batch_size;             /* of the steps before, 0: the file does not say */
  gboolean validated;           /* before */
  gdouble best_accuracy;        /* of the validations before */
  guint worse;                  /* validations since the best */
  GstSupconTrainerReplaced replaced, replaced_best;     /* at location and best-location */
  SupconCheckpointLock *lock, *best_lock;       /* nobody else may write these files meanwhile; NULL: none */
  GstSupconTextFile *metrics;   /* likewise */
} GstSupconTrainerStart;

/**
 * Reads what the settings name. FALSE: they are wrong, the checkpoint is not what they ask for, or another trainer
 * writes the same file (SUPCON_ERROR_SETTINGS, or what reading it said). start is to be cleared either way, when
 * the files are written for the last time.
 */
gboolean gst_supcon_trainer_start_load (GstSupconTrainerStart * start,
    const GstSupconTrainerSettings * settings, GError ** error);
void gst_supcon_trainer_start_clear (GstSupconTrainerStart * start);

G_END_DECLS
#endif
