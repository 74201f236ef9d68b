/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * A source pad for a sparse stream beside the main one, with a thread of its own.
 *
 * What is downstream may hold a text back until it has seen the picture that the text belongs to (textoverlay does). So
 * the thread of the pictures only queues texts here and goes on.
 */
#ifndef GST_SUPCON_TEXT_PAD_H
#define GST_SUPCON_TEXT_PAD_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SUPCON_TEXT_PAD (gst_supcon_text_pad_get_type ())
G_DECLARE_FINAL_TYPE (GstSupconTextPad, gst_supcon_text_pad, GST, SUPCON_TEXT_PAD, GstPad)

/**
 * Queues a buffer or a serialised event (transfer full). Before it goes what its stream needs: stream-start and segment
 * after those that are on sinkpad, and the caps of the pad's template. Blocks only while very many wait. Anything but
 * OK: the text stream failed and the element should stop.
 */
GstFlowReturn gst_supcon_text_pad_push (GstSupconTextPad * pad,
    GstPad * sinkpad, GstMiniObject * item);

/**
 * The element pauses. A sink at the pad's other end may have had the text of the last picture while it played, and would
 * wait for another, which none brings as long as the next picture waits in a sink of its own: a gap of no length ends
 * that.
 */
void gst_supcon_text_pad_pause (GstSupconTextPad * pad);

/** flush-start and flush-stop, in this order (event: transfer none); between them everything is dropped. */
void gst_supcon_text_pad_flush (GstSupconTextPad * pad, GstEvent * event);

G_END_DECLS
#endif
