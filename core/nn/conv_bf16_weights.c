/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gradient by weights in bfloat16: the inputs' slots transposed, so that a tap is a shift along a row, times dy in
 * pairs of slots, zero where a slot is of no output. A task owns some input channels and a share of the bands; shares
 * are added in their order at the end. */
#include "nn/conv_bf16.h"

#include "simd.h"

#define MIN_TASKS 8
#define PANEL (2 * SUPCON_BF16_BLOCK)
/* Sums of a task: with a band's inputs they stay in a core's level-two cache. */
#define TASK_SUMS ((gsize)300 << 10)

typedef struct {
  const SupconConv *conv;
  SupconBf16Grid grid;
  const SupconBfloat16 *dy;
  guint group; /* input channels of a task */
  guint groups, shares;
  gsize bands;
  guint taps, rows, cols; /* of a task's sums: taps x rows x cols */
  gsize columns, length;  /* slots of a transposed row, and those that are summed */
  float *partial;         /* shares x groups x sums */
  SupconReal *dw;
  SupconWorkspace *workspace;
} Gradient;

static gsize
round_up (gsize n, gsize unit)
{
  return (n + unit - 1) / unit * unit;
}

static void
gradient_init (Gradient *self, const SupconConv *conv, const void *x, guint n)
{
  gsize per_channel = (gsize)conv->kernel * conv->kernel * conv->out_c;
  gboolean shifts = conv->stride == 1; /* taps of a kernel row are shifts too, else rows */

  supcon_bf16_grid_forward (&self->grid, conv, x, n);
  self->conv = conv;
  self->group = MIN (conv->in_c, MAX (TASK_SUMS / per_channel / PANEL, 1) * PANEL);
  self->groups = (conv->in_c + self->group - 1) / self->group;
  self->bands = supcon_grid_bands (&self->grid.grid, self->grid.images);
  self->shares = MIN (self->bands, (MIN_TASKS + self->groups - 1) / self->groups);
  self->taps = shifts ? conv->kernel * conv->kernel : conv->kernel;
  self->rows = round_up (shifts ? self->group : conv->kernel * self->group, SUPCON_BF16_BLOCK);
  self->cols = supcon_padded_channels (conv->out_c, SUPCON_BF16_BLOCK);
  /* The last rows of the last picture's part are of no output. */
  self->length = round_up (self->grid.plane - (conv->kernel - 1) / conv->stride * self->grid.pitch, SUPCON_BF16_STEP);
  /* An odd number of cache lines, so that rows do not fall on one another in the cache. */
  self->columns = round_up (conv->stride * self->grid.plane + conv->kernel + SUPCON_BF16_STEP, 2 * SUPCON_BF16_STEP)
                  + SUPCON_BF16_STEP;
}

static gsize
sums_of (const Gradient *self)
{
  return (gsize)self->taps * self->rows * self->cols;
}

static gsize
copy_size (const Gradient *self)
{
  return round_up (supcon_bf16_copy_size (&self->grid, self->group), SUPCON_BF16_STEP);
}

gsize
supcon_bf16_weights_worker_size (const SupconConv *conv, guint n)
{
  Gradient self = { 0 };

  gradient_init (&self, conv, NULL, n);
  return (copy_size (&self) + self.rows * self.columns + self.cols * self.length) * sizeof (SupconBfloat16);
}

gsize
supcon_bf16_weights_shared_size (const SupconConv *conv, guint n)
{
  Gradient self = { 0 };

  gradient_init (&self, conv, NULL, n);
  return self.shares * self.groups * sums_of (&self) * sizeof (float);
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

/* n slots of 'rows' elements each to rows of 'columns', zero behind the slots. */
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
  for (guint row = 0; row < rows; row++)
    memset (to + row * columns + n, 0, (columns - n) * sizeof *to);
}

/* One panel of dy, in pairs of slots. */
SUPCON_MULTIVERSION static void
pair_slots (const Gradient *self, guint first_image, guint images, guint first_row, guint rows, guint channel,
    guint width, guint32 *to)
{
  static const SupconBfloat16 zeros[PANEL];
  const SupconConv *conv = self->conv;
  const SupconBf16Grid *grid = &self->grid;
  guint valid = MIN (width, conv->out_c - channel), image = 0, row = 0, col = 0;

  for (gsize pair = 0; pair < self->length / 2; pair++, to += width) {
    const SupconBfloat16 *of[2] = { zeros, zeros };

    for (guint half = 0; half < 2; half++) {
      if (image < images && row < rows && col < grid->grid.cols)
        of[half] = self->dy
                   + (((gsize)(first_image + image) * grid->grid.rows + first_row + row) * grid->grid.cols + col)
                         * conv->out_c
                   + channel;
      if (++col == grid->pitch) {
        col = 0;
        if (++row == grid->plane_rows) {
          row = 0;
          image++;
        }
      }
    }
    for (guint j = 0; j < valid; j++)
      to[j] = of[0][j] | (guint32)of[1][j] << 16;
    for (guint j = valid; j < width; j++)
      to[j] = 0;
  }
}

static void
gradient_task (gsize task, guint worker, gpointer data)
{
  const Gradient *self = data;
  const SupconBf16Kernels *kernels = supcon_bf16_kernels ();
  const SupconBf16Grid *grid = &self->grid;
  const SupconGrid *plain = &grid->grid;
  guint number = task % self->groups, share = task / self->groups, first_channel = number * self->group;
  guint channels = MIN (self->group, plain->c - first_channel);
  guint terms = plain->stride == 1 ? channels : plain->taps_w * channels;
  guint bands_of_image = (plain->rows + plain->band_rows - 1) / plain->band_rows;
  SupconBfloat16 *copy = (SupconBfloat16 *)supcon_workspace_worker (self->workspace, worker);
  SupconBfloat16 *transposed = copy + copy_size (self), *pairs = transposed + self->rows * self->columns;
  float *sums = self->partial + task * sums_of (self);

  memset (sums, 0, sums_of (self) * sizeof *sums);
  /* Slots that a band leaves out must be finite, as dy is zero there. */
  memset (copy, 0, copy_size (self) * sizeof *copy);
  kernels->begin ();
  for (gsize b = self->bands * share / self->shares; b < self->bands * (share + 1) / self->shares; b++) {
    guint first_image = b / bands_of_image * plain->band_images;
    guint images = MIN (plain->band_images, grid->images - first_image);
    guint first_row = b % bands_of_image * plain->band_rows, rows = MIN (plain->band_rows, plain->rows - first_row);

    if (grid->direct) {
      transpose (
          grid->source + (gsize)first_row * plain->c + first_channel, plain->c, rows, terms, transposed, self->columns);
    } else {
      supcon_bf16_copy (grid, first_image, images, first_row, rows, first_channel, channels, copy);
      transpose (
          copy, supcon_bf16_slot (grid, channels), plain->stride * grid->plane, terms, transposed, self->columns);
    }
    for (guint channel = 0; channel < self->cols; channel += PANEL) {
      const gsize none = 0;
      SupconBf16Tile tile = { .a_row = self->columns,
        .b = pairs,
        .a_outer = &none,
        .outer = 1,
        .inner = self->length / SUPCON_BF16_STEP,
        .cols = MIN (2, (self->cols - channel) / SUPCON_BF16_BLOCK),
        .c_row = self->cols,
        .accumulate = TRUE };

      pair_slots (self, first_image, images, first_row, rows, channel, tile.cols * SUPCON_BF16_BLOCK, (guint32 *)pairs);
      for (guint row = 0; row < terms; row += tile.rows * SUPCON_BF16_BLOCK) {
        tile.rows = terms - row > SUPCON_BF16_BLOCK ? 2 : 1;
        for (guint tap = 0; tap < self->taps; tap++) {
          gsize shift = plain->stride == 1 ? supcon_bf16_tap (grid, tap / plain->taps_w) + tap % plain->taps_w
                                           : supcon_bf16_tap (grid, tap);

          tile.a = transposed + row * self->columns + shift;
          tile.c = sums + ((gsize)tap * self->rows + row) * self->cols + channel;
          kernels->product (&tile);
        }
      }
    }
  }
  kernels->end ();
}

SUPCON_MULTIVERSION static void
sum_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Gradient *self = data;
  const SupconConv *conv = self->conv;
  guint tap = task / self->groups, number = task % self->groups, first_channel = number * self->group;
  guint channels = MIN (self->group, conv->in_c - first_channel);

  for (guint channel = 0; channel < channels; channel++) {
    SupconReal *dw = self->dw + ((gsize)tap * conv->in_c + first_channel + channel) * conv->out_c;
    gsize row = conv->stride == 1 ? (gsize)tap * self->rows + channel
                                  : (gsize)(tap / conv->kernel) * self->rows + tap % conv->kernel * channels + channel;

    for (guint share = 0; share < self->shares; share++) {
      const float *from = self->partial + (share * self->groups + number) * sums_of (self) + row * self->cols;

      for (guint o = 0; o < conv->out_c; o++)
        dw[o] += from[o];
    }
  }
}

void
supcon_bf16_backward_weights (
    const SupconConv *conv, guint n, const void *x, const void *dy, SupconWorkspace *workspace, SupconReal *dw)
{
  Gradient self = { .dy = dy, .partial = (float *)workspace->shared, .dw = dw, .workspace = workspace };

  gradient_init (&self, conv, x, n);
  supcon_parallel_for (workspace->threads, self.groups * self.shares, gradient_task, &self);
  supcon_parallel_for (workspace->threads, (gsize)conv->kernel * conv->kernel * self.groups, sum_task, &self);
}
