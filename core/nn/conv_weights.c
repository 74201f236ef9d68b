/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gradient by weights: for each row of the kernel, input pixels (transposed) times dy, summed over all pixels. A
 * task owns one panel of output channels and a share of the bands; shares are added in their order at the end. */
#include "nn/conv.h"

#include <string.h>

#include "nn/conv_band.h"
#include "nn/conv_bf16.h"
#include "nn/winograd.h"
#include "simd.h"

typedef struct {
  const SupconConv *conv;
  SupconGrid grid;
  guint n;
  const SupconReal *dy;
  guint panels, shares;
  gsize bands;
  SupconReal *partial; /* shares x packed size */
  SupconReal *dw;
  SupconWorkspace *workspace;
} Gradient;

static guint
shares_of (const SupconConv *conv, guint n, gsize bands)
{
  guint panels = supcon_panels (conv->out_c, supcon_tile_kernels ()->lanes);

  if (supcon_conv_is_pointwise (conv))
    return supcon_conv_pointwise_shares (conv, n);
  return MIN (bands, (SUPCON_BAND_TASKS + panels - 1) / panels);
}

static gboolean
is_ragged (const SupconConv *conv)
{
  return conv->out_c % supcon_tile_kernels ()->lanes != 0;
}

gsize
supcon_conv_weights_worker_size (const SupconConv *conv)
{
  SupconGrid grid = supcon_conv_grid (conv, NULL);

  if (supcon_conv_is_pointwise (conv))
    return supcon_conv_pointwise_worker_size ();
  supcon_grid_cut (&grid);
  return supcon_grid_copy_size (&grid)
         + (is_ragged (conv) ? (gsize)grid.band_rows * grid.cols * 2 * supcon_tile_kernels ()->lanes : 0);
}

gsize
supcon_conv_weights_shared_size (const SupconConv *conv, guint n)
{
  SupconGrid grid = supcon_conv_grid (conv, NULL);

  supcon_grid_cut (&grid);
  return shares_of (conv, n, supcon_grid_bands (&grid, n)) * supcon_conv_packed_size (conv);
}

/* Adds the products of 'rows' rows of output pixels to a panel of the gradient. */
static void
add_rows (const Gradient *self, const SupconReal *a, gsize a_outer, const SupconReal *dy, gsize dy_stride, guint rows,
    guint vectors, SupconReal *panel)
{
  const SupconTileKernels *kernels = supcon_tile_kernels ();
  const SupconConv *conv = self->conv;
  guint run = conv->kernel * conv->in_c, width = vectors * kernels->lanes;
  guint tiles = (run + kernels->max_rows[vectors - 1] - 1) / kernels->max_rows[vectors - 1];
  SupconTile tile = { .b = dy,
    .a_row = 1,
    .a_inner = (gsize)conv->stride * conv->in_c,
    .a_outer = conv->stride * a_outer,
    .b_inner = dy_stride,
    .b_outer = conv->out_w * dy_stride,
    .inner = conv->out_w,
    .outer = rows,
    .c = panel,
    .c_row = width,
    .accumulate = TRUE };

  for (guint kh = 0; kh < conv->kernel; kh++) {
    tile.a = a + kh * a_outer;
    for (guint t = 0; t < tiles; t++) {
      guint n = supcon_even_piece (run, tiles, t);

      kernels->func[vectors - 1](&tile, n);
      tile.a += n;
      tile.c += (gsize)n * width;
    }
  }
}

static void
gradient_task (gsize task, guint worker, gpointer data)
{
  const Gradient *self = data;
  const SupconConv *conv = self->conv;
  const SupconGrid *grid = &self->grid;
  guint lanes = supcon_tile_kernels ()->lanes;
  guint number = task % self->panels, share = task / self->panels, channel = number * 2 * lanes;
  guint vectors = supcon_panel_vectors (conv->out_c, lanes, number), width = vectors * lanes;
  guint valid = MIN (width, conv->out_c - channel);
  gsize rows_of_w = (gsize)conv->kernel * conv->kernel * conv->in_c;
  SupconReal *panel = self->partial + share * supcon_conv_packed_size (conv) + rows_of_w * channel;
  SupconReal *scratch = supcon_workspace_worker (self->workspace, worker);
  SupconReal *padded = scratch + supcon_grid_copy_size (grid);
  guint bands_of_image = (grid->rows + grid->band_rows - 1) / grid->band_rows;
  gboolean copy = supcon_grid_needs_copy (grid);

  memset (panel, 0, rows_of_w * width * sizeof *panel);
  for (gsize b = self->bands * share / self->shares; b < self->bands * (share + 1) / self->shares; b++) {
    guint image = b / bands_of_image * grid->band_images;
    guint end = MIN (image + grid->band_images, self->n);
    guint first_row = b % bands_of_image * grid->band_rows;
    guint rows = MIN (grid->band_rows, grid->rows - first_row);

    for (; image < end; image++) {
      const SupconReal *dy = self->dy + ((gsize)image * grid->rows + first_row) * grid->cols * conv->out_c + channel;
      const SupconReal *a = scratch;

      if (copy)
        supcon_grid_copy (grid, image, first_row, rows, scratch);
      else
        a = grid->source + ((gsize)image * grid->h + first_row * grid->stride) * grid->w * grid->c;
      if (valid < width) { /* tiles read whole vectors */
        for (gsize p = 0; p < (gsize)rows * grid->cols; p++) {
          memcpy (padded + p * width, dy + p * conv->out_c, valid * sizeof *padded);
          memset (padded + p * width + valid, 0, (width - valid) * sizeof *padded);
        }
        dy = padded;
      }
      add_rows (self, a, copy ? supcon_grid_copy_stride (grid) : (gsize)grid->w * grid->c, dy,
          valid < width ? width : conv->out_c, rows, vectors, panel);
    }
  }
}

SUPCON_MULTIVERSION static void
sum_task (gsize number, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Gradient *self = data;
  const SupconConv *conv = self->conv;
  guint lanes = supcon_tile_kernels ()->lanes, channel = number * 2 * lanes;
  guint width = supcon_panel_vectors (conv->out_c, lanes, number) * lanes, valid = MIN (width, conv->out_c - channel);
  gsize rows = (gsize)conv->kernel * conv->kernel * conv->in_c;

  for (gsize row = 0; row < rows; row++) {
    SupconReal *dw = self->dw + row * conv->out_c + channel;

    for (guint share = 0; share < self->shares; share++) {
      const SupconReal *from = self->partial + share * supcon_conv_packed_size (conv) + rows * channel + row * width;

      for (guint c = 0; c < valid; c++)
        dw[c] += from[c];
    }
  }
}

void
supcon_conv_backward_weights (
    const SupconConv *conv, guint n, const void *x, const void *dy, SupconWorkspace *workspace, SupconReal *dw)
{
  Gradient self = { .conv = conv,
    .grid = supcon_conv_grid (conv, x),
    .n = n,
    .dy = dy,
    .panels = supcon_panels (conv->out_c, supcon_tile_kernels ()->lanes),
    .partial = workspace->shared,
    .dw = dw,
    .workspace = workspace };

  if (conv->precision == SUPCON_PRECISION_BFLOAT16) {
    supcon_bf16_backward (
        conv, n, &(SupconNormInput){ .x = x }, &(SupconNormInput){ .x = dy }, NULL, NULL, workspace, dw);
    return;
  }
  if (conv->winograd) {
    supcon_winograd_weights (conv, n, x, dy, workspace, dw);
    return;
  }
  supcon_grid_cut (&self.grid);
  self.bands = supcon_grid_bands (&self.grid, n);
  self.shares = shares_of (conv, n, self.bands);
  if (supcon_conv_is_pointwise (conv))
    supcon_conv_pointwise_weights (conv, n, x, dy, workspace);
  else
    supcon_parallel_for (workspace->threads, self.panels * self.shares, gradient_task, &self);
  supcon_parallel_for (workspace->threads, self.panels, sum_task, &self);
}
