/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/centroid.h"

#include <math.h>
#include <string.h>

#include "loss/cross_entropy.h"

struct _SupconCentroids {
  guint dim, n_classes;
  double *sums; /* n_classes x dim: of the examples' unit vectors; its direction is the centroid */
  guint64 *counts;
};

SupconCentroids *
supcon_centroids_new (guint dim)
{
  SupconCentroids *centroids = g_new0 (SupconCentroids, 1);

  centroids->dim = dim;
  return centroids;
}

void
supcon_centroids_free (SupconCentroids *centroids)
{
  if (centroids == NULL)
    return;
  g_free (centroids->sums);
  g_free (centroids->counts);
  g_free (centroids);
}

guint
supcon_centroids_n_classes (const SupconCentroids *centroids)
{
  return centroids->n_classes;
}

guint64
supcon_centroids_count (const SupconCentroids *centroids, guint label)
{
  return label < centroids->n_classes ? centroids->counts[label] : 0;
}

static void
grow (SupconCentroids *centroids, guint n_classes)
{
  guint old = centroids->n_classes;
  gsize dim = centroids->dim;

  centroids->sums = g_renew (double, centroids->sums, n_classes *dim);
  centroids->counts = g_renew (guint64, centroids->counts, n_classes);
  memset (centroids->sums + old * dim, 0, (n_classes - old) * dim * sizeof (double));
  memset (centroids->counts + old, 0, (n_classes - old) * sizeof (guint64));
  centroids->n_classes = n_classes;
}

gboolean
supcon_centroids_add (SupconCentroids *centroids, const SupconReal *embedding, guint label)
{
  double length = supcon_real_length (embedding, centroids->dim);
  double *sum;

  if (!isfinite (length) || length == 0)
    return FALSE;
  if (label >= centroids->n_classes)
    grow (centroids, label + 1);
  sum = centroids->sums + (gsize)label * centroids->dim;
  for (guint i = 0; i < centroids->dim; i++)
    sum[i] += embedding[i] / length;
  centroids->counts[label]++;
  return TRUE;
}

void
supcon_centroids_remove (SupconCentroids *centroids, const SupconReal *embedding, guint label)
{
  double length = supcon_real_length (embedding, centroids->dim);
  double *sum;

  g_return_if_fail (supcon_centroids_count (centroids, label) > 0);
  sum = centroids->sums + (gsize)label * centroids->dim;
  /* What rounding would leave of a class without examples is no direction. */
  if (--centroids->counts[label] == 0)
    memset (sum, 0, centroids->dim * sizeof *sum);
  else
    for (guint i = 0; i < centroids->dim; i++)
      sum[i] -= embedding[i] / length;
}

void
supcon_centroids_scores (const SupconCentroids *centroids, const SupconReal *embedding, SupconReal *scores)
{
  double length = supcon_real_length (embedding, centroids->dim);

  for (guint c = 0; c < centroids->n_classes; c++) {
    const double *sum = centroids->sums + (gsize)c * centroids->dim;
    double dot = 0, square = 0;

    for (guint i = 0; i < centroids->dim; i++) {
      dot += sum[i] * embedding[i];
      square += sum[i] * sum[i];
    }
    if (centroids->counts[c] == 0)
      scores[c] = -INFINITY;
    else if (dot == 0) /* and examples that cancel out, or an embedding without a direction, are near to nothing */
      scores[c] = 0;
    else
      scores[c] = (SupconReal)(dot / (sqrt (square) * length));
  }
}

void
supcon_centroids_classify (const SupconCentroids *centroids, const SupconReal *embedding, SupconReal *probabilities)
{
  supcon_centroids_scores (centroids, embedding, probabilities);
  for (guint c = 0; c < centroids->n_classes; c++)
    probabilities[c] /= (SupconReal)SUPCON_CENTROID_TEMPERATURE;
  supcon_softmax (probabilities, 1, centroids->n_classes, probabilities);
}
