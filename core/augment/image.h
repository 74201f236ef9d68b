/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A picture that somebody else owns, as augmentation reads and writes it. */
#ifndef SUPCON_AUGMENT_IMAGE_H
#define SUPCON_AUGMENT_IMAGE_H

#include <glib.h>

/** What a picture of luma and chroma (Y'CbCr, as decoders give) has beside its luma. */
typedef struct {
  const guint8 *plane[2]; /* first byte of Cb and of Cr */
  gsize stride[2];        /* bytes between rows */
  guint step;             /* bytes between values: 1, or 2 where both share a plane */
  guint width, height;    /* of the planes, in values */
  /* Where the picture's left and top edges are in the planes, in values; half of what they are in luma, and where
   * values stand on pixels of luma instead of between them a quarter more. Each value of chroma is two pixels wide and
   * high. */
  double x, y;
  float offset[3];    /* R'G'B' = matrix (Y'CbCr - offset), all from 0 to 255 */
  float matrix[3][3]; /* rows R', G', B' */
} SupconChroma;

typedef struct {
  guint8 *pixels; /* first byte of the first row; not owned */
  gsize stride;   /* bytes between rows */
  guint width, height;
  guint channels; /* 1 (grey) or 3 (colour) */
  /* Of a picture that is only read; zero: channels bytes a pixel, R first. */
  guint step;                 /* bytes between pixels */
  guint8 order[3];            /* where in a pixel R, G and B are; only with step */
  const SupconChroma *chroma; /* pixels are luma, a byte each, and this is its colour (channels 3); not owned */
} SupconImage;

#endif
