/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The elements of activations and their gradients ("features"): SupconReal or bfloat16, by a SupconPrecision that is
 * never auto here. Loops over them are written once: an inline function takes the precision as a constant and its
 * caller branches.
 */
#ifndef SUPCON_NN_FEATURE_H
#define SUPCON_NN_FEATURE_H

#include <string.h>

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

/** The address of element i. */
static inline void *
supcon_feature_at (const void *x, gsize i, SupconPrecision precision)
{
  return (char *)x + i * supcon_feature_size (precision);
}

#endif
