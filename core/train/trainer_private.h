/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What the files of the trainer share. Private to core/train. */
#ifndef SUPCON_TRAIN_TRAINER_PRIVATE_H
#define SUPCON_TRAIN_TRAINER_PRIVATE_H

#include "train/trainer.h"

struct _SupconTrainer {
  SupconModel *model;
  SupconTrainerConfig config;
  guint64 step;
  guint collapsed_steps;
  guint capacity; /* rows that the buffers below have room for */
  gsize width;    /* elements of a row */
  SupconReal *dz; /* gradient by z or by the logits */
  SupconReal *r, *logits;
};

/**
 * Moves the trained tensors by their gradients and counts the step; fills step, learning_rate and gradient_norm of
 * stats, whose loss is known. FALSE, SUPCON_ERROR_NUMERIC, when loss or gradient is not finite; nothing has moved then.
 */
gboolean supcon_trainer_update (SupconTrainer *trainer, SupconTrainStats *stats, GError **error);

#endif
