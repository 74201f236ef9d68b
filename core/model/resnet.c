/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* He et al. 2015 (arXiv 1512.03385) as torchvision builds it: v1.5, with the stride of a bottleneck at its 3x3. */
#include "model/resnet.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "nn/conv_norm.h"
#include "nn/feature.h"
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
  SupconReal *sum, *product, *a, *b, *d;                /* of backward; in the same piece */
  /* Features kept by forward for backward: the convolution's output and, of a block's last layer alone, y after norm,
   * residual and ReLU; other layers' y is computed where it is read. */
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
  gsize largest; /* elements of the largest activation of one picture */
  gboolean prepared;

  /* Activations of a training batch. */
  guint n, capacity;
  const void *x;
  void *pooled;
  guint8 *pool_index;
  void *buffer[3]; /* capacity x largest: gradients; on the way forward shortcuts */
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

  layer->scale = supcon_real_alloc (9 * (gsize)conv->out_c);
  layer->shift = layer->scale + conv->out_c;
  layer->mean = layer->shift + conv->out_c;
  layer->variance = layer->mean + conv->out_c;
  layer->sum = layer->variance + conv->out_c;
  layer->product = layer->sum + conv->out_c;
  layer->a = layer->product + conv->out_c;
  layer->b = layer->a + conv->out_c;
  layer->d = layer->b + conv->out_c;
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
  return supcon_aligned_alloc (n, supcon_feature_size (net->precision));
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

/* The ways of convolution that are best for n pictures; whether that changed one. */
static gboolean
choose (SupconResnet *net, guint n)
{
  gboolean changed = FALSE;

  for (guint i = 0; i < net->n_layers; i++)
    changed |= supcon_conv_choose (&net->layers[i].conv, n);
  return changed;
}

static void
reserve (SupconResnet *net, SupconWorkspace *workspace, guint n)
{
  for (guint i = 0; i < net->n_layers; i++)
    supcon_conv_norm_reserve (&net->layers[i].conv, n, workspace);
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

/* dx = the gradient of pad_shortcut. */
static void
pad_shortcut_backward (const Layer *first, const Layer *last, guint n, const void *dy, void *dx)
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

guint
supcon_resnet_embed_batch (const SupconResnet *net)
{
  /* Buffers of 8 million numbers: with fewer pictures at once all weights are read from memory too often. */
  return MAX (1, ((gsize)1 << 23) / net->largest);
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
  if (choose (net, n))
    net->prepared = FALSE;
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
  gsize pooled = pooled_size (net);

  net->n = n;
  choose (net, n);
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

/* y of a layer inside a block, as the next one reads it. */
static SupconNormInput
inside (const Layer *layer)
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
forward_layer (
    SupconResnet *net, Layer *layer, const SupconParams *params, SupconWorkspace *workspace, const SupconNormInput *x)
{
  pack (layer, params, workspace->threads);
  supcon_conv_norm_forward (
      &layer->conv, net->n, x, layer->packed, layer->mean, layer->variance, workspace, layer->out);
  supcon_norm_update_running (layer->conv.out_c, batch_pixels (net, layer), layer->mean, layer->variance,
      params->items[layer->running_mean].data, params->items[layer->running_var].data);
  fold_batch (layer, params);
}

static void
normalize (
    const SupconResnet *net, const Layer *layer, SupconWorkspace *workspace, const SupconNormInput *input, void *y)
{
  supcon_norm_apply (net->precision, batch_pixels (net, layer), layer->conv.out_c, input, workspace->threads, y);
}

/* x: the block's input. */
static void
forward_block (
    SupconResnet *net, const Block *block, const SupconParams *params, SupconWorkspace *workspace, const void *x)
{
  Layer *layers = net->layers + block->first, *last = &layers[block->n - 1];
  SupconNormInput input = kept (x), sum;

  for (guint i = 0; i < block->n; i++) {
    forward_layer (net, &layers[i], params, workspace, &input);
    input = inside (&layers[i]);
  }
  sum = inside (last);
  sum.other = x;
  if (block->shortcut >= 0) {
    Layer *shortcut = &net->layers[block->shortcut];

    input = kept (x);
    forward_layer (net, shortcut, params, workspace, &input);
    sum.other = shortcut->out;
    sum.other_scale = shortcut->scale;
    for (guint c = 0; c < last->conv.out_c; c++)
      last->shift[c] += shortcut->shift[c];
  } else if (block->pads) {
    pad_shortcut (&layers[0], last, net->n, x, net->buffer[0]);
    sum.other = net->buffer[0];
  }
  normalize (net, last, workspace, &sum, last->y);
}

void
supcon_resnet_forward (
    SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const void *x, guint n, SupconReal *r)
{
  const Layer *last = last_layer (net);
  Layer *stem = &net->layers[0];
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
    const Block *block = &net->blocks[b];

    forward_block (net, block, params, workspace, current);
    current = net->layers[block->first + block->n - 1].y;
  }
  supcon_average_pool_forward (
      net->precision, n, last->conv.out_h * last->conv.out_w, last->conv.out_c, current, workspace->threads, r);
}

/* What the gradient by the layer's y sums up to. */
static SupconNormSums
sums_of (const Layer *layer)
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
backward_layer (const SupconResnet *net, Layer *layer, const SupconParams *params, SupconWorkspace *workspace,
    const SupconNormInput *x, const void *dz, const SupconConvTarget *target)
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
backward_block (SupconResnet *net, const Block *block, const SupconParams *params, SupconWorkspace *workspace,
    const void *x, const Layer *before, void **dz, void **free1, void **free2)
{
  Layer *layers = net->layers + block->first, *last = &layers[block->n - 1];
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
    Layer *shortcut = &net->layers[block->shortcut];
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
  Layer *last = &net->layers[net->blocks[net->n_blocks - 1].first + net->blocks[net->n_blocks - 1].n - 1];
  Layer *stem = &net->layers[0];
  SupconNormInput input = kept (net->x);
  SupconNormSums sums = sums_of (last);
  void *dz = net->buffer[0], *free1 = net->buffer[1], *free2 = net->buffer[2];

  supcon_resnet_invalidate (net);
  choose (net, net->n); /* embed may have been called since */
  supcon_average_pool_backward (
      net->precision, net->n, last->conv.out_h * last->conv.out_w, last->conv.out_c, dr, workspace->threads, dz);
  supcon_norm_backward (net->precision, batch_pixels (net, last), last->conv.out_c, &sums, dz, workspace);
  for (gint b = net->n_blocks - 1; b >= 0; b--) {
    const Block *previous = b ? &net->blocks[b - 1] : NULL;
    const Layer *before = previous ? &net->layers[previous->first + previous->n - 1] : net->pool ? NULL : stem;

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
