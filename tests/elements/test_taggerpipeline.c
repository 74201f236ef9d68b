/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supcontagger in whole pipelines. */

#include <gst/base/gstbasetransform.h>

#include "pipeline.h"
#include "tagger.h"

/* The first two frames of a stream teach "cup" and "box"; then frames are cups, some of them not sure. */

typedef struct
{
  gint pushed, drawn, shown;
  const GstClockTime *duration; /* of the frames, NULL: as they come */
} Counts;

static GstPadProbeReturn
add_embedding (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer data)
{
  Counts *counts = data;
  gint n = g_atomic_int_add (&counts->pushed, 1);
  gfloat embedding[2] = { n != 1, n == 1 };
  GstBuffer *frame = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));

  if (n >= 2 && n % 3 == 0)
    embedding[1] = 1;
  gst_supcon_buffer_set_embedding (frame, embedding, 2, "embedding", "m");
  if (n < 2)
    gst_supcon_buffer_set_sample (frame, n ? "box" : "cup", n, 0);
  if (counts->duration)
    GST_BUFFER_DURATION (frame) = *counts->duration;
  GST_PAD_PROBE_INFO_DATA (info) = frame;
  return GST_PAD_PROBE_OK;
}

/* Text on a black picture. */
static GstPadProbeReturn
look (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Counts *counts = data;
  GstMapInfo map;
  gsize i;

  fail_unless (gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map,
          GST_MAP_READ));
  for (i = 0; i < map.size && map.data[i] < 128; i++);
  g_atomic_int_add (&counts->drawn, i < map.size);
  g_atomic_int_inc (&counts->shown);
  gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
count (G_GNUC_UNUSED GstPad * pad, G_GNUC_UNUSED GstPadProbeInfo * info,
    gpointer data)
{
  Counts *counts = data;

  g_atomic_int_inc (&counts->shown);
  return GST_PAD_PROBE_OK;
}

static GstElement *
new_pipeline (const gchar * source, const gchar * rest, Counts * counts)
{
  gchar *launch = g_strdup_printf ("%s ! "
      "video/x-raw,format=RGB,width=160,height=48,framerate=25/1 "
      "! identity name=i ! supcontagger name=t method=centroid threshold=0.9 "
      "post-messages=false %s", source, rest);
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (launch, &error);

  g_assert_no_error (error);
  g_free (launch);
  *counts = (Counts) { 0 };
  add_probe (pipeline, "i", "src", GST_PAD_PROBE_TYPE_BUFFER, add_embedding,
      counts);
  return pipeline;
}

static void
wait_for (GstElement * pipeline, GstMessageType type)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 15 * GST_SECOND,
      type | GST_MESSAGE_ERROR);

  fail_unless (message != NULL, "the pipeline hangs");
  fail_unless (GST_MESSAGE_TYPE (message) == type, "%" GST_PTR_FORMAT, message);
  gst_message_unref (message);
  gst_object_unref (bus);
}

static void
finish (GstElement * pipeline)
{
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (pipeline);
}

/* The text of the picture that a pause finds in its sink, waiting for its time, is in the other sink already, and the
 * next text comes no sooner than the next picture. */
GST_START_TEST (test_pause)
{
  Counts counts;
  GstElement *pipeline = new_pipeline ("videotestsrc num-buffers=100",
      "! fakesink name=s sync=true t.text ! fakesink name=x", &counts);

  add_probe (pipeline, "x", "sink", GST_PAD_PROBE_TYPE_BUFFER, count,
      &counts);
  for (guint i = 1; i <= 3; i++) {
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    while (g_atomic_int_get (&counts.shown) < (gint) (5 * i))
      g_usleep (1000);
    gst_element_set_state (pipeline, GST_STATE_PAUSED);
    fail_unless_equals_int (gst_element_get_state (pipeline, NULL, NULL,
            5 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  }
  finish (pipeline);
}
GST_END_TEST;

#define OVERLAY "! textoverlay name=o font-desc=\"Sans 20px\" " \
    "! fakesink name=s t.text ! o.text_sink"

GST_START_TEST (test_overlay)
{
  static const gchar *const rest[] = {
    OVERLAY,
    "! queue ! textoverlay name=o font-desc=\"Sans 20px\" ! fakesink name=s "
        "t.text ! queue ! o.text_sink",
    "! textoverlay name=o font-desc=\"Sans 20px\" ! queue "
        "! fakesink name=s sync=true t.text ! o.text_sink",
    OVERLAY, OVERLAY
  };
  static const GstClockTime durations[] = { GST_CLOCK_TIME_NONE, 0 };

  for (guint i = 0; i < G_N_ELEMENTS (rest); i++) {
    gchar *source = g_strdup_printf ("videotestsrc pattern=black "
        "num-buffers=%u", i == 2 ? 20 : 300);
    Counts counts;
    GstElement *pipeline = new_pipeline (source, rest[i], &counts);
    gint n = i == 2 ? 20 : 300;

    /* Without one, textoverlay cannot tell from a gap alone that a frame has no text, and drops texts that last no time. */
    if (i >= 3)
      counts.duration = &durations[i - 3];
    add_probe (pipeline, "s", "sink", GST_PAD_PROBE_TYPE_BUFFER, look,
        &counts);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    wait_for (pipeline, GST_MESSAGE_EOS);
    fail_unless_equals_int (counts.shown, n);
    /* Not on the two that teach, and not where n % 3 == 0, from 3 on. */
    fail_unless_equals_int (counts.drawn, n - 2 - (n - 1) / 3);
    finish (pipeline);
    g_free (source);
  }
}

GST_END_TEST;

GST_START_TEST (test_seek)
{
  Counts counts;
  GstElement *pipeline = new_pipeline ("videotestsrc pattern=black", OVERLAY,
      &counts);

  add_probe (pipeline, "s", "sink", GST_PAD_PROBE_TYPE_BUFFER, look,
      &counts);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  wait_for (pipeline, GST_MESSAGE_ASYNC_DONE);
  for (guint i = 0; i < 20; i++) {
    fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH, (20 - i) * GST_SECOND));
    wait_for (pipeline, GST_MESSAGE_ASYNC_DONE);
    gst_element_set_state (pipeline,
        i % 2 ? GST_STATE_PAUSED : GST_STATE_PLAYING);
    if (i % 2 == 0)
      g_usleep (5000);
    fail_unless (gst_element_get_state (pipeline, NULL, NULL,
            15 * GST_SECOND) != GST_STATE_CHANGE_FAILURE);
  }
  /* Ends by itself after the last one, text and all. */
  fail_unless (gst_element_seek (pipeline, 1, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET,
          GST_SECOND));
  counts.drawn = counts.shown = 0;
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  wait_for (pipeline, GST_MESSAGE_EOS);
  fail_unless (counts.shown >= 24 && counts.drawn >= 14, "%d, %d",
      counts.shown, counts.drawn);
  finish (pipeline);
}

GST_END_TEST;

static GstPadProbeReturn
count_seek (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_SEEK)
    g_atomic_int_inc ((gint *) data);
  return GST_PAD_PROBE_OK;
}

GST_START_TEST (test_one_seek)
{
  Counts counts;
  GstElement *pipeline = new_pipeline ("videotestsrc", OVERLAY, &counts);
  GstElement *tagger = gst_bin_get_by_name (GST_BIN (pipeline), "t");
  GstPad *pad = gst_element_get_static_pad (tagger, "sink");
  gint seeks = 0;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, count_seek, &seeks,
      NULL);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  wait_for (pipeline, GST_MESSAGE_ASYNC_DONE);
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SECOND));
  fail_unless_equals_int (seeks, 1);
  gst_object_unref (pad);
  gst_object_unref (tagger);
  finish (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_states)
{
  static const GstState states[] = { GST_STATE_PAUSED, GST_STATE_PLAYING,
    GST_STATE_READY, GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_NULL,
    GST_STATE_PLAYING, GST_STATE_NULL
  };
  Counts counts;
  GstElement *pipeline = new_pipeline ("videotestsrc pattern=black is-live=true",
      OVERLAY, &counts);

  for (guint round = 0; round < 5; round++)
    for (guint i = 0; i < G_N_ELEMENTS (states); i++) {
      g_atomic_int_set (&counts.pushed, 0);
      fail_unless (gst_element_set_state (pipeline, states[i]) !=
          GST_STATE_CHANGE_FAILURE);
      g_usleep (round * 2000);
    }
  finish (pipeline);

  /* A second run draws as the first. */
  pipeline = new_pipeline ("videotestsrc pattern=black num-buffers=30", OVERLAY,
      &counts);
  add_probe (pipeline, "s", "sink", GST_PAD_PROBE_TYPE_BUFFER, look,
      &counts);
  for (guint i = 0; i < 2; i++) {
    counts = (Counts) { 0 };
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    wait_for (pipeline, GST_MESSAGE_EOS);
    fail_unless_equals_int (counts.drawn, 30 - 2 - 9);
    gst_element_set_state (pipeline, GST_STATE_READY);
  }
  finish (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_text_pad_comes_and_goes)
{
  Counts counts;
  GstElement *pipeline = new_pipeline ("videotestsrc pattern=black",
      "! fakesink sync=false", &counts);
  GstElement *tagger = gst_bin_get_by_name (GST_BIN (pipeline), "t");

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 10; i++) {
    GstElement *sink = gst_element_factory_make ("fakesink", NULL);
    GstPad *text, *sink_pad = gst_element_get_static_pad (sink, "sink");
    GstSample *sample = NULL;
    Counts texts = { 0 };
    gint pushed;

    g_object_set (sink, "async", FALSE, NULL);
    gst_bin_add (GST_BIN (pipeline), sink);
    text = gst_element_request_pad_simple (tagger, "text");
    fail_unless (text != NULL);
    /* Unlinked it is no obstacle: pictures go on after a text that went nowhere. */
    gst_pad_add_probe (text, GST_PAD_PROBE_TYPE_BUFFER, count, &texts, NULL);
    while (!g_atomic_int_get (&texts.shown))
      g_usleep (1000);
    pushed = g_atomic_int_get (&counts.pushed);
    while (g_atomic_int_get (&counts.pushed) < pushed + 3)
      g_usleep (1000);
    gst_element_sync_state_with_parent (sink);
    fail_unless_equals_int (gst_pad_link (text, sink_pad), GST_PAD_LINK_OK);
    for (guint wait = 0; !sample && wait < 1000; wait++) {
      g_object_get (sink, "last-sample", &sample, NULL);
      g_usleep (10000);
    }
    fail_unless (sample != NULL, "no text");
    fail_unless (gst_sample_get_caps (sample) != NULL);
    fail_unless (gst_sample_get_segment (sample)->format == GST_FORMAT_TIME);
    gst_sample_unref (sample);
    gst_element_release_request_pad (tagger, text);
    gst_object_unref (text);
    gst_object_unref (sink_pad);
    gst_element_set_state (sink, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (pipeline), sink);
  }
  gst_object_unref (tagger);
  finish (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_slow_text)
{
  Counts counts;
  GstElement *pipeline = new_pipeline ("videotestsrc pattern=black",
      "! fakesink async=false t.text ! fakesink sync=true", &counts);

  /* Pictures run ahead of their texts, but not for ever; and waiting for the texts ends when it has to. */
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  wait_for (pipeline, GST_MESSAGE_ASYNC_DONE);
  for (guint i = 0; i < 3; i++) {
    gint64 end = g_get_monotonic_time () + 30 * G_TIME_SPAN_SECOND;
    gint pushed;

    while (g_atomic_int_get (&counts.pushed) < 1024
        && g_get_monotonic_time () < end)
      g_usleep (10000);
    g_usleep (200000);
    pushed = g_atomic_int_get (&counts.pushed);
    fail_unless (pushed >= 1024, "%d", pushed);
    /* Texts are taken at 30 a second. */
    g_usleep (200000);
    fail_unless (g_atomic_int_get (&counts.pushed) - pushed < 200);
    g_atomic_int_set (&counts.pushed, 2);
    fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH, 0));
  }
  finish (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_text_failure)
{
  Counts counts;
  GstElement *pipeline = new_pipeline ("videotestsrc num-buffers=2000",
      "! fakesink t.text ! capsfilter name=c ! fakesink", &counts);
  GstElement *filter = gst_bin_get_by_name (GST_BIN (pipeline), "c");
  GstCaps *caps = gst_caps_from_string ("video/x-raw");
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  /* That the text cannot go where it is linked to is not passed over in silence. */
  g_object_set (filter, "caps", caps, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 15 * GST_SECOND,
      GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_unref (message);
  gst_object_unref (bus);
  gst_caps_unref (caps);
  gst_object_unref (filter);
  finish (pipeline);
}

GST_END_TEST;

static Suite *
taggerpipeline_suite (void)
{
  Suite *suite = suite_create ("taggerpipeline");
  TCase *tcase = tcase_create ("taggerpipeline");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_pause);
  tcase_add_test (tcase, test_overlay);
  tcase_add_test (tcase, test_seek);
  tcase_add_test (tcase, test_one_seek);
  tcase_add_test (tcase, test_states);
  tcase_add_test (tcase, test_text_pad_comes_and_goes);
  tcase_add_test (tcase, test_slow_text);
  tcase_add_test (tcase, test_text_failure);
  return suite;
}

GST_CHECK_MAIN (taggerpipeline);
