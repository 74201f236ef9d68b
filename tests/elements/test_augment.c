/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconaugment: views and what they carry, layouts of memory, negotiation, flush, seek, errors. */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/controller/controller.h>
#include <gst/video/video.h>
#include <string.h>

#define RGB_CAPS(w, h) "video/x-raw,format=RGB,framerate=25/1,width=" #w \
    ",height=" #h

/* The example of the element's documentation. */
#define EXAMPLE "videotestsrc num-buffers=10 ! supconaugment " \
    "policy=simaugment views=2 ! video/x-raw,width=32,height=32 ! fakesink"

static GstHarness *
new_harness (const gchar * launch, const gchar * caps)
{
  GstHarness *h = gst_harness_new_parse (launch);

  gst_harness_set_src_caps_str (h, caps);
  return h;
}

static guint8
pixel (guint x, guint y, guint c)
{
  return x * 11 + y * 29 + c * 71 + ((x * y) ^ (x << 1)) % 37;
}

/* A frame whose rows are stride bytes apart; another stride than the default one takes a GstVideoMeta. */
static GstBuffer *
new_frame (guint width, guint height, guint channels, guint stride)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, stride * height, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  memset (map.data, 0xEE, map.size);
  for (guint y = 0; y < height; y++) {
    for (guint x = 0; x < width; x++) {
      for (guint c = 0; c < channels; c++)
        map.data[y * stride + x * channels + c] = pixel (x, y, c);
    }
  }
  gst_buffer_unmap (buffer, &map);
  if (stride != GST_ROUND_UP_4 (width * channels)) {
    gsize offset[GST_VIDEO_MAX_PLANES] = { 0 };
    gint strides[GST_VIDEO_MAX_PLANES] = { (gint) stride };

    gst_buffer_add_video_meta_full (buffer, GST_VIDEO_FRAME_FLAG_NONE,
        channels == 1 ? GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_RGB, width,
        height, 1, offset, strides);
  }
  return buffer;
}

/* The pixels without padding, of the caps that the harness has got. */
static guint8 *
visible_bytes (GstHarness * h, GstBuffer * buffer, gsize * size)
{
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  GstVideoFrame frame;
  GstVideoInfo info;
  guint8 *bytes;
  gsize row;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_caps_unref (caps);
  fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ));
  row = GST_VIDEO_INFO_WIDTH (&info) * GST_VIDEO_INFO_COMP_PSTRIDE (&info, 0);
  *size = row * GST_VIDEO_INFO_HEIGHT (&info);
  bytes = g_malloc (*size);
  for (gint y = 0; y < GST_VIDEO_INFO_HEIGHT (&info); y++)
    memcpy (bytes + y * row, (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0)
        + y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0), row);
  gst_video_frame_unmap (&frame);
  return bytes;
}

static guint8 *
pull_bytes (GstHarness * h, gsize * size)
{
  GstBuffer *buffer = gst_harness_pull (h);
  guint8 *bytes;

  fail_unless (buffer != NULL);
  bytes = visible_bytes (h, buffer, size);
  gst_buffer_unref (buffer);
  return bytes;
}

static gboolean
pull_equal (GstHarness * a, GstHarness * b)
{
  gsize size_a, size_b;
  guint8 *bytes_a = pull_bytes (a, &size_a), *bytes_b = pull_bytes (b, &size_b);
  gboolean equal = size_a == size_b && memcmp (bytes_a, bytes_b, size_a) == 0;

  g_free (bytes_a);
  g_free (bytes_b);
  return equal;
}

static void
set_sample (GstBuffer * buffer, const gchar * label, guint64 sample)
{
  gst_structure_set (gst_custom_meta_get_structure (gst_buffer_add_custom_meta
          (buffer, "supcon-sample")), "sample", G_TYPE_UINT64, sample, "view",
      G_TYPE_UINT, 9, "label", G_TYPE_STRING, label, NULL);
}

static void
assert_sample (GstBuffer * buffer, const gchar * label, guint64 sample,
    guint view)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, "supcon-sample");
  GstStructure *s;
  guint64 has_sample;
  guint has_view;

  fail_unless (meta != NULL);
  s = gst_custom_meta_get_structure (meta);
  fail_unless (gst_structure_get_uint64 (s, "sample", &has_sample));
  fail_unless (gst_structure_get_uint (s, "view", &has_view));
  fail_unless_equals_uint64 (has_sample, sample);
  fail_unless_equals_int (has_view, view);
  fail_unless_equals_string (gst_structure_get_string (s, "label"), label);
}

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

GST_START_TEST (test_seed)
{
  GstHarness *a = new_harness ("supconaugment seed=5", RGB_CAPS (30, 30));
  GstHarness *b = new_harness ("supconaugment seed=5", RGB_CAPS (30, 30));
  GstHarness *c = new_harness ("supconaugment seed=6", RGB_CAPS (30, 30));
  GstHarness *d = new_harness ("supconaugment name=d seed=-1",
      RGB_CAPS (30, 30));
  gsize size;
  GstElement *element;
  guint8 *views[4];
  gint64 seed;

  gst_harness_push (a, new_frame (30, 30, 3, 92));
  gst_harness_push (b, new_frame (30, 30, 3, 92));
  gst_harness_push (c, new_frame (30, 30, 3, 92));
  fail_unless (pull_equal (a, b));
  gst_buffer_unref (gst_harness_pull (b));
  gst_harness_push (b, new_frame (30, 30, 3, 92));
  fail_if (pull_equal (a, c));

  /* Two views of a frame differ, and so does the same picture in the next frame, whatever its sample number. */
  gst_harness_push (b, new_frame (30, 30, 3, 92));
  for (guint i = 0; i < 4; i++)
    views[i] = pull_bytes (b, &size);
  for (guint i = 0; i < 4; i++) {
    for (guint j = 0; j < i; j++)
      fail_unless (memcmp (views[i], views[j], size) != 0);
  }
  for (guint i = 0; i < 4; i++)
    g_free (views[i]);

  element = gst_bin_get_by_name (GST_BIN (d->element), "d");
  g_object_get (element, "seed", &seed, NULL);
  fail_unless (seed >= 0);
  gst_object_unref (element);
  gst_harness_teardown (a);
  gst_harness_teardown (b);
  gst_harness_teardown (c);
  gst_harness_teardown (d);
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
  GstFormat format;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_DURATION:
      gst_query_parse_duration (query, &format, NULL);
      gst_query_set_duration (query, format, 1000);
      return TRUE;
    case GST_QUERY_POSITION:
      gst_query_parse_position (query, &format, NULL);
      gst_query_set_position (query, format, 10);
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
  gint64 value;

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

  while ((event = gst_harness_try_pull_upstream_event (h)))
    gst_event_unref (event);
  gst_harness_push_upstream_event (h, gst_event_new_seek (1.0,
          GST_FORMAT_DEFAULT, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 31,
          GST_SEEK_TYPE_NONE, -1));
  event = gst_harness_pull_upstream_event (h);
  fail_unless_equals_int (GST_EVENT_TYPE (event), GST_EVENT_SEEK);
  gst_event_parse_seek (event, NULL, NULL, NULL, NULL, &value, NULL, NULL);
  fail_unless_equals_int64 (value, 10);
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

/* Properties that may change while playing do, from the next frame on. */
GST_START_TEST (test_properties_while_playing)
{
  GstHarness *h = gst_harness_new ("supconaugment");
  guint8 *plain, *flipped;
  gsize size;

  gst_harness_set_src_caps_str (h, RGB_CAPS (8, 8));
  g_object_set (h->element, "views", 1, "scale-min", 1.0, "ratio-min", 1.0,
      "ratio-max", 1.0, "flip-probability", 0.0, NULL);
  gst_harness_push (h, new_frame (8, 8, 3, 24));
  plain = pull_bytes (h, &size);
  fail_unless_equals_int (plain[0], pixel (0, 0, 0));
  g_object_set (h->element, "flip-probability", 1.0, "views", 2, NULL);
  gst_harness_push (h, new_frame (8, 8, 3, 24));
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 2);
  flipped = pull_bytes (h, &size);
  for (guint i = 0; i < size; i++)
    fail_unless_equals_int (flipped[i],
        plain[i / 24 * 24 + (7 - i / 3 % 8) * 3 + i % 3]);
  g_free (plain);
  g_free (flipped);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_short_frame)
{
  GstHarness *h = gst_harness_new ("supconaugment");
  GstBus *bus = gst_bus_new ();
  GstMessage *message;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, RGB_CAPS (20, 10));
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_allocate (NULL,
              100, NULL)), GST_FLOW_ERROR);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_unref (message);
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

/* Frames of a clip share their draw, so that a picture that does not move gives views that do not; clips do not. */
GST_START_TEST (test_clips)
{
  GstHarness *h = new_harness ("supconaugment views=1 consistent=clip "
      "clip-length=3 ! capsfilter caps=video/x-raw,width=16,height=12", RGB_CAPS (32, 24));
  guint8 *views[9];
  gsize size = 0;

  for (guint i = 0; i < 9; i++) {
    GstBuffer *view;

    /* A stream that starts ends the clip before its length. */
    if (i == 7)
      gst_harness_push_event (h, gst_event_new_stream_start ("another"));
    fail_unless_equals_int (gst_harness_push (h, new_frame (32, 24, 3, 96)),
        GST_FLOW_OK);
    view = gst_harness_pull (h);
    views[i] = visible_bytes (h, view, &size);
    gst_buffer_unref (view);
  }
  for (guint i = 1; i < 9; i++) {
    gboolean begins = i == 3 || i == 6 || i == 7;

    fail_unless ((memcmp (views[i - 1], views[i], size) != 0) == begins, "%u",
        i);
  }
  for (guint i = 0; i < 9; i++)
    g_free (views[i]);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_operations)
{
  GstHarness *h = new_harness ("supconaugment views=1 operations=invert",
      RGB_CAPS (8, 8));
  GstElement *element = gst_harness_find_element (h, "supconaugment");
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error = NULL;

  gst_element_set_bus (element, bus);
  for (guint i = 0; i < 2; i++) {
    GstBuffer *view;
    guint8 *bytes;
    gsize size;

    fail_unless_equals_int (gst_harness_push (h, new_frame (8, 8, 3, 24)),
        GST_FLOW_OK);
    view = gst_harness_pull (h);
    bytes = visible_bytes (h, view, &size);
    for (guint k = 0; k < size; k++)
      fail_unless_equals_int (bytes[k], 255 - pixel (k / 3 % 8, k / 24, k % 3));
    g_free (bytes);
    gst_buffer_unref (view);
    /* A mistake leaves what was there, and says so. */
    g_object_set (element, "operations", "invert(2)", NULL);
  }
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_message_parse_warning (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_LIBRARY_ERROR,
          GST_LIBRARY_ERROR_SETTINGS));
  fail_unless (strstr (error->message, "column 8") != NULL, "%s",
      error->message);
  g_clear_error (&error);
  gst_message_unref (message);

  /* At the start it is an error. */
  gst_element_set_state (element, GST_STATE_NULL);
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_unref (message);
  g_object_set (element, "operations", NULL, NULL);
  fail_unless (gst_element_set_state (element, GST_STATE_PAUSED) !=
      GST_STATE_CHANGE_FAILURE);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The middle of the frame in the shape of the view, and a share of it. */
GST_START_TEST (test_center_crop)
{
  static const struct
  {
    const gchar *share;
    guint x, y, side;
  } cases[] = { {"1", 6, 0, 8}, {"0.5", 8, 2, 4} };

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    gchar *launch =
        g_strdup_printf ("supconaugment policy=none interpolation=bicubic "
        "views=1 center-crop=%s", cases[k].share), *caps =
        g_strdup_printf ("video/x-raw,width=%u,height=%u", cases[k].side,
        cases[k].side);
    GstHarness *h = new_harness (launch, RGB_CAPS (20, 8));
    guint side = cases[k].side;
    guint8 *bytes;
    gsize size;

    gst_harness_set_sink_caps_str (h, caps);
    gst_harness_push (h, new_frame (20, 8, 3, 60));
    bytes = pull_bytes (h, &size);
    for (guint i = 0; i < size; i++)
      fail_unless_equals_int (bytes[i], pixel (cases[k].x + i / 3 % side,
              cases[k].y + i / 3 / side, i % 3));
    g_free (bytes);
    g_free (launch);
    g_free (caps);
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

/* Every number that may change while playing can be moved by a controller. */
GST_START_TEST (test_controllable)
{
  GstElement *element = gst_element_factory_make ("supconaugment", NULL);
  guint n, numbers = 0;
  GParamSpec **specs = g_object_class_list_properties
      (G_OBJECT_GET_CLASS (element), &n);

  for (guint i = 0; i < n; i++) {
    gboolean number = G_IS_PARAM_SPEC_DOUBLE (specs[i])
        || G_IS_PARAM_SPEC_UINT (specs[i]) || G_IS_PARAM_SPEC_INT (specs[i]);

    if (!number || !(specs[i]->flags & GST_PARAM_MUTABLE_PLAYING))
      continue;
    numbers++;
    fail_unless (specs[i]->flags & GST_PARAM_CONTROLLABLE, "%s",
        specs[i]->name);
  }
  fail_unless (numbers > 25);
  g_free (specs);
  gst_object_unref (element);
}

GST_END_TEST;

/* Numbers that a controller moves, which takes effect at the frame of that time. */
GST_START_TEST (test_controller)
{
  GstHarness *h = new_harness ("supconaugment views=1 scale-min=1 ratio-min=1 "
      "ratio-max=1", RGB_CAPS (8, 8));
  GstElement *element = gst_harness_find_element (h, "supconaugment");
  GstControlSource *source = gst_interpolation_control_source_new ();
  GstTimedValueControlSource *values = GST_TIMED_VALUE_CONTROL_SOURCE (source);
  GstControlSource *views_source = gst_interpolation_control_source_new ();

  g_object_set (source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
  fail_unless (gst_object_add_control_binding (GST_OBJECT (element),
          gst_direct_control_binding_new_absolute (GST_OBJECT (element),
              "flip-probability", source)));
  g_object_set (views_source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
  fail_unless (gst_object_add_control_binding (GST_OBJECT (element),
          gst_direct_control_binding_new_absolute (GST_OBJECT (element),
              "views", views_source)));
  gst_timed_value_control_source_set (values, 0, 0.0);
  gst_timed_value_control_source_set (values, 5 * GST_SECOND, 1.0);
  for (guint i = 0; i < 10; i++)
    gst_timed_value_control_source_set (GST_TIMED_VALUE_CONTROL_SOURCE
        (views_source), i * GST_SECOND, 1 + i % 3);
  for (guint i = 0; i < 10; i++) {
    GstBuffer *frame = new_frame (8, 8, 3, 24);
    guint views = 1 + i % 3;

    GST_BUFFER_PTS (frame) = i * GST_SECOND;
    fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
    fail_unless_equals_int (gst_harness_buffers_in_queue (h), views);
    for (guint v = 0; v < views; v++) {
      gsize size;
      guint8 *bytes = pull_bytes (h, &size);

      fail_unless_equals_int (bytes[0], pixel (i < 5 ? 0 : 7, 0, 0));
      g_free (bytes);
    }
  }
  gst_object_unref (source);
  gst_object_unref (views_source);
  gst_object_unref (element);
  gst_harness_teardown (h);
}

GST_END_TEST;

static GstBuffer *
plain_frame (guint8 value, const gchar * label, guint64 number)
{
  GstBuffer *frame = new_frame (8, 8, 3, 24);

  gst_buffer_memset (frame, 0, value, -1);
  set_sample (frame, label, number);
  GST_BUFFER_PTS (frame) = number * GST_SECOND;
  return frame;
}

/* The first view is of the frame itself, the second of one before it in the clip with the same label. */
GST_START_TEST (test_temporal_window)
{
  GstHarness *h = new_harness ("supconaugment policy=none temporal-window=3 "
      "views=2", RGB_CAPS (8, 8));
  guint seen[4] = { 0 };

  for (guint i = 0; i < 60; i++) {
    guint begin = i < 40 ? 0 : i < 50 ? 40 : 50, back;

    if (i == 40)
      gst_harness_push_event (h, gst_event_new_stream_start ("another"));
    fail_unless_equals_int (gst_harness_push (h, plain_frame (i * 4,
                i < 50 ? "cup" : "box", i)), GST_FLOW_OK);
    for (guint v = 0; v < 2; v++) {
      GstBuffer *view = gst_harness_pull (h);
      guint8 value;

      assert_sample (view, i < 50 ? "cup" : "box", i, v);
      fail_unless_equals_uint64 (GST_BUFFER_PTS (view), i * GST_SECOND);
      gst_buffer_extract (view, 0, &value, 1);
      back = i - value / 4;
      fail_unless (back <= (v == 0 ? 0 : MIN (3, i - begin)));
      fail_unless (v == 0 || back > 0 || i == begin);
      seen[back] += v;
      gst_buffer_unref (view);
    }
  }
  fail_unless_equals_int (seen[0], 3);
  for (guint back = 1; back <= 3; back++)
    fail_unless (seen[back] > 8, "%u: %u", back, seen[back]);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The centre of a spot, in pixels of the view. */
static void
find_spot (const guint8 * bytes, guint width, guint height, gdouble * x,
    gdouble * y)
{
  gdouble total = 0;

  *x = *y = 0;
  for (guint i = 0; i < width * height; i++) {
    total += bytes[3 * i];
    *x += bytes[3 * i] * (i % width);
    *y += bytes[3 * i] * (i / width);
  }
  *x /= total;
  *y /= total;
}

/* The largest change of a steadily moving spot's steps. */
static gdouble
largest_jerk (const gchar * consistent)
{
  gchar *launch = g_strdup_printf ("supconaugment views=1 scale-min=0.8 "
      "consistent=%s", consistent);
  GstHarness *h = new_harness (launch, RGB_CAPS (96, 72));
  gdouble x[12], y[12], largest = 0;

  gst_harness_set_sink_caps_str (h, "video/x-raw,width=64,height=48");
  for (guint i = 0; i < 12; i++) {
    GstBuffer *frame = gst_buffer_new_allocate (NULL, 96 * 72 * 3, NULL);
    GstMapInfo map;
    guint8 *bytes;
    gsize size;

    gst_buffer_map (frame, &map, GST_MAP_WRITE);
    for (guint k = 0; k < map.size; k++) {
      gdouble dx = k / 3 % 96 - (30.0 + 2 * i), dy = k / 288 - (30.0 + i);

      map.data[k] = (guint8) MAX (0, 255 - 12 * (dx * dx + dy * dy));
    }
    gst_buffer_unmap (frame, &map);
    gst_harness_push (h, frame);
    bytes = pull_bytes (h, &size);
    find_spot (bytes, 64, 48, &x[i], &y[i]);
    g_free (bytes);
    if (i >= 2)
      largest = MAX (largest, MAX (ABS (x[i] - 2 * x[i - 1] + x[i - 2]),
              ABS (y[i] - 2 * y[i - 1] + y[i - 2])));
  }
  g_free (launch);
  gst_harness_teardown (h);
  return largest;
}

/* What moves steadily does so in the views of a clip, and jumps where every frame draws anew. */
GST_START_TEST (test_movement)
{
  fail_unless (largest_jerk ("clip") < 0.1, "%g", largest_jerk ("clip"));
  fail_unless (largest_jerk ("frame") > 2, "%g", largest_jerk ("frame"));
}

GST_END_TEST;

/* Another element makes the same bytes from what the meta says. */
GST_START_TEST (test_record_draws)
{
  static const gchar *const launches[] = {
    "supconaugment seed=9 record-draws=true policy=stacked-randaugment "
        "warp-probability=1 erase-probability=1 erase-fill=-1",
    "supconaugment record-draws=true policy=augmix consistent=clip "
        "clip-length=2 interpolation=bicubic",
    "supconaugment record-draws=true policy=simaugment temporal-window=2"
  };

  for (guint k = 0; k < G_N_ELEMENTS (launches); k++) {
    GstHarness *h = new_harness (launches[k], RGB_CAPS (40, 30));

    gst_harness_set_sink_caps_str (h, RGB_CAPS (16, 16));
    for (guint i = 0; i < 12; i++) {
      GstBuffer *view, *again, *frame = new_frame (40, 30, 3, 120);
      GstHarness *other;
      GstElement *element;
      gchar *launch;
      const GstStructure *s, *draws;
      guint8 *bytes, *bytes_again;
      guint64 seed, number;
      guint v, back;
      gsize size;

      gst_buffer_memset (frame, 0, i, 60);
      gst_harness_push (h, frame);
      gst_buffer_unref (gst_harness_pull (h));
      view = gst_harness_pull (h);
      s = gst_custom_meta_get_structure (gst_buffer_get_custom_meta (view,
              "supcon-sample"));
      fail_unless (gst_structure_has_field_typed (s, "draws",
              GST_TYPE_STRUCTURE));
      draws = gst_value_get_structure (gst_structure_get_value (s, "draws"));
      fail_unless (gst_structure_get (draws, "seed", G_TYPE_UINT64, &seed,
              "number", G_TYPE_UINT64, &number, "frames-back", G_TYPE_UINT,
              &back, NULL) && gst_structure_get_uint (s, "view", &v));
      fail_unless (k == 2 ? (back > 0) == (i > 0) : back == 0);
      fail_unless (gst_structure_get_string (draws, "steps") != NULL);
      launch = g_strdup_printf ("supconaugment seed=%" G_GUINT64_FORMAT, seed);
      other = new_harness (launch, RGB_CAPS (40, 30));
      element = gst_harness_find_element (other, "supconaugment");
      g_object_set (element, "operations",
          gst_structure_get_string (draws, "operations"), "views", v + 1, NULL);
      gst_object_unref (element);
      g_free (launch);
      gst_harness_set_sink_caps_str (other, RGB_CAPS (16, 16));
      frame = new_frame (40, 30, 3, 120);
      gst_buffer_memset (frame, 0, i - back, 60);
      GST_BUFFER_OFFSET (frame) = number;
      gst_harness_push (other, frame);
      for (guint n = 0; n < v; n++)
        gst_buffer_unref (gst_harness_pull (other));
      again = gst_harness_pull (other);
      bytes = visible_bytes (h, view, &size);
      bytes_again = visible_bytes (other, again, &size);
      fail_unless (memcmp (bytes, bytes_again, size) == 0, "%u, %u", k, i);
      g_free (bytes);
      g_free (bytes_again);
      gst_buffer_unref (view);
      gst_buffer_unref (again);
      gst_harness_teardown (other);
    }
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

GST_START_TEST (test_interlaced)
{
  GstHarness *h = new_harness ("supconaugment",
      RGB_CAPS (8, 8) ",interlace-mode=interleaved");
  GstElement *element = gst_harness_find_element (h, "supconaugment");
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error = NULL;

  gst_element_set_bus (element, bus);
  fail_unless_equals_int (gst_harness_push (h, new_frame (8, 8, 3, 24)),
      GST_FLOW_NOT_NEGOTIATED);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (strstr (error->message, "interlaced video (interleaved)") !=
      NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
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
  tcase_add_test (tcase, test_seed);
  tcase_add_test (tcase, test_states);
  tcase_add_test (tcase, test_negotiation);
  tcase_add_test (tcase, test_pixel_aspect_ratio);
  tcase_add_test (tcase, test_flush);
  tcase_add_test (tcase, test_counting);
  tcase_add_test (tcase, test_properties_while_playing);
  tcase_add_test (tcase, test_short_frame);
  tcase_add_test (tcase, test_example);
  tcase_add_test (tcase, test_clips);
  tcase_add_test (tcase, test_interlaced);
  tcase_add_test (tcase, test_operations);
  tcase_add_test (tcase, test_center_crop);
  tcase_add_test (tcase, test_controllable);
  tcase_add_test (tcase, test_controller);
  tcase_add_test (tcase, test_temporal_window);
  tcase_add_test (tcase, test_movement);
  tcase_add_test (tcase, test_record_draws);
  return suite;
}

GST_CHECK_MAIN (supconaugment);
