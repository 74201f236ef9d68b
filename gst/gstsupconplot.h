/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What supconscope draws: a map of points with a legend, and curves. Pictures are CAIRO_FORMAT_RGB24. */
#ifndef GST_SUPCON_PLOT_H
#define GST_SUPCON_PLOT_H

#include <cairo.h>
#include <glib.h>

#include "labels.h"
#include "train/map.h"

G_BEGIN_DECLS

typedef struct
{
  gint x, y, width, height;     /* pixels */
} GstSupconPlotArea;

typedef struct
{
  guint64 step;
  gdouble loss, learning_rate;
} GstSupconPlotStep;

/** The background, on which the rest is drawn. */
void gst_supcon_plot_clear (cairo_t * cr);

/** A line of text in the middle of area. */
void gst_supcon_plot_say (cairo_t * cr, const GstSupconPlotArea * area, const gchar * text);

/**
 * The map's frame, its caption, and beside it the legend: a sign and a name for each label, as many as fit. Returns where
 * the points go.
 */
GstSupconPlotArea gst_supcon_plot_map (cairo_t * cr, const GstSupconPlotArea * area, const SupconLabels * labels,
    gdouble explained);

/* What of the plane is seen; all 0 at first. */
typedef struct
{
  gdouble x, y;                 /* in the middle */
  gdouble unit;                 /* of a pixel */
} GstSupconPlotView;

/**
 * Points over pixels (stride bytes a row), the later the brighter, a colour and shape for each label from 0 on, grey for
 * -1. view moves towards what shows all of them, bit by bit, lest the picture shake; until it does, those outside are at
 * the edge. n > 0.
 */
void gst_supcon_plot_points (guint8 * pixels, gsize stride, const GstSupconPlotArea * area,
    const SupconMapPoint * points, guint n, GstSupconPlotView * view);

/** Loss (on the left scale) and learning rate (on the right one) by step. n > 0; the steps rise. */
void gst_supcon_plot_curves (cairo_t * cr, const GstSupconPlotArea * area, const GstSupconPlotStep * steps, guint n);

G_END_DECLS
#endif
