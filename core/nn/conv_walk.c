/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forward and gradient by input in float32 are the same walk, a correlation: the gradient by input of a convolution of
 * stride s is, for each of the s x s phases of the input's pixels, a correlation of dy with the taps that reach that
 * phase. A task makes all of them for the same rows of dy, since the pixels of the phases lie between each other. */
#include <string.h>

#include "nn/conv_finish.h"
#include "nn/winograd.h"

/* Strides are 1 and 2. */
#define MAX_PHASES 4

/* A grid of output pixels; names as in SupconGrid. */
typedef struct {
  guint rows, cols, taps_h, taps_w;
  gint off_h, off_w;
  const SupconReal *packed; /* nn/winograd.h's, or panel after panel: taps_h x taps_w x c rows of the panel's width */
  guint phase;              /* of the gradient by input */
  gsize first;              /* elements to output (0, 0) of picture 0 in the target */
} Part;

typedef struct {
  SupconGrid grid; /* of what all parts read, and by which they are cut */
  guint n;
  gboolean winograd;
  Part parts[MAX_PHASES];
  guint n_parts;
  SupconFinish finish;
  guint splits; /* of the panels */
  SupconWorkspace *workspace;
} Correlation;

/* Whether a band is one run of pixels, in the inputs as in the target. */
static gboolean
is_flat (const Correlation *self)
{
  const SupconGrid *grid = &self->grid;
  const SupconFinish *finish = &self->finish;

  return self->n_parts == 1 && grid->taps_h == 1 && grid->taps_w == 1 && grid->stride == 1 && grid->h == grid->rows
         && grid->w == grid->cols && finish->row_stride == grid->cols * finish->col_stride
         && finish->image_stride == grid->rows * finish->row_stride;
}

/* The products of register tiles over a band of a part, whose inputs begin at a; a_image and a_outer: elements from a
 * picture and from a row of them to the next. */
static void
correlate_part (const Correlation *self, const Part *part, const SupconConvBand *band, gsize number,
    const SupconReal *a, gsize a_image, gsize a_outer)
{
  const SupconGrid *grid = &self->grid;
  const SupconFinish *finish = &self->finish;
  gboolean flat = is_flat (self);
  guint step = 2 * supcon_tile_kernels ()->lanes;
  guint images = flat ? 1 : band->images, rows = flat ? 1 : band->rows;
  guint pixels = flat ? band->images * band->rows * part->cols : part->cols;

  for (guint channel = band->first_channel; channel < band->end_channel; channel += step) {
    SupconFinishBlock block
        = { .channel = channel, .n = MIN (step, band->end_channel - channel), .band = number, .first = TRUE };
    SupconTile product = { .a_row = (gsize)grid->stride * grid->c,
      .a_inner = 1,
      .a_outer = a_outer,
      .b = part->packed + (gsize)part->taps_h * part->taps_w * grid->c * channel,
      .b_inner = supcon_panel_vectors (finish->channels, step / 2, channel / step) * step / 2,
      .inner = (gsize)part->taps_w * grid->c,
      .outer = part->taps_h };

    product.b_outer = product.inner * product.b_inner;
    for (guint image = 0; image < images; image++)
      for (guint row = 0; row < rows; row++) {
        product.a = a + image * a_image + row * grid->stride * a_outer;
        supcon_finish_products (finish, &block, &product, pixels,
            part->first + (band->first_image + image) * finish->image_stride
                + (band->first_row + row) * finish->row_stride);
      }
  }
}

static void
correlate_band (const Correlation *self, const SupconConvBand *band, SupconReal *scratch)
{
  const SupconGrid *grid = &self->grid;
  gboolean copy = supcon_grid_needs_copy (grid);
  gsize a_image = copy ? supcon_grid_copy_size (grid) : (gsize)grid->h * grid->w * grid->c;
  gsize a_outer = copy ? supcon_grid_copy_stride (grid) : (gsize)grid->w * grid->c;
  guint channels = self->finish.channels;
  const SupconReal *a = scratch;

  if (copy)
    for (guint image = 0; image < band->images; image++)
      supcon_grid_copy (grid, band->first_image + image, band->first_row, band->rows, scratch + image * a_image);
  else
    a = (const SupconReal *)grid->source.x + band->first_image * a_image
        + ((gsize)(band->first_row * grid->stride + grid->off_h) * grid->w + grid->off_w) * grid->c;
  for (guint i = 0; i < self->n_parts; i++) {
    const Part *part = &self->parts[i];
    SupconConvBand clipped = *band;
    gsize number = band->number * self->n_parts + i;

    /* Of sizes that the stride does not divide, the last row or column is not of every phase. */
    clipped.rows = MIN (band->rows, MAX (part->rows, band->first_row) - band->first_row);
    if (clipped.rows)
      correlate_part (self, part, &clipped, number,
          a + (part->off_h - grid->off_h) * a_outer + (gsize)(part->off_w - grid->off_w) * grid->c, a_image, a_outer);
    else if (self->finish.partial)
      for (guint sum = 0; sum < 2; sum++)
        memset (self->finish.partial + (number * 2 + sum) * channels + band->first_channel, 0,
            (MIN (band->end_channel, channels) - band->first_channel) * sizeof (SupconReal));
  }
}

static void
correlate_task (gsize task, guint worker, gpointer data)
{
  const Correlation *self = data;
  guint channels = self->finish.channels, split = task % self->splits;
  guint lanes = supcon_tile_kernels ()->lanes, panels = supcon_panels (channels, lanes);
  SupconReal *scratch = supcon_workspace_worker (self->workspace, worker);
  SupconConvBand band = supcon_grid_band (&self->grid, self->n, task / self->splits, channels);

  band.first_channel = panels * split / self->splits * 2 * lanes;
  band.end_channel = MIN (channels, panels * (split + 1) / self->splits * 2 * lanes);
  if (self->winograd)
    supcon_winograd_band (&self->grid, &band, self->parts[0].packed, &self->finish, scratch);
  else
    correlate_band (self, &band, scratch);
}

/* Cuts the grid into bands and returns how many there are. */
static gsize
cut (Correlation *self)
{
  guint panels = supcon_panels (self->finish.channels, supcon_tile_kernels ()->lanes);
  gsize bands;

  if (self->winograd)
    supcon_winograd_cut (&self->grid, self->finish.channels);
  else
    supcon_grid_cut (&self->grid);
  bands = supcon_grid_bands (&self->grid, self->n);
  self->splits = MIN (panels, (SUPCON_BAND_TASKS + bands - 1) / MAX (bands, 1));
  return bands;
}

/* What a task needs; the grid has been cut. */
static gsize
worker_size (const Correlation *self)
{
  if (self->winograd)
    return supcon_winograd_worker_size (&self->grid, self->finish.channels);
  return supcon_grid_copy_size (&self->grid) * self->grid.band_images;
}

static void
correlate (Correlation *self, gsize bands)
{
  supcon_parallel_for (self->workspace->threads, bands * self->splits, correlate_task, self);
}

/* The bands' sums of differences from their pivots and of the squares of these into mean and variance of the batch
 * (Chan, Golub and LeVeque 1979), in the bands' order. A pivot is one of the numbers, so that no digits get lost. */
static void
combine_statistics (const Correlation *self, gsize bands)
{
  const SupconFinish *finish = &self->finish;
  guint channels = finish->channels;

  for (guint c = 0; c < channels; c++) {
    double count = 0, mean = 0, squares = 0;

    for (gsize b = 0; b < bands; b++) {
      SupconConvBand band = supcon_grid_band (&self->grid, self->n, b, channels);
      double size = (double)band.images * band.rows * self->grid.cols;
      double sum = finish->partial[b * 2 * channels + c], product = finish->partial[(b * 2 + 1) * channels + c];
      double delta = finish->pivot[b * channels + c] + sum / size - mean;

      count += size;
      mean += delta * size / count;
      squares += product - sum * sum / size + delta * delta * size * (count - size) / count;
    }
    finish->epilogue->mean[c] = mean;
    finish->epilogue->variance[c] = squares / count;
  }
}

static Part
part_of (const SupconGrid *grid)
{
  return (Part){ .rows = grid->rows,
    .cols = grid->cols,
    .taps_h = grid->taps_h,
    .taps_w = grid->taps_w,
    .off_h = grid->off_h,
    .off_w = grid->off_w };
}

void
supcon_real_forward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconReal *packed,
    const SupconConvEpilogue *epilogue, SupconWorkspace *workspace, void *y)
{
  SupconGrid grid = supcon_conv_grid (conv, x);
  Correlation self = { .grid = grid,
    .n = n,
    .winograd = conv->winograd,
    .parts = { part_of (&grid) },
    .n_parts = 1,
    .finish = { .channels = conv->out_c,
        .precision = conv->precision,
        .target = y,
        .image_stride = supcon_conv_out_size (conv),
        .row_stride = (gsize)conv->out_w * conv->out_c,
        .col_stride = conv->out_c,
        .epilogue = epilogue },
    .workspace = workspace };
  gsize bands = cut (&self);

  self.parts[0].packed = packed;
  if (epilogue && epilogue->mean) {
    self.finish.pivot = workspace->shared;
    self.finish.partial = workspace->shared + bands * conv->out_c;
  }
  correlate (&self, bands);
  if (self.finish.partial)
    combine_statistics (&self, bands);
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

/* Elements of the weights of all phases, each tap in one of them. */
static gsize
turned_size (const SupconConv *conv)
{
  if (conv->winograd)
    return supcon_winograd_packed_size (conv);
  return (gsize)conv->kernel * conv->kernel * conv->out_c
         * supcon_padded_channels (conv->in_c, supcon_tile_kernels ()->lanes);
}

/* Widens a run of 'taps' inputs from 'off' on by another one. */
static void
unite (gint *off, guint *taps, gint other_off, guint other_taps)
{
  gint end = MAX (*off + (gint)*taps, other_off + (gint)other_taps);

  *off = MIN (*off, other_off);
  *taps = (guint)(end - *off);
}

/* The gradient by input without its weights and its target. */
static Correlation
gradient_walk (const SupconConv *conv, guint n, const SupconNormInput *dy)
{
  gsize col_stride = (gsize)conv->stride * conv->in_c;
  Correlation self = { .n = n,
    .winograd = conv->winograd,
    .finish = { .channels = conv->in_c,
        .precision = conv->precision,
        .image_stride = supcon_conv_in_size (conv),
        .row_stride = conv->in_w * col_stride,
        .col_stride = col_stride } };
  SupconGrid *whole = &self.grid;

  g_assert (conv->stride * conv->stride <= MAX_PHASES);
  for (guint phase = 0; phase < conv->stride * conv->stride; phase++) {
    SupconPhase ph = supcon_phase_of (phase / conv->stride, conv->in_h, conv->kernel, conv->stride, conv->pad);
    SupconPhase pw = supcon_phase_of (phase % conv->stride, conv->in_w, conv->kernel, conv->stride, conv->pad);
    SupconGrid grid = supcon_phase_grid (conv, dy, &ph, &pw);

    if (!ph.count || !pw.count || !ph.taps || !pw.taps)
      continue;
    if (self.n_parts == 0)
      *whole = grid;
    unite (&whole->off_h, &whole->taps_h, grid.off_h, grid.taps_h);
    unite (&whole->off_w, &whole->taps_w, grid.off_w, grid.taps_w);
    whole->rows = MAX (whole->rows, grid.rows);
    whole->cols = MAX (whole->cols, grid.cols);
    self.parts[self.n_parts] = part_of (&grid);
    self.parts[self.n_parts].phase = phase;
    self.parts[self.n_parts++].first = ((gsize)ph.first * conv->in_w + pw.first) * conv->in_c;
  }
  return self;
}

void
supcon_real_backward_input (const SupconConv *conv, guint n, const SupconNormInput *dy, const SupconReal *w,
    const SupconConvTarget *target, SupconWorkspace *workspace)
{
  Correlation self = gradient_walk (conv, n, dy);
  SupconReal *packed = workspace->shared, *partial = packed + turned_size (conv);
  gsize bands;

  /* Pixels that no tap reaches have gradient zero. */
  g_assert (conv->kernel >= conv->stride || (!target->sums && (!target->add || target->add == target->dx)));
  if (!target->add && conv->kernel < conv->stride)
    memset (target->dx, 0, n * supcon_conv_in_size (conv) * sizeof (SupconReal));
  for (guint i = 0; i < self.n_parts; i++) {
    Part *part = &self.parts[i];

    part->packed = packed;
    if (conv->winograd)
      supcon_winograd_pack (conv, w, TRUE, workspace->threads, packed);
    else
      supcon_conv_pack_phase (conv, w, part->phase, part->taps_h, part->taps_w, workspace->threads, packed);
    packed += (gsize)part->taps_h * part->taps_w * conv->out_c
              * supcon_padded_channels (conv->in_c, supcon_tile_kernels ()->lanes);
  }
  self.workspace = workspace;
  self.finish.target = target->dx;
  self.finish.gradient = target;
  self.finish.partial = target->sums ? partial : NULL;
  bands = cut (&self);
  correlate (&self, bands);
  if (target->sums)
    supcon_norm_add_partial (conv->in_c, bands * self.n_parts, partial, target->sums);
}

void
supcon_conv_walk_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  Correlation forward
      = { .grid = supcon_conv_grid (conv, NULL), .n = n, .winograd = conv->winograd, .finish.channels = conv->out_c };
  Correlation gradient = gradient_walk (conv, n, NULL);
  gsize bands = cut (&forward);

  supcon_workspace_reserve (workspace, worker_size (&forward), bands * 3 * conv->out_c);
  bands = cut (&gradient);
  supcon_workspace_reserve (
      workspace, worker_size (&gradient), turned_size (conv) + bands * gradient.n_parts * 2 * conv->in_c);
}
