/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What a SupconScratch holds; private to the operations. */
#ifndef SUPCON_AUGMENT_SCRATCH_H
#define SUPCON_AUGMENT_SCRATCH_H

#include "augment/operations.h"

/** Rows first to end, not included, of a loop; scratch: of the thread that runs it. */
typedef void (*SupconRowsFunc) (guint first, guint end, SupconScratch *scratch, gpointer data);

/** Rows of one plane that were resampled across, as many as one of the result is made of. */
typedef struct {
  guint8 *bytes;
  const guint8 **rows;
  gsize room, room_rows;
  guint done; /* how many rows of the source are here, or were */
} SupconRing;

struct _SupconScratch {
  float *weights;     /* 2 radius + 1 */
  float *row;         /* one row between the passes, reflected to both sides and rounded up to whole blocks */
  float *plane;       /* the plane before, and a block of nothing */
  guint8 *bytes;      /* a copy of the plane before */
  const float **rows; /* of plane, that a row of the result is made of */
  float *at;          /* where the pixels of one row are taken from, x and y */
  guint32 *offsets;   /* the same as bytes of a plane */
  guint8 *before;     /* of a mix, all planes */
  float *sums;
  gsize n_weights, n_row, n_plane, n_rows, n_bytes, n_at, n_offsets, n_before, n_sums;

  SupconRing ring[3]; /* of a resize, and what they are of: its number, and the row that would follow */
  guint ring_resize, ring_row;
  guint8 *components; /* a row of Y', Cb, Cr of its result */
  gsize n_components;

  /* The loop over rows that this thread is at, where others may help. */
  SupconRowsFunc func;
  gpointer data;
  guint n, band, bands;
  gint left;    /* atomic: bands that nobody has taken; 0 or less: none */
  guint inside; /* atomic: threads that help */
};

/** How many rows of a view a thread takes at a time: all planes of them lie in the nearest cache. */
#define SUPCON_BAND 16

/** func for all rows, so many at a time, in any order, by whoever has nothing else to do. */
void supcon_scratch_rows (SupconScratch *scratch, guint n, guint band, SupconRowsFunc func, gpointer data);

/** Takes rows of the loop that other is at, if it is at one. FALSE: none was left. */
gboolean supcon_scratch_help (SupconScratch *scratch, SupconScratch *other);

/** Once around a loop that waits for other threads. */
void supcon_scratch_wait (guint *turns);

/** Copies of all planes, valid until the next one, readable for SUPCON_SAMPLE_BEHIND bytes more. */
void supcon_scratch_copy_all (SupconScratch *scratch, const SupconPlanes *picture, const guint8 *planes[3]);

/** The same with one black pixel around each plane. */
void supcon_scratch_copy_bordered (SupconScratch *scratch, const SupconPlanes *picture, const guint8 *planes[3]);

/** n numbers of scratch->at and of scratch->offsets. */
float *supcon_scratch_at (SupconScratch *scratch, gsize n);
guint32 *supcon_scratch_offsets (SupconScratch *scratch, gsize n);

/** n bytes of scratch->before, n numbers of scratch->sums. */
guint8 *supcon_scratch_before (SupconScratch *scratch, gsize n);
float *supcon_scratch_sums (SupconScratch *scratch, gsize n);

/** A row of picture sampled from planes of width x height, copies that are readable SUPCON_SAMPLE_BEHIND bytes more. */
void supcon_planes_sample_row (const SupconPlanes *picture, guint row, const guint8 *const planes[3], guint width,
    guint height, const float *x, const float *y);

#endif
