/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The arithmetic type of every activation, weight and gradient.
 *
 * The library is built with float. The tests build core a second time with SUPCON_DOUBLE, so that the very same code is
 * checked against central differences in double precision.
 */
#ifndef SUPCON_REAL_H
#define SUPCON_REAL_H

#include <glib.h>
#include <math.h>

#ifdef SUPCON_DOUBLE
typedef double SupconReal;
#else
typedef float SupconReal;
#endif

/** Euclidean length of x, n numbers, summed up in double: not finite where a number is not, 0 where there is no
 * direction. */
static inline double
supcon_real_length (const SupconReal *x, gsize n)
{
  double square = 0;

  for (gsize i = 0; i < n; i++)
    square += (double)x[i] * x[i];
  return sqrt (square);
}

/** The place of the largest of n >= 1 numbers, of equal ones the first. */
static inline guint
supcon_real_largest (const SupconReal *x, guint n)
{
  guint best = 0;

  for (guint i = 1; i < n; i++)
    best = x[i] > x[best] ? i : best;
  return best;
}

#endif
