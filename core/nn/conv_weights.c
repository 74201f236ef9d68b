/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both gradients in float32, and that by weights: for each row of the kernel, input pixels (transposed) times dy,
 * summed over all pixels. A task owns some panels of output channels and a share of the bands; shares are added in
 * their order at the end. */
#include <string.h>

#include "nn/winograd.h"
#include "simd.h"

/* Elements of the gradient that a task sums, at most, but for one panel: a part of a level-two cache of 2 MB. */
#define BLOCK_ELEMENTS (1 << 18)

typedef struct {
  const SupconConv *conv;
  SupconGrid grid;
  guint n;
  SupconNormInput dy;
  guint panels, blocks, shares;
  gsize bands;
  SupconReal *partial; /* shares x packed size */
  SupconReal *dw;
  SupconWorkspace *workspace;
} Gradient;

static Gradient
gradient_of (const SupconConv *conv, guint n, const SupconNormInput *x)
{
  guint lanes = supcon_tile_kernels ()->lanes, of_block;
  Gradient self = { .conv = conv, .grid = supcon_conv_grid (conv, x), .n = n };

  of_block = MAX (1, BLOCK_ELEMENTS / ((gsize)conv->kernel * conv->kernel * conv->in_c * 2 * lanes));
  supcon_grid_cut (&self.grid);
  self.bands = supcon_grid_bands (&self.grid, n);
  self.panels = supcon_panels (conv->out_c, lanes);
  self.blocks = (self.panels + of_block - 1) / of_block;
  self.shares = supcon_conv_is_pointwise (conv) ? supcon_conv_pointwise_shares (conv, n)
                                                : MIN (self.bands, (SUPCON_BAND_TASKS + self.blocks - 1) / self.blocks);
  return self;
}

/* Elements of the copy of a panel's part of dy, for one picture of a band. */
static gsize
panel_size (const Gradient *self)
{
  return (gsize)self->grid.band_rows * self->grid.cols * 2 * supcon_tile_kernels ()->lanes;
}

void
supcon_conv_weights_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  Gradient self = gradient_of (conv, n, NULL);
  gsize worker = supcon_conv_is_pointwise (conv) ? supcon_conv_pointwise_worker_size (conv)
                                                 : supcon_grid_copy_size (&self.grid) + panel_size (&self);

  if (conv->winograd_weights)
    supcon_winograd_weights_reserve (conv, n, workspace);
  else
    supcon_workspace_reserve (workspace, worker,
        supcon_conv_is_pointwise (conv) ? supcon_conv_pointwise_shared_size (conv, n)
                                        : self.shares * supcon_conv_packed_size (conv));
}

/* Adds the products of 'rows' rows of output pixels to a panel of the gradient. */
static void
add_rows (const Gradient *self, const SupconReal *a, gsize a_outer, const SupconReal *dy, guint rows, guint vectors,
    SupconReal *panel)
{
  const SupconTileKernels *kernels = supcon_tile_kernels ();
  const SupconConv *conv = self->conv;
  guint run = conv->kernel * conv->in_c, width = vectors * kernels->lanes;
  guint tiles = (run + kernels->max_rows[vectors - 1] - 1) / kernels->max_rows[vectors - 1];
  SupconTile tile = { .b = dy,
    .a_row = 1,
    .a_inner = (gsize)conv->stride * conv->in_c,
    .a_outer = conv->stride * a_outer,
    .b_inner = width,
    .b_outer = (gsize)conv->out_w * width,
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
  guint lanes = supcon_tile_kernels ()->lanes, block = task % self->blocks, share = task / self->blocks;
  guint first_panel = self->panels * block / self->blocks, end_panel = self->panels * (block + 1) / self->blocks;
  gsize rows_of_w = (gsize)conv->kernel * conv->kernel * conv->in_c;
  SupconReal *partial = self->partial + share * supcon_conv_packed_size (conv);
  SupconReal *scratch = supcon_workspace_worker (self->workspace, worker);
  SupconReal *dy = scratch + supcon_grid_copy_size (grid);
  gboolean copy = supcon_grid_needs_copy (grid);

  memset (partial + rows_of_w * first_panel * 2 * lanes, 0,
      rows_of_w * (MIN (end_panel * 2 * lanes, supcon_padded_channels (conv->out_c, lanes)) - first_panel * 2 * lanes)
          * sizeof *partial);
  for (gsize b = self->bands * share / self->shares; b < self->bands * (share + 1) / self->shares; b++) {
    SupconConvBand band = supcon_grid_band (grid, self->n, b, conv->out_c);

    for (guint image = band.first_image; image < band.first_image + band.images; image++) {
      const SupconReal *a = scratch;

      if (copy)
        supcon_grid_copy (grid, image, band.first_row, band.rows, scratch);
      else
        a = (const SupconReal *)grid->source.x
            + ((gsize)image * grid->h + band.first_row * grid->stride) * grid->w * grid->c;
      for (guint panel = first_panel; panel < end_panel; panel++) {
        supcon_panel_copy (&self->dy, conv->out_c, ((gsize)image * grid->rows + band.first_row) * grid->cols,
            (gsize)band.rows * grid->cols, panel, dy);
        add_rows (self, a, copy ? supcon_grid_copy_stride (grid) : (gsize)grid->w * grid->c, dy, band.rows,
            supcon_panel_vectors (conv->out_c, lanes, panel), partial + rows_of_w * panel * 2 * lanes);
      }
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
supcon_real_backward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace, SupconReal *dw)
{
  gboolean pointwise = supcon_conv_is_pointwise (conv), joins;
  Gradient self = gradient_of (conv, n, x);

  joins = target && (conv->winograd_weights ? supcon_winograd_joins (conv) : supcon_conv_pointwise_joins (conv));
  self.dy = *dy;
  self.partial = workspace->shared;
  self.dw = dw;
  self.workspace = workspace;
  if (conv->winograd_weights && joins)
    supcon_winograd_backward (conv, n, x, dy, w, target, workspace, dw);
  else if (conv->winograd_weights)
    supcon_winograd_weights (conv, n, x, dy, workspace, dw);
  else if (pointwise)
    supcon_conv_pointwise_backward (conv, n, x, dy, w, joins ? target : NULL, workspace);
  else
    supcon_parallel_for (workspace->threads, self.blocks * self.shares, gradient_task, &self);
  if (!conv->winograd_weights)
    supcon_parallel_for (workspace->threads, self.panels, sum_task, &self);
  if (target && !joins)
    supcon_real_backward_input (conv, n, dy, w, target, workspace);
}
