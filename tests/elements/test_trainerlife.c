/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supcontrainer through states, flushes and runs, and in live pipelines. */
#include <gst/check/gstharness.h>

#include "gstsupconmeta.h"
#include "model/checkpoint.h"
#include "training.h"

static GstBuffer *
frame_of (GstHarness * h, gsize size)
{
  GstBuffer *buffer = gst_harness_create_buffer (h, size);

  gst_buffer_memset (buffer, 0, 99, size);
  return buffer;
}

/* Holds up the trainer's thread, which posts after each step, until it is let go: what waits meanwhile is known. */
typedef struct
{
  GMutex lock;
  GCond cond;
  gboolean closed, waits;       /* closed: whoever posts waits */
} Gate;

static GstBusSyncReply
wait_at_gate (G_GNUC_UNUSED GstBus * bus, GstMessage * message, gpointer user_data)
{
  Gate *self = user_data;

  if (gst_message_has_name (message, "supcon-train")) {
    g_mutex_lock (&self->lock);
    self->waits = TRUE;
    g_cond_broadcast (&self->cond);
    while (self->closed)
      g_cond_wait (&self->cond, &self->lock);
    g_mutex_unlock (&self->lock);
  }
  return GST_BUS_PASS;
}

typedef struct
{
  GstHarness *h;
  GstElement *trainer;
  GstBus *bus;
  Gate gate;
} Held;

static void
push_frames (GstHarness * h, guint n)
{
  for (guint i = 0; i < n; i++)
    fail_unless_equals_int (gst_harness_push (h, frame_of (h, 12 * 12)), GST_FLOW_OK);
}

/* A trainer on batches of eight grey frames whose thread is held up after the first one. */
static void
held_start (Held * self, const gchar * properties)
{
  gchar *line = g_strdup_printf ("supcontrainer name=t loss=simclr encoder=resnet8 width=0.25 batch-size=8 "
      "message-interval=1 location=%s %s", model, properties);

  g_mutex_init (&self->gate.lock);
  g_cond_init (&self->gate.cond);
  self->gate.closed = TRUE;
  self->gate.waits = FALSE;
  self->bus = gst_bus_new ();
  gst_bus_set_sync_handler (self->bus, wait_at_gate, &self->gate, NULL);
  self->h = gst_harness_new_parse (line);
  self->trainer = gst_bin_get_by_name (GST_BIN (self->h->element), "t");
  gst_element_set_bus (self->h->element, self->bus);
  gst_harness_set_src_caps_str (self->h, "video/x-raw,format=GRAY8,width=12,height=12,framerate=30/1");
  push_frames (self->h, 8);
  g_mutex_lock (&self->gate.lock);
  while (!self->gate.waits)
    g_cond_wait (&self->gate.cond, &self->gate.lock);
  g_mutex_unlock (&self->gate.lock);
  g_free (line);
}

static void
held_let_go (Held * self)
{
  g_mutex_lock (&self->gate.lock);
  self->gate.closed = FALSE;
  g_cond_broadcast (&self->gate.cond);
  g_mutex_unlock (&self->gate.lock);
}

static void
held_stop (Held * self)
{
  gst_object_unref (self->trainer);
  gst_element_set_bus (self->h->element, NULL);
  gst_harness_teardown (self->h);
  gst_bus_set_sync_handler (self->bus, NULL, NULL, NULL);
  gst_object_unref (self->bus);
  g_cond_clear (&self->gate.cond);
  g_mutex_clear (&self->gate.lock);
}

#define WAIT_FOR(condition) \
  for (guint waited = 0; !(condition); waited++) { \
    fail_unless (waited < RUN_SECONDS * 100, "it never comes to " #condition); \
    g_usleep (10000); \
  }

static guint64
step_of (GstElement * trainer)
{
  guint64 step;

  g_object_get (trainer, "step", &step, NULL);
  return step;
}

/* Whichever of the frames are too many, each is counted, and none of them makes a step of total-steps. */
GST_START_TEST (test_leaky)
{
  guint64 dropped, step;
  GstMessage *message;
  Held held;

  held_start (&held, __i__ ? "total-steps=4 leaky=downstream" : "total-steps=4 leaky=upstream");
  push_frames (held.h, 8);      /* they wait */
  push_frames (held.h, 8);      /* too many, or in the place of those */
  g_object_get (held.trainer, "dropped", &dropped, NULL);
  fail_unless_equals_uint64 (dropped, 8);
  held_let_go (&held);
  for (step = 2; step < 4; step++) {
    WAIT_FOR (step_of (held.trainer) == step);
    push_frames (held.h, 7);
    fail_unless_equals_int (gst_harness_push (held.h, frame_of (held.h, 12 * 12)), step < 3 ? GST_FLOW_OK : GST_FLOW_EOS);
  }
  g_object_get (held.trainer, "dropped", &dropped, "step", &step, NULL);
  fail_unless_equals_uint64 (dropped, 8);
  fail_unless_equals_uint64 (step, 4);
  /* The messages tell the same. */
  dropped = 0;
  while ((message = gst_bus_pop_filtered (held.bus, GST_MESSAGE_ELEMENT))) {
    if (gst_message_has_name (message, "supcon-train"))
      gst_structure_get_uint64 (gst_message_get_structure (message), "dropped", &dropped);
    gst_message_unref (message);
  }
  fail_unless_equals_uint64 (dropped, 8);
  held_stop (&held);
}
GST_END_TEST;

/* What a flush throws away is in no batch, and a whole batch of it is no step of total-steps. */
GST_START_TEST (test_flush)
{
  GstSegment segment;
  Held held;

  held_start (&held, "total-steps=3");
  push_frames (held.h, 8);      /* they wait */
  for (guint i = 0; i < 2; i++) {
    gst_harness_push_event (held.h, gst_event_new_flush_start ());
    gst_harness_push_event (held.h, gst_event_new_flush_stop (TRUE));
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (held.h, gst_event_new_segment (&segment));
    if (i == 0)
      push_frames (held.h, 3);
  }
  held_let_go (&held);
  push_frames (held.h, 15);
  fail_unless_equals_int (gst_harness_push (held.h, frame_of (held.h, 12 * 12)), GST_FLOW_EOS);
  fail_unless_equals_uint64 (step_of (held.trainer), 3);
  held_stop (&held);
}
GST_END_TEST;

/* Who resumes goes on behind all frames that came, also behind those that taught nothing. */
GST_START_TEST (test_unlabelled_frames_count)
{
  gchar *line = g_strdup_printf ("supcontrainer stage=cross-entropy encoder=resnet8 width=0.25 batch-size=8 location=%s", model);
  GstHarness *h = gst_harness_new_parse (line);
  SupconCheckpointInfo info;
  SupconModel *loaded;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=12,height=12,framerate=30/1");
  for (guint i = 0; i < 32; i++) {
    GstBuffer *frame = frame_of (h, 12 * 12);

    if (i % 2)
      gst_supcon_buffer_set_sample (frame, i % 4 == 1 ? "one" : "two", i, 0);
    fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  gst_harness_teardown (h);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless (loaded != NULL);
  fail_unless_equals_uint64 (info.step, 2);
  fail_unless_equals_uint64 (info.frames, 32);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
  g_free (line);
}
GST_END_TEST;

/* What it is judged by has the colours that it learnt. */
GST_START_TEST (test_colours_of_validation)
{
  gchar *line = g_strdup_printf ("supcontrainer stage=cross-entropy encoder=resnet8 width=0.25 batch-size=16 location=%s", model);
  GstElement *trainer = gst_object_ref_sink (gst_parse_launch (line, NULL));
  GstHarness *h = gst_harness_new_with_element (trainer, "sink", NULL);
  GstHarness *validation = gst_harness_new_with_element (trainer, "validation", NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  gdouble accuracy = -1;

  gst_element_set_bus (trainer, bus);
  gst_harness_set_src_caps_str (h, CAPS);
  gst_harness_set_src_caps_str (validation, CAPS);
  for (guint i = 0; i < 8 + 16 * 40; i++) {
    GstHarness *to = i < 8 ? validation : h;
    GstBuffer *frame = frame_of (to, 12 * 12 * 3);

    for (guint at = i % 2 ? 0 : 2; at < 12 * 12 * 3; at += 3)
      gst_buffer_memset (frame, at, 200 + i % 50, 1);
    gst_supcon_buffer_set_sample (frame, i % 2 ? "red" : "blue", i, 0);
    fail_unless_equals_int (gst_harness_push (to, frame), GST_FLOW_OK);
    if (i == 7)
      gst_harness_push_event (validation, gst_event_new_eos ());
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    if (gst_message_has_name (message, "supcon-validation"))
      gst_structure_get_double (gst_message_get_structure (message), "validation-accuracy", &accuracy);
    gst_message_unref (message);
  }
  fail_unless (accuracy == 1, "%g", accuracy);
  gst_element_set_bus (trainer, NULL);
  gst_harness_teardown (validation);
  gst_harness_teardown (h);
  gst_object_unref (trainer);
  gst_object_unref (bus);
  g_free (line);
}
GST_END_TEST;

/* The last step ends the stream itself: behind a funnel one of whose sources says nothing no end would ever come. */
GST_START_TEST (test_last_step_ends)
{
  Run run = run_launch ("appsrc name=silent ! " CAPS " ! f. videotestsrc ! " CAPS " ! supconlabel label=ball ! f. "
      TRAINER "batch-size=8 total-steps=2 location=%s", model);

  run_assert_ended (run);
  fail_unless_equals_int (run_count_messages (&run, "supcon-train"), 2);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS));
  run_clear (&run);
  run = run_launch ("videotestsrc ! " CAPS " ! supconlabel label=ball ! " TRAINER "batch-size=8 resume=true drop-last=false total-steps=2 "
      "location=%s", model);
  run_assert_ended (run);
  fail_unless_equals_int (run_count_messages (&run, "supcon-train"), 0);
  run_assert_warning (run, "for 2 steps already, total-steps is 2: nothing is left to do");
  run_clear (&run);
}
GST_END_TEST;

/* An application knows the end of what it sought by its number. */
GST_START_TEST (test_end_of_seek)
{
  gchar *line = g_strdup_printf ("supcontrainer loss=simclr encoder=resnet8 width=0.25 batch-size=8 total-steps=1 location=%s", model);
  GstHarness *h = gst_harness_new_parse (line);
  GstBus *bus = gst_bus_new ();
  GstSegment segment;
  GstEvent *event;
  GstMessage *message;
  guint32 seqnum;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=12,height=12,framerate=30/1");
  gst_segment_init (&segment, GST_FORMAT_TIME);
  event = gst_event_new_segment (&segment);
  seqnum = gst_event_get_seqnum (event);
  fail_unless (gst_harness_push_event (h, event));
  for (guint i = 0; i < 9; i++)
    gst_harness_push (h, frame_of (h, 12 * 12));
  message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, GST_MESSAGE_EOS);
  fail_unless (message != NULL);
  fail_unless_equals_int (gst_message_get_seqnum (message), seqnum);
  gst_message_unref (message);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
  g_free (line);
}
GST_END_TEST;

/* The error that no training can begin with is the last word, though the end of the stream follows. */
GST_START_TEST (test_end_of_refused)
{
  gchar *line = g_strdup_printf ("supcontrainer encoder=resnet8 batch-size=8 warmup-epochs=1 location=%s", model);
  GstHarness *h = gst_harness_new_parse (line);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=12,height=12,framerate=30/1");
  fail_unless_equals_int (gst_harness_push (h, frame_of (h, 12 * 12)), GST_FLOW_NOT_NEGOTIATED);
  fail_if (gst_harness_push_event (h, gst_event_new_eos ()));
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_EOS);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR);
  gst_message_unref (message);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_EOS);
  fail_unless (message == NULL, "%" GST_PTR_FORMAT, message);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
  g_free (line);
}
GST_END_TEST;

/* A source may forget to say what its frames are. */
GST_START_TEST (test_without_caps)
{
  GstElement *trainer = gst_object_ref_sink (gst_element_factory_make ("supcontrainer", NULL));
  GstPad *pads[2] = { gst_element_get_static_pad (trainer, "sink"), gst_element_request_pad_simple (trainer, "validation") };
  GstBus *bus = gst_bus_new ();
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_element_set_bus (trainer, bus);
  g_object_set (trainer, "location", model, NULL);
  gst_element_set_state (trainer, GST_STATE_PLAYING);
  for (guint i = 0; i < 2; i++) {
    GstMessage *message;
    GError *error;

    gst_pad_send_event (pads[i], gst_event_new_stream_start ("s"));
    gst_pad_send_event (pads[i], gst_event_new_segment (&segment));
    fail_unless_equals_int (gst_pad_chain (pads[i], gst_buffer_new_allocate (NULL, 144, NULL)), GST_FLOW_ERROR);
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
    fail_unless (message != NULL);
    gst_message_parse_error (message, &error, NULL);
    fail_unless (g_error_matches (error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION), "%s", error->message);
    g_error_free (error);
    gst_message_unref (message);
  }
  gst_element_set_state (trainer, GST_STATE_NULL);
  gst_element_release_request_pad (trainer, pads[1]);
  gst_object_unref (pads[0]);
  gst_object_unref (pads[1]);
  gst_element_set_bus (trainer, NULL);
  gst_object_unref (bus);
  gst_object_unref (trainer);
}
GST_END_TEST;

/* States back and forth, flushes and a frame of another size in the middle. */
GST_START_TEST (test_life)
{
  gchar *line = g_strdup_printf ("supcontrainer name=t encoder=resnet8 "
      "width=0.25 batch-size=8 location=%s", model), *other;
  GstHarness *h = gst_harness_new_parse (line);
  GstElement *trainer = gst_bin_get_by_name (GST_BIN (h->element), "t");
  GstCaps *caps;
  GstSegment segment;
  GstQuery *query;
  guint64 step;

  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=GRAY8,width=12,height=12,framerate=30/1");
  for (guint i = 0; i < 12; i++)
    gst_harness_push (h, frame_of (h, 12 * 12));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (guint i = 0; i < 8; i++)
    fail_unless_equals_int (gst_harness_push (h, frame_of (h, 12 * 12)),
        GST_FLOW_OK);
  /* Colour instead of grey goes on; another size is refused: the model's is fixed now, and upstream is told. */
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=12,height=12,framerate=30/1");
  fail_unless_equals_int (gst_harness_push (h, frame_of (h, 12 * 36)),
      GST_FLOW_OK);
  /* Frames may have strides of their own and be parts of others. */
  caps = gst_pad_get_current_caps (h->srcpad);
  query = gst_query_new_allocation (caps, FALSE);
  gst_caps_unref (caps);
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  fail_unless (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL));
  fail_unless (gst_query_find_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL));
  gst_query_unref (query);
  caps = gst_caps_from_string
      ("video/x-raw,format=RGB,width=16,height=12,framerate=30/1");
  gst_harness_push_event (h, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  fail_unless_equals_int (gst_harness_push (h, frame_of (h, 12 * 48)),
      GST_FLOW_NOT_NEGOTIATED);
  caps = gst_pad_peer_query_caps (h->srcpad, NULL);
  fail_unless_equals_int (g_value_get_int (gst_structure_get_value
          (gst_caps_get_structure (caps, 0), "width")), 12);
  gst_caps_unref (caps);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  g_object_get (trainer, "step", &step, NULL);
  fail_unless (step >= 1 && step <= 2, "%" G_GUINT64_FORMAT, step);

  gst_element_set_state (h->element, GST_STATE_READY);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS));
  /* Another model is of any size. */
  other = g_build_filename (folder, "other.safetensors", NULL);
  g_object_set (trainer, "location", other, NULL);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  caps = gst_pad_peer_query_caps (h->srcpad, NULL);
  fail_unless (GST_VALUE_HOLDS_INT_RANGE (gst_structure_get_value (gst_caps_get_structure (caps, 0), "width")));
  gst_caps_unref (caps);
  g_free (other);
  gst_object_unref (trainer);
  gst_harness_teardown (h);
  g_free (line);
}
GST_END_TEST;

/* Plays on until the stream has ended, and says how many frames the last validation was by. */
static guint
play_to_end (GstElement * pipeline)
{
  const GstMessageType types = GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_ELEMENT;
  GstBus *bus = gst_element_get_bus (pipeline);
  gboolean done = FALSE;
  guint count = 0;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!done) {
    GstMessage *message = gst_bus_timed_pop_filtered (bus, RUN_SECONDS * GST_SECOND, types);
    const GstStructure *s;

    fail_unless (message != NULL, "the pipeline hangs");
    fail_unless (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ERROR, "an error");
    s = gst_message_get_structure (message);
    if (s && gst_structure_has_name (s, "supcon-validation"))
      gst_structure_get_uint (s, "count", &count);
    done = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    gst_message_unref (message);
  }
  gst_object_unref (bus);
  return count;
}

/* At the end of the stream the trainer waits for a validation stream that has none: pausing and stopping do not. */
GST_START_TEST (test_stop_while_validating)
{
  gchar *line = g_strdup_printf (ONE_THING "name=t location=%s videotestsrc ! " CAPS " ! identity sleep-time=100000 ! "
      "supconlabel label=ball ! t.validation", model);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstElement *trainer = gst_bin_get_by_name (GST_BIN (pipeline), "t");

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  WAIT_FOR (step_of (trainer) == 4);
  g_usleep (G_USEC_PER_SEC / 2);
  fail_if (g_file_test (model, G_FILE_TEST_EXISTS));
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_usleep (G_USEC_PER_SEC / 10);
  fail_if (g_file_test (model, G_FILE_TEST_EXISTS));
  gst_element_set_state (pipeline, GST_STATE_READY);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (trainer);
  gst_object_unref (pipeline);
  g_free (line);
}
GST_END_TEST;

/* A second run takes what was set in READY, and does not keep the first one's frames. What is set while it plays is for the
 * next one. */
GST_START_TEST (test_runs)
{
  static const gchar *const strings[] = { "location", "best-location", "metrics-location", "model", "freeze" };
  gchar *line, *second = g_build_filename (folder, "second.safetensors", NULL);
  gchar *metrics = g_build_filename (folder, "m.jsonl", NULL), *best = g_build_filename (folder, "best.safetensors", NULL);
  GstElement *pipeline, *trainer;
  SupconCheckpointInfo info;
  SupconModel *loaded;
  gdouble loss;
  guint count;

  write_shapes (640);
  line = g_strdup_printf (LEARN_SHAPES (1) "validate-interval=2", folder, folder, model);
  pipeline = gst_parse_launch (line, NULL);
  trainer = gst_bin_get_by_name (GST_BIN (pipeline), "t");
  g_object_set (trainer, "location", NULL, NULL);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  g_object_set (trainer, "location", model, "best-location", best, "metrics-location", metrics, "model", "shared", NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  WAIT_FOR (step_of (trainer) >= 1);
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    g_object_set (trainer, strings[i], NULL, NULL);
  count = play_to_end (pipeline);
  fail_unless (count > 0);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS) && g_file_test (best, G_FILE_TEST_EXISTS));

  gst_element_set_state (pipeline, GST_STATE_READY);
  gst_util_set_object_arg (G_OBJECT (trainer), "encoder", "resnet20");
  g_object_set (trainer, "location", second, NULL);
  fail_unless_equals_int (play_to_end (pipeline), count);

  /* One that goes on with the second has nothing left to do, whatever was counted before. */
  gst_element_set_state (pipeline, GST_STATE_READY);
  g_object_set (trainer, "location", second, "resume", TRUE, NULL);
  fail_unless_equals_int (play_to_end (pipeline), 0);
  g_object_get (trainer, "last-loss", &loss, NULL);
  fail_unless (loss == 0, "%g", loss);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  loaded = supcon_checkpoint_load (second, NULL, &info, NULL);
  fail_unless (loaded != NULL);
  fail_unless_equals_string (supcon_model_config (loaded)->encoder, "resnet20");
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
  gst_object_unref (trainer);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (second);
  g_free (metrics);
  g_free (best);
}
GST_END_TEST;

static Suite *
trainer_life_suite (void)
{
  Suite *suite = suite_create ("supcontrainer trainerlife");
  TCase *tcase = tcase_create ("supcontrainer trainerlife");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_loop_test (tcase, test_leaky, 0, 2);
  tcase_add_test (tcase, test_flush);
  tcase_add_test (tcase, test_unlabelled_frames_count);
  tcase_add_test (tcase, test_colours_of_validation);
  tcase_add_test (tcase, test_last_step_ends);
  tcase_add_test (tcase, test_end_of_seek);
  tcase_add_test (tcase, test_end_of_refused);
  tcase_add_test (tcase, test_without_caps);
  tcase_add_test (tcase, test_life);
  tcase_add_test (tcase, test_stop_while_validating);
  tcase_add_test (tcase, test_runs);
  return suite;
}

GST_CHECK_MAIN (trainer_life);
