/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/policy.h"

#include <math.h>

#include "augment/operations.h"
#include "augment/resize.h"
#include "rng.h"

/* Which stream of random numbers an operation draws from. Never renumber: a seed would give other views. */
enum { OPERATION_CROP = 1, OPERATION_FLIP = 2, OPERATION_COLOR = 3, OPERATION_GREYSCALE = 4, OPERATION_BLUR = 5 };

/* How often torchvision's RandomResizedCrop draws before it takes the middle of the picture. */
#define CROP_ATTEMPTS 10

/* SimCLR's blur has a kernel of a tenth of the height. */
#define BLUR_SHARE 10

typedef struct {
  guint8 *bytes;
  gsize size;
} Scratch;

struct _SupconAugmenter {
  SupconResizer *resizer;
  SupconScratch *scratch;
  Scratch resized; /* the view before its channels are converted */
  Scratch planes;
};

void
supcon_policy_init (SupconPolicy *policy, SupconPolicyKind kind)
{
  *policy = (SupconPolicy){ .kind = kind,
    .scale_min = 0.08,
    .scale_max = 1.0,
    .ratio_min = 3.0 / 4.0,
    .ratio_max = 4.0 / 3.0,
    .flip_probability = 0.5,
    .strength = 1.0,
    .color_probability = 0.8,
    .greyscale_probability = 0.2,
    .blur_probability = 0.5,
    .sigma_min = 0.1,
    .sigma_max = 2.0 };
}

SupconAugmenter *
supcon_augmenter_new (void)
{
  SupconAugmenter *augmenter = g_new0 (SupconAugmenter, 1);

  augmenter->resizer = supcon_resizer_new ();
  augmenter->scratch = supcon_scratch_new ();
  return augmenter;
}

void
supcon_augmenter_free (SupconAugmenter *augmenter)
{
  if (!augmenter)
    return;
  supcon_resizer_free (augmenter->resizer);
  supcon_scratch_free (augmenter->scratch);
  g_free (augmenter->resized.bytes);
  g_free (augmenter->planes.bytes);
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

static guint8 *
scratch_of (Scratch *scratch, gsize size)
{
  if (scratch->size < size) {
    scratch->bytes = g_realloc (scratch->bytes, size);
    scratch->size = size;
  }
  return scratch->bytes;
}

static gboolean
happens (SupconRng *rng, double probability)
{
  return supcon_rng_uniform (rng, 0.0, 1.0) < probability;
}

/* torchvision's ColorJitter with SimCLR's ranges: the four in random order. */
static void
distort_color (const SupconPolicy *policy, SupconRng *rng, SupconPlanes *planes)
{
  double range = 0.8 * policy->strength, low = MAX (0.0, 1.0 - range), high = 1.0 + range;
  double hue = MIN (0.5, 0.2 * policy->strength);
  double brightness, contrast, saturation, shift;
  guint32 order[4];

  supcon_rng_permutation (rng, order, 4);
  brightness = supcon_rng_uniform (rng, low, high);
  contrast = supcon_rng_uniform (rng, low, high);
  saturation = supcon_rng_uniform (rng, low, high);
  shift = supcon_rng_uniform (rng, -hue, hue);
  for (guint i = 0; i < 4; i++) {
    switch (order[i]) {
    case 0:
      supcon_planes_brightness (planes, brightness);
      break;
    case 1:
      supcon_planes_contrast (planes, contrast);
      break;
    case 2:
      supcon_planes_saturation (planes, saturation);
      break;
    default:
      supcon_planes_hue (planes, shift);
      break;
    }
  }
}

/* What SimAugment does after crop and flip. */
static void
simaugment (SupconAugmenter *augmenter, const SupconPolicy *policy, guint64 seed, guint64 sample, guint32 index,
    const SupconImage *view)
{
  SupconPlanes planes = { .width = view->width, .height = view->height, .channels = view->channels };
  gsize n = (gsize)view->width * view->height;
  guint radius = view->height / BLUR_SHARE / 2;
  guint8 *bytes = scratch_of (&augmenter->planes, n * view->channels);
  SupconRng rng;

  for (guint c = 0; c < view->channels; c++)
    planes.plane[c] = bytes + c * n;
  supcon_planes_from_image (&planes, view);

  supcon_rng_init (&rng, seed, sample, index, OPERATION_COLOR);
  if (happens (&rng, policy->color_probability))
    distort_color (policy, &rng, &planes);
  supcon_rng_init (&rng, seed, sample, index, OPERATION_GREYSCALE);
  if (happens (&rng, policy->greyscale_probability))
    supcon_planes_greyscale (&planes);
  supcon_rng_init (&rng, seed, sample, index, OPERATION_BLUR);
  if (happens (&rng, policy->blur_probability) && radius > 0) {
    double sigma = supcon_rng_uniform (
        &rng, MIN (policy->sigma_min, policy->sigma_max), MAX (policy->sigma_min, policy->sigma_max));

    /* A view much higher than wide has no more columns to reflect. */
    supcon_planes_blur (&planes, MIN (radius, view->width - 1), sigma, augmenter->scratch);
  }
  supcon_planes_to_image (&planes, view);
}

void
supcon_augmenter_apply (SupconAugmenter *augmenter, const SupconPolicy *policy, guint64 seed, guint64 sample,
    guint32 index, const SupconImage *picture, const SupconImage *view)
{
  SupconRect crop = { .width = picture->width, .height = picture->height };
  SupconImage resized = *view;
  gboolean mirror = FALSE;
  SupconRng rng;

  if (policy->kind != SUPCON_POLICY_NONE) {
    supcon_rng_init (&rng, seed, sample, index, OPERATION_CROP);
    crop = random_crop (policy, &rng, picture->width, picture->height);
    supcon_rng_init (&rng, seed, sample, index, OPERATION_FLIP);
    mirror = happens (&rng, policy->flip_probability);
  }
  if (picture->channels != view->channels) {
    resized.channels = picture->channels;
    resized.stride = (gsize)view->width * picture->channels;
    resized.pixels = scratch_of (&augmenter->resized, resized.stride * view->height);
  }
  supcon_resizer_apply (augmenter->resizer, picture, &crop, mirror, &resized);
  if (policy->kind == SUPCON_POLICY_SIMAUGMENT)
    simaugment (augmenter, policy, seed, sample, index, &resized);
  if (picture->channels != view->channels)
    convert_channels (&resized, view);
}
