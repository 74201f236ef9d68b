/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supcondatasetsrc: folders of pictures whole and broken, of several sizes. */
#include <glib/gstdio.h>
#include <gst/video/video.h>
#include <sys/stat.h>

#include "dataset.h"
#include "gstsupconmeta.h"

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

/* Pictures of red that decoders of a higher rank make something else of, without an error. */
GST_START_TEST (test_right_decoder)
{
  static const gchar png[] =    /* 16 bits a colour, no alpha */
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABEAIAAADA54+dAAAAD0lEQVR4nGP438DA"
      "wNAAAAkBAgAK8V2DAAAAAElFTkSuQmCC";
  static const gchar tiff[] =   /* compressed as a JPEG */
      "SUkqADQAAAD/2P/AABEIAAgACANSEQBHEQBCEQD/2gAMA1IARwBCAAA/APf6+f6+"
      "f6//2QsAAAEDAAEAAAAIAAAAAQEDAAEAAAAIAAAAAgEDAAMAAAC+AAAAAwEDAAEA"
      "AAAHAAAABgEDAAEAAAACAAAAEQEEAAEAAAAIAAAAFQEDAAEAAAADAAAAFgEDAAEA"
      "AAAIAAAAFwEEAAEAAAAsAAAAHAEDAAEAAAABAAAAWwEHACEBAADEAAAAAAAAAAgA"
      "CAAIAP/Y/9sAQwAIBgYHBgUIBwcHCQkICgwUDQwLCwwZEhMPFB0aHx4dGhwcICQu"
      "JyAiLCMcHCg3KSwwMTQ0NB8nOT04MjwuMzQy/8QAHwAAAQUBAQEBAQEAAAAAAAAA"
      "AAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1Fh"
      "ByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdI"
      "SUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWm"
      "p6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3"
      "+Pn6/9k=";
  static const gchar *const files[][2] = { {"1.png", png}, {"2.tiff", tiff} };
  gchar *dir = g_build_filename (folder, "red", NULL);
  GstAppSink *sink;
  GstElement *pipeline;

  g_mkdir (dir, 0700);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    gchar *path = g_build_filename (dir, files[i][0], NULL);
    gsize n;
    guchar *bytes = g_base64_decode (files[i][1], &n);

    fail_unless (g_file_set_contents (path, (gchar *) bytes, n, NULL));
    g_free (bytes);
    g_free (path);
  }
  pipeline = pipeline_new ("", &sink);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    GstSample *sample = gst_app_sink_pull_sample (sink);
    guint8 rgb[3];

    fail_unless (sample != NULL, "%s", files[i][0]);
    gst_buffer_extract (gst_sample_get_buffer (sample), 0, rgb, 3);
    fail_unless (rgb[0] >= 253 && rgb[1] <= 2 && rgb[2] <= 2, "%s: %u %u %u",
        files[i][0], rgb[0], rgb[1], rgb[2]);
    gst_sample_unref (sample);
  }
  pipeline_free (pipeline, sink);
  g_free (dir);
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

static gboolean
mend (G_GNUC_UNUSED GstBus * bus, GstMessage * message,
    G_GNUC_UNUSED gpointer user_data)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
    write_folder ();
  return TRUE;
}

/* What cannot be read is passed over in the epochs that follow, even if it could be read by then: pngdec loses memory
 * with each damaged picture, and what is trained on does not depend on when a picture was mended. */
GST_START_TEST (test_corrupt_is_not_tried_again)
{
  gchar *path, *line;
  GstElement *pipeline, *source;
  GstBus *bus;
  guint64 skipped;
  Run run;

  write_folder ();
  path = g_build_filename (folder, "dog", "0.jpg", NULL);
  fail_unless (g_file_set_contents (path, "x", 1, NULL));
  line = g_strdup_printf ("supcondatasetsrc name=d skip-corrupt=true epochs=3 "
      "location=%s ! fakesink", folder);
  pipeline = gst_parse_launch (line, NULL);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "d");
  bus = gst_element_get_bus (pipeline);
  gst_bus_enable_sync_message_emission (bus);
  g_signal_connect (bus, "sync-message", G_CALLBACK (mend), NULL);
  for (guint i = 0; i < 2; i++) {
    run = run_pipeline (pipeline);
    run_assert_ended (run);
    g_object_get (source, "skipped", &skipped, NULL);
    fail_unless_equals_uint64 (skipped, i == 0 ? 3 : 0);
    run_clear (&run);
  }
  gst_object_unref (bus);
  gst_object_unref (source);
  gst_object_unref (pipeline);
  g_free (line);
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
  gchar *path, *bytes, *frame, *data;
  GString *jpeg;
  Run run;
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
  frame[9] = 4;
  check_picture ("dog/0.jpg", jpeg->str, jpeg->len, "4 colours (CMYK) found");
  frame[9] = 3;
  frame[7] = 0x40;              /* the width */
  frame[8] = 1;
  check_picture ("dog/0.jpg", jpeg->str, jpeg->len,
      "width 16385 found, 1 to 16384 expected");
  frame[7] = 0;
  frame[5] = 0x40;              /* the height, now 16384 more */
  check_picture ("dog/0.jpg", jpeg->str, jpeg->len,
      "height 16404 found, 1 to 16384 expected");
  g_string_free (jpeg, TRUE);

  path = g_build_filename (folder, "cat", "0.png", NULL);
  fail_unless (g_file_get_contents (path, &bytes, &n, NULL));
  g_free (path);
  check_picture ("cat/0.png", bytes, 0, "0 bytes found that are no picture");
  check_picture ("cat/0.png", bytes, n / 2, "without the end chunk");
  check_picture ("cat/0.png", bytes, n - 1, "without the end chunk");
  data = memmem (bytes, n, "IDAT", 4);
  fail_unless (data != NULL);
  data[8] ^= 0xff;
#ifndef __SANITIZE_ADDRESS__    /* GStreamer 1.22's pngdec loses its frame at an error */
  check_picture ("cat/0.png", bytes, n, "damaged image/png");
#endif
  g_free (bytes);
  /* It is not waited for what somebody might write into a pipe. */
  path = g_build_filename (folder, "cat", "2.png", NULL);
  fail_unless (mkfifo (path, 0600) == 0);
  run = run_launch ("supcondatasetsrc location=%s ! fakesink", folder);
  run_assert_error (run, "2.png: is not a regular file");
  run_clear (&run);
  g_unlink (path);
  g_free (path);
  /* Messages are text, whatever the name of the file. */
  path = g_build_filename (folder, "cat", "b\xe4" "d.png", NULL);
  fail_unless (g_file_set_contents (path, "x", 1, NULL));
  run = run_launch ("supcondatasetsrc location=%s ! fakesink", folder);
  run_assert_error (run, "d.png: 1 bytes found that are no picture");
  fail_unless (g_utf8_validate (run.error, -1, NULL));
  run_clear (&run);
  run = run_launch ("supcondatasetsrc skip-corrupt=true location=%s ! fakesink",
      folder);
  run_assert_warning (run, "d.png: 1 bytes found that are no picture");
  fail_unless (g_utf8_validate (run.warnings->str, -1, NULL));
  run_clear (&run);
  g_free (path);
}
GST_END_TEST;

/* Grey and in colour, of one byte and of two, with a comment: whole, and without the last byte. */
GST_START_TEST (test_pnm)
{
  static const gchar *const headers[] = {
    "P5\n3 2\n255\n", "P5\n3 2\n65535\n", "P6\n3 2\n255\n",
    "P6\n3 2\n65535\n", "P5\n# of 9 9 9\n3 2\n255\n"
  };
  static const gsize sizes[] = { 6, 12, 18, 36, 6 };

  write_folder ();
  for (guint i = 0; i < G_N_ELEMENTS (headers); i++) {
    GString *pnm = g_string_new (headers[i]);

    g_string_set_size (pnm, pnm->len + sizes[i]);
    memset (pnm->str + pnm->len - sizes[i], 100, sizes[i]);
    check_picture ("cat/0.png", pnm->str, pnm->len, NULL);
    check_picture ("cat/0.png", pnm->str, pnm->len - 1,
        "without the last of its pixels");
    g_string_free (pnm, TRUE);
  }
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

static Suite *
pictures_suite (void)
{
  Suite *suite = suite_create ("pictures");
  TCase *tcase = tcase_create ("pictures");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_folder);
  tcase_add_test (tcase, test_decoder_without_rank);
  tcase_add_test (tcase, test_right_decoder);
  tcase_add_test (tcase, test_corrupt);
  tcase_add_test (tcase, test_corrupt_is_not_tried_again);
  tcase_add_test (tcase, test_damaged);
  tcase_add_test (tcase, test_pnm);
  tcase_add_test (tcase, test_mostly_corrupt);
  tcase_add_test (tcase, test_seek_at_caps);
  return suite;
}

GST_CHECK_MAIN (pictures);
