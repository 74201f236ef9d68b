/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The frames that a trainer is validated on: what came on a sink pad of their own, kept until stop. */
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

/** While unlocked, no run at the end waits. */
void gst_supcon_validation_set_unlocked (GstSupconValidation * validation,
    gboolean unlocked);

/** Flow of run: the model was judged by the frames so far, maybe none. */
#define GST_SUPCON_VALIDATION_SO_FAR GST_FLOW_CUSTOM_SUCCESS

/**
 * Waits for the end of the pad's stream, then judges the model: by its classifier with labels' numbers as classes, by
 * nearest neighbours when labels is NULL. A stream that is live, or that stands still for seconds, as one does that is
 * teed off the training's while that waits, is not waited for: SO_FAR. FLUSHING: stopped, or, at_end (of the training's
 * stream), unlocked. logits: as supcon_validate_classifier() gives them, NULL at first and where it was not asked.
 * SUPCON_ERROR_SETTINGS: no frame, or none with a label; SUPCON_ERROR_FORMAT: frames of another size
 * than the model's input.
 */
GstFlowReturn gst_supcon_validation_run (GstSupconValidation * validation,
    gboolean at_end, SupconModel * model, const SupconLabels * labels,
    SupconValidation * result, SupconQueue ** logits, GError ** error);

G_END_DECLS
#endif
