/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Examples of classes, and the file that keeps them: what supcontagger's methods centroid and knn know. One thread at a
 * time.
 */
#ifndef GST_SUPCON_MEMORY_H
#define GST_SUPCON_MEMORY_H

#include <glib.h>

#include "train/examples.h"

G_BEGIN_DECLS

typedef struct _GstSupconMemory GstSupconMemory;

/**
 * Reads location, if it is not NULL and is there. learning: there will be examples; the right to write location is held
 * from now on, else from the first change on. labels: the classes', which new ones are added to; the caller's, longer
 * than the memory.
 */
GstSupconMemory *gst_supcon_memory_new (const gchar * location,
    gboolean learning, SupconLabels * labels, GError ** error);
void gst_supcon_memory_free (GstSupconMemory * memory);

/** NULL: nothing was ever learnt. */
const SupconExamples *gst_supcon_memory_examples (const GstSupconMemory *
    memory);

/** Whether dim numbers can be compared with the examples, and with what was asked before. SUPCON_ERROR_SETTINGS */
gboolean gst_supcon_memory_check_dim (GstSupconMemory * memory, guint dim,
    GError ** error);

/*
 * Changes. The first one holds the right to write location from then on, if it was not held before, and begins with what
 * is there by then, in other examples. SUPCON_ERROR_SETTINGS: somebody else writes it, or its examples have other
 * numbers. What fails changes and holds nothing.
 */

/** Adds an example, whose numbers were checked, of an encoder (its fingerprint, 0: not known): the first one's is that of
 * all. SUPCON_ERROR_NUMERIC: it has no direction. */
gboolean gst_supcon_memory_learn (GstSupconMemory * memory,
    const gfloat * embedding, guint64 encoder, const gchar * label,
    GError ** error);
/** FALSE: there is no example of it. */
gboolean gst_supcon_memory_forget (GstSupconMemory * memory,
    const gchar * label, GError ** error);
/** What was of class from is of class to. merged: whether that was there already. FALSE: there is no example of from. */
gboolean gst_supcon_memory_rename (GstSupconMemory * memory,
    const gchar * from, const gchar * to, gboolean * merged, GError ** error);

/** Writes the examples to location, where they have changed and there is one. An index that is more than examples keeps a
 * second name (supcon_checkpoint_keep_replaced). */
gboolean gst_supcon_memory_save (GstSupconMemory * memory, GError ** error);

G_END_DECLS
#endif
