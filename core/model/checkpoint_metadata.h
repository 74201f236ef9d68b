/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** __metadata__ of a checkpoint: what checkpoint.h says of it, written and read as text. Private to core/model. */
#ifndef SUPCON_MODEL_CHECKPOINT_METADATA_H
#define SUPCON_MODEL_CHECKPOINT_METADATA_H

#include "model/checkpoint.h"
#include "model/safetensors.h"

#define SUPCON_CHECKPOINT_MAX_CLASSES 1000000

/** info's first n_labels labels, which are valid UTF-8. */
void supcon_checkpoint_metadata_add (
    SupconSafetensorsWriter *writer, const SupconModelConfig *config, const SupconCheckpointInfo *info, guint n_labels);

/** As files have it. */
const char *supcon_checkpoint_metadata_stem_name (SupconStem stem);

/** Whether the file is one of ours; the others have nothing below. */
gboolean supcon_checkpoint_metadata_is_ours (const SupconSafetensors *file);

/** SUPCON_ERROR_FORMAT names the key, what was found and what was expected; so do those below. */
gboolean supcon_checkpoint_metadata_read_config (
    const SupconSafetensors *file, SupconModelConfig *config, GError **error);

/**
 * Everything but the queues; info->labels is there and empty. n_classes: rows of the classifier; 0 when there is none,
 * then the labels are those that the encoder was trained with.
 */
gboolean supcon_checkpoint_metadata_read_info (
    const SupconSafetensors *file, guint n_classes, SupconCheckpointInfo *info, GError **error);

#endif
