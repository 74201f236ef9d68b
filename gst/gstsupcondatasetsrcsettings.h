/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supcondatasetsrc's properties: each is a field here and one call that installs it. */
#ifndef GST_SUPCON_DATASET_SRC_SETTINGS_H
#define GST_SUPCON_DATASET_SRC_SETTINGS_H

#include <gst/gst.h>

#include "data/sampler.h"
#include "gstsupconsettings.h"

G_BEGIN_DECLS

typedef struct
{
  gchar *location, *labels_location, *class_names;
  SupconSplit split;
  gdouble val_fraction, labelled, label_noise;
  SupconSamplerConfig sampler_config;
  guint epochs;
  gint framerate[2];
  gboolean skip_corrupt;
  guint64 skipped;
} GstSupconDatasetSrcSettings;

/** Once, at the class's start. Returns what the properties are fields of. */
GstSupconSettingsClass *gst_supcon_dataset_src_settings_install (GObjectClass *
    klass, gsize fields);

/** Opens the data set that they name, with the labels that they leave. NULL: they contradict each other
 * (SUPCON_ERROR_SETTINGS, SUPCON_ERROR_NOT_FOUND without a location), or what opening it said. */
SupconDataset *gst_supcon_dataset_src_settings_open (const
    GstSupconDatasetSrcSettings * settings, GError ** error);

G_END_DECLS
#endif
