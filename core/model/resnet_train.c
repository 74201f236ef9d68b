/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* r with batch statistics, and the gradients: what is kept of a batch, forward, and backward block by block. */
#include <string.h>

#include "model/resnet_net.h"
#include "nn/pool.h"

void
supcon_resnet_free_activations (SupconResnet *net)
{
  for (guint i = 0; i < net->n_layers; i++) {
    g_clear_pointer (&net->layers[i].out, g_aligned_free);
    g_clear_pointer (&net->layers[i].y, g_aligned_free);
  }
  g_clear_pointer (&net->pooled, g_aligned_free);
  g_clear_pointer (&net->pool_index, g_free);
  g_clear_pointer (&net->packed, supcon_real_free);
  for (guint i = 0; i < G_N_ELEMENTS (net->buffer); i++)
    g_clear_pointer (&net->buffer[i], g_aligned_free);
  net->capacity = 0;
}

static gsize
pooled_size (const SupconResnet *net)
{
  const SupconConv *stem = &net->layers[0].conv;

  return (gsize)supcon_max_pool_size (stem->out_h) * supcon_max_pool_size (stem->out_w) * stem->out_c;
}

/* What prepare_forward allocates. */
gsize
supcon_resnet_activation_size (const SupconResnet *net)
{
  gsize size = supcon_feature_size (net->precision), stem = supcon_conv_out_size (&net->layers[0].conv);
  gsize elements = G_N_ELEMENTS (net->buffer) * net->largest;

  for (guint i = 0; i < net->n_layers; i++)
    elements += supcon_conv_out_size (&net->layers[i].conv);
  for (guint b = 0; b < net->n_blocks; b++)
    elements += supcon_conv_out_size (&net->layers[net->blocks[b].first + net->blocks[b].n - 1].conv);
  return net->pool ? (elements + pooled_size (net)) * size + pooled_size (net) : (elements + stem) * size;
}

static void
prepare_forward (SupconResnet *net, SupconWorkspace *workspace, guint n)
{
  const SupconConv *stem = &net->layers[0].conv;
  gsize pooled = pooled_size (net), packed = 0;

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
  for (guint i = 0; i < net->n_layers; i++)
    net->layers[i].out = supcon_resnet_feature_alloc (net, n * supcon_conv_out_size (&net->layers[i].conv));
  for (guint b = 0; b < net->n_blocks; b++) {
    SupconResnetLayer *last = &net->layers[net->blocks[b].first + net->blocks[b].n - 1];

    last->y = supcon_resnet_feature_alloc (net, n * supcon_conv_out_size (&last->conv));
  }
  if (!net->pool)
    net->layers[0].y = supcon_resnet_feature_alloc (net, n * supcon_conv_out_size (stem));
  if (net->pool) {
    net->pooled = supcon_resnet_feature_alloc (net, n * pooled);
    net->pool_index = g_malloc (n * pooled);
  }
  for (guint i = 0; i < G_N_ELEMENTS (net->buffer); i++)
    net->buffer[i] = supcon_resnet_feature_alloc (net, n * net->largest);
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

/* x: the block's input. */
static void
forward_block (SupconResnet *net, const SupconResnetBlock *block, const SupconParams *params,
    SupconWorkspace *workspace, const void *x)
{
  SupconResnetLayer *layers = net->layers + block->first, *last = &layers[block->n - 1];
  SupconNormInput input = kept (x), sum;

  for (guint i = 0; i < block->n; i++) {
    forward_layer (net, &layers[i], params, workspace, &input);
    input = inside (&layers[i]);
  }
  sum = inside (last);
  sum.other = x;
  if (block->shortcut >= 0) {
    SupconResnetLayer *shortcut = &net->layers[block->shortcut];

    input = kept (x);
    forward_layer (net, shortcut, params, workspace, &input);
    sum.other = shortcut->out;
    sum.other_scale = shortcut->scale;
    for (guint c = 0; c < last->conv.out_c; c++)
      last->shift[c] += shortcut->shift[c];
  } else if (block->pads) {
    supcon_resnet_pad_shortcut (&layers[0], last, net->n, x, net->buffer[0]);
    sum.other = net->buffer[0];
  }
  normalize (net, last, workspace, &sum, last->y);
}

void
supcon_resnet_forward (
    SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const void *x, guint n, SupconReal *r)
{
  const SupconResnetLayer *last = supcon_resnet_last (net);
  SupconResnetLayer *stem = &net->layers[0];
  SupconNormInput input = kept (x);
  const void *current;

  supcon_resnet_invalidate (net);
  prepare_forward (net, workspace, n);
  net->x = x;
  forward_layer (net, stem, params, workspace, &input);
  input = inside (stem);
  current = net->pool ? net->buffer[1] : stem->y;
  normalize (net, stem, workspace, &input, net->pool ? net->buffer[1] : stem->y);
  if (net->pool) {
    supcon_max_pool_forward (net->precision, n, stem->conv.out_h, stem->conv.out_w, stem->conv.out_c, current,
        workspace->threads, net->pooled, net->pool_index);
    current = net->pooled;
  }
  for (guint b = 0; b < net->n_blocks; b++) {
    const SupconResnetBlock *block = &net->blocks[b];

    forward_block (net, block, params, workspace, current);
    current = net->layers[block->first + block->n - 1].y;
  }
  supcon_average_pool_forward (
      net->precision, n, last->conv.out_h * last->conv.out_w, last->conv.out_c, current, workspace->threads, r);
}

/* dx = the gradient of pad_shortcut. */
static void
pad_shortcut_backward (const SupconResnetLayer *first, const SupconResnetLayer *last, guint n, const void *dy, void *dx)
{
  const SupconConv *in = &first->conv, *out = &last->conv;
  gsize size = supcon_feature_size (in->precision);
  const char *from = dy;

  memset (dx, 0, n * supcon_conv_in_size (in) * size);
  for (guint image = 0; image < n; image++)
    for (guint row = 0; row < out->out_h; row++)
      for (guint col = 0; col < out->out_w; col++, from += out->out_c * size) {
        gsize to = (((gsize)image * in->in_h + row * in->stride) * in->in_w + col * in->stride) * in->in_c;

        memcpy (supcon_feature_at (dx, to, in->precision), from, in->in_c * size);
      }
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
    pad_shortcut_backward (&layers[0], last, net->n, whole, next);
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

void
supcon_resnet_backward (SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const SupconReal *dr)
{
  SupconResnetLayer *last = &net->layers[net->blocks[net->n_blocks - 1].first + net->blocks[net->n_blocks - 1].n - 1];
  SupconResnetLayer *stem = &net->layers[0];
  SupconNormInput input = kept (net->x);
  SupconNormSums sums = sums_of (last);
  void *dz = net->buffer[0], *free1 = net->buffer[1], *free2 = net->buffer[2];

  supcon_resnet_invalidate (net);
  supcon_resnet_choose (net, net->n); /* embed may have been called since */
  supcon_average_pool_backward (
      net->precision, net->n, last->conv.out_h * last->conv.out_w, last->conv.out_c, dr, workspace->threads, dz);
  supcon_norm_backward (net->precision, batch_pixels (net, last), last->conv.out_c, &sums, dz, workspace);
  for (gint b = net->n_blocks - 1; b >= 0; b--) {
    const SupconResnetBlock *previous = b ? &net->blocks[b - 1] : NULL;
    const SupconResnetLayer *before = previous    ? &net->layers[previous->first + previous->n - 1]
                                      : net->pool ? NULL
                                                  : stem;

    backward_block (
        net, &net->blocks[b], params, workspace, before ? before->y : net->pooled, before, &dz, &free1, &free2);
  }
  if (net->pool) {
    supcon_max_pool_backward (net->precision, net->n, stem->conv.out_h, stem->conv.out_w, stem->conv.out_c, dz,
        net->pool_index, workspace->threads, free1);
    dz = free1;
    fold_batch (stem, params);
    sums = sums_of (stem);
    supcon_norm_backward (net->precision, batch_pixels (net, stem), stem->conv.out_c, &sums, dz, workspace);
  }
  backward_layer (net, stem, params, workspace, &input, dz, NULL);
}
