/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Properties that a GstController moves while an element plays. */
#ifndef TEST_CONTROLLED_H
#define TEST_CONTROLLED_H

#include <gst/check/gstcheck.h>
#include <gst/controller/controller.h>

/* Where its values go, each of which holds until the next one. The element's. */
static inline GstTimedValueControlSource *
control (GstElement * element, const gchar * property)
{
  GstControlSource *source = gst_interpolation_control_source_new ();

  g_object_set (source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
  fail_unless (gst_object_add_control_binding (GST_OBJECT (element),
          gst_direct_control_binding_new_absolute (GST_OBJECT (element),
              property, source)));
  gst_object_unref (source);
  return GST_TIMED_VALUE_CONTROL_SOURCE (source);
}

#endif
