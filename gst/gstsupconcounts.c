/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconcounts.h"

static gboolean
counts_frames (GstFormat format)
{
  return format == GST_FORMAT_DEFAULT || format == GST_FORMAT_BUFFERS;
}

/* A place in views, from the end those before it, as one in frames, rounded up or down. */
static gint64
to_frames (GstSeekType type, gint64 value, gint64 views, gboolean up)
{
  if (type == GST_SEEK_TYPE_NONE || (type == GST_SEEK_TYPE_SET && value < 0))
    return value;
  return value / views + (up ? value % views > 0 : -(value % views < 0));
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
  /* A frame whose first view comes before the stop is played. */
  scaled = gst_event_new_seek (rate, format, flags, start_type,
      to_frames (start_type, start, views, FALSE), stop_type,
      to_frames (stop_type, stop, views, TRUE));
  gst_event_set_seqnum (scaled, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return scaled;
}

gboolean
gst_supcon_query_counts (GstQuery * query)
{
  GstFormat format, other;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_DURATION:
      gst_query_parse_duration (query, &format, NULL);
      return counts_frames (format);
    case GST_QUERY_POSITION:
      gst_query_parse_position (query, &format, NULL);
      return counts_frames (format);
    case GST_QUERY_CONVERT:
      gst_query_parse_convert (query, &format, NULL, &other, NULL);
      return counts_frames (format) != counts_frames (other);
    default:
      return FALSE;
  }
}

static gboolean
convert (GstPad * sinkpad, GstQuery * query, guint views)
{
  GstFormat from, to;
  gint64 value, result;
  gboolean answered;
  GstQuery *ours;

  gst_query_parse_convert (query, &from, &value, &to, NULL);
  ours = gst_query_new_convert (from,
      counts_frames (from) && value > 0 ? value / views : value, to);
  answered = gst_pad_peer_query (sinkpad, ours);
  gst_query_parse_convert (ours, NULL, NULL, NULL, &result);
  gst_query_unref (ours);
  if (answered)
    gst_query_set_convert (query, from, value, to,
        counts_frames (to) && result > 0 ? result * views : result);
  return answered;
}

gboolean
gst_supcon_query_views (GstPad * sinkpad, GstQuery * query, guint views)
{
  gboolean duration = GST_QUERY_TYPE (query) == GST_QUERY_DURATION;
  GstFormat format;
  gint64 value;

  if (GST_QUERY_TYPE (query) == GST_QUERY_CONVERT)
    return convert (sinkpad, query, views);
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
