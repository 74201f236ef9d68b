/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/winograd.h"

#include "cpu.h"

enum { OUT = SUPCON_WINOGRAD_OUT, POSITIONS = SUPCON_WINOGRAD_POSITIONS, SLOT = SUPCON_WINOGRAD_SLOT };

/* Elements of a band's transformed inputs and outputs: half of a level-two cache of 2 MB; and the fewest tiles that use
 * the weights well. */
#define BAND_ELEMENTS (1 << 17)
#define BAND_TILES 32
/* Channels of outputs that go together from the transform to what becomes of them: their tile stays in the level-one
 * cache. */
#define FINISH_CHANNELS 64

const SupconWinogradKernels *
supcon_winograd_kernels (void)
{
#if defined(__x86_64__)
  if (supcon_cpu_level () >= SUPCON_CPU_AVX512)
    return &supcon_winograd_avx512;
  if (supcon_cpu_level () >= SUPCON_CPU_AVX2)
    return &supcon_winograd_avx2;
#endif
  return &supcon_winograd_plain;
}

gboolean
supcon_winograd_fits (const SupconConv *conv)
{
  /* Beside AMX's products of bfloat16 the transforms are slow; beside AVX-512's they are not. */
  if (conv->precision == SUPCON_PRECISION_BFLOAT16 && supcon_cpu_level () >= SUPCON_CPU_AMX)
    return FALSE;
  return conv->kernel == 3 && conv->stride == 1 && conv->pad == 1 && conv->in_c % SLOT == 0 && conv->out_c % SLOT == 0;
}

gboolean
supcon_winograd_fits_forward (const SupconConv *conv)
{
  /* In bfloat16, from so many channels on, they read more weights than they save products. */
  return supcon_winograd_fits (conv)
         && (conv->precision == SUPCON_PRECISION_FLOAT32 || MAX (conv->in_c, conv->out_c) < 256);
}

gboolean
supcon_winograd_wins (const SupconConv *conv, guint n)
{
  /* How many channels' weights a tile makes up for: fewer where direct products are fast beside memory, in bfloat16. */
  guint channels = conv->precision == SUPCON_PRECISION_BFLOAT16 ? 8 : 32;
  guint64 tiles = (guint64)supcon_winograd_tiles (conv->out_h) * supcon_winograd_tiles (conv->out_w);
  guint64 pixels = (guint64)conv->out_h * conv->out_w;

  /* Tiles must not be mostly outside the picture: half the products saved. And four times as many weights must be read,
   * by as many tiles as make up for it: measured with 256 channels of 14x14 and 512 of 7x7. */
  return supcon_winograd_fits (conv) && 9 * pixels >= 2 * POSITIONS * tiles
         && n * tiles * channels >= MAX (conv->in_c, conv->out_c);
}

gsize
supcon_winograd_packed_size (const SupconConv *conv)
{
  return POSITIONS * supcon_winograd_position (conv->in_c, conv->out_c);
}

typedef struct {
  const SupconConv *conv;
  const SupconReal *w;
  gboolean for_gradient;
  SupconReal *packed;
} Packing;

/* taps x SLOT x width weights of one run of SLOT channels; its numbers are 'channel' apart, the panel's 'column'. */
static inline __attribute__ ((always_inline)) void
gather (const SupconReal *w, gssize tap, gsize channel, gsize column, guint width, SupconReal *to)
{
  for (guint t = 0; t < 9; t++)
    for (guint i = 0; i < SLOT; i++)
      for (guint j = 0; j < width; j++)
        *to++ = w[(gssize)t * tap + (gssize)(i * channel + j * column)];
}

/* A panel of U; for the gradient by input the weights are turned by half a turn with their channels exchanged. */
static void
pack_task (gsize panel, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Packing *self = data;
  guint in_c = self->conv->in_c, out_c = self->conv->out_c, lanes = supcon_tile_kernels ()->lanes;
  guint inner = self->for_gradient ? out_c : in_c, columns = self->for_gradient ? in_c : out_c;
  guint channel = panel * 2 * lanes, width = supcon_panel_vectors (columns, lanes, panel) * lanes;
  gsize tap = (gsize)in_c * out_c, position = supcon_winograd_position (in_c, out_c);
  SupconReal *to = self->packed + (gsize)inner * channel;
  SupconReal block[9 * SLOT * 2 * SLOT];

  for (guint first = 0; first < inner; first += SLOT, to += (gsize)SLOT * width) {
    if (self->for_gradient)
      gather (self->w + 8 * tap + (gsize)channel * out_c + first, -(gssize)tap, 1, out_c, width, block);
    else
      gather (self->w + (gsize)first * out_c + channel, tap, out_c, 1, width, block);
    for (guint i = 0; i < SLOT; i++)
      supcon_winograd_kernels ()->weights (block + i * width, SLOT * width, width, to + i * width, position);
  }
}

void
supcon_winograd_pack (
    const SupconConv *conv, const SupconReal *w, gboolean for_gradient, guint threads, SupconReal *packed)
{
  Packing packing = { .conv = conv, .w = w, .for_gradient = for_gradient, .packed = packed };

  supcon_parallel_for (threads, supcon_panels (for_gradient ? conv->in_c : conv->out_c, supcon_tile_kernels ()->lanes),
      pack_task, &packing);
}

void
supcon_winograd_cut_to (SupconGrid *grid, guint tiles)
{
  guint across = supcon_winograd_tiles (grid->cols), down = supcon_winograd_tiles (grid->rows);
  guint rows = MAX (1, tiles / across), bands = (down + rows - 1) / rows;

  grid->band_rows = MIN (grid->rows, (down + bands - 1) / bands * OUT);
  grid->band_images = bands > 1 ? 1 : MAX (1, tiles / (across * down));
}

void
supcon_winograd_cut (SupconGrid *grid, guint channels)
{
  supcon_winograd_cut_to (grid, MAX (BAND_TILES, BAND_ELEMENTS / (POSITIONS * (grid->c + channels))));
}

/* The grid with outputs for whole tiles. */
static SupconGrid
whole_tiles (const SupconGrid *grid)
{
  SupconGrid whole = *grid;

  whole.rows = supcon_winograd_tiles (grid->rows) * OUT;
  whole.cols = supcon_winograd_tiles (grid->cols) * OUT;
  whole.band_rows = supcon_winograd_tiles (grid->band_rows) * OUT;
  return whole;
}

gsize
supcon_winograd_input_size (const SupconGrid *grid)
{
  SupconGrid whole = whole_tiles (grid);

  return supcon_grid_copy_size (&whole) * grid->band_images;
}

SupconWinogradInput
supcon_winograd_input (const SupconGrid *grid, const SupconConvBand *band, SupconReal *copy)
{
  SupconWinogradInput self = { .grid = whole_tiles (grid),
    .band = *band,
    .across = supcon_winograd_tiles (grid->cols),
    .down = supcon_winograd_tiles (band->rows),
    .copy = copy };

  self.row = supcon_grid_copy_stride (&self.grid);
  self.image = supcon_grid_copy_size (&self.grid);
  for (guint image = 0; image < band->images; image++)
    supcon_grid_copy (
        &self.grid, band->first_image + image, band->first_row, self.down * OUT, copy + image * self.image);
  return self;
}

void
supcon_winograd_transform (const SupconWinogradInput *self, SupconReal *v, gsize position, gsize slot)
{
  const SupconWinogradKernels *kernels = supcon_winograd_kernels ();
  gsize tiles = supcon_winograd_band_tiles (self);

  for (gsize tile = 0; tile < tiles; tile++)
    kernels->input (
        supcon_winograd_pixel (self, tile), self->row, self->grid.c, self->grid.c, v + tile * SLOT, position, slot);
}

/* Tiles of a band of the grid, cut. */
static gsize
most_tiles (const SupconGrid *grid)
{
  return (gsize)grid->band_images * supcon_winograd_tiles (grid->band_rows) * supcon_winograd_tiles (grid->cols);
}

gsize
supcon_winograd_worker_size (const SupconGrid *grid, guint channels)
{
  return supcon_winograd_input_size (grid)
         + POSITIONS
               * (supcon_winograd_position (most_tiles (grid), grid->c)
                   + supcon_winograd_position (most_tiles (grid), channels));
}

/* A tile's outputs, so far as there are any. */
typedef struct {
  guint rows, cols;
  SupconFinishBlock block;
} Outputs;

/* Where they go. */
static void
place_outputs (
    const SupconWinogradInput *input, const SupconGrid *grid, const SupconFinish *finish, gsize tile, Outputs *outputs)
{
  SupconWinogradPlace place = supcon_winograd_place (input, tile);
  guint row = input->band.first_row + place.row, count = 0;
  gsize first = finish->first + (input->band.first_image + place.image) * finish->image_stride
                + row * finish->row_stride + place.col * finish->col_stride;

  outputs->rows = MIN (OUT, grid->rows - row);
  outputs->cols = MIN (OUT, grid->cols - place.col);
  for (guint i = 0; i < outputs->rows; i++)
    for (guint j = 0; j < outputs->cols; j++)
      outputs->block.at[count++] = first + i * finish->row_stride + j * finish->col_stride;
  outputs->block.count = count;
}

/* Transforms M, tiles x made, to outputs. */
static void
transform_outputs (const SupconWinogradInput *input, const SupconGrid *grid, const SupconFinish *finish,
    const SupconReal *m, gsize position, gboolean near)
{
  guint made = input->band.end_channel - input->band.first_channel;
  gsize tiles = supcon_winograd_band_tiles (input);
  SupconReal y[OUT * OUT * FINISH_CHANNELS];

  for (guint channel = 0; channel < made; channel += FINISH_CHANNELS) {
    const SupconFinishBlock block = { .c = y,
      .c_row = FINISH_CHANNELS,
      .of = supcon_finish_rows,
      .channel = input->band.first_channel + channel,
      .n = MIN (FINISH_CHANNELS, made - channel),
      .band = input->band.number };
    Outputs outputs[2] = { { .block = block }, { .block = block } };

    place_outputs (input, grid, finish, 0, &outputs[0]);
    for (gsize tile = 0; tile < tiles; tile++) {
      Outputs *now = &outputs[tile % 2], *next = &outputs[(tile + 1) % 2];

      now->block.first = tile == 0;
      if (tile + 1 < tiles) {
        place_outputs (input, grid, finish, tile + 1, next);
        supcon_finish_prefetch (finish, &next->block, near);
      }
      supcon_winograd_kernels ()->output (m + tile * made + channel, position, now->block.n, now->rows, now->cols, y,
          now->cols * FINISH_CHANNELS, FINISH_CHANNELS);
      supcon_finish (finish, &now->block);
    }
  }
}

void
supcon_winograd_fetch_output (
    const SupconGrid *grid, const SupconConvBand *band, const SupconFinish *finish, SupconFetchRuns *runs)
{
  gsize first = finish->first + band->first_image * finish->image_stride + band->first_row * finish->row_stride;

  supcon_finish_fetch (finish, first, (gsize)band->images * band->rows * grid->cols * finish->channels, runs);
}

void
supcon_winograd_band (const SupconGrid *grid, const SupconConvBand *band, const SupconReal *packed,
    const SupconFinish *finish, SupconReal *scratch)
{
  SupconWinogradInput input = supcon_winograd_input (grid, band, scratch);
  /* The few bands of a frame wait for the weights where there are more of them. */
  gsize most = finish->partial ? SUPCON_WINOGRAD_FEW_WEIGHTS : SUPCON_WINOGRAD_FEW_WEIGHTS / 4;
  gboolean fetches = POSITIONS * supcon_winograd_position (grid->c, finish->channels) <= most;
  SupconFetchRuns runs = { 0 };

  if (fetches) {
    supcon_winograd_fetch_output (grid, band, finish, &runs);
    supcon_grid_fetch_next (grid, band, &runs);
  }
  supcon_winograd_correlate (
      grid, &input, packed, finish, fetches ? &runs : NULL, scratch + supcon_winograd_input_size (grid));
}

void
supcon_winograd_correlate (const SupconGrid *grid, const SupconWinogradInput *input, const SupconReal *packed,
    const SupconFinish *finish, SupconFetchRuns *runs, SupconReal *room)
{
  const SupconTileKernels *products = supcon_tile_kernels ();
  const SupconConvBand *band = &input->band;
  guint tiles = supcon_winograd_band_tiles (input), made = band->end_channel - band->first_channel;
  gsize v_position = supcon_winograd_position (tiles, grid->c), m_position = supcon_winograd_position (tiles, made);
  gsize u_position = supcon_winograd_position (grid->c, finish->channels);
  guint step = 2 * products->lanes, panels = (made + step - 1) / step;
  SupconReal *v = room, *m = v + POSITIONS * v_position;
  SupconFetch fetch;

  if (runs)
    supcon_fetch_spread (
        runs, POSITIONS * panels * grid->c * ((tiles + products->max_rows[0] - 1) / products->max_rows[0]));
  supcon_winograd_transform (input, v, v_position, (gsize)tiles * SLOT);
  for (guint position = 0; position < POSITIONS; position++) {
    const SupconReal *u = packed + position * u_position;

    for (guint channel = band->first_channel; channel < band->end_channel; channel += step) {
      guint vectors = supcon_panel_vectors (finish->channels, products->lanes, channel / step);
      guint pieces = (tiles + products->max_rows[vectors - 1] - 1) / products->max_rows[vectors - 1];
      SupconTile product = { .a = v + position * v_position,
        .a_row = SLOT,
        .a_inner = 1,
        .a_outer = (gsize)tiles * SLOT,
        .b = u + (gsize)grid->c * channel,
        .b_inner = vectors * products->lanes,
        .b_outer = SLOT * vectors * products->lanes,
        .inner = SLOT,
        .outer = grid->c / SLOT,
        .c = m + position * m_position + (channel - band->first_channel),
        .c_row = made };

      if (runs) {
        product.fetch = supcon_fetch_next (runs);
      } else if (channel + step < band->end_channel || position + 1 < POSITIONS) {
        const SupconReal *next = channel + step < band->end_channel
                                     ? product.b + (gsize)grid->c * step
                                     : u + u_position + (gsize)grid->c * band->first_channel;

        fetch = supcon_fetch (next, grid->c * product.b_inner * sizeof (SupconReal), 0, pieces, grid->c);
        product.fetch = &fetch;
      }
      for (guint i = 0; i < pieces; i++) {
        guint rows = supcon_even_piece (tiles, pieces, i);

        products->func[vectors - 1](&product, rows);
        product.a += rows * SLOT;
        product.c += rows * made;
      }
    }
  }
  transform_outputs (input, grid, finish, m, m_position, runs != NULL);
}
