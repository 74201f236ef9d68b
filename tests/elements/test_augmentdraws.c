/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What supconaugment draws: by seed, clip and window, by policies and operations, as properties change; and what it records. */
#include "augmenting.h"
#include "controlled.h"

GST_START_TEST (test_seed)
{
  GstHarness *a = new_harness ("supconaugment seed=5", RGB_CAPS (30, 30));
  GstHarness *b = new_harness ("supconaugment seed=5", RGB_CAPS (30, 30));
  GstHarness *c = new_harness ("supconaugment seed=6", RGB_CAPS (30, 30));
  GstHarness *d = new_harness ("supconaugment name=d seed=-1",
      RGB_CAPS (30, 30));
  gsize size;
  GstElement *element;
  guint8 *views[4];
  gint64 seed;

  gst_harness_push (a, new_frame (30, 30, 3, 92));
  gst_harness_push (b, new_frame (30, 30, 3, 92));
  gst_harness_push (c, new_frame (30, 30, 3, 92));
  fail_unless (pull_equal (a, b));
  gst_buffer_unref (gst_harness_pull (b));
  gst_harness_push (b, new_frame (30, 30, 3, 92));
  fail_if (pull_equal (a, c));

  /* Two views of a frame differ, and so does the same picture in the next frame, whatever its sample number. */
  gst_harness_push (b, new_frame (30, 30, 3, 92));
  for (guint i = 0; i < 4; i++)
    views[i] = pull_bytes (b, &size);
  for (guint i = 0; i < 4; i++) {
    for (guint j = 0; j < i; j++)
      fail_unless (memcmp (views[i], views[j], size) != 0);
  }
  for (guint i = 0; i < 4; i++)
    g_free (views[i]);

  element = gst_bin_get_by_name (GST_BIN (d->element), "d");
  g_object_get (element, "seed", &seed, NULL);
  fail_unless (seed >= 0);
  gst_object_unref (element);
  gst_harness_teardown (a);
  gst_harness_teardown (b);
  gst_harness_teardown (c);
  gst_harness_teardown (d);
}

GST_END_TEST;

static void
note_seed (GObject * element, G_GNUC_UNUSED GParamSpec * spec,
    gpointer user_data)
{
  GArray *seeds = user_data;
  gint64 seed;

  g_object_get (element, "seed", &seed, NULL);
  g_array_append_val (seeds, seed);
}

/* -1 asks for another seed at each start, until a seed is given. */
GST_START_TEST (test_drawn_seed)
{
  GstElement *element = gst_element_factory_make ("supconaugment", NULL);
  GArray *seeds = g_array_new (FALSE, FALSE, sizeof (gint64));

  g_object_set (element, "seed", G_GINT64_CONSTANT (-1), NULL);
  g_signal_connect (element, "notify::seed", G_CALLBACK (note_seed), seeds);
  for (guint i = 0; i < 6; i++) {
    gint64 seed;

    if (i == 3)
      g_object_set (element, "seed", G_GINT64_CONSTANT (7), NULL);
    if (i == 5)
      g_object_set (element, "seed", G_GINT64_CONSTANT (-1), NULL);
    fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
        GST_STATE_CHANGE_SUCCESS);
    g_object_get (element, "seed", &seed, NULL);
    fail_unless_equals_int64 (seed, g_array_index (seeds, gint64,
            seeds->len - 1));
    gst_element_set_state (element, GST_STATE_NULL);
  }
  /* Drawn thrice, set to 7, set to -1, drawn. */
  fail_unless_equals_int (seeds->len, 6);
  for (guint i = 0; i < 6; i++) {
    gint64 seed = g_array_index (seeds, gint64, i);

    fail_unless (i == 3 ? seed == 7 : i == 4 ? seed == -1 : seed > 7);
    for (guint k = 0; k < i; k++)
      fail_unless (g_array_index (seeds, gint64, k) != seed);
  }
  g_array_unref (seeds);
  gst_object_unref (element);
}

GST_END_TEST;

/* Properties that may change while playing do, from the next frame on. */
GST_START_TEST (test_properties_while_playing)
{
  GstHarness *h = gst_harness_new ("supconaugment");
  guint8 *plain, *flipped;
  gsize size;

  gst_harness_set_src_caps_str (h, RGB_CAPS (8, 8));
  g_object_set (h->element, "views", 1, "scale-min", 1.0, "ratio-min", 1.0,
      "ratio-max", 1.0, "flip-probability", 0.0, NULL);
  gst_harness_push (h, new_frame (8, 8, 3, 24));
  plain = pull_bytes (h, &size);
  fail_unless_equals_int (plain[0], pixel (0, 0, 0));
  g_object_set (h->element, "flip-probability", 1.0, "views", 2, NULL);
  gst_harness_push (h, new_frame (8, 8, 3, 24));
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 2);
  flipped = pull_bytes (h, &size);
  for (guint i = 0; i < size; i++)
    fail_unless_equals_int (flipped[i],
        plain[i / 24 * 24 + (7 - i / 3 % 8) * 3 + i % 3]);
  g_free (plain);
  g_free (flipped);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Frames of a clip share their draw, so that a picture that does not move gives views that do not; clips do not. */
GST_START_TEST (test_clips)
{
  GstHarness *h = new_harness ("supconaugment views=1 consistent=clip "
      "clip-length=3 ! capsfilter caps=video/x-raw,width=16,height=12", RGB_CAPS (32, 24));
  guint8 *views[9];
  gsize size = 0;

  for (guint i = 0; i < 9; i++) {
    GstBuffer *view;

    /* A stream that starts ends the clip before its length. */
    if (i == 7)
      gst_harness_push_event (h, gst_event_new_stream_start ("another"));
    fail_unless_equals_int (gst_harness_push (h, new_frame (32, 24, 3, 96)),
        GST_FLOW_OK);
    view = gst_harness_pull (h);
    views[i] = visible_bytes (h, view, &size);
    gst_buffer_unref (view);
  }
  for (guint i = 1; i < 9; i++) {
    gboolean begins = i == 3 || i == 6 || i == 7;

    fail_unless ((memcmp (views[i - 1], views[i], size) != 0) == begins, "%u",
        i);
  }
  for (guint i = 0; i < 9; i++)
    g_free (views[i]);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_operations)
{
  GstHarness *h = new_harness ("supconaugment views=1 operations=invert",
      RGB_CAPS (8, 8));
  GstElement *element = gst_harness_find_element (h, "supconaugment");
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error = NULL;

  gst_element_set_bus (element, bus);
  for (guint i = 0; i < 2; i++) {
    GstBuffer *view;
    guint8 *bytes;
    gsize size;

    fail_unless_equals_int (gst_harness_push (h, new_frame (8, 8, 3, 24)),
        GST_FLOW_OK);
    view = gst_harness_pull (h);
    bytes = visible_bytes (h, view, &size);
    for (guint k = 0; k < size; k++)
      fail_unless_equals_int (bytes[k], 255 - pixel (k / 3 % 8, k / 24, k % 3));
    g_free (bytes);
    gst_buffer_unref (view);
    /* A mistake leaves what was there, and says so. */
    g_object_set (element, "operations", "invert(2)", NULL);
  }
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_message_parse_warning (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_LIBRARY_ERROR,
          GST_LIBRARY_ERROR_SETTINGS));
  fail_unless (strstr (error->message, "column 8") != NULL, "%s",
      error->message);
  g_clear_error (&error);
  gst_message_unref (message);

  /* At each start it is an error. */
  for (guint i = 0; i < 2; i++) {
    gst_element_set_state (element, GST_STATE_NULL);
    fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
        GST_STATE_CHANGE_FAILURE);
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
    fail_unless (message != NULL);
    gst_message_unref (message);
  }
  g_object_set (element, "operations", NULL, NULL);
  fail_unless (gst_element_set_state (element, GST_STATE_PAUSED) !=
      GST_STATE_CHANGE_FAILURE);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The middle of the frame in the shape of the view, and a share of it. */
GST_START_TEST (test_center_crop)
{
  static const struct
  {
    const gchar *share;
    guint x, y, side;
  } cases[] = { {"1", 6, 0, 8}, {"0.5", 8, 2, 4} };

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    gchar *launch =
        g_strdup_printf ("supconaugment policy=none interpolation=bicubic "
        "views=1 center-crop=%s", cases[k].share), *caps =
        g_strdup_printf ("video/x-raw,width=%u,height=%u", cases[k].side,
        cases[k].side);
    GstHarness *h = new_harness (launch, RGB_CAPS (20, 8));
    guint side = cases[k].side;
    guint8 *bytes;
    gsize size;

    gst_harness_set_sink_caps_str (h, caps);
    gst_harness_push (h, new_frame (20, 8, 3, 60));
    bytes = pull_bytes (h, &size);
    for (guint i = 0; i < size; i++)
      fail_unless_equals_int (bytes[i], pixel (cases[k].x + i / 3 % side,
              cases[k].y + i / 3 / side, i % 3));
    g_free (bytes);
    g_free (launch);
    g_free (caps);
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

/* Every number that may change while playing can be moved by a controller. */
GST_START_TEST (test_controllable)
{
  GstElement *element = gst_element_factory_make ("supconaugment", NULL);
  guint n, numbers = 0;
  GParamSpec **specs = g_object_class_list_properties
      (G_OBJECT_GET_CLASS (element), &n);

  for (guint i = 0; i < n; i++) {
    gboolean number = G_IS_PARAM_SPEC_DOUBLE (specs[i])
        || G_IS_PARAM_SPEC_UINT (specs[i]) || G_IS_PARAM_SPEC_INT (specs[i]);

    if (!number || !(specs[i]->flags & GST_PARAM_MUTABLE_PLAYING))
      continue;
    numbers++;
    fail_unless (specs[i]->flags & GST_PARAM_CONTROLLABLE, "%s",
        specs[i]->name);
  }
  fail_unless (numbers > 25);
  g_free (specs);
  gst_object_unref (element);
}

GST_END_TEST;

/* Numbers that a controller moves, which takes effect at the frame of that time. */
GST_START_TEST (test_controller)
{
  GstHarness *h = new_harness ("supconaugment views=1 scale-min=1 ratio-min=1 "
      "ratio-max=1", RGB_CAPS (8, 8));
  GstElement *element = gst_harness_find_element (h, "supconaugment");
  GstTimedValueControlSource *flips = control (element, "flip-probability");
  GstTimedValueControlSource *numbers = control (element, "views");

  gst_timed_value_control_source_set (flips, 0, 0.0);
  gst_timed_value_control_source_set (flips, 5 * GST_SECOND, 1.0);
  for (guint i = 0; i < 10; i++)
    gst_timed_value_control_source_set (numbers, i * GST_SECOND, 1 + i % 3);
  for (guint i = 0; i < 10; i++) {
    GstBuffer *frame = new_frame (8, 8, 3, 24);
    guint views = 1 + i % 3;

    GST_BUFFER_PTS (frame) = i * GST_SECOND;
    fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
    fail_unless_equals_int (gst_harness_buffers_in_queue (h), views);
    for (guint v = 0; v < views; v++) {
      gsize size;
      guint8 *bytes = pull_bytes (h, &size);

      fail_unless_equals_int (bytes[0], pixel (i < 5 ? 0 : 7, 0, 0));
      g_free (bytes);
    }
  }
  gst_object_unref (element);
  gst_harness_teardown (h);
}

GST_END_TEST;

static GstBuffer *
plain_frame (guint8 value, const gchar * label, guint64 number)
{
  GstBuffer *frame = new_frame (8, 8, 3, 24);

  gst_buffer_memset (frame, 0, value, -1);
  set_sample (frame, label, number);
  GST_BUFFER_PTS (frame) = number * GST_SECOND;
  return frame;
}

/* The first view is of the frame itself, the second of one before it in the clip with the same label. */
GST_START_TEST (test_temporal_window)
{
  GstHarness *h = new_harness ("supconaugment policy=none temporal-window=3 "
      "views=2", RGB_CAPS (8, 8));
  guint seen[4] = { 0 };

  for (guint i = 0; i < 60; i++) {
    guint begin = i < 40 ? 0 : i < 50 ? 40 : 50, back;

    if (i == 40)
      gst_harness_push_event (h, gst_event_new_stream_start ("another"));
    fail_unless_equals_int (gst_harness_push (h, plain_frame (i * 4,
                i < 50 ? "cup" : "box", i)), GST_FLOW_OK);
    for (guint v = 0; v < 2; v++) {
      GstBuffer *view = gst_harness_pull (h);
      guint8 value;

      assert_sample (view, i < 50 ? "cup" : "box", i, v);
      fail_unless_equals_uint64 (GST_BUFFER_PTS (view), i * GST_SECOND);
      gst_buffer_extract (view, 0, &value, 1);
      back = i - value / 4;
      fail_unless (back <= (v == 0 ? 0 : MIN (3, i - begin)));
      fail_unless (v == 0 || back > 0 || i == begin);
      seen[back] += v;
      gst_buffer_unref (view);
    }
  }
  fail_unless_equals_int (seen[0], 3);
  for (guint back = 1; back <= 3; back++)
    fail_unless (seen[back] > 8, "%u: %u", back, seen[back]);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The centre of a spot, in pixels of the view. */
static void
find_spot (const guint8 * bytes, guint width, guint height, gdouble * x,
    gdouble * y)
{
  gdouble total = 0;

  *x = *y = 0;
  for (guint i = 0; i < width * height; i++) {
    total += bytes[3 * i];
    *x += bytes[3 * i] * (i % width);
    *y += bytes[3 * i] * (i / width);
  }
  *x /= total;
  *y /= total;
}

/* The largest change of a steadily moving spot's steps. */
static gdouble
largest_jerk (const gchar * consistent)
{
  gchar *launch = g_strdup_printf ("supconaugment views=1 scale-min=0.8 "
      "consistent=%s", consistent);
  GstHarness *h = new_harness (launch, RGB_CAPS (96, 72));
  gdouble x[12], y[12], largest = 0;

  gst_harness_set_sink_caps_str (h, "video/x-raw,width=64,height=48");
  for (guint i = 0; i < 12; i++) {
    GstBuffer *frame = gst_buffer_new_allocate (NULL, 96 * 72 * 3, NULL);
    GstMapInfo map;
    guint8 *bytes;
    gsize size;

    gst_buffer_map (frame, &map, GST_MAP_WRITE);
    for (guint k = 0; k < map.size; k++) {
      gdouble dx = k / 3 % 96 - (30.0 + 2 * i), dy = k / 288 - (30.0 + i);

      map.data[k] = (guint8) MAX (0, 255 - 12 * (dx * dx + dy * dy));
    }
    gst_buffer_unmap (frame, &map);
    gst_harness_push (h, frame);
    bytes = pull_bytes (h, &size);
    find_spot (bytes, 64, 48, &x[i], &y[i]);
    g_free (bytes);
    if (i >= 2)
      largest = MAX (largest, MAX (ABS (x[i] - 2 * x[i - 1] + x[i - 2]),
              ABS (y[i] - 2 * y[i - 1] + y[i - 2])));
  }
  g_free (launch);
  gst_harness_teardown (h);
  return largest;
}

/* What moves steadily does so in the views of a clip, and jumps where every frame draws anew. */
GST_START_TEST (test_movement)
{
  fail_unless (largest_jerk ("clip") < 0.1, "%g", largest_jerk ("clip"));
  fail_unless (largest_jerk ("frame") > 2, "%g", largest_jerk ("frame"));
}

GST_END_TEST;

/* Another element makes the same bytes from what the meta says. */
GST_START_TEST (test_record_draws)
{
  static const gchar *const launches[] = {
    "supconaugment seed=9 record-draws=true policy=stacked-randaugment "
        "warp-probability=1 erase-probability=1 erase-fill=-1",
    "supconaugment record-draws=true policy=augmix consistent=clip "
        "clip-length=2 interpolation=bicubic",
    "supconaugment record-draws=true policy=simaugment temporal-window=2"
  };

  for (guint k = 0; k < G_N_ELEMENTS (launches); k++) {
    GstHarness *h = new_harness (launches[k], RGB_CAPS (40, 30));

    gst_harness_set_sink_caps_str (h, RGB_CAPS (16, 16));
    for (guint i = 0; i < 12; i++) {
      GstBuffer *view, *again, *frame = new_frame (40, 30, 3, 120);
      GstHarness *other;
      GstElement *element;
      gchar *launch;
      const GstStructure *s, *draws;
      guint8 *bytes, *bytes_again;
      guint64 seed, number;
      guint v, back;
      gsize size;

      gst_buffer_memset (frame, 0, i, 60);
      gst_harness_push (h, frame);
      gst_buffer_unref (gst_harness_pull (h));
      view = gst_harness_pull (h);
      s = gst_custom_meta_get_structure (gst_buffer_get_custom_meta (view,
              "supcon-sample"));
      fail_unless (gst_structure_has_field_typed (s, "draws",
              GST_TYPE_STRUCTURE));
      draws = gst_value_get_structure (gst_structure_get_value (s, "draws"));
      fail_unless (gst_structure_get (draws, "seed", G_TYPE_UINT64, &seed,
              "number", G_TYPE_UINT64, &number, "frames-back", G_TYPE_UINT,
              &back, NULL) && gst_structure_get_uint (s, "view", &v));
      fail_unless (k == 2 ? (back > 0) == (i > 0) : back == 0);
      fail_unless (gst_structure_get_string (draws, "steps") != NULL);
      launch = g_strdup_printf ("supconaugment seed=%" G_GUINT64_FORMAT, seed);
      other = new_harness (launch, RGB_CAPS (40, 30));
      element = gst_harness_find_element (other, "supconaugment");
      g_object_set (element, "operations",
          gst_structure_get_string (draws, "operations"), "views", v + 1, NULL);
      gst_object_unref (element);
      g_free (launch);
      gst_harness_set_sink_caps_str (other, RGB_CAPS (16, 16));
      frame = new_frame (40, 30, 3, 120);
      gst_buffer_memset (frame, 0, i - back, 60);
      GST_BUFFER_OFFSET (frame) = number;
      gst_harness_push (other, frame);
      for (guint n = 0; n < v; n++)
        gst_buffer_unref (gst_harness_pull (other));
      again = gst_harness_pull (other);
      bytes = visible_bytes (h, view, &size);
      bytes_again = visible_bytes (other, again, &size);
      fail_unless (memcmp (bytes, bytes_again, size) == 0, "%u, %u", k, i);
      g_free (bytes);
      g_free (bytes_again);
      gst_buffer_unref (view);
      gst_buffer_unref (again);
      gst_harness_teardown (other);
    }
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

static Suite *
supconaugmentdraws_suite (void)
{
  Suite *suite = suite_create ("supconaugmentdraws");
  TCase *tcase = tcase_create ("supconaugmentdraws");

  tcase_set_timeout (tcase, 60);
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_seed);
  tcase_add_test (tcase, test_drawn_seed);
  tcase_add_test (tcase, test_properties_while_playing);
  tcase_add_test (tcase, test_clips);
  tcase_add_test (tcase, test_operations);
  tcase_add_test (tcase, test_center_crop);
  tcase_add_test (tcase, test_controllable);
  tcase_add_test (tcase, test_controller);
  tcase_add_test (tcase, test_temporal_window);
  tcase_add_test (tcase, test_movement);
  tcase_add_test (tcase, test_record_draws);
  return suite;
}

GST_CHECK_MAIN (supconaugmentdraws);
