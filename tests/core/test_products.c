/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The products of register tiles, in double precision, and what they fetch for the next ones. */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "nn/conv_norm.h"
#include "nn/tile.h"
#include "nn/winograd.h"
#include "random.h"

START_TEST (test_tiles)
{
  const SupconTileKernels *best = supcon_tile_kernels ();
  SupconReal *a = random_array (4096, 1), *b = random_array (4096, 2);

  for (guint v = 0; v < 2; v++)
    for (guint rows = 1; rows <= best->max_rows[v]; rows++)
      for (guint accumulate = 0; accumulate < 2; accumulate++) {
        guint width = (v + 1) * best->lanes;
        /* The second and third of four calls fetch all of b. */
        SupconFetch fetch = supcon_fetch (b, 4096 * sizeof *b, 0, 2, 8 * 3);
        SupconReal c[16 * 32];
        SupconTile tile = { .a = a,
          .b = b,
          .a_row = 7,
          .a_inner = 3,
          .a_outer = 100,
          .b_inner = width,
          .b_outer = 9 * width,
          .inner = 8,
          .outer = 3,
          .c = c,
          .c_row = width,
          .accumulate = accumulate };

        for (guint call = 0; call < 4; call++) {
          tile.fetch = call > 0 ? &fetch : NULL;
          ck_assert (supcon_fetch_left (tile.fetch) == (call == 1 || call == 2));
          for (guint i = 0; i < G_N_ELEMENTS (c); i++)
            c[i] = i;
          best->func[v](&tile, rows);
          for (guint i = 0; i < rows; i++)
            for (guint j = 0; j < width; j++) {
              double sum = accumulate ? i * width + j : 0;

              for (guint o = 0; o < 3; o++)
                for (guint k = 0; k < 8; k++)
                  sum += a[i * 7 + o * 100 + k * 3] * b[o * 9 * width + k * width + j];
              ck_assert_double_eq_tol (c[i * width + j], sum, 1e-12);
            }
          for (guint i = rows * width; i < G_N_ELEMENTS (c); i++)
            ck_assert_double_eq (c[i], i);
        }
      }
  supcon_real_free (a);
  supcon_real_free (b);
}
END_TEST

/* Products fetch one run after the other, each to its end. */
START_TEST (test_fetch)
{
  static const char memory[2][5000];
  SupconFetchRuns runs = { 0 };
  SupconFetch *now;

  ck_assert (!supcon_fetch_left (supcon_fetch_next (&runs)));
  supcon_fetch_add (&runs, memory[0], 130);
  supcon_fetch_add (&runs, memory[1], 5000);
  supcon_fetch_spread (&runs, 10);
  now = supcon_fetch_next (&runs);
  ck_assert_uint_eq (now->step, 64); /* no line is passed over */
  supcon_fetch_spread (&runs, 1000);
  ck_assert_uint_eq (now->step, 6);
  ck_assert_ptr_eq (now->at, memory[0]);
  ck_assert_ptr_eq (now->end, memory[0] + 130);
  now->at += 129;
  ck_assert_ptr_eq (supcon_fetch_next (&runs), now);
  ck_assert_ptr_eq (now->at, memory[0] + 129);
  now->at += 6;
  supcon_fetch_next (&runs);
  ck_assert_ptr_eq (now->at, memory[1]);
  ck_assert_ptr_eq (now->end, memory[1] + 5000);
  now->at += 5000;
  ck_assert (!supcon_fetch_left (supcon_fetch_next (&runs)));
}
END_TEST

static void
ck_assert_run (const SupconFetchRuns *runs, guint run, const SupconReal *from, gsize size)
{
  ck_assert_ptr_eq (runs->from[run], from);
  ck_assert_uint_eq (runs->bytes[run], size * sizeof *from);
}

/* The memory of the first band of 8 rows of the second of three pictures of 16x24, and of the band behind it. */
START_TEST (test_winograd_fetch)
{
  static SupconReal x[3 * 16 * 24 * 32], other[3 * 16 * 24 * 32], dx[3 * 16 * 24 * 16], y[3 * 16 * 24 * 16];
  SupconConv conv;
  SupconNormInput input = { .x = x };
  SupconNormSums sums = { .x = y };
  SupconConvTarget target = { .dx = dx };
  SupconFinish finish = { .channels = 16,
    .target = dx,
    .image_stride = 16 * 24 * 16,
    .row_stride = 24 * 16,
    .col_stride = 16,
    .gradient = &target };
  SupconFetchRuns runs = { 0 };
  SupconGrid grid;
  SupconConvBand band;

  supcon_conv_init (&conv, 16, 24, 32, 16, 3, 1, 1);
  grid = supcon_conv_grid (&conv, &input);
  supcon_winograd_cut_to (&grid, 12);
  band = supcon_grid_band (&grid, 3, 2, 16);
  ck_assert_uint_eq (band.rows, 8);
  supcon_grid_fetch_next (&grid, &band, &runs);
  supcon_winograd_fetch_output (&grid, &band, &finish, &runs);
  ck_assert_uint_eq (runs.n, 2);
  ck_assert_run (&runs, 0, x + (16 + 8) * 24 * 32, 8 * 24 * 32);
  ck_assert_run (&runs, 1, dx + 16 * 24 * 16, 8 * 24 * 16);
  runs.n = 0;
  grid.source.other = other;
  target.add = y;
  target.sums = &sums;
  sums.y = x;
  supcon_grid_fetch_next (&grid, &band, &runs);
  ck_assert_uint_eq (runs.n, 2);
  ck_assert_run (&runs, 1, other + (16 + 8) * 24 * 32, 8 * 24 * 32);
  runs.n = 0;
  supcon_winograd_fetch_output (&grid, &band, &finish, &runs);
  supcon_grid_fetch_next (&grid, &band, &runs);
  ck_assert_uint_eq (runs.n, 6);
  ck_assert_run (&runs, 1, y + 16 * 24 * 16, 8 * 24 * 16);
  ck_assert_run (&runs, 2, y + 16 * 24 * 16, 8 * 24 * 16);
  ck_assert_run (&runs, 3, x + 16 * 24 * 16, 8 * 24 * 16);
  ck_assert_run (&runs, 5, other + (16 + 8) * 24 * 32, 8 * 24 * 32);
  runs.n = 0;
  target.add = dx;
  sums.y = NULL;
  supcon_winograd_fetch_output (&grid, &band, &finish, &runs);
  ck_assert_uint_eq (runs.n, 2);
  ck_assert_run (&runs, 1, y + 16 * 24 * 16, 8 * 24 * 16);
}
END_TEST

/* What a copy with a stride reads: as many rows of each output row, or whole pictures, odd ones too. */
START_TEST (test_fetch_next)
{
  static SupconReal x[6 * 17 * 16 * 3];
  SupconNormInput input = { .x = x };
  SupconFetchRuns runs = { 0 };
  SupconConv conv;
  SupconGrid grid;
  SupconConvBand band;

  supcon_conv_init (&conv, 17, 16, 3, 8, 3, 2, 1);
  grid = supcon_conv_grid (&conv, &input);
  supcon_grid_cut_to (&grid, 3 * 8);
  band = supcon_grid_band (&grid, 6, 3, 8);
  ck_assert_uint_eq (band.first_image, 1);
  supcon_grid_fetch_next (&grid, &band, &runs);
  ck_assert_run (&runs, 0, x + (17 + 6) * 16 * 3, 6 * 16 * 3);
  supcon_grid_cut_to (&grid, 2 * 9 * 8);
  band = supcon_grid_band (&grid, 6, 1, 8);
  runs.n = 0;
  supcon_grid_fetch_next (&grid, &band, &runs);
  ck_assert_run (&runs, 0, x + 4 * 17 * 16 * 3, 2 * 17 * 16 * 3);
}
END_TEST

SUPCON_CHECK_MAIN ("products", test_tiles, test_fetch, test_winograd_fetch, test_fetch_next)
