/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Confidences that mean what they say: temperature scaling (Guo et al. 2017, section 4.2). */
#ifndef SUPCON_TRAIN_CALIBRATE_H
#define SUPCON_TRAIN_CALIBRATE_H

#include "real.h"

#define SUPCON_MIN_CALIBRATION 0.05
#define SUPCON_MAX_CALIBRATION 20.0

/**
 * The temperature T in [SUPCON_MIN_CALIBRATION, SUPCON_MAX_CALIBRATION] for which softmax (logits / T) has the least
 * mean negative log likelihood. logits: n x classes; labels: n, each in [0, classes). 1 for n = 0.
 */
double supcon_calibrate_temperature (const SupconReal *logits, guint n, guint classes, const gint32 *labels);

#endif
