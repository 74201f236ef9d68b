/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Properties that are fields of a struct: each is one call that names the field and describes the property. Setting,
 * getting, defaults and freeing follow from that.
 */
#ifndef GST_SUPCON_SETTINGS_H
#define GST_SUPCON_SETTINGS_H

#include <glib-object.h>

G_BEGIN_DECLS

typedef struct _GstSupconSettingsClass GstSupconSettingsClass;

/**
 * What a class's properties are fields of: a struct at 'fields' of the instance. One a class, for ever. Ids are numbered
 * from first_id. klass sets and gets by the functions below, unless it has its own; the object's lock guards the fields.
 */
GstSupconSettingsClass *gst_supcon_settings_class_new (GObjectClass * klass,
    guint first_id, gsize fields);

/**
 * Installs a property. field: offset in the struct of a gboolean, gint, guint, gint64, guint64, gdouble,
 * gchar *, gint[2] (for a fraction) or (for an enumeration) any type of an int's size, as spec's type asks. Takes spec. Returns the id.
 */
guint gst_supcon_settings_install (GstSupconSettingsClass * settings,
    gsize field, GParamSpec * spec);

/** GObjectClass's, for properties that are settings. */
void gst_supcon_settings_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * spec);
void gst_supcon_settings_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * spec);

/** Gives every field of a zeroed struct its default. */
void gst_supcon_settings_init (const GstSupconSettingsClass * settings,
    gpointer fields);
/** Frees the strings. */
void gst_supcon_settings_clear (const GstSupconSettingsClass * settings,
    gpointer fields);

/** Gives fields, a copy of others by assignment, strings of its own. */
void gst_supcon_settings_own_strings (const GstSupconSettingsClass * settings,
    gpointer fields);

G_END_DECLS
#endif
