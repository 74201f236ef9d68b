/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Mean squared error, for labels that are numbers. */
#ifndef SUPCON_LOSS_SQUARED_ERROR_H
#define SUPCON_LOSS_SQUARED_ERROR_H

#include "real.h"

/** The mean of (outputs - values)^2 over n > 0; doutputs (n): written with its gradient, or NULL. */
double supcon_squared_error (const SupconReal *outputs, guint n, const double *values, SupconReal *doutputs);

#endif
