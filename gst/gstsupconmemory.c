/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconmemory.h"

#include "error.h"
#include "file.h"
#include "model/checkpoint.h"

struct _GstSupconMemory
{
  gchar *location;              /* NULL: they are not kept */
  SupconCheckpointLock *lock;   /* nobody else may write location meanwhile; NULL: it was only read so far */
  gsize others;                 /* entries of location, where they are more than examples; else 0 */
  SupconExamples *examples;     /* NULL: nothing was learnt yet */
  guint dim;                    /* of embeddings; 0: not known yet */
  SupconLabels *labels;
  gboolean changed;             /* since it was written */
};

static gboolean
claim (GstSupconMemory * self, GError ** error)
{
  self->lock = supcon_checkpoint_claim (self->location, error);
  if (!self->lock)
    g_prefix_error (error, "memory-location: ");
  return self->lock != NULL;
}

static gboolean
load (GstSupconMemory * self, GError ** error)
{
  SupconExamples *examples;
  gsize others;
  GStatBuf status;
  guint dim;

  if (!supcon_file_stat (self->location, &status, error))
    return FALSE;
  if (!status.st_mode)
    return TRUE;
  examples =
      supcon_examples_load (self->location, self->labels, &others, error);
  if (!examples)
    return FALSE;
  dim = supcon_examples_dim (examples);
  if (self->dim && dim != self->dim) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "memory-location: the embeddings in %s have %u numbers, expected %u as "
        "the frames'", self->location, dim, self->dim);
    supcon_examples_free (examples);
    return FALSE;
  }
  supcon_examples_free (self->examples);
  self->examples = examples;
  self->others = others;
  self->dim = dim;
  return TRUE;
}

/* Claimed before it is read, so that what another one writes is read, and nothing is learnt in vain. */
static gboolean
start (GstSupconMemory * self, gboolean learning, GError ** error)
{
  GStatBuf status;

  if (learning)
    return claim (self, error) && load (self, error);
  if (!supcon_file_stat (self->location, &status, error))
    return FALSE;
  if (status.st_mode)
    return load (self, error);
  if (supcon_checkpoint_check_writable (self->location, error))
    return TRUE;
  g_prefix_error (error, "memory-location: ");
  return FALSE;
}

/* claimed: whether it was for this change. */
static gboolean
begin_change (GstSupconMemory * self, gboolean * claimed, GError ** error)
{
  *claimed = self->location && !self->lock;
  return !*claimed || (claim (self, error) && load (self, error));
}

/* What location is for a change that was not made is given back, for others. */
static gboolean
end_change (GstSupconMemory * self, gboolean claimed, gboolean changed)
{
  self->changed |= changed;
  if (claimed && !changed)
    g_clear_pointer (&self->lock, supcon_checkpoint_lock_free);
  return changed;
}

GstSupconMemory *
gst_supcon_memory_new (const gchar * location, gboolean learning,
    SupconLabels * labels, GError ** error)
{
  GstSupconMemory *self = g_new0 (GstSupconMemory, 1);

  self->location = g_strdup (location);
  self->labels = labels;
  if (!location || start (self, learning, error))
    return self;
  gst_supcon_memory_free (self);
  return NULL;
}

void
gst_supcon_memory_free (GstSupconMemory * self)
{
  if (!self)
    return;
  supcon_examples_free (self->examples);
  supcon_checkpoint_lock_free (self->lock);
  g_free (self->location);
  g_free (self);
}

const SupconExamples *
gst_supcon_memory_examples (const GstSupconMemory * self)
{
  return self->examples;
}

gboolean
gst_supcon_memory_check_dim (GstSupconMemory * self, guint dim,
    GError ** error)
{
  if (!self->dim)
    self->dim = dim;
  if (dim != self->dim)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "the frame's embedding has %u numbers, but the examples that are known "
        "(memory-location, and frames before this one) have %u; expected the "
        "encoder and the layer that those were made with", dim, self->dim);
  return dim == self->dim;
}

static gboolean
add (GstSupconMemory * self, const gfloat * embedding, guint64 encoder,
    const gchar * label, GError ** error)
{
  if (!self->examples)
    self->examples = supcon_examples_new (self->dim);
  if (supcon_examples_is_empty (self->examples))
    supcon_examples_set_encoder (self->examples, encoder);
  if (supcon_examples_add (self->examples, embedding,
          supcon_labels_add (self->labels, label)))
    return TRUE;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NUMERIC,
      "the frame's embedding has no direction: it is all zero, or numbers in it "
      "are not finite");
  return FALSE;
}

gboolean
gst_supcon_memory_learn (GstSupconMemory * self, const gfloat * embedding,
    guint64 encoder, const gchar * label, GError ** error)
{
  gboolean claimed;
  gboolean changed = begin_change (self, &claimed, error)
      && add (self, embedding, encoder, label, error);

  return end_change (self, claimed, changed);
}

/* The class of that label, -1 with the error set when it has no example. */
static gint
find_class (GstSupconMemory * self, const gchar * label, GError ** error)
{
  gint class = supcon_labels_find (self->labels, label);

  if (class >= 0 && self->examples
      && supcon_examples_count (self->examples, class))
    return class;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
      "no example of '%s' is known", label);
  return -1;
}

gboolean
gst_supcon_memory_forget (GstSupconMemory * self, const gchar * label,
    GError ** error)
{
  gboolean claimed;
  gint class =
      begin_change (self, &claimed, error) ? find_class (self, label, error)
      : -1;

  if (class >= 0)
    supcon_examples_forget (self->examples, class);
  return end_change (self, claimed, class >= 0);
}

gboolean
gst_supcon_memory_rename (GstSupconMemory * self, const gchar * from,
    const gchar * to, gboolean * merged, GError ** error)
{
  gboolean claimed;
  gint class =
      begin_change (self, &claimed, error) ? find_class (self, from, error)
      : -1;

  *merged = class >= 0 && !supcon_labels_rename (self->labels, class, to);
  if (*merged)
    supcon_examples_merge (self->examples, class,
        supcon_labels_find (self->labels, to));
  return end_change (self, claimed, class >= 0);
}

gboolean
gst_supcon_memory_save (GstSupconMemory * self, GError ** error)
{
  if (!self->location || !self->changed)
    return TRUE;
  if (self->others && !supcon_checkpoint_keep_replaced (self->location,
          self->others, NULL, error))
    return FALSE;
  self->others = 0;
  self->changed = !supcon_examples_save (self->examples, self->labels,
      self->location, error);
  return !self->changed;
}
