/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A batch of labelled views on its way to the trainer. */
#ifndef SUPCON_TRAIN_BATCH_H
#define SUPCON_TRAIN_BATCH_H

#include "real.h"

typedef struct {
  guint capacity, n;
  guint width, height;
  guint8 *pixels;   /* capacity x height x width x 3 */
  gint32 *labels;   /* class, or SUPCON_UNLABELLED */
  guint64 *samples; /* views of one picture share it */
  guint n_classes;  /* labels that are known, when that is more than the batch's largest label asks for */
  gint32 *second;   /* label of the picture that is mixed in, or SUPCON_UNLABELLED */
  float *share;     /* of the view's own label, 1 when nothing is mixed in */
  double *values;   /* labels that are numbers, for regression; 0 until set */
  guint32 *order;   /* capacity numbers: scratch of supcon_mix */
} SupconBatch;

SupconBatch *supcon_batch_new (guint capacity, guint width, guint height);
void supcon_batch_free (SupconBatch *batch);
void supcon_batch_reset (SupconBatch *batch);
/** Copies a view (width x height, channels 1 replicated or 3, stride in bytes) to the next place. n < capacity. */
void supcon_batch_append (
    SupconBatch *batch, const guint8 *pixels, gsize stride, guint channels, gint32 label, guint64 sample);

/** One more than the largest label, or the known number of labels. */
guint supcon_batch_n_classes (const SupconBatch *batch);
/**
 * targets (n x classes): of labelled views (1 - smoothing) times the shares of their labels, plus smoothing / classes
 * (Szegedy et al. 2016, section 7); zero for others. classes >= supcon_batch_n_classes.
 */
void supcon_batch_targets (const SupconBatch *batch, guint classes, double smoothing, SupconReal *targets);

#endif
