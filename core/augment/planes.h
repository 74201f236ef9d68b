/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The picture that operations work on: one plane of bytes a channel, so that loops over pixels are loops over contiguous
 * bytes, which compilers make vectors of. Interleaved pictures and YUV are turned into it while they are resized.
 */
#ifndef SUPCON_AUGMENT_PLANES_H
#define SUPCON_AUGMENT_PLANES_H

#include <glib.h>

typedef struct {
  guint8 *plane[3]; /* R, G, B, or grey alone; owned by whoever made it; they do not overlap */
  gsize stride;     /* bytes between rows, the same in each plane, at least width */
  guint width, height;
  guint channels; /* 1 (grey) or 3 (RGB) */
} SupconPlanes;

#endif
