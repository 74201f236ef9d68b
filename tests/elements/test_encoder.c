/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconencoder: what it attaches, what it sends as tensors, and the bad files it meets. */
#include <gst/check/gstharness.h>
#include <math.h>
#include <sys/resource.h>

#include "gstsupconmeta.h"
#include "model/checkpoint.h"
#include "pipeline.h"

static gchar *folder, *model;
static SupconModel *reference;

/* A random model of 16x16 pictures with two classes, which the elements read from a file and the tests use directly. */
static void
setup (void)
{
  SupconModelConfig config;
  SupconLabels *labels = supcon_labels_new ();
  SupconParam *params;
  guint n;

  folder = folder_new ();
  model = g_build_filename (folder, "m.safetensors", NULL);
  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
  config.input_width = config.input_height = 16;
  reference = supcon_model_new (&config, 5, NULL);
  supcon_model_set_n_classes (reference, 2);
  params = supcon_model_params (reference, &n);
  for (gsize i = 0; i < params[n - 2].size; i++)
    params[n - 2].data[i] = sin (i);
  supcon_labels_add (labels, "a");
  supcon_labels_add (labels, "b");
  fail_unless (supcon_checkpoint_save (model, reference,
          &(SupconCheckpointInfo) {.labels = labels,.stage = "linear",.step = 1}, NULL));
  supcon_labels_free (labels);
}

static void
teardown (void)
{
  supcon_model_free (reference);
  g_free (model);
  folder_free (folder);
}

static GstHarness *
harness_new (const gchar * properties, const gchar * caps)
{
  gchar *line = g_strdup_printf ("supconencoder location=%s %s", model,
      properties);
  GstHarness *h = gst_harness_new_parse (line);

  gst_harness_set_src_caps_str (h, caps);
  g_free (line);
  return h;
}

static GstBuffer *
picture_new (guint stride, guint height, guint8 * pixels, guint row)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, stride * height, NULL);

  gst_buffer_memset (buffer, 0, 0, -1);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < row; x++) {
      guint8 value = (x * 7 + y * 13 + x * y) & 255;

      gst_buffer_fill (buffer, y * stride + x, &value, 1);
      if (pixels)
        pixels[y * row + x] = value;
    }
  return buffer;
}

static void
check_values (GstBuffer * out, const SupconReal * expected, guint n,
    const gchar * expected_layer)
{
  guint dim;
  const gchar *layer, *name;
  GstBuffer *data = gst_supcon_buffer_get_embedding (out, &dim, &layer, &name);
  GstMapInfo map;

  fail_unless (data != NULL);
  fail_unless_equals_int (dim, n);
  fail_unless_equals_string (layer, expected_layer);
  fail_unless_equals_string (name, model);
  gst_buffer_map (data, &map, GST_MAP_READ);
  for (guint i = 0; i < n; i++)
    fail_unless (fabsf (((gfloat *) map.data)[i] - expected[i]) < 1e-5);
  gst_buffer_unmap (data, &map);
  gst_buffer_unref (data);
}

GST_START_TEST (test_layers)
{
  static const gchar *const layers[] = { "embedding", "projection", "logits" };
  guint8 pixels[16 * 16 * 3];
  SupconReal r[64], values[128];

  for (guint i = 0; i < G_N_ELEMENTS (layers); i++) {
    gchar *properties = g_strdup_printf ("layer=%s", layers[i]);
    GstHarness *h = harness_new (properties,
        "video/x-raw,format=RGB,width=16,height=16,framerate=30/1");
    GstBuffer *in = picture_new (48, 16, pixels, 48), *out;

    GST_BUFFER_PTS (in) = 123;
    gst_supcon_buffer_set_sample (in, "thing", 7, 1);
    out = gst_harness_push_and_pull (h, in);
    supcon_model_embed (reference, pixels, 1, r);
    if (i == 0)
      check_values (out, r, 64, layers[i]);
    if (i == 1)
      supcon_model_project (reference, r, 1, values);
    if (i == 2)
      supcon_model_classify (reference, r, 1, values);
    if (i > 0)
      check_values (out, values, i == 1 ? 128 : 2, layers[i]);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (out), 123);
    fail_unless (gst_supcon_buffer_get_sample (out, NULL, NULL, NULL));
    fail_unless_equals_int (gst_buffer_get_size (out), 48 * 16);
    gst_buffer_unref (out);
    gst_harness_teardown (h);
    g_free (properties);
  }
}
GST_END_TEST;

GST_START_TEST (test_normalize)
{
  GstHarness *h = harness_new ("normalize=true",
      "video/x-raw,format=RGB,width=16,height=16,framerate=30/1");
  GstBuffer *out = gst_harness_push_and_pull (h, picture_new (48, 16, NULL, 48));
  GstBuffer *data = gst_supcon_buffer_get_embedding (out, NULL, NULL, NULL);
  gfloat values[64], sum = 0;

  gst_buffer_extract (data, 0, values, sizeof values);
  for (guint i = 0; i < 64; i++)
    sum += values[i] * values[i];
  fail_unless (fabsf (sum - 1) < 1e-5);
  gst_buffer_unref (data);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Grey of 15 columns, so rows are padded to 16 bytes; it is the same as the picture in RGB, resized. Then caps change. */
GST_START_TEST (test_formats)
{
  GstHarness *h = harness_new ("",
      "video/x-raw,format=GRAY8,width=16,height=16,framerate=30/1");
  guint8 grey[16 * 16], pixels[16 * 16 * 3];
  SupconReal r[64];
  GstBuffer *out = gst_harness_push_and_pull (h, picture_new (16, 16, grey, 16));
  GstBuffer *small, *large;

  for (guint i = 0; i < sizeof pixels; i++)
    pixels[i] = grey[i / 3];
  supcon_model_embed (reference, pixels, 1, r);
  check_values (out, r, 64, "embedding");
  gst_buffer_unref (out);

  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=15,height=9,framerate=30/1");
  small = gst_harness_push_and_pull (h, picture_new (48, 9, NULL, 45));
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=640,height=360,framerate=30/1");
  large = gst_harness_push_and_pull (h, picture_new (1920, 360, NULL, 1920));
  {
    GstBuffer *a = gst_supcon_buffer_get_embedding (small, NULL, NULL, NULL);
    GstBuffer *b = gst_supcon_buffer_get_embedding (large, NULL, NULL, NULL);

    fail_unless (a != NULL && b != NULL);
    gst_buffer_unref (a);
    gst_buffer_unref (b);
  }
  gst_buffer_unref (small);
  gst_buffer_unref (large);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* After a flush, and after going down to any state and up again, frames have the same embedding. */
GST_START_TEST (test_flush_and_states)
{
  static const GstState states[] = { GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_NULL };
  const gchar *caps = "video/x-raw,format=RGB,width=16,height=16,framerate=30/1";
  GstHarness *h = harness_new ("", caps);
  guint8 pixels[16 * 16 * 3];
  SupconReal r[64];
  GstSegment segment;
  GstBuffer *out = gst_harness_push_and_pull (h, picture_new (48, 16, pixels, 48));
  GstCaps *running, *stopped;

  supcon_model_embed (reference, pixels, 1, r);
  check_values (out, r, 64, "embedding");
  gst_buffer_unref (out);

  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  out = gst_harness_push_and_pull (h, picture_new (48, 16, NULL, 48));
  check_values (out, r, 64, "embedding");
  gst_buffer_unref (out);

  for (guint i = 0; i < G_N_ELEMENTS (states); i++) {
    fail_unless_equals_int (gst_element_set_state (h->element, states[i]),
        GST_STATE_CHANGE_SUCCESS);
    fail_unless_equals_int (gst_element_set_state (h->element,
            GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    if (states[i] != GST_STATE_PAUSED) {
      fail_unless (gst_harness_push_event (h,
              gst_event_new_stream_start ("again")));
      gst_harness_set_src_caps_str (h, caps);
      fail_unless (gst_harness_push_event (h,
              gst_event_new_segment (&segment)));
    }
    out = gst_harness_push_and_pull (h, picture_new (48, 16, NULL, 48));
    check_values (out, r, 64, "embedding");
    gst_buffer_unref (out);
  }

  /* How many numbers tensors have is not known without a model. */
  running = gst_pad_query_caps (GST_PAD_PEER (h->sinkpad), NULL);
  gst_element_set_state (h->element, GST_STATE_READY);
  stopped = gst_pad_query_caps (GST_PAD_PEER (h->sinkpad), NULL);
  fail_unless (!gst_caps_is_strictly_equal (running, stopped));
  gst_caps_unref (running);
  gst_caps_unref (stopped);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A crop meta hides all but the middle. */
GST_START_TEST (test_crop)
{
  GstHarness *h = harness_new ("",
      "video/x-raw,format=RGB,width=32,height=24,framerate=30/1");
  guint8 all[32 * 24 * 3], pixels[16 * 16 * 3];
  GstBuffer *in = picture_new (96, 24, all, 96), *out;
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (in);
  SupconReal r[64];

  crop->x = 5;
  crop->y = 3;
  crop->width = crop->height = 16;
  for (guint y = 0; y < 16; y++)
    memcpy (pixels + y * 48, all + (y + 3) * 96 + 15, 48);
  out = gst_harness_push_and_pull (h, in);
  supcon_model_embed (reference, pixels, 1, r);
  check_values (out, r, 64, "embedding");
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Other caps start again: what is known of regions alone is no tensor of the frame. */
GST_START_TEST (test_interval_of_regions_then_tensors)
{
  gchar *line = g_strdup_printf ("supconencoder regions=true interval=3 "
      "location=%s", model);
  GstHarness *h = gst_harness_new_parse (line);
  guint8 pixels[16 * 16 * 3];
  SupconReal r[64];
  gfloat values[64];
  GstBuffer *out = picture_new (48, 16, pixels, 48);

  gst_harness_set_sink_caps_str (h, "video/x-raw");
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=16,height=16,framerate=30/1");
  gst_buffer_add_video_region_of_interest_meta (out, "thing", 0, 0, 8, 8);
  out = gst_harness_push_and_pull (h, out);
  fail_unless (!gst_supcon_buffer_get_embedding (out, NULL, NULL, NULL));
  gst_buffer_unref (out);

  gst_harness_set_sink_caps_str (h, "other/tensors");
  gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
  out = picture_new (48, 16, pixels, 48);
  gst_buffer_add_video_region_of_interest_meta (out, "thing", 0, 0, 8, 8);
  out = gst_harness_push_and_pull (h, out);
  supcon_model_embed (reference, pixels, 1, r);
  fail_unless_equals_int (gst_buffer_extract (out, 0, values, sizeof values),
      sizeof values);
  for (guint i = 0; i < 64; i++)
    fail_unless (fabsf (values[i] - r[i]) < 1e-5);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
  g_free (line);
}
GST_END_TEST;

GST_START_TEST (test_tensors)
{
  gchar *line = g_strdup_printf ("supconencoder location=%s", model);
  GstHarness *h = gst_harness_new_parse (line);
  guint8 pixels[16 * 16 * 3];
  SupconReal r[64];
  gfloat values[64];
  GstBuffer *out;
  GstCaps *caps, *expected;

  /* There are as many of them as of frames, whichever side says how many. */
  gst_harness_set_sink_caps_str (h, "other/tensors,framerate=25/1");
  caps = gst_pad_peer_query_caps (h->srcpad, NULL);
  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    gint n, d;

    fail_unless (gst_structure_get_fraction (gst_caps_get_structure (caps, i),
            "framerate", &n, &d) && n == 25 && d == 1, "%" GST_PTR_FORMAT,
        caps);
  }
  gst_caps_unref (caps);
  gst_harness_set_sink_caps_str (h, "other/tensors,format=static,num_tensors=1,"
      "types=float32,dimensions=64:1:1:1");
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=16,height=16,framerate=30/1");
  out = gst_harness_push_and_pull (h, picture_new (48, 16, pixels, 48));
  supcon_model_embed (reference, pixels, 1, r);
  fail_unless_equals_int (gst_buffer_get_size (out), sizeof values);
  gst_buffer_extract (out, 0, values, sizeof values);
  for (guint i = 0; i < 64; i++)
    fail_unless (fabsf (values[i] - r[i]) < 1e-5);
  caps = gst_pad_get_current_caps (h->sinkpad);
  expected = gst_caps_from_string ("other/tensors,format=(string)static,"
      "num_tensors=(int)1,types=(string)float32,dimensions=(string)64:1:1:1,"
      "framerate=(fraction)30/1");
  fail_unless (gst_caps_is_equal (caps, expected), "%" GST_PTR_FORMAT, caps);
  gst_caps_unref (caps);
  gst_caps_unref (expected);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
  g_free (line);
}
GST_END_TEST;

/* Of three frames the first is encoded; a flush and a stream start again. */
GST_START_TEST (test_interval)
{
  GstHarness *h = harness_new ("interval=3",
      "video/x-raw,format=RGB,width=16,height=16,framerate=30/1");
  guint8 pixels[16 * 16 * 3];
  SupconReal r[64];
  GstBuffer *out = gst_harness_push_and_pull (h, picture_new (48, 16, pixels, 48));

  supcon_model_embed (reference, pixels, 1, r);
  gst_buffer_unref (out);
  for (guint i = 0; i < 2; i++) {
    GstBuffer *in = gst_buffer_new_allocate (NULL, 48 * 16, NULL);

    gst_buffer_memset (in, 0, 200, -1);
    out = gst_harness_push_and_pull (h, in);
    check_values (out, r, 64, "embedding");
    gst_buffer_unref (out);
  }
  for (guint i = 0; i < 2; i++) {
    GstBuffer *in = gst_buffer_new_allocate (NULL, 48 * 16, NULL);
    GstSegment segment;

    /* The first one after each of them, which another two would carry on. */
    if (i == 0) {
      gst_harness_push_event (h, gst_event_new_flush_start ());
      gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
    } else {
      gst_harness_push_event (h, gst_event_new_stream_start ("next"));
    }
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (h, gst_event_new_segment (&segment));
    memset (pixels, 100 + i, sizeof pixels);
    gst_buffer_fill (in, 0, pixels, sizeof pixels);
    out = gst_harness_push_and_pull (h, in);
    supcon_model_embed (reference, pixels, 1, r);
    check_values (out, r, 64, "embedding");
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

/* What upstream may allocate: as downstream of frames takes it, and of tensors as the encoder reads it. */
GST_START_TEST (test_allocation)
{
  static const gchar caps[] = "video/x-raw,format=RGB,width=16,height=16,framerate=30/1";

  for (guint how = 0; how < 3; how++) {
    gchar *line = g_strdup_printf ("supconencoder location=%s", model);
    GstHarness *h = gst_harness_new_parse (line);
    GstCaps *current;
    GstQuery *query;

    if (how == 1) {
      gst_harness_add_propose_allocation_meta (h, GST_VIDEO_META_API_TYPE, NULL);
      gst_harness_add_propose_allocation_meta (h, GST_VIDEO_CROP_META_API_TYPE,
          NULL);
    }
    if (how == 2)
      gst_harness_set_sink_caps_str (h, "other/tensors");
    gst_harness_set_src_caps_str (h, caps);
    current = gst_pad_get_current_caps (h->srcpad);
    query = gst_query_new_allocation (current, FALSE);
    fail_unless (gst_pad_peer_query (h->srcpad, query));
    fail_unless_equals_int (gst_query_get_n_allocation_metas (query),
        how == 0 ? 1 : 2);
    fail_unless (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE,
            NULL));
    fail_unless_equals_int (gst_query_find_allocation_meta (query,
            GST_VIDEO_CROP_META_API_TYPE, NULL), how > 0);
    gst_query_unref (query);
    gst_caps_unref (current);
    gst_harness_teardown (h);
    g_free (line);
  }
}
GST_END_TEST;

GST_START_TEST (test_bad_files)
{
  gchar *bytes, *broken = g_build_filename (folder, "broken", NULL);
  gsize size;
  Run run = run_launch ("videotestsrc num-buffers=1 ! videoconvert ! "
      "supconencoder ! fakesink");

  run_assert_error (run, "location is not set");
  run_clear (&run);
  run = run_launch ("videotestsrc num-buffers=1 ! videoconvert ! "
      "supconencoder location=%s/none ! fakesink", folder);
  run_assert_error (run, "none");
  run_clear (&run);
  fail_unless (g_file_get_contents (model, &bytes, &size, NULL));
  g_file_set_contents (broken, bytes, size / 2, NULL);
  run = run_launch ("videotestsrc num-buffers=1 ! videoconvert ! "
      "supconencoder location=%s ! fakesink", broken);
  run_assert_error (run, "broken");
  run_clear (&run);
  g_free (bytes);
  g_free (broken);
}
GST_END_TEST;

/* A file that does not say what it holds, as torchvision's, is read as the properties say. */
GST_START_TEST (test_file_without_metadata)
{
  gchar *bytes, *from, *to;
  guint8 pixels[32 * 32 * 3];
  SupconModelConfig config;
  SupconModel *net;
  SupconReal r[32];
  GstBuffer *out;
  GstHarness *h;
  gsize size;
  Run run;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet18", sizeof config.encoder);
  config.width = 0.0625;
  config.input_width = config.input_height = 32;
  net = supcon_model_new (&config, 7, NULL);
  fail_unless (supcon_checkpoint_save (model, net,
          &(SupconCheckpointInfo) {.stage = "contrastive"}, NULL));
  run = run_launch ("videotestsrc num-buffers=1 ! videoconvert ! "
      "supconencoder layer=logits location=%s ! fakesink", model);
  run_assert_error (run, "layer=logits needs a classifier");
  run_clear (&run);
  fail_unless (g_file_get_contents (model, &bytes, &size, NULL));
  from = memmem (bytes, size, "\"__metadata__\"", 14);
  fail_unless (from != NULL);
  to = memmem (from, bytes + size - from, "},", 2);
  fail_unless (to != NULL);
  memset (from, ' ', to + 2 - from);
  fail_unless (g_file_set_contents (model, bytes, size, NULL));
  g_free (bytes);
  h = harness_new ("encoder=resnet18 stem=small width=0.0625",
      "video/x-raw,format=RGB,width=32,height=32,framerate=30/1");
  out = gst_harness_push_and_pull (h, picture_new (96, 32, pixels, 96));
  supcon_model_embed (net, pixels, 1, r);
  check_values (out, r, 32, "embedding");
  gst_buffer_unref (out);
  gst_harness_teardown (h);
  run = run_launch ("videotestsrc num-buffers=1 ! videoconvert ! "
      "supconencoder location=%s encoder=resnet18 width=0.0625 ! fakesink",
      model);
  run_assert_error (run, "tensor conv1.weight has shape");
  run_clear (&run);
  supcon_model_free (net);
}
GST_END_TEST;

/* Sanitizers reserve more address space than any limit leaves. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* A file of some hundred kilobytes may be of pictures that nobody has the memory for. */
GST_START_TEST (test_too_large)
{
  gchar *large = g_build_filename (folder, "large.safetensors", NULL);
  struct rlimit limit = { G_GUINT64_CONSTANT (4) << 30, RLIM_INFINITY };
  SupconModelConfig config;
  SupconModel *net;
  Run run;

  setrlimit (RLIMIT_AS, &limit);
  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
  config.input_width = config.input_height = SUPCON_MODEL_MAX_SIDE;
  net = supcon_model_new (&config, 5, NULL);
  fail_unless (supcon_checkpoint_save (large, net,
          &(SupconCheckpointInfo) {.stage = "contrastive"}, NULL));
  supcon_model_free (net);
  run = run_launch ("videotestsrc num-buffers=1 ! videoconvert ! "
      "supconencoder location=%s ! fakesink", large);
  run_assert_error (run, "to encode a picture of 16384x16384 takes");
  run_clear (&run);
  g_free (large);
}
GST_END_TEST;

#endif

static Suite *
encoder_suite (void)
{
  Suite *suite = suite_create ("supconencoder");
  TCase *tcase = tcase_create ("supconencoder");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_layers);
  tcase_add_test (tcase, test_normalize);
  tcase_add_test (tcase, test_formats);
  tcase_add_test (tcase, test_flush_and_states);
  tcase_add_test (tcase, test_crop);
  tcase_add_test (tcase, test_tensors);
  tcase_add_test (tcase, test_interval_of_regions_then_tensors);
  tcase_add_test (tcase, test_interval);
  tcase_add_test (tcase, test_allocation);
  tcase_add_test (tcase, test_bad_files);
  tcase_add_test (tcase, test_file_without_metadata);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  tcase_add_test (tcase, test_too_large);
#endif
  return suite;
}

GST_CHECK_MAIN (encoder);
