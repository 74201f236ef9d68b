/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supconlabel's properties: each is a field here and one call that installs it. */
#ifndef GST_SUPCON_LABEL_SETTINGS_H
#define GST_SUPCON_LABEL_SETTINGS_H

#include "gstsupconregionframes.h"
#include "gstsupconsettings.h"

G_BEGIN_DECLS

typedef struct
{
  gchar *label, *labels_location;
  GstSupconRegionLabel region_label;
  gboolean regions;
  GstSupconLabelCounts counts;
} GstSupconLabelSettings;

/** Once, at the class's start. Returns what the properties are fields of. */
GstSupconSettingsClass *gst_supcon_label_settings_install (GObjectClass *
    klass, gsize fields);

G_END_DECLS
#endif
