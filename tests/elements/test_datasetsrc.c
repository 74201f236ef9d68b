/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supcondatasetsrc: frames, labels and timestamps, length and seeks. */
#include <gst/video/video.h>

#include "dataset.h"
#include "gstsupconmeta.h"

/* Ten grey pictures of 3x2; picture i is all i * 10, its label i modulo 3. */
static void
write_idx (void)
{
  guint8 pictures[16 + 60] = { 0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 3 };
  guint8 labels[8 + 10] = { 0, 0, 8, 1, 0, 0, 0, 10 };
  gchar *path = g_build_filename (folder, "train-images-idx3-ubyte", NULL);

  for (guint i = 0; i < 60; i++)
    pictures[16 + i] = i / 6 * 10;
  for (guint i = 0; i < 10; i++)
    labels[8 + i] = i % 3;
  g_file_set_contents (path, (gchar *) pictures, sizeof pictures, NULL);
  g_free (path);
  path = g_build_filename (folder, "train-labels-idx1-ubyte", NULL);
  g_file_set_contents (path, (gchar *) labels, sizeof labels, NULL);
  g_free (path);
}

/* The number of the next frame's picture, -1 at the end. frame: NULL or where it goes, to be unreffed. */
static gint
next_sample (GstAppSink * sink, GstBuffer ** frame)
{
  GstSample *sample = gst_app_sink_pull_sample (sink);
  GstBuffer *buffer;
  const gchar *label;
  guint64 number;
  guint8 pixel;
  gchar expected[2] = "0";

  if (!sample)
    return -1;
  buffer = gst_sample_get_buffer (sample);
  fail_unless (gst_supcon_buffer_get_sample (buffer, &label, &number, NULL));
  expected[0] += number % 3;
  fail_unless_equals_string (label, expected);
  gst_buffer_extract (buffer, 5, &pixel, 1);    /* rows of 3 are padded to 4 */
  fail_unless_equals_int (pixel, number * 10);
  if (frame)
    *frame = gst_buffer_ref (buffer);
  gst_sample_unref (sample);
  return number;
}

GST_START_TEST (test_frames)
{
  GstAppSink *sink;
  GstElement *pipeline;
  gint64 duration;

  write_idx ();
  pipeline = pipeline_new ("epochs=2 framerate=10/3", &sink);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint64 i = 0; i < 20; i++) {
    GstBuffer *frame;

    fail_unless_equals_int (next_sample (sink, &frame), i % 10);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (frame), i * 3 * GST_SECOND / 10);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (frame), 3 * GST_SECOND / 10);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (frame), i);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET_END (frame), i + 1);
    gst_buffer_unref (frame);
  }
  fail_unless_equals_int (next_sample (sink, NULL), -1);
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_DEFAULT,
          &duration));
  fail_unless_equals_int64 (duration, 20);
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_TIME,
          &duration));
  fail_unless_equals_int64 (duration, 6 * GST_SECOND);
  pipeline_free (pipeline, sink);
  /* Of frames that are no whole nanoseconds each ends where the next begins. */
  pipeline = pipeline_new ("framerate=30/1", &sink);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint64 i = 0; i < 10; i++) {
    GstBuffer *frame;

    fail_unless_equals_int (next_sample (sink, &frame), i);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (frame) +
        GST_BUFFER_DURATION (frame), gst_util_uint64_scale (i + 1, GST_SECOND,
            30));
    gst_buffer_unref (frame);
  }
  pipeline_free (pipeline, sink);
}
GST_END_TEST;

/* Of frames of a third of a second. */
GST_START_TEST (test_queries)
{
  const struct
  {
    GstFormat from, to;
    gint64 value, expected;
  } conversions[] = {
    {GST_FORMAT_DEFAULT, GST_FORMAT_TIME, 4, 4 * GST_SECOND / 3},
    {GST_FORMAT_BUFFERS, GST_FORMAT_DEFAULT, 4, 4},
    {GST_FORMAT_TIME, GST_FORMAT_BUFFERS, 4 * GST_SECOND / 3, 4},   /* which is rounded down */
    {GST_FORMAT_TIME, GST_FORMAT_TIME, 7, 7}
  };
  GstAppSink *sink;
  GstElement *pipeline;
  GstPad *pad;
  GstQuery *query;
  gint64 value;

  write_idx ();
  pipeline = pipeline_new ("epochs=0 num-buffers=9 framerate=3/1", &sink);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (next_sample (sink, NULL) >= 0)
    continue;
  pad = gst_pad_get_peer (GST_BASE_SINK_PAD (sink));
  fail_unless (gst_pad_query_position (pad, GST_FORMAT_DEFAULT, &value));
  fail_unless_equals_int64 (value, 9);
  for (guint i = 0; i < G_N_ELEMENTS (conversions); i++) {
    fail_unless (gst_pad_query_convert (pad, conversions[i].from,
            conversions[i].value, conversions[i].to, &value));
    fail_unless_equals_int64 (value, conversions[i].expected);
  }
  fail_if (gst_pad_query_convert (pad, GST_FORMAT_BYTES, 4, GST_FORMAT_TIME,
          &value));
  fail_if (gst_pad_query_convert (pad, GST_FORMAT_TIME, 4, GST_FORMAT_BYTES,
          &value));
  /* What is not known in one unit is not in another. */
  query = gst_query_new_convert (GST_FORMAT_TIME, -1, GST_FORMAT_DEFAULT);
  fail_unless (gst_pad_query (pad, query));
  gst_query_parse_convert (query, NULL, NULL, NULL, &value);
  fail_unless_equals_int64 (value, -1);
  gst_query_unref (query);
  gst_object_unref (pad);
  pipeline_free (pipeline, sink);

  /* More frames are asked for than there are. */
  pipeline = pipeline_new ("num-buffers=11", &sink);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_DEFAULT,
          &value));
  fail_unless_equals_int64 (value, 10);
  pipeline_free (pipeline, sink);

  /* Or none at all, which ends at once and promises none. */
  pipeline = pipeline_new ("num-buffers=0", &sink);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  fail_unless_equals_int (next_sample (sink, NULL), -1);
  fail_if (gst_element_query_duration (pipeline, GST_FORMAT_DEFAULT, &value)
      && value > 0);
  pipeline_free (pipeline, sink);

  /* What has no end has no length, but a place where it is. */
  pipeline = pipeline_new ("epochs=0", &sink);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  pad = gst_pad_get_peer (GST_BASE_SINK_PAD (sink));
  fail_if (gst_pad_query_duration (pad, GST_FORMAT_DEFAULT, &value)
      && value != -1);
  fail_unless (gst_pad_query_position (pad, GST_FORMAT_DEFAULT, &value));
  fail_unless (value > 0);
  gst_object_unref (pad);
  pipeline_free (pipeline, sink);
}
GST_END_TEST;

/* Notes when the first frame after a flush is: the sink would hide one that has ended before the place that was sought. */
static GstPadProbeReturn
note_first (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer user_data)
{
  GstClockTime *start = user_data;

  if (GST_IS_BUFFER (info->data)) {
    if (!GST_CLOCK_TIME_IS_VALID (*start))
      *start = GST_BUFFER_PTS (GST_BUFFER (info->data));
  } else if (GST_EVENT_TYPE (info->data) == GST_EVENT_FLUSH_STOP) {
    *start = GST_CLOCK_TIME_NONE;
  }
  return GST_PAD_PROBE_OK;
}

/* Shuffled: each picture once an epoch, the same order after a restart and a seek. */
GST_START_TEST (test_order)
{
  GstAppSink *sink;
  GstElement *pipeline;
  gint order[20];
  gboolean seen[10] = { FALSE };
  GstClockTime sent = 0;
  GstPad *pad;

  write_idx ();
  pipeline = pipeline_new ("epochs=2 shuffle=true seed=4 framerate=10/1", &sink);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 20; i++)
    order[i] = next_sample (sink, NULL);
  for (guint i = 0; i < 10; i++) {
    fail_if (seen[order[i]]);
    seen[order[i]] = TRUE;
  }
  fail_unless (memcmp (order, order + 10, 10 * sizeof *order) != 0);
  gst_element_set_state (pipeline, GST_STATE_READY);
  /* Until the first frame is there appsink believes that it has seen the end. */
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (gst_app_sink_is_eos (sink))
    g_usleep (1000);
  fail_unless_equals_int (next_sample (sink, NULL), order[0]);
  /* What is refused changes nothing. */
  fail_if (gst_element_seek (pipeline, -1, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET,
          GST_SECOND));
  fail_unless_equals_int (next_sample (sink, NULL), order[1]);
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, 13 * GST_SECOND / 10));
  for (guint i = 13; i < 20; i++)
    fail_unless_equals_int (next_sample (sink, NULL), order[i]);
  /* Into a frame, the last one, by a nanosecond from either side. */
  for (gint side = -1; side <= 1; side++) {
    fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH, 19 * GST_SECOND / 10 + side));
    fail_unless_equals_int (next_sample (sink, NULL), order[side < 0 ? 18 : 19]);
  }
  pipeline_free (pipeline, sink);
  /* Starts of frames are rounded: each is found by its own. */
  pipeline = pipeline_new ("framerate=30/1", &sink);
  pad = gst_pad_get_peer (GST_BASE_SINK_PAD (sink));
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_DATA_DOWNSTREAM |
      GST_PAD_PROBE_TYPE_EVENT_FLUSH, note_first, &sent, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 10; i++) {
    GstClockTime start = gst_util_uint64_scale (i, GST_SECOND, 30);

    gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
    fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH, start));
    fail_unless_equals_int (next_sample (sink, NULL), i);
    fail_unless_equals_uint64 (sent, start);
  }
  gst_object_unref (pad);
  pipeline_free (pipeline, sink);
}
GST_END_TEST;

/* By the pipeline and by the source itself, to which seeks come without its pad. Who asked finds its own number again. */
GST_START_TEST (test_seek_from_end)
{
  /* Of twenty frames of a tenth of a second; a stop where one is given. */
  static const struct
  {
    GstFormat format;
    GstSeekType start_type;
    gint64 start;
    GstSeekType stop_type;
    gint64 stop;
    guint first, end;
  } cases[] = {
    {GST_FORMAT_TIME, GST_SEEK_TYPE_END, -GST_SECOND, GST_SEEK_TYPE_NONE, 0, 10, 20},
    {GST_FORMAT_TIME, GST_SEEK_TYPE_END, -100 * GST_SECOND, GST_SEEK_TYPE_NONE, 0, 0, 20},
    {GST_FORMAT_TIME, GST_SEEK_TYPE_END, G_MAXINT64, GST_SEEK_TYPE_NONE, 0, 20, 20},
    {GST_FORMAT_DEFAULT, GST_SEEK_TYPE_END, -3, GST_SEEK_TYPE_NONE, 0, 17, 20},
    {GST_FORMAT_TIME, GST_SEEK_TYPE_SET, GST_SECOND, GST_SEEK_TYPE_END, -GST_SECOND / 2, 10, 15}
  };
  GstAppSink *sink;
  GstElement *pipeline, *source;
  GstPad *pad;

  write_idx ();
  pipeline = pipeline_new ("epochs=2 framerate=10/1 name=source", &sink);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  pad = gst_element_get_static_pad (source, "src");
  /* Before the start nobody knows the end. */
  fail_if (gst_element_seek (source, 1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
          GST_SEEK_TYPE_END, -GST_SECOND, GST_SEEK_TYPE_NONE, 0));
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  fail_unless_equals_int (next_sample (sink, NULL), 0);
  fail_if (gst_element_seek (source, -1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
          GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET, GST_SECOND));
  fail_unless_equals_int (next_sample (sink, NULL), 1);
  for (guint i = 0; i < 2 * G_N_ELEMENTS (cases); i++) {
    guint c = i / 2;
    GstEvent *event = gst_event_new_seek (1, cases[c].format,
        GST_SEEK_FLAG_FLUSH, cases[c].start_type, cases[c].start,
        cases[c].stop_type, cases[c].stop);
    guint32 seqnum = gst_event_get_seqnum (event);

    fail_unless (gst_element_send_event (i % 2 ? source : pipeline, event));
    for (guint k = cases[c].first; k < cases[c].end; k++)
      fail_unless_equals_int (next_sample (sink, NULL), k % 10);
    fail_unless_equals_int (next_sample (sink, NULL), -1);
    event = gst_pad_get_sticky_event (pad, GST_EVENT_EOS, 0);
    fail_unless_equals_int (gst_event_get_seqnum (event), seqnum);
    gst_event_unref (event);
  }
  gst_object_unref (pad);
  gst_object_unref (source);
  pipeline_free (pipeline, sink);

  /* What has no end is not sought from it, at either end, and plays on. */
  pipeline = pipeline_new ("epochs=0", &sink);
  gst_app_sink_set_max_buffers (sink, 1);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  fail_unless_equals_int (next_sample (sink, NULL), 0);
  fail_if (gst_element_seek (pipeline, 1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
          GST_SEEK_TYPE_END, -GST_SECOND, GST_SEEK_TYPE_NONE, 0));
  fail_if (gst_element_seek (pipeline, 1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
          GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_END, -GST_SECOND));
  fail_unless_equals_int (next_sample (sink, NULL), 1);
  pipeline_free (pipeline, sink);
}
GST_END_TEST;

GST_START_TEST (test_bad_locations)
{
  static const guint8 cut[] = { 0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0x02, 0x03, 0x63 };
  Run run = run_launch ("supcondatasetsrc ! fakesink");
  gchar *path;

  run_assert_error (run, "location is not set");
  run_clear (&run);
  run = run_launch ("supcondatasetsrc location=/nowhere ! fakesink");
  run_assert_error (run, "/nowhere");
  run_clear (&run);
  run = run_launch ("supcondatasetsrc location=%s ! fakesink", folder);
  run_assert_error (run, folder);
  run_clear (&run);
  /* What is wrong with the file itself, not what is not beside it. */
  path = g_build_filename (folder, "notes.txt", NULL);
  g_file_set_contents (path, "not pictures at all", -1, NULL);
  run = run_launch ("supcondatasetsrc location=%s ! fakesink", path);
  run_assert_error (run, "notes.txt: magic number 0x6e6f7420 found");
  run_clear (&run);
  g_file_set_contents (path, (const gchar *) cut, sizeof cut, NULL);
  run = run_launch ("supcondatasetsrc location=%s ! fakesink", path);
  run_assert_error (run, "notes.txt: gzip'ed data are damaged or end too early");
  run_clear (&run);
  g_free (path);
  path = g_build_filename (folder, "pipe", NULL);
  fail_unless (mkfifo (path, 0600) == 0);
  run = run_launch ("supcondatasetsrc location=%s ! fakesink", path);
  run_assert_error (run, "pipe: is not a regular file");
  run_clear (&run);
  g_free (path);
}
GST_END_TEST;

/* How many of n frames come with that label. What downstream is told of the share that has one is so. */
static guint
count_labels (const gchar * properties, guint n, const gchar * label)
{
  GstQuery *query = gst_query_new_custom (GST_QUERY_CUSTOM,
      gst_structure_new_empty (GST_SUPCON_QUERY_DATASET));
  GstAppSink *sink;
  GstElement *pipeline = pipeline_new (properties, &sink);
  guint found = 0, labelled = 0;
  gdouble share;

  /* Before the start there are none. */
  fail_if (gst_pad_peer_query (GST_BASE_SINK_PAD (sink), query));
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < n; i++) {
    GstSample *sample = gst_app_sink_pull_sample (sink);
    const gchar *has;

    fail_unless (sample && gst_supcon_buffer_get_sample (gst_sample_get_buffer
            (sample), &has, NULL, NULL));
    found += g_strcmp0 (has, label) == 0;
    labelled += has != NULL;
    gst_sample_unref (sample);
  }
  fail_unless (gst_app_sink_pull_sample (sink) == NULL);
  fail_unless (gst_pad_peer_query (GST_BASE_SINK_PAD (sink), query));
  fail_unless (gst_structure_get_double (gst_query_get_structure (query),
          "labelled", &share));
  fail_unless_equals_float (share, labelled / (gdouble) n);
  gst_query_unref (query);
  pipeline_free (pipeline, sink);
  return found;
}

GST_START_TEST (test_labels)
{
  static const guint8 ones[18] = { 0, 0, 8, 1, 0, 0, 0, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
  gchar *path = g_build_filename (folder, "ones", NULL), *properties;
  Run run;

  write_idx ();
  fail_unless_equals_int (count_labels ("", 10, "1"), 3);
  fail_unless_equals_int (count_labels ("class-names=a,b,c", 10, "b"), 3);
  fail_unless (g_file_set_contents (path, (const gchar *) ones, sizeof ones,
          NULL));
  /* All of one class of two, and then of the other one. */
  properties = g_strdup_printf ("labels-location=%s", path);
  fail_unless_equals_int (count_labels (properties, 10, "1"), 10);
  g_free (properties);
  properties = g_strdup_printf ("labels-location=%s label-noise=1", path);
  fail_unless_equals_int (count_labels (properties, 10, "0"), 10);
  g_free (properties);
  run = run_launch ("supcondatasetsrc class-names=a,b location=%s ! fakesink",
      folder);
  run_assert_error (run, "class-names: 2 names found");
  run_clear (&run);
  g_free (path);
}
GST_END_TEST;

GST_START_TEST (test_hidden_labels)
{
  Run run;

  write_idx ();
  fail_unless_equals_int (count_labels ("labelled=0", 10, NULL), 10);
  count_labels ("labelled=0.5 max-samples=4 shuffle=true", 4, NULL);
  run = run_launch ("supcondatasetsrc location=%s labelled=0.5 "
      "sampler=class-balanced ! fakesink", folder);
  run_assert_error (run, "labelled=0.5");
  run_clear (&run);
}
GST_END_TEST;

static Suite *
datasetsrc_suite (void)
{
  Suite *suite = suite_create ("supcondatasetsrc");
  TCase *tcase = tcase_create ("supcondatasetsrc");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_frames);
  tcase_add_test (tcase, test_queries);
  tcase_add_test (tcase, test_order);
  tcase_add_test (tcase, test_seek_from_end);
  tcase_add_test (tcase, test_bad_locations);
  tcase_add_test (tcase, test_labels);
  tcase_add_test (tcase, test_hidden_labels);
  return suite;
}

GST_CHECK_MAIN (datasetsrc);
