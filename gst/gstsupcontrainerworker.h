/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * What trains behind supcontrainer: a thread of its own and two batches. One is filled by the streaming thread while
 * the other is trained; a full one waits until the thread has finished the other.
 */
#ifndef GST_SUPCON_TRAINER_WORKER_H
#define GST_SUPCON_TRAINER_WORKER_H

#include <gst/gst.h>

#include "gstsupcontrainerjob.h"
#include "gstsupcontrainerstart.h"

G_BEGIN_DECLS

typedef struct _GstSupconTrainerWorker GstSupconTrainerWorker;

/** The worker of element, which owns it; messages are posted in its name. */
GstSupconTrainerWorker *gst_supcon_trainer_worker_new (GstElement * element);
/** The worker is stopped. */
void gst_supcon_trainer_worker_free (GstSupconTrainerWorker * worker);

/**
 * Starts the thread. Borrows job's strings until stop. Takes start's model, labels and queues, not its locks; the labels may
 * be more than the model has classes.
 */
gboolean gst_supcon_trainer_worker_start (GstSupconTrainerWorker * worker,
    const GstSupconTrainerJob * job, GstSupconTrainerStart * start,
    GError ** error);
gboolean gst_supcon_trainer_worker_is_running (GstSupconTrainerWorker * worker);
/** Finishes the step that is under way, joins the thread and saves what no checkpoint holds yet. */
void gst_supcon_trainer_worker_stop (GstSupconTrainerWorker * worker);

/**
 * Adds a view of the model's input size. label: NULL for an unlabelled one. When both batches are in use it waits or
 * drops as the job says. FLUSHING: a wait was cut short, try again when allowed to. EOS: the last step is sure.
 */
GstFlowReturn gst_supcon_trainer_worker_push (GstSupconTrainerWorker * worker,
    const guint8 * pixels, gsize stride, guint channels, const gchar * label,
    guint64 sample);
/** The end of the stream: trains what waits and saves. FLUSHING as above; ERROR was posted. */
GstFlowReturn gst_supcon_trainer_worker_finish (GstSupconTrainerWorker * worker);
/** Forgets the frames that are not yet being trained. */
void gst_supcon_trainer_worker_flush (GstSupconTrainerWorker * worker);
/** While unlocked, no call waits. */
void gst_supcon_trainer_worker_set_unlocked (GstSupconTrainerWorker * worker,
    gboolean unlocked);

/** How far it is, or was when it stopped. */
void gst_supcon_trainer_worker_status (GstSupconTrainerWorker * worker,
    guint64 * step, guint64 * dropped, gdouble * loss);

G_END_DECLS
#endif
