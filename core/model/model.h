/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The network: encoder (r = Enc(x)), projection head (z = Proj(r), unit length) and linear classifier.
 *
 * Paper: section 3.1. Encoders are torchvision's ResNets and the small-image family of He et al. 2015, section 4.2.
 * Inside, pictures are NHWC and convolution weights HWIO; names and shapes that leave the model are torchvision's
 * (OIHW).
 *
 * One thread at a time, but for what takes a const model.
 */
#ifndef SUPCON_MODEL_MODEL_H
#define SUPCON_MODEL_MODEL_H

#include "precision.h"
#include "real.h"

/** What a configuration may hold at most: pixels to a side of its input, units of the projection head. */
enum { SUPCON_MODEL_MAX_SIDE = 16384, SUPCON_MODEL_MAX_PROJECTION = 65536 };

typedef enum { SUPCON_STEM_IMAGENET, SUPCON_STEM_SMALL } SupconStem;
typedef enum { SUPCON_PROJECTION_MLP, SUPCON_PROJECTION_LINEAR, SUPCON_PROJECTION_NONE } SupconProjection;

typedef struct {
  char encoder[16]; /* resnet18, 34, 50, 101, 152, 200; resnet8, 20, 32, 56, 110 */
  SupconStem stem;  /* of resnet18 and larger: 7x7/2 and max pool, or 3x3/1. The small family has its own 3x3 */
  double width;     /* multiplies the channels, (0, 8] */
  gboolean zero_init_residual;     /* the last gamma of each block starts at 0 */
  guint input_width, input_height; /* pixels */
  SupconProjection projection;
  guint projection_dim;    /* 128 in the paper */
  guint projection_hidden; /* 0: as many as the encoder's output */
  double mean[3], std[3];  /* of pixels in [0, 1], per channel: x = (p / 255 - mean) / std */
} SupconModelConfig;

/** Encoder resnet20, stem small, width 1, MLP to 128, ImageNet's mean and std, input size 0 x 0 (to be set). */
void supcon_model_config_init (SupconModelConfig *config);

typedef enum {
  SUPCON_PARAM_WEIGHT, /* learnt, weight decay */
  SUPCON_PARAM_SCALE,  /* learnt: biases and BatchNorm's gamma and beta, no weight decay by default */
  SUPCON_PARAM_BUFFER  /* not learnt: running statistics */
} SupconParamKind;

typedef enum { SUPCON_PART_ENCODER, SUPCON_PART_PROJECTION, SUPCON_PART_CLASSIFIER } SupconPart;

/** One tensor of the model. data and grad are size elements, HWIO when n_dims is 4; dims is OIHW. */
typedef struct {
  char name[64]; /* torchvision's; projection.* and classifier.* for the heads */
  SupconParamKind kind;
  SupconPart part;
  guint n_dims;
  gsize dims[4];
  gsize size;
  SupconReal *data;     /* owned by the model */
  SupconReal *grad;     /* owned by the model; NULL for buffers and until supcon_model_enable_training */
  SupconReal *velocity; /* momentum; like grad */
  SupconReal *squares;  /* of gradients, their running mean; NULL without SUPCON_STATE_SQUARES and for buffers */
  SupconReal *average;  /* of data over the steps; NULL without SUPCON_STATE_AVERAGE */
} SupconParam;

/** What training may keep for each tensor beside gradients and momenta. */
typedef enum { SUPCON_STATE_SQUARES = 1 << 0, SUPCON_STATE_AVERAGE = 1 << 1 } SupconModelState;

typedef struct _SupconModel SupconModel;

/**
 * A model with torchvision's random initialisation drawn from seed, without a classifier. Fails (SUPCON_ERROR_SETTINGS)
 * on an unknown encoder, a width that leaves no channel, an input smaller than the encoder's total stride needs, or
 * what else is not in its range.
 */
SupconModel *supcon_model_new (const SupconModelConfig *config, guint64 seed, GError **error);
/** How many weights a model of config has, nearly, without making one; negative: an error of supcon_model_new's. */
double supcon_model_count_weights (const SupconModelConfig *config, GError **error);
void supcon_model_free (SupconModel *model);
/** A model with the weights, running statistics and classes of another, averages where it keeps them, not its training
 * state. */
SupconModel *supcon_model_copy (const SupconModel *model);
/** The same into model. FALSE, and nothing is changed, when model has not the configuration of from. */
gboolean supcon_model_assign (SupconModel *model, const SupconModel *from);

const SupconModelConfig *supcon_model_config (const SupconModel *model);
guint supcon_model_embedding_dim (const SupconModel *model);
/** Dimension of z: projection_dim, or the embedding's for projection none. */
guint supcon_model_projection_dim (const SupconModel *model);
guint supcon_model_n_classes (const SupconModel *model);
/** Gives the classifier n rows; rows it has already are kept, new ones are zero. */
void supcon_model_set_n_classes (SupconModel *model, guint n_classes);
/** Threads for everything the model computes; 0: one for each processor. Bits do not depend on it. */
void supcon_model_set_threads (SupconModel *model, guint threads);
guint supcon_model_threads (const SupconModel *model);
/** The encoder's precision, float32 at first; what forward has kept is lost when it changes. */
void supcon_model_set_precision (SupconModel *model, SupconPrecision precision);
/** float32 or bfloat16: tells an application what auto has come to on its machine. */
SupconPrecision supcon_model_precision (const SupconModel *model);

/** A number by which two models' encoders can be told apart: of the bits of its weights and running statistics, never 0
 * (FNV-1a, Fowler, Noll and Vo, over 32-bit words). */
guint64 supcon_model_fingerprint (const SupconModel *model);
/** All tensors in file order, *n of them; the array and the pointers live until the classes change or the model is
 * freed. Weights may be changed until the model is used again: embed keeps what it made of them, and this drops it. */
SupconParam *supcon_model_params (SupconModel *model, guint *n);
/** Allocates gradients and momenta (zero). */
void supcon_model_enable_training (SupconModel *model);
void supcon_model_zero_grad (SupconModel *model);
/** Allocates what of wanted is not there (squares zero, averages as the weights are), frees what is not wanted. */
void supcon_model_set_state (SupconModel *model, SupconModelState wanted);
/** Exchanges the weights and running statistics with their averages; nothing happens where there are none. */
void supcon_model_swap_average (SupconModel *model);
/** Momenta zero, squares and averages freed, as they mean nothing to another run or stage. */
void supcon_model_forget_state (SupconModel *model);

/** r (n x embedding dim) of n pictures (uint8, n x height x width x 3), with running BatchNorm statistics. */
void supcon_model_embed (SupconModel *model, const guint8 *pixels, guint n, SupconReal *r);
/** z (n x projection dim), rows of unit length, of r. */
void supcon_model_project (const SupconModel *model, const SupconReal *r, guint n, SupconReal *z);
/** logits (n x classes) of r. There are classes. */
void supcon_model_classify (const SupconModel *model, const SupconReal *r, guint n, SupconReal *logits);

/**
 * The training pass: as embed, but with the batch's BatchNorm statistics (running ones updated, momentum 0.1) and with
 * what backward needs kept. r belongs to the model until its next call.
 */
const SupconReal *supcon_model_forward (SupconModel *model, const guint8 *pixels, guint n);
/** Bytes that a training pass keeps of each picture, nearly: what is small beside activations is left out. */
gsize supcon_model_activation_size (const SupconModel *model);
/** Bytes that embed keeps for the first picture of its batches, nearly. */
gsize supcon_model_embed_size (const SupconModel *model);
/** The projection of the r of the last forward; z belongs to the model until its next call. */
const SupconReal *supcon_model_forward_projection (SupconModel *model);
/** Adds to the gradients of projection head and encoder those of a loss with gradient dz (n x projection dim). */
void supcon_model_backward (SupconModel *model, const SupconReal *dz);
/** Adds to the encoder's gradients those of a loss with gradient dr (n x embedding dim), of the last forward. */
void supcon_model_backward_encoder (SupconModel *model, const SupconReal *dr);
/**
 * Adds to the classifier's gradients those of a loss with gradient dlogits, for inputs r; dr (n x embedding dim):
 * written with the gradient by r, or NULL. There are classes.
 */
void supcon_model_backward_classifier (
    SupconModel *model, const SupconReal *r, guint n, const SupconReal *dlogits, SupconReal *dr);

#endif
