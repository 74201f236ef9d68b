/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One model in many elements: shared by name while it is trained, or read again when its file is replaced. */
#include <fcntl.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <math.h>
#include <sys/stat.h>

#include "gstsupconmeta.h"
#include "model/checkpoint.h"
#include "pipeline.h"

#define CAPS "video/x-raw,format=RGB,width=16,height=16,framerate=30/1"
/* Longer than elements wait before they look at a file again. */
#define WATCH_MICROSECONDS 350000

static gchar *folder, *location;

static void
setup (void)
{
  folder = folder_new ();
  location = g_build_filename (folder, "m.safetensors", NULL);
}

static void
teardown (void)
{
  g_free (location);
  folder_free (folder);
}

/* Gives location the time that it had, or another one. */
static void
set_time (const GStatBuf * s, guint later)
{
  const struct timespec times[2] = { s->st_mtim,
    {s->st_mtim.tv_sec + later, s->st_mtim.tv_nsec}
  };

  fail_unless_equals_int (utimensat (AT_FDCWD, location, times, 0), 0);
}

/* A random model of 16x16 pictures, 64 * width numbers in its embedding, written to location. */
static SupconModel *
write_model (guint64 seed, gdouble width)
{
  SupconCheckpointInfo info = {.labels = supcon_labels_new () };
  SupconModelConfig config;
  SupconModel *model;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
  config.width = width;
  config.input_width = config.input_height = 16;
  model = supcon_model_new (&config, seed, NULL);
  fail_unless (supcon_checkpoint_save (location, model, &info, NULL));
  supcon_checkpoint_info_clear (&info);
  return model;
}

static GstHarness *
harness_new (GstBus * bus, const gchar * format, ...)
{
  va_list args;
  gchar *line;
  GstElement *element;
  GstHarness *h;

  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  element = gst_parse_launch (line, NULL);
  if (bus)
    gst_element_set_bus (element, bus);
  h = gst_harness_new_with_element (element, "sink", "src");
  gst_harness_set_src_caps_str (h, CAPS);
  gst_object_unref (element);
  g_free (line);
  return h;
}

static GstBuffer *
picture_new (guint8 value)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 48 * 16, NULL);

  gst_buffer_memset (buffer, 0, value, -1);
  return buffer;
}

/* Passes a picture through; its embedding's version, with what model says of it when that is given. */
static guint64
encode (GstHarness * h, SupconModel * model)
{
  GstBuffer *out = gst_harness_push_and_pull (h, picture_new (120));
  GstBuffer *data = gst_supcon_buffer_get_embedding (out, NULL, NULL, NULL);
  guint64 version, latency;
  guint8 pixels[48 * 16];
  SupconReal r[64];
  gfloat values[64];

  fail_unless (gst_supcon_buffer_get_embedding_origin (out, &version,
          &latency));
  fail_unless (latency < GST_SECOND);
  fail_unless_equals_int (data != NULL, version > 0);
  if (model) {
    memset (pixels, 120, sizeof pixels);
    supcon_model_embed (model, pixels, 1, r);
    fail_unless_equals_int (gst_buffer_extract (data, 0, values,
            sizeof values), sizeof values);
    for (guint i = 0; i < 64; i++)
      fail_unless (fabsf (values[i] - r[i]) < 1e-4);
  }
  gst_clear_buffer (&data);
  gst_buffer_unref (out);
  return version;
}

static void
assert_warning (GstBus * bus, const gchar * text)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  GError *error = NULL;

  fail_unless (message != NULL, "no warning with \"%s\"", text);
  gst_message_parse_warning (message, &error, NULL);
  fail_unless (strstr (error->message, text) != NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  fail_unless (!gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));
}

GST_START_TEST (test_shared)
{
  GstBus *bus = gst_bus_new ();
  GstHarness *h = harness_new (NULL, "supconencoder model=one");
  GstHarness *other = harness_new (NULL, "supconencoder model=two");
  SupconCheckpointInfo info = { 0 };
  SupconModel *trained;
  Run run;

  fail_unless_equals_uint64 (encode (h, NULL), 0);
  run = run_launch ("videotestsrc num-buffers=64 pattern=snow ! " CAPS
      " ! supconlabel label=snow ! supcontrainer encoder=resnet8 batch-size=16 "
      "model=one update-interval=1 location=%s", location);
  run_assert_ended (run);
  run_clear (&run);
  trained = supcon_checkpoint_load (location, NULL, &info, NULL);
  fail_unless_equals_uint64 (encode (h, trained), 4);
  fail_unless_equals_uint64 (encode (other, NULL), 0);

  /* Another run is the next versions, the last step's among them though it is not the interval's. */
  run = run_launch ("videotestsrc num-buffers=48 pattern=ball ! " CAPS
      " ! supconlabel label=ball ! supcontrainer encoder=resnet8 batch-size=16 "
      "model=one update-interval=2 location=%s", location);
  run_assert_ended (run);
  run_clear (&run);
  supcon_model_free (trained);
  supcon_checkpoint_info_clear (&info);
  trained = supcon_checkpoint_load (location, NULL, &info, NULL);
  fail_unless_equals_uint64 (encode (h, trained), 6);
  supcon_model_free (trained);
  supcon_checkpoint_info_clear (&info);
  gst_element_set_bus (h->element, bus);
  gst_harness_push_event (h, gst_event_new_eos ());
  fail_if (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));
  gst_element_set_bus (h->element, NULL);
  gst_element_set_bus (other->element, bus);
  gst_harness_push_event (other, gst_event_new_eos ());
  assert_warning (bus, "has shared a model \"two\"");
  gst_element_set_bus (other->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
  gst_harness_teardown (other);

  /* Nobody uses the name any more, so it stands for nothing. */
  h = harness_new (NULL, "supconencoder model=one");
  fail_unless_equals_uint64 (encode (h, NULL), 0);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* How large a tensor is nobody knows before there is a model. */
GST_START_TEST (test_tensors_of_none)
{
  Run run = run_launch ("videotestsrc num-buffers=1 ! " CAPS
      " ! supconencoder model=none ! other/tensors ! fakesink");

  run_assert_error (run, "nobody has shared model \"none\" yet");
  run_clear (&run);
}
GST_END_TEST;

/* location is the model until one is shared, and from then on no more. */
GST_START_TEST (test_file_then_shared)
{
  SupconModel *model = write_model (3, 1);
  GstHarness *h = harness_new (NULL, "supconencoder model=one watch=true "
      "location=%s", location);
  GstBuffer *out = gst_harness_push_and_pull (h, picture_new (120)), *data;
  SupconCheckpointInfo info = { 0 };
  SupconModel *trained;
  const gchar *name;
  Run run;

  data = gst_supcon_buffer_get_embedding (out, NULL, NULL, &name);
  fail_unless_equals_string (name, "one");
  gst_buffer_unref (data);
  gst_buffer_unref (out);
  fail_unless_equals_uint64 (encode (h, model), 1);
  run = run_launch ("videotestsrc num-buffers=16 pattern=snow ! " CAPS
      " ! supconlabel label=snow ! supcontrainer encoder=resnet8 batch-size=16 "
      "model=one location=%s", location);
  run_assert_ended (run);
  run_clear (&run);
  trained = supcon_checkpoint_load (location, NULL, &info, NULL);
  fail_unless_equals_uint64 (encode (h, trained), 1);
  supcon_model_free (model);
  model = write_model (4, 1);
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, trained), 1);
  supcon_model_free (trained);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (model);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A tagger has the classifier that a trainer shares, with its labels; one that learns a number shares none. */
GST_START_TEST (test_shared_classifier)
{
  for (guint number = 0; number < 2; number++) {
    GstBus *bus = gst_bus_new ();
    GstHarness *h = harness_new (bus, "supcontagger model=one");
    GstBuffer *frame = picture_new (120);
    const gfloat embedding[64] = { 1 };
    GstVideoRegionOfInterestMeta *tag;
    Run run;

    supcon_model_free (write_model (3, 1));
    run = run_launch ("videotestsrc num-buffers=16 pattern=snow ! " CAPS
        " ! supconlabel label=2.5 ! supcontrainer stage=%s batch-size=16 "
        "model=one location=%s", number ? "regression" : "linear", location);
    run_assert_ended (run);
    run_clear (&run);
    gst_supcon_buffer_set_embedding (frame, embedding, 64, "embedding", "one");
    frame = gst_harness_push_and_pull (h, frame);
    tag = gst_buffer_get_video_region_of_interest_meta (frame);
    if (number) {
      fail_unless (tag == NULL);
      assert_warning (bus, "'one' predicts a number");
    } else {
      fail_unless (tag != NULL);
      fail_unless_equals_string (gst_structure_get_string
          (gst_video_region_of_interest_meta_get_param (tag, "classification"),
              "label"), "2.5");
    }
    gst_buffer_unref (frame);
    gst_element_set_bus (h->element, NULL);
    gst_harness_teardown (h);
    gst_object_unref (bus);
  }
}
GST_END_TEST;

static gdouble
confidence_of (GstHarness * h)
{
  gfloat embedding[64];
  GstBuffer *frame = picture_new (120);
  gdouble confidence;

  for (guint i = 0; i < 64; i++)
    embedding[i] = i % 3 * 0.002f;      /* the smaller, the less sure */
  gst_supcon_buffer_set_embedding (frame, embedding, 64, "embedding", "one");
  frame = gst_harness_push_and_pull (h, frame);
  fail_unless (gst_structure_get_double
      (gst_video_region_of_interest_meta_get_param
          (gst_buffer_get_video_region_of_interest_meta (frame),
              "classification"), "confidence", &confidence));
  gst_buffer_unref (frame);
  return confidence;
}

/* It is as sure as that of the checkpoint. */
GST_START_TEST (test_shared_confidence)
{
  GstHarness *h = harness_new (NULL, "supcontagger model=one"), *file;
  SupconCheckpointInfo info = { 0 };
  Run run;

  supcon_model_free (write_model (3, 1));
  run = run_launch ("videotestsrc num-buffers=32 pattern=snow ! " CAPS
      " ! supconlabel label=a ! f. videotestsrc num-buffers=32 ! " CAPS
      " ! supconlabel label=b ! f. funnel name=f ! supcontrainer stage=linear "
      "batch-size=16 model=one location=%s", location);
  run_assert_ended (run);
  run_clear (&run);
  supcon_model_free (supcon_checkpoint_load (location, NULL, &info, NULL));
  fail_unless (info.temperature != 1);
  supcon_checkpoint_info_clear (&info);
  file = harness_new (NULL, "supcontagger location=%s", location);
  fail_unless (fabs (confidence_of (h) - confidence_of (file)) < 1e-6);
  gst_harness_teardown (file);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (test_watch)
{
  SupconModel *before = write_model (3, 1), *after, *other;
  GstBus *bus = gst_bus_new ();
  guint64 version;
  GStatBuf s;
  GstHarness *h = harness_new (bus, "supconencoder watch=true location=%s",
      location);
  GstHarness *blind = harness_new (NULL, "supconencoder location=%s",
      location);
  GstHarness *carrying = harness_new (NULL, "supconencoder watch=true "
      "interval=2 location=%s", location);

  fail_unless_equals_uint64 (encode (carrying, before), 1);
  fail_unless_equals_uint64 (encode (h, before), 1);
  /* Another file of the same size and time. */
  g_stat (location, &s);
  after = write_model (4, 1);
  set_time (&s, 0);
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, after), 2);
  fail_unless_equals_uint64 (encode (blind, before), 1);
  /* What a frame carries on is of the model that it was made by. */
  fail_unless_equals_uint64 (encode (carrying, before), 1);
  fail_unless_equals_uint64 (encode (carrying, after), 2);

  fail_unless (g_file_set_contents (location, "garbage", -1, NULL));
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, after), 2);
  assert_warning (bus, "m.safetensors");
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, after), 2);
  fail_unless (!gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));

  other = write_model (5, 2);
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, after), 2);
  assert_warning (bus, "128 numbers for a picture, expected 64");
  g_unlink (location);
  g_usleep (WATCH_MICROSECONDS);
  fail_unless_equals_uint64 (encode (h, after), 2);
  fail_unless (!gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));

  supcon_model_free (before);
  before = write_model (6, 1);
  g_usleep (WATCH_MICROSECONDS);
  version = encode (h, before);
  fail_unless (version > 2);
  /* The same file, written again. */
  g_stat (location, &s);
  set_time (&s, 1);
  g_usleep (WATCH_MICROSECONDS);
  fail_unless (encode (h, before) > version);
  supcon_model_free (before);
  supcon_model_free (after);
  supcon_model_free (other);
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
  gst_harness_teardown (blind);
  gst_harness_teardown (carrying);
  gst_object_unref (bus);
}
GST_END_TEST;

/* Regions inside, across and outside the frame, none, 500, and then other caps. */
GST_START_TEST (test_regions)
{
  SupconModel *model = write_model (3, 1);
  GstHarness *h = harness_new (NULL, "supconencoder regions=true location=%s",
      location);
  GstBuffer *in = picture_new (0), *out, *data;
  GstVideoRegionOfInterestMeta *region;
  guint8 pixels[2][48 * 16];
  SupconReal r[2 * 64];
  gfloat values[64];
  guint64 skipped;
  guint dim;

  gst_buffer_memset (in, 48 * 8, 250, 48 * 8);
  gst_buffer_add_video_region_of_interest_meta (in, "top", 0, 0, 16, 8);
  gst_buffer_add_video_region_of_interest_meta (in, "low", 10, 8, 900, 900);
  gst_buffer_add_video_region_of_interest_meta (in, "out", 16, 0, 4, 4);
  gst_buffer_add_video_region_of_interest_meta (in, "nothing", 2, 2, 0, 4);
  memset (pixels[0], 0, sizeof pixels[0]);
  memset (pixels[1], 250, sizeof pixels[1]);
  supcon_model_embed (model, pixels[0], 2, r);
  out = gst_harness_push_and_pull (h, in);
  fail_unless (!gst_supcon_buffer_get_embedding (out, NULL, NULL, NULL));
  for (guint i = 0; i < 2; i++) {
    for (gpointer state = NULL;;) {
      region = (gpointer) gst_buffer_iterate_meta_filtered (out, &state,
          GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
      if (region->roi_type == g_quark_from_string (i ? "low" : "top"))
        break;
    }
    data = gst_supcon_region_get_embedding (region, &dim, NULL, NULL);
    fail_unless_equals_int (dim, 64);
    gst_buffer_extract (data, 0, values, sizeof values);
    for (guint k = 0; k < 64; k++)
      fail_unless (fabsf (values[k] - r[i * 64 + k]) < 1e-4);
    gst_buffer_unref (data);
  }
  g_object_get (h->element, "skipped-regions", &skipped, NULL);
  fail_unless_equals_uint64 (skipped, 2);
  gst_buffer_unref (out);

  fail_unless_equals_uint64 (encode (h, NULL), 1);
  in = picture_new (9);
  for (guint i = 0; i < 500; i++)
    gst_buffer_add_video_region_of_interest_meta (in, "r", i % 16, i % 11, 3, 5);
  out = gst_harness_push_and_pull (h, in);
  for (gpointer state = NULL; (region =
          (gpointer) gst_buffer_iterate_meta_filtered (out, &state,
              GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));) {
    data = gst_supcon_region_get_embedding (region, &dim, NULL, NULL);
    fail_unless (data != NULL);
    gst_buffer_unref (data);
  }
  gst_buffer_unref (out);

  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=8,height=8,framerate=30/1");
  in = gst_buffer_new_allocate (NULL, 8 * 24, NULL);
  gst_buffer_memset (in, 0, 1, -1);
  gst_buffer_add_video_region_of_interest_meta (in, "gone", 10, 10, 4, 4);
  out = gst_harness_push_and_pull (h, in);
  g_object_get (h->element, "skipped-regions", &skipped, NULL);
  fail_unless_equals_uint64 (skipped, 3);
  gst_buffer_unref (out);
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_harness_play (h);
  g_object_get (h->element, "skipped-regions", &skipped, NULL);
  fail_unless_equals_uint64 (skipped, 0);
  supcon_model_free (model);
  gst_harness_teardown (h);
}
GST_END_TEST;

typedef struct
{
  GstElement *teacher;
  gint stop;
} Lessons;

/* Says what is seen, again and again, as people do at the same time as frames come. */
static gpointer
give_lessons (gpointer data)
{
  static const gchar *const labels[] = { "cup", "\"box\"", "杯\n子" };
  Lessons *self = data;
  gboolean done;

  for (guint i = 0; !g_atomic_int_get (&self->stop); i++) {
    const gchar *label = labels[i % 3], *next = labels[(i + 1) % 3];

    g_signal_emit_by_name (self->teacher, "learn", label, &done);
    if (i % 7 == 6)
      g_signal_emit_by_name (self->teacher, "rename", label, next, &done);
    if (i % 11 == 10)
      g_signal_emit_by_name (self->teacher, "forget", label, &done);
    g_usleep (500);
  }
  return NULL;
}

/* Training, two encoders that take its model, one that reads files which are replaced, tagging and teaching, all at once;
 * for LIVE_SECONDS, some by default. */
GST_START_TEST (test_all_at_once)
{
  const gchar *seconds = g_getenv ("LIVE_SECONDS");
  SupconModel *model = write_model (3, 1);
  gchar *trained = g_build_filename (folder, "t.safetensors", NULL);
  gchar *line = g_strdup_printf ("videotestsrc pattern=snow ! " CAPS
      " ! tee name=t ! queue ! supconlabel label=snow ! supconaugment views=2 ! "
      "queue ! supcontrainer encoder=resnet8 batch-size=16 threads=2 model=m "
      "update-interval=1 location=%s t. ! queue ! supconencoder model=m ! "
      "supcontagger name=one method=knn ! fakesink t. ! queue ! supconencoder "
      "name=two model=m ! supcontagger method=centroid ! fakesink t. ! queue ! "
      "supconencoder watch=true location=%s ! supcontagger name=three "
      "method=centroid majority=5 hysteresis=0.1 ! fakesink", trained, location);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  gint64 end = g_get_monotonic_time ()
      + (seconds ? atoi (seconds) : 3) * G_USEC_PER_SEC;
  gint64 limit = end + 120 * G_USEC_PER_SEC;    /* a sanitizer on a busy machine */
  GstBus *bus = gst_element_get_bus (pipeline);
  Lessons lessons[2] = { {gst_bin_get_by_name (GST_BIN (pipeline), "one"), 0},
  {gst_bin_get_by_name (GST_BIN (pipeline), "three"), 0}
  };
  GThread *threads[2];
  GstMessage *message;
  guint64 version = 0, newest = 0, tags = 0;

  fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING)
      != GST_STATE_CHANGE_FAILURE);
  for (guint i = 0; i < 2; i++)
    threads[i] = g_thread_new ("lessons", give_lessons, &lessons[i]);
  for (guint i = 0; g_get_monotonic_time () < end
      || ((tags <= 10 || newest <= 2) && g_get_monotonic_time () < limit);
      i++) {
    if (i % 100 == 0) {
      supcon_model_free (model);
      model = write_model (i, 1);
    }
    message = gst_bus_timed_pop (bus, GST_MSECOND);
    if (!message)
      continue;
    fail_unless (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ERROR);
    if (gst_message_has_name (message, "supcon-tags")) {
      fail_unless (gst_structure_get_uint64 (gst_message_get_structure
              (message), "version", &version));
      newest = MAX (newest, version);
      tags++;
    }
    gst_message_unref (message);
  }
  for (guint i = 0; i < 2; i++) {
    g_atomic_int_set (&lessons[i].stop, 1);
    g_thread_join (threads[i]);
    gst_object_unref (lessons[i].teacher);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  fail_unless (tags > 10 && newest > 2, "%" G_GUINT64_FORMAT " tags, version %"
      G_GUINT64_FORMAT, tags, newest);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  supcon_model_free (model);
  g_free (line);
  g_free (trained);
}
GST_END_TEST;

/* A late frame is dropped and told of; what encoding takes is in the latency. */
GST_START_TEST (test_late)
{
  SupconModel *model = write_model (3, 1);
  GstBus *bus = gst_bus_new ();
  GstHarness *h = harness_new (bus, "supconencoder location=%s", location);
  GstBuffer *in;
  GstMessage *message;
  guint64 dropped;

  gst_harness_set_live (h, TRUE);
  in = picture_new (1);
  GST_BUFFER_PTS (in) = 0;
  GST_BUFFER_DURATION (in) = GST_SECOND / 30;
  gst_buffer_unref (gst_harness_push_and_pull (h, in));
  fail_unless (gst_harness_query_latency (h) > 0);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_LATENCY);
  fail_unless (message != NULL);
  gst_message_unref (message);

  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW,
          2.0, GST_SECOND, 0));
  in = picture_new (2);
  GST_BUFFER_PTS (in) = GST_SECOND / 30;
  GST_BUFFER_DURATION (in) = GST_SECOND / 30;
  fail_unless_equals_int (gst_harness_push (h, in), GST_FLOW_OK);
  fail_unless (gst_harness_try_pull (h) == NULL);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_QOS);
  fail_unless (message != NULL);
  gst_message_parse_qos_stats (message, NULL, NULL, &dropped);
  fail_unless_equals_uint64 (dropped, 1);
  gst_message_unref (message);
  in = picture_new (3);
  GST_BUFFER_PTS (in) = 3 * GST_SECOND;
  gst_buffer_unref (gst_harness_push_and_pull (h, in));
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_harness_play (h);
  fail_unless_equals_uint64 (gst_harness_query_latency (h), 0);
  supcon_model_free (model);
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
  gst_object_unref (bus);
}
GST_END_TEST;

static Suite *
live_suite (void)
{
  Suite *suite = suite_create ("live");
  TCase *tcase = tcase_create ("live");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_shared);
  tcase_add_test (tcase, test_tensors_of_none);
  tcase_add_test (tcase, test_file_then_shared);
  tcase_add_test (tcase, test_shared_classifier);
  tcase_add_test (tcase, test_shared_confidence);
  tcase_add_test (tcase, test_watch);
  tcase_add_test (tcase, test_regions);
  tcase_add_test (tcase, test_late);
  tcase_add_test (tcase, test_all_at_once);
  return suite;
}

GST_CHECK_MAIN (live);
