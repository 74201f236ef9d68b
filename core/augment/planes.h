/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The picture that operations work on: one plane of bytes a channel, so that loops over pixels are loops over
 * contiguous bytes, which compilers make vectors of.
 */
#ifndef SUPCON_AUGMENT_PLANES_H
#define SUPCON_AUGMENT_PLANES_H

#include "augment/image.h"

/** The most pixels to a side: places in a picture are numbers of 15 bits and 16 of fraction. */
#define SUPCON_VIEW_MAX_SIDE 32767

typedef struct {
  guint8 *plane[3]; /* R, G, B, or grey alone: width x height bytes each, without gaps; owned by whoever made them */
  guint width, height;
  guint channels; /* 1 (grey) or 3 (RGB) */
} SupconPlanes;

#endif
