/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled with -ffp-contract=off: a product and a sum rounded once instead of twice would now and then give another
 * byte than PIL's. */
#include "augment/kernels.h"

#include <string.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "augment/blend.h"
#include "augment/kernels_resize.h"
#include "augment/kernels_sample.h"
#include "augment/kernels_sum.h"

/* The blur has bytes to spare and takes what is faster. */
#if defined(__GNUC__) && !defined(__clang__)
#define FUSED __attribute__ ((optimize ("fp-contract=fast")))
#else
#define FUSED
#endif

#ifdef __AVX512VBMI__

#define EIGHT(at, k) at (k), at (k + 1), at (k + 2), at (k + 3), at (k + 4), at (k + 5), at (k + 6), at (k + 7)
#define ALL(at)                                                                                                        \
  EIGHT (at, 0), EIGHT (at, 8), EIGHT (at, 16), EIGHT (at, 24), EIGHT (at, 32), EIGHT (at, 40), EIGHT (at, 48),        \
      EIGHT (at, 56)

/* 64 pixels at once; what is left over goes to the plain loops. */
static gsize
split_vectors (const guint8 *in, gsize n, guint8 *planes[3])
{
#define RED(k) (3 * (k)) & 127
#define GREEN(k) (3 * (k) + 1) & 127
#define BLUE(k) (3 * (k) + 2) & 127
  static const guint8 index[3][64] = { { ALL (RED) }, { ALL (GREEN) }, { ALL (BLUE) } };
  /* Which come from the last third. */
  static const __mmask64 last[3] = { ~(__mmask64)0 << 43, ~(__mmask64)0 << 43, ~(__mmask64)0 << 42 };
  gsize i;

  for (i = 0; i + 64 <= n; i += 64) {
    __m512i a = _mm512_loadu_si512 (in + 3 * i), b = _mm512_loadu_si512 (in + 3 * i + 64),
            d = _mm512_loadu_si512 (in + 3 * i + 128);

    for (guint c = 0; c < 3; c++) {
      __m512i at = _mm512_loadu_si512 (index[c]);

      _mm512_storeu_si512 (
          planes[c] + i, _mm512_mask_permutexvar_epi8 (_mm512_permutex2var_epi8 (a, at, b), last[c], at, d));
    }
  }
  return i;
}

static gsize
join_vectors (const guint8 *r, const guint8 *g, const guint8 *b, gsize n, guint8 *out)
{
#define AT(k) (k) / 3 + ((k) % 3 == 1 ? 64 : 0)
#define AT_64(k) AT ((k) + 64)
#define AT_128(k) AT ((k) + 128)
  static const guint8 index[3][64] = { { ALL (AT) }, { ALL (AT_64) }, { ALL (AT_128) } };
  /* Every third, in the first vector from the third on. */
  static const __mmask64 blue[3] = { 0x4924924924924924, 0x2492492492492492, 0x9249249249249249 };
  gsize i;

  for (i = 0; i + 64 <= n; i += 64)
    for (guint v = 0; v < 3; v++) {
      __m512i at = _mm512_loadu_si512 (index[v]);
      __m512i two = _mm512_permutex2var_epi8 (_mm512_loadu_si512 (r + i), at, _mm512_loadu_si512 (g + i));

      _mm512_storeu_si512 (
          out + 3 * i + 64 * v, _mm512_mask_permutexvar_epi8 (two, blue[v], at, _mm512_loadu_si512 (b + i)));
    }
  return i;
}

/* The table in four registers: a permutation looks up in two of them, the highest bit says in which. */
static gsize
look_up_vectors (guint8 *bytes, gsize n, const guint8 table[256])
{
  __m512i t0 = _mm512_loadu_si512 (table), t1 = _mm512_loadu_si512 (table + 64), t2 = _mm512_loadu_si512 (table + 128),
          t3 = _mm512_loadu_si512 (table + 192);
  gsize i;

  for (i = 0; i + 64 <= n; i += 64) {
    __m512i at = _mm512_loadu_si512 (bytes + i);

    _mm512_storeu_si512 (bytes + i, _mm512_mask_blend_epi8 (_mm512_movepi8_mask (at),
                                        _mm512_permutex2var_epi8 (t0, at, t1), _mm512_permutex2var_epi8 (t2, at, t3)));
  }
  return i;
}

#else

static gsize
split_vectors (G_GNUC_UNUSED const guint8 *in, G_GNUC_UNUSED gsize n, G_GNUC_UNUSED guint8 *planes[3])
{
  return 0;
}

static gsize
join_vectors (G_GNUC_UNUSED const guint8 *r, G_GNUC_UNUSED const guint8 *g, G_GNUC_UNUSED const guint8 *b,
    G_GNUC_UNUSED gsize n, G_GNUC_UNUSED guint8 *out)
{
  return 0;
}

static gsize
look_up_vectors (G_GNUC_UNUSED guint8 *bytes, G_GNUC_UNUSED gsize n, G_GNUC_UNUSED const guint8 table[256])
{
  return 0;
}
#endif

static void
split (const guint8 *in, gsize n, guint8 *r, guint8 *g, guint8 *b)
{
  guint8 *planes[3] = { r, g, b };

  for (gsize i = split_vectors (in, n, planes); i < n; i++) {
    r[i] = in[3 * i];
    g[i] = in[3 * i + 1];
    b[i] = in[3 * i + 2];
  }
}

static void
join (const guint8 *r, const guint8 *g, const guint8 *b, gsize n, guint8 *out)
{
  for (gsize i = join_vectors (r, g, b, n, out); i < n; i++) {
    out[3 * i] = r[i];
    out[3 * i + 1] = g[i];
    out[3 * i + 2] = b[i];
  }
}

static void
convert (const SupconChroma *chroma, const guint8 *y, const guint8 *cb, const guint8 *cr, guint n, guint8 *out)
{
  enum { RUN = 256 };
  guint8 planes[3][RUN];

  /* Planes first, so that it makes vectors. */
  for (guint first = 0; first < n; first += RUN) {
    guint m = MIN (RUN, n - first);

    for (guint k = 0; k < 3; k++)
      convert_plane (chroma->matrix[k], chroma->offset, y + first, cb + first, cr + first, m, planes[k]);
    join (planes[0], planes[1], planes[2], m, out + 3 * first);
  }
}

static void
look_up (guint8 *bytes, gsize n, const guint8 table[256])
{
  for (gsize i = look_up_vectors (bytes, n, table); i < n; i++)
    bytes[i] = table[bytes[i]];
}

/* Eight at once, in four counters: a plain area would wait for its one counter. */
static void
count (const guint8 *bytes, gsize n, guint32 histogram[256])
{
  guint32 parts[4][256] = { { 0 } };
  gsize i;

  for (i = 0; i + 8 <= n; i += 8) {
    guint64 eight;

    memcpy (&eight, bytes + i, 8);
    for (guint k = 0; k < 8; k++)
      parts[k & 3][eight >> 8 * k & 255]++;
  }
  for (; i < n; i++)
    parts[0][bytes[i]]++;
  for (guint k = 0; k < 256; k++)
    histogram[k] = parts[0][k] + parts[1][k] + parts[2][k] + parts[3][k];
}

static void
trace (gint32 x, gint32 y, gint32 dx, gint32 dy, guint n, guint width, guint32 *restrict offsets)
{
  for (guint i = 0; i < n; i++)
    offsets[i] = (guint32)((y + (gint32)i * dy) >> 16) * width + (guint32)((x + (gint32)i * dx) >> 16);
}

static void
take (const guint8 *restrict from, const guint32 *restrict offsets, guint n, guint8 *restrict out)
{
  for (guint i = 0; i < n; i++)
    out[i] = from[offsets[i]];
}

/* A row at a time, whose sum fits 32 bits. */
static guint32
luma_sum (const guint8 *r, const guint8 *g, const guint8 *b, guint n)
{
  guint32 sum = 0;

  for (guint i = 0; i < n; i++)
    sum += luma (r[i], g[i], b[i]);
  return sum;
}

static void
saturate (guint8 *restrict r, guint8 *restrict g, guint8 *restrict b, gsize n, float factor)
{
  for (gsize i = 0; i < n; i++) {
    float grey = luma (r[i], g[i], b[i]);

    r[i] = blend (grey, r[i], factor);
    g[i] = blend (grey, g[i], factor);
    b[i] = blend (grey, b[i], factor);
  }
}

/* x * 255.0 of PIL's double precision, truncated, for 0 <= x <= 1. Where the product in float32 came out a whole
 * number, what rounding took or gave is exact, and says whether the number was reached. */
static inline __attribute__ ((always_inline)) gint32
to_255 (float x)
{
  float product = x * 255.0f;
  gint32 whole = (gint32)product;

  return whole - (((float)whole == product) & ((x * 256.0f - product) - x < 0.0f));
}

/* Not a branch, which compilers would move computations into. */
static inline __attribute__ ((always_inline)) gint32
choose (gint32 condition, gint32 yes, gint32 no)
{
  return no ^ ((yes ^ no) & -condition);
}

/* n / 255 for whole 0 <= n <= 1536, rounded as the division is, which takes longer: 1 / 255 as a number of few bits,
 * whose product is exact, and the rest. */
static inline __attribute__ ((always_inline)) float
by_255 (float n)
{
  const float high = 0x1.01p-8f, low = (float)(1.0 / 255.0 - 0x1.01p-8);

  return n * high + n * low;
}

/* To HSV and back as PIL's Convert.c does it: hue and saturation are bytes in between, truncated. PIL takes double
 * precision for that; float32 gives the same bytes for all colours (test_operations.c). Everything is computed for
 * every pixel and chosen from, so that it makes vectors. */
static void
turn_hue (guint8 *restrict red, guint8 *restrict green, guint8 *restrict blue, gsize n, gint32 shift)
{
  for (gsize i = 0; i < n; i++) {
    gint32 r = red[i], g = green[i], b = blue[i];
    gint32 most = MAX (r, MAX (g, b)), least = MIN (r, MIN (g, b)), range = most - least;
    float divisor = MAX (range, 1), top = MAX (most, 1), value = most;
    /* What PIL divides for each channel is 0 for the largest and 1 for the least. */
    float middle = (2 * most + least - r - g - b) / divisor;
    float rc = r == least ? 1.0f : middle, gc = g == least ? 1.0f : middle, bc = b == least ? 1.0f : middle;
    float from_red, from_green, from_blue, part, hue, next, saturation = range / top, f, fs;
    gint32 h, s, sector, p, q, t, x, y;

    rc = r == most ? 0.0f : rc;
    gc = g == most ? 0.0f : gc;
    bc = b == most ? 0.0f : bc;
    from_red = bc - gc;
    from_green = 2.0f + rc - bc;
    from_blue = 4.0f + gc - rc;
    part = g == most ? from_green : from_blue;
    part = r == most ? from_red : part;
    hue = part / 6.0f;
    next = hue + 1.0f;
    hue = part < 0.0f ? next : hue;
    h = (to_255 (hue) + shift) & 255;
    s = to_255 (saturation);

    f = by_255 (h * 6.0f);
    sector = (gint32)f;
    f -= sector;
    sector = sector == 6 ? 0 : sector;
    fs = by_255 ((float)s);
    p = (gint32)(value * (1.0f - fs) + 0.5f);
    q = (gint32)(value * (1.0f - fs * f) + 0.5f);
    t = (gint32)(value * (1.0f - fs * (1.0f - f)) + 0.5f);

    x = choose (sector == 1, q, p);
    y = choose (sector == 4, t, x);
    red[i] = (guint8)choose ((sector == 0) | (sector == 5), most, y);
    x = choose (sector == 3, q, p);
    y = choose (sector == 0, t, x);
    green[i] = (guint8)choose ((sector == 1) | (sector == 2), most, y);
    x = choose (sector == 5, q, p);
    y = choose (sector == 2, t, x);
    blue[i] = (guint8)choose ((sector == 3) | (sector == 4), most, y);
  }
}

static void
grey_planes (guint8 *restrict r, guint8 *restrict g, guint8 *restrict b, gsize n)
{
  for (gsize i = 0; i < n; i++)
    r[i] = g[i] = b[i] = (guint8)luma (r[i], g[i], b[i]);
}

/* Row y of PIL's SMOOTH, whose weights are 1 and, in the middle, 5 thirteenths; a thirteenth has no half to round. */
static void
sharpen_row (
    const guint8 *above, const guint8 *row, const guint8 *below, guint width, float factor, guint8 *restrict out)
{
  for (guint x = 1; x + 1 < width; x++) {
    guint sum = above[x - 1] + above[x] + above[x + 1] + row[x - 1] + 5 * row[x] + row[x + 1] + below[x - 1] + below[x]
                + below[x + 1];

    out[x] = blend ((2 * sum + 13) / 26, row[x], factor);
  }
}

/* Values summed together, so that the sums stay in registers. */
#if defined(__AVX512F__)
#define LANES_BYTES 64
#elif defined(__AVX2__)
#define LANES_BYTES 32
#else
#define LANES_BYTES 16
#endif
typedef float Lanes __attribute__ ((vector_size (LANES_BYTES), aligned (4), may_alias));
#define BLOCK LANES_BYTES /* four vectors */
G_STATIC_ASSERT (SUPCON_BLUR_BLOCK % BLOCK == 0);

static void
to_float (const guint8 *restrict in, gsize n, float *restrict out)
{
  for (gsize i = 0; i < n; i++)
    out[i] = in[i];
}

/* One row of the plane blurred downwards. rows: 2 radius + 1 of them. Writes whole blocks. */
FUSED static void
blur_down (const float *const *rows, guint n_rows, const float *weights, guint width, float *restrict out)
{
  for (guint x = 0; x < width; x += BLOCK) {
    Lanes a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

    for (guint k = 0; k < n_rows; k++) {
      const Lanes *in = (const Lanes *)(rows[k] + x);

      a += weights[k] * in[0];
      b += weights[k] * in[1];
      c += weights[k] * in[2];
      d += weights[k] * in[3];
    }
    ((Lanes *)(out + x))[0] = a;
    ((Lanes *)(out + x))[1] = b;
    ((Lanes *)(out + x))[2] = c;
    ((Lanes *)(out + x))[3] = d;
  }
}

/* in: width + 2 radius values, and what is needed to read whole blocks. */
FUSED static void
blur_across (const float *restrict in, guint width, const float *weights, guint n_weights, guint8 *restrict out)
{
  for (guint x = 0; x < width; x += BLOCK) {
    Lanes a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
    float sums[BLOCK];
    guint8 bytes[BLOCK];

    for (guint k = 0; k < n_weights; k++) {
      const Lanes *values = (const Lanes *)(in + x + k);

      a += weights[k] * values[0];
      b += weights[k] * values[1];
      c += weights[k] * values[2];
      d += weights[k] * values[3];
    }
    ((Lanes *)sums)[0] = a;
    ((Lanes *)sums)[1] = b;
    ((Lanes *)sums)[2] = c;
    ((Lanes *)sums)[3] = d;
    for (guint i = 0; i < BLOCK; i++)
      bytes[i] = (guint8)(gint32)(sums[i] + 0.5f);
    memcpy (out + x, bytes, MIN (BLOCK, width - x));
  }
}

const SupconAugmentKernels KERNELS_NAME = {
  .name = KERNELS_SET,
  .weigh = weigh,
  .plan_across = plan_across,
  .across = across,
  .down = down,
  .split = split,
  .join = join,
  .look_up = look_up,
  .count = count,
  .trace = trace,
  .take = take,
  .ramp = ramp,
  .sample = sample,
  .luma_sum = luma_sum,
  .saturate = saturate,
  .turn_hue = turn_hue,
  .grey = grey_planes,
  .sharpen = sharpen_row,
  .to_float = to_float,
  .blur_down = blur_down,
  .blur_across = blur_across,
  .add_bytes = add_bytes,
  .add_floats = add_floats,
  .convert = convert,
  .bend = bend,
};
