/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** supcondatasetsrc: a labelled data set as video. */
#ifndef GST_SUPCON_DATASET_SRC_H
#define GST_SUPCON_DATASET_SRC_H

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_SUPCON_DATASET_SRC (gst_supcon_dataset_src_get_type ())
G_DECLARE_FINAL_TYPE (GstSupconDatasetSrc, gst_supcon_dataset_src, GST, SUPCON_DATASET_SRC, GstPushSrc)

G_END_DECLS
#endif
