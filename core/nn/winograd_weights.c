/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gradient by weights of nn/winograd.h. With many channels the batch goes by in rounds of some tiles: first they
 * are transformed, then each position adds its product to its part of the transformed gradient, so that there is one of
 * it and no more. With few, a task adds a share of the batch's bands to a transformed gradient of its own, and makes
 * the gradient by input from the same copies. */
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
  SupconGrid x, dy;   /* of the same bands */
  gsize first_band;   /* of the round */
  gsize first, tiles; /* of the round: the first tile, and how many */
  guint blocks;       /* of output channels */
  SupconReal *v, *z;  /* of a round */
  SupconReal *u;      /* share after share */
  guint shares;
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
    .shares = 1,
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

/* Z of a band's tiles, the first of which is number 'first' of 'tiles'. offset: of a tile's outputs from what it reads.
 */
static void
transform_gradient (
    const SupconWinogradInput *dy, gsize offset, gsize tiles, gsize first, SupconReal *z, gsize position)
{
  guint c = dy->grid.c, lanes = supcon_tile_kernels ()->lanes;

  for (gsize tile = 0; tile < supcon_winograd_band_tiles (dy); tile++)
    for (guint channel = 0; channel < c; channel += 2 * lanes) {
      guint width = supcon_panel_vectors (c, lanes, channel / (2 * lanes)) * lanes;

      supcon_winograd_kernels ()->gradient (supcon_winograd_pixel (dy, tile) + offset + channel, dy->row, c, width,
          z + tiles * channel + (first + tile) * width, position);
    }
}

static void
transform_task (gsize task, guint worker, gpointer data)
{
  const Gradient *self = data;
  SupconConvBand band = supcon_grid_band (&self->x, self->n, self->first_band + task, 0);
  gsize first = tiles_before (self, band.number) - self->first;
  SupconReal *copy = supcon_workspace_worker (self->workspace, worker);
  SupconWinogradInput input = supcon_winograd_input (&self->x, &band, copy);

  supcon_winograd_transform (&input, self->v + first * SLOT, self->v_position, self->tiles * SLOT);
  input = supcon_winograd_input (&self->dy, &band, copy);
  transform_gradient (&input, 0, self->tiles, first, self->z, self->z_position);
}

/* Adds the products of some tiles to some panels of a position's U, or writes them. v, z: of the position. fetch: NULL,
 * or what is fetched meanwhile. */
static void
add_products (const SupconConv *conv, const SupconReal *v, const SupconReal *z, gsize tiles, guint first_panel,
    guint end_panel, gboolean accumulate, SupconFetch *fetch, SupconReal *u)
{
  const SupconTileKernels *kernels = supcon_tile_kernels ();
  guint step = 2 * kernels->lanes;

  for (guint panel = first_panel; panel < end_panel; panel++) {
    guint vectors = supcon_panel_vectors (conv->out_c, kernels->lanes, panel), width = vectors * kernels->lanes;
    guint pieces = (SLOT + kernels->max_rows[vectors - 1] - 1) / kernels->max_rows[vectors - 1];
    SupconTile tile = { .a_row = 1,
      .a_inner = SLOT,
      .b = z + tiles * panel * step,
      .b_inner = width,
      .inner = tiles,
      .outer = 1,
      .c = u + (gsize)conv->in_c * panel * step,
      .c_row = width,
      .accumulate = accumulate,
      .fetch = fetch };

    for (guint channel = 0; channel < conv->in_c; channel += SLOT) {
      tile.a = v + tiles * channel;
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
product_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Gradient *self = data;
  guint position = task / self->blocks, block = task % self->blocks;
  guint panels = supcon_panels (self->conv->out_c, supcon_tile_kernels ()->lanes);

  add_products (self->conv, self->v + position * self->v_position, self->z + position * self->z_position, self->tiles,
      panels * block / self->blocks, panels * (block + 1) / self->blocks, self->first > 0, NULL,
      self->u + position * self->u_position);
}

static void
weights_task (gsize panel, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Gradient *self = data;
  const SupconConv *conv = self->conv;
  guint lanes = supcon_tile_kernels ()->lanes, channel = panel * 2 * lanes;
  guint width = supcon_panel_vectors (conv->out_c, lanes, panel) * lanes;

  for (guint share = 0; share < self->shares; share++)
    for (guint c = 0; c < conv->in_c; c++)
      supcon_winograd_kernels ()->weights_gradient (
          self->u + share * supcon_winograd_packed_size (conv) + (gsize)conv->in_c * channel + (gsize)c * width,
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

/* Both gradients: 'first' tiles and rounds of the Gradient are not used. */
typedef struct {
  Gradient weights;
  SupconGrid dy; /* as the gradient by input reads it */
  gsize bands;
  SupconFinish finish;
  const SupconReal *packed;
} Both;

gboolean
supcon_winograd_joins (const SupconConv *conv)
{
  return conv->winograd && supcon_winograd_packed_size (conv) <= SUPCON_WINOGRAD_FEW_WEIGHTS;
}

static Both
both_of (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy)
{
  SupconPhase h = supcon_phase_of (0, conv->in_h, 3, 1, 1), w = supcon_phase_of (0, conv->in_w, 3, 1, 1);
  Both self = { .weights = gradient_of (conv, n, x, dy), .dy = supcon_phase_grid (conv, dy, &h, &w) };

  supcon_winograd_cut (&self.dy, conv->in_c);
  supcon_winograd_cut (&self.weights.x, conv->out_c);
  self.bands = supcon_grid_bands (&self.dy, n);
  self.weights.shares = MIN (self.bands, SUPCON_BAND_TASKS);
  return self;
}

static void
both_task (gsize share, guint worker, gpointer data)
{
  const Both *self = data;
  const Gradient *weights = &self->weights;
  const SupconConv *conv = weights->conv;
  SupconReal *dy_copy = supcon_workspace_worker (weights->workspace, worker);
  SupconReal *x_copy = dy_copy + supcon_winograd_input_size (&self->dy);
  SupconReal *room = x_copy + supcon_winograd_input_size (&weights->x);
  SupconReal *u = weights->u + share * supcon_winograd_packed_size (conv);
  guint panels = supcon_panels (conv->out_c, supcon_tile_kernels ()->lanes);
  gsize first = self->bands * share / weights->shares;

  for (gsize b = first; b < self->bands * (share + 1) / weights->shares; b++) {
    SupconConvBand band = supcon_grid_band (&self->dy, weights->n, b, conv->in_c);
    SupconWinogradInput dy = supcon_winograd_input (&self->dy, &band, dy_copy);
    SupconWinogradInput x = supcon_winograd_input (&weights->x, &band, x_copy);
    gsize tiles = supcon_winograd_band_tiles (&x), v_position = supcon_winograd_position (tiles, conv->in_c);
    gsize z_position = supcon_winograd_position (tiles, conv->out_c);
    SupconReal *v = room, *z = v + POSITIONS * v_position;
    SupconFetchRuns output = { 0 }, next = { 0 };

    supcon_winograd_transform (&x, v, v_position, tiles * SLOT);
    transform_gradient (&dy, dy.row + conv->out_c, tiles, 0, z, z_position);
    supcon_winograd_fetch_output (&self->dy, &band, &self->finish, &output);
    supcon_grid_fetch_next (&self->dy, &band, &next);
    supcon_grid_fetch_next (&weights->x, &band, &next);
    supcon_fetch_spread (&output, POSITIONS * panels * conv->in_c / SLOT * tiles);
    for (guint position = 0; position < POSITIONS; position++)
      add_products (conv, v + position * v_position, z + position * z_position, tiles, 0, panels, b > first,
          supcon_fetch_next (&output), u + position * weights->u_position);
    supcon_winograd_correlate (&self->dy, &dy, self->packed, &self->finish, &next, room);
  }
}

/* Elements before the shares: the weights and the sums of the target. */
static gsize
before_shares (const Both *self)
{
  const SupconConv *conv = self->weights.conv;

  return supcon_winograd_packed_size (conv) + (self->bands * 2 * conv->in_c + SLOT - 1) / SLOT * SLOT;
}

void
supcon_winograd_backward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace, SupconReal *dw)
{
  Both self = both_of (conv, n, x, dy);
  SupconReal *partial = workspace->shared + supcon_winograd_packed_size (conv);

  supcon_winograd_pack (conv, w, TRUE, workspace->threads, workspace->shared);
  self.packed = workspace->shared;
  self.finish = (SupconFinish){ .channels = conv->in_c,
    .precision = conv->precision,
    .target = target->dx,
    .image_stride = supcon_conv_in_size (conv),
    .row_stride = (gsize)conv->in_w * conv->in_c,
    .col_stride = conv->in_c,
    .gradient = target,
    .partial = target->sums ? partial : NULL };
  self.weights.u = workspace->shared + before_shares (&self);
  self.weights.dw = dw;
  self.weights.workspace = workspace;
  supcon_parallel_for (workspace->threads, self.weights.shares, both_task, &self);
  supcon_parallel_for (
      workspace->threads, supcon_panels (conv->out_c, supcon_tile_kernels ()->lanes), weights_task, &self.weights);
  if (target->sums)
    supcon_norm_add_partial (conv->in_c, self.bands, partial, target->sums);
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
  if (supcon_winograd_joins (conv)) {
    Both both = both_of (conv, n, NULL, NULL);

    supcon_workspace_reserve (workspace,
        supcon_winograd_input_size (&both.weights.x) + supcon_winograd_worker_size (&both.dy, conv->in_c),
        before_shares (&both) + both.weights.shares * supcon_winograd_packed_size (conv));
  }
}
