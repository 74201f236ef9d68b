/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The resize's sums by AVX2, a part of kernels_resize.h. */
#ifndef SUPCON_AUGMENT_KERNELS_RESIZE_AVX2_H
#define SUPCON_AUGMENT_KERNELS_RESIZE_AVX2_H

/*
 * A weight is two digits of 11 bits. A vector has two halves with 16 bytes of the row each, in which a permutation
 * finds what so many bytes of the result (4, or as many as lie near enough) take of two taps: words, which products sum
 * in pairs to the 32 bits of a lane.
 */
typedef struct {
  guint8 index[32];
  guint32 base[2]; /* where the bytes of each half are */
  guint32 unused[6];
} Fetch;

/* Bytes of the result in half a vector. */
static guint
count_bytes (const SupconAcross *plan)
{
  guint bytes = 4, i = 0;

  while (i < plan->n) {
    guint32 least = plan->offsets[i], last = least;

    for (guint k = i + 1; k < MIN (i + bytes, plan->n); k++) {
      least = MIN (least, plan->offsets[k]);
      last = MAX (last, plan->offsets[k]);
    }
    if (last - least + plan->step < 16) {
      i += bytes;
    } else {
      bytes--;
      i = 0;
    }
  }
  return bytes;
}

static void
plan_half (const SupconAcross *plan, guint first, guint half, guint steps, Fetch *fetch, gint32 *digits)
{
  guint32 base = G_MAXUINT32;

  for (guint lane = 0; lane < 4; lane++)
    base = MIN (base, plan->offsets[MIN (first + MIN (lane, plan->groups - 1), plan->n - 1)]);
  fetch->base[half] = base;
  /* Lanes behind the last byte do its work again. */
  for (guint lane = 0; lane < 4; lane++) {
    guint byte = MIN (first + MIN (lane, plan->groups - 1), plan->n - 1), at = plan->offsets[byte] - base;
    const gint32 *weights = plan->weights + (gsize)(plan->channels == 3 ? byte / 3 : byte) * plan->stride;
    guint8 *index = fetch->index + 16 * half + 4 * lane;

    index[0] = (guint8)at;
    index[2] = (guint8)(at + plan->step);
    index[1] = index[3] = 0x80;
    for (guint s = 0; s < steps; s++) {
      guint32 a = (guint32)weights[2 * s], b = 2 * s + 1 < plan->taps ? (guint32)weights[2 * s + 1] : 0;
      gint32 *pair = digits + 16 * s + 4 * half + lane;

      pair[0] = (gint32)((a & 2047) | (b & 2047) << 16);
      pair[8] = (gint32)(((guint32)((gint32)a >> 11) & 0xffff) | (guint32)((gint32)b >> 11) << 16);
    }
  }
}

static void
plan_across (SupconAcross *plan)
{
  guint steps = (plan->taps + 1) / 2, vectors;
  Fetch *fetch;
  gint32 *digits;

  plan->groups = count_bytes (plan);
  vectors = (plan->n + 2 * plan->groups - 1) / (2 * plan->groups);
  plan->aligned = reserve_table (plan, vectors * (sizeof *fetch + (gsize)steps * 64));
  fetch = (Fetch *)(gpointer)plan->aligned;
  digits = (gint32 *)(gpointer)(fetch + vectors);
  for (guint v = 0; v < vectors; v++)
    for (guint half = 0; half < 2; half++)
      plan_half (plan, (2 * v + half) * plan->groups, half, steps, &fetch[v], digits + 16 * (gsize)steps * v);
}

static inline __m256i
load_halves (const guint8 *row, const guint32 base[2])
{
  __m128i first = _mm_loadu_si128 ((const __m128i *)(gconstpointer)(row + base[0]));

  return _mm256_inserti128_si256 (
      _mm256_castsi128_si256 (first), _mm_loadu_si128 ((const __m128i *)(gconstpointer)(row + base[1])), 1);
}

/* One row or two, which share the loads of weights. */
static inline __attribute__ ((always_inline)) void
across_by (const SupconAcross *plan, guint n_rows, const guint8 *row, gsize stride, gsize readable, guint8 *out,
    gsize out_stride)
{
  static const guint8 orders[4][8] = { { 0, 4 }, { 0, 1, 4, 5 }, { 0, 1, 2, 4, 5, 6 }, { 0, 1, 2, 3, 4, 5, 6, 7 } };
  guint bytes = 2 * plan->groups, vectors = (plan->n + bytes - 1) / bytes, steps = (plan->taps + 1) / 2;
  const Fetch *fetch = (const Fetch *)(gconstpointer)plan->aligned;
  const __m256i *digits = (const __m256i *)(gconstpointer)(fetch + vectors);
  __m128i order = _mm_loadl_epi64 ((const __m128i *)(gconstpointer)orders[plan->groups - 1]);
  gsize beyond = (n_rows - 1) * stride + (gsize)(steps - 1) * 2 * plan->step + 16;

  for (guint v = 0, first = 0; v < vectors; v++, first += bytes, fetch++, digits += 2 * steps) {
    __m256i index = _mm256_load_si256 ((const __m256i *)(gconstpointer)fetch->index);
    __m256i low[2], high[2];
    const guint8 *in = row;

    if (MAX (fetch->base[0], fetch->base[1]) + beyond > readable) {
      for (guint r = 0; r < n_rows; r++)
        across_plain (
            plan, row + r * stride, readable - r * stride, first, MIN (first + bytes, plan->n), out + r * out_stride);
      continue;
    }
    for (guint r = 0; r < n_rows; r++) {
      low[r] = _mm256_set1_epi32 (HALF);
      high[r] = _mm256_setzero_si256 ();
      /* The next rows are on other pages, which processors do not fetch by themselves. */
      _mm_prefetch ((const char *)(in + fetch->base[0] + (n_rows + r) * stride), _MM_HINT_T0);
    }
    for (guint s = 0; s < steps; s++, in += 2 * plan->step)
      for (guint r = 0; r < n_rows; r++) {
        __m256i words = _mm256_shuffle_epi8 (load_halves (in + r * stride, fetch->base), index);

        low[r] = _mm256_add_epi32 (low[r], _mm256_madd_epi16 (words, digits[2 * s]));
        high[r] = _mm256_add_epi32 (high[r], _mm256_madd_epi16 (words, digits[2 * s + 1]));
      }
    for (guint r = 0; r < n_rows; r++) {
      __m256i sum = _mm256_srai_epi32 (_mm256_add_epi32 (low[r], _mm256_slli_epi32 (high[r], 11)), SUPCON_RESIZE_BITS);
      __m128i words = _mm_packs_epi32 (_mm256_castsi256_si128 (sum), _mm256_extracti128_si256 (sum, 1));

      _mm_storel_epi64 ((__m128i *)(gpointer)(out + r * out_stride + first),
          _mm_shuffle_epi8 (_mm_packus_epi16 (words, words), order));
    }
  }
}

static void
across (const SupconAcross *plan, guint n_rows, const guint8 *row, gsize stride, gsize readable, guint8 *out,
    gsize out_stride)
{
  if (n_rows == 2)
    across_by (plan, 2, row, stride, readable, out, out_stride);
  else
    across_by (plan, 1, row, stride, readable, out, out_stride);
}

/* 64 bytes, whose sums stay in registers. */
static void
down (const guint8 *const *rows, const gint32 *weights, guint n_rows, gsize n, guint8 *out)
{
  const __m256i order = _mm256_setr_epi32 (0, 4, 1, 5, 2, 6, 3, 7);

  for (gsize i = 0; i < n; i += 64) {
    __m256i sums[8];
    guint8 bytes[64];

    for (guint q = 0; q < 8; q++)
      sums[q] = _mm256_set1_epi32 (HALF);
    for (guint row = 0; row < n_rows; row++) {
      __m256i weight = _mm256_set1_epi32 (weights[row]);

      for (guint q = 0; q < 8; q++) {
        __m256i values
            = _mm256_cvtepu8_epi32 (_mm_loadl_epi64 ((const __m128i *)(gconstpointer)(rows[row] + i + 8 * q)));

        sums[q] = _mm256_add_epi32 (sums[q], _mm256_mullo_epi32 (values, weight));
      }
    }
    for (guint q = 0; q < 8; q++)
      sums[q] = _mm256_srai_epi32 (sums[q], SUPCON_RESIZE_BITS);
    for (guint q = 0; q < 8; q += 4) {
      __m256i words = _mm256_packus_epi16 (
          _mm256_packs_epi32 (sums[q], sums[q + 1]), _mm256_packs_epi32 (sums[q + 2], sums[q + 3]));

      _mm256_storeu_si256 ((__m256i *)(gpointer)(bytes + 8 * q), _mm256_permutevar8x32_epi32 (words, order));
    }
    memcpy (out + i, bytes, MIN (64, n - i));
  }
}

#endif
