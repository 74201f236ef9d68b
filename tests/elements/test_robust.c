/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tagging where the world is not as it should be: sinks that block or are slow, others who ask in between, and labels of
 * any text. */
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <json-glib/json-glib.h>

#include "folder.h"
#include "gstsupconmeta.h"
#include "posted.h"
#include "tiny_model.h"

static gchar *
write_model (void)
{
  gchar *location = g_build_filename (folder, "m.safetensors", NULL);

  supcon_model_free (tiny_model_new (location));
  return location;
}

typedef struct
{
  gint in, out;                 /* frames that came and left */
} Count;

static GstPadProbeReturn
count_in (G_GNUC_UNUSED GstPad * pad, G_GNUC_UNUSED GstPadProbeInfo * info,
    gpointer data)
{
  Count *count = data;

  g_atomic_int_inc (&count->in);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
count_out (G_GNUC_UNUSED GstPad * pad, G_GNUC_UNUSED GstPadProbeInfo * info,
    gpointer data)
{
  Count *count = data;

  g_atomic_int_inc (&count->out);
  return GST_PAD_PROBE_OK;
}

static void
be_slow (G_GNUC_UNUSED GstElement * sink, G_GNUC_UNUSED GstBuffer * buffer,
    G_GNUC_UNUSED GstPad * pad, G_GNUC_UNUSED gpointer data)
{
  g_usleep (60000);
}

/* 60 frames a second into a sink that takes a fourth of them: those that are late are dropped, and every one is counted. */
GST_START_TEST (a_slow_sink_has_frames_dropped_and_counted)
{
  gchar *location = write_model ();
  gchar *line = g_strdup_printf ("videotestsrc is-live=true num-buffers=120 ! "
      "video/x-raw,format=I420,width=32,height=32,framerate=60/1 ! "
      "queue leaky=downstream max-size-buffers=5 ! "
      "supconencoder name=e batch-size=%d location=%s ! "
      "supcontagger method=knn name=t ! fakesink name=s sync=true qos=true "
      "signal-handoffs=true", __i__, location);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  GstBus *bus = gst_element_get_bus (pipeline);
  Count count = { 0, 0 };
  guint64 dropped = 0;
  gboolean ended = FALSE;

  g_signal_connect (sink, "handoff", G_CALLBACK (be_slow), NULL);
  add_probe (pipeline, "e", "sink", GST_PAD_PROBE_TYPE_BUFFER, count_in,
      &count);
  add_probe (pipeline, "e", "src", GST_PAD_PROBE_TYPE_BUFFER, count_out,
      &count);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!ended) {
    GstMessage *message = gst_bus_timed_pop (bus, RUN_SECONDS * GST_SECOND);

    fail_unless (message != NULL, "the pipeline hangs");
    fail_if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR);
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_QOS
        && g_str_has_prefix (GST_OBJECT_NAME (GST_MESSAGE_SRC (message)), "e"))
      gst_message_parse_qos_stats (message, NULL, NULL, &dropped);
    ended = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    gst_message_unref (message);
  }
  fail_unless (dropped > 0);
  fail_unless (count.in - count.out == (gint) dropped, "%d came, %d left, %d "
      "dropped", count.in, count.out, (gint) dropped);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (location);
}
GST_END_TEST;

static GstPadProbeReturn
block (G_GNUC_UNUSED GstPad * pad, G_GNUC_UNUSED GstPadProbeInfo * info,
    G_GNUC_UNUSED gpointer data)
{
  return GST_PAD_PROBE_OK;
}

/* Behind a sink that takes nothing: the element keeps a batch and the frame that it is sending, whatever comes, and stops
 * when it is told to. */
GST_START_TEST (a_blocked_sink_holds_up_a_batch_and_no_more)
{
  gchar *location = write_model ();
  gchar *line = g_strdup_printf ("videotestsrc is-live=true ! "
      "video/x-raw,format=RGB,width=16,height=16,framerate=200/1 ! "
      "queue leaky=downstream max-size-buffers=5 ! "
      "supconencoder name=e batch-size=%d batch-timeout=20000000 location=%s ! "
      "supcontagger method=knn ! identity name=i ! fakesink async=false",
      __i__, location);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  Count count = { 0, 0 };

  add_probe (pipeline, "e", "sink", GST_PAD_PROBE_TYPE_BUFFER, count_in,
      &count);
  add_probe (pipeline, "i", "src", GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, block,
      NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_usleep (500000);
  fail_unless (g_atomic_int_get (&count.in) <= __i__ + 1, "%d", count.in);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (location);
}
GST_END_TEST;

typedef struct
{
  GstElement *encoder;
  gint done;
} Asker;

/* Whoever asks what leaves is told video, and tensors of 64 numbers or, without a model, of any. */
static gpointer
ask_for_caps (gpointer data)
{
  Asker *self = data;
  GstPad *pad = gst_element_get_static_pad (self->encoder, "src");

  while (!g_atomic_int_get (&self->done)) {
    GstCaps *caps = gst_pad_query_caps (pad, NULL);

    for (guint i = 0; i < gst_caps_get_size (caps); i++) {
      const gchar *dimensions =
          gst_structure_get_string (gst_caps_get_structure (caps, i),
          "dimensions");

      fail_unless (!dimensions || g_str_equal (dimensions, "64:1:1:1"));
    }
    gst_caps_unref (caps);
  }
  gst_object_unref (pad);
  return NULL;
}

GST_START_TEST (caps_may_be_asked_for_while_it_starts_and_stops)
{
  gchar *location = write_model ();
  gchar *line = g_strdup_printf ("videotestsrc num-buffers=4 ! "
      "video/x-raw,format=RGB,width=16,height=16 ! "
      "supconencoder name=e location=%s ! fakesink", location);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  Asker asker = { gst_bin_get_by_name (GST_BIN (pipeline), "e"), FALSE };
  GThread *thread = g_thread_new ("asker", ask_for_caps, &asker);

  for (guint i = 0; i < 20; i++) {
    Run run = run_pipeline (pipeline);

    run_assert_ended (run);
    run_clear (&run);
  }
  g_atomic_int_set (&asker.done, TRUE);
  g_thread_join (thread);
  gst_object_unref (asker.encoder);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (location);
}
GST_END_TEST;

static const gchar *const labels[] = {
  "\"杯子\" it's \\ back", "línea\nuno\r\ndos", "عربي كوب", "कप 🙂", "{\"a\": [1]}",
  "00:00:01,000 --> 00:00:02,000", "3", "tab\there",
  "<cup> & <b>\"box\"</b> </i>\n\n'a' < b &lt; c > d", "a <\xe2\x81\xa0/b>"
};

static gchar *
tag_of (GstBuffer * frame)
{
  GstVideoRegionOfInterestMeta *region =
      gst_buffer_get_video_region_of_interest_meta_id (frame, 0);
  GstStructure *tag = region ?
      gst_video_region_of_interest_meta_get_param (region, "classification") :
      NULL;

  return tag ? g_strdup (gst_structure_get_string (tag, "label")) : NULL;
}

/* The label of the first line's first object. */
static gchar *
label_in_json (const gchar * path)
{
  gchar *lines = NULL, *label;
  JsonNode *root;
  JsonObject *object;

  fail_unless (g_file_get_contents (path, &lines, NULL, NULL));
  strchr (lines, '\n')[0] = '\0';
  root = json_from_string (lines, NULL);
  fail_unless (root != NULL, "not JSON: %s", lines);
  object =
      json_array_get_object_element (json_object_get_array_member
      (json_node_get_object (root), "objects"), 0);
  label =
      g_strdup (json_object_get_string_member (json_object_get_object_member
          (object, "classification"), "label"));
  json_node_unref (root);
  g_free (lines);
  return label;
}

static void
take_label (G_GNUC_UNUSED GstElement * sink, GstBuffer * frame,
    G_GNUC_UNUSED GstPad * pad, gpointer data)
{
  gchar **label = data;
  const gchar *found = NULL;

  gst_supcon_buffer_get_sample (frame, &found, NULL, NULL);
  if (found) {
    g_free (*label);
    *label = g_strdup (found);
  }
}

/* What supconlabel reads from subtitles. */
static gchar *
label_in_subtitles (const gchar * path)
{
  gchar *line = g_strdup_printf ("videotestsrc num-buffers=4 ! "
      "video/x-raw,framerate=25/1 ! supconlabel name=l ! "
      "fakesink name=s signal-handoffs=true filesrc location=%s ! subparse ! "
      "l.text", path);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  gchar *label = NULL;
  Run run;

  g_signal_connect (sink, "handoff", G_CALLBACK (take_label), &label);
  run = run_pipeline (pipeline);
  run_assert_ended (run);
  run_clear (&run);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  g_free (line);
  return label;
}

/* A label of any text comes out as it went in: in the region's parameter and in JSON to the byte, in subtitles but for
 * carriage returns. */
GST_START_TEST (labels_may_be_any_text)
{
  gchar *location = write_model ();
  gchar *json = g_build_filename (folder, "t.jsonl", NULL);
  gchar *srt = g_build_filename (folder, "t.srt", NULL);
  gchar *line = g_strdup_printf ("supconlabel name=l ! "
      "supconencoder location=%s ! supcontagger method=knn ! "
      "supconpublish location=%s ! supconpublish format=srt location=%s",
      location, json, srt);
  GstHarness *h = gst_harness_new_parse (line);
  GstElement *labeller = gst_harness_find_element (h, "supconlabel");
  gchar *found, *expected;

  gst_harness_set_src_caps_str (h, CAPS);
  g_object_set (labeller, "label", labels[__i__], NULL);
  gst_buffer_unref (gst_harness_push_and_pull (h, numbered_frame_new (0)));
  g_object_set (labeller, "label", NULL, NULL);
  for (guint i = 1; i < 4; i++) {
    GstBuffer *frame = gst_harness_push_and_pull (h, numbered_frame_new (i));

    found = tag_of (frame);
    fail_unless_equals_string (found, labels[__i__]);
    g_free (found);
    gst_buffer_unref (frame);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  gst_object_unref (labeller);
  gst_harness_teardown (h);

  found = label_in_json (json);
  fail_unless_equals_string (found, labels[__i__]);
  g_free (found);
  found = label_in_subtitles (srt);
  expected = g_strdelimit (g_strdup (labels[__i__]), "\r", ' ');
  fail_unless_equals_string (found, expected);
  g_free (found);
  g_free (expected);
  g_free (line);
  g_free (json);
  g_free (srt);
  g_free (location);
}
GST_END_TEST;

/* What crops show of 16x16 pixels, and what is said of it. */
static const struct
{
  guint x, y, width, height;
  const gchar *error;           /* NULL: the frame is taken */
} crops[] = {
  {0, 0, 8, 8, "A frame shows 8x8 pixels; expected 16x16"},
  {4, 0, 100, 16, "A frame shows 12x16 pixels"},        /* as far as the frame goes */
  {0, 4, 16, G_MAXUINT, "A frame shows 16x12 pixels"},
  {16, 0, 8, 8, NULL},          /* nothing of the frame is nonsense */
  {0, 0, 16, 16, NULL}
};

/* A trainer's pictures are as large as its model's, whatever their caps are. */
GST_START_TEST (crops_are_held_to_the_frame_and_the_model)
{
  gchar *line = g_strdup_printf ("supcontrainer encoder=resnet8 batch-size=8 "
      "location=%s/t.safetensors", folder);
  GstHarness *h = gst_harness_new_parse (line);
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 16 * 16, NULL);
  GstBus *bus = gst_bus_new ();
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (frame);

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=GRAY8,width=16,height=16,framerate=30/1");
  gst_buffer_memset (frame, 0, 99, -1);
  crop->x = crops[__i__].x;
  crop->y = crops[__i__].y;
  crop->width = crops[__i__].width;
  crop->height = crops[__i__].height;
  fail_unless_equals_int (gst_harness_push (h, frame),
      crops[__i__].error ? GST_FLOW_ERROR : GST_FLOW_OK);
  if (crops[__i__].error)
    check_posted (bus, GST_MESSAGE_ERROR, crops[__i__].error);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
  gst_object_unref (bus);
  g_free (line);
}
GST_END_TEST;

/* Any application can attach the meta: no number is read that is not there. */
GST_START_TEST (an_embedding_shorter_than_it_says_is_none)
{
  static const gchar *const elements[] = { "supcontagger method=knn",
    "supconindex mode=add"
  };

  for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
    gchar *line = i ? g_strdup_printf ("%s location=%s/i.safetensors",
        elements[i], folder) : g_strdup (elements[i]);
    GstHarness *h = gst_harness_new_parse (line);
    GstBuffer *frame = numbered_frame_new (0);
    const gfloat two[2] = { 1, 2 };

    gst_harness_set_src_caps_str (h, CAPS);
    gst_supcon_buffer_set_embedding (frame, two, 2, "embedding", "m");
    gst_structure_set (gst_custom_meta_get_structure (gst_buffer_get_custom_meta
            (frame, GST_SUPCON_EMBEDDING_META)), "dim", G_TYPE_UINT, 3, NULL);
    fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_ERROR);
    gst_harness_teardown (h);
    g_free (line);
  }
}
GST_END_TEST;

static Suite *
robust_suite (void)
{
  Suite *suite = suite_create ("robust");
  TCase *tcase = tcase_create ("general");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 300);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, a_slow_sink_has_frames_dropped_and_counted, 1, 3);
  tcase_add_loop_test (tcase, a_blocked_sink_holds_up_a_batch_and_no_more, 1,
      5);
  tcase_add_test (tcase, caps_may_be_asked_for_while_it_starts_and_stops);
  tcase_add_loop_test (tcase, labels_may_be_any_text, 0,
      G_N_ELEMENTS (labels));
  tcase_add_loop_test (tcase, crops_are_held_to_the_frame_and_the_model, 0,
      G_N_ELEMENTS (crops));
  tcase_add_test (tcase, an_embedding_shorter_than_it_says_is_none);
  return suite;
}

GST_CHECK_MAIN (robust);
