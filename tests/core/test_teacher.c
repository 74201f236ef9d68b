/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a trained classifier teaches another model. */
#include "train/teacher.h"

#include "training.h"

/* Against softmax written out. The teacher's classes are numbers 4, 0 and 2 of five. */
START_TEST (test_targets)
{
  enum { N = 5 };
  static const guint classes[CLASSES] = { 4, 0, 2 };
  const double temperature = 1.7, weight = 0.3, smoothing = 0.1;
  SupconModel *model = model_new ();
  guint dim = supcon_model_embedding_dim (model);
  SupconBatch *batch = batch_new (VIEWS, 0), *small = batch_new (2, 0);
  SupconReal *r = g_new (SupconReal, VIEWS * dim), logits[VIEWS * CLASSES], targets[VIEWS * N];
  SupconTeacher *teacher;

  fill_classifier (model);
  supcon_model_embed (model, batch->pixels, VIEWS, r);
  supcon_model_classify (model, r, VIEWS, logits);
  teacher = supcon_teacher_new (model, temperature, classes);
  ck_assert_uint_eq (supcon_teacher_n_classes (teacher), N);
  for (guint i = 0; i < VIEWS; i += 3)
    batch->labels[i] = SUPCON_UNLABELLED;
  supcon_batch_targets (batch, N, smoothing, targets);
  supcon_teacher_teach (teacher, weight, small, N, (SupconReal[2 * N]){ 0 }); /* its buffers must grow after it */
  supcon_teacher_teach (teacher, weight, batch, N, targets);

  for (guint i = 0; i < VIEWS; i++) {
    gint label = i / 2 % CLASSES;
    double share = i % 3 ? weight : 1, sum = 0, expected[N] = { 0 };
    guint best = 0;

    for (guint c = 0; c < CLASSES; c++) {
      sum += exp (logits[i * CLASSES + c] / temperature);
      best = logits[i * CLASSES + c] > logits[i * CLASSES + best] ? c : best;
    }
    for (guint c = 0; c < CLASSES; c++)
      expected[classes[c]] = share * exp (logits[i * CLASSES + c] / temperature) / sum;
    for (gint c = 0; c < N; c++) {
      expected[c] += (1 - share) * ((c == label ? 1 - smoothing : 0) + smoothing / N);
      ck_assert_double_eq_tol (targets[i * N + c], expected[c], 1e-6);
    }
    ck_assert_int_eq (batch->labels[i], i % 3 ? label : (gint)classes[best]);
  }
  g_free (r);
  supcon_batch_free (small);
  supcon_batch_free (batch);
  supcon_teacher_free (teacher);
}
END_TEST

static void
classify (const SupconModel *model, const SupconBatch *batch, guint *best)
{
  SupconModel *copy = supcon_model_copy (model);
  SupconReal *r = g_new (SupconReal, batch->n * supcon_model_embedding_dim (model)), logits[VIEWS * CLASSES];

  supcon_model_embed (copy, batch->pixels, batch->n, r);
  supcon_model_classify (copy, r, batch->n, logits);
  for (guint i = 0; i < batch->n; i++) {
    best[i] = 0;
    for (guint c = 1; c < CLASSES; c++)
      best[i] = logits[i * CLASSES + c] > logits[i * CLASSES + best[i]] ? c : best[i];
  }
  g_free (r);
  supcon_model_free (copy);
}

/* A classifier that has learnt the first batch. */
static SupconModel *
trained_classifier_new (void)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CROSS_ENTROPY);
  SupconModel *model = model_new ();
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0);
  SupconBatch *batch = batch_new (VIEWS, 0);
  SupconTrainStats stats;

  for (guint step = 0; step < 100; step++)
    ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
  supcon_batch_free (batch);
  supcon_trainer_free (trainer);
  return model;
}

/* A student that never sees a label says what its teacher says, once it has seen the same pictures a hundred times. */
START_TEST (test_student)
{
  static const guint classes[CLASSES] = { 0, 1, 2 };
  static const SupconStage stages[] = { SUPCON_STAGE_CROSS_ENTROPY, SUPCON_STAGE_FINETUNE, SUPCON_STAGE_LINEAR };

  for (guint s = 0; s < G_N_ELEMENTS (stages); s++) {
    SupconTeacher *teacher = supcon_teacher_new (trained_classifier_new (), 1, classes);
    SupconTrainerConfig config = config_of (stages[s]);
    SupconModel *student = model_new ();
    SupconBatch *batch = batch_new (VIEWS, 0);
    SupconTrainStats stats;
    SupconTrainer *trainer;
    guint wanted[VIEWS], found[VIEWS], of_each[CLASSES] = { 0 }, alike = 0;
    double first = 0;

    config.teacher = teacher;
    ck_assert (supcon_trainer_learns_unlabelled (&config));
    ck_assert (supcon_trainer_check (&config, VIEWS, student, NULL));
    classify (supcon_teacher_model (teacher), batch, wanted);
    for (guint i = 0; i < VIEWS; i++)
      of_each[wanted[i]]++;
    ck_assert_msg (MAX (of_each[0], MAX (of_each[1], of_each[2])) < VIEWS / 2, "%u, %u and %u views", of_each[0],
        of_each[1], of_each[2]);
    trainer = supcon_trainer_new (student, &config, 0);
    for (guint step = 0; step < 100; step++) {
      for (guint i = 0; i < VIEWS; i++)
        batch->labels[i] = SUPCON_UNLABELLED;
      ck_assert (supcon_trainer_step (trainer, batch, &stats, NULL));
      ck_assert_uint_eq (stats.classified, VIEWS);
      first = step ? first : stats.loss;
    }
    classify (student, batch, found);
    for (guint i = 0; i < VIEWS; i++)
      alike += wanted[i] == found[i];
    ck_assert_msg (alike >= VIEWS - 4 && stats.loss < first, "stage %u: %u of %u alike, loss from %g to %g", s, alike,
        VIEWS, first, stats.loss);
    supcon_trainer_free (trainer);
    supcon_batch_free (batch);
    supcon_model_free (student);
    supcon_teacher_free (teacher);
  }
}
END_TEST

SUPCON_CHECK_MAIN ("teacher", test_targets, test_student)
