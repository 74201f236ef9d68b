/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The encoders. Private to core/model. */
#ifndef SUPCON_MODEL_RESNET_H
#define SUPCON_MODEL_RESNET_H

#include "model/params.h"
#include "nn/workspace.h"

typedef struct _SupconResnet SupconResnet;

/** Adds its tensors to params, in torchvision's order. Errors as supcon_model_new's. */
SupconResnet *supcon_resnet_new (const SupconModelConfig *config, guint64 seed, SupconParams *params, GError **error);
void supcon_resnet_free (SupconResnet *net);

/** Length of r. */
guint supcon_resnet_dim (const SupconResnet *net);

/** The precision of activations, not auto; float32 at first. */
void supcon_resnet_set_precision (SupconResnet *net, SupconPrecision precision);

/** The weights are about to change: what embed has prepared from them is dropped. */
void supcon_resnet_invalidate (SupconResnet *net);

/** r (n x dim) of n normalised pictures x (NHWC, in the net's precision), with running statistics. */
void supcon_resnet_embed (
    SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const void *x, guint n, SupconReal *r);
/** How many pictures embed is best given at once. */
guint supcon_resnet_embed_batch (const SupconResnet *net);

/** Bytes that embed keeps of each picture, without its input. */
gsize supcon_resnet_embed_size (const SupconResnet *net);

/** Bytes that forward and backward keep of each picture, without its input. */
gsize supcon_resnet_activation_size (const SupconResnet *net);
/** r with batch statistics; x is borrowed until backward. */
void supcon_resnet_forward (
    SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const void *x, guint n, SupconReal *r);
/** Adds to the gradients of params those of the last forward for gradient dr. */
void supcon_resnet_backward (
    SupconResnet *net, const SupconParams *params, SupconWorkspace *workspace, const SupconReal *dr);

#endif
