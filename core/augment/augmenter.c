/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/augmenter.h"

#include <math.h>

#include "augment/corrupt.h"
#include "augment/operations.h"
#include "simd.h"

typedef struct {
  guint8 *bytes;
  gsize size;
} Scratch;

struct _SupconAugmenter {
  SupconResizer *resizer;
  SupconScratch *scratch;
  Scratch resized; /* the view before its channels are converted */
  Scratch planes;
  Scratch before, sums; /* of a mix */
};

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
  g_free (augmenter->before.bytes);
  g_free (augmenter->sums.bytes);
  g_free (augmenter);
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

static void
distort_color (const SupconStep *step, SupconPlanes *planes)
{
  for (guint i = 0; i < 4; i++) {
    guint which = step->order[i];

    if (which == 0)
      supcon_planes_brightness (planes, step->values[0]);
    else if (which == 1)
      supcon_planes_contrast (planes, step->values[1]);
    else if (which == 2)
      supcon_planes_saturation (planes, step->values[2]);
    else
      supcon_planes_hue (planes, step->values[3]);
  }
}

/* SimCLR's kernel is a share of the height, made odd. */
static void
blur (SupconAugmenter *augmenter, const SupconStep *step, SupconPlanes *planes)
{
  guint radius = (guint)(planes->height * step->values[1] + 1e-9) / 2;

  radius = MIN (radius, MIN (planes->width, planes->height) - 1);
  if (radius > 0)
    supcon_planes_blur (planes, radius, step->values[0], augmenter->scratch);
}

/* The conventions of torchvision's AutoAugment: shears about the top left corner, whole pixels, turns counter-clockwise
 * about the middle. */
static void
move (SupconAugmenter *augmenter, const SupconStep *step, SupconPlanes *planes)
{
  double matrix[6] = { 1, 0, 0, 0, 1, 0 };
  double x = planes->width / 2.0, y = planes->height / 2.0;
  double angle = step->values[0] * G_PI / 180, c = cos (angle), s = sin (angle);
  gboolean bilinear = FALSE; /* whole pixels are what they are */

  switch (step->operation) {
  case SUPCON_OPERATION_SHEAR_X:
    matrix[1] = step->values[0];
    bilinear = step->values[1] >= 0.5;
    break;
  case SUPCON_OPERATION_SHEAR_Y:
    matrix[3] = step->values[0];
    bilinear = step->values[1] >= 0.5;
    break;
  case SUPCON_OPERATION_TRANSLATE_X:
    matrix[2] = -trunc (step->values[0] * planes->width + step->values[1]);
    break;
  case SUPCON_OPERATION_TRANSLATE_Y:
    matrix[5] = -trunc (step->values[0] * planes->height + step->values[1]);
    break;
  default:
    matrix[0] = matrix[4] = c;
    matrix[1] = -s;
    matrix[3] = s;
    matrix[2] = x - c * x + s * y;
    matrix[5] = y - s * x - c * y;
    bilinear = step->values[1] >= 0.5;
    break;
  }
  if (bilinear)
    supcon_planes_affine_bilinear (planes, matrix, augmenter->scratch);
  else
    supcon_planes_affine (planes, matrix, augmenter->scratch);
}

/* The warp of the method's authors: points of an even grid inside the picture, each displaced by as many normal numbers
 * as there are axes times one length, which is a share of the shorter side. */
static void
warp (SupconAugmenter *augmenter, const SupconStep *step, SupconPlanes *planes)
{
  double from[SUPCON_WARP_MAX_POINTS][2], to[SUPCON_WARP_MAX_POINTS][2];
  double length = step->values[0] * MIN (planes->width, planes->height);
  guint side = (guint)rint (step->values[1]), n = 0;
  SupconRng rng = step->rng;

  for (guint i = 1; i <= side; i++)
    for (guint j = 1; j <= side; j++, n++) {
      from[n][0] = (double)j * planes->width / (side + 1);
      from[n][1] = (double)i * planes->height / (side + 1);
      to[n][1] = from[n][1] + length * supcon_rng_normal (&rng);
      to[n][0] = from[n][0] + length * supcon_rng_normal (&rng);
    }
  supcon_planes_warp (planes, n, from, to, (guint)rint (step->values[2]), augmenter->scratch);
}

static SupconCorruption *const corruptions[SUPCON_N_OPERATIONS] = {
  [SUPCON_OPERATION_GAUSSIAN_NOISE] = supcon_corrupt_gaussian_noise,
  [SUPCON_OPERATION_SHOT_NOISE] = supcon_corrupt_shot_noise,
  [SUPCON_OPERATION_IMPULSE_NOISE] = supcon_corrupt_impulse_noise,
  [SUPCON_OPERATION_DEFOCUS_BLUR] = supcon_corrupt_defocus_blur,
  [SUPCON_OPERATION_GLASS_BLUR] = supcon_corrupt_glass_blur,
  [SUPCON_OPERATION_MOTION_BLUR] = supcon_corrupt_motion_blur,
  [SUPCON_OPERATION_ZOOM_BLUR] = supcon_corrupt_zoom_blur,
  [SUPCON_OPERATION_SNOW] = supcon_corrupt_snow,
  [SUPCON_OPERATION_FROST] = supcon_corrupt_frost,
  [SUPCON_OPERATION_FOG] = supcon_corrupt_fog,
  [SUPCON_OPERATION_CORRUPT_BRIGHTNESS] = supcon_corrupt_brightness,
  [SUPCON_OPERATION_CORRUPT_CONTRAST] = supcon_corrupt_contrast,
  [SUPCON_OPERATION_ELASTIC] = supcon_corrupt_elastic,
  [SUPCON_OPERATION_PIXELATE] = supcon_corrupt_pixelate,
  [SUPCON_OPERATION_JPEG] = supcon_corrupt_jpeg,
};

static void
apply_step (SupconAugmenter *augmenter, const SupconStep *step, SupconPlanes *planes)
{
  const double *values = step->values;
  SupconRng rng = step->rng;

  if (corruptions[step->operation]) {
    corruptions[step->operation](planes, (guint)rint (values[0]), &rng);
    return;
  }

  switch (step->operation) {
  case SUPCON_OPERATION_FLIP:
    supcon_planes_flip (planes);
    break;
  case SUPCON_OPERATION_COLOR:
    distort_color (step, planes);
    break;
  case SUPCON_OPERATION_GREYSCALE:
    supcon_planes_greyscale (planes);
    break;
  case SUPCON_OPERATION_BLUR:
    blur (augmenter, step, planes);
    break;
  case SUPCON_OPERATION_BRIGHTNESS:
    supcon_planes_brightness (planes, values[0]);
    break;
  case SUPCON_OPERATION_CONTRAST:
    supcon_planes_contrast (planes, values[0]);
    break;
  case SUPCON_OPERATION_SATURATION:
    supcon_planes_saturation (planes, values[0]);
    break;
  case SUPCON_OPERATION_HUE:
    supcon_planes_hue (planes, values[0]);
    break;
  case SUPCON_OPERATION_SHARPNESS:
    supcon_planes_sharpness (planes, values[0], augmenter->scratch);
    break;
  case SUPCON_OPERATION_POSTERIZE:
    supcon_planes_posterize (planes, (guint)rint (values[0]));
    break;
  case SUPCON_OPERATION_SOLARIZE:
    supcon_planes_solarize (planes, values[0]);
    break;
  case SUPCON_OPERATION_AUTO_CONTRAST:
    supcon_planes_auto_contrast (planes);
    break;
  case SUPCON_OPERATION_EQUALIZE:
    supcon_planes_equalize (planes);
    break;
  case SUPCON_OPERATION_INVERT:
    supcon_planes_invert (planes);
    break;
  case SUPCON_OPERATION_ERASE:
  case SUPCON_OPERATION_CUTOUT:
    supcon_planes_erase (
        planes, (guint)values[0], (guint)values[1], (guint)values[2], (guint)values[3], values[4], &rng);
    break;
  case SUPCON_OPERATION_WARP:
    warp (augmenter, step, planes);
    break;
  default:
    move (augmenter, step, planes);
    break;
  }
}

SUPCON_MULTIVERSION static void
add_bytes (const guint8 *restrict bytes, gsize n, float weight, float *restrict sums)
{
  for (gsize i = 0; i < n; i++)
    sums[i] += weight * bytes[i];
}

/* From a mix's step on; returns how many steps it took. What falls below a byte's value by rounding alone is that
 * value; the rest is cut off as torchvision does it. */
static guint
apply_mix (SupconAugmenter *augmenter, const SupconStep *steps, SupconPlanes *planes)
{
  gsize n = (gsize)planes->width * planes->height * planes->channels;
  guint8 *bytes = planes->plane[0], *before = scratch_of (&augmenter->before, n);
  float *sums = (float *)(gpointer)scratch_of (&augmenter->sums, n * sizeof (float));
  guint at = 1;

  memcpy (before, bytes, n);
  memset (sums, 0, n * sizeof *sums);
  add_bytes (before, n, (float)steps[0].values[1], sums);
  for (guint chain = 0; chain < (guint)steps[0].values[0]; chain++) {
    const SupconStep *head = &steps[at++];

    memcpy (bytes, before, n);
    for (guint i = 0; i < (guint)head->values[1]; i++)
      apply_step (augmenter, &steps[at++], planes);
    add_bytes (bytes, n, (float)head->values[0], sums);
  }
  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8)(gint32)MIN (sums[i] + 1e-3f, 255.0f);
  return at;
}

static void
apply_steps (SupconAugmenter *augmenter, const SupconDraws *draws, const SupconImage *view)
{
  SupconPlanes planes = { .width = view->width, .height = view->height, .channels = view->channels };
  gsize n = (gsize)view->width * view->height;
  guint8 *bytes = scratch_of (&augmenter->planes, n * view->channels);

  for (guint c = 0; c < view->channels; c++)
    planes.plane[c] = bytes + c * n;
  supcon_planes_from_image (&planes, view);
  for (guint i = 0; i < draws->n_steps;)
    if (draws->steps[i].operation == SUPCON_OPERATION_MIX)
      i += apply_mix (augmenter, &draws->steps[i], &planes);
    else
      apply_step (augmenter, &draws->steps[i++], &planes);
  supcon_planes_to_image (&planes, view);
}

void
supcon_augmenter_apply (SupconAugmenter *augmenter, const SupconProgram *program, guint64 seed, guint64 sample,
    guint32 index, const SupconImage *picture, const SupconImage *view)
{
  SupconDraws draws = { .crop = { .width = picture->width, .height = picture->height } };
  SupconImage resized = *view;

  if (program)
    supcon_program_draw (
        program, seed, sample, index, picture->width, picture->height, view->width, view->height, &draws);
  if (picture->channels != view->channels) {
    resized.channels = picture->channels;
    resized.stride = (gsize)view->width * picture->channels;
    resized.pixels = scratch_of (&augmenter->resized, resized.stride * view->height);
  }
  supcon_resizer_apply (augmenter->resizer, picture, &draws.crop, draws.mirror, draws.interpolation, &resized);
  if (draws.n_steps > 0)
    apply_steps (augmenter, &draws, &resized);
  if (picture->channels != view->channels)
    convert_channels (&resized, view);
}
