/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** How the caps of a frame and of its views hang together. */
#ifndef GST_SUPCON_AUGMENT_CAPS_H
#define GST_SUPCON_AUGMENT_CAPS_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_SUPCON_VIEW_FORMATS "{ RGB, GRAY8 }"

/** GstBaseTransform's, of any element that gives views of frames. */
GstCaps *gst_supcon_augment_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter);
GstCaps *gst_supcon_augment_fixate_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * others);

G_END_DECLS
#endif
