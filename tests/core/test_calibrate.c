/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The temperature of a classifier's logits, and which it is fitted to; against numbers worked out by hand. */
#include <math.h>

#include "check_main.h"
#include "train/calibrate.h"

#define ck_assert_close(a, b) ck_assert_double_eq_tol (a, b, 1e-5)

/* The temperature of rows of two or three classes that are added to queue. */
static double
temperature_of (SupconQueue **queue, const SupconReal *logits, guint n, guint classes, const gint32 *labels)
{
  const guint64 samples[10] = { 0 };

  supcon_calibration_add (queue, logits, n, classes, labels, samples);
  return supcon_calibrate_temperature (*queue);
}

/* Eight of ten are right with logits 2 apart, and half of one more: softmax must say 8.5 / 11 in the mean of targets
 * that are 10.5 / 11 and 0.5 / 11, so 2 / T = log (85 / 25). */
START_TEST (test_temperature)
{
  const SupconReal right[3] = { 5, 0, 0 };
  const double expected = 2 / log (85 / 25.0);
  SupconReal logits[10][2];
  gint32 labels[10], none = -1;
  SupconQueue *queue = NULL;

  for (guint i = 0; i < 10; i++) {
    logits[i][0] = 700;
    logits[i][1] = 698;
    labels[i] = i % 5 == 4;
  }
  ck_assert_close (supcon_calibrate_temperature (NULL), 1);
  ck_assert_close (temperature_of (&queue, right, 1, 3, &none), 1);
  /* One that is right is right in 1 + 1 / 3 of 2: 4 to 1 beside each other class. */
  ck_assert_close (temperature_of (&queue, right, 1, 3, &(gint32){ 0 }), 5 / log (4));
  supcon_queue_free (queue);
  queue = NULL;
  ck_assert_close (temperature_of (&queue, right, 1, 3, &(gint32){ 2 }), SUPCON_MAX_CALIBRATION);
  supcon_queue_free (queue);
  queue = NULL;
  ck_assert_close (temperature_of (&queue, logits[0], 10, 2, labels), expected);
  supcon_queue_free (queue);
  queue = NULL;
  for (guint i = 0; i < SUPCON_CALIBRATION_PICTURES + 5; i++) {
    supcon_calibration_add (&queue, logits[9], 1, 2, &none, &(guint64){ 0 });
    supcon_calibration_add (&queue, logits[i % 5], 1, 2, &labels[i % 5], &(guint64){ 0 });
  }
  /* A label that has no logit is left out. */
  supcon_calibration_add (&queue, right, 1, 2, &(gint32){ 2 }, &(guint64){ 0 });
  ck_assert_uint_eq (queue->n, SUPCON_CALIBRATION_PICTURES);
  for (guint i = 0; i < queue->n; i++)
    ck_assert_int_lt (queue->labels[i], 2);
  ck_assert_double_eq_tol (supcon_calibrate_temperature (queue), 2 / log (4), 1e-2); /* one more is nothing here */
  supcon_queue_free (queue);
}
END_TEST

/* Of so many classes fewer pictures are kept: 4 million logits, 16 MB. */
START_TEST (test_temperature_of_many_classes)
{
  enum { CLASSES = 1 << 17, PICTURES = (1 << 22) / CLASSES };
  SupconReal *logits = g_new0 (SupconReal, CLASSES);
  SupconQueue *queue = NULL;

  for (guint i = 0; i < PICTURES + 2; i++)
    supcon_calibration_add (&queue, logits, 1, CLASSES, &(gint32){ i }, &(guint64){ i });
  ck_assert_uint_eq (queue->n, PICTURES);
  ck_assert_uint_eq (queue->samples[supcon_queue_place (queue, 0)], 2);
  supcon_queue_free (queue);
  g_free (logits);
}
END_TEST

/* All are right: how many they are is all that there is to say for being sure, and softmax says so. */
START_TEST (test_temperature_of_right_ones)
{
  const guint counts[] = { 2, 20, 200 };
  SupconQueue *hair = NULL;

  for (guint k = 0; k < G_N_ELEMENTS (counts); k++) {
    guint n = counts[k];
    SupconQueue *queue = NULL;

    for (guint i = 0; i < n; i++)
      supcon_calibration_add (&queue, (const SupconReal[]){ 5, 0 }, 1, 2, &(gint32){ 0 }, &(guint64){ i });
    /* (n + 1 / 2) / (n + 1) to (1 / 2) / (n + 1) */
    ck_assert_close (supcon_calibrate_temperature (queue), 5 / log (2 * n + 1));
    supcon_queue_free (queue);
  }
  /* By a hair, which would take a lower temperature than there is. */
  supcon_calibration_add (&hair, (const SupconReal[]){ 1e-3, 0 }, 1, 2, &(gint32){ 0 }, &(guint64){ 0 });
  ck_assert_close (supcon_calibrate_temperature (hair), SUPCON_MIN_CALIBRATION);
  supcon_queue_free (hair);
}
END_TEST

/* As many as are fitted, evenly from all that have a class, and fewer than that whole. */
START_TEST (test_calibration_sample)
{
  enum { MANY = 3 * SUPCON_CALIBRATION_PICTURES };
  SupconReal *logits = g_new (SupconReal, 2 * MANY);
  gint32 *labels = g_new (gint32, MANY);

  for (guint few = 0; few < 2; few++) {
    guint n = few ? 30 : MANY, interval = few ? 1 : 2;
    SupconQueue *queue;

    /* Every third has no class, or one that is not known. */
    for (guint i = 0; i < n; i++) {
      logits[2 * i] = i;
      logits[2 * i + 1] = -(SupconReal)i;
      labels[i] = i % 3 == 2 ? (i % 2 ? -1 : 2) : (gint32)(i % 3);
    }
    queue = supcon_calibration_sample (logits, n, 2, labels);
    ck_assert_uint_eq (queue->n, few ? 20 : SUPCON_CALIBRATION_PICTURES);
    for (guint k = 0; k < queue->n; k++) {
      guint at = supcon_queue_place (queue, k), picture = k * interval / 2 * 3 + k * interval % 2;

      ck_assert_uint_eq (queue->samples[at], picture);
      ck_assert_int_eq (queue->labels[at], labels[picture]);
      ck_assert (memcmp (queue->z + 2 * at, logits + 2 * picture, 2 * sizeof *logits) == 0);
    }
    supcon_queue_free (queue);
  }
  g_free (logits);
  g_free (labels);
}
END_TEST

SUPCON_CHECK_MAIN ("calibrate", test_temperature, test_temperature_of_many_classes, test_temperature_of_right_ones,
    test_calibration_sample)
