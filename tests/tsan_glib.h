/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Included first in ThreadSanitizer's build (-include): GLib's locks are not built for it, so what they order is told here. */
#ifndef TSAN_GLIB_H
#define TSAN_GLIB_H

#include <glib.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);

static inline void
tsan_mutex_lock (GMutex *mutex)
{
  g_mutex_lock (mutex);
  __tsan_acquire (mutex);
}

static inline gboolean
tsan_mutex_trylock (GMutex *mutex)
{
  gboolean locked = g_mutex_trylock (mutex);

  if (locked)
    __tsan_acquire (mutex);
  return locked;
}

static inline void
tsan_mutex_unlock (GMutex *mutex)
{
  __tsan_release (mutex);
  g_mutex_unlock (mutex);
}

static inline void
tsan_cond_wait (GCond *cond, GMutex *mutex)
{
  __tsan_release (mutex);
  g_cond_wait (cond, mutex);
  __tsan_acquire (mutex);
}

static inline gboolean
tsan_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  gboolean woken;

  __tsan_release (mutex);
  woken = g_cond_wait_until (cond, mutex, end_time);
  __tsan_acquire (mutex);
  return woken;
}

#define g_mutex_lock tsan_mutex_lock
#define g_mutex_trylock tsan_mutex_trylock
#define g_mutex_unlock tsan_mutex_unlock
#define g_cond_wait tsan_cond_wait
#define g_cond_wait_until tsan_cond_wait_until

#endif
