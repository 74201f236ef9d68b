/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One model in many elements, shared by name while it is trained. */
#include "live.h"

GST_START_TEST (test_shared)
{
  GstBus *bus = gst_bus_new ();
  GstHarness *h = harness_new (NULL, "supconencoder model=one");
  GstHarness *other = harness_new (NULL, "supconencoder model=two");
  SupconCheckpointInfo info = { 0 };
  SupconModel *trained;
  Run run;

  fail_unless_equals_uint64 (encode (h, NULL), 0);
  run = run_launch ("videotestsrc num-buffers=64 pattern=snow ! " CAPS
      " ! supconlabel label=snow ! supcontrainer encoder=resnet8 batch-size=16 "
      "model=one update-interval=1 location=%s", location);
  run_assert_ended (run);
  run_clear (&run);
  trained = supcon_checkpoint_load (location, NULL, &info, NULL);
  fail_unless_equals_uint64 (encode (h, trained), 4);
  fail_unless_equals_uint64 (encode (other, NULL), 0);

  /* Another run is the next versions, the last step's among them though it is not the interval's. */
  run = run_launch ("videotestsrc num-buffers=48 pattern=ball ! " CAPS
      " ! supconlabel label=ball ! supcontrainer encoder=resnet8 batch-size=16 "
      "model=one update-interval=2 location=%s", location);
  run_assert_ended (run);
  run_clear (&run);
  supcon_model_free (trained);
  supcon_checkpoint_info_clear (&info);
  trained = supcon_checkpoint_load (location, NULL, &info, NULL);
  fail_unless_equals_uint64 (encode (h, trained), 6);
  supcon_model_free (trained);
  supcon_checkpoint_info_clear (&info);
  gst_element_set_bus (h->element, bus);
  gst_harness_push_event (h, gst_event_new_eos ());
  fail_if (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));
  gst_element_set_bus (h->element, NULL);
  gst_element_set_bus (other->element, bus);
  gst_harness_push_event (other, gst_event_new_eos ());
  assert_warning (bus, "has shared a model \"two\"");
  gst_element_set_bus (other->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
  gst_harness_teardown (other);

  /* Nobody uses the name any more, so it stands for nothing. */
  h = harness_new (NULL, "supconencoder model=one");
  fail_unless_equals_uint64 (encode (h, NULL), 0);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* How large a tensor is nobody knows before there is a model. */
GST_START_TEST (test_tensors_of_none)
{
  Run run = run_launch ("videotestsrc num-buffers=1 ! " CAPS
      " ! supconencoder model=none ! other/tensors ! fakesink");

  run_assert_error (run, "nobody has shared model \"none\" yet");
  run_clear (&run);
}
GST_END_TEST;

/* location is the model until one is shared, and from then on no more. */
GST_START_TEST (test_file_then_shared)
{
  SupconModel *model = write_model (3, 1);
  GstHarness *h = harness_new (NULL, "supconencoder model=one watch=true "
      "location=%s", location);
  GstBuffer *out = gst_harness_push_and_pull (h, picture_new (120)), *data;
  SupconCheckpointInfo info = { 0 };
  SupconModel *trained;
  const gchar *name;
  Run run;

  data = gst_supcon_buffer_get_embedding (out, NULL, NULL, &name);
  fail_unless_equals_string (name, "one");
  gst_buffer_unref (data);
  gst_buffer_unref (out);
  fail_unless_equals_uint64 (encode (h, model), 1);
  run = run_launch ("videotestsrc num-buffers=16 pattern=snow ! " CAPS
      " ! supconlabel label=snow ! supcontrainer encoder=resnet8 batch-size=16 "
      "model=one location=%s", location);
  run_assert_ended (run);
  run_clear (&run);
  trained = supcon_checkpoint_load (location, NULL, &info, NULL);
  fail_unless_equals_uint64 (encode (h, trained), 1);
  supcon_model_free (model);
  model = write_model (4, 1);
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, trained), 1);
  supcon_model_free (trained);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (model);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A tagger has the classifier that a trainer shares, with its labels; one that learns a number shares none. */
GST_START_TEST (test_shared_classifier)
{
  for (guint number = 0; number < 2; number++) {
    GstBus *bus = gst_bus_new ();
    GstHarness *h = harness_new (bus, "supcontagger model=one");
    GstBuffer *frame = picture_new (120);
    const gfloat embedding[64] = { 1 };
    GstVideoRegionOfInterestMeta *tag;
    Run run;

    supcon_model_free (write_model (3, 1));
    run = run_launch ("videotestsrc num-buffers=16 pattern=snow ! " CAPS
        " ! supconlabel label=2.5 ! supcontrainer stage=%s batch-size=16 "
        "model=one location=%s", number ? "regression" : "linear", location);
    run_assert_ended (run);
    run_clear (&run);
    gst_supcon_buffer_set_embedding (frame, embedding, 64, "embedding", "one");
    frame = gst_harness_push_and_pull (h, frame);
    tag = gst_buffer_get_video_region_of_interest_meta (frame);
    if (number) {
      fail_unless (tag == NULL);
      assert_warning (bus, "'one' predicts a number");
    } else {
      fail_unless (tag != NULL);
      fail_unless_equals_string (gst_structure_get_string
          (gst_video_region_of_interest_meta_get_param (tag, "classification"),
              "label"), "2.5");
    }
    gst_buffer_unref (frame);
    gst_element_set_bus (h->element, NULL);
    gst_harness_teardown (h);
    gst_object_unref (bus);
  }
}
GST_END_TEST;

static gdouble
confidence_of (GstHarness * h)
{
  gfloat embedding[64];
  GstBuffer *frame = picture_new (120);
  gdouble confidence;

  for (guint i = 0; i < 64; i++)
    embedding[i] = i % 3 * 0.002f;      /* the smaller, the less sure */
  gst_supcon_buffer_set_embedding (frame, embedding, 64, "embedding", "one");
  frame = gst_harness_push_and_pull (h, frame);
  fail_unless (gst_structure_get_double
      (gst_video_region_of_interest_meta_get_param
          (gst_buffer_get_video_region_of_interest_meta (frame),
              "classification"), "confidence", &confidence));
  gst_buffer_unref (frame);
  return confidence;
}

/* It is as sure as that of the checkpoint. */
GST_START_TEST (test_shared_confidence)
{
  GstHarness *h = harness_new (NULL, "supcontagger model=one"), *file;
  SupconCheckpointInfo info = { 0 };
  Run run;

  supcon_model_free (write_model (3, 1));
  run = run_launch ("videotestsrc num-buffers=32 pattern=snow ! " CAPS
      " ! supconlabel label=a ! f. videotestsrc num-buffers=32 ! " CAPS
      " ! supconlabel label=b ! f. funnel name=f ! supcontrainer stage=linear "
      "batch-size=16 model=one location=%s", location);
  run_assert_ended (run);
  run_clear (&run);
  supcon_model_free (supcon_checkpoint_load (location, NULL, &info, NULL));
  fail_unless (info.temperature != 1);
  supcon_checkpoint_info_clear (&info);
  file = harness_new (NULL, "supcontagger location=%s", location);
  fail_unless (fabs (confidence_of (h) - confidence_of (file)) < 1e-6);
  gst_harness_teardown (file);
  gst_harness_teardown (h);
}
GST_END_TEST;

typedef struct
{
  GstElement *teacher;
  gint stop;
} Lessons;

/* Says what is seen, again and again, as people do at the same time as frames come. */
static gpointer
give_lessons (gpointer data)
{
  static const gchar *const labels[] = { "cup", "\"box\"", "杯\n子" };
  Lessons *self = data;
  gboolean done;

  for (guint i = 0; !g_atomic_int_get (&self->stop); i++) {
    const gchar *label = labels[i % 3], *next = labels[(i + 1) % 3];

    g_signal_emit_by_name (self->teacher, "learn", label, &done);
    if (i % 7 == 6)
      g_signal_emit_by_name (self->teacher, "rename", label, next, &done);
    if (i % 11 == 10)
      g_signal_emit_by_name (self->teacher, "forget", label, &done);
    g_usleep (500);
  }
  return NULL;
}

/* Training, two encoders that take its model, one that reads files which are replaced, tagging and teaching, all at once;
 * for LIVE_SECONDS, some by default. */
GST_START_TEST (test_all_at_once)
{
  const gchar *seconds = g_getenv ("LIVE_SECONDS");
  SupconModel *model = write_model (3, 1);
  gchar *trained = g_build_filename (folder, "t.safetensors", NULL);
  gchar *line = g_strdup_printf ("videotestsrc pattern=snow ! " CAPS
      " ! tee name=t ! queue ! supconlabel label=snow ! supconaugment views=2 ! "
      "queue ! supcontrainer encoder=resnet8 batch-size=16 threads=2 model=m "
      "update-interval=1 location=%s t. ! queue ! supconencoder model=m ! "
      "supcontagger name=one method=knn ! fakesink t. ! queue ! supconencoder "
      "name=two model=m ! supcontagger method=centroid ! fakesink t. ! queue ! "
      "supconencoder watch=true location=%s ! supcontagger name=three "
      "method=centroid majority=5 hysteresis=0.1 ! fakesink", trained, location);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  gint64 end = g_get_monotonic_time ()
      + (seconds ? atoi (seconds) : 3) * G_USEC_PER_SEC;
  gint64 limit = end + 120 * G_USEC_PER_SEC;    /* a sanitizer on a busy machine */
  GstBus *bus = gst_element_get_bus (pipeline);
  Lessons lessons[2] = { {gst_bin_get_by_name (GST_BIN (pipeline), "one"), 0},
  {gst_bin_get_by_name (GST_BIN (pipeline), "three"), 0}
  };
  GThread *threads[2];
  GstMessage *message;
  guint64 version = 0, newest = 0, tags = 0;

  fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING)
      != GST_STATE_CHANGE_FAILURE);
  for (guint i = 0; i < 2; i++)
    threads[i] = g_thread_new ("lessons", give_lessons, &lessons[i]);
  for (guint i = 0; g_get_monotonic_time () < end
      || ((tags <= 10 || newest <= 2) && g_get_monotonic_time () < limit);
      i++) {
    if (i % 100 == 0) {
      supcon_model_free (model);
      model = write_model (i, 1);
    }
    message = gst_bus_timed_pop (bus, GST_MSECOND);
    if (!message)
      continue;
    fail_unless (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ERROR);
    if (gst_message_has_name (message, "supcon-tags")) {
      fail_unless (gst_structure_get_uint64 (gst_message_get_structure
              (message), "version", &version));
      newest = MAX (newest, version);
      tags++;
    }
    gst_message_unref (message);
  }
  for (guint i = 0; i < 2; i++) {
    g_atomic_int_set (&lessons[i].stop, 1);
    g_thread_join (threads[i]);
    gst_object_unref (lessons[i].teacher);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  fail_unless (tags > 10 && newest > 2, "%" G_GUINT64_FORMAT " tags, version %"
      G_GUINT64_FORMAT, tags, newest);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  supcon_model_free (model);
  g_free (line);
  g_free (trained);
}
GST_END_TEST;

static Suite *
live_suite (void)
{
  Suite *suite = suite_create ("live");
  TCase *tcase = tcase_create ("live");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_shared);
  tcase_add_test (tcase, test_tensors_of_none);
  tcase_add_test (tcase, test_file_then_shared);
  tcase_add_test (tcase, test_shared_classifier);
  tcase_add_test (tcase, test_shared_confidence);
  tcase_add_test (tcase, test_all_at_once);
  return suite;
}

GST_CHECK_MAIN (live);
