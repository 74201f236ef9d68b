/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gradient by weights of nn/winograd.h. The batch goes by in rounds of some tiles: first they are transformed, then
 * each position adds its product to its part of the transformed gradient, so that there is one of it and no more. */
#include "nn/winograd.h"

enum { OUT = SUPCON_WINOGRAD_OUT, POSITIONS = SUPCON_WINOGRAD_POSITIONS, SLOT = SUPCON_WINOGRAD_SLOT };

/* Elements of a round's transformed inputs and gradients, and the fewest of its tiles. */
#define ROUND_ELEMENTS (1 << 18)
#define ROUND_TILES 128
/* Tiles of a band, which a task transforms. */
#define BAND_TILES 16
/* Output channels of a task that multiplies. */
#define TASK_CHANNELS 128

typedef struct {
  const SupconConv *conv;
  guint n;
  SupconGrid x, dy;      /* of the same bands */
  gsize first_band;      /* of the round */
  gsize first, tiles;    /* of the round: the first tile, and how many */
  guint blocks;          /* of output channels */
  SupconReal *v, *z, *u; /* of a round; of the batch */
  gsize v_position, z_position, u_position;
  SupconReal *dw;
  SupconWorkspace *workspace;
} Gradient;

static Gradient
gradient_of (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy)
{
  SupconPhase all_h = { .count = conv->out_h, .taps = 1 }, all_w = { .count = conv->out_w, .taps = 1 };
  Gradient self = { .conv = conv,
    .n = n,
    .x = supcon_conv_grid (conv, x),
    .dy = supcon_phase_grid (conv, dy, &all_h, &all_w),
    .blocks = (conv->out_c + TASK_CHANNELS - 1) / TASK_CHANNELS,
    .u_position = supcon_winograd_position (conv->in_c, conv->out_c) };

  supcon_winograd_cut_to (&self.x, BAND_TILES);
  supcon_winograd_cut_to (&self.dy, BAND_TILES);
  return self;
}

/* Tiles before a band; all of them for the band behind the last one. */
static gsize
tiles_before (const Gradient *self, gsize number)
{
  guint down = supcon_winograd_tiles (self->conv->out_h), across = supcon_winograd_tiles (self->conv->out_w);
  SupconConvBand band = supcon_grid_band (&self->x, self->n, number, self->conv->in_c);

  return ((gsize)MIN (band.first_image, self->n) * down + band.first_row / OUT) * across;
}

/* Bands of a round, about as many in each. */
static gsize
bands_of_round (const Gradient *self)
{
  const SupconConv *conv = self->conv;
  gsize bands = supcon_grid_bands (&self->x, self->n), tiles = tiles_before (self, 1);
  gsize most = MAX (1, MAX (ROUND_TILES, ROUND_ELEMENTS / (POSITIONS * (conv->in_c + conv->out_c))) / MAX (tiles, 1));
  gsize rounds = (bands + most - 1) / most;

  return (bands + rounds - 1) / MAX (rounds, 1);
}

void
supcon_winograd_weights_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  Gradient self = gradient_of (conv, n, NULL, NULL);
  gsize tiles = bands_of_round (&self) * tiles_before (&self, 1);

  supcon_workspace_reserve (workspace,
      MAX (supcon_winograd_input_size (&self.x), supcon_winograd_input_size (&self.dy)),
      supcon_winograd_packed_size (conv)
          + POSITIONS * (supcon_winograd_position (tiles, conv->in_c) + supcon_winograd_position (tiles, conv->out_c)));
}

static void
transform_task (gsize task, guint worker, gpointer data)
{
  const Gradient *self = data;
  guint out_c = self->conv->out_c, lanes = supcon_tile_kernels ()->lanes;
  SupconConvBand band = supcon_grid_band (&self->x, self->n, self->first_band + task, 0);
  gsize first = tiles_before (self, band.number) - self->first;
  SupconReal *copy = supcon_workspace_worker (self->workspace, worker);
  SupconWinogradInput input = supcon_winograd_input (&self->x, &band, copy);

  supcon_winograd_transform (&input, self->v + first * SLOT, self->v_position, self->tiles * SLOT);
  input = supcon_winograd_input (&self->dy, &band, copy);
  for (gsize tile = 0; tile < supcon_winograd_band_tiles (&input); tile++)
    for (guint channel = 0; channel < out_c; channel += 2 * lanes) {
      guint width = supcon_panel_vectors (out_c, lanes, channel / (2 * lanes)) * lanes;

      supcon_winograd_kernels ()->gradient (supcon_winograd_pixel (&input, tile) + channel, input.row, out_c, width,
          self->z + self->tiles * channel + (first + tile) * width, self->z_position);
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
      .b = self->z + position * self->z_position + self->tiles * panel * step,
      .b_inner = width,
      .inner = self->tiles,
      .outer = 1,
      .c = self->u + position * self->u_position + (gsize)conv->in_c * panel * step,
      .c_row = width,
      .accumulate = self->first > 0 };

    for (guint channel = 0; channel < conv->in_c; channel += SLOT) {
      tile.a = self->v + position * self->v_position + self->tiles * channel;
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
supcon_winograd_weights (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    SupconWorkspace *workspace, SupconReal *dw)
{
  Gradient self = gradient_of (conv, n, x, dy);
  gsize bands = supcon_grid_bands (&self.x, n), most = bands_of_round (&self), round;

  self.dw = dw;
  self.workspace = workspace;
  self.u = workspace->shared;
  self.v = self.u + supcon_winograd_packed_size (conv);
  for (; self.first_band < bands; self.first_band += round) {
    round = MIN (most, bands - self.first_band);
    self.first = tiles_before (&self, self.first_band);
    self.tiles = tiles_before (&self, self.first_band + round) - self.first;
    self.v_position = supcon_winograd_position (self.tiles, conv->in_c);
    self.z_position = supcon_winograd_position (self.tiles, conv->out_c);
    self.z = self.v + POSITIONS * self.v_position;
    supcon_parallel_for (workspace->threads, round, transform_task, &self);
    supcon_parallel_for (workspace->threads, (gsize)POSITIONS * self.blocks, product_task, &self);
  }
  supcon_parallel_for (
      workspace->threads, supcon_panels (conv->out_c, supcon_tile_kernels ()->lanes), weights_task, &self);
}
