/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supconencoder's properties, and what follows from them. */
#ifndef GST_SUPCON_ENCODER_SETTINGS_H
#define GST_SUPCON_ENCODER_SETTINGS_H

#include "gstsupconinference.h"
#include "gstsupconsettings.h"

G_BEGIN_DECLS

/* GstSupconLayer */
#define GST_TYPE_SUPCON_ENCODER_LAYER (gst_supcon_encoder_layer_get_type ())
GType gst_supcon_encoder_layer_get_type (void);

typedef struct
{
  gchar *location, *model;
  gboolean watch;
  gint encoder;
  SupconStem stem;
  gdouble width;
  GstSupconLayer layer;
  SupconInterpolation interpolation;
  gdouble center_crop;
  gboolean normalize, regions;
  guint interval, batch_size, threads;
  guint64 batch_timeout;
  SupconPrecision precision;
  guint64 skipped_regions;
} GstSupconEncoderSettings;

/** Once, at the class's start. Returns what the properties are fields of. */
GstSupconSettingsClass *gst_supcon_encoder_settings_install (GObjectClass *
    klass, gsize fields);

/** The model that they name, with no weights read yet. */
GstSupconInference *gst_supcon_encoder_settings_open (const
    GstSupconEncoderSettings * settings, GError ** error);

G_END_DECLS
#endif
