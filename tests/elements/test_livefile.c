/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The encoder of a file in a live stream: the file is replaced, frames have regions, frames are late. */
#include <fcntl.h>
#include <sys/stat.h>

#include "live.h"

/* Gives location the time that it had, or another one. */
static void
set_time (const GStatBuf * s, guint later)
{
  const struct timespec times[2] = { s->st_mtim,
    {s->st_mtim.tv_sec + later, s->st_mtim.tv_nsec}
  };

  fail_unless_equals_int (utimensat (AT_FDCWD, location, times, 0), 0);
}

GST_START_TEST (test_watch)
{
  SupconModel *before = write_model (3, 1), *after, *other;
  GstBus *bus = gst_bus_new ();
  guint64 version;
  GStatBuf s;
  GstHarness *h = harness_new (bus, "supconencoder watch=true location=%s",
      location);
  GstHarness *blind = harness_new (NULL, "supconencoder location=%s",
      location);
  GstHarness *carrying = harness_new (NULL, "supconencoder watch=true "
      "interval=2 location=%s", location);

  fail_unless_equals_uint64 (encode (carrying, before), 1);
  fail_unless_equals_uint64 (encode (h, before), 1);
  /* Another file of the same size and time. */
  g_stat (location, &s);
  after = write_model (4, 1);
  set_time (&s, 0);
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, after), 2);
  fail_unless_equals_uint64 (encode (blind, before), 1);
  /* What a frame carries on is of the model that it was made by. */
  fail_unless_equals_uint64 (encode (carrying, before), 1);
  fail_unless_equals_uint64 (encode (carrying, after), 2);

  fail_unless (g_file_set_contents (location, "garbage", -1, NULL));
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, after), 2);
  assert_warning (bus, "m.safetensors");
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, after), 2);
  fail_unless (!gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));

  other = write_model (5, 2);
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, after), 2);
  assert_warning (bus, "128 numbers for a picture, expected 64");
  g_unlink (location);
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, after), 2);
  fail_unless (!gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));

  supcon_model_free (before);
  before = write_model (6, 1);
  g_usleep (WATCH_MICROSECONDS);
  version = encode (h, before);
  fail_unless (version > 2);
  /* The same file, written again. */
  g_stat (location, &s);
  set_time (&s, 1);
  g_usleep (WATCH_MICROSECONDS);
  fail_unless (encode (h, before) > version);
  supcon_model_free (before);
  supcon_model_free (after);
  supcon_model_free (other);
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
  gst_harness_teardown (blind);
  gst_harness_teardown (carrying);
  gst_object_unref (bus);
}
GST_END_TEST;

/* Regions inside, across and outside the frame, none, 500, and then other caps. */
GST_START_TEST (test_regions)
{
  SupconModel *model = write_model (3, 1);
  GstHarness *h = harness_new (NULL, "supconencoder regions=true location=%s",
      location);
  GstBuffer *in = picture_new (0), *out, *data;
  GstVideoRegionOfInterestMeta *region;
  guint8 pixels[2][48 * 16];
  SupconReal r[2 * 64];
  gfloat values[64];
  guint64 skipped;
  guint dim;

  gst_buffer_memset (in, 48 * 8, 250, 48 * 8);
  gst_buffer_add_video_region_of_interest_meta (in, "top", 0, 0, 16, 8);
  gst_buffer_add_video_region_of_interest_meta (in, "low", 10, 8, 900, 900);
  gst_buffer_add_video_region_of_interest_meta (in, "out", 16, 0, 4, 4);
  gst_buffer_add_video_region_of_interest_meta (in, "nothing", 2, 2, 0, 4);
  memset (pixels[0], 0, sizeof pixels[0]);
  memset (pixels[1], 250, sizeof pixels[1]);
  supcon_model_embed (model, pixels[0], 2, r);
  out = gst_harness_push_and_pull (h, in);
  fail_unless (!gst_supcon_buffer_get_embedding (out, NULL, NULL, NULL));
  for (guint i = 0; i < 2; i++) {
    for (gpointer state = NULL;;) {
      region = (gpointer) gst_buffer_iterate_meta_filtered (out, &state,
          GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
      if (region->roi_type == g_quark_from_string (i ? "low" : "top"))
        break;
    }
    data = gst_supcon_region_get_embedding (region, &dim, NULL, NULL);
    fail_unless_equals_int (dim, 64);
    gst_buffer_extract (data, 0, values, sizeof values);
    for (guint k = 0; k < 64; k++)
      fail_unless (fabsf (values[k] - r[i * 64 + k]) < 1e-4);
    gst_buffer_unref (data);
  }
  g_object_get (h->element, "skipped-regions", &skipped, NULL);
  fail_unless_equals_uint64 (skipped, 2);
  gst_buffer_unref (out);

  fail_unless_equals_uint64 (encode (h, NULL), 1);
  in = picture_new (9);
  for (guint i = 0; i < 500; i++)
    gst_buffer_add_video_region_of_interest_meta (in, "r", i % 16, i % 11, 3, 5);
  out = gst_harness_push_and_pull (h, in);
  for (gpointer state = NULL; (region =
          (gpointer) gst_buffer_iterate_meta_filtered (out, &state,
              GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));) {
    data = gst_supcon_region_get_embedding (region, &dim, NULL, NULL);
    fail_unless (data != NULL);
    gst_buffer_unref (data);
  }
  gst_buffer_unref (out);

  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=8,height=8,framerate=30/1");
  in = gst_buffer_new_allocate (NULL, 8 * 24, NULL);
  gst_buffer_memset (in, 0, 1, -1);
  gst_buffer_add_video_region_of_interest_meta (in, "gone", 10, 10, 4, 4);
  out = gst_harness_push_and_pull (h, in);
  g_object_get (h->element, "skipped-regions", &skipped, NULL);
  fail_unless_equals_uint64 (skipped, 3);
  gst_buffer_unref (out);
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_harness_play (h);
  g_object_get (h->element, "skipped-regions", &skipped, NULL);
  fail_unless_equals_uint64 (skipped, 0);
  supcon_model_free (model);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A late frame is dropped and told of; what encoding takes is in the latency. */
GST_START_TEST (test_late)
{
  SupconModel *model = write_model (3, 1);
  GstBus *bus = gst_bus_new ();
  GstHarness *h = harness_new (bus, "supconencoder location=%s", location);
  GstBuffer *in;
  GstMessage *message;
  guint64 dropped;

  gst_harness_set_live (h, TRUE);
  in = picture_new (1);
  GST_BUFFER_PTS (in) = 0;
  GST_BUFFER_DURATION (in) = GST_SECOND / 30;
  gst_buffer_unref (gst_harness_push_and_pull (h, in));
  fail_unless (gst_harness_query_latency (h) > 0);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_LATENCY);
  fail_unless (message != NULL);
  gst_message_unref (message);

  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW,
          2.0, GST_SECOND, 0));
  in = picture_new (2);
  GST_BUFFER_PTS (in) = GST_SECOND / 30;
  GST_BUFFER_DURATION (in) = GST_SECOND / 30;
  fail_unless_equals_int (gst_harness_push (h, in), GST_FLOW_OK);
  fail_unless (gst_harness_try_pull (h) == NULL);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_QOS);
  fail_unless (message != NULL);
  gst_message_parse_qos_stats (message, NULL, NULL, &dropped);
  fail_unless_equals_uint64 (dropped, 1);
  gst_message_unref (message);
  in = picture_new (3);
  GST_BUFFER_PTS (in) = 3 * GST_SECOND;
  gst_buffer_unref (gst_harness_push_and_pull (h, in));
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_harness_play (h);
  fail_unless_equals_uint64 (gst_harness_query_latency (h), 0);
  supcon_model_free (model);
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
  gst_object_unref (bus);
}
GST_END_TEST;

static Suite *
livefile_suite (void)
{
  Suite *suite = suite_create ("livefile");
  TCase *tcase = tcase_create ("livefile");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_watch);
  tcase_add_test (tcase, test_regions);
  tcase_add_test (tcase, test_late);
  return suite;
}

GST_CHECK_MAIN (livefile);
