/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What supcontagger says of frames in the light of those before: smoothing, majority, hysteresis. */

#include "tagger.h"

GST_START_TEST (test_smoothing)
{
  Fixture f;
  GstBuffer *frame;
  GstSegment segment;

  start_linear (&f, "smoothing=0.75", FALSE);
  check_pass (&f, new_likely (&f, .8, .1, .1, NULL), "cup", 0, .8);
  check_pass (&f, new_likely (&f, .2, .7, .1, NULL), "cup", 0,
      .75 * .8 + .25 * .2);
  /* A frame that was dropped before this one, as by a leaky queue, changes nothing. */
  f.n_frames++;
  frame = new_likely (&f, .2, .7, .1, NULL);
  GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
  check_pass (&f, frame, "cup", 0,
      .75 * (.75 * .8 + .25 * .2) + .25 * .2);
  /* Each of these begins anew: a jump of time, a segment, a flush. */
  f.n_frames += 50;
  frame = new_likely (&f, .2, .7, .1, NULL);
  GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
  check_pass (&f, frame, "box", 1, .7);
  f.n_frames = 0;
  frame = new_likely (&f, .6, .3, .1, NULL);
  GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
  check_pass (&f, frame, "cup", 0, .6);
  segment = GST_BASE_TRANSFORM (f.video->element)->segment;
  gst_harness_push_event (f.video, gst_event_new_segment (&segment));
  check_pass (&f, new_likely (&f, .1, .8, .1, NULL), "box", 1, .8);
  gst_harness_push_event (f.video, gst_event_new_flush_start ());
  gst_harness_push_event (f.video, gst_event_new_flush_stop (FALSE));
  gst_harness_push_event (f.video, gst_event_new_segment (&segment));
  check_pass (&f, new_likely (&f, .2, .7, .1, NULL), "box", 1, .7);
  check_pass (&f, new_likely (&f, .2, .7, .1, NULL), "box", 1, .7);
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_majority_and_hysteresis)
{
  Fixture f;

  start_linear (&f, "majority=3", FALSE);
  check_pass (&f, new_likely (&f, .1, .7, .2, NULL), "box", 1, 1);
  check_pass (&f, new_likely (&f, .6, .2, .2, NULL), "cup", 0, .5);
  check_pass (&f, new_likely (&f, .1, .7, .2, NULL), "box", 1, 2 / 3.);
  check_pass (&f, new_likely (&f, .6, .2, .2, NULL), "cup", 0, 2 / 3.);
  stop (&f);

  start_linear (&f, "hysteresis=0.2 threshold=0.5", FALSE);
  check_pass (&f, new_likely (&f, .1, .7, .2, NULL), "box", 1, .7);
  check_pass (&f, new_likely (&f, .5, .4, .1, NULL), "box", 1, .4);
  check_pass (&f, new_likely (&f, .6, .3, .1, NULL), "cup", 0, .6);
  check_pass (&f, new_likely (&f, .29, .41, .3, NULL), "unknown", -1, .41);
  check_pass (&f, new_likely (&f, .5, .4, .1, NULL), "cup", 0, .5);
  stop (&f);
}

GST_END_TEST;

/* What a frame was called is no reason to call one the same that does not follow it. */
GST_START_TEST (test_hysteresis_begins_anew)
{
  for (guint i = 0; i < 3; i++) {
    GstSegment segment;
    GstBuffer *frame;
    Fixture f;

    start_linear (&f, "hysteresis=0.2", FALSE);
    check_pass (&f, new_likely (&f, .1, .7, .2, NULL), "box", 1, .7);
    if (i == 1) {
      segment = GST_BASE_TRANSFORM (f.video->element)->segment;
      gst_harness_push_event (f.video, gst_event_new_segment (&segment));
    } else if (i == 2) {
      f.n_frames += 50;
    }
    frame = new_likely (&f, .5, .4, .1, NULL);
    if (i == 2)
      GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
    check_pass (&f, frame, i ? "cup" : "box", i ? 0 : 1, i ? .5 : .4);
    stop (&f);
  }
}

GST_END_TEST;

/* A region is no moment in time: neither the frame nor the region before it says anything of it, nor it of what follows.
 * Without a label of its own it is judged by the frame's. */
GST_START_TEST (test_regions_are_of_no_time)
{
  static const gfloat likely[2][3] = { {.4, .5, .1}, {.1, .2, .7} };
  static const gchar *const expected[2] = { "box", "can" };
  GstVideoRegionOfInterestMeta *region;
  GstMessage *message;
  GstBuffer *frame;
  gpointer state = NULL;
  Fixture f;

  start_linear (&f, "smoothing=0.75 hysteresis=0.2", FALSE);
  check_pass (&f, new_likely (&f, .8, .1, .1, NULL), "cup", 0, .8);
  check_pass (&f, new_likely (&f, .05, .9, .05, NULL), "cup", 0,
      .75 * .8 + .25 * .05);
  frame = new_frame (&f);
  gst_supcon_buffer_set_embedding (frame, NULL, 0, "embedding", "m");
  gst_supcon_buffer_set_embedding_origin (frame, 0, 0);
  gst_supcon_buffer_set_sample (frame, "box", 0, 0);
  for (guint i = 0; i < 2; i++) {
    gfloat embedding[DIM] = { 0 };

    for (guint c = 0; c < 3; c++)
      embedding[c] = logf (likely[i][c]);
    region = gst_buffer_add_video_region_of_interest_meta (frame, "thing", i, 1,
        3, 2);
    gst_supcon_region_set_embedding (region, embedding, DIM, "embedding", "m");
    if (i)
      gst_supcon_region_set_label (region, "can");
  }
  frame = pass (&f, frame);
  while ((region = (gpointer) gst_buffer_iterate_meta_filtered (frame, &state,
              GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
    GstStructure *tag = gst_video_region_of_interest_meta_get_param (region,
        "classification");

    fail_unless (tag != NULL);
    fail_unless_equals_string (gst_structure_get_string (tag, "label"),
        expected[region->x]);
    assert_close (get_double (tag, "confidence"), region->x ? .7 : .5);
  }
  gst_buffer_unref (frame);
  /* A box would be 0.47 now, which is not enough to take the cup's place. */
  check_pass (&f, new_likely (&f, .01, .98, .01, NULL), "cup", 0,
      .75 * (.75 * .8 + .25 * .05) + .25 * .01);
  gst_harness_push_event (f.video, gst_event_new_eos ());
  message = pop_message (&f, "supcon-evaluation");
  fail_unless (message != NULL);
  fail_unless_equals_uint64 (get_uint64 (gst_message_get_structure (message),
          "count"), 2);
  assert_close (get_double (gst_message_get_structure (message), "top1"), 1);
  gst_message_unref (message);
  stop (&f);
}

GST_END_TEST;

static Suite *
taggertime_suite (void)
{
  Suite *suite = suite_create ("taggertime");
  TCase *tcase = tcase_create ("taggertime");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_smoothing);
  tcase_add_test (tcase, test_majority_and_hysteresis);
  tcase_add_test (tcase, test_hysteresis_begins_anew);
  tcase_add_test (tcase, test_regions_are_of_no_time);
  return suite;
}

GST_CHECK_MAIN (taggertime);
