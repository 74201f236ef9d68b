/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forward and gradient by input in bfloat16: the same walk, as in conv_walk.c; of the gradient's phases each is one of
 * its own, but a task makes the band of all of them, since their pixels lie between each other. */
#include "nn/conv_bf16.h"

#include "simd.h"

#define PANEL SUPCON_BF16_PANEL
/* Elements of weights that stay in a core's level-two cache beside a band. */
#define GROUP_WEIGHTS ((gsize)400 << 10)
/* Bytes of weights that stay in the nearest cache beside a block's inputs. */
#define NEAR_WEIGHTS ((gsize)20 << 10)

static gsize
round_up (gsize n, gsize unit)
{
  return (n + unit - 1) / unit * unit;
}

static gsize
reals (gsize bytes)
{
  return (bytes + sizeof (SupconReal) - 1) / sizeof (SupconReal);
}

/* Where slots p0 and up belong: pixels of a block, and the rows of its sums that they are. */
static void
find_places (const SupconBf16Walk *self, const SupconConvBand *band, guint image, gsize p0, SupconFinishBlock *block,
    guint8 of[PANEL])
{
  const SupconFinish *finish = &self->finish;
  guint cols = self->grid.grid.cols, pitch = self->grid.pitch, row = p0 / pitch, col = p0 % pitch;
  gsize first
      = finish->first + (band->first_image + image) * finish->image_stride + band->first_row * finish->row_stride;

  block->count = 0;
  for (guint i = 0; i < PANEL && row < band->rows; row++, col = 0) {
    /* Rows that follow one another without a gap are one. */
    gboolean whole = cols == pitch && finish->row_stride == cols * finish->col_stride;
    guint end = whole ? (band->rows - row) * cols : cols, run = MIN (PANEL - i, end - MIN (col, end));

    for (guint j = 0; j < run; j++) {
      block->at[block->count + j] = first + row * finish->row_stride + (col + j) * finish->col_stride;
      of[block->count + j] = i + j;
    }
    block->count += run;
    i += whole ? PANEL : pitch - col;
  }
}

/* What lies behind the inputs of a tile, which are read where they are: those of so many outputs, fetched by the tile's
 * products with so many panels. */
static SupconFetch
fetch_inputs (const SupconBf16Tile *tile, gsize outputs, guint panels)
{
  gsize bytes = MIN (PANEL, outputs) * tile->a_row * sizeof *tile->a;
  gsize parts = (gsize)panels * (PANEL / supcon_bf16_kernels ()->rows) * tile->outer * tile->terms / 2;
  const char *at = (const char *)(tile->a + PANEL * tile->a_row);

  return (SupconFetch){ .at = at, .end = at + bytes, .step = (bytes + parts - 1) / parts };
}

/* A block of outputs after the other, each with all panels: its inputs stay in the nearest cache, and the weights of
 * these panels in the next one. The first block has each panel fetch the next, up to fetch_end. */
static void
walk_panels (const SupconBf16Walk *self, const SupconConvBand *band, guint first_panel, guint end_panel,
    guint fetch_end, SupconBfloat16 *copy)
{
  const SupconBf16Kernels *kernels = supcon_bf16_kernels ();
  const SupconGrid *grid = &self->grid.grid;
  guint run = supcon_bf16_run (&self->grid, grid->c), channels = self->finish.channels;
  gsize slot = supcon_bf16_slot (&self->grid, grid->c), panel_size = (gsize)grid->taps_h * run * PANEL;
  gsize taps[SUPCON_MAX_TAPS];
  gsize outputs = (gsize)(band->rows - 1) * self->grid.pitch + grid->cols;
  SupconReal c[PANEL * PANEL] __attribute__ ((aligned (64)));
  guint8 of[PANEL];
  SupconFinishBlock block = { .c = c, .c_row = PANEL, .of = of, .band = band->number, .ahead = PANEL };
  SupconFetch weights, inputs;
  SupconBf16Tile tile = { .a_row = slot,
    .a_outer = taps,
    .outer = grid->taps_h,
    .inner = run / SUPCON_BF16_STEP,
    .terms = round_up (grid->taps_w * grid->c, 2),
    .wanted = of,
    .c = c,
    .c_row = PANEL,
    .passing = (end_panel - first_panel) * panel_size * sizeof (SupconBfloat16) > NEAR_WEIGHTS
                   ? SUPCON_BF16_B_PASSES
                   : SUPCON_BF16_NONE_PASSES };

  for (guint t = 0; t < grid->taps_h; t++)
    taps[t] = supcon_bf16_tap (&self->grid, t) * slot;
  for (guint image = 0; image < band->images; image++)
    for (gsize p = 0; p < outputs; p += PANEL) {
      find_places (self, band, image, p, &block, of);
      block.first = image == 0 && p == 0;
      tile.rows = outputs - p > SUPCON_BF16_BLOCK ? 2 : 1;
      tile.n_wanted = block.count;
      if (!self->grid.direct) {
        tile.a = copy + (image * self->grid.image + p) * slot;
      } else {
        tile.a = (const SupconBfloat16 *)self->grid.source.x + (band->first_row + p) * slot;
        if (outputs - p < tile.rows * SUPCON_BF16_BLOCK) { /* what is read too much might not be memory */
          memcpy (copy, tile.a, (outputs - p) * slot * sizeof *copy);
          tile.a = copy;
        }
      }
      inputs = (SupconFetch){ 0 };
      if (self->grid.direct && p + PANEL < outputs)
        inputs = fetch_inputs (&tile, outputs - p - PANEL, end_panel - first_panel);
      for (guint panel = first_panel; panel < end_panel; panel++) {
        block.channel = panel * PANEL;
        block.n = MIN (PANEL, channels - block.channel);
        tile.cols = supcon_panel_vectors (channels, SUPCON_BF16_BLOCK, panel);
        tile.b = self->packed + panel * panel_size;
        tile.fetch = &inputs;
        if (block.first && panel + 1 < fetch_end) {
          weights = supcon_fetch (tile.b + panel_size, panel_size * sizeof *tile.b,
              band->images * outputs * slot * sizeof *tile.a, block.count / kernels->rows,
              (gsize)tile.outer * tile.terms / 2);
          tile.fetch = &weights;
        }
        kernels->product (&tile);
        supcon_finish (&self->finish, &block);
      }
    }
}

void
supcon_bf16_walk_band (
    const SupconBf16Walk *self, gsize number, guint first_panel, guint end_panel, SupconBfloat16 *copy)
{
  const SupconGrid *grid = &self->grid.grid;
  const SupconConvBand band = supcon_grid_band (grid, self->grid.images, number, self->finish.channels);
  guint group = MAX (1, GROUP_WEIGHTS / ((gsize)grid->taps_h * supcon_bf16_run (&self->grid, grid->c) * PANEL));

  for (guint panel = first_panel; panel < end_panel; panel += group)
    walk_panels (self, &band, panel, MIN (end_panel, panel + group), end_panel, copy);
}

static gsize
bands_of (const SupconBf16Walk *self)
{
  return supcon_grid_bands (&self->grid.grid, self->grid.images);
}

/* Forward, or all phases of the gradient by input. */
typedef struct {
  SupconBf16Walk walks[SUPCON_MAX_PHASES];
  guint n;
  guint splits; /* of the panels of channels */
  SupconWorkspace *workspace;
} Walks;

static void
walk_task (gsize task, guint worker, gpointer data)
{
  const Walks *self = data;
  const SupconBf16Kernels *kernels = supcon_bf16_kernels ();
  gsize number = task / self->splits;
  guint split = task % self->splits;
  SupconBfloat16 *copy = (SupconBfloat16 *)supcon_workspace_worker (self->workspace, worker);

  for (guint i = 0; i < self->n; i++) {
    const SupconBf16Walk *one = &self->walks[i];
    guint panels = supcon_panels (one->finish.channels, SUPCON_BF16_BLOCK);

    if (number >= bands_of (one)) /* sizes that the stride does not divide */
      continue;
    if (!one->grid.direct) {
      SupconConvBand band = supcon_grid_band (&one->grid.grid, one->grid.images, number, one->finish.channels);

      supcon_bf16_copy (
          &one->grid, band.first_image, band.images, band.first_row, band.rows, 0, one->grid.grid.c, copy);
    }
    kernels->begin ();
    supcon_bf16_walk_band (one, number, panels * split / self->splits, panels * (split + 1) / self->splits, copy);
    kernels->end ();
  }
}

static void
walk (Walks *self)
{
  guint panels = supcon_panels (self->walks[0].finish.channels, SUPCON_BF16_BLOCK);
  gsize bands = 0;

  for (guint i = 0; i < self->n; i++)
    bands = MAX (bands, bands_of (&self->walks[i]));
  if (bands == 0)
    return;
  /* Few bands are cut along channels too. As each part copies the band for itself, only by as much as the threads need:
   * no number depends on it. */
  self->splits = MIN (panels, (2 * supcon_parallel_threads (self->workspace->threads) + bands - 1) / bands);
  supcon_parallel_for (self->workspace->threads, bands * self->splits, walk_task, self);
}

/* Elements of packed weights: 'channels' columns of taps_h runs. */
static gsize
packed_size (const SupconBf16Grid *grid, guint channels)
{
  return (gsize)grid->grid.taps_h * supcon_bf16_run (grid, grid->grid.c)
         * supcon_padded_channels (channels, SUPCON_BF16_BLOCK);
}

/* The grid of one phase of the gradient by input; FALSE where no tap reaches a pixel. */
static gboolean
phase_grid (const SupconConv *conv, guint n, guint phase, const SupconNormInput *dy, SupconBf16Grid *grid, gsize *first)
{
  SupconPhase ph = supcon_phase_of (phase / conv->stride, conv->in_h, conv->kernel, conv->stride, conv->pad);
  SupconPhase pw = supcon_phase_of (phase % conv->stride, conv->in_w, conv->kernel, conv->stride, conv->pad);
  SupconGrid plain;

  if (!ph.count || !pw.count || !ph.taps || !pw.taps)
    return FALSE;
  plain = supcon_phase_grid (conv, NULL, &ph, &pw);
  supcon_bf16_grid_init (grid, conv, &plain, dy, n);
  *first = ((gsize)ph.first * conv->in_w + pw.first) * conv->in_c;
  return TRUE;
}

/* SupconReal's of the workspace that the packed weights take. */
static gsize
packed_reals (const SupconBf16Grid *grid, guint channels)
{
  return reals (round_up (packed_size (grid, channels) * sizeof (SupconBfloat16), 64));
}

void
supcon_bf16_reserve (const SupconConv *conv, guint n, SupconWorkspace *workspace)
{
  const SupconNormInput none = { 0 };
  SupconBf16Grid grid;
  gsize worker, shared, first, packed = 0, sums = 0;

  supcon_bf16_grid_forward (&grid, conv, &none, n);
  worker = supcon_bf16_copy_size (&grid, conv->in_c) * sizeof (SupconBfloat16);
  shared = supcon_grid_bands (&grid.grid, grid.images) * 3 * conv->out_c;
  for (guint phase = 0; phase < conv->stride * conv->stride; phase++) {
    if (!phase_grid (conv, n, phase, &none, &grid, &first))
      continue;
    worker = MAX (worker, supcon_bf16_copy_size (&grid, conv->out_c) * sizeof (SupconBfloat16));
    packed += packed_reals (&grid, conv->in_c);
    sums += supcon_grid_bands (&grid.grid, grid.images) * 2 * conv->in_c;
  }
  worker = MAX (worker, supcon_bf16_weights_worker_size (conv, n));
  shared = MAX (MAX (shared, packed + sums), reals (supcon_bf16_weights_shared_size (conv, n)));
  supcon_workspace_reserve (workspace, reals (worker), shared);
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

  supcon_bf16_grid_forward (&grid, conv, &(SupconNormInput){ 0 }, 1);
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

  supcon_bf16_grid_forward (&grid, conv, &(SupconNormInput){ 0 }, 1);
  supcon_parallel_for (threads, supcon_panels (conv->out_c, SUPCON_BF16_BLOCK), pack_task, &packing);
}

void
supcon_bf16_forward (const SupconConv *conv, guint n, const SupconNormInput *x, const void *packed,
    const SupconConvEpilogue *epilogue, SupconWorkspace *workspace, void *y)
{
  Walks walks = { .n = 1, .workspace = workspace };
  SupconBf16Walk *self = &walks.walks[0];

  *self = (SupconBf16Walk){ .packed = packed,
    .finish = { .channels = conv->out_c,
        .precision = SUPCON_PRECISION_BFLOAT16,
        .target = y,
        .image_stride = supcon_conv_out_size (conv),
        .col_stride = conv->out_c,
        .epilogue = epilogue } };
  supcon_bf16_grid_forward (&self->grid, conv, x, n);
  self->finish.row_stride = self->grid.pointwise ? conv->out_c : (gsize)conv->out_w * conv->out_c;
  if (epilogue && epilogue->mean) {
    self->finish.pivot = workspace->shared;
    self->finish.partial = workspace->shared + bands_of (self) * conv->out_c;
  }
  walk (&walks);
  if (self->finish.partial)
    supcon_finish_statistics (&self->finish, &self->grid.grid, self->grid.images);
}

/* One phase of the gradient by input, with its weights packed; FALSE where there is none. */
static gboolean
phase_walk (SupconBf16Walk *self, const SupconConv *conv, guint n, guint phase, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, guint threads, SupconBfloat16 *packed)
{
  Packing packing = { .conv = conv,
    .grid = &self->grid,
    .w = w,
    .packed = packed,
    .turned = TRUE,
    .phase_h = phase / conv->stride,
    .phase_w = phase % conv->stride };

  *self = (SupconBf16Walk){ .packed = packed,
    .finish = { .channels = conv->in_c,
        .precision = SUPCON_PRECISION_BFLOAT16,
        .target = target->dx,
        .image_stride = supcon_conv_in_size (conv),
        .col_stride = (gsize)conv->stride * conv->in_c,
        .gradient = target } };
  if (!phase_grid (conv, n, phase, dy, &self->grid, &self->finish.first))
    return FALSE;
  self->finish.row_stride = (self->grid.pointwise ? 1 : conv->in_w) * self->finish.col_stride;
  supcon_parallel_for (threads, supcon_panels (conv->in_c, SUPCON_BF16_BLOCK), pack_task, &packing);
  return TRUE;
}

void
supcon_bf16_backward_input (const SupconConv *conv, guint n, const SupconNormInput *dy, const SupconReal *w,
    const SupconConvTarget *target, SupconWorkspace *workspace)
{
  gsize bands = 0;
  SupconReal *shared = workspace->shared;
  Walks walks = { .workspace = workspace };

  /* Pixels that no tap reaches have gradient zero. */
  g_assert (conv->kernel >= conv->stride || !target->sums);
  if (!target->add && conv->kernel < conv->stride)
    memset (target->dx, 0, n * supcon_conv_in_size (conv) * sizeof (SupconBfloat16));
  for (guint phase = 0; phase < conv->stride * conv->stride; phase++) {
    SupconBf16Walk *self = &walks.walks[walks.n];

    if (!phase_walk (self, conv, n, phase, dy, w, target, workspace->threads, (SupconBfloat16 *)shared))
      continue;
    shared += packed_reals (&self->grid, conv->in_c);
    walks.n++;
  }
  for (guint i = 0; target->sums && i < walks.n; i++) {
    walks.walks[i].finish.partial = shared + bands * 2 * conv->in_c;
    bands += bands_of (&walks.walks[i]);
  }
  walk (&walks);
  if (target->sums)
    supcon_norm_add_partial (conv->in_c, bands, shared, target->sums);
}

gsize
supcon_bf16_walk_size (const SupconConv *conv, guint n)
{
  SupconBf16Grid grid;
  gsize first;

  if (!phase_grid (conv, n, 0, &(SupconNormInput){ 0 }, &grid, &first))
    return 0;
  return round_up (packed_reals (&grid, conv->in_c) + supcon_grid_bands (&grid.grid, grid.images) * 2 * conv->in_c, 16);
}

SupconReal *
supcon_bf16_walk_init (SupconBf16Walk *self, const SupconConv *conv, guint n, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace)
{
  phase_walk (self, conv, n, 0, dy, w, target, workspace->threads, (SupconBfloat16 *)workspace->shared);
  self->grid.direct = FALSE;
  if (target->sums)
    self->finish.partial = workspace->shared + packed_reals (&self->grid, conv->in_c);
  return workspace->shared + supcon_bf16_walk_size (conv, n);
}
