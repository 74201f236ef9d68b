/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/linear.h"

#include "blas.h"
#include "parallel.h"

/* Rows of the result that a task makes. */
#define CHUNK_ROWS 64

typedef struct {
  guint n, in, out;
  const SupconReal *x, *w, *b, *dy;
  SupconReal *y, *db;
} Linear;

static void
forward_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Linear *self = data;
  gsize first = task * CHUNK_ROWS;
  guint rows = MIN (CHUNK_ROWS, self->n - first);
  SupconReal *y = self->y + first * self->out;

  for (guint i = 0; i < rows; i++)
    for (guint j = 0; j < self->out; j++)
      y[(gsize)i * self->out + j] = self->b[j];
  supcon_gemm (SUPCON_NO_TRANS, SUPCON_TRANS, rows, self->out, self->in, 1, self->x + first * self->in, self->in,
      self->w, self->in, 1, y, self->out);
}

void
supcon_linear_forward (guint n, guint in, guint out, const SupconReal *x, const SupconReal *w, const SupconReal *b,
    guint threads, SupconReal *y)
{
  Linear self = { .n = n, .in = in, .out = out, .x = x, .w = w, .b = b, .y = y };

  supcon_parallel_for (threads, (n + CHUNK_ROWS - 1) / CHUNK_ROWS, forward_task, &self);
}

static void
backward_input_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Linear *self = data;
  gsize first = task * CHUNK_ROWS;

  supcon_gemm (SUPCON_NO_TRANS, SUPCON_NO_TRANS, MIN (CHUNK_ROWS, self->n - first), self->in, self->out, 1,
      self->dy + first * self->out, self->out, self->w, self->in, 0, self->y + first * self->in, self->in);
}

void
supcon_linear_backward_input (
    guint n, guint in, guint out, const SupconReal *dy, const SupconReal *w, guint threads, SupconReal *dx)
{
  Linear self = { .n = n, .in = in, .out = out, .dy = dy, .w = w, .y = dx };

  supcon_parallel_for (threads, (n + CHUNK_ROWS - 1) / CHUNK_ROWS, backward_input_task, &self);
}

static void
backward_weights_task (gsize task, G_GNUC_UNUSED guint worker, gpointer data)
{
  const Linear *self = data;
  gsize first = task * CHUNK_ROWS;
  guint rows = MIN (CHUNK_ROWS, self->out - first);

  supcon_gemm (SUPCON_TRANS, SUPCON_NO_TRANS, rows, self->in, self->n, 1, self->dy + first, self->out, self->x,
      self->in, 1, self->y + first * self->in, self->in);
  for (guint i = 0; i < self->n; i++)
    for (guint j = 0; j < rows; j++)
      self->db[first + j] += self->dy[(gsize)i * self->out + first + j];
}

void
supcon_linear_backward_weights (guint n, guint in, guint out, const SupconReal *x, const SupconReal *dy, guint threads,
    SupconReal *dw, SupconReal *db)
{
  Linear self = { .n = n, .in = in, .out = out, .x = x, .dy = dy, .y = dw, .db = db };

  supcon_parallel_for (threads, (out + CHUNK_ROWS - 1) / CHUNK_ROWS, backward_weights_task, &self);
}
