/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/workspace.h"

#include <sys/mman.h>

#define ALIGNMENT 64
#define HUGE_PAGE ((gsize)2 << 20)

gpointer
supcon_aligned_alloc (gsize n, gsize size)
{
  gsize whole = n * size / HUGE_PAGE * HUGE_PAGE;
  gpointer memory = g_aligned_alloc (MAX (n, 1), size, whole ? HUGE_PAGE : ALIGNMENT);

#ifdef MADV_HUGEPAGE
  if (whole)
    madvise (memory, whole, MADV_HUGEPAGE); /* advice: all works without it, in a tenth more time */
#endif
  return memory;
}

SupconReal *
supcon_real_alloc (gsize n)
{
  return supcon_aligned_alloc (n, sizeof (SupconReal));
}

void
supcon_real_free (SupconReal *memory)
{
  g_aligned_free (memory);
}

void
supcon_workspace_reserve (SupconWorkspace *workspace, gsize worker_size, gsize shared_size)
{
  guint n_workers = supcon_parallel_threads (workspace->threads);

  /* Whole cache lines, so that no two workers write the same one. */
  worker_size = (worker_size + 15) & ~(gsize)15;
  if (worker_size > workspace->worker_size || n_workers > workspace->n_workers) {
    workspace->worker_size = MAX (worker_size, workspace->worker_size);
    workspace->n_workers = MAX (n_workers, workspace->n_workers);
    supcon_real_free (workspace->worker);
    workspace->worker = supcon_real_alloc (workspace->n_workers * workspace->worker_size);
  }
  if (shared_size > workspace->shared_size) {
    workspace->shared_size = shared_size;
    supcon_real_free (workspace->shared);
    workspace->shared = supcon_real_alloc (shared_size);
  }
}

void
supcon_workspace_clear (SupconWorkspace *workspace)
{
  g_clear_pointer (&workspace->worker, supcon_real_free);
  g_clear_pointer (&workspace->shared, supcon_real_free);
  workspace->worker_size = workspace->shared_size = 0;
  workspace->n_workers = 0;
}
