/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Queues in a checkpoint: of past embeddings, and of the classifier's last logits. Labels and samples (I64) come before
 * all floats, rows (F32) after them, oldest first. Private to core/model.
 */
#ifndef SUPCON_MODEL_CHECKPOINT_QUEUE_H
#define SUPCON_MODEL_CHECKPOINT_QUEUE_H

#include "loss/queue.h"
#include "model/safetensors.h"

/** A queue's names in a file. */
typedef struct {
  const char *labels, *samples, *rows;
} SupconCheckpointQueue;

extern const SupconCheckpointQueue supcon_checkpoint_past, supcon_checkpoint_logits;

/** Whether tensor is one of the queue's. */
gboolean supcon_checkpoint_queue_has (const SupconCheckpointQueue *names, const char *tensor);

/** Nothing happens for a queue that is NULL or empty. Declaring and writing go in the same order. */
void supcon_checkpoint_queue_add_integers (
    const SupconCheckpointQueue *names, SupconSafetensorsWriter *writer, const SupconQueue *queue);
void supcon_checkpoint_queue_add_rows (
    const SupconCheckpointQueue *names, SupconSafetensorsWriter *writer, const SupconQueue *queue);
/** Labels from n_labels on, which the file does not name, become unlabelled. */
void supcon_checkpoint_queue_write_integers (SupconSafetensorsWriter *writer, const SupconQueue *queue, guint n_labels);
/** FALSE: a number is not finite. */
gboolean supcon_checkpoint_queue_write_rows (SupconSafetensorsWriter *writer, const SupconQueue *queue);

/** queue: the file's, NULL when it has none. FALSE: what is there is not a queue of dim numbers and n_labels labels. */
gboolean supcon_checkpoint_queue_read (const SupconCheckpointQueue *names, const SupconSafetensors *file, guint dim,
    guint n_labels, SupconQueue **queue, GError **error);

#endif
