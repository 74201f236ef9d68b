/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * A training under way: the model, its optimiser, and what is due after a step: messages, copies for others, validations
 * and checkpoints. One thread at a time.
 */
#ifndef GST_SUPCON_TRAINER_SESSION_H
#define GST_SUPCON_TRAINER_SESSION_H

#include <gst/gst.h>

#include "gstsupcontrainerstart.h"

G_BEGIN_DECLS

typedef struct _GstSupconTrainerSession GstSupconTrainerSession;

/**
 * Goes on from start, whose model, labels and queues it takes; its locks stay with it. job is borrowed; messages are posted
 * in element's name. NULL: the job's files cannot be written (SUPCON_ERROR_WRITE), or its model's name is another's
 * (SUPCON_ERROR_SETTINGS).
 */
GstSupconTrainerSession *gst_supcon_trainer_session_new (GstElement * element,
    const GstSupconTrainerJob * job, GstSupconTrainerStart * start,
    GError ** error);
void gst_supcon_trainer_session_free (GstSupconTrainerSession * session);

/** Learns the names that labels has more: those of the next batches. */
void gst_supcon_trainer_session_add_labels (GstSupconTrainerSession * session,
    const SupconLabels * labels);

/** One step on batch, by which 'frames' of the stream are used up. FALSE: an error was posted. */
gboolean gst_supcon_trainer_session_train (GstSupconTrainerSession * session,
    SupconBatch * batch, guint64 frames, SupconTrainStats * stats);
/** Then what is due after it. dropped: frames so far. FALSE: the training is at its end, and an error was posted. */
gboolean gst_supcon_trainer_session_follow_up (GstSupconTrainerSession *
    session, const SupconBatch * batch, const SupconTrainStats * stats,
    guint64 dropped);

/** Whether it has got no better for so many validations that it is to end. */
gboolean gst_supcon_trainer_session_is_enough (const GstSupconTrainerSession *
    session);

/** At the end of the stream: what others have, the last validation and the file are brought up to date. ERROR was posted;
 * FLUSHING: the validation was cut short. */
GstFlowReturn gst_supcon_trainer_session_finish (GstSupconTrainerSession *
    session);
/** At any time: writes what no checkpoint holds yet. An error is posted, unless finish did. */
void gst_supcon_trainer_session_save (GstSupconTrainerSession * session);

G_END_DECLS
#endif
