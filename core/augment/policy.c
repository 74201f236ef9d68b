/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/policy.h"

#include <math.h>

#include "augment/resize.h"
#include "rng.h"

/* Which stream of random numbers an operation draws from. Never renumber: a seed would give other views. */
enum { OPERATION_CROP = 1, OPERATION_FLIP = 2 };

/* How often torchvision's RandomResizedCrop draws before it takes the middle of the picture. */
#define CROP_ATTEMPTS 10

struct _SupconAugmenter {
  SupconResizer *resizer;
  guint8 *scratch; /* the view before its channels are converted */
  gsize scratch_size;
};

void
supcon_policy_init (SupconPolicy *policy, SupconPolicyKind kind)
{
  *policy = (SupconPolicy){ .kind = kind,
    .scale_min = 0.08,
    .scale_max = 1.0,
    .ratio_min = 3.0 / 4.0,
    .ratio_max = 4.0 / 3.0,
    .flip_probability = 0.5 };
}

SupconAugmenter *
supcon_augmenter_new (void)
{
  SupconAugmenter *augmenter = g_new0 (SupconAugmenter, 1);

  augmenter->resizer = supcon_resizer_new ();
  return augmenter;
}

void
supcon_augmenter_free (SupconAugmenter *augmenter)
{
  if (!augmenter)
    return;
  supcon_resizer_free (augmenter->resizer);
  g_free (augmenter->scratch);
  g_free (augmenter);
}

/* The largest rectangle in the middle whose shape is allowed. */
static SupconRect
central_crop (guint width, guint height, double ratio_min, double ratio_max)
{
  double ratio = (double)width / height;
  SupconRect crop = { .width = width, .height = height };

  if (ratio < ratio_min)
    crop.height = (guint)MAX (1.0, rint (width / ratio_min));
  else if (ratio > ratio_max)
    crop.width = (guint)MAX (1.0, rint (height * ratio_max));
  crop.x = (width - crop.width) / 2;
  crop.y = (height - crop.height) / 2;
  return crop;
}

/* torchvision's RandomResizedCrop.get_params. */
static SupconRect
random_crop (const SupconPolicy *policy, SupconRng *rng, guint width, guint height)
{
  /* The bounds are properties that change one at a time, so for a moment they may be in either order. */
  double scale_min = MIN (policy->scale_min, policy->scale_max), scale_max = MAX (policy->scale_min, policy->scale_max);
  double ratio_min = MIN (policy->ratio_min, policy->ratio_max), ratio_max = MAX (policy->ratio_min, policy->ratio_max);
  double area = (double)width * height;

  for (guint i = 0; i < CROP_ATTEMPTS; i++) {
    double target = area * supcon_rng_uniform (rng, scale_min, scale_max);
    double ratio = exp (supcon_rng_uniform (rng, log (ratio_min), log (ratio_max)));
    double w = rint (sqrt (target * ratio)), h = rint (sqrt (target / ratio));

    if (w >= 1.0 && w <= width && h >= 1.0 && h <= height) {
      SupconRect crop = { .width = (guint)w, .height = (guint)h };

      crop.y = supcon_rng_below (rng, height - crop.height + 1);
      crop.x = supcon_rng_below (rng, width - crop.width + 1);
      return crop;
    }
  }
  return central_crop (width, height, ratio_min, ratio_max);
}

static void
convert_channels (const SupconImage *from, const SupconImage *to)
{
  for (guint y = 0; y < to->height; y++) {
    const guint8 *in = from->pixels + y * from->stride;
    guint8 *out = to->pixels + y * to->stride;

    if (to->channels == 3) {
      for (guint x = 0; x < to->width; x++, out += 3)
        out[0] = out[1] = out[2] = in[x];
    } else {
      /* PIL's convert("L"): BT.601 luma, weights of 16 bits. */
      for (guint x = 0; x < to->width; x++, in += 3)
        out[x] = (guint8)((in[0] * 19595u + in[1] * 38470u + in[2] * 7471u + 0x8000u) >> 16);
    }
  }
}

void
supcon_augmenter_apply (SupconAugmenter *augmenter, const SupconPolicy *policy, guint64 seed, guint64 sample,
    guint32 index, const SupconImage *picture, const SupconImage *view)
{
  SupconRect crop = { .width = picture->width, .height = picture->height };
  SupconImage resized = *view;
  gboolean mirror = FALSE;
  SupconRng rng;

  if (policy->kind == SUPCON_POLICY_CROP) {
    supcon_rng_init (&rng, seed, sample, index, OPERATION_CROP);
    crop = random_crop (policy, &rng, picture->width, picture->height);
    supcon_rng_init (&rng, seed, sample, index, OPERATION_FLIP);
    mirror = supcon_rng_uniform (&rng, 0.0, 1.0) < policy->flip_probability;
  }

  if (picture->channels == view->channels) {
    supcon_resizer_apply (augmenter->resizer, picture, &crop, mirror, view);
    return;
  }
  resized.channels = picture->channels;
  resized.stride = (gsize)view->width * picture->channels;
  if (augmenter->scratch_size < resized.stride * view->height) {
    augmenter->scratch_size = resized.stride * view->height;
    augmenter->scratch = g_realloc (augmenter->scratch, augmenter->scratch_size);
  }
  resized.pixels = augmenter->scratch;
  supcon_resizer_apply (augmenter->resizer, picture, &crop, mirror, &resized);
  convert_channels (&resized, view);
}
