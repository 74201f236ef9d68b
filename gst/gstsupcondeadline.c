/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcondeadline.h"

struct _GstSupconDeadline
{
  void (*func) (gpointer data);
  gpointer data;
  GThread *thread;
  GMutex lock;                  /* guards what follows */
  GCond changed;
  gint64 time;                  /* 0: none */
  gboolean stops;
};

static gpointer
watch (gpointer data)
{
  GstSupconDeadline *self = data;

  g_mutex_lock (&self->lock);
  while (!self->stops) {
    if (self->time == 0) {
      g_cond_wait (&self->changed, &self->lock);
    } else if (g_get_monotonic_time () < self->time) {
      g_cond_wait_until (&self->changed, &self->lock, self->time);
    } else {
      self->time = 0;
      g_mutex_unlock (&self->lock);
      self->func (self->data);
      g_mutex_lock (&self->lock);
    }
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

GstSupconDeadline *
gst_supcon_deadline_new (void (*func) (gpointer data), gpointer data)
{
  GstSupconDeadline *self = g_new0 (GstSupconDeadline, 1);

  self->func = func;
  self->data = data;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->thread = g_thread_new ("supcondeadline", watch, self);
  return self;
}

void
gst_supcon_deadline_free (GstSupconDeadline * self)
{
  g_mutex_lock (&self->lock);
  self->stops = TRUE;
  g_cond_signal (&self->changed);
  g_mutex_unlock (&self->lock);
  g_thread_join (self->thread);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

void
gst_supcon_deadline_set (GstSupconDeadline * self, gint64 time)
{
  g_mutex_lock (&self->lock);
  self->time = time;
  g_cond_signal (&self->changed);
  g_mutex_unlock (&self->lock);
}
