/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The steps of a trainer, as the messages tell that pass the pipeline's bus. A part of supconscope. */
#ifndef GST_SUPCON_STEPS_H
#define GST_SUPCON_STEPS_H

#include <gst/gst.h>

#include "gstsupconplot.h"

G_BEGIN_DECLS

typedef struct
{
  GstElement *element;
  gchar *const *trainer;        /* the name of the one that is heard, under element's object lock; of NULL: any */
  GstBus *bus;                  /* the pipeline's, from start to stop; NULL: there is none */

  GMutex lock;                  /* protects what follows: any thread posts messages */
  GArray *steps;                /* GstSupconPlotStep */
  guint stride;                 /* each so many-th step is kept */
  guint64 seen;                 /* messages */
} GstSupconSteps;

void gst_supcon_steps_init (GstSupconSteps * self, GstElement * element,
    gchar * const *trainer);
void gst_supcon_steps_clear (GstSupconSteps * self);

/** Forgets what was heard, and listens until stop. */
void gst_supcon_steps_start (GstSupconSteps * self);
void gst_supcon_steps_stop (GstSupconSteps * self);

/** The curves of what was heard, or a line that says that nothing was. */
void gst_supcon_steps_draw (GstSupconSteps * self, cairo_t * cr,
    const GstSupconPlotArea * area);

G_END_DECLS
#endif
