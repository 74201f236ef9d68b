/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconindex: one run after another, one stream after another, what is found of them and what is saved. */
#include <glib/gstdio.h>
#include <math.h>

#include "controlled.h"
#include "index/index.h"
#include "indexing.h"
#include "posted.h"

/* Stops the element, sets what is given, and begins a stream. */
static void
run_again (Fixture * f, const gchar * location, const gchar * mode)
{
  GstElement *element = f->video->element;
  GstSegment segment;

  gst_element_set_state (element, GST_STATE_READY);
  g_object_set (element, "location", location, NULL);
  gst_util_set_object_arg (G_OBJECT (element), "mode", mode);
  gst_harness_play (f->video);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f->video, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (f->video, CAPS);
  gst_harness_push_event (f->video, gst_event_new_segment (&segment));
}

static void
push (Fixture * f, GstBuffer * frame)
{
  fail_unless_equals_int (gst_harness_push (f->video, frame), GST_FLOW_OK);
}

/* What was warned of in one run is warned of in the next. */
GST_START_TEST (warnings_are_of_a_run)
{
  gchar *path = g_build_filename (folder, "i.safetensors", NULL);
  Fixture f;

  start_index (&f, FALSE, "mode=add");
  push (&f, new_encoded (1, 1, 0));
  for (guint run = 0; run < 2; run++) {
    push (&f, new_encoded (1, 0, 0));
    check_posted (f.bus, GST_MESSAGE_WARNING, "without a direction");
    run_again (&f, path, "append");
  }
  for (guint run = 0; run < 2; run++) {
    run_again (&f, path, "search");
    push (&f, new_encoded (2, 1, 0));
    check_posted (f.bus, GST_MESSAGE_WARNING, "of another encoder");
  }
  stop (&f);
  g_free (path);
}

GST_END_TEST;

/* An index that could not be written is no reason to write the next one, which was only read, nor to say nothing when that
 * fails too. */
GST_START_TEST (failures_are_of_a_run)
{
  gchar *path = g_build_filename (folder, "i.safetensors", NULL);
  gchar *gone = g_build_filename (folder, "gone", NULL);
  gchar *lost = g_build_filename (gone, "i.safetensors", NULL);
  gchar *lock = g_build_filename (gone, ".i.safetensors.lock", NULL);
  GstMessage *message;
  Fixture f;

  start_index (&f, FALSE, "mode=add");
  push (&f, new_embedded (0, 1, 0, NULL));
  for (guint run = 0; run < 2; run++) {
    gst_element_set_state (f.video->element, GST_STATE_READY);
    fail_unless_equals_int (g_mkdir (gone, 0700), 0);
    run_again (&f, lost, "add");
    push (&f, new_embedded (0, 1, 0, NULL));
    g_unlink (lock);
    fail_unless_equals_int (g_rmdir (gone), 0);
    /* At the end of its stream, and without one. */
    if (run == 0)
      gst_harness_push_event (f.video, gst_event_new_eos ());
    else
      gst_element_set_state (f.video->element, GST_STATE_READY);
    check_posted (f.bus, GST_MESSAGE_ERROR, "gone/i.safetensors");
  }
  while ((message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_ELEMENT)))
    gst_message_unref (message);
  run_again (&f, path, "search");
  gst_element_set_state (f.video->element, GST_STATE_READY);
  fail_unless (gst_bus_pop_filtered (f.bus, GST_MESSAGE_ELEMENT) == NULL);
  stop (&f);
  g_free (lock);
  g_free (lost);
  g_free (gone);
  g_free (path);
}

GST_END_TEST;

static GstPadProbeReturn
answer_uri (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer user_data)
{
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY (info);

  if (GST_QUERY_TYPE (query) != GST_QUERY_URI)
    return GST_PAD_PROBE_OK;
  gst_query_set_uri (query, *(const gchar **) user_data);
  return GST_PAD_PROBE_HANDLED;
}

/* Of streams that follow each other each has its own URI; one that has no last part is shown whole. */
GST_START_TEST (streams_have_their_uris)
{
  static const gchar *const uris[] = { "file:///tmp/a.mp4", "camera://hall/" };
  static const gchar *const shown[] = { "a.mp4", "camera://hall/" };
  const gchar *uri = NULL;
  GstBuffer *frame;
  Fixture f;

  start_index (&f, FALSE, "mode=add");
  gst_pad_add_probe (f.video->srcpad, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM,
      answer_uri, &uri, NULL);
  for (guint i = 0; i < 2; i++) {
    uri = uris[i];
    gst_harness_push_event (f.video, gst_event_new_stream_start (uri));
    frame = new_embedded (i, i, 1 - (gfloat) i, NULL);
    if (i)
      GST_BUFFER_PTS (frame) = GST_CLOCK_TIME_NONE;
    push (&f, frame);
  }
  stop (&f);
  start_index (&f, TRUE, "neighbours=1");
  for (guint i = 0; i < 2; i++) {
    GstBuffer *text;
    GstMapInfo map;

    push (&f, new_embedded (i, i, 1 - (gfloat) i, NULL));
    text = gst_harness_pull (f.text);
    gst_buffer_map (text, &map, GST_MAP_READ);
    fail_unless (g_strstr_len ((const gchar *) map.data, map.size, shown[i]));
    fail_if (g_strstr_len ((const gchar *) map.data, map.size, "/tmp"));
    /* The second one came without a time. */
    fail_unless_equals_int (g_str_has_prefix ((const gchar *) map.data,
            "1.000  "), i == 1);
    gst_buffer_unmap (text, &map);
    gst_buffer_unref (text);
  }
  stop (&f);
}

GST_END_TEST;

/* What an index was made with is what it is searched with, whatever is set then. */
GST_START_TEST (a_metric_stays)
{
  /* Of (3, 4) and (4, 0), as they are and of unit length. */
  static const gdouble scores[] = { 0.6, 12 };

  for (guint i = 0; i < 2; i++) {
    GstMessage *message;
    Fixture f;

    start_index (&f, FALSE,
        i ? "mode=add metric=inner-product" : "mode=add metric=cosine");
    push (&f, new_embedded (0, 3, 4, NULL));
    stop (&f);
    start_index (&f, FALSE, i ? "metric=cosine" : "metric=inner-product");
    push (&f, new_embedded (0, 4, 0, NULL));
    message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_ELEMENT);
    fail_unless (message != NULL);
    fail_unless (fabs (g_value_get_double (gst_value_array_get_value
                (gst_structure_get_value (gst_message_get_structure (message),
                        "scores"), 0)) - scores[i]) < 1e-6);
    gst_message_unref (message);
    stop (&f);
  }
}

GST_END_TEST;

/* What was written has so many entries. */
static void
check_saved (guint64 expected)
{
  guint64 count;
  Fixture f;

  start_index (&f, FALSE, "");
  g_object_get (f.video->element, "count", &count, NULL);
  fail_unless_equals_uint64 (count, expected);
  stop (&f);
}

GST_START_TEST (stopping_without_an_end_saves_too)
{
  Fixture f;

  start_index (&f, FALSE, "mode=add");
  gst_harness_push (f.video, new_embedded (0, 1, 1, NULL));
  stop (&f);
  check_saved (1);
}

GST_END_TEST;

/* Embeddings of two encoders are not mixed, and a search by those of another is said to be one, once. */
GST_START_TEST (an_index_is_of_one_encoder)
{
  Fixture f;

  start_index (&f, FALSE, "mode=add");
  gst_harness_push (f.video, new_encoded (7, 1, 0));
  fail_unless_equals_int (gst_harness_push (f.video, new_encoded (8, 0, 1)),
      GST_FLOW_ERROR);
  check_posted (f.bus, GST_MESSAGE_ERROR, "and cannot be added to them; expected the encoder that it "
      "was begun with, or mode=add");
  stop (&f);
  start_index (&f, FALSE, "mode=append");
  fail_unless_equals_int (gst_harness_push (f.video, new_encoded (8, 0, 1)),
      GST_FLOW_ERROR);
  check_posted (f.bus, GST_MESSAGE_ERROR, "of another encoder than those of the index in");
  stop (&f);
  /* One that is not known is not refused. */
  start_index (&f, FALSE, "mode=append");
  fail_unless_equals_int (gst_harness_push (f.video, new_embedded (0, 0, 1,
              NULL)), GST_FLOW_OK);
  stop (&f);
  check_saved (2);

  start_index (&f, FALSE, "");
  gst_harness_push (f.video, new_encoded (7, 1, 0));
  fail_unless (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING) == NULL);
  for (guint i = 0; i < 2; i++) {
    GstMessage *message;

    fail_unless_equals_int (gst_harness_push (f.video, new_encoded (8, 1, 0)),
        GST_FLOW_OK);
    message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING);
    fail_unless ((message != NULL) == (i == 0));
    if (message)
      gst_message_unref (message);
  }
  stop (&f);
}

GST_END_TEST;

static GstBusSyncReply
read_count (G_GNUC_UNUSED GstBus * bus, GstMessage * message,
    gpointer user_data)
{
  if (GST_MESSAGE_TYPE (message) & (GST_MESSAGE_ERROR | GST_MESSAGE_WARNING))
    g_object_get (GST_MESSAGE_SRC (message), "count", (guint64 *) user_data,
        NULL);
  return GST_BUS_PASS;
}

/* Properties are read where messages are posted, and set while the file that they named is written. */
GST_START_TEST (properties_are_free_at_any_time)
{
  const gfloat three[3] = { 1, 2, 3 };
  guint64 count = 9;
  GstBuffer *frame;
  Fixture f;

  start_index (&f, FALSE, "mode=add");
  gst_bus_set_sync_handler (f.bus, read_count, &count, NULL);
  gst_harness_push (f.video, new_embedded (0, 1, 1, NULL));
  gst_harness_push (f.video, new_embedded (0, 0, 0, NULL));
  fail_unless_equals_uint64 (count, 1);
  frame = new_embedded (0, 1, 1, NULL);
  gst_supcon_buffer_set_embedding (frame, three, 3, "embedding", "m");
  count = 9;
  fail_unless_equals_int (gst_harness_push (f.video, frame), GST_FLOW_ERROR);
  fail_unless_equals_uint64 (count, 1);
  g_object_set (f.video->element, "location", NULL, NULL);
  gst_harness_push_event (f.video, gst_event_new_eos ());
  stop (&f);
  check_saved (1);
}

GST_END_TEST;

/* Times in the index are of the stream: what of it plays, and where that begins, is not the buffer's. The URI is that of
 * the source, unless another one is set. */
GST_START_TEST (entries_have_the_streams_time_and_uri)
{
  gchar *path = g_build_filename (folder, "i.safetensors", NULL);
  const gchar *uri = "file:///tmp/source.mp4";

  for (guint set = 0; set < 2; set++) {
    GstBuffer *frame = new_embedded (251, 1, 0, NULL);
    GstSegment segment;
    SupconIndex *index;
    SupconEntry entry;
    Fixture f;

    start_index (&f, FALSE, set ? "mode=add uri=set:it" : "mode=add");
    gst_pad_add_probe (f.video->srcpad, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM,
        answer_uri, &uri, NULL);
    fail_unless (gst_harness_push_event (f.video,
            gst_event_new_stream_start ("other")));
    gst_segment_init (&segment, GST_FORMAT_TIME);
    segment.start = 10 * GST_SECOND;
    fail_unless (gst_harness_push_event (f.video,
            gst_event_new_segment (&segment)));
    fail_unless_equals_int (gst_harness_push (f.video, frame), GST_FLOW_OK);
    frame = new_embedded (252, 1, 0, NULL);
    GST_BUFFER_PTS (frame) = GST_CLOCK_TIME_NONE;
    fail_unless_equals_int (gst_harness_push (f.video, frame), GST_FLOW_OK);
    stop (&f);

    index = supcon_index_load (path, NULL);
    fail_unless (index && supcon_index_count (index) == 2);
    entry = supcon_index_entry (index, 0);
    fail_unless_equals_int64 (entry.timestamp, FRAME);
    fail_unless_equals_string (entry.uri, set ? "set:it" : uri);
    entry = supcon_index_entry (index, 1);
    fail_unless_equals_int64 (entry.timestamp, -1);
    supcon_index_free (index);
  }
  g_free (path);
}

GST_END_TEST;

/* By the time of the frame that is searched for, not as it was set at the start. */
GST_START_TEST (a_controller_moves_numbers)
{
  /* The least score and the most entries of each frame, and how many of the two there are found. */
  static const gdouble thresholds[] = { 0, 0.9, 0, 0 };
  static const guint neighbours[] = { 5, 5, 1, 5 }, found[] = { 2, 1, 1, 2 };
  GstTimedValueControlSource *least, *most;
  Fixture f;

  start_index (&f, FALSE, "mode=add");
  push (&f, new_embedded (0, 1, 0, NULL));
  push (&f, new_embedded (1, 1, 1, NULL));
  stop (&f);
  start_index (&f, FALSE, "");
  least = control (f.video->element, "threshold");
  most = control (f.video->element, "neighbours");
  for (guint i = 0; i < G_N_ELEMENTS (found); i++) {
    gst_timed_value_control_source_set (least, i * FRAME, thresholds[i]);
    gst_timed_value_control_source_set (most, i * FRAME, neighbours[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (found); i++) {
    GstMessage *message;

    push (&f, new_embedded (i, 1, 0, NULL));
    message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_ELEMENT);
    fail_unless (message != NULL);
    fail_unless_equals_int (gst_value_array_get_size (gst_structure_get_value
            (gst_message_get_structure (message), "scores")), found[i]);
    gst_message_unref (message);
  }
  stop (&f);
}

GST_END_TEST;

static Suite *
indexruns_suite (void)
{
  Suite *suite = suite_create ("indexruns");
  TCase *tcase = tcase_create ("indexruns");

  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, warnings_are_of_a_run);
  tcase_add_test (tcase, failures_are_of_a_run);
  tcase_add_test (tcase, streams_have_their_uris);
  tcase_add_test (tcase, a_metric_stays);
  tcase_add_test (tcase, stopping_without_an_end_saves_too);
  tcase_add_test (tcase, an_index_is_of_one_encoder);
  tcase_add_test (tcase, properties_are_free_at_any_time);
  tcase_add_test (tcase, entries_have_the_streams_time_and_uri);
  tcase_add_test (tcase, a_controller_moves_numbers);
  gst_supcon_meta_register ();
  return suite;
}

GST_CHECK_MAIN (indexruns);
