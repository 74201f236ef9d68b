/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconencoder: batches of frames, when they end, what frames between carry on, and how frames become its input. */
#include <gst/check/gstharness.h>
#include <math.h>

#include "augment/augmenter.h"
#include "augment/policy.h"
#include "gstsupconmeta.h"
#include "pipeline.h"
#include "tiny_model.h"

#define DIM 64
#define CAPS "video/x-raw,format=GRAY8,width=16,height=16,framerate=30/1"
#define FRAME (GST_SECOND / 30)

static gchar *folder, *location;
static SupconModel *model;

static void
setup (void)
{
  folder = folder_new ();
  location = g_build_filename (folder, "m.safetensors", NULL);
  model = tiny_model_new (location);
}

static void
teardown (void)
{
  supcon_model_free (model);
  g_free (location);
  folder_free (folder);
}

static GstHarness *
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
static GstBuffer *
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

static void
push (GstHarness * h, guint i)
{
  fail_unless_equals_int (gst_harness_push (h, frame_new (i)), GST_FLOW_OK);
}

static void
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
static void
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

#define PATIENT "batch-timeout=3600000000000 "

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

/* A pool is told of the frames that a batch keeps. */
GST_START_TEST (a_pool_has_room_for_a_batch)
{
  GstHarness *h = harness_new ("batch-size=16", CAPS);
  GstCaps *caps = gst_pad_get_current_caps (h->srcpad);
  GstQuery *query = gst_query_new_allocation (caps, TRUE);
  GstBufferPool *pool;
  guint least, most;

  fail_unless (gst_pad_peer_query (h->srcpad, query));
  fail_unless_equals_int (gst_query_get_n_allocation_pools (query), 1);
  gst_query_parse_nth_allocation_pool (query, 0, NULL, NULL, &least, NULL);
  fail_unless (least > 16);
  gst_query_unref (query);
  gst_harness_teardown (h);

  /* Downstream's stays as it is where nothing waits. */
  h = harness_new ("", CAPS);
  gst_pad_set_query_function (h->sinkpad, offer_small_pool);
  query = gst_query_new_allocation (caps, TRUE);
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  gst_query_parse_nth_allocation_pool (query, 0, NULL, NULL, &least, &most);
  fail_unless (least == 2 && most == 18);
  gst_query_unref (query);
  gst_harness_teardown (h);

  /* Where it has as many as wait beside its own, it is proposed; where it has not, it is not. */
  h = harness_new ("batch-size=16", CAPS);
  gst_pad_set_query_function (h->sinkpad, offer_small_pool);
  query = gst_query_new_allocation (caps, TRUE);
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  gst_query_parse_nth_allocation_pool (query, 0, &pool, NULL, &least, &most);
  fail_unless (pool != NULL && least == 18 && most == 18);
  gst_object_unref (pool);
  gst_query_unref (query);
  gst_harness_teardown (h);
  h = harness_new ("batch-size=17", CAPS);
  gst_pad_set_query_function (h->sinkpad, offer_small_pool);
  query = gst_query_new_allocation (caps, TRUE);
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  gst_query_parse_nth_allocation_pool (query, 0, &pool, NULL, &least, &most);
  fail_unless (pool == NULL && least > 17 && (most == 0 || most >= least));
  gst_query_unref (query);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
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

static GstVideoRegionOfInterestMeta *
find_region (GstBuffer * frame, const gchar * type)
{
  GstVideoRegionOfInterestMeta *region;
  gpointer state = NULL;

  while ((region = (gpointer) gst_buffer_iterate_meta_filtered (frame, &state,
              GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    if (region->roi_type == g_quark_from_string (type))
      return region;
  return NULL;
}

/* Between two frames that are encoded regions keep the embedding of the thing that they show: the same type, and about the
 * same place. */
GST_START_TEST (regions_carry_on)
{
  GstHarness *h = harness_new (PATIENT "batch-size=2 interval=2 regions=true",
      CAPS);

  for (guint i = 0; i < 2; i++) {
    GstBuffer *frame = frame_new (i);
    guint x = i;

    gst_buffer_add_video_region_of_interest_meta (frame, "cup", x, 0, 8, 8);
    gst_buffer_add_video_region_of_interest_meta (frame, "box", x, 1, 8, 8);
    gst_buffer_add_video_region_of_interest_meta (frame, i ? "new" : "old", x,
        0, 8, 8);
    gst_buffer_add_video_region_of_interest_meta (frame, "far", 8 * i, 8, 5, 8);
    gst_harness_push (h, frame);
  }
  {
    GstBuffer *first = gst_harness_try_pull (h);
    GstBuffer *second = gst_harness_try_pull (h);

    fail_unless (first && second);
    for (guint i = 0; i < 2; i++) {
      const gchar *type = i ? "box" : "cup";
      GstBuffer *a = gst_supcon_region_get_embedding (find_region (first, type),
          NULL, NULL, NULL);
      GstBuffer *b = gst_supcon_region_get_embedding (find_region (second,
              type), NULL, NULL, NULL);
      GstMapInfo map;

      fail_unless (a && b);
      gst_buffer_map (a, &map, GST_MAP_READ);
      fail_unless (gst_buffer_memcmp (b, 0, map.data, map.size) == 0);
      gst_buffer_unmap (a, &map);
      gst_buffer_unref (a);
      gst_buffer_unref (b);
    }
    for (guint i = 0; i < 2; i++)
      fail_unless (gst_supcon_region_get_embedding (find_region (second,
                  i ? "new" : "far"), NULL, NULL, NULL) == NULL);
    fail_unless (gst_supcon_buffer_get_embedding (second, NULL, NULL,
            NULL) == NULL);
    gst_buffer_unref (first);
    gst_buffer_unref (second);
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

static GstBuffer *
region_embedding (GstBuffer * frame, const gchar * type)
{
  return gst_supcon_region_get_embedding (find_region (frame, type), NULL, NULL,
      NULL);
}

/* The thing that a region shows is the nearest one, if they share half of what they cover. */
GST_START_TEST (regions_carry_on_where_they_overlap)
{
  static const struct
  {
    const gchar *type;
    guint before[4], after[4];
  } moves[] = {
    {"cup", {0, 0, 8, 8}, {0, 0, 8, 8}},
    {"cup", {1, 1, 8, 8}, {1, 1, 8, 8}},
    {"half", {0, 8, 8, 8}, {0, 8, 8, 4}},
    {"aside", {0, 8, 8, 8}, {3, 8, 8, 8}},
    {"down", {8, 0, 8, 8}, {8, 3, 8, 8}},
    {"away", {0, 0, 4, 4}, {8, 8, 4, 4}}
  };
  GstHarness *h = harness_new ("interval=2 regions=true", CAPS);
  GstBuffer *frames[3], *cup, *half;
  gfloat values[3][DIM];

  for (guint i = 0; i < 3; i++) {
    frames[i] = frame_new (i == 1 ? 2 : 1);
    /* In the last one the first thing is alone. */
    for (guint k = 0; k < (i < 2 ? G_N_ELEMENTS (moves) : 1); k++) {
      const guint *at = i ? moves[k].after : moves[k].before;

      gst_buffer_add_video_region_of_interest_meta (frames[i], moves[k].type,
          at[0], at[1], at[2], at[3]);
    }
    frames[i] = gst_harness_push_and_pull (h, frames[i]);
    cup = region_embedding (frames[i], "cup");
    fail_unless_equals_int (gst_buffer_extract (cup, 0, values[i],
            sizeof values[i]), sizeof values[i]);
    gst_buffer_unref (cup);
  }
  fail_unless (memcmp (values[0], values[1], sizeof values[0]) == 0);
  for (guint k = 0; k < DIM; k++)
    fail_unless (fabsf (values[0][k] - values[2][k]) < 1e-4);
  half = region_embedding (frames[1], "half");
  fail_unless (half != NULL);
  gst_buffer_unref (half);
  for (guint k = 3; k < G_N_ELEMENTS (moves); k++)
    fail_if (region_embedding (frames[1], moves[k].type), "%s", moves[k].type);
  for (guint i = 0; i < 3; i++)
    gst_buffer_unref (frames[i]);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Of the frames of a batch the last one that was encoded is what the next carries on. */
GST_START_TEST (regions_carry_on_from_the_last)
{
  GstHarness *h = harness_new (PATIENT "batch-size=4 interval=3 regions=true",
      CAPS);

  for (guint i = 0; i < 5; i++) {
    GstBuffer *frame = frame_new (i), *embedding;

    gst_buffer_add_video_region_of_interest_meta (frame, "cup", i < 3 ? 0 : 8,
        0, 8, 8);
    gst_harness_push (h, frame);
    if (i < 3)
      continue;
    while ((frame = gst_harness_try_pull (h))) {
      embedding = region_embedding (frame, "cup");
      fail_unless (embedding != NULL, "of %" G_GUINT64_FORMAT,
          GST_BUFFER_OFFSET (frame));
      gst_buffer_unref (embedding);
      gst_buffer_unref (frame);
    }
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

/* The part at (left, top) of a picture of which each quarter has a colour of its own. */
static GstBuffer *
quarters_new (guint left, guint top, guint width, guint height)
{
  GstVideoFrame frame;
  GstVideoInfo info;
  GstBuffer *buffer;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, width, height);
  buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
  fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_WRITE));
  for (guint c = 0; c < 3; c++)
    for (guint y = 0; y < (c ? height / 2 : height); y++)
      for (guint x = 0; x < (c ? width / 2 : width); x++) {
        guint8 *at = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (&frame, c) +
            y * GST_VIDEO_FRAME_COMP_STRIDE (&frame, c) + x;

        if (c == 0)
          *at = 60 + ((left + x) * 7 + (top + y) * (top + y)) % 120;
        else
          *at = (c == 1 ? left / 2 + x < 16 : top / 2 + y < 12) ? 70 : 190;
      }
  gst_video_frame_unmap (&frame);
  return buffer;
}

/* Each in its own colours, of a frame and of a batch that have several. */
GST_START_TEST (regions_have_their_chroma)
{
  static const gchar *const types[] = { "a", "b", "c", "d" };
  GstHarness *h = harness_new ("regions=true",
      "video/x-raw,format=I420,width=64,height=48,framerate=30/1");
  GstHarness *parts = harness_new ("",
      "video/x-raw,format=I420,width=16,height=16,framerate=30/1");
  GstBuffer *frame = quarters_new (0, 0, 64, 48);

  for (guint i = 0; i < 4; i++)
    gst_buffer_add_video_region_of_interest_meta (frame, types[i],
        8 + i % 2 * 40, 4 + i / 2 * 28, 16, 16);
  frame = gst_harness_push_and_pull (h, frame);
  for (guint i = 0; i < 4; i++) {
    GstBuffer *part = gst_harness_push_and_pull (parts,
        quarters_new (8 + i % 2 * 40, 4 + i / 2 * 28, 16, 16));
    GstBuffer *expected = gst_supcon_buffer_get_embedding (part, NULL, NULL,
        NULL);
    GstBuffer *found = region_embedding (frame, types[i]);
    gfloat values[2][DIM];

    gst_buffer_extract (expected, 0, values[0], sizeof values[0]);
    gst_buffer_extract (found, 0, values[1], sizeof values[1]);
    for (guint k = 0; k < DIM; k++)
      fail_unless (fabsf (values[0][k] - values[1][k]) < 1e-4, "%s: %g %g",
          types[i], values[0][k], values[1][k]);
    gst_buffer_unref (expected);
    gst_buffer_unref (found);
    gst_buffer_unref (part);
  }
  gst_buffer_unref (frame);
  gst_harness_teardown (parts);
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
  tcase_add_test (tcase, regions_carry_on);
  tcase_add_test (tcase, regions_carry_on_where_they_overlap);
  tcase_add_test (tcase, regions_carry_on_from_the_last);
  tcase_add_test (tcase, regions_have_their_chroma);
  tcase_add_loop_test (tcase, formats_are_read_as_for_training, 0,
      6 * G_N_ELEMENTS (preparations));
  return suite;
}

GST_CHECK_MAIN (batch);
