/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* He et al. 2015 (arXiv 1512.03385) as torchvision builds it: v1.5, with the stride of a bottleneck at its 3x3. */
#include "model/resnet.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "nn/conv.h"
#include "nn/feature.h"
#include "nn/norm.h"
#include "nn/pool.h"

#define MAX_STAGES 4

typedef struct {
  const char *name;
  gboolean bottleneck;
  gboolean small; /* section 4.2: one 3x3 stem, three stages, shortcuts without weights */
  guint stages;
  guint blocks[MAX_STAGES];
} Architecture;

static const Architecture architectures[] = {
  { "resnet18", FALSE, FALSE, 4, { 2, 2, 2, 2 } },
  { "resnet34", FALSE, FALSE, 4, { 3, 4, 6, 3 } },
  { "resnet50", TRUE, FALSE, 4, { 3, 4, 6, 3 } },
  { "resnet101", TRUE, FALSE, 4, { 3, 4, 23, 3 } },
  { "resnet152", TRUE, FALSE, 4, { 3, 8, 36, 3 } },
  { "resnet200", TRUE, FALSE, 4, { 3, 24, 36, 3 } },
  { "resnet8", FALSE, TRUE, 3, { 1, 1, 1 } },
  { "resnet20", FALSE, TRUE, 3, { 3, 3, 3 } },
  { "resnet32", FALSE, TRUE, 3, { 5, 5, 5 } },
  { "resnet56", FALSE, TRUE, 3, { 9, 9, 9 } },
  { "resnet110", FALSE, TRUE, 3, { 18, 18, 18 } },
};

/* A convolution with the batch normalisation and, mostly, the ReLU after it. */
typedef struct {
  SupconConv conv;
  guint weight, gamma, beta, running_mean, running_var; /* indices of params */
  SupconReal *packed;                                   /* weights as nn/conv.h reads them */
  SupconReal *scale, *shift, *mean, *variance;          /* out_c each, one piece of memory at scale */
  /* Features kept by forward for backward: the convolution's output and, of a block's last layer alone, y after norm,
   * residual and ReLU; other layers' y is computed again. */
  void *out, *y;
} Layer;

typedef struct {
  guint first, n; /* layers of the main path */
  gint shortcut;  /* layer, or -1 */
  gboolean pads;  /* the shortcut takes every other pixel and gives the new channels zeros (option A) */
} Block;

struct _SupconResnet {
  SupconPrecision precision;
  Layer *layers;
  guint n_layers;
  Block *blocks;
  guint n_blocks;
  gboolean pool;
  gsize largest, largest_inside; /* elements of the largest activation of one picture, and of those inside blocks */
  gboolean prepared;

  /* Activations of a training batch. */
  guint n, capacity;
  const void *x;
  void *pooled;
  guint8 *pool_index;
  void *buffer[3]; /* capacity x largest: gradients; on the way forward shortcuts and y that is not kept */
  void *again;     /* capacity x largest inside blocks: y computed again */
  /* Activations of embed. */
  guint embed_capacity;
  void *embed_buffer[4];
};

static void
add_layer (SupconResnet *net, SupconParams *params, const char *conv_name, const char *norm_name,
    const SupconConv *conv, gboolean zero_gamma, guint64 seed)
{
  Layer *layer = &net->layers[net->n_layers++];
  const gsize dims[4] = { conv->out_c, conv->in_c, conv->kernel, conv->kernel };
  char name[64];

  layer->conv = *conv;
  g_snprintf (name, sizeof name, "%s.weight", conv_name);
  layer->weight
      = supcon_params_add (params, name, SUPCON_PARAM_WEIGHT, SUPCON_PART_ENCODER, 4, dims, SUPCON_INIT_CONV, 0, seed);
  g_snprintf (name, sizeof name, "%s.weight", norm_name);
  layer->gamma = supcon_params_add (params, name, SUPCON_PARAM_SCALE, SUPCON_PART_ENCODER, 1, dims,
      zero_gamma ? SUPCON_INIT_ZERO : SUPCON_INIT_ONE, 0, seed);
  g_snprintf (name, sizeof name, "%s.bias", norm_name);
  layer->beta
      = supcon_params_add (params, name, SUPCON_PARAM_SCALE, SUPCON_PART_ENCODER, 1, dims, SUPCON_INIT_ZERO, 0, seed);
  g_snprintf (name, sizeof name, "%s.running_mean", norm_name);
  layer->running_mean
      = supcon_params_add (params, name, SUPCON_PARAM_BUFFER, SUPCON_PART_ENCODER, 1, dims, SUPCON_INIT_ZERO, 0, seed);
  g_snprintf (name, sizeof name, "%s.running_var", norm_name);
  layer->running_var
      = supcon_params_add (params, name, SUPCON_PARAM_BUFFER, SUPCON_PART_ENCODER, 1, dims, SUPCON_INIT_ONE, 0, seed);

  layer->scale = supcon_real_alloc (4 * (gsize)conv->out_c);
  layer->shift = layer->scale + conv->out_c;
  layer->mean = layer->shift + conv->out_c;
  layer->variance = layer->mean + conv->out_c;
  net->largest = MAX (net->largest, supcon_conv_out_size (conv));
}

/* Adds a block to planes (x expansion) channels; h, w, c: the input's shape, updated. */
static void
add_block (SupconResnet *net, SupconParams *params, const Architecture *arch, const SupconModelConfig *config,
    guint stage, guint index, guint planes, guint *h, guint *w, guint *c, guint64 seed)
{
  Block *block = &net->blocks[net->n_blocks++];
  guint out_c = arch->bottleneck ? 4 * planes : planes, stride = stage > 0 && index == 0 ? 2 : 1;
  guint in_h = *h, in_w = *w, in_c = *c;
  char conv_name[48], norm_name[48];
  SupconConv conv;

  block->first = net->n_layers;
  block->n = arch->bottleneck ? 3 : 2;
  block->shortcut = -1;
  for (guint i = 0; i < block->n; i++) {
    gboolean one = arch->bottleneck && i != 1, strides = i == (arch->bottleneck ? 1 : 0), last = i == block->n - 1;

    supcon_conv_init (&conv, *h, *w, *c, last ? out_c : planes, one ? 1 : 3, strides ? stride : 1, one ? 0 : 1);
    g_snprintf (conv_name, sizeof conv_name, "layer%u.%u.conv%u", stage + 1, index, i + 1);
    g_snprintf (norm_name, sizeof norm_name, "layer%u.%u.bn%u", stage + 1, index, i + 1);
    add_layer (net, params, conv_name, norm_name, &conv, last && config->zero_init_residual, seed);
    if (!last)
      net->largest_inside = MAX (net->largest_inside, supcon_conv_out_size (&conv));
    *h = conv.out_h;
    *w = conv.out_w;
    *c = conv.out_c;
  }
  if (stride == 1 && in_c == out_c)
    return;
  if (arch->small) {
    block->pads = TRUE;
    return;
  }
  block->shortcut = net->n_layers;
  supcon_conv_init (&conv, in_h, in_w, in_c, out_c, 1, stride, 0);
  g_snprintf (conv_name, sizeof conv_name, "layer%u.%u.downsample.0", stage + 1, index);
  g_snprintf (norm_name, sizeof norm_name, "layer%u.%u.downsample.1", stage + 1, index);
  add_layer (net, params, conv_name, norm_name, &conv, FALSE, seed);
}

static const Architecture *
find_architecture (const char *name, GError **error)
{
  GString *known;

  for (guint i = 0; i < G_N_ELEMENTS (architectures); i++)
    if (g_str_equal (architectures[i].name, name))
      return &architectures[i];
  known = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (architectures); i++)
    g_string_append_printf (known, "%s%s", i ? ", " : "", architectures[i].name);
  g_set_error (
      error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS, "encoder \"%s\" is not known; expected one of %s", name, known->str);
  g_string_free (known, TRUE);
  return NULL;
}

SupconResnet *
supcon_resnet_new (const SupconModelConfig *config, guint64 seed, SupconParams *params, GError **error)
{
  const Architecture *arch = find_architecture (config->encoder, error);
  gboolean imagenet;
  guint base, total_stride, n_blocks = 0, h = config->input_height, w = config->input_width;
  guint c;
  SupconConv stem;
  SupconResnet *net;

  if (!arch)
    return NULL;
  imagenet = !arch->small && config->stem == SUPCON_STEM_IMAGENET;
  base = lround ((arch->small ? 16 : 64) * config->width);
  if (!(config->width > 0 && config->width <= 8) || base == 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "width %g leaves %s no channels or is too large; expected more than 0 and at most 8", config->width,
        config->encoder);
    return NULL;
  }
  total_stride = (imagenet ? 4 : 1) << (arch->stages - 1);
  if (MIN (h, w) < total_stride) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "input of %ux%u pixels is smaller than %s needs; expected at least %ux%u%s", w, h, config->encoder,
        total_stride, total_stride, imagenet ? " (or stem=small)" : "");
    return NULL;
  }

  for (guint s = 0; s < arch->stages; s++)
    n_blocks += arch->blocks[s];
  net = g_new0 (SupconResnet, 1);
  net->layers = g_new0 (Layer, 1 + 4 * n_blocks);
  net->blocks = g_new0 (Block, n_blocks);
  net->pool = imagenet;

  if (imagenet)
    supcon_conv_init (&stem, h, w, 3, base, 7, 2, 3);
  else
    supcon_conv_init (&stem, h, w, 3, base, 3, 1, 1);
  add_layer (net, params, "conv1", "bn1", &stem, FALSE, seed);
  h = imagenet ? supcon_max_pool_size (stem.out_h) : stem.out_h;
  w = imagenet ? supcon_max_pool_size (stem.out_w) : stem.out_w;
  c = base;
  for (guint s = 0; s < arch->stages; s++)
    for (guint b = 0; b < arch->blocks[s]; b++)
      add_block (net, params, arch, config, s, b, base << s, &h, &w, &c, seed);
  return net;
}

static void *
feature_alloc (const SupconResnet *net, gsize n)
{
  return g_aligned_alloc (n, supcon_feature_size (net->precision), 64);
}

static void
free_activations (SupconResnet *net)
{
  for (guint i = 0; i < net->n_layers; i++) {
    g_clear_pointer (&net->layers[i].out, g_aligned_free);
    g_clear_pointer (&net->layers[i].y, g_aligned_free);
  }
  g_clear_pointer (&net->pooled, g_aligned_free);
  g_clear_pointer (&net->pool_index, g_free);
  for (guint i = 0; i < G_N_ELEMENTS (net->buffer); i++)
    g_clear_pointer (&net->buffer[i], g_aligned_free);
  g_clear_pointer (&net->again, g_aligned_free);
  net->capacity = 0;
}

static void
free_embedding (SupconResnet *net)
{
  for (guint i = 0; i < G_N_ELEMENTS (net->embed_buffer); i++)
    g_clear_pointer (&net->embed_buffer[i], g_aligned_free);
  for (guint i = 0; i < net->n_layers; i++)
    g_clear_pointer (&net->layers[i].packed, supcon_real_free);
  net->embed_capacity = 0;
  net->prepared = FALSE;
}

void
supcon_resnet_set_precision (SupconResnet *net, SupconPrecision precision)
{
  if (precision == net->precision)
    return;
  free_activations (net);
  free_embedding (net);
  net->precision = precision;
  for (guint i = 0; i < net->n_layers; i++)
    net->layers[i].conv.precision = precision;
}

void
supcon_resnet_free (SupconResnet *net)
{
  if (!net)
    return;
  free_activations (net);
  free_embedding (net);
  for (guint i = 0; i < net->n_layers; i++)
    supcon_real_free (net->layers[i].scale);
  g_free (net->layers);
  g_free (net->blocks);
  g_free (net);
}

/* The layer whose output is the encoder's last activation. */
static const Layer *
last_layer (const SupconResnet *net)
{
  const Block *block = &net->blocks[net->n_blocks - 1];

  return &net->layers[block->first + block->n - 1];
}

guint
supcon_resnet_dim (const SupconResnet *net)
{
  return last_layer (net)->conv.out_c;
}

void
supcon_resnet_invalidate (SupconResnet *net)
{
  net->prepared = FALSE;
}

static void
pack (Layer *layer, const SupconParams *params, guint threads)
{
  if (!layer->packed)
    layer->packed = supcon_real_alloc (supcon_conv_packed_size (&layer->conv));
  supcon_conv_pack (&layer->conv, params->items[layer->weight].data, threads, layer->packed);
}

static void
reserve (SupconResnet *net, SupconWorkspace *workspace, guint n)
{
  for (guint i = 0; i < net->n_layers; i++) {
    const SupconConv *conv = &net->layers[i].conv;

    supcon_conv_reserve (conv, n, workspace);
    supcon_norm_reserve ((gsize)n * conv->out_h * conv->out_w, conv->out_c, workspace);
  }
}

/* The shortcut of option A: every other pixel, the new channels zero. */
static void
pad_shortcut (const Layer *first, const Layer *last, guint n, const void *x, void *y)
{
  const SupconConv *in = &first->conv, *out = &last->conv;
  gsize size = supcon_feature_size (in->precision);
  char *to = y;

  for (guint image = 0; image < n; image++)
    for (guint row = 0; row < out->out_h; row++)
      for (guint col = 0; col < out->out_w; col++, to += out->out_c * size) {
        gsize from = (((gsize)image * in->in_h + row * in->stride) * in->in_w + col * in->stride) * in->in_c;

        memcpy (to, supcon_feature_at (x, from, in->precision), in->in_c * size);
        memset (to + in->in_c * size, 0, (out->out_c - in->in_c) * size);
      }
}

/* dx += the gradient of pad_shortcut. */
static void
pad_shortcut_backward (const Layer *first, const Layer *last, guint n, const void *dy, void *dx)
{
  const SupconConv *in = &first->conv, *out = &last->conv;
  gsize from = 0;

  for (guint image = 0; image < n; image++)
    for (guint row = 0; row < out->out_h; row++)
      for (guint col = 0; col < out->out_w; col++, from += out->out_c) {
        gsize to = (((gsize)image * in->in_h + row * in->stride) * in->in_w + col * in->stride) * in->in_c;

        for (guint c = 0; c < in->in_c; c++)
          supcon_feature_set (dx, to + c, in->precision,
              supcon_feature_get (dx, to + c, in->precision) + supcon_feature_get (dy, from + c, in->precision));
      }
}

guint
supcon_resnet_embed_batch (const SupconResnet *net)
{
  /* Buffers of about 8 MB: more would not make it faster. */
  return MAX (1, ((gsize)1 << 21) / net->largest);
}

static void
prepare_embed (SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, guint n)
{
  if (n > net->embed_capacity) {
    for (guint i = 0; i < G_N_ELEMENTS (net->embed_buffer); i++) {
      g_aligned_free (net->embed_buffer[i]);
      net->embed_buffer[i] = feature_alloc (net, n * net->largest);
    }
    net->embed_capacity = n;
  }
  reserve (net, workspace, n);
  if (net->prepared)
    return;
  for (guint i = 0; i < net->n_layers; i++) {
    Layer *layer = &net->layers[i];

    pack (layer, params, workspace->threads);
    supcon_norm_fold (layer->conv.out_c, params->items[layer->running_mean].data,
        params->items[layer->running_var].data, params->items[layer->gamma].data, params->items[layer->beta].data,
        layer->scale, layer->shift);
  }
  net->prepared = TRUE;
}

static void
embed_layer (const Layer *layer, SupconWorkspace *workspace, guint n, const void *x, const void *residual,
    gboolean relu, void *y)
{
  SupconConvEpilogue epilogue = { .scale = layer->scale, .shift = layer->shift, .residual = residual, .relu = relu };

  supcon_conv_forward (&layer->conv, n, x, layer->packed, &epilogue, workspace, y);
}

void
supcon_resnet_embed (
    SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const void *x, guint n, SupconReal *r)
{
  const Layer *last = last_layer (net);
  void **buffer = net->embed_buffer, *current, *free1, *free2, *residual_buffer;

  prepare_embed (net, params, workspace, n);
  current = buffer[0];
  free1 = buffer[1];
  free2 = buffer[2];
  residual_buffer = buffer[3];
  embed_layer (&net->layers[0], workspace, n, x, NULL, TRUE, current);
  if (net->pool) {
    const SupconConv *conv = &net->layers[0].conv;

    supcon_max_pool_forward (
        net->precision, n, conv->out_h, conv->out_w, conv->out_c, current, workspace->threads, free1, NULL);
    current = buffer[1];
    free1 = buffer[0];
  }
  for (guint b = 0; b < net->n_blocks; b++) {
    const Block *block = &net->blocks[b];
    const Layer *layers = net->layers + block->first;
    const void *residual = current;
    void *in = current, *swap;

    if (block->shortcut >= 0) {
      embed_layer (&net->layers[block->shortcut], workspace, n, current, NULL, FALSE, residual_buffer);
      residual = residual_buffer;
    } else if (block->pads) {
      pad_shortcut (&layers[0], &layers[block->n - 1], n, current, residual_buffer);
      residual = residual_buffer;
    }
    for (guint i = 0; i < block->n; i++) {
      gboolean is_last = i == block->n - 1;

      embed_layer (&layers[i], workspace, n, in, is_last ? residual : NULL, TRUE, i % 2 ? free2 : free1);
      in = i % 2 ? free2 : free1;
    }
    swap = current;
    current = in;
    if (in == free1)
      free1 = swap;
    else
      free2 = swap;
  }
  supcon_average_pool_forward (
      net->precision, n, last->conv.out_h * last->conv.out_w, last->conv.out_c, current, workspace->threads, r);
}

static void
prepare_forward (SupconResnet *net, SupconWorkspace *workspace, guint n)
{
  const SupconConv *stem = &net->layers[0].conv;
  gsize pooled = (gsize)supcon_max_pool_size (stem->out_h) * supcon_max_pool_size (stem->out_w) * stem->out_c;

  net->n = n;
  reserve (net, workspace, n);
  if (n <= net->capacity)
    return;
  free_activations (net);
  net->capacity = n;
  for (guint i = 0; i < net->n_layers; i++)
    net->layers[i].out = feature_alloc (net, n * supcon_conv_out_size (&net->layers[i].conv));
  for (guint b = 0; b < net->n_blocks; b++) {
    Layer *last = &net->layers[net->blocks[b].first + net->blocks[b].n - 1];

    last->y = feature_alloc (net, n * supcon_conv_out_size (&last->conv));
  }
  net->again = feature_alloc (net, n * net->largest_inside);
  if (!net->pool)
    net->layers[0].y = feature_alloc (net, n * supcon_conv_out_size (stem));
  if (net->pool) {
    net->pooled = feature_alloc (net, n * pooled);
    net->pool_index = g_malloc (n * pooled);
  }
  for (guint i = 0; i < G_N_ELEMENTS (net->buffer); i++)
    net->buffer[i] = feature_alloc (net, n * net->largest);
}

static gsize
batch_pixels (const SupconResnet *net, const Layer *layer)
{
  return (gsize)net->n * layer->conv.out_h * layer->conv.out_w;
}

/* Batch normalisation of the last forward's statistics; embed may have been called since. */
static void
fold_batch (Layer *layer, const SupconParams *params)
{
  supcon_norm_fold (layer->conv.out_c, layer->mean, layer->variance, params->items[layer->gamma].data,
      params->items[layer->beta].data, layer->scale, layer->shift);
}

static void
normalize (const SupconResnet *net, const Layer *layer, SupconWorkspace *workspace, const void *residual, gboolean relu,
    void *y)
{
  supcon_norm_apply (net->precision, batch_pixels (net, layer), layer->conv.out_c, layer->out, layer->scale,
      layer->shift, residual, relu, workspace->threads, y);
}

static void
forward_layer (SupconResnet *net, Layer *layer, const SupconParams *params, SupconWorkspace *workspace, const void *x,
    const void *residual, gboolean relu, void *y)
{
  SupconConvEpilogue epilogue = { .mean = layer->mean, .variance = layer->variance };

  pack (layer, params, workspace->threads);
  supcon_conv_forward (&layer->conv, net->n, x, layer->packed, &epilogue, workspace, layer->out);
  supcon_norm_update_running (layer->conv.out_c, batch_pixels (net, layer), layer->mean, layer->variance,
      params->items[layer->running_mean].data, params->items[layer->running_var].data);
  fold_batch (layer, params);
  normalize (net, layer, workspace, residual, relu, y);
}

void
supcon_resnet_forward (
    SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const void *x, guint n, SupconReal *r)
{
  const Layer *last = last_layer (net);
  const SupconConv *stem = &net->layers[0].conv;
  void *current;

  supcon_resnet_invalidate (net);
  prepare_forward (net, workspace, n);
  net->x = x;
  current = net->pool ? net->buffer[1] : net->layers[0].y;
  forward_layer (net, &net->layers[0], params, workspace, x, NULL, TRUE, current);
  if (net->pool) {
    supcon_max_pool_forward (net->precision, n, stem->out_h, stem->out_w, stem->out_c, current, workspace->threads,
        net->pooled, net->pool_index);
    current = net->pooled;
  }
  for (guint b = 0; b < net->n_blocks; b++) {
    const Block *block = &net->blocks[b];
    Layer *layers = net->layers + block->first;
    const void *residual = current;

    if (block->shortcut >= 0) {
      forward_layer (net, &net->layers[block->shortcut], params, workspace, current, NULL, FALSE, net->buffer[0]);
      residual = net->buffer[0];
    } else if (block->pads) {
      pad_shortcut (&layers[0], &layers[block->n - 1], n, current, net->buffer[0]);
      residual = net->buffer[0];
    }
    for (guint i = 0; i < block->n; i++) {
      gboolean is_last = i == block->n - 1;
      void *y = is_last ? layers[i].y : net->buffer[1 + i % 2];

      forward_layer (net, &layers[i], params, workspace, current, is_last ? residual : NULL, TRUE, y);
      current = y;
    }
  }
  supcon_average_pool_forward (
      net->precision, n, last->conv.out_h * last->conv.out_w, last->conv.out_c, current, workspace->threads, r);
}

/* Which values come to the ReLU above 0. */
static SupconNormMask
mask_of (const Layer *layer)
{
  return (SupconNormMask){ .y = layer->y, .scale = layer->scale, .shift = layer->shift };
}

/* Norm and weights: dy becomes the gradient by y before its ReLU and dout the convolution's output's. before: the layer
 * whose y is x, where that is not kept; else NULL. */
static void
backward_layer (SupconResnet *net, Layer *layer, const SupconParams *params, SupconWorkspace *workspace,
    const Layer *before, const void *x, const SupconNormMask *mask, void *dy, void *dout)
{
  supcon_norm_backward (net->precision, batch_pixels (net, layer), layer->conv.out_c, layer->out, layer->mean,
      layer->variance, params->items[layer->gamma].data, mask, dy, workspace, dout, params->items[layer->gamma].grad,
      params->items[layer->beta].grad);
  if (before) {
    normalize (net, before, workspace, NULL, TRUE, net->again);
    x = net->again;
  }
  supcon_conv_backward_weights (&layer->conv, net->n, x, dout, workspace, params->items[layer->weight].grad);
}

static void
backward_input (const SupconResnet *net, const Layer *layer, const SupconParams *params, SupconWorkspace *workspace,
    const void *dout, gboolean accumulate, void *dx)
{
  supcon_conv_backward_input (&layer->conv, net->n, dout, params->items[layer->weight].data, accumulate, workspace, dx);
}

/* grad: the gradient by the block's output, replaced by that of its input x. free1, free2: of the same size. */
static void
backward_block (SupconResnet *net, const Block *block, const SupconParams *params, SupconWorkspace *workspace,
    const void *x, void **grad, void **free1, void **free2)
{
  Layer *layers = net->layers + block->first;
  void *dy = *grad, *dout = *free1, *dnext = *free2;
  SupconNormMask mask;

  for (guint i = 0; i < block->n; i++)
    fold_batch (&layers[i], params);
  /* The main path down to its first convolution's output; dy keeps the gradient before the last ReLU for the shortcut.
   */
  mask = mask_of (&layers[block->n - 1]);
  backward_layer (net, &layers[block->n - 1], params, workspace, &layers[block->n - 2], NULL, &mask, dy, dout);
  for (gint i = block->n - 2; i >= 0; i--) {
    void *swap = dout;

    backward_input (net, &layers[i + 1], params, workspace, dout, FALSE, dnext);
    mask = mask_of (&layers[i]);
    backward_layer (net, &layers[i], params, workspace, i ? &layers[i - 1] : NULL, x, &mask, dnext, dnext);
    dout = dnext;
    dnext = swap;
  }
  /* The input's gradient: the shortcut's and the main path's. */
  if (block->shortcut >= 0) {
    Layer *shortcut = &net->layers[block->shortcut];

    backward_layer (net, shortcut, params, workspace, NULL, x, &(SupconNormMask){ 0 }, dy, dy);
    backward_input (net, shortcut, params, workspace, dy, FALSE, dnext);
    backward_input (net, &layers[0], params, workspace, dout, TRUE, dnext);
  } else if (block->pads) {
    backward_input (net, &layers[0], params, workspace, dout, FALSE, dnext);
    pad_shortcut_backward (&layers[0], &layers[block->n - 1], net->n, dy, dnext);
  } else {
    backward_input (net, &layers[0], params, workspace, dout, TRUE, dy);
    *free1 = dout;
    *free2 = dnext;
    return;
  }
  *grad = dnext;
  *free1 = dout;
  *free2 = dy;
}

void
supcon_resnet_backward (SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const SupconReal *dr)
{
  const SupconConv *last = &last_layer (net)->conv, *stem = &net->layers[0].conv;
  void *grad = net->buffer[0], *free1 = net->buffer[1], *free2 = net->buffer[2];
  SupconNormMask mask;

  supcon_resnet_invalidate (net);
  supcon_average_pool_backward (
      net->precision, net->n, last->out_h * last->out_w, last->out_c, dr, workspace->threads, grad);
  for (gint b = net->n_blocks - 1; b >= 0; b--) {
    const Block *before = b ? &net->blocks[b - 1] : NULL;
    const void *stem_out = net->pool ? net->pooled : net->layers[0].y;

    backward_block (net, &net->blocks[b], params, workspace,
        before ? net->layers[before->first + before->n - 1].y : stem_out, &grad, &free1, &free2);
  }
  if (net->pool) {
    supcon_max_pool_backward (net->precision, net->n, stem->out_h, stem->out_w, stem->out_c, grad, net->pool_index,
        workspace->threads, free1);
    grad = free1;
  }
  fold_batch (&net->layers[0], params);
  mask = mask_of (&net->layers[0]);
  backward_layer (net, &net->layers[0], params, workspace, NULL, net->x, &mask, grad, grad);
}
