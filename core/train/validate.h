/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * How good a model is that is still being trained, on pictures it does not learn from: by the averages of its weights
 * where it keeps them, since those are what its checkpoints give.
 */
#ifndef SUPCON_TRAIN_VALIDATE_H
#define SUPCON_TRAIN_VALIDATE_H

#include "loss/queue.h"
#include "model/model.h"

/* Wu et al. 2018 take 200 neighbours among a million pictures; 20 do for the thousands of a validation set. */
#define SUPCON_VALIDATION_NEIGHBOURS 20

typedef struct {
  guint n;         /* pictures with a label */
  guint unknown;   /* classifier: of these, those of a class that it does not know; else 0 */
  double accuracy; /* share of them that is classified rightly */
  double loss;     /* classifier: mean cross-entropy over those whose class it knows, nats; else 0 */
} SupconValidation;

/**
 * Of n pictures (uint8, n x height x width x 3 of the model's input size) by nearest neighbours: each by the others'
 * labels, weighted (supcon_neighbours_vote), on the encoder's embeddings; so no classifier is needed. labels: any
 * numbers, negative: none.
 */
void supcon_validate_neighbours (
    SupconModel *model, const guint8 *pixels, const gint32 *labels, guint n, SupconValidation *validation);

/**
 * The same by the model's classifier. labels: its classes; those from its number of classes on are ones that it does
 * not know and count as wrong; negative: none. logits: where a new supcon_calibration_sample() of them goes, to fit the
 * classifier's temperature to; or NULL.
 */
void supcon_validate_classifier (SupconModel *model, const guint8 *pixels, const gint32 *labels, guint n,
    SupconValidation *validation, SupconQueue **logits);

#endif
