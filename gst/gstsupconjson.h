/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** JSON of what elements say. */
#ifndef GST_SUPCON_JSON_H
#define GST_SUPCON_JSON_H

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * The fields of a structure as one JSON object on one line. Booleans, numbers, strings, enumerations (by nick), structures and
 * arrays of these; a number that is not finite is null, as JSON has none, one above G_MAXINT64 a string of its digits; fields of
 * other types are left out. Free with g_free().
 */
gchar *gst_supcon_structure_to_json (const GstStructure * structure);

/** The properties of an object that can be read, as fields of a structure named like its type. Free with
 * gst_structure_free(). */
GstStructure *gst_supcon_properties_to_structure (GObject * object);

G_END_DECLS
#endif
