/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A supcondatasetsrc that plays a folder of its own for each test into an appsink. */
#ifndef TEST_DATASET_H
#define TEST_DATASET_H

#include <gst/app/gstappsink.h>

#include "pipeline.h"

static gchar *folder;

static inline void
setup (void)
{
  folder = folder_new ();
}

static inline void
teardown (void)
{
  folder_free (folder);
}

static inline GstElement *
pipeline_new (const gchar * properties, GstAppSink ** sink)
{
  gchar *line = g_strdup_printf ("supcondatasetsrc location=%s %s "
      "! appsink name=sink sync=false", folder, properties);
  GstElement *pipeline = gst_parse_launch (line, NULL);

  *sink = GST_APP_SINK (gst_bin_get_by_name (GST_BIN (pipeline), "sink"));
  g_free (line);
  return pipeline;
}

static inline void
pipeline_free (GstElement * pipeline, GstAppSink * sink)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
}

#endif
