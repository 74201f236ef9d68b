/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checkpoints that supcontrainer writes, and what begins with one. */
#include "model/checkpoint.h"
#include "training.h"

/* A run that was cut short and gone on with ends with the bytes of one that was not. The batches of 20 views end in the
 * middle of a frame's. */
static const gchar *const methods[] = {
  "", "queue-size=40 momentum-encoder=true", "optimizer=adam average-decay=0.9 online-linear=true",
  "loss=generalized cutmix=1 mixup=0.3 label-smoothing=0.1 micro-batch=5",
  "stage=cross-entropy dropout=0.3 optimizer=rmsprop learning-rate=0.001",
  "stage=cross-entropy cutmix=1 optimizer=lars", "stage=linear optimizer=adamw",
  "stage=finetune freeze=layer1 encoder-learning-rate=0.001 dropout=0.1 average-decay=0.5",
  "stage=regression clip-norm=1"
};

GST_START_TEST (test_resume)
{
  const gchar *common = "supcondatasetsrc location=%s shuffle=true seed=5 epochs=2 ! supconaugment views=2 ! " SHAPE_CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=20 seed=3 schedule=constant warmup-steps=3 drop-last=false "
      "init-location=%s %s %s location=%s";
  const gchar *method = methods[__i__];
  gchar *other = g_build_filename (folder, "other.safetensors", NULL);
  gchar *first = g_build_filename (folder, "first.safetensors", NULL);
  const gchar *endings[] = { "", "total-steps=3", "resume=true message-interval=1", "resume=true message-interval=1" };
  Run run;

  write_shapes (24);
  run = run_launch ("supcondatasetsrc location=%s ! supconaugment ! " SHAPE_CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=24 location=%s", folder, first);
  run_assert_ended (run);
  run_clear (&run);
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++) {
    const GstStructure *s;
    guint64 step;

    run = run_launch (common, folder, first, method, endings[i], i == 0 ? model : other);
    run_assert_ended (run);
    if (i == 2) {
      s = run_message (&run, "supcon-train");
      gst_structure_get_uint64 (s, "step", &step);
      fail_unless_equals_uint64 (step, 5);
    } else if (i == 3) {
      run_assert_warning (run, "nothing is left to do");
    }
    run_clear (&run);
  }
  fail_unless (same_contents (model, other));
  g_free (first);
  g_free (other);
}
GST_END_TEST;

/* Whoever begins with a model has its weights, not the way that its optimizer was going. */
GST_START_TEST (test_init_takes_weights_alone)
{
  gchar *still = g_build_filename (folder, "still.safetensors", NULL), *to[2];
  const gchar *const from[2] = { model, still };
  SupconCheckpointInfo info;
  SupconModel *loaded;
  Run run = run_launch (ONE_THING "location=%s", model);

  run_assert_ended (run);
  run_clear (&run);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless (loaded != NULL);
  supcon_model_forget_state (loaded);
  fail_unless (supcon_checkpoint_save (still, loaded, &info, NULL));
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
  for (guint i = 0; i < 2; i++) {
    to[i] = g_build_filename (folder, i ? "b.safetensors" : "a.safetensors", NULL);
    run = run_launch (ONE_THING "total-steps=2 init-location=%s location=%s", from[i], to[i]);
    run_assert_ended (run);
    run_clear (&run);
  }
  fail_unless (same_contents (to[0], to[1]));
  g_free (to[0]);
  g_free (to[1]);
  g_free (still);
}
GST_END_TEST;

/* A teacher is as sure as its file says. */
GST_START_TEST (test_teachers_temperature)
{
  const gchar *line = SHAPES "shuffle=true seed=1 ! supconaugment policy=none views=1 ! " SHAPE_CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=24 stage=cross-entropy seed=1 location=%s %s";
  gchar *students[2];
  gchar *taught = g_strdup_printf ("teacher-location=%s", model);
  SupconCheckpointInfo info;
  SupconModel *loaded;
  Run run;

  write_shapes (96);
  run = run_launch (line, folder, model, "");
  run_assert_ended (run);
  run_clear (&run);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless (loaded != NULL);
  for (guint i = 0; i < 2; i++) {
    info.temperature = i ? 4 : 1;
    fail_unless (supcon_checkpoint_save (model, loaded, &info, NULL));
    students[i] = g_build_filename (folder, i ? "b.safetensors" : "a.safetensors", NULL);
    run = run_launch (line, folder, students[i], taught);
    run_assert_ended (run);
    run_clear (&run);
  }
  fail_if (same_contents (students[0], students[1]));
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
  g_free (students[0]);
  g_free (students[1]);
  g_free (taught);
}
GST_END_TEST;

/* A classifier teaches others, of frames without a label too; a training that was cut short ends with the same bytes. */
GST_START_TEST (test_teacher)
{
  static const gchar *const mistakes[][2] = {
    {"loss=supcon-out", "teacher-location is set, which makes labels of several classes"},
    {"loss=generalized queue-size=64", "teacher-location is set, but a queue (queue-size=64) holds one label each"},
    {"stage=finetune init-location=FOLDER/wide", "teacher.safetensors takes frames of 12x12 pixels; expected 16x16, as the model that is trained"},
    {"stage=cross-entropy teacher-location=FOLDER/wide", "wide' has no classifier: train one with supcontrainer stage=linear"},
    {"stage=finetune init-location=FOLDER/teacher.safetensors location=FOLDER/teacher.safetensors",
        "teacher.safetensors, which location names too; expected another file than one that is written"},
    {"stage=finetune init-location=FOLDER/teacher.safetensors best-location=FOLDER/teacher.safetensors",
        "teacher.safetensors, which best-location names too; expected another file than one that is written"},
    {"stage=cross-entropy teacher-location=FOLDER/none", "/none"}
  };
  const gchar *learn = SHAPES "%s shuffle=true seed=1 epochs=5 ! supconaugment policy=crop scale-min=0.7 seed=1 ! " SHAPE_CAPS
      " ! t. " SHAPES "split=val ! supconaugment policy=none views=1 ! " SHAPE_CAPS " ! t.validation "
      "supcontrainer name=t encoder=resnet8 width=0.5 batch-size=64 message-interval=1 validate-interval=3 stage=cross-entropy %s "
      "location=%s ";
  gchar *teacher = g_build_filename (folder, "teacher.safetensors", NULL);
  gchar *other = g_build_filename (folder, "other.safetensors", NULL);
  gchar *wide = g_build_filename (folder, "wide", NULL);
  gchar *taught = g_strdup_printf ("seed=7 schedule=constant warmup-steps=3 teacher-location=%s",
      teacher);
  gchar *cut = g_strdup_printf ("%s total-steps=9", taught);
  gchar *resumed = g_strdup_printf ("%s resume=true", taught);
  const gchar *runs[][2] = { {taught, model}, {cut, other}, {resumed, other} };
  gdouble accuracy;
  Run run;

  write_shapes (320);
  run = run_launch (learn, folder, "", folder, "seed=1", teacher);
  run_assert_ended (run);
  run_clear (&run);
  for (guint i = 0; i < G_N_ELEMENTS (runs); i++) {
    run = run_launch (learn, folder, "labelled=0", folder, runs[i][0], runs[i][1]);
    run_assert_ended (run);
    fail_unless (gst_structure_get_double (run_message (&run, "supcon-validation"), "validation-accuracy", &accuracy));
    fail_unless (i == 1 || accuracy > 0.6, "accuracy %g", accuracy);
    run_clear (&run);
  }
  fail_unless (same_contents (model, other));

  run = run_launch ("videotestsrc num-buffers=24 ! video/x-raw,format=RGB,width=16,height=16 ! supconaugment ! "
      "video/x-raw,width=16,height=16 ! supcontrainer encoder=resnet8 width=0.5 batch-size=24 location=%s", wide);
  run_assert_ended (run);
  run_clear (&run);
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++) {
    GString *mistake = g_string_new (mistakes[i][0]);

    g_string_replace (mistake, "FOLDER", folder, 0);
    run = run_launch ("videotestsrc num-buffers=24 ! supcontrainer teacher-location=%s batch-size=24 location=%s %s",
        teacher, other, mistake->str);
    run_assert_error (run, mistakes[i][1]);
    run_clear (&run);
    g_string_free (mistake, TRUE);
  }
  /* A kept one that shares its bytes with what is there now, until that is written anew. */
  g_unlink (wide);
  fail_unless (link (teacher, wide) == 0);
  run = run_launch ("videotestsrc num-buffers=24 ! " SHAPE_CAPS " ! supcontrainer stage=cross-entropy encoder=resnet8 batch-size=24 "
      "teacher-location=%s location=%s", wide, teacher);
  run_assert_ended (run);
  run_clear (&run);
  g_free (teacher);
  g_free (other);
  g_free (wide);
  g_free (taught);
  g_free (cut);
  g_free (resumed);
}
GST_END_TEST;

/* A trainer that goes on with a checkpoint finds it as its settings say, or says what it found. */
GST_START_TEST (test_resume_mistakes)
{
  static const gchar *const cases[][2] = {
    {"encoder=resnet20", "holds encoder resnet8, but encoder=resnet20 is asked for"},
    {"encoder=resnet8 width=0.25", "holds an encoder of width 0.5, but width=0.25 is asked for"},
    {"encoder=resnet8 stem=imagenet", "holds an encoder with stem small, but stem=imagenet is asked for"},
    {"projection=linear", "holds the projection head mlp, but projection=linear is asked for"},
    {"projection-dim=64", "holds a projection head of 128 numbers, but projection-dim=64 is asked for"},
    {"projection-hidden=7", "holds a projection head of 0 hidden units (0: as many as the embedding has numbers), but projection-hidden=7"},
    {"optimizer=adam", "was written by optimizer=sgd, which resume=true cannot go on with by optimizer=adam"},
    {"stage=cross-entropy", "was written by stage contrastive, which resume=true cannot go on with in stage cross-entropy"}
  };
  const gchar *line = SHAPES "%s ! supconaugment views=1 ! " SHAPE_CAPS
      " ! supcontrainer resume=true batch-size=64 location=%s %s";
  gchar *before, *after;
  gsize sizes[2];
  Run run;

  write_shapes (128);
  run = run_launch (line, folder, "", model, "encoder=resnet8 width=0.5");
  run_assert_ended (run);
  run_clear (&run);
  before = contents_of (model, &sizes[0]);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    run = run_launch (line, folder, "", model, cases[i][0]);
    run_assert_error (run, cases[i][1]);
    fail_unless (strstr (run.error, model) != NULL, "%s", run.error);
    run_clear (&run);
  }
  run = run_launch (line, folder, "class-names=across,down,disc,frame", model, "");
  run_assert_error (run, "\", which the source does not have");
  run_clear (&run);
  /* As when frames of another size cannot be negotiated. */
  run = run_launch ("fakesrc num-buffers=0 ! supcontrainer resume=true location=%s", model);
  run_assert_ended (run);
  run_assert_warning (run, "The model that is begun with, or its teacher, takes frames of 12x12 pixels");
  run_clear (&run);
  /* What is said upstream of supconlabel is not what comes. */
  run = run_launch (SHAPES "class-names=across,down,disc,frame epochs=2 ! supconlabel label=0 ! supcontrainer resume=true "
      "batch-size=64 location=%s", folder, model);
  run_assert_ended (run);
  run_clear (&run);
  after = contents_of (model, &sizes[1]);
  fail_if (sizes[0] == sizes[1] && memcmp (before, after, sizes[0]) == 0);
  g_free (before);
  g_free (after);
}
GST_END_TEST;

/* A learning rate at which the statistics of BatchNorm overflow while the loss does not: the training ends with an
 * error and leaves the last file that can be read. */
GST_START_TEST (test_diverged)
{
  SupconCheckpointInfo info;
  GError *error = NULL;
  SupconModel *loaded;
  Run run;

  write_shapes (640);
  run = run_launch (SHAPES "shuffle=true epochs=4 ! supconaugment views=1 ! " SHAPE_CAPS
                           " ! supcontrainer encoder=resnet8 "
                           "width=0.25 batch-size=32 stage=cross-entropy learning-rate=1000 warmup-steps=0 "
                           "checkpoint-interval=1 location=%s",
      folder, model);
  run_assert_error (run, "is not a finite number");
  run_clear (&run);
  loaded = supcon_checkpoint_load (model, NULL, &info, &error);
  fail_unless (loaded != NULL, "%s", error ? error->message : "");
  fail_unless (info.step > 0);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
}
GST_END_TEST;

/* A checkpoint of the last step is written again when the end says how good it is. */
GST_START_TEST (test_accuracy_at_the_end)
{
  gchar *accuracy;
  Run run;

  write_shapes (320);
  run = run_launch (LEARN_SHAPES (1) "checkpoint-interval=1", folder, folder, model);
  run_assert_ended (run);
  run_clear (&run);
  accuracy = metadata_of (model, "best-accuracy");
  fail_unless (accuracy != NULL);
  g_free (accuracy);
}
GST_END_TEST;

/* How good the best was is known after a stop, so that a worse one does not take its place; and the end has the bytes of a
 * training that was not stopped. */
GST_START_TEST (test_best_over_resume)
{
  const gchar *line = LEARN_SHAPES (3) "schedule=constant warmup-steps=2 validate-interval=2 checkpoint-interval=1 "
      "best-location=%s resume=true %s";
  gchar *whole = g_build_filename (folder, "whole.safetensors", NULL);
  gchar *best[2] = { g_build_filename (folder, "best.safetensors", NULL), g_build_filename (folder, "best2.safetensors", NULL) };
  gchar *accuracy;
  Run run;

  write_shapes (640);
  run = run_launch (line, folder, folder, whole, best[0], "");
  run_assert_ended (run);
  run_clear (&run);
  for (guint i = 0; i < 3; i++) {
    run = run_launch (line, folder, folder, model, best[1], i == 0 ? "total-steps=4" : i == 1 ? "total-steps=10" : "");
    run_assert_ended (run);
    run_clear (&run);
    if (i < 2)
      continue;
    accuracy = metadata_of (model, "best-accuracy");
    fail_unless (accuracy && g_ascii_strtod (accuracy, NULL) > 0.3, "%s", accuracy);
    g_free (accuracy);
  }
  fail_unless (same_contents (whole, model));
  fail_unless (same_contents (best[0], best[1]));
  g_free (whole);
  g_free (best[0]);
  g_free (best[1]);
}
GST_END_TEST;

GST_START_TEST (test_checkpoint_keep)
{
  Run run = run_launch (ONE_THING "checkpoint-interval=1 checkpoint-keep=2 location=%s", model);
  gchar *names[] = { "m.step-2.safetensors", "m.step-3.safetensors", "m.step-4.safetensors", "m.safetensors" };

  run_assert_ended (run);
  run_clear (&run);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    gchar *path = g_build_filename (folder, names[i], NULL);
    SupconCheckpointInfo info;
    SupconModel *loaded = supcon_checkpoint_load (path, NULL, &info, NULL);

    fail_unless ((loaded != NULL) == (i > 0), "%s", names[i]);
    if (loaded)
      fail_unless_equals_uint64 (info.step, MIN (i + 2, 4));
    supcon_checkpoint_info_clear (&info);
    supcon_model_free (loaded);
    g_free (path);
  }
}
GST_END_TEST;

GST_START_TEST (test_bad_locations)
{
  Run run = run_launch (TRAINER THINGS (8));

  run_assert_error (run, "location is not set");
  run_clear (&run);
  run = run_launch (TRAINER "location=/nowhere/at/all.safetensors " THINGS (8));
  run_assert_error (run, "/nowhere/at/all.safetensors");
  run_clear (&run);
  run = run_launch (TRAINER "init-location=%s/none location=%s " THINGS (8),
      folder, model);
  run_assert_error (run, "none");
  run_clear (&run);
  /* Not at the first validation. */
  run = run_launch (TRAINER "best-location=%s/none/b location=%s " THINGS (8), folder, model);
  run_assert_error (run, "none/b: cannot be written");
  run_clear (&run);
  /* What cannot be told is not taken for a training that is to begin. */
  fail_unless (symlink ("m.safetensors", model) == 0);
  for (guint i = 0; i < 2; i++) {
    run = run_launch (TRAINER "batch-size=8 resume=%s location=%s " THINGS (8), i ? "true" : "false", model);
    run_assert_error (run, "m.safetensors: Too many levels of symbolic links");
    run_clear (&run);
    fail_unless (g_file_test (model, G_FILE_TEST_IS_SYMLINK));
  }
}
GST_END_TEST;

/* A file is one trainer's as long as it runs, by whatever name. */
GST_START_TEST (test_one_writer)
{
  gchar *link = g_build_filename (folder, "link.safetensors", NULL);
  gchar *metrics = g_build_filename (folder, "metrics.jsonl", NULL), *text;
  SupconCheckpointLock *lock;
  Run run;

  fail_unless (symlink ("m.safetensors", link) == 0);
  run = run_launch ("videotestsrc num-buffers=8 ! " CAPS " ! tee name=t ! queue ! "
                    "supcontrainer encoder=resnet8 location=%s t. ! queue ! "
                    "supcontrainer encoder=resnet8 location=%s/./link.safetensors",
      model, folder);
  run_assert_error (run, "is written by another element");
  run_clear (&run);
  run = run_launch (TRAINER "location=%s best-location=%s " THINGS (8), model, link);
  run_assert_error (run, "or twice by this one");
  run_clear (&run);
  /* As another process has it. */
  lock = supcon_checkpoint_lock_new (model, NULL);
  run = run_launch (TRAINER "location=%s " THINGS (8), link);
  run_assert_error (run, "is written by another element");
  run_clear (&run);
  supcon_checkpoint_lock_free (lock);
  /* Metrics of a run that goes on are not another's to replace. */
  fail_unless (g_file_set_contents (metrics, "{}\n", -1, NULL));
  lock = supcon_checkpoint_lock_new (metrics, NULL);
  run = run_launch (TRAINER "location=%s metrics-location=%s " THINGS (8), model, metrics);
  run_assert_error (run, "metrics-location: ");
  run_assert_error (run, "is written by another element");
  run_clear (&run);
  supcon_checkpoint_lock_free (lock);
  fail_unless (g_file_get_contents (metrics, &text, NULL, NULL));
  fail_unless_equals_string (text, "{}\n");
  g_free (text);
  g_free (metrics);
  for (guint i = 0; i < 2; i++) {
    run = run_launch (TRAINER "batch-size=8 location=%s " THINGS (8), link);
    run_assert_ended (run);
    run_clear (&run);
  }
  fail_unless (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  g_free (link);
}
GST_END_TEST;

static Suite *
trainer_files_suite (void)
{
  Suite *suite = suite_create ("supcontrainer trainerfiles");
  TCase *tcase = tcase_create ("supcontrainer trainerfiles");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_loop_test (tcase, test_resume, 0, G_N_ELEMENTS (methods));
  tcase_add_test (tcase, test_init_takes_weights_alone);
  tcase_add_test (tcase, test_teachers_temperature);
  tcase_add_test (tcase, test_teacher);
  tcase_add_test (tcase, test_resume_mistakes);
  tcase_add_test (tcase, test_diverged);
  tcase_add_test (tcase, test_accuracy_at_the_end);
  tcase_add_test (tcase, test_best_over_resume);
  tcase_add_test (tcase, test_checkpoint_keep);
  tcase_add_test (tcase, test_bad_locations);
  tcase_add_test (tcase, test_one_writer);
  return suite;
}

GST_CHECK_MAIN (trainer_files);
