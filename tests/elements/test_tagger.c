/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supcontagger with embeddings made by hand, so that every confidence is known. */

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>
#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

#include "gstsupconmeta.h"
#include "index/index.h"
#include "model/checkpoint.h"

#define CAPS "video/x-raw,format=RGB,width=8,height=4,framerate=25/1"
#define FRAME (GST_SECOND / 25)
#define assert_close(a, b) fail_unless (fabs ((a) - (b)) < 1e-5, \
    "%s is %.9g, expected %.9g", #a, (double) (a), (double) (b))

static const gchar *const class_names[] = { "cup", "box", "can" };

/* A checkpoint whose classifier gives embedding[c] as the logit of class c. */
static gchar *
save_model (guint n_classes, gdouble temperature, guint * embedding_dim)
{
  gchar *location = NULL;
  gint fd = g_file_open_tmp ("tagger-XXXXXX.safetensors", &location, NULL);
  SupconLabels *labels = supcon_labels_new ();
  SupconModelConfig config;
  SupconModel *model;
  SupconParam *params;
  GError *error = NULL;
  guint n;

  fail_unless (fd >= 0);
  close (fd);
  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof (config.encoder));
  config.input_width = config.input_height = 32;
  model = supcon_model_new (&config, 1, &error);
  g_assert_no_error (error);
  supcon_model_set_n_classes (model, n_classes);
  *embedding_dim = supcon_model_embedding_dim (model);
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++) {
    if (params[i].part != SUPCON_PART_CLASSIFIER)
      continue;
    memset (params[i].data, 0, params[i].size * sizeof (SupconReal));
    if (params[i].n_dims == 2)
      for (guint c = 0; c < n_classes; c++)
        params[i].data[c * *embedding_dim + c] = 1;
  }
  for (guint c = 0; c < n_classes; c++)
    supcon_labels_add (labels, class_names[c]);
  supcon_checkpoint_save (location, model,
      &(SupconCheckpointInfo) {.labels = labels,.stage = "linear",.step = 1,
        .temperature = temperature}, &error);
  g_assert_no_error (error);
  supcon_model_free (model);
  supcon_labels_free (labels);
  return location;
}

typedef struct
{
  GstHarness *video, *text;
  GstBus *bus;
  guint dim;
  guint n_frames;
} Fixture;

static void
start (Fixture * f, const gchar * launch, gboolean with_text)
{
  GstElement *element = gst_parse_launch (launch, NULL);

  fail_unless (element != NULL);
  f->n_frames = 0;
  f->bus = gst_bus_new ();
  gst_element_set_bus (element, f->bus);
  f->video = gst_harness_new_with_element (element, "sink", "src");
  f->text = with_text ?
      gst_harness_new_with_element (element, NULL, "text") : NULL;
  gst_harness_set_src_caps_str (f->video, CAPS);
  gst_object_unref (element);
}

/* A harness on the checkpoint of three classes, with more of properties. */
static void
start_linear (Fixture * f, const gchar * properties, gboolean with_text)
{
  gchar *location = save_model (3, 1, &f->dim);
  gchar *launch = g_strdup_printf ("supcontagger location=%s %s", location,
      properties);

  start (f, launch, with_text);
  g_unlink (location);
  g_free (launch);
  g_free (location);
}

static void
stop (Fixture * f)
{
  gst_element_set_bus (f->video->element, NULL);
  if (f->text)
    gst_harness_teardown (f->text);
  gst_harness_teardown (f->video);
  gst_object_unref (f->bus);
}

static GstBuffer *
new_frame (Fixture * f)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 8 * 4 * 3, NULL);

  gst_buffer_memset (frame, 0, 0, 8 * 4 * 3);
  GST_BUFFER_PTS (frame) = f->n_frames++ * FRAME;
  GST_BUFFER_DURATION (frame) = FRAME;
  return frame;
}

static GstBuffer *
new_embedded (Fixture * f, const gfloat * embedding, guint dim,
    const gchar * label)
{
  GstBuffer *frame = new_frame (f);

  gst_supcon_buffer_set_embedding (frame, embedding, dim, "embedding", "m");
  if (label)
    gst_supcon_buffer_set_sample (frame, label, f->n_frames, 0);
  return frame;
}

/* A frame that the linear model finds to be of the three classes with these probabilities. */
static GstBuffer *
new_likely (Fixture * f, gfloat p0, gfloat p1, gfloat p2, const gchar * label)
{
  gfloat *embedding = g_new0 (gfloat, f->dim);
  GstBuffer *frame;

  embedding[0] = logf (p0);
  embedding[1] = logf (p1);
  embedding[2] = logf (p2);
  frame = new_embedded (f, embedding, f->dim, label);
  g_free (embedding);
  return frame;
}

static GstBuffer *
pass (Fixture * f, GstBuffer * frame)
{
  fail_unless_equals_int (gst_harness_push (f->video, frame), GST_FLOW_OK);
  frame = gst_harness_pull (f->video);
  fail_unless (frame != NULL);
  return frame;
}

/* The n-th tag on a frame; label is NULL when there are not as many. */
static gdouble
get_tag (GstBuffer * frame, guint n, const gchar ** label, gint * id)
{
  GstVideoRegionOfInterestMeta *roi =
      gst_buffer_get_video_region_of_interest_meta_id (frame, 0);
  GstStructure *s = roi ? g_list_nth_data (roi->params, n) : NULL;
  gdouble confidence = -1;

  *label = NULL;
  if (!s)
    return -1;
  fail_unless_equals_string (g_quark_to_string (roi->roi_type), "supcon");
  fail_unless (roi->x == 0 && roi->y == 0 && roi->w == 8 && roi->h == 4);
  fail_unless (gst_structure_has_name (s, "classification"));
  *label = gst_structure_get_string (s, "label");
  fail_unless (gst_structure_get_double (s, "confidence", &confidence));
  fail_unless (gst_structure_get_int (s, "label_id", id));
  return confidence;
}

static void
check_tag (GstBuffer * frame, guint n, const gchar * expected, gint id,
    gdouble confidence)
{
  const gchar *label;
  gint found = -2;
  gdouble p = get_tag (frame, n, &label, &found);

  fail_unless_equals_string (label, expected);
  if (expected) {
    fail_unless_equals_int (found, id);
    assert_close (p, confidence);
  }
}

static void
check_pass (Fixture * f, GstBuffer * frame, const gchar * expected, gint id,
    gdouble confidence)
{
  frame = pass (f, frame);
  check_tag (frame, 0, expected, id, confidence);
  gst_buffer_unref (frame);
}

/* The next element message of the name, or NULL. */
static GstMessage *
pop_message (Fixture * f, const gchar * name)
{
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_ELEMENT))) {
    if (gst_message_has_name (message, name))
      return message;
    gst_message_unref (message);
  }
  return NULL;
}

static gdouble
get_double (const GstStructure * s, const gchar * field)
{
  gdouble value = -1;

  fail_unless (gst_structure_get_double (s, field, &value), "%s", field);
  return value;
}

static guint64
get_uint64 (const GstStructure * s, const gchar * field)
{
  guint64 value = 0;

  fail_unless (gst_structure_get_uint64 (s, field, &value), "%s", field);
  return value;
}

static void
check_confusion (const GstStructure * s, guint truth, guint predicted,
    guint64 expected)
{
  const GValue *row =
      gst_value_array_get_value (gst_structure_get_value (s, "confusion"),
      truth);

  fail_unless_equals_uint64 (g_value_get_uint64 (gst_value_array_get_value
          (row, predicted)), expected);
}

GST_START_TEST (test_linear_tags)
{
  Fixture f;
  GstBuffer *frame;
  GstMessage *message;
  const GstStructure *s;
  const GValue *labels, *confidences;

  start_linear (&f, "top-k=2", FALSE);
  frame = pass (&f, new_likely (&f, .1, .7, .2, NULL));
  check_tag (frame, 0, "box", 1, .7);
  check_tag (frame, 1, "can", 2, .2);
  check_tag (frame, 2, NULL, 0, 0);
  gst_buffer_unref (frame);
  gst_buffer_unref (pass (&f, new_likely (&f, .6, .3, .1, NULL)));

  fail_unless ((message = pop_message (&f, "supcon-tags")) != NULL);
  gst_message_unref (message);
  fail_unless ((message = pop_message (&f, "supcon-tags")) != NULL);
  s = gst_message_get_structure (message);
  fail_unless_equals_uint64 (get_uint64 (s, "timestamp"), FRAME);
  labels = gst_structure_get_value (s, "labels");
  confidences = gst_structure_get_value (s, "confidences");
  fail_unless_equals_int (gst_value_array_get_size (labels), 2);
  fail_unless_equals_string (g_value_get_string (gst_value_array_get_value
          (labels, 0)), "cup");
  fail_unless_equals_string (g_value_get_string (gst_value_array_get_value
          (labels, 1)), "box");
  assert_close (g_value_get_double (gst_value_array_get_value (confidences,
              1)), .3);
  gst_message_unref (message);

  g_object_set (f.video->element, "post-messages", FALSE, "top-k", 100, NULL);
  frame = pass (&f, new_likely (&f, .1, .7, .2, NULL));
  check_tag (frame, 2, "cup", 0, .1);
  check_tag (frame, 3, NULL, 0, 0);
  gst_buffer_unref (frame);
  fail_unless (pop_message (&f, "supcon-tags") == NULL);
  stop (&f);
}

GST_END_TEST;

/* Twice the temperature halves the logits. */
GST_START_TEST (test_temperature)
{
  Fixture f;
  gchar *location = save_model (3, 2, &f.dim);
  gchar *launch = g_strdup_printf ("supcontagger location=%s", location);

  start (&f, launch, FALSE);
  check_pass (&f, new_likely (&f, .09, .64, .01, NULL), "box", 1, .8 / 1.2);
  stop (&f);
  g_unlink (location);
  g_free (location);
  g_free (launch);
}

GST_END_TEST;

/* Frames with a true label only are counted. */
GST_START_TEST (test_not_learning)
{
  static const gfloat a[2] = { 1, 0 };
  Fixture f;

  start (&f, "supcontagger method=knn learning=false", FALSE);
  check_pass (&f, new_embedded (&f, a, 2, "cup"), NULL, 0, 0);
  check_pass (&f, new_embedded (&f, a, 2, NULL), NULL, 0, 0);
  g_object_set (f.video->element, "learning", TRUE, NULL);
  check_pass (&f, new_embedded (&f, a, 2, "cup"), NULL, 0, 0);
  g_object_set (f.video->element, "learning", FALSE, NULL);
  check_pass (&f, new_embedded (&f, a, 2, "box"), "cup", 0, 1);
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_caps_change)
{
  Fixture f;
  GstBuffer *frame;
  GstVideoRegionOfInterestMeta *roi;

  start_linear (&f, "", FALSE);
  check_pass (&f, new_likely (&f, .1, .7, .2, NULL), "box", 1, .7);
  gst_harness_set_src_caps_str (f.video,
      "video/x-raw,format=GRAY8,width=12,height=8,framerate=25/1");
  frame = pass (&f, new_likely (&f, .1, .7, .2, NULL));
  roi = gst_buffer_get_video_region_of_interest_meta_id (frame, 0);
  fail_unless (roi && roi->w == 12 && roi->h == 8);
  gst_buffer_unref (frame);
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_shared_buffer)
{
  Fixture f;
  GstBuffer *frame, *out;

  /* Who else holds the frame does not see the tags; the picture is not copied. */
  start_linear (&f, "", FALSE);
  frame = new_likely (&f, .1, .7, .2, NULL);
  out = pass (&f, gst_buffer_ref (frame));
  check_tag (frame, 0, NULL, 0, 0);
  check_tag (out, 0, "box", 1, .7);
  fail_unless (gst_buffer_peek_memory (frame, 0) ==
      gst_buffer_peek_memory (out, 0));
  gst_buffer_unref (frame);
  gst_buffer_unref (out);
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_threshold_and_text)
{
  Fixture f;
  GstBuffer *text;
  GstEvent *event;
  GstCaps *caps;
  gboolean gap = FALSE;

  start_linear (&f, "top-k=3 threshold=0.25", TRUE);
  check_pass (&f, new_likely (&f, .3, .6, .1, NULL), "box", 1, .6);
  g_object_set (f.video->element, "threshold", .65, NULL);
  check_pass (&f, new_likely (&f, .3, .6, .1, NULL), "unknown", -1, .6);
  check_pass (&f, new_likely (&f, .9, .06, .04, NULL), "cup", 0, .9);

  text = gst_harness_pull (f.text);
  fail_unless (gst_buffer_memcmp (text, 0, "box 60 %\ncup 30 %", 17) == 0);
  fail_unless_equals_uint64 (gst_buffer_get_size (text), 17);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (text), 0);
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (text), FRAME);
  gst_buffer_unref (text);
  text = gst_harness_pull (f.text);
  fail_unless (gst_buffer_memcmp (text, 0, "cup 90 %", 8) == 0);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (text), 2 * FRAME);
  gst_buffer_unref (text);

  gst_harness_push_event (f.video, gst_event_new_eos ());
  do {
    GstEventType type;

    event = gst_harness_pull_event (f.text);
    fail_unless (event != NULL, "no EOS on the text pad");
    type = GST_EVENT_TYPE (event);
    if (type == GST_EVENT_GAP) {
      GstClockTime time, duration;

      gst_event_parse_gap (event, &time, &duration);
      fail_unless_equals_uint64 (time, FRAME);
      fail_unless_equals_uint64 (duration, FRAME);
      gap = TRUE;
    } else if (type == GST_EVENT_CAPS) {
      gst_event_parse_caps (event, &caps);
      fail_unless (gst_structure_has_name (gst_caps_get_structure (caps, 0),
              "text/x-raw"));
    } else if (type == GST_EVENT_STREAM_START) {
      GstStreamFlags flags;

      gst_event_parse_stream_flags (event, &flags);
      fail_unless (flags & GST_STREAM_FLAG_SPARSE);
    }
    gst_event_unref (event);
    if (type == GST_EVENT_EOS)
      break;
  } while (TRUE);
  fail_unless (gap);
  stop (&f);
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
}

GST_END_TEST;

GST_START_TEST (test_smoothing)
{
  Fixture f;
  GstBuffer *frame;
  GstSegment segment;

  start_linear (&f, "smoothing=0.75", FALSE);
  check_pass (&f, new_likely (&f, .8, .1, .1, NULL), "cup", 0, .8);
  check_pass (&f, new_likely (&f, .2, .7, .1, NULL), "cup", 0,
      .75 * .8 + .25 * .2);
  /* Each of these begins anew: a discontinuity, a segment, a flush. */
  frame = new_likely (&f, .2, .7, .1, NULL);
  GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
  check_pass (&f, frame, "box", 1, .7);
  segment = GST_BASE_TRANSFORM (f.video->element)->segment;
  gst_harness_push_event (f.video, gst_event_new_segment (&segment));
  check_pass (&f, new_likely (&f, .6, .3, .1, NULL), "cup", 0, .6);
  gst_harness_push_event (f.video, gst_event_new_flush_start ());
  gst_harness_push_event (f.video, gst_event_new_flush_stop (FALSE));
  gst_harness_push_event (f.video, gst_event_new_segment (&segment));
  check_pass (&f, new_likely (&f, .2, .7, .1, NULL), "box", 1, .7);
  check_pass (&f, new_likely (&f, .2, .7, .1, NULL), "box", 1, .7);
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_evaluation)
{
  Fixture f;
  GstMessage *message;
  const GstStructure *s;
  const GValue *labels;

  start_linear (&f, "", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "box")));
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .6, .3, "box")));
  gst_buffer_unref (pass (&f, new_likely (&f, .3, .3, .4, "can")));
  gst_buffer_unref (pass (&f, new_likely (&f, .3, .3, .4, NULL)));
  gst_buffer_unref (pass (&f, new_likely (&f, .3, .3, .4, "zebra")));
  gst_harness_push_event (f.video, gst_event_new_eos ());

  fail_unless ((message = pop_message (&f, "supcon-evaluation")) != NULL);
  s = gst_message_get_structure (message);
  fail_unless_equals_uint64 (get_uint64 (s, "count"), 4);
  fail_unless_equals_uint64 (get_uint64 (s, "unknown-labels"), 1);
  assert_close (get_double (s, "top1"), .75);
  assert_close (get_double (s, "top5"), 1);
  assert_close (get_double (s, "ece"), (.4 + .4 + .6) / 4);
  assert_close (get_double (s, "nll"),
      -(log (.7) + log (.2) + log (.6) + log (.4)) / 4);
  labels = gst_structure_get_value (s, "labels");
  fail_unless_equals_int (gst_value_array_get_size (labels), 3);
  fail_unless_equals_string (g_value_get_string (gst_value_array_get_value
          (labels, 2)), "can");
  check_confusion (s, 0, 0, 1);
  check_confusion (s, 1, 0, 1);
  check_confusion (s, 1, 1, 1);
  check_confusion (s, 2, 2, 1);
  check_confusion (s, 0, 1, 0);
  gst_message_unref (message);
  fail_unless (pop_message (&f, "supcon-evaluation") == NULL);
  stop (&f);

  /* Nothing is said of a stream without labels. */
  start_linear (&f, "", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, NULL)));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_unless (pop_message (&f, "supcon-evaluation") == NULL);
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_evaluation_location)
{
  Fixture f;
  gchar *path = g_build_filename (g_get_tmp_dir (), "supcon-evaluation.json",
      NULL);
  gchar *line = g_strdup_printf ("evaluation-location=%s", path), *text;

  start_linear (&f, line, FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "box")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  fail_unless (strstr (text, "\"confusion\":[[1,0,0],[1,0,0],[0,0,0]]") != NULL,
      "%s", text);
  stop (&f);
  g_remove (path);
  g_free (text);
  g_free (line);
  g_free (path);
}

GST_END_TEST;

static GString *printed;

static void
catch_print (const gchar * text)
{
  g_string_append (printed, text);
}

GST_START_TEST (test_print_evaluation)
{
  Fixture f;
  GPrintFunc before;

  printed = g_string_new (NULL);
  before = g_set_print_handler (catch_print);
  start_linear (&f, "print-evaluation=true", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "box")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  g_set_print_handler (before);
  fail_unless (g_str_has_prefix (printed->str, "2 labelled pictures: "
          "top-1 50.00 %, top-5 100.00 %, ECE 20.00 %, NLL 0.9831, Brier 0.6400\n"), "%s",
      printed->str);
  fail_unless (strstr (printed->str,
          "  0     1     0     0  100.0 %  cup\n"
          "  1     1     0     0    0.0 %  box\n"
          "  2     0     0     0      - %  can\n") != NULL, "%s", printed->str);
  g_string_free (printed, TRUE);
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_centroid)
{
  static const gfloat cup[2] = { 2, 0 }, box[2] = { 0, .1 }, query[2] = { 3, 4 };
  static const gfloat near_cup[2] = { 1, .1 };
  Fixture f;
  GstMessage *message;
  const GstStructure *s;

  start (&f, "supcontagger method=centroid", TRUE);
  /* Nothing is known yet; labelled frames teach and are not tagged. */
  check_pass (&f, new_embedded (&f, query, 2, NULL), NULL, 0, 0);
  check_pass (&f, new_embedded (&f, cup, 2, "cup"), NULL, 0, 0);
  check_pass (&f, new_embedded (&f, query, 2, NULL), "cup", 0, 1);
  check_pass (&f, new_embedded (&f, box, 2, "box"), NULL, 0, 0);
  /* Cosines .6 and .8 at temperature .1. */
  check_pass (&f, new_embedded (&f, query, 2, NULL), "box", 1,
      1 / (1 + exp (-2)));
  check_pass (&f, new_embedded (&f, near_cup, 2, "cup"), NULL, 0, 0);
  gst_harness_push_event (f.video, gst_event_new_eos ());

  /* The first of each label was unknown; the last was judged before it was learnt from. */
  fail_unless ((message = pop_message (&f, "supcon-evaluation")) != NULL);
  s = gst_message_get_structure (message);
  fail_unless_equals_uint64 (get_uint64 (s, "count"), 1);
  fail_unless_equals_uint64 (get_uint64 (s, "unknown-labels"), 2);
  assert_close (get_double (s, "top1"), 1);
  assert_close (get_double (s, "nll"), log1p (exp (-9 / sqrt (1.01))));
  gst_message_unref (message);
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_centroid_with_labels)
{
  static const gfloat can[2] = { 1, 0 };
  Fixture f;
  GstMessage *message;

  /* Numbers of classes are the checkpoint's, and classes without examples are never guessed. */
  start_linear (&f, "method=centroid top-k=3", FALSE);
  check_pass (&f, new_embedded (&f, can, 2, "can"), NULL, 0, 0);
  check_pass (&f, new_embedded (&f, can, 2, "box"), NULL, 0, 0);
  for (guint i = 0; i < 2; i++) {
    GstBuffer *frame = pass (&f, new_embedded (&f, can, 2, NULL));

    check_tag (frame, 0, "box", 1, .5);
    check_tag (frame, 1, "can", 2, .5);
    check_tag (frame, 2, NULL, 0, 0);
    gst_buffer_unref (frame);
  }
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_unless ((message = pop_message (&f, "supcon-evaluation")) != NULL);
  fail_unless_equals_uint64 (get_uint64 (gst_message_get_structure (message),
          "unknown-labels"), 2);
  gst_message_unref (message);
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_tag_events)
{
  static const gchar *const expected[] = { "cup", "box", "box" };
  Fixture f;
  GstEvent *event;
  guint n = 0;

  start_linear (&f, "", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, NULL)));
  gst_buffer_unref (pass (&f, new_likely (&f, .6, .2, .2, NULL)));
  gst_buffer_unref (pass (&f, new_likely (&f, .2, .7, .1, NULL)));
  /* Upstream's tags and ours go on together. */
  gst_harness_push_event (f.video, gst_event_new_tag (gst_tag_list_new
          (GST_TAG_TITLE, "kitchen", NULL)));
  gst_buffer_unref (pass (&f, new_likely (&f, .2, .7, .1, NULL)));
  while ((event = gst_harness_try_pull_event (f.video))) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
      GstTagList *list;
      gchar *keywords = NULL, *title = NULL;

      gst_event_parse_tag (event, &list);
      fail_unless (n < 3);
      fail_unless (gst_tag_list_get_string (list, GST_TAG_KEYWORDS, &keywords));
      fail_unless_equals_string (keywords, expected[n]);
      gst_tag_list_get_string (list, GST_TAG_TITLE, &title);
      fail_unless_equals_string (title, n == 2 ? "kitchen" : NULL);
      g_free (keywords);
      g_free (title);
      n++;
    }
    gst_event_unref (event);
  }
  fail_unless_equals_int (n, 3);
  stop (&f);
}

GST_END_TEST;

/* Consumes the frame and expects an error whose text has both parts in it. */
static void
check_error (Fixture * f, GstBuffer * frame, GQuark domain, gint code,
    const gchar * part, const gchar * other)
{
  GstMessage *message;
  GError *error;

  fail_unless_equals_int (gst_harness_push (f->video, frame), GST_FLOW_ERROR);
  message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, domain, code), "%s", error->message);
  fail_unless (strstr (error->message, part) && strstr (error->message, other),
      "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  stop (f);
}

/* Examples with labels judge the embeddings beside the classifier. */
GST_START_TEST (test_examples_location)
{
  Fixture f;
  gchar *path = g_build_filename (g_get_tmp_dir (), "supcon-examples.safetensors", NULL);
  gchar *line = g_strdup_printf ("examples-location=%s", path);
  SupconIndex *index = supcon_index_new (64, SUPCON_METRIC_COSINE);
  gfloat embedding[64] = { 0 };
  GstStructure *s;
  GstMessage *message;
  guint64 examples;
  gdouble knn1, knn200, centroid;
  GstElement *element;

  for (guint c = 0; c < 2; c++) {
    embedding[0] = c ? -1 : -0.1;
    embedding[1] = c ? -0.1 : -1;
    fail_unless (supcon_index_add (index, embedding, &(SupconEntry) {.label = class_names[c],.timestamp = -1 }));
  }
  fail_unless (supcon_index_save (index, path, NULL));
  supcon_index_free (index);
  start_linear (&f, line, FALSE);
  fail_unless_equals_int (f.dim, 64);
  /* Near the first example, the classifier right; and near it, but said to be the second's. */
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "box")));
  /* No example has this label. */
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .1, .8, "can")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  message = pop_message (&f, "supcon-evaluation");
  fail_unless (message != NULL);
  s = (GstStructure *) gst_message_get_structure (message);
  fail_unless (gst_structure_get (s, "examples", G_TYPE_UINT64, &examples, "knn-1", G_TYPE_DOUBLE, &knn1, "knn-200",
          G_TYPE_DOUBLE, &knn200, "centroid", G_TYPE_DOUBLE, &centroid, NULL));
  fail_unless_equals_uint64 (examples, 2);
  assert_close (knn1, 0.5);
  assert_close (knn200, 0.5);
  assert_close (centroid, 0.5);
  gst_message_unref (message);
  stop (&f);

  /* Embeddings of another length, and an index without a label. */
  index = supcon_index_new (3, SUPCON_METRIC_COSINE);
  embedding[0] = 1;
  supcon_index_add (index, embedding, &(SupconEntry) {.label = "cup",.timestamp = -1 });
  fail_unless (supcon_index_save (index, path, NULL));
  start_linear (&f, line, FALSE);
  check_error (&f, new_likely (&f, .7, .2, .1, "cup"), GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_SETTINGS, "has 64 numbers", "examples-location have 3");
  supcon_index_free (index);

  index = supcon_index_new (64, SUPCON_METRIC_COSINE);
  supcon_index_add (index, embedding, &(SupconEntry) {.timestamp = -1 });
  fail_unless (supcon_index_save (index, path, NULL));
  supcon_index_free (index);
  element = gst_element_factory_make ("supcontagger", NULL);
  g_object_set (element, "examples-location", path, NULL);
  gst_util_set_object_arg (G_OBJECT (element), "method", "centroid");
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
  g_remove (path);
  g_free (line);
  g_free (path);
}

GST_END_TEST;

GST_START_TEST (test_bad_frames)
{
  static const gfloat ones[3] = { 1, 1, 1 }, zero[3] = { 0, 0, 0 };
  static const gfloat nan[3] = { 1, NAN, 1 };
  Fixture f;
  GstBuffer *frame;

  start_linear (&f, "", FALSE);
  check_error (&f, new_frame (&f), GST_STREAM_ERROR,
      GST_STREAM_ERROR_WRONG_TYPE, "supconencoder", "upstream");

  start_linear (&f, "", FALSE);
  check_error (&f, new_embedded (&f, ones, 3, NULL), GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_SETTINGS, "has 3 numbers", ".safetensors");

  start_linear (&f, "", FALSE);
  frame = new_frame (&f);
  gst_supcon_buffer_set_embedding (frame, ones, 3, "projection", "m");
  check_error (&f, frame, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS,
      "'projection'", "'embedding'");

  start (&f, "supcontagger method=centroid", FALSE);
  gst_buffer_unref (pass (&f, new_embedded (&f, ones, 3, "cup")));
  check_error (&f, new_embedded (&f, ones, 2, NULL), GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_SETTINGS, "has 2 numbers", "had 3");

  start (&f, "supcontagger method=centroid", FALSE);
  check_error (&f, new_embedded (&f, zero, 3, "cup"), GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_FAILED, "zero", "finite");

  start (&f, "supcontagger method=centroid", FALSE);
  gst_buffer_unref (pass (&f, new_embedded (&f, ones, 3, "cup")));
  check_error (&f, new_embedded (&f, nan, 3, NULL), GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_FAILED, "zero", "finite");
}

GST_END_TEST;

static void
check_start_error (const gchar * location, const gchar * part)
{
  GstElement *element = gst_element_factory_make ("supcontagger", NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error;

  g_object_set (element, "location", location, NULL);
  gst_element_set_bus (element, bus);
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (strstr (error->message, part) != NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

GST_START_TEST (test_bad_location)
{
  guint dim;
  gchar *location = save_model (0, 1, &dim);

  check_start_error (NULL, "location");
  check_start_error ("/nowhere/at-all.safetensors", "at-all.safetensors");
  check_start_error (location, "classifier");
  g_unlink (location);
  g_free (location);
}

GST_END_TEST;

/* Whole pipelines. The first two frames of a stream teach "cup" and "box"; then frames are cups, some of them not sure. */

typedef struct
{
  gint pushed, drawn, shown;
  gboolean no_duration;
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
  if (counts->no_duration)
    GST_BUFFER_DURATION (frame) = GST_CLOCK_TIME_NONE;
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

static void
add_probe (GstElement * pipeline, const gchar * name, const gchar * pad_name,
    GstPadProbeCallback callback, gpointer data)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), name);
  GstPad *pad = gst_element_get_static_pad (element, pad_name);

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, callback, data, NULL);
  gst_object_unref (pad);
  gst_object_unref (element);
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
  add_probe (pipeline, "i", "src", add_embedding, counts);
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
    OVERLAY
  };

  for (guint i = 0; i < G_N_ELEMENTS (rest); i++) {
    gchar *source = g_strdup_printf ("videotestsrc pattern=black "
        "num-buffers=%u", i == 2 ? 20 : 300);
    Counts counts;
    GstElement *pipeline = new_pipeline (source, rest[i], &counts);
    gint n = i == 2 ? 20 : 300;

    /* Without one, textoverlay cannot tell from a gap alone that a frame has no text. */
    counts.no_duration = i == 3;
    add_probe (pipeline, "s", "sink", look, &counts);
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

  add_probe (pipeline, "s", "sink", look, &counts);
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
  add_probe (pipeline, "s", "sink", look, &counts);
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

    g_object_set (sink, "async", FALSE, NULL);
    gst_bin_add (GST_BIN (pipeline), sink);
    text = gst_element_request_pad_simple (tagger, "text");
    fail_unless (text != NULL);
    /* Unlinked it is no obstacle. */
    g_usleep (2000);
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

static gboolean
act (Fixture * f, const gchar * signal, const gchar * a, const gchar * b)
{
  gboolean done = FALSE;

  if (b)
    g_signal_emit_by_name (f->video->element, signal, a, b, &done);
  else
    g_signal_emit_by_name (f->video->element, signal, a, &done);
  return done;
}

static void
check_warning (Fixture * f, const gchar * text)
{
  GstMessage *message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_WARNING);
  GError *error = NULL;

  fail_unless (message != NULL, "no warning: %s", text);
  gst_message_parse_warning (message, &error, NULL);
  fail_unless (strstr (error->message, text) != NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
}

/* What is seen is named, renamed, joined and forgotten, by signals and by events; the file keeps it. */
GST_START_TEST (test_teaching)
{
  static const gchar *const methods[] = { "centroid", "knn" };
  static const gfloat a[2] = { 1, 0 }, b[2] = { 0, 1 };
  const gchar *strange = "\"杯\"\nline";
  Fixture f;

  for (guint i = 0; i < 2; i++) {
    gchar *folder = g_dir_make_tmp ("tagger-XXXXXX", NULL);
    gchar *memory = g_build_filename (folder, "memory.safetensors", NULL);
    gchar *launch = g_strdup_printf ("supcontagger method=%s "
        "memory-location=%s", methods[i], memory);
    GstMessage *message;

    start (&f, launch, TRUE);
    fail_if (act (&f, "learn", "cup", NULL));
    check_warning (&f, "no frame has come yet");
    check_pass (&f, new_embedded (&f, a, 2, NULL), NULL, 0, 0);
    fail_if (act (&f, "learn", "", NULL));
    check_warning (&f, "not empty");
    fail_if (act (&f, "learn", "\xff", NULL));
    check_warning (&f, "UTF-8");
    fail_if (act (&f, "forget", "cup", NULL));
    check_warning (&f, "no example of 'cup'");
    fail_unless (act (&f, "learn", "cup", NULL));
    check_pass (&f, new_embedded (&f, b, 2, NULL), "cup", 0, 1);
    gst_harness_push_event (f.video,
        gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
            gst_structure_new ("supcon-learn", "label", G_TYPE_STRING, strange,
                NULL)));
    check_pass (&f, new_embedded (&f, b, 2, NULL), strange, 1,
        i ? 1 : 1 / (1 + exp (-10)));
    check_pass (&f, new_embedded (&f, a, 2, NULL), "cup", 0,
        i ? 1 : 1 / (1 + exp (-10)));

    fail_unless (gst_harness_push_upstream_event (f.video,
            gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
                gst_structure_new ("supcon-rename", "old", G_TYPE_STRING, "cup",
                    "new", G_TYPE_STRING, "mug", NULL))));
    fail_if (act (&f, "rename", "cup", "can"));
    check_warning (&f, "no example of 'cup'");
    check_pass (&f, new_embedded (&f, a, 2, NULL), "mug", 0,
        i ? 1 : 1 / (1 + exp (-10)));
    gst_harness_push_event (f.video, gst_event_new_eos ());
    stop (&f);

    start (&f, launch, FALSE);
    check_pass (&f, new_embedded (&f, b, 2, NULL), strange, 1,
        i ? 1 : 1 / (1 + exp (-10)));
    message = pop_message (&f, "supcon-tags");
    fail_unless (gst_structure_has_field_typed (gst_message_get_structure
            (message), "tagging-time", G_TYPE_UINT64));
    gst_message_unref (message);
    fail_unless (act (&f, "rename", "mug", strange));
    check_pass (&f, new_embedded (&f, a, 2, NULL), strange, 1, 1);
    fail_unless (act (&f, "forget", strange, NULL));
    check_pass (&f, new_embedded (&f, a, 2, NULL), NULL, 0, 0);
    fail_if (act (&f, "rename", strange, "cup"));
    check_warning (&f, "no example");
    stop (&f);
    start (&f, launch, FALSE);
    check_pass (&f, new_embedded (&f, a, 2, NULL), NULL, 0, 0);
    stop (&f);
    g_unlink (memory);
    g_rmdir (folder);
    g_free (launch);
    g_free (memory);
    g_free (folder);
  }
  start_linear (&f, "", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .7, .2, NULL)));
  fail_if (act (&f, "learn", "cup", NULL));
  check_warning (&f, "method=linear");
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_majority_and_hysteresis)
{
  Fixture f;

  start_linear (&f, "majority=3", FALSE);
  check_pass (&f, new_likely (&f, .1, .7, .2, NULL), "box", 1, 1);
  check_pass (&f, new_likely (&f, .6, .2, .2, NULL), "cup", 0, .5);
  check_pass (&f, new_likely (&f, .1, .7, .2, NULL), "box", 1, 2 / 3.);
  check_pass (&f, new_likely (&f, .6, .2, .2, NULL), "cup", 0, 2 / 3.);
  stop (&f);

  start_linear (&f, "hysteresis=0.2 threshold=0.5", FALSE);
  check_pass (&f, new_likely (&f, .1, .7, .2, NULL), "box", 1, .7);
  check_pass (&f, new_likely (&f, .5, .4, .1, NULL), "box", 1, .4);
  check_pass (&f, new_likely (&f, .6, .3, .1, NULL), "cup", 0, .6);
  check_pass (&f, new_likely (&f, .29, .41, .3, NULL), "unknown", -1, .41);
  check_pass (&f, new_likely (&f, .5, .4, .1, NULL), "cup", 0, .5);
  stop (&f);
}

GST_END_TEST;

/* Each region is tagged, and told of in the message; one without an embedding is left alone. */
GST_START_TEST (test_regions)
{
  Fixture f;
  GstBuffer *frame;
  GstVideoRegionOfInterestMeta *region;
  const GstStructure *s, *told;
  GstMessage *message;
  gfloat *embedding;
  gpointer state = NULL;
  guint x, tagged = 0;

  start_linear (&f, "", TRUE);
  frame = new_frame (&f);
  embedding = g_new0 (gfloat, f.dim);
  gst_supcon_buffer_set_embedding (frame, NULL, 0, "embedding", "m");
  gst_supcon_buffer_set_embedding_origin (frame, 3, 70);
  for (guint i = 0; i < 3; i++) {
    region = gst_buffer_add_video_region_of_interest_meta (frame, "thing", i, 1,
        3, 2);
    embedding[0] = embedding[1] = embedding[2] = logf (.2);
    embedding[i] = logf (.6);
    if (i < 2)
      gst_supcon_region_set_embedding (region, embedding, f.dim, "embedding",
          "m");
  }
  frame = pass (&f, frame);
  while ((region = (gpointer) gst_buffer_iterate_meta_filtered (frame, &state,
              GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
    GstStructure *tag = gst_video_region_of_interest_meta_get_param (region,
        "classification");

    fail_unless_equals_int (tag != NULL, region->x < 2);
    if (!tag)
      continue;
    tagged++;
    fail_unless_equals_string (gst_structure_get_string (tag, "label"),
        class_names[region->x]);
  }
  fail_unless_equals_int (tagged, 2);
  message = pop_message (&f, "supcon-tags");
  s = gst_message_get_structure (message);
  fail_unless_equals_uint64 (get_uint64 (s, "version"), 3);
  fail_unless_equals_uint64 (get_uint64 (s, "encoding-time"), 70);
  fail_unless_equals_int (gst_value_array_get_size (gst_structure_get_value (s,
              "regions")), 2);
  told = gst_value_get_structure (gst_value_array_get_value
      (gst_structure_get_value (s, "regions"), 1));
  fail_unless (gst_structure_get_uint (told, "x", &x) && x == 1);
  fail_unless_equals_string (gst_structure_get_string (told, "type"), "thing");
  gst_message_unref (message);
  gst_buffer_unref (frame);

  /* An encoder without a model yet, or a frame whose regions are all outside. */
  frame = new_frame (&f);
  gst_supcon_buffer_set_embedding (frame, NULL, 0, "embedding", "m");
  gst_supcon_buffer_set_embedding_origin (frame, 0, 0);
  check_pass (&f, frame, NULL, 0, 0);
  g_free (embedding);
  stop (&f);
}

GST_END_TEST;

static Suite *
tagger_suite (void)
{
  Suite *suite = suite_create ("supcontagger");
  TCase *frames = tcase_create ("frames"), *pipelines =
      tcase_create ("pipelines");

  gst_supcon_meta_register ();

  suite_add_tcase (suite, frames);
  tcase_add_test (frames, test_linear_tags);
  tcase_add_test (frames, test_temperature);
  tcase_add_test (frames, test_not_learning);
  tcase_add_test (frames, test_caps_change);
  tcase_add_test (frames, test_shared_buffer);
  tcase_add_test (frames, test_threshold_and_text);
  tcase_add_test (frames, test_same_events);
  tcase_add_test (frames, test_smoothing);
  tcase_add_test (frames, test_evaluation);
  tcase_add_test (frames, test_evaluation_location);
  tcase_add_test (frames, test_examples_location);
  tcase_add_test (frames, test_print_evaluation);
  tcase_add_test (frames, test_centroid);
  tcase_add_test (frames, test_centroid_with_labels);
  tcase_add_test (frames, test_teaching);
  tcase_add_test (frames, test_majority_and_hysteresis);
  tcase_add_test (frames, test_regions);
  tcase_add_test (frames, test_tag_events);
  tcase_add_test (frames, test_bad_frames);
  tcase_add_test (frames, test_bad_location);

  suite_add_tcase (suite, pipelines);
  tcase_set_timeout (pipelines, 60);
  tcase_add_test (pipelines, test_overlay);
  tcase_add_test (pipelines, test_seek);
  tcase_add_test (pipelines, test_one_seek);
  tcase_add_test (pipelines, test_states);
  tcase_add_test (pipelines, test_text_pad_comes_and_goes);
  tcase_add_test (pipelines, test_slow_text);
  tcase_add_test (pipelines, test_text_failure);
  return suite;
}

GST_CHECK_MAIN (tagger);
