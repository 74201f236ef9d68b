/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supcontagger with GStreamer 1.24 or newer: tags as classifications in GstAnalyticsRelationMeta. */
#include <gst/analytics/analytics.h>
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#include "gstsupconmeta.h"

#define CAPS "video/x-raw,format=GRAY8,width=8,height=4,framerate=25/1"

static const gfloat cup[2] = { 1, 0 }, box[2] = { 0, 1 };

static GstBuffer *
new_frame (void)
{
  return gst_buffer_new_allocate (NULL, 32, NULL);
}

/* Knows a cup from a box. */
static GstHarness *
start (const gchar * properties)
{
  gchar *line = g_strdup_printf ("supcontagger method=centroid %s", properties);
  GstHarness *h = gst_harness_new_parse (line);

  gst_harness_set_src_caps_str (h, CAPS);
  for (guint i = 0; i < 2; i++) {
    GstBuffer *frame = new_frame ();

    gst_supcon_buffer_set_embedding (frame, i ? box : cup, 2, "embedding",
        "m");
    gst_supcon_buffer_set_sample (frame, i ? "box" : "cup", i, 0);
    gst_buffer_unref (gst_harness_push_and_pull (h, frame));
  }
  g_free (line);
  return h;
}

static void
check_class (GstAnalyticsRelationMeta * meta, guint id, const gchar * label)
{
  GstAnalyticsClsMtd tags;

  fail_unless (gst_analytics_relation_meta_get_cls_mtd (meta, id, &tags));
  fail_unless_equals_int (gst_analytics_cls_mtd_get_length (&tags), 2);
  fail_unless_equals_string (g_quark_to_string
      (gst_analytics_cls_mtd_get_quark (&tags, 0)), label);
  fail_unless (gst_analytics_cls_mtd_get_level (&tags, 0) > .99);
  fail_unless (gst_analytics_cls_mtd_get_level (&tags, 1) < .01);
}

GST_START_TEST (a_frame_has_a_classification)
{
  GstHarness *h = start ("top-k=2 threshold=0");
  GstBuffer *frame = new_frame ();
  GstAnalyticsRelationMeta *meta;

  gst_supcon_buffer_set_embedding (frame, box, 2, "embedding", "m");
  frame = gst_harness_push_and_pull (h, frame);
  meta = gst_buffer_get_analytics_relation_meta (frame);
  fail_unless (meta != NULL);
  fail_unless_equals_int (gst_analytics_relation_get_length (meta), 1);
  check_class (meta, 0, "box");
  gst_buffer_unref (frame);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Each region is an object that its classification is related to; a meta that is there is added to. */
GST_START_TEST (regions_are_objects)
{
  GstHarness *h = start ("top-k=2 threshold=0");
  GstBuffer *frame = new_frame ();
  GstAnalyticsRelationMeta *meta =
      gst_buffer_add_analytics_relation_meta (frame);
  GstAnalyticsODMtd object;
  GstAnalyticsMtd related;
  gpointer objects = NULL;
  guint n = 0;

  fail_unless (gst_analytics_relation_meta_add_od_mtd (meta,
          g_quark_from_string ("other"), 0, 0, 1, 1, .5, &object));
  gst_supcon_buffer_set_embedding (frame, NULL, 0, "embedding", "m");
  gst_supcon_buffer_set_embedding_origin (frame, 1, 1);
  for (guint i = 0; i < 2; i++)
    gst_supcon_region_set_embedding
        (gst_buffer_add_video_region_of_interest_meta (frame, "thing", i, 1, 3,
            2), i ? box : cup, 2, "embedding", "m");
  frame = gst_harness_push_and_pull (h, frame);
  meta = gst_buffer_get_analytics_relation_meta (frame);
  fail_unless_equals_int (gst_analytics_relation_get_length (meta), 5);
  while (gst_analytics_relation_meta_iterate (meta, &objects,
          gst_analytics_od_mtd_get_mtd_type (), &object)) {
    gpointer tags = NULL;
    gint x, y, w, height;
    gfloat confidence;

    if (gst_analytics_od_mtd_get_obj_type (&object) !=
        g_quark_from_string ("thing"))
      continue;
    fail_unless (gst_analytics_od_mtd_get_location (&object, &x, &y, &w,
            &height, &confidence));
    fail_unless (y == 1 && w == 3 && height == 2 && confidence == 1);
    fail_unless (gst_analytics_relation_meta_get_direct_related (meta,
            object.id, GST_ANALYTICS_REL_TYPE_RELATE_TO,
            gst_analytics_cls_mtd_get_mtd_type (), &tags, &related));
    check_class (meta, related.id, x ? "box" : "cup");
    n++;
  }
  fail_unless_equals_int (n, 2);
  gst_buffer_unref (frame);
  gst_harness_teardown (h);
}
GST_END_TEST;

static Suite *
analytics_suite (void)
{
  Suite *suite = suite_create ("analytics");
  TCase *tcase = tcase_create ("general");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_frame_has_a_classification);
  tcase_add_test (tcase, regions_are_objects);
  return suite;
}

GST_CHECK_MAIN (analytics);
