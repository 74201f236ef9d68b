/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Frames on their way through a model: they wait, are encoded all at once, and leave with their embeddings in their order. */
#ifndef GST_SUPCON_BATCH_H
#define GST_SUPCON_BATCH_H

#include "gstsupconinference.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct _GstSupconBatch GstSupconBatch;

/** inference: not owned; it outlives the batch. layer: what the embeddings are said to be. */
GstSupconBatch *gst_supcon_batch_new (GstSupconInference * inference,
    const gchar * layer);
void gst_supcon_batch_free (GstSupconBatch * batch);

/** What the batch does with a frame. */
typedef enum
{
  GST_SUPCON_BATCH_CARRY,       /* it carries on what the frame encoded before it had */
  GST_SUPCON_BATCH_ENCODE,      /* it is encoded whole */
  GST_SUPCON_BATCH_REGIONS      /* each of its regions of interest is, in place of the whole; without any, the whole */
} GstSupconBatchTask;

/**
 * Takes a frame, the last so far, whose caps info describes. FALSE: it cannot be read, and is dropped. skipped: adds to it
 * how many regions lie outside the frame; those that stick out are cut. Unless task is CARRY there is a model.
 */
gboolean gst_supcon_batch_add (GstSupconBatch * batch, GstBuffer * frame,
    const GstVideoInfo * info, GstSupconBatchTask task, guint64 * skipped);
/** Frames that wait. */
guint gst_supcon_batch_waiting (const GstSupconBatch * batch);
/** When the first of them came (monotonic time, microseconds). */
gint64 gst_supcon_batch_since (const GstSupconBatch * batch);

/** Encodes the frames that wait. normalize: to unit length. */
void gst_supcon_batch_run (GstSupconBatch * batch, gboolean normalize);
/**
 * The first frame that was run and not taken yet (transfer full), or NULL. A frame between two that are encoded has the
 * embedding of the one before it, and each of its regions that of the region before that covers most of it.
 */
GstBuffer *gst_supcon_batch_take (GstSupconBatch * batch);

/** Drops all frames, and what the next one could carry on. */
void gst_supcon_batch_flush (GstSupconBatch * batch);

G_END_DECLS
#endif
