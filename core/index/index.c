/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "index/index_private.h"

#include <math.h>

SupconIndex *
supcon_index_new (guint dim, SupconMetric metric)
{
  SupconIndex *index = g_new0 (SupconIndex, 1);

  index->dim = dim;
  index->metric = metric;
  index->labels = g_array_new (FALSE, FALSE, sizeof (gint32));
  index->uris = g_array_new (FALSE, FALSE, sizeof (gint32));
  index->timestamps = g_array_new (FALSE, FALSE, sizeof (gint64));
  index->label_names = supcon_labels_new ();
  index->uri_names = supcon_labels_new ();
  return index;
}

void
supcon_index_free (SupconIndex *index)
{
  if (!index)
    return;
  supcon_lists_free (index->lists);
  supcon_safetensors_free (index->file);
  g_free (index->added);
  g_array_unref (index->labels);
  g_array_unref (index->uris);
  g_array_unref (index->timestamps);
  supcon_labels_free (index->label_names);
  supcon_labels_free (index->uri_names);
  g_free (index);
}

guint
supcon_index_dim (const SupconIndex *index)
{
  return index->dim;
}

SupconMetric
supcon_index_metric (const SupconIndex *index)
{
  return index->metric;
}

guint64
supcon_index_encoder (const SupconIndex *index)
{
  return index->encoder;
}

void
supcon_index_set_encoder (SupconIndex *index, guint64 fingerprint)
{
  index->encoder = fingerprint;
}

gsize
supcon_index_count (const SupconIndex *index)
{
  return index->n_mapped + index->n_added;
}

static const char *
name_at (const SupconLabels *names, const GArray *numbers, gsize entry)
{
  gint32 number = g_array_index (numbers, gint32, entry);

  return number < 0 ? NULL : supcon_labels_name (names, number);
}

SupconEntry
supcon_index_entry (const SupconIndex *index, gsize entry)
{
  return (SupconEntry){ name_at (index->label_names, index->labels, entry),
    name_at (index->uri_names, index->uris, entry), g_array_index (index->timestamps, gint64, entry) };
}

const SupconReal *
supcon_index_embedding (const SupconIndex *index, gsize entry)
{
  return entry < index->n_mapped ? index->mapped + entry * index->dim
                                 : index->added + (entry - index->n_mapped) * index->dim;
}

SupconReal *
supcon_index_grow (SupconIndex *index)
{
  if (index->n_added == index->capacity) {
    index->capacity += index->capacity / 2 + 256;
    index->added = g_renew (SupconReal, index->added, index->capacity * index->dim);
  }
  return index->added + index->n_added++ * index->dim;
}

double
supcon_index_scale (const SupconIndex *index, const SupconReal *embedding)
{
  double length = supcon_real_length (embedding, index->dim);

  if (!isfinite (length) || (length == 0 && index->metric == SUPCON_METRIC_COSINE))
    return 0;
  return index->metric == SUPCON_METRIC_COSINE ? 1 / length : 1;
}

gboolean
supcon_index_add (SupconIndex *index, const SupconReal *embedding, const SupconEntry *entry)
{
  double scale = supcon_index_scale (index, embedding);
  gint32 label, uri;
  SupconReal *row;

  if (scale == 0 || supcon_index_count (index) == SUPCON_INDEX_MAX_ENTRIES)
    return FALSE;
  g_clear_pointer (&index->lists, supcon_lists_free);
  row = supcon_index_grow (index);
  for (guint i = 0; i < index->dim; i++)
    row[i] = (SupconReal)(embedding[i] * scale);
  label = entry->label ? (gint32)supcon_labels_add (index->label_names, entry->label) : -1;
  uri = entry->uri ? (gint32)supcon_labels_add (index->uri_names, entry->uri) : -1;
  g_array_append_val (index->labels, label);
  g_array_append_val (index->uris, uri);
  g_array_append_val (index->timestamps, entry->timestamp);
  return TRUE;
}
