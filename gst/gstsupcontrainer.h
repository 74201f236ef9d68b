/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_SUPCON_TRAINER_H
#define GST_SUPCON_TRAINER_H

#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

#define GST_TYPE_SUPCON_TRAINER (gst_supcon_trainer_get_type ())
G_DECLARE_FINAL_TYPE (GstSupconTrainer, gst_supcon_trainer, GST, SUPCON_TRAINER, GstBaseSink)

G_END_DECLS
#endif
