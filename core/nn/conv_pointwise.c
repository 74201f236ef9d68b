/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gradient by weights of 1x1 kernels without padding: x (pixels x in_c), transposed, times dy (pixels x out_c). A
 * task owns a block of input by output channels and a share of the pixels; shares are added in their order at the end.
 * It goes through its pixels in steps, and first copies a step's columns to where tiles read them in one run: x as
 * pixels x SLOT for each tile, dy as pixels x width for each panel. Rows of several KB apart, as x and dy have them,
 * would fall on few sets of the level-one cache. Where all channels are one block, the gradient by input is made from
 * the copy of dy while it is there. */
#include <string.h>

#include "nn/conv_band.h"
#include "nn/conv_finish.h"
#include "nn/feature.h"
#include "simd.h"

/* Channels of a block, and pixels of a step: the two copies, the sums and what the next step reads, which is fetched
 * meanwhile, share a level-two cache of 1 MB. */
#define BLOCK_CHANNELS 256
#define STEP_PIXELS 128
/* Where both gradients are made together, a block has so many channels at most, and so many sums. */
#define JOINED_CHANNELS 512
#define JOINED_ELEMENTS (1 << 17)
/* Room for the rows of the tallest tile. */
#define SLOT 16

typedef struct {
  const SupconConv *conv;
  gsize pixels;
  SupconNormInput x, dy;
  guint in_blocks, out_blocks, shares;
  guint panels;
  SupconReal *partial; /* shares x packed size */
  SupconWorkspace *workspace;
  SupconFinish finish; /* of the gradient by input, which is made where finish.gradient is given */
  const SupconReal *packed;
} Pointwise;

gboolean
supcon_conv_is_pointwise (const SupconConv *conv)
{
  return conv->kernel == 1 && conv->pad == 0;
}

gboolean
supcon_conv_pointwise_joins (const SupconConv *conv)
{
  return supcon_conv_is_pointwise (conv) && conv->stride == 1 && MAX (conv->in_c, conv->out_c) <= JOINED_CHANNELS
         && (gsize)conv->in_c * conv->out_c <= JOINED_ELEMENTS
         && conv->out_c % (2 * supcon_tile_kernels ()->lanes) == 0;
}

static Pointwise
pointwise_of (const SupconConv *conv, guint n)
{
  Pointwise self = { .conv = conv, .pixels = (gsize)n * conv->out_h * conv->out_w };
  guint tasks, block = BLOCK_CHANNELS;

  if (supcon_conv_pointwise_joins (conv))
    block = MAX (block, MAX (conv->in_c, conv->out_c));
  self.panels = supcon_panels (conv->out_c, supcon_tile_kernels ()->lanes);
  self.in_blocks = (conv->in_c + block - 1) / block;
  self.out_blocks = (conv->out_c + block - 1) / block;
  tasks = self.in_blocks * self.out_blocks;
  self.shares = MIN ((self.pixels + STEP_PIXELS - 1) / STEP_PIXELS, (SUPCON_BAND_TASKS + tasks - 1) / tasks);
  return self;
}

guint
supcon_conv_pointwise_shares (const SupconConv *conv, guint n)
{
  return pointwise_of (conv, n).shares;
}

/* From one tile's or panel's copy to the next: a cache line more than they need, so that a pixel's numbers fall on
 * different sets of a cache. */
static inline gsize
tile_distance (gsize pixels)
{
  return (pixels + 1) * SLOT;
}

static inline gsize
panel_distance (gsize pixels)
{
  return pixels * 2 * supcon_tile_kernels ()->lanes + SLOT;
}

/* Channels of x that a task reads, at most. */
static inline guint
block_rows (const Pointwise *self)
{
  return (self->conv->in_c + self->in_blocks - 1) / self->in_blocks;
}

/* Elements of a step's columns of x: no tile but the last has fewer rows than it has room for. */
static gsize
x_size (const Pointwise *self)
{
  guint rows = supcon_tile_kernels ()->max_rows[1];

  return tile_distance (STEP_PIXELS) * ((block_rows (self) + rows - 1) / rows);
}

gsize
supcon_conv_pointwise_worker_size (const SupconConv *conv)
{
  Pointwise self = pointwise_of (conv, 1);
  guint panels = (self.panels + self.out_blocks - 1) / self.out_blocks;

  return STEP_PIXELS * block_rows (&self) + x_size (&self) + panel_distance (STEP_PIXELS) * panels;
}

/* The pixel of x that an output pixel is made of. */
static inline gsize
input_pixel (const SupconConv *conv, gsize pixel)
{
  gsize row = pixel / conv->out_w, image = row / conv->out_h;

  if (conv->stride == 1)
    return pixel;
  return (image * conv->in_h + (row - image * conv->out_h) * conv->stride) * conv->in_w
         + (pixel - row * conv->out_w) * conv->stride;
}

/* Channels first .. first + rows - 1 of x at some output pixels, cut into tiles. room: for them as they are. */
SUPCON_MULTIVERSION static void
copy_x (const Pointwise *self, gsize first_pixel, gsize pixels, guint first, guint rows, guint tiles, SupconReal *room,
    SupconReal *to)
{
  const SupconConv *conv = self->conv;
  gsize distance = tile_distance (pixels);
  gboolean loaded = self->x.scale && conv->stride == 1;

  if (loaded)
    supcon_norm_load (SUPCON_PRECISION_FLOAT32, &self->x, conv->in_c, first_pixel, pixels, first, rows, room);
  for (gsize i = 0; i < pixels; i++) {
    gsize pixel = input_pixel (conv, first_pixel + i);
    const SupconReal *from = (const SupconReal *)self->x.x + pixel * conv->in_c + first;
    guint channel = 0;

    if (self->x.scale) {
      from = loaded ? room + i * rows : room;
      if (!loaded)
        supcon_norm_load (SUPCON_PRECISION_FLOAT32, &self->x, conv->in_c, pixel, 1, first, rows, room);
    }
    for (guint t = 0; t < tiles; t++) {
      guint n = supcon_even_piece (rows, tiles, t);
      SupconReal *slot = to + t * distance + i * SLOT;

      if (self->x.scale || first + channel + SLOT <= conv->in_c) /* behind the room, too, is memory */
        *(SupconLanes *)slot = *(const SupconLanes *)(from + channel);
      else
        for (guint j = 0; j < n; j++)
          slot[j] = from[channel + j];
      channel += n;
    }
  }
}

/* Some panels of dy, zero behind the channels that there are. */
static void
copy_dy (const Pointwise *self, gsize first_pixel, gsize pixels, guint first_panel, guint end_panel, SupconReal *to)
{
  for (guint panel = first_panel; panel < end_panel; panel++, to += panel_distance (pixels))
    supcon_panel_copy (&self->dy, self->conv->out_c, first_pixel, pixels, panel, to);
}

/* The gradient by input at a step's pixels. */
static void
input_gradient (const Pointwise *self, gsize share, gboolean first, gsize pixel, gsize pixels, const SupconReal *dy)
{
  guint lanes = supcon_tile_kernels ()->lanes, step = 2 * lanes, in_c = self->conv->in_c;

  for (guint channel = 0; channel < in_c; channel += step) {
    guint width = supcon_panel_vectors (in_c, lanes, channel / step) * lanes;
    SupconFinishBlock block = { .channel = channel, .n = MIN (width, in_c - channel), .band = share, .first = first };
    SupconTile product = { .a = dy,
      .a_row = step,
      .a_inner = 1,
      .a_outer = panel_distance (pixels),
      .b = self->packed + (gsize)self->conv->out_c * channel,
      .b_inner = width,
      .b_outer = (gsize)step * width,
      .inner = step,
      .outer = self->panels };

    supcon_finish_products (&self->finish, &block, &product, pixels, pixel * in_c);
  }
}

static void
fetch_channels (const SupconNormInput *input, gsize first, guint channels)
{
  for (guint c = 0; c < channels; c += SUPCON_LANES) {
    __builtin_prefetch ((const SupconReal *)input->x + first + c, 0, 2);
    if (input->other)
      __builtin_prefetch ((const SupconReal *)input->other + first + c, 0, 2);
  }
}

static void
pointwise_task (gsize task, guint worker, gpointer data)
{
  const Pointwise *self = data;
  const SupconConv *conv = self->conv;
  const SupconTileKernels *kernels = supcon_tile_kernels ();
  guint in_block = task % self->in_blocks, out_block = task / self->in_blocks % self->out_blocks;
  gsize share = task / self->in_blocks / self->out_blocks;
  guint first = conv->in_c * in_block / self->in_blocks;
  guint rows = conv->in_c * (in_block + 1) / self->in_blocks - first;
  guint first_panel = self->panels * out_block / self->out_blocks;
  guint end_panel = self->panels * (out_block + 1) / self->out_blocks;
  guint channel = first_panel * 2 * kernels->lanes,
        channels = MIN (end_panel * 2 * kernels->lanes, conv->out_c) - channel;
  guint most = kernels->max_rows[supcon_panel_vectors (conv->out_c, kernels->lanes, first_panel) - 1];
  guint tiles = (rows + most - 1) / most, products = (end_panel - first_panel) * tiles;
  gsize end_pixel = self->pixels * (share + 1) / self->shares, pixels;
  SupconReal *partial = self->partial + share * supcon_conv_packed_size (conv);
  SupconReal *room = supcon_workspace_worker (self->workspace, worker), *x = room + STEP_PIXELS * block_rows (self);
  SupconReal *dy = x + x_size (self);
  gboolean accumulate = FALSE;

  for (gsize pixel = self->pixels * share / self->shares; pixel < end_pixel; pixel += pixels, accumulate = TRUE) {
    gsize next, next_pixels, fetched = 0;
    guint product = 0;

    pixels = MIN (STEP_PIXELS, end_pixel - pixel);
    next = pixel + pixels;
    next_pixels = MIN (STEP_PIXELS, end_pixel - next);
    copy_x (self, pixel, pixels, first, rows, tiles, room, x);
    copy_dy (self, pixel, pixels, first_panel, end_panel, dy);
    if (self->finish.gradient)
      input_gradient (self, share, !accumulate, pixel, pixels, dy);
    for (guint panel = first_panel; panel < end_panel; panel++) {
      guint vectors = supcon_panel_vectors (conv->out_c, kernels->lanes, panel), width = vectors * kernels->lanes;
      SupconTile tile = { .b = dy + (panel - first_panel) * panel_distance (pixels),
        .a_row = 1,
        .a_inner = SLOT,
        .b_inner = width,
        .inner = pixels,
        .outer = 1,
        .c = partial + (gsize)conv->in_c * panel * 2 * kernels->lanes + (gsize)first * width,
        .c_row = width,
        .accumulate = accumulate };

      for (guint t = 0; t < tiles; t++) {
        guint n = supcon_even_piece (rows, tiles, t);

        /* The next step's share of this product, so that its copies find it near. */
        for (gsize end = next_pixels * ++product / products; fetched < end; fetched++) {
          fetch_channels (&self->x, input_pixel (conv, next + fetched) * conv->in_c + first, rows);
          fetch_channels (&self->dy, (next + fetched) * conv->out_c + channel, channels);
        }
        tile.a = x + t * tile_distance (pixels);
        kernels->func[vectors - 1](&tile, n);
        tile.c += (gsize)n * width;
      }
    }
  }
}

/* Elements of the turned weights, behind the sums. */
static gsize
turned_size (const SupconConv *conv)
{
  return (gsize)conv->out_c * supcon_padded_channels (conv->in_c, supcon_tile_kernels ()->lanes);
}

gsize
supcon_conv_pointwise_shared_size (const SupconConv *conv, guint n)
{
  return supcon_conv_pointwise_shares (conv, n)
             * (supcon_conv_packed_size (conv) + (supcon_conv_pointwise_joins (conv) ? 2 * conv->in_c : 0))
         + turned_size (conv);
}

void
supcon_conv_pointwise_backward (const SupconConv *conv, guint n, const SupconNormInput *x, const SupconNormInput *dy,
    const SupconReal *w, const SupconConvTarget *target, SupconWorkspace *workspace)
{
  Pointwise self = pointwise_of (conv, n);
  SupconReal *turned = workspace->shared + self.shares * supcon_conv_packed_size (conv);

  self.x = *x;
  self.dy = *dy;
  self.partial = workspace->shared;
  self.workspace = workspace;
  if (target) {
    supcon_conv_pack_phase (conv, w, 0, 1, 1, workspace->threads, turned);
    self.packed = turned;
    self.finish = (SupconFinish){ .channels = conv->in_c,
      .target = target->dx,
      .col_stride = conv->in_c,
      .gradient = target,
      .partial = target->sums ? turned + turned_size (conv) : NULL };
  }
  supcon_parallel_for (
      workspace->threads, (gsize)self.in_blocks * self.out_blocks * self.shares, pointwise_task, &self);
  if (target && target->sums)
    supcon_norm_add_partial (conv->in_c, self.shares, self.finish.partial, target->sums);
}
