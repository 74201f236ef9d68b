/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forward and gradient by input in float32 are the same walk, a correlation: the gradient by input of a convolution of
 * stride s is, for each of the s x s phases of the input's pixels, a correlation of dy with the taps that reach that
 * phase. A task makes the band of all of them, since their pixels lie between each other. */
#include <string.h>

#include "nn/conv_finish.h"
#include "nn/winograd.h"

typedef struct {
  SupconGrid grid;
  guint n;
  gboolean winograd;
  const SupconReal *packed; /* nn/winograd.h's, or panel after panel: taps_h x taps_w x c rows of the panel's width */
  SupconFinish finish;
  gsize bands;
} Correlation;

/* Forward, or all phases of the gradient by input. */
typedef struct {
  Correlation walks[SUPCON_MAX_PHASES];
  guint n;
  guint splits; /* of the panels of channels */
  SupconWorkspace *workspace;
} Walks;

/* Whether a band is one run of pixels, in the inputs as in the target. */
static gboolean
is_flat (const Correlation *self)
{
  const SupconGrid *grid = &self->grid;
  const SupconFinish *finish = &self->finish;

  return grid->taps_h == 1 && grid->taps_w == 1 && grid->stride == 1 && grid->h == grid->rows && grid->w == grid->cols
         && finish->row_stride == grid->cols * finish->col_stride
         && finish->image_stride == grid->rows * finish->row_stride;
}

/* The products of register tiles over a band. */
static void
correlate_band (const Correlation *self, const SupconConvBand *band, SupconReal *scratch)
{
  const SupconGrid *grid = &self->grid;
  const SupconFinish *finish = &self->finish;
  gboolean copy = supcon_grid_needs_copy (grid), flat = is_flat (self);
  gsize a_image = copy ? supcon_grid_copy_size (grid) : (gsize)grid->h * grid->w * grid->c;
  gsize a_outer = copy ? supcon_grid_copy_stride (grid) : (gsize)grid->w * grid->c;
  guint step = 2 * supcon_tile_kernels ()->lanes;
  guint images = flat ? 1 : band->images, rows = flat ? 1 : band->rows;
  guint pixels = flat ? band->images * band->rows * grid->cols : grid->cols;
  guint most = supcon_tile_kernels ()->max_rows[1];
  gsize a_size = (gsize)band->images * band->rows * MIN (grid->stride, grid->taps_h) * a_outer;
  const SupconReal *a = scratch;
  SupconFetchRuns next = { 0 };
  SupconFetch fetch;

  if (copy)
    for (guint image = 0; image < band->images; image++)
      supcon_grid_copy (grid, band->first_image + image, band->first_row, band->rows, scratch + image * a_image);
  else
    a = (const SupconReal *)grid->source.x + band->first_image * a_image
        + ((gsize)(band->first_row * grid->stride + grid->off_h) * grid->w + grid->off_w) * grid->c;
  if (copy) {
    supcon_grid_fetch_next (grid, band, &next);
    supcon_fetch_spread (&next, images * rows * ((pixels + most - 1) / most) * grid->taps_h * grid->taps_w * grid->c);
  }
  for (guint channel = band->first_channel; channel < band->end_channel; channel += step) {
    gboolean last = channel + step >= band->end_channel;
    SupconFinishBlock block
        = { .channel = channel, .n = MIN (step, band->end_channel - channel), .band = band->number, .first = TRUE };
    SupconTile product = { .a_row = (gsize)grid->stride * grid->c,
      .a_inner = 1,
      .a_outer = a_outer,
      .b = self->packed + (gsize)grid->taps_h * grid->taps_w * grid->c * channel,
      .b_inner = supcon_panel_vectors (finish->channels, step / 2, channel / step) * step / 2,
      .inner = (gsize)grid->taps_w * grid->c,
      .outer = grid->taps_h };

    product.b_outer = product.inner * product.b_inner;
    if (!last) {
      gsize b_size = product.outer * product.b_outer;

      fetch = supcon_fetch (product.b + b_size, b_size * sizeof (SupconReal), a_size * sizeof (SupconReal),
          images * rows * ((pixels + most - 1) / most), product.outer * product.inner);
      product.fetch = &fetch;
    }
    for (guint image = 0; image < images; image++)
      for (guint row = 0; row < rows; row++) {
        if (last && copy)
          product.fetch = supcon_fetch_next (&next);
        product.a = a + image * a_image + row * grid->stride * a_outer;
        supcon_finish_products (finish, &block, &product, pixels,
            finish->first + (band->first_image + image) * finish->image_stride
                + (band->first_row + row) * finish->row_stride);
      }
  }
}

static void
correlate_task (gsize task, guint worker, gpointer data)
{
  const Walks *self = data;
  guint split = task % self->splits, lanes = supcon_tile_kernels ()->lanes;
  SupconReal *scratch = supcon_workspace_worker (self->workspace, worker);

  for (guint i = 0; i < self->n; i++) {
    const Correlation *walk = &self->walks[i];
    guint channels = walk->finish.channels, panels = supcon_panels (channels, lanes);
    SupconConvBand band;

    if (task / self->splits >= walk->bands) /* sizes that the stride does not divide */
      continue;
    band = supcon_grid_band (&walk->grid, walk->n, task / self->splits, channels);
    band.first_channel = panels * split / self->splits * 2 * lanes;
    band.end_channel = MIN (channels, panels * (split + 1) / self->splits * 2 * lanes);
    if (walk->winograd)
      supcon_winograd_band (&walk->grid, &band, walk->packed, &walk->finish, scratch);
    else
      correlate_band (walk, &band, scratch);
  }
}

static void
cut (Correlation *self)
{
  if (self->winograd)
    supcon_winograd_cut (&self->grid, self->finish.channels);
  else
    supcon_grid_cut (&self->grid);
  self->bands = supcon_grid_bands (&self->grid, self->n);
}

/* What a task needs; the grid has been cut. */
static gsize
worker_size (const Correlation *self)
{
  if (self->winograd)
    return supcon_winograd_worker_size (&self->grid, self->finish.channels);
  return supcon_grid_copy_size (&self->grid) * self->grid.band_images;
}

/* The walks, which have been cut. */
static void
correlate (Walks *self)
{
  guint panels = supcon_panels (self->walks[0].finish.channels, supcon_tile_kernels ()->lanes);
  gsize bands = 0;

  for (guint i = 0; i < self->n; i++)
    bands = MAX (bands, self->walks[i].bands);
  self->splits = MIN (panels, (SUPCON_BAND_TASKS + bands - 1) / MAX (bands, 1));
  supcon_parallel_for (self->workspace->threads, bands * self->splits, correlate_task, self);
}

void
supcon_real_forward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconReal *packed,
    const SupconConvEpilogue *epilogue, SupconWorkspace *workspace, void *y)
{
  Walks walks = { .n = 1, .workspace = workspace };
  Correlation *self = &walks.walks[0];

  *self = (Correlation){ .grid = supcon_conv_grid (conv, x),
    .n = n,
    .winograd = conv->winograd,
    .packed = packed,
    .finish = { .channels = conv->out_c,
        .precision = conv->precision,
        .target = y,
        .image_stride = supcon_conv_out_size (conv),
        .row_stride = (gsize)conv->out_w * conv->out_c,
        .col_stride = conv->out_c,
        .epilogue = epilogue } };
  cut (self);
  if (epilogue && epilogue->mean) {
    self->finish.pivot = workspace->shared;
    self->finish.partial = workspace->shared + self->bands * conv->out_c;
  }
  correlate (&walks);
  if (self->finish.partial)
    supcon_finish_statistics (&self->finish, &self->grid, n);
}

typedef struct {
  const SupconConv *conv;
  const SupconReal *w;
  SupconReal *packed;
  guint phase_h, phase_w, taps_h, taps_w;
} Packing;

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
supcon_conv_pack_phase (const SupconConv *conv, const SupconReal *w, guint phase, guint taps_h, guint taps_w,
    guint threads, SupconReal *packed)
{
  Packing packing = { .conv = conv,
    .w = w,
    .packed = packed,
    .phase_h = phase / conv->stride,
    .phase_w = phase % conv->stride,
    .taps_h = taps_h,
    .taps_w = taps_w };

  supcon_parallel_for (threads, supcon_panels (conv->in_c, supcon_tile_kernels ()->lanes), pack_phase_task, &packing);
}

/* Elements of a walk's weights. */
static gsize
turned_size (const Correlation *self, const SupconConv *conv)
{
  if (conv->winograd)
    return supcon_winograd_packed_size (conv);
  return (gsize)self->grid.taps_h * self->grid.taps_w * conv->out_c
         * supcon_padded_channels (conv->in_c, supcon_tile_kernels ()->lanes);
}

/* One phase of the gradient by input, cut, without its weights and its target; FALSE where there is none. */
static gboolean
phase_walk (Correlation *self, const SupconConv *conv, guint n, guint phase, const SupconNormInput *dy)
{
  guint phase_h = phase / conv->stride, phase_w = phase % conv->stride;
  SupconPhase ph = supcon_phase_of (phase_h, conv->in_h, conv->kernel, conv->stride, conv->pad);
  SupconPhase pw = supcon_phase_of (phase_w, conv->in_w, conv->kernel, conv->stride, conv->pad);
  gsize col_stride = (gsize)conv->stride * conv->in_c;

  if (!ph.count || !pw.count || !ph.taps || !pw.taps)
    return FALSE;
  *self = (Correlation){ .grid = supcon_phase_grid (conv, dy, &ph, &pw),
    .n = n,
    .winograd = conv->winograd,
    .finish = { .channels = conv->in_c,
        .precision = conv->precision,
        .first = ((gsize)ph.first * conv->in_w + pw.first) * conv->in_c,
        .image_stride = supcon_conv_in_size (conv),
        .row_stride = conv->in_w * col_stride,
        .col_stride = col_stride } };
  cut (self);
  return TRUE;
}

void
supcon_real_backward_input (const SupconConv *conv, guint n, const SupconNormInput *dy, const SupconReal *w,
    const SupconConvTarget *target, SupconWorkspace *workspace)
{
  Walks walks = { .workspace = workspace };
  SupconReal *shared = workspace->shared;
  gsize bands = 0;

  /* Pixels that no tap reaches have gradient zero. */
  g_assert (conv->kernel >= conv->stride || (!target->sums && (!target->add || target->add == target->dx)));
  if (!target->add && conv->kernel < conv->stride)
    memset (target->dx, 0, n * supcon_conv_in_size (conv) * sizeof (SupconReal));
  for (guint phase = 0; phase < conv->stride * conv->stride; phase++) {
    Correlation *self = &walks.walks[walks.n];

    if (!phase_walk (self, conv, n, phase, dy))
      continue;
    if (conv->winograd)
      supcon_winograd_pack (conv, w, TRUE, workspace->threads, shared);
    else
      supcon_conv_pack_phase (conv, w, phase, self->grid.taps_h, self->grid.taps_w, workspace->threads, shared);
    self->packed = shared;
    self->finish.target = target->dx;
    self->finish.gradient = target;
    shared += turned_size (self, conv);
    walks.n++;
  }
  for (guint i = 0; target->sums && i < walks.n; i++) {
    walks.walks[i].finish.partial = shared + bands * 2 * conv->in_c;
    bands += walks.walks[i].bands;
  }
  correlate (&walks);
  if (target->sums)
    supcon_norm_add_partial (conv->in_c, bands, shared, target->sums);
}

void
supcon_conv_walk_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  Correlation self
      = { .grid = supcon_conv_grid (conv, NULL), .n = n, .winograd = conv->winograd, .finish.channels = conv->out_c };
  gsize worker, shared = 0;

  cut (&self);
  worker = worker_size (&self);
  supcon_workspace_reserve (workspace, worker, self.bands * 3 * conv->out_c);
  for (guint phase = 0; phase < conv->stride * conv->stride; phase++)
    if (phase_walk (&self, conv, n, phase, NULL)) {
      shared += turned_size (&self, conv) + self.bands * 2 * conv->in_c;
      worker = MAX (worker, worker_size (&self));
    }
  supcon_workspace_reserve (workspace, worker, shared);
}
