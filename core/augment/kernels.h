/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The loops over pixels of the operations. kernels.c is compiled once for each instruction set; the plain build is the
 * twin that tests/bench/checkkernels checks the others against, and times. All but the blur give the same bytes
 * whatever the instruction set: a product and a sum are never fused in them. Private to core.
 */
#ifndef SUPCON_AUGMENT_KERNELS_H
#define SUPCON_AUGMENT_KERNELS_H

#include "augment/image.h"

/* Values that the blur sums together: what its input is readable beyond, and its rows of sums are written beyond. */
#define SUPCON_BLUR_BLOCK 64

/** Bits of a weight's fraction, PIL's. */
#define SUPCON_RESIZE_BITS 22
/** Bytes that may be read and written behind the values of a row that was resampled. */
#define SUPCON_RESIZE_BEHIND 64

/** Bytes that may be read behind a plane that is sampled. */
#define SUPCON_SAMPLE_BEHIND 2

/** Of a squared distance, below which its logarithm is not taken; TensorFlow Addons' EPSILON. */
#define SUPCON_WARP_SMALLEST 1e-10

/** How a row is resampled: n bytes, channels of which are one pixel's and share its weights. Byte i is the sum of taps
 * bytes of the row, step bytes apart from offsets[i] on, by weights[i / channels * stride...]. */
typedef struct {
  guint n, channels, taps, step, stride;
  guint32 *offsets;
  const gint32 *weights;
  guint8 *table, *aligned; /* the same in a kernel's own order */
  gsize table_size;
  guint groups, loads; /* what the table was made for, by kernels with vectors */
} SupconAcross;

typedef struct {
  const char *name;
  /**
   * PIL's precompute_coeffs and normalize_coeffs_8bpc: weights[k n + i] of output i of n, whose middle is start + (i +
   * 0.5) scale, for its input number first[i] + k, k < count[i]; 0 up to taps. room: (taps + 2) n numbers.
   */
  void (*weigh) (gboolean bicubic, double start, double scale, const guint *first, const guint *count, guint n,
      guint taps, double *room, gint32 *weights);
  /** Makes plan's table of its other fields. */
  void (*plan_across) (SupconAcross *plan);
  /** One row or two, readable bytes from the first on, rounded and cut off to bytes as PIL does it. Writes behind out.
   */
  void (*across) (const SupconAcross *plan, guint n_rows, const guint8 *row, gsize stride, gsize readable, guint8 *out,
      gsize out_stride);
  /** The weighted sum of rows, readable behind their n bytes. */
  void (*down) (const guint8 *const *rows, const gint32 *weights, guint n_rows, gsize n, guint8 *out);
  /** n interleaved pixels from and to planes. */
  void (*split) (const guint8 *in, gsize n, guint8 *r, guint8 *g, guint8 *b);
  void (*join) (const guint8 *r, const guint8 *g, const guint8 *b, gsize n, guint8 *out);
  /** Each byte replaced by the table's. */
  void (*look_up) (guint8 *bytes, gsize n, const guint8 table[256]);
  void (*count) (const guint8 *bytes, gsize n, guint32 histogram[256]);
  /** offsets[i] = (y + i dy) width + x + i dx, of 16 bits of fraction each, cut off. */
  void (*trace) (gint32 x, gint32 y, gint32 dx, gint32 dy, guint n, guint width, guint32 *offsets);
  void (*take) (const guint8 *from, const guint32 *offsets, guint n, guint8 *out);
  /** out[i] = start + i slope. */
  void (*ramp) (double start, double slope, guint n, float *out);
  /** n bytes for each plane of width x height, taken at (x[i], y[i]), centres of pixels being whole numbers:
   * bilinearly, rounded (a half to even), the edge going on outside. Planes are readable for SUPCON_SAMPLE_BEHIND bytes
   * more. */
  void (*sample) (const guint8 *const *planes, guint n_planes, guint width, guint height, const float *x,
      const float *y, guint n, guint8 *const *out);
  /** Sum of the luma of n pixels, at most 2^24 of them. */
  guint32 (*luma_sum) (const guint8 *r, const guint8 *g, const guint8 *b, guint n);
  void (*saturate) (guint8 *r, guint8 *g, guint8 *b, gsize n, float factor);
  /** shift in 255ths of the circle. */
  void (*turn_hue) (guint8 *r, guint8 *g, guint8 *b, gsize n, gint32 shift);
  void (*grey) (guint8 *r, guint8 *g, guint8 *b, gsize n);
  /** out[1] to out[width - 2] of one row and its neighbours. */
  void (*sharpen) (const guint8 *above, const guint8 *row, const guint8 *below, guint width, float factor, guint8 *out);
  void (*to_float) (const guint8 *in, gsize n, float *out);
  /** One row of the weighted sums of n_rows rows, in whole blocks. */
  void (*blur_down) (const float *const *rows, guint n_rows, const float *weights, guint width, float *out);
  /** in: width + n_weights - 1 values, readable for a block more. */
  void (*blur_across) (const float *in, guint width, const float *weights, guint n_weights, guint8 *out);
  /** n numbers, weighed, to the sums. */
  void (*add_bytes) (const guint8 *bytes, gsize n, float weight, float *sums);
  void (*add_floats) (const float *in, gsize n, float weight, float *sums);
  /** n pixels of Y'CbCr to RGB, by the chroma's matrix, rounded and cut off to bytes. */
  void (*convert) (
      const SupconChroma *chroma, const guint8 *y, const guint8 *cb, const guint8 *cr, guint n, guint8 *out);
  /** Takes one point's part of a warp's flow off the places of a row of pixels; y2 is the squared distance downwards.
   */
  void (*bend) (float point_x, float y2, float weight_x, float weight_y, guint width, float *x, float *y);
} SupconAugmentKernels;

extern const SupconAugmentKernels supcon_augment_plain, supcon_augment_avx2, supcon_augment_avx512;

/** Those that this processor runs, best first; NULL ends them. */
const SupconAugmentKernels *const *supcon_augment_all_kernels (void);
/** The best of them that SUPCON_CPU (cpu.h) allows. */
const SupconAugmentKernels *supcon_augment_kernels (void);

#endif
