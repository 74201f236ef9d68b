/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconlatency.h"

/* Pieces of work that tell how long it takes. */
#define MEASURED 30

void
gst_supcon_latency_init (GstSupconLatency * self, GstElement * element)
{
  *self = (GstSupconLatency) {.element = element };
}

void
gst_supcon_latency_reset (GstSupconLatency * self)
{
  GST_OBJECT_LOCK (self->element);
  self->wait = self->work = 0;
  self->timed = 0;
  GST_OBJECT_UNLOCK (self->element);
}

static void
tell (GstSupconLatency * self)
{
  gst_element_post_message (self->element,
      gst_message_new_latency (GST_OBJECT (self->element)));
}

void
gst_supcon_latency_set_wait (GstSupconLatency * self, GstClockTime wait)
{
  gboolean changed;

  GST_OBJECT_LOCK (self->element);
  changed = wait != self->wait;
  self->wait = wait;
  GST_OBJECT_UNLOCK (self->element);
  if (changed)
    tell (self);
}

GstClockTime
gst_supcon_latency_of_frames (const GstVideoInfo * info, guint n)
{
  if (info->fps_n <= 0)
    return n * (GST_SECOND / 25);
  return gst_util_uint64_scale (n, GST_SECOND * info->fps_d, info->fps_n);
}

void
gst_supcon_latency_measure (GstSupconLatency * self, GstClockTime time)
{
  gboolean changed = FALSE;

  GST_OBJECT_LOCK (self->element);
  if (self->timed < MEASURED) {
    self->timed++;
    changed = time > self->work + self->work / 2;
    self->work = MAX (self->work, time);
  }
  GST_OBJECT_UNLOCK (self->element);
  if (changed)
    tell (self);
}

void
gst_supcon_latency_answer (GstSupconLatency * self, GstQuery * query)
{
  GstClockTime least, most, later;
  gboolean live;

  gst_query_parse_latency (query, &live, &least, &most);
  GST_OBJECT_LOCK (self->element);
  later = self->wait + self->work;
  GST_OBJECT_UNLOCK (self->element);
  if (GST_CLOCK_TIME_IS_VALID (most))
    most += later;
  gst_query_set_latency (query, live, least + later, most);
}
