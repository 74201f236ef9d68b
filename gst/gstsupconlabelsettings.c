/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconlabelsettings.h"

#include "gstsupconenums.h"

#define GST_TYPE_SUPCON_REGION_LABEL (region_label_get_type ())
/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, region_label_get_type, "GstSupconRegionLabel",
    {GST_SUPCON_REGION_LABEL_FRAME, "The frame's", "frame"},
    {GST_SUPCON_REGION_LABEL_TYPE, "The region's type, where detectors put the class", "type"},
    {GST_SUPCON_REGION_LABEL_PARAMETER, "The field label of the region's first parameter that has one, as classifiers attach it", "parameter"})
/* *INDENT-ON* */

static GstSupconSettingsClass *settings_class;

#define ADD(field, spec) \
  gst_supcon_settings_install (settings_class, \
      G_STRUCT_OFFSET (GstSupconLabelSettings, field), spec)

GstSupconSettingsClass *
gst_supcon_label_settings_install (GObjectClass * klass, gsize fields)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags count = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  settings_class = gst_supcon_settings_class_new (klass, 1, fields);
  ADD (label, g_param_spec_string ("label", "Label",
          "Label of the frames that neither the text pad nor labels-location "
          "has one for; empty or not set: none", NULL,
          flags | GST_PARAM_MUTABLE_PLAYING));
  ADD (labels_location, g_param_spec_string ("labels-location",
          "Labels location",
          "File of labels by frame number, plain or .gz: IDX (MNIST's), or "
          "text with one label a line, where an empty line is none", NULL,
          flags | GST_PARAM_MUTABLE_READY));
  ADD (region_label, g_param_spec_enum ("region-label", "Region label",
          "What labels each region of interest that a frame carries; one that "
          "has no such label has the frame's", GST_TYPE_SUPCON_REGION_LABEL,
          GST_SUPCON_REGION_LABEL_FRAME, flags | GST_PARAM_MUTABLE_PLAYING));
  ADD (regions, g_param_spec_boolean ("regions", "Regions",
          "Each region of interest leaves as a frame of its own, with its "
          "label, in place of the frame that carries it", FALSE,
          flags | GST_PARAM_MUTABLE_READY));
  ADD (counts.labelled, g_param_spec_uint64 ("labelled", "Labelled",
          "Frames, or with regions=true regions, that got a label since the "
          "start", 0, G_MAXUINT64, 0, count));
  ADD (counts.unlabelled, g_param_spec_uint64 ("unlabelled", "Unlabelled",
          "Frames, or with regions=true regions, that got none since the start",
          0, G_MAXUINT64, 0, count));
  ADD (counts.skipped_regions, g_param_spec_uint64 ("skipped-regions",
          "Skipped regions",
          "With regions=true, regions since the start that lie outside their "
          "frame; those that stick out of it are cut", 0, G_MAXUINT64, 0,
          count));
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_REGION_LABEL, 0);
  return settings_class;
}
