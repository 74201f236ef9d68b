/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** From the embeddings that a frame carries to what is said of it. */
#ifndef GST_SUPCON_JUDGE_H
#define GST_SUPCON_JUDGE_H

#include "gstsupconclassifier.h"
#include "gstsupcontaggersettings.h"

G_BEGIN_DECLS

/**
 * Judges the frame, or each of its regions that has an embedding, and adds to verdicts (GArray of GstSupconVerdict), unless
 * there is nothing to say. current: the first tag's class of the whole frame before, -1: none; replaced by this one's.
 * FALSE: the classifier does not take such embeddings.
 */
gboolean gst_supcon_judge (GstSupconClassifier * classifier,
    GstBuffer * frame, const GstSupconTaggerSettings * settings,
    gint * current, GArray * verdicts, GError ** error);

G_END_DECLS
#endif
