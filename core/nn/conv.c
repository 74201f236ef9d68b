/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forward and gradient by input are the same walk, a correlation: the gradient by input of a convolution of stride s
 * is, for each of the s x s phases of the input's pixels, a correlation of dy with the taps that reach that phase. */
#include "nn/conv.h"

#include <string.h>

#include "nn/conv_band.h"
#include "nn/conv_bf16.h"
#include "nn/winograd.h"
#include "simd.h"

#define MAX_LANES 16

typedef struct {
  SupconGrid grid;
  guint n;
  guint channels; /* of the destination */
  gboolean winograd;
  const SupconReal *packed; /* nn/winograd.h's, or panel after panel: taps_h x taps_w x c rows of the panel's width */
  SupconReal *target;       /* of output (0, 0) of picture 0 */
  gsize image_stride, row_stride, col_stride;
  gboolean accumulate;
  guint splits; /* of the panels */
  SupconWorkspace *workspace;
  const SupconConvEpilogue *epilogue;
  SupconReal *partial; /* for mean and variance: bands x 2 x channels */
} Correlation;

void
supcon_conv_init (
    SupconConv *conv, guint in_h, guint in_w, guint in_c, guint out_c, guint kernel, guint stride, guint pad)
{
  *conv = (SupconConv){ .in_h = in_h,
    .in_w = in_w,
    .in_c = in_c,
    .out_h = (in_h + 2 * pad - kernel) / stride + 1,
    .out_w = (in_w + 2 * pad - kernel) / stride + 1,
    .out_c = out_c,
    .kernel = kernel,
    .stride = stride,
    .pad = pad };
  supcon_conv_choose (conv, G_MAXUINT);
}

gboolean
supcon_conv_choose (SupconConv *conv, guint n)
{
  gboolean before = conv->winograd;

  conv->winograd = supcon_winograd_wins (conv, n);
  return conv->winograd != before;
}

/* One row of output pixels by one panel of channels. a: the inputs of its first pixel. */
static void
correlate_row (const Correlation *self, const SupconTileKernels *kernels, const SupconReal *a, gsize a_outer,
    guint panel, SupconReal *target)
{
  const SupconGrid *grid = &self->grid;
  guint lanes = kernels->lanes, channel = panel * 2 * lanes;
  guint vectors = supcon_panel_vectors (self->channels, lanes, panel), width = vectors * lanes;
  guint valid = MIN (width, self->channels - channel);
  guint tiles = (grid->cols + kernels->max_rows[vectors - 1] - 1) / kernels->max_rows[vectors - 1];
  SupconReal spill[16 * 2 * MAX_LANES];
  SupconTile tile = { .a = a,
    .a_row = (gsize)grid->stride * grid->c,
    .a_inner = 1,
    .a_outer = a_outer,
    .b = self->packed + (gsize)grid->taps_h * grid->taps_w * grid->c * channel,
    .b_inner = width,
    .inner = (gsize)grid->taps_w * grid->c,
    .outer = grid->taps_h };

  tile.b_outer = tile.inner * width;
  for (guint t = 0; t < tiles; t++) {
    guint rows = supcon_even_piece (grid->cols, tiles, t);

    if (valid == width) {
      tile.c = target + channel;
      tile.c_row = self->col_stride;
      tile.accumulate = self->accumulate;
      kernels->func[vectors - 1](&tile, rows);
    } else { /* the panel is wider than what is left of the channels */
      tile.c = spill;
      tile.c_row = width;
      tile.accumulate = FALSE;
      kernels->func[vectors - 1](&tile, rows);
      for (guint i = 0; i < rows; i++) {
        SupconReal *to = target + i * self->col_stride + channel;

        for (guint j = 0; j < valid; j++)
          to[j] = (self->accumulate ? to[j] : 0) + spill[i * width + j];
      }
    }
    tile.a += rows * tile.a_row;
    target += rows * self->col_stride;
  }
}

/* Each channel's mean and sum of squared deviations over the band. */
SUPCON_MULTIVERSION static void
band_statistics (const Correlation *self, const SupconConvBand *band, gsize number)
{
  guint width = band->end_channel - band->first_channel;
  gsize count = (gsize)band->images * band->rows * self->grid.cols;
  SupconReal *mean = self->partial + number * 2 * self->channels + band->first_channel;
  SupconReal *squares = mean + self->channels;

  memset (mean, 0, width * sizeof *mean);
  memset (squares, 0, width * sizeof *squares);
  for (guint pass = 0; pass < 2; pass++) {
    for (guint image = 0; image < band->images; image++) {
      const SupconReal *y = self->target + (band->first_image + image) * self->image_stride
                            + band->first_row * self->row_stride + band->first_channel;

      for (gsize p = 0; p < (gsize)band->rows * self->grid.cols; p++, y += self->channels) {
        if (pass == 0)
          for (guint c = 0; c < width; c++)
            mean[c] += y[c];
        else
          for (guint c = 0; c < width; c++)
            squares[c] += (y[c] - mean[c]) * (y[c] - mean[c]);
      }
    }
    for (guint c = 0; pass == 0 && c < width; c++)
      mean[c] /= count;
  }
}

SUPCON_MULTIVERSION static void
band_finish (const Correlation *self, const SupconConvBand *band)
{
  const SupconConvEpilogue *epilogue = self->epilogue;

  for (guint image = 0; image < band->images; image++) {
    gsize first = (band->first_image + image) * self->image_stride + band->first_row * self->row_stride;

    for (gsize p = 0; p < (gsize)band->rows * self->grid.cols; p++) {
      SupconReal *y = self->target + first + p * self->channels;
      const SupconReal *residual = epilogue->residual;

      if (epilogue->scale)
        for (guint c = band->first_channel; c < band->end_channel; c++)
          y[c] = y[c] * epilogue->scale[c] + epilogue->shift[c];
      if (residual)
        for (guint c = band->first_channel; c < band->end_channel; c++)
          y[c] += residual[first + p * self->channels + c];
      if (epilogue->relu)
        for (guint c = band->first_channel; c < band->end_channel; c++)
          y[c] = y[c] < 0 ? 0 : y[c]; /* a NaN stays */
    }
  }
}

/* The products of register tiles over a band. */
static void
correlate_band (const Correlation *self, const SupconConvBand *band, SupconReal *scratch)
{
  const SupconGrid *grid = &self->grid;
  const SupconTileKernels *kernels = supcon_tile_kernels ();
  gboolean copy = supcon_grid_needs_copy (grid);
  gsize a_image = copy ? supcon_grid_copy_size (grid) : (gsize)grid->h * grid->w * grid->c;
  gsize a_outer = copy ? supcon_grid_copy_stride (grid) : (gsize)grid->w * grid->c;
  const SupconReal *a = scratch;

  if (copy)
    for (guint image = 0; image < band->images; image++)
      supcon_grid_copy (grid, band->first_image + image, band->first_row, band->rows, scratch + image * a_image);
  else
    a = grid->source + band->first_image * a_image
        + ((gsize)(band->first_row * grid->stride + grid->off_h) * grid->w + grid->off_w) * grid->c;
  for (guint channel = band->first_channel; channel < band->end_channel; channel += 2 * kernels->lanes)
    for (guint image = 0; image < band->images; image++)
      for (guint row = 0; row < band->rows; row++)
        correlate_row (self, kernels, a + image * a_image + row * grid->stride * a_outer, a_outer,
            channel / (2 * kernels->lanes),
            self->target + (band->first_image + image) * self->image_stride
                + (band->first_row + row) * self->row_stride);
}

static void
correlate_task (gsize task, guint worker, gpointer data)
{
  const Correlation *self = data;
  const SupconGrid *grid = &self->grid;
  guint lanes = supcon_tile_kernels ()->lanes, panels = supcon_panels (self->channels, lanes);
  guint bands_of_image = (grid->rows + grid->band_rows - 1) / grid->band_rows;
  gsize number = task / self->splits;
  guint split = task % self->splits;
  SupconReal *scratch = supcon_workspace_worker (self->workspace, worker);
  SupconConvBand band;

  band.first_image = number / bands_of_image * grid->band_images;
  band.images = MIN (grid->band_images, self->n - band.first_image);
  band.first_row = number % bands_of_image * grid->band_rows;
  band.rows = MIN (grid->band_rows, grid->rows - band.first_row);
  band.first_channel = panels * split / self->splits * 2 * lanes;
  band.end_channel = MIN (self->channels, panels * (split + 1) / self->splits * 2 * lanes);

  if (self->winograd)
    supcon_winograd_band (grid, &band, self->channels, self->packed, scratch, self->accumulate, self->target,
        self->image_stride, self->row_stride, self->col_stride);
  else
    correlate_band (self, &band, scratch);
  if (self->partial)
    band_statistics (self, &band, number);
  if (self->epilogue)
    band_finish (self, &band);
}

/* Means and squares of the bands into those of the batch (Chan, Golub and LeVeque 1979), in the bands' order. */
static void
combine_statistics (const Correlation *self, gsize bands)
{
  const SupconGrid *grid = &self->grid;
  guint bands_of_image = (grid->rows + grid->band_rows - 1) / grid->band_rows;
  SupconReal *mean = self->epilogue->mean, *variance = self->epilogue->variance;

  for (guint c = 0; c < self->channels; c++) {
    double count = 0, total_mean = 0, squares = 0;

    for (gsize b = 0; b < bands; b++) {
      guint images = MIN (grid->band_images, self->n - b / bands_of_image * grid->band_images);
      guint rows = MIN (grid->band_rows, grid->rows - b % bands_of_image * grid->band_rows);
      double size = (double)images * rows * grid->cols;
      double delta = self->partial[b * 2 * self->channels + c] - total_mean;

      count += size;
      total_mean += delta * size / count;
      squares += self->partial[(b * 2 + 1) * self->channels + c] + delta * delta * size * (count - size) / count;
    }
    mean[c] = total_mean;
    variance[c] = squares / count;
  }
}

static void
correlate (Correlation *self)
{
  guint panels = supcon_panels (self->channels, supcon_tile_kernels ()->lanes);
  gsize bands;

  if (self->winograd)
    supcon_winograd_cut (&self->grid, self->channels);
  else
    supcon_grid_cut (&self->grid);
  bands = supcon_grid_bands (&self->grid, self->n);
  if (bands == 0)
    return;
  self->splits = MIN (panels, (SUPCON_BAND_TASKS + bands - 1) / bands);
  supcon_parallel_for (self->workspace->threads, bands * self->splits, correlate_task, self);
  if (self->partial)
    combine_statistics (self, bands);
}

SupconGrid
supcon_conv_grid (const SupconConv *conv, const SupconReal *x)
{
  return (SupconGrid){ .source = x,
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
supcon_phase_grid (const SupconConv *conv, const SupconReal *dy, const SupconPhase *ph, const SupconPhase *pw)
{
  return (SupconGrid){ .source = dy,
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

void
supcon_conv_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  guint lanes = supcon_tile_kernels ()->lanes;
  SupconGrid grid = supcon_conv_grid (conv, NULL);
  gsize worker, shared, taps = (gsize)conv->kernel * conv->kernel;

  if (conv->precision == SUPCON_PRECISION_BFLOAT16) {
    supcon_bf16_reserve (conv, n, workspace);
    return;
  }
  if (conv->winograd) {
    supcon_winograd_reserve (conv, n, workspace);
    return;
  }
  supcon_grid_cut (&grid);
  worker = supcon_grid_copy_size (&grid) * grid.band_images;
  shared = supcon_grid_bands (&grid, n) * 2 * conv->out_c;
  for (guint phase = 0; phase < conv->stride * conv->stride; phase++) {
    SupconPhase ph = supcon_phase_of (phase / conv->stride, conv->in_h, conv->kernel, conv->stride, conv->pad);
    SupconPhase pw = supcon_phase_of (phase % conv->stride, conv->in_w, conv->kernel, conv->stride, conv->pad);

    if (!ph.count || !pw.count || !ph.taps || !pw.taps)
      continue;
    grid = supcon_phase_grid (conv, NULL, &ph, &pw);
    supcon_grid_cut (&grid);
    worker = MAX (worker, supcon_grid_copy_size (&grid) * grid.band_images);
  }
  shared = MAX (shared, taps * conv->out_c * supcon_padded_channels (conv->in_c, lanes));
  worker = MAX (worker, supcon_conv_weights_worker_size (conv));
  shared = MAX (shared, supcon_conv_weights_shared_size (conv, n));
  supcon_workspace_reserve (workspace, worker, shared);
}

gsize
supcon_conv_packed_size (const SupconConv *conv)
{
  if (conv->precision == SUPCON_PRECISION_BFLOAT16)
    return supcon_bf16_packed_size (conv);
  if (supcon_winograd_fits (conv))
    return supcon_winograd_packed_size (conv);
  return (gsize)conv->kernel * conv->kernel * conv->in_c
         * supcon_padded_channels (conv->out_c, supcon_tile_kernels ()->lanes);
}

typedef struct {
  const SupconConv *conv;
  const SupconReal *w;
  SupconReal *packed;
  /* For the gradient by input: the phase and its taps. */
  guint phase_h, phase_w, taps_h, taps_w;
} Packing;

static void
pack_task (gsize panel, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Packing *self = data;
  guint lanes = supcon_tile_kernels ()->lanes, channels = self->conv->out_c, channel = panel * 2 * lanes;
  guint width = supcon_panel_vectors (channels, lanes, panel) * lanes, valid = MIN (width, channels - channel);
  gsize rows = (gsize)self->conv->kernel * self->conv->kernel * self->conv->in_c;
  SupconReal *to = self->packed + rows * channel;

  for (gsize row = 0; row < rows; row++, to += width) {
    memcpy (to, self->w + row * channels + channel, valid * sizeof *to);
    memset (to + valid, 0, (width - valid) * sizeof *to);
  }
}

void
supcon_conv_pack (const SupconConv *conv, const SupconReal *w, guint threads, SupconReal *packed)
{
  Packing packing = { .conv = conv, .w = w, .packed = packed };

  if (conv->precision == SUPCON_PRECISION_BFLOAT16) {
    supcon_bf16_pack (conv, w, threads, packed);
    return;
  }
  if (conv->winograd) {
    supcon_winograd_pack (conv, w, FALSE, threads, packed);
    return;
  }
  supcon_parallel_for (threads, supcon_panels (conv->out_c, supcon_tile_kernels ()->lanes), pack_task, &packing);
}

/* Weights of one phase, turned by half a turn and with the channels' parts exchanged: taps x out_c rows of in_c. */
static void
pack_phase_task (gsize panel, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Packing *self = data;
  const SupconConv *conv = self->conv;
  guint lanes = supcon_tile_kernels ()->lanes, channel = panel * 2 * lanes;
  guint width = supcon_panel_vectors (conv->in_c, lanes, panel) * lanes, valid = MIN (width, conv->in_c - channel);
  SupconReal *to = self->packed + (gsize)self->taps_h * self->taps_w * conv->out_c * channel;

  for (guint th = 0; th < self->taps_h; th++)
    for (guint tw = 0; tw < self->taps_w; tw++, to += (gsize)conv->out_c * width) {
      guint kh = self->phase_h + conv->stride * (self->taps_h - 1 - th);
      guint kw = self->phase_w + conv->stride * (self->taps_w - 1 - tw);
      const SupconReal *from = self->w + ((gsize)(kh * conv->kernel + kw) * conv->in_c + channel) * conv->out_c;

      for (guint j = 0; j < width; j++)
        for (guint o = 0; o < conv->out_c; o++)
          to[(gsize)o * width + j] = j < valid ? from[(gsize)j * conv->out_c + o] : 0;
    }
}

void
supcon_conv_forward (const SupconConv *conv, guint n, const void *x, const SupconReal *packed,
    const SupconConvEpilogue *epilogue, SupconWorkspace *workspace, void *y)
{
  Correlation self = { .grid = supcon_conv_grid (conv, x),
    .n = n,
    .channels = conv->out_c,
    .winograd = conv->winograd,
    .packed = packed,
    .target = y,
    .image_stride = supcon_conv_out_size (conv),
    .row_stride = (gsize)conv->out_w * conv->out_c,
    .col_stride = conv->out_c,
    .workspace = workspace,
    .epilogue = epilogue,
    .partial = epilogue && epilogue->mean ? workspace->shared : NULL };

  if (conv->precision == SUPCON_PRECISION_BFLOAT16) {
    supcon_bf16_forward (conv, n, &(SupconNormInput){ .x = x }, packed, epilogue, workspace, y);
    return;
  }
  correlate (&self);
}

void
supcon_conv_backward_input (const SupconConv *conv, guint n, const void *dy, const SupconReal *w, gboolean accumulate,
    SupconWorkspace *workspace, void *dx)
{
  gsize col_stride = (gsize)conv->stride * conv->in_c;

  if (conv->precision == SUPCON_PRECISION_BFLOAT16) {
    SupconConvTarget target = { .dx = dx, .add = accumulate ? dx : NULL };

    supcon_bf16_backward_input (conv, n, &(SupconNormInput){ .x = dy }, w, &target, workspace);
    return;
  }
  /* Pixels that no tap reaches have gradient zero. */
  if (!accumulate && conv->kernel < conv->stride)
    memset (dx, 0, n * supcon_conv_in_size (conv) * sizeof (SupconReal));
  for (guint phase = 0; phase < conv->stride * conv->stride; phase++) {
    guint phase_h = phase / conv->stride, phase_w = phase % conv->stride;
    SupconPhase ph = supcon_phase_of (phase_h, conv->in_h, conv->kernel, conv->stride, conv->pad);
    SupconPhase pw = supcon_phase_of (phase_w, conv->in_w, conv->kernel, conv->stride, conv->pad);
    Packing packing = { .conv = conv,
      .w = w,
      .packed = workspace->shared,
      .phase_h = phase_h,
      .phase_w = phase_w,
      .taps_h = ph.taps,
      .taps_w = pw.taps };
    Correlation self = { .grid = supcon_phase_grid (conv, dy, &ph, &pw),
      .n = n,
      .channels = conv->in_c,
      .winograd = conv->winograd,
      .packed = workspace->shared,
      .target = (SupconReal *)dx + ((gsize)ph.first * conv->in_w + pw.first) * conv->in_c,
      .image_stride = supcon_conv_in_size (conv),
      .row_stride = conv->in_w * col_stride,
      .col_stride = col_stride,
      .accumulate = accumulate,
      .workspace = workspace };

    if (!ph.taps || !pw.taps)
      continue;
    if (self.winograd)
      supcon_winograd_pack (conv, w, TRUE, workspace->threads, workspace->shared);
    else
      supcon_parallel_for (
          workspace->threads, supcon_panels (conv->in_c, supcon_tile_kernels ()->lanes), pack_phase_task, &packing);
    correlate (&self);
  }
}
