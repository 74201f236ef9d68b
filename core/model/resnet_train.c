/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* r with batch statistics, and the gradients: what is kept of a batch, forward, and backward block by block. */
#include <string.h>

#include "model/resnet_net.h"
#include "nn/pool.h"

/* Buffers at the end of the memory, each of one size: gradients and, backward, an output that is computed again. */
enum { AGAIN, FREE2, FREE1, DZ, BUFFERS };
/* On the way forward, before there are gradients: a shortcut or the stem's output; an output that is not kept. */
enum { FORWARD_SHORTCUT, FORWARD_OUTPUT };

void
supcon_resnet_free_activations (SupconResnet *net)
{
  g_clear_pointer (&net->memory, g_aligned_free);
  g_clear_pointer (&net->pool_index, g_free);
  g_clear_pointer (&net->packed, supcon_real_free);
  net->capacity = 0;
}

static gsize
pooled_size (const SupconResnet *net)
{
  const SupconConv *stem = &net->layers[0].conv;

  return (gsize)supcon_max_pool_size (stem->out_h) * supcon_max_pool_size (stem->out_w) * stem->out_c;
}

/* In whole cache lines. */
static gsize
whole (gsize elements)
{
  return (elements + 63) / 64 * 64;
}

static gsize
out_size (const SupconResnetLayer *layer)
{
  return whole (supcon_conv_out_size (&layer->conv));
}

static SupconResnetLayer *
last_layer (const SupconResnet *net, const SupconResnetBlock *block)
{
  return &net->layers[block->first + block->n - 1];
}

/* Whether a block's output is to be computed again: those of bottlenecks are four times as wide as what is inside, and
 * from two that are kept such a one takes little time, in float32, where products take more. */
static gboolean
is_again (const SupconResnet *net, guint number)
{
  const SupconResnetBlock *block = &net->blocks[number];

  return block->n == 3 && net->precision == SUPCON_PRECISION_FLOAT32 && number + 1 < net->n_blocks
         && (block->shortcut >= 0 || number == 0 || !net->blocks[number - 1].again);
}

void
supcon_resnet_lay_out (SupconResnet *net)
{
  SupconResnetLayer *stem = &net->layers[0];
  gsize at = out_size (stem), largest = 0;

  stem->at = 0;
  net->end = at;
  at += net->pool ? whole (pooled_size (net)) : out_size (stem);
  for (guint b = 0; b < net->n_blocks; b++) {
    SupconResnetBlock *block = &net->blocks[b];

    for (guint i = block->first; i < block->first + block->n + (block->shortcut >= 0); i++) {
      net->layers[i].at = at;
      at += out_size (&net->layers[i]);
    }
    block->end = at;
    block->again = is_again (net, b);
    if (!block->again)
      at += out_size (last_layer (net, block));
  }
  net->total = at;
  for (guint b = net->n_blocks; b-- > 0;) {
    SupconResnetBlock *block = &net->blocks[b];

    largest = MAX (largest, whole (supcon_conv_in_size (&net->layers[block->first].conv)));
    for (guint i = 0; i < block->n; i++)
      largest = MAX (largest, out_size (&net->layers[block->first + i]));
    block->size = largest;
    /* The gradient by the last output is made beside that. */
    net->total = MAX (net->total, (b + 1 < net->n_blocks ? block->end : at) + BUFFERS * largest);
  }
  net->size = MAX (largest, out_size (stem));
  net->total = MAX (net->total, net->end + BUFFERS * net->size);
}

static void *
at (const SupconResnet *net, gsize element)
{
  return supcon_feature_at (net->memory, net->capacity * element, net->precision);
}

static void *
buffer (const SupconResnet *net, gsize size, guint number)
{
  return at (net, net->total - (number + 1) * size);
}

/* What prepare_forward allocates. */
gsize
supcon_resnet_activation_size (const SupconResnet *net)
{
  return net->total * supcon_feature_size (net->precision) + (net->pool ? pooled_size (net) : 0);
}

static void
prepare_forward (SupconResnet *net, SupconWorkspace *workspace, guint n)
{
  gsize packed = 0;

  net->n = n;
  supcon_resnet_choose (net, n);
  supcon_resnet_reserve (net, workspace, n);
  if (n <= net->capacity)
    return;
  supcon_resnet_free_activations (net);
  net->capacity = n;
  for (guint i = 0; i < net->n_layers; i++)
    packed = MAX (packed, supcon_conv_packed_size (&net->layers[i].conv));
  net->packed = supcon_real_alloc (packed);
  net->memory = supcon_resnet_feature_alloc (net, n * net->total);
  for (guint i = 0; i < net->n_layers; i++)
    net->layers[i].out = at (net, net->layers[i].at);
  for (guint b = 0; b < net->n_blocks; b++)
    if (!net->blocks[b].again)
      last_layer (net, &net->blocks[b])->y = at (net, net->blocks[b].end);
  if (net->pool) {
    net->pooled = at (net, net->end);
    net->pool_index = g_malloc (n * pooled_size (net));
  } else {
    net->layers[0].y = at (net, net->end);
  }
}

static gsize
batch_pixels (const SupconResnet *net, const SupconResnetLayer *layer)
{
  return (gsize)net->n * layer->conv.out_h * layer->conv.out_w;
}

/* Batch normalisation of the last forward's statistics; embed may have been called since. */
static void
fold_batch (SupconResnetLayer *layer, const SupconParams *params)
{
  supcon_norm_fold (layer->conv.out_c, layer->mean, layer->variance, params->items[layer->gamma].data,
      params->items[layer->beta].data, layer->scale, layer->shift);
}

/* y of a layer inside a block, as the next one reads it. */
static SupconNormInput
inside (const SupconResnetLayer *layer)
{
  return (SupconNormInput){ .x = layer->out, .scale = layer->scale, .shift = layer->shift, .relu = TRUE };
}

static SupconNormInput
kept (const void *y)
{
  return (SupconNormInput){ .x = y };
}

/* The convolution and its statistics. */
static void
forward_layer (SupconResnet *net, SupconResnetLayer *layer, const SupconParams *params, SupconWorkspace *workspace,
    const SupconNormInput *x)
{
  supcon_conv_pack (&layer->conv, params->items[layer->weight].data, workspace->threads, net->packed);
  supcon_conv_norm_forward (&layer->conv, net->n, x, net->packed, layer->mean, layer->variance, workspace, layer->out);
  supcon_norm_update_running (layer->conv.out_c, batch_pixels (net, layer), layer->mean, layer->variance,
      params->items[layer->running_mean].data, params->items[layer->running_var].data);
  fold_batch (layer, params);
}

static void
normalize (const SupconResnet *net, const SupconResnetLayer *layer, SupconWorkspace *workspace,
    const SupconNormInput *input, void *y)
{
  supcon_norm_apply (net->precision, batch_pixels (net, layer), layer->conv.out_c, input, workspace->threads, y);
}

/* y of a block from what is kept of it and x, its input. padded: memory for the shortcut of a block that pads. */
static void
block_output (SupconResnet *net, const SupconResnetBlock *block, const SupconParams *params, SupconWorkspace *workspace,
    const void *x, void *padded)
{
  SupconResnetLayer *last = last_layer (net, block);
  SupconNormInput sum;

  fold_batch (last, params);
  sum = inside (last);
  sum.other = x;
  if (block->shortcut >= 0) {
    SupconResnetLayer *shortcut = &net->layers[block->shortcut];

    fold_batch (shortcut, params);
    sum.other = shortcut->out;
    sum.other_scale = shortcut->scale;
    for (guint c = 0; c < last->conv.out_c; c++)
      last->shift[c] += shortcut->shift[c];
  } else if (block->pads) {
    supcon_resnet_pad_shortcut (&net->layers[block->first], last, net->n, workspace->threads, x, padded);
    sum.other = padded;
  }
  normalize (net, last, workspace, &sum, last->y);
}

/* x: the block's input. */
static void
forward_block (SupconResnet *net, const SupconResnetBlock *block, const SupconParams *params,
    SupconWorkspace *workspace, const void *x)
{
  SupconResnetLayer *layers = net->layers + block->first;
  SupconNormInput input = kept (x);

  for (guint i = 0; i < block->n; i++) {
    forward_layer (net, &layers[i], params, workspace, &input);
    input = inside (&layers[i]);
  }
  if (block->shortcut >= 0) {
    input = kept (x);
    forward_layer (net, &net->layers[block->shortcut], params, workspace, &input);
  }
  if (block->again) /* until the next block has read it */
    last_layer (net, block)->y = buffer (net, block[1].size, FORWARD_OUTPUT);
  block_output (net, block, params, workspace, x, buffer (net, block->size, FORWARD_SHORTCUT));
}

void
supcon_resnet_forward (
    SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const void *x, guint n, SupconReal *r)
{
  const SupconResnetLayer *last = supcon_resnet_last (net);
  SupconResnetLayer *stem = &net->layers[0];
  SupconNormInput input = kept (x);
  void *current;

  supcon_resnet_invalidate (net);
  prepare_forward (net, workspace, n);
  net->x = x;
  forward_layer (net, stem, params, workspace, &input);
  input = inside (stem);
  current = net->pool ? buffer (net, net->size, FORWARD_SHORTCUT) : stem->y;
  normalize (net, stem, workspace, &input, current);
  if (net->pool) {
    supcon_max_pool_forward (net->precision, n, stem->conv.out_h, stem->conv.out_w, stem->conv.out_c, current,
        workspace->threads, net->pooled, net->pool_index);
    current = net->pooled;
  }
  for (guint b = 0; b < net->n_blocks; b++) {
    const SupconResnetBlock *block = &net->blocks[b];

    forward_block (net, block, params, workspace, current);
    current = last_layer (net, block)->y;
  }
  supcon_average_pool_forward (
      net->precision, n, last->conv.out_h * last->conv.out_w, last->conv.out_c, current, workspace->threads, r);
}

/* What the gradient by the layer's y sums up to. */
static SupconNormSums
sums_of (const SupconResnetLayer *layer)
{
  return (SupconNormSums){ .x = layer->out,
    .y = layer->y,
    .scale = layer->scale,
    .shift = layer->shift,
    .mean = layer->mean,
    .sum = layer->sum,
    .product = layer->product };
}

/* Gradients of a layer for dz, the one before its ReLU, whose sums are taken. */
static void
backward_layer (const SupconResnet *net, SupconResnetLayer *layer, const SupconParams *params,
    SupconWorkspace *workspace, const SupconNormInput *x, const void *dz, const SupconConvTarget *target)
{
  SupconNormSums sums = sums_of (layer);
  SupconNormInput dy = supcon_norm_gradient (batch_pixels (net, layer), layer->conv.out_c, &sums, layer->variance,
      params->items[layer->gamma].data, dz, layer->a, layer->b, layer->d, params->items[layer->gamma].grad,
      params->items[layer->beta].grad);

  supcon_conv_norm_backward (&layer->conv, net->n, x, &dy, params->items[layer->weight].data, target, workspace,
      params->items[layer->weight].grad);
}

/* dz: the gradient by the block's output before its ReLU, replaced by that by its input x, before its ReLU where
 * before, the layer that made x, is given. free1, free2: of the same size. */
static void
backward_block (SupconResnet *net, const SupconResnetBlock *block, const SupconParams *params,
    SupconWorkspace *workspace, const void *x, const SupconResnetLayer *before, void **dz, void **free1, void **free2)
{
  SupconResnetLayer *layers = net->layers + block->first, *last = &layers[block->n - 1];
  SupconNormInput input = kept (x);
  SupconNormSums sums;
  SupconConvTarget target;
  void *whole = *dz, *current = whole, *next = *free1, *other = *free2, *swap;

  /* The main path down to its first layer; 'whole' stays for the shortcut. */
  for (guint i = block->n - 1; i > 0; i--) {
    SupconNormInput inner;

    fold_batch (&layers[i - 1], params);
    inner = inside (&layers[i - 1]);
    sums = sums_of (&layers[i - 1]);
    target = (SupconConvTarget){ .dx = next, .sums = &sums };
    backward_layer (net, &layers[i], params, workspace, &inner, current, &target);
    swap = current == whole ? other : current;
    current = next;
    next = swap;
  }
  /* The shortcut's gradient, to which the main path's is added. */
  target = (SupconConvTarget){ .dx = whole, .add = whole };
  if (block->shortcut >= 0) {
    SupconResnetLayer *shortcut = &net->layers[block->shortcut];
    SupconNormSums all = sums_of (shortcut);

    all.scale = NULL;
    supcon_norm_backward (net->precision, batch_pixels (net, shortcut), shortcut->conv.out_c, &all, whole, workspace);
    target = (SupconConvTarget){ .dx = next };
    backward_layer (net, shortcut, params, workspace, &input, whole, &target);
    target.add = next;
  } else if (block->pads) {
    supcon_resnet_pad_shortcut_backward (&layers[0], last, net->n, workspace->threads, whole, next);
    target = (SupconConvTarget){ .dx = next, .add = next };
  }
  if (before) {
    sums = sums_of (before);
    target.sums = &sums;
  }
  backward_layer (net, &layers[0], params, workspace, &input, current, &target);
  *dz = target.dx;
  *free1 = current;
  *free2 = target.dx == whole ? next : whole;
}

/* Moves dz, of some elements, to where there is room for buffers of a larger size: the later activations have been read
 * by then. */
static void
grow_buffers (const SupconResnet *net, gsize size, gsize elements, void **buffers)
{
  void *dz = buffers[DZ];

  for (guint i = 0; i < BUFFERS; i++)
    buffers[i] = buffer (net, size, i);
  if (dz != buffers[DZ])
    memmove (buffers[DZ], dz, elements * supcon_feature_size (net->precision));
}

void
supcon_resnet_backward (SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const SupconReal *dr)
{
  SupconResnetLayer *last = last_layer (net, &net->blocks[net->n_blocks - 1]), *stem = &net->layers[0];
  SupconNormInput input = kept (net->x);
  SupconNormSums sums = sums_of (last);
  gsize size = net->blocks[net->n_blocks - 1].size;
  void *buffers[BUFFERS];

  supcon_resnet_invalidate (net);
  supcon_resnet_choose (net, net->n); /* embed may have been called since */
  for (guint i = 0; i < BUFFERS; i++)
    buffers[i] = buffer (net, size, i);
  supcon_average_pool_backward (net->precision, net->n, last->conv.out_h * last->conv.out_w, last->conv.out_c, dr,
      workspace->threads, buffers[DZ]);
  supcon_norm_backward (net->precision, batch_pixels (net, last), last->conv.out_c, &sums, buffers[DZ], workspace);
  for (guint b = net->n_blocks; b-- > 0;) {
    const SupconResnetBlock *block = &net->blocks[b], *previous = b ? block - 1 : NULL;
    SupconResnetLayer *before = previous ? last_layer (net, previous) : net->pool ? NULL : stem;

    if (block->size > size)
      grow_buffers (net, size = block->size, net->n * out_size (last_layer (net, block)), buffers);
    if (previous && previous->again) {
      const void *x = b > 1 ? last_layer (net, previous - 1)->y : net->pool ? net->pooled : stem->y;

      before->y = buffers[AGAIN];
      block_output (net, previous, params, workspace, x, NULL);
    }
    backward_block (net, block, params, workspace, before ? before->y : net->pooled, before, &buffers[DZ],
        &buffers[FREE1], &buffers[FREE2]);
  }
  if (net->pool) {
    if (net->size > size)
      grow_buffers (net, net->size, net->n * pooled_size (net), buffers);
    supcon_max_pool_backward (net->precision, net->n, stem->conv.out_h, stem->conv.out_w, stem->conv.out_c, buffers[DZ],
        net->pool_index, workspace->threads, buffers[FREE1]);
    buffers[DZ] = buffers[FREE1];
    fold_batch (stem, params);
    sums = sums_of (stem);
    supcon_norm_backward (net->precision, batch_pixels (net, stem), stem->conv.out_c, &sums, buffers[DZ], workspace);
  }
  backward_layer (net, stem, params, workspace, &input, buffers[DZ], NULL);
}
