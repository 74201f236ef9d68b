/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supconaugment
 * @title: supconaugment
 *
 * Turns every frame into `views` random views of the size and format that downstream's caps ask for (the frame's own
 * where they leave it open; 32,767 pixels to a side at most). Each view keeps the frame's timestamp, duration and metas
 * and carries a `supcon-sample` meta with the frame's label, its sample number (the one it came with, else the number of
 * the frame) and the number of the view.
 *
 * Policies are written in a small language, in which `operations` takes one's own; docs/augmentation.md describes it.
 *
 * What a view gets depends on `seed`, the number of the frame in the stream and the number of the view: the same
 * picture looks different in another epoch, and a run with the same seed repeats itself. A flushing seek begins to
 * count anew, by the offset of the frame that comes next: one to the start makes the same views again.
 *
 * Offsets number views as if all frames had as many as this one, so that a seek in frames finds them; where `views`
 * changes while playing they jump, backwards where it becomes less.
 *
 * With `consistent=clip` the frames of a clip share a draw, with `temporal-window` the views after the first are of
 * frames shortly before in the same clip; streams that take turns, as through funnel, have each its own clips.
 * `record-draws` adds to the meta what a view can be made again from.
 *
 * `threads` makes views on several processors, the better the more views there are at once: `lookahead` lets frames wait
 * for that. Views are the same for any number of threads.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=10 ! supconaugment policy=simaugment views=2 ! video/x-raw,width=32,height=32 ! fakesink
 * ]|
 */

#include "gstsupconaugment.h"

#include "gstsupconaugmentcaps.h"
#include "gstsupconaugmentframes.h"
#include "gstsupconcounts.h"
#include "gstsupconformat.h"
#include "gstsupconmeta.h"

GST_DEBUG_CATEGORY (gst_supcon_augment_debug);
#define GST_CAT_DEFAULT gst_supcon_augment_debug

#define gst_supcon_augment_parent_class parent_class
G_DEFINE_FINAL_TYPE (GstSupconAugment, gst_supcon_augment,
    GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (supconaugment, "supconaugment", GST_RANK_NONE,
    GST_TYPE_SUPCON_AUGMENT);

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_SUPCON_PICTURE_FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_SUPCON_VIEW_CAPS));

static void
gst_supcon_augment_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (object);

  gst_supcon_settings_set_property (object, id, value, pspec);
  GST_OBJECT_LOCK (self);
  gst_supcon_augment_settings_note (&self->settings, id);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
gst_supcon_augment_start (GstBaseTransform * trans)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  GError *error = NULL;
  gboolean drawn;

  if (!gst_supcon_augment_update_program (self, &error)) {
    gst_supcon_post_error (GST_ELEMENT (self), error);
    /* Another start finds the mistake again. */
    GST_OBJECT_LOCK (self);
    self->settings.program_changed = TRUE;
    GST_OBJECT_UNLOCK (self);
    return FALSE;
  }
  gst_supcon_latency_reset (&self->latency);
  self->window_asked = 0;
  GST_OBJECT_LOCK (self);
  drawn = gst_supcon_augment_settings_draw_seed (&self->settings);
  self->draw.seed = self->settings.seed;
  GST_OBJECT_UNLOCK (self);
  if (drawn) {
    GST_INFO_OBJECT (self, "drew seed %" G_GUINT64_FORMAT, self->draw.seed);
    g_object_notify (G_OBJECT (self), "seed");
  }
  return TRUE;
}

static gboolean
gst_supcon_augment_stop (GstBaseTransform * trans)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  gst_supcon_augment_flush (self);
  gst_supcon_clips_reset (self->clips);
  gst_clear_object (&self->pool);
  GST_OBJECT_LOCK (self);
  gst_video_info_init (&self->in_info);
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static gboolean
gst_supcon_augment_set_caps (GstBaseTransform * trans, GstCaps * in,
    GstCaps * out)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  gboolean known, said;

  /* Downstream has heard of no other caps yet. */
  gst_supcon_augment_finish (self);
  GST_OBJECT_LOCK (self);
  /* Upstream sends caps that were refused again with its next frame. */
  said = GST_VIDEO_INFO_IS_INTERLACED (&self->in_info);
  known = gst_video_info_from_caps (&self->in_info, in)
      && gst_video_info_from_caps (&self->out_info, out);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    return FALSE;
  if (GST_VIDEO_INFO_IS_INTERLACED (&self->in_info) && !said)
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("interlaced video (%s), expected progressive",
            gst_video_interlace_mode_to_string (GST_VIDEO_INFO_INTERLACE_MODE
                (&self->in_info))), ("put deinterlace before supconaugment"));
  gst_supcon_augment_set_latency (self);
  return !GST_VIDEO_INFO_IS_INTERLACED (&self->in_info);
}

static gboolean
gst_supcon_augment_transform_size (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstPadDirection direction, G_GNUC_UNUSED GstCaps * caps,
    G_GNUC_UNUSED gsize size, GstCaps * other_caps, gsize * other_size)
{
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, other_caps))
    return FALSE;
  *other_size = GST_VIDEO_INFO_SIZE (&info);
  return TRUE;
}

/* Frames are kept for temporal-window and wait for others, beside the one that is being filled and the one that views are made of. */
static gboolean
gst_supcon_augment_propose_allocation (GstBaseTransform * trans,
    G_GNUC_UNUSED GstQuery * decide_query, GstQuery * query)
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
  gst_query_add_allocation_pool (query, NULL, GST_VIDEO_INFO_SIZE (&info),
      held + 2, 0);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return TRUE;
}

static gboolean
gst_supcon_augment_decide_allocation (GstBaseTransform * trans,
    GstQuery * query)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  gst_clear_object (&self->pool);
  self->pool = gst_supcon_augment_choose_pool (query,
      GST_VIDEO_INFO_SIZE (&self->out_info));
  return GST_BASE_TRANSFORM_CLASS (parent_class)->decide_allocation (trans,
      query);
}

static gboolean
gst_supcon_augment_has_caps (GstBaseTransform * trans, GstEvent * event)
{
  GstCaps *current = gst_pad_get_current_caps (trans->sinkpad), *caps;
  gboolean same;

  gst_event_parse_caps (event, &caps);
  same = current && gst_caps_is_equal (current, caps);
  gst_clear_caps (&current);
  return same;
}

static gboolean
gst_supcon_augment_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  if (GST_EVENT_IS_SERIALIZED (event)
      && GST_EVENT_TYPE (event) != GST_EVENT_FLUSH_STOP)
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
get_views (GstSupconAugment * self)
{
  guint views;

  GST_OBJECT_LOCK (self);
  views = self->settings.views;
  GST_OBJECT_UNLOCK (self);
  return views;
}

static gboolean
gst_supcon_augment_src_event (GstBaseTransform * trans, GstEvent * event)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK)
    event = gst_supcon_seek_to_frames (event, get_views (self));
  return GST_BASE_TRANSFORM_CLASS (parent_class)->src_event (trans, event);
}

static gboolean
gst_supcon_augment_query (GstBaseTransform * trans, GstPadDirection direction,
    GstQuery * query)
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
    gst_supcon_latency_answer (&self->latency, query);
  return TRUE;
}

static void
gst_supcon_augment_finalize (GObject * object)
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
gst_supcon_augment_init (GstSupconAugment * self)
{
  gst_supcon_augment_settings_init (&self->settings);
  gst_video_info_init (&self->in_info);
  gst_supcon_latency_init (&self->latency, GST_ELEMENT (self));
  self->clips = gst_supcon_clips_new ();
  self->views = gst_supcon_views_new ();
  self->made = gst_queue_array_new (2);
}

static void
gst_supcon_augment_class_init (GstSupconAugmentClass * klass)
{
  GObjectClass *gobject_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_supcon_augment_debug, "supconaugment", 0,
      "random views of frames");

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

  gst_supcon_augment_settings_install (gobject_class, 1,
      G_STRUCT_OFFSET (GstSupconAugment, settings));
  gobject_class->set_property = gst_supcon_augment_set_property;

  gst_element_class_set_static_metadata (element_class,
      "SupCon augmenter", "Filter/Effect/Video",
      "Makes several random views of each frame, in the size that downstream "
      "asks for", "The gst-supcon authors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
}
