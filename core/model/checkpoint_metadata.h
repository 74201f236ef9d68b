/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The __metadata__ of our checkpoints, as checkpoint.h lists it, in and out. Private to model/. */
#ifndef SUPCON_MODEL_CHECKPOINT_METADATA_H
#define SUPCON_MODEL_CHECKPOINT_METADATA_H

#include "model/checkpoint.h"
#include "model/safetensors.h"

#define SUPCON_MAX_CLASSES 1000000

/** labels: the first n_labels are written; NULL when that is 0. */
void supcon_metadata_write (SupconSafetensorsWriter *writer, const SupconModelConfig *config,
    const SupconLabels *labels, guint n_labels, const char *stage, guint64 step);

gboolean supcon_metadata_is_ours (const SupconSafetensors *file);
/** Every number in its range, every name short enough; whether there is such an encoder is the model's to say. */
gboolean supcon_metadata_read_config (const SupconSafetensors *file, SupconModelConfig *config, GError **error);
/**
 * Adds to info->labels and fills the rest. n_classes: rows of the classifier, as many as there must be labels; 0 when
 * there is none, then the labels are those that the encoder was trained with.
 */
gboolean supcon_metadata_read_info (
    const SupconSafetensors *file, guint n_classes, SupconCheckpointInfo *info, GError **error);

#endif
