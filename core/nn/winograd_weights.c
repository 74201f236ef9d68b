/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gradient by weights of nn/winograd.h. The batch goes by in rounds of some tiles: first they are transformed, then
 * each position adds its product to its part of the transformed gradient, so that there is one of it and no more. */
#include <string.h>

#include "nn/winograd.h"

enum {
  OUT = SUPCON_WINOGRAD_OUT,
  IN = SUPCON_WINOGRAD_IN,
  POSITIONS = SUPCON_WINOGRAD_POSITIONS,
  SLOT = SUPCON_WINOGRAD_SLOT
};

/* Elements of a round's transformed inputs and gradients, and the fewest of its tiles. */
#define ROUND_ELEMENTS (1 << 18)
#define ROUND_TILES 128
/* Tiles of a task that transforms. */
#define TASK_TILES 8
/* Output channels of a task that multiplies. */
#define TASK_CHANNELS 128

typedef struct {
  const SupconConv *conv;
  SupconGrid grid;
  const SupconReal *dy;
  gsize tiles, first, round; /* tiles of the batch; of the round: the first, and how many */
  guint blocks;              /* of output channels */
  SupconReal *zeros, *v, *z, *u;
  gsize v_position, z_position, u_position;
  SupconReal *dw;
} Gradient;

static gsize
tiles_of (const SupconConv *conv, guint n)
{
  return (gsize)n * supcon_winograd_tiles (conv->out_h) * supcon_winograd_tiles (conv->out_w);
}

static gsize
tiles_of_round (const SupconConv *conv, gsize tiles)
{
  gsize most = MAX (ROUND_TILES, ROUND_ELEMENTS / (POSITIONS * (conv->in_c + conv->out_c)));
  gsize rounds = (tiles + most - 1) / most;

  return (tiles + rounds - 1) / MAX (rounds, 1);
}

gsize
supcon_winograd_weights_shared_size (const SupconConv *conv, guint n)
{
  gsize round = tiles_of_round (conv, tiles_of (conv, n));

  return MAX (conv->in_c, conv->out_c) + supcon_winograd_packed_size (conv)
         + POSITIONS * (supcon_winograd_position (round, conv->in_c) + supcon_winograd_position (round, conv->out_c));
}

static void
transform_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Gradient *self = data;
  const SupconConv *conv = self->conv;
  const SupconWinogradKernels *kernels = supcon_winograd_kernels ();
  guint lanes = supcon_tile_kernels ()->lanes;
  guint across = supcon_winograd_tiles (conv->out_w), down = supcon_winograd_tiles (conv->out_h);

  for (gsize i = task * TASK_TILES; i < MIN (self->round, (task + 1) * TASK_TILES); i++) {
    gsize tile = self->first + i, image = tile / across / down;
    guint tile_row = tile / across % down, tile_col = tile % across;
    const SupconReal *pixels[IN * IN];

    supcon_winograd_pixels (&self->grid, image, tile_row, tile_col, self->zeros, pixels);
    kernels->input (pixels, conv->in_c, self->v + i * SLOT, self->v_position, self->round * SLOT);
    for (guint j = 0; j < OUT * OUT; j++) {
      guint row = tile_row * OUT + j / OUT, col = tile_col * OUT + j % OUT;

      pixels[j] = row < conv->out_h && col < conv->out_w
                      ? self->dy + ((image * conv->out_h + row) * conv->out_w + col) * conv->out_c
                      : self->zeros;
    }
    for (guint channel = 0; channel < conv->out_c; channel += 2 * lanes) {
      guint width = supcon_panel_vectors (conv->out_c, lanes, channel / (2 * lanes)) * lanes;

      kernels->gradient (pixels, width, self->z + self->round * channel + i * width, self->z_position);
      for (guint j = 0; j < OUT * OUT; j++)
        if (pixels[j] != self->zeros)
          pixels[j] += width;
    }
  }
}

static void
product_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Gradient *self = data;
  const SupconConv *conv = self->conv;
  const SupconTileKernels *kernels = supcon_tile_kernels ();
  guint position = task / self->blocks, block = task % self->blocks, step = 2 * kernels->lanes;
  guint panels = supcon_panels (conv->out_c, kernels->lanes);
  guint first_panel = panels * block / self->blocks, end_panel = panels * (block + 1) / self->blocks;
  guint pieces = (SLOT + kernels->max_rows[1] - 1) / kernels->max_rows[1];

  for (guint panel = first_panel; panel < end_panel; panel++) {
    guint vectors = supcon_panel_vectors (conv->out_c, kernels->lanes, panel), width = vectors * kernels->lanes;
    SupconTile tile = { .a_row = 1,
      .a_inner = SLOT,
      .b = self->z + position * self->z_position + self->round * panel * step,
      .b_inner = width,
      .inner = self->round,
      .outer = 1,
      .c = self->u + position * self->u_position + (gsize)conv->in_c * panel * step,
      .c_row = width,
      .accumulate = self->first > 0 };

    for (guint channel = 0; channel < conv->in_c; channel += SLOT) {
      tile.a = self->v + position * self->v_position + self->round * channel;
      for (guint i = 0; i < pieces; i++) {
        guint rows = supcon_even_piece (SLOT, pieces, i);

        kernels->func[vectors - 1](&tile, rows);
        tile.a += rows;
        tile.c += rows * width;
      }
    }
  }
}

static void
weights_task (gsize panel, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Gradient *self = data;
  const SupconConv *conv = self->conv;
  guint lanes = supcon_tile_kernels ()->lanes, channel = panel * 2 * lanes;
  guint width = supcon_panel_vectors (conv->out_c, lanes, panel) * lanes;

  for (guint c = 0; c < conv->in_c; c++)
    supcon_winograd_kernels ()->weights_gradient (self->u + (gsize)conv->in_c * channel + (gsize)c * width,
        self->u_position, width, self->dw + (gsize)c * conv->out_c + channel, (gsize)conv->in_c * conv->out_c);
}

void
supcon_winograd_weights (const SupconConv *conv, guint n, const SupconReal *x, const SupconReal *dy,
    SupconWorkspace *workspace, SupconReal *dw)
{
  Gradient self = { .conv = conv,
    .grid = supcon_conv_grid (conv, x),
    .dy = dy,
    .tiles = tiles_of (conv, n),
    .blocks = (conv->out_c + TASK_CHANNELS - 1) / TASK_CHANNELS,
    .zeros = workspace->shared,
    .u_position = supcon_winograd_position (conv->in_c, conv->out_c),
    .dw = dw };
  gsize most = tiles_of_round (conv, self.tiles);

  memset (self.zeros, 0, MAX (conv->in_c, conv->out_c) * sizeof *self.zeros);
  self.u = self.zeros + MAX (conv->in_c, conv->out_c);
  self.v = self.u + supcon_winograd_packed_size (conv);
  for (; self.first < self.tiles; self.first += self.round) {
    self.round = MIN (most, self.tiles - self.first);
    self.v_position = supcon_winograd_position (self.round, conv->in_c);
    self.z_position = supcon_winograd_position (self.round, conv->out_c);
    self.z = self.v + POSITIONS * self.v_position;
    supcon_parallel_for (workspace->threads, (self.round + TASK_TILES - 1) / TASK_TILES, transform_task, &self);
    supcon_parallel_for (workspace->threads, (gsize)POSITIONS * self.blocks, product_task, &self);
  }
  supcon_parallel_for (
      workspace->threads, supcon_panels (conv->out_c, supcon_tile_kernels ()->lanes), weights_task, &self);
}
