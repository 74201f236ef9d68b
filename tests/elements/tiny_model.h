/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A small model for tests that need any. */
#ifndef TEST_TINY_MODEL_H
#define TEST_TINY_MODEL_H

#include "model/checkpoint.h"

/* Of 16x16 pictures with embeddings of 64 numbers, random, and written to location. */
static inline SupconModel *
tiny_model_new (const gchar * location)
{
  SupconModelConfig config;
  SupconModel *model;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
  config.input_width = config.input_height = 16;
  model = supcon_model_new (&config, 5, NULL);
  fail_unless (supcon_checkpoint_save (location, model,
          &(SupconCheckpointInfo) {.stage = "contrastive"}, NULL));
  return model;
}

#endif
