/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loss/squared_error.h"

double
supcon_squared_error (const SupconReal *outputs, guint n, const double *values, SupconReal *doutputs)
{
  double sum = 0;

  for (guint i = 0; i < n; i++) {
    double difference = outputs[i] - values[i];

    sum += difference * difference;
    if (doutputs)
      doutputs[i] = 2 * difference / n;
  }
  return sum / n;
}
