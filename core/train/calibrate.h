/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Confidences that mean what they say: temperature scaling (Guo et al. 2017, section 4.2). */
#ifndef SUPCON_TRAIN_CALIBRATE_H
#define SUPCON_TRAIN_CALIBRATE_H

#include "loss/queue.h"

#define SUPCON_MIN_CALIBRATION 0.05
#define SUPCON_MAX_CALIBRATION 20.0
/* So many pictures are fitted, or fewer of very many classes. */
#define SUPCON_CALIBRATION_PICTURES 2048

/**
 * The temperature T in [SUPCON_MIN_CALIBRATION, SUPCON_MAX_CALIBRATION] for which softmax (logits / T) has the least
 * mean negative log likelihood. logits: each with a label in [0, dim), or NULL. 1 when there are none. Each label's
 * target is that of n pictures and one more whose label may be any: (n one-hot + 1 / dim) / (n + 1), by which few
 * pictures, or such as are all classified rightly, make nothing sure (Platt 1999 smooths his targets likewise).
 */
double supcon_calibrate_temperature (const SupconQueue *logits);

/** probabilities (n x classes) = softmax (logits / temperature), row by row; may be the same memory. temperature > 0.
 */
void supcon_calibrated_softmax (
    const SupconReal *logits, guint n, guint classes, double temperature, SupconReal *probabilities);

/**
 * Adds logits (n x classes) of pictures that a classifier is about to learn from to a queue of the last ones of as many
 * classes, *queue, which is NULL at first. labels: those that are no class are passed over.
 */
void supcon_calibration_add (SupconQueue **queue, const SupconReal *logits, guint n, guint classes,
    const gint32 *labels, const guint64 *samples);

/**
 * A queue of logits (n x classes) of pictures that a classifier does not learn from, evenly from all of them when they
 * are more than are fitted; sample: the number of each. labels: likewise. Free with supcon_queue_free().
 */
SupconQueue *supcon_calibration_sample (const SupconReal *logits, guint n, guint classes, const gint32 *labels);

#endif
