/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A thread that calls back once a time has come. */
#ifndef GST_SUPCON_DEADLINE_H
#define GST_SUPCON_DEADLINE_H

#include <glib.h>

G_BEGIN_DECLS

typedef struct _GstSupconDeadline GstSupconDeadline;

/** func is called by the thread, with data; no deadline is set then, until func or somebody else sets one. */
GstSupconDeadline *gst_supcon_deadline_new (void (*func) (gpointer data),
    gpointer data);
/** Waits for a call that is under way. */
void gst_supcon_deadline_free (GstSupconDeadline * deadline);

/** In place of the one before. time: monotonic, microseconds; 0: none. */
void gst_supcon_deadline_set (GstSupconDeadline * deadline, gint64 time);

G_END_DECLS
#endif
