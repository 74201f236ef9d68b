/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconplot.h"

#include <math.h>
#include <pango/pangocairo.h>

/* Colours that colour-blind people tell apart (Okabe and Ito 2008, "Color Universal Design"), less the black, which the
 * background takes. Labels beyond seven take them again with another shape. */
static const guint32 palette[] = {
  0xe69f00, 0x56b4e9, 0x009e73, 0xf0e442, 0x0072b2, 0xd55e00, 0xcc79a7
};

#define N_SHAPES 4
#define BACKGROUND 0x14181c
#define FRAME_COLOUR 0x4a5058
#define TEXT_COLOUR 0xe8e8e8
#define UNLABELLED 0xa0a0a0
#define LOSS_COLOUR 0xe69f00
#define RATE_COLOUR 0x56b4e9

#define LEGEND_SHARE 0.24       /* of the width */
#define LINE 17                 /* of text, pixels */
#define MARGIN 8
#define SCALE_WIDTH 72          /* of the numbers beside curves */
#define FAINTEST 40             /* of the oldest point, of 255 */
#define VIEW_SPEED 0.1          /* share of the way that the view goes in one picture */

/* Signs of points: how much of each pixel around the middle they cover. */
#define RADIUS 4
#define SIDE (2 * RADIUS + 1)

static gboolean
shape_covers (guint shape, gdouble x, gdouble y)
{
  switch (shape) {
    case 0:                    /* disc */
      return x * x + y * y <= 3.4 * 3.4;
    case 1:                    /* square */
      return fabs (x) <= 2.9 && fabs (y) <= 2.9;
    case 2:                    /* triangle */
      return y <= 2.8 && y >= -3.8 + 1.7 * fabs (x);
    default:                   /* ring */
      return x * x + y * y <= 4.2 * 4.2 && x * x + y * y >= 2.2 * 2.2;
  }
}

static guint8 signs[N_SHAPES][SIDE * SIDE];

static void
make_signs (void)
{
  static gsize once = 0;

  if (!g_once_init_enter (&once))
    return;
  for (guint shape = 0; shape < N_SHAPES; shape++)
    for (guint i = 0; i < SIDE * SIDE; i++) {
      guint inside = 0;

      for (guint s = 0; s < 16; s++)
        inside += shape_covers (shape, (gint) (i % SIDE) - RADIUS - 0.375
            + s % 4 * 0.25, (gint) (i / SIDE) - RADIUS - 0.375 + s / 4 * 0.25);
      signs[shape][i] = inside * 255 / 16;
    }
  g_once_init_leave (&once, 1);
}

static guint32
colour_of (gint label)
{
  return label < 0 ? UNLABELLED : palette[label % G_N_ELEMENTS (palette)];
}

static guint
shape_of (gint label)
{
  return label < 0 ? 0 : label / G_N_ELEMENTS (palette) % N_SHAPES;
}

/* The sign of label over the pixels around (x, y), all of which are there. */
static void
stamp (guint8 * pixels, gsize stride, gint x, gint y, gint label, guint alpha)
{
  const guint8 *cover = signs[shape_of (label)];
  guint32 colour = colour_of (label);
  gint red = colour >> 16, green = colour >> 8 & 255, blue = colour & 255;

  for (gint j = 0; j < SIDE; j++) {
    guint32 *row = (guint32 *) (gpointer) (pixels + (y - RADIUS + j) * stride)
        + x - RADIUS;

    for (gint i = 0; i < SIDE; i++) {
      gint a = cover[j * SIDE + i] * alpha / 255;
      gint r = row[i] >> 16 & 255, g = row[i] >> 8 & 255, b = row[i] & 255;

      if (a)
        row[i] = (guint32) (r + (red - r) * a / 255) << 16 |
            (guint32) (g + (green - g) * a / 255) << 8 |
            (guint32) (b + (blue - b) * a / 255);
    }
  }
}

static void
set_colour (cairo_t * cr, guint32 colour)
{
  cairo_set_source_rgb (cr, (colour >> 16) / 255.0, (colour >> 8 & 255) / 255.0,
      (colour & 255) / 255.0);
}

/* A line of text whose box is width pixels wide, shortened where it is longer. */
static void
draw_text (cairo_t * cr, gdouble x, gdouble y, gdouble width,
    PangoAlignment align, guint32 colour, const gchar * text)
{
  PangoLayout *layout = pango_cairo_create_layout (cr);
  PangoFontDescription *font = pango_font_description_from_string ("Sans");

  pango_font_description_set_absolute_size (font, 12 * PANGO_SCALE);
  pango_layout_set_font_description (layout, font);
  pango_layout_set_width (layout, (gint) (width * PANGO_SCALE));
  pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_END);
  pango_layout_set_alignment (layout, align);
  pango_layout_set_single_paragraph_mode (layout, TRUE);
  pango_layout_set_text (layout, text, -1);
  set_colour (cr, colour);
  cairo_move_to (cr, x, y);
  pango_cairo_show_layout (cr, layout);
  pango_font_description_free (font);
  g_object_unref (layout);
}

void
gst_supcon_plot_clear (cairo_t * cr)
{
  set_colour (cr, BACKGROUND);
  cairo_paint (cr);
}

void
gst_supcon_plot_say (cairo_t * cr, const GstSupconPlotArea * area,
    const gchar * text)
{
  draw_text (cr, area->x, area->y + area->height / 2 - LINE / 2, area->width,
      PANGO_ALIGN_CENTER, TEXT_COLOUR, text);
}

static void
draw_frame (cairo_t * cr, const GstSupconPlotArea * area)
{
  set_colour (cr, FRAME_COLOUR);
  cairo_set_line_width (cr, 1);
  cairo_rectangle (cr, area->x + 0.5, area->y + 0.5, area->width - 1,
      area->height - 1);
  cairo_stroke (cr);
}

static void
draw_legend (cairo_t * cr, const GstSupconPlotArea * area,
    const SupconLabels * labels)
{
  guint n = supcon_labels_count (labels), rows = MAX (area->height / LINE, 1);
  guint shown = n <= rows ? n : rows - 1;
  cairo_surface_t *surface = cairo_get_target (cr);

  for (guint i = 0; i < shown; i++) {
    gint y = area->y + i * LINE;

    draw_text (cr, area->x + 16, y, area->width - 16, PANGO_ALIGN_LEFT,
        TEXT_COLOUR, supcon_labels_name (labels, i));
    cairo_surface_flush (surface);
    stamp (cairo_image_surface_get_data (surface),
        cairo_image_surface_get_stride (surface), area->x + 6, y + LINE / 2,
        i, 255);
    cairo_surface_mark_dirty (surface);
  }
  if (shown < n) {
    gchar *more = g_strdup_printf ("and %u more", n - shown);

    draw_text (cr, area->x + 16, area->y + shown * LINE, area->width - 16,
        PANGO_ALIGN_LEFT, TEXT_COLOUR, more);
    g_free (more);
  }
}

GstSupconPlotArea
gst_supcon_plot_map (cairo_t * cr, const GstSupconPlotArea * area,
    const SupconLabels * labels, gdouble explained)
{
  gint legend_width = area->width * LEGEND_SHARE;
  GstSupconPlotArea plot = { area->x + MARGIN, area->y + LINE + MARGIN,
    area->width - legend_width - 3 * MARGIN, area->height - LINE - 2 * MARGIN
  };
  GstSupconPlotArea legend = { plot.x + plot.width + MARGIN, plot.y,
    legend_width, plot.height
  };
  gchar *caption = g_strdup_printf ("embeddings in the plane of most variance "
      "(%.0f %%)", 100 * explained);

  make_signs ();
  draw_frame (cr, &plot);
  draw_text (cr, plot.x, area->y + MARGIN / 2, area->width - 2 * MARGIN,
      PANGO_ALIGN_LEFT, TEXT_COLOUR, caption);
  draw_legend (cr, &legend, labels);
  g_free (caption);
  return plot;
}

static void
move_view (GstSupconPlotView * view, const GstSupconPlotArea * area,
    const SupconMapPoint * points, guint n)
{
  gdouble left = points[0].x, right = left, bottom = points[0].y, top = bottom;
  gdouble share = view->unit ? VIEW_SPEED : 1, unit;

  for (guint i = 1; i < n; i++) {
    left = MIN (left, points[i].x);
    right = MAX (right, points[i].x);
    bottom = MIN (bottom, points[i].y);
    top = MAX (top, points[i].y);
  }
  unit = MAX ((right - left) / (area->width - 4 * RADIUS),
      (top - bottom) / (area->height - 4 * RADIUS));
  view->x += share * ((left + right) / 2 - view->x);
  view->y += share * ((bottom + top) / 2 - view->y);
  view->unit += share * (MAX (unit, 1e-6) - view->unit);
}

void
gst_supcon_plot_points (guint8 * pixels, gsize stride,
    const GstSupconPlotArea * area, const SupconMapPoint * points, guint n,
    GstSupconPlotView * view)
{
  gdouble x_middle = area->x + area->width / 2.0;
  gdouble y_middle = area->y + area->height / 2.0;
  gdouble left = area->x + RADIUS + 1, top = area->y + RADIUS + 1;
  gdouble right = area->x + area->width - RADIUS - 2;
  gdouble bottom = area->y + area->height - RADIUS - 2;

  move_view (view, area, points, n);
  for (guint i = 0; i < n; i++) {
    gdouble x = x_middle + (points[i].x - view->x) / view->unit;
    gdouble y = y_middle - (points[i].y - view->y) / view->unit;

    stamp (pixels, stride, (gint) CLAMP (x, left, right), (gint) CLAMP (y, top,
            bottom), points[i].label, FAINTEST + (255 - FAINTEST) * (i + 1) / n);
  }
}

/* Numbers at the ends of a vertical scale. */
static void
draw_scale (cairo_t * cr, gdouble x, const GstSupconPlotArea * plot,
    PangoAlignment align, guint32 colour, gdouble least, gdouble most)
{
  const gdouble values[] = { most, least };

  for (guint i = 0; i < 2; i++) {
    gchar text[32];

    g_snprintf (text, sizeof (text), "%.3g", values[i]);
    draw_text (cr, x, i ? plot->y + plot->height - LINE : plot->y,
        SCALE_WIDTH - MARGIN, align, colour, text);
  }
}

static void
draw_curve (cairo_t * cr, const GstSupconPlotArea * plot,
    const GstSupconPlotStep * steps, guint n, gsize field, gdouble least,
    gdouble most, guint32 colour)
{
  gdouble first = steps[0].step, last = steps[n - 1].step;

  for (guint i = 0; i < n; i++) {
    gdouble value =
        *(const gdouble *) ((const guint8 *) &steps[i] + field);
    gdouble x = plot->x + 2 + (plot->width - 4)
        * (last > first ? (steps[i].step - first) / (last - first) : 0.5);
    gdouble y = plot->y + plot->height - 3 - (plot->height - 6)
        * (most > least ? (value - least) / (most - least) : 0.5);

    cairo_line_to (cr, x, y);
  }
  set_colour (cr, colour);
  cairo_set_line_width (cr, 1.5);
  cairo_set_line_join (cr, CAIRO_LINE_JOIN_BEVEL);
  cairo_stroke (cr);
}

void
gst_supcon_plot_curves (cairo_t * cr, const GstSupconPlotArea * area,
    const GstSupconPlotStep * steps, guint n)
{
  GstSupconPlotArea plot = { area->x + SCALE_WIDTH, area->y + LINE + MARGIN,
    area->width - 2 * SCALE_WIDTH, area->height - 2 * (LINE + MARGIN)
  };
  const GstSupconPlotStep *last = &steps[n - 1];
  gdouble least = G_MAXDOUBLE, most = -G_MAXDOUBLE, rate = 0;
  gchar text[64];

  for (guint i = 0; i < n; i++) {
    least = MIN (least, steps[i].loss);
    most = MAX (most, steps[i].loss);
    rate = MAX (rate, steps[i].learning_rate);
  }
  draw_frame (cr, &plot);
  draw_curve (cr, &plot, steps, n, G_STRUCT_OFFSET (GstSupconPlotStep,
          learning_rate), 0, rate, RATE_COLOUR);
  draw_curve (cr, &plot, steps, n, G_STRUCT_OFFSET (GstSupconPlotStep, loss),
      least, most, LOSS_COLOUR);
  draw_scale (cr, area->x, &plot, PANGO_ALIGN_RIGHT, LOSS_COLOUR, least, most);
  draw_scale (cr, plot.x + plot.width + MARGIN, &plot, PANGO_ALIGN_LEFT,
      RATE_COLOUR, 0, rate);
  g_snprintf (text, sizeof (text), "loss %.3f", last->loss);
  draw_text (cr, plot.x, area->y + MARGIN / 2, plot.width / 2, PANGO_ALIGN_LEFT,
      LOSS_COLOUR, text);
  g_snprintf (text, sizeof (text), "learning rate %.3g", last->learning_rate);
  draw_text (cr, plot.x + plot.width / 2, area->y + MARGIN / 2, plot.width / 2,
      PANGO_ALIGN_RIGHT, RATE_COLOUR, text);
  g_snprintf (text, sizeof (text), "step %" G_GUINT64_FORMAT, last->step);
  draw_text (cr, plot.x, plot.y + plot.height + 2, plot.width,
      PANGO_ALIGN_RIGHT, TEXT_COLOUR, text);
  g_snprintf (text, sizeof (text), "%" G_GUINT64_FORMAT, steps[0].step);
  draw_text (cr, plot.x, plot.y + plot.height + 2, plot.width / 3,
      PANGO_ALIGN_LEFT, TEXT_COLOUR, text);
}
