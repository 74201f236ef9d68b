/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconaugmentframes.h"

#include "gstsupconmeta.h"
#include "gstsupconstream.h"

GST_DEBUG_CATEGORY_EXTERN (gst_supcon_augment_debug);
#define GST_CAT_DEFAULT gst_supcon_augment_debug

/* The element's class keeps it. */
static GstBaseTransformClass *
parent_class (void)
{
  return g_type_class_peek (GST_TYPE_BASE_TRANSFORM);
}

static void
gst_supcon_augment_drop_views (GstSupconAugment * self)
{
  gst_supcon_views_cancel (self->views);
  self->n_waiting = 0;
  while (!gst_queue_array_is_empty (self->made))
    gst_buffer_unref (gst_queue_array_pop_head (self->made));
}

static void
gst_supcon_augment_make_views (GstSupconAugment * self)
{
  gst_supcon_views_make (self->views, self->frame_threads);
  self->n_waiting = 0;
}

void
gst_supcon_augment_finish (GstSupconAugment * self)
{
  GstFlowReturn ret = GST_FLOW_OK;

  if (self->n_waiting == 0)
    return;
  gst_supcon_augment_make_views (self);
  while (ret == GST_FLOW_OK && !gst_queue_array_is_empty (self->made))
    ret = gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (self),
        gst_queue_array_pop_head (self->made));
  /* Upstream hears of a failure by its next frame. */
  gst_supcon_augment_drop_views (self);
}

void
gst_supcon_augment_flush (GstSupconAugment * self)
{
  gst_buffer_replace (&GST_BASE_TRANSFORM (self)->queued_buf, NULL);
  gst_supcon_augment_drop_views (self);
  gst_supcon_clips_flush (self->clips);
  self->frame_known = FALSE;
}

void
gst_supcon_augment_set_latency (GstSupconAugment * self)
{
  guint lookahead;

  GST_OBJECT_LOCK (self);
  lookahead = self->settings.lookahead;
  GST_OBJECT_UNLOCK (self);
  gst_supcon_latency_set_wait (&self->latency,
      gst_supcon_latency_of_frames (&self->in_info, lookahead));
}

gboolean
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
  gst_supcon_augment_finish (self);
  supcon_program_free (self->program);
  self->program = program;
  g_free (self->program_text);
  self->program_text = text;
  return TRUE;
}

/* Metas about the frame as such go on; those about places, sizes or the memory of this one do not, and the sample's is
 * made anew. */
gboolean
gst_supcon_augment_transform_meta (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstBuffer * outbuf, GstMeta * meta,
    G_GNUC_UNUSED GstBuffer * inbuf)
{
  const gchar *const *tags = gst_meta_api_type_get_tags (meta->info->api);

  if (meta->info->api == GST_VIDEO_CROP_META_API_TYPE
      || gst_supcon_meta_is_sample (meta))
    return FALSE;
  return !tags || !tags[0] || (!tags[1]
      && g_str_equal (tags[0], GST_META_TAG_VIDEO_STR));
}

gboolean
gst_supcon_augment_copy_metadata (GstBaseTransform * trans, GstBuffer * inbuf,
    GstBuffer * outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  if (!parent_class ()->copy_metadata (trans, inbuf, outbuf))
    return FALSE;
  if (self->draw.view > 0)
    GST_BUFFER_FLAG_UNSET (outbuf, GST_BUFFER_FLAG_DISCONT);
  /* Offsets count frames, and there are more of them now. */
  if (GST_BUFFER_OFFSET_IS_VALID (inbuf)) {
    GST_BUFFER_OFFSET (outbuf) =
        GST_BUFFER_OFFSET (inbuf) * self->frame_views + self->draw.view;
    GST_BUFFER_OFFSET_END (outbuf) = GST_BUFFER_OFFSET (outbuf) + 1;
  }
  return TRUE;
}

GstFlowReturn
gst_supcon_augment_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * buffer)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  GstFlowReturn ret;
  GstSupconConsistent consistent;
  GError *error = NULL;
  guint window, clip_length;
  guint64 clip;

  /* What downstream did not take of the frame before. */
  if (self->n_waiting == 0)
    gst_supcon_augment_drop_views (self);
  if (!self->frame_known) {
    self->frame =
        GST_BUFFER_OFFSET_IS_VALID (buffer) ? GST_BUFFER_OFFSET (buffer) : 0;
    self->frame_known = TRUE;
  } else {
    self->frame++;
  }

  ret = parent_class ()->submit_input_buffer (trans, is_discont, buffer);
  if (ret != GST_FLOW_OK)
    return ret;

  gst_supcon_sync_values (trans, trans->queued_buf);
  if (!gst_supcon_augment_update_program (self, &error)) {
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS, ("%s", error->message),
        ("going on with the operations before"));
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
  clip =
      gst_supcon_clips_add (self->clips, trans->queued_buf, &self->in_info,
      window, clip_length);
  self->draw.number =
      consistent == GST_SUPCON_CONSISTENT_CLIP ? clip : self->frame;
  self->draw.program = self->program;
  self->draw.view = 0;
  return GST_FLOW_OK;
}

/* The base class's way of one buffer for one frame, which transform() is a part of, as often as there are views; then
 * they are made together, with those of the frames that wait, and leave one by one. */
GstFlowReturn
gst_supcon_augment_generate_output (GstBaseTransform * trans,
    GstBuffer ** outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  *outbuf = NULL;
  while (trans->queued_buf) {
    GstBuffer *frame =
        self->draw.view + 1 <
        self->frame_views ? gst_buffer_ref (trans->queued_buf) : NULL;
    GstBuffer *view = NULL;
    GstFlowReturn ret = parent_class ()->generate_output (trans, &view);

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
GstFlowReturn
gst_supcon_augment_transform (GstBaseTransform * trans, GstBuffer * inbuf,
    GstBuffer * outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  guint64 sample = self->frame;
  const gchar *label = NULL;
  GError *error = NULL;
  guint back = 0;

  if (self->draw.view > 0)
    back =
        supcon_draw_neighbour (self->draw.seed, self->frame, self->draw.view,
        gst_supcon_clips_count_neighbours (self->clips));
  gst_supcon_buffer_get_sample (inbuf, &label, &sample, NULL);
  gst_supcon_buffer_set_sample (outbuf, label, sample, self->draw.view);
  if (outbuf->pool && outbuf->pool == self->pool)
    gst_supcon_buffer_keep_sample (outbuf);
  if (!gst_supcon_views_add (self->views,
          back > 0 ? gst_supcon_clips_get (self->clips, back) : inbuf,
          &self->in_info, outbuf, &self->out_info, &self->draw, &error)) {
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return GST_FLOW_ERROR;
  }
  if (self->frame_record) {
    GstStructure *draws =
        gst_supcon_views_describe_last (self->views, self->program_text, back);

    gst_supcon_buffer_set_draws (outbuf, draws);
    gst_structure_free (draws);
  }
  return GST_FLOW_OK;
}
