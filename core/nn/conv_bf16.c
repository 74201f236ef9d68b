/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forward and gradient by input in bfloat16: the same walk, as in conv.c. */
#include "nn/conv_bf16.h"

#include "simd.h"

/* Tasks below which work is cut along channels too. */
#define MIN_TASKS 8
#define PANEL (2 * SUPCON_BF16_BLOCK)

typedef struct {
  SupconBf16Grid grid;
  guint channels;               /* of the destination */
  const SupconBfloat16 *packed; /* panel after panel: taps_h x run rows in pairs */
  SupconBfloat16 *target;       /* of output (0, 0) of picture 0 */
  gsize image_stride, row_stride, col_stride;
  gboolean accumulate;
  guint splits; /* of the panels */
  SupconWorkspace *workspace;
  const SupconConvEpilogue *epilogue;
  SupconReal *partial; /* for mean and variance: bands x 2 x channels, sums and sums of squares */
} Walk;

/* A picture's part of a band and the panel that is being computed. */
typedef struct {
  guint image, first_row, rows;
  guint channel, width, valid; /* the panel's first channel, columns, and how many of those are channels */
  SupconReal *sum, *squares;
} Place;

static gsize
reals (gsize bytes)
{
  return (bytes + sizeof (SupconReal) - 1) / sizeof (SupconReal);
}

/* What becomes of the sums. */
typedef enum { STORE, STATISTICS, ACCUMULATE, SCALE, SCALE_ADD } Finish;

/* n <= 16 channels of a pixel: 'at' in the target and the residual, 'channel' in the panel. */
static SUPCON_INLINE void
finish_lanes (const Walk *self, const Place *place, const float *c, gsize at, guint channel, guint n, const Finish kind)
{
  const SupconPrecision real = SUPCON_PRECISION_FLOAT32, half = SUPCON_PRECISION_BFLOAT16;
  const SupconConvEpilogue *epilogue = self->epilogue;
  SupconLanes value = __builtin_convertvector(*(const SupconFloatLanes *)(c + channel), SupconLanes), other;

  if (kind == ACCUMULATE) {
    supcon_lanes_load (&other, self->target, at + channel, n, half);
    value += other;
  }
  if (kind >= SCALE) {
    SupconLanes shift;

    supcon_lanes_load (&other, epilogue->scale, place->channel + channel, n, real);
    supcon_lanes_load (&shift, epilogue->shift, place->channel + channel, n, real);
    value = value * other + shift;
    if (kind == SCALE_ADD) {
      supcon_lanes_load (&other, epilogue->residual, at + channel, n, half);
      value += other;
    }
    if (epilogue->relu)
      supcon_lanes_relu (&value);
  }
  supcon_lanes_store (&value, self->target, at + channel, n, half);
  if (kind == STATISTICS) {
    supcon_lanes_load (&other, self->target, at + channel, n, half);
    *(SupconLanes *)(place->sum + channel) += other;
    *(SupconLanes *)(place->squares + channel) += other * other;
  }
}

/* The sums of slots p0 and up to where they belong. */
static SUPCON_INLINE void
finish (const Walk *self, const Place *place, gsize p0, const float *c, const Finish kind)
{
  guint row = p0 / self->grid.pitch, col = p0 % self->grid.pitch;

  for (guint i = 0; i < PANEL && row < place->rows; i++, c += PANEL) {
    if (col < self->grid.grid.cols) {
      gsize at = place->image * self->image_stride + (place->first_row + row) * self->row_stride
                 + col * self->col_stride + place->channel;

      for (guint channel = 0; channel < place->valid; channel += SUPCON_LANES)
        finish_lanes (self, place, c, at, channel, MIN (SUPCON_LANES, place->valid - channel), kind);
    }
    if (++col == self->grid.pitch) {
      col = 0;
      row++;
    }
  }
}

SUPCON_MULTIVERSION static void
finish_block (const Walk *self, const Place *place, gsize p0, const float *c)
{
  if (self->partial)
    finish (self, place, p0, c, STATISTICS);
  else if (self->accumulate)
    finish (self, place, p0, c, ACCUMULATE);
  else if (!self->epilogue)
    finish (self, place, p0, c, STORE);
  else if (self->epilogue->residual)
    finish (self, place, p0, c, SCALE_ADD);
  else
    finish (self, place, p0, c, SCALE);
}

static void
walk_task (gsize task, guint worker, gpointer data)
{
  const Walk *self = data;
  const SupconBf16Kernels *kernels = supcon_bf16_kernels ();
  const SupconGrid *grid = &self->grid.grid;
  guint panels = supcon_panels (self->channels, SUPCON_BF16_BLOCK);
  guint bands_of_image = (grid->rows + grid->band_rows - 1) / grid->band_rows;
  gsize number = task / self->splits, slot = supcon_bf16_slot (&self->grid, grid->c);
  guint split = task % self->splits, run = supcon_bf16_run (&self->grid, grid->c);
  guint first_image = number / bands_of_image * grid->band_images;
  guint images = MIN (grid->band_images, self->grid.images - first_image);
  SupconBfloat16 *scratch = (SupconBfloat16 *)supcon_workspace_worker (self->workspace, worker);
  float c[PANEL * PANEL] __attribute__ ((aligned (64)));
  gsize taps[SUPCON_MAX_TAPS];
  Place place = { .first_row = number % bands_of_image * grid->band_rows };
  gsize outputs;

  place.rows = MIN (grid->band_rows, grid->rows - place.first_row);
  outputs = (gsize)(place.rows - 1) * self->grid.pitch + grid->cols;
  for (guint t = 0; t < grid->taps_h; t++)
    taps[t] = supcon_bf16_tap (&self->grid, t) * slot;
  if (!self->grid.direct)
    supcon_bf16_copy (&self->grid, first_image, images, place.first_row, place.rows, 0, grid->c, scratch);

  kernels->begin ();
  for (guint panel = panels * split / self->splits; panel < panels * (split + 1) / self->splits; panel++) {
    SupconReal sum[PANEL] = { 0 }, squares[PANEL] = { 0 };
    SupconBf16Tile tile = { .a_row = slot,
      .a_outer = taps,
      .outer = grid->taps_h,
      .inner = run / SUPCON_BF16_STEP,
      .cols = supcon_panel_vectors (self->channels, SUPCON_BF16_BLOCK, panel),
      .c = c,
      .c_row = PANEL };

    place.channel = panel * PANEL;
    place.width = tile.cols * SUPCON_BF16_BLOCK;
    place.valid = MIN (place.width, self->channels - place.channel);
    place.sum = sum;
    place.squares = squares;
    tile.b = self->packed + (gsize)grid->taps_h * run * place.channel;
    for (guint image = 0; image < images; image++) {
      place.image = first_image + image;
      for (gsize p = 0; p < outputs; p += PANEL) {
        tile.rows = outputs - p > SUPCON_BF16_BLOCK ? 2 : 1;
        if (!self->grid.direct) {
          tile.a = scratch + (image * self->grid.image + p) * slot;
        } else {
          tile.a = self->grid.source + (place.first_row + p) * slot;
          if (outputs - p < tile.rows * SUPCON_BF16_BLOCK) { /* what is read too much might not be memory */
            memcpy (scratch, tile.a, (outputs - p) * slot * sizeof *scratch);
            tile.a = scratch;
          }
        }
        kernels->product (&tile);
        finish_block (self, &place, p, c);
      }
    }
    if (self->partial) {
      SupconReal *to = self->partial + number * 2 * self->channels + place.channel;

      for (guint j = 0; j < place.valid; j++) {
        to[j] = sum[j];
        to[self->channels + j] = squares[j];
      }
    }
  }
  kernels->end ();
}

/* In float32 a band's sum of squares is exact to some 1e-6 of itself, its elements to 2^-8: the difference below loses
 * no more than they do. */
static void
combine_statistics (const Walk *self, gsize bands)
{
  double count = (double)self->grid.images * self->grid.grid.rows * self->grid.grid.cols;

  for (guint c = 0; c < self->channels; c++) {
    double sum = 0, squares = 0;

    for (gsize b = 0; b < bands; b++) {
      sum += self->partial[b * 2 * self->channels + c];
      squares += self->partial[(b * 2 + 1) * self->channels + c];
    }
    self->epilogue->mean[c] = sum / count;
    self->epilogue->variance[c] = MAX (squares / count - sum / count * (sum / count), 0);
  }
}

static void
walk (Walk *self)
{
  guint panels = supcon_panels (self->channels, SUPCON_BF16_BLOCK);
  gsize bands = supcon_grid_bands (&self->grid.grid, self->grid.images);

  if (bands == 0)
    return;
  if (self->grid.pointwise)
    self->row_stride = self->col_stride;
  self->splits = MIN (panels, (MIN_TASKS + bands - 1) / bands);
  supcon_parallel_for (self->workspace->threads, bands * self->splits, walk_task, self);
  if (self->partial)
    combine_statistics (self, bands);
}

/* Elements of packed weights: 'channels' columns of taps_h runs. */
static gsize
packed_size (const SupconBf16Grid *grid, guint channels)
{
  return (gsize)grid->grid.taps_h * supcon_bf16_run (grid, grid->grid.c)
         * supcon_padded_channels (channels, SUPCON_BF16_BLOCK);
}

void
supcon_bf16_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  SupconBf16Grid grid;
  gsize worker, shared;

  supcon_bf16_grid_forward (&grid, conv, NULL, n);
  worker = supcon_bf16_copy_size (&grid, conv->in_c) * sizeof (SupconBfloat16);
  shared = supcon_grid_bands (&grid.grid, grid.images) * 2 * conv->out_c * sizeof (SupconReal);
  for (guint phase = 0; phase < conv->stride * conv->stride; phase++) {
    SupconPhase ph = supcon_phase_of (phase / conv->stride, conv->in_h, conv->kernel, conv->stride, conv->pad);
    SupconPhase pw = supcon_phase_of (phase % conv->stride, conv->in_w, conv->kernel, conv->stride, conv->pad);
    SupconGrid plain;

    if (!ph.count || !pw.count || !ph.taps || !pw.taps)
      continue;
    plain = supcon_phase_grid (conv, NULL, &ph, &pw);
    supcon_bf16_grid_init (&grid, conv, &plain, NULL, n);
    worker = MAX (worker, supcon_bf16_copy_size (&grid, conv->out_c) * sizeof (SupconBfloat16));
    shared = MAX (shared, packed_size (&grid, conv->in_c) * sizeof (SupconBfloat16));
  }
  worker = MAX (worker, supcon_bf16_weights_worker_size (conv, n));
  shared = MAX (shared, supcon_bf16_weights_shared_size (conv, n));
  supcon_workspace_reserve (workspace, reals (worker), reals (shared));
}

typedef struct {
  const SupconConv *conv;
  const SupconBf16Grid *grid;
  const SupconReal *w;
  SupconBfloat16 *packed;
  gboolean turned; /* for the gradient by input, of this phase */
  guint phase_h, phase_w;
} Packing;

gsize
supcon_bf16_packed_size (const SupconConv *conv)
{
  SupconBf16Grid grid;

  supcon_bf16_grid_forward (&grid, conv, NULL, 1);
  return reals (packed_size (&grid, conv->out_c) * sizeof (SupconBfloat16));
}

static SUPCON_INLINE SupconReal
term (const SupconReal *from, gsize k_stride, gsize column_stride, guint k, guint j)
{
  return from[k * k_stride + j * column_stride];
}

/* Terms k0 to k0 + terms of a panel's 'valid' columns, from weights that lie k_stride and column_stride apart: one of
 * the two is 1. */
static SUPCON_INLINE void
pack_terms (const SupconReal *from, const gsize k_stride, const gsize column_stride, guint k0, guint terms, guint width,
    guint valid, SupconBfloat16 *run)
{
  if (k0 % 2 || terms % 2) {
    for (guint k = 0; k < terms; k++)
      for (guint j = 0; j < valid; j++)
        run[(gsize)((k0 + k) / 2) * 2 * width + 2 * j + (k0 + k) % 2]
            = supcon_bfloat16_round (term (from, k_stride, column_stride, k, j));
    return;
  }
  if (column_stride == 1) {
    for (guint k = 0; k < terms; k += 2) {
      guint32 *pairs = (guint32 *)(run + (gsize)(k0 + k) * width);

      for (guint j = 0; j < valid; j++)
        pairs[j] = supcon_bfloat16_round (term (from, k_stride, 1, k, j))
                   | (guint32)supcon_bfloat16_round (term (from, k_stride, 1, k + 1, j)) << 16;
    }
    return;
  }
  for (guint j = 0; j < valid; j++)
    for (guint k = 0; k < terms; k += 2)
      ((guint32 *)(run + (gsize)(k0 + k) * width))[j]
          = supcon_bfloat16_round (term (from, 1, column_stride, k, j))
            | (guint32)supcon_bfloat16_round (term (from, 1, column_stride, k + 1, j)) << 16;
}

SUPCON_MULTIVERSION static void
pack_task (gsize panel, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Packing *self = data;
  const SupconConv *conv = self->conv;
  const SupconGrid *grid = &self->grid->grid;
  guint run = supcon_bf16_run (self->grid, grid->c), channels = self->turned ? conv->in_c : conv->out_c;
  guint channel = panel * PANEL;
  guint width = supcon_panel_vectors (channels, SUPCON_BF16_BLOCK, panel) * SUPCON_BF16_BLOCK;
  guint valid = MIN (width, channels - channel);
  SupconBfloat16 *to = self->packed + (gsize)grid->taps_h * run * channel;

  if (valid < width || run > grid->taps_w * grid->c)
    memset (to, 0, (gsize)grid->taps_h * run * width * sizeof *to);
  for (guint th = 0; th < grid->taps_h; th++, to += (gsize)run * width)
    for (guint tw = 0; tw < grid->taps_w; tw++) {
      guint kh = self->turned ? self->phase_h + conv->stride * (grid->taps_h - 1 - th) : th;
      guint kw = self->turned ? self->phase_w + conv->stride * (grid->taps_w - 1 - tw) : tw;
      const SupconReal *from = self->w + (gsize)(kh * conv->kernel + kw) * conv->in_c * conv->out_c;

      if (self->turned)
        pack_terms (from + (gsize)channel * conv->out_c, 1, conv->out_c, tw * grid->c, grid->c, width, valid, to);
      else
        pack_terms (from + channel, conv->out_c, 1, tw * grid->c, grid->c, width, valid, to);
    }
}

void
supcon_bf16_pack (const SupconConv *conv, const SupconReal *w, guint threads, void *packed)
{
  SupconBf16Grid grid;
  Packing packing = { .conv = conv, .grid = &grid, .w = w, .packed = packed };

  supcon_bf16_grid_forward (&grid, conv, NULL, 1);
  supcon_parallel_for (threads, supcon_panels (conv->out_c, SUPCON_BF16_BLOCK), pack_task, &packing);
}

void
supcon_bf16_forward (const SupconConv *conv, guint n, const void *x, const void *packed,
    const SupconConvEpilogue *epilogue, SupconWorkspace *workspace, void *y)
{
  Walk self = { .channels = conv->out_c,
    .packed = packed,
    .target = y,
    .image_stride = supcon_conv_out_size (conv),
    .row_stride = (gsize)conv->out_w * conv->out_c,
    .col_stride = conv->out_c,
    .workspace = workspace,
    .epilogue = epilogue,
    .partial = epilogue && epilogue->mean ? workspace->shared : NULL };

  supcon_bf16_grid_forward (&self.grid, conv, x, n);
  walk (&self);
}

void
supcon_bf16_backward_input (const SupconConv *conv, guint n, const void *dy, const SupconReal *w, gboolean accumulate,
    SupconWorkspace *workspace, void *dx)
{
  gsize col_stride = (gsize)conv->stride * conv->in_c;

  /* Pixels that no tap reaches have gradient zero. */
  if (!accumulate && conv->kernel < conv->stride)
    memset (dx, 0, n * supcon_conv_in_size (conv) * sizeof (SupconBfloat16));
  for (guint phase = 0; phase < conv->stride * conv->stride; phase++) {
    guint phase_h = phase / conv->stride, phase_w = phase % conv->stride;
    SupconPhase ph = supcon_phase_of (phase_h, conv->in_h, conv->kernel, conv->stride, conv->pad);
    SupconPhase pw = supcon_phase_of (phase_w, conv->in_w, conv->kernel, conv->stride, conv->pad);
    SupconGrid plain = supcon_phase_grid (conv, NULL, &ph, &pw);
    Walk self = { .channels = conv->in_c,
      .packed = (SupconBfloat16 *)workspace->shared,
      .target = (SupconBfloat16 *)dx + ((gsize)ph.first * conv->in_w + pw.first) * conv->in_c,
      .image_stride = supcon_conv_in_size (conv),
      .row_stride = conv->in_w * col_stride,
      .col_stride = col_stride,
      .accumulate = accumulate,
      .workspace = workspace };
    Packing packing = { .conv = conv,
      .grid = &self.grid,
      .w = w,
      .packed = (SupconBfloat16 *)workspace->shared,
      .turned = TRUE,
      .phase_h = phase_h,
      .phase_w = phase_w };

    if (!ph.count || !pw.count || !ph.taps || !pw.taps)
      continue;
    supcon_bf16_grid_init (&self.grid, conv, &plain, dy, n);
    supcon_parallel_for (workspace->threads, supcon_panels (conv->in_c, SUPCON_BF16_BLOCK), pack_task, &packing);
    walk (&self);
  }
}
