/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconpublish: JSON Lines read by json-glib, and the file that they go to. */

#include <fcntl.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>

#include "publishing.h"

/* The element at a path of members and [numbers], as text. */
static void
check_json (const gchar * line, const gchar * path, const gchar * expected)
{
  JsonNode *root = json_from_string (line, NULL), *found;
  JsonArray *array;
  gchar *text;

  fail_unless (root != NULL, "not JSON: %s", line);
  found = json_path_query (path, root, NULL);
  array = json_node_get_array (found);
  fail_unless (json_array_get_length (array) == 1, "%s in %s", path, line);
  text = json_to_string (json_array_get_element (array, 0), FALSE);
  fail_unless_equals_string (text, expected);
  g_free (text);
  json_node_unref (found);
  json_node_unref (root);
}

GST_START_TEST (fields_have_dl_streamers_names)
{
  GstHarness *harness = start_publish ("tags.jsonl", "source=rtsp://camera");
  const gfloat embedding[1] = { 1 };
  GstVideoRegionOfInterestMeta *roi;
  GstBuffer *frame = numbered_frame_new (3);
  gchar **lines;

  gst_supcon_buffer_set_embedding (frame, embedding, 1, "embedding", "m.st");
  roi = gst_buffer_add_video_region_of_interest_meta (frame, "supcon", 0, 0, 8,
      4);
  add_tag (roi, "cup \"blue\"\n\xd0\xa7", 2, 0.75);
  add_tag (roi, "box", 0, 0.25);
  roi = gst_buffer_add_video_region_of_interest_meta (frame, "person", 2, 1, 4,
      2);
  gst_video_region_of_interest_meta_add_param (roi,
      gst_structure_new ("detection", "x_min", G_TYPE_DOUBLE, 0.3, "x_max",
          G_TYPE_DOUBLE, 0.7, "y_min", G_TYPE_DOUBLE, 0.2, "y_max",
          G_TYPE_DOUBLE, 0.8, "confidence", G_TYPE_DOUBLE, 0.5, "label_id",
          G_TYPE_INT, 1, NULL));
  gst_video_region_of_interest_meta_add_param (roi,
      gst_structure_new ("object_id", "id", G_TYPE_INT, 17, NULL));
  roi = gst_buffer_add_video_region_of_interest_meta (frame, "cat", 2, 1, 4, 2);
  gst_supcon_region_set_embedding (roi, embedding, 1, "embedding", "m.st");
  gst_supcon_region_set_label (roi, "dog");
  add_tag (roi, "tabby", 0, 0.5);
  push (harness, frame);
  push (harness, numbered_frame_new (4));        /* nothing to tell */

  lines = finish (harness, "tags.jsonl");
  fail_unless_equals_int (g_strv_length (lines), 2);
  fail_unless_equals_string (lines[1], "");
  check_json (lines[0], "$.resolution.width", "8");
  check_json (lines[0], "$.resolution.height", "4");
  check_json (lines[0], "$.source", "\"rtsp://camera\"");
  check_json (lines[0], "$.timestamp", "120000000");
  check_json (lines[0], "$.objects[0].roi_type", "\"supcon\"");
  check_json (lines[0], "$.objects[0].w", "8");
  check_json (lines[0], "$.objects[0].classification",
      "{\"label\":\"cup \\\"blue\\\"\\n\xd0\xa7\",\"label_id\":2,"
      "\"confidence\":0.75,\"model\":{\"name\":\"m.st\"}}");
  check_json (lines[0], "$.objects[0].tensors[1]",
      "{\"name\":\"classification\",\"label\":\"box\",\"label_id\":0,"
      "\"confidence\":0.25}");
  check_json (lines[0], "$.objects[0].detection.confidence", "0.75");
  check_json (lines[0], "$.objects[0].detection.bounding_box.x_max", "1.0");
  check_json (lines[0], "$.objects[1].detection.label", "\"person\"");
  check_json (lines[0], "$.objects[1].detection.label_id", "1");
  check_json (lines[0], "$.objects[1].detection.bounding_box",
      "{\"x_min\":0.29999999999999999,\"y_min\":0.20000000000000001,"
      "\"x_max\":0.69999999999999996,\"y_max\":0.80000000000000004}");
  check_json (lines[0], "$.objects[1].id", "17");
  check_json (lines[0], "$.objects[1].x", "2");
  /* Shares of the width and of the height, which are not the same here. */
  check_json (lines[0], "$.objects[2].detection.bounding_box",
      "{\"x_min\":0.25,\"y_min\":0.25,\"x_max\":0.75,\"y_max\":0.75}");
  /* What was found in a region is not of the model that the frame's embedding is of. */
  check_json (lines[0], "$.objects[2].classification",
      "{\"label\":\"tabby\",\"label_id\":0,\"confidence\":0.5}");
  /* Nor are its embedding and its true label tags. */
  check_json (lines[0], "$.objects[2].tensors",
      "[{\"name\":\"classification\",\"label\":\"tabby\",\"label_id\":0,"
      "\"confidence\":0.5}]");
  g_strfreev (lines);
}

GST_END_TEST;

/* JSON has no word for it. */
GST_START_TEST (a_number_that_is_none_is_null)
{
  GstHarness *harness = start_publish ("nan.jsonl", "");
  gchar **lines;

  push (harness, tagged_frame_new (0, "cup", 1, NAN));
  lines = finish (harness, "nan.jsonl");
  check_json (lines[0], "$.objects[0].classification.confidence", "null");
  g_strfreev (lines);
}

GST_END_TEST;

/* What a longer run wrote before does not stay behind a shorter one's. */
GST_START_TEST (a_second_run_begins_the_file_anew)
{
  GstHarness *harness = start_publish ("twice.jsonl", "");
  gchar **lines;

  for (guint run = 0; run < 2; run++) {
    for (guint i = 0; i < (run ? 1 : 3); i++)
      push (harness, tagged_frame_new (i, "cup", 1, 1));
    if (run == 0) {
      gst_element_set_state (harness->element, GST_STATE_READY);
      gst_element_set_state (harness->element, GST_STATE_PLAYING);
      gst_harness_push_event (harness, gst_event_new_stream_start ("second"));
      gst_harness_set_src_caps_str (harness, CAPS);
    }
  }
  lines = finish (harness, "twice.jsonl");
  fail_unless_equals_int (g_strv_length (lines), 2);
  check_json (lines[0], "$.timestamp", "0");
  g_strfreev (lines);
}

GST_END_TEST;

/* A line without a time says nothing of it, and a cue cannot be without. */
GST_START_TEST (a_frame_may_have_no_time)
{
  static const gchar *const formats[] = { "json-lines", "srt" };

  for (guint i = 0; i < 2; i++) {
    gchar *properties = g_strdup_printf ("format=%s", formats[i]);
    GstHarness *harness = start_publish (formats[i], properties);
    GstBuffer *frame = tagged_frame_new (0, "cup", 1, 1);
    gchar **lines;

    GST_BUFFER_PTS (frame) = GST_CLOCK_TIME_NONE;
    push (harness, frame);
    lines = finish (harness, formats[i]);
    fail_unless_equals_int (g_strv_length (lines), i ? 0 : 2);
    fail_if (i == 0 && strstr (lines[0], "timestamp"), "%s", lines[0]);
    g_strfreev (lines);
    g_free (properties);
  }
}

GST_END_TEST;

/* A descriptor, as of a shell's redirection, goes on where it is. */
GST_START_TEST (an_open_descriptor_is_gone_on_with)
{
  gchar *path = g_build_filename (folder, "several.jsonl", NULL), *text;
  gint fd = g_open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  gchar *launch = g_strdup_printf ("supconpublish location=/dev/fd/%d", fd);
  gchar **lines;

  fail_unless (fd >= 0 && write (fd, "a log\n", 6) == 6);
  for (guint run = 0; run < 2; run++) {
    GstHarness *harness = gst_harness_new_parse (launch);

    gst_harness_set_src_caps_str (harness, CAPS);
    push (harness, tagged_frame_new (run, "cup", 1, 1));
    gst_harness_teardown (harness);
  }
  fail_unless (close (fd) == 0);
  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  fail_unless_equals_int (g_strv_length (lines), 4);
  fail_unless_equals_string (lines[0], "a log");
  for (guint run = 0; run < 2; run++)
    check_json (lines[1 + run], "$.objects[0].classification.label",
        "\"cup\"");
  g_strfreev (lines);
  g_free (text);
  g_free (launch);
  g_free (path);
}

GST_END_TEST;

/* A field that may hold a structure and holds none. */
GST_START_TEST (a_structure_that_is_not_there_is_left_out)
{
  GstHarness *harness = start_publish ("null.jsonl", "");
  GstBuffer *frame = numbered_frame_new (0);
  GstStructure *tag = gst_structure_new_empty ("classification");
  gchar **lines;

  gst_structure_set (tag, "label", GST_TYPE_STRUCTURE, NULL, NULL);
  gst_video_region_of_interest_meta_add_param
      (gst_buffer_add_video_region_of_interest_meta (frame, "supcon", 0, 0, 8,
          4), tag);
  push (harness, frame);
  lines = finish (harness, "null.jsonl");
  check_json (lines[0], "$.objects[0].tensors", "[{\"name\":\"classification\"}]");
  g_strfreev (lines);
}

GST_END_TEST;

/* Any application can attach the meta: what does not fit is left out. */
GST_START_TEST (neighbours_are_held_to_their_types)
{
  static const struct
  {
    const gchar *meta, *expected;
  } cases[] = {
    {"labels=<cup>", "[]"},
    {"scores=0.5, labels=<cup>", "[]"},
    {"scores=<high, low>", "[]"},
    {"scores=<0.5, 0.25, 0.125>, labels=<cup, (string)NULL>, uris=<1, 2, 3>, "
          "timestamps=(guint64)7",
        "[{\"score\":0.5,\"label\":\"cup\"},{\"score\":0.25},"
          "{\"score\":0.125}]"},
    {"scores=<0.5>, timestamps=<(guint64)18446744073709551615>",
        "[{\"score\":0.5}]"},     /* no time */
    {"scores=<0.5>, labels=<cup>, uris=<\"file:///a\">, "
          "timestamps=<(guint64)7>",
        "[{\"score\":0.5,\"label\":\"cup\",\"source\":\"file:///a\","
          "\"timestamp\":7}]"}
  };
  GstHarness *harness = start_publish ("found.jsonl", "");
  gchar **lines;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gchar *text = g_strdup_printf ("supcon-neighbours, %s", cases[i].meta);
    GstStructure *meta = gst_structure_from_string (text, NULL);
    GstBuffer *frame = numbered_frame_new (i);

    fail_unless (meta != NULL, "%s", text);
    gst_supcon_buffer_set_neighbours (frame, meta);
    push (harness, frame);
    gst_structure_free (meta);
    g_free (text);
  }
  lines = finish (harness, "found.jsonl");
  fail_unless_equals_int (g_strv_length (lines), G_N_ELEMENTS (cases) + 1);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check_json (lines[i], "$.neighbours", cases[i].expected);
  g_strfreev (lines);
}

GST_END_TEST;

GST_START_TEST (a_place_that_cannot_be_written_is_an_error)
{
  Run run = run_launch ("videotestsrc num-buffers=1 ! supconpublish "
      "location=/nowhere/tags.jsonl ! fakesink");

  run_assert_error (run, "/nowhere/tags.jsonl: cannot be written: No such");
  run_clear (&run);
}

GST_END_TEST;

/* What is written already is lost neither to a pipeline that does not start nor to a name that was mistaken. */
GST_START_TEST (a_file_is_kept_until_there_is_something_to_write)
{
  gchar *path = g_build_filename (folder, "kept", NULL), *text;
  gchar *lock = g_build_filename (folder, ".kept.lock", NULL);
  const gchar *line = "videotestsrc num-buffers=1 ! video/x-raw,width=8,height=8 ! %s ! supconpublish location=%s %s "
      "! fakesink";
  Run run;

  fail_unless (g_file_set_contents (path, "{}\n", -1, NULL));
  run = run_launch (line, "supconencoder location=/nowhere/none", path, "");
  run_assert_error (run, "/nowhere/none");
  run_clear (&run);
  run = run_launch (line, "identity", path, "format=srt");
  run_assert_error (run, "is no subtitles");
  run_clear (&run);
  run = run_launch ("videotestsrc ! supconpublish location=%s ! supconpublish location=%s ! fakesink", path, path);
  run_assert_error (run, "is written by another element");
  run_clear (&run);
  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  fail_unless_equals_string (text, "{}\n");
  g_free (text);
  fail_if (g_file_test (lock, G_FILE_TEST_EXISTS));

  /* Nor to a stream in which no frame comes, which carries nothing that could be missed. */
  run = run_launch (line, "identity drop-probability=1", path, "");
  run_assert_ended (run);
  fail_if (strstr (run.warnings->str, "no frame carried"), "%s",
      run.warnings->str);
  run_clear (&run);
  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  fail_unless_equals_string (text, "{}\n");
  g_free (text);
  run = run_launch (line, "identity", path, "");
  run_assert_ended (run);
  run_assert_warning (run, "as no frame carried tags or neighbours");
  run_clear (&run);
  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  fail_unless_equals_string (text, "");
  g_free (text);
  g_free (path);
  g_free (lock);
}

GST_END_TEST;

GST_START_TEST (a_full_disk_is_an_error_that_names_the_file)
{
  const gchar *formats[] = { "json-lines", "srt" };

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    gchar *launch = g_strdup_printf ("supconpublish format=%s "
        "location=/dev/full", formats[i]);
    GstElement *publish = gst_parse_launch (launch, NULL);
    GstHarness *h = gst_harness_new_with_element (publish, "sink", "src");
    GstBus *bus = gst_bus_new ();

    gst_element_set_bus (publish, bus);
    gst_harness_set_src_caps_str (h, CAPS);
    gst_harness_push (h, tagged_frame_new (0, "cup", 0, 0.9));
    gst_harness_push_event (h, gst_event_new_eos ());
    check_posted (bus, GST_MESSAGE_ERROR, "/dev/full: cannot be written: No ");
    gst_element_set_state (publish, GST_STATE_NULL);
    fail_if (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR));
    gst_element_set_bus (publish, NULL);
    gst_harness_teardown (h);
    gst_object_unref (bus);
    gst_object_unref (publish);
    g_free (launch);
  }
}

GST_END_TEST;

/* Where a descriptor of this process leads while an element with the properties writes a tag; what it says comes back. */
static GstMessage *
publish_to (gint descriptor, const gchar * path, const gchar * properties)
{
  gchar *launch = g_strdup_printf ("supconpublish %s", properties);
  GstElement *publish = gst_parse_launch (launch, NULL);
  GstHarness *h = gst_harness_new_with_element (publish, "sink", "src");
  GstBus *bus = gst_bus_new ();
  gint saved = dup (descriptor), fd = g_open (path, O_WRONLY);
  GstMessage *message;

  fail_unless (saved >= 0 && fd >= 0 && dup2 (fd, descriptor) >= 0);
  gst_element_set_bus (publish, bus);
  gst_element_set_state (publish, GST_STATE_READY);
  gst_harness_play (h);
  gst_harness_set_src_caps_str (h, CAPS);
  gst_harness_push (h, tagged_frame_new (0, "cup", 0, 0.9));
  gst_element_set_state (publish, GST_STATE_NULL);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (dup2 (saved, descriptor) >= 0);
  clearerr (stdout);
  close (saved);
  close (fd);
  gst_element_set_bus (publish, NULL);
  gst_harness_teardown (h);
  gst_object_unref (bus);
  gst_object_unref (publish);
  g_free (launch);
  return message;
}

/* Each goes where its name says, and an error names it. */
GST_START_TEST (standard_streams_have_names)
{
  gchar *path = g_build_filename (folder, "stderr", NULL), *text;
  GstMessage *message;
  GError *error;

  fail_unless (g_file_set_contents (path, "", 0, NULL));
  fail_unless (publish_to (STDERR_FILENO, path, "location=/dev/stderr")
      == NULL);
  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  check_json (text, "$.objects[0].classification.label", "\"cup\"");
  fflush (stdout);
  message = publish_to (STDOUT_FILENO, "/dev/full", "");
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_str_has_prefix (error->message,
          "standard output: cannot be written"), "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  g_free (text);
  g_free (path);
}

GST_END_TEST;

static Suite *
publish_suite (void)
{
  Suite *suite = suite_create ("supconpublish");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, fields_have_dl_streamers_names);
  tcase_add_test (tcase, a_number_that_is_none_is_null);
  tcase_add_test (tcase, a_second_run_begins_the_file_anew);
  tcase_add_test (tcase, an_open_descriptor_is_gone_on_with);
  tcase_add_test (tcase, a_structure_that_is_not_there_is_left_out);
  tcase_add_test (tcase, neighbours_are_held_to_their_types);
  tcase_add_test (tcase, a_frame_may_have_no_time);
  tcase_add_test (tcase, standard_streams_have_names);
  tcase_add_test (tcase, a_place_that_cannot_be_written_is_an_error);
  tcase_add_test (tcase, a_file_is_kept_until_there_is_something_to_write);
  tcase_add_test (tcase, a_full_disk_is_an_error_that_names_the_file);
  gst_supcon_meta_register ();
  return suite;
}

GST_CHECK_MAIN (publish);
