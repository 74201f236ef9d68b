/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What corruptions share: planes of float32 in the bytes' units, 0 to 255. */
#ifndef SUPCON_AUGMENT_CORRUPT_PRIVATE_H
#define SUPCON_AUGMENT_CORRUPT_PRIVATE_H

#include <math.h>
#include <string.h>

#include "augment/corrupt.h"

static inline gsize
corrupt_pixels (const SupconPlanes *picture)
{
  return (gsize)picture->width * picture->height;
}

/** Which table of numbers: 0 CIFAR-10-C's, 1 ImageNet-C's. */
static inline guint
corrupt_table (const SupconPlanes *picture)
{
  return MIN (picture->width, picture->height) >= SUPCON_CORRUPT_SMALL;
}

/** Cut off, not rounded, as the published code does it; 1e-3 for what rounding alone takes away. */
static inline guint8
corrupt_byte (double value)
{
  return (guint8)CLAMP (value + 1e-3, 0.0, 255.0);
}

typedef enum {
  CORRUPT_NEAREST,  /* the edge goes on: a a | a b c */
  CORRUPT_SYMMETRIC /* b a | a b c */
} CorruptEdge;

/** Gaussian of sigma in both directions, cut off at truncate sigma; sigma 0 changes nothing. */
void supcon_corrupt_gaussian (float *plane, guint width, guint height, double sigma, double truncate, CorruptEdge edge);

/** A bow of 2 radius + 1 pixels on one side of each, weighted by half a Gaussian, in degrees from the right; edges go
 * on. */
void supcon_corrupt_motion (float *plane, guint width, guint height, guint radius, double sigma, double angle);

/** The middle enlarged bilinearly, corners onto corners, into out of the same size. */
void supcon_corrupt_zoom (const float *plane, guint width, guint height, double factor, float *out);

#endif
