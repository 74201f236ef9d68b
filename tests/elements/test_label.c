/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconlabel: labels of a property and of files. */
#include "gstsupconmeta.h"
#include "labelling.h"

#include <glib/gstdio.h>

/* The example of the element's documentation. */
#define EXAMPLE "videotestsrc num-buffers=10 ! supconlabel label=bars ! fakesink"

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
  static const gchar lines[] = "\xef\xbb\xbf" "cup\r\n  red box \n\nbox";
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
  /* After one that does not flush, as in a loop, too; not where another stream follows. */
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push (h, new_frame (1));
  buffer = gst_harness_pull (h);
  assert_label (buffer, "red box", 1);
  gst_buffer_unref (buffer);
  gst_harness_push_event (h, gst_event_new_stream_start ("next"));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push (h, new_frame (1));
  buffer = gst_harness_pull (h);
  assert_label (buffer, "other", 2);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Frame i, of whatever time, comes out with that label. */
static void
pass_numbered (GstHarness * h, guint i, GstClockTime pts, guint64 offset,
    const gchar * label)
{
  GstBuffer *frame = new_frame (0);

  GST_BUFFER_PTS (frame) = pts;
  GST_BUFFER_OFFSET (frame) = offset;
  frame = gst_harness_push_and_pull (h, frame);
  assert_label (frame, label, i);
  gst_buffer_unref (frame);
}

/* A frame after a seek has the number that its time says, which is rounded down, or, where there is no rate or no time, its
 * offset. */
GST_START_TEST (test_numbers)
{
  static const gchar lines[] = "zero\none\ntwo\nthree";
  GstHarness *h = with_file (lines, sizeof lines - 1, NULL);
  GstSegment segment;

  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=GRAY8,framerate=30/1,width=4,height=4");
  pass_frame (h, 0, "zero");
  push_segment (h, 0);
  pass_numbered (h, 1, GST_SECOND / 30, 3, "one");
  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=4,height=4");
  push_segment (h, 0);
  pass_numbered (h, 2, GST_SECOND / 30, 2, "two");
  gst_segment_init (&segment, GST_FORMAT_DEFAULT);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  pass_numbered (h, 3, GST_CLOCK_TIME_NONE, 3, "three");
  gst_harness_teardown (h);
  /* So has the first of all, where the seek came before it. */
  h = with_file (lines, sizeof lines - 1, NULL);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  push_segment (h, 0);
  pass_numbered (h, 2, 2 * FRAME, 0, "two");
  gst_harness_teardown (h);
}

GST_END_TEST;

/* What was read, counted and numbered in one run is nothing to the next. */
GST_START_TEST (test_restart)
{
  GstHarness *h = with_file ("cup\nbox", 7, NULL);
  guint64 labelled, unlabelled;

  pass_frame (h, 0, "cup");
  pass_frame (h, 1, "box");
  pass_frame (h, 2, NULL);
  gst_element_set_state (h->element, GST_STATE_READY);
  g_object_set (h->element, "labels-location", NULL, NULL);
  gst_harness_play (h);
  g_object_get (h->element, "labelled", &labelled, "unlabelled", &unlabelled,
      NULL);
  fail_unless (labelled == 0 && unlabelled == 0);
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (h, VIDEO_CAPS);
  push_segment (h, 0);
  pass_frame (h, 0, NULL);
  gst_harness_teardown (h);
}

GST_END_TEST;

static gboolean
answer_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  static const gchar *labels[] = { "cup", NULL };

  if (GST_QUERY_TYPE (query) != GST_QUERY_CUSTOM)
    return gst_pad_query_default (pad, parent, query);
  gst_structure_set (gst_query_writable_structure (query), "epochs",
      G_TYPE_UINT, 3, "labels", G_TYPE_STRV, labels, "labelled", G_TYPE_DOUBLE,
      0.5, NULL);
  return TRUE;
}

/* What upstream says of its labels is not true of those that frames get here. */
GST_START_TEST (test_dataset_upstream)
{
  GstHarness *h = new_harness ();
  GstQuery *query = gst_query_new_custom (GST_QUERY_CUSTOM,
      gst_structure_new_empty (GST_SUPCON_QUERY_DATASET));
  const GstStructure *s = gst_query_get_structure (query);

  gst_pad_set_query_function (h->srcpad, answer_query);
  fail_unless (gst_pad_peer_query (h->sinkpad, query));
  fail_unless (gst_structure_has_field (s, "epochs"));
  fail_if (gst_structure_has_field (s, "labels"));
  fail_if (gst_structure_has_field (s, "labelled"));
  gst_query_unref (query);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Frames that go backwards have the numbers of their places, not those that follow. */
GST_START_TEST (test_backwards)
{
  static const gchar lines[] = "zero\none\ntwo\nthree";
  static const gchar *const labels[] = { "zero", "one", "two", "three" };
  GstHarness *h = with_file (lines, sizeof lines - 1, NULL);
  GstSegment segment;

  pass_frame (h, 0, "zero");
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.rate = -1;
  segment.stop = 4 * FRAME;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (guint i = 4; i-- > 0;)
    pass_frame (h, i, labels[i]);
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

/* Text first, unless it is empty, then the file, then the property. */
GST_START_TEST (test_priority)
{
  static const gchar lines[] = "\nfile\nfile\nfile\n";
  GstHarness *h = with_file (lines, sizeof lines - 1, NULL);
  GstHarness *text = new_text_harness (h, "utf8");

  g_object_set (h->element, "label", "property", NULL);
  push_cue (text, "text", 2, 3);
  push_cue (text, " ", 3, 4);
  push_cue (text, "text", 4, 5);
  pass_frame (h, 0, "property");
  pass_frame (h, 1, "file");
  pass_frame (h, 2, "text");
  pass_frame (h, 3, "file");
  pass_frame (h, 4, "text");
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_example)
{
  assert_runs (EXAMPLE);
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
  tcase_add_test (tcase, test_numbers);
  tcase_add_test (tcase, test_restart);
  tcase_add_test (tcase, test_dataset_upstream);
  tcase_add_test (tcase, test_backwards);
  tcase_add_test (tcase, test_idx);
  tcase_add_test (tcase, test_bad_files);
  tcase_add_test (tcase, test_priority);
  tcase_add_test (tcase, test_example);
  return suite;
}

GST_CHECK_MAIN (supconlabel);
