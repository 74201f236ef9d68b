/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconindex with embeddings made by hand, so that every score is known. */

#include <glib/gstdio.h>
#include <locale.h>
#include <math.h>

#include "index/index.h"
#include "indexing.h"
#include "model/checkpoint.h"
#include "posted.h"

/* As it leaves an encoder that has no model yet. */
static GstBuffer *
new_without_model (guint number)
{
  GstBuffer *frame = numbered_frame_new (number);

  gst_supcon_buffer_set_embedding (frame, NULL, 0, "embedding", "m");
  gst_supcon_buffer_set_embedding_origin (frame, 0, 0);
  return frame;
}

/* Frame i of n points in a direction of i degrees. */
static void
fill (const gchar * properties, guint n, const gchar * label)
{
  Fixture f;

  start_index (&f, FALSE, properties);
  for (guint i = 0; i < n; i++) {
    gdouble angle = i * G_PI / 180;

    fail_unless_equals_int (gst_harness_push (f.video, new_embedded (i,
                3 * cos (angle), 3 * sin (angle), label)), GST_FLOW_OK);
  }
  fail_unless (gst_harness_push_event (f.video, gst_event_new_eos ()));
  stop (&f);
}

static const GValue *
value_at (const GstStructure * s, const gchar * field, guint i)
{
  const GValue *array = gst_structure_get_value (s, field);

  fail_unless (array && i < gst_value_array_get_size (array));
  return gst_value_array_get_value (array, i);
}

static void
check_neighbour (const GstStructure * s, guint i, guint degrees, gdouble score,
    const gchar * label, const gchar * uri)
{
  fail_unless (fabs (g_value_get_double (value_at (s, "scores", i)) - score)
      < 1e-6);
  fail_unless_equals_string (g_value_get_string (value_at (s, "labels", i)),
      label);
  fail_unless_equals_string (g_value_get_string (value_at (s, "uris", i)), uri);
  fail_unless_equals_uint64 (g_value_get_uint64 (value_at (s, "timestamps", i)),
      degrees * FRAME);
}

static GstMessage *
pop (Fixture * f, GstMessageType type)
{
  GstMessage *message = gst_bus_pop_filtered (f->bus, type);

  fail_unless (message != NULL);
  return message;
}

static void
check_text (Fixture * f, GstClockTime time, const gchar * expected)
{
  GstBuffer *text = gst_harness_pull (f->text);
  gchar *found = g_malloc0 (gst_buffer_get_size (text) + 1);

  fail_unless_equals_uint64 (GST_BUFFER_PTS (text), time);
  gst_buffer_extract (text, 0, found, -1);
  fail_unless_equals_string (found, expected);
  g_free (found);
  gst_buffer_unref (text);
}

/* launch: with a %s for location. */
static void
check_does_not_start (const gchar * launch, const gchar * location,
    const gchar * text)
{
  gchar *line = g_strdup_printf (launch, location);
  GstElement *element = gst_parse_launch (line, NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  check_posted (bus, GST_MESSAGE_ERROR, text);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
  g_free (line);
}

GST_START_TEST (neighbours_leave_in_three_ways)
{
  Fixture f;
  GstBuffer *frame;
  GstMessage *message;
  const GstStructure *s;

  fill ("mode=add uri=file:///tmp/turn.mp4", 90, "cup \"1\"");
  start_index (&f, TRUE, "neighbours=2 min-gap=400000000");
  frame = gst_harness_push_and_pull (f.video,
      new_embedded (7, cos (30.2 * G_PI / 180), sin (30.2 * G_PI / 180), NULL));
  message = pop (&f, GST_MESSAGE_ELEMENT);
  s = gst_message_get_structure (message);
  fail_unless (gst_structure_has_name (s, "supcon-neighbours"));
  fail_unless_equals_int (gst_value_array_get_size (gst_structure_get_value (s,
              "scores")), 2);
  check_neighbour (s, 0, 30, cos (0.2 * G_PI / 180), "cup \"1\"",
      "file:///tmp/turn.mp4");
  check_neighbour (s, 1, 40, cos (9.8 * G_PI / 180), "cup \"1\"",
      "file:///tmp/turn.mp4");
  fail_unless (gst_structure_is_equal (s,
          gst_supcon_buffer_get_neighbours (frame)));
  gst_message_unref (message);
  gst_buffer_unref (frame);

  check_text (&f, 7 * FRAME, "0:00:01.200  1.000  cup \"1\"  turn.mp4\n"
      "0:00:01.600  0.985  cup \"1\"  turn.mp4");
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (threshold_and_neighbours_change_while_playing)
{
  Fixture f;
  GstBuffer *frame;

  fill ("mode=add", 90, NULL);
  start_index (&f, FALSE, "post-messages=false threshold=0.9999");
  for (guint i = 0; i < 3; i++) {
    static const guint found[] = { 1, 0, 20 };

    if (i == 1)
      g_object_set (f.video->element, "threshold", 1.5, NULL);
    if (i == 2)
      g_object_set (f.video->element, "threshold", -2.0, "neighbours", 20,
          NULL);
    frame = gst_harness_push_and_pull (f.video, new_embedded (i, 2, 0, NULL));
    fail_unless_equals_int (gst_value_array_get_size (gst_structure_get_value
            (gst_supcon_buffer_get_neighbours (frame), "uris")), found[i]);
    gst_buffer_unref (frame);
  }
  fail_unless (gst_bus_pop_filtered (f.bus, GST_MESSAGE_ELEMENT) == NULL);
  stop (&f);
}

GST_END_TEST;

/* All lists find what an exact search finds. Built without faiss it is an error that says so. */
GST_START_TEST (probes_search_approximately)
{
#ifdef SUPCON_HAVE_FAISS
  Fixture f;
  GstBuffer *frame;
  const GstStructure *s;

  fill ("mode=add", 90, "cup");
  start_index (&f, FALSE, "probes=9 neighbours=2");
  frame = gst_harness_push_and_pull (f.video,
      new_embedded (7, cos (30.2 * G_PI / 180), sin (30.2 * G_PI / 180), NULL));
  s = gst_supcon_buffer_get_neighbours (frame);
  check_neighbour (s, 0, 30, cos (0.2 * G_PI / 180), "cup", "");
  check_neighbour (s, 1, 31, cos (0.8 * G_PI / 180), "cup", "");
  gst_buffer_unref (frame);
  stop (&f);
#else
  gchar *path = g_build_filename (folder, "i.safetensors", NULL);

  fill ("mode=add", 90, "cup");
  check_does_not_start ("supconindex probes=9 location=%s", path, "needs faiss");
  g_free (path);
#endif
}

GST_END_TEST;

GST_START_TEST (append_adds_to_what_is_there)
{
  Fixture f;
  GstMessage *message;
  guint64 count;
  gboolean saved;

  /* Nothing is written, and said so, before there is an index, and when the stream ends without one. */
  start_index (&f, FALSE, "mode=add");
  g_signal_emit_by_name (f.video->element, "save", &saved);
  fail_if (saved);
  check_posted (f.bus, GST_MESSAGE_WARNING, "no frame carried an embedding");
  gst_harness_push_event (f.video, gst_event_new_eos ());
  check_posted (f.bus, GST_MESSAGE_WARNING, "The index is not written: no ");
  gst_element_set_state (f.video->element, GST_STATE_NULL);
  g_signal_emit_by_name (f.video->element, "save", &saved);
  fail_if (saved);
  check_posted (f.bus, GST_MESSAGE_WARNING, "stopped");
  stop (&f);
  fill ("mode=append", 10, NULL);       /* there is none yet */
  start_index (&f, FALSE, "mode=search");
  g_signal_emit_by_name (f.video->element, "save", &saved);
  fail_if (saved);
  check_posted (f.bus, GST_MESSAGE_WARNING, "only searched");
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  stop (&f);
  start_index (&f, FALSE, "mode=append");
  g_object_get (f.video->element, "count", &count, NULL);
  fail_unless_equals_uint64 (count, 10);
  gst_harness_push (f.video, new_embedded (0, 1, 1, "more"));
  g_signal_emit_by_name (f.video->element, "save", &saved);
  fail_unless (saved);
  message = pop (&f, GST_MESSAGE_ELEMENT);
  fail_unless (gst_structure_get_uint64 (gst_message_get_structure (message),
          "count", &count) && count == 11);
  gst_message_unref (message);
  /* Not finite: left out with a warning. */
  gst_harness_push (f.video, new_embedded (0, NAN, 1, "more"));
  gst_message_unref (pop (&f, GST_MESSAGE_WARNING));
  g_object_get (f.video->element, "count", &count, NULL);
  fail_unless_equals_uint64 (count, 11);
  stop (&f);
  fill ("mode=add", 3, NULL);
  start_index (&f, FALSE, "");
  g_object_get (f.video->element, "count", &count, NULL);
  fail_unless_equals_uint64 (count, 3);
  stop (&f);
}

GST_END_TEST;

/* A stream that breaks off does not cost the index that was there. */
GST_START_TEST (an_index_that_is_replaced_stays)
{
  gchar *path = g_build_filename (folder, "i.replaced-5.safetensors", NULL);
  SupconIndex *index;
  Fixture f;

  fill ("mode=add", 5, NULL);
  start_index (&f, FALSE, "mode=add");
  gst_harness_push (f.video, new_embedded (0, 1, 1, NULL));
  stop (&f);
  index = supcon_index_load (path, NULL);
  fail_unless (index && supcon_index_count (index) == 5);
  supcon_index_free (index);
  g_free (path);
}

GST_END_TEST;

/* Who waits for a frame's text hears of each frame, even of one that has no time. */
GST_START_TEST (a_frame_without_neighbours_leaves_a_gap)
{
  GstClockTime time;
  GstEvent *event;
  Fixture f;

  fill ("mode=add", 2, NULL);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *frame =
        i ? new_embedded (7, 1, 1, NULL) : new_without_model (7);

    if (i == 2)
      GST_BUFFER_PTS (frame) = GST_BUFFER_DTS (frame) = GST_CLOCK_TIME_NONE;
    start_index (&f, TRUE, i ? "mode=append" : "");
    fail_unless_equals_int (gst_harness_push (f.video, frame), GST_FLOW_OK);
    do {
      event = gst_harness_pull_event (f.text);
      fail_unless (event != NULL);
      if (GST_EVENT_TYPE (event) == GST_EVENT_GAP)
        break;
      gst_event_unref (event);
    } while (TRUE);
    gst_event_parse_gap (event, &time, NULL);
    fail_unless_equals_uint64 (time, i == 2 ? 0 : 7 * FRAME);
    gst_event_unref (event);
    stop (&f);
  }
}

GST_END_TEST;

GST_START_TEST (mistakes_are_errors_with_a_reason)
{
  Fixture f;
  GstBuffer *frame;
  const gfloat three[3] = { 1, 2, 3 };
  gchar *path = g_build_filename (folder, "i.safetensors", NULL);

  check_does_not_start ("supconindex", NULL, "supconindex needs location");
  check_does_not_start ("supconindex location=\"\"", NULL,
      "supconindex needs location");
  check_does_not_start ("supconindex location=%s", path, "i.safetensors: No such file");
  g_file_set_contents (path, "not an index at all", -1, NULL);
  check_does_not_start ("supconindex location=%s", path, "i.safetensors: header of");
  check_does_not_start ("supconindex mode=add location=%s", path,
      "What is there is no index to replace");
  g_unlink (path);
  /* What cannot be told is not taken for an index that is to begin. */
  fail_unless_equals_int (symlink ("i.safetensors", path), 0);
  check_does_not_start ("supconindex mode=add location=%s", path, "i.safetensors: Too many levels");
  check_does_not_start ("supconindex mode=append location=%s", path, "i.safetensors: Too many levels");
  g_unlink (path);

  fill ("mode=add", 5, NULL);
  start_index (&f, FALSE, "");
  frame = new_embedded (0, 1, 1, NULL);
  gst_supcon_buffer_set_embedding (frame, three, 3, "embedding", "m");
  fail_unless_equals_int (gst_harness_push (f.video, frame), GST_FLOW_ERROR);
  check_posted (f.bus, GST_MESSAGE_ERROR, "An embedding of 3 numbers, expected 2");
  frame = numbered_frame_new (0);
  fail_unless_equals_int (gst_harness_push (f.video, frame), GST_FLOW_ERROR);
  check_posted (f.bus, GST_MESSAGE_ERROR, "supconencoder must be upstream");
  fail_unless_equals_int (gst_harness_push (f.video, new_without_model (0)),
      GST_FLOW_OK);
  fail_unless (gst_bus_pop_filtered (f.bus, GST_MESSAGE_ELEMENT) == NULL);
  stop (&f);

  /* An index is not taken for a model of too few weights. */
  check_does_not_start ("supconencoder location=%s", path,
      "i.safetensors: is of format gst-supcon-index; expected a model");
  /* One at a time writes it. */
  start_index (&f, FALSE, "mode=append");
  check_does_not_start ("supconindex mode=append location=%s", path,
      "is written by another element");
  stop (&f);
  /* It is read by who may write it, so that what the one before added is there. */
  {
    SupconCheckpointLock *lock = supcon_checkpoint_lock_new (path, NULL);

    fail_unless (lock != NULL);
    g_file_set_contents (path, "not an index at all", -1, NULL);
    check_does_not_start ("supconindex mode=append location=%s", path,
        "is written by another element");
    supcon_checkpoint_lock_free (lock);
  }

  check_does_not_start ("supconindex mode=add location=%s", "/nowhere/i.safetensors",
      "/nowhere/i.safetensors: cannot be written");
  /* The folder goes away in the middle, and is there again when the element is stopped: then the index is saved. Where
   * it stays away, that is said once. */
  for (guint again = 0; again < 2; again++) {
    gchar *gone = g_build_filename (folder, "gone", NULL);
    gchar *saved = g_build_filename (gone, "i.safetensors", NULL);
    gchar *lock = g_build_filename (gone, ".i.safetensors.lock", NULL);
    gchar *properties = g_strdup_printf ("mode=add location=%s/i.safetensors",
        gone);

    fail_unless_equals_int (g_mkdir (gone, 0700), 0);
    start_index (&f, FALSE, properties);
    gst_harness_push (f.video, new_embedded (0, 1, 1, NULL));
    g_unlink (lock);
    fail_unless_equals_int (g_rmdir (gone), 0);
    gst_harness_push_event (f.video, gst_event_new_eos ());
    check_posted (f.bus, GST_MESSAGE_ERROR, "gone/i.safetensors: cannot be written");
    if (again)
      fail_unless_equals_int (g_mkdir (gone, 0700), 0);
    gst_element_set_state (f.video->element, GST_STATE_READY);
    fail_unless (gst_bus_pop_filtered (f.bus, GST_MESSAGE_ERROR) == NULL);
    stop (&f);
    if (again) {
      fail_unless_equals_int (g_unlink (saved), 0);
      fail_unless_equals_int (g_rmdir (gone), 0);
    }
    g_free (properties);
    g_free (saved);
    g_free (lock);
    g_free (gone);
  }

  g_free (path);
}

GST_END_TEST;

/* An index is written, and told of, once; so is that embeddings are of no use. */
GST_START_TEST (what_was_said_is_not_said_again)
{
  GstMessage *message;
  Fixture f;

  start_index (&f, FALSE, "mode=add");
  gst_harness_push (f.video, new_embedded (0, 1, 1, NULL));
  gst_harness_push (f.video, new_embedded (1, 0, 0, NULL));
  gst_harness_push (f.video, new_embedded (2, NAN, 0, NULL));
  gst_message_unref (pop (&f, GST_MESSAGE_WARNING));
  fail_unless (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING) == NULL);
  gst_harness_push_event (f.video, gst_event_new_eos ());
  gst_element_set_state (f.video->element, GST_STATE_READY);
  message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_ELEMENT);
  fail_unless (message && gst_message_has_name (message, "supcon-index"));
  gst_message_unref (message);
  fail_unless (gst_bus_pop_filtered (f.bus, GST_MESSAGE_ELEMENT) == NULL);
  stop (&f);
}

GST_END_TEST;

/* Hours, minutes and seconds each in their own place. */
GST_START_TEST (times_of_neighbours_have_hours)
{
  GstBuffer *frame;
  Fixture f;

  start_index (&f, FALSE, "mode=add");
  gst_harness_push (f.video, new_embedded (3661 * 25, 1, 0, NULL));
  stop (&f);
  start_index (&f, TRUE, "neighbours=1");
  frame = gst_harness_push_and_pull (f.video, new_embedded (7, 1, 0, NULL));
  gst_buffer_unref (frame);
  check_text (&f, 7 * FRAME, "1:01:01.000  1.000");
  stop (&f);
}

GST_END_TEST;

/* Programs read the text of neighbours, too. */
GST_START_TEST (scores_have_a_point_in_each_locale)
{
  gchar *path = g_build_filename (folder, "de_DE.UTF-8", NULL);
  const gchar *const argv[] =
      { "localedef", "-i", "de_DE", "-f", "UTF-8", path, NULL };
  GstBuffer *frame;
  Fixture f;

  fail_unless (g_spawn_sync (NULL, (gchar **) argv, NULL, G_SPAWN_SEARCH_PATH,
          NULL, NULL, NULL, NULL, NULL, NULL));
  g_setenv ("LOCPATH", folder, TRUE);
  fail_unless (setlocale (LC_NUMERIC, "de_DE.UTF-8") != NULL);
  g_unsetenv ("LOCPATH");
  start_index (&f, FALSE, "mode=add");
  gst_harness_push (f.video, new_embedded (0, 0.5, 0.5, NULL));
  stop (&f);
  start_index (&f, TRUE, "");
  frame = gst_harness_push_and_pull (f.video, new_embedded (7, 1, 0, NULL));
  gst_buffer_unref (frame);
  check_text (&f, 7 * FRAME, "0:00:00.000  0.707");
  setlocale (LC_NUMERIC, "C");
  stop (&f);
  g_free (path);
}

GST_END_TEST;

static Suite *
index_suite (void)
{
  Suite *suite = suite_create ("supconindex");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, neighbours_leave_in_three_ways);
  tcase_add_test (tcase, what_was_said_is_not_said_again);
  tcase_add_test (tcase, times_of_neighbours_have_hours);
  tcase_add_test (tcase, scores_have_a_point_in_each_locale);
  tcase_add_test (tcase, threshold_and_neighbours_change_while_playing);
  tcase_add_test (tcase, probes_search_approximately);
  tcase_add_test (tcase, append_adds_to_what_is_there);
  tcase_add_test (tcase, an_index_that_is_replaced_stays);
  tcase_add_test (tcase, a_frame_without_neighbours_leaves_a_gap);
  tcase_add_test (tcase, mistakes_are_errors_with_a_reason);
  gst_supcon_meta_register ();
  return suite;
}

GST_CHECK_MAIN (index);
