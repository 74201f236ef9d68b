/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The encoders' inside: what building (resnet.c), embedding (resnet_embed.c) and training (resnet_train.c) share.
 */
#ifndef SUPCON_MODEL_RESNET_NET_H
#define SUPCON_MODEL_RESNET_NET_H

#include "model/resnet.h"
#include "nn/conv_norm.h"
#include "nn/feature.h"

/* A convolution with the batch normalisation and, mostly, the ReLU after it. */
typedef struct {
  SupconConv conv;
  guint weight, gamma, beta, running_mean, running_var; /* indices of params */
  /* For embed, weights as nn/conv.h reads them, without and with Winograd's transform: batches of one size take the one
   * way, batches of another size the other, by turns. */
  SupconReal *packed[2];
  gboolean is_packed[2];
  SupconReal *scale, *shift, *mean, *variance; /* out_c each, one piece of memory at scale */
  SupconReal *sum, *product, *a, *b, *d;       /* of backward; in the same piece */
  /* Features kept by forward for backward: the convolution's output and, of a block's last layer alone, y after norm,
   * residual and ReLU; other layers' y is computed where it is read. */
  void *out, *y;
  gsize at; /* of out in the memory of activations, elements for each picture */
} SupconResnetLayer;

typedef struct {
  guint first, n; /* layers of the main path */
  gint shortcut;  /* layer, or -1 */
  gboolean pads;  /* the shortcut takes every other pixel and gives the new channels zeros (option A) */
  gboolean again; /* its output is not kept but computed again for the backward pass of the next block */
  gsize end;      /* of its layers in the memory of activations, elements for each picture */
  gsize size;     /* of a buffer that holds any gradient of this block or of a later one, likewise */
} SupconResnetBlock;

struct _SupconResnet {
  SupconPrecision precision;
  SupconResnetLayer *layers;
  guint n_layers;
  SupconResnetBlock *blocks;
  guint n_blocks;
  gboolean pool;
  gsize largest; /* elements of the largest activation of one picture */
  gboolean prepared;

  /* Activations of a training batch: 'memory' holds them in the order of the layers and, at its end, buffers. Those of
   * the backward pass are where activations of later blocks have been. */
  guint n, capacity;
  const void *x;
  void *memory, *pooled;
  gsize end, size, total; /* as a block's, of the stem; of the memory */
  guint8 *pool_index;
  SupconReal *packed; /* one layer's weights, of the largest */
  /* Activations of embed. */
  guint embed_capacity;
  void *embed_buffer[4];
};

/** The layer whose output is the encoder's last activation. */
const SupconResnetLayer *supcon_resnet_last (const SupconResnet *net);

/** Memory for n elements of activations. */
void *supcon_resnet_feature_alloc (const SupconResnet *net, gsize n);

/** Chooses the ways of convolution that are best for n pictures. */
void supcon_resnet_choose (SupconResnet *net, guint n);

/** Makes room in the workspace for batches of n. */
void supcon_resnet_reserve (SupconResnet *net, SupconWorkspace *workspace, guint n);

/** The shortcut of option A: every other pixel, the new channels zero; and its gradient. */
void supcon_resnet_pad_shortcut (
    const SupconResnetLayer *first, const SupconResnetLayer *last, guint n, guint threads, const void *x, void *y);
void supcon_resnet_pad_shortcut_backward (
    const SupconResnetLayer *first, const SupconResnetLayer *last, guint n, guint threads, const void *dy, void *dx);

/** Finds places for the activations of training; again when the precision changes. */
void supcon_resnet_lay_out (SupconResnet *net);

/** What is kept of a training batch, and for embed. */
void supcon_resnet_free_activations (SupconResnet *net);
void supcon_resnet_free_embedding (SupconResnet *net);

#endif
