/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The operations on pictures, defined as torchvision defines them for PIL pictures (transforms.functional and
 * transforms.autoaugment), in place. Each is a pure function of the picture and its numbers; the randomness is policies'.
 */
#ifndef SUPCON_AUGMENT_OPERATIONS_H
#define SUPCON_AUGMENT_OPERATIONS_H

#include "augment/planes.h"

/** Memory that operations need for a moment, kept between calls. One per thread at a time. */
typedef struct _SupconScratch SupconScratch;
SupconScratch *supcon_scratch_new (void);
void supcon_scratch_free (SupconScratch *scratch);

/**
 * Operations that change a byte by its value alone are collected in one table per channel and applied once. Each
 * supcon_lookup_*() puts its operation behind those that the table holds. Those that look at the whole picture first
 * see it through the table.
 */
typedef struct {
  guint8 table[3][256];
} SupconLookup;

void supcon_lookup_init (SupconLookup *lookup); /* the identity */
void supcon_lookup_apply (const SupconLookup *lookup, SupconPlanes *picture);
void supcon_lookup_brightness (SupconLookup *lookup, double factor); /* >= 0, 1 = as it is */
void supcon_lookup_contrast (SupconLookup *lookup, const SupconPlanes *picture, double factor); /* >= 0 */
void supcon_lookup_posterize (SupconLookup *lookup, guint bits);                                /* kept, 0 to 8 */
void supcon_lookup_solarize (SupconLookup *lookup, double threshold);                           /* 0 to 256 */
void supcon_lookup_invert (SupconLookup *lookup);
void supcon_lookup_auto_contrast (SupconLookup *lookup, const SupconPlanes *picture);
void supcon_lookup_equalize (SupconLookup *lookup, const SupconPlanes *picture);

/* Grey pictures are left as they are by these three. */
void supcon_planes_saturation (SupconPlanes *picture, double factor); /* PIL's ImageEnhance.Color, >= 0 */
void supcon_planes_hue (SupconPlanes *picture, double shift);         /* share of the circle, -0.5 to 0.5 */
void supcon_planes_greyscale (SupconPlanes *picture);                 /* BT.601 luma in all three channels */

void supcon_planes_sharpness (SupconPlanes *picture, double factor, SupconScratch *scratch); /* >= 0 */
/** torchvision's gaussian_blur: kernel is odd and taken in both directions, edges reflected; sigma > 0 in pixels. */
void supcon_planes_blur (SupconPlanes *picture, guint kernel, double sigma, SupconScratch *scratch);

typedef enum {
  SUPCON_INTERPOLATION_NEAREST,
  SUPCON_INTERPOLATION_BILINEAR,
  SUPCON_INTERPOLATION_BICUBIC
} SupconInterpolation;

/**
 * Output pixel (x, y), centres at + 0.5, is taken from (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]) of the picture,
 * as PIL's Image.transform (AFFINE) does; outside it is fill (one byte a channel). Nearest or bilinear.
 */
void supcon_planes_affine (SupconPlanes *picture, const double matrix[6], SupconInterpolation interpolation,
    const guint8 fill[3], SupconScratch *scratch);

/**
 * Sparse image warp (TensorFlow Addons' sparse_image_warp, Cole et al. 2017 for its use on faces): control point i moves
 * from (x[i], y[i]) to (x[i] + dx[i], y[i] + dy[i]), in pixels; a polyharmonic spline of order 2 through them and
 * through the corners and the middles of the edges, which stay, gives every pixel's displacement; bilinear, clamped to
 * the border. n <= 64. A set of points that determines no spline leaves the picture as it is.
 */
void supcon_planes_warp (SupconPlanes *picture, guint n, const double *x, const double *y, const double *dx,
    const double *dy, SupconScratch *scratch);

/** Fills the rectangle's part inside the picture with value (one byte a channel). */
void supcon_planes_erase (SupconPlanes *picture, gint x, gint y, guint width, guint height, const guint8 value[3]);

#endif
