/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What supcontrainer does where a disk is full. */
#include <signal.h>
#include <sys/resource.h>

#include "model/checkpoint.h"
#include "training.h"

/* Bytes of a file on a full disk: fewer than a checkpoint has, more than Check's own file of a test's messages, which would
 * be cut off as well. */
#define FULL 16384

/* Plays line, which it takes, while a handler of its messages fills the disk and maybe makes room. */
static Run
run_with_handler (gchar * line, GstBusSyncHandler handler, gpointer user_data)
{
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  Run run;

  signal (SIGXFSZ, SIG_IGN);
  gst_bus_set_sync_handler (bus, handler, user_data, NULL);
  run = run_pipeline (pipeline);
  setrlimit (RLIMIT_FSIZE, &(struct rlimit) { RLIM_INFINITY, RLIM_INFINITY });
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_free (line);
  return run;
}

/* A disk without room is told before the first step. */
GST_START_TEST (test_disk_full)
{
  struct rlimit limit = { FULL, RLIM_INFINITY };
  Run run;

  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &limit);
  run = run_launch (ONE_THING "message-interval=1 location=%s", model);
  limit.rlim_cur = RLIM_INFINITY;
  setrlimit (RLIMIT_FSIZE, &limit);
  run_assert_error (run, "cannot be written");
  fail_unless (strstr (run.error, model) != NULL, "%s", run.error);
  fail_unless (run_message (&run, "supcon-train") == NULL);
  fail_unless (!g_file_test (model, G_FILE_TEST_EXISTS));
  run_clear (&run);
}
GST_END_TEST;

/* One that has no room for another line of metrics: the file is named. */
static GstBusSyncReply
fill_metrics (G_GNUC_UNUSED GstBus * bus, GstMessage * message, gpointer user_data)
{
  const GstStructure *s = gst_message_get_structure (message);
  struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
  GStatBuf status;

  if (!s || !gst_structure_has_name (s, "supcon-train"))
    return GST_BUS_PASS;
  fail_unless_equals_int (g_stat (user_data, &status), 0);
  limit.rlim_cur = status.st_size;
  setrlimit (RLIMIT_FSIZE, &limit);
  return GST_BUS_PASS;
}

GST_START_TEST (test_metrics_on_a_full_disk)
{
  gchar *metrics = g_build_filename (folder, "m.jsonl", NULL);
  gchar *line = g_strdup_printf (ONE_THING "message-interval=1 metrics-location=%s location=%s", metrics, model);
  Run run = run_with_handler (line, fill_metrics, metrics);

  run_assert_warning (run, "m.jsonl: metrics are no longer complete");
  run_clear (&run);
  g_free (metrics);
}
GST_END_TEST;

/* A disk that is full in the middle: what is there stays, a warning says so, and the next checkpoint is written when there
 * is room again. The limit is changed on the training thread itself, between two steps. */
static GstBusSyncReply
fill_disk (G_GNUC_UNUSED GstBus * bus, GstMessage * message, gpointer user_data)
{
  const GstStructure *s = gst_message_get_structure (message);
  struct rlimit limit = { FULL, RLIM_INFINITY };
  guint64 step, *full_steps = user_data;

  if (!s || !gst_structure_has_name (s, "supcon-train"))
    return GST_BUS_PASS;
  gst_structure_get_uint64 (s, "step", &step);
  if (step < 3 || step > 5) {
    limit.rlim_cur = RLIM_INFINITY;
  } else {
    SupconCheckpointInfo info;
    SupconModel *loaded = supcon_checkpoint_load (model, NULL, &info, NULL);

    fail_unless (loaded != NULL && info.step == 2);
    supcon_checkpoint_info_clear (&info);
    supcon_model_free (loaded);
    (*full_steps)++;
  }
  setrlimit (RLIMIT_FSIZE, &limit);
  return GST_BUS_PASS;
}

GST_START_TEST (test_disk_full_for_a_while)
{
  gchar *line = g_strdup_printf ("videotestsrc pattern=ball num-buffers=96 ! " CAPS " ! supconlabel label=ball ! supconaugment "
      "views=2 ! " CAPS " ! supcontrainer encoder=resnet8 width=0.25 batch-size=24 message-interval=1 checkpoint-interval=1 "
      "location=%s", model);
  SupconCheckpointInfo info;
  guint64 full_steps = 0;
  SupconModel *loaded;
  GDir *dir;
  Run run = run_with_handler (line, fill_disk, &full_steps);

  run_assert_ended (run);
  run_assert_warning (run, "cannot be written");
  /* Not for each of them. */
  fail_unless (strstr (run.warnings->str, "cannot be written") == g_strrstr (run.warnings->str, "cannot be written"),
      "%s", run.warnings->str);
  fail_unless_equals_uint64 (full_steps, 3);
  fail_unless_equals_int (run_count_messages (&run, "supcon-checkpoint"), 8 - 3);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless (loaded != NULL);
  fail_unless_equals_uint64 (info.step, 8);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
  /* Nothing is left of the attempts. */
  dir = g_dir_open (folder, 0, NULL);
  fail_unless_equals_string (g_dir_read_name (dir), "m.safetensors");
  fail_unless (g_dir_read_name (dir) == NULL);
  g_dir_close (dir);
  run_clear (&run);
}
GST_END_TEST;

/* One that is full at the end is one error, though stopping tries again, and though the last step's checkpoint failed. */
static GstBusSyncReply
fill_disk_at_the_end (G_GNUC_UNUSED GstBus * bus, GstMessage * message, gpointer user_data)
{
  const GstStructure *s = gst_message_get_structure (message);
  struct rlimit limit = { FULL, RLIM_INFINITY };
  guint *errors = user_data;

  if (s && gst_structure_has_name (s, "supcon-train"))
    setrlimit (RLIMIT_FSIZE, &limit);
  *errors += s && gst_structure_has_name (s, "GstMessageError");
  return GST_BUS_PASS;
}

GST_START_TEST (test_disk_full_at_the_end)
{
  for (guint interval = 0; interval < 2; interval++) {
    gchar *line = g_strdup_printf (ONE_THING "message-interval=1 checkpoint-interval=%u location=%s", interval, model);
    guint errors = 0;
    Run run = run_with_handler (line, fill_disk_at_the_end, &errors);

    run_assert_error (run, "cannot be written");
    fail_unless_equals_int (errors, 1);
    run_clear (&run);
  }
}
GST_END_TEST;

/* A disk that was full when the best model so far came: that one is lost, and the next takes its place, though it is no better. */
static GstBusSyncReply
fill_disk_at_a_validation (G_GNUC_UNUSED GstBus * bus, GstMessage * message, gpointer user_data)
{
  const GstStructure *s = gst_message_get_structure (message);
  struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
  guint *validations = user_data;

  if (s && gst_structure_has_name (s, "supcon-validation") && (*validations)++ == 0)
    limit.rlim_cur = FULL;
  else if (!s || !gst_structure_has_name (s, "GstMessageWarning"))
    return GST_BUS_PASS;
  setrlimit (RLIMIT_FSIZE, &limit);
  return GST_BUS_PASS;
}

GST_START_TEST (test_best_on_a_full_disk)
{
  gchar *best = g_build_filename (folder, "best.safetensors", NULL), *accuracy;

  write_shapes (640);
  /* Also when it is the last: the end judges once more. None is right, so that no validation is better than the first. */
  for (guint interval = 1; interval <= 10; interval += 9) {
    gchar *line = g_strdup_printf (SHAPES "! " SHAPE_CAPS " ! t. "
        "videotestsrc num-buffers=8 ! " SHAPE_CAPS " ! supconlabel label=other ! t.validation "
        "supcontrainer name=t stage=cross-entropy encoder=resnet8 width=0.25 batch-size=48 total-steps=10 "
        "validate-interval=%u location=%s best-location=%s", folder, interval, model, best);
    guint validations = 0;
    Run run = run_with_handler (line, fill_disk_at_a_validation, &validations);

    run_assert_ended (run);
    run_assert_warning (run, "best.safetensors: cannot be written");
    fail_unless_equals_int (validations, interval == 1 ? 10 : 2);
    accuracy = metadata_of (best, "best-accuracy");
    fail_unless (accuracy != NULL);
    g_free (accuracy);
    fail_unless_equals_int (g_unlink (best), 0);
    run_clear (&run);
  }
  g_free (best);
}
GST_END_TEST;

static Suite *
trainer_disk_suite (void)
{
  Suite *suite = suite_create ("supcontrainer trainerdisk");
  TCase *tcase = tcase_create ("supcontrainer trainerdisk");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_disk_full);
  tcase_add_test (tcase, test_metrics_on_a_full_disk);
  tcase_add_test (tcase, test_disk_full_for_a_while);
  tcase_add_test (tcase, test_disk_full_at_the_end);
  tcase_add_test (tcase, test_best_on_a_full_disk);
  return suite;
}

GST_CHECK_MAIN (trainer_disk);
