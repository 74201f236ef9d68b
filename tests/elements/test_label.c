/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconlabel: where labels come from, and that frames wait for cues but never for ever. */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <glib/gstdio.h>
#include <string.h>

#define VIDEO_CAPS "video/x-raw,format=GRAY8,framerate=10/1,width=4,height=4"
#define FRAME (GST_SECOND / 10)

/* The example of the element's documentation. */
#define EXAMPLE "videotestsrc num-buffers=10 ! supconlabel label=bars ! fakesink"

static GstHarness *
new_harness (void)
{
  GstHarness *h = gst_harness_new ("supconlabel");

  gst_harness_set_src_caps_str (h, VIDEO_CAPS);
  return h;
}

/* A second harness on the text pad of the first one's element. */
static GstHarness *
new_text_harness (GstHarness * h, const gchar * format)
{
  GstHarness *text = gst_harness_new_with_element (h->element, "text", NULL);
  GstCaps *caps = gst_caps_new_simple ("text/x-raw", "format", G_TYPE_STRING,
      format, NULL);

  gst_harness_set_src_caps (text, caps);
  return text;
}

static GstBuffer *
new_frame (guint i)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 16, NULL);

  GST_BUFFER_PTS (buffer) = i * FRAME;
  GST_BUFFER_DURATION (buffer) = FRAME;
  return buffer;
}

/* In tenths of a second, as frames; end 0: no duration. */
static void
push_cue (GstHarness * text, const gchar * label, guint start, guint end)
{
  GstBuffer *buffer = gst_buffer_new_memdup (label, strlen (label));

  GST_BUFFER_PTS (buffer) = start * FRAME;
  if (end)
    GST_BUFFER_DURATION (buffer) = (end - start) * FRAME;
  fail_unless_equals_int (gst_harness_push (text, buffer), GST_FLOW_OK);
}

static void
assert_label (GstBuffer * buffer, const gchar * label, guint64 sample)
{
  GstCustomMeta *meta;
  GstStructure *s;
  guint64 has_sample;

  fail_unless (buffer != NULL);
  meta = gst_buffer_get_custom_meta (buffer, "supcon-sample");
  fail_unless (meta != NULL);
  s = gst_custom_meta_get_structure (meta);
  fail_unless_equals_string (gst_structure_get_string (s, "label"), label);
  fail_unless (gst_structure_get_uint64 (s, "sample", &has_sample));
  /* Above it is what tells elements apart. */
  fail_unless_equals_uint64 (has_sample & G_MAXUINT32, sample);
}

/* Frame i goes in and comes out with that label. */
static void
pass_frame (GstHarness * h, guint i, const gchar * label)
{
  GstBuffer *buffer;

  fail_unless_equals_int (gst_harness_push (h, new_frame (i)), GST_FLOW_OK);
  buffer = gst_harness_pull (h);
  assert_label (buffer, label, i);
  gst_buffer_unref (buffer);
}

static void
push_segment (GstHarness * h, guint start)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = start * FRAME;
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
}

/* Frames of two elements are no views of one picture. */
GST_START_TEST (test_samples)
{
  guint64 samples[2];

  for (guint i = 0; i < 2; i++) {
    GstHarness *h = new_harness ();
    GstBuffer *buffer;

    gst_harness_push (h, new_frame (0));
    buffer = gst_harness_pull (h);
    fail_unless (gst_structure_get_uint64 (gst_custom_meta_get_structure
            (gst_buffer_get_custom_meta (buffer, "supcon-sample")), "sample",
            &samples[i]));
    gst_buffer_unref (buffer);
    gst_harness_teardown (h);
  }
  fail_unless (samples[0] != samples[1]);
}

GST_END_TEST;

GST_START_TEST (test_property)
{
  GstHarness *h = new_harness ();
  GstBuffer *buffer = new_frame (2);
  guint64 labelled, unlabelled;
  GstStructure *s;
  guint view;

  pass_frame (h, 0, NULL);
  g_object_set (h->element, "label", "cup", NULL);
  pass_frame (h, 1, "cup");

  /* A meta that is there keeps its numbers and changes its label. */
  s = gst_custom_meta_get_structure (gst_buffer_add_custom_meta (buffer,
          "supcon-sample"));
  gst_structure_set (s, "sample", G_TYPE_UINT64, (guint64) 1234, "view",
      G_TYPE_UINT, 5, "label", G_TYPE_STRING, "old", NULL);
  g_object_set (h->element, "label", "", NULL);
  gst_harness_push (h, buffer);
  buffer = gst_harness_pull (h);
  assert_label (buffer, NULL, 1234);
  s = gst_custom_meta_get_structure (gst_buffer_get_custom_meta (buffer,
          "supcon-sample"));
  fail_unless (gst_structure_get_uint (s, "view", &view) && view == 5);
  gst_buffer_unref (buffer);

  g_object_get (h->element, "labelled", &labelled, "unlabelled", &unlabelled,
      NULL);
  fail_unless_equals_uint64 (labelled, 1);
  fail_unless_equals_uint64 (unlabelled, 2);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* An element that has been told to read that file: playing, or NULL when it refused. */
static GstHarness *
with_file (const void *bytes, gsize size, GstMessage ** message)
{
  gchar *path = NULL;
  gint fd = g_file_open_tmp ("supcon-XXXXXX", &path, NULL);
  GstElement *element = gst_element_factory_make ("supconlabel", NULL);
  GstBus *bus = gst_bus_new ();
  GstHarness *h = NULL;

  fail_unless (fd >= 0);
  g_close (fd, NULL);
  if (bytes)
    fail_unless (g_file_set_contents (path, bytes, size, NULL));
  else
    g_unlink (path);
  gst_object_ref_sink (element);
  gst_element_set_bus (element, bus);
  g_object_set (element, "labels-location", path, NULL);
  if (gst_element_set_state (element, GST_STATE_PAUSED)
      != GST_STATE_CHANGE_FAILURE) {
    h = gst_harness_new_with_element (element, "sink", "src");
    gst_harness_set_src_caps_str (h, VIDEO_CAPS);
  } else {
    gst_element_set_state (element, GST_STATE_NULL);
  }
  if (message)
    *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
  g_unlink (path);
  g_free (path);
  return h;
}

GST_START_TEST (test_lines)
{
  static const gchar lines[] = "cup\r\n  red box \n\nbox";
  GstHarness *h = with_file (lines, sizeof lines - 1, NULL);
  GstSegment segment;
  GstBuffer *buffer;

  pass_frame (h, 0, "cup");
  pass_frame (h, 1, "red box");
  g_object_set (h->element, "label", "other", NULL);
  pass_frame (h, 2, "other");
  pass_frame (h, 3, "box");
  pass_frame (h, 4, "other");

  /* After a seek the frame's place in the stream tells which line is its. */
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = FRAME;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push (h, new_frame (1));
  buffer = gst_harness_pull (h);
  assert_label (buffer, "red box", 1);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

GST_END_TEST;

static const guint8 idx[] = { 0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 9 };

/* The same, by gzip. */
static const guint8 idx_gz[] = {
  0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60,
  0xe0, 0x60, 0x64, 0x60, 0x60, 0x60, 0x66, 0x67, 0xe2, 0x04, 0x00, 0x27,
  0x70, 0xe5, 0x40, 0x0b, 0x00, 0x00, 0x00
};

GST_START_TEST (test_idx)
{
  for (guint packed = 0; packed < 2; packed++) {
    GstHarness *h = packed ? with_file (idx_gz, sizeof idx_gz, NULL)
        : with_file (idx, sizeof idx, NULL);

    fail_unless (h != NULL);
    pass_frame (h, 0, "7");
    pass_frame (h, 1, "2");
    pass_frame (h, 2, "9");
    pass_frame (h, 3, NULL);
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

static void
assert_refused (const void *bytes, gsize size, GQuark domain, gint code,
    const gchar * says)
{
  GstMessage *message;
  GError *error;

  fail_if (with_file (bytes, size, &message));
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, domain, code), "%s", error->message);
  fail_unless (strstr (error->message, says) != NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
}

GST_START_TEST (test_bad_files)
{
  guint8 images[] = { 0, 0, 8, 3, 0, 0, 0, 3, 7, 2, 9 };
  guint8 hostile[] = { 0, 0, 8, 1, 0xff, 0xff, 0xff, 0xff, 7, 2, 9 };

  assert_refused (NULL, 0, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "labels-location");
  assert_refused (images, sizeof images, GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, "0x00000803");
  assert_refused (hostile, sizeof hostile, GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, "4294967295");
  assert_refused (idx, 5, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, "5 bytes");
  assert_refused (idx, sizeof idx - 1, GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, "2 values found, 3 expected");
  assert_refused (idx_gz, sizeof idx_gz - 9, GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, "labels-location");
  assert_refused ("cup\n\xff\xfe\n", 7, GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, "line 2");
}

GST_END_TEST;

GST_START_TEST (test_cues)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");

  push_cue (text, "  cup \n", 1, 3);
  push_cue (text, "<box>", 3, 4);
  push_cue (text, " ", 5, 6);
  push_cue (text, "\xff", 5, 6);
  push_cue (text, "long", 7, 12);
  push_cue (text, "short", 8, 9);
  push_cue (text, "open", 13, 0);
  push_cue (text, "last", 16, 17);
  gst_harness_push_event (text, gst_event_new_eos ());
  for (guint i = 0; i < 20; i++) {
    static const gchar *const expected[20] = { NULL, "cup", "cup", "<box>",
      NULL, NULL, NULL, "long", "short", "long", "long", "long", NULL, "open",
      "open", "open", "last", NULL, NULL, NULL
    };

    pass_frame (h, i, expected[i]);
  }
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_markup)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "pango-markup");

  push_cue (text, " <i>cup</i> &amp; <b>saucer</b> ", 0, 1);
  push_cue (text, "a < b", 1, 2);
  gst_harness_push_event (text, gst_event_new_eos ());
  pass_frame (h, 0, "cup & saucer");
  pass_frame (h, 1, "a < b");
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Times are compared where both streams meet, in running time: each has its own segment. */
GST_START_TEST (test_segments)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  GstBuffer *buffer;

  push_segment (h, 100);
  push_segment (text, 50);
  push_cue (text, "before", 40, 51);
  push_cue (text, "cup", 51, 52);
  gst_harness_push_event (text, gst_event_new_eos ());
  for (guint i = 0; i < 3; i++) {
    static const gchar *const expected[] = { "before", "cup", NULL };

    gst_harness_push (h, new_frame (100 + i));
    buffer = gst_harness_pull (h);
    assert_label (buffer, expected[i], i);
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Text first, then the file, then the property. */
GST_START_TEST (test_priority)
{
  static const gchar lines[] = "\nfile\nfile\n";
  GstHarness *h = with_file (lines, sizeof lines - 1, NULL);
  GstHarness *text = new_text_harness (h, "utf8");

  g_object_set (h->element, "label", "property", NULL);
  push_cue (text, "text", 2, 4);
  pass_frame (h, 0, "property");
  pass_frame (h, 1, "file");
  pass_frame (h, 2, "text");
  pass_frame (h, 3, "text");
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A frame that is pushed on its own thread, since it is to wait there. */
typedef struct
{
  GstHarness *h;
  guint frame;
  GThread *thread;
  gint begun;
} Waiter;

static gpointer
push_frame (gpointer data)
{
  Waiter *waiter = data;

  g_atomic_int_set (&waiter->begun, TRUE);
  return GINT_TO_POINTER (gst_harness_push (waiter->h,
          new_frame (waiter->frame)));
}

/* Leaves frame number 'frame' waiting. */
static void
start_waiting (Waiter * waiter, GstHarness * h, guint frame)
{
  waiter->h = h;
  waiter->frame = frame;
  waiter->begun = FALSE;
  waiter->thread = g_thread_new ("frame", push_frame, waiter);

  /* Nothing tells that it waits; a busy machine may take a while to come so far. */
  while (!g_atomic_int_get (&waiter->begun))
    g_usleep (1000);
  g_usleep (100000);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
}

static void
assert_released (Waiter * waiter, GstFlowReturn flow, const gchar * label)
{
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (waiter->thread)),
      flow);
  if (flow == GST_FLOW_OK) {
    GstBuffer *buffer = gst_harness_try_pull (waiter->h);

    assert_label (buffer, label, 0);
    gst_buffer_unref (buffer);
  }
  fail_unless_equals_int (gst_harness_buffers_in_queue (waiter->h), 0);
}

enum
{ BY_CUE, BY_LATER_CUE, BY_GAP, BY_EOS, BY_TEXT_FLUSH, BY_FLUSH, BY_UNLINK,
  BY_STATE, RELEASES
};

GST_START_TEST (test_wait)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  Waiter waiter;

  push_cue (text, "early", 1, 3);
  gst_harness_push_event (text, gst_event_new_gap (3 * FRAME, FRAME));
  start_waiting (&waiter, h, 5);
  switch (__i__) {
    case BY_CUE:
      push_cue (text, "cup", 4, 6);
      assert_released (&waiter, GST_FLOW_OK, "cup");
      break;
    case BY_LATER_CUE:
      push_cue (text, "cup", 6, 7);
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_GAP:
      gst_harness_push_event (text, gst_event_new_gap (4 * FRAME, 2 * FRAME));
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_EOS:
      gst_harness_push_event (text, gst_event_new_eos ());
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_TEXT_FLUSH:
      gst_harness_push_event (text, gst_event_new_flush_start ());
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_FLUSH:
      gst_harness_push_event (h, gst_event_new_flush_start ());
      assert_released (&waiter, GST_FLOW_FLUSHING, NULL);
      gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
      push_segment (h, 0);
      push_cue (text, "cup", 4, 6);
      fail_unless_equals_int (gst_harness_push (h, new_frame (5)),
          GST_FLOW_OK);
      break;
    case BY_UNLINK:
      gst_pad_unlink (text->srcpad, GST_PAD_PEER (text->srcpad));
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_STATE:
      gst_element_set_state (h->element, GST_STATE_READY);
      assert_released (&waiter, GST_FLOW_FLUSHING, NULL);
      break;
  }
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

typedef struct
{
  GstHarness *h, *text;
  Waiter waiter;
  guint seeks;
} Seek;

static void
flush (GstHarness * h)
{
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  push_segment (h, 0);
}

/* The text's source seeks at once; then a frame from before the seek arrives. */
static GstPadProbeReturn
seek_text (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer user_data)
{
  Seek *seek = user_data;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_SEEK)
    return GST_PAD_PROBE_OK;
  fail_unless_equals_int (seek->seeks++, 0);
  gst_harness_push_event (seek->text, gst_event_new_flush_start ());
  flush (seek->text);
  push_cue (seek->text, "box", 0, 9);
  start_waiting (&seek->waiter, seek->h, 50);
  return GST_PAD_PROBE_OK;
}

/* The video's source flushes that frame. */
static GstPadProbeReturn
seek_video (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer user_data)
{
  Seek *seek = user_data;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_SEEK)
    return GST_PAD_PROBE_OK;
  fail_unless_equals_int (seek->seeks++, 1);
  gst_harness_push_event (seek->h, gst_event_new_flush_start ());
  assert_released (&seek->waiter, GST_FLOW_FLUSHING, NULL);
  flush (seek->h);
  return GST_PAD_PROBE_OK;
}

/* A seek goes up both ways, and a frame from before it does not use up the cues from after it. */
GST_START_TEST (test_seek)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  Seek seek = {.h = h,.text = text };

  push_cue (text, "cup", 0, 9);
  gst_harness_push_event (text, gst_event_new_eos ());
  pass_frame (h, 0, "cup");
  gst_pad_add_probe (text->srcpad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
      seek_text, &seek, NULL);
  gst_pad_add_probe (h->srcpad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
      seek_video, &seek, NULL);
  gst_harness_push_upstream_event (h, gst_event_new_seek (1.0,
          GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
          GST_SEEK_TYPE_NONE, -1));
  fail_unless_equals_int (seek.seeks, 2);
  pass_frame (h, 0, "box");
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The element is transparent: caps of any kind of memory, and what downstream proposes for them. */
GST_START_TEST (test_transparent)
{
  GstHarness *h = gst_harness_new ("supconlabel");
  GstCaps *caps, *expected =
      gst_caps_from_string ("video/x-raw(memory:Any),format=NV12,width=8,"
      "height=8,framerate=5/1");
  GstPadTemplate *template;
  GstQuery *query;

  gst_harness_set_sink_caps (h, gst_caps_copy (expected));
  caps = gst_pad_peer_query_caps (h->srcpad, NULL);
  fail_unless (gst_caps_is_equal (caps, expected), "%" GST_PTR_FORMAT, caps);
  gst_caps_unref (caps);
  gst_harness_add_propose_allocation_meta (h, GST_VIDEO_META_API_TYPE, NULL);
  gst_harness_set_src_caps (h, gst_caps_copy (expected));
  query = gst_query_new_allocation (expected, FALSE);
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  fail_unless (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE,
          NULL));
  gst_query_unref (query);
  gst_caps_unref (expected);

  /* One text pad at a time. */
  template = gst_element_get_pad_template (h->element, "text");
  for (guint i = 0; i < 2; i++) {
    GstPad *pad = gst_element_request_pad (h->element, template, NULL, NULL);

    fail_unless (pad != NULL);
    fail_if (gst_element_request_pad (h->element, template, NULL, NULL));
    gst_element_release_request_pad (h->element, pad);
    gst_object_unref (pad);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Runs to the end, or to the first error. */
static void
assert_runs (const gchar * launch)
{
  GstElement *pipeline = gst_parse_launch (launch, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstElement *l = gst_bin_get_by_name (GST_BIN (pipeline), "l");
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_EOS);
  gst_message_unref (message);
  if (l) {
    guint64 labelled, unlabelled;

    g_object_get (l, "labelled", &labelled, "unlabelled", &unlabelled, NULL);
    fail_unless_equals_uint64 (labelled, 15);
    fail_unless_equals_uint64 (unlabelled, 15);
    gst_object_unref (l);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

GST_START_TEST (test_example)
{
  assert_runs (EXAMPLE);
}

GST_END_TEST;

/* Half a second of each second has a label in the file of subtitles. */
GST_START_TEST (test_subtitles)
{
  static const gchar srt[] = "1\n00:00:00,000 --> 00:00:00,500\ncup\n\n"
      "2\n00:00:01,000 --> 00:00:01,500\n<i>box</i>\n\n"
      "3\n00:00:02,000 --> 00:00:02,500\ncup\n\n";
  gchar *path = NULL, *launch;
  gint fd = g_file_open_tmp ("supcon-XXXXXX.srt", &path, NULL);
  GstElementFactory *subparse = gst_element_factory_find ("subparse");

  if (subparse) {
    gst_object_unref (subparse);
    fail_unless (g_file_set_contents (path, srt, -1, NULL));
    launch = g_strdup_printf ("videotestsrc num-buffers=30 ! video/x-raw,"
        "framerate=10/1,width=16,height=16 ! supconlabel name=l ! fakesink "
        "filesrc location=%s ! subparse ! l.text", path);
    assert_runs (launch);
    g_free (launch);
  }
  g_close (fd, NULL);
  g_unlink (path);
  g_free (path);
}

GST_END_TEST;

static Suite *
supconlabel_suite (void)
{
  Suite *suite = suite_create ("supconlabel");
  TCase *tcase = tcase_create ("supconlabel");

  tcase_set_timeout (tcase, 60);
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_samples);
  tcase_add_test (tcase, test_property);
  tcase_add_test (tcase, test_lines);
  tcase_add_test (tcase, test_idx);
  tcase_add_test (tcase, test_bad_files);
  tcase_add_test (tcase, test_cues);
  tcase_add_test (tcase, test_markup);
  tcase_add_test (tcase, test_segments);
  tcase_add_test (tcase, test_priority);
  tcase_add_loop_test (tcase, test_wait, 0, RELEASES);
  tcase_add_test (tcase, test_seek);
  tcase_add_test (tcase, test_transparent);
  tcase_add_test (tcase, test_example);
  tcase_add_test (tcase, test_subtitles);
  return suite;
}

GST_CHECK_MAIN (supconlabel);
