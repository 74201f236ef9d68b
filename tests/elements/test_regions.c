/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Regions of interest: labelled and cut out by supconlabel, learnt from, encoded and tagged. */
#include <gst/check/gstharness.h>

#include "gstsupconmeta.h"
#include "model/checkpoint.h"
#include "pipeline.h"

#define CAPS "video/x-raw,format=GRAY8,width=8,height=8,framerate=10/1"

/* The element with downstream's answer to whether it reads crops. */
static GstHarness *
label_new (const gchar * properties, gboolean crops)
{
  gchar *line = g_strdup_printf ("supconlabel regions=true %s", properties);
  GstHarness *h = gst_harness_new_parse (line);

  if (crops)
    gst_harness_add_propose_allocation_meta (h, GST_VIDEO_CROP_META_API_TYPE,
        NULL);
  gst_harness_set_src_caps_str (h, CAPS);
  g_free (line);
  return h;
}

/* Pixel (x, y) is 16 y + x. */
static GstBuffer *
frame_new (guint size)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, size * size, NULL);

  for (guint y = 0; y < size; y++)
    for (guint x = 0; x < size; x++)
      gst_buffer_memset (frame, y * size + x, 16 * y + x, 1);
  GST_BUFFER_PTS (frame) = 7 * GST_MSECOND;
  GST_BUFFER_DURATION (frame) = 3 * GST_MSECOND;
  return frame;
}

static GstVideoRegionOfInterestMeta *
add_region (GstBuffer * frame, const gchar * type, guint x, guint y, guint w,
    guint h)
{
  return gst_buffer_add_video_region_of_interest_meta (frame, type, x, y, w, h);
}

static GstBuffer *
pull_region (GstHarness * h, const gchar * label, guint64 sample)
{
  GstBuffer *cut = gst_harness_try_pull (h);
  const gchar *has;
  guint64 number;

  fail_unless (cut != NULL);
  fail_unless (gst_supcon_buffer_get_sample (cut, &has, &number, NULL));
  fail_unless_equals_string (has, label);
  fail_unless_equals_uint64 (number & G_MAXUINT32, sample);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (cut), 7 * GST_MSECOND);
  fail_unless (!gst_buffer_get_video_region_of_interest_meta_id (cut, 0));
  return cut;
}

GST_START_TEST (regions_leave_as_crops)
{
  GstHarness *h = label_new ("region-label=type label=thing", TRUE);
  GstBuffer *frame = frame_new (8), *cut;
  GstVideoCropMeta *crop;
  GstElement *element;
  guint64 skipped, labelled;

  GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
  /* What the frame shows is nothing to the regions, which have their own. */
  crop = gst_buffer_add_video_crop_meta (frame);
  crop->width = crop->height = 8;
  add_region (frame, "cup", 1, 2, 3, 4);
  add_region (frame, "box", 6, 5, 900, G_MAXUINT);
  add_region (frame, "out", 8, 0, 1, 1);
  add_region (frame, "flat", 1, 1, 0, 5);
  add_region (frame, "", 0, 0, 8, 8);
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_ref (frame)),
      GST_FLOW_OK);

  cut = pull_region (h, "cup", 0);
  fail_unless (GST_BUFFER_IS_DISCONT (cut));
  fail_unless (gst_buffer_peek_memory (cut, 0) == gst_buffer_peek_memory (frame,
          0));
  crop = gst_buffer_get_video_crop_meta (cut);
  fail_unless (crop && crop->x == 1 && crop->y == 2 && crop->width == 3
      && crop->height == 4);
  gst_buffer_unref (cut);
  cut = pull_region (h, "box", 1);
  fail_unless (!GST_BUFFER_IS_DISCONT (cut));
  crop = gst_buffer_get_video_crop_meta (cut);
  fail_unless (crop && crop->x == 6 && crop->y == 5 && crop->width == 2
      && crop->height == 3);
  gst_buffer_unref (cut);
  /* A region that its detector says nothing of has the frame's label. */
  gst_buffer_unref (pull_region (h, "thing", 2));
  fail_unless (gst_harness_try_pull (h) == NULL);

  element = gst_harness_find_element (h, "supconlabel");
  g_object_get (element, "skipped-regions", &skipped, "labelled", &labelled,
      NULL);
  gst_object_unref (element);
  fail_unless_equals_uint64 (skipped, 2);
  fail_unless_equals_uint64 (labelled, 3);
  gst_buffer_unref (frame);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Downstream that reads no crops has pixels and caps of their own. */
GST_START_TEST (regions_leave_as_copies)
{
  GstHarness *h = label_new ("region-label=parameter", FALSE);
  GstBuffer *frame = frame_new (8), *cut;
  GstVideoRegionOfInterestMeta *region = add_region (frame, "x", 1, 2, 3, 2);
  static const guint8 pixels[] = { 33, 34, 35, 49, 50, 51 };
  GstCaps *caps;
  GstVideoInfo info;
  GstMapInfo map;

  gst_video_region_of_interest_meta_add_param (region,
      gst_structure_new ("detection", "confidence", G_TYPE_DOUBLE, .5, NULL));
  gst_video_region_of_interest_meta_add_param (region,
      gst_structure_new ("classification", "label", G_TYPE_STRING, "cup", NULL));
  add_region (frame, "x", 7, 7, 1, 1);
  gst_harness_push (h, frame);
  cut = pull_region (h, "cup", 0);
  fail_unless (!gst_buffer_get_video_crop_meta (cut));
  gst_buffer_map (cut, &map, GST_MAP_READ);
  for (guint y = 0; y < 2; y++)       /* rows are rounded up to 4 bytes */
    fail_unless (memcmp (map.data + 4 * y, pixels + 3 * y, 3) == 0);
  gst_buffer_unmap (cut, &map);
  gst_buffer_unref (cut);
  cut = pull_region (h, NULL, 1);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_video_info_from_caps (&info, caps));
  fail_unless (info.width == 1 && info.height == 1 && info.fps_n == 10);
  gst_caps_unref (caps);
  fail_unless (gst_buffer_memcmp (cut, 0, "\x77", 1) == 0);
  gst_buffer_unref (cut);

  /* Other caps under regions of the same size, and then of another one. */
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=GRAY8,width=4,height=4,framerate=20/1");
  for (guint i = 0; i < 2; i++) {
    frame = frame_new (4);
    add_region (frame, "gone", 5, 5, 2, 2);
    add_region (frame, "cut", 3, 3 - i, 2, 9);
    gst_harness_push (h, frame);
    cut = pull_region (h, NULL, 2 + i);
    caps = gst_pad_get_current_caps (h->sinkpad);
    fail_unless (gst_video_info_from_caps (&info, caps));
    fail_unless_equals_int (info.width, 1);
    fail_unless_equals_int (info.height, 1 + i);
    fail_unless_equals_int (info.fps_n, 20);
    gst_caps_unref (caps);
    gst_buffer_unref (cut);
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A copy has its own strides, and its colours are the frame's, whatever is usual for its size; fields are cut too. */
GST_START_TEST (copies_keep_their_colours)
{
  static const guint8 color[] = { 100, 90, 200 };
  gsize offsets[GST_VIDEO_MAX_PLANES] = { 0, 16 * 8, 16 * 8 + 8 * 4 };
  gint strides[GST_VIDEO_MAX_PLANES] = { 16, 8, 8 };
  GstHarness *h = label_new ("", FALSE);
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 16 * 8 + 2 * 8 * 4, NULL);
  GstBuffer *cut;
  GstVideoFrame mapped;
  GstVideoInfo info;
  GstCaps *caps;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=I420,width=8,height=8,"
      "framerate=10/1,interlace-mode=interleaved,colorimetry=bt709");
  for (guint i = 0; i < 3; i++)
    gst_buffer_memset (frame, offsets[i], color[i], i ? 32 : 128);
  GST_BUFFER_PTS (frame) = 7 * GST_MSECOND;
  gst_buffer_add_video_meta_full (frame, GST_VIDEO_FRAME_FLAG_NONE,
      GST_VIDEO_FORMAT_I420, 8, 8, 3, offsets, strides);
  add_region (frame, "r", 2, 2, 4, 4);
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  cut = pull_region (h, NULL, 0);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_video_info_from_caps (&info, caps));
  fail_unless (gst_video_frame_map (&mapped, &info, cut, GST_MAP_READ));
  fail_unless_equals_int (GST_VIDEO_FRAME_PLANE_STRIDE (&mapped, 0), 4);
  for (guint i = 0; i < 3; i++)
    fail_unless_equals_int (*(guint8 *) GST_VIDEO_FRAME_COMP_DATA (&mapped, i),
        color[i]);
  gst_video_frame_unmap (&mapped);
  gst_caps_unref (caps);
  gst_buffer_unref (cut);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Caps are those of the frames that leave, also where downstream reads crops from some time on. */
GST_START_TEST (caps_follow_what_downstream_reads)
{
  GstHarness *h = label_new ("", FALSE);

  for (guint crops = 0; crops < 2; crops++) {
    GstBuffer *frame = frame_new (8), *cut;
    GstVideoInfo info;
    GstCaps *caps;

    if (crops)
      gst_harness_add_propose_allocation_meta (h, GST_VIDEO_CROP_META_API_TYPE,
          NULL);
    gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
    add_region (frame, "r", 1, 2, 3, 4);
    fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
    cut = pull_region (h, NULL, crops);
    caps = gst_pad_get_current_caps (h->sinkpad);
    fail_unless (gst_video_info_from_caps (&info, caps));
    fail_unless_equals_int (info.width, crops ? 8 : 3);
    fail_unless_equals_int (gst_buffer_get_video_crop_meta (cut) != NULL,
        crops);
    gst_caps_unref (caps);
    gst_buffer_unref (cut);
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (none_leaves_a_gap_and_500_leave)
{
  GstHarness *h = label_new ("label=all", TRUE);
  GstBuffer *frame = frame_new (8);
  GstClockTime time = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
  GstEvent *event;

  gst_harness_push (h, frame);
  fail_unless (gst_harness_try_pull (h) == NULL);
  while ((event = gst_harness_try_pull_event (h))) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_GAP)
      gst_event_parse_gap (event, &time, &duration);
    gst_event_unref (event);
  }
  fail_unless_equals_uint64 (time, 7 * GST_MSECOND);
  fail_unless_equals_uint64 (duration, 3 * GST_MSECOND);
  /* Without a time there is no gap to tell of. */
  frame = frame_new (8);
  GST_BUFFER_PTS (frame) = GST_CLOCK_TIME_NONE;
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);

  frame = frame_new (8);
  for (guint i = 0; i < 500; i++)
    add_region (frame, "r", i % 8, i % 7, 2, 1 + i % 3);
  gst_harness_push (h, frame);
  for (guint i = 0; i < 500; i++)
    gst_buffer_unref (pull_region (h, "all", i));
  fail_unless (gst_harness_try_pull (h) == NULL);
  gst_harness_teardown (h);
}
GST_END_TEST;

static GstPadProbeReturn
flush_at_caps (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer user_data)
{
  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_CAPS)
    gst_harness_push_event (user_data, gst_event_new_flush_start ());
  return GST_PAD_PROBE_OK;
}

/* A flush that comes while a region's size is told is no failure to negotiate. */
GST_START_TEST (a_flush_at_a_regions_caps_is_one)
{
  GstHarness *h = label_new ("", FALSE);
  GstPad *pad = gst_element_get_static_pad (h->element, "src");
  GstBuffer *frame = frame_new (8);

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, flush_at_caps, h,
      NULL);
  add_region (frame, "r", 0, 0, 3, 3);
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_FLUSHING);
  gst_object_unref (pad);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A size that nobody heard, as the pad was flushing, is told when it no longer is. */
GST_START_TEST (a_flushed_size_is_told_later)
{
  GstHarness *h = label_new ("", FALSE);
  GstElement *element = gst_harness_find_element (h, "supconlabel");
  GstPad *pad = gst_element_get_static_pad (element, "src");
  GstBuffer *frame = frame_new (8);
  GstSegment segment;
  GstVideoInfo info;
  GstCaps *caps;

  add_region (frame, "r", 0, 0, 3, 3);
  gst_pad_push_event (pad, gst_event_new_flush_start ());
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_ref (frame)),
      GST_FLOW_FLUSHING);
  gst_pad_push_event (pad, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  gst_buffer_unref (pull_region (h, NULL, 0));
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (caps && gst_video_info_from_caps (&info, caps));
  fail_unless (info.width == 3 && info.height == 3);
  gst_caps_unref (caps);
  gst_object_unref (pad);
  gst_object_unref (element);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* What may be set in READY alone is of the next run. */
GST_START_TEST (regions_begin_at_the_start)
{
  GstHarness *h = label_new ("", TRUE);
  GstElement *element = gst_harness_find_element (h, "supconlabel");
  GstBuffer *frame = frame_new (8);
  GstSegment segment;

  g_object_set (element, "regions", FALSE, NULL);
  add_region (frame, "r", 0, 0, 3, 3);
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_ref (frame)),
      GST_FLOW_OK);
  gst_buffer_unref (pull_region (h, NULL, 0));
  /* They are counted anew, too. */
  g_object_set (element, "regions", TRUE, NULL);
  gst_element_set_state (element, GST_STATE_READY);
  gst_harness_play (h);
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (h, CAPS);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  gst_buffer_unref (pull_region (h, NULL, 0));
  gst_object_unref (element);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A label that a region came with stays where regions get none. */
GST_START_TEST (a_regions_label_stays)
{
  GstHarness *h = gst_harness_new_parse ("supconlabel label=thing");
  GstBuffer *frame = frame_new (8);

  gst_harness_set_src_caps_str (h, CAPS);
  gst_supcon_region_set_label (add_region (frame, "r", 0, 0, 3, 3), "cup");
  frame = gst_harness_push_and_pull (h, frame);
  fail_unless_equals_string (gst_supcon_region_get_label
      (gst_buffer_get_video_region_of_interest_meta (frame)), "cup");
  gst_buffer_unref (frame);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* GStreamer's converter writes behind the end of parts of tiles. */
GST_START_TEST (tiles_are_refused)
{
  GstHarness *h = gst_harness_new_parse ("supconlabel regions=true");
  GstBuffer *frame;
  GstVideoInfo info;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_NV12_4L4, 32, 32);
  gst_harness_set_src_caps (h, gst_video_info_to_caps (&info));
  frame = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_memset (frame, 0, 0, -1);
  add_region (frame, "r", 1, 1, 7, 7);
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_ERROR);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (a_short_frame_is_an_error)
{
  GstHarness *h = label_new ("", FALSE);
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 9, NULL);

  add_region (frame, "r", 0, 0, 8, 8);
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_ERROR);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A detector of two kinds of things that lie about: bright and striped ones on grey. */
static GstPadProbeReturn
detect (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    G_GNUC_UNUSED gpointer user_data)
{
  GstBuffer *frame = gst_pad_probe_info_get_buffer (info);
  guint number = GST_BUFFER_OFFSET (frame);

  frame = gst_buffer_make_writable (frame);
  GST_PAD_PROBE_INFO_DATA (info) = frame;
  for (guint i = 0; i < 4; i++) {
    guint x = 16 * i + (number * 5 + i) % 5, y = (number * 7 + 3 * i) % 36;

    for (guint row = 0; row < 12; row++)
      gst_buffer_memset (frame, 64 * (y + row) + x,
          i % 2 && row % 4 < 2 ? 20 : 240, 12);
    add_region (frame, i % 2 ? "striped" : "bright", x, y, 12, 12);
  }
  add_region (frame, "outside", 64, 0, 12, 12);
  return GST_PAD_PROBE_OK;
}

static Run
run_detector (const gchar * format, const gchar * location)
{
  gchar *rest = g_strdup_printf (format, location, location);
  gchar *line = g_strdup_printf ("videotestsrc name=v num-buffers=60 "
      "pattern=solid-color foreground-color=0xff808080 ! "
      "video/x-raw,format=GRAY8,width=64,height=48,framerate=30/1 ! "
      "identity name=d ! %s", rest);
  GstElement *pipeline = gst_parse_launch (line, NULL), *detector;
  GstPad *pad;
  Run run;

  fail_unless (pipeline != NULL);
  detector = gst_bin_get_by_name (GST_BIN (pipeline), "d");
  pad = gst_element_get_static_pad (detector, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, detect, NULL, NULL);
  gst_object_unref (pad);
  gst_object_unref (detector);
  run = run_pipeline (pipeline);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (rest);
  return run;
}

/* From a detector's regions to an encoder, a classifier, and tags of each region that are judged by its own label. */
GST_START_TEST (a_detectors_regions_are_learnt)
{
  gchar *folder = folder_new ();
  gchar *location = g_build_filename (folder, "m.safetensors", NULL);
  SupconCheckpointInfo info = { 0 };
  SupconModel *model;
  gdouble top1;
  guint64 count;
  Run run = run_detector ("supconlabel region-label=type regions=true ! "
      "supconaugment views=2 policy=crop ! video/x-raw,width=16,height=16 ! "
      "queue ! supcontrainer encoder=resnet8 batch-size=32 location=%s",
      location);

  run_assert_ended (run);
  run_clear (&run);
  run = run_detector ("supconlabel region-label=type regions=true ! "
      "supconaugment views=1 policy=none ! video/x-raw,width=16,height=16 ! "
      "queue ! supcontrainer stage=linear batch-size=16 location=%s", location);
  run_assert_ended (run);
  run_clear (&run);
  model = supcon_checkpoint_load (location, NULL, &info, NULL);
  fail_unless (model != NULL);
  fail_unless_equals_int (supcon_labels_count (info.labels), 2);
  fail_unless_equals_string (supcon_labels_name (info.labels, 0), "bright");
  fail_unless_equals_string (supcon_labels_name (info.labels, 1), "striped");
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (model);

  run = run_detector ("supconlabel region-label=type ! "
      "supconencoder regions=true location=%s ! "
      "supcontagger location=%s ! fakesink", location);
  run_assert_ended (run);
  fail_unless (gst_structure_get (run_message (&run, "supcon-evaluation"),
          "top1", G_TYPE_DOUBLE, &top1, "count", G_TYPE_UINT64, &count, NULL));
  fail_unless_equals_uint64 (count, 240);
  fail_unless (top1 > .95, "%g", top1);
  run_clear (&run);
  g_free (location);
  folder_free (folder);
}
GST_END_TEST;

GST_START_TEST (test_example)
{
  Run run = run_launch ("videotestsrc num-buffers=10 ! supconlabel "
      "region-label=type regions=true ! supconaugment ! "
      "video/x-raw,width=32,height=32 ! fakesink");

  run_assert_ended (run);
  run_clear (&run);
}
GST_END_TEST;

static Suite *
regions_suite (void)
{
  Suite *suite = suite_create ("regions");
  TCase *tcase = tcase_create ("regions");

  gst_supcon_meta_register ();
  tcase_set_timeout (tcase, 300);
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, regions_leave_as_crops);
  tcase_add_test (tcase, regions_leave_as_copies);
  tcase_add_test (tcase, copies_keep_their_colours);
  tcase_add_test (tcase, caps_follow_what_downstream_reads);
  tcase_add_test (tcase, none_leaves_a_gap_and_500_leave);
  tcase_add_test (tcase, regions_begin_at_the_start);
  tcase_add_test (tcase, a_regions_label_stays);
  tcase_add_test (tcase, a_flush_at_a_regions_caps_is_one);
  tcase_add_test (tcase, a_flushed_size_is_told_later);
  tcase_add_test (tcase, tiles_are_refused);
  tcase_add_test (tcase, a_short_frame_is_an_error);
  tcase_add_test (tcase, a_detectors_regions_are_learnt);
  tcase_add_test (tcase, test_example);
  return suite;
}

GST_CHECK_MAIN (regions);
