/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Policies: from one picture to one random view of a fixed size.
 */
#ifndef SUPCON_AUGMENT_POLICY_H
#define SUPCON_AUGMENT_POLICY_H

#include "augment/image.h"

typedef enum {
  SUPCON_POLICY_NONE,      /* resize only: for evaluation */
  SUPCON_POLICY_CROP,      /* random resized crop and horizontal flip */
  SUPCON_POLICY_SIMAUGMENT /* the same, then SimCLR's colour distortion and Gaussian blur (Chen et al. 2020, appendix
                              A), as SimAugment in Khosla et al. 2020, without its warp */
} SupconPolicyKind;

typedef struct {
  SupconPolicyKind kind;
  double scale_min, scale_max; /* share of the picture's area, torchvision: 0.08 to 1 */
  double ratio_min, ratio_max; /* width / height, torchvision: 3/4 to 4/3 */
  double flip_probability;     /* torchvision: 0.5 */
  /* Of simaugment, with SimCLR's numbers. */
  double strength;              /* 1: brightness, contrast and saturation by up to 0.8, hue by up to 0.2 */
  double color_probability;     /* 0.8 */
  double greyscale_probability; /* 0.2 */
  double blur_probability;      /* 0.5 */
  double sigma_min, sigma_max;  /* of the blur, in pixels: 0.1 to 2; its kernel is a tenth of the view's height */
} SupconPolicy;

/** torchvision's and SimCLR's defaults for kind. */
void supcon_policy_init (SupconPolicy *policy, SupconPolicyKind kind);

/** A view maker; keeps scratch memory between calls. One per thread at a time. */
typedef struct _SupconAugmenter SupconAugmenter;
SupconAugmenter *supcon_augmenter_new (void);
void supcon_augmenter_free (SupconAugmenter *augmenter);

/**
 * Writes into view the view number 'index' of picture 'sample'. Sizes may differ; channels may differ (grey is
 * replicated, colour becomes grey by ITU-R BT.601 luma as in PIL's convert("L")). Depends on nothing but the arguments.
 */
void supcon_augmenter_apply (SupconAugmenter *augmenter, const SupconPolicy *policy, guint64 seed, guint64 sample,
    guint32 index, const SupconImage *picture, const SupconImage *view);

#endif
