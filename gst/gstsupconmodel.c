/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconmodel.h"

#include <glib/gstdio.h>

#include "error.h"
#include "model/checkpoint.h"
#include "train/trainer.h"

#define WATCH_INTERVAL (G_USEC_PER_SEC / 4)

struct _GstSupconSharedModel
{
  gchar *name;
  guint users;                  /* under the registry's lock */
  GMutex lock;
  GstSupconSnapshot *newest;    /* under lock */
  gboolean claimed;             /* under lock */
};

static GMutex registry_lock;
static GHashTable *registry;    /* name -> GstSupconSharedModel that has users */

/* Takes model and labels. */
static GstSupconSnapshot *
snapshot_new (SupconModel * model, SupconLabels * labels, gdouble temperature,
    gboolean regression, guint64 version)
{
  GstSupconSnapshot *snapshot = g_new (GstSupconSnapshot, 1);

  *snapshot = (GstSupconSnapshot) {
    1, model, labels, temperature, regression, version, 0};
  return snapshot;
}

void
gst_supcon_snapshot_unref (GstSupconSnapshot * snapshot)
{
  if (!g_atomic_int_dec_and_test (&snapshot->ref_count))
    return;
  supcon_model_free ((SupconModel *) snapshot->model);
  supcon_labels_free (snapshot->labels);
  g_free (snapshot);
}

gboolean
gst_supcon_snapshot_check_classifier (const GstSupconSnapshot * snapshot,
    const gchar * name, GError ** error)
{
  if (supcon_model_n_classes (snapshot->model) == 0)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "'%s' has no classifier: train one with supcontrainer stage=linear",
        name);
  else if (snapshot->regression)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "'%s' predicts a number (stage=regression), expected a classifier: "
        "supconencoder layer=logits gives the number", name);
  else
    return TRUE;
  return FALSE;
}

GstSupconSharedModel *
gst_supcon_shared_model_ref (const gchar * name)
{
  GstSupconSharedModel *shared;

  g_mutex_lock (&registry_lock);
  if (!registry)
    registry = g_hash_table_new (g_str_hash, g_str_equal);
  shared = g_hash_table_lookup (registry, name);
  if (!shared) {
    shared = g_new0 (GstSupconSharedModel, 1);
    shared->name = g_strdup (name);
    g_mutex_init (&shared->lock);
    g_hash_table_insert (registry, shared->name, shared);
  }
  shared->users++;
  g_mutex_unlock (&registry_lock);
  return shared;
}

void
gst_supcon_shared_model_unref (GstSupconSharedModel * shared)
{
  gboolean last;

  g_mutex_lock (&registry_lock);
  last = --shared->users == 0;
  if (last)
    g_hash_table_remove (registry, shared->name);
  if (g_hash_table_size (registry) == 0)
    g_clear_pointer (&registry, g_hash_table_unref);
  g_mutex_unlock (&registry_lock);
  if (!last)
    return;
  g_clear_pointer (&shared->newest, gst_supcon_snapshot_unref);
  g_mutex_clear (&shared->lock);
  g_free (shared->name);
  g_free (shared);
}

gboolean
gst_supcon_shared_model_claim (GstSupconSharedModel * shared)
{
  gboolean first;

  g_mutex_lock (&shared->lock);
  first = !shared->claimed;
  shared->claimed = TRUE;
  g_mutex_unlock (&shared->lock);
  return first;
}

void
gst_supcon_shared_model_give_up (GstSupconSharedModel * shared)
{
  g_mutex_lock (&shared->lock);
  shared->claimed = FALSE;
  g_mutex_unlock (&shared->lock);
}

void
gst_supcon_shared_model_publish (GstSupconSharedModel * shared,
    const SupconModel * model, const SupconLabels * labels, gdouble temperature,
    gboolean regression)
{
  GstSupconSnapshot *snapshot, *old;
  SupconLabels *names = supcon_labels_new ();

  supcon_labels_add_all (names, labels);
  snapshot = snapshot_new (supcon_model_copy (model), names, temperature,
      regression, 1);

  g_mutex_lock (&shared->lock);
  old = shared->newest;
  if (old)
    snapshot->version = old->version + 1;
  shared->newest = snapshot;
  g_mutex_unlock (&shared->lock);
  g_clear_pointer (&old, gst_supcon_snapshot_unref);
}

struct _GstSupconModelSource
{
  GstSupconSharedModel *shared; /* NULL: none */
  guint64 shared_version;       /* taken last; 0: none yet */

  gchar *location;              /* NULL: none */
  gboolean watch, has_fallback;
  SupconModelConfig fallback;
  gint64 looked;                /* monotonic time; 0: never */
  struct
  {
    guint64 device, inode, size, seconds, nanoseconds;
  } stamp;                      /* of the file that was read last */
  guint64 file_version;
};

GstSupconModelSource *
gst_supcon_model_source_new (const gchar * name, const gchar * location,
    gboolean watch, const SupconModelConfig * fallback)
{
  GstSupconModelSource *self = g_new0 (GstSupconModelSource, 1);

  self->shared = name ? gst_supcon_shared_model_ref (name) : NULL;
  self->location = g_strdup (location);
  self->watch = watch;
  self->has_fallback = fallback != NULL;
  if (fallback)
    self->fallback = *fallback;
  return self;
}

void
gst_supcon_model_source_free (GstSupconModelSource * self)
{
  g_clear_pointer (&self->shared, gst_supcon_shared_model_unref);
  g_free (self->location);
  g_free (self);
}

const gchar *
gst_supcon_model_source_name (const GstSupconModelSource * self)
{
  return self->shared ? self->shared->name : self->location;
}

static GstSupconSnapshot *
take_shared (GstSupconModelSource * self)
{
  GstSupconSnapshot *newest = NULL;

  g_mutex_lock (&self->shared->lock);
  if (self->shared->newest
      && self->shared->newest->version != self->shared_version) {
    newest = self->shared->newest;
    g_atomic_int_inc (&newest->ref_count);
    self->shared_version = newest->version;
  }
  g_mutex_unlock (&self->shared->lock);
  return newest;
}

/* Whether there is a file that was not read yet; one that cannot be read is told of once, at the start. */
static gboolean
file_is_new (GstSupconModelSource * self)
{
  gint64 now = g_get_monotonic_time ();
  gboolean first = self->looked == 0, is_new;
  GStatBuf s;

  if (!first && (!self->watch || now - self->looked < WATCH_INTERVAL))
    return FALSE;
  self->looked = now;
  if (g_stat (self->location, &s) != 0)
    return first;
  is_new = first || self->stamp.device != s.st_dev
      || self->stamp.inode != s.st_ino || self->stamp.size != (guint64) s.st_size
      || self->stamp.seconds != (guint64) s.st_mtim.tv_sec
      || self->stamp.nanoseconds != (guint64) s.st_mtim.tv_nsec;
  self->stamp.device = s.st_dev;
  self->stamp.inode = s.st_ino;
  self->stamp.size = s.st_size;
  self->stamp.seconds = s.st_mtim.tv_sec;
  self->stamp.nanoseconds = s.st_mtim.tv_nsec;
  return is_new;
}

static GstSupconSnapshot *
take_file (GstSupconModelSource * self, GError ** error)
{
  SupconCheckpointInfo info = { 0 };
  GstSupconSnapshot *snapshot;
  SupconModel *model;

  if (!file_is_new (self))
    return NULL;
  model = supcon_checkpoint_load (self->location,
      self->has_fallback ? &self->fallback : NULL, &info, error);
  if (!model)
    return NULL;
  snapshot = snapshot_new (model, g_steal_pointer (&info.labels),
      info.temperature, g_str_equal (info.stage,
          supcon_stage_name (SUPCON_STAGE_REGRESSION)), ++self->file_version);
  snapshot->fingerprint = supcon_model_fingerprint (model);
  supcon_checkpoint_info_clear (&info);
  return snapshot;
}

GstSupconSnapshot *
gst_supcon_model_source_take (GstSupconModelSource * self, GError ** error)
{
  GstSupconSnapshot *snapshot = self->shared ? take_shared (self) : NULL;

  /* Once a trainer has published, the file is of the past. */
  if (snapshot || self->shared_version || !self->location)
    return snapshot;
  return take_file (self, error);
}
