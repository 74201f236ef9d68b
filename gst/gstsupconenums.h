/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Property types that several elements share: what a model looks like and takes. Nicks are core's and the papers' names. */
#ifndef GST_SUPCON_ENUMS_H
#define GST_SUPCON_ENUMS_H

#include <glib-object.h>

G_BEGIN_DECLS

/** Defines a function that registers an enumeration, type (GType or static GType). */
#define GST_SUPCON_DEFINE_ENUM(type_, function, name, ...) \
type_ \
function (void) \
{ \
  static const GEnumValue values[] = { __VA_ARGS__, {0, NULL, NULL} }; \
  static gsize type = 0; \
  if (g_once_init_enter (&type)) \
    g_once_init_leave (&type, g_enum_register_static (name, values)); \
  return type; \
}

/* Values are places in core's list of encoders; the nick is the name. */
#define GST_TYPE_SUPCON_ENCODER_NAME (gst_supcon_encoder_name_get_type ())
GType gst_supcon_encoder_name_get_type (void);
#define GST_SUPCON_ENCODER_NAME_RESNET20 7

/* SupconStem */
#define GST_TYPE_SUPCON_STEM (gst_supcon_stem_get_type ())
GType gst_supcon_stem_get_type (void);

/* SupconProjection */
#define GST_TYPE_SUPCON_PROJECTION (gst_supcon_projection_get_type ())
GType gst_supcon_projection_get_type (void);

/* SupconPrecision */
#define GST_TYPE_SUPCON_PRECISION (gst_supcon_precision_get_type ())
GType gst_supcon_precision_get_type (void);

/* SupconInterpolation */
#define GST_TYPE_SUPCON_INTERPOLATION (gst_supcon_interpolation_get_type ())
GType gst_supcon_interpolation_get_type (void);

/** The nick of a value of an enumeration. */
const gchar *gst_supcon_enum_nick (GType type, gint value);

G_END_DECLS
#endif
