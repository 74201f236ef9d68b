/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Crop and antialiased resize, as PIL and torchvision (antialias=True) define them. */
#ifndef SUPCON_AUGMENT_RESIZE_H
#define SUPCON_AUGMENT_RESIZE_H

#include "augment/image.h"
#include "augment/operations.h"

/** A rectangle in pixels. */
typedef struct {
  guint x, y, width, height;
} SupconRect;

typedef enum {
  SUPCON_INTERPOLATION_BILINEAR, /* the triangle filter */
  SUPCON_INTERPOLATION_BICUBIC   /* Keys 1981 with a = -0.5, PIL's */
} SupconInterpolation;

typedef struct _SupconResizer SupconResizer; /* filter weights, kept between calls */
SupconResizer *supcon_resizer_new (void);
void supcon_resizer_free (SupconResizer *resizer);

/**
 * Every kind of picture is resampled as it is stored, and what came out is put in order or converted to RGB, so that no
 * pixel is converted that is not seen.
 *
 * Resamples the rectangle 'crop' of src to the whole of dst by a filter whose support grows with the reduction; mirror:
 * flipped left to right. dst: grey or RGB of src's channels. crop lies inside src and is not empty. Byte for byte
 * what PIL.Image.crop().resize() makes (before Pillow 13, which resizes down first for some sizes); luma and chroma are
 * resampled so before they are converted.
 */
void supcon_resizer_apply (SupconResizer *resizer, const SupconImage *src, const SupconRect *crop, gboolean mirror,
    SupconInterpolation interpolation, const SupconImage *dst, SupconScratch *scratch);

#endif
