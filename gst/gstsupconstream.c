/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconstream.h"

GstClockTime
gst_supcon_stream_time (const GstSegment * segment, GstBuffer * frame)
{
  if (segment->format != GST_FORMAT_TIME)
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_stream_time (segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (frame));
}

void
gst_supcon_sync_values (GstBaseTransform * trans, GstBuffer * frame)
{
  GstClockTime time = gst_supcon_stream_time (&trans->segment, frame);

  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_object_sync_values (GST_OBJECT (trans), time);
}

gboolean
gst_supcon_is_jump (GstBuffer * frame, GstClockTime before, GstClockTime time)
{
  if (!GST_BUFFER_IS_DISCONT (frame))
    return FALSE;
  return !GST_CLOCK_TIME_IS_VALID (before) || !GST_CLOCK_TIME_IS_VALID (time)
      || time < before || time - before > GST_SECOND;
}

GstCaps *
gst_supcon_filter_caps (GstCaps * caps, GstCaps * filter)
{
  GstCaps *left;

  if (!filter)
    return caps;
  left = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (caps);
  return left;
}

GstFlowReturn
gst_supcon_refused (GstPad * srcpad)
{
  return GST_PAD_IS_FLUSHING (srcpad) ? GST_FLOW_FLUSHING :
      GST_FLOW_NOT_NEGOTIATED;
}

gchar *
gst_supcon_upstream_uri (GstPad * sinkpad)
{
  GstQuery *query = gst_query_new_uri ();
  gchar *uri = NULL;

  if (gst_pad_peer_query (sinkpad, query))
    gst_query_parse_uri (query, &uri);
  gst_query_unref (query);
  return uri;
}

gboolean
gst_supcon_upstream_is_live (GstPad * sinkpad)
{
  GstQuery *query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (sinkpad, query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  gst_query_unref (query);
  return live;
}

guint
gst_supcon_upstream_count_sources (GstPad * sinkpad)
{
  GstPad *peer = gst_pad_get_peer (sinkpad);
  GstIterator *links = peer ? gst_pad_iterate_internal_links (peer) : NULL;
  GValue link = G_VALUE_INIT;
  gboolean inner = FALSE;
  guint count = 0;

  while (links && gst_iterator_next (links, &link) == GST_ITERATOR_OK) {
    inner = TRUE;
    count += gst_supcon_upstream_count_sources (g_value_get_object (&link));
    g_value_reset (&link);
  }
  if (G_IS_VALUE (&link))
    g_value_unset (&link);
  g_clear_pointer (&links, gst_iterator_free);
  if (peer && !inner)
    count = 1;
  gst_clear_object (&peer);
  return count;
}
