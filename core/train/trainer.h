/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The stages of training, a batch at a time.
 *
 * contrastive: encoder and projection head by a contrastive loss. linear: the classifier by cross-entropy on the
 * embeddings of the frozen encoder (paper, section 3). cross-entropy: encoder and classifier together, the baseline.
 * finetune: the same from a trained encoder. regression: a linear output on the frozen encoder by mean squared error,
 * labels being numbers.
 */
#ifndef SUPCON_TRAIN_TRAINER_H
#define SUPCON_TRAIN_TRAINER_H

#include "loss/queue.h"
#include "loss/signals.h"
#include "loss/supcon.h"
#include "model/model.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/batch.h"
#include "train/mix.h"
#include "train/teacher.h"

typedef enum {
  SUPCON_STAGE_CONTRASTIVE,
  SUPCON_STAGE_LINEAR,
  SUPCON_STAGE_CROSS_ENTROPY,
  SUPCON_STAGE_FINETUNE,
  SUPCON_STAGE_REGRESSION
} SupconStage;

/** contrastive, linear, cross-entropy, finetune, regression. */
const char *supcon_stage_name (SupconStage stage);
/** Whether the stage needs an encoder that was trained before. */
gboolean supcon_stage_needs_encoder (SupconStage stage);

typedef struct {
  SupconStage stage;
  SupconLossConfig loss; /* contrastive */
  SupconOptimizer optimizer;
  gboolean decay_all; /* weight decay on biases and BatchNorm too */
  SupconSchedule schedule;
  double clip_norm;     /* longest gradient of all trained tensors together, longer ones are shortened to it; 0: none */
  double average_decay; /* weights' running average, average = average_decay average + (1 - average_decay) weights after
                           each step, which checkpoints give as the model; 0: none */

  guint micro_batch;      /* views encoded at once, each piece with BatchNorm statistics of its own; 0: all */
  SupconMix mix;          /* generalised loss, cross-entropy, finetune */
  double label_smoothing; /* [0, 1): share of a target that is spread over all classes; as mix */
  SupconTeacher *teacher; /* whose probabilities are learnt from too; borrowed, NULL: nobody's; as mix */
  double teacher_weight;  /* [0, 1]: their share of a labelled view's target; of others they are all */
  double dropout;         /* [0, 1): of embeddings before the classifier; cross-entropy, finetune */

  double encoder_learning_rate; /* finetune: the encoder's own, with the schedule's course; 0: the same */
  const char
      *freeze; /* finetune: encoder's tensors up to and with this layer's ("layer2") do not learn; NULL: all do */

  gboolean online_linear;    /* contrastive: a linear classifier learns beside, by SGD, and the encoder not from it */
  guint queue_size;          /* contrastive: past embeddings that are contrasts too; 0: none */
  gboolean momentum_encoder; /* the queue is filled by the averaged weights; average_decay 0 is 0.999 then */
  gboolean held_out;         /* the classifier's temperature is fitted to supcon_trainer_hold_out()'s logits alone */
  guint report_interval;     /* steps between those to report on, the schedule's last is one too; 0: none */
  guint64 seed;              /* of mixing and dropout */
} SupconTrainerConfig;

/**
 * The learning rate that trains without tuning, for batches of batch_size views. SGD: contrastive and cross-entropy 0.2
 * sqrt (batch_size / 128), at most 0.2, finetune a third and regression a tenth of it, linear sqrt (batch_size / 256);
 * LARS: 4.8, finetune a third and regression a tenth of it; Adam and AdamW 0.004, RMSProp 0.001. Found on
 * Fashion-MNIST: docs/learning-rates.md has what was compared.
 */
double supcon_trainer_default_learning_rate (SupconStage stage, SupconOptimizerKind optimizer, guint batch_size);

/** Linear scaling (Goyal et al. 2017): learning_rate is that of 256 views. */
double supcon_trainer_scaled_learning_rate (double learning_rate, guint batch_size);

/** Whether a classifier is trained, which needs as many rows as there are labels. */
gboolean supcon_trainer_has_classes (const SupconTrainerConfig *config);

/** Whether a view without a label teaches anything. */
gboolean supcon_trainer_learns_unlabelled (const SupconTrainerConfig *config);

/**
 * What can be said against config for batches of batch_size views before there is any: SUPCON_ERROR_SETTINGS names the
 * settings, what they are and what was expected. model: what is to be trained, or NULL when it is not known yet.
 */
gboolean supcon_trainer_check (const SupconTrainerConfig *config, guint batch_size, SupconModel *model, GError **error);

/** Whether there is the memory for the weights of a model of config, their gradients and momenta:
 * SUPCON_ERROR_SETTINGS. */
gboolean supcon_trainer_check_weights (const SupconModelConfig *config, GError **error);
/**
 * Whether there is the memory to train model by config with two batches of batch_size views: SUPCON_ERROR_SETTINGS
 * names the setting that asks for too much, the pictures' size and the bytes. Nothing is kept.
 */
gboolean supcon_trainer_check_memory (
    const SupconTrainerConfig *config, guint batch_size, const SupconModel *model, GError **error);

typedef struct {
  guint64 step; /* steps done, this one included */
  double loss, learning_rate;
  double gradient_norm;
  double positives_per_anchor; /* contrastive: mean |P(i)| */
  guint anchors;               /* contrastive: anchors with a positive; others: labelled views */
  guint classified, correct;   /* labelled views that a classifier saw, and those it was right about */
  double spread;               /* contrastive: 1 - |mean of z|^2, 0 when all embeddings are one point */
  gboolean collapsed;          /* loss within a hair of that of one point and spread near 0 for many steps in a row */
  gboolean reported;           /* by report_interval the step is to be reported on */
  gboolean has_signals;        /* contrastive, reported: signals was computed */
  SupconLossSignals signals;
} SupconTrainStats;

typedef struct _SupconTrainer SupconTrainer;

/**
 * model is borrowed and must outlive the trainer. config passes supcon_trainer_check. first_step: steps that were done
 * before (resuming).
 */
SupconTrainer *supcon_trainer_new (SupconModel *model, const SupconTrainerConfig *config, guint64 first_step);
void supcon_trainer_free (SupconTrainer *trainer);
guint64 supcon_trainer_step_count (const SupconTrainer *trainer);
/** Past embeddings, for a checkpoint; NULL without a queue. Valid until the next step. */
const SupconQueue *supcon_trainer_queue (const SupconTrainer *trainer);
/** The logits that the classifier's temperature is fitted to: its last ones, or those held out; likewise. */
const SupconQueue *supcon_trainer_logits (const SupconTrainer *trainer);
/** These logits, which are the trainer's from now on, of pictures that it does not learn from (Guo et al. 2017 fit the
 * temperature to a validation set), take the place of those before. */
void supcon_trainer_hold_out (SupconTrainer *trainer, SupconQueue *logits);
/** When resuming: puts past into the queue, if there is one, and the last logits back, as a checkpoint gives them, the
 * oldest first. Each may be NULL. */
void supcon_trainer_restore (SupconTrainer *trainer, const SupconQueue *past, const SupconQueue *logits);
/**
 * What divides the classifier's logits so that its confidences are right, by supcon_trainer_logits(); 1 without any.
 * roughly: without those of the last tenth of the steps, where they were fitted before; a fit takes time.
 */
double supcon_trainer_calibrate (SupconTrainer *trainer, gboolean roughly);

/**
 * One optimiser step on batch, whose pictures may be mixed by it, and whose views without a label may get a teacher's.
 * Where there is a classifier the model must have as many classes as the largest label and the teacher ask, one for
 * regression. On a loss, gradient or running statistic that is not
 * finite: FALSE, SUPCON_ERROR_NUMERIC naming the step, and the weights are as before the step.
 */
gboolean supcon_trainer_step (SupconTrainer *trainer, SupconBatch *batch, SupconTrainStats *stats, GError **error);

#endif
