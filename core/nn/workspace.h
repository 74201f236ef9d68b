/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Scratch memory that layers share: grown when shapes become known, so that a step allocates nothing. */
#ifndef SUPCON_NN_WORKSPACE_H
#define SUPCON_NN_WORKSPACE_H

#include "parallel.h"
#include "real.h"

typedef struct {
  guint threads; /* as supcon_parallel_for takes it */
  SupconReal *worker, *shared;
  gsize worker_size, shared_size; /* elements */
  guint n_workers;
} SupconWorkspace;

/** Makes room for worker_size elements for each worker and shared_size for all together. Contents are lost. */
void supcon_workspace_reserve (SupconWorkspace *workspace, gsize worker_size, gsize shared_size);
void supcon_workspace_clear (SupconWorkspace *workspace);

static inline SupconReal *
supcon_workspace_worker (const SupconWorkspace *workspace, guint worker)
{
  return workspace->worker + worker * workspace->worker_size;
}

/** n elements of 'size' bytes, in large pages where the system has them for as much. Free with g_aligned_free. */
gpointer supcon_aligned_alloc (gsize n, gsize size);
/** Aligned to a cache line, not initialised. Free with supcon_real_free. */
SupconReal *supcon_real_alloc (gsize n);
void supcon_real_free (SupconReal *memory);

#endif
