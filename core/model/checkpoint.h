/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Checkpoints: safetensors files that hold a model and what is needed to go on training it.
 *
 * __metadata__: format "gst-supcon", version, encoder, stem, width, input-width, input-height, mean, std, projection,
 * projection-dim, projection-hidden, labels (a JSON array of strings in class order), stage, step, frames, batch-size,
 * optimizer, temperature, best-accuracy, worse-validations.
 * Tensors: the model's under torchvision's names, "optimizer.momentum." + name for momenta, "optimizer.square." for
 * means of squared gradients; num_batches_tracked, for PyTorch, which is passed over here; queue.embeddings,
 * queue.labels, queue.samples of a queue of past embeddings and calibration.logits, calibration.labels,
 * calibration.samples of the pictures that temperature is fitted to, oldest first. When averages of the weights are
 * kept, they are what has the names, and the weights that training goes on with are "optimizer.weight." + name.
 */
#ifndef SUPCON_MODEL_CHECKPOINT_H
#define SUPCON_MODEL_CHECKPOINT_H

#include "labels.h"
#include "loss/queue.h"
#include "model/model.h"

/** What a checkpoint knows beside the model. */
typedef struct {
  SupconLabels *labels; /* class order; owned */
  char stage[16];       /* stage that wrote it, "" for a foreign file */
  guint64 step;         /* optimiser steps of that stage */
  char optimizer[16];   /* whose momenta these are, "" when it is not said */
  SupconQueue *queue;   /* past embeddings to go on with, NULL: none; owned and the oldest first when loaded */
  SupconQueue *logits;  /* of the last pictures, which temperature is fitted to; as queue */
  double temperature;   /* divides the classifier's logits before the softmax; 0 or not there when saved: 1 when read */
  gboolean validated;   /* at least once */
  double best_accuracy; /* of the best validation so far */
  guint worse;          /* validations since then */
  guint64 frames;       /* of its stream, that these steps have used up: where resuming begins */
  guint batch_size;     /* frames of each of these steps, 0 when it is not said */
} SupconCheckpointInfo;

void supcon_checkpoint_info_clear (SupconCheckpointInfo *info);

/**
 * Writes model (and momenta when training is enabled) with info to location: temporary file beside it, fsync, rename.
 * The old file stays whole when anything fails. SUPCON_ERROR_WRITE; SUPCON_ERROR_NUMERIC: a number is not finite, and
 * SUPCON_ERROR_SETTINGS: the labels do not fit, since load would refuse such a file.
 */
gboolean supcon_checkpoint_save (
    const char *location, SupconModel *model, const SupconCheckpointInfo *info, GError **error);

/**
 * Tells whether location can be written, without touching what is there; temporary files beside it that killed writers
 * left are removed. SUPCON_ERROR_WRITE names why not.
 */
gboolean supcon_checkpoint_check_writable (const char *location, GError **error);

/** Tells whether there is room at location for a checkpoint of model without queues, likewise. SUPCON_ERROR_WRITE. */
gboolean supcon_checkpoint_check_room (const char *location, SupconModel *model, GError **error);

/**
 * The right to write location, which one holder has at a time among all that ask for it on this machine; who dies loses
 * it. SUPCON_ERROR_SETTINGS: somebody has it; SUPCON_ERROR_WRITE: the file beside it that says so cannot be made.
 */
typedef struct _SupconCheckpointLock SupconCheckpointLock;

SupconCheckpointLock *supcon_checkpoint_lock_new (const char *location, GError **error);
/** The same, once location can be written: two that write one file would leave what the slower one has, and neither
 * would know. What supcon_checkpoint_check_writable says, or as above. */
SupconCheckpointLock *supcon_checkpoint_claim (const char *location, GError **error);
void supcon_checkpoint_lock_free (SupconCheckpointLock *lock);

/**
 * Gives the checkpoint at location, of that step, a second name that later ones leave: m.safetensors becomes
 * m.step-500.safetensors too, where links lead. Only the newest 'keep' > 0 such files of location are left.
 * SUPCON_ERROR_WRITE.
 */
gboolean supcon_checkpoint_keep (const char *location, guint64 step, guint keep, GError **error);

/**
 * What a training that begins anew is about to replace at location: step is that of the checkpoint that is there, 0
 * where there is none (no file, or an empty one). SUPCON_ERROR_FORMAT: a file that is no checkpoint, which nobody meant
 * to give up.
 */
gboolean supcon_checkpoint_check_replaced (const char *location, guint64 *step, GError **error);

/** Whether two names (NULL: none) are of one file: the same name, though nothing is there yet, or links to the same. */
gboolean supcon_checkpoint_is_same_file (const char *a, const char *b);

/**
 * As supcon_checkpoint_keep for such a checkpoint (or an index, by its entries), for good: m.replaced-500.safetensors
 * or, where another file has that name, m.replaced-500-2.safetensors and so on. kept: its path, g_free(); or NULL.
 */
gboolean supcon_checkpoint_keep_replaced (const char *location, guint64 step, char **kept, GError **error);

/**
 * Reads a checkpoint into a new model (training enabled when momenta are there). Of a file with averages, data is the
 * averages and average is the weights to go on with: see supcon_model_swap_average. Everything is validated against the
 * file's size and the model's shapes before memory is taken by it. fallback: the configuration for a file without our
 * metadata (torchvision's or timm's tensors; an "fc." head becomes the classifier), or NULL to refuse such a file.
 * info: filled, to be cleared; empty on an error. SUPCON_ERROR_NOT_FOUND, _READ, _FORMAT, or _SETTINGS: refused, or no
 * such model. Errors name the tensor or key, what was found and what was expected.
 */
SupconModel *supcon_checkpoint_load (
    const char *location, const SupconModelConfig *fallback, SupconCheckpointInfo *info, GError **error);

#endif
