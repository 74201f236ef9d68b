/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconencoder's embeddings of regions: what those of frames between carry on, and their colours. */
#include "encoding.h"

static GstVideoRegionOfInterestMeta *
find_region (GstBuffer * frame, const gchar * type)
{
  GstVideoRegionOfInterestMeta *region;
  gpointer state = NULL;

  while ((region = (gpointer) gst_buffer_iterate_meta_filtered (frame, &state,
              GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    if (region->roi_type == g_quark_from_string (type))
      return region;
  return NULL;
}

/* Between two frames that are encoded regions keep the embedding of the thing that they show: the same type, and about the
 * same place. */
GST_START_TEST (regions_carry_on)
{
  GstHarness *h = harness_new (PATIENT "batch-size=2 interval=2 regions=true",
      CAPS);

  for (guint i = 0; i < 2; i++) {
    GstBuffer *frame = frame_new (i);
    guint x = i;

    gst_buffer_add_video_region_of_interest_meta (frame, "cup", x, 0, 8, 8);
    gst_buffer_add_video_region_of_interest_meta (frame, "box", x, 1, 8, 8);
    gst_buffer_add_video_region_of_interest_meta (frame, i ? "new" : "old", x,
        0, 8, 8);
    gst_buffer_add_video_region_of_interest_meta (frame, "far", 8 * i, 8, 5, 8);
    gst_harness_push (h, frame);
  }
  {
    GstBuffer *first = gst_harness_try_pull (h);
    GstBuffer *second = gst_harness_try_pull (h);

    fail_unless (first && second);
    for (guint i = 0; i < 2; i++) {
      const gchar *type = i ? "box" : "cup";
      GstBuffer *a = gst_supcon_region_get_embedding (find_region (first, type),
          NULL, NULL, NULL);
      GstBuffer *b = gst_supcon_region_get_embedding (find_region (second,
              type), NULL, NULL, NULL);
      GstMapInfo map;

      fail_unless (a && b);
      gst_buffer_map (a, &map, GST_MAP_READ);
      fail_unless (gst_buffer_memcmp (b, 0, map.data, map.size) == 0);
      gst_buffer_unmap (a, &map);
      gst_buffer_unref (a);
      gst_buffer_unref (b);
    }
    for (guint i = 0; i < 2; i++)
      fail_unless (gst_supcon_region_get_embedding (find_region (second,
                  i ? "new" : "far"), NULL, NULL, NULL) == NULL);
    fail_unless (gst_supcon_buffer_get_embedding (second, NULL, NULL,
            NULL) == NULL);
    gst_buffer_unref (first);
    gst_buffer_unref (second);
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

static GstBuffer *
region_embedding (GstBuffer * frame, const gchar * type)
{
  return gst_supcon_region_get_embedding (find_region (frame, type), NULL, NULL,
      NULL);
}

/* The thing that a region shows is the nearest one, if they share half of what they cover. */
GST_START_TEST (regions_carry_on_where_they_overlap)
{
  static const struct
  {
    const gchar *type;
    guint before[4], after[4];
  } moves[] = {
    {"cup", {0, 0, 8, 8}, {0, 0, 8, 8}},
    {"cup", {1, 1, 8, 8}, {1, 1, 8, 8}},
    {"half", {0, 8, 8, 8}, {0, 8, 8, 4}},
    {"aside", {0, 8, 8, 8}, {3, 8, 8, 8}},
    {"down", {8, 0, 8, 8}, {8, 3, 8, 8}},
    {"away", {0, 0, 4, 4}, {8, 8, 4, 4}}
  };
  GstHarness *h = harness_new ("interval=2 regions=true", CAPS);
  GstBuffer *frames[3], *cup, *half;
  gfloat values[3][DIM];

  for (guint i = 0; i < 3; i++) {
    frames[i] = frame_new (i == 1 ? 2 : 1);
    /* In the last one the first thing is alone. */
    for (guint k = 0; k < (i < 2 ? G_N_ELEMENTS (moves) : 1); k++) {
      const guint *at = i ? moves[k].after : moves[k].before;

      gst_buffer_add_video_region_of_interest_meta (frames[i], moves[k].type,
          at[0], at[1], at[2], at[3]);
    }
    frames[i] = gst_harness_push_and_pull (h, frames[i]);
    cup = region_embedding (frames[i], "cup");
    fail_unless_equals_int (gst_buffer_extract (cup, 0, values[i],
            sizeof values[i]), sizeof values[i]);
    gst_buffer_unref (cup);
  }
  fail_unless (memcmp (values[0], values[1], sizeof values[0]) == 0);
  for (guint k = 0; k < DIM; k++)
    fail_unless (fabsf (values[0][k] - values[2][k]) < 1e-4);
  half = region_embedding (frames[1], "half");
  fail_unless (half != NULL);
  gst_buffer_unref (half);
  for (guint k = 3; k < G_N_ELEMENTS (moves); k++)
    fail_if (region_embedding (frames[1], moves[k].type), "%s", moves[k].type);
  for (guint i = 0; i < 3; i++)
    gst_buffer_unref (frames[i]);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Of the frames of a batch the last one that was encoded is what the next carries on. */
GST_START_TEST (regions_carry_on_from_the_last)
{
  GstHarness *h = harness_new (PATIENT "batch-size=4 interval=3 regions=true",
      CAPS);

  for (guint i = 0; i < 5; i++) {
    GstBuffer *frame = frame_new (i), *embedding;

    gst_buffer_add_video_region_of_interest_meta (frame, "cup", i < 3 ? 0 : 8,
        0, 8, 8);
    gst_harness_push (h, frame);
    if (i < 3)
      continue;
    while ((frame = gst_harness_try_pull (h))) {
      embedding = region_embedding (frame, "cup");
      fail_unless (embedding != NULL, "of %" G_GUINT64_FORMAT,
          GST_BUFFER_OFFSET (frame));
      gst_buffer_unref (embedding);
      gst_buffer_unref (frame);
    }
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

/* The part at (left, top) of a picture of which each quarter has a colour of its own. */
static GstBuffer *
quarters_new (guint left, guint top, guint width, guint height)
{
  GstVideoFrame frame;
  GstVideoInfo info;
  GstBuffer *buffer;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, width, height);
  buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
  fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_WRITE));
  for (guint c = 0; c < 3; c++)
    for (guint y = 0; y < (c ? height / 2 : height); y++)
      for (guint x = 0; x < (c ? width / 2 : width); x++) {
        guint8 *at = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (&frame, c) +
            y * GST_VIDEO_FRAME_COMP_STRIDE (&frame, c) + x;

        if (c == 0)
          *at = 60 + ((left + x) * 7 + (top + y) * (top + y)) % 120;
        else
          *at = (c == 1 ? left / 2 + x < 16 : top / 2 + y < 12) ? 70 : 190;
      }
  gst_video_frame_unmap (&frame);
  return buffer;
}

/* Each in its own colours, of a frame and of a batch that have several. */
GST_START_TEST (regions_have_their_chroma)
{
  static const gchar *const types[] = { "a", "b", "c", "d" };
  GstHarness *h = harness_new ("regions=true",
      "video/x-raw,format=I420,width=64,height=48,framerate=30/1");
  GstHarness *parts = harness_new ("",
      "video/x-raw,format=I420,width=16,height=16,framerate=30/1");
  GstBuffer *frame = quarters_new (0, 0, 64, 48);

  for (guint i = 0; i < 4; i++)
    gst_buffer_add_video_region_of_interest_meta (frame, types[i],
        8 + i % 2 * 40, 4 + i / 2 * 28, 16, 16);
  frame = gst_harness_push_and_pull (h, frame);
  for (guint i = 0; i < 4; i++) {
    GstBuffer *part = gst_harness_push_and_pull (parts,
        quarters_new (8 + i % 2 * 40, 4 + i / 2 * 28, 16, 16));
    GstBuffer *expected = gst_supcon_buffer_get_embedding (part, NULL, NULL,
        NULL);
    GstBuffer *found = region_embedding (frame, types[i]);
    gfloat values[2][DIM];

    gst_buffer_extract (expected, 0, values[0], sizeof values[0]);
    gst_buffer_extract (found, 0, values[1], sizeof values[1]);
    for (guint k = 0; k < DIM; k++)
      fail_unless (fabsf (values[0][k] - values[1][k]) < 1e-4, "%s: %g %g",
          types[i], values[0][k], values[1][k]);
    gst_buffer_unref (expected);
    gst_buffer_unref (found);
    gst_buffer_unref (part);
  }
  gst_buffer_unref (frame);
  gst_harness_teardown (parts);
  gst_harness_teardown (h);
}
GST_END_TEST;

static Suite *
regionembeddings_suite (void)
{
  Suite *suite = suite_create ("regionembeddings");
  TCase *tcase = tcase_create ("regionembeddings");

  gst_supcon_meta_register ();
  tcase_add_checked_fixture (tcase, setup, teardown);
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, regions_carry_on);
  tcase_add_test (tcase, regions_carry_on_where_they_overlap);
  tcase_add_test (tcase, regions_carry_on_from_the_last);
  tcase_add_test (tcase, regions_have_their_chroma);
  return suite;
}

GST_CHECK_MAIN (regionembeddings);
