/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The named policies, with their numbers, as text for supcon_program_parse(). */
#ifndef SUPCON_AUGMENT_POLICY_H
#define SUPCON_AUGMENT_POLICY_H

#include "augment/resize.h"

typedef enum {
  SUPCON_POLICY_NONE,                /* resize only: for evaluation */
  SUPCON_POLICY_CROP,                /* random resized crop and horizontal flip; all below begin with them */
  SUPCON_POLICY_SIMAUGMENT,          /* SimCLR's colour distortion, greyscale and blur (Chen et al. 2020, appendix A) */
  SUPCON_POLICY_AUTOAUGMENT,         /* Cubuk et al. 2018 */
  SUPCON_POLICY_RANDAUGMENT,         /* Cubuk et al. 2019, with torchvision's ranges */
  SUPCON_POLICY_STACKED_RANDAUGMENT, /* colour distortion, blur, RandAugment, greyscale (Tian et al. 2020) */
  SUPCON_POLICY_TRIVIALAUGMENT,      /* Mueller and Hutter 2021: torchvision's TrivialAugmentWide */
  SUPCON_POLICY_AUGMIX               /* Hendrycks et al. 2020, with torchvision's ranges */
} SupconPolicyKind;

typedef enum {
  SUPCON_AUTOAUGMENT_IMAGENET,
  SUPCON_AUTOAUGMENT_CIFAR10,
  SUPCON_AUTOAUGMENT_SVHN
} SupconAutoaugmentTable;

typedef struct {
  SupconPolicyKind kind;
  SupconInterpolation interpolation; /* bilinear */
  double center_crop;          /* of none: share of the largest middle part of the view's shape; 0: the whole picture */
  double scale_min, scale_max; /* share of the picture's area, torchvision: 0.08 to 1 */
  double ratio_min, ratio_max; /* width / height, torchvision: 3/4 to 4/3 */
  double flip_probability;     /* torchvision: 0.5 */
  /* Of simaugment and stacked-randaugment, with SimCLR's numbers. */
  double strength;              /* 1: brightness, contrast and saturation by up to 0.8, hue by up to 0.2 */
  double color_probability;     /* 0.8 */
  double greyscale_probability; /* 0.2 */
  double blur_probability;      /* 0.5 */
  double sigma_min, sigma_max;  /* of the blur, in pixels: 0.1 to 2; its kernel is a tenth of the view's height */
  /* The sparse warp of the method's authors, in their code at a half of the views. */
  double warp_probability;      /* 0 */
  double warp_length;           /* the largest displacement's standard deviation, share of the shorter side: 23/224 */
  guint warp_points;            /* displaced to each axis: 2; 2 to 4 */
  guint warp_boundary;          /* fixed to each edge: 0; at most 8 */
  SupconAutoaugmentTable table; /* of autoaugment */
  /* Of randaugment and stacked-randaugment. */
  guint num_ops;            /* torchvision: 2; 1 to 16 */
  guint num_magnitude_bins; /* torchvision: 31; at least 2; of trivialaugment too */
  double magnitude;         /* torchvision: 9; 0 to num_magnitude_bins - 1, larger ones count as that */
  /* Of augmix, torchvision's. */
  guint severity;      /* the first so many of 10 magnitudes: 3; 1 to 10 */
  guint mixture_width; /* chains: 3; 1 to 5 */
  gint chain_depth;    /* operations of each, -1 or 0: 1 to 3 by chance; at most 3 */
  double alpha;        /* of the weights' Dirichlet and beta distributions: 1 */
  /* Of all but none, last. */
  double erase_probability;  /* torchvision's RandomErasing: 0 */
  double erase_fill;         /* of erase and cutout, a byte's value: 0; -1: random bytes */
  double cutout_probability; /* DeVries and Taylor 2017: 0 */
  double cutout_size;        /* share of the shorter side: 0.5, theirs for CIFAR-10 */
} SupconPolicy;

/** kind with these numbers. */
void supcon_policy_init (SupconPolicy *policy, SupconPolicyKind kind);

/** The program; bounds may be in either order. Free with g_free(). */
gchar *supcon_policy_to_text (const SupconPolicy *policy);

#endif
