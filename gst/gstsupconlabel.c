/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supconlabel
 * @title: supconlabel
 *
 * Attaches a label to every frame, as a `supcon-sample` meta with the frame's sample number (the one it came with,
 * else the number of the frame with one that is made of the element's name above it). The label is the first of these
 * that there is for the frame:
 *
 * - the cue on the request pad `text` in whose time [start, end) the frame's running time falls (the newest, where
 *   cues overlap; one without duration lasts until the next begins). Frames wait until the text stream is known up to
 *   their time. Subtitle files arrive through subparse: `filesrc location=labels.srt ! subparse ! l.text`
 * - the frame's entry in the file at `labels-location`
 * - the property `label`
 *
 * A frame with none of them is unlabelled, whatever label it came with.
 *
 * Where a detector upstream attached #GstVideoRegionOfInterestMeta to the frame, each region can have a label of its own
 * (#GstSupconLabel:region-label): it is put into the region's parameter `supcon-sample` { label string }, where
 * supcontagger finds it. With #GstSupconLabel:regions each region leaves as a frame of its own in place of the whole one,
 * with the region's label, or else the frame's, and a sample number that counts regions: a trainer downstream learns
 * what the detector finds. It is the same memory with a #GstVideoCropMeta where downstream reads that, as supconaugment
 * and supconencoder do; else pixels are copied, and the caps change with the region's size. A frame without regions
 * leaves a gap.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=10 ! supconlabel label=bars ! fakesink
 * ]| Labels all frames.
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=10 ! supconlabel region-label=type regions=true ! supconaugment ! video/x-raw,width=32,height=32 ! fakesink
 * ]| Views of what a detector, in the place of the test source, finds, labelled with the class that it tells.
 */

#include "gstsupconlabel.h"

#include "data/frame_labels.h"
#include "gstsupconcues.h"
#include "gstsupconframenumber.h"
#include "gstsupconlabelsettings.h"
#include "gstsupconmeta.h"

GST_DEBUG_CATEGORY_STATIC (gst_supcon_label_debug);
#define GST_CAT_DEFAULT gst_supcon_label_debug

struct _GstSupconLabel
{
  GstElement parent;
  GstPad *sink, *src, *text;    /* text: under the object lock, or NULL */

  GstSupconLabelSettings settings;      /* under the object lock */
  GstSupconCues cues;

  gboolean cuts_regions;        /* from start to stop */
  guint64 first_sample;         /* number of the stream's first frame or region */

  /* The video's streaming thread's. */
  GstSupconFrameNumber frame;
  GPtrArray *file;              /* labels-location's labels or NULL; "" = none */

  GstSupconRegionFrames regions;
};

#define gst_supcon_label_parent_class parent_class
G_DEFINE_FINAL_TYPE (GstSupconLabel, gst_supcon_label, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE (supconlabel, "supconlabel", GST_RANK_NONE,
    GST_TYPE_SUPCON_LABEL);

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));
static GstStaticPadTemplate text_template = GST_STATIC_PAD_TEMPLATE ("text",
    GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("text/x-raw, format={ utf8, pango-markup }"));

static GstSupconSettingsClass *settings_class;

static gboolean
load_labels (GstSupconLabel * self)
{
  gchar *location;
  GError *error = NULL;

  g_clear_pointer (&self->file, g_ptr_array_unref);
  GST_OBJECT_LOCK (self);
  location = g_strdup (self->settings.labels_location);
  GST_OBJECT_UNLOCK (self);
  if (!location)
    return TRUE;
  self->file = supcon_frame_labels_read (location, &error);
  if (error) {
    g_prefix_error (&error, "labels-location: ");
    gst_supcon_post_error (GST_ELEMENT (self), error);
  }
  g_free (location);
  return self->file != NULL;
}

/* Gives each region the label that its detector says. */
static void
label_regions (GstBuffer * frame, GstSupconRegionLabel from)
{
  GstVideoRegionOfInterestMeta *region;
  gpointer state = NULL;

  if (from == GST_SUPCON_REGION_LABEL_FRAME)
    return;
  while ((region = gst_supcon_region_next (frame, &state)))
    gst_supcon_region_set_label (region, gst_supcon_region_find_label (region,
            from));
}

/* The frame's label by time or number, which the property does without; free with g_free. FALSE: it is flushed. */
static gboolean
find_label (GstSupconLabel * self, GstBuffer * buffer, gchar ** label)
{
  GstClockTime time = GST_CLOCK_TIME_NONE;
  guint64 number;

  if (self->frame.segment.format == GST_FORMAT_TIME)
    time = gst_segment_to_running_time (&self->frame.segment, GST_FORMAT_TIME,
        GST_BUFFER_PTS (buffer));
  if (!gst_supcon_cues_wait (&self->cues, time, label)) {
    g_free (*label);
    return FALSE;
  }
  number = gst_supcon_frame_number_next (&self->frame, buffer);
  if (!*label && self->file && number < self->file->len)
    *label = g_strdup (g_ptr_array_index (self->file, number));
  return TRUE;
}

static void
add_counts (GstSupconLabel * self, const GstSupconLabelCounts * counts)
{
  GstSupconLabelCounts *sums = &self->settings.counts;

  GST_OBJECT_LOCK (self);
  sums->labelled += counts->labelled;
  sums->unlabelled += counts->unlabelled;
  sums->skipped_regions += counts->skipped_regions;
  GST_OBJECT_UNLOCK (self);
}

/* frame: transfer full. */
static GstFlowReturn
push_whole (GstSupconLabel * self, GstBuffer * frame, const gchar * label)
{
  guint64 sample = self->first_sample + self->frame.number;
  guint view = 0;

  gst_supcon_buffer_get_sample (frame, NULL, &sample, &view);
  gst_supcon_buffer_set_sample (frame, label, sample, view);
  return gst_pad_push (self->src, frame);
}

static GstFlowReturn
gst_supcon_label_chain (G_GNUC_UNUSED GstPad * pad, GstObject * parent,
    GstBuffer * buffer)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (parent);
  GstSupconLabelCounts counts = { 0 };
  gchar *label = NULL;
  GstSupconRegionLabel region_label;
  GstFlowReturn flow;

  if (!find_label (self, buffer, &label)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_FLUSHING;
  }
  GST_OBJECT_LOCK (self);
  if (!label || !*label) {
    g_free (label);
    label = g_strdup (self->settings.label);
  }
  region_label = self->settings.region_label;
  GST_OBJECT_UNLOCK (self);

  buffer = gst_buffer_make_writable (buffer);
  label_regions (buffer, region_label);
  if (self->cuts_regions) {
    flow = gst_supcon_region_frames_push (&self->regions, buffer, label,
        self->first_sample, &counts);
  } else {
    counts.labelled = label != NULL;
    counts.unlabelled = !label;
    flow = push_whole (self, buffer, label);
  }
  add_counts (self, &counts);
  g_free (label);
  return flow;
}

static gboolean
gst_supcon_label_sink_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (parent);
  GstCaps *caps;

  gst_supcon_frame_number_event (&self->frame, event);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      gst_supcon_region_frames_set_caps (&self->regions, caps);
      break;
    case GST_EVENT_FLUSH_START:
      gst_supcon_cues_set_flushing (&self->cues, TRUE);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_supcon_cues_set_flushing (&self->cues, FALSE);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

static gboolean
is_flushing_seek (GstEvent * event)
{
  GstSeekFlags flags = GST_SEEK_FLAG_NONE;

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK)
    gst_event_parse_seek (event, NULL, NULL, &flags, NULL, NULL, NULL, NULL);
  return (flags & GST_SEEK_FLAG_FLUSH) != 0;
}

/* The same seek, which upstream has not heard of yet. */
static GstEvent *
seek_copy (GstEvent * event)
{
  GstSeekType start_type, stop_type;
  GstSeekFlags flags;
  GstFormat format;
  gint64 start, stop;
  gdouble rate;

  gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
      &stop_type, &stop);
  return gst_event_new_seek (rate, format, flags, start_type, start, stop_type,
      stop);
}

static gboolean
gst_supcon_label_src_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (parent);
  gboolean flush, ret;
  GstPad *text = NULL;

  /* That pictures are late, or other caps are wanted of them, is nothing to the text. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK
      || GST_EVENT_TYPE (event) == GST_EVENT_LATENCY) {
    GST_OBJECT_LOCK (self);
    text = self->text ? gst_object_ref (self->text) : NULL;
    GST_OBJECT_UNLOCK (self);
  }
  if (!text)
    return gst_pad_event_default (pad, parent, event);

  /* Text goes first, so that its cues are not those of before the seek when frames come again. Until the video has
   * answered, a frame from before waits: it would use up the new cues. */
  flush = is_flushing_seek (event);
  if (flush) {
    gst_supcon_cues_set_seeking (&self->cues, TRUE);
    /* GStreamer 1.22's subparse plays on while it takes a seek in, and may do so from where the seek before went to. The
     * second time both are the same. */
    gst_pad_push_event (text, seek_copy (event));
  }
  gst_pad_push_event (text, gst_event_ref (event));
  ret = gst_pad_event_default (pad, parent, event);
  if (flush)
    gst_supcon_cues_set_seeking (&self->cues, FALSE);
  gst_object_unref (text);
  return ret;
}

/* Queries and events pass between the video's pads; the text's is a dead end. */
static GstIterator *
gst_supcon_label_internal_links (GstPad * pad, GstObject * parent)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (parent);
  GValue other = G_VALUE_INIT;
  GstIterator *iterator;

  if (pad != self->sink && pad != self->src)
    return NULL;
  g_value_init (&other, GST_TYPE_PAD);
  g_value_set_object (&other, pad == self->sink ? self->src : self->sink);
  iterator = gst_iterator_new_single (GST_TYPE_PAD, &other);
  g_value_unset (&other);
  return iterator;
}

/* A data set upstream does not know which labels it gets here. */
static gboolean
gst_supcon_label_src_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  gboolean answered = gst_pad_query_default (pad, parent, query);

  if (answered && GST_QUERY_TYPE (query) == GST_QUERY_CUSTOM
      && gst_structure_has_name (gst_query_get_structure (query),
          GST_SUPCON_QUERY_DATASET))
    gst_structure_remove_fields (gst_query_writable_structure (query),
        "labels", "labelled", NULL);
  return answered;
}

static GstPad *
gst_supcon_label_request_new_pad (GstElement * element,
    GstPadTemplate * template, G_GNUC_UNUSED const gchar * name,
    G_GNUC_UNUSED const GstCaps * caps)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (element);
  GstPad *pad = gst_supcon_cues_pad_new (&self->cues, template);
  gboolean taken;

  gst_pad_set_iterate_internal_links_function (pad,
      gst_supcon_label_internal_links);
  GST_OBJECT_LOCK (self);
  taken = self->text != NULL;
  if (!taken)
    self->text = gst_object_ref_sink (pad);
  GST_OBJECT_UNLOCK (self);
  if (taken) {
    gst_object_unref (pad);
    return NULL;
  }
  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  return pad;
}

static void
gst_supcon_label_release_pad (GstElement * element, GstPad * pad)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (element);
  GstPad *text;

  GST_OBJECT_LOCK (self);
  text = g_steal_pointer (&self->text);
  GST_OBJECT_UNLOCK (self);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  gst_clear_object (&text);
}

static GstStateChangeReturn
gst_supcon_label_change_state (GstElement * element,
    GstStateChange transition)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (element);

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (!load_labels (self))
      return GST_STATE_CHANGE_FAILURE;
    gst_supcon_frame_number_start (&self->frame);
    /* Frames of several elements may meet in a funnel, where one number would make them views of one picture. */
    self->first_sample = (guint64) g_str_hash (GST_OBJECT_NAME (self)) << 32;
    gst_supcon_region_frames_start (&self->regions);
    GST_OBJECT_LOCK (self);
    self->cuts_regions = self->settings.regions;
    self->settings.counts = (GstSupconLabelCounts) { 0 };
    GST_OBJECT_UNLOCK (self);
    gst_supcon_cues_start (&self->cues);
  } else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    /* A frame that waits would keep its pad from stopping. */
    gst_supcon_cues_set_flushing (&self->cues, TRUE);
  }
  return GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
}

static void
gst_supcon_label_finalize (GObject * object)
{
  GstSupconLabel *self = GST_SUPCON_LABEL (object);

  gst_supcon_settings_clear (settings_class, &self->settings);
  gst_supcon_cues_clear (&self->cues);
  gst_supcon_region_frames_clear (&self->regions);
  g_clear_pointer (&self->file, g_ptr_array_unref);
  gst_clear_object (&self->text);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_supcon_label_init (GstSupconLabel * self)
{
  GstElement *element = GST_ELEMENT (self);

  gst_supcon_settings_init (settings_class, &self->settings);
  gst_supcon_cues_init (&self->cues);

  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, gst_supcon_label_chain);
  gst_pad_set_event_function (self->sink, gst_supcon_label_sink_event);
  gst_pad_set_iterate_internal_links_function (self->sink,
      gst_supcon_label_internal_links);
  GST_PAD_SET_PROXY_CAPS (self->sink);
  GST_PAD_SET_PROXY_ALLOCATION (self->sink);
  gst_element_add_pad (element, self->sink);

  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->src, gst_supcon_label_src_event);
  gst_pad_set_query_function (self->src, gst_supcon_label_src_query);
  gst_pad_set_iterate_internal_links_function (self->src,
      gst_supcon_label_internal_links);
  GST_PAD_SET_PROXY_CAPS (self->src);
  gst_element_add_pad (element, self->src);
  gst_supcon_region_frames_init (&self->regions, element, self->src);
}

static void
gst_supcon_label_class_init (GstSupconLabelClass * klass)
{
  GObjectClass *gobject_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_supcon_label_debug, "supconlabel", 0,
      "labels for frames");

  gobject_class->finalize = gst_supcon_label_finalize;
  element_class->request_new_pad = gst_supcon_label_request_new_pad;
  element_class->release_pad = gst_supcon_label_release_pad;
  element_class->change_state = gst_supcon_label_change_state;
  settings_class = gst_supcon_label_settings_install (gobject_class,
      G_STRUCT_OFFSET (GstSupconLabel, settings));

  gst_element_class_set_static_metadata (element_class, "SupCon labeller",
      "Filter/Metadata/Video",
      "Attaches labels to frames and their regions: one for all, by time from a "
      "text stream, by frame number from a file, or by what a detector says",
      "The gst-supcon authors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &text_template);
}
