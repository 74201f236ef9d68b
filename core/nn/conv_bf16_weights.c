/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gradients in bfloat16. By weights: dy transposed, so that a row is a channel's slots, zero where a slot is of no
 * output, times the inputs' slots in pairs. A tap is a shift by slots, so of the pairs there are two copies, those that
 * begin with even slots and, where there are such taps, with odd ones: no row of a tile lies across two cache lines. A
 * task owns some channels of either side and a share of the bands; shares are added in their order at the end. Where
 * all sums of a layer stay in the cache, the gradient by input is taken from the same copy of a band's dy. */
#include "nn/conv_bf16.h"

#include "simd.h"

/* Tasks, where there is work for so many: more of them the less their sums cost to put together. */
#define MIN_TASKS 4
#define MAX_TASKS 8
#define SMALL_SUMS ((gsize)128 << 10)
#define PANEL (2 * SUPCON_BF16_BLOCK)
/* Sums of a task: with a band's inputs they stay in a core's level-two cache. */
#define TASK_SUMS ((gsize)300 << 10)
/* Bands of which sums are not worth being kept in the cache. */
#define FEW_BANDS 2
/* Elements of dy that are transposed at once, from the nearest cache. */
#define CHUNK ((gsize)16 << 10)

typedef struct {
  const SupconConv *conv;
  SupconBf16Grid grid;
  SupconNormInput dy;
  const SupconBf16Walk *walk; /* the gradient by input at once, or NULL */
  guint group, groups;        /* output channels of a task; how many such groups there are */
  guint in_group, in_groups;  /* the same of input channels */
  guint shares, tasks;
  gsize bands;
  gboolean shifts;       /* taps of a kernel row are shifts too, else a run: with a stride, and of few channels */
  guint taps;            /* sums of an output channel: taps x the terms of a slot or run */
  guint rows, cols;      /* of a task's sums: taps x rows x cols */
  gsize length, columns; /* slots that are summed; elements of a transposed row */
  gsize slots, pairs;    /* slots that some tap reads, and elements of a copy in pairs */
  guint copies;          /* in pairs: 1 where taps begin with even slots only */
  SupconReal *partial;   /* shares x groups of either side x sums */
  SupconReal *dw;
  SupconWorkspace *workspace;
} Gradient;

static gsize
round_up (gsize n, gsize unit)
{
  return (n + unit - 1) / unit * unit;
}

/* Channels of 'groups' groups, in whole panels. */
static guint
cut (guint channels, guint groups)
{
  return MIN (channels, round_up ((channels + groups - 1) / groups, PANEL));
}

/* Each group of output channels copies the inputs for itself and makes pairs of them, each of input channels copies dy
 * and transposes it, which is more work: the cut by which least is done again. */
static void
choose_groups (Gradient *self)
{
  const SupconConv *conv = self->conv;
  gsize sums = (gsize)conv->kernel * conv->kernel * conv->in_c * conv->out_c, least = G_MAXSIZE;
  guint parts = (sums + TASK_SUMS - 1) / TASK_SUMS;

  if (self->bands <= FEW_BANDS)
    parts = MIN (parts, MIN_TASKS);
  self->in_group = MIN (conv->in_c, PANEL);
  self->group = MIN (conv->out_c, PANEL);
  for (guint in = 1; in <= parts && in * PANEL <= MAX (conv->in_c, PANEL); in *= 2) {
    guint out = MIN ((parts + in - 1) / in, (conv->out_c + PANEL - 1) / PANEL);
    gsize work = (gsize)out * conv->in_c * (1 + self->copies) + (gsize)in * conv->out_c * 3;

    if (in * out >= parts && work < least) {
      least = work;
      self->in_group = cut (conv->in_c, in);
      self->group = cut (conv->out_c, out);
    }
  }
  self->in_groups = (conv->in_c + self->in_group - 1) / self->in_group;
  self->groups = (conv->out_c + self->group - 1) / self->group;
}

/* Of so many input channels, those of a slot or of a run. */
static guint
terms_of (const Gradient *self, guint in_channels)
{
  return self->shifts ? in_channels : self->conv->kernel * in_channels;
}

static void
gradient_init (Gradient *self, const SupconConv *conv, const SupconNormInput *x, guint n)
{
  gsize last = 0;

  supcon_bf16_grid_forward (&self->grid, conv, x, n);
  self->conv = conv;
  self->bands = supcon_grid_bands (&self->grid.grid, self->grid.images);
  self->copies = conv->stride == 1 && conv->kernel > 1 ? 2 : 1;
  choose_groups (self);
  self->tasks = (gsize)conv->kernel * conv->kernel * conv->in_c * conv->out_c > SMALL_SUMS ? MIN_TASKS : MAX_TASKS;
  self->shares
      = MIN (self->bands, (self->tasks + self->groups * self->in_groups - 1) / (self->groups * self->in_groups));
  self->shifts = conv->stride == 1
                 && conv->kernel * supcon_padded_channels (conv->in_c, SUPCON_BF16_BLOCK)
                        <= supcon_padded_channels (conv->kernel * conv->in_c, SUPCON_BF16_BLOCK);
  self->taps = self->shifts ? conv->kernel * conv->kernel : conv->kernel;
  self->rows = round_up (self->group, SUPCON_BF16_BLOCK);
  self->cols = supcon_padded_channels (terms_of (self, self->in_group), SUPCON_BF16_BLOCK);
  self->length = round_up ((gsize)(self->grid.grid.band_images - 1) * self->grid.image
                               + (gsize)(self->grid.grid.band_rows - 1) * self->grid.pitch + self->grid.grid.cols,
      SUPCON_BF16_STEP);
  /* An odd number of cache lines, so that rows do not fall on one another in the cache. */
  self->columns = round_up (self->length, 2 * SUPCON_BF16_STEP) + SUPCON_BF16_STEP;
  for (guint tap = 0; tap < conv->kernel; tap++)
    last = MAX (last, supcon_bf16_tap (&self->grid, tap));
  self->slots = round_up (self->length + last + (self->shifts ? conv->kernel : 1), 2);
  self->pairs = self->slots * self->cols;
}

static gsize
sums_of (const Gradient *self)
{
  return (gsize)self->taps * self->rows * self->cols;
}

/* Elements of a band's inputs, with what is read one slot behind them. */
static gsize
copy_size (const Gradient *self)
{
  guint channels = self->in_group;

  return round_up (
      MAX (supcon_bf16_copy_size (&self->grid, channels),
          (self->slots + 1) * supcon_bf16_slot (&self->grid, channels) + supcon_bf16_run (&self->grid, channels)),
      SUPCON_BF16_STEP);
}

/* Whether one task's bands serve both gradients: the grids are the same, there is one group and there are bands enough
 * for the tasks. */
static gboolean
at_once (const Gradient *self)
{
  const SupconConv *conv = self->conv;

  return conv->stride == 1 && conv->kernel == 2 * conv->pad + 1 && self->groups * self->in_groups == 1
         && self->shares == self->tasks;
}

/* Slots of dy that are transposed at once. */
static gsize
chunk_of (guint channels)
{
  return MAX (CHUNK / channels / SUPCON_BF16_STEP, 1) * SUPCON_BF16_STEP;
}

/* Elements of a chunk of dy or, with its surroundings for the gradient by input, of a band's. */
static gsize
dy_size (const Gradient *self)
{
  SupconBf16Grid grid = self->grid;
  gsize size = MAX (chunk_of (self->group) * self->group, CHUNK + SUPCON_BF16_STEP * (gsize)self->group);

  grid.grid.c = self->conv->out_c;
  if (at_once (self))
    size = MAX (size, supcon_bf16_copy_size (&grid, self->conv->out_c));
  return round_up (size, SUPCON_BF16_STEP);
}

gsize
supcon_bf16_weights_worker_size (const SupconConv *conv, guint n)
{
  Gradient self = { 0 };

  gradient_init (&self, conv, &(SupconNormInput){ 0 }, n);
  return (copy_size (&self) + self.copies * self.pairs + dy_size (&self) + self.rows * self.columns)
         * sizeof (SupconBfloat16);
}

gsize
supcon_bf16_weights_shared_size (const SupconConv *conv, guint n)
{
  Gradient self = { 0 };

  gradient_init (&self, conv, &(SupconNormInput){ 0 }, n);
  return self.shares * self.groups * self.in_groups * sums_of (&self) * sizeof (SupconReal)
         + (at_once (&self) ? supcon_bf16_walk_size (conv, n) * sizeof (SupconReal) : 0);
}

typedef SupconBfloat16 Eight __attribute__ ((vector_size (16), aligned (2), may_alias));

/* 8 x 8: three times, row i and row i + 4 interleaved become rows 2 i and 2 i + 1. */
static SUPCON_INLINE void
transpose_eight (const SupconBfloat16 *from, gsize from_row, SupconBfloat16 *to, gsize to_row)
{
  Eight x[8], y[8];

#pragma GCC unroll 8
  for (guint i = 0; i < 8; i++)
    x[i] = *(const Eight *)(from + i * from_row);
#pragma GCC unroll 3
  for (guint stage = 0; stage < 3; stage++) {
#pragma GCC unroll 4
    for (guint i = 0; i < 4; i++) {
      y[2 * i] = __builtin_shufflevector (x[i], x[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
      y[2 * i + 1] = __builtin_shufflevector (x[i], x[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
    }
#pragma GCC unroll 8
    for (guint i = 0; i < 8; i++)
      x[i] = y[i];
  }
#pragma GCC unroll 8
  for (guint i = 0; i < 8; i++)
    *(Eight *)(to + i * to_row) = x[i];
}

/* n slots of 'rows' elements each to rows of 'columns'. */
SUPCON_MULTIVERSION static void
transpose (const SupconBfloat16 *from, gsize slot, gsize n, guint rows, SupconBfloat16 *to, gsize columns)
{
  gsize whole = n / 8 * 8;

  for (gsize s = 0; s < n; s += s < whole ? 8 : 1) {
    guint row = 0;

    if (s < whole)
      for (; row + 8 <= rows; row += 8)
        transpose_eight (from + s * slot + row, slot, to + row * columns + s, columns);
    for (gsize t = s; t < (s < whole ? s + 8 : s + 1); t++)
      for (guint r = row; r < rows; r++)
        to[r * columns + t] = from[t * slot + r];
  }
}

typedef SupconBfloat16 Pairs __attribute__ ((vector_size (64), aligned (2), may_alias));

/* Slots first, first + 1; first + 2, ... of 'terms' elements each in pairs, panel after panel of up to 32 terms. A
 * block with fewer terms than columns takes what lies behind them, for sums that nobody reads. */
SUPCON_MULTIVERSION static void
pair_slots (const SupconBfloat16 *from, gsize slot, gsize slots, guint terms, SupconBfloat16 *to)
{
  for (guint panel = 0; panel < supcon_panels (terms, SUPCON_BF16_BLOCK); panel++) {
    guint blocks = supcon_panel_vectors (terms, SUPCON_BF16_BLOCK, panel);

    for (guint block = 0; block < blocks; block++) {
      const SupconBfloat16 *x = from + panel * PANEL + block * SUPCON_BF16_BLOCK;
      SupconBfloat16 *pair = to + block * PANEL;

      for (gsize i = 0; i < slots; i += 2, x += 2 * slot, pair += blocks * PANEL) {
        SupconHalfLanes even = *(const SupconHalfLanes *)x, odd = *(const SupconHalfLanes *)(x + slot);

        *(Pairs *)pair = __builtin_shufflevector (even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8,
            24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      }
    }
    to += slots * blocks * SUPCON_BF16_BLOCK;
  }
}

/* Output channels first_channel and up of slots 'slot' to 'end' of a band's dy, zero where a slot is of no output. */
static void
copy_dy (const Gradient *self, const SupconConvBand *band, guint first_channel, guint channels, gsize slot, gsize end,
    SupconBfloat16 *to)
{
  const SupconBf16Grid *grid = &self->grid;
  gsize cols = grid->grid.cols, pitch = grid->pitch, outputs = band->rows * pitch, run;

  for (; slot < end; slot += run, to += run * channels) {
    gsize image = slot / grid->image, place = slot % grid->image, row = place / pitch, col = place % pitch;

    /* Rows without a gap are one. */
    run = (cols == pitch ? outputs : MIN (row * pitch + cols, outputs)) - place;
    if (place < outputs && col < cols) {
      run = MIN (run, end - slot);
      supcon_norm_load (SUPCON_PRECISION_BFLOAT16, &self->dy, self->conv->out_c,
          ((band->first_image + image) * grid->grid.rows + band->first_row + row) * cols + col, run, first_channel,
          channels, to);
    } else {
      run = MIN ((place < outputs ? (row + 1) * pitch : grid->image) - place, end - slot);
      memset (to, 0, run * channels * sizeof *to);
    }
  }
}

/* The gradient by input of a band, from a copy of dy with its surroundings. Gives back where output 0 lies in it. */
static const SupconBfloat16 *
walk_band (const Gradient *self, gsize number, const SupconConvBand *band, SupconBfloat16 *copy)
{
  const SupconConv *conv = self->conv;
  const SupconBf16Walk *walk = self->walk;

  supcon_bf16_copy (&walk->grid, band->first_image, band->images, band->first_row, band->rows, 0, conv->out_c, copy);
  supcon_bf16_walk_band (walk, number, 0, supcon_panels (conv->in_c, SUPCON_BF16_BLOCK), copy);
  return copy + (conv->pad * walk->grid.pitch + conv->pad) * conv->out_c;
}

/* Rows of output channels from 'first_channel' on: a band's dy, of slots that its inputs have. */
static void
transpose_band (const Gradient *self, gsize number, const SupconConvBand *band, guint first_channel, guint channels,
    gsize outputs, SupconBfloat16 *dy, SupconBfloat16 *to)
{
  if (self->walk) {
    transpose (walk_band (self, number, band, dy), channels, outputs, channels, to, self->columns);
  } else {
    gsize chunk = chunk_of (channels);

    for (gsize slot = 0; slot < outputs; slot += chunk) {
      gsize n = MIN (chunk, outputs - slot);

      copy_dy (self, band, first_channel, channels, slot, slot + n, dy);
      transpose (dy, channels, n, channels, to + slot, self->columns);
    }
  }
  for (guint row = 0; row < channels; row++)
    memset (to + row * self->columns + outputs, 0, (self->columns - outputs) * sizeof *to);
}

static void
gradient_task (gsize task, guint worker, gpointer data)
{
  const Gradient *self = data;
  const SupconBf16Kernels *kernels = supcon_bf16_kernels ();
  const SupconBf16Grid *grid = &self->grid;
  const SupconGrid *plain = &grid->grid;
  guint number = task % (self->groups * self->in_groups), share = task / (self->groups * self->in_groups);
  guint first_channel = number % self->groups * self->group, first_in = number / self->groups * self->in_group;
  guint channels = MIN (self->group, self->conv->out_c - first_channel), in = MIN (self->in_group, plain->c - first_in);
  guint terms = terms_of (self, in), cols = supcon_padded_channels (terms, SUPCON_BF16_BLOCK);
  gsize slot = supcon_bf16_slot (grid, in), used = copy_size (self);
  SupconBfloat16 *copy = (SupconBfloat16 *)supcon_workspace_worker (self->workspace, worker);
  SupconBfloat16 *pairs[2] = { copy + used, copy + used + self->pairs }, *dy = copy + used + self->copies * self->pairs;
  SupconBfloat16 *transposed = dy + dy_size (self);
  gsize first_band = self->bands * share / self->shares, end_band = self->bands * (share + 1) / self->shares;
  SupconReal *sums = self->partial + task * sums_of (self);

  /* Slots that a band leaves out must be finite, as dy is zero there. */
  memset (copy, 0, used * sizeof *copy);
  memset (transposed, 0, self->rows * self->columns * sizeof *transposed);
  kernels->begin ();
  for (gsize b = first_band; b < end_band; b++) {
    const SupconConvBand band = supcon_grid_band (plain, grid->images, b, self->conv->out_c);
    gsize outputs = (gsize)(band.images - 1) * grid->image + (gsize)(band.rows - 1) * grid->pitch + plain->cols;

    supcon_bf16_copy (grid, band.first_image, band.images, band.first_row, band.rows, first_in, in, copy);
    for (guint odd = 0; odd < self->copies; odd++)
      pair_slots (copy + odd * slot, slot, self->slots, terms, pairs[odd]);
    transpose_band (self, b, &band, first_channel, channels, outputs, dy, transposed);
    for (guint col = 0; col < cols; col += PANEL) {
      const gsize none = 0;
      SupconBf16Tile tile = { .a_row = self->columns,
        .a_outer = &none,
        .outer = 1,
        .inner = self->length / SUPCON_BF16_STEP,
        .terms = round_up (outputs, 2),
        .cols = MIN (2, (cols - col) / SUPCON_BF16_BLOCK),
        .c_row = self->cols,
        .accumulate = b > first_band,
        .passing = self->taps == 1   ? SUPCON_BF16_A_PASSES
                   : self->cols > 64 ? SUPCON_BF16_B_PASSES
                                     : SUPCON_BF16_NONE_PASSES };

      for (guint row = 0; row < channels; row += tile.rows * SUPCON_BF16_BLOCK) {
        tile.rows = channels - row > SUPCON_BF16_BLOCK ? 2 : 1;
        tile.a = transposed + row * self->columns;
        for (guint tap = 0; tap < self->taps; tap++) {
          gsize shift = self->shifts ? supcon_bf16_tap (grid, tap / plain->taps_w) + tap % plain->taps_w
                                     : supcon_bf16_tap (grid, tap);

          tile.b = pairs[shift % 2] + self->slots * col + shift / 2 * 2 * tile.cols * SUPCON_BF16_BLOCK;
          tile.c = sums + ((gsize)tap * self->rows + row) * self->cols + col;
          kernels->product (&tile);
        }
      }
    }
  }
  kernels->end ();
}

/* 16 x 16: four times, row i and row i + 8 interleaved become rows 2 i and 2 i + 1. */
static SUPCON_INLINE void
transpose_sixteen (SupconLanes *x)
{
  SupconLanes y[16];

#pragma GCC unroll 4
  for (guint stage = 0; stage < 4; stage++) {
#pragma GCC unroll 8
    for (guint i = 0; i < 8; i++) {
      y[2 * i] = __builtin_shufflevector (x[i], x[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      y[2 * i + 1]
          = __builtin_shufflevector (x[i], x[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
#pragma GCC unroll 16
    for (guint i = 0; i < 16; i++)
      x[i] = y[i];
  }
}

/* The sums of a tap, a group of input channels and a block of output channels: all shares' to dw. */
SUPCON_MULTIVERSION static void
sum_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Gradient *self = data;
  const SupconConv *conv = self->conv;
  guint tap = task % self->taps, in_number = task / self->taps % self->in_groups;
  guint first = task / self->taps / self->in_groups * SUPCON_BF16_BLOCK, number = first / self->group;
  guint row = first % self->group, channels = MIN (SUPCON_BF16_BLOCK, conv->out_c - first);
  guint first_in = in_number * self->in_group, in = MIN (self->in_group, conv->in_c - first_in);
  guint all = terms_of (self, in), in_run = terms_of (self, conv->in_c);

  for (guint term = 0; term < all; term += SUPCON_BF16_BLOCK) {
    guint terms = MIN (SUPCON_BF16_BLOCK, all - term);
    /* A block is of one tap, or there is one group. */
    SupconReal *dw = self->dw
                     + ((gsize)tap * in_run + (gsize)(term / in) * conv->in_c + first_in + term % in) * conv->out_c
                     + first;
    SupconLanes sum[16] = { { 0 } };

    for (guint share = 0; share < self->shares; share++) {
      const SupconReal *from = self->partial
                               + ((share * self->in_groups + in_number) * self->groups + number) * sums_of (self)
                               + ((gsize)tap * self->rows + row) * self->cols + term;

      for (guint i = 0; i < SUPCON_BF16_BLOCK; i++)
        sum[i] += *(const SupconLanes *)(from + i * self->cols);
    }
    transpose_sixteen (sum);
    for (guint t = 0; t < terms; t++, dw += conv->out_c) {
      if (channels == SUPCON_BF16_BLOCK)
        *(SupconLanes *)dw += sum[t];
      else
        for (guint i = 0; i < channels; i++)
          dw[i] += sum[t][i];
    }
  }
}

void
supcon_bf16_backward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace, SupconReal *dw)
{
  SupconBf16Walk walk;
  Gradient self = { .dy = *dy, .partial = workspace->shared, .dw = dw, .workspace = workspace };
  gsize blocks = (conv->out_c + SUPCON_BF16_BLOCK - 1) / SUPCON_BF16_BLOCK;

  gradient_init (&self, conv, x, n);
  if (target && at_once (&self)) {
    self.partial = supcon_bf16_walk_init (&walk, conv, n, dy, w, target, workspace);
    self.walk = &walk;
  }
  supcon_parallel_for (workspace->threads, self.groups * self.in_groups * self.shares, gradient_task, &self);
  supcon_parallel_for (workspace->threads, self.taps * self.in_groups * blocks, sum_task, &self);
  if (self.walk && target->sums)
    supcon_norm_add_partial (conv->in_c, self.bands, walk.finish.partial, target->sums);
  if (target && !self.walk)
    supcon_bf16_backward_input (conv, n, dy, w, target, workspace);
}
