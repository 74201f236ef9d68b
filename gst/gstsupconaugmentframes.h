/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What supconaugment holds, and how frames become views in it. All but the settings is the streaming thread's. */
#ifndef GST_SUPCON_AUGMENT_FRAMES_H
#define GST_SUPCON_AUGMENT_FRAMES_H

#include <gst/base/gstqueuearray.h>

#include "gstsupconaugment.h"
#include "gstsupconaugmentsettings.h"
#include "gstsupconclips.h"
#include "gstsupconlatency.h"
#include "gstsupconviews.h"

G_BEGIN_DECLS

struct _GstSupconAugment
{
  GstBaseTransform parent;

  GstSupconAugmentSettings settings;    /* under the object lock */

  GstVideoInfo in_info, out_info;       /* in_info is written under the object lock */
  GstBufferPool *pool;          /* the views' buffers, where downstream has none that does; their sample meta stays */
  guint window_asked;           /* upstream has been asked for buffers for such a temporal-window */
  GstSupconClips *clips;
  SupconProgram *program;       /* what the properties were when the frame came */
  gchar *program_text;
  gboolean frame_known;         /* frame counts on from the last one */
  guint64 frame;
  guint frame_views, frame_threads, frame_lookahead;
  gboolean frame_record;
  GstSupconViewDraw draw;       /* of the view to be added next */
  GstSupconViews *views;        /* of this frame and those that wait for it, to be made */
  guint n_waiting;              /* frames whose views are not made */
  GstSupconLatency latency;     /* under the object lock */
  GstQueueArray *made;          /* GstBuffer of views, to be pushed when no frame waits */
};

/** Frames that wait for others do so no longer: their views are made and pushed. */
void gst_supcon_augment_finish (GstSupconAugment * self);
/** Views that are not pushed are given up, and frames are counted anew. */
void gst_supcon_augment_flush (GstSupconAugment * self);
/** Makes the program anew when properties have changed. Where they make none the old one stays. */
gboolean gst_supcon_augment_update_program (GstSupconAugment * self,
    GError ** error);

/** Tells the pipeline how long frames wait for others. */
void gst_supcon_augment_set_latency (GstSupconAugment * self);

/* The base class's functions of these names. */
GstFlowReturn gst_supcon_augment_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * buffer);
GstFlowReturn gst_supcon_augment_generate_output (GstBaseTransform * trans,
    GstBuffer ** outbuf);
GstFlowReturn gst_supcon_augment_transform (GstBaseTransform * trans,
    GstBuffer * inbuf, GstBuffer * outbuf);
gboolean gst_supcon_augment_transform_meta (GstBaseTransform * trans,
    GstBuffer * outbuf, GstMeta * meta, GstBuffer * inbuf);
gboolean gst_supcon_augment_copy_metadata (GstBaseTransform * trans,
    GstBuffer * inbuf, GstBuffer * outbuf);

G_END_DECLS
#endif
