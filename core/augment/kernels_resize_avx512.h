/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The resize's sums by the byte products of AVX-512 VNNI, a part of kernels_resize.h. */
#ifndef SUPCON_AUGMENT_KERNELS_RESIZE_AVX512_H
#define SUPCON_AUGMENT_KERNELS_RESIZE_AVX512_H

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

#endif
