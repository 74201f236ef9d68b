/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What a SupconScratch holds; private to the operations. */
#ifndef SUPCON_AUGMENT_SCRATCH_H
#define SUPCON_AUGMENT_SCRATCH_H

#include "augment/operations.h"

struct _SupconScratch {
  float *weights;     /* 2 radius + 1 */
  float *row;         /* one row between the passes, reflected to both sides and rounded up to whole blocks */
  float *plane;       /* the plane before, and a block of nothing */
  guint8 *bytes;      /* a copy of the plane before */
  const float **rows; /* of plane, that a row of the result is made of */
  float *at;          /* where the pixels of one row are taken from, x and y */
  guint32 *offsets;   /* the same as bytes of a plane */
  gsize n_weights, n_row, n_plane, n_rows, n_bytes, n_at, n_offsets;
};

/** A copy of n bytes, valid until the next one. */
const guint8 *supcon_scratch_copy (SupconScratch *scratch, const guint8 *bytes, gsize n);

/** Copies of all planes, valid until the next one. */
void supcon_scratch_copy_all (SupconScratch *scratch, const SupconPlanes *picture, const guint8 *planes[3]);

/** The same with one black pixel around each plane. */
void supcon_scratch_copy_bordered (SupconScratch *scratch, const SupconPlanes *picture, const guint8 *planes[3]);

/** n numbers of scratch->at and of scratch->offsets. */
float *supcon_scratch_at (SupconScratch *scratch, gsize n);
guint32 *supcon_scratch_offsets (SupconScratch *scratch, gsize n);

/** n bytes of 'out' taken from a plane at (x[i], y[i]), centres of pixels being whole numbers: bilinearly, rounded (a
 * half to even), the edge going on outside. */
void supcon_sample (
    const guint8 *plane, guint width, guint height, const float *x, const float *y, guint n, guint8 *out);

#endif
