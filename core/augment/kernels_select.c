/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/kernels.h"
#include "cpu.h"

const SupconAugmentKernels *const *
supcon_augment_all_kernels (void)
{
  static const SupconAugmentKernels *const all[] = {
#if defined(__x86_64__)
    &supcon_augment_avx512,
    &supcon_augment_avx2,
#endif
    &supcon_augment_plain,
    NULL
  };
  guint first = 0;

#if defined(__x86_64__)
  if (!__builtin_cpu_supports ("avx512vbmi") || !__builtin_cpu_supports ("avx512bw")
      || !__builtin_cpu_supports ("avx512vnni") || !__builtin_cpu_supports ("avx512vl")
      || !__builtin_cpu_supports ("avx512dq"))
    first = __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma") ? 1 : 2;
#endif
  return all + first;
}

const SupconAugmentKernels *
supcon_augment_kernels (void)
{
  const SupconAugmentKernels *const *all = supcon_augment_all_kernels ();

#if defined(__x86_64__)
  /* Down to what SUPCON_CPU allows. */
  if (*all == &supcon_augment_avx512 && supcon_cpu_level () < SUPCON_CPU_AVX512)
    all++;
  if (*all == &supcon_augment_avx2 && supcon_cpu_level () < SUPCON_CPU_AVX2)
    all++;
#endif
  return *all;
}
