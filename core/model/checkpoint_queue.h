/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * A queue of past embeddings in a checkpoint: queue.labels and queue.samples (I64) before all floats, queue.embeddings
 * (F32, n x projection dim) after them, oldest first. Private to core/model.
 */
#ifndef SUPCON_MODEL_CHECKPOINT_QUEUE_H
#define SUPCON_MODEL_CHECKPOINT_QUEUE_H

#include "loss/queue.h"
#include "model/safetensors.h"

#define SUPCON_CHECKPOINT_QUEUE "queue."

/** Nothing happens for a queue that is NULL or empty. Declaring and writing go in the same order. */
void supcon_checkpoint_queue_add_integers (SupconSafetensorsWriter *writer, const SupconQueue *queue);
void supcon_checkpoint_queue_add_embeddings (SupconSafetensorsWriter *writer, const SupconQueue *queue);
/** Labels from n_labels on, which the file does not name, become unlabelled. */
void supcon_checkpoint_queue_write_integers (SupconSafetensorsWriter *writer, const SupconQueue *queue, guint n_labels);
void supcon_checkpoint_queue_write_embeddings (SupconSafetensorsWriter *writer, const SupconQueue *queue);

/** queue: the file's, NULL when it has none. FALSE: what is there is not a queue of dim numbers and n_labels labels. */
gboolean supcon_checkpoint_queue_read (
    const SupconSafetensors *file, guint dim, guint n_labels, SupconQueue **queue, GError **error);

#endif
