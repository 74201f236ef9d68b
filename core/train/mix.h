/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Pictures of a batch mixed in pairs, and their labels with them: mixup (Zhang et al. 2018, arXiv 1710.09412) and
 * CutMix (Yun et al. 2019, arXiv 1905.04899).
 */
#ifndef SUPCON_TRAIN_MIX_H
#define SUPCON_TRAIN_MIX_H

#include "train/batch.h"

typedef struct {
  double mixup;  /* alpha: a picture's share is drawn from Beta(alpha, alpha); 0: no mixup */
  double cutmix; /* the same for the area that is kept. With both, each pair is mixed by one of them, drawn evenly */
} SupconMix;

/**
 * Mixes each labelled view with another one, drawn from (seed, step); a pair is mixed both ways, and of an odd number
 * one is left. second and share of batch tell with what. Nothing happens when mix asks for nothing.
 */
void supcon_mix (const SupconMix *mix, guint64 seed, guint64 step, SupconBatch *batch);

#endif
