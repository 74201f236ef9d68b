/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supcontagger: what passes beside frames, and what moves its properties. */
#include "controlled.h"
#include "tagger.h"

/* The next event of that type, or NULL; those before it are dropped. */
static GstEvent *
find_event (GstHarness * h, GstEventType type)
{
  GstEvent *event;

  while ((event = gst_harness_try_pull_event (h))) {
    if (GST_EVENT_TYPE (event) == type)
      return event;
    gst_event_unref (event);
  }
  return NULL;
}

/* The same, which the text pad's own thread pushes. */
static GstEvent *
wait_for_event (GstHarness * h, GstEventType type)
{
  GstEvent *event;

  while (!(event = find_event (h, type)))
    g_usleep (1000);
  return event;
}

/* Of stream time, as GStreamer has it for all elements. */
GST_START_TEST (test_controller)
{
  Fixture f;
  GstTimedValueControlSource *values;

  start_linear (&f, "", FALSE);
  values = control (f.video->element, "threshold");
  gst_timed_value_control_source_set (values, 0, 0.0);
  gst_timed_value_control_source_set (values, FRAME, 0.8);
  check_pass (&f, new_likely (&f, .1, .7, .2, NULL), "box", 1, .7);
  check_pass (&f, new_likely (&f, .1, .7, .2, NULL), "unknown", -1, .7);
  stop (&f);
}

GST_END_TEST;

/* Texts belong to the group of their pictures, and a part of the stream ends for both. */
GST_START_TEST (test_text_follows)
{
  Fixture f;
  GstEvent *event = gst_event_new_stream_start ("grouped");
  GstClockTime time;
  GstSegment segment;
  guint group = 0;

  start_linear (&f, "", TRUE);
  gst_event_set_group_id (event, 7);
  gst_harness_push_event (f.video, event);
  gst_harness_set_src_caps_str (f.video, CAPS);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.video, gst_event_new_segment (&segment));
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .7, .2, NULL)));
  gst_buffer_unref (gst_harness_pull (f.text));
  event = wait_for_event (f.text, GST_EVENT_STREAM_START);
  while (!(gst_event_parse_group_id (event, &group) && group == 7)) {
    gst_event_unref (event);
    event = wait_for_event (f.text, GST_EVENT_STREAM_START);
  }
  gst_event_unref (event);

  /* A gap of a frame that has no time is not in the past. */
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .7, .2, NULL)));
  g_object_set (f.video->element, "threshold", 1.0, NULL);
  {
    GstBuffer *timeless = new_likely (&f, .1, .7, .2, NULL);

    GST_BUFFER_PTS (timeless) = GST_CLOCK_TIME_NONE;
    gst_buffer_unref (pass (&f, timeless));
  }
  event = wait_for_event (f.text, GST_EVENT_GAP);
  gst_event_parse_gap (event, &time, NULL);
  fail_unless (time >= FRAME && GST_CLOCK_TIME_IS_VALID (time));
  gst_event_unref (event);

  gst_harness_push_event (f.video, gst_event_new_gap (5 * FRAME, FRAME));
  event = wait_for_event (f.text, GST_EVENT_GAP);
  gst_event_parse_gap (event, &time, NULL);
  fail_unless_equals_uint64 (time, 5 * FRAME);
  gst_event_unref (event);
  gst_harness_push_event (f.video,
      gst_event_new_segment_done (GST_FORMAT_TIME, 3 * FRAME));
  gst_event_unref (wait_for_event (f.text, GST_EVENT_SEGMENT_DONE));
  stop (&f);
}

GST_END_TEST;

/* Each tag is a line of text, whatever its label is. */
GST_START_TEST (test_label_of_lines)
{
  static const gfloat one[1] = { 1 };
  static const gchar expected[] = "a b c 100 %";
  Fixture f;
  GstBuffer *text;

  start (&f, "supcontagger method=knn", TRUE);
  gst_buffer_unref (pass (&f, new_embedded (&f, one, 1, "a\nb\rc")));
  gst_buffer_unref (pass (&f, new_embedded (&f, one, 1, NULL)));
  text = gst_harness_pull (f.text);
  fail_unless_equals_int (gst_buffer_get_size (text), strlen (expected));
  fail_unless (gst_buffer_memcmp (text, 0, expected, strlen (expected)) == 0);
  gst_buffer_unref (text);
  stop (&f);
}

GST_END_TEST;

/* Upstream may drop pictures that are late, but not for a late text. */
GST_START_TEST (test_late_text)
{
  Fixture f;
  GstEvent *event;

  start_linear (&f, "", TRUE);
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .7, .2, NULL)));
  while ((event = gst_harness_try_pull_upstream_event (f.video)))
    gst_event_unref (event);
  fail_unless (gst_harness_push_upstream_event (f.text,
          gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2, GST_SECOND, 0)));
  fail_unless (gst_harness_try_pull_upstream_event (f.video) == NULL);
  fail_unless (gst_harness_push_upstream_event (f.video,
          gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2, GST_SECOND, 0)));
  event = gst_harness_try_pull_upstream_event (f.video);
  fail_unless (event && GST_EVENT_TYPE (event) == GST_EVENT_QOS);
  gst_event_unref (event);
  stop (&f);
}

GST_END_TEST;

static gint text_flow;

static GstFlowReturn
take_text (G_GNUC_UNUSED GstPad * pad, G_GNUC_UNUSED GstObject * parent,
    GstBuffer * buffer)
{
  gst_buffer_unref (buffer);
  return g_atomic_int_get (&text_flow);
}

/* A failure of the text's is over when the stream is flushed. */
GST_START_TEST (test_flushed_failure)
{
  Fixture f;
  GstSegment segment;
  GstFlowReturn flow = GST_FLOW_OK;

  start_linear (&f, "", TRUE);
  gst_pad_set_chain_function (f.text->sinkpad, take_text);
  text_flow = GST_FLOW_ERROR;
  while (flow == GST_FLOW_OK) {
    flow = gst_harness_push (f.video, new_likely (&f, .1, .7, .2, NULL));
    g_usleep (1000);
  }
  fail_unless_equals_int (flow, GST_FLOW_ERROR);
  g_atomic_int_set (&text_flow, GST_FLOW_OK);
  gst_harness_push_event (f.video, gst_event_new_flush_start ());
  gst_harness_push_event (f.video, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.video, gst_event_new_segment (&segment));
  fail_unless_equals_int (gst_harness_push (f.video, new_likely (&f, .1, .7, .2,
              NULL)), GST_FLOW_OK);
  stop (&f);
}

GST_END_TEST;

/* Tags of the whole file are not the stream's: they go on as they are. */
GST_START_TEST (test_global_tags)
{
  Fixture f;
  GstTagList *tags = gst_tag_list_new (GST_TAG_TITLE, "cups", NULL), *found;
  GstEvent *event;

  start_linear (&f, "", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .7, .2, NULL)));
  gst_event_unref (find_event (f.video, GST_EVENT_TAG));
  gst_tag_list_set_scope (tags, GST_TAG_SCOPE_GLOBAL);
  gst_harness_push_event (f.video, gst_event_new_tag (gst_tag_list_ref (tags)));
  event = find_event (f.video, GST_EVENT_TAG);
  fail_unless (event != NULL);
  gst_event_parse_tag (event, &found);
  fail_unless (gst_tag_list_is_equal (found, tags));
  fail_unless_equals_int (gst_tag_list_get_scope (found),
      GST_TAG_SCOPE_GLOBAL);
  gst_event_unref (event);
  gst_tag_list_unref (tags);
  stop (&f);
}

GST_END_TEST;

/* Embeddings of length 1 are not what a linear classifier learnt; but a single one may have it by chance. */
GST_START_TEST (test_normalized)
{
  static const gfloat one[DIM] = { 1 }, two[DIM] = { 2 };
  static const gfloat *const embeddings[] = { one, two, one, one, one, one };
  Fixture f;

  start_linear (&f, "", FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (embeddings); i++) {
    gst_buffer_unref (pass (&f, new_embedded (&f, embeddings[i], DIM, NULL)));
    if (i == 3)
      check_posted (f.bus, GST_MESSAGE_WARNING, "expected normalize=false");
    fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING), "frame %u", i);
  }
  stop (&f);
}

GST_END_TEST;

/* A model of other classes begins anew: what was steadied is of classes that are others now. */
GST_START_TEST (test_relabelled)
{
  gchar *location = save_model (3, 1), *fewer = save_model (2, 1);
  gchar *launch = g_strdup_printf ("supcontagger watch=true location=%s "
      "smoothing=0.5 hysteresis=0.5", location);
  Fixture f;

  start (&f, launch, FALSE);
  check_pass (&f, new_likely (&f, .75, .15, .1, NULL), "cup", 0, .75);
  fail_unless_equals_int (g_rename (fewer, location), 0);
  /* It is looked at four times a second. */
  g_usleep (300000);
  check_pass (&f, new_likely (&f, .45, .55, 1, NULL), "box", 1, .55);
  stop (&f);
  g_unlink (location);
  g_free (location);
  g_free (fewer);
  g_free (launch);
}

GST_END_TEST;

static guint
count_events (GstHarness * harness, GstEventType type)
{
  GstEvent *event;
  guint n = 0;

  while ((event = gst_harness_try_pull_event (harness))) {
    n += GST_EVENT_TYPE (event) == type;
    gst_event_unref (event);
  }
  return n;
}

/* Stream-start, caps, segment, a frame; returns how many events of type the text pad sent before its text. */
static guint
begin_stream (Fixture * f, GstEvent * stream_start, GstEvent * segment,
    GstEventType type)
{
  gst_harness_push_event (f->video, gst_event_ref (stream_start));
  gst_harness_set_src_caps_str (f->video, CAPS);
  gst_harness_push_event (f->video, gst_event_ref (segment));
  check_pass (f, new_likely (f, .1, .7, .2, NULL), "box", 1, .7);
  gst_buffer_unref (gst_harness_pull (f->text));
  return count_events (f->text, type);
}

GST_START_TEST (test_same_events)
{
  Fixture f;
  GstSegment time;
  GstEvent *segment, *start_1 = gst_event_new_stream_start ("1");
  GstEvent *start_2 = gst_event_new_stream_start ("2");

  /* What upstream sends a second time is sent again where it has to be: after a flush, after a stop. */
  gst_segment_init (&time, GST_FORMAT_TIME);
  segment = gst_event_new_segment (&time);
  start_linear (&f, "", TRUE);
  fail_unless (begin_stream (&f, start_1, segment, GST_EVENT_SEGMENT) > 0);
  fail_unless_equals_int (begin_stream (&f, start_1, segment,
          GST_EVENT_SEGMENT), 0);
  gst_harness_push_event (f.video, gst_event_new_flush_start ());
  gst_harness_push_event (f.video, gst_event_new_flush_stop (TRUE));
  fail_unless_equals_int (begin_stream (&f, start_1, segment,
          GST_EVENT_SEGMENT), 1);
  fail_unless_equals_int (begin_stream (&f, start_2, segment,
          GST_EVENT_STREAM_START), 1);
  stop (&f);

  start (&f, "supcontagger method=centroid", TRUE);
  for (guint i = 0; i < 2; i++) {
    static const gfloat one[1] = { 1 };

    gst_harness_push_event (f.video, gst_event_ref (start_1));
    gst_harness_set_src_caps_str (f.video, CAPS);
    gst_harness_push_event (f.video, gst_event_ref (segment));
    gst_buffer_unref (pass (&f, new_embedded (&f, one, 1, "cup")));
    gst_buffer_unref (pass (&f, new_embedded (&f, one, 1, NULL)));
    gst_buffer_unref (gst_harness_pull (f.text));
    fail_unless_equals_int (count_events (f.text, GST_EVENT_STREAM_START), 1);
    gst_element_set_state (f.video->element, GST_STATE_READY);
    gst_element_set_state (f.video->element, GST_STATE_PLAYING);
  }
  stop (&f);
  gst_event_unref (start_1);
  gst_event_unref (start_2);
  gst_event_unref (segment);

  /* What counts the bytes of a file of pictures says nothing about texts, and fdsink would seek by it. */
  start (&f, "supcontagger method=centroid", TRUE);
  gst_segment_init (&time, GST_FORMAT_BYTES);
  gst_harness_push_event (f.video, gst_event_new_segment (&time));
  gst_buffer_unref (pass (&f, new_embedded (&f, (const gfloat[1]) { 1 }, 1,
              "cup")));
  while (GST_EVENT_TYPE (segment = gst_harness_pull_event (f.text)) !=
      GST_EVENT_SEGMENT)
    gst_event_unref (segment);
  gst_event_copy_segment (segment, &time);
  fail_unless_equals_int (time.format, GST_FORMAT_TIME);
  gst_event_unref (segment);
  stop (&f);
}

GST_END_TEST;

static GstPadProbeReturn
stay_blocked (G_GNUC_UNUSED GstPad * pad, G_GNUC_UNUSED GstPadProbeInfo * info,
    G_GNUC_UNUSED gpointer data)
{
  return GST_PAD_PROBE_OK;
}

/* A flush that comes before the text's thread has sent what its stream begins with loses none of it. */
GST_START_TEST (test_flush_at_the_start_of_text)
{
  GstSegment segment;
  GstPad *pad;
  GstCaps *caps;
  gulong block;
  Fixture f;

  start_linear (&f, "", TRUE);
  pad = gst_element_get_static_pad (f.video->element, "text");
  block = gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
      stay_blocked, NULL, NULL);
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .7, .2, NULL)));
  gst_harness_push_event (f.video, gst_event_new_flush_start ());
  gst_harness_push_event (f.video, gst_event_new_flush_stop (TRUE));
  gst_pad_remove_probe (pad, block);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.video, gst_event_new_segment (&segment));
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .7, .2, NULL)));
  gst_buffer_unref (gst_harness_pull (f.text));
  caps = gst_pad_get_current_caps (f.text->sinkpad);
  fail_unless (caps != NULL);
  gst_caps_unref (caps);
  gst_object_unref (pad);
  stop (&f);
}

GST_END_TEST;

static Suite *
taggerstream_suite (void)
{
  Suite *suite = suite_create ("taggerstream");
  TCase *tcase = tcase_create ("taggerstream");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_controller);
  tcase_add_test (tcase, test_text_follows);
  tcase_add_test (tcase, test_label_of_lines);
  tcase_add_test (tcase, test_late_text);
  tcase_add_test (tcase, test_flushed_failure);
  tcase_add_test (tcase, test_global_tags);
  tcase_add_test (tcase, test_normalized);
  tcase_add_test (tcase, test_relabelled);
  tcase_add_test (tcase, test_same_events);
  tcase_add_test (tcase, test_flush_at_the_start_of_text);
  return suite;
}

GST_CHECK_MAIN (taggerstream);
