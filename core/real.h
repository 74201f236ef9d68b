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

#ifdef SUPCON_DOUBLE
typedef double SupconReal;
#else
typedef float SupconReal;
#endif

#endif
