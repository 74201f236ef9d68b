/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* He et al. 2015 (arXiv 1512.03385) as torchvision builds it: v1.5, with the stride of a bottleneck at its 3x3. */
#include "model/resnet_net.h"

#include <math.h>

#include "error.h"
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

static void
add_layer (SupconResnet *net, SupconParams *params, const char *conv_name, const char *norm_name,
    const SupconConv *conv, gboolean zero_gamma, guint64 seed)
{
  SupconResnetLayer *layer = &net->layers[net->n_layers++];
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
  SupconResnetBlock *block = &net->blocks[net->n_blocks++];
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
  net->layers = g_new0 (SupconResnetLayer, 1 + 4 * n_blocks);
  net->blocks = g_new0 (SupconResnetBlock, n_blocks);
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
  supcon_resnet_lay_out (net);
  return net;
}

void
supcon_resnet_set_precision (SupconResnet *net, SupconPrecision precision)
{
  if (precision == net->precision)
    return;
  supcon_resnet_free_activations (net);
  supcon_resnet_free_embedding (net);
  net->precision = precision;
  for (guint i = 0; i < net->n_layers; i++)
    net->layers[i].conv.precision = precision;
  supcon_resnet_lay_out (net);
}

void
supcon_resnet_free (SupconResnet *net)
{
  if (!net)
    return;
  supcon_resnet_free_activations (net);
  supcon_resnet_free_embedding (net);
  for (guint i = 0; i < net->n_layers; i++)
    supcon_real_free (net->layers[i].scale);
  g_free (net->layers);
  g_free (net->blocks);
  g_free (net);
}

const SupconResnetLayer *
supcon_resnet_last (const SupconResnet *net)
{
  const SupconResnetBlock *block = &net->blocks[net->n_blocks - 1];

  return &net->layers[block->first + block->n - 1];
}

guint
supcon_resnet_dim (const SupconResnet *net)
{
  return supcon_resnet_last (net)->conv.out_c;
}

void
supcon_resnet_invalidate (SupconResnet *net)
{
  net->prepared = FALSE;
}

void
supcon_resnet_choose (SupconResnet *net, guint n)
{
  for (guint i = 0; i < net->n_layers; i++)
    supcon_conv_choose (&net->layers[i].conv, n);
}

void
supcon_resnet_reserve (SupconResnet *net, SupconWorkspace *workspace, guint n)
{
  for (guint i = 0; i < net->n_layers; i++)
    supcon_conv_norm_reserve (&net->layers[i].conv, n, workspace);
}

void *
supcon_resnet_feature_alloc (const SupconResnet *net, gsize n)
{
  return supcon_aligned_alloc (n, supcon_feature_size (net->precision));
}
