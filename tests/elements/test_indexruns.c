/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconindex: one run after another, one stream after another, and what is found of them. */
#include <glib/gstdio.h>
#include <math.h>

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
  gst_supcon_meta_register ();
  return suite;
}

GST_CHECK_MAIN (indexruns);
