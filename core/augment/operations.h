/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The operations on pictures, in place, as torchvision.transforms.functional defines them for PIL pictures. Each is a
 * pure function of the picture and its numbers; what is random is the policies'.
 */
#ifndef SUPCON_AUGMENT_OPERATIONS_H
#define SUPCON_AUGMENT_OPERATIONS_H

#include "augment/planes.h"
#include "rng.h"

/** Blends with the luma of each pixel: factor >= 0, 1 leaves the picture as it is. Grey pictures stay as they are. */
void supcon_planes_saturation (SupconPlanes *picture, double factor);

/** Turns the hue by a share of the circle, -0.5 to 0.5, in PIL's HSV of bytes. Grey pictures stay as they are. */
void supcon_planes_hue (SupconPlanes *picture, double shift);

/** ITU-R BT.601 luma in all three channels. */
void supcon_planes_greyscale (SupconPlanes *picture);

/**
 * Operations that change a byte by its value alone. They wait between begin and end, so that a run of them is one pass
 * by a table for each channel, and one count of bytes serves all of its histograms; the bytes are those of doing one
 * after the other. Nothing else may touch the picture before the end. Owned by the caller.
 */
typedef struct {
  SupconPlanes *picture;
  gboolean waiting; /* table is to be done */
  guint8 table[3][256];
  gboolean counted; /* histogram is of the picture as the table will leave it */
  guint32 histogram[3][256];
} SupconLookup;
void supcon_lookup_begin (SupconLookup *lookup, SupconPlanes *picture);
/** Does what waits; more may follow. */
void supcon_lookup_end (SupconLookup *lookup);

/** Blends with black, with the mean luma: factor >= 0, 1 leaves the picture as it is. */
void supcon_lookup_brightness (SupconLookup *lookup, double factor);
void supcon_lookup_contrast (SupconLookup *lookup, double factor);
/** The highest bits, 0 to 8, are kept. */
void supcon_lookup_posterize (SupconLookup *lookup, guint bits);
/** Bytes from threshold (0 to 256) on are inverted. */
void supcon_lookup_solarize (SupconLookup *lookup, double threshold);
void supcon_lookup_invert (SupconLookup *lookup);
/** Each channel stretched to 0..255, or its histogram made even. */
void supcon_lookup_auto_contrast (SupconLookup *lookup);
void supcon_lookup_equalize (SupconLookup *lookup);

void supcon_planes_flip (SupconPlanes *picture); /* left to right */

/** Fills the part of the rectangle that is inside the picture with one value, or with random bytes for fill < 0. */
void supcon_planes_erase (
    SupconPlanes *picture, guint x, guint y, guint width, guint height, double fill, SupconRng *rng);

/** A copy of a plane, and sums, that operations on neighbourhoods keep between calls. One per thread at a time. */
typedef struct _SupconScratch SupconScratch;
SupconScratch *supcon_scratch_new (void);
void supcon_scratch_free (SupconScratch *scratch);

/**
 * gaussian_blur with a kernel of 2 radius + 1 pixels and sigma > 0 in both directions, the picture reflected at its
 * edges: radius < width and height. Sums in float32 and two passes, so a byte in a thousand is 1 off.
 */
void supcon_planes_blur (SupconPlanes *picture, guint radius, double sigma, SupconScratch *scratch);

/** Blends with the picture smoothed by PIL's 3x3 SMOOTH kernel: factor >= 0, 1 leaves the picture as it is. */
void supcon_planes_sharpness (SupconPlanes *picture, double factor, SupconScratch *scratch);

/**
 * Pixel (x, y) is taken from (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]), centres of pixels being at + 0.5, as
 * PIL's transform (AFFINE, NEAREST) does, with its 16 bits of fraction; outside is black. Sides up to 32,767.
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
