/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconregionframes.h"

#include "gstsupconmeta.h"
#include "gstsupconstream.h"

void
gst_supcon_region_frames_init (GstSupconRegionFrames * self,
    GstElement * element, GstPad * src)
{
  *self = (GstSupconRegionFrames) {.element = element,.src = src };
}

void
gst_supcon_region_frames_clear (GstSupconRegionFrames * self)
{
  gst_supcon_cutter_clear (&self->cutter);
  gst_clear_caps (&self->caps);
}

void
gst_supcon_region_frames_start (GstSupconRegionFrames * self)
{
  self->caps_known = FALSE;
  self->region = 0;
}

void
gst_supcon_region_frames_set_caps (GstSupconRegionFrames * self, GstCaps * caps)
{
  gst_caps_replace (&self->caps, caps);
  self->caps_known = FALSE;
}

/* Whether downstream reads crop metas; where it does not answer, it reads none. */
static gboolean
reads_crops (GstSupconRegionFrames * self)
{
  GstQuery *query = gst_query_new_allocation (self->caps, FALSE);
  gboolean reads = gst_pad_peer_query (self->src, query)
      && gst_query_find_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE,
      NULL);

  gst_query_unref (query);
  return reads;
}

static gboolean
negotiate (GstSupconRegionFrames * self)
{
  if (gst_pad_check_reconfigure (self->src) || !self->caps_known) {
    self->caps_known = self->caps
        && gst_supcon_cutter_set_caps (&self->cutter, self->caps,
        !reads_crops (self));
    self->width = self->height = 0;
  }
  return self->caps_known;
}

/* Tells downstream the size of what leaves: of the part, where it is copied, else of the whole frame. */
static gboolean
push_size (GstSupconRegionFrames * self, const GstVideoRectangle * part)
{
  gint width = self->cutter.copies ? part->w : self->cutter.info.width;
  gint height = self->cutter.copies ? part->h : self->cutter.info.height;
  GstCaps *caps;
  gboolean ok;

  if (width == self->width && height == self->height)
    return TRUE;
  self->width = width;
  self->height = height;
  caps = gst_caps_copy (self->caps);
  gst_caps_set_simple (caps, "width", G_TYPE_INT, width, "height", G_TYPE_INT,
      height, NULL);
  ok = gst_pad_push_event (self->src, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  return ok;
}

static GstFlowReturn
push_region (GstSupconRegionFrames * self, GstBuffer * frame,
    const GstVideoRectangle * part, const gchar * label, guint64 first_sample,
    gboolean first)
{
  GstBuffer *cut = gst_supcon_cutter_cut (&self->cutter, frame, part);

  if (!cut) {
    GST_ELEMENT_ERROR (self->element, STREAM, FORMAT,
        ("Regions cannot be cut from frames of %s; expected frames in memory "
            "that are as large as their caps say and not in tiles.",
            self->cutter.info.finfo->name), (NULL));
    return GST_FLOW_ERROR;
  }
  if (!push_size (self, part)) {
    gst_buffer_unref (cut);
    return gst_supcon_refused (self->src);
  }
  if (!first)
    GST_BUFFER_FLAG_UNSET (cut, GST_BUFFER_FLAG_DISCONT);
  gst_supcon_buffer_set_sample (cut, label, first_sample + self->region++, 0);
  return gst_pad_push (self->src, cut);
}

GstFlowReturn
gst_supcon_region_frames_push (GstSupconRegionFrames * self, GstBuffer * frame,
    const gchar * label, guint64 first_sample, GstSupconLabelCounts * counts)
{
  GstFlowReturn flow = negotiate (self) ? GST_FLOW_OK : GST_FLOW_NOT_NEGOTIATED;
  GstVideoRegionOfInterestMeta *region;
  gpointer state = NULL;
  gboolean first = TRUE;

  while (flow == GST_FLOW_OK && (region = gst_supcon_region_next (frame,
              &state))) {
    const gchar *own = gst_supcon_region_get_label (region);
    GstVideoRectangle part;

    if (!own)
      own = label;
    if (!gst_supcon_region_rectangle (region, self->cutter.info.width,
            self->cutter.info.height, &part)) {
      counts->skipped_regions++;
      continue;
    }
    if (own)
      counts->labelled++;
    else
      counts->unlabelled++;
    flow = push_region (self, frame, &part, own, first_sample, first);
    first = FALSE;
  }
  if (first && flow == GST_FLOW_OK && GST_BUFFER_PTS_IS_VALID (frame))
    gst_pad_push_event (self->src, gst_event_new_gap (GST_BUFFER_PTS (frame),
            GST_BUFFER_DURATION (frame)));
  gst_buffer_unref (frame);
  return flow;
}
