/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parallel.h"

/* The pool: helpers sleep on 'wake' until 'generation' moves, take part when their number is low enough, and the last
 * one to leave signals 'done'. One job at a time: whoever holds 'owner'. */
static struct {
  GMutex owner; /* held by the caller whose job the pool works on */
  GMutex lock;  /* guards everything below */
  GCond wake, done;
  guint started; /* helper threads, the caller not counted */
  guint64 generation;
  guint wanted;     /* helpers that take part in this job */
  guint unfinished; /* of those, how many have not left yet */
  SupconTaskFunc func;
  gpointer data;
  gsize n_tasks;
  gsize next; /* atomic: the first task that nobody has taken */
} pool;

static void
work (guint worker)
{
  gsize task;

  while ((task = __atomic_fetch_add (&pool.next, 1, __ATOMIC_RELAXED)) < pool.n_tasks)
    pool.func (task, worker, pool.data);
}

static gpointer
helper_main (gpointer number)
{
  guint worker = GPOINTER_TO_UINT (number);
  guint64 seen = 0;

  g_mutex_lock (&pool.lock);
  for (;;) {
    while (pool.generation == seen)
      g_cond_wait (&pool.wake, &pool.lock);
    seen = pool.generation;
    if (worker > pool.wanted)
      continue;
    g_mutex_unlock (&pool.lock);
    work (worker);
    g_mutex_lock (&pool.lock);
    if (--pool.unfinished == 0)
      g_cond_signal (&pool.done);
  }
  return NULL;
}

guint
supcon_parallel_threads (guint threads)
{
  return MIN (threads ? threads : g_get_num_processors (), SUPCON_MAX_THREADS);
}

void
supcon_parallel_for (guint threads, gsize n_tasks, SupconTaskFunc func, gpointer data)
{
  guint helpers = MIN (supcon_parallel_threads (threads), MAX (n_tasks, 1)) - 1;

  if (helpers == 0 || !g_mutex_trylock (&pool.owner)) {
    for (gsize task = 0; task < n_tasks; task++)
      func (task, 0, data);
    return;
  }

  g_mutex_lock (&pool.lock);
  /* A helper that starts now has seen generation 0 only, so 'wanted' decides whether it joins, as for all others; a
   * thread that cannot be had leaves the work to the rest. */
  while (pool.started < helpers) {
    GThread *thread = g_thread_try_new ("supcon", helper_main, GUINT_TO_POINTER (pool.started + 1), NULL);

    if (!thread)
      break;
    g_thread_unref (thread);
    pool.started++;
  }
  pool.func = func;
  pool.data = data;
  pool.n_tasks = n_tasks;
  pool.next = 0;
  pool.wanted = MIN (helpers, pool.started);
  pool.unfinished = pool.wanted;
  pool.generation++;
  g_cond_broadcast (&pool.wake);
  g_mutex_unlock (&pool.lock);

  work (0);

  g_mutex_lock (&pool.lock);
  while (pool.unfinished)
    g_cond_wait (&pool.done, &pool.lock);
  g_mutex_unlock (&pool.lock);
  g_mutex_unlock (&pool.owner);
}
