/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The 15 corruptions of ImageNet-C (Hendrycks and Dietterich 2019), in place, by severity 1 to 5. Pictures whose
 * shorter side is below SUPCON_CORRUPT_SMALL take CIFAR-10-C's numbers, others ImageNet-C's. docs/augmentation.md says
 * where they differ from the published code. They are for evaluation: temporary memory is allocated at each call.
 */
#ifndef SUPCON_AUGMENT_CORRUPT_H
#define SUPCON_AUGMENT_CORRUPT_H

#include "augment/planes.h"
#include "rng.h"

#define SUPCON_CORRUPT_SMALL 96

/** severity: 1 to 5. rng: for what is random, moves on; not used by contrast, brightness, pixelate, jpeg, defocus and
 * zoom. */
typedef void SupconCorruption (SupconPlanes *picture, guint severity, SupconRng *rng);

/* corrupt_noise.c */
SupconCorruption supcon_corrupt_gaussian_noise;
SupconCorruption supcon_corrupt_shot_noise;
SupconCorruption supcon_corrupt_impulse_noise;
/* corrupt_blur.c */
SupconCorruption supcon_corrupt_defocus_blur;
SupconCorruption supcon_corrupt_glass_blur;
SupconCorruption supcon_corrupt_motion_blur;
SupconCorruption supcon_corrupt_zoom_blur;
/* corrupt_weather.c */
SupconCorruption supcon_corrupt_snow;
SupconCorruption supcon_corrupt_frost;
SupconCorruption supcon_corrupt_fog;
SupconCorruption supcon_corrupt_brightness;
/* corrupt_digital.c */
SupconCorruption supcon_corrupt_contrast;
SupconCorruption supcon_corrupt_elastic;
SupconCorruption supcon_corrupt_pixelate;
SupconCorruption supcon_corrupt_jpeg;

#endif
