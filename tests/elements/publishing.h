/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supconpublish in a harness: frames with tags go in, the lines of its file come out. */
#ifndef TEST_PUBLISHING_H
#define TEST_PUBLISHING_H

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "folder.h"
#include "gstsupconmeta.h"
#include "posted.h"

static inline GstHarness *
start_publish (const gchar * name, const gchar * properties)
{
  gchar *launch = g_strdup_printf ("supconpublish location=%s/%s %s", folder,
      name, properties);
  GstHarness *harness = gst_harness_new_parse (launch);

  gst_harness_set_src_caps_str (harness, CAPS);
  g_free (launch);
  return harness;
}

/* The lines that were written. */
static inline gchar **
finish (GstHarness * harness, const gchar * name)
{
  gchar *path = g_build_filename (folder, name, NULL), *contents = NULL;
  gchar **lines;

  gst_harness_push_event (harness, gst_event_new_eos ());
  gst_harness_teardown (harness);
  fail_unless (g_file_get_contents (path, &contents, NULL, NULL));
  lines = g_strsplit (contents, "\n", -1);
  g_free (contents);
  g_free (path);
  return lines;
}

static inline void
add_tag (GstVideoRegionOfInterestMeta * roi, const gchar * label, gint id,
    gdouble confidence)
{
  gst_video_region_of_interest_meta_add_param (roi,
      gst_structure_new ("classification", "label", G_TYPE_STRING, label,
          "confidence", G_TYPE_DOUBLE, confidence, "label_id", G_TYPE_INT, id,
          NULL));
}

/* The frame of the number with one region, as large as it is. */
static inline GstBuffer *
tagged_frame_new (guint number, const gchar * label, gint id,
    gdouble confidence)
{
  GstBuffer *frame = numbered_frame_new (number);

  add_tag (gst_buffer_add_video_region_of_interest_meta (frame, "supcon", 0, 0,
          8, 4), label, id, confidence);
  return frame;
}

static inline void
push (GstHarness * harness, GstBuffer * frame)
{
  frame = gst_harness_push_and_pull (harness, frame);
  fail_unless (frame != NULL);
  gst_buffer_unref (frame);
}

#endif
