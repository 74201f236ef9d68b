/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The size of the frames that supcontrainer takes: its model's, or its teacher's. */
#ifndef GST_SUPCON_TRAINER_SIZE_H
#define GST_SUPCON_TRAINER_SIZE_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Zero-initialised; under the element's object lock. */
typedef struct
{
  guint width, height;          /* 0: not known yet */
  gboolean told;                /* that frames of another size are offered */
} GstSupconTrainerSize;

/** 0 x 0: not known any more. */
void gst_supcon_trainer_size_set (GstSupconTrainerSize * size,
    GstElement * element, guint width, guint height);

/**
 * Of caps, which it takes, those of the size, in filter's order where that is not NULL. Warns, once for each size that is
 * set, where filter offers other sizes alone. Not with the lock.
 */
GstCaps *gst_supcon_trainer_size_limit (GstSupconTrainerSize * size,
    GstElement * element, GstCaps * caps, GstCaps * filter);
/** Caps were refused: says once that it is for their size, where it is. */
void gst_supcon_trainer_size_refuse (GstSupconTrainerSize * size,
    GstElement * element, GstCaps * caps);

/** Says that the stream ended before a frame came, most likely for its size where there is one. Not with the lock. */
void gst_supcon_trainer_size_warn_of_no_frame (GstSupconTrainerSize * size,
    GstElement * element);

G_END_DECLS
#endif
