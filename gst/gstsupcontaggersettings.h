/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What a user may set of supcontagger: each property is a field here and one call that installs it. */
#ifndef GST_SUPCON_TAGGER_SETTINGS_H
#define GST_SUPCON_TAGGER_SETTINGS_H

#include <gst/gst.h>

#include "gstsupconclassifier.h"
#include "gstsupconsettings.h"

G_BEGIN_DECLS

typedef struct
{
  gchar *location, *model, *memory_location, *examples_location, *evaluation_location;
  GstSupconClassifierMethod method;
  guint neighbours, top_k, majority;
  gdouble threshold, smoothing, hysteresis;
  gboolean watch, learning, post_messages, print_evaluation;
} GstSupconTaggerSettings;

/** Once, at the class's start. Returns what the properties are fields of. */
GstSupconSettingsClass *gst_supcon_tagger_settings_install (GObjectClass *
    klass, gsize fields);

G_END_DECLS
#endif
