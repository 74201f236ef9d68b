/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: how good a model is, by neighbours and by its classifier, and how sure it may be. */
#include "train/calibrate.h"
#include "train/neighbours.h"
#include "train/validate.h"
#include "training.h"

/* Against the definition, each picture by all others. */
START_TEST (test_validate_neighbours)
{
  enum { N = 60 };
  SupconModel *model = model_new ();
  guint dim = supcon_model_embedding_dim (model), correct = 0, labelled = 0;
  SupconBatch *batch = batch_new (N, 5);
  SupconReal *r = g_new (SupconReal, N * dim);
  SupconValidation validation;

  for (guint i = 0; i < N; i += 7)
    batch->labels[i] = SUPCON_UNLABELLED;
  supcon_model_embed (model, batch->pixels, N, r);
  for (guint i = 0; i < N; i++) {
    double cosine[N], votes[CLASSES] = { 0 };
    guint best = 0;

    if (batch->labels[i] == SUPCON_UNLABELLED)
      continue;
    labelled++;
    for (guint j = 0; j < N; j++) {
      double ij = 0, ii = 0, jj = 0;

      for (guint k = 0; k < dim; k++) {
        ij += r[i * dim + k] * r[j * dim + k];
        ii += r[i * dim + k] * r[i * dim + k];
        jj += r[j * dim + k] * r[j * dim + k];
      }
      cosine[j] = j == i || batch->labels[j] == SUPCON_UNLABELLED ? -2 : ij / sqrt (ii * jj);
    }
    for (guint k = 0; k < SUPCON_VALIDATION_NEIGHBOURS; k++) {
      guint nearest = 0;

      for (guint j = 1; j < N; j++)
        if (cosine[j] > cosine[nearest])
          nearest = j;
      votes[batch->labels[nearest]] += exp ((cosine[nearest] - 1) / SUPCON_NEIGHBOUR_TEMPERATURE);
      cosine[nearest] = -2;
    }
    for (guint c = 1; c < CLASSES; c++)
      if (votes[c] > votes[best])
        best = c;
    correct += (gint32)best == batch->labels[i];
  }
  supcon_validate_neighbours (model, batch->pixels, batch->labels, N, &validation);
  ck_assert_uint_eq (validation.n, labelled);
  ck_assert_double_eq_tol (validation.accuracy, (double)correct / labelled, 1e-12);
  ck_assert (correct > labelled / CLASSES && correct < labelled); /* neither chance nor certainty, which prove little */
  /* One alone has no neighbour that could be right. */
  batch->labels[0] = 0;
  supcon_validate_neighbours (model, batch->pixels, batch->labels, 1, &validation);
  ck_assert_uint_eq (validation.n, 1);
  ck_assert_double_eq (validation.accuracy, 0);
  g_free (r);
  supcon_batch_free (batch);
  supcon_model_free (model);
}
END_TEST

START_TEST (test_validate_classifier)
{
  enum { N = 12 };
  SupconModel *model = model_new ();
  SupconBatch *batch = batch_new (N, 6);
  SupconValidation validation;
  guint n;
  SupconParam *params = supcon_model_params (model, &n);

  /* Zero weights and a bias: always class 1, with a probability that is known. */
  memset (params[n - 2].data, 0, params[n - 2].size * sizeof (SupconReal));
  for (guint c = 0; c < CLASSES; c++)
    params[n - 1].data[c] = c == 1;
  batch->labels[0] = SUPCON_UNLABELLED;
  batch->labels[1] = CLASSES; /* one that the classifier does not know */
  supcon_validate_classifier (model, batch->pixels, batch->labels, N, &validation, NULL);
  ck_assert_uint_eq (validation.n, N - 1);
  ck_assert_uint_eq (validation.unknown, 1);
  ck_assert_double_eq_tol (validation.accuracy, 4.0 / (N - 1), 1e-12);
  ck_assert_double_eq_tol (validation.loss, log (2 + exp (1)) - 4.0 / (N - 2), 1e-9);
  /* Where there is no label nothing is right or wrong. */
  for (guint i = 0; i < N; i++)
    batch->labels[i] = SUPCON_UNLABELLED;
  for (guint by = 0; by < 2; by++) {
    if (by)
      supcon_validate_neighbours (model, batch->pixels, batch->labels, N, &validation);
    else
      supcon_validate_classifier (model, batch->pixels, batch->labels, N, &validation, NULL);
    ck_assert_uint_eq (validation.n, 0);
    ck_assert_double_eq (validation.accuracy, 0);
  }
  supcon_batch_free (batch);
  supcon_model_free (model);
}
END_TEST

/* What is judged is what a checkpoint gives as the model: averages of the weights where they are kept. */
START_TEST (test_validate_average)
{
  enum { N = 60 };
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CROSS_ENTROPY);
  SupconModel *model = model_new (), *given;
  SupconBatch *batch = batch_new (N, 6);
  SupconValidation validation, expected;
  GArray *before, *after;

  config.average_decay = 0.7;
  train (model, &config, 0, 12);
  given = supcon_model_copy (model);
  before = weights_of (model, FALSE);
  supcon_validate_classifier (model, batch->pixels, batch->labels, N, &validation, NULL);
  supcon_validate_classifier (given, batch->pixels, batch->labels, N, &expected, NULL);
  ck_assert_double_eq (validation.loss, expected.loss);
  supcon_validate_neighbours (model, batch->pixels, batch->labels, N, &validation);
  supcon_validate_neighbours (given, batch->pixels, batch->labels, N, &expected);
  ck_assert_double_eq (validation.accuracy, expected.accuracy);
  after = weights_of (model, FALSE);
  ck_assert_double_eq (difference (after, before), 0);
  /* The weights themselves are judged otherwise, or this would prove nothing. */
  supcon_model_set_state (model, 0);
  supcon_validate_neighbours (model, batch->pixels, batch->labels, N, &validation);
  ck_assert_double_ne (validation.accuracy, expected.accuracy);
  g_array_unref (before);
  g_array_unref (after);
  supcon_batch_free (batch);
  supcon_model_free (given);
  supcon_model_free (model);
}
END_TEST

/* A fit holds for a tenth of the steps where that is enough, and is made once a step. */
START_TEST (test_calibration)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_LINEAR);
  SupconModel *model = model_new ();
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0);
  double before, now;

  ck_assert_double_eq (supcon_trainer_calibrate (trainer, FALSE), 1);
  step_to (trainer, 10);
  before = supcon_trainer_calibrate (trainer, TRUE);
  ck_assert_double_ne (before, 1);
  step_to (trainer, 12); /* two steps of twelve: too old */
  now = supcon_trainer_calibrate (trainer, TRUE);
  ck_assert_double_ne (now, before);
  ck_assert_double_eq (supcon_trainer_calibrate (trainer, FALSE), now);
  step_to (trainer, 13);
  ck_assert_double_eq (supcon_trainer_calibrate (trainer, TRUE), now);
  ck_assert_double_ne (supcon_trainer_calibrate (trainer, FALSE), now);
  supcon_trainer_free (trainer);
  supcon_model_free (model);
}
END_TEST

/* Confidence is held to labels, which no picture has that is mixed, however that is, or whose target is smoothed. */
START_TEST (test_calibration_of_mixed)
{
  for (guint how = 0; how < 4; how++) {
    SupconTrainerConfig config = config_of (SUPCON_STAGE_LINEAR);
    SupconModel *model = model_new ();
    SupconTrainer *trainer;

    config.mix.mixup = how == 1;
    config.mix.cutmix = how == 2;
    config.label_smoothing = how == 3 ? 0.1 : 0;
    trainer = supcon_trainer_new (model, &config, 0);
    step_to (trainer, 1);
    ck_assert_int_eq (supcon_trainer_logits (trainer) == NULL, how > 0);
    supcon_trainer_free (trainer);
    supcon_model_free (model);
  }
}
END_TEST

/* Where pictures are held out the classifier's confidence goes by them alone, as what a checkpoint gives sees them,
 * until there are more classes than they were asked for. */
START_TEST (test_held_out)
{
  enum { N = 12 };
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CROSS_ENTROPY);
  SupconModel *model = model_new (), *given;
  SupconBatch *batch = batch_new (N, 6);
  SupconReal *r = g_new (SupconReal, N * supcon_model_embedding_dim (model)), logits[N * CLASSES];
  SupconTrainer *trainer;
  SupconValidation validation;
  SupconQueue *held_out;
  double before, expected;

  config.held_out = TRUE;
  config.average_decay = 0.7;
  config.label_smoothing = 0.1; /* which leaves the batches' pictures without a label to go by */
  trainer = supcon_trainer_new (model, &config, 0);
  step_to (trainer, 4);
  ck_assert_ptr_null (supcon_trainer_logits (trainer));
  before = supcon_trainer_calibrate (trainer, TRUE);
  ck_assert_double_eq (before, 1);

  batch->labels[3] = SUPCON_UNLABELLED;
  supcon_validate_classifier (model, batch->pixels, batch->labels, N, &validation, &held_out);
  given = supcon_model_copy (model);
  supcon_model_embed (given, batch->pixels, N, r);
  supcon_model_classify (given, r, N, logits);
  ck_assert_uint_eq (held_out->n, N - 1);
  for (guint k = 0; k < N - 1; k++) {
    ck_assert_uint_eq (held_out->samples[k], k + (k >= 3));
    ck_assert (
        memcmp (held_out->z + k * CLASSES, logits + held_out->samples[k] * CLASSES, CLASSES * sizeof *logits) == 0);
  }
  expected = supcon_calibrate_temperature (held_out);
  ck_assert_double_ne (expected, 1);
  supcon_trainer_hold_out (trainer, held_out);
  ck_assert_double_eq (supcon_trainer_calibrate (trainer, TRUE), expected); /* though fitted at this step before */
  step_to (trainer, 8);
  ck_assert_ptr_eq (supcon_trainer_logits (trainer), held_out);
  ck_assert_double_eq (supcon_trainer_calibrate (trainer, FALSE), expected);

  supcon_model_set_n_classes (model, CLASSES + 1);
  step_to (trainer, 9);
  ck_assert_ptr_null (supcon_trainer_logits (trainer));
  supcon_trainer_free (trainer);
  supcon_batch_free (batch);
  supcon_model_free (given);
  supcon_model_free (model);
  g_free (r);
}
END_TEST

SUPCON_CHECK_MAIN ("validate", test_validate_neighbours, test_validate_classifier, test_validate_average,
    test_calibration, test_calibration_of_mixed, test_held_out)
