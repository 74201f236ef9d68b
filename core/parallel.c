/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parallel.h"

#include <sched.h>

/* For how long a thread looks for work or for its end before it sleeps, in microseconds: a task of a frame's layer,
 * which others may still have, takes 20, and waking as long. */
#define SPIN_TIME 40

/* The tasks of one worker, on a cache line of their own. */
typedef struct {
  gsize next; /* atomic */
  gsize end;
} __attribute__ ((aligned (64))) Part;

typedef struct {
  gboolean taken; /* somebody's call uses it */
  SupconTaskFunc func;
  gpointer data;
  guint wanted; /* workers beside the caller; 0: nobody may join any more */
  guint joined; /* of those */
  guint inside; /* atomic, written under the lock: of those, how many have not left */
  guint parts;  /* one for each worker that may be */
  Part part[SUPCON_MAX_THREADS];
} Job;

enum { ORDINARY, URGENT, JOBS };

/* Helpers sleep on 'change' until there is a job to join; so do those who make way for an urgent one, and callers whose
 * last tasks others still work on. */
static struct {
  GMutex lock; /* guards everything; what is atomic is read without it */
  GCond change;
  guint changes;  /* atomic */
  guint sleeping; /* on 'change' */
  guint started;  /* helper threads */
  Job job[JOBS];
  guint active;       /* atomic, written without the lock: threads that work, or are urgent */
  guint limit;        /* atomic: more of them than this are too many */
  guint urgent;       /* atomic: threads between begin_urgent and end_urgent */
  guint reserved;     /* atomic: helpers that the last urgent call wanted */
  guint urgent_times; /* how often there was a first one */
} pool;

static __thread gboolean is_urgent;
static __thread guint made_way; /* the last of urgent_times that this thread made way for */

static guint
look (guint *number)
{
  return __atomic_load_n (number, __ATOMIC_ACQUIRE);
}

static void
set (guint *number, guint value)
{
  __atomic_store_n (number, value, __ATOMIC_RELEASE);
}

/* With the lock held. */
static void
tell_change (void)
{
  set (&pool.changes, pool.changes + 1);
  if (pool.sleeping)
    g_cond_broadcast (&pool.change);
}

/* With the lock held, which others get meanwhile. */
static void
wait_for_change (void)
{
  guint seen = pool.changes;
  gint64 end = g_get_monotonic_time () + SPIN_TIME;

  g_mutex_unlock (&pool.lock);
  while (look (&pool.changes) == seen && g_get_monotonic_time () < end)
    supcon_relax ();
  g_mutex_lock (&pool.lock);
  pool.sleeping++;
  while (pool.changes == seen)
    g_cond_wait (&pool.change, &pool.lock);
  pool.sleeping--;
}

/* Whether so many more threads would be too many, those counted that an urgent one is about to need. */
static gboolean
is_crowded (guint more)
{
  guint needed = look (&pool.urgent) ? look (&pool.reserved) : 0, inside = look (&pool.job[URGENT].inside);

  return look (&pool.active) + more + (needed > inside ? needed - inside : 0) > look (&pool.limit);
}

static gboolean make_way (gboolean helper);

/* Tasks of the job until none is left, or until a helper has to go: first those of the worker's own part. */
static void
work (Job *job, guint worker)
{
  gboolean urgent = job == &pool.job[URGENT];

  for (guint i = 0; i < job->parts; i++) {
    Part *part = &job->part[(worker + i) % job->parts];
    gsize task;

    while ((task = __atomic_fetch_add (&part->next, 1, __ATOMIC_RELAXED)) < part->end) {
      job->func (task, worker, job->data);
      if (!urgent && is_crowded (0) && make_way (worker > 0))
        return;
    }
  }
}

/* Works on the job if there is room, with the lock held, which others get meanwhile. */
static gboolean
join (Job *job)
{
  guint worker;

  if (job->joined >= job->wanted)
    return FALSE;
  worker = ++job->joined;
  set (&job->inside, job->inside + 1);
  __atomic_fetch_add (&pool.active, 1, __ATOMIC_RELAXED);
  g_mutex_unlock (&pool.lock);
  work (job, worker);
  g_mutex_lock (&pool.lock);
  __atomic_fetch_sub (&pool.active, 1, __ATOMIC_RELAXED);
  set (&job->inside, job->inside - 1);
  if (job->inside == 0)
    tell_change ();
  return TRUE;
}

/* TRUE: a helper leaves the job it works on. A caller helps those who are urgent, or waits for them. */
static gboolean
make_way (gboolean helper)
{
  guint times;

  if (helper || !look (&pool.urgent))
    return helper;
  g_mutex_lock (&pool.lock);
  times = pool.urgent_times;
  if (made_way != times) {
    made_way = times;
    __atomic_fetch_sub (&pool.active, 1, __ATOMIC_RELAXED);
    while (pool.urgent && pool.urgent_times == times)
      if (!join (&pool.job[URGENT]))
        wait_for_change ();
    __atomic_fetch_add (&pool.active, 1, __ATOMIC_RELAXED);
  }
  g_mutex_unlock (&pool.lock);
  return FALSE;
}

static gpointer
helper_main (G_GNUC_UNUSED gpointer data)
{
  g_mutex_lock (&pool.lock);
  for (;;)
    if (!join (&pool.job[URGENT]) && (is_crowded (1) || !join (&pool.job[ORDINARY])))
      wait_for_change ();
  return NULL;
}

/* Those that the first thread that asks may run on, which a container or taskset makes fewer than there are. Counted
 * once: it takes longer than many a task. */
static guint
count_processors (void)
{
  static gsize n;

  if (g_once_init_enter (&n)) {
    cpu_set_t allowed;
    gsize count = sched_getaffinity (0, sizeof allowed, &allowed) == 0 ? CPU_COUNT (&allowed) : 0;

    g_once_init_leave (&n, count ? count : g_get_num_processors ());
  }
  return n;
}

guint
supcon_parallel_threads (guint threads)
{
  return MIN (threads ? threads : count_processors (), SUPCON_MAX_THREADS);
}

/* With the lock held. A thread that cannot be had leaves the work to the rest. */
static void
start_helpers (guint n)
{
  while (pool.started < n) {
    GThread *thread = g_thread_try_new ("supcon", helper_main, NULL, NULL);

    if (!thread)
      return;
    g_thread_unref (thread);
    pool.started++;
  }
}

/* Offers the job to helpers, with the lock held. */
static void
publish (Job *job, guint threads, gsize n_tasks, SupconTaskFunc func, gpointer data)
{
  start_helpers (threads - 1);
  job->taken = TRUE;
  job->func = func;
  job->data = data;
  job->wanted = threads - 1;
  job->joined = 0;
  job->parts = threads;
  for (guint i = 0; i < threads; i++)
    job->part[i] = (Part){ n_tasks * i / threads, n_tasks * (i + 1) / threads };
  if (job == &pool.job[URGENT])
    set (&pool.reserved, threads - 1);
  tell_change ();
}

void
supcon_parallel_for (guint threads, gsize n_tasks, SupconTaskFunc func, gpointer data)
{
  Job *job = &pool.job[is_urgent ? URGENT : ORDINARY];
  guint n = MIN (supcon_parallel_threads (threads), MAX (n_tasks, 1));
  gboolean ours = FALSE;

  if (n > 1) {
    g_mutex_lock (&pool.lock);
    set (&pool.limit, MAX (MAX (pool.limit, n), count_processors ()));
    ours = !job->taken;
    if (ours)
      publish (job, n, n_tasks, func, data);
    g_mutex_unlock (&pool.lock);
  }
  if (!ours) {
    for (gsize task = 0; task < n_tasks; task++)
      func (task, 0, data);
    return;
  }
  if (!is_urgent)
    __atomic_fetch_add (&pool.active, 1, __ATOMIC_RELAXED);
  work (job, 0);
  if (!is_urgent)
    __atomic_fetch_sub (&pool.active, 1, __ATOMIC_RELAXED);
  g_mutex_lock (&pool.lock);
  job->wanted = 0;
  while (job->inside)
    wait_for_change ();
  job->taken = FALSE;
  g_mutex_unlock (&pool.lock);
}

void
supcon_parallel_begin_urgent (void)
{
  is_urgent = TRUE;
  __atomic_fetch_add (&pool.active, 1, __ATOMIC_RELAXED);
  g_mutex_lock (&pool.lock);
  set (&pool.urgent, pool.urgent + 1);
  pool.urgent_times += pool.urgent == 1;
  g_mutex_unlock (&pool.lock);
}

void
supcon_parallel_end_urgent (void)
{
  is_urgent = FALSE;
  __atomic_fetch_sub (&pool.active, 1, __ATOMIC_RELAXED);
  g_mutex_lock (&pool.lock);
  set (&pool.urgent, pool.urgent - 1);
  if (pool.urgent == 0)
    tell_change ();
  g_mutex_unlock (&pool.lock);
}
