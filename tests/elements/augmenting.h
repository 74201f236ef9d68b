/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A supconaugment in a harness, and frames for it. */
#ifndef TEST_AUGMENTING_H
#define TEST_AUGMENTING_H

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <string.h>

#define RGB_CAPS(w, h) "video/x-raw,format=RGB,framerate=25/1,width=" #w \
    ",height=" #h

static inline GstHarness *
new_harness (const gchar * launch, const gchar * caps)
{
  GstHarness *h = gst_harness_new_parse (launch);

  gst_harness_set_src_caps_str (h, caps);
  return h;
}

static inline guint8
pixel (guint x, guint y, guint c)
{
  return x * 11 + y * 29 + c * 71 + ((x * y) ^ (x << 1)) % 37;
}

/* A frame whose rows are stride bytes apart; another stride than the default one takes a GstVideoMeta. */
static inline GstBuffer *
new_frame (guint width, guint height, guint channels, guint stride)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, stride * height, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  memset (map.data, 0xEE, map.size);
  for (guint y = 0; y < height; y++) {
    for (guint x = 0; x < width; x++) {
      for (guint c = 0; c < channels; c++)
        map.data[y * stride + x * channels + c] = pixel (x, y, c);
    }
  }
  gst_buffer_unmap (buffer, &map);
  if (stride != GST_ROUND_UP_4 (width * channels)) {
    gsize offset[GST_VIDEO_MAX_PLANES] = { 0 };
    gint strides[GST_VIDEO_MAX_PLANES] = { (gint) stride };

    gst_buffer_add_video_meta_full (buffer, GST_VIDEO_FRAME_FLAG_NONE,
        channels == 1 ? GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_RGB, width,
        height, 1, offset, strides);
  }
  return buffer;
}

/* The pixels without padding, of the caps that the harness has got. */
static inline guint8 *
visible_bytes (GstHarness * h, GstBuffer * buffer, gsize * size)
{
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  GstVideoFrame frame;
  GstVideoInfo info;
  guint8 *bytes;
  gsize row;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_caps_unref (caps);
  fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ));
  row = GST_VIDEO_INFO_WIDTH (&info) * GST_VIDEO_INFO_COMP_PSTRIDE (&info, 0);
  *size = row * GST_VIDEO_INFO_HEIGHT (&info);
  bytes = g_malloc (*size);
  for (gint y = 0; y < GST_VIDEO_INFO_HEIGHT (&info); y++)
    memcpy (bytes + y * row, (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0)
        + y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0), row);
  gst_video_frame_unmap (&frame);
  return bytes;
}

static inline guint8 *
pull_bytes (GstHarness * h, gsize * size)
{
  GstBuffer *buffer = gst_harness_pull (h);
  guint8 *bytes;

  fail_unless (buffer != NULL);
  bytes = visible_bytes (h, buffer, size);
  gst_buffer_unref (buffer);
  return bytes;
}

static inline gboolean
pull_equal (GstHarness * a, GstHarness * b)
{
  gsize size_a, size_b;
  guint8 *bytes_a = pull_bytes (a, &size_a), *bytes_b = pull_bytes (b, &size_b);
  gboolean equal = size_a == size_b && memcmp (bytes_a, bytes_b, size_a) == 0;

  g_free (bytes_a);
  g_free (bytes_b);
  return equal;
}

static inline void
set_sample (GstBuffer * buffer, const gchar * label, guint64 sample)
{
  gst_structure_set (gst_custom_meta_get_structure (gst_buffer_add_custom_meta
          (buffer, "supcon-sample")), "sample", G_TYPE_UINT64, sample, "view",
      G_TYPE_UINT, 9, "label", G_TYPE_STRING, label, NULL);
}

static inline void
assert_sample (GstBuffer * buffer, const gchar * label, guint64 sample,
    guint view)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, "supcon-sample");
  GstStructure *s;
  guint64 has_sample;
  guint has_view;

  fail_unless (meta != NULL);
  s = gst_custom_meta_get_structure (meta);
  fail_unless (gst_structure_get_uint64 (s, "sample", &has_sample));
  fail_unless (gst_structure_get_uint (s, "view", &has_view));
  fail_unless_equals_uint64 (has_sample, sample);
  fail_unless_equals_int (has_view, view);
  fail_unless_equals_string (gst_structure_get_string (s, "label"), label);
}

static inline GstBuffer *
noise_frame (const GstVideoInfo *info, guint seed)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, info->size, NULL);
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = (guint8)((i + seed) * 2654435761u >> 24);
  gst_buffer_unmap (frame, &map);
  return frame;
}

static inline void
info_from_string (GstVideoInfo *info, const gchar *text)
{
  GstCaps *caps = gst_caps_from_string (text);

  fail_unless (gst_video_info_from_caps (info, caps));
  gst_caps_unref (caps);
}

static inline const GstStructure *
sample_of (GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, "supcon-sample");

  fail_unless (meta != NULL);
  return gst_custom_meta_get_structure (meta);
}

#endif
