/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The map of embeddings: the plane of most variance is found, the last points are kept. */
#include "check_main.h"

#include <math.h>

#include "train/map.h"

#define DIM 48

static double
normal (GRand *rand)
{
  return sqrt (-2 * log (1 - g_rand_double (rand))) * cos (2 * G_PI * g_rand_double (rand));
}

/* Around a mean far from the origin: most in direction 3, then in direction 7, a little in all. */
static void
draw (GRand *rand, SupconReal *embedding, double *a, double *b)
{
  *a = 0.3 * normal (rand);
  *b = 0.15 * normal (rand);
  for (guint i = 0; i < DIM; i++)
    embedding[i] = (SupconReal)(0.01 * normal (rand));
  embedding[0] += 5;
  embedding[3] += (SupconReal)*a;
  embedding[7] += (SupconReal)*b;
}

START_TEST (the_plane_of_most_variance_is_found)
{
  SupconMap *map = supcon_map_new (DIM, 500);
  GRand *rand = g_rand_new_with_seed (3);
  SupconMapPoint points[500];
  double a[3010], b[3010], xa = 0, xx = 0, aa = 0, yb = 0, yy = 0, bb = 0;

  for (guint i = 0; i < 3010; i++) {
    SupconReal embedding[DIM];

    draw (rand, embedding, &a[i], &b[i]);
    ck_assert (supcon_map_add (map, embedding, (gint)i));
  }
  ck_assert_uint_eq (supcon_map_points (map, points), 500);
  for (guint i = 0; i < 500; i++) {
    guint number = (guint)points[i].label;

    ck_assert_uint_eq (number, 2510 + i); /* the oldest first, wherever the ring begins */
    xa += points[i].x * a[number];
    xx += points[i].x * points[i].x;
    aa += a[number] * a[number];
    yb += points[i].y * b[number];
    yy += points[i].y * points[i].y;
    bb += b[number] * b[number];
  }
  /* Correlations with what was planted, and its scale: lengths are divided by 5. */
  ck_assert_msg (fabs (xa) / sqrt (xx * aa) > 0.99, "%g", xa / sqrt (xx * aa));
  ck_assert_msg (fabs (yb) / sqrt (yy * bb) > 0.98, "%g", yb / sqrt (yy * bb));
  ck_assert (fabs (sqrt (xx / aa) - 0.2) < 0.01);
  /* 0.09 + 0.0225 of these and 46 x 0.0001, less what the length takes. */
  ck_assert_msg (fabs (supcon_map_explained (map) - 0.96) < 0.02, "%g", supcon_map_explained (map));
  g_rand_free (rand);
  supcon_map_free (map);
}
END_TEST

START_TEST (few_and_useless_embeddings_do_no_harm)
{
  SupconMap *map = supcon_map_new (2, 3);
  static const SupconReal useless[][2] = { { 0, 0 }, { NAN, 1 }, { INFINITY, 0 } }, some[2] = { 1, 2 };
  SupconMapPoint points[3];

  ck_assert_uint_eq (supcon_map_points (map, points), 0);
  ck_assert (supcon_map_explained (map) == 0);
  for (guint i = 0; i < G_N_ELEMENTS (useless); i++)
    ck_assert (!supcon_map_add (map, useless[i], 0));
  /* All in one place. */
  for (guint i = 0; i < 5; i++) {
    ck_assert (supcon_map_add (map, some, -7));
    ck_assert_uint_eq (supcon_map_points (map, points), MIN (i + 1, 3));
    ck_assert (isfinite (points[0].x) && isfinite (points[0].y) && points[0].label == -7);
  }
  ck_assert (isfinite (supcon_map_explained (map)));
  supcon_map_free (map);
}
END_TEST

START_TEST (points_lie_around_their_mean)
{
  static const SupconReal embeddings[][2] = { { 1, 0 }, { 3, 1 }, { 0, 1 } };
  SupconMap *map = supcon_map_new (2, 3);
  SupconMapPoint points[3];

  for (guint i = 0; i < 3; i++)
    supcon_map_add (map, embeddings[i], 0);
  ck_assert_double_eq (supcon_map_explained (map), 1); /* nothing lies outside of a plane of two dimensions */
  ck_assert_uint_eq (supcon_map_points (map, points), 3);
  ck_assert_double_eq_tol (points[0].x + points[1].x + points[2].x, 0, 1e-6);
  ck_assert_double_eq_tol (points[0].y + points[1].y + points[2].y, 0, 1e-6);
  ck_assert (points[0].x != points[2].x);
  supcon_map_free (map);
}
END_TEST

SUPCON_CHECK_MAIN (
    "map", the_plane_of_most_variance_is_found, few_and_useless_embeddings_do_no_harm, points_lie_around_their_mean)
