/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/conv_band.h"

#include <string.h>

#include "nn/feature.h"

void
supcon_grid_cut_to (SupconGrid *grid, guint band_pixels)
{
  guint pixels = grid->rows * grid->cols;

  if (pixels <= band_pixels) {
    grid->band_rows = grid->rows;
    grid->band_images = MAX (1, band_pixels / MAX (pixels, 1));
  } else {
    guint rows = MAX (1, band_pixels / grid->cols);
    guint bands = (grid->rows + rows - 1) / rows;

    grid->band_rows = (grid->rows + bands - 1) / bands;
    grid->band_images = 1;
  }
}

void
supcon_grid_cut (SupconGrid *grid)
{
  supcon_grid_cut_to (grid, SUPCON_BAND_PIXELS);
}

gsize
supcon_grid_bands (const SupconGrid *grid, guint n)
{
  if (grid->rows == 0 || grid->cols == 0)
    return 0;
  return (gsize)((n + grid->band_images - 1) / grid->band_images)
         * ((grid->rows + grid->band_rows - 1) / grid->band_rows);
}

SupconConvBand
supcon_grid_band (const SupconGrid *grid, guint n, gsize number, guint channels)
{
  guint of_image = (grid->rows + grid->band_rows - 1) / grid->band_rows;
  SupconConvBand band = { .number = number,
    .first_image = number / of_image * grid->band_images,
    .first_row = number % of_image * grid->band_rows,
    .end_channel = channels };

  band.images = MIN (grid->band_images, n - band.first_image);
  band.rows = MIN (grid->band_rows, grid->rows - band.first_row);
  return band;
}

gboolean
supcon_grid_needs_copy (const SupconGrid *grid)
{
  gint last_h = (gint)((grid->rows - 1) * grid->stride + grid->taps_h) + grid->off_h;
  gint last_w = (gint)((grid->cols - 1) * grid->stride + grid->taps_w) + grid->off_w;

  return grid->source.scale || grid->off_h < 0 || grid->off_w < 0 || last_h > (gint)grid->h || last_w > (gint)grid->w;
}

gsize
supcon_grid_copy_stride (const SupconGrid *grid)
{
  return (gsize)((grid->cols - 1) * grid->stride + grid->taps_w) * grid->c;
}

gsize
supcon_grid_copy_size (const SupconGrid *grid)
{
  return ((grid->band_rows - 1) * grid->stride + grid->taps_h) * supcon_grid_copy_stride (grid);
}

void
supcon_grid_copy (const SupconGrid *grid, guint image, guint first_row, guint rows, SupconReal *copy)
{
  gsize stride = supcon_grid_copy_stride (grid);
  gint cols = (gint)(stride / grid->c);
  gint left = MIN (MAX (-grid->off_w, 0), cols);
  gint inside = MAX (MIN ((gint)grid->w - (grid->off_w + left), cols - left), 0);
  gint first = (gint)(first_row * grid->stride) + grid->off_h;
  guint n = (rows - 1) * grid->stride + grid->taps_h;

  for (guint i = 0; i < n; i++, copy += stride) {
    gint row = first + (gint)i;

    if (row < 0 || row >= (gint)grid->h) {
      memset (copy, 0, stride * sizeof *copy);
      continue;
    }
    memset (copy, 0, (gsize)left * grid->c * sizeof *copy);
    supcon_norm_load_real (grid->precision, &grid->source, grid->c,
        ((gsize)image * grid->h + row) * grid->w + grid->off_w + left, inside, 0, grid->c,
        copy + (gsize)left * grid->c);
    memset (copy + (gsize)(left + inside) * grid->c, 0, (gsize)(cols - left - inside) * grid->c * sizeof *copy);
  }
}

void
supcon_grid_fetch_next (const SupconGrid *grid, const SupconConvBand *band, SupconFetchRuns *runs)
{
  gsize row = (gsize)grid->w * grid->c, rows = (gsize)band->rows * grid->stride;
  gsize first = (gsize)band->first_image * grid->h + (gsize)band->first_row * grid->stride;
  gsize bytes;

  if (band->rows == grid->rows) /* whole pictures */
    rows = (gsize)band->images * grid->h;
  first = (first + rows) * row;
  bytes = rows * row * supcon_feature_size (grid->precision);
  supcon_fetch_add (runs, supcon_feature_at (grid->source.x, first, grid->precision), bytes);
  if (grid->source.other)
    supcon_fetch_add (runs, supcon_feature_at (grid->source.other, first, grid->precision), bytes);
}

void
supcon_panel_copy (
    const SupconNormInput *input, guint c, gsize first_pixel, gsize pixels, guint panel, SupconReal *copy)
{
  guint lanes = supcon_tile_kernels ()->lanes, channel = panel * 2 * lanes;
  guint width = supcon_panel_vectors (c, lanes, panel) * lanes, valid = MIN (width, c - channel);

  if (valid == width) {
    supcon_norm_load (SUPCON_PRECISION_FLOAT32, input, c, first_pixel, pixels, channel, width, copy);
    return;
  }
  for (gsize p = 0; p < pixels; p++, copy += width) {
    supcon_norm_load (SUPCON_PRECISION_FLOAT32, input, c, first_pixel + p, 1, channel, valid, copy);
    memset (copy + valid, 0, (width - valid) * sizeof *copy);
  }
}

SupconGrid
supcon_conv_grid (const SupconConv *conv, const SupconNormInput *x)
{
  return (SupconGrid){ .source = x ? *x : (SupconNormInput){ 0 },
    .precision = conv->precision,
    .h = conv->in_h,
    .w = conv->in_w,
    .c = conv->in_c,
    .rows = conv->out_h,
    .cols = conv->out_w,
    .stride = conv->stride,
    .taps_h = conv->kernel,
    .taps_w = conv->kernel,
    .off_h = -(gint)conv->pad,
    .off_w = -(gint)conv->pad };
}

SupconPhase
supcon_phase_of (guint phase, guint in, guint kernel, guint stride, guint pad)
{
  SupconPhase p = { 0 };
  /* Input position i has i + pad = stride q + phase. */
  guint q = pad > phase ? (pad - phase + stride - 1) / stride : 0;

  p.first = stride * q + phase - pad;
  p.count = p.first < in ? (in - p.first + stride - 1) / stride : 0;
  p.taps = phase < kernel ? (kernel - phase + stride - 1) / stride : 0;
  p.offset = (gint)q - (gint)p.taps + 1;
  return p;
}

SupconGrid
supcon_phase_grid (const SupconConv *conv, const SupconNormInput *dy, const SupconPhase *ph, const SupconPhase *pw)
{
  return (SupconGrid){ .source = dy ? *dy : (SupconNormInput){ 0 },
    .precision = conv->precision,
    .h = conv->out_h,
    .w = conv->out_w,
    .c = conv->out_c,
    .rows = ph->count,
    .cols = pw->count,
    .stride = 1,
    .taps_h = ph->taps,
    .taps_w = pw->taps,
    .off_h = ph->offset,
    .off_w = pw->offset };
}
