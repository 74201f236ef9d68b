/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Which instruction sets the kernels may use. */
#ifndef SUPCON_CPU_H
#define SUPCON_CPU_H

#include <glib.h>

/** Each level includes those before it. */
typedef enum {
  SUPCON_CPU_PLAIN,  /* what the compiler's defaults give */
  SUPCON_CPU_AVX2,   /* AVX2 and FMA */
  SUPCON_CPU_AVX512, /* AVX-512 F; AVX-512 BF16 too where the processor has it */
  SUPCON_CPU_AMX     /* AMX tiles of bfloat16, where the kernel permits them */
} SupconCpuLevel;

/**
 * The processor's level, or the one that the environment names if that is lower: SUPCON_CPU=plain, avx2, avx512 or amx.
 * It is read once in a process. Any other value is warned about and ignored.
 */
SupconCpuLevel supcon_cpu_level (void);

/** Whether AVX-512 BF16 may be used: conversions and products of pairs. */
gboolean supcon_cpu_has_bf16 (void);

/** Asks the kernel for AMX's registers, whatever SUPCON_CPU says; FALSE when it, the processor or this build has none.
 */
gboolean supcon_cpu_amx_available (void);

#endif
