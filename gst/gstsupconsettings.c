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
  guint first_id;
  GArray *settings;             /* Setting */
};

GstSupconSettingsClass *
gst_supcon_settings_class_new (guint first_id)
{
  GstSupconSettingsClass *self = g_new (GstSupconSettingsClass, 1);

  self->first_id = first_id;
  self->settings = g_array_new (FALSE, FALSE, sizeof (Setting));
  return self;
}

guint
gst_supcon_settings_install (GstSupconSettingsClass * self,
    GObjectClass * klass, gsize field, GParamSpec * spec)
{
  Setting setting = { field, spec };
  guint id = self->first_id + self->settings->len;

  g_array_append_val (self->settings, setting);
  g_object_class_install_property (klass, id, spec);
  return id;
}

static const Setting *
find (const GstSupconSettingsClass * self, guint id)
{
  if (id < self->first_id || id - self->first_id >= self->settings->len)
    return NULL;
  return &g_array_index (self->settings, Setting, id - self->first_id);
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

gboolean
gst_supcon_settings_set (const GstSupconSettingsClass * self, gpointer fields,
    guint id, const GValue * value)
{
  const Setting *setting = find (self, id);

  if (setting)
    store (setting, fields, value);
  return setting != NULL;
}

gboolean
gst_supcon_settings_get (const GstSupconSettingsClass * self,
    gconstpointer fields, guint id, GValue * value)
{
  const Setting *setting = find (self, id);

  if (setting)
    fetch (setting, fields, value);
  return setting != NULL;
}
