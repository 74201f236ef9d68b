/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconencoder: batches of frames, when they end, what frames between carry on, and how frames become its input. */
#include "encoding.h"

static void
push (GstHarness * h, guint i)
{
  fail_unless_equals_int (gst_harness_push (h, frame_new (i)), GST_FLOW_OK);
}

/* The next that is there is number i, with the embedding of number 'shown'. */
static void
pull (GstHarness * h, guint i, guint shown)
{
  GstBuffer *out = gst_harness_try_pull (h);

  fail_unless (out != NULL, "no frame %u", i);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (out), i * FRAME);
  check_embedding (gst_supcon_buffer_get_embedding (out, NULL, NULL, NULL),
      shown);
  gst_buffer_unref (out);
}

static void
assert_nothing (GstHarness * h)
{
  fail_unless (gst_harness_try_pull (h) == NULL);
}

/* Batches leave whole and in order; the rest at the end of the stream, before it. */
GST_START_TEST (frames_leave_in_order)
{
  GstHarness *h = harness_new (PATIENT "batch-size=4", CAPS);

  for (guint i = 0; i < 4; i++) {
    assert_nothing (h);
    push (h, i);
  }
  for (guint i = 0; i < 4; i++)
    pull (h, i, i);
  for (guint i = 4; i < 7; i++)
    push (h, i);
  assert_nothing (h);
  gst_harness_push_event (h, gst_event_new_eos ());
  for (guint i = 4; i < 7; i++)
    pull (h, i, i);
  gst_harness_teardown (h);
}
GST_END_TEST;

static GstEvent *
new_segment (void)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = FRAME;
  return gst_event_new_segment (&segment);
}

/* What ends a batch, and that a flush drops it. */
GST_START_TEST (batches_end_early)
{
  GstHarness *h = harness_new (PATIENT "batch-size=8", CAPS);
  GstBuffer *frame;
  GstQuery *query = gst_query_new_drain ();
  GstSegment segment;
  GstCaps *caps;
  gint width;

  push (h, 0);
  push (h, 1);
  fail_unless (gst_harness_push_event (h, new_segment ()));
  pull (h, 0, 0);
  pull (h, 1, 1);
  push (h, 2);
  gst_harness_push_event (h, gst_event_new_gap (3 * FRAME, FRAME));
  pull (h, 2, 2);
  push (h, 3);
  assert_nothing (h);
  gst_pad_peer_query (h->srcpad, query);
  gst_query_unref (query);
  pull (h, 3, 3);

  /* Frames of other caps leave after those of the caps before. */
  push (h, 5);
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=GRAY8,width=8,height=4,framerate=10/1");
  pull (h, 5, 5);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_structure_get_int (gst_caps_get_structure (caps, 0), "width",
          &width) && width == 8);
  gst_caps_unref (caps);
  frame = gst_buffer_new_allocate (NULL, 32, NULL);
  gst_harness_push (h, frame);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push_event (h, gst_event_new_eos ());
  assert_nothing (h);
  gst_harness_teardown (h);

  /* So do those that came before downstream asked for tensors. */
  h = harness_new (PATIENT "batch-size=8", CAPS);
  push (h, 0);
  gst_harness_set_sink_caps_str (h, "other/tensors");
  push (h, 1);
  pull (h, 0, 0);
  assert_nothing (h);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Of a camera that is slow or stands still, a batch leaves when its time has come. */
GST_START_TEST (a_batch_does_not_wait_for_ever)
{
  GstHarness *h = harness_new ("batch-size=8 batch-timeout=50000000", CAPS);

  for (guint round = 0; round < 3; round++) {
    gint64 start = g_get_monotonic_time ();
    GstClockTime latency;
    guint64 version;
    GstBuffer *out;

    push (h, 2 * round);
    push (h, 2 * round + 1);
    for (guint i = 0; i < 2; i++) {
      out = gst_harness_pull (h);       /* waits a minute at most */
      fail_unless (out != NULL);
      fail_unless_equals_uint64 (GST_BUFFER_PTS (out),
          (2 * round + i) * FRAME);
      fail_unless (gst_supcon_buffer_get_embedding_origin (out, &version,
              &latency));
      /* The first one waited for all that time. */
      fail_unless (i > 0 || latency >= 50 * GST_MSECOND);
      gst_buffer_unref (out);
    }
    fail_unless (g_get_monotonic_time () - start >= 50000);
  }
  /* Stopping amid a batch. */
  push (h, 9);
  gst_harness_teardown (h);

  /* And while the waiter is sending. */
  h = harness_new ("batch-size=8 batch-timeout=1", CAPS);
  for (guint i = 0; i < 50; i++) {
    push (h, i);
    if (i % 10 == 0) {
      gst_element_set_state (h->element, GST_STATE_NULL);
      gst_harness_play (h);
      gst_harness_set_src_caps_str (h, CAPS);
    }
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Where frames are dropped upstream, the next one is marked as discontinuous: batches fill all the same. */
GST_START_TEST (dropped_frames_end_no_batch)
{
  GstHarness *h = harness_new (PATIENT "batch-size=4", CAPS);

  for (guint i = 0; i < 8; i++) {
    GstBuffer *frame = frame_new (2 * i);

    if (i % 4 > 1)
      GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
    gst_harness_push (h, frame);
    if (i % 4 < 3)
      assert_nothing (h);
    else
      for (guint k = 0; k < 4; k++) {
        GstBuffer *out = gst_harness_try_pull (h);

        fail_unless (out != NULL);
        fail_unless (k < 2 || GST_BUFFER_IS_DISCONT (out));
        gst_buffer_unref (out);
      }
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

static GstPadProbeReturn
refuse_once (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer user_data)
{
  guint *refused = user_data;

  if ((*refused)++)
    return GST_PAD_PROBE_OK;
  gst_buffer_unref (gst_pad_probe_info_get_buffer (info));
  GST_PAD_PROBE_INFO_FLOW_RETURN (info) = GST_FLOW_NOT_LINKED;
  return GST_PAD_PROBE_HANDLED;
}

/* The rest of a batch that downstream did not take does not come with the next one. */
GST_START_TEST (refused_frames_are_dropped)
{
  GstHarness *h = harness_new (PATIENT "batch-size=3", CAPS);
  GstPad *pad = gst_element_get_static_pad (h->element, "src");
  guint refused = 0;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, refuse_once, &refused,
      NULL);
  push (h, 0);
  push (h, 1);
  fail_unless_equals_int (gst_harness_push (h, frame_new (2)),
      GST_FLOW_NOT_LINKED);
  for (guint i = 3; i < 6; i++)
    push (h, i);
  for (guint i = 3; i < 6; i++)
    pull (h, i, i);
  assert_nothing (h);
  gst_object_unref (pad);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (latency_counts_in_the_wait)
{
  GstHarness *h = harness_new ("batch-size=4", CAPS);

  gst_harness_set_live (h, TRUE);
  fail_unless_equals_uint64 (gst_harness_query_latency (h),
      4 * GST_SECOND / 30);
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=GRAY8,width=16,height=16,framerate=0/1");
  fail_unless_equals_uint64 (gst_harness_query_latency (h),
      4 * GST_SECOND / 25);
  gst_harness_teardown (h);
  h = harness_new ("batch-size=4 batch-timeout=70", CAPS);
  gst_harness_set_live (h, TRUE);
  fail_unless_equals_uint64 (gst_harness_query_latency (h), 70);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Upstream keeps frames for 20 ms, and for 30 at most. */
static gboolean
answer_latency (GstPad * pad, GstObject * parent, GstQuery * query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  gst_query_set_latency (query, TRUE, 20 * GST_MSECOND, 30 * GST_MSECOND);
  return TRUE;
}

/* The wait lengthens both latencies, also the one without an end; that it has changed is told of, and a restart forgets it. */
GST_START_TEST (latency_is_told_of)
{
  GstHarness *h = harness_new ("batch-size=4 batch-timeout=70000000", CAPS);
  GstQuery *query = gst_query_new_latency ();
  GstBus *bus = gst_bus_new ();
  GstClockTime least, most;
  GstMessage *message;

  gst_harness_set_live (h, TRUE);
  fail_unless (gst_pad_peer_query (h->sinkpad, query));
  gst_query_parse_latency (query, NULL, &least, &most);
  fail_unless_equals_uint64 (least, 70 * GST_MSECOND);
  fail_unless_equals_uint64 (most, GST_CLOCK_TIME_NONE);
  gst_pad_set_query_function (h->srcpad, answer_latency);
  fail_unless (gst_pad_peer_query (h->sinkpad, query));
  gst_query_parse_latency (query, NULL, &least, &most);
  fail_unless_equals_uint64 (least, 90 * GST_MSECOND);
  fail_unless_equals_uint64 (most, 100 * GST_MSECOND);
  gst_query_unref (query);

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=GRAY8,width=8,height=8,framerate=30/1");
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_LATENCY) == NULL);
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);
  gst_harness_play (h);
  fail_unless_equals_uint64 (gst_harness_query_latency (h),
      20 * GST_MSECOND);
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (h, CAPS);
  fail_unless ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_LATENCY)));
  gst_message_unref (message);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}
GST_END_TEST;

static gboolean
offer_small_pool (GstPad * pad, GstObject * parent, GstQuery * query)
{
  GstBufferPool *pool;

  if (GST_QUERY_TYPE (query) != GST_QUERY_ALLOCATION)
    return gst_pad_query_default (pad, parent, query);
  pool = gst_video_buffer_pool_new ();
  gst_query_add_allocation_pool (query, pool, 256, 2, 18);
  gst_object_unref (pool);
  return TRUE;
}

typedef struct
{
  guint pools, least, most;
  gboolean has_pool;            /* and not only how many buffers */
} Proposal;

/* What an encoder proposes to upstream where downstream does by 'answer', or nothing. */
static Proposal
ask_for_allocation (const gchar * properties, GstPadQueryFunction answer)
{
  GstHarness *h = harness_new (properties, CAPS);
  GstCaps *caps = gst_pad_get_current_caps (h->srcpad);
  GstQuery *query = gst_query_new_allocation (caps, TRUE);
  GstBufferPool *pool = NULL;
  Proposal proposal;

  if (answer)
    gst_pad_set_query_function (h->sinkpad, answer);
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  proposal.pools = gst_query_get_n_allocation_pools (query);
  gst_query_parse_nth_allocation_pool (query, 0, &pool, NULL, &proposal.least,
      &proposal.most);
  proposal.has_pool = pool != NULL;
  gst_clear_object (&pool);
  gst_query_unref (query);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
  return proposal;
}

/* A pool is told of the frames that a batch keeps. */
GST_START_TEST (a_pool_has_room_for_a_batch)
{
  Proposal proposal = ask_for_allocation ("batch-size=16", NULL);

  fail_unless_equals_int (proposal.pools, 1);
  fail_unless (proposal.least > 16);
  /* Downstream's stays as it is where nothing waits. */
  proposal = ask_for_allocation ("", offer_small_pool);
  fail_unless (proposal.least == 2 && proposal.most == 18);
  /* Where it has as many as wait beside its own, it is proposed; where it has not, it is not. */
  proposal = ask_for_allocation ("batch-size=16", offer_small_pool);
  fail_unless (proposal.has_pool && proposal.least == 18
      && proposal.most == 18);
  proposal = ask_for_allocation ("batch-size=17", offer_small_pool);
  fail_unless (!proposal.has_pool && proposal.least > 17
      && (proposal.most == 0 || proposal.most >= proposal.least));
}
GST_END_TEST;

/* Who wants its buffers back may ask for them whatever the state. */
GST_START_TEST (a_stopped_encoder_has_nothing_to_drain)
{
  GstElement *encoder = gst_object_ref_sink (gst_element_factory_make ("supconencoder", NULL));
  GstPad *pad = gst_element_get_static_pad (encoder, "sink");
  GstQuery *query = gst_query_new_drain ();

  gst_pad_query (pad, query);
  gst_query_unref (query);
  gst_object_unref (pad);
  gst_object_unref (encoder);
}
GST_END_TEST;

/* Frames between carry on what the one before had, within a batch, and over its end at once. */
GST_START_TEST (interval_within_batches)
{
  GstHarness *h = harness_new (PATIENT "batch-size=4 interval=3", CAPS);

  for (guint i = 0; i < 4; i++)
    push (h, i);
  pull (h, 0, 0);
  pull (h, 1, 0);
  pull (h, 2, 0);
  pull (h, 3, 3);
  push (h, 4);
  pull (h, 4, 3);
  push (h, 5);
  pull (h, 5, 3);
  push (h, 6);
  assert_nothing (h);
  gst_harness_push_event (h, gst_event_new_eos ());
  pull (h, 6, 6);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (tensors_leave_in_batches)
{
  GstHarness *h = harness_new (PATIENT "batch-size=3", CAPS);

  gst_harness_set_sink_caps_str (h, "other/tensors,format=static,num_tensors=1,"
      "types=float32,dimensions=64:1:1:1,framerate=30/1");
  gst_harness_set_src_caps_str (h, CAPS);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *frame = frame_new (i);

    if (i == 1)
      GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_MARKER);
    gst_harness_push (h, frame);
  }
  for (guint i = 0; i < 3; i++) {
    GstBuffer *out = gst_harness_try_pull (h);

    fail_unless (out != NULL);
    fail_unless_equals_int (GST_BUFFER_FLAG_IS_SET (out,
            GST_BUFFER_FLAG_MARKER), i == 1);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (out), i * FRAME);
    fail_unless_equals_int (gst_buffer_get_size (out), DIM * sizeof (gfloat));
    check_embedding (out, i);
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Properties, and the policy of augmentation that does the same. */
static const struct
{
  const gchar *properties, *operations;
} preparations[] = {
  {"", ""},
  {"center-crop=0.875", "center-crop(0.875)"},
  {"interpolation=bicubic center-crop=0.5", "center-crop(0.5) bicubic"}
};

/* Every format in the ways that augmentation reads it: the encoder sees what evaluation views show. */
GST_START_TEST (formats_are_read_as_for_training)
{
  static const gchar *const formats[] = { "RGB", "BGRx", "xRGB", "GRAY8", "I420", "NV12" };
  const gchar *format = formats[__i__ % G_N_ELEMENTS (formats)];
  guint p = __i__ / G_N_ELEMENTS (formats);
  gchar *caps = g_strdup_printf ("video/x-raw,format=%s,width=50,height=36,"
      "framerate=30/1", format);
  gchar *line = g_strdup_printf ("supconaugment views=1 operations=\"%s\" "
      "policy=none ! capsfilter caps=video/x-raw,format=RGB,width=16,height=16",
      preparations[p].operations);
  GstHarness *views = gst_harness_new_parse (line);
  GstHarness *h = harness_new (preparations[p].properties, caps);
  GstBuffer *frame, *view, *out;
  GstVideoInfo info;
  GstCaps *parsed = gst_caps_from_string (caps);
  GstMapInfo map;

  gst_harness_set_src_caps_str (views, caps);
  fail_unless (gst_video_info_from_caps (&info, parsed));
  frame = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gsize k = 0; k < map.size; k++)
    map.data[k] = k * k / 97 + k * 5;
  gst_buffer_unmap (frame, &map);
  view = gst_harness_push_and_pull (views, gst_buffer_ref (frame));
  out = gst_harness_push_and_pull (h, frame);
  gst_buffer_map (view, &map, GST_MAP_READ);
  fail_unless_equals_int (map.size, 16 * 16 * 3);
  check_buffer (gst_supcon_buffer_get_embedding (out, NULL, NULL, NULL),
      map.data);
  gst_buffer_unmap (view, &map);
  gst_buffer_unref (view);
  gst_buffer_unref (out);
  gst_caps_unref (parsed);
  gst_harness_teardown (views);
  gst_harness_teardown (h);
  g_free (line);
  g_free (caps);
}
GST_END_TEST;

static Suite *
batch_suite (void)
{
  Suite *suite = suite_create ("batch");
  TCase *tcase = tcase_create ("batch");

  gst_supcon_meta_register ();
  tcase_set_timeout (tcase, 120);
  tcase_add_checked_fixture (tcase, setup, teardown);
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, frames_leave_in_order);
  tcase_add_test (tcase, batches_end_early);
  tcase_add_test (tcase, dropped_frames_end_no_batch);
  tcase_add_test (tcase, refused_frames_are_dropped);
  tcase_add_test (tcase, a_batch_does_not_wait_for_ever);
  tcase_add_test (tcase, latency_counts_in_the_wait);
  tcase_add_test (tcase, latency_is_told_of);
  tcase_add_test (tcase, a_stopped_encoder_has_nothing_to_drain);
  tcase_add_test (tcase, a_pool_has_room_for_a_batch);
  tcase_add_test (tcase, interval_within_batches);
  tcase_add_test (tcase, tensors_leave_in_batches);
  tcase_add_loop_test (tcase, formats_are_read_as_for_training, 0,
      6 * G_N_ELEMENTS (preparations));
  return suite;
}

GST_CHECK_MAIN (batch);
