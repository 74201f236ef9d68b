/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures of every format that supconaugment reads show what the same picture in RGB shows. */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <math.h>
#include <string.h>

static void
info_of (GstVideoInfo * info, const gchar * format, guint width, guint height,
    const gchar * more)
{
  gchar *text = g_strdup_printf ("video/x-raw,format=%s,width=%u,height=%u,"
      "framerate=25/1%s", format, width, height, more);
  GstCaps *caps = gst_caps_from_string (text);

  fail_unless (gst_video_info_from_caps (info, caps), "%s", text);
  gst_caps_unref (caps);
  g_free (text);
}

static GstBuffer *
new_frame (GstVideoInfo * info)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, info->size, NULL);

  gst_buffer_memset (buffer, 0, 0xEE, info->size);
  GST_BUFFER_PTS (buffer) = 0;
  return buffer;
}

/* Sets one component's value at (x, y) of its own plane. */
static void
put (GstVideoFrame * frame, guint component, guint x, guint y, guint8 value)
{
  guint8 *data = GST_VIDEO_FRAME_COMP_DATA (frame, component);

  data[y * GST_VIDEO_FRAME_COMP_STRIDE (frame, component) +
      x * GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component)] = value;
}

static guint8
wave (guint x, guint y, guint c)
{
  return (guint8) (127.5 + 90 * sin (0.11 * x + 0.9 * c) * cos (0.07 * y - c));
}

/* What the element makes of a frame, as width x height x 3 bytes. */
static guint8 *
view_of (const gchar * launch, GstVideoInfo * info, GstBuffer * frame,
    guint width, guint height)
{
  GstHarness *h = gst_harness_new_parse (launch);
  guint8 *bytes = g_malloc (width * height * 3);
  GstVideoInfo out;
  GstVideoFrame view;
  GstBuffer *buffer;
  gchar *caps = g_strdup_printf ("video/x-raw,format=RGB,width=%u,height=%u",
      width, height);

  gst_harness_set_sink_caps_str (h, caps);
  gst_harness_set_src_caps (h, gst_video_info_to_caps (info));
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  buffer = gst_harness_pull (h);
  info_of (&out, "RGB", width, height, "");
  fail_unless (gst_video_frame_map (&view, &out, buffer, GST_MAP_READ));
  for (guint y = 0; y < height; y++)
    memcpy (bytes + y * width * 3, (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&view,
            0) + y * GST_VIDEO_FRAME_PLANE_STRIDE (&view, 0), width * 3);
  gst_video_frame_unmap (&view);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
  g_free (caps);
  return bytes;
}

static void
assert_near (const guint8 * a, const guint8 * b, gsize n, gint most,
    gdouble mean, const gchar * what)
{
  gdouble sum = 0;

  for (gsize i = 0; i < n; i++) {
    gint d = ABS (a[i] - b[i]);

    fail_unless (d <= most, "%s: byte %" G_GSIZE_FORMAT " is %u, expected %u",
        what, i, a[i], b[i]);
    sum += d;
  }
  fail_unless (sum / n <= mean, "%s: mean difference %g", what, sum / n);
}

/* The sums are the same numbers in another order, so a byte may be rounded the other way. */
GST_START_TEST (test_packed)
{
  static const gchar *const formats[] = { "BGR", "RGBx", "BGRx", "xRGB", "xBGR",
    "RGBA", "BGRA", "ARGB", "ABGR"
  };
  const gchar *launch = "supconaugment policy=crop views=1 seed=5";
  guint8 *expected = NULL;

  for (guint i = 0; i <= G_N_ELEMENTS (formats); i++) {
    const gchar *format = i ? formats[i - 1] : "RGB";
    GstVideoInfo info;
    GstVideoFrame frame;
    GstBuffer *buffer;
    guint8 *view;

    info_of (&info, format, 37, 23, "");
    buffer = new_frame (&info);
    gst_video_frame_map (&frame, &info, buffer, GST_MAP_WRITE);
    for (guint y = 0; y < 23; y++)
      for (guint x = 0; x < 37; x++)
        for (guint c = 0; c < 3; c++)
          put (&frame, c, x, y, wave (x, y, c));
    gst_video_frame_unmap (&frame);
    view = view_of (launch, &info, buffer, 16, 12);
    if (i == 0) {
      expected = view;
      continue;
    }
    assert_near (view, expected, 16 * 12 * 3, 1, 0.05, format);
    g_free (view);
  }
  g_free (expected);
}
GST_END_TEST;

/* ITU-R BT.601, BT.709 and BT.2020 (non-constant luminance), both ranges, by their definition. */
GST_START_TEST (test_matrices)
{
  static const struct
  {
    const gchar *colorimetry;
    gdouble kr, kb;
    gboolean full;
  } kinds[] = {
    {"bt601", 0.299, 0.114, FALSE},
    {"bt709", 0.2126, 0.0722, FALSE},
    {"bt2020", 0.2627, 0.0593, FALSE},
    {"1:4:16:4", 0.299, 0.114, TRUE},
    {"1:3:5:1", 0.2126, 0.0722, TRUE},
  };
  static const gchar *const formats[] = { "I420", "YV12", "NV12", "NV21" };
  static const guint8 colors[][3] = { {120, 90, 160}, {200, 140, 100}, {60, 128,
          128}, {16, 128, 128}, {235, 200, 60}
  };

  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++)
    for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
      for (guint i = 0; i < G_N_ELEMENTS (colors); i++) {
        gchar *more = g_strdup_printf (",colorimetry=%s", kinds[k].colorimetry);
        gdouble kr = kinds[k].kr, kb = kinds[k].kb, kg = 1 - kr - kb;
        gdouble luma = kinds[k].full ? colors[i][0] : (colors[i][0] - 16) * 255 / 219.;
        gdouble cb = (colors[i][1] - 128) * (kinds[k].full ? 1 : 255 / 224.);
        gdouble cr = (colors[i][2] - 128) * (kinds[k].full ? 1 : 255 / 224.);
        gdouble rgb[3] = { luma + 2 * (1 - kr) * cr, 0, luma + 2 * (1 - kb) * cb };
        GstVideoInfo info;
        GstVideoFrame frame;
        GstBuffer *buffer;
        guint8 *view;

        rgb[1] = (luma - kr * rgb[0] - kb * rgb[2]) / kg;
        info_of (&info, formats[f], 6, 6, more);
        buffer = new_frame (&info);
        gst_video_frame_map (&frame, &info, buffer, GST_MAP_WRITE);
        for (guint c = 0; c < 3; c++)
          for (gint y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT (&frame, c); y++)
            for (gint x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH (&frame, c); x++)
              put (&frame, c, x, y, colors[i][c]);
        gst_video_frame_unmap (&frame);
        view = view_of ("supconaugment policy=none views=1", &info, buffer, 3, 3);
        for (guint b = 0; b < 27; b++) {
          gdouble expected = CLAMP (rgb[b % 3], 0, 255);

          fail_unless (fabs (view[b] - expected) < 0.51,
              "%s %s colour %u: byte %u is %u, expected %g", formats[f],
              kinds[k].colorimetry, i, b, view[b], expected);
        }
        g_free (view);
        g_free (more);
      }
}
GST_END_TEST;

/* Of a plane of n values, the one at a place between their middles. */
static void
place (gdouble at, guint n, guint * low, guint * high, gdouble * share)
{
  at = CLAMP (at, 0, n - 1);
  *low = (guint) at;
  *high = MIN (*low + 1, n - 1);
  *share = at - *low;
}

/* Chroma at the pixel (x, y) of luma, bilinear. */
static gdouble
chroma_at (GstVideoFrame * frame, guint component, guint x, guint y,
    gboolean h_cosited)
{
  const guint8 *data = GST_VIDEO_FRAME_COMP_DATA (frame, component);
  gsize stride = GST_VIDEO_FRAME_COMP_STRIDE (frame, component);
  guint step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component), x0, x1, y0, y1;
  gdouble fx, fy;

  place ((x + 0.5) / 2 - (h_cosited ? 0.25 : 0.5),
      GST_VIDEO_FRAME_COMP_WIDTH (frame, component), &x0, &x1, &fx);
  place ((y + 0.5) / 2 - 0.5, GST_VIDEO_FRAME_COMP_HEIGHT (frame, component),
      &y0, &y1, &fy);
  return (1 - fy) * ((1 - fx) * data[y0 * stride + x0 * step] +
      fx * data[y0 * stride + x1 * step]) +
      fy * ((1 - fx) * data[y1 * stride + x0 * step] +
      fx * data[y1 * stride + x1 * step]);
}

/* BT.709 of limited range, each pixel for itself. */
static void
convert (GstVideoFrame * frame, gboolean h_cosited, GstVideoFrame * rgb)
{
  for (gint y = 0; y < GST_VIDEO_FRAME_HEIGHT (frame); y++)
    for (gint x = 0; x < GST_VIDEO_FRAME_WIDTH (frame); x++) {
      const guint8 *data = GST_VIDEO_FRAME_COMP_DATA (frame, 0);
      gdouble luma = (data[y * GST_VIDEO_FRAME_COMP_STRIDE (frame, 0) + x] - 16) * 255 / 219.;
      gdouble cb = (chroma_at (frame, 1, x, y, h_cosited) - 128) * 255 / 224;
      gdouble cr = (chroma_at (frame, 2, x, y, h_cosited) - 128) * 255 / 224;

      put (rgb, 0, x, y, rint (CLAMP (luma + 1.5748 * cr, 0, 255)));
      put (rgb, 1, x, y, rint (CLAMP (luma - 0.1873 * cb - 0.4681 * cr, 0, 255)));
      put (rgb, 2, x, y, rint (CLAMP (luma + 1.8556 * cb, 0, 255)));
    }
}

/* Luma of all kinds and a chroma that changes slowly: converting every pixel before resizing gives the same but for
 * rounding, the shape of the interpolation and the crop's edge, over which chroma sees a little. Either way bytes are
 * rounded after each direction, with a deviation of up to 0.41 in all, which conversion makes 0.48 of luma's and up to
 * 0.86 of chroma's: together with the other way's 0.41 a mean difference of up to 0.85 (of a normal distribution 0.8 of its deviation), the rest is shape. Sizes odd and even, chroma on pixels of luma and between them. */
GST_START_TEST (test_planes)
{
  static const guint sizes[][2] = { {64, 48}, {63, 47}, {9, 11} };
  static const gchar *const sites[] = { "mpeg2", "jpeg" };
  static const gchar *const formats[] = { "I420", "NV12" };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
    for (guint k = 0; k < G_N_ELEMENTS (sites); k++)
      for (guint f = 0; f < G_N_ELEMENTS (formats); f++) {
        guint w = sizes[s][0], h = sizes[s][1];
        gchar *more = g_strdup_printf (",colorimetry=bt709,chroma-site=%s", sites[k]);
        const gchar *launch = "supconaugment policy=crop views=1 seed=9 scale-min=0.3 ratio-min=1 ratio-max=1";
        GstVideoInfo info, rgb_info;
        GstVideoFrame frame, rgb_frame;
        GstBuffer *buffer, *rgb;
        guint8 *view, *expected;

        info_of (&info, formats[f], w, h, more);
        buffer = new_frame (&info);
        gst_video_frame_map (&frame, &info, buffer, GST_MAP_WRITE);
        for (guint c = 0; c < 3; c++)
          for (gint y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT (&frame, c); y++)
            for (gint x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH (&frame, c); x++)
              put (&frame, c, x, y, c ? 128 + 40 * sin (0.12 * x + 0.1 * y + c) : 60 + (x * 37 + y * 91) % 120);
        info_of (&rgb_info, "RGB", w, h, "");
        rgb = new_frame (&rgb_info);
        gst_video_frame_map (&rgb_frame, &rgb_info, rgb, GST_MAP_WRITE);
        convert (&frame, k == 0, &rgb_frame);
        gst_video_frame_unmap (&frame);
        gst_video_frame_unmap (&rgb_frame);
        view = view_of (launch, &info, buffer, 12, 12);
        expected = view_of (launch, &rgb_info, rgb, 12, 12);
        assert_near (view, expected, 12 * 12 * 3, 8, 1.1, more);
        g_free (view);
        g_free (expected);
        g_free (more);
      }
}
GST_END_TEST;

/* A ramp in Cb, seen through a crop meta at an odd place: each pixel has the colour of the place that it shows. */
GST_START_TEST (test_crop_of_planes)
{
  GstVideoInfo info;
  GstVideoFrame frame;
  GstBuffer *buffer;
  GstVideoCropMeta *crop;
  guint8 *view;

  info_of (&info, "NV12", 60, 20, ",colorimetry=1:4:16:4,chroma-site=mpeg2");
  buffer = new_frame (&info);
  gst_video_frame_map (&frame, &info, buffer, GST_MAP_WRITE);
  for (guint y = 0; y < 20; y++)
    for (guint x = 0; x < 60; x++)
      put (&frame, 0, x, y, 100);
  for (guint y = 0; y < 10; y++)
    for (guint x = 0; x < 30; x++) {
      put (&frame, 1, x, y, 100 + 2 * x);       /* of pixel 2 x: one more a pixel */
      put (&frame, 2, x, y, 128);
    }
  gst_video_frame_unmap (&frame);
  crop = gst_buffer_add_video_crop_meta (buffer);
  crop->x = 13;
  crop->y = 5;
  crop->width = 31;
  crop->height = 9;
  view = view_of ("supconaugment policy=none views=1", &info, buffer, 31, 9);
  for (guint y = 0; y < 9; y++)
    for (guint x = 1; x < 30; x++) {
      gdouble expected = 100 + 1.772 * (100 + 13 + x - 128.);

      fail_unless (fabs (view[(y * 31 + x) * 3 + 2] - expected) < 1,
          "pixel %u, %u: blue %u, expected %g", x, y,
          view[(y * 31 + x) * 3 + 2], expected);
    }
  g_free (view);
}
GST_END_TEST;

GST_START_TEST (test_one_pixel)
{
  static const gchar *const formats[] = { "I420", "NV12", "BGRx", "GRAY8" };

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
    for (guint size = 1; size <= 2; size++) {
      GstVideoInfo info;
      GstBuffer *buffer;
      guint8 *view;

      info_of (&info, formats[f], size, 1, ",colorimetry=1:4:16:4");
      buffer = new_frame (&info);
      gst_buffer_memset (buffer, 0, 128, -1);
      view = view_of ("supconaugment policy=crop views=1", &info, buffer, 5, 4);
      for (guint i = 0; i < 60; i++)
        fail_unless_equals_int (view[i], 128);
      g_free (view);
    }
}
GST_END_TEST;

/* A decoder's frames go in as they are. */
GST_START_TEST (test_links_without_videoconvert)
{
  GstElement *pipeline = gst_parse_launch ("videotestsrc num-buffers=3 ! "
      "video/x-raw,format=I420,width=31,height=17 ! supconaugment ! "
      "video/x-raw,width=8,height=8 ! fakesink", NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}
GST_END_TEST;

static Suite *
formats_suite (void)
{
  Suite *suite = suite_create ("formats");
  TCase *tcase = tcase_create ("formats");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_packed);
  tcase_add_test (tcase, test_matrices);
  tcase_add_test (tcase, test_planes);
  tcase_add_test (tcase, test_crop_of_planes);
  tcase_add_test (tcase, test_one_pixel);
  tcase_add_test (tcase, test_links_without_videoconvert);
  return suite;
}

GST_CHECK_MAIN (formats);
