/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/tile.h"

const SupconTileKernels *
supcon_tile_kernels (void)
{
#if defined(__x86_64__)
  if (__builtin_cpu_supports ("avx512f"))
    return &supcon_tile_avx512;
  if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma"))
    return &supcon_tile_avx2;
#endif
  return &supcon_tile_plain;
}
