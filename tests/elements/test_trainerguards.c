/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What supcontrainer does not let go by unsaid: files that others wrote, and settings or frames of no use. */
#include "model/checkpoint.h"
#include "training.h"

static guint64
step_of_file (const gchar * path)
{
  guint64 step;

  fail_unless (supcon_checkpoint_check_replaced (path, &step, NULL));
  return step;
}

/* A training that begins anew where another one wrote leaves that one's checkpoint beside its own; going on, and a second
 * stage, which has the encoder in it, leave none. */
GST_START_TEST (test_replaced)
{
  gchar *kept = g_build_filename (folder, "m.replaced-2.safetensors", NULL);
  gchar *other = g_build_filename (folder, "m.replaced-1.safetensors", NULL);
  gchar *third = g_build_filename (folder, "m.replaced-3.safetensors", NULL);
  gchar *first, *bytes;
  gsize size, kept_size;
  Run run = run_launch (ONE_THING "total-steps=2 location=%s", model);

  run_assert_ended (run);
  run_clear (&run);
  first = contents_of (model, &size);
  run = run_launch (ONE_THING "total-steps=1 location=%s", model);
  run_assert_ended (run);
  run_assert_warning (run, "of 2 steps, which stays beside it");
  run_clear (&run);
  fail_unless_equals_uint64 (step_of_file (model), 1);
  bytes = contents_of (kept, &kept_size);
  fail_unless (kept_size == size && memcmp (bytes, first, size) == 0);
  g_free (bytes);

  run = run_launch (ONE_THING "total-steps=3 resume=true location=%s", model);
  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (ONE_THING "stage=linear total-steps=1 location=%s", model);
  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (ONE_THING "stage=linear total-steps=1 init-location=%s location=%s", model, model);
  run_assert_ended (run);
  run_clear (&run);
  fail_if (g_file_test (other, G_FILE_TEST_EXISTS) || g_file_test (third, G_FILE_TEST_EXISTS));
  g_free (first);
  g_free (kept);
  g_free (other);
  g_free (third);
}
GST_END_TEST;

/* What was written by somebody else is not replaced. */
GST_START_TEST (test_files_of_others)
{
  static const struct
  {
    const gchar *bytes, *property, *error;
  } cases[] = {
    {"GIF89a", "location", "is no checkpoint of supcontrainer"},
    {"GIF89a", "location=%s/new best-location", "is no checkpoint of supcontrainer"},
    {"GIF89a", "location=%s/new metrics-location", "metrics-location: "},
    {"", "location=%s/new metrics-location", NULL},
    {"{}", "location=%s/new metrics-location", NULL},
    {"", "location", NULL}
  };
  gchar *path = g_build_filename (folder, "there", NULL), *text;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gchar *properties = g_strdup_printf ("%s=%s", cases[i].property, path);
    gchar **parts = g_strsplit (properties, "%s", 2);
    gchar *line = g_strjoinv (folder, parts);
    Run run;

    fail_unless (g_file_set_contents (path, cases[i].bytes, -1, NULL));
    if (strstr (line, "best-location"))
      run = run_launch ("videotestsrc num-buffers=24 ! " CAPS " ! t.validation " ONE_THING "name=t total-steps=1 %s", line);
    else
      run = run_launch (ONE_THING "total-steps=1 %s", line);
    if (cases[i].error) {
      run_assert_error (run, cases[i].error);
      run_assert_error (run, path);
      fail_unless (g_file_get_contents (path, &text, NULL, NULL));
      fail_unless_equals_string (text, cases[i].bytes);
      g_free (text);
    } else {
      run_assert_ended (run);
    }
    run_clear (&run);
    g_free (line);
    g_strfreev (parts);
    g_free (properties);
  }
  g_free (path);
}
GST_END_TEST;

GST_START_TEST (test_settings_of_no_use)
{
  Run run = run_launch (ONE_THING "location=%s metrics-location=%s", model, model);

  run_assert_error (run, "which location or best-location names too");
  run_clear (&run);
  run = run_launch (ONE_THING "location=%s validate-interval=5", model);
  run_assert_error (run, "validate-interval is set, but the pad validation is not linked");
  run_clear (&run);
  run = run_launch ("videotestsrc num-buffers=48 ! " CAPS " ! tee name=t ! queue ! supconaugment views=2 ! " CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=24 model=one location=%s t. ! queue ! supconaugment views=2 ! " CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=24 model=one location=%s/b", model, folder);
  run_assert_error (run, "model=one is what another supcontrainer of this process shares");
  run_clear (&run);
}
GST_END_TEST;

/* Frames of another size than the model's cannot be negotiated; the error that GStreamer posts of it names nothing. */
GST_START_TEST (test_frames_of_another_size)
{
  Run run = run_launch (ONE_THING "total-steps=1 location=%s", model);

  run_assert_ended (run);
  run_clear (&run);
  run = run_launch ("videotestsrc num-buffers=48 ! supconlabel label=ball ! supconaugment views=1 ! "
      "video/x-raw,width=20,height=16 ! supcontrainer stage=linear location=%s", model);
  fail_unless (run.error != NULL);
  run_assert_warning (run, "Frames of 20x16 pixels are offered; expected 12x12");
  run_clear (&run);
  /* A scaler makes them fit, and nothing is said. */
  run = run_launch ("videotestsrc num-buffers=48 ! video/x-raw,format=RGB,width=20,height=16 ! supconlabel label=ball ! "
      "videoscale ! supcontrainer stage=linear batch-size=24 location=%s", model);
  run_assert_ended (run);
  fail_if (strstr (run.warnings->str, "are offered"), "%s", run.warnings->str);
  run_clear (&run);
}
GST_END_TEST;

GST_START_TEST (test_labels_of_no_use)
{
  Run run = run_launch ("videotestsrc num-buffers=300 ! " CAPS " ! supconaugment views=2 ! " CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=24 location=%s", model);

  run_assert_ended (run);
  run_assert_warning (run, "No frame so far has a label");
  run_clear (&run);
  run = run_launch ("videotestsrc num-buffers=24 ! " CAPS " ! supconlabel label=other ! t.validation "
      ONE_THING "name=t stage=cross-entropy location=%s/ce", folder);
  run_assert_ended (run);
  run_assert_warning (run, "None of the 24 labelled frames on the pad validation");
  run_clear (&run);
}
GST_END_TEST;

/* By a learning rate that is too high for the encoder. */
GST_START_TEST (test_worse_than_guessing)
{
  Run run;

  write_shapes (640);
  run = run_launch (LEARN_SHAPES (1) "total-steps=4", folder, folder, model);
  run_assert_ended (run);
  run_clear (&run);
  for (guint i = 0; i < 2; i++) {
    run = run_launch (LEARN_SHAPES (8) "stage=linear learning-rate=%s", folder, folder, model, i ? "0.01" : "100");
    run_assert_ended (run);
    if (i)
      fail_if (strstr (run.warnings->str, "guessing"), "%s", run.warnings->str);
    else
      run_assert_warning (run, "while guessing among 4 classes has 1.386");
    run_clear (&run);
  }
}
GST_END_TEST;

/* A classifier says nothing of embeddings as long as its own that another encoder made, but of those of the one that it began
 * with, which the linear stage leaves as it is. */
GST_START_TEST (test_classifier_of_another_encoder)
{
  gchar *other = g_build_filename (folder, "other.safetensors", NULL);
  gchar *linear = g_build_filename (folder, "linear.safetensors", NULL);
  const gchar *const encoders[] = { model, linear, other };
  Run run = run_launch (ONE_THING "total-steps=1 average-decay=0.5 location=%s", model);

  run_clear (&run);
  run = run_launch (ONE_THING "total-steps=1 seed=4 location=%s", other);
  run_clear (&run);
  run = run_launch (ONE_THING "total-steps=1 stage=linear init-location=%s location=%s", model, linear);
  run_clear (&run);
  for (guint i = 0; i < G_N_ELEMENTS (encoders); i++) {
    run = run_launch ("videotestsrc num-buffers=3 ! " CAPS " ! supconencoder location=%s ! supcontagger location=%s ! fakesink",
        encoders[i], linear);
    run_assert_ended (run);
    if (encoders[i] == other)
      run_assert_warning (run, "of another encoder than the classifier in");
    else
      fail_if (strstr (run.warnings->str, "another encoder"), "%s", run.warnings->str);
    run_clear (&run);
  }
  g_free (linear);
  g_free (other);
}
GST_END_TEST;

static Suite *
trainer_guards_suite (void)
{
  Suite *suite = suite_create ("supcontrainer guards");
  TCase *tcase = tcase_create ("supcontrainer guards");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_replaced);
  tcase_add_test (tcase, test_files_of_others);
  tcase_add_test (tcase, test_settings_of_no_use);
  tcase_add_test (tcase, test_frames_of_another_size);
  tcase_add_test (tcase, test_labels_of_no_use);
  tcase_add_test (tcase, test_worse_than_guessing);
  tcase_add_test (tcase, test_classifier_of_another_encoder);
  return suite;
}

GST_CHECK_MAIN (trainer_guards);
