/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What supcontrainer does not let go by unsaid: files that others wrote, and settings or frames of no use. */
#include "model/checkpoint.h"
#include "../entries.h"
#include "training.h"

static guint64
step_of_file (const gchar * path)
{
  guint64 step;

  fail_unless (supcon_checkpoint_check_replaced (path, &step, NULL));
  return step;
}

#define GO_ON "resume=true would go on with it"

/* That the file at path has these bytes. */
static void
assert_bytes (const gchar * path, const gchar * bytes, gsize size)
{
  gsize found_size;
  gchar *found = contents_of (path, &found_size);

  fail_unless (found_size == size && memcmp (found, bytes, size) == 0, "%s", path);
  g_free (found);
}

/* A training that begins anew where another one wrote leaves that one's checkpoint beside its own, also of as many steps as
 * one before, of another stage, with whose encoder it begins. Going on leaves none, nor does a classifier that is added to an
 * encoder which stays as it is. */
GST_START_TEST (test_replaced)
{
  /* Its properties; the name that the file before stays under, NULL for none; whether going on was possible. */
  static const struct
  {
    const gchar *properties, *kept;
    gboolean resumable;
  } runs[] = {
    {"total-steps=2", NULL, FALSE},
    {"total-steps=1", "m.replaced-2.safetensors", TRUE},
    {"total-steps=3 resume=true", NULL, FALSE},
    {"total-steps=3 seed=4", "m.replaced-3.safetensors", TRUE},
    {"total-steps=3 seed=5", "m.replaced-3-2.safetensors", TRUE},
    {"total-steps=2 width=0.5", "m.replaced-3-3.safetensors", FALSE},
    {"total-steps=1 width=0.5 optimizer=adam", "m.replaced-2-2.safetensors", FALSE},
    {"total-steps=1 width=0.5 stage=linear", NULL, FALSE},
    {"total-steps=1 width=0.5 stage=linear", "m.replaced-1.safetensors", TRUE},
    {"total-steps=2 width=0.5 stage=linear resume=true", NULL, FALSE},
    {"total-steps=2 width=0.5 stage=finetune resume=true", "m.replaced-2-3.safetensors", FALSE},
    {"total-steps=2 width=0.5 stage=cross-entropy", "m.replaced-2-4.safetensors", FALSE}
  };

  for (guint i = 0; i < G_N_ELEMENTS (runs); i++) {
    gsize size;
    gchar *before = i ? contents_of (model, &size) : NULL;
    Run run = run_launch (ONE_THING "location=%s %s", model, runs[i].properties);

    run_assert_ended (run);
    fail_unless ((strstr (run.warnings->str, "of another training") != NULL) == (runs[i].kept != NULL), "%u: %s", i,
        run.warnings->str);
    fail_unless ((strstr (run.warnings->str, GO_ON) != NULL) == runs[i].resumable, "%u: %s", i, run.warnings->str);
    if (runs[i].kept) {
      gchar *path = g_build_filename (folder, runs[i].kept, NULL);

      run_assert_warning (run, runs[i].kept);
      assert_bytes (path, before, size);
      g_free (path);
    }
    run_clear (&run);
    g_free (before);
  }
  fail_unless_equals_int (count_entries (folder), 1 + 8);
}
GST_END_TEST;

/* So is another program's network, which has no steps. */
GST_START_TEST (test_replaced_network)
{
  gchar *kept = g_build_filename (folder, "m.replaced-0.safetensors", NULL), *bytes;
  SupconCheckpointInfo info = { 0 };
  SupconModelConfig config;
  SupconModel *network;
  gsize size;
  Run run;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
  config.input_width = config.input_height = 32;
  network = supcon_model_new (&config, 1, NULL);
  fail_unless (network && supcon_checkpoint_save (model, network, &info, NULL));
  supcon_model_free (network);
  fail_unless (g_file_get_contents (model, &bytes, &size, NULL));
  memcpy (strstr (bytes + 8, "gst-supcon"), "some-other", 10);
  fail_unless (g_file_set_contents (model, bytes, size, NULL));
  run = run_launch ("videotestsrc num-buffers=4 ! video/x-raw,format=RGB,width=32,height=32 ! supconlabel label=ball ! "
      "supcontrainer encoder=resnet8 stage=linear batch-size=4 location=%s", model);
  run_assert_ended (run);
  run_assert_warning (run, "stays beside it as m.replaced-0.safetensors");
  run_clear (&run);
  assert_bytes (kept, bytes, size);
  g_free (bytes);
  g_free (kept);
}
GST_END_TEST;

/* The best one too, and what was given as init-location. */
GST_START_TEST (test_replaced_best)
{
  const gchar *line = "videotestsrc num-buffers=24 ! " CAPS " ! supconlabel label=ball ! t.validation "
      ONE_THING "name=t total-steps=1 location=%s %s best-location=%s/best.safetensors";
  gchar *init = g_strdup_printf ("init-location=%s", model), *kept;
  Run run = run_launch (line, model, "", folder);

  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (line, model, init, folder);
  run_assert_ended (run);
  run_assert_warning (run, "stays beside it as best.replaced-1.safetensors");
  run_assert_warning (run, "stays beside it as m.replaced-1.safetensors");
  run_clear (&run);
  kept = g_build_filename (folder, "best.replaced-1.safetensors", NULL);
  fail_unless_equals_uint64 (step_of_file (kept), 1);
  g_free (kept);
  g_free (init);
}
GST_END_TEST;

/* Who resumes replaces the best of its own, but neither another training's, nor what is none. */
GST_START_TEST (test_best_of_resumed)
{
  const gchar *line = "videotestsrc num-buffers=24 ! " CAPS " ! supconlabel label=ball ! t.validation "
      ONE_THING "name=t resume=true total-steps=%u location=%s best-location=%s";
  gchar *best = g_build_filename (folder, "best.safetensors", NULL);
  gchar *kept = g_build_filename (folder, "best.replaced-1.safetensors", NULL);
  gchar *notes = g_build_filename (folder, "notes.txt", NULL), *text;
  Run run = run_launch (line, 1, best, notes);

  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (ONE_THING "total-steps=1 location=%s", model);
  run_assert_ended (run);
  run_clear (&run);

  fail_unless (g_file_set_contents (notes, "notes", -1, NULL));
  run = run_launch (line, 2, model, notes);
  run_assert_error (run, notes);
  run_clear (&run);
  fail_unless (g_file_get_contents (notes, &text, NULL, NULL));
  fail_unless_equals_string (text, "notes");
  for (guint steps = 2; steps < 4; steps++) {
    run = run_launch (line, steps, model, best);
    run_assert_ended (run);
    if (steps == 2)
      run_assert_warning (run, "stays beside it as best.replaced-1.safetensors");
    else
      fail_if (strstr (run.warnings->str, "stays beside"), "%s", run.warnings->str);
    run_clear (&run);
  }
  fail_unless_equals_uint64 (step_of_file (kept), 1);
  /* Of one label all are right each time, which is no better than before the resume. */
  fail_unless_equals_uint64 (step_of_file (best), 2);
  g_free (text);
  g_free (best);
  g_free (kept);
  g_free (notes);
}
GST_END_TEST;

/* A start that is refused leaves no second name. */
GST_START_TEST (test_replaced_by_none)
{
  static const gchar *const mistakes[] = { "optimizer=lars nesterov=true", "teacher-location=%s",
    "stage=finetune warmup-epochs=1" };
  Run run = run_launch (ONE_THING "total-steps=1 location=%s", model);

  run_assert_ended (run);
  run_clear (&run);
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++) {
    gchar **parts = g_strsplit (mistakes[i], "%s", 2), *properties = g_strjoinv (model, parts);

    run = run_launch (ONE_THING "total-steps=1 location=%s %s", model, properties);
    fail_unless (run.error != NULL, "%s", properties);
    run_clear (&run);
    fail_unless_equals_int (count_entries (folder), 1);
    g_free (properties);
    g_strfreev (parts);
  }
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
  run = run_launch (ONE_THING "location=%s best-location=%s/best metrics-location=%s/best", model, folder, folder);
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
  /* Others come in the middle. */
  run = run_launch ("concat name=c ! supconlabel label=ball ! supcontrainer stage=cross-entropy encoder=resnet8 batch-size=8 location=%s "
      "videotestsrc num-buffers=8 ! video/x-raw,format=RGB,width=16,height=16 ! c. "
      "videotestsrc num-buffers=8 ! video/x-raw,format=RGB,width=20,height=16 ! c.", model);
  run_assert_error (run, "");
  run_assert_warning (run, "Frames of 20x16 pixels are offered; expected 16x16");
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
  /* Or at the end, where that comes first. */
  run = run_launch ("videotestsrc num-buffers=24 ! " CAPS " ! supconaugment views=2 ! " CAPS
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

/* After a step that went wrong the last checkpoint stays, though a step after it went well. */
GST_START_TEST (test_failed_step_saves_nothing)
{
  gchar *encoder = g_build_filename (folder, "encoder.safetensors", NULL);
  Run run = run_launch (ONE_THING "total-steps=1 location=%s", encoder);

  run_assert_ended (run);
  run_clear (&run);
  run = run_launch ("concat name=c ! supcontrainer stage=regression batch-size=8 checkpoint-interval=2 "
      "total-steps=9 init-location=%s location=%s videotestsrc num-buffers=24 ! " CAPS " ! supconlabel label=1 ! c. "
      "videotestsrc num-buffers=8 ! " CAPS " ! supconlabel label=3e38 ! c.", encoder, model);

  run_assert_error (run, "step 4");
  run_assert_error (run, "not a finite number");
  run_clear (&run);
  fail_unless_equals_uint64 (step_of_file (model), 2);
  g_free (encoder);
}
GST_END_TEST;

/* By a learning rate that is too high for the encoder. A contrastive loss is no classifier's, though one learns beside. */
GST_START_TEST (test_worse_than_guessing)
{
  Run run;

  write_shapes (640);
  for (guint i = 0; i < 2; i++) {
    run = run_launch (LEARN_SHAPES (6) "total-steps=%s", folder, folder, model, i ? "60 online-linear=true" : "4");
    run_assert_ended (run);
    fail_if (strstr (run.warnings->str, "guessing"), "%s", run.warnings->str);
    run_clear (&run);
    run = run_launch (LEARN_SHAPES (8) "stage=linear learning-rate=%s", folder, folder, model, i ? "0.1" : "100");
    run_assert_ended (run);
    if (i)
      fail_if (strstr (run.warnings->str, "guessing"), "%s", run.warnings->str);
    else
      run_assert_warning (run, "while guessing among 4 classes has 1.386");
    run_clear (&run);
  }
}
GST_END_TEST;

/* Unless they were asked for. */
GST_START_TEST (test_few_steps)
{
  const gchar *const asked[] = { "batch-size=64", "batch-size=64 total-steps=5", "batch-size=32" };

  write_shapes (320);
  for (guint i = 0; i < G_N_ELEMENTS (asked); i++) {
    Run run = run_launch ("supcondatasetsrc location=%s shuffle=true epochs=1 ! supcontrainer stage=cross-entropy encoder=resnet8 width=0.25 "
        "%s location=%s", folder, asked[i], model);

    run_assert_ended (run);
    if (i == 0)
      run_assert_warning (run, "Steps until the end of the stream: 5 (batch-size is 64)");
    else
      fail_if (strstr (run.warnings->str, "Steps until"), "%s", run.warnings->str);
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
  /* Nor of those that are scaled. */
  for (guint normalize = 0; normalize < 2; normalize++) {
    run = run_launch ("videotestsrc num-buffers=3 ! " CAPS " ! supconencoder normalize=%u location=%s ! supcontagger location=%s ! fakesink",
        normalize, linear, linear);
    run_assert_ended (run);
    if (normalize)
      run_assert_warning (run, "expected normalize=false");
    else
      fail_if (strstr (run.warnings->str, "normalize"), "%s", run.warnings->str);
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
  tcase_add_test (tcase, test_replaced_network);
  tcase_add_test (tcase, test_replaced_best);
  tcase_add_test (tcase, test_best_of_resumed);
  tcase_add_test (tcase, test_replaced_by_none);
  tcase_add_test (tcase, test_files_of_others);
  tcase_add_test (tcase, test_settings_of_no_use);
  tcase_add_test (tcase, test_frames_of_another_size);
  tcase_add_test (tcase, test_labels_of_no_use);
  tcase_add_test (tcase, test_failed_step_saves_nothing);
  tcase_add_test (tcase, test_worse_than_guessing);
  tcase_add_test (tcase, test_few_steps);
  tcase_add_test (tcase, test_classifier_of_another_encoder);
  return suite;
}

GST_CHECK_MAIN (trainer_guards);
