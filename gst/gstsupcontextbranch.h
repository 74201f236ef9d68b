/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The request pad "text" of a transform: at most one at a time, and what its element passes on to it. */
#ifndef GST_SUPCON_TEXT_BRANCH_H
#define GST_SUPCON_TEXT_BRANCH_H

#include <gst/base/gstbasetransform.h>

#include "gstsupcontextpad.h"

G_BEGIN_DECLS

/* A part of the element, under its object lock. */
typedef struct
{
  GstBaseTransform *element;
  GstSupconTextPad *pad;        /* owned by the element's pads; NULL until requested */
  guint32 seek_seqnum;
} GstSupconTextBranch;

/** At the start of an element's class: its pads are frames of any memory in and out, and text on request. */
void gst_supcon_text_branch_add_pad_templates (GstElementClass * klass);

void gst_supcon_text_branch_init (GstSupconTextBranch * branch, GstBaseTransform * element);

/** For the element's request_new_pad and release_pad. NULL when the pad is there already. */
GstPad * gst_supcon_text_branch_request (GstSupconTextBranch * branch, GstPadTemplate * templ);
void gst_supcon_text_branch_release (GstSupconTextBranch * branch, GstPad * pad);

/** For the element's change_state, before its parent's: a pause leaves no sink of texts waiting. */
void gst_supcon_text_branch_change_state (GstSupconTextBranch * branch, GstStateChange transition);

/** Pushes a frame's text (transfer full), or where it is NULL the gap that tells who waits for it that there is none. */
GstFlowReturn gst_supcon_text_branch_push_text (GstSupconTextBranch * branch, GstBuffer * frame, gchar * text);

/**
 * For the element's sink_event: what both streams need of it goes to the text's, then all of it to base, the parent
 * class's. event: transfer full.
 */
gboolean gst_supcon_text_branch_sink_event (GstSupconTextBranch * branch, GstBaseTransformClass * base,
    GstEvent * event);

/**
 * For the element's src_event. Whoever joins text and pictures sends a seek up both pads: TRUE when this one came before.
 */
gboolean gst_supcon_text_branch_is_repeated_seek (GstSupconTextBranch * branch, GstEvent * event);

G_END_DECLS
#endif
