/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** One model, a file of which is in a folder of its own, in elements that live streams pass. */
#ifndef TEST_LIVE_H
#define TEST_LIVE_H

#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <math.h>

#include "gstsupconmeta.h"
#include "model/checkpoint.h"
#include "pipeline.h"

#define CAPS "video/x-raw,format=RGB,width=16,height=16,framerate=30/1"
/* Longer than elements wait before they look at a file again. */
#define WATCH_MICROSECONDS 350000

static gchar *folder, *location;

static inline void
setup (void)
{
  folder = folder_new ();
  location = g_build_filename (folder, "m.safetensors", NULL);
}

static inline void
teardown (void)
{
  g_free (location);
  folder_free (folder);
}

/* A random model of 16x16 pictures, 64 * width numbers in its embedding, written to location. */
static inline SupconModel *
write_model (guint64 seed, gdouble width)
{
  SupconCheckpointInfo info = {.labels = supcon_labels_new () };
  SupconModelConfig config;
  SupconModel *model;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
  config.width = width;
  config.input_width = config.input_height = 16;
  model = supcon_model_new (&config, seed, NULL);
  fail_unless (supcon_checkpoint_save (location, model, &info, NULL));
  supcon_checkpoint_info_clear (&info);
  return model;
}

static inline GstHarness *
harness_new (GstBus * bus, const gchar * format, ...)
{
  va_list args;
  gchar *line;
  GstElement *element;
  GstHarness *h;

  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  element = gst_parse_launch (line, NULL);
  if (bus)
    gst_element_set_bus (element, bus);
  h = gst_harness_new_with_element (element, "sink", "src");
  gst_harness_set_src_caps_str (h, CAPS);
  gst_object_unref (element);
  g_free (line);
  return h;
}

static inline GstBuffer *
picture_new (guint8 value)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 48 * 16, NULL);

  gst_buffer_memset (buffer, 0, value, -1);
  return buffer;
}

/* Passes a picture through; its embedding's version, with what model says of it when that is given. */
static inline guint64
encode (GstHarness * h, SupconModel * model)
{
  GstBuffer *out = gst_harness_push_and_pull (h, picture_new (120));
  GstBuffer *data = gst_supcon_buffer_get_embedding (out, NULL, NULL, NULL);
  guint64 version, latency;
  guint8 pixels[48 * 16];
  SupconReal r[64];
  gfloat values[64];

  fail_unless (gst_supcon_buffer_get_embedding_origin (out, &version,
          &latency));
  fail_unless (latency < GST_SECOND);
  fail_unless_equals_int (data != NULL, version > 0);
  if (model) {
    memset (pixels, 120, sizeof pixels);
    supcon_model_embed (model, pixels, 1, r);
    fail_unless_equals_int (gst_buffer_extract (data, 0, values,
            sizeof values), sizeof values);
    for (guint i = 0; i < 64; i++)
      fail_unless (fabsf (values[i] - r[i]) < 1e-4);
  }
  gst_clear_buffer (&data);
  gst_buffer_unref (out);
  return version;
}

static inline void
assert_warning (GstBus * bus, const gchar * text)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  GError *error = NULL;

  fail_unless (message != NULL, "no warning with \"%s\"", text);
  gst_message_parse_warning (message, &error, NULL);
  fail_unless (strstr (error->message, text) != NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  fail_unless (!gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));
}

#endif
