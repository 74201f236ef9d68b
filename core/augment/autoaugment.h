/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** AutoAugment's published tables. */
#ifndef SUPCON_AUGMENT_AUTOAUGMENT_H
#define SUPCON_AUGMENT_AUTOAUGMENT_H

#include "augment/program.h"

#define SUPCON_N_SUB_POLICIES 25

typedef struct {
  SupconOperation operation;
  double probability;
  guint ninths; /* of the operation's largest magnitude */
} SupconSubPolicy[2];

/** By SupconAutoaugmentTable. */
extern const SupconSubPolicy supcon_autoaugment[3][SUPCON_N_SUB_POLICIES];

#endif
