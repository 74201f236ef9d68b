/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers and pictures that tests and benchmarks compute with. */
#ifndef RANDOM_H
#define RANDOM_H

#include "nn/workspace.h"
#include "rng.h"
#include "train/batch.h"

/* n normal numbers; free with supcon_real_free. */
static inline SupconReal *
random_array (gsize n, guint stream)
{
  SupconReal *x = supcon_real_alloc (n);
  SupconRng rng;

  supcon_rng_init (&rng, 1, stream, 0, 0);
  for (gsize i = 0; i < n; i++)
    x[i] = supcon_rng_normal (&rng);
  return x;
}

/* One more view, of noise. It allocates nothing. */
static inline void
append_noise (SupconBatch *batch, SupconRng *rng, gint32 label, guint64 sample)
{
  gsize size = (gsize)batch->width * batch->height * 3;
  guint8 *view = g_alloca (size);

  for (gsize i = 0; i < size; i++)
    view[i] = supcon_rng_next (rng) >> 24;
  supcon_batch_append (batch, view, (gsize)batch->width * 3, 3, label, sample);
}

#endif
