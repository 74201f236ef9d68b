/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The elements of activations and their gradients ("features"): SupconReal or bfloat16, by a SupconPrecision that is
 * never auto here. Loops over them are written once: an inline function takes the precision as a constant and its
 * caller branches.
 */
#ifndef SUPCON_NN_FEATURE_H
#define SUPCON_NN_FEATURE_H

#include <string.h>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "precision.h"
#include "real.h"

/* The upper half of a float: 8 bits of significand. */
typedef guint16 SupconBfloat16;

#define SUPCON_INLINE inline __attribute__ ((always_inline))

static SUPCON_INLINE float
supcon_bfloat16_widen (SupconBfloat16 x)
{
  guint32 bits = (guint32)x << 16;
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

/* To the nearest, ties to even; a NaN stays one. */
static SUPCON_INLINE SupconBfloat16
supcon_bfloat16_round (float value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  return value != value ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static SUPCON_INLINE SupconReal
supcon_feature_get (const void *x, gsize i, SupconPrecision precision)
{
  if (precision == SUPCON_PRECISION_BFLOAT16)
    return supcon_bfloat16_widen (((const SupconBfloat16 *)x)[i]);
  return ((const SupconReal *)x)[i];
}

static SUPCON_INLINE void
supcon_feature_set (void *x, gsize i, SupconPrecision precision, SupconReal value)
{
  if (precision == SUPCON_PRECISION_BFLOAT16)
    ((SupconBfloat16 *)x)[i] = supcon_bfloat16_round (value);
  else
    ((SupconReal *)x)[i] = value;
}

static inline gsize
supcon_feature_size (SupconPrecision precision)
{
  return precision == SUPCON_PRECISION_BFLOAT16 ? sizeof (SupconBfloat16) : sizeof (SupconReal);
}

/* Sixteen numbers at once: loops over channels whose vectors the compiler need not find itself. */
#define SUPCON_LANES 16
typedef SupconReal SupconLanes
    __attribute__ ((vector_size (SUPCON_LANES * sizeof (SupconReal)), aligned (sizeof (SupconReal)), may_alias));
typedef float SupconFloatLanes __attribute__ ((vector_size (SUPCON_LANES * sizeof (float)), aligned (4), may_alias));
typedef guint32 SupconBitLanes __attribute__ ((vector_size (SUPCON_LANES * sizeof (guint32)), aligned (4), may_alias));
typedef SupconBfloat16 SupconHalfLanes
    __attribute__ ((vector_size (SUPCON_LANES * sizeof (SupconBfloat16)), aligned (2), may_alias));

/** The bits of floats that are no NaN, to the nearest bfloat16, in the upper half of each lane. */
static SUPCON_INLINE void
supcon_bits_round (SupconBitLanes *bits)
{
  *bits = (*bits + 0x7fff + (*bits >> 16 & 1)) & 0xffff0000;
}

/* To the nearest, as supcon_bfloat16_round; where the code is compiled for the processor's own conversion, subnormal
 * numbers become zero and a NaN keeps more of its bits. */
static SUPCON_INLINE void
supcon_lanes_narrow (SupconHalfLanes *to, const SupconLanes *from)
{
  SupconFloatLanes value = __builtin_convertvector(*from, SupconFloatLanes);
#ifdef __AVX512BF16__
  *to = (SupconHalfLanes)_mm512_cvtneps_pbh ((__m512)value);
#else
  SupconBitLanes bits = (SupconBitLanes)value, is_nan = (SupconBitLanes)(value != value);

  supcon_bits_round (&bits);
  bits = (is_nan & 0x7fc0) | (~is_nan & bits >> 16);
  *to = __builtin_convertvector(bits, SupconHalfLanes);
#endif
}

static SUPCON_INLINE void
supcon_lanes_widen (SupconLanes *to, const SupconHalfLanes *half)
{
  SupconBitLanes bits = __builtin_convertvector(*half, SupconBitLanes) << 16;

  *to = __builtin_convertvector((SupconFloatLanes)bits, SupconLanes);
}

/** Elements i to i + n of x, n <= 16, zero behind them. */
static SUPCON_INLINE void
supcon_lanes_load (SupconLanes *to, const void *x, gsize i, guint n, SupconPrecision precision)
{
  if (precision == SUPCON_PRECISION_BFLOAT16) {
    const SupconBfloat16 *from = (const SupconBfloat16 *)x + i;
    SupconHalfLanes half = { 0 };

    if (n == SUPCON_LANES)
      half = *(const SupconHalfLanes *)from;
    else
      memcpy (&half, from, n * sizeof *from);
    supcon_lanes_widen (to, &half);
  } else {
    const SupconReal *from = (const SupconReal *)x + i;

    if (n == SUPCON_LANES) {
      *to = *(const SupconLanes *)from;
    } else {
      *to = (SupconLanes){ 0 };
      memcpy (to, from, n * sizeof *from);
    }
  }
}

/** The reverse. */
static SUPCON_INLINE void
supcon_lanes_store (const SupconLanes *from, void *x, gsize i, guint n, SupconPrecision precision)
{
  if (precision == SUPCON_PRECISION_BFLOAT16) {
    SupconBfloat16 *to = (SupconBfloat16 *)x + i;
    SupconHalfLanes half;

    supcon_lanes_narrow (&half, from);
    if (n == SUPCON_LANES)
      *(SupconHalfLanes *)to = half;
    else
      memcpy (to, &half, n * sizeof *to);
  } else {
    SupconReal *to = (SupconReal *)x + i;

    if (n == SUPCON_LANES)
      *(SupconLanes *)to = *from;
    else
      memcpy (to, from, n * sizeof *to);
  }
}

/** Rounded to bfloat16. */
static SUPCON_INLINE void
supcon_lanes_round (SupconLanes *x)
{
  SupconHalfLanes half;

  supcon_lanes_narrow (&half, x);
  supcon_lanes_widen (x, &half);
}

/** Two vectors of 16 to where x's elements i and up are. */
static SUPCON_INLINE void
supcon_lanes_store_two (const SupconLanes *from, void *x, gsize i, SupconPrecision precision)
{
#ifdef __AVX512BF16__
  if (precision == SUPCON_PRECISION_BFLOAT16) {
    SupconFloatLanes low = __builtin_convertvector(from[0], SupconFloatLanes);
    SupconFloatLanes high = __builtin_convertvector(from[1], SupconFloatLanes);

    _mm512_storeu_si512 ((SupconBfloat16 *)x + i, (__m512i)_mm512_cvtne2ps_pbh ((__m512)high, (__m512)low));
    return;
  }
#endif
  supcon_lanes_store (&from[0], x, i, SUPCON_LANES, precision);
  supcon_lanes_store (&from[1], x, i + SUPCON_LANES, SUPCON_LANES, precision);
}

/* What comparisons of SupconLanes give: all bits or none. */
typedef __typeof__ ((SupconLanes){ 0 } < (SupconLanes){ 0 }) SupconMaskLanes;

/** Zero where x is below least; a NaN stays. */
static SUPCON_INLINE void
supcon_lanes_zero_below (SupconLanes *x, SupconReal least)
{
  *x = (SupconLanes)((SupconMaskLanes)*x & ~(*x < least));
}

/** max (x, 0); a NaN stays. */
static SUPCON_INLINE void
supcon_lanes_relu (SupconLanes *x)
{
  supcon_lanes_zero_below (x, 0);
}

/** Its gradient: x where y > 0, else 0. */
static SUPCON_INLINE void
supcon_lanes_relu_backward (SupconLanes *x, const SupconLanes *y)
{
  *x = (SupconLanes)((SupconMaskLanes)*x & (*y > 0));
}

/** The address of element i. */
static inline void *
supcon_feature_at (const void *x, gsize i, SupconPrecision precision)
{
  return (char *)x + i * supcon_feature_size (precision);
}

#endif
