/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconpublish: subtitles read back by subparse and supconlabel. */

#include "publishing.h"

/* Frames that carry a label are tagged with it, so what goes in is known. */
static void
tag_frames (GstHarness * harness, const gchar * const *labels, guint n)
{
  for (guint i = 0; i < n; i++) {
    push (harness, labels[i] ? tagged_frame_new (i, labels[i],
            strcmp (labels[i], "unknown") ? 1 : -1, 1) : numbered_frame_new (i));
  }
}

#define JOINER "\xe2\x81\xa0"

static const gchar *const labels[] = {
  "cup", "cup", "cup", "box\n<b>&x", "box\n<b>&x", NULL, "unknown", "cup"
};

GST_START_TEST (subtitles_come_back_by_subparse)
{
  static const struct
  {
    const gchar *text;
    guint begin, end;
  } cues[] = { {"cup", 0, 3}, {"box\n" JOINER "&lt;" JOINER "b&gt;&amp;x", 3, 5}, {"cup", 7, 8} };
  GstHarness *harness = start_publish ("tags.srt", "format=srt");
  gchar *path = g_build_filename (folder, "tags.srt", NULL);
  GstElement *pipeline, *sink;
  gchar *launch;

  tag_frames (harness, labels, G_N_ELEMENTS (labels));
  g_strfreev (finish (harness, "tags.srt"));

  launch = g_strdup_printf ("filesrc location=%s ! subparse ! appsink name=s "
      "sync=false", path);
  pipeline = gst_parse_launch (launch, NULL);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i <= G_N_ELEMENTS (cues); i++) {
    GstSample *sample = NULL;
    GstBuffer *buffer;
    gchar *text;

    g_signal_emit_by_name (sink, "pull-sample", &sample);
    if (i == G_N_ELEMENTS (cues)) {
      fail_unless (sample == NULL);
      break;
    }
    fail_unless (sample != NULL);
    buffer = gst_sample_get_buffer (sample);
    text = g_malloc0 (gst_buffer_get_size (buffer) + 1);
    gst_buffer_extract (buffer, 0, text, -1);
    fail_unless_equals_string (text, cues[i].text);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), cues[i].begin * FRAME);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer),
        (cues[i].end - cues[i].begin) * FRAME);
    g_free (text);
    gst_sample_unref (sample);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  g_free (launch);
  g_free (path);
}

GST_END_TEST;

/* A frame that was dropped does not end a cue; what lies between two far apart is not tagged with it. */
GST_START_TEST (a_jump_ends_a_cue)
{
  static const guint numbers[] = { 0, 2, 4, 31, 32, 132 };
  GstHarness *harness = start_publish ("jump.srt", "format=srt");
  gchar **lines;

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    GstBuffer *frame = tagged_frame_new (numbers[i], "cup", 1, 1);

    GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
    push (harness, frame);
  }
  lines = finish (harness, "jump.srt");
  fail_unless_equals_string (lines[1], "00:00:00,000 --> 00:00:00,200");
  fail_unless_equals_string (lines[5], "00:00:01,240 --> 00:00:01,320");
  fail_unless_equals_string (lines[9], "00:00:05,280 --> 00:00:05,320");
  g_strfreev (lines);
}

GST_END_TEST;

/* As where a file is played again; the last one ends where the element is stopped, too. */
GST_START_TEST (time_that_goes_back_ends_a_cue)
{
  GstHarness *harness = start_publish ("back.srt", "format=srt");
  gchar **lines;

  push (harness, tagged_frame_new (50, "cup", 1, 1));
  push (harness, tagged_frame_new (10, "cup", 1, 1));
  gst_element_set_state (harness->element, GST_STATE_READY);
  lines = finish (harness, "back.srt");
  fail_unless_equals_string (lines[1], "00:00:02,000 --> 00:00:02,040");
  fail_unless_equals_string (lines[5], "00:00:00,400 --> 00:00:00,440");
  g_strfreev (lines);
}

GST_END_TEST;

/* Hours, minutes and seconds each in their own place, and a label in one line but for the breaks that it has itself. */
GST_START_TEST (a_cue_has_hours_and_no_carriage_return)
{
  GstHarness *harness = start_publish ("late.srt", "format=srt");
  gchar **lines;

  push (harness, tagged_frame_new (3661 * 25, "a\rcup", 1, 1));
  lines = finish (harness, "late.srt");
  fail_unless_equals_string (lines[1], "01:01:01,000 --> 01:01:01,040");
  fail_unless_equals_string (lines[2], "a cup");
  g_strfreev (lines);
}

GST_END_TEST;

static Suite *
publishcues_suite (void)
{
  Suite *suite = suite_create ("publishcues");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, subtitles_come_back_by_subparse);
  tcase_add_test (tcase, a_jump_ends_a_cue);
  tcase_add_test (tcase, time_that_goes_back_ends_a_cue);
  tcase_add_test (tcase, a_cue_has_hours_and_no_carriage_return);
  gst_supcon_meta_register ();
  return suite;
}

GST_CHECK_MAIN (publishcues);
