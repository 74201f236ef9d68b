/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconjson.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>


static JsonNode *value_to_node (const GValue * value);
static JsonNode *structure_to_node (const GstStructure * structure);

static JsonNode *
array_to_node (const GValue * value)
{
  JsonArray *array = json_array_new ();
  JsonNode *all = json_node_init_array (json_node_alloc (), array);

  for (guint i = 0; i < gst_value_array_get_size (value); i++) {
    JsonNode *node = value_to_node (gst_value_array_get_value (value, i));

    if (node)
      json_array_add_element (array, node);
  }
  json_array_unref (array);
  return all;
}

/* NULL: of a type that JSON has nothing for, or no structure. */
static JsonNode *
value_to_node (const GValue * value)
{
  JsonNode *node;
  GValue number = G_VALUE_INIT;

  if (GST_VALUE_HOLDS_ARRAY (value))
    return array_to_node (value);
  if (GST_VALUE_HOLDS_STRUCTURE (value))
    return gst_value_get_structure (value) ?
        structure_to_node (gst_value_get_structure (value)) : NULL;
  node = json_node_alloc ();
  if (G_VALUE_HOLDS_STRING (value))
    return g_value_get_string (value) ? json_node_init_string (node,
        g_value_get_string (value)) : json_node_init_null (node);
  if (G_VALUE_HOLDS_BOOLEAN (value))
    return json_node_init_boolean (node, g_value_get_boolean (value));
  if (G_VALUE_HOLDS_ENUM (value)) {
    GEnumClass *klass = g_type_class_ref (G_VALUE_TYPE (value));
    const GEnumValue *entry = g_enum_get_value (klass,
        g_value_get_enum (value));

    json_node_init_string (node, entry ? entry->value_nick : NULL);
    g_type_class_unref (klass);
    return node;
  }
  if (G_VALUE_HOLDS_DOUBLE (value) || G_VALUE_HOLDS_FLOAT (value)) {
    g_value_init (&number, G_TYPE_DOUBLE);
    g_value_transform (value, &number);
    if (isfinite (g_value_get_double (&number)))
      return json_node_init_double (node, g_value_get_double (&number));
    return json_node_init_null (node);
  }
  /* As digits, since json-glib has no greater integer and a double would be another number. */
  if (G_VALUE_HOLDS_UINT64 (value) && g_value_get_uint64 (value) > G_MAXINT64) {
    gchar *digits = g_strdup_printf ("%" G_GUINT64_FORMAT,
        g_value_get_uint64 (value));

    json_node_init_string (node, digits);
    g_free (digits);
    return node;
  }
  if (g_value_type_transformable (G_VALUE_TYPE (value), G_TYPE_INT64)) {
    g_value_init (&number, G_TYPE_INT64);
    g_value_transform (value, &number);
    return json_node_init_int (node, g_value_get_int64 (&number));
  }
  json_node_unref (node);
  return NULL;
}

static gboolean
add_field (GQuark field, const GValue * value, gpointer object)
{
  JsonNode *node = value_to_node (value);

  if (node)
    json_object_set_member (object, g_quark_to_string (field), node);
  return TRUE;
}

static JsonNode *
structure_to_node (const GstStructure * structure)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_init_object (json_node_alloc (), object);

  gst_structure_foreach (structure, add_field, object);
  json_object_unref (object);
  return node;
}

gchar *
gst_supcon_structure_to_json (const GstStructure * structure)
{
  JsonNode *root = structure_to_node (structure);
  gchar *text = json_to_string (root, FALSE);

  json_node_unref (root);
  return text;
}

GstStructure *
gst_supcon_properties_to_structure (GObject * object)
{
  GstStructure *s = gst_structure_new_empty (G_OBJECT_TYPE_NAME (object));
  guint n;
  GParamSpec **specs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &n);

  for (guint i = 0; i < n; i++) {
    GValue value = G_VALUE_INIT;

    /* Objects are the pipeline's, not this one's. */
    if (!(specs[i]->flags & G_PARAM_READABLE)
        || g_type_is_a (specs[i]->value_type, G_TYPE_OBJECT))
      continue;
    g_value_init (&value, specs[i]->value_type);
    g_object_get_property (object, specs[i]->name, &value);
    gst_structure_take_value (s, specs[i]->name, &value);
  }
  g_free (specs);
  return s;
}
