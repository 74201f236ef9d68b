/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconaugment under random caps, properties, crops, sizes of memory and texts: whatever comes, it answers with views or
 * with an error, and gives all memory back. Deterministic: the run's number is the seed. */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <string.h>

#define RUNS 300

static guint
below (GRand * rand, guint n)
{
  return n ? g_rand_int_range (rand, 0, n) : 0;
}

/* Any value that the property's type can hold, in and out of its range. */
static void
set_random_property (GRand * rand, GObject * element)
{
  guint n;
  GParamSpec **specs = g_object_class_list_properties
      (G_OBJECT_GET_CLASS (element), &n);
  GParamSpec *spec = specs[below (rand, n)];
  GValue value = G_VALUE_INIT;

  g_free (specs);
  if (!(spec->flags & G_PARAM_WRITABLE) || G_IS_PARAM_SPEC_OBJECT (spec)
      || g_str_equal (spec->name, "name"))
    return;
  g_value_init (&value, spec->value_type);
  if (G_IS_PARAM_SPEC_STRING (spec)) {
    static const gchar *const words[] = { "crop", "flip", "(", ")", "0.5", "+-",
      ":", "/", "|", "pick", "{", "}", "color", "p=", ",", "-1", "1e9", "warp",
      "mix", " ", "bicubic", "compose", "rotate(+-30)", "nan", "blur(2)", "erase",
      "center-crop", "\xff", "jpeg(5)"
    };
    GString *text = g_string_new (NULL);

    for (guint i = below (rand, 12); i > 0; i--)
      g_string_append_printf (text, "%s ",
          words[below (rand, G_N_ELEMENTS (words))]);
    g_value_take_string (&value, g_string_free (text, FALSE));
  } else if (G_IS_PARAM_SPEC_DOUBLE (spec)) {
    static const gdouble doubles[] = { 0, 1, -1, 0.5, 2, 1e-9, 1e9, 100 };

    g_value_set_double (&value, doubles[below (rand, G_N_ELEMENTS (doubles))]);
  } else if (G_IS_PARAM_SPEC_UINT (spec)) {
    g_value_set_uint (&value, below (rand, 8));
  } else if (G_IS_PARAM_SPEC_INT (spec)) {
    g_value_set_int (&value, (gint) below (rand, 8) - 3);
  } else if (G_IS_PARAM_SPEC_INT64 (spec)) {
    g_value_set_int64 (&value, below (rand, 3) - 1);
  } else if (G_IS_PARAM_SPEC_ENUM (spec)) {
    g_value_set_enum (&value, below (rand, 9));
  } else if (G_IS_PARAM_SPEC_BOOLEAN (spec)) {
    g_value_set_boolean (&value, below (rand, 2));
  } else {
    g_value_unset (&value);
    return;
  }
  g_param_value_validate (spec, &value);
  g_object_set_property (element, spec->name, &value);
  g_value_unset (&value);
}

static gchar *
random_caps (GRand * rand, const gchar * rest)
{
  static const gchar *const formats[] = { "RGB", "GRAY8", "BGR", "RGBx", "I420",
    "NV12", "RGB", "GRAY8", "ARGB", "YV12", "NV21"
  };

  return g_strdup_printf ("video/x-raw,format=%s,width=%u,height=%u%s",
      formats[below (rand, G_N_ELEMENTS (formats))], 1 + below (rand, 70),
      1 + below (rand, 70), rest);
}

/* Streams that take turns or start anew, flushes, and queries that drain. */
static void
push_random_event (GRand * rand, GstHarness * h, GstEvent * streams[2])
{
  GstQuery *query = gst_query_new_drain ();
  GstSegment segment;

  switch (below (rand, 6)) {
    case 0:
      gst_harness_push_event (h, gst_event_new_stream_start ("again"));
      break;
    case 1:
      gst_harness_push_event (h, gst_event_new_flush_start ());
      gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
      gst_segment_init (&segment, GST_FORMAT_TIME);
      gst_harness_push_event (h, gst_event_new_segment (&segment));
      break;
    case 2:
      gst_pad_peer_query (h->srcpad, query);
      break;
    default:
      gst_harness_push_event (h, gst_event_ref (streams[below (rand, 2)]));
      break;
  }
  gst_query_unref (query);
}

GST_START_TEST (test_fuzz)
{
  GstEvent *streams[] = { gst_event_new_stream_start ("one"),
    gst_event_new_stream_start ("two")
  };
  GRand *rand = g_rand_new_with_seed (__i__ + 1);
  GstHarness *h = gst_harness_new ("supconaugment");
  guint views = 0;

  for (guint step = 0; step < 12; step++) {
    gchar *caps = random_caps (rand, below (rand, 12) ? ",framerate=25/1"
        : ",framerate=25/1,interlace-mode=mixed");
    GstCaps *current;
    GstVideoInfo info;

    for (guint i = below (rand, 4); i > 0; i--)
      set_random_property (rand, G_OBJECT (h->element));
    if (below (rand, 3) == 0) {
      gchar *out = random_caps (rand, "");

      gst_harness_set_sink_caps_str (h, out);
      gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
      g_free (out);
    }
    current = gst_caps_from_string (caps);
    fail_unless (gst_video_info_from_caps (&info, current));
    gst_caps_unref (current);
    gst_harness_set_src_caps_str (h, caps);
    g_free (caps);
    for (guint i = 0; i < 2; i++) {
      gsize size = below (rand, 8) ? info.size : below (rand, info.size);
      GstBuffer *frame = gst_buffer_new_allocate (NULL, size, NULL), *view;

      gst_buffer_memset (frame, 0, below (rand, 256), -1);
      if (below (rand, 3) == 0) {
        GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (frame);

        crop->x = below (rand, 80);
        crop->y = below (rand, 80);
        crop->width = below (rand, 80);
        crop->height = below (rand, 80);
      }
      if (below (rand, 4) == 0)
        GST_BUFFER_OFFSET (frame) = g_rand_int (rand);
      if (below (rand, 2))
        push_random_event (rand, h, streams);
      gst_harness_push (h, frame);
      while ((view = gst_harness_try_pull (h))) {
        gst_buffer_unref (view);
        views++;
      }
    }
  }
  gst_harness_teardown (h);
  gst_event_unref (streams[0]);
  gst_event_unref (streams[1]);
  g_rand_free (rand);
  /* Runs that give nothing would prove nothing; few do. */
  if (__i__ == 0)
    fail_unless (views > 0);
}

GST_END_TEST;

/* Caps that change with every frame: what is held does not grow. */
GST_START_TEST (test_changing_caps)
{
  GstHarness *h = gst_harness_new_parse ("supconaugment temporal-window=4 "
      "policy=simaugment record-draws=true");
  GstBuffer *frames[400];

  for (guint i = 0; i < G_N_ELEMENTS (frames); i++) {
    gchar *caps = g_strdup_printf ("video/x-raw,format=%s,width=%u,height=%u,"
        "framerate=25/1", i % 2 ? "GRAY8" : "RGB", 4 + i % 37, 3 + i % 29);
    GstBuffer *view;
    guint held = 0;

    gst_harness_set_src_caps_str (h, caps);
    g_free (caps);
    frames[i] = gst_buffer_new_allocate (NULL, 3 * 44 * 32, NULL);
    gst_buffer_memset (frames[i], 0, i, -1);
    fail_unless_equals_int (gst_harness_push (h, gst_buffer_ref (frames[i])),
        GST_FLOW_OK);
    while ((view = gst_harness_try_pull (h)))
      gst_buffer_unref (view);
    for (guint k = 0; k <= i; k++)
      held += GST_MINI_OBJECT_REFCOUNT_VALUE (frames[k]) > 1;
    fail_unless (held <= 2, "%u frames are held", held);
  }
  gst_harness_teardown (h);
  for (guint i = 0; i < G_N_ELEMENTS (frames); i++) {
    ASSERT_MINI_OBJECT_REFCOUNT (frames[i], "frame", 1);
    gst_buffer_unref (frames[i]);
  }
}

GST_END_TEST;

static Suite *
fuzz_suite (void)
{
  Suite *suite = suite_create ("fuzz");
  TCase *tcase = tcase_create ("supconaugment");

  tcase_set_timeout (tcase, 60);
  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, test_fuzz, 0, RUNS);
  tcase_add_test (tcase, test_changing_caps);
  return suite;
}

GST_CHECK_MAIN (fuzz);
