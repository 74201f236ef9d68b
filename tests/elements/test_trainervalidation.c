/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What supcontrainer does with frames on its pad validation. */
#include "gstsupconmeta.h"
#include "model/checkpoint.h"
#include "train/calibrate.h"
#include "training.h"

/* Judged by neighbours while the encoder learns, by the classifier while that learns; the best is kept. */
GST_START_TEST (test_validation)
{
  gchar *best = g_build_filename (folder, "best.safetensors", NULL);
  const GstStructure *s;
  guint64 step;
  gdouble accuracy, loss;
  guint count;
  SupconCheckpointInfo info;
  Run run;

  write_shapes (640);
  run = run_launch (LEARN_SHAPES (6) "validate-interval=32 best-location=%s", folder, folder, model, best);
  run_assert_ended (run);
  s = run_message (&run, "supcon-validation");
  fail_unless (gst_structure_get (s, "step", G_TYPE_UINT64, &step, "count",
          G_TYPE_UINT, &count, "validation-accuracy", G_TYPE_DOUBLE, &accuracy,
          "validation-loss", G_TYPE_DOUBLE, &loss, NULL));
  fail_unless (loss == 0, "neighbours have none: %g", loss);
  fail_unless (count > 100 && count < 220, "%u", count);
  fail_unless_equals_uint64 (step, (640 - count) * 6 * 2 / 64);
  fail_unless_equals_int (run_count_messages (&run, "supcon-validation"), (step + 31) / 32);
  fail_unless (accuracy > 0.95, "accuracy %g", accuracy);
  fail_unless (g_file_test (best, G_FILE_TEST_EXISTS));
  run_clear (&run);

  run = run_launch (LEARN_SHAPES (6) "stage=linear average-decay=0.9", folder, folder, model);
  run_assert_ended (run);
  fail_unless_equals_int (run_count_messages (&run, "supcon-validation"), 1);
  s = run_message (&run, "supcon-validation");
  gst_structure_get (s, "validation-accuracy", G_TYPE_DOUBLE, &accuracy, "validation-loss", G_TYPE_DOUBLE, &loss, NULL);
  fail_unless (accuracy > 0.95, "accuracy %g", accuracy);
  fail_unless (loss > 0 && loss < 0.5, "loss %g", loss);
  /* How sure it may be is by these frames too. */
  supcon_model_free (supcon_checkpoint_load (model, NULL, &info, NULL));
  fail_unless_equals_int (info.logits->n, count);
  fail_unless_equals_uint64 (info.logits->samples[count - 1], count - 1);
  fail_unless_equals_float (info.temperature, supcon_calibrate_temperature (info.logits));
  fail_unless (info.temperature != 1);
  supcon_checkpoint_info_clear (&info);
  run_clear (&run);
  g_free (best);
}
GST_END_TEST;

/* A learning rate that moves nothing: the training ends though the stream never does. */
GST_START_TEST (test_early_stop)
{
  const GstStructure *s;
  guint64 step;
  Run run;

  write_shapes (96);
  run = run_launch (LEARN_SHAPES (0) "validate-interval=1 patience=5 learning-rate=1e-9", folder, folder, model);
  run_assert_ended (run);
  s = run_message (&run, "supcon-train");
  gst_structure_get_uint64 (s, "step", &step);
  fail_unless (step >= 6 && step < 60, "step %" G_GUINT64_FORMAT, step);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS));
  run_clear (&run);

  /* It is over for those who go on with it too, also by a live source, which shows nothing again. */
  run = run_launch (LEARN_SHAPES (0) "validate-interval=1 patience=5 learning-rate=1e-9 resume=true", folder, folder, model);
  run_assert_ended (run);
  run_assert_warning (run, "had got no better for patience=5 validations, which ended it at step");
  fail_unless (run_message (&run, "supcon-train") == NULL);
  fail_unless (run_message (&run, "supcon-validation") == NULL);
  run_clear (&run);
  run = run_launch ("videotestsrc is-live=true ! video/x-raw,format=RGB,width=12,height=12,framerate=100/1 ! supconlabel label=0 ! "
      "supconaugment ! " SHAPE_CAPS " ! t. videotestsrc num-buffers=3 ! " CAPS " ! supconlabel label=0 ! t.validation "
      "supcontrainer name=t resume=true batch-size=64 patience=5 location=%s", model);
  run_assert_ended (run);
  run_assert_warning (run, "had got no better for patience=5 validations, which ended it at step");
  fail_if (strstr (run.warnings->str, "nothing was trained"), "%s", run.warnings->str);
  run_clear (&run);
}
GST_END_TEST;

/* Pictures that are all alike: at a high learning rate a classifier calls all of them what the last batch was called. */
static void
write_alike (const gchar * images, const gchar * labels, const gchar * classes)
{
  guint n = strlen (classes);
  const guint32 image_header[] = { 0x803, n, SHAPE_SIZE, SHAPE_SIZE }, label_header[] = { 0x801, n };
  guint8 *pixels = g_malloc0 (n * SHAPE_SIZE * SHAPE_SIZE), *bytes = g_malloc (n);

  for (guint i = 0; i < n; i++)
    bytes[i] = classes[i] - '0';
  write_idx (folder, images, image_header, 4, pixels, n * SHAPE_SIZE * SHAPE_SIZE);
  write_idx (folder, labels, label_header, 2, bytes, n);
  g_free (bytes);
  g_free (pixels);
}

#define ALIKE(split, pad) \
    "supcondatasetsrc location=%s split=" split " ! supconaugment views=1 policy=none ! " SHAPE_CAPS " ! t." pad " "

/* Patience is counted from the best validation: one that is as good as it is not better, and each better one starts the
 * count again. */
GST_START_TEST (test_patience)
{
  /* Batches of two. The accuracies after them are in sixths 1, 2, 1, 1, 3, 2, 3, 1: the third one after the best is the
   * last, and what follows is not trained, nor the frame that waits meanwhile as a last batch. */
  write_alike ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "221122220011002200001111");
  write_alike ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "000112");
  for (guint linear = 0; linear < 2; linear++) {
    Run run = run_launch (ALIKE ("train", "") ALIKE ("test", "validation") "supcontrainer name=t encoder=resnet8 width=0.25 "
        "batch-size=2 drop-last=false message-interval=1 schedule=constant warmup-steps=0 location=%s %s", folder, folder, model,
        linear ? "stage=linear learning-rate=100 momentum=0 validate-interval=1 patience=3" : "learning-rate=1e-9");
    guint64 step;

    run_assert_ended (run);
    gst_structure_get_uint64 (run_message (&run, "supcon-train"), "step", &step);
    if (linear)
      fail_unless_equals_uint64 (step, 8);
    run_clear (&run);
  }
}
GST_END_TEST;

/* As long as no validation is right in anything, the first one is the best, and those after it are no better. */
GST_START_TEST (test_nothing_right)
{
  gchar *best = g_build_filename (folder, "best.safetensors", NULL);
  SupconCheckpointInfo info;
  SupconModel *loaded;
  GError *error = NULL;
  gboolean is_best;
  guint count;
  Run run = run_launch ("videotestsrc num-buffers=24 ! " CAPS " ! supconlabel label=other ! t.validation " ONE_THING
      "name=t stage=cross-entropy validate-interval=1 patience=2 location=%s best-location=%s", model, best);

  run_assert_ended (run);
  fail_unless_equals_int (run_count_messages (&run, "supcon-validation"), 3);
  fail_unless (gst_structure_get (run_message (&run, "supcon-validation"), "count", G_TYPE_UINT, &count, "best",
          G_TYPE_BOOLEAN, &is_best, NULL));
  fail_unless_equals_int (count, 24);
  fail_if (is_best);
  run_clear (&run);
  for (guint i = 0; i < 2; i++) {
    loaded = supcon_checkpoint_load (i ? model : best, NULL, &info, &error);
    fail_unless (loaded != NULL, "%s", error ? error->message : "");
    fail_unless (info.validated && info.best_accuracy == 0);
    fail_unless_equals_uint64 (info.step, i ? 3 : 1);
    fail_unless_equals_int (info.worse, i ? 2 : 0);
    supcon_checkpoint_info_clear (&info);
    supcon_model_free (loaded);
  }
  g_free (best);
}
GST_END_TEST;

#define MISTAKEN ONE_THING "name=t location=%s videotestsrc num-buffers=3 ! "

GST_START_TEST (test_validation_mistakes)
{
  Run run = run_launch (MISTAKEN "video/x-raw,format=RGB,width=14,height=12 ! "
      "t.validation", model);

  run_assert_error (run, "14x12");
  run_clear (&run);
  run = run_launch (MISTAKEN "video/x-raw,format=RGB,width=12,height=14 ! "
      "t.validation", model);
  run_assert_error (run, "12x14");
  run_clear (&run);
  run = run_launch (MISTAKEN CAPS " ! t.validation", model);
  run_assert_error (run, "None of the 3 frames");
  run_clear (&run);
}
GST_END_TEST;

/* One source for both pads: the end of the validation's stream is behind frames that wait for the trainer. */
GST_START_TEST (test_validation_teed)
{
  static const gchar *const queue[] = { "", " ! queue max-size-buffers=5" };
  Run run;

  write_shapes (320);
  run = run_launch (SHAPES " ! supconaugment views=1 policy=none ! " SHAPE_CAPS " ! tee name=x  x.%s ! t.  x.%s ! t.validation "
      "supcontrainer name=t encoder=resnet8 width=0.25 batch-size=32 validate-interval=2 location=%s", folder,
      queue[__i__], queue[__i__], model);
  run_assert_ended (run);
  run_assert_warning (run, "has not ended at step 2: the model is judged by the");
  fail_unless (run_count_messages (&run, "supcon-validation") > 1);
  fail_unless (strstr (strstr (run.warnings->str, "has not ended") + 1, "has not ended") == NULL, "said more than once");
  run_clear (&run);
}
GST_END_TEST;

/* A camera's stream has no end. */
GST_START_TEST (test_validation_live)
{
  Run run = run_launch (ONE_THING "name=t validate-interval=1 location=%s videotestsrc is-live=true ! " CAPS
      " ! supconlabel label=ball ! t.validation", model);

  run_assert_ended (run);
  run_assert_warning (run, "has not ended at step 1");
  run_clear (&run);
}
GST_END_TEST;

/* There is one at a time, and no frame reaches it any more once it is released. */
GST_START_TEST (test_validation_pad)
{
  GstElement *trainer = gst_object_ref_sink (gst_element_factory_make ("supcontrainer", NULL));
  GstPadTemplate *template = gst_element_get_pad_template (trainer, "validation");

  for (guint i = 0; i < 2; i++) {
    GstPad *pad = gst_element_request_pad (trainer, template, NULL, NULL);

    fail_unless (pad && gst_pad_is_active (pad));
    fail_if (gst_element_request_pad (trainer, template, NULL, NULL));
    gst_element_release_request_pad (trainer, pad);
    fail_if (gst_pad_is_active (pad));
    gst_object_unref (pad);
  }
  gst_object_unref (trainer);
}
GST_END_TEST;

static Suite *
trainer_validation_suite (void)
{
  Suite *suite = suite_create ("supcontrainer trainervalidation");
  TCase *tcase = tcase_create ("supcontrainer trainervalidation");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_validation);
  tcase_add_test (tcase, test_early_stop);
  tcase_add_test (tcase, test_patience);
  tcase_add_test (tcase, test_nothing_right);
  tcase_add_test (tcase, test_validation_mistakes);
  tcase_add_loop_test (tcase, test_validation_teed, 0, 2);
  tcase_add_test (tcase, test_validation_live);
  tcase_add_test (tcase, test_validation_pad);
  return suite;
}

GST_CHECK_MAIN (trainer_validation);
