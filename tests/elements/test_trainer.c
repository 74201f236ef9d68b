/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supcontrainer in whole pipelines: what it learns and says, and how it meets what is wrong. */
#include <math.h>
#include <sys/resource.h>

#include "model/checkpoint.h"
#include "training.h"

GST_START_TEST (test_trains_and_tells)
{
  gchar *line = g_strdup_printf (TRAINER "batch-size=16 location=%s " THINGS (64), model);
  GstElement *pipeline = gst_parse_launch (line, NULL), *trainer = gst_bin_get_by_name (GST_BIN (pipeline), "t");
  Run run = run_pipeline (pipeline);
  const GstStructure *s = run_message (&run, "supcon-train");
  guint64 step, examples;
  gdouble loss, last_loss, rate, norm, speed, positives, alignment, uniformity;
  gboolean sync;
  const gchar *location;
  SupconCheckpointInfo info;
  SupconModel *loaded;

  run_assert_ended (run);
  fail_unless (gst_structure_get (s, "step", G_TYPE_UINT64, &step, "examples",
          G_TYPE_UINT64, &examples, "loss", G_TYPE_DOUBLE, &loss,
          "learning-rate", G_TYPE_DOUBLE, &rate, "gradient-norm",
          G_TYPE_DOUBLE, &norm, "examples-per-second", G_TYPE_DOUBLE, &speed,
          "positives-per-anchor", G_TYPE_DOUBLE, &positives, NULL));
  fail_unless_equals_uint64 (step, 8);
  fail_unless_equals_uint64 (examples, 128);
  fail_unless (loss > 0 && loss < 5 && norm > 0 && speed > 0);
  /* The fewest where each of two labels has half of the batch, the most where one has all of it. */
  fail_unless (positives >= 7 && positives <= 15, "%g", positives);
  /* Of squared distances a mean, and the logarithm of one of exp (-2 d^2). */
  fail_unless (gst_structure_get (s, "alignment", G_TYPE_DOUBLE, &alignment, "uniformity", G_TYPE_DOUBLE, &uniformity, NULL));
  fail_unless (alignment > 0 && uniformity < 0, "%g %g", alignment, uniformity);
  /* Frames are not waited for by their times. */
  g_object_get (trainer, "last-loss", &last_loss, "step", &step, "sync", &sync, NULL);
  fail_if (sync);
  fail_unless_equals_float (last_loss, loss);
  fail_unless_equals_uint64 (step, 8);

  s = run_message (&run, "supcon-checkpoint");
  fail_unless (gst_structure_get (s, "step", G_TYPE_UINT64, &step, NULL));
  fail_unless_equals_uint64 (step, 8);
  location = gst_structure_get_string (s, "location");
  fail_unless_equals_string (location, model);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless (loaded != NULL);
  fail_unless_equals_string (info.stage, "contrastive");
  fail_unless_equals_int (supcon_labels_count (info.labels), 2);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
  run_clear (&run);
  gst_object_unref (trainer);
  gst_object_unref (pipeline);
  g_free (line);
}
GST_END_TEST;

GST_START_TEST (test_same_bytes_for_any_threads)
{
  static const gchar *const precisions[] = { "float32", "bfloat16" };
  gchar *other = g_build_filename (folder, "other.safetensors", NULL);

  for (guint i = 0; i < 2; i++) {
    Run run = run_launch (ONE_THING "threads=%u precision=%s location=%s", 1 + i, precisions[__i__], i ? other : model);

    run_assert_ended (run);
    run_clear (&run);
  }
  fail_unless (same_contents (model, other));
  g_free (other);
}
GST_END_TEST;

/* Each setting with what is said against it, before there is a frame. */
GST_START_TEST (test_bad_settings)
{
  static const gchar *const cases[][2] = {
    {"temperature=0", "temperature is 0; expected more than 0"},
    {"queue-size=16 batch-size=32", "queue-size is 16, smaller than batch-size, 32"},
    {"micro-batch=5 batch-size=32", "micro-batch is 5, which does not divide batch-size, 32"},
    {"mixup=1", "mixup is set"},
    {"momentum-encoder=true", "momentum-encoder is set, but queue-size is 0"},
    {"dropout=0.5", "dropout is set, but stage is contrastive"},
    {"optimizer=adam nesterov=true", "nesterov is set, but optimizer is adam"},
    {"warmup-epochs=1", "warmup-epochs is 1, but upstream does not say"},
    {"stage=regression", "stage=regression needs a trained encoder"}
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run run = run_launch (ONE_THING "%s location=%s", cases[i][0], model);

    run_assert_error (run, cases[i][1]);
    fail_unless (!g_file_test (model, G_FILE_TEST_EXISTS));
    run_clear (&run);
  }
}
GST_END_TEST;

static gdouble
loss_of (const GstStructure * s)
{
  gdouble loss;

  fail_unless (gst_structure_get_double (s, "loss", &loss));
  return loss;
}

/* Every optimiser, loss, stage and mixing learns shapes: the last loss is below the first, or that of chance, by so much. */
GST_START_TEST (test_methods)
{
  static const struct
  {
    const gchar *properties;
    gdouble fall;
    guint contrasts;            /* 0: as in the first step */
  } cases[] = {
    {"optimizer=lars warmup-steps=0", 0.5, 0},
    {"optimizer=adamw clip-norm=1 average-decay=0.9", 0.5, 0},
    {"optimizer=rmsprop learning-rate=0.001", 0.5, 0},
    {"loss=sincere base-temperature=0.07", 0.5, 0},
    {"loss=generalized cutmix=1 mixup=0.2 label-smoothing=0.1", 0.1, 0},
    {"loss=supcon-in micro-batch=16", 0.5, 0},
    {"queue-size=64 momentum-encoder=true", 0.5, 127},
    {"stage=cross-entropy dropout=0.2 label-smoothing=0.1 cutmix=1 micro-batch=16", 0.1, 0},
    {"online-linear=true scale-learning-rate=true", 0.5, 0}
  };

  write_shapes (320);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run run = run_launch (SHAPES "shuffle=true seed=1 epochs=5 ! supconaugment policy=crop scale-min=0.7 seed=1 ! " SHAPE_CAPS
        " ! supcontrainer encoder=resnet8 width=0.5 batch-size=64 message-interval=1 seed=1 location=%s %s", folder,
        model, cases[i].properties);
    const GstStructure *last = run_message (&run, "supcon-train");
    const gchar *properties = cases[i].properties;
    gdouble first, accuracy;

    run_assert_ended (run);
    first = cases[i].contrasts ? log (cases[i].contrasts) : loss_of (run.messages->data);
    fail_unless (loss_of (last) < first - cases[i].fall, "%s: from %g to %g", properties, first, loss_of (last));
    fail_unless (gst_structure_has_field (last, "alignment") == !strstr (properties, "cross-entropy"), "%s", properties);
    fail_unless (gst_structure_has_field (last, "accuracy") ==
        (strstr (properties, "cross-entropy") || strstr (properties, "online-linear")), "%s", properties);
    if (strstr (properties, "online-linear"))
      fail_unless (gst_structure_get_double (last, "accuracy", &accuracy) && accuracy > 0.6, "accuracy %g", accuracy);
    run_clear (&run);
    g_remove (model);
  }
}
GST_END_TEST;

GST_START_TEST (test_finetune_and_regression)
{
  Run run = run_launch (TRAINER "batch-size=16 location=%s " THINGS (64), model);
  const gchar *numbers = "videotestsrc pattern=%s num-buffers=1600 ! " CAPS " ! supconlabel label=%s ! supcontrainer "
      "stage=regression batch-size=16 learning-rate=0.02 momentum=0.5 message-interval=1 location=%s";
  SupconCheckpointInfo info;
  SupconModel *loaded;
  gdouble loss;
  gchar *line;

  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (TRAINER "stage=finetune freeze=layer1 encoder-learning-rate=0.001 batch-size=16 location=%s "
      THINGS (64), model);
  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (TRAINER "stage=finetune freeze=layer7 batch-size=16 location=%s " THINGS (64), model);
  run_assert_error (run, "freeze is \"layer7\", which is no layer of resnet8");
  run_clear (&run);

  line = g_strdup_printf (numbers, "ball", "3.5", model);
  run = run_launch ("%s", line);
  run_assert_ended (run);
  fail_unless (gst_structure_get_double (run_message (&run, "supcon-train"), "loss", &loss));
  fail_unless (loss < 0.2, "squared error %g", loss);
  run_clear (&run);
  g_free (line);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless_equals_string (info.stage, "regression");
  fail_unless_equals_int (supcon_model_n_classes (loaded), 1);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);

  run = run_launch ("videotestsrc num-buffers=4 ! " CAPS " ! supcontrainer name=t stage=regression location=%s "
      "videotestsrc num-buffers=4 ! " CAPS " ! t.validation", model);
  run_assert_error (run, "pad validation is linked");
  run_clear (&run);

  line = g_strdup_printf (numbers, "ball", "cup", model);
  run = run_launch ("%s", line);
  run_assert_error (run, "the label \"cup\"; expected a number");
  run_clear (&run);
  g_free (line);
}
GST_END_TEST;

GST_START_TEST (test_linear_stage)
{
  Run run = run_launch (TRAINER "stage=linear location=%s " THINGS (8), model);
  const GstStructure *s;
  gdouble accuracy;
  SupconCheckpointInfo info;
  SupconModel *loaded;

  run_assert_error (run, "stage=linear needs a trained encoder");
  run_clear (&run);
  write_shapes (640);
  run = run_launch (LEARN_SHAPES (6), folder, folder, model);
  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (LEARN_SHAPES (6) "stage=linear", folder, folder, model);
  run_assert_ended (run);
  s = run_message (&run, "supcon-train");
  fail_unless (gst_structure_get_double (s, "accuracy", &accuracy));
  fail_unless (accuracy > 0.9, "accuracy %g", accuracy);
  run_clear (&run);

  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless_equals_int (supcon_model_n_classes (loaded), N_SHAPES);
  fail_unless_equals_string (info.stage, "linear");
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
}
GST_END_TEST;

GST_START_TEST (test_no_labels)
{
  Run run = run_launch ("videotestsrc num-buffers=32 ! " CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=8 location=%s",
      model);

  run_assert_ended (run);
  run_assert_warning (run, "has a positive");
  run_clear (&run);
  run = run_launch ("videotestsrc num-buffers=32 ! " CAPS
      " ! supcontrainer stage=linear batch-size=8 location=%s", model);
  run_assert_error (run, "None of the 32 frames has a label");
  run_clear (&run);
}
GST_END_TEST;

GST_START_TEST (test_one_class)
{
  Run run = run_launch (ONE_THING "location=%s", model);

  run_assert_ended (run);
  run_assert_warning (run, "have the label \"ball\"");
  run_clear (&run);
  /* Who learns without labels does not mind. */
  run = run_launch (ONE_THING "loss=simclr location=%s", model);
  run_assert_ended (run);
  fail_if (strstr (run.warnings->str, "have the label"), "%s", run.warnings->str);
  run_clear (&run);
}
GST_END_TEST;

/* Black frames all have the same embedding: the loss is log (n - 1) and stays there. */
GST_START_TEST (test_collapse)
{
  Run run = run_launch ("funnel name=f ! supcontrainer encoder=resnet8 "
      "width=0.25 batch-size=8 location=%s "
      "videotestsrc pattern=black num-buffers=260 ! " CAPS
      " ! supconlabel label=a ! f. "
      "videotestsrc pattern=black num-buffers=260 ! " CAPS
      " ! supconlabel label=b ! f. ", model);

  run_assert_ended (run);
  run_assert_warning (run, "collapsed to one point");
  fail_unless (strstr (strstr (run.warnings->str, "collapsed") + 1,
          "collapsed") == NULL, "said more than once");
  run_clear (&run);
}
GST_END_TEST;

GST_START_TEST (test_not_finite)
{
  gchar *huge = g_build_filename (folder, "huge.safetensors", NULL);
  SupconCheckpointInfo info;
  SupconModel *loaded;
  SupconParam *params;
  gchar *before, *after;
  gsize before_size, after_size;
  guint n;
  Run run = run_launch (TRAINER "batch-size=16 location=%s " THINGS (16), model);

  run_assert_ended (run);
  run_clear (&run);
  before = contents_of (model, &before_size);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  params = supcon_model_params (loaded, &n);
  for (guint p = 0; p < n; p++)
    for (gsize i = 0; g_str_equal (params[p].name, "projection.2.weight")
        && i < params[p].size; i++)
      params[p].data[i] = 3e38;
  info.step = info.frames = 0;
  fail_unless (supcon_checkpoint_save (huge, loaded, &info, NULL));
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);

  run = run_launch (TRAINER "batch-size=16 init-location=%s location=%s "
      THINGS (64), huge, model);
  run_assert_error (run, "step 1");
  run_assert_error (run, "not a finite number");
  run_clear (&run);
  after = contents_of (model, &after_size);
  fail_unless (before_size == after_size
      && memcmp (before, after, before_size) == 0);
  g_free (before);
  g_free (after);
  g_free (huge);
}
GST_END_TEST;

GST_START_TEST (test_too_small)
{
  Run run = run_launch ("videotestsrc num-buffers=8 ! "
      "video/x-raw,format=RGB,width=16,height=16 ! supcontrainer "
      "encoder=resnet18 stem=imagenet location=%s", model);

  run_assert_error (run, "16x16");
  run_clear (&run);
}
GST_END_TEST;

/* Upstream tries again with the next view; the reason is said once. */
GST_START_TEST (test_refuses_once)
{
  gchar *line = g_strdup_printf ("videotestsrc num-buffers=8 ! " CAPS
      " ! supconaugment views=3 ! supcontrainer name=t encoder=resnet8 "
      "warmup-epochs=1 location=%s", model);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  guint said = 0;
  gboolean ended = FALSE;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!ended) {
    GstMessage *message = gst_bus_timed_pop_filtered (bus,
        RUN_SECONDS * GST_SECOND, GST_MESSAGE_ERROR);

    fail_unless (message != NULL);
    /* The source's own error is the last. */
    ended = g_str_has_prefix (GST_MESSAGE_SRC_NAME (message), "videotestsrc");
    said += !ended;
    gst_message_unref (message);
  }
  fail_unless_equals_int (said, 1);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_free (line);
}
GST_END_TEST;

GST_START_TEST (test_few_frames)
{
  Run run = run_launch (TRAINER "batch-size=64 location=%s " THINGS (8), model);

  run_assert_ended (run);
  run_assert_warning (run, "nothing was trained");
  fail_if (g_file_test (model, G_FILE_TEST_EXISTS));
  run_clear (&run);
  run = run_launch (TRAINER "batch-size=64 drop-last=false location=%s "
      THINGS (8), model);
  run_assert_ended (run);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS));
  run_clear (&run);
}
GST_END_TEST;

/* Sanitizers reserve more address space than any limit leaves. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
GST_START_TEST (test_too_large)
{
  static const gchar *const cases[][2] = {
    {"batch-size=1000000", "batch-size is 1000000: two batches of pictures of 48x48 take 13824000000 bytes"},
    {"batch-size=50000", "batch-size is 50000: to encode so many pictures of 48x48"},
    {"batch-size=16 queue-size=16777216", "queue-size is 16777216: so many embeddings of 128 numbers"},
    {"batch-size=16 projection-hidden=65536 projection-dim=65536", "resnet8 of width 1 with its projection head has about 4.3e+09 weights"}
  };
  struct rlimit limit = { G_GUINT64_CONSTANT (4) << 30, RLIM_INFINITY };

  setrlimit (RLIMIT_AS, &limit);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run run = run_launch ("videotestsrc num-buffers=32 ! video/x-raw,format=RGB,width=48,height=48 ! supconlabel label=a ! "
        "supcontrainer encoder=resnet8 location=%s %s", model, cases[i][0]);

    run_assert_error (run, cases[i][1]);
    run_clear (&run);
  }
}
GST_END_TEST;
#endif

static Suite *
trainer_suite (void)
{
  Suite *suite = suite_create ("supcontrainer trainer");
  TCase *tcase = tcase_create ("supcontrainer trainer");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_trains_and_tells);
  tcase_add_loop_test (tcase, test_same_bytes_for_any_threads, 0, 2);
  tcase_add_test (tcase, test_bad_settings);
  tcase_add_test (tcase, test_methods);
  tcase_add_test (tcase, test_finetune_and_regression);
  tcase_add_test (tcase, test_linear_stage);
  tcase_add_test (tcase, test_no_labels);
  tcase_add_test (tcase, test_one_class);
  tcase_add_test (tcase, test_collapse);
  tcase_add_test (tcase, test_not_finite);
  tcase_add_test (tcase, test_too_small);
  tcase_add_test (tcase, test_refuses_once);
  tcase_add_test (tcase, test_few_frames);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  tcase_add_test (tcase, test_too_large);
#endif
  return suite;
}

GST_CHECK_MAIN (trainer);
