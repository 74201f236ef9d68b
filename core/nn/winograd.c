/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/winograd.h"

#include <string.h>

#include "cpu.h"

enum {
  OUT = SUPCON_WINOGRAD_OUT,
  IN = SUPCON_WINOGRAD_IN,
  POSITIONS = SUPCON_WINOGRAD_POSITIONS,
  SLOT = SUPCON_WINOGRAD_SLOT
};

/* Elements of a band's transformed inputs and outputs: half of a level-two cache of 2 MB; and the fewest tiles that use
 * the weights well. */
#define BAND_ELEMENTS (1 << 17)
#define BAND_TILES 32

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
  return conv->kernel == 3 && conv->stride == 1 && conv->pad == 1 && conv->in_c % SLOT == 0 && conv->out_c % SLOT == 0;
}

gboolean
supcon_winograd_wins (const SupconConv *conv, guint n)
{
  guint64 tiles = (guint64)supcon_winograd_tiles (conv->out_h) * supcon_winograd_tiles (conv->out_w);
  guint64 pixels = (guint64)conv->out_h * conv->out_w;

  /* Tiles must not be mostly outside the picture: half the products saved. And four times as many weights must be read,
   * by as many tiles as make up for it: measured with 256 channels of 14x14 and 512 of 7x7. */
  return supcon_winograd_fits (conv) && 9 * pixels >= 2 * POSITIONS * tiles
         && n * tiles * 8 >= MAX (conv->in_c, conv->out_c);
}

gsize
supcon_winograd_packed_size (const SupconConv *conv)
{
  return POSITIONS * supcon_winograd_position (conv->in_c, conv->out_c);
}

typedef struct {
  const SupconConv *conv;
  const SupconReal *w;
  SupconReal *packed;
  gsize position;
} Packing;

static void
pack_task (gsize panel, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Packing *self = data;
  const SupconConv *conv = self->conv;
  guint lanes = supcon_tile_kernels ()->lanes, channel = panel * 2 * lanes;
  guint width = supcon_panel_vectors (conv->out_c, lanes, panel) * lanes;
  SupconReal *to = self->packed + (gsize)conv->in_c * channel;

  for (guint c = 0; c < conv->in_c; c++, to += width)
    supcon_winograd_kernels ()->weights (
        self->w + (gsize)c * conv->out_c + channel, (gsize)conv->in_c * conv->out_c, width, to, self->position);
}

/* The same of the weights turned by half a turn with their channels exchanged. */
static void
pack_gradient_task (gsize panel, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Packing *self = data;
  const SupconConv *conv = self->conv;
  guint lanes = supcon_tile_kernels ()->lanes, channel = panel * 2 * lanes;
  guint width = supcon_panel_vectors (conv->in_c, lanes, panel) * lanes;
  SupconReal *to = self->packed + (gsize)conv->out_c * channel;
  SupconReal turned[9 * SLOT * 2 * SLOT]; /* taps x SLOT of out_c x width */

  for (guint first = 0; first < conv->out_c; first += SLOT, to += (gsize)SLOT * width) {
    for (guint tap = 0; tap < 9; tap++) {
      const SupconReal *from = self->w + ((gsize)(8 - tap) * conv->in_c + channel) * conv->out_c + first;

      for (guint j = 0; j < width; j++)
        for (guint i = 0; i < SLOT; i++)
          turned[(tap * SLOT + i) * width + j] = from[(gsize)j * conv->out_c + i];
    }
    for (guint i = 0; i < SLOT; i++)
      supcon_winograd_kernels ()->weights (turned + i * width, SLOT * width, width, to + i * width, self->position);
  }
}

void
supcon_winograd_pack (
    const SupconConv *conv, const SupconReal *w, gboolean for_gradient, guint threads, SupconReal *packed)
{
  Packing packing
      = { .conv = conv, .w = w, .packed = packed, .position = supcon_winograd_position (conv->in_c, conv->out_c) };
  guint channels = for_gradient ? conv->in_c : conv->out_c;

  supcon_parallel_for (threads, supcon_panels (channels, supcon_tile_kernels ()->lanes),
      for_gradient ? pack_gradient_task : pack_task, &packing);
}

void
supcon_winograd_cut (SupconGrid *grid, guint channels)
{
  guint across = supcon_winograd_tiles (grid->cols), down = supcon_winograd_tiles (grid->rows);
  guint tiles = MAX (BAND_TILES, BAND_ELEMENTS / (POSITIONS * (grid->c + channels)));
  guint rows = MAX (1, tiles / across), bands = (down + rows - 1) / rows;

  grid->band_rows = MIN (grid->rows, (down + bands - 1) / bands * OUT);
  grid->band_images = bands > 1 ? 1 : MAX (1, tiles / (across * down));
}

/* Elements of a worker's memory for a band of the grid, cut. */
static gsize
band_size (const SupconGrid *grid, guint channels)
{
  gsize tiles = (gsize)grid->band_images * supcon_winograd_tiles (grid->band_rows) * supcon_winograd_tiles (grid->cols);

  return grid->c + POSITIONS * (supcon_winograd_position (tiles, grid->c) + supcon_winograd_position (tiles, channels));
}

void
supcon_winograd_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  SupconPhase whole_h = supcon_phase_of (0, conv->in_h, 3, 1, 1), whole_w = supcon_phase_of (0, conv->in_w, 3, 1, 1);
  SupconGrid forward = supcon_conv_grid (conv, NULL), backward = supcon_phase_grid (conv, NULL, &whole_h, &whole_w);
  gsize statistics;

  supcon_winograd_cut (&forward, conv->out_c);
  supcon_winograd_cut (&backward, conv->in_c);
  statistics = supcon_grid_bands (&forward, n) * 2 * conv->out_c;
  supcon_workspace_reserve (workspace, MAX (band_size (&forward, conv->out_c), band_size (&backward, conv->in_c)),
      MAX (MAX (statistics, supcon_winograd_packed_size (conv)), supcon_winograd_weights_shared_size (conv, n)));
}

void
supcon_winograd_pixels (const SupconGrid *grid, guint image, guint tile_row, guint tile_col, const SupconReal *zeros,
    const SupconReal **pixels)
{
  const SupconReal *source = grid->source + (gsize)image * grid->h * grid->w * grid->c;

  for (guint i = 0; i < IN; i++)
    for (guint j = 0; j < IN; j++) {
      gint row = (gint)(tile_row * OUT + i) + grid->off_h, col = (gint)(tile_col * OUT + j) + grid->off_w;
      gboolean inside = row >= 0 && row < (gint)grid->h && col >= 0 && col < (gint)grid->w;

      pixels[i * IN + j] = inside ? source + ((gsize)row * grid->w + col) * grid->c : zeros;
    }
}

void
supcon_winograd_band (const SupconGrid *grid, const SupconConvBand *band, guint channels, const SupconReal *packed,
    SupconReal *scratch, gboolean accumulate, SupconReal *target, gsize image_stride, gsize row_stride,
    gsize col_stride)
{
  const SupconWinogradKernels *kernels = supcon_winograd_kernels ();
  const SupconTileKernels *products = supcon_tile_kernels ();
  guint across = supcon_winograd_tiles (grid->cols), down = supcon_winograd_tiles (band->rows);
  guint tiles = band->images * down * across, made = band->end_channel - band->first_channel;
  gsize v_position = supcon_winograd_position (tiles, grid->c), m_position = supcon_winograd_position (tiles, made);
  SupconReal *zeros = scratch, *v = zeros + grid->c, *m = v + POSITIONS * v_position;

  memset (zeros, 0, grid->c * sizeof *zeros);
  for (guint tile = 0; tile < tiles; tile++) {
    const SupconReal *pixels[IN * IN];

    supcon_winograd_pixels (grid, band->first_image + tile / across / down,
        band->first_row / OUT + tile / across % down, tile % across, zeros, pixels);
    kernels->input (pixels, grid->c, v + tile * SLOT, v_position, (gsize)tiles * SLOT);
  }
  for (guint position = 0; position < POSITIONS; position++) {
    const SupconReal *u = packed + position * supcon_winograd_position (grid->c, channels);

    for (guint channel = band->first_channel; channel < band->end_channel; channel += 2 * products->lanes) {
      guint vectors = supcon_panel_vectors (channels, products->lanes, channel / (2 * products->lanes));
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

      for (guint i = 0; i < pieces; i++) {
        guint rows = supcon_even_piece (tiles, pieces, i);

        products->func[vectors - 1](&product, rows);
        product.a += rows * SLOT;
        product.c += rows * made;
      }
    }
  }
  for (guint tile = 0; tile < tiles; tile++) {
    guint row = band->first_row + tile / across % down * OUT, col = tile % across * OUT;

    kernels->output (m + (gsize)tile * made, m_position, made, MIN (OUT, grid->rows - row), MIN (OUT, grid->cols - col),
        accumulate,
        target + (band->first_image + tile / across / down) * image_stride + row * row_stride + col * col_stride
            + band->first_channel,
        row_stride, col_stride);
  }
}
