/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconaugment: views and what they carry, layouts of memory, negotiation, flush, seek, errors. */
#include "augmenting.h"
#include "posted.h"

/* The example of the element's documentation. */
#define EXAMPLE "videotestsrc num-buffers=10 ! supconaugment " \
    "policy=simaugment views=2 ! video/x-raw,width=32,height=32 ! fakesink"

GST_START_TEST (test_views)
{
  GstHarness *h = new_harness ("supconaugment views=3", RGB_CAPS (20, 10));

  gst_harness_set_sink_caps_str (h, "video/x-raw,width=8,height=6");
  for (guint i = 0; i < 4; i++) {
    GstBuffer *frame = new_frame (20, 10, 3, 60);
    GstCaps *reference;

    GST_BUFFER_PTS (frame) = i * 40 * GST_MSECOND;
    GST_BUFFER_DURATION (frame) = 40 * GST_MSECOND;
    GST_BUFFER_OFFSET (frame) = 100 + i;
    GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_MARKER);
    if (i == 0)
      GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
    if (i == 1)
      set_sample (frame, "cup", 77);
    reference = gst_caps_new_empty_simple ("timestamp/x");
    gst_buffer_add_reference_timestamp_meta (frame, reference, i,
        GST_CLOCK_TIME_NONE);
    gst_caps_unref (reference);
    fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
    fail_unless_equals_int (gst_harness_buffers_in_queue (h), 3);
    for (guint v = 0; v < 3; v++) {
      GstBuffer *view = gst_harness_pull (h);

      fail_unless_equals_uint64 (GST_BUFFER_PTS (view), i * 40 * GST_MSECOND);
      fail_unless_equals_uint64 (GST_BUFFER_DURATION (view), 40 * GST_MSECOND);
      fail_unless_equals_uint64 (GST_BUFFER_OFFSET (view), (100 + i) * 3 + v);
      fail_unless (GST_BUFFER_FLAG_IS_SET (view, GST_BUFFER_FLAG_MARKER));
      fail_unless_equals_int (GST_BUFFER_IS_DISCONT (view) != 0,
          i == 0 && v == 0);
      fail_unless_equals_int (gst_buffer_get_size (view), 24 * 6);
      fail_unless (gst_buffer_get_reference_timestamp_meta (view, NULL));
      if (i == 1)
        assert_sample (view, "cup", 77, v);
      else
        assert_sample (view, NULL, 100 + i, v);
      gst_buffer_unref (view);
    }
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* 5 RGB pixels are 15 bytes, the row is 16; 40 by meta. All give the same views. */
GST_START_TEST (test_strides)
{
  static const gchar *const sizes[] = { RGB_CAPS (5, 7), RGB_CAPS (9, 3) };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    GstHarness *a = new_harness ("supconaugment", RGB_CAPS (5, 7));
    GstHarness *b = new_harness ("supconaugment", RGB_CAPS (5, 7));

    gst_harness_set_sink_caps_str (a, sizes[s]);
    gst_harness_set_sink_caps_str (b, sizes[s]);
    for (guint i = 0; i < 5; i++) {
      gst_harness_push (a, new_frame (5, 7, 3, 16));
      gst_harness_push (b, new_frame (5, 7, 3, 40));
      fail_unless (pull_equal (a, b));
      fail_unless (pull_equal (a, b));
    }
    gst_harness_teardown (a);
    gst_harness_teardown (b);
  }
}

GST_END_TEST;

GST_START_TEST (test_policy_none_keeps_the_frame)
{
  GstHarness *h = new_harness ("supconaugment policy=none views=1",
      RGB_CAPS (5, 7));
  guint8 *bytes;
  gsize size;

  gst_harness_push (h, new_frame (5, 7, 3, 40));
  bytes = pull_bytes (h, &size);
  fail_unless_equals_int (size, 5 * 7 * 3);
  for (guint i = 0; i < size; i++)
    fail_unless_equals_int (bytes[i], pixel (i / 3 % 5, i / 15, i % 3));
  g_free (bytes);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Only the part that the crop meta shows is seen, and the meta stays behind. */
GST_START_TEST (test_crop_meta)
{
  GstHarness *h = new_harness ("supconaugment policy=none views=1",
      RGB_CAPS (20, 10));
  GstBuffer *frame = new_frame (20, 10, 3, 64), *view;
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (frame);
  guint8 *bytes;
  gsize size;

  crop->x = 3;
  crop->y = 2;
  crop->width = 7;
  crop->height = 5;
  gst_harness_set_sink_caps_str (h, RGB_CAPS (7, 5));
  gst_harness_push (h, frame);
  view = gst_harness_pull (h);
  fail_if (gst_buffer_get_video_crop_meta (view));
  bytes = visible_bytes (h, view, &size);
  for (guint i = 0; i < size; i++)
    fail_unless_equals_int (bytes[i],
        pixel (3 + i / 3 % 7, 2 + i / 21, i % 3));
  g_free (bytes);
  gst_buffer_unref (view);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Downstream's pool, with rows as downstream wants them. */
static GstPadProbeReturn
offer_pool (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer user_data)
{
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY (info);
  GstBufferPool *pool;
  GstStructure *config;
  GstVideoAlignment align;
  GstVideoInfo video;
  GstCaps *caps;

  if (GST_QUERY_TYPE (query) != GST_QUERY_ALLOCATION)
    return GST_PAD_PROBE_OK;
  gst_query_parse_allocation (query, &caps, NULL);
  gst_video_info_from_caps (&video, caps);
  pool = gst_video_buffer_pool_new ();
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, video.size, 2, 0);
  gst_buffer_pool_config_add_option (config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_buffer_pool_config_add_option (config,
      GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
  gst_video_alignment_reset (&align);
  align.padding_right = 13;
  align.padding_top = 2;
  gst_buffer_pool_config_set_video_alignment (config, &align);
  fail_unless (gst_buffer_pool_set_config (pool, config));
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_get_params (config, NULL, (guint *) user_data, NULL,
      NULL);
  gst_query_add_allocation_pool (query, pool, *(guint *) user_data, 2, 0);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_structure_free (config);
  gst_object_unref (pool);
  return GST_PAD_PROBE_HANDLED;
}

GST_START_TEST (test_downstream_pool)
{
  GstHarness *a = new_harness ("supconaugment", RGB_CAPS (20, 10));
  GstHarness *b = gst_harness_new_parse ("supconaugment");
  guint size = 0;

  gst_pad_add_probe (b->sinkpad,
      GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH,
      offer_pool, &size, NULL);
  gst_harness_set_src_caps_str (b, RGB_CAPS (20, 10));
  gst_harness_set_sink_caps_str (a, RGB_CAPS (9, 6));
  gst_harness_set_sink_caps_str (b, RGB_CAPS (9, 6));
  for (guint i = 0; i < 3; i++) {
    GstBuffer *view;
    GstVideoMeta *meta;
    guint8 *ours, *theirs;
    gsize n;

    gst_harness_push (a, new_frame (20, 10, 3, 60));
    gst_harness_push (b, new_frame (20, 10, 3, 60));
    fail_unless (size > 28 * 6);
    view = gst_harness_pull (b);
    meta = gst_buffer_get_video_meta (view);
    fail_unless (meta != NULL);
    fail_unless (meta->stride[0] >= (9 + 13) * 3);
    ours = visible_bytes (b, view, &n);
    theirs = pull_bytes (a, &n);
    fail_unless (memcmp (ours, theirs, n) == 0);
    g_free (ours);
    g_free (theirs);
    gst_buffer_unref (view);
    fail_unless (pull_equal (a, b));
  }
  gst_harness_teardown (a);
  gst_harness_teardown (b);
}

GST_END_TEST;

/* From NULL to PLAYING and back, a run repeats itself. */
GST_START_TEST (test_states)
{
  GstHarness *h = new_harness ("supconaugment seed=3", RGB_CAPS (30, 30));
  guint8 *views[3];
  gsize size;

  for (guint run = 0; run < 3; run++) {
    if (run) {
      fail_unless_equals_int (gst_element_set_state (h->element,
              GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
      gst_harness_play (h);
      gst_harness_push_event (h, gst_event_new_stream_start ("again"));
      gst_harness_set_src_caps_str (h, RGB_CAPS (30, 30));
    }
    gst_harness_push (h, new_frame (30, 30, 3, 92));
    views[run] = pull_bytes (h, &size);
    gst_buffer_unref (gst_harness_pull (h));
  }
  for (guint run = 1; run < 3; run++)
    fail_unless (memcmp (views[0], views[run], size) == 0);
  for (guint run = 0; run < 3; run++)
    g_free (views[run]);
  gst_harness_teardown (h);
}

GST_END_TEST;

static void
assert_caps (GstHarness * h, const gchar * format, gint width, gint height)
{
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  GstStructure *s = gst_caps_get_structure (caps, 0);
  gint has_width, has_height;

  gst_structure_get (s, "width", G_TYPE_INT, &has_width, "height", G_TYPE_INT,
      &has_height, NULL);
  fail_unless_equals_string (gst_structure_get_string (s, "format"), format);
  fail_unless_equals_int (has_width, width);
  fail_unless_equals_int (has_height, height);
  gst_caps_unref (caps);
}

static void
pass_frame (GstHarness * h, guint width, guint height, guint channels)
{
  fail_unless_equals_int (gst_harness_push (h, new_frame (width, height,
              channels, GST_ROUND_UP_4 (width * channels))), GST_FLOW_OK);
  gst_buffer_unref (gst_harness_pull (h));
  gst_buffer_unref (gst_harness_pull (h));
}

GST_START_TEST (test_negotiation)
{
  GstHarness *h = new_harness ("supconaugment", RGB_CAPS (20, 10));

  /* Nothing asked for: the frame's own size and format. */
  pass_frame (h, 20, 10, 3);
  assert_caps (h, "RGB", 20, 10);

  /* Upstream changes. */
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=GRAY8,framerate=25/1,width=13,height=11");
  pass_frame (h, 13, 11, 1);
  assert_caps (h, "GRAY8", 13, 11);

  /* Downstream changes its mind: size, then format. */
  gst_harness_set_sink_caps_str (h, "video/x-raw,width=32,height=[16,24]");
  gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
  pass_frame (h, 13, 11, 1);
  assert_caps (h, "GRAY8", 32, 16);
  gst_harness_set_sink_caps_str (h, "video/x-raw,format=RGB,width=8,height=8; "
      "video/x-raw,format=GRAY8,width=9,height=9");
  gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
  pass_frame (h, 13, 11, 1);
  assert_caps (h, "GRAY8", 9, 9);
  gst_harness_set_sink_caps_str (h, "video/x-raw,format=RGB,width=8,height=8");
  gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
  pass_frame (h, 13, 11, 1);
  assert_caps (h, "RGB", 8, 8);

  /* A view in other colours has their colorimetry. */
  gst_harness_set_src_caps_str (h, "video/x-raw,format=I420,framerate=25/1,"
      "width=8,height=8,colorimetry=bt709");
  gst_harness_set_sink_caps_str (h,
      "video/x-raw,format=RGB,width=8,height=8,colorimetry=sRGB");
  gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_allocate (NULL,
              96, NULL)), GST_FLOW_OK);
  while (gst_harness_buffers_in_queue (h))
    gst_buffer_unref (gst_harness_pull (h));
  assert_caps (h, "RGB", 8, 8);
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=GRAY8,framerate=25/1,width=13,height=11");

  /* The largest view, and one larger. */
  gst_harness_set_sink_caps_str (h,
      "video/x-raw,format=GRAY8,width=32767,height=2");
  gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
  pass_frame (h, 13, 11, 1);
  assert_caps (h, "GRAY8", 32767, 2);
  gst_harness_set_sink_caps_str (h,
      "video/x-raw,format=GRAY8,width=2,height=32768");
  gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
  fail_unless_equals_int (gst_harness_push (h, new_frame (13, 11, 1, 16)),
      GST_FLOW_NOT_NEGOTIATED);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_pixel_aspect_ratio)
{
  GstHarness *h = new_harness ("supconaugment",
      RGB_CAPS (20, 10) ",pixel-aspect-ratio=4/3");
  GstCaps *caps;
  gint n, d;

  gst_harness_set_sink_caps_str (h,
      "video/x-raw,width=8,height=8,pixel-aspect-ratio=1/1");
  pass_frame (h, 20, 10, 3);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_structure_get_fraction (gst_caps_get_structure (caps, 0),
          "pixel-aspect-ratio", &n, &d) && n == 1 && d == 1);
  gst_caps_unref (caps);
  /* Where nobody says what it is to be: that of a frame that keeps its size, else square. */
  for (guint keeps = 0; keeps < 2; keeps++) {
    gst_harness_set_sink_caps_str (h, keeps ? "video/x-raw" :
        "video/x-raw,width=8,height=8");
    gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
    pass_frame (h, 20, 10, 3);
    caps = gst_pad_get_current_caps (h->sinkpad);
    fail_unless (gst_structure_get_fraction (gst_caps_get_structure (caps, 0),
            "pixel-aspect-ratio", &n, &d));
    fail_unless (keeps ? n == 4 && d == 3 : n == 1 && d == 1, "%d/%d", n, d);
    gst_caps_unref (caps);
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Flushes upstream's side from within the first view of a frame. */
static GstPadProbeReturn
flush_once (G_GNUC_UNUSED GstPad * pad, G_GNUC_UNUSED GstPadProbeInfo * info,
    gpointer user_data)
{
  GstHarness *h = user_data;

  gst_harness_push_event (h, gst_event_new_flush_start ());
  return GST_PAD_PROBE_REMOVE;
}

GST_START_TEST (test_flush)
{
  GstHarness *h = new_harness ("supconaugment views=4", RGB_CAPS (30, 30));
  GstHarness *fresh = new_harness ("supconaugment views=4", RGB_CAPS (30, 30));
  GstSegment segment;
  GstBuffer *view;

  gst_harness_push (h, new_frame (30, 30, 3, 92));
  while ((view = gst_harness_try_pull (h)))
    gst_buffer_unref (view);
  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, flush_once, h,
      NULL);
  fail_unless_equals_int (gst_harness_push (h, new_frame (30, 30, 3, 92)),
      GST_FLOW_FLUSHING);
  while ((view = gst_harness_try_pull (h)))
    gst_buffer_unref (view);

  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  /* No view is left of the frame before, and the frames count from the start. */
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  fail_unless_equals_int (gst_harness_push (h, new_frame (30, 30, 3, 92)),
      GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 4);
  gst_harness_push (fresh, new_frame (30, 30, 3, 92));
  for (guint v = 0; v < 4; v++)
    fail_unless (pull_equal (h, fresh));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  gst_harness_teardown (h);
  gst_harness_teardown (fresh);
}

GST_END_TEST;

static gboolean
answer_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  const gint64 FRAME = 100;
  GstFormat format, other;
  gint64 value;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_DURATION:
      gst_query_parse_duration (query, &format, NULL);
      gst_query_set_duration (query, format, 1000);
      return TRUE;
    case GST_QUERY_POSITION:
      gst_query_parse_position (query, &format, NULL);
      gst_query_set_position (query, format, 10);
      return TRUE;
    case GST_QUERY_CONVERT:
      gst_query_parse_convert (query, &format, &value, &other, NULL);
      gst_query_set_convert (query, format, value, other,
          other == GST_FORMAT_TIME ? value * FRAME : value / FRAME);
      return TRUE;
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}

/* Downstream counts views, upstream frames; time is the same for both. */
GST_START_TEST (test_counting)
{
  GstHarness *h = gst_harness_new_parse ("supconaugment views=3");
  GstEvent *event;
  gint64 value, stop;
  guint32 seqnum;

  gst_pad_set_query_function (h->srcpad, answer_query);
  gst_harness_set_src_caps_str (h, RGB_CAPS (20, 10));
  fail_unless (gst_pad_peer_query_duration (h->sinkpad, GST_FORMAT_DEFAULT,
          &value));
  fail_unless_equals_int64 (value, 3000);
  fail_unless (gst_pad_peer_query_duration (h->sinkpad, GST_FORMAT_BUFFERS,
          &value));
  fail_unless_equals_int64 (value, 3000);
  fail_unless (gst_pad_peer_query_duration (h->sinkpad, GST_FORMAT_TIME,
          &value));
  fail_unless_equals_int64 (value, 1000);
  fail_unless (gst_pad_peer_query_position (h->sinkpad, GST_FORMAT_DEFAULT,
          &value));
  fail_unless_equals_int64 (value, 30);
  fail_unless (gst_pad_peer_query_convert (h->sinkpad, GST_FORMAT_DEFAULT, 31,
          GST_FORMAT_TIME, &value));
  fail_unless_equals_int64 (value, 10 * 100);
  fail_unless (gst_pad_peer_query_convert (h->sinkpad, GST_FORMAT_TIME, 1050,
          GST_FORMAT_BUFFERS, &value));
  fail_unless_equals_int64 (value, 10 * 3);

  while ((event = gst_harness_try_pull_upstream_event (h)))
    gst_event_unref (event);
  event = gst_event_new_seek (1.0, GST_FORMAT_DEFAULT, GST_SEEK_FLAG_FLUSH,
      GST_SEEK_TYPE_SET, 31, GST_SEEK_TYPE_SET, 35);
  seqnum = gst_event_get_seqnum (event);
  gst_harness_push_upstream_event (h, event);
  event = gst_harness_pull_upstream_event (h);
  fail_unless_equals_int (GST_EVENT_TYPE (event), GST_EVENT_SEEK);
  /* It is the same seek, by whose number an application knows its segment. */
  fail_unless_equals_int (gst_event_get_seqnum (event), seqnum);
  /* The frames of all views from 31 to 34. */
  gst_event_parse_seek (event, NULL, NULL, NULL, NULL, &value, NULL, &stop);
  fail_unless_equals_int64 (value, 10);
  fail_unless_equals_int64 (stop, 12);
  gst_event_unref (event);
  /* From the end: the last 31 views but four, which are of the last eleven frames but one. */
  gst_harness_push_upstream_event (h, gst_event_new_seek (1.0,
          GST_FORMAT_DEFAULT, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_END, -31,
          GST_SEEK_TYPE_END, -4));
  event = gst_harness_pull_upstream_event (h);
  gst_event_parse_seek (event, NULL, NULL, NULL, NULL, &value, NULL, &stop);
  fail_unless_equals_int64 (value, -11);
  fail_unless_equals_int64 (stop, -1);
  gst_event_unref (event);
  gst_harness_push_upstream_event (h, gst_event_new_seek (1.0,
          GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 31,
          GST_SEEK_TYPE_NONE, -1));
  event = gst_harness_pull_upstream_event (h);
  gst_event_parse_seek (event, NULL, NULL, NULL, NULL, &value, NULL, NULL);
  fail_unless_equals_int64 (value, 31);
  gst_event_unref (event);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_short_frame)
{
  GstHarness *h = gst_harness_new ("supconaugment");
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, RGB_CAPS (20, 10));
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_allocate (NULL,
              100, NULL)), GST_FLOW_ERROR);
  check_posted (bus, GST_MESSAGE_ERROR, "a frame of 100 bytes, expected 600");
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_example)
{
  GstElement *pipeline = gst_parse_launch (EXAMPLE, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING)
      != GST_STATE_CHANGE_FAILURE);
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_interlaced)
{
  GstHarness *h = gst_harness_new_parse ("supconaugment");
  GstElement *element = gst_harness_find_element (h, "supconaugment");
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  gst_harness_set_src_caps_str (h,
      RGB_CAPS (8, 8) ",interlace-mode=interleaved");
  fail_unless_equals_int (gst_harness_push (h, new_frame (8, 8, 3, 24)),
      GST_FLOW_NOT_NEGOTIATED);
  check_posted (bus, GST_MESSAGE_ERROR, "interlaced video (interleaved)");
  /* Once. */
  fail_unless_equals_int (gst_harness_push (h, new_frame (8, 8, 3, 24)),
      GST_FLOW_NOT_NEGOTIATED);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  /* Said again to the next run. */
  gst_element_set_state (element, GST_STATE_READY);
  gst_element_set_state (element, GST_STATE_PLAYING);
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (h,
      RGB_CAPS (8, 8) ",interlace-mode=interleaved");
  fail_unless_equals_int (gst_harness_push (h, new_frame (8, 8, 3, 24)),
      GST_FLOW_NOT_NEGOTIATED);
  check_posted (bus, GST_MESSAGE_ERROR, "interlaced video (interleaved)");
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
  gst_harness_teardown (h);
}

GST_END_TEST;

static Suite *
supconaugment_suite (void)
{
  Suite *suite = suite_create ("supconaugment");
  TCase *tcase = tcase_create ("supconaugment");

  tcase_set_timeout (tcase, 60);
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_views);
  tcase_add_test (tcase, test_strides);
  tcase_add_test (tcase, test_policy_none_keeps_the_frame);
  tcase_add_test (tcase, test_crop_meta);
  tcase_add_test (tcase, test_downstream_pool);
  tcase_add_test (tcase, test_states);
  tcase_add_test (tcase, test_negotiation);
  tcase_add_test (tcase, test_pixel_aspect_ratio);
  tcase_add_test (tcase, test_flush);
  tcase_add_test (tcase, test_counting);
  tcase_add_test (tcase, test_short_frame);
  tcase_add_test (tcase, test_example);
  tcase_add_test (tcase, test_interlaced);
  return suite;
}

GST_CHECK_MAIN (supconaugment);
