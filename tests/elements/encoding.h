/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A supconencoder in a harness, with a model whose embeddings are computed beside it. */
#ifndef TEST_ENCODING_H
#define TEST_ENCODING_H

#include <gst/check/gstharness.h>
#include <math.h>

#include "gstsupconmeta.h"
#include "pipeline.h"
#include "tiny_model.h"

#define DIM 64
#define CAPS "video/x-raw,format=GRAY8,width=16,height=16,framerate=30/1"
#define FRAME (GST_SECOND / 30)

static gchar *folder, *location;
static SupconModel *model;

static inline void
setup (void)
{
  folder = folder_new ();
  location = g_build_filename (folder, "m.safetensors", NULL);
  model = tiny_model_new (location);
}

static inline void
teardown (void)
{
  supcon_model_free (model);
  g_free (location);
  folder_free (folder);
}

static inline GstHarness *
harness_new (const gchar * properties, const gchar * caps)
{
  gchar *line = g_strdup_printf ("supconencoder location=%s %s", location,
      properties);
  GstElement *element = gst_parse_launch (line, NULL);
  GstHarness *h = gst_harness_new_with_element (element, "sink", "src");

  gst_harness_set_src_caps_str (h, caps);
  gst_object_unref (element);
  g_free (line);
  return h;
}

/* Number i, different from others. */
static inline GstBuffer *
frame_new (guint i)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 256, NULL);

  for (guint k = 0; k < 256; k++)
    gst_buffer_memset (frame, k, i * 37 + k * (i % 5), 1);
  GST_BUFFER_PTS (frame) = i * FRAME;
  GST_BUFFER_DURATION (frame) = FRAME;
  GST_BUFFER_OFFSET (frame) = i;
  return frame;
}

static inline void
check_buffer (GstBuffer * data, const guint8 * pixels)
{
  SupconReal r[DIM];
  gfloat values[DIM];

  fail_unless (data != NULL);
  supcon_model_embed (model, pixels, 1, r);
  fail_unless_equals_int (gst_buffer_extract (data, 0, values, sizeof values),
      sizeof values);
  for (guint k = 0; k < DIM; k++)
    fail_unless (fabsf (values[k] - r[k]) < 1e-4, "%g %g", values[k], r[k]);
  gst_buffer_unref (data);
}

/* Of the grey frame 'shown' as the model sees it. */
static inline void
check_embedding (GstBuffer * data, guint shown)
{
  GstBuffer *frame = frame_new (shown);
  guint8 pixels[256 * 3];
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_READ);
  for (guint k = 0; k < 256 * 3; k++)
    pixels[k] = map.data[k / 3];
  gst_buffer_unmap (frame, &map);
  gst_buffer_unref (frame);
  check_buffer (data, pixels);
}

/* Batches end by their size or at the end of the stream alone. */
#define PATIENT "batch-timeout=3600000000000 "

#endif
