/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The arithmetic of an encoder's activations and of the weights that its convolutions read. */
#ifndef SUPCON_PRECISION_H
#define SUPCON_PRECISION_H

/**
 * With bfloat16, sums, statistics, master weights, heads and losses stay in float32. auto: bfloat16 where the processor
 * multiplies it (AMX or AVX-512 BF16), else float32.
 */
typedef enum { SUPCON_PRECISION_FLOAT32, SUPCON_PRECISION_BFLOAT16, SUPCON_PRECISION_AUTO } SupconPrecision;

#endif
