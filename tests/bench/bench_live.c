/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long encoding and tagging a frame of a live source takes, with a training in the same process and without one.
 * Usage: bench_live SECONDS [PROPERTIES OF THE TRAINER] */
#include <gst/gst.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE "videotestsrc is-live=true pattern=ball ! video/x-raw,format=RGB,width=320,height=240,framerate=30/1 "
#define TAGGER "queue ! supconencoder location=%s ! supcontagger name=t method=knn ! fakesink "

static int
compare (const void *a, const void *b)
{
  const double *x = a, *y = b;

  return (*x > *y) - (*x < *y);
}

/* Milliseconds of each frame that was tagged; the last step of training that was told of. */
static GArray *
run (const char *line, double seconds, guint64 *steps)
{
  GArray *times = g_array_new (FALSE, FALSE, sizeof (double));
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);
  GstElement *tagger;
  GstBus *bus;
  gint64 end = g_get_monotonic_time () + (gint64)(seconds * G_USEC_PER_SEC);
  gboolean taught = FALSE;

  *steps = 0;
  if (error)
    g_error ("%s: %s", line, error->message);
  tagger = gst_bin_get_by_name (GST_BIN (pipeline), "t");
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (g_get_monotonic_time () < end) {
    GstMessage *message = gst_bus_timed_pop (bus, 50 * GST_MSECOND);
    guint64 encoding, tagging;
    double time;

    if (!taught)
      g_signal_emit_by_name (tagger, "learn", "ball", &taught);
    if (!message)
      continue;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      gst_message_parse_error (message, &error, NULL);
      g_error ("%s", error->message);
    }
    if (gst_message_has_name (message, "supcon-train"))
      gst_structure_get (gst_message_get_structure (message), "step", G_TYPE_UINT64, steps, NULL);
    if (gst_message_has_name (message, "supcon-tags")
        && gst_structure_get (gst_message_get_structure (message), "encoding-time", G_TYPE_UINT64, &encoding,
            "tagging-time", G_TYPE_UINT64, &tagging, NULL)) {
      time = (double)(encoding + tagging) / GST_MSECOND;
      g_array_append_val (times, time);
    }
    gst_message_unref (message);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (tagger);
  gst_object_unref (pipeline);
  g_array_sort (times, compare);
  return times;
}

int
main (int argc, char **argv)
{
  double seconds = argc > 1 ? atof (argv[1]) : 10;
  char *folder = g_dir_make_tmp ("bench-live-XXXXXX", NULL);
  char *model = g_build_filename (folder, "m.safetensors", NULL);
  const char *trainer = argc > 2 ? argv[2] : "encoder=resnet20 batch-size=128";
  char *make, *alone, *beside;
  GstElement *pipeline;
  GstBus *bus;

  gst_init (NULL, NULL);
  make = g_strdup_printf ("videotestsrc num-buffers=16 ! video/x-raw,format=RGB,width=32,height=32 ! "
                          "supcontrainer encoder=resnet20 batch-size=16 location=%s",
      model);
  pipeline = gst_parse_launch (make, NULL);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_message_unref (gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);

  alone = g_strdup_printf (SOURCE "! " TAGGER, model);
  beside = g_strdup_printf (SOURCE
      "! tee name=s ! " TAGGER "s. ! queue leaky=downstream ! supconlabel label=ball ! supconaugment views=16 ! "
      "video/x-raw,width=32,height=32 ! queue ! supcontrainer message-interval=1 %s location=%s/t.safetensors",
      model, trainer, folder);
  for (guint round = 0; round < 3; round++) {
    for (guint i = 0; i < 2; i++) {
      guint64 steps;
      GArray *times = run (i ? beside : alone, seconds, &steps);
      const double *t = (const double *)times->data;

      if (times->len)
        g_print ("%-16s %4u frames: median %6.2f ms, 99th percentile %6.2f ms, longest %6.2f ms; %" G_GUINT64_FORMAT
                 " steps of training\n",
            i ? "beside training" : "alone", times->len, t[times->len / 2], t[times->len * 99 / 100], t[times->len - 1],
            steps);
      if (i && steps == 0)
        g_error ("nothing was trained beside");
      g_array_unref (times);
    }
  }
  g_print ("files of this run: %s\n", folder);
  return 0;
}
