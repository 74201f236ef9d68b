/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The model's inside: what having one (model.c) and computing with it (model_pass.c) share. */
#ifndef SUPCON_MODEL_MODEL_NET_H
#define SUPCON_MODEL_MODEL_NET_H

#include "model/model.h"
#include "model/params.h"
#include "model/resnet.h"

/* A fully connected layer of a head. */
typedef struct {
  guint in, out, weight, bias;
} Dense;

struct _SupconModel {
  SupconModelConfig config;
  guint64 seed;
  SupconParams params;
  SupconResnet *encoder;
  Dense head[2]; /* the projection head's, n_head of them */
  guint n_head;
  guint n_classes;
  gint classifier; /* index of classifier.weight, its bias follows; -1: none */
  SupconWorkspace workspace;
  SupconPrecision precision; /* never auto */

  guint input_capacity, capacity; /* pictures, of the two groups below */
  void *input;                    /* normalised pictures, in the encoder's precision */
  /* Of the last forward: r, the head's hidden layer, w, z and |w|, then gradients of the same shapes. */
  guint n;
  SupconReal *r, *hidden, *z, *norm, *dz, *dhidden, *dr;
};

/** Frees what a training's pass left, r to dr. */
void supcon_model_free_buffers (SupconModel *self);

#endif
