/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The operations on pictures, in place, as torchvision.transforms.functional defines them for PIL pictures. Each is a
 * pure function of the picture and its numbers; what is random is the policies'.
 */
#ifndef SUPCON_AUGMENT_OPERATIONS_H
#define SUPCON_AUGMENT_OPERATIONS_H

#include "augment/planes.h"

/** Blends with black, with the mean luma, with the luma of each pixel: factor >= 0, 1 leaves the picture as it is. */
void supcon_planes_brightness (SupconPlanes *picture, double factor);
void supcon_planes_contrast (SupconPlanes *picture, double factor);
void supcon_planes_saturation (SupconPlanes *picture, double factor); /* grey pictures stay as they are */

/** Turns the hue by a share of the circle, -0.5 to 0.5, in PIL's HSV of bytes. Grey pictures stay as they are. */
void supcon_planes_hue (SupconPlanes *picture, double shift);

/** ITU-R BT.601 luma in all three channels. */
void supcon_planes_greyscale (SupconPlanes *picture);

/** Rows that the blur keeps between calls. One per thread at a time. */
typedef struct _SupconBlur SupconBlur;
SupconBlur *supcon_blur_new (void);
void supcon_blur_free (SupconBlur *blur);

/**
 * gaussian_blur with a kernel of 2 radius + 1 pixels and sigma > 0 in both directions, the picture reflected at its
 * edges: radius < width and height. Sums in float32 and two passes, so a byte in a thousand is 1 off.
 */
void supcon_planes_blur (SupconBlur *blur, SupconPlanes *picture, guint radius, double sigma);

#endif
