/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/teacher.h"

#include "loss/supcon.h"
#include "train/calibrate.h"

struct _SupconTeacher {
  SupconModel *model;
  double temperature;
  guint *classes;
  guint capacity;    /* views that the buffers have room for */
  SupconReal *r, *p; /* views x embedding dim, views x the model's classes */
};

SupconTeacher *
supcon_teacher_new (SupconModel *model, double temperature, const guint *classes)
{
  SupconTeacher *self = g_new0 (SupconTeacher, 1);

  self->model = model;
  self->temperature = temperature;
  self->classes = g_memdup2 (classes, supcon_model_n_classes (model) * sizeof *classes);
  return self;
}

void
supcon_teacher_free (SupconTeacher *self)
{
  supcon_model_free (self->model);
  supcon_real_free (self->r);
  supcon_real_free (self->p);
  g_free (self->classes);
  g_free (self);
}

const SupconModel *
supcon_teacher_model (const SupconTeacher *self)
{
  return self->model;
}

guint
supcon_teacher_n_classes (const SupconTeacher *self)
{
  guint n = 0;

  for (guint c = 0; c < supcon_model_n_classes (self->model); c++)
    n = MAX (n, self->classes[c] + 1);
  return n;
}

gboolean
supcon_teacher_knows (const SupconTeacher *self, guint label)
{
  for (guint c = 0; c < supcon_model_n_classes (self->model); c++)
    if (self->classes[c] == label)
      return TRUE;
  return FALSE;
}

static void
reserve (SupconTeacher *self, guint n)
{
  if (n <= self->capacity)
    return;
  supcon_real_free (self->r);
  supcon_real_free (self->p);
  self->r = supcon_real_alloc ((gsize)n * supcon_model_embedding_dim (self->model));
  self->p = supcon_real_alloc ((gsize)n * supcon_model_n_classes (self->model));
  self->capacity = n;
}

void
supcon_teacher_teach (SupconTeacher *self, double weight, SupconBatch *batch, guint classes, SupconReal *targets)
{
  guint known = supcon_model_n_classes (self->model);

  g_return_if_fail (classes >= supcon_teacher_n_classes (self));
  reserve (self, batch->n);
  supcon_model_embed (self->model, batch->pixels, batch->n, self->r);
  supcon_model_classify (self->model, self->r, batch->n, self->p);
  supcon_calibrated_softmax (self->p, batch->n, known, self->temperature, self->p);

  for (guint i = 0; i < batch->n; i++, targets += classes) {
    const SupconReal *p = self->p + (gsize)i * known;
    SupconReal share = batch->labels[i] == SUPCON_UNLABELLED ? 1 : weight;

    for (guint c = 0; c < classes; c++)
      targets[c] *= 1 - share;
    for (guint c = 0; c < known; c++)
      targets[self->classes[c]] += share * p[c];
    if (batch->labels[i] == SUPCON_UNLABELLED)
      batch->labels[i] = self->classes[supcon_real_largest (p, known)];
  }
}
