/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A picture that somebody else owns, as augmentation reads and writes it. */
#ifndef SUPCON_AUGMENT_IMAGE_H
#define SUPCON_AUGMENT_IMAGE_H

#include <glib.h>

typedef struct {
  guint8 *pixels; /* first byte of the first row; not owned */
  gsize stride;   /* bytes between rows */
  guint width, height;
  guint channels; /* 1 (grey) or 3 (RGB), interleaved */
} SupconImage;

#endif
