/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/map.h"

#include <math.h>
#include <string.h>

#define AXES 2
/* Embeddings that the axes remember, about: training moves them, and the plane has to follow. */
#define MEMORY 1000

struct _SupconMap {
  guint dim, capacity;
  SupconReal *embeddings; /* capacity x dim, of unit length; a ring */
  gint *labels;
  guint64 added;

  double *mean;       /* dim */
  double *axes[AXES]; /* dim: the direction times the variance in it */
  double variance;    /* the whole */
  double *rest;       /* dim: scratch */
};

SupconMap *
supcon_map_new (guint dim, guint n)
{
  SupconMap *map = g_new0 (SupconMap, 1);

  map->dim = dim;
  map->capacity = n;
  map->embeddings = g_new (SupconReal, (gsize)dim * n);
  map->labels = g_new (gint, n);
  map->mean = g_new0 (double, dim);
  map->rest = g_new (double, dim);
  for (guint a = 0; a < AXES; a++)
    map->axes[a] = g_new0 (double, dim);
  return map;
}

void
supcon_map_free (SupconMap *map)
{
  if (!map)
    return;
  for (guint a = 0; a < AXES; a++)
    g_free (map->axes[a]);
  g_free (map->rest);
  g_free (map->mean);
  g_free (map->labels);
  g_free (map->embeddings);
  g_free (map);
}

guint
supcon_map_dim (const SupconMap *map)
{
  return map->dim;
}

static double
length_of (const double *v, guint dim)
{
  double square = 0;

  for (guint i = 0; i < dim; i++)
    square += v[i] * v[i];
  return sqrt (square);
}

/* Moves the mean, the axes and the variance by one embedding, with weight w for it. */
static void
learn (SupconMap *map, const SupconReal *embedding, double w)
{
  double square = 0;

  for (guint i = 0; i < map->dim; i++) {
    map->rest[i] = embedding[i] - map->mean[i];
    map->mean[i] += w * map->rest[i];
    square += map->rest[i] * map->rest[i];
  }
  map->variance += w * (square - map->variance);

  for (guint a = 0; a < AXES; a++) {
    double *axis = map->axes[a], length = length_of (axis, map->dim), along = 0;

    if (length == 0) { /* the first difference that is left shows the way */
      memcpy (axis, map->rest, map->dim * sizeof *axis);
      return;
    }
    for (guint i = 0; i < map->dim; i++)
      along += map->rest[i] * axis[i] / length;
    for (guint i = 0; i < map->dim; i++)
      axis[i] += w * (along * map->rest[i] - axis[i]);
    /* What the axis explains is taken off before the next one learns from the rest. */
    length = length_of (axis, map->dim);
    along = 0;
    for (guint i = 0; length > 0 && i < map->dim; i++)
      along += map->rest[i] * axis[i] / length;
    for (guint i = 0; length > 0 && i < map->dim; i++)
      map->rest[i] -= along * axis[i] / length;
  }
}

gboolean
supcon_map_add (SupconMap *map, const SupconReal *embedding, gint label)
{
  guint place = (guint)(map->added % map->capacity);
  SupconReal *row = map->embeddings + (gsize)place * map->dim;
  double length = supcon_real_length (embedding, map->dim);

  if (!isfinite (length) || length == 0)
    return FALSE;
  for (guint i = 0; i < map->dim; i++)
    row[i] = (SupconReal)(embedding[i] / length);
  map->labels[place] = label;
  map->added++;
  if (map->added == 1)
    for (guint i = 0; i < map->dim; i++)
      map->mean[i] = row[i];
  else
    learn (map, row, 1.0 / MIN (map->added, MEMORY));
  return TRUE;
}

guint
supcon_map_points (const SupconMap *map, SupconMapPoint *points)
{
  guint n = (guint)MIN (map->added, map->capacity);
  SupconReal *axes = g_new0 (SupconReal, AXES * map->dim), offset[AXES] = { 0 };

  for (guint a = 0; a < AXES; a++) {
    double length = length_of (map->axes[a], map->dim);

    for (guint i = 0; length > 0 && i < map->dim; i++) {
      axes[a * map->dim + i] = (SupconReal)(map->axes[a][i] / length);
      offset[a] += (SupconReal)(map->axes[a][i] / length * map->mean[i]);
    }
  }
  for (guint p = 0; p < n; p++) {
    guint place = (guint)((map->added - n + p) % map->capacity);
    const SupconReal *row = map->embeddings + (gsize)place * map->dim;
    SupconReal x = -offset[0], y = -offset[1];

    for (guint i = 0; i < map->dim; i++) {
      x += row[i] * axes[i];
      y += row[i] * axes[map->dim + i];
    }
    points[p] = (SupconMapPoint){ x, y, map->labels[place] };
  }
  g_free (axes);
  return n;
}

double
supcon_map_explained (const SupconMap *map)
{
  double explained = length_of (map->axes[0], map->dim) + length_of (map->axes[1], map->dim);

  return map->variance > 0 ? MIN (explained / map->variance, 1) : 0;
}
