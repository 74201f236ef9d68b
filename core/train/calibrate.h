/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Confidences that mean what they say: temperature scaling (Guo et al. 2017, section 4.2). */
#ifndef SUPCON_TRAIN_CALIBRATE_H
#define SUPCON_TRAIN_CALIBRATE_H

#include "real.h"

#define SUPCON_MIN_CALIBRATION 0.05
#define SUPCON_MAX_CALIBRATION 20.0
/* Of the last pictures so many are fitted, or fewer of very many classes. */
#define SUPCON_CALIBRATION_PICTURES 2048

/**
 * The temperature T in [SUPCON_MIN_CALIBRATION, SUPCON_MAX_CALIBRATION] for which softmax (logits / T) has the least
 * mean negative log likelihood. logits: n x classes; labels: n, each in [0, classes). 1 for n = 0.
 */
double supcon_calibrate_temperature (const SupconReal *logits, guint n, guint classes, const gint32 *labels);

/** Logits of the last pictures that a classifier was trained on, each as it was before it learnt from that picture. */
typedef struct _SupconCalibration SupconCalibration;

SupconCalibration *supcon_calibration_new (void);
void supcon_calibration_free (SupconCalibration *calibration);
/** logits: n x classes. labels: those that are no class are passed over. More classes begin anew. */
void supcon_calibration_add (
    SupconCalibration *calibration, const SupconReal *logits, guint n, guint classes, const gint32 *labels);
double supcon_calibration_temperature (const SupconCalibration *calibration);

#endif
