/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpu.h"
#include "nn/tile.h"

const SupconTileKernels *
supcon_tile_kernels (void)
{
#if defined(__x86_64__)
  if (supcon_cpu_level () >= SUPCON_CPU_AVX512)
    return &supcon_tile_avx512;
  if (supcon_cpu_level () >= SUPCON_CPU_AVX2)
    return &supcon_tile_avx2;
#endif
  return &supcon_tile_plain;
}
