/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconcounts.h"

static gboolean
counts_frames (GstFormat format)
{
  return format == GST_FORMAT_DEFAULT || format == GST_FORMAT_BUFFERS;
}

GstEvent *
gst_supcon_seek_to_frames (GstEvent * event, guint views)
{
  GstSeekType start_type, stop_type;
  gint64 start, stop;
  GstSeekFlags flags;
  GstFormat format;
  GstEvent *scaled;
  gdouble rate;

  gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
      &stop_type, &stop);
  if (!counts_frames (format))
    return event;
  scaled = gst_event_new_seek (rate, format, flags, start_type,
      start < 0 ? start : start / views, stop_type,
      stop < 0 ? stop : stop / views);
  gst_event_set_seqnum (scaled, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return scaled;
}

gboolean
gst_supcon_query_counts (GstQuery * query)
{
  GstFormat format;

  if (GST_QUERY_TYPE (query) == GST_QUERY_DURATION)
    gst_query_parse_duration (query, &format, NULL);
  else if (GST_QUERY_TYPE (query) == GST_QUERY_POSITION)
    gst_query_parse_position (query, &format, NULL);
  else
    return FALSE;
  return counts_frames (format);
}

gboolean
gst_supcon_query_views (GstPad * sinkpad, GstQuery * query, guint views)
{
  gboolean duration = GST_QUERY_TYPE (query) == GST_QUERY_DURATION;
  GstFormat format;
  gint64 value;

  if (!gst_pad_peer_query (sinkpad, query))
    return FALSE;
  if (duration)
    gst_query_parse_duration (query, &format, &value);
  else
    gst_query_parse_position (query, &format, &value);
  if (value > 0)
    value *= views;
  if (duration)
    gst_query_set_duration (query, format, value);
  else
    gst_query_set_position (query, format, value);
  return TRUE;
}
