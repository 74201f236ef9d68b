/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A supconindex in a harness, with an index in the test's folder and embeddings made by hand. */
#ifndef TEST_INDEXING_H
#define TEST_INDEXING_H

#include "folder.h"
#include "gstsupconmeta.h"

static inline void
start_index (Fixture * f, gboolean with_text, const gchar * properties)
{
  gchar *launch = g_strdup_printf ("supconindex location=%s/i.safetensors %s",
      folder, properties);

  start (f, launch, with_text);
  g_free (launch);
}

static inline GstBuffer *
new_embedded (guint number, gfloat x, gfloat y, const gchar * label)
{
  const gfloat embedding[2] = { x, y };
  GstBuffer *frame = numbered_frame_new (number);

  gst_supcon_buffer_set_embedding (frame, embedding, 2, "embedding", "m");
  if (label)
    gst_supcon_buffer_set_sample (frame, label, number, 0);
  return frame;
}

/* The same, made by an encoder. */
static inline GstBuffer *
new_encoded (guint64 encoder, gfloat x, gfloat y)
{
  GstBuffer *frame = new_embedded (0, x, y, NULL);

  gst_supcon_buffer_set_embedding_encoder (frame, encoder);
  return frame;
}

#endif
