/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "labels.h"

struct _SupconLabels {
  GPtrArray *names;    /* number to name */
  GHashTable *numbers; /* name, owned by names, to number */
};

SupconLabels *
supcon_labels_new (void)
{
  SupconLabels *labels = g_new (SupconLabels, 1);

  labels->names = g_ptr_array_new_with_free_func (g_free);
  labels->numbers = g_hash_table_new (g_str_hash, g_str_equal);
  return labels;
}

void
supcon_labels_free (SupconLabels *labels)
{
  if (!labels)
    return;
  g_hash_table_unref (labels->numbers);
  g_ptr_array_unref (labels->names);
  g_free (labels);
}

guint
supcon_labels_add (SupconLabels *labels, const char *name)
{
  gint known = supcon_labels_find (labels, name);
  char *copy;

  if (known >= 0)
    return known;
  copy = g_strdup (name);
  g_ptr_array_add (labels->names, copy);
  g_hash_table_insert (labels->numbers, copy, GUINT_TO_POINTER (labels->names->len - 1));
  return labels->names->len - 1;
}

void
supcon_labels_add_all (SupconLabels *labels, const SupconLabels *other)
{
  for (guint i = 0; i < other->names->len; i++)
    supcon_labels_add (labels, g_ptr_array_index (other->names, i));
}

void
supcon_labels_add_numbers (SupconLabels *labels, guint n)
{
  for (guint i = labels->names->len; i < n; i++) {
    char name[16];

    g_snprintf (name, sizeof name, "%u", i);
    supcon_labels_add (labels, name);
  }
}

gint
supcon_labels_find (const SupconLabels *labels, const char *name)
{
  gpointer number;

  if (!g_hash_table_lookup_extended (labels->numbers, name, NULL, &number))
    return -1;
  return GPOINTER_TO_INT (number);
}

gboolean
supcon_labels_rename (SupconLabels *labels, guint index, const char *name)
{
  char **place = (char **)&g_ptr_array_index (labels->names, index);
  gint known = supcon_labels_find (labels, name);
  char *old = *place;

  if (known >= 0)
    return (guint)known == index;
  g_hash_table_remove (labels->numbers, old);
  *place = g_strdup (name);
  g_hash_table_insert (labels->numbers, *place, GUINT_TO_POINTER (index));
  g_free (old);
  return TRUE;
}

guint
supcon_labels_count (const SupconLabels *labels)
{
  return labels->names->len;
}

const char *
supcon_labels_name (const SupconLabels *labels, guint index)
{
  return g_ptr_array_index (labels->names, index);
}
