/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/steps.h"

#include <math.h>
#include <string.h>

#include "augment/corrupt.h"
#include "augment/kernels.h"
#include "augment/scratch.h"

/* SimCLR's kernel is a share of the height, made odd. */
static void
blur (SupconScratch *scratch, const SupconStep *step, SupconPlanes *planes)
{
  guint radius = (guint)(planes->height * step->values[1] + 1e-9) / 2;

  radius = MIN (radius, MIN (planes->width, planes->height) - 1);
  if (radius > 0)
    supcon_planes_blur (planes, radius, step->values[0], scratch);
}

static gboolean
is_move (SupconOperation operation)
{
  return operation == SUPCON_OPERATION_FLIP
         || (operation >= SUPCON_OPERATION_SHEAR_X && operation <= SUPCON_OPERATION_ROTATE);
}

/* A move's matrix, from the view to where its pixels come from. The conventions of torchvision's AutoAugment: shears
 * about the top left corner, whole pixels, turns counter-clockwise about the middle. Returns whether it is sampled
 * bilinearly: whole pixels are what they are. */
static gboolean
get_move (const SupconStep *step, const SupconPlanes *planes, double matrix[6])
{
  static const double identity[6] = { 1, 0, 0, 0, 1, 0 };
  double x = planes->width / 2.0, y = planes->height / 2.0;
  double angle = step->values[0] * G_PI / 180, c = cos (angle), s = sin (angle);

  memcpy (matrix, identity, sizeof identity);
  switch (step->operation) {
  case SUPCON_OPERATION_FLIP:
    matrix[0] = -1;
    matrix[2] = planes->width;
    return FALSE;
  case SUPCON_OPERATION_SHEAR_X:
    matrix[1] = step->values[0];
    break;
  case SUPCON_OPERATION_SHEAR_Y:
    matrix[3] = step->values[0];
    break;
  case SUPCON_OPERATION_TRANSLATE_X:
    matrix[2] = -trunc (step->values[0] * planes->width + step->values[1]);
    return FALSE;
  case SUPCON_OPERATION_TRANSLATE_Y:
    matrix[5] = -trunc (step->values[0] * planes->height + step->values[1]);
    return FALSE;
  default:
    matrix[0] = matrix[4] = c;
    matrix[1] = -s;
    matrix[3] = s;
    matrix[2] = x - c * x + s * y;
    matrix[5] = y - s * x - c * y;
    break;
  }
  return step->values[1] >= 0.5;
}

/* One move, or with compose all that follow each other as one transform; returns how many steps it took. */
static guint
move (SupconScratch *scratch, const SupconStep *steps, guint n, gboolean compose, SupconPlanes *planes)
{
  double m[6], before[6], next[6];
  gboolean bilinear = get_move (&steps[0], planes, m);
  guint done = 1;

  for (; compose && done < n && is_move (steps[done].operation); done++) {
    memcpy (before, m, sizeof m);
    bilinear |= get_move (&steps[done], planes, next);
    for (guint row = 0; row < 6; row += 3) {
      m[row] = before[row] * next[0] + before[row + 1] * next[3];
      m[row + 1] = before[row] * next[1] + before[row + 1] * next[4];
      m[row + 2] = before[row] * next[2] + before[row + 1] * next[5] + before[row + 2];
    }
  }
  if (done == 1 && steps[0].operation == SUPCON_OPERATION_FLIP)
    supcon_planes_flip (planes);
  else if (bilinear)
    supcon_planes_affine_bilinear (planes, m, scratch);
  else
    supcon_planes_affine (planes, m, scratch);
  return done;
}

/* The warp of the method's authors: points of an even grid inside the picture, each displaced by as many normal numbers
 * as there are axes times one length, which is a share of the shorter side. */
static void
warp (SupconScratch *scratch, const SupconStep *step, SupconPlanes *planes)
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
  supcon_planes_warp (planes, n, from, to, (guint)rint (step->values[2]), scratch);
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

/* What changes pixels by their values alone. FALSE: the operation is none of these. */
static gboolean
add_operation (SupconPointwise *run, SupconOperation operation, double value)
{
  switch (operation) {
  case SUPCON_OPERATION_BRIGHTNESS:
    supcon_pointwise_brightness (run, value);
    return TRUE;
  case SUPCON_OPERATION_CONTRAST:
    supcon_pointwise_contrast (run, value);
    return TRUE;
  case SUPCON_OPERATION_SATURATION:
    supcon_pointwise_saturation (run, value);
    return TRUE;
  case SUPCON_OPERATION_HUE:
    supcon_pointwise_hue (run, value);
    return TRUE;
  case SUPCON_OPERATION_GREYSCALE:
    supcon_pointwise_greyscale (run);
    return TRUE;
  case SUPCON_OPERATION_POSTERIZE:
    supcon_pointwise_posterize (run, (guint)rint (value));
    return TRUE;
  case SUPCON_OPERATION_SOLARIZE:
    supcon_pointwise_solarize (run, value);
    return TRUE;
  case SUPCON_OPERATION_AUTO_CONTRAST:
    supcon_pointwise_auto_contrast (run);
    return TRUE;
  case SUPCON_OPERATION_EQUALIZE:
    supcon_pointwise_equalize (run);
    return TRUE;
  case SUPCON_OPERATION_INVERT:
    supcon_pointwise_invert (run);
    return TRUE;
  default:
    return FALSE;
  }
}

/* The same of a step, and of colour distortion, which is four of them. */
static gboolean
add_step (SupconPointwise *run, const SupconStep *step)
{
  static const SupconOperation distortion[]
      = { SUPCON_OPERATION_BRIGHTNESS, SUPCON_OPERATION_CONTRAST, SUPCON_OPERATION_SATURATION, SUPCON_OPERATION_HUE };

  if (step->operation != SUPCON_OPERATION_COLOR)
    return add_operation (run, step->operation, step->values[0]);
  for (guint i = 0; i < 4; i++)
    add_operation (run, distortion[step->order[i]], step->values[step->order[i]]);
  return TRUE;
}

/* All but moves and what changes pixels by their values. */
static void
apply_step (SupconScratch *scratch, const SupconStep *step, SupconPlanes *planes)
{
  const double *values = step->values;
  SupconRng rng = step->rng;

  if (corruptions[step->operation]) {
    corruptions[step->operation](planes, (guint)rint (values[0]), &rng);
    return;
  }

  switch (step->operation) {
  case SUPCON_OPERATION_BLUR:
    blur (scratch, step, planes);
    break;
  case SUPCON_OPERATION_SHARPNESS:
    supcon_planes_sharpness (planes, values[0], scratch);
    break;
  case SUPCON_OPERATION_ERASE:
  case SUPCON_OPERATION_CUTOUT:
    supcon_planes_erase (
        planes, (guint)values[0], (guint)values[1], (guint)values[2], (guint)values[3], values[4], &rng);
    break;
  case SUPCON_OPERATION_WARP:
    warp (scratch, step, planes);
    break;
  default:
    g_return_if_reached ();
  }
}

static void apply_run (
    SupconScratch *scratch, const SupconStep *steps, guint n, gboolean compose, SupconPlanes *planes);

/* From a mix's step on; returns how many steps it took. What falls below a byte's value by rounding alone is that
 * value; the rest is cut off as torchvision does it. */
static guint
apply_mix (SupconScratch *scratch, const SupconStep *steps, gboolean compose, SupconPlanes *planes)
{
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();
  gsize n = (gsize)planes->width * planes->height * planes->channels;
  guint8 *bytes = planes->plane[0], *before = supcon_scratch_before (scratch, n);
  float *sums = supcon_scratch_sums (scratch, n);
  guint at = 1;

  memcpy (before, bytes, n);
  memset (sums, 0, n * sizeof *sums);
  kernels->add_bytes (before, n, (float)steps[0].values[1], sums);
  for (guint chain = 0; chain < (guint)steps[0].values[0]; chain++) {
    const SupconStep *head = &steps[at++];

    memcpy (bytes, before, n);
    apply_run (scratch, &steps[at], (guint)head->values[1], compose, planes);
    at += (guint)head->values[1];
    kernels->add_bytes (bytes, n, (float)head->values[0], sums);
  }
  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8)(gint32)MIN (sums[i] + 1e-3f, 255.0f);
  return at;
}

/* n steps; what may be done at once is. */
static void
apply_run (SupconScratch *scratch, const SupconStep *steps, guint n, gboolean compose, SupconPlanes *planes)
{
  SupconPointwise run;

  supcon_pointwise_begin (&run, planes, scratch);
  for (guint i = 0; i < n;) {
    const SupconStep *step = &steps[i];

    if (add_step (&run, step)) {
      i++;
      continue;
    }
    supcon_pointwise_end (&run);
    if (step->operation == SUPCON_OPERATION_MIX) {
      i += apply_mix (scratch, step, compose, planes);
    } else if (is_move (step->operation)) {
      i += move (scratch, step, n - i, compose, planes);
    } else {
      apply_step (scratch, step, planes);
      i++;
    }
  }
  supcon_pointwise_end (&run);
}

void
supcon_steps_apply (const SupconDraws *draws, SupconPlanes *picture, SupconScratch *scratch)
{
  apply_run (scratch, draws->steps, draws->n_steps, draws->compose, picture);
}
