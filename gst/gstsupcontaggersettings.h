/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What a user may set of supcontagger: each property is a field here and one call that installs it. */
#ifndef GST_SUPCON_TAGGER_SETTINGS_H
#define GST_SUPCON_TAGGER_SETTINGS_H

#include <gst/gst.h>

#include "gstsupconclassifier.h"

G_BEGIN_DECLS

typedef struct
{
  gchar *location, *model, *memory_location, *examples_location, *evaluation_location;
  GstSupconClassifierMethod method;
  guint neighbours, top_k, majority;
  gdouble threshold, smoothing, hysteresis;
  gboolean watch, learning, post_messages, print_evaluation;
} GstSupconTaggerSettings;

/** Once, at the class's start. */
void gst_supcon_tagger_settings_install (GObjectClass * klass);
void gst_supcon_tagger_settings_init (GstSupconTaggerSettings * settings);
/** With strings of its own, to be cleared. The caller locks. */
GstSupconTaggerSettings gst_supcon_tagger_settings_copy (const
    GstSupconTaggerSettings * settings);
void gst_supcon_tagger_settings_clear (GstSupconTaggerSettings * settings);
/** FALSE: id is none of these. The caller locks. */
gboolean gst_supcon_tagger_settings_set (GstSupconTaggerSettings * settings,
    guint id, const GValue * value);
gboolean gst_supcon_tagger_settings_get (const GstSupconTaggerSettings *
    settings, guint id, GValue * value);

G_END_DECLS
#endif
