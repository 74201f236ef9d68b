/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * One pool of threads for the process.
 *
 * Work is cut into tasks by its shape alone, never by the number of threads, and a task writes only what is its own:
 * so the result has the same bits for any number of threads.
 */
#ifndef SUPCON_PARALLEL_H
#define SUPCON_PARALLEL_H

#include <glib.h>

/* The most threads that one call uses; a worker's number is below it. */
#define SUPCON_MAX_THREADS 64

/**
 * task: 0 <= task < n_tasks. worker: 0 <= worker < SUPCON_MAX_THREADS, unique among the tasks that run at that moment
 * for this call: an index into per-worker scratch memory.
 */
typedef void (*SupconTaskFunc) (gsize task, guint worker, gpointer data);

/** How many threads a call with 'threads' uses: 'threads' itself, or for 0 the number of processors that the
 * process may use; at most the maximum. */
guint supcon_parallel_threads (guint threads);

/**
 * Runs func for every task and returns when all are done. The caller's thread works too. Each worker has its own run of
 * tasks, the same one for equal calls, so that it finds in its cache what it left there; who is done takes from others.
 * May be called from several threads at once: when the pool works for another caller the tasks are done by the caller
 * itself. Tasks must not call it in turn.
 */
void supcon_parallel_for (guint threads, gsize n_tasks, SupconTaskFunc func, gpointer data);

/**
 * What this thread calls between the two goes before what others call: where there are fewer processors than threads at
 * work, those who work for others finish their task, then help or wait until the end; but each of them does at least
 * one task between two such times, so that training goes on whatever else there is. For a frame that somebody waits
 * for. Not nested.
 */
void supcon_parallel_begin_urgent (void);
void supcon_parallel_end_urgent (void);

/** Leaves the core to its other thread for a moment, while waiting in a loop for what another thread writes. */
static inline void
supcon_relax (void)
{
#if defined(__x86_64__)
  __builtin_ia32_pause ();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
