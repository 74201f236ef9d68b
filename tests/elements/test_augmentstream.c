/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconaugment as a part of a pipeline: threads, streams that take turns, frames that wait, caps that change. */
#include <gst/app/gstappsink.h>

#include "augment/policy.h"
#include "augmenting.h"
#include "pipeline.h"

#define N_POLICIES (SUPCON_POLICY_AUGMIX + 1)

/* Views, their order and their metas are the same for any number of threads. */
GST_START_TEST (test_threads)
{
  static const gchar *const formats[] = { "RGB", "NV12" };
  static const guint threads[] = { 1, 2, 3, 0 };
  GstHarness *h[G_N_ELEMENTS (threads)];
  gchar *caps = g_strdup_printf ("video/x-raw,format=%s,width=97,height=61,"
      "framerate=25/1", formats[__i__ % 2]);
  GstVideoInfo info;

  info_from_string (&info, caps);
  for (guint k = 0; k < G_N_ELEMENTS (threads); k++) {
    gchar *launch = g_strdup_printf ("supconaugment policy=%d views=7 "
        "threads=%u temporal-window=2 warp-probability=0.5", __i__, threads[k]);

    h[k] = gst_harness_new_parse (launch);
    gst_harness_set_src_caps_str (h[k], caps);
    gst_harness_set_sink_caps_str (h[k], "video/x-raw,width=32,height=70");
    g_free (launch);
  }
  for (guint i = 0; i < 5; i++) {
    for (guint k = 0; k < G_N_ELEMENTS (threads); k++) {
      GstBuffer *frame = noise_frame (&info, i);

      set_sample (frame, "a", i);
      fail_unless_equals_int (gst_harness_push (h[k], frame), GST_FLOW_OK);
      fail_unless_equals_int (gst_harness_buffers_in_queue (h[k]), 7);
    }
    for (guint v = 0; v < 7; v++) {
      GstBuffer *expected = gst_harness_pull (h[0]);
      GstMapInfo map;

      gst_buffer_map (expected, &map, GST_MAP_READ);
      for (guint k = 1; k < G_N_ELEMENTS (threads); k++) {
        GstBuffer *view = gst_harness_pull (h[k]);
        guint number;

        fail_unless_equals_int (gst_buffer_get_size (view), map.size);
        fail_unless (gst_buffer_memcmp (view, 0, map.data, map.size) == 0,
            "frame %u, view %u, %u threads", i, v, threads[k]);
        fail_unless (gst_structure_is_equal (sample_of (view),
                sample_of (expected)));
        fail_unless (gst_structure_get_uint (sample_of (view), "view",
                &number));
        fail_unless_equals_int (number, v);
        gst_buffer_unref (view);
      }
      gst_buffer_unmap (expected, &map);
      gst_buffer_unref (expected);
    }
  }
  for (guint k = 0; k < G_N_ELEMENTS (threads); k++)
    gst_harness_teardown (h[k]);
  g_free (caps);
}

GST_END_TEST;

typedef struct {
  guint64 clip; /* of the label's frames */
  guint frames;
  gint value;                   /* of all bytes of its views */
} FunnelStream;

static void
check_funnel_view (GstSample * sample, FunnelStream streams[2],
    guint * switches, guint * last)
{
  GstBuffer *view = gst_sample_get_buffer (sample);
  const GstStructure *s = sample_of (view);
  guint which = g_str_equal (gst_structure_get_string (s, "label"), "black");
  FunnelStream *stream = &streams[which];
  GstStructure *draws;
  GstVideoFrame frame;
  GstVideoInfo info;
  guint number, back;
  guint64 clip;

  fail_unless (gst_structure_get (s, "view", G_TYPE_UINT, &number, "draws",
          GST_TYPE_STRUCTURE, &draws, NULL));
  fail_unless (gst_structure_get (draws, "number", G_TYPE_UINT64, &clip,
          "frames-back", G_TYPE_UINT, &back, NULL));
  if (stream->frames == 0)
    stream->clip = clip;
  fail_unless_equals_uint64 (clip, stream->clip);
  fail_unless (back >= (number > 0 && stream->frames > 0)
      && back <= (number > 0 ? MIN (stream->frames, 4) : 0),
      "%u back of %u frames", back, stream->frames);
  fail_unless (gst_video_info_from_caps (&info, gst_sample_get_caps (sample)));
  fail_unless (gst_video_frame_map (&frame, &info, view, GST_MAP_READ));
  for (guint y = 0; y < 8; y++)
    for (guint x = 0; x < 8 * 3; x++)
      fail_unless_equals_int (((guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame,
                  0))[y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0) + x],
          stream->value);
  gst_video_frame_unmap (&frame);
  if (number == 2) {
    stream->frames++;
    *switches += *last != which;
    *last = which;
  }
  gst_structure_free (draws);
}

/* Streams that take turns through funnel have each its clip and its neighbours, with the same caps and with others. */
GST_START_TEST (test_funnel)
{
  gchar *line = g_strdup_printf ("funnel name=f ! supconaugment views=3 "
      "consistent=clip temporal-window=4 record-draws=true "
      "! video/x-raw,format=RGB,width=8,height=8 ! appsink name=s sync=false "
      "videotestsrc is-live=true num-buffers=30 pattern=white "
      "! video/x-raw,format=RGB,width=32,height=24,framerate=100/1 "
      "! supconlabel label=white ! f. "
      "videotestsrc is-live=true num-buffers=30 pattern=black "
      "! video/x-raw,format=%s,width=%u,height=24,framerate=100/1 "
      "! supconlabel label=black ! f.", __i__ ? "BGR" : "RGB",
      __i__ ? 20 : 32);
  GstElement *pipeline = gst_parse_launch (line, NULL), *sink;
  FunnelStream streams[2] = { {.value = 255}, {.value = 0} };
  guint switches = 0, last = 2;
  GstSample *sample;

  fail_unless (pipeline != NULL);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while ((sample = gst_app_sink_pull_sample (GST_APP_SINK (sink)))) {
    check_funnel_view (sample, streams, &switches, &last);
    gst_sample_unref (sample);
  }
  fail_unless_equals_int (streams[0].frames, 30);
  fail_unless_equals_int (streams[1].frames, 30);
  fail_unless (streams[0].clip != streams[1].clip);
  fail_unless (switches > 4, "the streams took turns %u times", switches);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  g_free (line);
}

GST_END_TEST;

/* A clip goes on where the same stream-start comes again; a stream that is over is forgotten with its frames. */
GST_START_TEST (test_streams)
{
  GstHarness *h = gst_harness_new_parse ("supconaugment views=1 "
      "consistent=clip temporal-window=2 record-draws=true");
  GstEvent *a = gst_event_new_stream_start ("a");
  GstEvent *b = gst_event_new_stream_start ("b");
  GstBuffer *of_a = NULL;
  GstVideoInfo info;

  info_from_string (&info, "video/x-raw,format=RGB,width=8,height=8");
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=8,height=8,framerate=25/1");
  for (guint i = 0; i < 300; i++) {
    static const guint clips[] = { 0, 1, 0, 1, 2 };
    GstBuffer *frame = noise_frame (&info, i), *view;
    GstStructure *draws;
    guint64 clip;

    if (i < 4)
      gst_harness_push_event (h, gst_event_ref (i % 2 ? b : a));
    else if (i == 4)
      gst_harness_push_event (h, gst_event_new_stream_start ("b"));
    if (i == 2)
      of_a = gst_buffer_ref (frame);
    fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
    view = gst_harness_pull (h);
    fail_unless (gst_structure_get (sample_of (view), "draws",
            GST_TYPE_STRUCTURE, &draws, NULL));
    fail_unless (gst_structure_get_uint64 (draws, "number", &clip));
    fail_unless_equals_uint64 (clip, clips[MIN (i, 4)]);
    gst_structure_free (draws);
    gst_buffer_unref (view);
    /* 256 frames of b after a's last one. */
    fail_unless_equals_int (i >= 2
        && GST_MINI_OBJECT_REFCOUNT_VALUE (of_a) > 1, i >= 2 && i < 259);
  }
  gst_buffer_unref (of_a);
  gst_event_unref (a);
  gst_event_unref (b);
  gst_harness_teardown (h);
}

GST_END_TEST;

static GstHarness *
lookahead_harness (guint lookahead, const gchar * caps)
{
  gchar *launch = g_strdup_printf ("supconaugment name=a policy=simaugment "
      "views=2 threads=2 temporal-window=1 lookahead=%u", lookahead);
  GstHarness *h = gst_harness_new_parse (launch);

  gst_harness_set_src_caps_str (h, caps);
  gst_harness_set_sink_caps_str (h, "video/x-raw,width=16,height=12");
  g_free (launch);
  return h;
}

/* Both get the frame; the first harness's views of it are there, so many of the second's. */
static void
push_to_both (GstHarness * now, GstHarness * later, guint i, guint n_views)
{
  GstVideoInfo info;

  info_from_string (&info, "video/x-raw,format=RGB,width=40,height=30");
  for (guint k = 0; k < 2; k++) {
    GstBuffer *frame = noise_frame (&info, i);

    GST_BUFFER_PTS (frame) = i * 40 * GST_MSECOND;
    GST_BUFFER_OFFSET (frame) = i;
    fail_unless_equals_int (gst_harness_push (k ? later : now, frame),
        GST_FLOW_OK);
  }
  fail_unless_equals_int (gst_harness_buffers_in_queue (later), n_views);
}

static void
pull_from_both (GstHarness * now, GstHarness * later, guint n_views)
{
  for (guint i = 0; i < n_views; i++) {
    GstBuffer *a = gst_harness_pull (now), *b = gst_harness_pull (later);
    GstMapInfo map;

    fail_unless_equals_uint64 (GST_BUFFER_PTS (a), GST_BUFFER_PTS (b));
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (a), GST_BUFFER_OFFSET (b));
    fail_unless (gst_structure_is_equal (sample_of (a), sample_of (b)));
    gst_buffer_map (a, &map, GST_MAP_READ);
    fail_unless (gst_buffer_memcmp (b, 0, map.data, map.size) == 0);
    gst_buffer_unmap (a, &map);
    gst_buffer_unref (a);
    gst_buffer_unref (b);
  }
  fail_unless_equals_int (gst_harness_buffers_in_queue (later), 0);
}

/* Frames wait for others to have their views made together; the views are the same, in the same order, and whatever comes
 * in between waits for them. */
GST_START_TEST (test_lookahead)
{
  const gchar *caps = "video/x-raw,format=RGB,width=40,height=30,"
      "framerate=25/1";
  GstHarness *now = lookahead_harness (0, caps);
  GstHarness *later = lookahead_harness (3, caps);
  GstElement *a = gst_harness_find_element (now, "supconaugment");
  GstElement *b = gst_harness_find_element (later, "supconaugment");
  GstQuery *query = gst_query_new_drain ();
  guint i;

  for (i = 0; i < 12; i++) {
    push_to_both (now, later, i, i % 4 == 3 ? 8 : 0);
    if (i % 4 == 3)
      pull_from_both (now, later, 8);
  }
  /* A property that changes holds for the frames that come after it. */
  push_to_both (now, later, i++, 0);
  g_object_set (a, "policy", SUPCON_POLICY_NONE, "views", 1, NULL);
  g_object_set (b, "policy", SUPCON_POLICY_NONE, "views", 1, NULL);
  push_to_both (now, later, i++, 2);
  pull_from_both (now, later, 2);
  push_to_both (now, later, i++, 0);
  push_to_both (now, later, i++, 0);
  push_to_both (now, later, i++, 4);
  pull_from_both (now, later, 4);
  /* What drains. */
  push_to_both (now, later, i++, 0);
  fail_unless (gst_pad_peer_query (later->srcpad, query));
  gst_query_unref (query);
  pull_from_both (now, later, 1);
  push_to_both (now, later, i++, 0);
  gst_harness_set_src_caps_str (now, "video/x-raw,format=BGR,width=40,"
      "height=30,framerate=25/1");
  gst_harness_set_src_caps_str (later, "video/x-raw,format=BGR,width=40,"
      "height=30,framerate=25/1");
  pull_from_both (now, later, 1);
  push_to_both (now, later, i++, 0);
  gst_harness_set_sink_caps_str (now, "video/x-raw,width=8,height=5");
  gst_harness_set_sink_caps_str (later, "video/x-raw,width=8,height=5");
  gst_harness_push_upstream_event (now, gst_event_new_reconfigure ());
  gst_harness_push_upstream_event (later, gst_event_new_reconfigure ());
  push_to_both (now, later, i++, 1);
  pull_from_both (now, later, 1);
  gst_harness_push_event (later, gst_event_new_eos ());
  pull_from_both (now, later, 1);
  gst_object_unref (a);
  gst_object_unref (b);
  gst_harness_teardown (now);
  gst_harness_teardown (later);
}

GST_END_TEST;

/* A flush and the end of playing give up what waits. */
GST_START_TEST (test_lookahead_is_flushed)
{
  GstHarness *h = gst_harness_new_parse ("supconaugment views=2 lookahead=8");
  GstVideoInfo info;
  GstBuffer *frame;
  GstSegment segment;

  info_from_string (&info, "video/x-raw,format=RGB,width=40,height=30");
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=30,"
      "framerate=25/1");
  frame = noise_frame (&info, 0);
  gst_harness_push (h, gst_buffer_ref (frame));
  fail_unless (GST_MINI_OBJECT_REFCOUNT_VALUE (frame) > 1);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  ASSERT_MINI_OBJECT_REFCOUNT (frame, "frame", 1);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_ref (frame)),
      GST_FLOW_OK);
  gst_harness_teardown (h);
  ASSERT_MINI_OBJECT_REFCOUNT (frame, "frame", 1);
  gst_buffer_unref (frame);
}

GST_END_TEST;

/* Frames that wait are latency. */
GST_START_TEST (test_lookahead_is_latency)
{
  GstHarness *h = lookahead_harness (3, "video/x-raw,format=RGB,width=40,"
      "height=30,framerate=25/1");
  GstBus *bus = gst_bus_new ();
  GstMessage *message;

  gst_harness_set_live (h, TRUE);
  gst_harness_set_upstream_latency (h, 7 * GST_MSECOND);
  fail_unless_equals_uint64 (gst_harness_query_latency (h),
      (7 + 3 * 40) * GST_MSECOND);
  /* Whenever it becomes another, the pipeline is told. */
  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,"
      "height=30,framerate=10/1");
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_LATENCY);
  fail_unless (message != NULL);
  gst_message_unref (message);
  fail_unless_equals_uint64 (gst_harness_query_latency (h),
      (7 + 3 * 100) * GST_MSECOND);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,"
      "height=30,framerate=0/1");
  fail_unless_equals_uint64 (gst_harness_query_latency (h),
      (7 + 3 * 40) * GST_MSECOND);
  /* Another run has none before its caps. */
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_harness_play (h);
  fail_unless_equals_uint64 (gst_harness_query_latency (h), 7 * GST_MSECOND);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

typedef struct
{
  GstElement *filter;
  guint frames, views, changes;
} Changing;

static GstPadProbeReturn
change_caps (G_GNUC_UNUSED GstPad * pad, G_GNUC_UNUSED GstPadProbeInfo * info,
    gpointer user_data)
{
  static const gchar *const formats[] = { "RGB", "I420", "NV12", "RGBx",
    "GRAY8", "BGR", "YV12", "ARGB", "NV21"
  };
  static const guint sizes[][2] = { {64, 48}, {63, 47}, {1, 1}, {5, 120},
  {121, 3}, {1, 9}, {2, 2}
  };
  Changing *self = user_data;

  if (self->frames++ % 3 == 0) {
    guint i = self->changes++;
    GstCaps *caps = gst_caps_new_simple ("video/x-raw", "format",
        G_TYPE_STRING, formats[i % G_N_ELEMENTS (formats)], "width", G_TYPE_INT,
        sizes[i % G_N_ELEMENTS (sizes)][0], "height", G_TYPE_INT,
        sizes[i % G_N_ELEMENTS (sizes)][1], NULL);

    g_object_set (self->filter, "caps", caps, NULL);
    gst_caps_unref (caps);
  }
  return GST_PAD_PROBE_OK;
}

static void
count_view (G_GNUC_UNUSED GstElement * sink, G_GNUC_UNUSED GstBuffer * buffer,
    G_GNUC_UNUSED GstPad * pad, gpointer user_data)
{
  ((Changing *) user_data)->views++;
}

/* Sizes and formats that change every three frames of a long run; views of a fixed size, and of the frames' own. */
GST_START_TEST (test_caps_change)
{
  gchar *line = g_strdup_printf ("videotestsrc num-buffers=600 name=v "
      "pattern=snow ! capsfilter name=c caps-change-mode=delayed "
      "! supconaugment policy=%s views=3 threads=2 temporal-window=3 "
      "lookahead=%d record-draws=true ! %s ! fakesink name=s signal-handoffs=true",
      __i__ ? "augmix" : "simaugment", __i__,
      __i__ ? "queue" : "video/x-raw,width=16,height=17 ! queue");
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "v");
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  Changing changing = { gst_bin_get_by_name (GST_BIN (pipeline), "c"), 0, 0, 0 };
  GstPad *pad = gst_element_get_static_pad (source, "src");
  Run run;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, change_caps, &changing,
      NULL);
  g_signal_connect (sink, "handoff", G_CALLBACK (count_view), &changing);
  run = run_pipeline (pipeline);
  run_assert_ended (run);
  fail_unless_equals_int (changing.views, 1800);
  fail_unless (changing.changes >= 200);
  run_clear (&run);
  gst_object_unref (pad);
  gst_object_unref (changing.filter);
  gst_object_unref (source);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  g_free (line);
}

GST_END_TEST;

static Suite *
augmentstream_suite (void)
{
  Suite *suite = suite_create ("supconaugment in a pipeline");
  TCase *tcase = tcase_create ("stream");

  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, test_threads, 0, N_POLICIES);
  tcase_add_loop_test (tcase, test_funnel, 0, 2);
  tcase_add_test (tcase, test_streams);
  tcase_add_test (tcase, test_lookahead);
  tcase_add_test (tcase, test_lookahead_is_flushed);
  tcase_add_test (tcase, test_lookahead_is_latency);
  tcase_add_loop_test (tcase, test_caps_change, 0, 2);
  return suite;
}

GST_CHECK_MAIN (augmentstream);
