/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconvalidation.h"

#include <gst/video/video.h>

#include "error.h"
#include "gstsupconmeta.h"
#include "loss/supcon.h"

struct _GstSupconValidation
{
  GMutex lock;                  /* guards everything */
  GCond cond;                   /* broadcast when ended or stopped is set */
  GstVideoInfo info;
  guint width, height;          /* of the frames */
  GByteArray *pixels;           /* n x height x width x 3 */
  GArray *frame_labels;         /* gint32: numbers in labels, or SUPCON_UNLABELLED */
  SupconLabels *labels;
  gboolean ended, stopped;
};

GstSupconValidation *
gst_supcon_validation_new (void)
{
  GstSupconValidation *self = g_new0 (GstSupconValidation, 1);

  g_mutex_init (&self->lock);
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
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  g_free (self);
}

/* With the lock held. */
static void
forget (GstSupconValidation * self)
{
  g_byte_array_set_size (self->pixels, 0);
  g_array_set_size (self->frame_labels, 0);
  self->width = self->height = 0;
  self->ended = FALSE;
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

/* With the lock held. FALSE: of another size than those before. */
static gboolean
keep (GstSupconValidation * self, GstBuffer * buffer, GstVideoFrame * frame)
{
  guint8 *pixels;
  gsize stride;
  guint width, height, channels;
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
  g_byte_array_set_size (self->pixels, self->pixels->len + width * height * 3);
  to = self->pixels->data + self->pixels->len - width * height * 3;
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

static GstFlowReturn
chain (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  GstSupconValidation *self = gst_pad_get_element_private (pad);
  GstVideoFrame frame;
  GstFlowReturn ret = GST_FLOW_OK;

  g_mutex_lock (&self->lock);
  if (self->stopped) {
    ret = GST_FLOW_FLUSHING;
  } else if (self->pixels->len > G_MAXINT32 - 3 * 16384 * 16384) {
    GST_ELEMENT_ERROR (parent, RESOURCE, NO_SPACE_LEFT,
        ("The validation frames take more than 1 GB; expected fewer or smaller "
            "ones, see supcondatasetsrc's max-samples."), (NULL));
    ret = GST_FLOW_ERROR;
  } else if (!gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (parent, RESOURCE, READ,
        ("A validation frame cannot be read."), (NULL));
    ret = GST_FLOW_ERROR;
  } else {
    if (!keep (self, buffer, &frame)) {
      GST_ELEMENT_ERROR (parent, STREAM, FORMAT,
          ("Validation frames change their size; expected all of %ux%u pixels.",
              self->width, self->height), (NULL));
      ret = GST_FLOW_ERROR;
    }
    gst_video_frame_unmap (&frame);
  }
  g_mutex_unlock (&self->lock);
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

/* With the lock held, after the end of the stream. */
static gboolean
judge (GstSupconValidation * self, SupconModel * model,
    const SupconLabels * labels, SupconValidation * result, GError ** error)
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
    supcon_validate_classifier (model, self->pixels->data, classes, n, result);
  else
    supcon_validate_neighbours (model, self->pixels->data, classes, n, result);
  g_free (classes);
  if (result->n > 0)
    return TRUE;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
      "None of the %u frames on the pad validation has a label; expected "
      "labelled ones, as from supcondatasetsrc split=val", n);
  return FALSE;
}

gboolean
gst_supcon_validation_run (GstSupconValidation * self, SupconModel * model,
    const SupconLabels * labels, SupconValidation * result, GError ** error)
{
  gboolean done = FALSE;

  g_mutex_lock (&self->lock);
  while (!self->ended && !self->stopped)
    g_cond_wait (&self->cond, &self->lock);
  if (!self->stopped)
    done = judge (self, model, labels, result, error);
  g_mutex_unlock (&self->lock);
  return done;
}
