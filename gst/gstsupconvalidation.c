/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconvalidation.h"

#include <gst/video/video.h>

#include "error.h"
#include "gstsupconmeta.h"
#include "gstsupconstream.h"
#include "loss/supcon.h"

/* A stream of which nothing was heard for so long stands still, in microseconds. */
#define STILL (5 * G_TIME_SPAN_SECOND)
/* Of all frames; a GByteArray cannot hold much more. */
#define MAX_BYTES (1u << 30)

struct _GstSupconValidation
{
  GstVideoInfo info;            /* of the stream's thread */

  GMutex lock;                  /* guards the group below */
  GstPad *pad;                  /* NULL until attached */
  GCond cond;                   /* broadcast when one of the flags is set */
  gboolean ended, stopped, unlocked;
  gboolean still;               /* it has not ended where training waited for it */
  gint64 heard;                 /* monotonic time of the last frame, or when waiting began */

  GMutex frames_lock;           /* guards what follows; taken after lock */
  guint width, height;          /* of the frames */
  GByteArray *pixels;           /* n x height x width x 3 */
  GArray *frame_labels;         /* gint32: numbers in labels, or SUPCON_UNLABELLED */
  SupconLabels *labels;
};

GstSupconValidation *
gst_supcon_validation_new (void)
{
  GstSupconValidation *self = g_new0 (GstSupconValidation, 1);

  gst_video_info_init (&self->info);
  g_mutex_init (&self->lock);
  g_mutex_init (&self->frames_lock);
  g_cond_init (&self->cond);
  self->pixels = g_byte_array_new ();
  self->frame_labels = g_array_new (FALSE, FALSE, sizeof (gint32));
  self->labels = supcon_labels_new ();
  return self;
}

void
gst_supcon_validation_free (GstSupconValidation * self)
{
  g_byte_array_unref (self->pixels);
  g_array_unref (self->frame_labels);
  supcon_labels_free (self->labels);
  gst_object_replace ((GstObject **) & self->pad, NULL);
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->frames_lock);
  g_cond_clear (&self->cond);
  g_free (self);
}

/* With the lock held. */
static void
forget (GstSupconValidation * self)
{
  self->ended = self->still = FALSE;
  g_mutex_lock (&self->frames_lock);
  g_byte_array_set_size (self->pixels, 0);
  g_array_set_size (self->frame_labels, 0);
  self->width = self->height = 0;
  g_mutex_unlock (&self->frames_lock);
}

void
gst_supcon_validation_stop (GstSupconValidation * self)
{
  g_mutex_lock (&self->lock);
  forget (self);
  self->stopped = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

void
gst_supcon_validation_start (GstSupconValidation * self)
{
  g_mutex_lock (&self->lock);
  self->stopped = FALSE;
  g_mutex_unlock (&self->lock);
}

void
gst_supcon_validation_set_unlocked (GstSupconValidation * self,
    gboolean unlocked)
{
  g_mutex_lock (&self->lock);
  self->unlocked = unlocked;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

/* With the frames' lock held. FALSE: of another size than those before. */
static gboolean
keep (GstSupconValidation * self, GstBuffer * buffer, GstVideoFrame * frame)
{
  guint8 *pixels;
  gsize stride;
  guint width, height, channels, size;
  const gchar *label = NULL;
  gint32 number;
  guint8 *to;

  gst_supcon_frame_visible (frame, &pixels, &stride, &width, &height,
      &channels);
  if (self->frame_labels->len == 0) {
    self->width = width;
    self->height = height;
  }
  if (width != self->width || height != self->height)
    return FALSE;
  size = width * height * 3;
  g_byte_array_set_size (self->pixels, self->pixels->len + size);
  to = self->pixels->data + self->pixels->len - size;
  for (guint y = 0; y < height; y++, pixels += stride)
    for (guint x = 0; x < width; x++)
      for (guint c = 0; c < 3; c++)
        *to++ = pixels[channels == 3 ? 3 * x + c : x];
  gst_supcon_buffer_get_sample (buffer, &label, NULL, NULL);
  number = label ? (gint32) supcon_labels_add (self->labels, label) :
      SUPCON_UNLABELLED;
  g_array_append_val (self->frame_labels, number);
  return TRUE;
}

/* With the frames' lock held. ERROR was posted. */
static GstFlowReturn
add (GstSupconValidation * self, GstObject * element, GstBuffer * buffer)
{
  guint64 pixels = (guint64) GST_VIDEO_INFO_WIDTH (&self->info)
      * GST_VIDEO_INFO_HEIGHT (&self->info);
  GstVideoFrame frame;
  gboolean kept;

  if (self->pixels->len + 3 * pixels > MAX_BYTES) {
    GST_ELEMENT_ERROR (element, RESOURCE, NO_SPACE_LEFT,
        ("The validation frames take more than 1 GiB; expected fewer or smaller "
            "ones, see supcondatasetsrc's max-samples."), (NULL));
    return GST_FLOW_ERROR;
  }
  if (!gst_supcon_frame_map (GST_ELEMENT (element), &frame, &self->info,
          buffer))
    return GST_FLOW_ERROR;
  kept = keep (self, buffer, &frame);
  gst_video_frame_unmap (&frame);
  if (kept)
    return GST_FLOW_OK;
  GST_ELEMENT_ERROR (element, STREAM, FORMAT,
      ("Validation frames change their size; expected all of %ux%u pixels.",
          self->width, self->height), (NULL));
  return GST_FLOW_ERROR;
}

static GstFlowReturn
chain (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  GstSupconValidation *self = gst_pad_get_element_private (pad);
  GstFlowReturn ret = GST_FLOW_FLUSHING;
  gboolean stopped;

  g_mutex_lock (&self->lock);
  stopped = self->stopped;
  self->heard = g_get_monotonic_time ();
  g_mutex_unlock (&self->lock);
  if (!stopped) {
    g_mutex_lock (&self->frames_lock);
    ret = add (self, parent, buffer);
    g_mutex_unlock (&self->frames_lock);
  }
  gst_buffer_unref (buffer);
  return ret;
}

static gboolean
event (GstPad * pad, G_GNUC_UNUSED GstObject * parent, GstEvent * event)
{
  GstSupconValidation *self = gst_pad_get_element_private (pad);
  gboolean ok = TRUE;
  GstCaps *caps;

  g_mutex_lock (&self->lock);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      ok = gst_video_info_from_caps (&self->info, caps);
      break;
    case GST_EVENT_FLUSH_STOP:
      forget (self);
      break;
    case GST_EVENT_EOS:
      self->ended = TRUE;
      g_cond_broadcast (&self->cond);
      break;
    default:
      break;
  }
  g_mutex_unlock (&self->lock);
  gst_event_unref (event);
  return ok;
}

void
gst_supcon_validation_attach (GstSupconValidation * self, GstElement * element,
    GstPad * pad)
{
  gst_pad_set_element_private (pad, self);
  gst_pad_set_chain_function (pad, chain);
  gst_pad_set_event_function (pad, event);
  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  g_mutex_lock (&self->lock);
  gst_object_replace ((GstObject **) & self->pad, GST_OBJECT (pad));
  g_mutex_unlock (&self->lock);
}

/* Each frame's class, as labels number them; unknown ones get numbers of their own above. Free with g_free(). */
static gint32 *
classes_of (const GstSupconValidation * self, const SupconLabels * labels)
{
  guint n = self->frame_labels->len, known =
      labels ? supcon_labels_count (labels) : 0;
  gint32 *classes = g_new (gint32, n);

  for (guint i = 0; i < n; i++) {
    classes[i] = g_array_index (self->frame_labels, gint32, i);
    if (labels && classes[i] >= 0) {
      gint number = supcon_labels_find (labels,
          supcon_labels_name (self->labels, classes[i]));

      classes[i] = number >= 0 ? number : (gint32) known + classes[i];
    }
  }
  return classes;
}

/* With the frames' lock held. all: no more will come, so there must be some. */
static gboolean
judge (GstSupconValidation * self, gboolean all, SupconModel * model,
    const SupconLabels * labels, SupconValidation * result,
    SupconQueue ** logits, GError ** error)
{
  const SupconModelConfig *config = supcon_model_config (model);
  guint n = self->frame_labels->len;
  gint32 *classes;

  if (n > 0 && (self->width != config->input_width
          || self->height != config->input_height)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "Validation frames have %ux%u pixels; expected %ux%u, the size of the "
        "model's input", self->width, self->height, config->input_width,
        config->input_height);
    return FALSE;
  }
  classes = classes_of (self, labels);
  if (labels)
    supcon_validate_classifier (model, self->pixels->data, classes, n, result,
        logits);
  else
    supcon_validate_neighbours (model, self->pixels->data, classes, n, result);
  g_free (classes);
  if (result->n > 0 || !all)
    return TRUE;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
      "None of the %u frames on the pad validation has a label; expected "
      "labelled ones, as from supcondatasetsrc split=val", n);
  return FALSE;
}

/* The stream of a live source has no end to wait for. */
static gboolean
is_live (GstSupconValidation * self)
{
  GstPad *pad;
  gboolean live;

  g_mutex_lock (&self->lock);
  pad = gst_object_ref (self->pad);
  g_mutex_unlock (&self->lock);
  live = gst_supcon_upstream_is_live (pad);
  gst_object_unref (pad);
  return live;
}

/* Waits for the end of the stream, if it is worth it. */
static GstFlowReturn
wait_for_end (GstSupconValidation * self, gboolean at_end)
{
  gboolean live = is_live (self);
  GstFlowReturn ret = GST_SUPCON_VALIDATION_SO_FAR;

  g_mutex_lock (&self->lock);
  self->heard = g_get_monotonic_time ();
  /* Once it stood still it will again, but for the last time. */
  self->still = live || (self->still && !at_end);
  while (!self->ended && !self->stopped && !self->still
      && !(at_end && self->unlocked)) {
    g_cond_wait_until (&self->cond, &self->lock, self->heard + STILL);
    self->still = g_get_monotonic_time () >= self->heard + STILL;
  }
  if (self->stopped || (at_end && self->unlocked))
    ret = GST_FLOW_FLUSHING;
  else if (self->ended)
    ret = GST_FLOW_OK;
  g_mutex_unlock (&self->lock);
  return ret;
}

GstFlowReturn
gst_supcon_validation_run (GstSupconValidation * self, gboolean at_end,
    SupconModel * model, const SupconLabels * labels, SupconValidation * result,
    SupconQueue ** logits, GError ** error)
{
  GstFlowReturn ret = wait_for_end (self, at_end);

  if (ret == GST_FLOW_FLUSHING)
    return ret;
  g_mutex_lock (&self->frames_lock);
  if (!judge (self, ret == GST_FLOW_OK, model, labels, result, logits,
          error))
    ret = GST_FLOW_ERROR;
  g_mutex_unlock (&self->frames_lock);
  return ret;
}
