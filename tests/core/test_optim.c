/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: the optimisers' paths of 100 steps against PyTorch's and a LARS written in numpy
 * (tests/oracle/optimizers.py), and the schedules. */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "golden/optimizers.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

enum { N = 7, STEPS = 100 };

/* As in optimizers.py. */
static void
gradient (const SupconReal *w, guint step, SupconReal *g)
{
  for (guint i = 0; i < N; i++)
    g[i] = (i + 1) * (w[i] - i / 4.0) + sin (3.0 * step + i);
}

static void
check_path (const char *name, const SupconOptimizer *optimizer, gboolean adapts, const double *expected)
{
  SupconReal w[N], g[N], momentum[N] = { 0 }, squares[N] = { 0 };
  gboolean has_squares = supcon_optimizer_has_squares (optimizer->kind);

  for (guint i = 0; i < N; i++)
    w[i] = cos (i + 1.0);
  for (guint step = 0; step < STEPS; step++) {
    gradient (w, step, g);
    supcon_optimizer_step (
        optimizer, 0.01 * (1 + 0.5 * cos (step)), step + 1, adapts, w, g, momentum, has_squares ? squares : NULL, N);
    if (step != 0 && step != 9 && step != 99)
      continue;
    for (guint i = 0; i < N; i++)
      ck_assert_msg (fabs (w[i] - expected[i]) < 1e-12, "%s, step %u: w[%u] is %.15g, not %.15g", name, step, i, w[i],
          expected[i]);
    expected += N;
  }
}

START_TEST (test_paths)
{
  SupconOptimizer o = { .kind = SUPCON_OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 0.02 };

  check_path ("sgd", &o, TRUE, sgd_path);
  o.nesterov = TRUE;
  check_path ("nesterov", &o, TRUE, nesterov_path);
  o.nesterov = FALSE;
  o.kind = SUPCON_OPTIMIZER_ADAM;
  check_path ("adam", &o, TRUE, adam_path);
  o.kind = SUPCON_OPTIMIZER_RMSPROP;
  check_path ("rmsprop", &o, TRUE, rmsprop_path);
  o.kind = SUPCON_OPTIMIZER_LARS;
  check_path ("lars", &o, TRUE, lars_path);
  o.trust = 0.5;
  check_path ("lars, trust", &o, TRUE, lars_trust_path);
  o.weight_decay = 0;
  check_path ("lars, excluded", &o, FALSE, lars_excluded_path);
}
END_TEST

START_TEST (test_paths_of_other_settings)
{
  SupconOptimizer o
      = { .kind = SUPCON_OPTIMIZER_ADAMW, .momentum = 0.8, .smoothing = 0.95, .epsilon = 1e-3, .weight_decay = 0.02 };

  check_path ("adamw", &o, TRUE, adamw_path);
  o = (SupconOptimizer){ .kind = SUPCON_OPTIMIZER_RMSPROP, .smoothing = 0.9, .weight_decay = 0.02 };
  check_path ("rmsprop without momentum", &o, TRUE, rmsprop_plain_path);
}
END_TEST

/* LARS must not divide by the norm of a tensor that starts at zero, nor by that of a gradient that is. */
START_TEST (test_lars_zero)
{
  SupconOptimizer o = { .kind = SUPCON_OPTIMIZER_LARS };
  SupconReal w[2] = { 0, 0 }, g[2] = { 3, -4 }, momentum[2] = { 0 };

  supcon_optimizer_step (&o, 0.1, 1, TRUE, w, g, momentum, NULL, 2);
  ck_assert_double_eq_tol (w[0], -0.3, 1e-15);
  ck_assert_double_eq_tol (w[1], 0.4, 1e-15);

  for (guint decays = 0; decays < 2; decays++) {
    SupconReal still[2] = { 3, 4 }, none[2] = { 0 }, velocity[2] = { 0 };

    o.weight_decay = decays ? 0.1 : 0;
    supcon_optimizer_step (&o, 0.1, 1, TRUE, still, none, velocity, NULL, 2);
    ck_assert_double_eq_tol (still[0], 3 * (1 - 0.1 * o.weight_decay), 1e-15);
    ck_assert_double_eq_tol (still[1], 4 * (1 - 0.1 * o.weight_decay), 1e-15);
  }
}
END_TEST

/* Checkpoints keep them. */
START_TEST (test_names)
{
  ck_assert_str_eq (supcon_optimizer_name (SUPCON_OPTIMIZER_SGD), "sgd");
  ck_assert_str_eq (supcon_optimizer_name (SUPCON_OPTIMIZER_LARS), "lars");
  ck_assert_str_eq (supcon_optimizer_name (SUPCON_OPTIMIZER_ADAM), "adam");
  ck_assert_str_eq (supcon_optimizer_name (SUPCON_OPTIMIZER_ADAMW), "adamw");
  ck_assert_str_eq (supcon_optimizer_name (SUPCON_OPTIMIZER_RMSPROP), "rmsprop");
}
END_TEST

START_TEST (test_schedules)
{
  SupconSchedule s = { SUPCON_SCHEDULE_COSINE, 0.2, 10, 110 };

  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 0), 0.02, 1e-15);
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 9), 0.2, 1e-15);
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 10), 0.2, 1e-15);
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 60), 0.1, 1e-15);
  ck_assert_double_eq (supcon_schedule_learning_rate (&s, 110), 0);
  ck_assert_double_eq (supcon_schedule_learning_rate (&s, 111), 0);
  ck_assert_double_eq (supcon_schedule_learning_rate (&s, 500), 0);
  s.kind = SUPCON_SCHEDULE_STEP;
  s.total_steps = 100;
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 59), 0.2, 1e-15);
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 60), 0.02, 1e-15);
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 79), 0.02, 1e-15);
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 80), 0.002, 1e-15);
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 89), 0.002, 1e-15);
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 90), 0.0002, 1e-15);
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 99), 0.0002, 1e-15);
  s.kind = SUPCON_SCHEDULE_CONSTANT;
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 99), 0.2, 1e-15);
  /* Of a length that is not known no share is done. */
  s = (SupconSchedule){ SUPCON_SCHEDULE_COSINE, 0.2, 10, 0 };
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 4), 0.1, 1e-15);
  ck_assert_double_eq_tol (supcon_schedule_learning_rate (&s, 99), 0.2, 1e-15);
}
END_TEST

SUPCON_CHECK_MAIN ("optim", test_paths, test_paths_of_other_settings, test_lars_zero, test_names, test_schedules)
