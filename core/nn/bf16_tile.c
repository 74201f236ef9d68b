/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/bf16_tile.h"

#include "cpu.h"
#include "simd.h"

static void
nothing (void)
{
}

SUPCON_MULTIVERSION static void
plain_product (const SupconBf16Tile *tile)
{
  const guint width = tile->cols * SUPCON_BF16_BLOCK;

  for (guint i = 0; i < tile->rows * SUPCON_BF16_BLOCK; i++) {
    SupconReal sum[2 * SUPCON_BF16_BLOCK] = { 0 }, *c = tile->c + i * tile->c_row;
    const SupconBfloat16 *b = tile->b;

    if (tile->accumulate)
      memcpy (sum, c, width * sizeof *sum);
    for (guint o = 0; o < tile->outer; o++) {
      const SupconBfloat16 *a = tile->a + tile->a_outer[o] + i * tile->a_row;

      for (gsize k = 0; k < (gsize)tile->inner * SUPCON_BF16_STEP; k += 2, b += 2 * width) {
        float even = supcon_bfloat16_widen (a[k]), odd = supcon_bfloat16_widen (a[k + 1]);

        for (guint j = 0; j < width; j++)
          sum[j] += even * supcon_bfloat16_widen (b[2 * j]) + odd * supcon_bfloat16_widen (b[2 * j + 1]);
      }
    }
    memcpy (c, sum, width * sizeof *sum);
  }
}

const SupconBf16Kernels supcon_bf16_plain = { "plain", 1, nothing, nothing, plain_product };

const SupconBf16Kernels *
supcon_bf16_kernels (void)
{
#if defined(SUPCON_HAVE_AMX) && !defined(SUPCON_DOUBLE)
  if (supcon_cpu_level () >= SUPCON_CPU_AMX)
    return &supcon_bf16_amx;
  if (supcon_cpu_has_bf16 ())
    return &supcon_bf16_avx512;
#endif
  return &supcon_bf16_plain;
}
