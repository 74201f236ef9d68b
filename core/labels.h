/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Label strings, numbered in the order in which they are first seen. */
#ifndef SUPCON_LABELS_H
#define SUPCON_LABELS_H

#include <glib.h>

typedef struct _SupconLabels SupconLabels;

SupconLabels *supcon_labels_new (void);
void supcon_labels_free (SupconLabels *labels);
/** The number of name, a new one when it is not known yet. */
guint supcon_labels_add (SupconLabels *labels, const char *name);
/** Adds the names of other that labels does not know, in their order. */
void supcon_labels_add_all (SupconLabels *labels, const SupconLabels *other);
/** Adds names for the numbers up to n that have none: the numbers themselves. */
void supcon_labels_add_numbers (SupconLabels *labels, guint n);
/** The number of name, or -1. */
gint supcon_labels_find (const SupconLabels *labels, const char *name);
/** Gives number index another name. FALSE, and nothing is changed, when another number has it. */
gboolean supcon_labels_rename (SupconLabels *labels, guint index, const char *name);
guint supcon_labels_count (const SupconLabels *labels);
/** Owned by labels. index < count. */
const char *supcon_labels_name (const SupconLabels *labels, guint index);

#endif
