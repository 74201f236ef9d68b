/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supconaugment
 * @title: supconaugment
 *
 * Turns every frame into `views` random views of the size and format that downstream's caps ask for (the frame's own
 * where they leave it open). Each view keeps the frame's timestamp, duration and metas and carries a `supcon-sample`
 * meta with the frame's label, its sample number (the one it came with, else the number of the frame) and the number
 * of the view.
 *
 * Policies are written in a small language, in which `operations` takes one's own; docs/augmentation.md describes it.
 *
 * What a view gets depends on `seed`, the number of the frame in the stream and the number of the view: the same
 * picture looks different in another epoch, and a run with the same seed repeats itself.
 *
 * With `consistent=clip` the frames of a clip share a draw, with `temporal-window` the views after the first are of
 * frames shortly before in the same clip; streams that take turns, as through funnel, have each its own clips.
 * `record-draws` adds to the meta what a view can be made again from.
 *
 * `threads` makes views on several processors, the better the more views there are at once: `lookahead` lets frames
 * wait for that. Views are the same for any number of threads.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=10 ! supconaugment policy=simaugment views=2 ! video/x-raw,width=32,height=32
 * ! fakesink
 * ]|
 */

#include "gstsupconaugment.h"

#include <gst/base/gstqueuearray.h>

#include "gstsupconaugmentcaps.h"
#include "gstsupconaugmentsettings.h"
#include "gstsupconclips.h"
#include "gstsupconcounts.h"
#include "gstsupconformat.h"
#include "gstsupconmeta.h"
#include "gstsupconviews.h"

GST_DEBUG_CATEGORY_STATIC (gst_supcon_augment_debug);
#define GST_CAT_DEFAULT gst_supcon_augment_debug

struct _GstSupconAugment {
  GstBaseTransform parent;

  GstSupconAugmentSettings settings; /* under the object lock */

  /* The streaming thread's. */
  GstVideoInfo in_info, out_info; /* in_info is written under the object lock */
  GstBufferPool *pool;            /* the views' buffers, where downstream has none that does; their sample meta stays */
  guint window_asked;             /* upstream has been asked for buffers for such a temporal-window */
  GstSupconClips *clips;
  SupconProgram *program; /* what the properties were when the frame came */
  gchar *program_text;
  gboolean frame_known; /* frame counts on from the last one */
  guint64 frame;
  guint frame_views, frame_threads, frame_lookahead;
  gboolean frame_record;
  GstSupconViewDraw draw; /* of the view to be added next */
  GstSupconViews *views;  /* of this frame and those that wait for it, to be made */
  guint n_waiting;        /* frames whose views are not made */
  GstQueueArray *made;    /* GstBuffer of views, to be pushed when no frame waits */
};

#define gst_supcon_augment_parent_class parent_class
G_DEFINE_FINAL_TYPE (GstSupconAugment, gst_supcon_augment, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (supconaugment, "supconaugment", GST_RANK_NONE, GST_TYPE_SUPCON_AUGMENT);

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_SUPCON_PICTURE_FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_SUPCON_VIEW_FORMATS)));

static void
gst_supcon_augment_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (object);

  GST_OBJECT_LOCK (self);
  if (!gst_supcon_augment_settings_set (&self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_augment_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (object);

  GST_OBJECT_LOCK (self);
  if (!gst_supcon_augment_settings_get (&self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_augment_drop_views (GstSupconAugment *self)
{
  gst_supcon_views_cancel (self->views);
  self->n_waiting = 0;
  while (!gst_queue_array_is_empty (self->made))
    gst_buffer_unref (gst_queue_array_pop_head (self->made));
}

static void
gst_supcon_augment_make_views (GstSupconAugment *self)
{
  gst_supcon_views_make (self->views, self->frame_threads);
  self->n_waiting = 0;
}

/* Frames that wait for others do so no longer. */
static void
gst_supcon_augment_finish (GstSupconAugment *self)
{
  GstFlowReturn ret = GST_FLOW_OK;

  if (self->n_waiting == 0)
    return;
  gst_supcon_augment_make_views (self);
  while (ret == GST_FLOW_OK && !gst_queue_array_is_empty (self->made))
    ret = gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (self), gst_queue_array_pop_head (self->made));
  /* Upstream hears of a failure by its next frame. */
  gst_supcon_augment_drop_views (self);
}

/* Views that are not pushed are given up, and frames are counted anew. */
static void
gst_supcon_augment_flush (GstSupconAugment *self)
{
  gst_buffer_replace (&GST_BASE_TRANSFORM (self)->queued_buf, NULL);
  gst_supcon_augment_drop_views (self);
  gst_supcon_clips_flush (self->clips);
  self->frame_known = FALSE;
}

/* Makes the program anew when properties have changed. Where they make none the old one stays. */
static gboolean
gst_supcon_augment_update_program (GstSupconAugment *self, GError **error)
{
  SupconProgram *program;
  gchar *text;

  GST_OBJECT_LOCK (self);
  if (!self->settings.program_changed) {
    GST_OBJECT_UNLOCK (self);
    return TRUE;
  }
  self->settings.program_changed = FALSE;
  text = gst_supcon_augment_settings_get_program (&self->settings);
  GST_OBJECT_UNLOCK (self);

  GST_DEBUG_OBJECT (self, "operations: %s", text);
  program = supcon_program_parse (text, error);
  if (!program) {
    g_free (text);
    return FALSE;
  }
  gst_supcon_augment_finish (self);
  supcon_program_free (self->program);
  self->program = program;
  g_free (self->program_text);
  self->program_text = text;
  return TRUE;
}

static gboolean
gst_supcon_augment_start (GstBaseTransform *trans)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  gboolean drawn = FALSE;
  GError *error = NULL;

  if (!gst_supcon_augment_update_program (self, &error)) {
    GST_ELEMENT_ERROR (self, LIBRARY, SETTINGS, ("%s", error->message), (NULL));
    g_error_free (error);
    /* Another start finds the mistake again. */
    self->settings.program_changed = TRUE;
    return FALSE;
  }
  gst_supcon_augment_flush (self);
  gst_supcon_clips_reset (self->clips);
  self->window_asked = 0;
  GST_OBJECT_LOCK (self);
  if (self->settings.seed < 0) {
    self->settings.seed = (gint64)g_random_int () << 31 | g_random_int () >> 1;
    drawn = TRUE;
  }
  self->draw.seed = self->settings.seed;
  GST_OBJECT_UNLOCK (self);
  if (drawn)
    g_object_notify (G_OBJECT (self), "seed");
  return TRUE;
}

static gboolean
gst_supcon_augment_stop (GstBaseTransform *trans)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  gst_supcon_augment_flush (self);
  gst_supcon_clips_reset (self->clips);
  gst_clear_object (&self->pool);
  return TRUE;
}

static gboolean
gst_supcon_augment_set_caps (GstBaseTransform *trans, GstCaps *in, GstCaps *out)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  gboolean known;

  /* Downstream has heard of no other caps yet. */
  gst_supcon_augment_finish (self);
  GST_OBJECT_LOCK (self);
  known = gst_video_info_from_caps (&self->in_info, in) && gst_video_info_from_caps (&self->out_info, out);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    return FALSE;
  if (GST_VIDEO_INFO_IS_INTERLACED (&self->in_info)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("interlaced video (%s), expected progressive",
            gst_video_interlace_mode_to_string (GST_VIDEO_INFO_INTERLACE_MODE (&self->in_info))),
        ("put deinterlace before supconaugment"));
    return FALSE;
  }
  return TRUE;
}

static gboolean
gst_supcon_augment_transform_size (G_GNUC_UNUSED GstBaseTransform *trans, G_GNUC_UNUSED GstPadDirection direction,
    G_GNUC_UNUSED GstCaps *caps, G_GNUC_UNUSED gsize size, GstCaps *other_caps, gsize *other_size)
{
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, other_caps))
    return FALSE;
  *other_size = GST_VIDEO_INFO_SIZE (&info);
  return TRUE;
}

/* Frames are kept for temporal-window and wait for others, beside the one that is being filled and the one that views
 * are made of. */
static gboolean
gst_supcon_augment_propose_allocation (GstBaseTransform *trans, G_GNUC_UNUSED GstQuery *decide_query, GstQuery *query)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  GstVideoInfo info;
  GstCaps *caps;
  guint held;

  gst_query_parse_allocation (query, &caps, NULL);
  if (!caps || !gst_video_info_from_caps (&info, caps))
    return FALSE;
  GST_OBJECT_LOCK (self);
  held = self->settings.temporal_window + self->settings.lookahead;
  GST_OBJECT_UNLOCK (self);
  gst_query_add_allocation_pool (query, NULL, GST_VIDEO_INFO_SIZE (&info), held + 2, 0);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return TRUE;
}

static gboolean
gst_supcon_augment_decide_allocation (GstBaseTransform *trans, GstQuery *query)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  gst_clear_object (&self->pool);
  self->pool = gst_supcon_augment_choose_pool (query, GST_VIDEO_INFO_SIZE (&self->out_info));
  return GST_BASE_TRANSFORM_CLASS (parent_class)->decide_allocation (trans, query);
}

/* Metas about the frame as such go on; those about places, sizes or the memory of this one do not, and the sample's is
 * made anew. */
static gboolean
gst_supcon_augment_transform_meta (G_GNUC_UNUSED GstBaseTransform *trans, G_GNUC_UNUSED GstBuffer *outbuf,
    GstMeta *meta, G_GNUC_UNUSED GstBuffer *inbuf)
{
  const gchar *const *tags = gst_meta_api_type_get_tags (meta->info->api);

  if (meta->info->api == GST_VIDEO_CROP_META_API_TYPE || gst_supcon_meta_is_sample (meta))
    return FALSE;
  return !tags || !tags[0] || (!tags[1] && g_str_equal (tags[0], GST_META_TAG_VIDEO_STR));
}

static gboolean
gst_supcon_augment_copy_metadata (GstBaseTransform *trans, GstBuffer *inbuf, GstBuffer *outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->copy_metadata (trans, inbuf, outbuf))
    return FALSE;
  if (self->draw.view > 0)
    GST_BUFFER_FLAG_UNSET (outbuf, GST_BUFFER_FLAG_DISCONT);
  /* Offsets count frames, and there are more of them now. */
  if (GST_BUFFER_OFFSET_IS_VALID (inbuf)) {
    GST_BUFFER_OFFSET (outbuf) = GST_BUFFER_OFFSET (inbuf) * self->frame_views + self->draw.view;
    GST_BUFFER_OFFSET_END (outbuf) = GST_BUFFER_OFFSET (outbuf) + 1;
  }
  return TRUE;
}

static GstFlowReturn
gst_supcon_augment_submit_input_buffer (GstBaseTransform *trans, gboolean is_discont, GstBuffer *buffer)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  GstClockTime time = gst_segment_to_stream_time (&trans->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  GstFlowReturn ret;
  GstSupconConsistent consistent;
  GError *error = NULL;
  guint window, clip_length;
  guint64 clip;

  /* What downstream did not take of the frame before. */
  if (self->n_waiting == 0)
    gst_supcon_augment_drop_views (self);
  if (!self->frame_known) {
    self->frame = GST_BUFFER_OFFSET_IS_VALID (buffer) ? GST_BUFFER_OFFSET (buffer) : 0;
    self->frame_known = TRUE;
  } else {
    self->frame++;
  }

  ret = GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (trans, is_discont, buffer);
  if (ret != GST_FLOW_OK)
    return ret;

  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_object_sync_values (GST_OBJECT (self), time);
  if (!gst_supcon_augment_update_program (self, &error)) {
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS, ("%s", error->message), ("going on with the operations before"));
    g_error_free (error);
  }
  GST_OBJECT_LOCK (self);
  clip_length = self->settings.clip_length;
  window = self->settings.temporal_window;
  consistent = self->settings.consistent;
  self->frame_views = self->settings.views;
  self->frame_threads = self->settings.threads;
  self->frame_lookahead = self->settings.lookahead;
  self->frame_record = self->settings.record_draws;
  GST_OBJECT_UNLOCK (self);
  if (window > self->window_asked) {
    self->window_asked = window;
    gst_base_transform_reconfigure_sink (trans);
  }
  clip = gst_supcon_clips_add (self->clips, trans->queued_buf, &self->in_info, window, clip_length);
  self->draw.number = consistent == GST_SUPCON_CONSISTENT_CLIP ? clip : self->frame;
  self->draw.program = self->program;
  self->draw.view = 0;
  return GST_FLOW_OK;
}

/* The base class's way of one buffer for one frame, which transform() is a part of, as often as there are views; then
 * they are made together, with those of the frames that wait, and leave one by one. */
static GstFlowReturn
gst_supcon_augment_generate_output (GstBaseTransform *trans, GstBuffer **outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  *outbuf = NULL;
  while (trans->queued_buf) {
    GstBuffer *frame = self->draw.view + 1 < self->frame_views ? gst_buffer_ref (trans->queued_buf) : NULL;
    GstBuffer *view = NULL;
    GstFlowReturn ret = GST_BASE_TRANSFORM_CLASS (parent_class)->generate_output (trans, &view);

    trans->queued_buf = frame;
    if (view)
      gst_queue_array_push_tail (self->made, view);
    if (ret != GST_FLOW_OK) {
      gst_clear_buffer (&trans->queued_buf);
      gst_supcon_augment_drop_views (self);
      return ret;
    }
    self->draw.view++;
    if (!frame && ++self->n_waiting > self->frame_lookahead)
      gst_supcon_augment_make_views (self);
  }
  if (self->n_waiting == 0 && !gst_queue_array_is_empty (self->made))
    *outbuf = gst_queue_array_pop_head (self->made);
  return GST_FLOW_OK;
}

/* Adds a view to those that will be made. A view after the first is of one of the frames before this one in its clip
 * that have its label, so that the label stays true. */
static GstFlowReturn
gst_supcon_augment_transform (GstBaseTransform *trans, GstBuffer *inbuf, GstBuffer *outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  guint64 sample = self->frame;
  const gchar *label = NULL;
  GError *error = NULL;
  guint back = 0;

  if (self->draw.view > 0)
    back = supcon_draw_neighbour (
        self->draw.seed, self->frame, self->draw.view, gst_supcon_clips_count_neighbours (self->clips));
  gst_supcon_buffer_get_sample (inbuf, &label, &sample, NULL);
  gst_supcon_buffer_set_sample (outbuf, label, sample, self->draw.view);
  if (outbuf->pool && outbuf->pool == self->pool)
    gst_supcon_buffer_keep_sample (outbuf);
  if (!gst_supcon_views_add (self->views, back > 0 ? gst_supcon_clips_get (self->clips, back) : inbuf, &self->in_info,
          outbuf, &self->out_info, &self->draw, &error)) {
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return GST_FLOW_ERROR;
  }
  if (self->frame_record) {
    GstStructure *draws = gst_supcon_views_describe_last (self->views, self->program_text, back);

    gst_supcon_buffer_set_draws (outbuf, draws);
    gst_structure_free (draws);
  }
  return GST_FLOW_OK;
}

static gboolean
gst_supcon_augment_has_caps (GstBaseTransform *trans, GstEvent *event)
{
  GstCaps *current = gst_pad_get_current_caps (trans->sinkpad), *caps;
  gboolean same;

  gst_event_parse_caps (event, &caps);
  same = current && gst_caps_is_equal (current, caps);
  gst_clear_caps (&current);
  return same;
}

static gboolean
gst_supcon_augment_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  if (GST_EVENT_IS_SERIALIZED (event) && GST_EVENT_TYPE (event) != GST_EVENT_FLUSH_STOP)
    gst_supcon_augment_finish (self);
  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_FLUSH_STOP:
    gst_supcon_augment_flush (self);
    break;
  case GST_EVENT_STREAM_START:
    gst_supcon_clips_set_stream (self->clips, event);
    break;
  case GST_EVENT_CAPS:
    /* Streams that take turns say theirs each time, which must not make a pool of buffers anew. */
    if (gst_supcon_augment_has_caps (trans, event)) {
      gst_event_unref (event);
      return TRUE;
    }
    break;
  default:
    break;
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);
}

static guint
get_views (GstSupconAugment *self)
{
  guint views;

  GST_OBJECT_LOCK (self);
  views = self->settings.views;
  GST_OBJECT_UNLOCK (self);
  return views;
}

static gboolean
gst_supcon_augment_src_event (GstBaseTransform *trans, GstEvent *event)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK)
    event = gst_supcon_seek_to_frames (event, get_views (self));
  return GST_BASE_TRANSFORM_CLASS (parent_class)->src_event (trans, event);
}

/* Frames that wait are latency of a live stream. */
static void
gst_supcon_augment_add_latency (GstSupconAugment *self, GstQuery *query)
{
  GstClockTime min, max, more = 0;
  gboolean live;

  GST_OBJECT_LOCK (self);
  if (GST_VIDEO_INFO_FPS_N (&self->in_info) > 0)
    more = gst_util_uint64_scale (GST_SECOND * self->settings.lookahead, GST_VIDEO_INFO_FPS_D (&self->in_info),
        GST_VIDEO_INFO_FPS_N (&self->in_info));
  GST_OBJECT_UNLOCK (self);
  gst_query_parse_latency (query, &live, &min, &max);
  if (GST_CLOCK_TIME_IS_VALID (max))
    max += more;
  gst_query_set_latency (query, live, min + more, max);
}

static gboolean
gst_supcon_augment_query (GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  /* Upstream wants its buffers back. */
  if (direction == GST_PAD_SINK && GST_QUERY_IS_SERIALIZED (query))
    gst_supcon_augment_finish (self);
  if (direction == GST_PAD_SRC && gst_supcon_query_counts (query))
    return gst_supcon_query_views (trans->sinkpad, query, get_views (self));
  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->query (trans, direction, query))
    return FALSE;
  if (direction == GST_PAD_SRC && GST_QUERY_TYPE (query) == GST_QUERY_LATENCY)
    gst_supcon_augment_add_latency (self, query);
  return TRUE;
}

static void
gst_supcon_augment_finalize (GObject *object)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (object);

  gst_supcon_views_free (self->views);
  gst_queue_array_free (self->made);
  gst_supcon_clips_free (self->clips);
  supcon_program_free (self->program);
  g_free (self->program_text);
  gst_supcon_augment_settings_clear (&self->settings);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_supcon_augment_init (GstSupconAugment *self)
{
  gst_supcon_augment_settings_init (&self->settings);
  gst_video_info_init (&self->in_info);
  self->clips = gst_supcon_clips_new ();
  self->views = gst_supcon_views_new ();
  self->made = gst_queue_array_new (2);
}

static void
gst_supcon_augment_class_init (GstSupconAugmentClass *klass)
{
  GObjectClass *gobject_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_supcon_augment_debug, "supconaugment", 0, "random views of frames");

  gobject_class->set_property = gst_supcon_augment_set_property;
  gobject_class->get_property = gst_supcon_augment_get_property;
  gobject_class->finalize = gst_supcon_augment_finalize;
  trans_class->start = gst_supcon_augment_start;
  trans_class->stop = gst_supcon_augment_stop;
  trans_class->transform_caps = gst_supcon_augment_transform_caps;
  trans_class->fixate_caps = gst_supcon_augment_fixate_caps;
  trans_class->set_caps = gst_supcon_augment_set_caps;
  trans_class->transform_size = gst_supcon_augment_transform_size;
  trans_class->propose_allocation = gst_supcon_augment_propose_allocation;
  trans_class->decide_allocation = gst_supcon_augment_decide_allocation;
  trans_class->transform_meta = gst_supcon_augment_transform_meta;
  trans_class->copy_metadata = gst_supcon_augment_copy_metadata;
  trans_class->submit_input_buffer = gst_supcon_augment_submit_input_buffer;
  trans_class->generate_output = gst_supcon_augment_generate_output;
  trans_class->transform = gst_supcon_augment_transform;
  trans_class->sink_event = gst_supcon_augment_sink_event;
  trans_class->src_event = gst_supcon_augment_src_event;
  trans_class->query = gst_supcon_augment_query;

  gst_supcon_augment_settings_install (gobject_class, 1);

  gst_element_class_set_static_metadata (element_class, "SupCon augmenter", "Filter/Effect/Video",
      "Makes several random views of each frame, in the size that downstream "
      "asks for",
      "The gst-supcon authors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
}
