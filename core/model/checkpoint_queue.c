/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/checkpoint_queue.h"

#include <math.h>
#include <string.h>

const SupconCheckpointQueue supcon_checkpoint_past = { "queue.labels", "queue.samples", "queue.embeddings" };
const SupconCheckpointQueue supcon_checkpoint_logits
    = { "calibration.labels", "calibration.samples", "calibration.logits" };

/* As many as this are far more than anybody trains with. */
#define MAX_QUEUE (1 << 24)

static gboolean
is_empty (const SupconQueue *queue)
{
  return !queue || queue->n == 0;
}

gboolean
supcon_checkpoint_queue_has (const SupconCheckpointQueue *names, const char *tensor)
{
  return g_str_equal (tensor, names->labels) || g_str_equal (tensor, names->samples)
         || g_str_equal (tensor, names->rows);
}

void
supcon_checkpoint_queue_add_integers (
    const SupconCheckpointQueue *names, SupconSafetensorsWriter *writer, const SupconQueue *queue)
{
  if (is_empty (queue))
    return;
  supcon_safetensors_writer_add_tensor (writer, names->labels, SUPCON_DTYPE_I64, 1, &(gsize){ queue->n });
  supcon_safetensors_writer_add_tensor (writer, names->samples, SUPCON_DTYPE_I64, 1, &(gsize){ queue->n });
}

void
supcon_checkpoint_queue_add_rows (
    const SupconCheckpointQueue *names, SupconSafetensorsWriter *writer, const SupconQueue *queue)
{
  if (!is_empty (queue))
    supcon_safetensors_writer_add_tensor (
        writer, names->rows, SUPCON_DTYPE_F32, 2, (const gsize[]){ queue->n, queue->dim });
}

static void
write_integer (SupconSafetensorsWriter *writer, guint64 value)
{
  value = GUINT64_TO_LE (value);
  supcon_safetensors_writer_write (writer, &value, sizeof value);
}

void
supcon_checkpoint_queue_write_integers (SupconSafetensorsWriter *writer, const SupconQueue *queue, guint n_labels)
{
  if (is_empty (queue))
    return;
  for (guint i = 0; i < queue->n; i++) {
    gint64 label = queue->labels[supcon_queue_place (queue, i)];

    write_integer (writer, label < n_labels ? label : -1);
  }
  for (guint i = 0; i < queue->n; i++)
    write_integer (writer, queue->samples[supcon_queue_place (queue, i)]);
}

gboolean
supcon_checkpoint_queue_write_rows (SupconSafetensorsWriter *writer, const SupconQueue *queue)
{
  gboolean finite = TRUE;
  guint32 *row;

  if (is_empty (queue))
    return TRUE;
  row = g_new (guint32, queue->dim);
  for (guint i = 0; i < queue->n; i++) {
    const SupconReal *z = queue->z + (gsize)supcon_queue_place (queue, i) * queue->dim;

    for (guint k = 0; k < queue->dim; k++) {
      float value = z[k];

      finite &= isfinite (value);
      memcpy (&row[k], &value, sizeof value);
      row[k] = GUINT32_TO_LE (row[k]);
    }
    supcon_safetensors_writer_write (writer, row, queue->dim * sizeof *row);
  }
  g_free (row);
  return finite;
}

static gint64
read_integer (const guint8 *bytes, guint index)
{
  guint64 value;

  memcpy (&value, bytes + (gsize)index * sizeof value, sizeof value);
  return (gint64)GUINT64_FROM_LE (value);
}

/* The tensor of that name, of n rows (0: any number of them) of dim numbers each (0: no second dimension). */
static const SupconTensor *
find (const SupconSafetensors *file, const char *name, SupconDtype dtype, gsize n, gsize dim, GError **error)
{
  const SupconTensor *tensor = supcon_safetensors_find (file, name);
  char *shape;

  if (!tensor) {
    supcon_format_error (error, "tensor %s is missing", name);
    return NULL;
  }
  if (tensor->dtype == dtype && tensor->n_dims == (dim ? 2u : 1u) && tensor->dims[0] > 0 && tensor->dims[0] <= MAX_QUEUE
      && (!n || tensor->dims[0] == n) && (!dim || tensor->dims[1] == dim))
    return tensor;
  shape = supcon_shape_to_string (tensor->dims, tensor->n_dims);
  if (dim)
    supcon_format_error (error, "tensor %s is %s of shape %s, expected %s of rows of %" G_GSIZE_FORMAT, name,
        supcon_dtype_name (tensor->dtype), shape, supcon_dtype_name (dtype), dim);
  else
    supcon_format_error (error, "tensor %s is %s of shape %s, expected %s of shape [%" G_GSIZE_FORMAT "]", name,
        supcon_dtype_name (tensor->dtype), shape, supcon_dtype_name (dtype), n);
  g_free (shape);
  return NULL;
}

gboolean
supcon_checkpoint_queue_read (const SupconCheckpointQueue *names, const SupconSafetensors *file, guint dim,
    guint n_labels, SupconQueue **queue, GError **error)
{
  g_autofree guint8 *row_bytes = NULL, *label_bytes = NULL, *sample_bytes = NULL;
  const SupconTensor *rows, *labels, *samples;
  SupconTensor loaded;
  SupconReal *z;
  guint n;

  *queue = NULL;
  if (!supcon_safetensors_find (file, names->rows) && !supcon_safetensors_find (file, names->labels)
      && !supcon_safetensors_find (file, names->samples))
    return TRUE;
  rows = find (file, names->rows, SUPCON_DTYPE_F32, 0, dim, error);
  if (!rows)
    return FALSE;
  n = rows->dims[0];
  labels = find (file, names->labels, SUPCON_DTYPE_I64, n, 0, error);
  samples = labels ? find (file, names->samples, SUPCON_DTYPE_I64, n, 0, error) : NULL;
  if (!samples || !(row_bytes = supcon_safetensors_read (file, rows, error))
      || !(label_bytes = supcon_safetensors_read (file, labels, error))
      || !(sample_bytes = supcon_safetensors_read (file, samples, error)))
    return FALSE;
  loaded = *rows;
  loaded.data = row_bytes;

  *queue = supcon_queue_new (n, dim);
  z = g_new (SupconReal, dim);
  for (guint i = 0; i < n; i++) {
    gint64 label = read_integer (label_bytes, i);
    gboolean finite = TRUE;

    for (guint k = 0; k < dim; k++) {
      z[k] = supcon_tensor_get (&loaded, (gsize)i * dim + k);
      finite &= isfinite (z[k]);
    }
    if (!finite || label < -1 || label >= n_labels) {
      g_free (z);
      g_clear_pointer (queue, supcon_queue_free);
      return supcon_format_error (error,
          "row %u of %s has the label %" G_GINT64_FORMAT "%s; expected finite numbers and -1 or a label below %u", i,
          names->rows, label, finite ? "" : " and numbers that are not finite", n_labels);
    }
    supcon_queue_push (*queue, z, &(gint32){ label }, &(guint64){ read_integer (sample_bytes, i) }, 1);
  }
  g_free (z);
  return TRUE;
}
