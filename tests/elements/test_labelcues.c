/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconlabel: labels of subtitles, which frames wait for, but never for ever. */
#include "labelling.h"
#include "pipeline.h"

#include <glib/gstdio.h>
#include <gst/video/video.h>

GST_START_TEST (test_cues)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  GstSegment segment;

  /* An open cue ends with the next one, not with its segment. */
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.stop = 30 * FRAME;
  gst_harness_push_event (text, gst_event_new_segment (&segment));
  push_cue (text, "  cup \n", 1, 3);
  push_cue (text, "<box>", 3, 4);
  push_cue (text, " ", 5, 6);
  push_cue (text, "\xff", 5, 6);
  push_cue (text, "long", 7, 12);
  push_cue (text, "short", 8, 9);
  push_cue (text, "open", 13, 0);
  push_cue (text, "last", 16, 17);
  gst_harness_push_event (text, gst_event_new_eos ());
  for (guint i = 0; i < 20; i++) {
    static const gchar *const expected[20] = { NULL, "cup", "cup", "<box>",
      NULL, NULL, NULL, "long", "short", "long", "long", "long", NULL, "open",
      "open", "open", "last", NULL, NULL, NULL
    };

    pass_frame (h, i, expected[i]);
  }
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A buffer of no bytes has no memory either: it ends the label before it, as one of spaces does. */
GST_START_TEST (test_empty)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  GstBuffer *empty = gst_buffer_new ();

  push_cue (text, "cup", 0, 0);
  GST_BUFFER_PTS (empty) = FRAME;
  fail_unless_equals_int (gst_harness_push (text, empty), GST_FLOW_OK);
  gst_harness_push_event (text, gst_event_new_eos ());
  pass_frame (h, 0, "cup");
  pass_frame (h, 1, NULL);
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_markup)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "pango-markup");

  push_cue (text, " <i>cup</i> &amp; <b>saucer</b> ", 0, 1);
  push_cue (text, "a < b", 1, 2);
  gst_harness_push_event (text, gst_event_new_eos ());
  pass_frame (h, 0, "cup & saucer");
  pass_frame (h, 1, "a < b");
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Times are compared where both streams meet, in running time: each has its own segment. */
GST_START_TEST (test_segments)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  GstBuffer *buffer;

  push_segment (h, 100);
  push_segment (text, 50);
  push_cue (text, "before", 40, 51);
  push_cue (text, "cup", 51, 52);
  gst_harness_push_event (text, gst_event_new_eos ());
  for (guint i = 0; i < 3; i++) {
    static const gchar *const expected[] = { "before", "cup", NULL };

    gst_harness_push (h, new_frame (100 + i));
    buffer = gst_harness_pull (h);
    assert_label (buffer, expected[i], i);
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A frame that is pushed on its own thread, since it is to wait there. */
typedef struct
{
  GstHarness *h;
  guint frame;
  GThread *thread;
  gint begun;
} Waiter;

static gpointer
push_frame (gpointer data)
{
  Waiter *waiter = data;

  g_atomic_int_set (&waiter->begun, TRUE);
  return GINT_TO_POINTER (gst_harness_push (waiter->h,
          new_frame (waiter->frame)));
}

/* Leaves frame number 'frame' waiting. */
static void
start_waiting (Waiter * waiter, GstHarness * h, guint frame)
{
  waiter->h = h;
  waiter->frame = frame;
  waiter->begun = FALSE;
  waiter->thread = g_thread_new ("frame", push_frame, waiter);

  /* Nothing tells that it waits; a busy machine may take a while to come so far. */
  while (!g_atomic_int_get (&waiter->begun))
    g_usleep (1000);
  g_usleep (100000);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
}

static void
assert_released (Waiter * waiter, GstFlowReturn flow, const gchar * label)
{
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (waiter->thread)),
      flow);
  if (flow == GST_FLOW_OK) {
    GstBuffer *buffer = gst_harness_try_pull (waiter->h);

    assert_label (buffer, label, 0);
    gst_buffer_unref (buffer);
  }
  fail_unless_equals_int (gst_harness_buffers_in_queue (waiter->h), 0);
}

enum
{ BY_CUE, BY_LATER_CUE, BY_GAP, BY_GAP_TO_THE_END, BY_EOS, BY_SEGMENT_DONE,
  BY_TEXT_FLUSH, BY_FLUSH, BY_UNLINK, BY_STATE, RELEASES
};

GST_START_TEST (test_wait)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  GstSegment segment;
  Waiter waiter;

  push_cue (text, "early", 1, 3);
  gst_harness_push_event (text, gst_event_new_gap (3 * FRAME, FRAME));
  start_waiting (&waiter, h, 5);
  switch (__i__) {
    case BY_CUE:
      push_cue (text, "cup", 4, 6);
      assert_released (&waiter, GST_FLOW_OK, "cup");
      break;
    case BY_LATER_CUE:
      push_cue (text, "cup", 6, 7);
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_GAP:
      gst_harness_push_event (text, gst_event_new_gap (4 * FRAME, 2 * FRAME));
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_GAP_TO_THE_END:    /* and beyond it, where no time runs */
      gst_segment_init (&segment, GST_FORMAT_TIME);
      segment.stop = 8 * FRAME;
      gst_harness_push_event (text, gst_event_new_segment (&segment));
      gst_harness_push_event (text, gst_event_new_gap (4 * FRAME, 90 * FRAME));
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_EOS:
      gst_harness_push_event (text, gst_event_new_eos ());
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_SEGMENT_DONE:
      gst_harness_push_event (text, gst_event_new_segment_done
          (GST_FORMAT_TIME, 4 * FRAME));
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_TEXT_FLUSH:
      gst_harness_push_event (text, gst_event_new_flush_start ());
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_FLUSH:
      gst_harness_push_event (h, gst_event_new_flush_start ());
      assert_released (&waiter, GST_FLOW_FLUSHING, NULL);
      gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
      push_segment (h, 0);
      push_cue (text, "cup", 4, 6);
      fail_unless_equals_int (gst_harness_push (h, new_frame (5)),
          GST_FLOW_OK);
      break;
    case BY_UNLINK:
      gst_pad_unlink (text->srcpad, GST_PAD_PEER (text->srcpad));
      assert_released (&waiter, GST_FLOW_OK, NULL);
      break;
    case BY_STATE:
      gst_element_set_state (h->element, GST_STATE_READY);
      assert_released (&waiter, GST_FLOW_FLUSHING, NULL);
      break;
  }
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

static void
flush (GstHarness * h)
{
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  push_segment (h, 0);
}

static void
begin_again (GstHarness * h, const gchar * caps)
{
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (h, caps);
  push_segment (h, 0);
}

enum
{ AFTER_STOP, AFTER_STOP_IN_FLUSH, AFTER_TEXT_FLUSH, AFTER_UNLINK,
  AFTER_SEGMENT, AFTER_STREAM, BEGINNINGS
};

/* Where text begins anew, what was known of it is forgotten: a frame waits again, for the new cue. */
GST_START_TEST (test_anew)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  GstBuffer *timeless = gst_buffer_new_memdup ("timeless", 8);
  GstPad *pad = gst_pad_get_peer (text->srcpad);
  GstSegment segment;
  Waiter waiter;

  push_cue (text, "old", 0, __i__ < AFTER_SEGMENT ? 90 : 3);
  if (__i__ < AFTER_SEGMENT)
    gst_harness_push_event (text, gst_event_new_gap (0, 90 * FRAME));
  gst_harness_push_event (text, __i__ == AFTER_SEGMENT ?
      gst_event_new_segment_done (GST_FORMAT_TIME, 3 * FRAME) :
      gst_event_new_eos ());
  switch (__i__) {
    case AFTER_STOP_IN_FLUSH:
      gst_harness_push_event (text, gst_event_new_flush_start ());
      /* fall through */
    case AFTER_STOP:
      pass_frame (h, 0, "old");
      gst_element_set_state (h->element, GST_STATE_READY);
      gst_harness_play (h);
      begin_again (h, VIDEO_CAPS);
      break;
    case AFTER_TEXT_FLUSH:
      gst_harness_push_event (text, gst_event_new_flush_start ());
      flush (text);
      break;
    case AFTER_UNLINK:
      gst_pad_unlink (text->srcpad, pad);
      gst_pad_link (text->srcpad, pad);
      break;
    case AFTER_SEGMENT:
      gst_segment_init (&segment, GST_FORMAT_TIME);
      segment.start = segment.base = 2 * FRAME;
      gst_harness_push_event (text, gst_event_new_segment (&segment));
      push_cue (text, "before it", 0, 2);
      gst_harness_push_event (text, gst_event_new_gap (0, FRAME));
      fail_unless_equals_int (gst_harness_push (text, timeless), GST_FLOW_OK);
      timeless = NULL;
      break;
    case AFTER_STREAM:
      gst_harness_push_event (text, gst_event_new_stream_start ("next"));
      break;
  }
  start_waiting (&waiter, h, 5);
  if (__i__ == AFTER_STOP_IN_FLUSH)
    gst_harness_push_event (text, gst_event_new_flush_stop (TRUE));
  if (__i__ != AFTER_TEXT_FLUSH && __i__ != AFTER_SEGMENT)
    begin_again (text, "text/x-raw,format=utf8");
  push_cue (text, "new", 4, 6);
  assert_released (&waiter, GST_FLOW_OK, "new");
  gst_clear_buffer (&timeless);
  gst_object_unref (pad);
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* What is known stays so, whatever of before comes after it. */
GST_START_TEST (test_known)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_BYTES);        /* says nothing of time */
  gst_harness_push_event (text, gst_event_new_segment (&segment));
  gst_harness_push_event (text, gst_event_new_gap (0, 3 * FRAME));
  gst_harness_push_event (text, gst_event_new_gap (0, FRAME));
  pass_frame (h, 0, NULL);
  push_cue (text, "cup", 1, 2);
  pass_frame (h, 1, "cup");
  pass_frame (h, 2, NULL);
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

typedef struct
{
  GstHarness *h, *text;
  Waiter waiter;
  guint seeks;
  guint32 seqnum;               /* of the last one */
} Seek;

/* The text's source seeks at once, but plays from where the seek before went to, as subparse may; it is asked again. Then a
 * frame from before the seek arrives. */
static GstPadProbeReturn
seek_text (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer user_data)
{
  Seek *seek = user_data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  if (GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    return GST_PAD_PROBE_OK;
  fail_unless (gst_event_get_seqnum (event) != seek->seqnum);
  seek->seqnum = gst_event_get_seqnum (event);
  gst_harness_push_event (seek->text, gst_event_new_flush_start ());
  flush (seek->text);
  if (seek->seeks++ == 0) {
    push_cue (seek->text, "can", 0, 9);
    return GST_PAD_PROBE_OK;
  }
  push_cue (seek->text, "box", 0, 9);
  start_waiting (&seek->waiter, seek->h, 50);
  return GST_PAD_PROBE_OK;
}

/* The video's source flushes that frame. */
static GstPadProbeReturn
seek_video (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer user_data)
{
  Seek *seek = user_data;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_SEEK)
    return GST_PAD_PROBE_OK;
  fail_unless_equals_int (seek->seeks++, 2);
  gst_harness_push_event (seek->h, gst_event_new_flush_start ());
  assert_released (&seek->waiter, GST_FLOW_FLUSHING, NULL);
  flush (seek->h);
  return GST_PAD_PROBE_OK;
}

/* A seek goes up both ways, and a frame from before it does not use up the cues from after it. */
GST_START_TEST (test_seek)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  Seek seek = {.h = h,.text = text };
  GstEvent *event = gst_event_new_seek (1.0, GST_FORMAT_TIME,
      GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, -1);
  guint32 seqnum = gst_event_get_seqnum (event);

  push_cue (text, "cup", 0, 9);
  gst_harness_push_event (text, gst_event_new_eos ());
  pass_frame (h, 0, "cup");
  gst_pad_add_probe (text->srcpad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
      seek_text, &seek, NULL);
  gst_pad_add_probe (h->srcpad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
      seek_video, &seek, NULL);
  gst_harness_push_upstream_event (h, event);
  fail_unless_equals_int (seek.seeks, 3);
  fail_unless_equals_int (seek.seqnum, seqnum);
  pass_frame (h, 0, "box");
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* How the pictures do is nothing to the text's source. */
GST_START_TEST (test_upstream_events)
{
  GstHarness *h = new_harness ();
  GstHarness *text = new_text_harness (h, "utf8");
  GstEvent *event;

  while ((event = gst_harness_try_pull_upstream_event (text)))
    gst_event_unref (event);
  gst_harness_push_upstream_event (h,
      gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2, GST_SECOND, GST_SECOND));
  gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
  gst_harness_push_upstream_event (h, gst_event_new_latency (GST_SECOND));
  event = gst_harness_try_pull_upstream_event (text);
  fail_unless (event != NULL);
  fail_unless_equals_int (GST_EVENT_TYPE (event), GST_EVENT_LATENCY);
  gst_event_unref (event);
  fail_unless (gst_harness_try_pull_upstream_event (text) == NULL);
  /* A seek that does not flush is asked for once. */
  gst_harness_push_upstream_event (h, gst_event_new_seek (1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_NONE, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, -1));
  event = gst_harness_try_pull_upstream_event (text);
  fail_unless (event != NULL);
  fail_unless_equals_int (GST_EVENT_TYPE (event), GST_EVENT_SEEK);
  gst_event_unref (event);
  fail_unless (gst_harness_try_pull_upstream_event (text) == NULL);
  gst_harness_teardown (text);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The element is transparent: caps of any kind of memory, and what downstream proposes for them. */
GST_START_TEST (test_transparent)
{
  GstHarness *h = gst_harness_new ("supconlabel");
  GstCaps *caps, *expected =
      gst_caps_from_string ("video/x-raw(memory:Any),format=NV12,width=8,"
      "height=8,framerate=5/1");
  GstPadTemplate *template;
  GstQuery *query;

  gst_harness_set_sink_caps (h, gst_caps_copy (expected));
  caps = gst_pad_peer_query_caps (h->srcpad, NULL);
  fail_unless (gst_caps_is_equal (caps, expected), "%" GST_PTR_FORMAT, caps);
  gst_caps_unref (caps);
  gst_harness_add_propose_allocation_meta (h, GST_VIDEO_META_API_TYPE, NULL);
  gst_harness_set_src_caps (h, gst_caps_copy (expected));
  query = gst_query_new_allocation (expected, FALSE);
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  fail_unless (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE,
          NULL));
  gst_query_unref (query);
  gst_caps_unref (expected);

  /* One text pad at a time. */
  template = gst_element_get_pad_template (h->element, "text");
  for (guint i = 0; i < 2; i++) {
    GstPad *pad = gst_element_request_pad (h->element, template, NULL, NULL);

    fail_unless (pad != NULL);
    fail_if (gst_pad_iterate_internal_links (pad));     /* nothing goes on from it */
    fail_if (gst_element_request_pad (h->element, template, NULL, NULL));
    gst_element_release_request_pad (h->element, pad);
    gst_object_unref (pad);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Half a second of each second has a label in the file of subtitles. */
GST_START_TEST (test_subtitles)
{
  static const gchar srt[] = "1\n00:00:00,000 --> 00:00:00,500\ncup\n\n"
      "2\n00:00:01,000 --> 00:00:01,500\n<i>box</i>\n\n"
      "3\n00:00:02,000 --> 00:00:02,500\ncup\n\n";
  gchar *path = NULL, *launch;
  gint fd = g_file_open_tmp ("supcon-XXXXXX.srt", &path, NULL);
  GstElementFactory *subparse = gst_element_factory_find ("subparse");

  if (subparse) {
    gst_object_unref (subparse);
    fail_unless (g_file_set_contents (path, srt, -1, NULL));
    launch = g_strdup_printf ("videotestsrc num-buffers=30 ! video/x-raw,"
        "framerate=10/1,width=16,height=16 ! supconlabel name=l ! fakesink "
        "filesrc location=%s ! subparse ! l.text", path);
    assert_runs (launch);
    g_free (launch);
  }
  g_close (fd, NULL);
  g_unlink (path);
  g_free (path);
}

GST_END_TEST;

/* A file that was linked as it is, without subparse. */
GST_START_TEST (test_no_text)
{
  Run run = run_launch ("videotestsrc num-buffers=3 ! supconlabel name=l ! "
      "fakesink filesrc location=/dev/zero num-buffers=1 ! l.text");

  run_assert_error (run, "subparse");
  run_clear (&run);
}

GST_END_TEST;

static Suite *
labelcues_suite (void)
{
  Suite *suite = suite_create ("labelcues");
  TCase *tcase = tcase_create ("labelcues");

  tcase_set_timeout (tcase, 60);
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_cues);
  tcase_add_test (tcase, test_empty);
  tcase_add_test (tcase, test_markup);
  tcase_add_test (tcase, test_segments);
  tcase_add_loop_test (tcase, test_wait, 0, RELEASES);
  tcase_add_loop_test (tcase, test_anew, 0, BEGINNINGS);
  tcase_add_test (tcase, test_known);
  tcase_add_test (tcase, test_seek);
  tcase_add_test (tcase, test_upstream_events);
  tcase_add_test (tcase, test_transparent);
  tcase_add_test (tcase, test_subtitles);
  tcase_add_test (tcase, test_no_text);
  return suite;
}

GST_CHECK_MAIN (labelcues);
