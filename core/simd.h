/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Loops that the compiler vectorises, for more than the processor's oldest relative. Private to core. */
#ifndef SUPCON_SIMD_H
#define SUPCON_SIMD_H

#include <math.h>
#include <string.h>

#include "real.h"

/* Compiled once for each instruction set, the best is chosen when the library is loaded. Sanitizers are not ready that
 * early, and the tests' build in double and files that are compiled for one of the sets do without. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)        \
    && !defined(__clang__) && !defined(SUPCON_DOUBLE) && !defined(__AVX512F__)
#define SUPCON_MULTIVERSION __attribute__ ((target_clones ("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SUPCON_MULTIVERSION
#endif

/**
 * e^x for x <= 88 by a polynomial of degree 6 on [-ln 2 / 2, ln 2 / 2] (the Cephes library's expf), which loops over
 * arrays vectorise; relative error below 2e-7, 0 below -87. In the double build it is exp.
 */
static inline __attribute__ ((always_inline)) SupconReal
supcon_exp (SupconReal x)
{
#ifdef SUPCON_DOUBLE
  return exp (x);
#else
  float clamped = x < -87.0f ? -87.0f : x;
  float rounded = clamped * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: the integer lands in the low bits */
  float whole = rounded - 12582912.0f;
  float f = clamped - whole * 0.693359375f + whole * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  guint32 bits;
  float power;

  p = p * f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  p = p * f * f + f + 1.0f;
  memcpy (&bits, &rounded, sizeof bits);
  bits = (bits + 127) << 23; /* what is not finite has no integer, but bits */
  memcpy (&power, &bits, sizeof power);
  return x < -87.0f ? 0.0f : p * power;
#endif
}

#endif
