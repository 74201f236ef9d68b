/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The operations on pictures, in place, as torchvision.transforms.functional defines them for PIL pictures. Each is a
 * pure function of the picture and its numbers; what is random is the policies'.
 */
#ifndef SUPCON_AUGMENT_OPERATIONS_H
#define SUPCON_AUGMENT_OPERATIONS_H

#include "augment/planes.h"
#include "rng.h"

/** A thread's memory for operations, kept between calls, and its loop over rows, with which others may help. */
typedef struct _SupconScratch SupconScratch;
SupconScratch *supcon_scratch_new (void);
void supcon_scratch_free (SupconScratch *scratch);

/** What one step of a SupconPointwise does. */
typedef enum { SUPCON_PIXELS_TABLE, SUPCON_PIXELS_SATURATION, SUPCON_PIXELS_HUE, SUPCON_PIXELS_GREY } SupconPixelKind;
typedef struct {
  SupconPixelKind kind;
  float factor;
  gint32 shift; /* in 255ths of the circle */
  guint8 table[3][256];
} SupconPixelStep;

/**
 * Operations that change a pixel by its value alone. They wait between begin and end, so that a run of them is one pass
 * over the picture, those that change bytes by one table for each channel, and one count of bytes serves all histograms
 * of such; the bytes are those of doing one after the other. Nothing else may touch the picture before the end. Owned
 * by the caller.
 */
typedef struct {
  SupconPlanes *picture;
  SupconScratch *scratch;
  guint n; /* steps that wait */
  SupconPixelStep steps[4];
  guint64 luma;     /* atomic: the picture's sum */
  gboolean counted; /* histogram is of the picture as the steps will leave it */
  guint32 histogram[3][256];
} SupconPointwise;
void supcon_pointwise_begin (SupconPointwise *pointwise, SupconPlanes *picture, SupconScratch *scratch);
/** Does what waits; more may follow. */
void supcon_pointwise_end (SupconPointwise *pointwise);

/** Blends with black, with the mean luma, with the luma of each pixel: factor >= 0, 1 leaves the picture as it is. */
void supcon_pointwise_brightness (SupconPointwise *pointwise, double factor);
void supcon_pointwise_contrast (SupconPointwise *pointwise, double factor);
void supcon_pointwise_saturation (SupconPointwise *pointwise, double factor);
/** Turns the hue by a share of the circle, -0.5 to 0.5, in PIL's HSV of bytes. Grey pictures stay as they are. */
void supcon_pointwise_hue (SupconPointwise *pointwise, double shift);
/** ITU-R BT.601 luma in all three channels. */
void supcon_pointwise_greyscale (SupconPointwise *pointwise);
/** The highest bits, 0 to 8, are kept. */
void supcon_pointwise_posterize (SupconPointwise *pointwise, guint bits);
/** Bytes from threshold (0 to 256) on are inverted. */
void supcon_pointwise_solarize (SupconPointwise *pointwise, double threshold);
void supcon_pointwise_invert (SupconPointwise *pointwise);
/** Each channel stretched to 0..255, or its histogram made even. */
void supcon_pointwise_auto_contrast (SupconPointwise *pointwise);
void supcon_pointwise_equalize (SupconPointwise *pointwise);

/** Copies of the same size and number of channels. */
void supcon_planes_from_image (const SupconPlanes *planes, const SupconImage *image, SupconScratch *scratch);
void supcon_planes_to_image (const SupconPlanes *planes, const SupconImage *image, SupconScratch *scratch);

void supcon_planes_flip (SupconPlanes *picture); /* left to right */

/** Fills the part of the rectangle that is inside the picture with one value, or with random bytes for fill < 0. */
void supcon_planes_erase (
    SupconPlanes *picture, guint x, guint y, guint width, guint height, double fill, SupconRng *rng);

/**
 * gaussian_blur with a kernel of 2 radius + 1 pixels and sigma > 0 in both directions, the picture reflected at its
 * edges: radius < width and height. Sums in float32 and two passes, so a byte in a thousand is 1 off.
 */
void supcon_planes_blur (SupconPlanes *picture, guint radius, double sigma, SupconScratch *scratch);

/** Blends with the picture smoothed by PIL's 3x3 SMOOTH kernel: factor >= 0, 1 leaves the picture as it is. */
void supcon_planes_sharpness (SupconPlanes *picture, double factor, SupconScratch *scratch);

/**
 * Pixel (x, y) is taken from (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]), centres of pixels being at + 0.5, as
 * PIL's transform (AFFINE, NEAREST) does, with its 16 bits of fraction; outside is black.
 */
void supcon_planes_affine (SupconPlanes *picture, const double matrix[6], SupconScratch *scratch);

/** The same sampled bilinearly and rounded, as torchvision does it on tensors: the edge fades into the black outside.
 */
void supcon_planes_affine_bilinear (SupconPlanes *picture, const double matrix[6], SupconScratch *scratch);

#define SUPCON_WARP_MAX_POINTS 48

/**
 * TensorFlow Addons' sparse_image_warp: the polyharmonic spline of order 2 that moves the n points 'from' to 'to' (x
 * and y in pixels), sampled bilinearly and rounded, the edge going on outside. boundary > 0: so many points to each
 * edge, corners included, stay where they are; n + 4 boundary <= SUPCON_WARP_MAX_POINTS. Points on one line leave the
 * picture as it is.
 */
void supcon_planes_warp (SupconPlanes *picture, guint n, const double (*from)[2], const double (*to)[2], guint boundary,
    SupconScratch *scratch);

#endif
