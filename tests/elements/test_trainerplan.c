/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What supcontrainer makes of what upstream tells of its stream: the schedule, and what does not fit. */
#include <gst/check/gstharness.h>
#include <math.h>

#include "gstsupconmeta.h"
#include "training.h"

/* Whether the learning rate can follow its schedule. */
GST_START_TEST (test_length_not_known)
{
  Run run = run_launch (TRAINER "batch-size=16 location=%s " THINGS (16), model);

  run_assert_ended (run);
  run_assert_warning (run, "schedule=cosine, but the stream's length is not known");
  run_clear (&run);
  write_shapes (128);
  run = run_launch (LEARN_SHAPES (1), folder, folder, model);
  run_assert_ended (run);
  fail_unless (strstr (run.warnings->str, "length") == NULL, "%s", run.warnings->str);
  run_clear (&run);
}
GST_END_TEST;

/* What learns from labelled frames alone ends its schedule with them. */
GST_START_TEST (test_schedule_of_few_labels)
{
  Run run;
  gdouble rate;

  write_shapes (320);
  run = run_launch (SHAPES "labelled=0.25 epochs=8 ! supconaugment ! " SHAPE_CAPS
                           " ! supcontrainer stage=cross-entropy "
                           "encoder=resnet8 width=0.25 batch-size=16 learning-rate=0.1 message-interval=1 location=%s",
      folder, model);
  run_assert_ended (run);
  fail_unless (gst_structure_get_double (run_message (&run, "supcon-train"), "learning-rate", &rate));
  fail_unless (rate > 0 && rate < 0.001, "the last rate is %g", rate);
  run_clear (&run);
}
GST_END_TEST;

/* The learning rate of the last step, and its number. */
static gdouble
last_rate (const Run * run, guint64 * step)
{
  const GstStructure *s = run_message (run, "supcon-train");
  gdouble rate = -1;

  fail_unless (gst_structure_get_uint64 (s, "step", step));
  fail_unless (gst_structure_get_double (s, "learning-rate", &rate));
  return rate;
}

static gchar printed[256];

static void
keep_printed (const gchar * text)
{
  g_strlcat (printed, text, sizeof printed);
}

#define PLAN SHAPES "%s ! supconaugment views=1 ! " SHAPE_CAPS " ! supcontrainer encoder=resnet8 width=0.25 batch-size=8 " \
    "message-interval=1 location=%s %s"

/* The rates of a stream whose length is known: 24 pictures less the quarter held out are 18, or as said. */
GST_START_TEST (test_rates)
{
  static const struct
  {
    const gchar *source, *trainer;
    guint64 step;
    gdouble rate;
  } cases[] = {
    /* Of four steps the last. */
    {"val-fraction=0 epochs=2 num-buffers=32", "learning-rate=0.1 warmup-steps=0", 4, 0.05 * (1 + M_SQRT1_2 * -1)},
    {"val-fraction=0 epochs=0 num-buffers=32", "learning-rate=0.1 warmup-steps=0", 4, 0.05 * (1 + M_SQRT1_2 * -1)},
    /* A short training warms up for half of its steps at most. */
    {"val-fraction=0 epochs=2 num-buffers=32", "learning-rate=0.1", 4, 0.05},
    /* Three steps an epoch; two epochs of warm-up are not over after the fifth step. */
    {"val-fraction=0 epochs=4", "learning-rate=0.6 warmup-epochs=2 total-steps=5", 5, 0.5},
    {"val-fraction=0", "learning-rate=0.6 warmup-epochs=1", 3, 0.6},
    /* Half an epoch, rounded, is two steps. */
    {"val-fraction=0 epochs=4", "learning-rate=0.6 warmup-epochs=0.5 total-steps=1", 1, 0.3},
    /* What is left of a batch is one step. */
    {"val-fraction=0 num-buffers=4", "learning-rate=0.1 warmup-steps=0 drop-last=false", 1, 0.1},
    /* Linear scaling, from batches of 256, of what is said or of what is usual for those. */
    {"val-fraction=0", "learning-rate=0.64 scale-learning-rate=true schedule=constant warmup-steps=0", 3, 0.02},
    {"val-fraction=0", "scale-learning-rate=true schedule=constant warmup-steps=0", 3, 0.2 / 32}
  };

  write_shapes (24);
  g_set_print_handler (keep_printed);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run run = run_launch (PLAN, folder, cases[i].source, model, cases[i].trainer);
    gchar *scaled = g_strdup_printf ("learning rate %g = %g x 8 / 256\n", cases[i].rate, cases[i].rate * 32);
    gdouble rate;
    guint64 step;

    run_assert_ended (run);
    fail_unless_equals_string (printed, strstr (cases[i].trainer, "scale") ? scaled : "");
    fail_if (strstr (run.warnings->str, "length is not known"), "case %u", i);
    *printed = '\0';
    g_free (scaled);
    rate = last_rate (&run, &step);
    fail_unless_equals_uint64 (step, cases[i].step);
    fail_unless (fabs (rate - cases[i].rate) < 1e-9, "case %u: %.12g, expected %.12g", i, rate, cases[i].rate);
    run_clear (&run);
  }
}
GST_END_TEST;

/* What cannot be learnt from is told before the first step. */
GST_START_TEST (test_not_to_be_learnt)
{
  static const gchar *const cases[][3] = {
    {"labelled=0", "stage=cross-entropy", "None of the source's frames has a label, but stage cross-entropy"},
    {"class-names=1.5,-2e3,x,4", "stage=regression", "The source has the label \"x\"; expected numbers alone"},
    {"class-names=1,2,3,0x10", "stage=regression", "The source has the label \"0x10\"; expected numbers alone"},
    {"class-names=1,2,3,1e39", "stage=regression", "The source has the label \"1e39\"; expected numbers alone"},
    {"", "best-location=/tmp/b.safetensors", "best-location is set, but the pad validation is not linked"},
    {"", "checkpoint-keep=3", "checkpoint-keep is 3, but checkpoint-interval is 0"},
    {"", "patience=3", "patience is set, but the pad validation is not linked"}
  };
  gsize before, after;
  Run run;

  write_shapes (24);
  run = run_launch (PLAN, folder, "", model, "");
  run_assert_ended (run);
  run_clear (&run);
  g_free (contents_of (model, &before));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    run = run_launch (PLAN, folder, cases[i][0], model, cases[i][1]);
    run_assert_error (run, cases[i][2]);
    fail_unless (run_message (&run, "supcon-train") == NULL);
    run_clear (&run);
  }
  g_free (contents_of (model, &after));
  fail_unless_equals_uint64 (before, after);
}
GST_END_TEST;

static gdouble share;

static gboolean
answer_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  if (GST_QUERY_TYPE (query) == GST_QUERY_DURATION) {
    gst_query_set_duration (query, GST_FORMAT_BUFFERS, 16);
    return TRUE;
  }
  if (GST_QUERY_TYPE (query) != GST_QUERY_CUSTOM)
    return gst_pad_query_default (pad, parent, query);
  gst_structure_set (gst_query_writable_structure (query), "labelled", G_TYPE_DOUBLE, share, NULL);
  return TRUE;
}

/* Any element can answer: what is no share counts as no answer, so the two batches end the schedule. */
GST_START_TEST (test_no_share)
{
  static const gdouble shares[] = { NAN, -5, 1e300, 1 };

  for (guint i = 0; i < G_N_ELEMENTS (shares); i++) {
    gchar *line = g_strdup_printf ("supcontrainer stage=cross-entropy encoder=resnet8 width=0.25 batch-size=8 "
        "learning-rate=0.1 warmup-steps=0 message-interval=1 progress=false location=%s", model);
    GstElement *trainer = gst_parse_launch (line, NULL);
    GstBus *bus = gst_bus_new ();
    GstMessage *message;
    GstHarness *h;
    gdouble rate = 0;
    guint64 step;

    share = shares[i];
    gst_element_set_bus (trainer, bus);
    h = gst_harness_new_with_element (trainer, "sink", NULL);
    gst_pad_set_query_function (h->srcpad, answer_query);
    gst_harness_set_src_caps_str (h, CAPS);
    for (guint k = 0; k < 16; k++) {
      GstBuffer *frame = gst_buffer_new_allocate (NULL, 12 * 12 * 3, NULL);

      gst_buffer_memset (frame, 0, 16 * k, -1);
      gst_supcon_buffer_set_sample (frame, k % 2 ? "a" : "b", k, 0);
      fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
    }
    gst_harness_push_event (h, gst_event_new_eos ());
    while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
      const GstStructure *s = gst_message_get_structure (message);

      if (gst_structure_has_name (s, "supcon-train") && gst_structure_get_uint64 (s, "step", &step) && step == 2)
        gst_structure_get_double (s, "learning-rate", &rate);
      gst_message_unref (message);
    }
    fail_unless (fabs (rate - 0.05) < 1e-9, "share %g: %g", share, rate);
    gst_element_set_bus (trainer, NULL);
    gst_harness_teardown (h);
    gst_object_unref (trainer);
    gst_object_unref (bus);
    g_free (line);
  }
}
GST_END_TEST;

/* Gone on with in smaller batches: the 48 views that are left make six steps after the three, and the schedule ends with them. */
GST_START_TEST (test_resume_batch_size)
{
  const gchar *line = "supcondatasetsrc location=%s shuffle=true seed=5 epochs=2 ! supconaugment views=2 ! " SHAPE_CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 learning-rate=0.1 warmup-steps=0 message-interval=1 resume=true "
      "location=%s batch-size=%u total-steps=%u";
  const GstStructure *s;
  guint64 step;
  gdouble rate;
  Run run;

  write_shapes (24);
  run = run_launch (line, folder, model, 16, 3);
  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (line, folder, model, 8, 0);
  run_assert_ended (run);
  s = run_message (&run, "supcon-train");
  fail_unless (gst_structure_get_uint64 (s, "step", &step) && gst_structure_get_double (s, "learning-rate", &rate));
  fail_unless_equals_uint64 (step, 9);
  fail_unless (fabs (rate - 0.05 * (1 + cos (G_PI * 8 / 9))) < 1e-9, "%g", rate);
  run_clear (&run);
}
GST_END_TEST;

/* Through a funnel no source knows the stream's length nor all of its labels: the learning rate stays, and resuming is not
 * refused for the labels of one of them. */
GST_START_TEST (test_two_sources)
{
  const gchar *line = "funnel name=f ! supconaugment views=1 ! " SHAPE_CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=8 learning-rate=0.1 warmup-steps=0 message-interval=1 "
      "location=%s %s supcondatasetsrc location=%s ! f. supcondatasetsrc location=%s class-names=a,b,c,d ! f.";
  const gchar *endings[] = { "", "resume=true" };
  const GstStructure *s;
  guint64 step;
  gdouble rate;
  Run run;

  write_shapes (24);
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++) {
    run = run_launch (line, model, endings[i], folder, folder);
    run_assert_ended (run);
    if (i == 0) {
      s = run_message (&run, "supcon-train");
      fail_unless (gst_structure_get_uint64 (s, "step", &step) && gst_structure_get_double (s, "learning-rate", &rate));
      fail_unless_equals_uint64 (step, 6);
      fail_unless (rate == 0.1, "%g", rate);
    } else {
      run_assert_warning (run, "nothing is left to do");
    }
    run_clear (&run);
  }
}
GST_END_TEST;

/* A live source does not give again what it gave: training goes on from the last step with what it shows now. */
GST_START_TEST (test_live_resume)
{
  Run run;

  for (guint64 steps = 2; steps <= 4; steps += 2) {
    guint64 step;

    run = run_launch ("videotestsrc is-live=true num-buffers=16 ! " CAPS " ! supconlabel label=ball ! supcontrainer "
        "encoder=resnet8 width=0.25 batch-size=8 message-interval=1 resume=true location=%s", model);
    run_assert_ended (run);
    last_rate (&run, &step);
    fail_unless_equals_uint64 (step, steps);
    run_clear (&run);
  }
}
GST_END_TEST;

static Suite *
trainerplan_suite (void)
{
  Suite *suite = suite_create ("supcontrainer trainerplan");
  TCase *tcase = tcase_create ("general");

  tcase_set_timeout (tcase, RUN_SECONDS);
  tcase_add_checked_fixture (tcase, setup, teardown);
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_length_not_known);
  tcase_add_test (tcase, test_schedule_of_few_labels);
  tcase_add_test (tcase, test_rates);
  tcase_add_test (tcase, test_not_to_be_learnt);
  tcase_add_test (tcase, test_no_share);
  tcase_add_test (tcase, test_resume_batch_size);
  tcase_add_test (tcase, test_two_sources);
  tcase_add_test (tcase, test_live_resume);
  return suite;
}

GST_CHECK_MAIN (trainerplan);
