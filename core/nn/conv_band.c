/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/conv_band.h"

#include <string.h>

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

gboolean
supcon_grid_needs_copy (const SupconGrid *grid)
{
  gint last_h = (gint)((grid->rows - 1) * grid->stride + grid->taps_h) + grid->off_h;
  gint last_w = (gint)((grid->cols - 1) * grid->stride + grid->taps_w) + grid->off_w;

  return grid->off_h < 0 || grid->off_w < 0 || last_h > (gint)grid->h || last_w > (gint)grid->w;
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
  const SupconReal *source = grid->source + (gsize)image * grid->h * grid->w * grid->c;
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
    memcpy (copy + (gsize)left * grid->c, source + ((gsize)row * grid->w + grid->off_w + left) * grid->c,
        (gsize)inside * grid->c * sizeof *copy);
    memset (copy + (gsize)(left + inside) * grid->c, 0, (gsize)(cols - left - inside) * grid->c * sizeof *copy);
  }
}
