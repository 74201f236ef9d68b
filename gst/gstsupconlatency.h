/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What frames come later by in an element: a time that they wait at most, and what work on them takes, as it is measured. */
#ifndef GST_SUPCON_LATENCY_H
#define GST_SUPCON_LATENCY_H

#include <gst/video/video.h>

G_BEGIN_DECLS

/* A part of the element, under its object lock. Whenever it changes much, the pipeline is told by a message. */
typedef struct
{
  GstElement *element;
  GstClockTime wait, work;      /* work: the slowest so far */
  guint timed;                  /* pieces of work that were measured */
} GstSupconLatency;

void gst_supcon_latency_init (GstSupconLatency * latency, GstElement * element);
/** Nothing is known yet. */
void gst_supcon_latency_reset (GstSupconLatency * latency);
void gst_supcon_latency_set_wait (GstSupconLatency * latency,
    GstClockTime wait);
/** How long n frames of the caps that info describes last; 25 a second where they do not tell. */
GstClockTime gst_supcon_latency_of_frames (const GstVideoInfo * info, guint n);
/** A piece of work took time. Only the first count: later ones may be slow for what happens beside. */
void gst_supcon_latency_measure (GstSupconLatency * latency, GstClockTime time);

/** Adds it to an answered LATENCY query. */
void gst_supcon_latency_answer (GstSupconLatency * latency, GstQuery * query);

G_END_DECLS
#endif
