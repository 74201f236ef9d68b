/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * What may be done to a view, as text with probabilities and ranges; the named policies are written in it too.
 * docs/augmentation.md has the whole language. In short:
 *
 *     crop(scale=0.2:1) flip(0.5) color(0.4,p=0.8) greyscale(0.2) blur(0.1:2,p=0.5)
 *     pick(2){ identity shear-x(+-0:0.3/31) equalize {posterize(4,p=0.4) rotate(+-30,p=0.6)} }
 *     mix(width=3,depth=-1,alpha=1){ equalize rotate(+-0:30) }
 *
 * A value is a number, a:b (uniform between them), a:b/n (one of n evenly spaced ones) or a|b|c (one of these). +-
 * before it draws a sign, c+- draws a sign and adds c. Every operation takes p=, its probability.
 */
#ifndef SUPCON_AUGMENT_PROGRAM_H
#define SUPCON_AUGMENT_PROGRAM_H

#include "augment/resize.h"
#include "rng.h"

/* Each draws from a stream of random numbers of its own. Never renumber: a seed would give other views. */
typedef enum {
  SUPCON_OPERATION_GROUP,
  SUPCON_OPERATION_CROP,
  SUPCON_OPERATION_FLIP,
  SUPCON_OPERATION_COLOR,
  SUPCON_OPERATION_GREYSCALE,
  SUPCON_OPERATION_BLUR,
  SUPCON_OPERATION_BRIGHTNESS,
  SUPCON_OPERATION_CONTRAST,
  SUPCON_OPERATION_SATURATION,
  SUPCON_OPERATION_HUE,
  SUPCON_OPERATION_SHARPNESS,
  SUPCON_OPERATION_POSTERIZE,
  SUPCON_OPERATION_SOLARIZE,
  SUPCON_OPERATION_AUTO_CONTRAST,
  SUPCON_OPERATION_EQUALIZE,
  SUPCON_OPERATION_INVERT,
  SUPCON_OPERATION_IDENTITY,
  SUPCON_OPERATION_SHEAR_X,
  SUPCON_OPERATION_SHEAR_Y,
  SUPCON_OPERATION_TRANSLATE_X,
  SUPCON_OPERATION_TRANSLATE_Y,
  SUPCON_OPERATION_ROTATE,
  SUPCON_OPERATION_ERASE,
  SUPCON_OPERATION_PICK,
  SUPCON_OPERATION_MIX,
  SUPCON_OPERATION_WARP,
  SUPCON_OPERATION_CUTOUT,
  /* The corruptions of ImageNet-C, by severity. */
  SUPCON_OPERATION_GAUSSIAN_NOISE,
  SUPCON_OPERATION_SHOT_NOISE,
  SUPCON_OPERATION_IMPULSE_NOISE,
  SUPCON_OPERATION_DEFOCUS_BLUR,
  SUPCON_OPERATION_GLASS_BLUR,
  SUPCON_OPERATION_MOTION_BLUR,
  SUPCON_OPERATION_ZOOM_BLUR,
  SUPCON_OPERATION_SNOW,
  SUPCON_OPERATION_FROST,
  SUPCON_OPERATION_FOG,
  SUPCON_OPERATION_CORRUPT_BRIGHTNESS,
  SUPCON_OPERATION_CORRUPT_CONTRAST,
  SUPCON_OPERATION_ELASTIC,
  SUPCON_OPERATION_PIXELATE,
  SUPCON_OPERATION_JPEG,
  /* In place of a crop, and how the crop is resampled: they are no steps on the view. */
  SUPCON_OPERATION_CENTER_CROP,
  SUPCON_OPERATION_BICUBIC,
  /* No step either: moves that follow each other are one transform. */
  SUPCON_OPERATION_COMPOSE,
  SUPCON_N_OPERATIONS
} SupconOperation;

/** The operation's name in the language. */
const gchar *supcon_operation_name (SupconOperation operation);

typedef struct _SupconProgram SupconProgram; /* parsed; never changes: threads may share it */

/** NULL and SUPCON_ERROR_SETTINGS that names the column, what stands there and what was expected. */
SupconProgram *supcon_program_parse (const gchar *text, GError **error);
void supcon_program_free (SupconProgram *program);

/* A program that could draw more does not parse. */
#define SUPCON_MAX_STEPS 32

/** An operation and its numbers: the values of its arguments, in the order of the language. color: the factors of
 * brightness, contrast and saturation, the shift of the hue, and their order. erase, cutout: x, y, width, height in
 * pixels, and the fill. mix: how many chains follow, the weight of the picture before; each chain begins with a group:
 * its weight, how many of the steps that follow are its own. */
typedef struct {
  SupconOperation operation;
  double values[5];
  guint32 order[4];
  SupconRng rng; /* for what is random in every point or pixel */
} SupconStep;

/** What one view gets, all that is random drawn: a crop of the picture, mirrored or not, and steps on the view. */
typedef struct {
  SupconRect crop;
  gboolean mirror;
  SupconInterpolation interpolation;
  gboolean compose; /* consecutive moves into one transform */
  guint n_steps;
  SupconStep steps[SUPCON_MAX_STEPS];
} SupconDraws;

/** Sizes in pixels, of the picture and of the view. Depends on nothing but the arguments. */
void supcon_program_draw (const SupconProgram *program, guint64 seed, guint64 sample, guint32 view, guint picture_width,
    guint picture_height, guint view_width, guint view_height, SupconDraws *draws);

/**
 * How many of n frames before its own a view goes back for its picture: 1 to n, each equally likely; 0 for n = 0. Drawn
 * from a stream of its own, so that what else is drawn stays the same.
 */
guint supcon_draw_neighbour (guint64 seed, guint64 sample, guint32 view, guint n);

/** The steps with the numbers drawn, to be read: "brightness(1.2) rotate(-7.5)". Free with g_free(). */
gchar *supcon_draws_to_text (const SupconDraws *draws);

#endif
