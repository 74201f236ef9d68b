/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What everything stands on: random numbers, the pool of threads, the matrix product. */
#include <math.h>

#include "blas.h"
#include "check_main.h"
#include "parallel.h"
#include "rng.h"

START_TEST (test_rng_known_answer)
{
  /* Random123's published known answer of philox4x32-10 for a zero key and a zero counter. */
  static const guint32 expected[4] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 };
  SupconRng rng;

  supcon_rng_init (&rng, 0, 0, 0, 0);
  for (guint i = 0; i < 4; i++)
    ck_assert_uint_eq (supcon_rng_next (&rng), expected[i]);
}
END_TEST

/* Each bit of what a stream is named by makes another one. */
START_TEST (test_rng_streams)
{
  static const struct {
    guint64 seed, sample;
    guint32 view, operation;
  } names[] = { { 0, 0, 0, 0 }, { 1, 0, 0, 0 }, { G_GUINT64_CONSTANT (1) << 32, 0, 0, 0 }, { 0, 1, 0, 0 },
    { 0, G_GUINT64_CONSTANT (1) << 32, 0, 0 }, { 0, 0, 1, 0 }, { 0, 0, 0, 1 }, { 0, 0, 1, 1 } };
  guint32 first[G_N_ELEMENTS (names)];

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    SupconRng rng;

    supcon_rng_init (&rng, names[i].seed, names[i].sample, names[i].view, names[i].operation);
    first[i] = supcon_rng_next (&rng);
    for (guint j = 0; j < i; j++)
      ck_assert_uint_ne (first[i], first[j]);
  }
}
END_TEST

START_TEST (test_rng_permutation)
{
  guint32 order[1000];
  gboolean seen[1000] = { FALSE };
  SupconRng rng;

  supcon_rng_init (&rng, 7, 1, 2, 3);
  supcon_rng_permutation (&rng, order, 1000);
  for (guint i = 0; i < 1000; i++) {
    ck_assert_uint_lt (order[i], 1000);
    ck_assert (!seen[order[i]]);
    seen[order[i]] = TRUE;
  }
}
END_TEST

static void
count_task (gsize task, guint worker, gpointer data)
{
  guint *counts = data;

  ck_assert_uint_lt (worker, SUPCON_MAX_THREADS);
  counts[task]++;
}

START_TEST (test_parallel_once)
{
  for (guint round = 0; round < 200; round++) {
    guint counts[97] = { 0 };

    supcon_parallel_for (1 + round % 5, 97, count_task, counts);
    for (guint i = 0; i < 97; i++)
      ck_assert_uint_eq (counts[i], 1);
  }
}
END_TEST

/* Calls of several threads at once: each checks that its tasks were done once, and that no worker's number was used
 * twice at a time. */
enum { CALLERS = 4, CALLS = 60, TASKS = 61, WORKERS = 5 };

typedef struct {
  gboolean urgent;
  guint counts[TASKS];
  guint busy[WORKERS]; /* atomic */
  gboolean *stop;      /* atomic: for CALLS when NULL */
} Caller;

static void
caller_task (gsize task, guint worker, gpointer data)
{
  Caller *self = data;

  ck_assert_uint_lt (worker, WORKERS);
  ck_assert_uint_eq (__atomic_fetch_add (&self->busy[worker], 1, __ATOMIC_RELAXED), 0);
  self->counts[task]++;
  __atomic_fetch_sub (&self->busy[worker], 1, __ATOMIC_RELAXED);
}

static gpointer
call_often (gpointer data)
{
  Caller *self = data;

  for (guint call = 1; self->stop ? !__atomic_load_n (self->stop, __ATOMIC_RELAXED) : call <= CALLS; call++) {
    if (self->urgent)
      supcon_parallel_begin_urgent ();
    for (guint part = 0; part < 2; part++)
      supcon_parallel_for (1 + call % WORKERS, TASKS, caller_task, self);
    if (self->urgent)
      supcon_parallel_end_urgent ();
    for (guint i = 0; i < TASKS; i++)
      ck_assert_uint_eq (self->counts[i], 2 * call);
  }
  return NULL;
}

START_TEST (test_parallel_callers)
{
  Caller callers[CALLERS] = { { .urgent = FALSE }, { .urgent = TRUE }, { .urgent = FALSE }, { .urgent = TRUE } };
  GThread *threads[CALLERS];

  for (guint i = 0; i < CALLERS; i++)
    threads[i] = g_thread_new ("caller", call_often, &callers[i]);
  for (guint i = 0; i < CALLERS; i++)
    g_thread_join (threads[i]);
}
END_TEST

/* Others come to their end however much there is that is urgent. */
START_TEST (test_parallel_progress)
{
  gboolean stop = FALSE;
  Caller urgent[2] = { { .urgent = TRUE, .stop = &stop }, { .urgent = TRUE, .stop = &stop } }, ordinary = { 0 };
  GThread *threads[2];

  for (guint i = 0; i < 2; i++)
    threads[i] = g_thread_new ("urgent", call_often, &urgent[i]);
  call_often (&ordinary);
  __atomic_store_n (&stop, TRUE, __ATOMIC_RELAXED);
  for (guint i = 0; i < 2; i++)
    g_thread_join (threads[i]);
}
END_TEST

START_TEST (test_gemm)
{
  const SupconReal a[6] = { 1, 2, 3, 4, 5, 6 }, b[6] = { 7, 8, 9, 10, 11, 12 };
  SupconReal c[4];

  supcon_gemm (SUPCON_NO_TRANS, SUPCON_NO_TRANS, 2, 2, 3, 1, a, 3, b, 2, 0, c, 2);
  ck_assert (c[0] == 58 && c[1] == 64 && c[2] == 139 && c[3] == 154);
  supcon_gemm (SUPCON_TRANS, SUPCON_NO_TRANS, 2, 2, 3, 1, a, 2, b, 2, 0, c, 2);
  ck_assert (c[0] == 89 && c[1] == 98 && c[2] == 116 && c[3] == 128);
}
END_TEST

START_TEST (test_real_largest)
{
  static const SupconReal x[] = { -3, 1, 4, 1, 4, 5, -2, 5 };

  ck_assert_uint_eq (supcon_real_largest (x, 1), 0);
  ck_assert_uint_eq (supcon_real_largest (x, 2), 1);
  ck_assert_uint_eq (supcon_real_largest (x, 5), 2); /* of equal ones the first */
  ck_assert_uint_eq (supcon_real_largest (x, 6), 5);
  ck_assert_uint_eq (supcon_real_largest (x, 8), 5);
}
END_TEST

/* Mean and variance of Gamma(shape, 1) are its shape, and the mean's own deviation is sqrt (shape / draws). */
START_TEST (test_rng_gamma)
{
  const double shapes[] = { 0.3, 1, 4 };
  enum { DRAWS = 200000 };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    double sum = 0, squares = 0, shape = shapes[i];
    SupconRng rng;

    supcon_rng_init (&rng, 5, i, 0, 0);
    for (guint k = 0; k < DRAWS; k++) {
      double x = supcon_rng_gamma (&rng, shape);

      ck_assert (x >= 0);
      sum += x;
      squares += (x - shape) * (x - shape);
    }
    ck_assert_msg (fabs (sum / DRAWS - shape) < 5 * sqrt (shape / DRAWS), "mean %g of shape %g", sum / DRAWS, shape);
    /* The fourth central moment is 3 shape^2 + 6 shape. */
    ck_assert_msg (fabs (squares / DRAWS - shape) < 5 * sqrt ((2 * shape * shape + 6 * shape) / DRAWS),
        "variance %g of shape %g", squares / DRAWS, shape);
  }
}
END_TEST

SUPCON_CHECK_MAIN ("base", test_rng_known_answer, test_rng_streams, test_rng_permutation, test_rng_gamma,
    test_parallel_once, test_parallel_callers, test_parallel_progress, test_gemm, test_real_largest)
