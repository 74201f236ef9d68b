/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * A trained classifier whose probabilities another model learns from: knowledge distillation (Hinton et al. 2015, arXiv
 * 1503.02531), in the generalised loss as in GenSCL (Kim et al. 2022, arXiv 2206.00384).
 */
#ifndef SUPCON_TRAIN_TEACHER_H
#define SUPCON_TRAIN_TEACHER_H

#include "model/model.h"
#include "train/batch.h"

typedef struct _SupconTeacher SupconTeacher;

/**
 * Takes model, which has a classifier. temperature (> 0) divides its logits before the softmax. classes: the number
 * that each of its classes has among the labels of batches, all different.
 */
SupconTeacher *supcon_teacher_new (SupconModel *model, double temperature, const guint *classes);
void supcon_teacher_free (SupconTeacher *teacher);
/** Borrowed. */
const SupconModel *supcon_teacher_model (const SupconTeacher *teacher);
/** How many labels there are at least: one more than the largest of its classes' numbers. */
guint supcon_teacher_n_classes (const SupconTeacher *teacher);
/** Whether label is the number of one of its classes. */
gboolean supcon_teacher_knows (const SupconTeacher *teacher, guint label);

/**
 * Puts what the teacher says of the pictures of batch, p, into their targets y (n x classes, classes >=
 * supcon_teacher_n_classes): (1 - weight) y + weight p where there is a label, else p, and the most probable class
 * becomes the label. weight in [0, 1]. The pictures are of the size that its model takes.
 */
void supcon_teacher_teach (
    SupconTeacher *teacher, double weight, SupconBatch *batch, guint classes, SupconReal *targets);

#endif
