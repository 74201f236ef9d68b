/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/params.h"

#include <math.h>
#include <string.h>

#include "nn/workspace.h"
#include "rng.h"

static SupconReal *
zeros (gsize n)
{
  SupconReal *memory = supcon_real_alloc (n);

  memset (memory, 0, n * sizeof *memory);
  return memory;
}

static void
fill (SupconParam *param, SupconInit init, guint fan_in, guint64 seed, guint index)
{
  SupconRng rng;
  double deviation, bound;

  supcon_rng_init (&rng, seed, index, 0, 0);
  switch (init) {
  case SUPCON_INIT_ZERO:
    break;
  case SUPCON_INIT_ONE:
    for (gsize i = 0; i < param->size; i++)
      param->data[i] = 1;
    break;
  case SUPCON_INIT_CONV:
    deviation = sqrt (2.0 / (param->dims[0] * param->dims[2] * param->dims[3]));
    for (gsize i = 0; i < param->size; i++)
      param->data[i] = deviation * supcon_rng_normal (&rng);
    break;
  case SUPCON_INIT_LINEAR:
    bound = 1.0 / sqrt (fan_in);
    for (gsize i = 0; i < param->size; i++)
      param->data[i] = supcon_rng_uniform (&rng, -bound, bound);
    break;
  }
}

static void
enable_training (SupconParam *param)
{
  if (param->kind == SUPCON_PARAM_BUFFER || param->grad)
    return;
  param->grad = zeros (param->size);
  param->velocity = zeros (param->size);
}

static void
set_state (SupconParam *param, SupconModelState wanted)
{
  if (!(wanted & SUPCON_STATE_SQUARES))
    g_clear_pointer (&param->squares, supcon_real_free);
  else if (!param->squares && param->kind != SUPCON_PARAM_BUFFER)
    param->squares = zeros (param->size);
  if (!(wanted & SUPCON_STATE_AVERAGE)) {
    g_clear_pointer (&param->average, supcon_real_free);
  } else if (!param->average) {
    param->average = supcon_real_alloc (param->size);
    memcpy (param->average, param->data, param->size * sizeof *param->data);
  }
}

guint
supcon_params_add (SupconParams *params, const char *name, SupconParamKind kind, SupconPart part, guint n_dims,
    const gsize *dims, SupconInit init, guint fan_in, guint64 seed)
{
  SupconParam *param;

  if (params->n == params->capacity) {
    params->capacity = MAX (64, 2 * params->capacity);
    params->items = g_renew (SupconParam, params->items, params->capacity);
  }
  param = &params->items[params->n];
  *param = (SupconParam){ .kind = kind, .part = part, .n_dims = n_dims, .size = 1 };
  g_strlcpy (param->name, name, sizeof param->name);
  for (guint d = 0; d < n_dims; d++) {
    param->dims[d] = dims[d];
    param->size *= dims[d];
  }
  param->data = zeros (param->size);
  fill (param, init, fan_in, seed, params->n);
  if (params->training)
    enable_training (param);
  set_state (param, params->state);
  return params->n++;
}

void
supcon_params_clear (SupconParams *params)
{
  for (guint i = 0; i < params->n; i++) {
    supcon_real_free (params->items[i].data);
    supcon_real_free (params->items[i].grad);
    supcon_real_free (params->items[i].velocity);
    set_state (&params->items[i], 0);
  }
  g_free (params->items);
  *params = (SupconParams){ 0 };
}

void
supcon_params_enable_training (SupconParams *params)
{
  params->training = TRUE;
  for (guint i = 0; i < params->n; i++)
    enable_training (&params->items[i]);
}

void
supcon_params_set_state (SupconParams *params, SupconModelState wanted)
{
  params->state = wanted;
  for (guint i = 0; i < params->n; i++)
    set_state (&params->items[i], wanted);
}
