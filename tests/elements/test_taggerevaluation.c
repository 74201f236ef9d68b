/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What supcontagger measures of its tags. */

#include <fcntl.h>
#include <unistd.h>

#include "index/index.h"
#include "tagger.h"

static void
check_confusion (const GstStructure * s, guint truth, guint predicted,
    guint64 expected)
{
  const GValue *row =
      gst_value_array_get_value (gst_structure_get_value (s, "confusion"),
      truth);

  fail_unless_equals_uint64 (g_value_get_uint64 (gst_value_array_get_value
          (row, predicted)), expected);
}

GST_START_TEST (test_evaluation)
{
  Fixture f;
  GstMessage *message;
  const GstStructure *s;
  const GValue *labels;

  start_linear (&f, "", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "box")));
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .6, .3, "box")));
  gst_buffer_unref (pass (&f, new_likely (&f, .3, .3, .4, "can")));
  gst_buffer_unref (pass (&f, new_likely (&f, .3, .3, .4, NULL)));
  gst_buffer_unref (pass (&f, new_likely (&f, .3, .3, .4, "zebra")));
  gst_harness_push_event (f.video, gst_event_new_eos ());

  fail_unless ((message = pop_message (&f, "supcon-evaluation")) != NULL);
  s = gst_message_get_structure (message);
  fail_unless_equals_uint64 (get_uint64 (s, "count"), 4);
  fail_unless_equals_uint64 (get_uint64 (s, "unknown-labels"), 1);
  assert_close (get_double (s, "top1"), .75);
  assert_close (get_double (s, "top5"), 1);
  assert_close (get_double (s, "ece"), (.4 + .4 + .6) / 4);
  assert_close (get_double (s, "nll"),
      -(log (.7) + log (.2) + log (.6) + log (.4)) / 4);
  assert_close (get_double (s, "brier"), (.14 + 1.14 + .26 + .54) / 4);
  labels = gst_structure_get_value (s, "labels");
  fail_unless_equals_int (gst_value_array_get_size (labels), 3);
  fail_unless_equals_string (g_value_get_string (gst_value_array_get_value
          (labels, 2)), "can");
  check_confusion (s, 0, 0, 1);
  check_confusion (s, 1, 0, 1);
  check_confusion (s, 1, 1, 1);
  check_confusion (s, 2, 2, 1);
  check_confusion (s, 0, 1, 0);
  gst_message_unref (message);
  fail_unless (pop_message (&f, "supcon-evaluation") == NULL);

  /* The next stream is measured by itself. */
  gst_harness_push_event (f.video, gst_event_new_stream_start ("next"));
  gst_harness_set_src_caps_str (f.video, CAPS);
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .6, .3, "box")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_unless ((message = pop_message (&f, "supcon-evaluation")) != NULL);
  s = gst_message_get_structure (message);
  fail_unless_equals_uint64 (get_uint64 (s, "count"), 1);
  fail_unless_equals_uint64 (get_uint64 (s, "unknown-labels"), 0);
  assert_close (get_double (s, "top1"), 1);
  check_confusion (s, 0, 0, 0);
  gst_message_unref (message);
  stop (&f);

  /* Nothing is said of a stream without labels. */
  start_linear (&f, "", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, NULL)));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_unless (pop_message (&f, "supcon-evaluation") == NULL);
  stop (&f);
}

GST_END_TEST;

/* Two examples: one of a cup, one of a box. */
static gchar *
save_examples (void)
{
  gchar *location = g_build_filename (g_get_tmp_dir (),
      "supcon-probe.safetensors", NULL);
  SupconIndex *index = supcon_index_new (DIM, SUPCON_METRIC_COSINE);

  for (guint c = 0; c < 2; c++) {
    const gfloat embedding[DIM] = { c ? -1 : -.1, c ? -.1 : -1 };

    fail_unless (supcon_index_add (index, embedding, &(SupconEntry) {
              .label = class_names[c],.timestamp = -1}));
  }
  fail_unless (supcon_index_save (index, location, NULL));
  supcon_index_free (index);
  return location;
}

/* A model of fewer classes takes the place of the one that counted: its classes alone are told of, and of what came
 * before it neither it nor the examples tell. */
GST_START_TEST (test_other_classes)
{
  gchar *location = save_model (3, 1), *fewer = save_model (2, 1);
  gchar *examples = save_examples ();
  gchar *launch = g_strdup_printf ("supcontagger watch=true location=%s "
      "examples-location=%s", location, examples);
  GstMessage *message;
  const GstStructure *s;
  Fixture f;

  start (&f, launch, FALSE);
  /* Both are wrong about it. */
  check_pass (&f, new_likely (&f, .1, .15, .75, "cup"), "can", 2, .75);
  fail_unless_equals_int (g_rename (fewer, location), 0);
  /* It is looked at four times a second. */
  g_usleep (300000);
  check_pass (&f, new_likely (&f, .2, .8, 1, "box"), "box", 1, .8);
  message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_INFO);
  fail_unless (message != NULL);
  gst_message_unref (message);
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_unless ((message = pop_message (&f, "supcon-evaluation")) != NULL);
  s = gst_message_get_structure (message);
  fail_unless_equals_uint64 (get_uint64 (s, "count"), 1);
  assert_close (get_double (s, "top1"), 1);
  assert_close (get_double (s, "knn-1"), 1);
  assert_close (get_double (s, "centroid"), 1);
  fail_unless_equals_int (gst_value_array_get_size (gst_structure_get_value (s,
              "labels")), 2);
  gst_message_unref (message);
  stop (&f);
  g_unlink (location);
  g_unlink (examples);
  g_free (location);
  g_free (examples);
  g_free (fewer);
  g_free (launch);
}

GST_END_TEST;

GST_START_TEST (test_evaluation_location)
{
  Fixture f;
  gchar *path = g_build_filename (g_get_tmp_dir (), "supcon-evaluation.json",
      NULL);
  gchar *line = g_strdup_printf ("evaluation-location=%s", path), *text;

  start_linear (&f, line, FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "box")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  fail_unless (strstr (text, "\"confusion\":[[1,0,0],[1,0,0],[0,0,0]]") != NULL,
      "%s", text);
  g_free (text);
  stop (&f);
  fail_unless_equals_int (g_remove (path), 0);

  /* So does a stream that is stopped; one that has ended is not written again. */
  start_linear (&f, line, FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  stop (&f);
  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  fail_unless (strstr (text, "\"confusion\":[[1,0,0],[0,0,0],[0,0,0]]") != NULL,
      "%s", text);
  g_free (text);
  start_linear (&f, line, FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_unless_equals_int (g_remove (path), 0);
  stop (&f);
  fail_if (g_file_test (path, G_FILE_TEST_EXISTS));
  g_free (line);
  g_free (path);
}

GST_END_TEST;

/* Where evaluation-location leads while a frame is measured. */
static void
evaluate_to (const gchar * location)
{
  gchar *line = g_strdup_printf ("evaluation-location=%s", location);
  Fixture f;

  start_linear (&f, line, FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_ERROR));
  stop (&f);
  g_free (line);
}

static void
check_evaluation (const gchar * path, const gchar * begins)
{
  gchar *text;

  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  fail_unless (g_str_has_prefix (text, begins), "%s", text);
  fail_unless (strstr (text, "\"confusion\":[[1,0,0],") != NULL, "%s", text);
  g_free (text);
}

/* A link stays one, what a descriptor is of is gone on with, and a file that another element writes is not taken. */
GST_START_TEST (test_evaluation_location_that_leads_on)
{
  gchar *folder = g_dir_make_tmp ("tagger-XXXXXX", NULL);
  gchar *path = g_build_filename (folder, "evaluation.json", NULL);
  gchar *link = g_build_filename (folder, "link.json", NULL);
  gchar *location = save_model (3, 1), *line, *descriptor;
  GstHarness *publish;
  Fixture f;
  gint fd;

  fail_unless (symlink ("evaluation.json", link) == 0);
  for (guint i = 0; i < 2; i++) {
    evaluate_to (link);
    fail_unless (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
    check_evaluation (path, "{\"");
  }

  fail_unless (g_file_set_contents (path, "before\n", -1, NULL));
  fd = g_open (path, O_WRONLY | O_APPEND, 0);
  descriptor = g_strdup_printf ("/dev/fd/%d", fd);
  evaluate_to (descriptor);
  close (fd);
  check_evaluation (path, "before\n{\"");
  g_unlink (path);

  line = g_strdup_printf ("supconpublish location=%s", path);
  publish = gst_harness_new_parse (line);
  check_start_error ("evaluation-location: ", "supcontagger location=%s "
      "evaluation-location=%s", location, link);
  gst_harness_teardown (publish);
  g_free (line);
  line = g_strdup_printf ("evaluation-location=%s", link);
  start_linear (&f, line, FALSE);
  check_start_error ("is written by another element",
      "supcontagger location=%s evaluation-location=%s", location, path);
  check_start_error ("is written by another element",
      "supconpublish location=%s", path);
  stop (&f);
  g_free (line);

  start_linear (&f, "evaluation-location=/dev/full", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  check_posted (f.bus, GST_MESSAGE_ERROR,
      "evaluation-location: /dev/full: cannot be written: No space");
  stop (&f);

  g_unlink (path);
  g_unlink (link);
  g_rmdir (folder);
  g_unlink (location);
  g_free (location);
  g_free (descriptor);
  g_free (link);
  g_free (path);
  g_free (folder);
}

GST_END_TEST;

/* Before a stream is measured for nothing; a file of an earlier run is not passed over in silence. */
GST_START_TEST (test_evaluation_location_of_no_use)
{
  Fixture f;
  gchar *location = save_model (3, 1), *text;
  gchar *folder = g_dir_make_tmp ("tagger-XXXXXX", NULL);
  gchar *path = g_build_filename (folder, "evaluation.json", NULL);
  gchar *lock = g_build_filename (folder, ".evaluation.json.lock", NULL);
  gchar *line = g_strdup_printf ("evaluation-location=%s", path);

  check_start_error ("evaluation-location: /nowhere/e.json: cannot be written",
      "supcontagger location=%s evaluation-location=/nowhere/e.json", location);

  fail_unless (g_file_set_contents (path, "of before", -1, NULL));
  check_start_error ("evaluation.json is there and is no JSON",
      "supcontagger location=%s %s", location, line);
  fail_unless (g_file_set_contents (path, "{}", -1, NULL));
  start_linear (&f, line, FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, NULL)));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  check_posted (f.bus, GST_MESSAGE_WARNING, "nothing was measured");
  stop (&f);
  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  fail_unless_equals_string (text, "{}");
  g_free (text);
  /* A stream that is stopped may still have had something to measure. */
  start_linear (&f, line, FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, NULL)));
  gst_element_set_state (f.video->element, GST_STATE_READY);
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  stop (&f);

  start_linear (&f, line, FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  g_unlink (path);
  g_unlink (lock);
  fail_unless_equals_int (g_rmdir (folder), 0);
  gst_harness_push_event (f.video, gst_event_new_eos ());
  check_posted (f.bus, GST_MESSAGE_ERROR, "evaluation.json: cannot be written: ");
  stop (&f);

  g_unlink (location);
  g_free (location);
  g_free (line);
  g_free (lock);
  g_free (path);
  g_free (folder);
}

GST_END_TEST;

static GString *printed;

static void
catch_print (const gchar * text)
{
  g_string_append (printed, text);
}

GST_START_TEST (test_print_evaluation)
{
  Fixture f;
  GPrintFunc before;

  printed = g_string_new (NULL);
  before = g_set_print_handler (catch_print);
  start_linear (&f, "print-evaluation=true", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "box")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  g_set_print_handler (before);
  fail_unless (g_str_has_prefix (printed->str, "2 labelled pictures: "
          "top-1 50.00 %, top-5 100.00 %, ECE 20.00 %, NLL 0.9831, Brier 0.6400\n"), "%s",
      printed->str);
  fail_unless (strstr (printed->str,
          "  0     1     0     0  100.0 %  cup\n"
          "  1     1     0     0    0.0 %  box\n"
          "  2     0     0     0      - %  can\n") != NULL, "%s", printed->str);
  g_string_free (printed, TRUE);
  stop (&f);
}

GST_END_TEST;

/* A line of hundreds of columns is nothing to read. */
GST_START_TEST (test_print_many_classes)
{
  const gfloat embedding[] = { 1, 0 };
  GPrintFunc before;
  Fixture f;

  printed = g_string_new (NULL);
  before = g_set_print_handler (catch_print);
  start (&f, "supcontagger method=centroid print-evaluation=true", FALSE);
  for (guint i = 0; i < 101; i++) {
    gchar *label = g_strdup_printf ("class %u", i);

    gst_buffer_unref (pass (&f, new_embedded (&f, embedding, 2, label)));
    g_free (label);
  }
  g_object_set (f.video->element, "learning", FALSE, NULL);
  gst_buffer_unref (pass (&f, new_embedded (&f, embedding, 2, "class 0")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  g_set_print_handler (before);
  fail_unless (strstr (printed->str, "confusion is written to "
          "evaluation-location alone)\n  0  100.0 %  class 0\n"
          "  1      - %  class 1\n") != NULL, "%s", printed->str);
  fail_unless (strstr (printed->str, "\n100      - %  class 100\n") != NULL, "%s",
      printed->str);
  g_string_free (printed, TRUE);
  stop (&f);
}

GST_END_TEST;

static Suite *
taggerevaluation_suite (void)
{
  Suite *suite = suite_create ("taggerevaluation");
  TCase *tcase = tcase_create ("taggerevaluation");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_evaluation);
  tcase_add_test (tcase, test_other_classes);
  tcase_add_test (tcase, test_evaluation_location);
  tcase_add_test (tcase, test_evaluation_location_that_leads_on);
  tcase_add_test (tcase, test_evaluation_location_of_no_use);
  tcase_add_test (tcase, test_print_evaluation);
  tcase_add_test (tcase, test_print_many_classes);
  return suite;
}

GST_CHECK_MAIN (taggerevaluation);
