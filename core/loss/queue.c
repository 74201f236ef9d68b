/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loss/queue.h"

#include <string.h>

#include "nn/workspace.h"

SupconQueue *
supcon_queue_new (guint size, guint dim)
{
  SupconQueue *queue = g_new0 (SupconQueue, 1);

  queue->size = size;
  queue->dim = dim;
  queue->z = supcon_real_alloc ((gsize)size * dim);
  queue->labels = g_new (gint32, size);
  queue->samples = g_new (guint64, size);
  return queue;
}

void
supcon_queue_free (SupconQueue *queue)
{
  if (!queue)
    return;
  supcon_real_free (queue->z);
  g_free (queue->labels);
  g_free (queue->samples);
  g_free (queue);
}

guint
supcon_queue_place (const SupconQueue *queue, guint i)
{
  return (queue->next + queue->size - queue->n + i) % queue->size;
}

void
supcon_queue_push (SupconQueue *queue, const SupconReal *z, const gint32 *labels, const guint64 *samples, guint n)
{
  for (guint i = 0; i < n; i++) {
    guint at = queue->next;

    memcpy (queue->z + (gsize)at * queue->dim, z + (gsize)i * queue->dim, queue->dim * sizeof *z);
    queue->labels[at] = labels[i];
    queue->samples[at] = samples[i];
    queue->next = (at + 1) % queue->size;
    queue->n = MIN (queue->n + 1, queue->size);
  }
}
