/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The metrics that supcontrainer writes, and the message of the last step. */
#include "training.h"

/* line names each property that has a value, not an object. */
static void
assert_all_properties (const gchar * line)
{
  GstElement *trainer = gst_element_factory_make ("supcontrainer", NULL);
  guint n;
  GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (trainer), &n);

  for (guint i = 0; i < n; i++) {
    gchar *key = g_strdup_printf ("\"%s\":", specs[i]->name);

    if ((specs[i]->flags & G_PARAM_READABLE) && !G_TYPE_IS_OBJECT (specs[i]->value_type)
        && specs[i]->value_type != GST_TYPE_SAMPLE)
      fail_unless (strstr (line, key) != NULL, "%s is missing: %s", key, line);
    g_free (key);
  }
  g_free (specs);
  gst_object_unref (trainer);
}

/* The file's lines, of which there are n, the last one empty: it ends with a whole line. */
static gchar **
read_lines (const gchar * location, guint n)
{
  gchar *text, **lines;

  fail_unless (g_file_get_contents (location, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  fail_unless_equals_int (g_strv_length (lines), n);
  g_free (text);
  return lines;
}

/* A training that is shorter than the interval is told of, with its signals. */
GST_START_TEST (test_message_of_the_last_step)
{
  Run run = run_launch (ONE_THING "total-steps=3 location=%s", model);
  const GstStructure *s;
  guint64 step;

  run_assert_ended (run);
  s = run_message (&run, "supcon-train");
  fail_unless (s && gst_structure_get_uint64 (s, "step", &step));
  fail_unless_equals_uint64 (step, 3);
  fail_unless (gst_structure_has_field (s, "alignment"));
  fail_unless (s == run.messages->data, "said more than once");
  run_clear (&run);
}
GST_END_TEST;

/* A header with every property, then a line for each message; resuming adds to them. */
GST_START_TEST (test_metrics)
{
  gchar *metrics = g_build_filename (folder, "m.jsonl", NULL), **lines;
  FILE *file;
  Run run = run_launch (ONE_THING "message-interval=1 total-steps=2 "
      "metrics-location=%s location=%s", metrics, model);

  run_assert_ended (run);
  run_clear (&run);
  /* As a killed writer may leave it: a line of a step that no checkpoint holds, and half of one. */
  file = g_fopen (metrics, "a");
  fail_unless (file && fputs ("{\"step\":3,\"loss\":9.0}\n{\"step\":4,\"lo", file) > 0 && fclose (file) == 0);
  run = run_launch (ONE_THING "message-interval=1 total-steps=3 resume=true "
      "metrics-location=%s location=%s", metrics, model);
  run_assert_ended (run);
  run_clear (&run);
  lines = read_lines (metrics, 5);
  fail_unless (strstr (lines[0], "\"batch-size\":24") != NULL
      && strstr (lines[0], "\"stage\":\"contrastive\"") != NULL
      && strstr (lines[0], "\"version\":") != NULL, "%s", lines[0]);
  assert_all_properties (lines[0]);
  for (guint i = 1; i < 4; i++) {
    gchar *step = g_strdup_printf ("\"step\":%u,", i);

    fail_unless (strstr (lines[i], step) && strstr (lines[i], "\"loss\":"),
        "%s", lines[i]);
    g_free (step);
  }
  g_strfreev (lines);

  /* Gone on with into another file, which has the line of the run's properties too. */
  fail_unless_equals_int (g_unlink (metrics), 0);
  run = run_launch (ONE_THING "message-interval=1 total-steps=4 resume=true "
      "metrics-location=%s location=%s", metrics, model);
  run_assert_ended (run);
  run_clear (&run);
  lines = read_lines (metrics, 3);
  fail_unless (strstr (lines[0], "\"version\":") != NULL, "%s", lines[0]);
  fail_unless (strstr (lines[1], "\"step\":4,") != NULL, "%s", lines[1]);
  g_strfreev (lines);

  run = run_launch (ONE_THING "metrics-location=%s location=%s", folder, model);
  run_assert_error (run, "cannot be written");
  run_clear (&run);
  g_free (metrics);
}
GST_END_TEST;

/* Properties of a run that begins, though the element had one before; and no step that they tell of costs the lines of a run
 * that is gone on with. */
GST_START_TEST (test_metrics_of_a_second_run)
{
  gchar *metrics = g_build_filename (folder, "m.jsonl", NULL), **lines;
  gchar *line = g_strdup_printf (ONE_THING "name=t metrics-location=%s location=%s", metrics, model);
  GstElement *pipeline = gst_parse_launch (line, NULL), *trainer = gst_bin_get_by_name (GST_BIN (pipeline), "t");
  static const guint64 totals[] = { 4, 1, 2 };

  for (guint i = 0; i < G_N_ELEMENTS (totals); i++) {
    GstBus *bus = gst_element_get_bus (pipeline);
    GstMessage *message;

    gst_util_set_object_arg (G_OBJECT (trainer), "message-interval", "1");
    g_object_set (trainer, "total-steps", totals[i], "resume", i == 2, NULL);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered (bus, RUN_SECONDS * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
    gst_message_unref (message);
    gst_element_set_state (pipeline, GST_STATE_READY);
    gst_object_unref (bus);
    lines = read_lines (metrics, totals[i] + 2);
    fail_unless (strstr (lines[0], "\"version\":") && strstr (lines[0], i < 2 ? "\"step\":0," : "\"step\":4,")
        && strstr (lines[0], "\"last-loss\":0.0"), "%s", lines[0]);
    if (i == 1) {
      gchar *text = g_strjoinv ("\n", lines);
      GString *edited = g_string_new (text);

      g_string_replace (edited, "\"step\":0,", "\"step\":4,", 1);
      fail_unless (g_file_set_contents (metrics, edited->str, -1, NULL));
      g_string_free (edited, TRUE);
      g_free (text);
    }
    g_strfreev (lines);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (trainer);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (metrics);
}
GST_END_TEST;

/* Numbers that no signed integer holds are digits in quotes, so that the run can be made again; others are numbers. */
GST_START_TEST (test_metrics_of_large_numbers)
{
  static const gchar *const seeds[][2] = { {"9223372036854775807", "9223372036854775807"},
    {"9223372036854775808", "\"9223372036854775808\""}, {"18446744073709551615", "\"18446744073709551615\""} };
  gchar *metrics = g_build_filename (folder, "m.jsonl", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (seeds); i++) {
    gchar *text, *expected = g_strdup_printf ("\"seed\":%s,", seeds[i][1]);
    Run run = run_launch (ONE_THING "total-steps=1 seed=%s metrics-location=%s location=%s", seeds[i][0], metrics, model);

    run_assert_ended (run);
    run_clear (&run);
    fail_unless (g_file_get_contents (metrics, &text, NULL, NULL));
    fail_unless (strstr (text, expected) != NULL, "%s", text);
    g_free (text);
    g_free (expected);
  }
  g_free (metrics);
}
GST_END_TEST;

static Suite *
trainer_metrics_suite (void)
{
  Suite *suite = suite_create ("supcontrainer trainermetrics");
  TCase *tcase = tcase_create ("supcontrainer trainermetrics");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_message_of_the_last_step);
  tcase_add_test (tcase, test_metrics);
  tcase_add_test (tcase, test_metrics_of_a_second_run);
  tcase_add_test (tcase, test_metrics_of_large_numbers);
  return suite;
}

GST_CHECK_MAIN (trainer_metrics);
