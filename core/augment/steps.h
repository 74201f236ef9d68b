/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** From what was drawn to operations on the picture. Private to core. */
#ifndef SUPCON_AUGMENT_STEPS_H
#define SUPCON_AUGMENT_STEPS_H

#include "augment/operations.h"
#include "augment/program.h"

/**
 * The steps of draws on the picture, from first to last. Runs of operations on single pixels are one pass, which
 * gives the same bytes; consecutive moves are one transform where draws say compose.
 */
void supcon_steps_apply (const SupconDraws *draws, SupconPlanes *picture, SupconScratch *scratch);

#endif
