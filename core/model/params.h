/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The list of a model's tensors while it is being built. Private to core/model. */
#ifndef SUPCON_MODEL_PARAMS_H
#define SUPCON_MODEL_PARAMS_H

#include "model/model.h"

typedef struct {
  SupconParam *items;
  guint n, capacity;
  gboolean training;      /* gradients and momenta are allocated */
  SupconModelState state; /* and these */
} SupconParams;

/** How a new tensor is filled. */
typedef enum {
  SUPCON_INIT_ZERO,
  SUPCON_INIT_ONE,
  SUPCON_INIT_CONV,  /* normal with variance 2 / (kernel^2 out), torchvision's for ResNet (He et al. 2015, fan-out) */
  SUPCON_INIT_LINEAR /* uniform in +-1 / sqrt (fan_in), torch.nn.Linear's for weights and biases */
} SupconInit;

/**
 * Adds a tensor and returns its index. dims: n_dims of OIHW or fewer. The draw depends on (seed, index) alone. fan_in
 * is for SUPCON_INIT_LINEAR.
 */
guint supcon_params_add (SupconParams *params, const char *name, SupconParamKind kind, SupconPart part, guint n_dims,
    const gsize *dims, SupconInit init, guint fan_in, guint64 seed);
void supcon_params_clear (SupconParams *params);
void supcon_params_enable_training (SupconParams *params);
void supcon_params_set_state (SupconParams *params, SupconModelState wanted);

#endif
