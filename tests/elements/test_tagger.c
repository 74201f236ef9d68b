/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What supcontagger says of frames and of regions, and when. */

#include "tagger.h"

GST_START_TEST (test_linear_tags)
{
  Fixture f;
  GstBuffer *frame;
  GstMessage *message;
  const GstStructure *s;
  const GValue *labels, *confidences;
  gint64 begun;

  start_linear (&f, "top-k=2", FALSE);
  frame = pass (&f, new_likely (&f, .1, .7, .2, NULL));
  check_tag (frame, 0, "box", 1, .7);
  check_tag (frame, 1, "can", 2, .2);
  check_tag (frame, 2, NULL, 0, 0);
  gst_buffer_unref (frame);
  begun = g_get_monotonic_time ();
  gst_buffer_unref (pass (&f, new_likely (&f, .6, .3, .1, NULL)));

  fail_unless ((message = pop_message (&f, "supcon-tags")) != NULL);
  gst_message_unref (message);
  fail_unless ((message = pop_message (&f, "supcon-tags")) != NULL);
  s = gst_message_get_structure (message);
  fail_unless (get_uint64 (s, "tagging-time") <=
      (guint64) (g_get_monotonic_time () - begun) * GST_USECOND);
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
  gchar *location = save_model (3, 2);
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

/* A class that no neighbour is of is no answer, whatever may be one. */
GST_START_TEST (test_impossible_class)
{
  static const gfloat a[2] = { 1, 0 }, b[2] = { 0, 1 };
  GstVideoRegionOfInterestMeta *roi;
  GstBuffer *frame;
  Fixture f;

  start (&f, "supcontagger method=knn neighbours=1 top-k=2 threshold=0",
      FALSE);
  check_pass (&f, new_embedded (&f, a, 2, "cup"), NULL, 0, 0);
  check_pass (&f, new_embedded (&f, b, 2, "box"), NULL, 0, 0);
  frame = pass (&f, new_embedded (&f, a, 2, NULL));
  check_tag (frame, 0, "cup", 0, 1);
  roi = gst_buffer_get_video_region_of_interest_meta_id (frame, 0);
  fail_unless_equals_int (g_list_length (roi->params), 1);
  gst_buffer_unref (frame);
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

  /* Another stream is told of its label, though it is the same, and has no tags of the one before. */
  gst_harness_push_event (f.video, gst_event_new_stream_start ("another"));
  gst_harness_set_src_caps_str (f.video, CAPS);
  gst_buffer_unref (pass (&f, new_likely (&f, .2, .7, .1, NULL)));
  while ((event = gst_harness_try_pull_event (f.video))) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
      GstTagList *list;

      gst_event_parse_tag (event, &list);
      fail_unless (gst_tag_list_get_tag_size (list, GST_TAG_KEYWORDS) == 1);
      fail_unless (gst_tag_list_get_tag_size (list, GST_TAG_TITLE) == 0);
      n++;
    }
    gst_event_unref (event);
  }
  fail_unless_equals_int (n, 4);
  stop (&f);
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
      GST_LIBRARY_ERROR_SETTINGS, "has 2 numbers", "(memory-location, and frames before this one) have 3");

  start (&f, "supcontagger method=centroid", FALSE);
  check_error (&f, new_embedded (&f, zero, 3, "cup"), GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_FAILED, "zero", "finite");

  start (&f, "supcontagger method=centroid", FALSE);
  gst_buffer_unref (pass (&f, new_embedded (&f, ones, 3, "cup")));
  check_error (&f, new_embedded (&f, nan, 3, NULL), GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_FAILED, "zero", "finite");
}

GST_END_TEST;

GST_START_TEST (test_bad_location)
{
  gchar *location = save_model (0, 1);
  gchar *number = save_model_of_stage ("regression", 1, 1);

  check_start_error ("location", "supcontagger");
  check_start_error ("at-all.safetensors",
      "supcontagger location=/nowhere/at-all.safetensors");
  check_start_error ("classifier", "supcontagger location=%s", location);
  check_start_error (number, "supcontagger location=%s", number);
  check_start_error ("predicts a number", "supcontagger location=%s", number);
  check_start_error ("supconencoder layer=logits", "supcontagger location=%s",
      number);
  g_unlink (number);
  g_free (number);
  g_unlink (location);
  g_free (location);
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
  gfloat embedding[DIM] = { 0 };
  gpointer state = NULL;
  guint x, y, w, h, tagged = 0;
  GstEvent *event, *last = NULL;
  GstTagList *list;
  const gchar *keyword;

  start_linear (&f, "", TRUE);
  frame = new_frame (&f);
  gst_supcon_buffer_set_embedding (frame, NULL, 0, "embedding", "m");
  gst_supcon_buffer_set_embedding_origin (frame, 3, 70);
  for (guint i = 0; i < 3; i++) {
    region = gst_buffer_add_video_region_of_interest_meta (frame, "thing", i, 1,
        3, 2);
    embedding[0] = embedding[1] = embedding[2] = logf (.2);
    embedding[i] = logf (.6);
    if (i < 2)
      gst_supcon_region_set_embedding (region, embedding, DIM, "embedding",
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
    fail_unless_equals_string (gst_structure_get_string (tag, "model_name"),
        "m");
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
  fail_unless (gst_structure_get (told, "x", G_TYPE_UINT, &x, "y", G_TYPE_UINT,
          &y, "width", G_TYPE_UINT, &w, "height", G_TYPE_UINT, &h, NULL));
  fail_unless (x == 1 && y == 1 && w == 3 && h == 2);
  fail_unless_equals_string (gst_structure_get_string (told, "type"), "thing");
  fail_unless_equals_string (g_value_get_string (gst_value_array_get_value
          (gst_structure_get_value (told, "labels"), 0)), "box");
  assert_close (g_value_get_double (gst_value_array_get_value
          (gst_structure_get_value (told, "confidences"), 0)), .6);
  gst_message_unref (message);
  /* The tag event is of the first. */
  do {
    fail_unless ((event = gst_harness_try_pull_event (f.video)) != NULL);
    gst_event_take (&last, event);
  } while (GST_EVENT_TYPE (event) != GST_EVENT_TAG);
  gst_event_parse_tag (event, &list);
  fail_unless (gst_tag_list_peek_string_index (list, GST_TAG_KEYWORDS, 0,
          &keyword));
  fail_unless_equals_string (keyword, "cup");
  gst_clear_event (&last);
  gst_buffer_unref (frame);

  /* An encoder without a model yet, or a frame whose regions are all outside. */
  frame = new_frame (&f);
  gst_supcon_buffer_set_embedding (frame, NULL, 0, "embedding", "m");
  gst_supcon_buffer_set_embedding_origin (frame, 0, 0);
  check_pass (&f, frame, NULL, 0, 0);
  stop (&f);
}

GST_END_TEST;

static gpointer
refuse_map (G_GNUC_UNUSED GstMemory * memory, G_GNUC_UNUSED gsize size,
    G_GNUC_UNUSED GstMapFlags flags)
{
  return NULL;
}

static GstMemory *
refuse_copy (G_GNUC_UNUSED GstMemory * memory, G_GNUC_UNUSED gssize offset,
    G_GNUC_UNUSED gssize size)
{
  return NULL;
}

/* An embedding in memory that cannot be mapped, as that of a device may be. */
GST_START_TEST (test_unreadable)
{
  const gfloat embedding[DIM] = { 1 };
  GstAllocator *allocator = gst_allocator_find (GST_ALLOCATOR_SYSMEM);
  GstMemoryMapFunction map = allocator->mem_map;
  GstMemoryCopyFunction copy = allocator->mem_copy;
  GstBuffer *frame;
  Fixture f;

  start_linear (&f, "", FALSE);
  frame = new_embedded (&f, embedding, DIM, NULL);
  allocator->mem_map = refuse_map;
  allocator->mem_copy = refuse_copy;
  check_error (&f, frame, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
      "the embedding of a frame", "cannot be read");
  allocator->mem_map = map;
  allocator->mem_copy = copy;
  gst_object_unref (allocator);
}

GST_END_TEST;

static Suite *
tagger_suite (void)
{
  Suite *suite = suite_create ("tagger");
  TCase *tcase = tcase_create ("tagger");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_linear_tags);
  tcase_add_test (tcase, test_temperature);
  tcase_add_test (tcase, test_not_learning);
  tcase_add_test (tcase, test_impossible_class);
  tcase_add_test (tcase, test_caps_change);
  tcase_add_test (tcase, test_shared_buffer);
  tcase_add_test (tcase, test_threshold_and_text);
  tcase_add_test (tcase, test_tag_events);
  tcase_add_test (tcase, test_bad_frames);
  tcase_add_test (tcase, test_unreadable);
  tcase_add_test (tcase, test_bad_location);
  tcase_add_test (tcase, test_regions);
  return suite;
}

GST_CHECK_MAIN (tagger);
