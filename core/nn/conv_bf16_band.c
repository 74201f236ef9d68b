/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/conv_bf16.h"

/* Output pixels of a task: its inputs, a panel of weights and the sums stay in a core's level-two cache. */
#define BAND_PIXELS 512

/* Places from one row (or picture) to the next with stride 1, for outputs 'out' that read 'taps' from 'off' on of 'in':
 * those behind the row's end may be the next one's first where both are outside. */
static guint
shared_pitch (guint out, guint taps, gint off, guint in)
{
  gint before = MAX (0, -off), all = out + taps - 1;

  return MIN (all, MAX ((gint)out, MAX ((gint)in - off, all - before)));
}

void
supcon_bf16_grid_init (
    SupconBf16Grid *self, const SupconConv *conv, const SupconGrid *grid, const SupconNormInput *source, guint n)
{
  *self = (SupconBf16Grid){ .grid = *grid, .source = *source, .images = n };
  if (conv->kernel == 1 && conv->stride == 1 && conv->pad == 0) {
    self->pointwise = TRUE;
    self->direct = grid->c % SUPCON_BF16_STEP == 0 && !source->scale;
    self->grid.rows = self->grid.h = n * grid->h * grid->w;
    self->grid.cols = self->grid.w = 1;
    self->images = 1;
  }
  supcon_grid_cut_to (&self->grid, BAND_PIXELS);
  self->grid.band_images = MIN (self->grid.band_images, self->images);
  self->pitch = self->grid.cols + (grid->taps_w - 1) / grid->stride;
  /* With a stride all taps are an even number of slots apart: the gradient by weights takes one copy in pairs. */
  self->pitch += grid->stride > 1 && grid->taps_h > 1 ? self->pitch % 2 : 0;
  self->plane_rows = self->grid.band_rows + (grid->taps_h - 1) / grid->stride;
  if (grid->stride == 1) {
    self->pitch = shared_pitch (self->grid.cols, grid->taps_w, grid->off_w, self->grid.w);
    if (self->grid.band_rows == self->grid.rows)
      self->plane_rows = shared_pitch (self->grid.rows, grid->taps_h, grid->off_h, self->grid.h);
  }
  self->image = (gsize)self->plane_rows * self->pitch;
  /* What the last picture shares with none comes behind. */
  self->plane = self->grid.band_images * self->image
                + (gsize)(self->grid.band_rows + (grid->taps_h - 1) / grid->stride - self->plane_rows) * self->pitch;
}

void
supcon_bf16_grid_forward (SupconBf16Grid *self, const SupconConv *conv, const SupconNormInput *x, guint n)
{
  SupconGrid grid = supcon_conv_grid (conv, NULL);

  supcon_bf16_grid_init (self, conv, &grid, x, n);
}

guint
supcon_bf16_run (const SupconBf16Grid *self, guint channels)
{
  return (self->grid.taps_w * channels + SUPCON_BF16_STEP - 1) / SUPCON_BF16_STEP * SUPCON_BF16_STEP;
}

gsize
supcon_bf16_slot (const SupconBf16Grid *self, guint channels)
{
  return self->grid.taps_w < self->grid.stride ? supcon_bf16_run (self, channels) : self->grid.stride * channels;
}

gsize
supcon_bf16_tap (const SupconBf16Grid *self, guint tap)
{
  return tap % self->grid.stride * self->plane + tap / self->grid.stride * self->pitch;
}

gsize
supcon_bf16_copy_size (const SupconBf16Grid *self, guint channels)
{
  return (self->grid.stride * self->plane + 2 * SUPCON_BF16_BLOCK + self->grid.taps_w)
             * supcon_bf16_slot (self, channels)
         + supcon_bf16_run (self, channels);
}

/* Columns first and up of a source row, which begins at pixel 'row', 'count' of them; outside is zero. */
static void
copy_pixels (const SupconBf16Grid *self, gsize row, gint first, guint count, guint first_channel, guint channels,
    SupconBfloat16 *to)
{
  gint left = CLAMP (-first, 0, (gint)count), right = CLAMP ((gint)self->grid.w - first, left, (gint)count);

  memset (to, 0, left * channels * sizeof *to);
  supcon_norm_load (SUPCON_PRECISION_BFLOAT16, &self->source, self->grid.c, row + first + left, right - left,
      first_channel, channels, to + left * channels);
  memset (to + right * channels, 0, ((gint)count - right) * channels * sizeof *to);
}

void
supcon_bf16_copy (const SupconBf16Grid *self, guint first_image, guint images, guint first_row, guint rows,
    guint first_channel, guint channels, SupconBfloat16 *copy)
{
  const SupconGrid *grid = &self->grid;
  gsize slot = supcon_bf16_slot (self, channels);

  for (guint remainder = 0; remainder < MIN (grid->stride, grid->taps_h); remainder++)
    for (guint image = 0; image < images; image++) {
      gsize source = (gsize)(first_image + image) * grid->h;
      guint plane_rows = rows + (grid->taps_h - 1 - remainder) / grid->stride;
      SupconBfloat16 *to = copy + (remainder * self->plane + image * self->image) * slot;

      for (guint i = 0; i < plane_rows; i++, to += self->pitch * slot) {
        gint row = (gint)((first_row + i) * grid->stride + remainder) + grid->off_h;
        gsize first_pixel = (source + row) * grid->w;

        if (row < 0 || row >= (gint)grid->h) {
          memset (to, 0, self->pitch * slot * sizeof *to);
        } else if (grid->taps_w >= grid->stride) {
          copy_pixels (self, first_pixel, grid->off_w, self->pitch * grid->stride, first_channel, channels, to);
        } else {
          guint run = grid->taps_w * channels;

          for (guint col = 0; col < grid->cols; col++) {
            gint first = (gint)(col * grid->stride) + grid->off_w;

            copy_pixels (self, first_pixel, first, grid->taps_w, first_channel, channels, to + col * slot);
            memset (to + col * slot + run, 0, (slot - run) * sizeof *to);
          }
        }
      }
      /* The last row's run goes on behind it, and may end in the next slots, where its weights are zero: what it reads
       * there must be finite. */
      memset (to, 0, (SUPCON_BF16_STEP + grid->taps_w * slot) * sizeof *to);
    }
}
