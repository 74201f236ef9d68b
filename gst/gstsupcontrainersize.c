/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontrainersize.h"

#include "gstsupconstream.h"

void
gst_supcon_trainer_size_set (GstSupconTrainerSize * self,
    GstElement * element, guint width, guint height)
{
  GST_OBJECT_LOCK (element);
  *self = (GstSupconTrainerSize) {.width = width,.height = height };
  GST_OBJECT_UNLOCK (element);
}

static GstSupconTrainerSize
get (const GstSupconTrainerSize * self, GstElement * element)
{
  GstSupconTrainerSize size;

  GST_OBJECT_LOCK (element);
  size = *self;
  GST_OBJECT_UNLOCK (element);
  return size;
}

/* Nothing between here and who asks can change the size of his frames, so that all that he hears is an empty answer: say why. */
static void
warn_about_size (GstSupconTrainerSize * self, GstElement * element,
    GstCaps * offered, guint width, guint height)
{
  gint offered_width = 0, offered_height = 0;
  gboolean told;

  for (guint i = 0; i < gst_caps_get_size (offered); i++) {
    const GstStructure *s = gst_caps_get_structure (offered, i);

    if (!gst_structure_get_int (s, "width", &offered_width)
        || !gst_structure_get_int (s, "height", &offered_height)
        || ((guint) offered_width == width
            && (guint) offered_height == height))
      return;
  }
  GST_OBJECT_LOCK (element);
  told = self->told;
  self->told = TRUE;
  GST_OBJECT_UNLOCK (element);
  if (offered_width && !told)
    GST_ELEMENT_WARNING (element, STREAM, FORMAT,
        ("Frames of %dx%d pixels are offered; expected %ux%u, as the model "
            "that is trained, or its teacher, takes.", offered_width,
            offered_height, width, height), (NULL));
}

GstCaps *
gst_supcon_trainer_size_limit (GstSupconTrainerSize * self,
    GstElement * element, GstCaps * caps, GstCaps * filter)
{
  GstSupconTrainerSize size = get (self, element);

  if (size.width) {
    caps = gst_caps_make_writable (caps);
    gst_caps_set_simple (caps, "width", G_TYPE_INT, (gint) size.width,
        "height", G_TYPE_INT, (gint) size.height, NULL);
    if (filter)
      warn_about_size (self, element, filter, size.width, size.height);
  }
  return gst_supcon_filter_caps (caps, filter);
}

void
gst_supcon_trainer_size_refuse (GstSupconTrainerSize * self,
    GstElement * element, GstCaps * caps)
{
  GstSupconTrainerSize size = get (self, element);

  if (size.width)
    warn_about_size (self, element, caps, size.width, size.height);
}

void
gst_supcon_trainer_size_warn_of_no_frame (GstSupconTrainerSize * self,
    GstElement * element)
{
  GstSupconTrainerSize size = get (self, element);

  if (size.width)
    GST_ELEMENT_WARNING (element, STREAM, FAILED,
        ("The stream ended before its first frame: nothing was trained. The "
            "model that is begun with, or its teacher, takes frames of %ux%u "
            "pixels.", size.width, size.height), (NULL));
  else
    GST_ELEMENT_WARNING (element, STREAM, FAILED,
        ("The stream ended before its first frame: nothing was trained."),
        (NULL));
}
