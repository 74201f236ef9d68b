/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supcondatasetsrc: frames, labels and timestamps, length and seeks, folders of pictures whole and broken. */
#include <gst/app/gstappsink.h>

#include "gstsupconmeta.h"
#include "pipeline.h"

#include <gst/video/video.h>

static gchar *folder;

static void
setup (void)
{
  folder = folder_new ();
}

static void
teardown (void)
{
  folder_free (folder);
}

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

static GstElement *
pipeline_new (const gchar * properties, GstAppSink ** sink)
{
  gchar *line = g_strdup_printf ("supcondatasetsrc location=%s %s "
      "! appsink name=sink sync=false", folder, properties);
  GstElement *pipeline = gst_parse_launch (line, NULL);

  *sink = GST_APP_SINK (gst_bin_get_by_name (GST_BIN (pipeline), "sink"));
  g_free (line);
  return pipeline;
}

static void
pipeline_free (GstElement * pipeline, GstAppSink * sink)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
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
  gint64 value;

  write_idx ();
  pipeline = pipeline_new ("epochs=0 num-buffers=9 framerate=3/1", &sink);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (next_sample (sink, NULL) >= 0)
    continue;
  pad = gst_pad_get_peer (GST_BASE_SINK_PAD (sink));
  for (guint i = 0; i < G_N_ELEMENTS (conversions); i++) {
    fail_unless (gst_pad_query_convert (pad, conversions[i].from,
            conversions[i].value, conversions[i].to, &value));
    fail_unless_equals_int64 (value, conversions[i].expected);
  }
  fail_if (gst_pad_query_convert (pad, GST_FORMAT_BYTES, 4, GST_FORMAT_TIME,
          &value));
  gst_object_unref (pad);
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

/* Three classes of two pictures each, PNG and JPEG, of three sizes. */
static const gchar *const names[] = { "cat", "dog", "eel" };
static const gint sizes[][2] = { {30, 20}, {31, 20}, {31, 21} };

static void
write_folder (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    gchar *dir = g_build_filename (folder, names[i], NULL);
    Run run;

    g_mkdir (dir, 0700);
    run = run_launch ("videotestsrc num-buffers=2 ! "
        "video/x-raw,width=%d,height=%d ! videoconvert ! %s ! "
        "multifilesink location=%s/%%d.%s", sizes[i][0], sizes[i][1],
        i ? "jpegenc" : "pngenc", dir, i ? "jpg" : "png");
    run_assert_ended (run);
    run_clear (&run);
    g_free (dir);
  }
}

GST_START_TEST (test_folder)
{
  GstAppSink *sink;
  GstElement *pipeline;

  write_folder ();
  pipeline = pipeline_new ("framerate=25/2", &sink);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 2 * G_N_ELEMENTS (names); i++) {
    GstSample *sample = gst_app_sink_pull_sample (sink);
    const gchar *label;
    GstVideoInfo info;

    fail_unless (sample != NULL);
    gst_supcon_buffer_get_sample (gst_sample_get_buffer (sample), &label, NULL,
        NULL);
    fail_unless_equals_string (label, names[i / 2]);
    fail_unless (gst_video_info_from_caps (&info, gst_sample_get_caps (sample)));
    fail_unless_equals_int (info.width, sizes[i / 2][0]);
    fail_unless_equals_int (info.height, sizes[i / 2][1]);
    fail_unless (info.fps_n == 25 && info.fps_d == 2);
    gst_sample_unref (sample);
  }
  fail_unless (gst_app_sink_pull_sample (sink) == NULL);
  pipeline_free (pipeline, sink);
}
GST_END_TEST;

/* Of PNM the good plugins have a decoder alone that no player would take. */
GST_START_TEST (test_decoder_without_rank)
{
  gchar *dir = g_build_filename (folder, "red", NULL), *path;
  GstAppSink *sink;
  GstElement *pipeline;
  Run run;

  g_mkdir (dir, 0700);
  for (guint i = 0; i < 2; i++) {
    path = g_strdup_printf ("%s/%u.ppm", dir, i);
    fail_unless (g_file_set_contents (path, "P6 2 1 255\n\xff\0\0\xff\0\0", 17,
            NULL));
    g_free (path);
  }
  pipeline = pipeline_new ("", &sink);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 2; i++) {
    GstSample *sample = gst_app_sink_pull_sample (sink);

    fail_unless (sample != NULL, "picture %u", i);
    fail_unless (gst_buffer_memcmp (gst_sample_get_buffer (sample), 0,
            "\xff\0\0\xff\0\0", 6) == 0);
    gst_sample_unref (sample);
  }
  fail_unless (gst_app_sink_pull_sample (sink) == NULL);
  pipeline_free (pipeline, sink);
  /* It makes a picture of what is cut off, too. */
  path = g_build_filename (dir, "1.ppm", NULL);
  fail_unless (g_file_set_contents (path, "P6 2 1 255\n\xff\0\0\xff\0", 16, NULL));
  run = run_launch ("supcondatasetsrc location=%s ! fakesink", folder);
  run_assert_error (run, "1.ppm: short file: a PNM of 16 bytes");
  run_clear (&run);
  g_free (path);
  g_free (dir);
}
GST_END_TEST;

typedef struct
{
  GstElement *pipeline;
  GThread *thread;
} Seeker;

static gpointer
seek_to_start (gpointer data)
{
  Seeker *self = data;

  return GINT_TO_POINTER (gst_element_seek_simple (self->pipeline,
          GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0));
}

/* Seeks while the second picture's caps are on their way. */
static GstPadProbeReturn
seek_at_caps (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Seeker *self = user_data;
  gint width;
  GstCaps *caps;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (GST_PAD_PROBE_INFO_EVENT (info), &caps);
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "width", &width);
  if (width != 31 || self->thread)
    return GST_PAD_PROBE_OK;
  self->thread = g_thread_new ("seek", seek_to_start, self);
  while (!GST_PAD_IS_FLUSHING (pad))
    g_usleep (100);
  return GST_PAD_PROBE_OK;
}

/* A seek that comes between two sizes is no failure to negotiate. */
GST_START_TEST (test_seek_at_caps)
{
  GstAppSink *sink;
  GstElement *pipeline, *source;
  Seeker seeker;
  GstBus *bus;
  GstPad *pad;

  write_folder ();
  pipeline = pipeline_new ("name=d", &sink);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "d");
  pad = gst_element_get_static_pad (source, "src");
  seeker = (Seeker) { pipeline, NULL };
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, seek_at_caps,
      &seeker, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  bus = gst_element_get_bus (pipeline);
  while (!gst_app_sink_is_eos (sink)) {
    GstSample *sample = gst_app_sink_try_pull_sample (sink, GST_SECOND / 10);

    if (sample)
      gst_sample_unref (sample);
    fail_if (gst_bus_have_pending (bus)
        && gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR));
  }
  fail_unless (seeker.thread && g_thread_join (seeker.thread));
  gst_object_unref (bus);
  gst_object_unref (pad);
  gst_object_unref (source);
  pipeline_free (pipeline, sink);
}
GST_END_TEST;

GST_START_TEST (test_corrupt)
{
  gchar *path = NULL, *bytes, *line;
  GstElement *pipeline, *source;
  guint64 skipped;
  gsize n;
  Run run;

  write_folder ();
  path = g_build_filename (folder, "dog", "0.jpg", NULL);
  g_file_get_contents (path, &bytes, &n, NULL);
  memset (bytes + 2, 7, n - 2);
  g_file_set_contents (path, bytes, n, NULL);
  run = run_launch ("supcondatasetsrc location=%s ! fakesink", folder);
  run_assert_error (run, "0.jpg");
  run_clear (&run);
  /* Told of once, and not again in the second epoch; each time it is played. */
  line = g_strdup_printf ("supcondatasetsrc name=d skip-corrupt=true epochs=2 "
      "location=%s ! fakesink", folder);
  pipeline = gst_parse_launch (line, NULL);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "d");
  for (guint i = 0; i < 2; i++) {
    run = run_pipeline (pipeline);
    run_assert_ended (run);
    run_assert_warning (run, "0.jpg");
    fail_unless (strstr (run.warnings->str, "0.jpg") ==
        g_strrstr (run.warnings->str, "0.jpg"), "%s", run.warnings->str);
    run_clear (&run);
    g_object_get (source, "skipped", &skipped, NULL);
    fail_unless_equals_uint64 (skipped, 2);
  }
  gst_object_unref (source);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (bytes);
  g_free (path);
}
GST_END_TEST;

/* Plays the folder with the picture of that name replaced; error: what is to be said of it, or NULL. */
static void
check_picture (const gchar * name, const gchar * bytes, gsize n,
    const gchar * error)
{
  gchar *path = g_build_filename (folder, name, NULL), *before;
  gsize n_before;
  Run run;

  fail_unless (g_file_get_contents (path, &before, &n_before, NULL));
  fail_unless (g_file_set_contents (path, bytes, n, NULL));
  run = run_launch ("supcondatasetsrc location=%s ! fakesink", folder);
  if (error)
    run_assert_error (run, error);
  else
    run_assert_ended (run);
  run_clear (&run);
  /* What comes after it is read. */
  run = run_launch ("supcondatasetsrc skip-corrupt=true location=%s ! fakesink",
      folder);
  run_assert_ended (run);
  if (error) {
    run_assert_warning (run, error);
    fail_unless (strchr (run.warnings->str, '\n')[1] == 0, "%s",
        run.warnings->str);
  }
  run_clear (&run);
  fail_unless (g_file_set_contents (path, before, n_before, NULL));
  g_free (before);
  g_free (path);
}

GST_START_TEST (test_damaged)
{
  /* A segment with what looks like a JPEG's end, as in a thumbnail, and a byte that fills up. */
  static const gchar inserted[] = "\xff\xe1\0\6\xff\xd9\0\0\xff";
  gchar *path, *bytes, *frame;
  GString *jpeg;
  gsize n;

  write_folder ();
  path = g_build_filename (folder, "dog", "0.jpg", NULL);
  fail_unless (g_file_get_contents (path, &bytes, &n, NULL));
  g_free (path);
  jpeg = g_string_new_len (bytes, n);
  g_free (bytes);
  g_string_insert_len (jpeg, 2, inserted, sizeof inserted - 1);
  check_picture ("dog/0.jpg", jpeg->str, jpeg->len, NULL);
  check_picture ("dog/0.jpg", jpeg->str, jpeg->len - 9,
      "without the end marker");
  check_picture ("dog/0.jpg", jpeg->str, 2, "without the end marker");
  frame = memmem (jpeg->str, jpeg->len, "\xff\xc0", 2);
  fail_unless (frame != NULL);
  frame[7] = 0x40;              /* the width, now 16384 more */
  check_picture ("dog/0.jpg", jpeg->str, jpeg->len,
      "width 16415 found, 1 to 16384 expected");
  g_string_free (jpeg, TRUE);

  path = g_build_filename (folder, "cat", "0.png", NULL);
  fail_unless (g_file_get_contents (path, &bytes, &n, NULL));
  g_free (path);
  check_picture ("cat/0.png", bytes, 0, "0 bytes found that are no picture");
  check_picture ("cat/0.png", bytes, n / 2, "damaged image/png");
  g_free (bytes);
}
GST_END_TEST;

/* One picture of ten can be read, or none. */
GST_START_TEST (test_mostly_corrupt)
{
  GstAppSink *sink;
  GstElement *pipeline;
  gchar *path;
  Run run;

  write_folder ();
  for (guint i = 0; i < 4; i++) {
    path = g_strdup_printf ("%s/cat/broken-%u.png", folder, i);
    fail_unless (g_file_set_contents (path, "x", 1, NULL));
    g_free (path);
  }
  for (guint i = 1; i < 6; i++) {
    path = g_strdup_printf ("%s/%s/%u.%s", folder, names[i / 2], i % 2,
        i < 2 ? "png" : "jpg");
    fail_unless (g_file_set_contents (path, "x", 1, NULL));
    g_free (path);
  }
  /* At the start of one epoch and at the end of the next it has more before it than a whole epoch. */
  pipeline = pipeline_new ("skip-corrupt=true shuffle=true epochs=20", &sink);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 20; i++) {
    GstSample *sample = gst_app_sink_pull_sample (sink);

    fail_unless (sample != NULL, "%u pictures came", i);
    gst_sample_unref (sample);
  }
  pipeline_free (pipeline, sink);
  path = g_build_filename (folder, "cat", "0.png", NULL);
  fail_unless (g_file_set_contents (path, "x", 1, NULL));
  g_free (path);
  run = run_launch ("supcondatasetsrc skip-corrupt=true epochs=0 location=%s "
      "! fakesink", folder);
  run_assert_error (run, "can be read");
  run_clear (&run);
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
  tcase_add_test (tcase, test_folder);
  tcase_add_test (tcase, test_decoder_without_rank);
  tcase_add_test (tcase, test_seek_at_caps);
  tcase_add_test (tcase, test_corrupt);
  tcase_add_test (tcase, test_damaged);
  tcase_add_test (tcase, test_mostly_corrupt);
  tcase_add_test (tcase, test_bad_locations);
  tcase_add_test (tcase, test_labels);
  tcase_add_test (tcase, test_hidden_labels);
  return suite;
}

GST_CHECK_MAIN (datasetsrc);
