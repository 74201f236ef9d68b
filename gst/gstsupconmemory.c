/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconmemory.h"

#include "error.h"
#include "model/checkpoint.h"

struct _GstSupconMemory
{
  gchar *location;              /* NULL: they are not kept */
  SupconCheckpointLock *lock;   /* nobody else may write location meanwhile; NULL: it was only read so far */
  SupconExamples *examples;     /* NULL: nothing was learnt yet */
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

  if (!g_file_test (self->location, G_FILE_TEST_EXISTS))
    return TRUE;
  examples = supcon_examples_load (self->location, self->labels, error);
  if (!examples)
    return FALSE;
  supcon_examples_free (self->examples);
  self->examples = examples;
  return TRUE;
}

/* Claimed before it is read, so that what another one writes is read, and nothing is learnt in vain. */
static gboolean
start (GstSupconMemory * self, gboolean learning, GError ** error)
{
  if (learning)
    return claim (self, error) && load (self, error);
  if (g_file_test (self->location, G_FILE_TEST_EXISTS))
    return load (self, error);
  if (supcon_checkpoint_check_writable (self->location, error))
    return TRUE;
  g_prefix_error (error, "memory-location: ");
  return FALSE;
}

static gboolean
begin_change (GstSupconMemory * self, GError ** error)
{
  if (!self->location || self->lock)
    return TRUE;
  if (!claim (self, error))
    return FALSE;
  if (load (self, error))
    return TRUE;
  g_clear_pointer (&self->lock, supcon_checkpoint_lock_free);
  return FALSE;
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
gst_supcon_memory_learn (GstSupconMemory * self, const gfloat * embedding,
    guint dim, const gchar * label, GError ** error)
{
  guint expected;

  if (!begin_change (self, error))
    return FALSE;
  expected = self->examples ? supcon_examples_dim (self->examples) : dim;
  if (dim != expected) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "the frame's embedding has %u numbers, but the examples have %u", dim,
        expected);
    return FALSE;
  }
  if (!self->examples)
    self->examples = supcon_examples_new (dim);
  if (!supcon_examples_add (self->examples, embedding,
          supcon_labels_add (self->labels, label))) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NUMERIC,
        "the frame's embedding has no direction: it is all zero, or numbers in "
        "it are not finite");
    return FALSE;
  }
  self->changed = TRUE;
  return TRUE;
}

/* The class of that label, -1 with the error set when it has no example. */
static gint
find_class (GstSupconMemory * self, const gchar * label, GError ** error)
{
  gint class;

  if (!begin_change (self, error))
    return -1;
  class = supcon_labels_find (self->labels, label);
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
  gint class = find_class (self, label, error);

  if (class < 0)
    return FALSE;
  supcon_examples_forget (self->examples, class);
  self->changed = TRUE;
  return TRUE;
}

gboolean
gst_supcon_memory_rename (GstSupconMemory * self, const gchar * from,
    const gchar * to, gboolean * merged, GError ** error)
{
  gint class = find_class (self, from, error);

  if (class < 0)
    return FALSE;
  *merged = !supcon_labels_rename (self->labels, class, to);
  if (*merged)
    supcon_examples_merge (self->examples, class,
        supcon_labels_find (self->labels, to));
  self->changed = TRUE;
  return TRUE;
}

gboolean
gst_supcon_memory_save (GstSupconMemory * self, GError ** error)
{
  if (self->location && self->changed
      && !supcon_examples_save (self->examples, self->labels, self->location,
          error))
    return FALSE;
  self->changed = FALSE;
  return TRUE;
}
