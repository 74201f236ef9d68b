/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What the files of the trainer share. Private to core/train. */
#ifndef SUPCON_TRAIN_TRAINER_PRIVATE_H
#define SUPCON_TRAIN_TRAINER_PRIVATE_H

#include "nn/workspace.h"
#include "train/calibrate.h"
#include "train/trainer.h"

struct _SupconTrainer {
  SupconModel *model;
  SupconTrainerConfig config;
  guint64 step;
  guint first_learnt; /* the encoder's tensors before it are frozen */

  guint capacity, classes;                /* what the buffers below have room for: views, and classes of each */
  SupconReal *r, *dr;                     /* views x embedding dim */
  SupconReal *z, *dz;                     /* (views and past ones, views) x projection dim; contrastive */
  SupconReal *logits, *dlogits, *targets; /* views x classes */
  SupconReal *running;                    /* a copy of the running statistics */
  gboolean in_pieces;                     /* the last batch was encoded in several */
  SupconWorkspace workspace;              /* of the loss, of the update */

  SupconQueue *calibration; /* the logits that temperature is fitted to; NULL before the first */
  double temperature;       /* fitted to them after fitted_step steps */
  guint64 fitted_step;      /* 0: never */

  guint collapsed_steps;
  SupconQueue *queue; /* or NULL */
  gint32 *labels;     /* of the views and the past ones, with a queue */
  guint64 *samples;
};

/** How many of the encoder's tensors, in the order of its layers, end with those of layer freeze; 0: NULL or no layer.
 */
guint supcon_trainer_count_frozen (SupconModel *model, const char *freeze);

/** Makes room for n views and, where there is a classifier or a target, for classes. */
void supcon_trainer_reserve (SupconTrainer *trainer, guint n, guint classes);

/**
 * The training pass over a batch: r, and z in the contrastive stage, piece by piece. Nothing of it is kept when there
 * is more than one piece, so memory does not grow with the batch.
 */
void supcon_trainer_encode (SupconTrainer *trainer, const SupconBatch *batch);
/** Adds to the model's gradients those of a loss with gradient dz (contrastive stage) or dr, encoding pieces once more.
 */
void supcon_trainer_backpropagate (SupconTrainer *trainer, const SupconBatch *batch);
/** z of the averaged weights into the trainer's; the weights are untouched. */
void supcon_trainer_encode_by_average (SupconTrainer *trainer, const SupconBatch *batch);

/** One step of the stage. */
gboolean supcon_trainer_contrastive_step (
    SupconTrainer *trainer, SupconBatch *batch, SupconTrainStats *stats, GError **error);
gboolean supcon_trainer_classifier_step (
    SupconTrainer *trainer, SupconBatch *batch, SupconTrainStats *stats, GError **error);
gboolean supcon_trainer_regression_step (
    SupconTrainer *trainer, const SupconBatch *batch, SupconTrainStats *stats, GError **error);

/** The batch's targets, or NULL where each view has its one label; a teacher labels those that have none. */
const SupconReal *supcon_trainer_targets (SupconTrainer *trainer, SupconBatch *batch, guint classes);

/**
 * Moves the trained tensors by their gradients and counts the step; fills step, learning_rate and gradient_norm of
 * stats, whose loss is known. FALSE, SUPCON_ERROR_NUMERIC, when loss, gradient or a running statistic is not finite; no
 * weight has moved then.
 */
gboolean supcon_trainer_update (SupconTrainer *trainer, SupconTrainStats *stats, GError **error);

#endif
