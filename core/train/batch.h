/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A batch of labelled views on its way to the trainer. */
#ifndef SUPCON_TRAIN_BATCH_H
#define SUPCON_TRAIN_BATCH_H

#include <glib.h>

typedef struct {
  guint capacity, n;
  guint width, height;
  guint8 *pixels;   /* capacity x height x width x 3 */
  gint32 *labels;   /* class, or SUPCON_UNLABELLED */
  guint64 *samples; /* views of one picture share it */
} SupconBatch;

SupconBatch *supcon_batch_new (guint capacity, guint width, guint height);
void supcon_batch_free (SupconBatch *batch);
void supcon_batch_reset (SupconBatch *batch);
/** Copies a view (width x height, channels 1 replicated or 3, stride in bytes) to the next place. n < capacity. */
void supcon_batch_append (
    SupconBatch *batch, const guint8 *pixels, gsize stride, guint channels, gint32 label, guint64 sample);

#endif
