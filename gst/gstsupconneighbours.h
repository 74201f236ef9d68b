/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What was found in an index, and the forms in which it leaves. */
#ifndef GST_SUPCON_NEIGHBOURS_H
#define GST_SUPCON_NEIGHBOURS_H

#include <gst/gst.h>

#include "index/index.h"

G_BEGIN_DECLS

/**
 * The message and meta supcon-neighbours { timestamp uint64, scores GstValueArray of double, labels and uris GstValueArray
 * of string (empty: none), timestamps GstValueArray of uint64 } of n neighbours in index.
 */
GstStructure *gst_supcon_neighbours_to_structure (const SupconIndex * index,
    const SupconNeighbour * neighbours, guint n, GstClockTime timestamp);

/** A line for each: time, score, label, the last part of the URI. NULL for n = 0. */
gchar *gst_supcon_neighbours_to_text (const SupconIndex * index,
    const SupconNeighbour * neighbours, guint n);

G_END_DECLS
#endif
