/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Pictures of supconscope: what is on them is found by its colours, which nothing else there has. */
#ifndef TEST_DRAWING_H
#define TEST_DRAWING_H

#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <math.h>

#include "gstsupconmeta.h"
#include "pipeline.h"

#define CAPS "video/x-raw,format=GRAY8,width=8,height=4,framerate=30/1"
#define FIRST_LABEL 0xe69f00    /* and the loss */
#define SECOND_LABEL 0x56b4e9   /* and the learning rate */
#define UNLABELLED 0xa0a0a0
#define FRAME 0x4a5058          /* around the map, and around the curves */
#define TEXT 0xe8e8e8
#define BACKGROUND 0x14181c

#define fail_unless_about(a, b, tolerance) \
  fail_unless (ABS ((a) - (b)) <= (tolerance), "%d, not %d", (gint) (a), (gint) (b))

typedef struct
{
  GstHarness *harness;
  guint width, height, frames;
} Fixture;

static inline void
start (Fixture * f, const gchar * properties, guint width, guint height)
{
  gchar *launch = g_strdup_printf ("supconscope %s", properties);
  gchar *caps = g_strdup_printf ("video/x-raw,format=BGRx,width=%u,height=%u",
      width, height);

  *f = (Fixture) { gst_harness_new_parse (launch), width, height, 0 };
  gst_harness_set_sink_caps_str (f->harness, caps);
  gst_harness_set_src_caps_str (f->harness, CAPS);
  g_free (launch);
  g_free (caps);
}

/* A frame with that embedding of dim numbers, or without one (dim 0). */
static inline GstBuffer *
draw_embedding (Fixture * f, const gfloat * embedding, guint dim,
    const gchar * label)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 8 * 4, NULL);

  GST_BUFFER_PTS (frame) = f->frames++ * GST_SECOND / 30;
  if (dim)
    gst_supcon_buffer_set_embedding (frame, embedding, dim, "embedding", "m");
  if (label)
    gst_supcon_buffer_set_sample (frame, label, f->frames, 0);
  frame = gst_harness_push_and_pull (f->harness, frame);
  fail_unless (frame != NULL);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (frame),
      (f->frames - 1) * GST_SECOND / 30);
  fail_unless_equals_uint64 (gst_buffer_get_size (frame),
      (gsize) f->width * f->height * 4);
  return frame;
}

/* With whatever embedding. */
static inline GstBuffer *
draw (Fixture * f, guint dim, const gchar * label)
{
  gfloat embedding[8];

  for (guint i = 0; i < dim; i++)
    embedding[i] = 1 + cosf ((f->frames + 1) * (i + 1.0f));
  return draw_embedding (f, embedding, dim, label);
}

/* Pixels, and where the outermost of them are. */
typedef struct
{
  guint n;
  gint left, top, right, bottom;
} Spot;

static inline gboolean
is_near (guint32 pixel, guint32 colour, gint tolerance)
{
  for (guint shift = 0; shift < 24; shift += 8)
    if (ABS ((gint) (pixel >> shift & 255) - (gint) (colour >> shift & 255)) >
        tolerance)
      return FALSE;
  return TRUE;
}

/* The pixels of about that colour in the columns from left to right and the rows from top to bottom. */
static inline Spot
find (const Fixture * f, GstBuffer * frame, guint32 colour, gint tolerance,
    gint left, gint top, gint right, gint bottom)
{
  Spot spot = { 0, G_MAXINT, G_MAXINT, -1, -1 };
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_READ);
  for (gint y = top; y < bottom; y++)
    for (gint x = left; x < right; x++) {
      if (!is_near (((const guint32 *) (gpointer) map.data)[y * f->width + x],
              colour, tolerance))
        continue;
      spot = (Spot) { spot.n + 1, MIN (spot.left, x), MIN (spot.top, y),
          MAX (spot.right, x), MAX (spot.bottom, y) };
    }
  gst_buffer_unmap (frame, &map);
  return spot;
}

/* Pixels of exactly that colour in the columns from left to right. Takes frame. */
static inline guint
count (Fixture * f, GstBuffer * frame, guint32 colour, guint left, guint right)
{
  guint n = find (f, frame, colour, 0, left, 0, right, f->height).n;

  gst_buffer_unref (frame);
  return n;
}

#endif
