/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A batch through the model in pieces of micro_batch views. A loss that looks at all views needs every z before any
 * gradient, and the activations of all pieces at once would not fit: so pieces are encoded, forgotten, and encoded
 * again when their gradient is known. */
#include <string.h>

#include "train/trainer_private.h"

/* Copies the running statistics of BatchNorm out of the model, or back. */
static void
copy_running (SupconTrainer *self, gboolean back)
{
  guint n;
  const SupconParam *params = supcon_model_params (self->model, &n);
  SupconReal *at = self->running;

  for (guint i = 0; i < n; i++) {
    if (params[i].kind != SUPCON_PARAM_BUFFER)
      continue;
    if (back)
      memcpy (params[i].data, at, params[i].size * sizeof *at);
    else
      memcpy (at, params[i].data, params[i].size * sizeof *at);
    at += params[i].size;
  }
}

static guint
piece_size (const SupconTrainer *self, const SupconBatch *batch)
{
  return self->config.micro_batch ? MIN (self->config.micro_batch, batch->n) : batch->n;
}

static const guint8 *
picture (const SupconBatch *batch, guint i)
{
  return batch->pixels + (gsize)i * batch->width * batch->height * 3;
}

void
supcon_trainer_encode (SupconTrainer *self, const SupconBatch *batch)
{
  gsize r_dim = supcon_model_embedding_dim (self->model), z_dim = supcon_model_projection_dim (self->model);
  guint size = piece_size (self, batch);

  self->in_pieces = size < batch->n;
  if (self->in_pieces)
    copy_running (self, FALSE);
  for (guint first = 0; first < batch->n; first += size) {
    guint n = MIN (size, batch->n - first);
    const SupconReal *r = supcon_model_forward (self->model, picture (batch, first), n);

    memcpy (self->r + first * r_dim, r, n * r_dim * sizeof *r);
    if (self->config.stage == SUPCON_STAGE_CONTRASTIVE)
      memcpy (self->z + first * z_dim, supcon_model_forward_projection (self->model), n * z_dim * sizeof *r);
  }
}

void
supcon_trainer_backpropagate (SupconTrainer *self, const SupconBatch *batch)
{
  gsize r_dim = supcon_model_embedding_dim (self->model), z_dim = supcon_model_projection_dim (self->model);
  gboolean contrastive = self->config.stage == SUPCON_STAGE_CONTRASTIVE;
  guint size = piece_size (self, batch);

  /* The statistics move once a step, by the second pass. */
  if (self->in_pieces)
    copy_running (self, TRUE);
  for (guint first = 0; first < batch->n; first += size) {
    if (self->in_pieces) {
      supcon_model_forward (self->model, picture (batch, first), MIN (size, batch->n - first));
      if (contrastive)
        supcon_model_forward_projection (self->model);
    }
    if (contrastive)
      supcon_model_backward (self->model, self->dz + first * z_dim);
    else
      supcon_model_backward_encoder (self->model, self->dr + first * r_dim);
  }
}

void
supcon_trainer_encode_by_average (SupconTrainer *self, const SupconBatch *batch)
{
  supcon_model_swap_average (self->model);
  copy_running (self, FALSE);
  supcon_trainer_encode (self, batch);
  copy_running (self, TRUE);
  supcon_model_swap_average (self->model);
}
