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
 * With `temporal-window` the views after the first are of frames shortly before; `record-draws` adds to the meta what a
 * view can be made again from.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=10 ! supconaugment policy=simaugment views=2 ! video/x-raw,width=32,height=32 ! fakesink
 * ]|
 */

#include "gstsupconaugment.h"

#include "augment/augmenter.h"
#include "gstsupconaugmentcaps.h"
#include "gstsupconaugmentsettings.h"
#include "gstsupconformat.h"
#include "gstsupconmeta.h"

GST_DEBUG_CATEGORY_STATIC (gst_supcon_augment_debug);
#define GST_CAT_DEFAULT gst_supcon_augment_debug

struct _GstSupconAugment
{
  GstBaseTransform parent;

  GstSupconAugmentSettings settings;    /* under the object lock */

  /* The streaming thread's. */
  SupconAugmenter *augmenter;
  GstVideoInfo in_info, out_info;
  gboolean frame_known;         /* frame counts on from the last one */
  guint64 frame;
  guint64 clip;                 /* clips before this one */
  guint clip_frames;            /* of this one */
  guint64 draw;                 /* the number that the frame's views draw by */
  SupconProgram *program;       /* what the properties were when the frame came */
  gchar *program_text;
  gboolean frame_record;
  GQueue frames;                /* of the clip: this one, then those before it, with temporal-window */
  guint frame_views;
  guint64 frame_seed;
  guint view;                   /* the view to make next */
};

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
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_SUPCON_VIEW_FORMATS)));

static void
gst_supcon_augment_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (object);

  GST_OBJECT_LOCK (self);
  if (!gst_supcon_augment_settings_set (&self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_augment_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (object);

  GST_OBJECT_LOCK (self);
  if (!gst_supcon_augment_settings_get (&self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

/* Makes the program anew when properties have changed. Where they make none the old one stays. */
static gboolean
gst_supcon_augment_update_program (GstSupconAugment * self, GError ** error)
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
  supcon_program_free (self->program);
  self->program = program;
  g_free (self->program_text);
  self->program_text = text;
  return TRUE;
}

static void
gst_supcon_augment_keep_frames (GstSupconAugment * self, guint n)
{
  while (g_queue_get_length (&self->frames) > n)
    gst_buffer_unref (g_queue_pop_tail (&self->frames));
}

/* The frame whose views are not all made is given up, and frames are counted anew. */
static void
gst_supcon_augment_reset (GstSupconAugment * self)
{
  gst_buffer_replace (&GST_BASE_TRANSFORM (self)->queued_buf, NULL);
  gst_supcon_augment_keep_frames (self, 0);
  self->frame_known = FALSE;
}

static gboolean
gst_supcon_augment_start (GstBaseTransform * trans)
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
  gst_supcon_augment_reset (self);
  self->clip = 0;
  self->clip_frames = 0;
  GST_OBJECT_LOCK (self);
  if (self->settings.seed < 0) {
    self->settings.seed = (gint64) g_random_int () << 31 | g_random_int () >> 1;
    drawn = TRUE;
  }
  self->frame_seed = self->settings.seed;
  GST_OBJECT_UNLOCK (self);
  if (drawn)
    g_object_notify (G_OBJECT (self), "seed");
  return TRUE;
}

static gboolean
gst_supcon_augment_stop (GstBaseTransform * trans)
{
  gst_supcon_augment_reset (GST_SUPCON_AUGMENT (trans));
  return TRUE;
}

static gboolean
gst_supcon_augment_set_caps (GstBaseTransform * trans, GstCaps * in,
    GstCaps * out)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  /* Frames of other caps are no neighbours. */
  gst_supcon_augment_keep_frames (self, 0);
  if (!gst_video_info_from_caps (&self->in_info, in)
      || !gst_video_info_from_caps (&self->out_info, out))
    return FALSE;
  if (GST_VIDEO_INFO_IS_INTERLACED (&self->in_info)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("interlaced video (%s), expected progressive",
            gst_video_interlace_mode_to_string (GST_VIDEO_INFO_INTERLACE_MODE
                (&self->in_info))), ("put deinterlace before supconaugment"));
    return FALSE;
  }
  return TRUE;
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

static gboolean
gst_supcon_augment_propose_allocation (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstQuery * decide_query, GstQuery * query)
{
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return TRUE;
}

/* A pool that downstream offers may pad rows as downstream likes, if downstream reads the meta that says so. */
static gboolean
gst_supcon_augment_decide_allocation (GstBaseTransform * trans,
    GstQuery * query)
{
  GstBufferPool *pool = NULL;

  if (gst_query_get_n_allocation_pools (query) > 0)
    gst_query_parse_nth_allocation_pool (query, 0, &pool, NULL, NULL, NULL);
  if (pool) {
    if (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL)
        && gst_buffer_pool_has_option (pool,
            GST_BUFFER_POOL_OPTION_VIDEO_META)) {
      GstStructure *config = gst_buffer_pool_get_config (pool);

      gst_buffer_pool_config_add_option (config,
          GST_BUFFER_POOL_OPTION_VIDEO_META);
      gst_buffer_pool_set_config (pool, config);
    }
    gst_object_unref (pool);
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->decide_allocation (trans,
      query);
}

/* Metas about the frame as such go on; those about places, sizes or the memory of this one do not. */
static gboolean
gst_supcon_augment_transform_meta (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstBuffer * outbuf, GstMeta * meta,
    G_GNUC_UNUSED GstBuffer * inbuf)
{
  const gchar *const *tags = gst_meta_api_type_get_tags (meta->info->api);

  if (meta->info->api == GST_VIDEO_CROP_META_API_TYPE)
    return FALSE;
  return !tags || !tags[0] || (!tags[1]
      && g_str_equal (tags[0], GST_META_TAG_VIDEO_STR));
}

static gboolean
gst_supcon_augment_copy_metadata (GstBaseTransform * trans, GstBuffer * inbuf,
    GstBuffer * outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->copy_metadata (trans, inbuf,
          outbuf))
    return FALSE;
  if (self->view > 0)
    GST_BUFFER_FLAG_UNSET (outbuf, GST_BUFFER_FLAG_DISCONT);
  /* Offsets count frames, and there are more of them now. */
  if (GST_BUFFER_OFFSET_IS_VALID (inbuf)) {
    GST_BUFFER_OFFSET (outbuf) =
        GST_BUFFER_OFFSET (inbuf) * self->frame_views + self->view;
    GST_BUFFER_OFFSET_END (outbuf) = GST_BUFFER_OFFSET (outbuf) + 1;
  }
  return TRUE;
}

static void
gst_supcon_augment_end_clip (GstSupconAugment * self)
{
  if (self->clip_frames > 0)
    self->clip++;
  self->clip_frames = 0;
  gst_supcon_augment_keep_frames (self, 0);
}

static GstFlowReturn
gst_supcon_augment_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * buffer)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  GstClockTime time = gst_segment_to_stream_time (&trans->segment,
      GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  GstFlowReturn ret;
  GError *error = NULL;
  guint window;

  if (!self->frame_known) {
    self->frame =
        GST_BUFFER_OFFSET_IS_VALID (buffer) ? GST_BUFFER_OFFSET (buffer) : 0;
    self->frame_known = TRUE;
  } else {
    self->frame++;
  }

  ret = GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (trans,
      is_discont, buffer);
  if (ret != GST_FLOW_OK)
    return ret;

  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_object_sync_values (GST_OBJECT (self), time);
  if (!gst_supcon_augment_update_program (self, &error)) {
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS, ("%s", error->message),
        ("going on with the operations before"));
    g_error_free (error);
  }
  GST_OBJECT_LOCK (self);
  self->frame_views = self->settings.views;
  if (self->settings.clip_length > 0
      && self->clip_frames >= self->settings.clip_length)
    gst_supcon_augment_end_clip (self);
  self->clip_frames++;
  self->draw = self->settings.consistent == GST_SUPCON_CONSISTENT_CLIP ?
      self->clip : self->frame;
  self->frame_record = self->settings.record_draws;
  window = self->settings.temporal_window;
  GST_OBJECT_UNLOCK (self);
  if (window > 0)
    g_queue_push_head (&self->frames, gst_buffer_ref (trans->queued_buf));
  gst_supcon_augment_keep_frames (self, window > 0 ? window + 1 : 0);
  self->view = 0;
  return GST_FLOW_OK;
}

/* The base class's way of one frame out of one frame, as often as there are views. */
static GstFlowReturn
gst_supcon_augment_generate_output (GstBaseTransform * trans,
    GstBuffer ** outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  GstBuffer *frame = NULL;
  GstFlowReturn ret;

  *outbuf = NULL;
  if (!trans->queued_buf)
    return GST_FLOW_OK;
  if (self->view + 1 < self->frame_views)
    frame = gst_buffer_ref (trans->queued_buf);
  ret = GST_BASE_TRANSFORM_CLASS (parent_class)->generate_output (trans,
      outbuf);
  trans->queued_buf = frame;
  self->view++;
  return ret;
}

/* How many frames back the view's picture is: of those before it in the clip that have the frame's label, so that the
 * label stays true. */
static guint
gst_supcon_augment_draw_neighbour (GstSupconAugment * self, GstBuffer * frame)
{
  const gchar *label = NULL;
  guint n = 0;

  if (self->view == 0 || g_queue_is_empty (&self->frames))
    return 0;
  gst_supcon_buffer_get_sample (frame, &label, NULL, NULL);
  for (GList * l = self->frames.head->next; l; l = l->next, n++) {
    const gchar *other = NULL;

    gst_supcon_buffer_get_sample (l->data, &other, NULL, NULL);
    if (g_strcmp0 (label, other) != 0)
      break;
  }
  return supcon_draw_neighbour (self->frame_seed, self->frame, self->view, n);
}

/* What makes the view again, and what it drew. */
static void
gst_supcon_augment_record (GstSupconAugment * self, GstBuffer * outbuf,
    guint back, const SupconImage * picture, const SupconImage * view)
{
  GstStructure *structure;
  SupconDraws draws;
  gchar *steps;

  supcon_program_draw (self->program, self->frame_seed, self->draw, self->view,
      picture->width, picture->height, view->width, view->height, &draws);
  steps = supcon_draws_to_text (&draws);
  structure = gst_structure_new ("draws", "operations", G_TYPE_STRING,
      self->program_text, "seed", G_TYPE_UINT64, self->frame_seed, "number",
      G_TYPE_UINT64, self->draw, "frames-back", G_TYPE_UINT, back, "x",
      G_TYPE_UINT, draws.crop.x, "y", G_TYPE_UINT, draws.crop.y, "width",
      G_TYPE_UINT, draws.crop.width, "height", G_TYPE_UINT, draws.crop.height,
      "mirror", G_TYPE_BOOLEAN, draws.mirror, "steps", G_TYPE_STRING, steps,
      NULL);
  gst_supcon_buffer_set_draws (outbuf, structure);
  gst_structure_free (structure);
  g_free (steps);
}

static GstFlowReturn
gst_supcon_augment_transform (GstBaseTransform * trans, GstBuffer * inbuf,
    GstBuffer * outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  guint64 sample = self->frame;
  const gchar *label = NULL;
  SupconImage picture, view = { 0 };
  SupconChroma chroma;
  GstVideoFrame in, out;
  guint back = gst_supcon_augment_draw_neighbour (self, inbuf);
  GstBuffer *frame = back > 0 ? g_queue_peek_nth (&self->frames, back) : inbuf;

  if (!gst_video_frame_map (&in, &self->in_info, frame, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, (NULL),
        ("a frame of %" G_GSIZE_FORMAT " bytes, expected %" G_GSIZE_FORMAT
            " for its caps", gst_buffer_get_size (frame),
            GST_VIDEO_INFO_SIZE (&self->in_info)));
    return GST_FLOW_ERROR;
  }
  if (!gst_video_frame_map (&out, &self->out_info, outbuf, GST_MAP_WRITE)) {
    gst_video_frame_unmap (&in);
    GST_ELEMENT_ERROR (self, RESOURCE, WRITE, (NULL),
        ("cannot map an output frame of %" G_GSIZE_FORMAT " bytes",
            gst_buffer_get_size (outbuf)));
    return GST_FLOW_ERROR;
  }
  gst_supcon_frame_picture (&in, &picture, &chroma);
  gst_supcon_frame_visible (&out, &view.pixels, &view.stride, &view.width,
      &view.height, &view.channels);
  supcon_augmenter_apply (self->augmenter, self->program, self->frame_seed,
      self->draw, self->view, &picture, &view);
  gst_video_frame_unmap (&out);
  gst_video_frame_unmap (&in);

  gst_supcon_buffer_get_sample (inbuf, &label, &sample, NULL);
  gst_supcon_buffer_set_sample (outbuf, label, sample, self->view);
  if (self->frame_record)
    gst_supcon_augment_record (self, outbuf, back, &picture, &view);
  return GST_FLOW_OK;
}

static gboolean
gst_supcon_augment_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_supcon_augment_reset (GST_SUPCON_AUGMENT (trans));
  else if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
    gst_supcon_augment_end_clip (GST_SUPCON_AUGMENT (trans));
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
counts_frames (GstFormat format)
{
  return format == GST_FORMAT_DEFAULT || format == GST_FORMAT_BUFFERS;
}

/* Downstream counts views, upstream counts frames: a seek to a view is one to its frame. */
static gboolean
gst_supcon_augment_src_event (GstBaseTransform * trans, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK) {
    guint views = get_views (GST_SUPCON_AUGMENT (trans));
    GstSeekType start_type, stop_type;
    gint64 start, stop;
    GstSeekFlags flags;
    GstFormat format;
    gdouble rate;

    gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
        &stop_type, &stop);
    if (counts_frames (format)) {
      GstEvent *scaled = gst_event_new_seek (rate, format, flags, start_type,
          start < 0 ? start : start / views, stop_type,
          stop < 0 ? stop : stop / views);

      gst_event_set_seqnum (scaled, gst_event_get_seqnum (event));
      gst_event_unref (event);
      event = scaled;
    }
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->src_event (trans, event);
}

static gboolean
gst_supcon_augment_query (GstBaseTransform * trans, GstPadDirection direction,
    GstQuery * query)
{
  guint views = get_views (GST_SUPCON_AUGMENT (trans));
  GstFormat format;
  gint64 value;

  if (direction == GST_PAD_SRC && GST_QUERY_TYPE (query) == GST_QUERY_DURATION) {
    gst_query_parse_duration (query, &format, NULL);
    if (counts_frames (format)) {
      if (!gst_pad_peer_query (trans->sinkpad, query))
        return FALSE;
      gst_query_parse_duration (query, NULL, &value);
      if (value > 0)
        gst_query_set_duration (query, format, value * views);
      return TRUE;
    }
  } else if (direction == GST_PAD_SRC
      && GST_QUERY_TYPE (query) == GST_QUERY_POSITION) {
    gst_query_parse_position (query, &format, NULL);
    if (counts_frames (format)) {
      if (!gst_pad_peer_query (trans->sinkpad, query))
        return FALSE;
      gst_query_parse_position (query, NULL, &value);
      if (value > 0)
        gst_query_set_position (query, format, value * views);
      return TRUE;
    }
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->query (trans, direction,
      query);
}

static void
gst_supcon_augment_finalize (GObject * object)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (object);

  supcon_augmenter_free (self->augmenter);
  supcon_program_free (self->program);
  gst_supcon_augment_keep_frames (self, 0);
  g_free (self->program_text);
  gst_supcon_augment_settings_clear (&self->settings);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_supcon_augment_init (GstSupconAugment * self)
{
  gst_supcon_augment_settings_init (&self->settings);
  self->augmenter = supcon_augmenter_new ();
}

static void
gst_supcon_augment_class_init (GstSupconAugmentClass * klass)
{
  GObjectClass *gobject_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_supcon_augment_debug, "supconaugment", 0,
      "random views of frames");

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

  gst_element_class_set_static_metadata (element_class,
      "Random views of frames", "Filter/Effect/Video",
      "Makes several random views of each frame, in the size that downstream "
      "asks for", "gst-supcon");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
}
