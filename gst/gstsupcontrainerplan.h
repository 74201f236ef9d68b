/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** How a training of supcontrainer will go, by what was set, what it begins with and what upstream says of its stream.
 */
#ifndef GST_SUPCON_TRAINER_PLAN_H
#define GST_SUPCON_TRAINER_PLAN_H

#include <gst/gst.h>

#include "gstsupcontrainerstart.h"

G_BEGIN_DECLS

/**
 * Fills job, whose strings are those of settings. start's first frame is 0 afterwards where upstream does not play it
 * again. FALSE, SUPCON_ERROR_SETTINGS: what was set or begun with does not fit the stream.
 */
gboolean gst_supcon_trainer_plan (GstPad *sinkpad, const GstSupconTrainerSettings *settings,
    GstSupconTrainerStart *start, GstSupconTrainerJob *job, GError **error);

/** The number that a label of stage=regression is, in decimal digits. FALSE: it is none that a float holds. */
gboolean gst_supcon_trainer_parse_value (const gchar * label, gdouble * value);

G_END_DECLS
#endif
