/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures to r with running statistics, which are folded into the convolutions. */
#include "model/resnet_net.h"
#include "nn/pool.h"

void
supcon_resnet_free_embedding (SupconResnet *net)
{
  for (guint i = 0; i < G_N_ELEMENTS (net->embed_buffer); i++)
    g_clear_pointer (&net->embed_buffer[i], g_aligned_free);
  for (guint i = 0; i < net->n_layers; i++)
    for (guint way = 0; way < 2; way++)
      g_clear_pointer (&net->layers[i].packed[way], supcon_real_free);
  net->embed_capacity = 0;
  net->prepared = FALSE;
}

guint
supcon_resnet_embed_batch (const SupconResnet *net)
{
  /* Buffers of 8 million numbers: with fewer pictures at once all weights are read from memory too often. */
  return MAX (1, ((gsize)1 << 23) / net->largest);
}

gsize
supcon_resnet_embed_size (const SupconResnet *net)
{
  return G_N_ELEMENTS (net->embed_buffer) * net->largest * supcon_feature_size (net->precision);
}

static void
prepare_embed (SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, guint n)
{
  if (n > net->embed_capacity) {
    for (guint i = 0; i < G_N_ELEMENTS (net->embed_buffer); i++) {
      g_aligned_free (net->embed_buffer[i]);
      net->embed_buffer[i] = supcon_resnet_feature_alloc (net, n * net->largest);
    }
    net->embed_capacity = n;
  }
  supcon_resnet_choose (net, n);
  supcon_resnet_reserve (net, workspace, n);
  for (guint i = 0; i < net->n_layers; i++) {
    SupconResnetLayer *layer = &net->layers[i];
    gboolean way = layer->conv.winograd;

    if (!net->prepared) {
      layer->is_packed[FALSE] = layer->is_packed[TRUE] = FALSE;
      supcon_norm_fold (layer->conv.out_c, params->items[layer->running_mean].data,
          params->items[layer->running_var].data, params->items[layer->gamma].data, params->items[layer->beta].data,
          layer->scale, layer->shift);
    }
    if (layer->is_packed[way])
      continue;
    if (!layer->packed[way])
      layer->packed[way] = supcon_real_alloc (supcon_conv_packed_size (&layer->conv));
    supcon_conv_pack (&layer->conv, params->items[layer->weight].data, workspace->threads, layer->packed[way]);
    layer->is_packed[way] = TRUE;
  }
  net->prepared = TRUE;
}

static void
embed_layer (const SupconResnetLayer *layer, SupconWorkspace *workspace, guint n, const void *x, const void *residual,
    gboolean relu, void *y)
{
  SupconConvEpilogue epilogue = { .scale = layer->scale, .shift = layer->shift, .residual = residual, .relu = relu };

  supcon_conv_forward (&layer->conv, n, x, layer->packed[layer->conv.winograd], &epilogue, workspace, y);
}

void
supcon_resnet_embed (
    SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const void *x, guint n, SupconReal *r)
{
  const SupconResnetLayer *last = supcon_resnet_last (net);
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
    const SupconResnetBlock *block = &net->blocks[b];
    const SupconResnetLayer *layers = net->layers + block->first;
    const void *residual = current;
    void *in = current, *swap;

    if (block->shortcut >= 0) {
      embed_layer (&net->layers[block->shortcut], workspace, n, current, NULL, FALSE, residual_buffer);
      residual = residual_buffer;
    } else if (block->pads) {
      supcon_resnet_pad_shortcut (&layers[0], &layers[block->n - 1], n, workspace->threads, current, residual_buffer);
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
