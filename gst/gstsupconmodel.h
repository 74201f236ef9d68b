/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Where elements have their model from: a checkpoint, or another element of the process that trains it.
 *
 * A trainer publishes a whole copy of its model under a name. The newest copy of each name is a snapshot that nobody
 * changes any more; who uses it takes a reference, at a moment that suits, under a lock that is held for the exchange of
 * one pointer. So neither side waits for the other, and there never is half a model.
 */
#ifndef GST_SUPCON_MODEL_H
#define GST_SUPCON_MODEL_H

#include <gst/gst.h>

#include "labels.h"
#include "model/model.h"

G_BEGIN_DECLS

/** What was known of a model at one moment. Not to be changed. */
typedef struct
{
  gint ref_count;
  const SupconModel *model;
  SupconLabels *labels;
  gdouble temperature;          /* divides the classifier's logits */
  gboolean regression;          /* its output is a number, not classes */
  guint64 version;              /* counts from 1 for each name or file */
  guint64 fingerprint;          /* supcon_model_fingerprint of a file's; 0 of a shared one, which moves on */
} GstSupconSnapshot;

void gst_supcon_snapshot_unref (GstSupconSnapshot * snapshot);
/**
 * Whether it has a classifier of classes with names. name: the model's, for the
 * error: SUPCON_ERROR_SETTINGS.
 */
gboolean gst_supcon_snapshot_check_classifier (const GstSupconSnapshot *
    snapshot, const gchar * name, GError ** error);

/** All that goes by one name in this process, as long as somebody uses it. */
typedef struct _GstSupconSharedModel GstSupconSharedModel;

GstSupconSharedModel *gst_supcon_shared_model_ref (const gchar * name);
void gst_supcon_shared_model_unref (GstSupconSharedModel * shared);

/** Who publishes is one: FALSE where there is another. It gives up before it lets go of its reference. */
gboolean gst_supcon_shared_model_claim (GstSupconSharedModel * shared);
void gst_supcon_shared_model_give_up (GstSupconSharedModel * shared);
/**
 * Makes a copy of model and labels, with temperature, the newest. regression: as in a snapshot. Any thread; the model must
 * not change meanwhile.
 */
void gst_supcon_shared_model_publish (GstSupconSharedModel * shared,
    const SupconModel * model, const SupconLabels * labels,
    gdouble temperature, gboolean regression);

/** What one element reads its model from. One thread at a time. */
typedef struct _GstSupconModelSource GstSupconModelSource;

/**
 * name: of a shared model, or NULL. location: a checkpoint, or NULL; with a name it is the model until the first is
 * published. watch: look whether the file was replaced, at most four times a second. fallback: see
 * supcon_checkpoint_load.
 */
GstSupconModelSource *gst_supcon_model_source_new (const gchar * name,
    const gchar * location, gboolean watch, const SupconModelConfig * fallback);
void gst_supcon_model_source_free (GstSupconModelSource * source);
/**
 * The newest snapshot (transfer full) when it is not the one that was taken last; NULL when there is nothing new, or,
 * with error set, when the new file is not good: it is then looked at again when it is replaced once more.
 */
GstSupconSnapshot *gst_supcon_model_source_take (GstSupconModelSource * source,
    GError ** error);
/** The model's name, or its location. */
const gchar *gst_supcon_model_source_name (const GstSupconModelSource * source);

G_END_DECLS
#endif
