/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both operands are copied to the order of nn/bf16_tile.h, in pairs of terms, 16 pairs of 16 rows or columns at a time:
 * whichever way a block lies in memory, its pairs are made along vectors, and it is transposed where the operand's
 * order is the other one. */
#include "nn/gemm_bf16x2.h"

#include "cpu.h"
#include "nn/bf16_tile.h"
#include "simd.h"

#define SIDE (2 * SUPCON_BF16_BLOCK) /* of a product's tile */
#define TERMS SUPCON_BF16_STEP       /* of a block: 16 pairs */

/* op(A), or op(B) transposed: n rows of k terms. */
typedef struct {
  const SupconReal *x;
  gsize ld, n, k;
  gboolean across; /* a row's terms are ld apart, not next to each other */
} Operand;

/* Where an operand's copy goes: the upper and the lower halves of the numbers, in pairs. */
typedef struct {
  guint32 *high, *low, *high_again; /* the last may be NULL */
  gsize row;                        /* pairs between a block's lines */
  gboolean across;                  /* a line is a pair's 16 rows, not a row's 16 pairs */
} Copy;

#define EACH_LANE(what, step)                                                                                          \
  what (0, step), what (1, step), what (2, step), what (3, step), what (4, step), what (5, step), what (6, step),      \
      what (7, step), what (8, step), what (9, step), what (10, step), what (11, step), what (12, step),               \
      what (13, step), what (14, step), what (15, step)
#define UPPER_LANE(i, step) ((i) & (step) ? SUPCON_LANES + (i) - (step) : (i))
#define LOWER_LANE(i, step) ((i) & (step) ? SUPCON_LANES + (i) : (i) + (step))
#define STRIDED_LANE(i, first) (2 * (i) + (first))

/* Squares of step x step elements change places. */
#define EXCHANGE(v, step)                                                                                              \
  for (guint i = 0; i < SUPCON_LANES; i++)                                                                             \
    if (!(i & (step))) {                                                                                               \
      SupconBitLanes upper = v[i], lower = v[i + (step)];                                                              \
                                                                                                                       \
      v[i] = __builtin_shufflevector (upper, lower, EACH_LANE (UPPER_LANE, step));                                     \
      v[i + (step)] = __builtin_shufflevector (upper, lower, EACH_LANE (LOWER_LANE, step));                            \
    }

static SUPCON_INLINE void
transpose (SupconBitLanes *v)
{
  EXCHANGE (v, 8)
  EXCHANGE (v, 4)
  EXCHANGE (v, 2)
  EXCHANGE (v, 1)
}

static SUPCON_INLINE void
make_pairs (const SupconFloatLanes *even, const SupconFloatLanes *odd, SupconBitLanes *high, SupconBitLanes *low)
{
  SupconBitLanes a = (SupconBitLanes)*even, b = (SupconBitLanes)*odd, a_rest, b_rest;

  supcon_bits_round (&a);
  supcon_bits_round (&b);
  a_rest = (SupconBitLanes)(*even - (SupconFloatLanes)a);
  b_rest = (SupconBitLanes)(*odd - (SupconFloatLanes)b);
  supcon_bits_round (&a_rest);
  supcon_bits_round (&b_rest);
  *high = a >> 16 | b;
  *low = a_rest >> 16 | b_rest;
}

/* A block at the operand's edge, with zeros outside, or of double. */
static const float *
copy_edge (const Operand *from, gsize row, gsize term, gsize ld, float *edge)
{
  memset (edge, 0, SUPCON_LANES * TERMS * sizeof *edge);
  for (gsize i = row; i < MIN (from->n, row + SUPCON_LANES); i++)
    for (gsize k = term; k < MIN (from->k, term + TERMS); k++) {
      if (from->across)
        edge[(k - term) * ld + i - row] = from->x[k * from->ld + i];
      else
        edge[(i - row) * ld + k - term] = from->x[i * from->ld + k];
    }
  return edge;
}

static SUPCON_INLINE void
copy_block (const Operand *from, gsize row, gsize term, const Copy *to, gsize at)
{
  SupconBitLanes high[SUPCON_LANES], low[SUPCON_LANES];
  float edge[SUPCON_LANES * TERMS];
  gsize ld = from->ld;
  const float *x;

#ifndef SUPCON_DOUBLE
  if (row + SUPCON_LANES <= from->n && term + TERMS <= from->k) {
    x = from->x + (from->across ? term * ld + row : row * ld + term);
  } else
#endif
  {
    ld = from->across ? SUPCON_LANES : TERMS;
    x = copy_edge (from, row, term, ld, edge);
  }
  for (guint i = 0; i < SUPCON_LANES; i++) {
    const float *first = x + (from->across ? 2 * i * ld : i * ld);
    SupconFloatLanes one = *(const SupconFloatLanes *)first,
                     other = *(const SupconFloatLanes *)(first + (from->across ? ld : SUPCON_LANES));

    if (!from->across) {
      SupconFloatLanes even = __builtin_shufflevector (one, other, EACH_LANE (STRIDED_LANE, 0));

      other = __builtin_shufflevector (one, other, EACH_LANE (STRIDED_LANE, 1));
      one = even;
    }
    make_pairs (&one, &other, &high[i], &low[i]);
  }
  if (from->across != to->across) {
    transpose (high);
    transpose (low);
  }
  for (guint i = 0; i < SUPCON_LANES; i++) {
    *(SupconBitLanes *)(to->high + at + i * to->row) = high[i];
    *(SupconBitLanes *)(to->low + at + i * to->row) = low[i];
    if (to->high_again)
      *(SupconBitLanes *)(to->high_again + at + i * to->row) = high[i];
  }
}

/* k terms in whole blocks. */
static gsize
whole_terms (gsize k)
{
  return (k + TERMS - 1) / TERMS * TERMS;
}

static gsize
whole_rows (gsize n)
{
  return (n + SIDE - 1) / SIDE * SIDE;
}

/* Row after row. */
SUPCON_MULTIVERSION static void
copy_rows (const Operand *from, guint32 *high, guint32 *low)
{
  gsize pairs = whole_terms (from->k) / 2;
  const Copy to = { .high = high, .low = low, .row = pairs };

  for (gsize row = 0; row < whole_rows (from->n); row += SUPCON_LANES)
    for (gsize term = 0; term < from->k; term += TERMS)
      copy_block (from, row, term, &to, row * pairs + term / 2);
}

/* Panels of 32 rows: pair after pair of the upper halves, of the lower ones and of the upper ones. */
SUPCON_MULTIVERSION static void
copy_panels (const Operand *from, guint32 *panels)
{
  gsize part = whole_terms (from->k) / 2 * SIDE;
  const Copy to = { panels, panels + part, panels + 2 * part, SIDE, TRUE };

  for (gsize row = 0; row < whole_rows (from->n); row += SUPCON_LANES)
    for (gsize term = 0; term < from->k; term += TERMS)
      copy_block (from, row, term, &to, row / SIDE * 3 * part + row % SIDE + term / 2 * SIDE);
}

SUPCON_MULTIVERSION static void
add_tile (const SupconReal *sums, gsize rows, gsize cols, SupconReal alpha, SupconReal beta, SupconReal *c, gsize ldc)
{
  for (gsize i = 0; i < rows; i++, sums += SIDE, c += ldc) {
    if (beta == 0)
      for (gsize j = 0; j < cols; j++)
        c[j] = alpha * sums[j];
    else
      for (gsize j = 0; j < cols; j++)
        c[j] = beta * c[j] + alpha * sums[j];
  }
}

gboolean
supcon_gemm_bf16x2_wins (void)
{
  return sizeof (SupconReal) == sizeof (float) && supcon_cpu_level () >= SUPCON_CPU_AMX;
}

gsize
supcon_gemm_bf16x2_scratch (gsize m, gsize n, gsize k)
{
  return (2 * whole_rows (m) + 3 * whole_rows (n)) * whole_terms (k) * sizeof (SupconBfloat16);
}

void
supcon_gemm_bf16x2 (SupconTranspose trans_a, SupconTranspose trans_b, gsize m, gsize n, gsize k, SupconReal alpha,
    const SupconReal *a, gsize lda, const SupconReal *b, gsize ldb, SupconReal beta, SupconReal *c, gsize ldc,
    gpointer scratch)
{
  const Operand rows = { a, lda, m, k, trans_a == SUPCON_TRANS }, cols = { b, ldb, n, k, trans_b == SUPCON_NO_TRANS };
  const SupconBf16Kernels *kernels = supcon_bf16_kernels ();
  gsize terms = whole_terms (k), half = whole_rows (m) * terms;
  const gsize outer[] = { 0, 0, half };
  SupconBfloat16 *packed = scratch, *panels = packed + 2 * half;
  SupconReal sums[SIDE * SIDE] __attribute__ ((aligned (64)));

  copy_rows (&rows, (guint32 *)packed, (guint32 *)(packed + half));
  copy_panels (&cols, (guint32 *)panels);
  kernels->begin ();
  for (gsize col = 0; col < n; col += SIDE)
    for (gsize row = 0; row < m; row += SIDE) {
      kernels->product (&(SupconBf16Tile){ .a = packed + row * terms,
          .b = panels + col * 3 * terms,
          .a_row = terms,
          .a_outer = outer,
          .outer = G_N_ELEMENTS (outer),
          .inner = terms / TERMS,
          .terms = terms,
          .rows = 2,
          .cols = 2,
          .c = sums,
          .c_row = SIDE,
          .passing = SUPCON_BF16_A_PASSES });
      add_tile (sums, MIN (SIDE, m - row), MIN (SIDE, n - col), alpha, beta, c + row * ldc + col, ldc);
    }
  kernels->end ();
}
