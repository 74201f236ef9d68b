/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconsettings.h"

#include <gst/gst.h>

typedef struct
{
  gsize field;
  GParamSpec *spec;
} Setting;

struct _GstSupconSettingsClass
{
  GObjectClass *klass;
  guint first_id;
  gsize fields;
  GArray *settings;             /* Setting */
};

/* Of a property: its GstSupconSettingsClass. */
static GQuark
settings_quark (void)
{
  return g_quark_from_static_string ("gst-supcon-settings");
}

GstSupconSettingsClass *
gst_supcon_settings_class_new (GObjectClass * klass, guint first_id,
    gsize fields)
{
  GstSupconSettingsClass *self = g_new (GstSupconSettingsClass, 1);

  self->klass = klass;
  self->first_id = first_id;
  self->fields = fields;
  self->settings = g_array_new (FALSE, FALSE, sizeof (Setting));
  klass->set_property = gst_supcon_settings_set_property;
  klass->get_property = gst_supcon_settings_get_property;
  return self;
}

guint
gst_supcon_settings_install (GstSupconSettingsClass * self, gsize field,
    GParamSpec * spec)
{
  Setting setting = { field, spec };
  guint id = self->first_id + self->settings->len;

  g_array_append_val (self->settings, setting);
  g_param_spec_set_qdata (spec, settings_quark (), self);
  g_object_class_install_property (self->klass, id, spec);
  return id;
}

static void
store (const Setting * setting, gpointer fields, const GValue * value)
{
  gpointer field = (guint8 *) fields + setting->field;

  if (GST_VALUE_HOLDS_FRACTION (value)) {
    ((gint *) field)[0] = gst_value_get_fraction_numerator (value);
    ((gint *) field)[1] = gst_value_get_fraction_denominator (value);
    return;
  }
  switch (G_TYPE_FUNDAMENTAL (G_PARAM_SPEC_VALUE_TYPE (setting->spec))) {
    case G_TYPE_BOOLEAN:
      *(gboolean *) field = g_value_get_boolean (value);
      break;
    case G_TYPE_INT:
      *(gint *) field = g_value_get_int (value);
      break;
    case G_TYPE_UINT:
      *(guint *) field = g_value_get_uint (value);
      break;
    case G_TYPE_INT64:
      *(gint64 *) field = g_value_get_int64 (value);
      break;
    case G_TYPE_UINT64:
      *(guint64 *) field = g_value_get_uint64 (value);
      break;
    case G_TYPE_DOUBLE:
      *(gdouble *) field = g_value_get_double (value);
      break;
    case G_TYPE_ENUM:
      *(gint *) field = g_value_get_enum (value);
      break;
    case G_TYPE_STRING:
      g_free (*(gchar **) field);
      *(gchar **) field = g_value_dup_string (value);
      /* As programs and forms have it: a text of no characters is none. */
      if (!G_PARAM_SPEC_STRING (setting->spec)->default_value
          && g_strcmp0 (*(gchar **) field, "") == 0)
        g_clear_pointer ((gchar **) field, g_free);
      break;
    default:
      g_assert_not_reached ();
  }
}

static void
fetch (const Setting * setting, gconstpointer fields, GValue * value)
{
  gconstpointer field = (const guint8 *) fields + setting->field;

  if (GST_VALUE_HOLDS_FRACTION (value)) {
    gst_value_set_fraction (value, ((const gint *) field)[0],
        ((const gint *) field)[1]);
    return;
  }
  switch (G_TYPE_FUNDAMENTAL (G_PARAM_SPEC_VALUE_TYPE (setting->spec))) {
    case G_TYPE_BOOLEAN:
      g_value_set_boolean (value, *(const gboolean *) field);
      break;
    case G_TYPE_INT:
      g_value_set_int (value, *(const gint *) field);
      break;
    case G_TYPE_UINT:
      g_value_set_uint (value, *(const guint *) field);
      break;
    case G_TYPE_INT64:
      g_value_set_int64 (value, *(const gint64 *) field);
      break;
    case G_TYPE_UINT64:
      g_value_set_uint64 (value, *(const guint64 *) field);
      break;
    case G_TYPE_DOUBLE:
      g_value_set_double (value, *(const gdouble *) field);
      break;
    case G_TYPE_ENUM:
      g_value_set_enum (value, *(const gint *) field);
      break;
    case G_TYPE_STRING:
      g_value_set_string (value, *(gchar * const *) field);
      break;
    default:
      g_assert_not_reached ();
  }
}

void
gst_supcon_settings_init (const GstSupconSettingsClass * self, gpointer fields)
{
  for (guint i = 0; i < self->settings->len; i++) {
    const Setting *setting = &g_array_index (self->settings, Setting, i);

    store (setting, fields, g_param_spec_get_default_value (setting->spec));
  }
}

static gchar **
string_of (const Setting * setting, gpointer fields)
{
  return G_PARAM_SPEC_VALUE_TYPE (setting->spec) == G_TYPE_STRING
      ? (gchar **) ((guint8 *) fields + setting->field) : NULL;
}

void
gst_supcon_settings_own_strings (const GstSupconSettingsClass * self,
    gpointer fields)
{
  for (guint i = 0; i < self->settings->len; i++) {
    gchar **string = string_of (&g_array_index (self->settings, Setting, i),
        fields);

    if (string)
      *string = g_strdup (*string);
  }
}

void
gst_supcon_settings_clear (const GstSupconSettingsClass * self,
    gpointer fields)
{
  for (guint i = 0; i < self->settings->len; i++) {
    gchar **string = string_of (&g_array_index (self->settings, Setting, i),
        fields);

    if (string)
      g_clear_pointer (string, g_free);
  }
}

/* A property's setting and the struct that it is in; NULL, and a warning: it is none. */
static const Setting *
find (GObject * object, guint id, GParamSpec * spec, gpointer * fields)
{
  const GstSupconSettingsClass *self =
      g_param_spec_get_qdata (spec, settings_quark ());

  if (!self) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    return NULL;
  }
  *fields = (guint8 *) object + self->fields;
  return &g_array_index (self->settings, Setting, id - self->first_id);
}

void
gst_supcon_settings_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * spec)
{
  gpointer fields;
  const Setting *setting = find (object, id, spec, &fields);

  if (!setting)
    return;
  GST_OBJECT_LOCK (object);
  store (setting, fields, value);
  GST_OBJECT_UNLOCK (object);
}

void
gst_supcon_settings_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * spec)
{
  gpointer fields;
  const Setting *setting = find (object, id, spec, &fields);

  if (!setting)
    return;
  GST_OBJECT_LOCK (object);
  fetch (setting, fields, value);
  GST_OBJECT_UNLOCK (object);
}
