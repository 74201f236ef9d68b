/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled with WINOGRAD_NAME (the variable to define) and TILE_BYTES (of a vector), like tile.c. Each transform is one
 * of a vector of numbers ('line') along the columns and then along the rows. */
#include "nn/winograd.h"

#define LANES (TILE_BYTES / sizeof (SupconReal))
#define INLINE static inline __attribute__ ((always_inline))

typedef SupconReal Vector __attribute__ ((vector_size (TILE_BYTES), aligned (sizeof (SupconReal)), may_alias));

/* The points 0, A, -A, B, -B and infinity. Row i of B^T holds the coefficients of the product of (t - other points),
 * row i of G point i's powers over that product at point i, and column i of A^T point i's powers. */
#define A ((SupconReal)0.625)
#define B ((SupconReal)1.5)
#define A2 (A * A)
#define B2 (B * B)
#define G0 (1 / (A2 * B2))
#define GA (1 / (2 * A2 * (A2 - B2)))
#define GB (1 / (2 * B2 * (B2 - A2)))

INLINE Vector
load (const SupconReal *x)
{
  return *(const Vector *)x;
}

INLINE void
store (SupconReal *x, Vector value)
{
  *(Vector *)x = value;
}

/* B^T d */
INLINE void
input_line (const Vector *d, Vector *v)
{
  Vector even_a = d[4] - B2 * d[2], odd_a = A * (d[3] - B2 * d[1]);
  Vector even_b = d[4] - A2 * d[2], odd_b = B * (d[3] - A2 * d[1]);

  v[0] = A2 * B2 * d[0] - (A2 + B2) * d[2] + d[4];
  v[1] = even_a + odd_a;
  v[2] = even_a - odd_a;
  v[3] = even_b + odd_b;
  v[4] = even_b - odd_b;
  v[5] = A2 * B2 * d[1] - (A2 + B2) * d[3] + d[5];
}

/* A^T m */
INLINE void
output_line (const Vector *m, Vector *y)
{
  Vector sum_a = m[1] + m[2], difference_a = m[1] - m[2], sum_b = m[3] + m[4], difference_b = m[3] - m[4];

  y[0] = m[0] + sum_a + sum_b;
  y[1] = A * difference_a + B * difference_b;
  y[2] = A2 * sum_a + B2 * sum_b;
  y[3] = A2 * A * difference_a + B2 * B * difference_b + m[5];
}

/* A y */
INLINE void
gradient_line (const Vector *y, Vector *z)
{
  Vector even_a = y[0] + A2 * y[2], odd_a = A * y[1] + A2 * A * y[3];
  Vector even_b = y[0] + B2 * y[2], odd_b = B * y[1] + B2 * B * y[3];

  z[0] = y[0];
  z[1] = even_a + odd_a;
  z[2] = even_a - odd_a;
  z[3] = even_b + odd_b;
  z[4] = even_b - odd_b;
  z[5] = y[3];
}

/* G w */
INLINE void
weights_line (const Vector *w, Vector *u)
{
  Vector even_a = GA * w[0] + GA * A2 * w[2], odd_a = GA * A * w[1];
  Vector even_b = GB * w[0] + GB * B2 * w[2], odd_b = GB * B * w[1];

  u[0] = G0 * w[0];
  u[1] = even_a + odd_a;
  u[2] = even_a - odd_a;
  u[3] = even_b + odd_b;
  u[4] = even_b - odd_b;
  u[5] = w[2];
}

/* G^T u */
INLINE void
weights_gradient_line (const Vector *u, Vector *w)
{
  Vector sum_a = GA * (u[1] + u[2]), sum_b = GB * (u[3] + u[4]);

  w[0] = G0 * u[0] + sum_a + sum_b;
  w[1] = GA * A * (u[1] - u[2]) + GB * B * (u[3] - u[4]);
  w[2] = A2 * sum_a + B2 * sum_b + u[5];
}

/* line (line (from)^T)^T: from has in x in vectors, to has out x out. */
#define TRANSFORM(line, in, out, from, to)                                                                             \
  do {                                                                                                                 \
    Vector half[in][out];                                                                                              \
                                                                                                                       \
    _Pragma ("GCC unroll 6") for (guint j = 0; j < (in); j++)                                                          \
    {                                                                                                                  \
      Vector column[in];                                                                                               \
                                                                                                                       \
      _Pragma ("GCC unroll 6") for (guint i = 0; i < (in); i++) column[i] = from (i, j);                               \
      line (column, half[j]);                                                                                          \
    }                                                                                                                  \
    _Pragma ("GCC unroll 6") for (guint i = 0; i < (out); i++)                                                         \
    {                                                                                                                  \
      Vector line_in[in], result[out];                                                                                 \
                                                                                                                       \
      _Pragma ("GCC unroll 6") for (guint j = 0; j < (in); j++) line_in[j] = half[j][i];                               \
      line (line_in, result);                                                                                          \
      _Pragma ("GCC unroll 6") for (guint j = 0; j < (out); j++) to (i, j, result[j]);                                 \
    }                                                                                                                  \
  } while (0)

static void
input (const SupconReal *x, gsize row, gsize col, guint n, SupconReal *v, gsize position, gsize slot)
{
  for (guint c = 0; c < n; c += LANES) {
    SupconReal *to = v + c / SUPCON_WINOGRAD_SLOT * slot + c % SUPCON_WINOGRAD_SLOT;

#define FROM(i, j) load (x + (i)*row + (j)*col + c)
#define TO(i, j, value) store (to + ((i)*6 + (j)) * position, value)
    TRANSFORM (input_line, 6, 6, FROM, TO);
#undef FROM
#undef TO
  }
}

static void
output (const SupconReal *m, gsize position, guint n, guint rows, guint cols, SupconReal *y, gsize row, gsize col)
{
  for (guint c = 0; c < n; c += LANES) {
    Vector out[4][4];

#define FROM(i, j) load (m + ((i)*6 + (j)) * position + c)
#define TO(i, j, value) out[i][j] = value
    TRANSFORM (output_line, 6, 4, FROM, TO);
#undef FROM
#undef TO
    for (guint i = 0; i < rows; i++)
      for (guint j = 0; j < cols; j++)
        store (y + i * row + j * col + c, out[i][j]);
  }
}

static void
gradient (const SupconReal *dy, gsize row, gsize col, guint n, SupconReal *z, gsize position)
{
  for (guint c = 0; c < n; c += LANES) {
#define FROM(i, j) load (dy + (i)*row + (j)*col + c)
#define TO(i, j, value) store (z + ((i)*6 + (j)) * position + c, value)
    TRANSFORM (gradient_line, 4, 6, FROM, TO);
#undef FROM
#undef TO
  }
}

static void
weights (const SupconReal *w, gsize tap, guint n, SupconReal *u, gsize position)
{
  for (guint c = 0; c < n; c += LANES) {
#define FROM(i, j) load (w + ((i)*3 + (j)) * tap + c)
#define TO(i, j, value) store (u + ((i)*6 + (j)) * position + c, value)
    TRANSFORM (weights_line, 3, 6, FROM, TO);
#undef FROM
#undef TO
  }
}

static void
weights_gradient (const SupconReal *u, gsize position, guint n, SupconReal *dw, gsize tap)
{
  for (guint c = 0; c < n; c += LANES) {
#define FROM(i, j) load (u + ((i)*6 + (j)) * position + c)
#define TO(i, j, value) store (dw + ((i)*3 + (j)) * tap + c, load (dw + ((i)*3 + (j)) * tap + c) + value)
    TRANSFORM (weights_gradient_line, 6, 3, FROM, TO);
#undef FROM
#undef TO
  }
}

const SupconWinogradKernels WINOGRAD_NAME = { LANES, input, output, gradient, weights, weights_gradient };
