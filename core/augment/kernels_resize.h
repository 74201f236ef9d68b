/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The loops of the resize, a part of kernels.c. PIL's arithmetic: weights of 22 bits, sums of 32, a byte between the
 * two directions; whatever the instruction set, the bytes are PIL's.
 */
#ifndef SUPCON_AUGMENT_KERNELS_RESIZE_H
#define SUPCON_AUGMENT_KERNELS_RESIZE_H

#include <math.h>
#include <string.h>

#include "augment/kernels.h"

#define HALF (1 << (SUPCON_RESIZE_BITS - 1))

static inline __attribute__ ((always_inline)) double
weight_at (gboolean bicubic, double x)
{
  double near, far;

  x = fabs (x);
  if (!bicubic)
    return x < 1.0 ? 1.0 - x : 0.0;
  near = (1.5 * x - 2.5) * x * x + 1.0;
  far = (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5;
  far = x < 2.0 ? far : 0.0;
  return x < 1.0 ? near : far;
}

/* By taps outside and outputs inside, so that it makes vectors. */
static inline __attribute__ ((always_inline)) void
weigh_by (gboolean bicubic, double start, double scale, const guint *restrict first, const guint *restrict count,
    guint n, guint taps, double *restrict room, gint32 *restrict weights)
{
  double inverse = 1.0 / (scale > 1.0 ? scale : 1.0), *centres = room, *totals = room + n,
         *values = room + 2 * (gsize)n;

  for (guint i = 0; i < n; i++) {
    centres[i] = start + ((gint32)i + 0.5) * scale;
    totals[i] = 0;
  }
  for (guint k = 0; k < taps; k++)
    for (guint i = 0; i < n; i++) {
      double value = weight_at (bicubic, ((gint32)(first[i] + k) - centres[i] + 0.5) * inverse);

      value = k < count[i] ? value : 0.0;
      values[(gsize)k * n + i] = value;
      totals[i] += value;
    }
  for (guint k = 0; k < taps; k++)
    for (guint i = 0; i < n; i++) {
      double value = values[(gsize)k * n + i] / totals[i] * (1 << SUPCON_RESIZE_BITS);

      weights[(gsize)k * n + i] = (gint32)(value + (value < 0 ? -0.5 : 0.5));
    }
}

static void
weigh (gboolean bicubic, double start, double scale, const guint *first, const guint *count, guint n, guint taps,
    double *room, gint32 *weights)
{
  if (bicubic)
    weigh_by (TRUE, start, scale, first, count, n, taps, room, weights);
  else
    weigh_by (FALSE, start, scale, first, count, n, taps, room, weights);
}

static inline guint8
to_byte (gint32 sum)
{
  sum >>= SUPCON_RESIZE_BITS;
  return (guint8)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* Aligned to 64 bytes: loads that straddle lines of the cache take twice as long. */
static inline guint8 *
reserve_table (SupconAcross *plan, gsize size)
{
  if (plan->table_size < size) {
    g_free (plan->table);
    plan->table = g_malloc ((plan->table_size = size) + 63);
  }
  return plan->table + (-(guintptr)plan->table & 63);
}

#if defined(__AVX512VBMI__) && defined(__AVX512VNNI__)

/*
 * A weight is three digits of 8 bits with signs, each of which multiplies and sums four bytes to a 32-bit lane at once.
 * The 16 lanes of a vector are 16 / groups bytes of the result, each so many times: where there are many taps, the
 * groups take turns in them and are summed in the end. What lanes need lies within so many loads of 64 bytes, from
 * which a permutation fetches it.
 */
#define LANES 16

typedef struct {
  guint8 index[64];
  guint64 from[7]; /* which bytes come from each load but the first */
  gsize base;      /* where the first load is */
} Fetch;

static inline guint
n_vectors (const SupconAcross *plan)
{
  guint bytes = LANES / plan->groups;

  return (plan->n + bytes - 1) / bytes;
}

static inline guint
n_steps (const SupconAcross *plan)
{
  return (plan->taps + 4 * plan->groups - 1) / (4 * plan->groups);
}

/* The most loads that a vector needs. */
static guint
count_loads (const SupconAcross *plan)
{
  guint bytes = LANES / plan->groups, most = 0;

  for (guint i = 0; i < plan->n; i += bytes) {
    guint32 least = plan->offsets[i], last = least;

    for (guint k = i + 1; k < MIN (i + bytes, plan->n); k++) {
      least = MIN (least, plan->offsets[k]);
      last = MAX (last, plan->offsets[k]);
    }
    most = MAX (most, last - least);
  }
  return (most + (4 * plan->groups - 1) * plan->step) / 64 + 1;
}

/* offset: of the lane's first tap behind the first load. */
static inline void
plan_lane (const SupconAcross *plan, Fetch *fetch, guint lane, guint group, guint offset, const gint32 *weights,
    guint8 *digits)
{
  guint at = offset + 4 * group * plan->step;

  for (guint k = 0; k < 4; k++, at += plan->step) {
    fetch->index[4 * lane + k] = at & 63;
    if (at >= 64)
      fetch->from[at / 64 - 1] |= G_GUINT64_CONSTANT (1) << (4 * lane + k);
  }
  for (guint tap = 4 * group, end = n_steps (plan) * 4 * plan->groups; tap < end;
       tap += 4 * plan->groups, digits += 3 * 64) {
    guint left = plan->taps > tap ? plan->taps - tap : 0;
    __m128i w = _mm_maskz_loadu_epi32 ((__mmask8)(left >= 4 ? 15 : (1 << left) - 1), weights + tap);

    for (guint d = 0; d < 3; d++) {
      gint32 four = _mm_cvtsi128_si32 (_mm_cvtepi32_epi8 (w));

      memcpy (digits + 64 * d + 4 * lane, &four, 4);
      w = _mm_srai_epi32 (_mm_add_epi32 (w, _mm_set1_epi32 (128)), 8);
    }
  }
}

static void
plan_across (SupconAcross *plan)
{
  guint best = 0, best_groups = 0, best_loads = 0, vectors, steps;
  Fetch *fetch;
  guint8 *digits;

  for (plan->groups = 1; plan->groups <= LANES; plan->groups *= 2) {
    guint loads = count_loads (plan), cost = n_vectors (plan) * (n_steps (plan) * (2 * loads + 3) + 8);

    if (loads <= 1 + G_N_ELEMENTS (fetch->from) && (best_groups == 0 || cost < best)) {
      best = cost;
      best_groups = plan->groups;
      best_loads = loads;
    }
  }
  plan->groups = best_groups;
  plan->loads = best_loads;
  vectors = n_vectors (plan);
  steps = n_steps (plan);
  plan->aligned = reserve_table (plan, vectors * (sizeof *fetch + (gsize)steps * 3 * 64));
  fetch = (Fetch *)(gpointer)plan->aligned;
  digits = (guint8 *)(fetch + vectors);

  for (guint v = 0; v < vectors; v++, fetch++, digits += (gsize)steps * 3 * 64) {
    guint bytes = LANES / plan->groups, first = v * bytes;
    guint32 base = G_MAXUINT32;

    for (guint i = first; i < MIN (first + bytes, plan->n); i++)
      base = MIN (base, plan->offsets[i]);
    fetch->base = base;
    memset (fetch->from, 0, sizeof fetch->from);
    /* Lanes behind the last byte do its work again. */
    for (guint i = 0; i < bytes; i++) {
      guint byte = MIN (first + i, plan->n - 1);
      const gint32 *weights = plan->weights + (gsize)(plan->channels == 3 ? byte / 3 : byte) * plan->stride;

      for (guint group = 0; group < plan->groups; group++)
        plan_lane (plan, fetch, group * bytes + i, group, plan->offsets[byte] - base, weights, digits);
    }
  }
}

/* Sums by digit. Not an array, which would not stay in registers. */
typedef struct {
  __m512i low, middle, high;
} Sums;

static inline Sums
add_products (Sums sums, __m512i bytes, __m512i low, __m512i middle, __m512i high)
{
  sums.low = _mm512_dpbusd_epi32 (sums.low, bytes, low);
  sums.middle = _mm512_dpbusd_epi32 (sums.middle, bytes, middle);
  sums.high = _mm512_dpbusd_epi32 (sums.high, bytes, high);
  return sums;
}

static inline __m512i
join_digits (Sums sums)
{
  __m512i upper = _mm512_add_epi32 (_mm512_slli_epi32 (sums.high, 8), sums.middle);

  return _mm512_add_epi32 (_mm512_slli_epi32 (upper, 8), sums.low);
}

/* Up to 64 bytes. */
static inline __m512i
load_some (const guint8 *in, gssize n)
{
  if (n <= 0)
    return _mm512_setzero_si512 ();
  return n >= 64 ? _mm512_loadu_si512 (in) : _mm512_maskz_loadu_epi8 (((__mmask64)1 << n) - 1, in);
}

/* The bytes that the lanes need, of which so many are readable. */
static inline __attribute__ ((always_inline)) __m512i
fetch_bytes (const Fetch *fetch, guint loads, const guint8 *in, gboolean inside, gssize readable)
{
  __m512i index = _mm512_load_si512 (fetch->index);
  __m512i bytes = _mm512_permutexvar_epi8 (index, inside ? _mm512_loadu_si512 (in) : load_some (in, readable));

  for (guint l = 1; l < loads; l++)
    bytes = _mm512_mask_permutexvar_epi8 (bytes, fetch->from[l - 1], index,
        inside ? _mm512_loadu_si512 (in + 64 * l) : load_some (in + 64 * l, readable - 64 * (gssize)l));
  return bytes;
}

/* LANES / groups bytes of the result, and more behind them. */
static inline __attribute__ ((always_inline)) void
store_sums (Sums sums, guint groups, guint8 *out)
{
  __m512i sum = join_digits (sums);

  if (groups > 1)
    sum = _mm512_add_epi32 (sum, _mm512_shuffle_i32x4 (sum, sum, 0x4E));
  if (groups > 2)
    sum = _mm512_add_epi32 (sum, _mm512_shuffle_i32x4 (sum, sum, 0xB1));
  if (groups > 4)
    sum = _mm512_add_epi32 (sum, _mm512_shuffle_epi32 (sum, 0x4E));
  if (groups > 8)
    sum = _mm512_add_epi32 (sum, _mm512_shuffle_epi32 (sum, 0xB1));
  sum = _mm512_srai_epi32 (_mm512_add_epi32 (sum, _mm512_set1_epi32 (HALF)), SUPCON_RESIZE_BITS);
  sum = _mm512_max_epi32 (sum, _mm512_setzero_si512 ());
  _mm_storeu_si128 ((__m128i *)(gpointer)out, _mm512_cvtusepi32_epi8 (sum));
}

/* One row or two, which share the loads of weights. */
static inline __attribute__ ((always_inline)) void
across_by (const SupconAcross *plan, guint groups, guint loads, guint n_rows, const guint8 *row, gsize stride,
    gsize readable, guint8 *out, gsize out_stride)
{
  guint vectors = n_vectors (plan), steps = n_steps (plan), advance = 4 * groups * plan->step;
  const Fetch *fetch = (const Fetch *)(gconstpointer)plan->aligned;
  const guint8 *digits = (const guint8 *)(fetch + vectors);
  const Sums none = { _mm512_setzero_si512 (), _mm512_setzero_si512 (), _mm512_setzero_si512 () };

  for (guint v = 0; v < vectors; v++, fetch++, out += LANES / groups) {
    const guint8 *in = row + fetch->base;
    gssize left = (gssize)(readable - fetch->base);
    gboolean inside = (gssize)((n_rows - 1) * stride + (steps - 1) * advance + 64 * loads) <= left;
    Sums first = none, second = none;

    /* The next rows are on other pages, which processors do not fetch by themselves. */
    for (guint l = 0; l <= loads; l++) {
      _mm_prefetch ((const char *)(in + n_rows * stride + 64 * l), _MM_HINT_T0);
      if (n_rows == 2)
        _mm_prefetch ((const char *)(in + 3 * stride + 64 * l), _MM_HINT_T0);
    }
    for (guint s = 0; s < steps; s++, in += advance, left -= advance, digits += 3 * 64) {
      __m512i low = _mm512_load_si512 (digits), middle = _mm512_load_si512 (digits + 64),
              high = _mm512_load_si512 (digits + 128);

      first = add_products (first, fetch_bytes (fetch, loads, in, inside, left), low, middle, high);
      if (n_rows == 2)
        second = add_products (
            second, fetch_bytes (fetch, loads, in + stride, inside, left - (gssize)stride), low, middle, high);
    }
    store_sums (first, groups, out);
    if (n_rows == 2)
      store_sums (second, groups, out + out_stride);
  }
}

static void
across (const SupconAcross *plan, guint n_rows, const guint8 *row, gsize stride, gsize readable, guint8 *out,
    gsize out_stride)
{
  if (n_rows == 2 && plan->groups == 1 && plan->loads == 1)
    across_by (plan, 1, 1, 2, row, stride, readable, out, out_stride);
  else if (n_rows == 2 && plan->groups == 1 && plan->loads == 2)
    across_by (plan, 1, 2, 2, row, stride, readable, out, out_stride);
  else if (n_rows == 2)
    across_by (plan, plan->groups, plan->loads, 2, row, stride, readable, out, out_stride);
  else
    across_by (plan, plan->groups, plan->loads, 1, row, stride, readable, out, out_stride);
}

/* A vector of four rows: lanes of four bytes, in an order that packing undoes. */
static inline void
down_four (Sums sums[4], const guint8 *const *rows, guint n_rows, const gint32 *weights, gsize i)
{
  const __m512i zero = _mm512_setzero_si512 ();
  __m128i four = _mm_maskz_loadu_epi32 ((__mmask8)(n_rows >= 4 ? 15 : (1 << n_rows) - 1), weights);
  __m512i low = _mm512_broadcastd_epi32 (_mm_cvtepi32_epi8 (four)), middle, high;
  __m512i a = _mm512_loadu_si512 (rows[0] + i), b = n_rows > 1 ? _mm512_loadu_si512 (rows[1] + i) : zero,
          c = n_rows > 2 ? _mm512_loadu_si512 (rows[2] + i) : zero,
          d = n_rows > 3 ? _mm512_loadu_si512 (rows[3] + i) : zero;
  __m512i ab = _mm512_unpacklo_epi8 (a, b), cd = _mm512_unpacklo_epi8 (c, d);

  four = _mm_srai_epi32 (_mm_add_epi32 (four, _mm_set1_epi32 (128)), 8);
  middle = _mm512_broadcastd_epi32 (_mm_cvtepi32_epi8 (four));
  four = _mm_srai_epi32 (_mm_add_epi32 (four, _mm_set1_epi32 (128)), 8);
  high = _mm512_broadcastd_epi32 (_mm_cvtepi32_epi8 (four));
  sums[0] = add_products (sums[0], _mm512_unpacklo_epi16 (ab, cd), low, middle, high);
  sums[1] = add_products (sums[1], _mm512_unpackhi_epi16 (ab, cd), low, middle, high);
  ab = _mm512_unpackhi_epi8 (a, b);
  cd = _mm512_unpackhi_epi8 (c, d);
  sums[2] = add_products (sums[2], _mm512_unpacklo_epi16 (ab, cd), low, middle, high);
  sums[3] = add_products (sums[3], _mm512_unpackhi_epi16 (ab, cd), low, middle, high);
}

static void
down (const guint8 *const *rows, const gint32 *weights, guint n_rows, gsize n, guint8 *out)
{
  const Sums none = { _mm512_set1_epi32 (HALF), _mm512_setzero_si512 (), _mm512_setzero_si512 () };

  for (gsize i = 0; i < n; i += 64) {
    Sums sums[4] = { none, none, none, none };
    __m512i words[4];

    for (guint k = 0; k < n_rows; k += 4)
      down_four (sums, rows + k, n_rows - k, weights + k, i);
    for (guint q = 0; q < 4; q++)
      words[q] = _mm512_srai_epi32 (join_digits (sums[q]), SUPCON_RESIZE_BITS);
    words[0] = _mm512_packs_epi32 (words[0], words[1]);
    words[1] = _mm512_packs_epi32 (words[2], words[3]);
    _mm512_mask_storeu_epi8 (
        out + i, n - i >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << (n - i)) - 1, _mm512_packus_epi16 (words[0], words[1]));
  }
}

#else

/* Bytes from i to end of a row. Where a pixel has fewer taps than most, the last weights are 0, and their bytes may lie
 * beyond what can be read. */
static void
across_plain (const SupconAcross *plan, const guint8 *row, gsize readable, guint i, guint end, guint8 *out)
{
  for (; i < end; i++) {
    const gint32 *weights = plan->weights + (gsize)(i / plan->channels) * plan->stride;
    const guint8 *in = row + plan->offsets[i];
    guint taps = plan->taps;
    gint32 sum = HALF;

    while (plan->offsets[i] + (gsize)(taps - 1) * plan->step >= readable)
      taps--;
    for (guint k = 0; k < taps; k++)
      sum += weights[k] * in[k * plan->step];
    out[i] = to_byte (sum);
  }
}

#ifdef __AVX2__

/* A weight is two digits of 11 bits; a pixel's channels take four taps each at once: [tap 0 to 3 of each channel]. */
static void
plan_across (SupconAcross *plan)
{
  guint steps = (plan->taps + 3) / 4, pixels = plan->n / plan->channels;
  gint16 *digits;

  plan->aligned = reserve_table (plan, (gsize)pixels * steps * 8 * sizeof *digits);
  digits = (gint16 *)(gpointer)plan->aligned;
  for (guint x = 0; x < pixels; x++)
    for (guint k = 0; k < 4 * steps; k++) {
      gint32 weight = k < plan->taps ? plan->weights[(gsize)x * plan->stride + k] : 0;
      gint16 *at = digits + ((gsize)x * steps + k / 4) * 8 + k % 4;

      at[0] = (gint16)(weight & 2047);
      at[4] = (gint16)(weight >> 11);
    }
}

static void
across_row (const SupconAcross *plan, const guint8 *row, gsize readable, guint8 *out)
{
  guint steps = (plan->taps + 3) / 4, pixels = plan->n / plan->channels, advance = 4 * plan->step;
  const gint16 *digits = (const gint16 *)(gconstpointer)plan->aligned;
  guint8 index[16];
  guint32 base;
  __m128i fetch;

  base = plan->offsets[0];
  for (guint c = 1; c < plan->channels; c++)
    base = MIN (base, plan->offsets[c]);
  for (guint i = 0; i < 16; i++)
    index[i] = i / 4 < plan->channels ? (guint8)(plan->offsets[i / 4] - base + i % 4 * plan->step) : 0x80;
  fetch = _mm_loadu_si128 ((const __m128i *)(gconstpointer)index);
  base = plan->offsets[0] - base;

  for (guint x = 0; x < pixels; x++) {
    gsize at = plan->offsets[x * plan->channels] - base;
    __m256i low = _mm256_setzero_si256 (), high = low;
    __m128i pixel;
    gint32 four;

    if (at + (steps - 1) * advance + 16 > readable) {
      across_plain (plan, row, readable, x * plan->channels, (x + 1) * plan->channels, out);
      digits += 8 * steps;
      continue;
    }
    for (guint s = 0; s < steps; s++, at += advance, digits += 8) {
      __m128i bytes = _mm_loadu_si128 ((const __m128i *)(gconstpointer)(row + at));
      __m256i words = _mm256_cvtepu8_epi16 (_mm_shuffle_epi8 (bytes, fetch));
      __m128i w = _mm_loadu_si128 ((const __m128i *)(gconstpointer)digits);

      low = _mm256_add_epi32 (low, _mm256_madd_epi16 (words, _mm256_broadcastq_epi64 (w)));
      high = _mm256_add_epi32 (high, _mm256_madd_epi16 (words, _mm256_broadcastq_epi64 (_mm_unpackhi_epi64 (w, w))));
    }
    low = _mm256_add_epi32 (low, _mm256_slli_epi32 (high, 11));
    low = _mm256_hadd_epi32 (low, low);
    pixel = _mm_unpacklo_epi64 (_mm256_castsi256_si128 (low), _mm256_extracti128_si256 (low, 1));
    pixel = _mm_srai_epi32 (_mm_add_epi32 (pixel, _mm_set1_epi32 (HALF)), SUPCON_RESIZE_BITS);
    pixel = _mm_packs_epi32 (pixel, pixel);
    four = _mm_cvtsi128_si32 (_mm_packus_epi16 (pixel, pixel));
    memcpy (out + x * plan->channels, &four, 4);
  }
}

#else

static void
plan_across (G_GNUC_UNUSED SupconAcross *plan)
{
}

static void
across_row (const SupconAcross *plan, const guint8 *row, gsize readable, guint8 *out)
{
  across_plain (plan, row, readable, 0, plan->n, out);
}

#endif

static void
across (const SupconAcross *plan, guint n_rows, const guint8 *row, gsize stride, gsize readable, guint8 *out,
    gsize out_stride)
{
  for (guint r = 0; r < n_rows; r++)
    across_row (plan, row + r * stride, readable - r * stride, out + r * out_stride);
}

static void
down (const guint8 *const *rows, const gint32 *weights, guint n_rows, gsize n, guint8 *restrict out)
{
  enum { BLOCK = 64 };

  for (gsize i = 0; i < n; i += BLOCK) {
    gint32 sums[BLOCK];
    guint8 bytes[BLOCK];

    for (guint k = 0; k < BLOCK; k++)
      sums[k] = HALF;
    for (guint row = 0; row < n_rows; row++)
      for (guint k = 0; k < BLOCK; k++)
        sums[k] += weights[row] * rows[row][i + k];
    for (guint k = 0; k < BLOCK; k++)
      bytes[k] = to_byte (sums[k]);
    memcpy (out + i, bytes, MIN (BLOCK, n - i));
  }
}

#endif

#undef HALF

#endif
