/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** In which order the pictures of a data set come, epoch by epoch: a function of the seed, the epoch and the position.
 */
#ifndef SUPCON_DATA_SAMPLER_H
#define SUPCON_DATA_SAMPLER_H

#include "data/dataset.h"

typedef enum {
  SUPCON_SAMPLER_SEQUENTIAL,    /* every picture once an epoch */
  SUPCON_SAMPLER_CLASS_BALANCED /* batches of P random classes by K pictures of each */
} SupconSamplerKind;

typedef struct {
  SupconSamplerKind kind;
  gboolean shuffle; /* another random order each epoch; class-balanced batches are random anyway */
  guint64 seed;
  /* Use only so many pictures, 0 for all: the first, or with shuffle a random choice (the same in every epoch) that
   * keeps the shares of the classes. */
  guint32 max_samples;
  /* Class-balanced: P, 0 for all classes, and K > 0. */
  guint classes_per_batch, samples_per_class;
} SupconSamplerConfig;

typedef struct _SupconSampler SupconSampler;

/** Nothing of dataset is kept. SUPCON_ERROR_SETTINGS when there are too few classes, or a batch is of 0 or more than
 * 2^24 pictures. */
SupconSampler *supcon_sampler_new (const SupconDataset *dataset, const SupconSamplerConfig *config, GError **error);
void supcon_sampler_free (SupconSampler *sampler);
/**
 * Positions in an epoch, at least 1. Class-balanced: the largest number of whole batches that the pictures would fill,
 * at least one batch.
 */
guint32 supcon_sampler_epoch_length (const SupconSampler *sampler);
/** The picture at position < epoch length. Going from one epoch to another costs as much as making its order. */
guint32 supcon_sampler_index (SupconSampler *sampler, guint64 epoch, guint32 position);

#endif
