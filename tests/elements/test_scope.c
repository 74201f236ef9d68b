/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconscope: the map, its legend, sizes and views. */
#include "drawing.h"

GST_START_TEST (points_have_the_colour_of_their_label)
{
  Fixture f;

  start (&f, "view=embeddings", 640, 480);
  /* An empty map has neither points nor a legend. */
  fail_unless_equals_int (count (&f, draw (&f, 0, NULL), FIRST_LABEL, 0, 640),
      0);
  for (guint i = 0; i < 12; i++)
    gst_buffer_unref (draw (&f, 8, i % 2 ? "box" : "cup"));
  fail_unless (count (&f, draw (&f, 8, "cup"), FIRST_LABEL, 0, 470) > 20);
  fail_unless (count (&f, draw (&f, 8, "box"), SECOND_LABEL, 0, 470) > 20);
  fail_unless (count (&f, draw (&f, 8, NULL), UNLABELLED, 0, 470) > 20);
  /* In the legend. */
  fail_unless (count (&f, draw (&f, 8, NULL), FIRST_LABEL, 472, 640) > 20);
  fail_unless (count (&f, draw (&f, 8, NULL), SECOND_LABEL, 472, 640) > 20);
  gst_harness_teardown (f.harness);
}

GST_END_TEST;

static void
set_view (Fixture * f, const gchar * view)
{
  GstElement *scope = gst_harness_find_element (f->harness, "supconscope");

  gst_util_set_object_arg (G_OBJECT (scope), "view", view);
  gst_object_unref (scope);
}

/* Pixels of the label's colour where one point, the last of so many, is. */
static guint
count_point (guint label, guint32 colour, guint n_points)
{
  gchar *properties = g_strdup_printf ("view=embeddings max-points=%u",
      n_points);
  Fixture f;
  guint n;

  start (&f, properties, 640, 480);
  for (guint i = 0; i <= label; i++) {
    gchar *name = g_strdup_printf ("%u", i);

    gst_buffer_unref (draw (&f, 8, name));
    if (i == label)
      n = count (&f, draw (&f, 8, name), colour, 0, 470);
    g_free (name);
  }
  gst_harness_teardown (f.harness);
  g_free (properties);
  return n;
}

/* Seven colours, then the same in another shape, of four; an older point is fainter, one without a label a disc. */
GST_START_TEST (labels_differ_in_colour_and_shape)
{
  guint n[4];
  Fixture f;

  for (guint shape = 0; shape < 4; shape++) {
    n[shape] = count_point (7 * shape, FIRST_LABEL, 1);
    for (guint other = 0; other < shape; other++)
      fail_unless (n[shape] != n[other], "%u and %u", shape, other);
  }
  fail_unless_equals_int (count_point (6, 0xcc79a7, 1), n[0]);
  fail_unless_equals_int (count_point (0, FIRST_LABEL, 2), n[0]);
  start (&f, "view=embeddings", 640, 480);
  fail_unless_equals_int (count (&f, draw (&f, 8, NULL), UNLABELLED, 0, 470),
      n[0]);
  gst_harness_teardown (f.harness);
}

GST_END_TEST;

/* Where a point is in the map, whose frame is around it. */
static Spot
find_point (Fixture * f, gfloat x, gfloat y)
{
  const gfloat embedding[] = { 1, x, y };
  GstBuffer *frame = draw_embedding (f, embedding, 3, "cup");
  Spot map = find (f, frame, FRAME, 0, 0, 0, f->width, f->height);
  Spot point = find (f, frame, FIRST_LABEL, 0, map.left, map.top, map.right,
      map.bottom);

  gst_buffer_unref (frame);
  fail_unless (point.n > 0);
  return point;
}

/* How far the four points are apart that a map of that size has. */
static void
check_map (guint width, guint height, gfloat x, gfloat y, gint across,
    gint down)
{
  Spot left, right, upper, lower;
  Fixture f;

  start (&f, "view=curves max-points=4", width, height);
  for (guint i = 0; i < 100; i++) {     /* until the mean, the origin, hardly moves */
    gst_buffer_unref (draw_embedding (&f, (const gfloat[]) { 1, -x, 0 }, 3,
            NULL));
    gst_buffer_unref (draw_embedding (&f, (const gfloat[]) { 1, x, 0 }, 3,
            NULL));
    gst_buffer_unref (draw_embedding (&f, (const gfloat[]) { 1, 0, 0.75f * y },
            3, NULL));
    gst_buffer_unref (draw_embedding (&f, (const gfloat[]) { 1, 0, -0.25f * y },
            3, NULL));
  }
  set_view (&f, "embeddings");
  left = find_point (&f, -x, 0);
  right = find_point (&f, x, 0);
  upper = find_point (&f, 0, 0.75f * y);
  lower = find_point (&f, 0, -0.25f * y);
  fail_unless_about (right.left - left.left, across, 4);
  fail_unless_about (lower.top - upper.top, down, 4);
  fail_unless_about (upper.left + lower.left, left.left + right.left, 8);
  fail_unless_about (left.top - upper.top, 0.75 * down, 4);
  fail_unless_about (right.top - upper.top, 0.75 * down, 4);
  gst_harness_teardown (f.harness);
}

/* Both directions are to one scale, in which the longer one fills the map. */
GST_START_TEST (a_map_shows_all_points_to_scale)
{
  check_map (640, 480, 0.04f, 0.04f, 447, 223);
  check_map (640, 240, 0.02f, 0.04f, 191, 191);
}

GST_END_TEST;

/* One far away is at the edge at first, and the rest moves bit by bit until there is room. */
GST_START_TEST (a_map_does_not_jump)
{
  Spot before, after, far;
  Fixture f;

  start (&f, "view=curves max-points=3", 640, 480);
  for (guint i = 0; i < 100; i++) {
    gst_buffer_unref (draw_embedding (&f, (const gfloat[]) { 1, -0.04f, 0 }, 3,
            NULL));
    gst_buffer_unref (draw_embedding (&f, (const gfloat[]) { 1, 0.04f, 0 }, 3,
            NULL));
  }
  set_view (&f, "embeddings");
  before = find_point (&f, 0.04f, 0);
  far = find_point (&f, 0.4f, 0);
  after = find_point (&f, 0.04f, 0);
  fail_unless_about (far.left, before.left, 12);
  fail_unless (after.left < before.left && after.left > 160);
  for (guint i = 0; i < 60; i++) {
    far = find_point (&f, 0.4f, 0);
    after = find_point (&f, 0.04f, 0);
    before = find_point (&f, -0.04f, 0);
  }
  /* Embeddings have length 1: (1, 0.4) is at 0.371. */
  fail_unless_about (after.left - before.left, (far.left - before.left) * 0.08
      / 0.411, 4);
  gst_harness_teardown (f.harness);
}

GST_END_TEST;

/* Lines of the legend of so many labels that have a sign. The last of 26, if it has none, says that two are left out. */
static guint
count_signs (guint n_labels)
{
  guint n = 0;
  GstBuffer *frame;
  Spot map, named, last;
  Fixture f;

  start (&f, "view=curves", 640, 480);
  for (guint i = 0; i < n_labels; i++) {
    gchar *name = i == 24 ? g_strdup ("and 2 more") : g_strdup_printf ("%u", i);

    gst_buffer_unref (draw (&f, 8, name));
    g_free (name);
  }
  set_view (&f, "embeddings");
  frame = draw (&f, 0, NULL);
  map = find (&f, frame, FRAME, 0, 0, 0, 640, 480);
  for (gint y = map.top; y < map.top + 26 * 17; y += 17)
    n += find (&f, frame, BACKGROUND, 0, map.right + 9, y, map.right + 24,
        y + 17).n < 15 * 17;
  if (n < 26) {
    gint y = map.top + 24 * 17;

    named = find (&f, frame, TEXT, 96, map.right + 24, y, 640, y + 17);
    last = find (&f, frame, TEXT, 96, map.right + 24, y + 17, 640, y + 34);
    fail_unless_equals_int (last.n, named.n);
    fail_unless_equals_int (last.right, named.right);
  }
  gst_buffer_unref (frame);
  gst_harness_teardown (f.harness);
  return n;
}

GST_START_TEST (a_legend_says_what_it_leaves_out)
{
  fail_unless_equals_int (count_signs (26), 26);
  fail_unless_equals_int (count_signs (27), 25);
}

GST_END_TEST;

/* Text, which takes long, is drawn five times a second. */
GST_START_TEST (a_legend_follows)
{
  static const gchar *const rates[] = { "30/1", "30000/1001" };

  for (guint i = 0; i < G_N_ELEMENTS (rates); i++) {
    gchar *caps = g_strdup_printf ("video/x-raw,format=GRAY8,width=8,height=4,"
        "framerate=%s", rates[i]);
    Fixture f;

    start (&f, "view=embeddings", 640, 480);
    gst_harness_set_src_caps_str (f.harness, caps);
    gst_buffer_unref (draw (&f, 8, NULL));
    for (guint j = 1; j < 13; j++)
      fail_unless ((count (&f, draw (&f, 8, j < 7 ? "cup" : "box"),
                  j < 7 ? FIRST_LABEL : SECOND_LABEL, 472, 640) > 20) ==
          (j % 6 == 0), "%s, frame %u", rates[i], j);
    gst_harness_teardown (f.harness);
    g_free (caps);
  }
}

GST_END_TEST;

/* Two thirds of the height are the map's. */
GST_START_TEST (curves_are_below_the_map)
{
  GstBuffer *frame;
  Fixture f;
  Spot spot;

  start (&f, "view=both", 640, 480);
  frame = draw (&f, 8, "cup");
  spot = find (&f, frame, FRAME, 0, 0, 0, 640, 480);
  fail_unless_about (spot.bottom, 320 - 8, 8);
  /* That there are no curves. */
  spot = find (&f, frame, TEXT, 0, 0, 320, 640, 480);
  fail_unless_about ((spot.top + spot.bottom) / 2, 400, 10);
  gst_buffer_unref (frame);
  gst_harness_teardown (f.harness);
}

GST_END_TEST;

/* What is open is of the usual size; the rate is that of the frames. */
GST_START_TEST (a_size_is_chosen)
{
  GstHarness *h = gst_harness_new_parse ("supconscope");
  GstVideoInfo info;
  GstCaps *caps;

  gst_harness_set_sink_caps_str (h, "video/x-raw");
  gst_harness_set_src_caps_str (h, CAPS);
  gst_buffer_unref (gst_harness_push_and_pull (h, gst_buffer_new_allocate (NULL,
              8 * 4, NULL)));
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_video_info_from_caps (&info, caps));
  fail_unless (info.width == 640 && info.height == 480);
  fail_unless (info.fps_n == 30 && info.fps_d == 1);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (a_restart_forgets_points_and_legend)
{
  GstSegment segment;
  GstBuffer *frame;
  Fixture f;
  Spot spot;

  start (&f, "view=embeddings", 640, 480);
  for (guint i = 0; i < 12; i++)
    gst_buffer_unref (draw (&f, 8, "cup"));
  gst_element_set_state (f.harness->element, GST_STATE_READY);
  gst_harness_play (f.harness);
  gst_harness_push_event (f.harness, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (f.harness, CAPS);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.harness, gst_event_new_segment (&segment));
  fail_unless_equals_int (count (&f, draw (&f, 0, NULL), FIRST_LABEL, 0, 640),
      0);
  /* One point is in the middle of what is seen. */
  frame = draw (&f, 8, "cup");
  spot = find (&f, frame, FIRST_LABEL, 0, 0, 0, 470, 480);
  gst_buffer_unref (frame);
  fail_unless (ABS (spot.left + spot.right - 2 * 239) < 4
      && ABS (spot.top + spot.bottom - 2 * 248) < 4);
  gst_harness_teardown (f.harness);
}

GST_END_TEST;

/* id: -1 for a tag that says that nothing is known. */
static GstBuffer *
tag (Fixture * f, GstBuffer * frame, const gfloat embedding[2],
    const gchar * type, gint id)
{
  gst_supcon_buffer_set_embedding (frame, embedding, 2, "embedding", "m");
  gst_video_region_of_interest_meta_add_param
      (gst_buffer_add_video_region_of_interest_meta (frame, type, 0, 0, 8, 4),
      gst_structure_new ("classification", "label", G_TYPE_STRING, "cup",
          "label_id", G_TYPE_INT, id, NULL));
  return gst_harness_push_and_pull (f->harness, frame);
}

static GstBuffer *
draw_tagged (Fixture * f, const gfloat embedding[2], const gchar * type,
    gint id)
{
  return tag (f, gst_buffer_new_allocate (NULL, 8 * 4, NULL), embedding, type,
      id);
}

GST_START_TEST (tags_are_labels_too_and_old_points_go)
{
  Fixture f;
  GstBuffer *frame;
  const gfloat embedding[2] = { 1, 0.5 };

  start (&f, "view=embeddings max-points=1", 640, 480);
  frame = draw_tagged (&f, embedding, "supcon", 3);
  fail_unless (gst_buffer_get_video_region_of_interest_meta_id (frame, 0) ==
      NULL);
  fail_unless (count (&f, frame, FIRST_LABEL, 0, 470) > 20);
  fail_unless (count (&f, draw (&f, 2, NULL), FIRST_LABEL, 0, 470) == 0);
  /* The tag of a region says nothing of the frame, nor does one of no class. */
  frame = draw_tagged (&f, embedding, "person", 3);
  fail_unless (count (&f, frame, UNLABELLED, 0, 470) > 20);
  frame = draw_tagged (&f, embedding, "supcon", -1);
  fail_unless (count (&f, frame, UNLABELLED, 0, 470) > 20);
  /* Another model's embeddings start anew. */
  fail_unless (count (&f, draw (&f, 5, NULL), UNLABELLED, 0, 470) > 20);
  /* The true label goes before the tag: the second one that there is, as "cup" was the first. */
  frame = gst_buffer_new_allocate (NULL, 8 * 4, NULL);
  gst_supcon_buffer_set_sample (frame, "box", 7, 0);
  frame = tag (&f, frame, embedding, "supcon", 3);
  fail_unless (count (&f, frame, SECOND_LABEL, 0, 470) > 20);
  gst_harness_teardown (f.harness);
}

GST_END_TEST;

GST_START_TEST (any_size_holds_all_of_it)
{
  static const guint sizes[][2] = { {240, 180}, {241, 333}, {1280, 720} };
  static const gchar *const views[] = { "both", "embeddings", "curves" };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    Fixture f;
    GstElement *scope;

    start (&f, "", sizes[i][0], sizes[i][1]);
    scope = gst_harness_find_element (f.harness, "supconscope");
    for (guint j = 0; j < 60; j++) {
      gchar *label = g_strdup_printf ("label %u of many", j);

      gst_util_set_object_arg (G_OBJECT (scope), "view", views[j / 20]);
      gst_buffer_unref (draw (&f, 8, label));
      g_free (label);
    }
    gst_object_unref (scope);
    gst_harness_teardown (f.harness);
  }
}

GST_END_TEST;

/* From the first frame of a view on, points are in its map: not where a picture before it had one, or none. */
GST_START_TEST (a_view_changes_between_two_frames)
{
  Fixture f;

  start (&f, "view=curves", 640, 480);
  for (guint i = 0; i < 3; i++)
    gst_buffer_unref (draw (&f, 8, "cup"));
  set_view (&f, "embeddings");
  fail_unless (count (&f, draw (&f, 8, "cup"), FIRST_LABEL, 0, 470) > 20);
  set_view (&f, "curves");
  fail_unless_equals_int (count (&f, draw (&f, 8, "cup"), FIRST_LABEL, 0, 640),
      0);
  /* A smaller picture. */
  gst_harness_set_sink_caps_str (f.harness,
      "video/x-raw,format=BGRx,width=240,height=180,framerate=30/1");
  f.width = 240;
  f.height = 180;
  gst_buffer_unref (draw (&f, 8, "cup"));
  set_view (&f, "both");
  fail_unless (count (&f, draw (&f, 8, "cup"), FIRST_LABEL, 0, 176) > 20);
  /* And a larger one again. */
  gst_harness_set_sink_caps_str (f.harness,
      "video/x-raw,format=BGRx,width=640,height=480,framerate=30/1");
  f.width = 640;
  f.height = 480;
  fail_unless (count (&f, draw (&f, 8, "cup"), FIRST_LABEL, 472, 640) > 20);
  gst_harness_teardown (f.harness);
}

GST_END_TEST;

static Suite *
scope_suite (void)
{
  Suite *suite = suite_create ("supconscope");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, points_have_the_colour_of_their_label);
  tcase_add_test (tcase, labels_differ_in_colour_and_shape);
  tcase_add_test (tcase, a_map_shows_all_points_to_scale);
  tcase_add_test (tcase, a_map_does_not_jump);
  tcase_add_test (tcase, a_legend_says_what_it_leaves_out);
  tcase_add_test (tcase, a_legend_follows);
  tcase_add_test (tcase, curves_are_below_the_map);
  tcase_add_test (tcase, a_size_is_chosen);
  tcase_add_test (tcase, a_restart_forgets_points_and_legend);
  tcase_add_test (tcase, tags_are_labels_too_and_old_points_go);
  tcase_add_test (tcase, any_size_holds_all_of_it);
  tcase_add_test (tcase, a_view_changes_between_two_frames);
  gst_supcon_meta_register ();
  return suite;
}

GST_CHECK_MAIN (scope);
