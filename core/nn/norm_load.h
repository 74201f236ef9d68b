/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supcon_norm_load of inputs that are computed or widened, for the processors there are. Private to nn. */
#ifndef SUPCON_NN_NORM_LOAD_H
#define SUPCON_NN_NORM_LOAD_H

#include "nn/norm.h"

/* to_precision: that of 'to', which is precision or float32. */
typedef void (*SupconNormLoad) (SupconPrecision precision, SupconPrecision to_precision, const SupconNormInput *input,
    guint c, gsize first, gsize count, guint first_channel, guint channels, void *to);

/* As the compiler makes it, and with the processor's own conversion to bfloat16. */
void supcon_norm_load_plain (SupconPrecision precision, SupconPrecision to_precision, const SupconNormInput *input,
    guint c, gsize first, gsize count, guint first_channel, guint channels, void *to);
void supcon_norm_load_native (SupconPrecision precision, SupconPrecision to_precision, const SupconNormInput *input,
    guint c, gsize first, gsize count, guint first_channel, guint channels, void *to);

#endif
