/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The frames that a trainer is validated on: what came on a sink pad of their own, kept until the element stops. */
#ifndef GST_SUPCON_VALIDATION_H
#define GST_SUPCON_VALIDATION_H

#include <gst/gst.h>

#include "labels.h"
#include "train/validate.h"

G_BEGIN_DECLS

typedef struct _GstSupconValidation GstSupconValidation;

GstSupconValidation *gst_supcon_validation_new (void);
void gst_supcon_validation_free (GstSupconValidation * validation);

/** Makes pad (a sink pad of element) the one that the frames come on. They may come in any thread. */
void gst_supcon_validation_attach (GstSupconValidation * validation,
    GstElement * element, GstPad * pad);

/** Forgets the frames and waits no more, until start. */
void gst_supcon_validation_stop (GstSupconValidation * validation);
void gst_supcon_validation_start (GstSupconValidation * validation);

/**
 * Waits for the end of the pad's stream, then judges the model: by its classifier with labels' numbers as classes, by
 * nearest neighbours when labels is NULL. FALSE without an error: stopped. SUPCON_ERROR_SETTINGS: no frame, or none
 * with a label; SUPCON_ERROR_FORMAT: frames of another size than the model's input.
 */
gboolean gst_supcon_validation_run (GstSupconValidation * validation,
    SupconModel * model, const SupconLabels * labels, SupconValidation * result,
    GError ** error);

G_END_DECLS
#endif
