/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/batch.h"

#include <string.h>

#include "loss/supcon.h"

SupconBatch *
supcon_batch_new (guint capacity, guint width, guint height)
{
  SupconBatch *batch = g_new0 (SupconBatch, 1);

  batch->capacity = capacity;
  batch->width = width;
  batch->height = height;
  batch->pixels = g_malloc ((gsize)capacity * width * height * 3);
  batch->labels = g_new (gint32, capacity);
  batch->samples = g_new (guint64, capacity);
  batch->second = g_new (gint32, capacity);
  batch->share = g_new (float, capacity);
  batch->values = g_new (double, capacity);
  batch->order = g_new (guint32, capacity);
  return batch;
}

void
supcon_batch_free (SupconBatch *batch)
{
  g_free (batch->pixels);
  g_free (batch->labels);
  g_free (batch->samples);
  g_free (batch->second);
  g_free (batch->share);
  g_free (batch->values);
  g_free (batch->order);
  g_free (batch);
}

void
supcon_batch_reset (SupconBatch *batch)
{
  batch->n = 0;
}

void
supcon_batch_append (
    SupconBatch *batch, const guint8 *pixels, gsize stride, guint channels, gint32 label, guint64 sample)
{
  guint8 *to = batch->pixels + (gsize)batch->n * batch->width * batch->height * 3;

  g_return_if_fail (batch->n < batch->capacity);
  for (guint row = 0; row < batch->height; row++, pixels += stride, to += (gsize)batch->width * 3) {
    if (channels == 3)
      memcpy (to, pixels, (gsize)batch->width * 3);
    else
      for (guint col = 0; col < batch->width; col++)
        to[3 * col] = to[3 * col + 1] = to[3 * col + 2] = pixels[col];
  }
  batch->labels[batch->n] = label;
  batch->samples[batch->n] = sample;
  batch->second[batch->n] = SUPCON_UNLABELLED;
  batch->share[batch->n] = 1;
  batch->values[batch->n] = 0;
  batch->n++;
}

guint
supcon_batch_n_classes (const SupconBatch *batch)
{
  gint32 largest = -1;

  for (guint i = 0; i < batch->n; i++)
    largest = MAX (largest, batch->labels[i]);
  return MAX ((guint)(largest + 1), batch->n_classes);
}

void
supcon_batch_targets (const SupconBatch *batch, guint classes, double smoothing, SupconReal *targets)
{
  for (guint i = 0; i < batch->n; i++, targets += classes) {
    gboolean labelled = batch->labels[i] != SUPCON_UNLABELLED;

    for (guint c = 0; c < classes; c++)
      targets[c] = labelled ? smoothing / classes : 0;
    if (labelled)
      targets[batch->labels[i]] += (1 - smoothing) * batch->share[i];
    if (batch->second[i] != SUPCON_UNLABELLED)
      targets[batch->second[i]] += (1 - smoothing) * (1 - batch->share[i]);
  }
}
