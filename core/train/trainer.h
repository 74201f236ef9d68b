/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The two stages of training, a batch at a time.
 *
 * contrastive: encoder and projection head by a supervised contrastive loss. linear: the classifier by cross-entropy on
 * the embeddings of the frozen encoder (paper, section 3.1).
 */
#ifndef SUPCON_TRAIN_TRAINER_H
#define SUPCON_TRAIN_TRAINER_H

#include "loss/supcon.h"
#include "model/model.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/batch.h"

typedef enum { SUPCON_STAGE_CONTRASTIVE, SUPCON_STAGE_LINEAR } SupconStage;

typedef struct {
  SupconStage stage;
  SupconLossConfig loss; /* contrastive */
  SupconOptimizer optimizer;
  gboolean decay_all; /* weight decay on biases and BatchNorm too */
  SupconSchedule schedule;
  double clip_norm;     /* longest gradient of all trained tensors together, longer ones are shortened to it; 0: none */
  double average_decay; /* weights' running average, average = average_decay average + (1 - average_decay) weights after
                           each step, which checkpoints give as the model; 0: none */
} SupconTrainerConfig;

/**
 * The learning rate that trains without tuning, for batches of batch_size views: contrastive 0.1 sqrt (batch_size /
 * 256), at most 0.2, since larger ones collapse the embeddings whatever the batch; linear sqrt (batch_size / 256).
 * Found on Fashion-MNIST with SGD. Adam, AdamW and RMSProp: 0.001; LARS: 0.3 batch_size / 256, as SimCLR.
 */
double supcon_trainer_default_learning_rate (SupconStage stage, SupconOptimizerKind optimizer, guint batch_size);

/** Linear scaling (Goyal et al. 2017): learning_rate is that of 256 views. */
double supcon_trainer_scaled_learning_rate (double learning_rate, guint batch_size);

typedef struct {
  guint64 step; /* steps done, this one included */
  double loss, learning_rate;
  double gradient_norm;
  double positives_per_anchor; /* contrastive: mean |P(i)| */
  guint anchors;               /* contrastive: anchors with a positive. linear: labelled views */
  guint correct;               /* linear: views classified rightly */
  double spread;               /* contrastive: 1 - |mean of z|^2, 0 when all embeddings are one point */
  gboolean collapsed;          /* loss within a hair of log(n - 1) and spread near 0 for many steps in a row */
} SupconTrainStats;

typedef struct _SupconTrainer SupconTrainer;

/** model is borrowed and must outlive the trainer. first_step: steps that were done before (resuming). */
SupconTrainer *supcon_trainer_new (SupconModel *model, const SupconTrainerConfig *config, guint64 first_step);
void supcon_trainer_free (SupconTrainer *trainer);
guint64 supcon_trainer_step_count (const SupconTrainer *trainer);

/**
 * One optimiser step on batch. In the linear stage the model must have as many classes as the largest label asks. On a
 * loss or gradient that is not finite: FALSE, SUPCON_ERROR_NUMERIC naming the step, and the weights are as before the
 * step.
 */
gboolean supcon_trainer_step (
    SupconTrainer *trainer, const SupconBatch *batch, SupconTrainStats *stats, GError **error);

#endif
