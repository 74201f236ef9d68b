/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** How the caps of a frame and of its views hang together, and whose buffers views are in. */
#ifndef GST_SUPCON_AUGMENT_CAPS_H
#define GST_SUPCON_AUGMENT_CAPS_H

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "augment/planes.h"

G_BEGIN_DECLS

#define GST_SUPCON_VIEW_FORMATS "{ RGB, GRAY8 }"
#define GST_SUPCON_VIEW_SIDE "(int) [ 1, " G_STRINGIFY (SUPCON_VIEW_MAX_SIDE) " ]"
#define GST_SUPCON_VIEW_CAPS "video/x-raw, format = (string) " \
    GST_SUPCON_VIEW_FORMATS ", width = " GST_SUPCON_VIEW_SIDE ", height = " \
    GST_SUPCON_VIEW_SIDE ", framerate = " GST_VIDEO_FPS_RANGE

/** GstBaseTransform's, of any element that gives views of frames. */
GstCaps *gst_supcon_augment_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter);
GstCaps *gst_supcon_augment_fixate_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * others);

/**
 * Downstream's pool, which may pad rows as it likes where it reads the meta that says so; but another one where it sets
 * a limit, since all views of a frame are held at once and may be more from one frame to the next, or where it offers
 * none. That one is returned and in the query; NULL: downstream's. size: of a view.
 */
GstBufferPool *gst_supcon_augment_choose_pool (GstQuery * query, guint size);

G_END_DECLS
#endif
