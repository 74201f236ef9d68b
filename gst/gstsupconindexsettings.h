/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supconindex's properties: each is a field here and one call that installs it. */
#ifndef GST_SUPCON_INDEX_SETTINGS_H
#define GST_SUPCON_INDEX_SETTINGS_H

#include <gst/gst.h>

#include "gstsupconsettings.h"
#include "index/index.h"

G_BEGIN_DECLS

#define GST_SUPCON_INDEX_MAX_NEIGHBOURS 1000

typedef enum
{
  GST_SUPCON_INDEX_SEARCH,
  GST_SUPCON_INDEX_ADD,
  GST_SUPCON_INDEX_APPEND
} GstSupconIndexMode;

typedef struct
{
  gchar *location, *uri;
  GstSupconIndexMode mode;
  SupconMetric metric;
  guint neighbours, probes;
  gdouble threshold;
  guint64 min_gap;
  gboolean post_messages;
} GstSupconIndexSettings;

/** Once, at the class's start; ids are numbered from first_id. Returns what the properties are fields of. */
GstSupconSettingsClass *gst_supcon_index_settings_install (GObjectClass * klass,
    guint first_id, gsize fields);

G_END_DECLS
#endif
