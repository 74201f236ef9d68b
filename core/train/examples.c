/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/examples.h"

#include <math.h>
#include <string.h>

#include "blas.h"
#include "index/index.h"
#include "train/centroid.h"
#include "train/neighbours.h"

/* The examples of a class, of unit length. */
typedef struct {
  guint n, capacity;
  guint oldest;     /* place of the next example once all are taken */
  SupconReal *rows; /* capacity x dim */
} Class;

struct _SupconExamples {
  guint dim;
  guint64 encoder; /* its fingerprint, 0: not known */
  GArray *classes; /* Class */
  SupconCentroids *centroids;
};

/* The nearest examples found so far, the nearest first. */
typedef struct {
  guint n, k; /* of at most k */
  SupconReal *cosines;
  guint *labels;
} Nearest;

SupconExamples *
supcon_examples_new (guint dim)
{
  SupconExamples *self = g_new0 (SupconExamples, 1);

  self->dim = dim;
  self->classes = g_array_new (FALSE, TRUE, sizeof (Class));
  self->centroids = supcon_centroids_new (dim);
  return self;
}

static Class *
class_of (const SupconExamples *self, guint label)
{
  return &g_array_index (self->classes, Class, label);
}

void
supcon_examples_free (SupconExamples *self)
{
  if (self == NULL)
    return;
  for (guint c = 0; c < self->classes->len; c++)
    g_free (class_of (self, c)->rows);
  g_array_unref (self->classes);
  supcon_centroids_free (self->centroids);
  g_free (self);
}

guint
supcon_examples_dim (const SupconExamples *self)
{
  return self->dim;
}

guint64
supcon_examples_encoder (const SupconExamples *self)
{
  return self->encoder;
}

void
supcon_examples_set_encoder (SupconExamples *self, guint64 fingerprint)
{
  self->encoder = fingerprint;
}

guint
supcon_examples_n_classes (const SupconExamples *self)
{
  return self->classes->len;
}

guint
supcon_examples_count (const SupconExamples *self, guint label)
{
  return label < self->classes->len ? class_of (self, label)->n : 0;
}

gboolean
supcon_examples_is_empty (const SupconExamples *self)
{
  for (guint c = 0; c < self->classes->len; c++)
    if (class_of (self, c)->n > 0)
      return FALSE;
  return TRUE;
}

/* The place of the next example of a class, which is another example's once there are as many as are kept. */
static SupconReal *
next_row (SupconExamples *self, guint label)
{
  Class *class = class_of (self, label);
  SupconReal *row;

  if (class->n == SUPCON_EXAMPLES_PER_CLASS) {
    row = class->rows + (gsize) class->oldest * self->dim;
    class->oldest = (class->oldest + 1) % SUPCON_EXAMPLES_PER_CLASS;
    supcon_centroids_remove (self->centroids, row, label);
    return row;
  }
  if (class->n == class->capacity) {
    class->capacity = MIN (MAX (8, 2 * class->capacity), SUPCON_EXAMPLES_PER_CLASS);
    class->rows = g_renew (SupconReal, class->rows, (gsize) class->capacity * self->dim);
  }
  return class->rows + (gsize) class->n++ * self->dim;
}

gboolean
supcon_examples_add (SupconExamples *self, const SupconReal *embedding, guint label)
{
  double length = supcon_real_length (embedding, self->dim);
  SupconReal *row;

  if (!isfinite (length) || length == 0)
    return FALSE;
  if (label >= self->classes->len)
    g_array_set_size (self->classes, label + 1);
  row = next_row (self, label);
  for (guint i = 0; i < self->dim; i++)
    row[i] = (SupconReal)(embedding[i] / length);
  return supcon_centroids_add (self->centroids, row, label);
}

void
supcon_examples_forget (SupconExamples *self, guint label)
{
  Class *class;

  if (label >= self->classes->len)
    return;
  class = class_of (self, label);
  for (guint i = 0; i < class->n; i++)
    supcon_centroids_remove (self->centroids, class->rows + (gsize)i * self->dim, label);
  g_free (class->rows);
  *class = (Class){ 0 };
}

void
supcon_examples_merge (SupconExamples *self, guint from, guint to)
{
  guint n = supcon_examples_count (self, from);

  for (guint i = 0; i < n; i++) {
    const Class *class = class_of (self, from);

    supcon_examples_add (self, class->rows + (gsize)((class->oldest + i) % n) * self->dim, to);
  }
  supcon_examples_forget (self, from);
}

void
supcon_examples_classify_centroid (const SupconExamples *self, const SupconReal *embedding, SupconReal *probabilities)
{
  supcon_centroids_classify (self->centroids, embedding, probabilities);
}

/* Puts an example where it belongs, if it is one of the nearest. */
static void
insert (Nearest *nearest, SupconReal cosine, guint label)
{
  guint at = nearest->n;

  if (nearest->n < nearest->k)
    nearest->n++;
  else if (!(cosine > nearest->cosines[--at]))
    return;
  for (; at > 0 && nearest->cosines[at - 1] < cosine; at--) {
    nearest->cosines[at] = nearest->cosines[at - 1];
    nearest->labels[at] = nearest->labels[at - 1];
  }
  nearest->cosines[at] = cosine;
  nearest->labels[at] = label;
}

void
supcon_examples_classify_knn (
    const SupconExamples *self, const SupconReal *embedding, guint k, SupconReal *probabilities)
{
  SupconReal scores[SUPCON_EXAMPLES_PER_CLASS];
  Nearest nearest = { 0, k, g_new (SupconReal, k), g_new (guint, k) };
  double length = supcon_real_length (embedding, self->dim);

  for (guint c = 0; c < self->classes->len && isfinite (length) && length > 0; c++) {
    const Class *class = class_of (self, c);

    if (class->n == 0)
      continue;
    supcon_gemm (SUPCON_NO_TRANS, SUPCON_NO_TRANS, class->n, 1, self->dim, (SupconReal)(1 / length), class->rows,
        self->dim, embedding, 1, 0, scores, 1);
    for (guint i = 0; i < class->n; i++)
      insert (&nearest, scores[i], c);
  }
  if (nearest.n)
    supcon_neighbours_vote (nearest.cosines, nearest.labels, nearest.n, self->classes->len, probabilities);
  for (guint c = 0; c < self->classes->len && nearest.n == 0; c++)
    probabilities[c] = NAN;
  g_free (nearest.cosines);
  g_free (nearest.labels);
}

gboolean
supcon_examples_save (const SupconExamples *self, const SupconLabels *labels, const char *location, GError **error)
{
  SupconIndex *index = supcon_index_new (self->dim, SUPCON_METRIC_COSINE);
  gboolean saved;

  supcon_index_set_encoder (index, self->encoder);
  for (guint c = 0; c < self->classes->len; c++) {
    const Class *class = class_of (self, c);

    /* From the oldest on, so that reading keeps their order. */
    for (guint i = 0; i < class->n; i++)
      supcon_index_add (index, class->rows + (gsize)((class->oldest + i) % class->n) * self->dim,
          &(SupconEntry){ .label = supcon_labels_name (labels, c), .timestamp = -1 });
  }
  saved = supcon_index_save (index, location, error);
  supcon_index_free (index);
  return saved;
}

SupconExamples *
supcon_examples_load (const char *location, SupconLabels *labels, gsize *others, GError **error)
{
  SupconIndex *index = supcon_index_load (location, error);
  gboolean whole;
  gsize n, kept = 0;
  SupconExamples *self;

  if (!index)
    return NULL;
  n = supcon_index_count (index);
  whole = supcon_index_metric (index) == SUPCON_METRIC_COSINE;
  self = supcon_examples_new (supcon_index_dim (index));
  self->encoder = supcon_index_encoder (index);
  for (gsize i = 0; i < n; i++) {
    SupconEntry entry = supcon_index_entry (index, i);

    whole = whole && !entry.uri && entry.timestamp == -1;
    if (entry.label)
      supcon_examples_add (self, supcon_index_embedding (index, i), supcon_labels_add (labels, entry.label));
  }
  for (guint c = 0; c < self->classes->len; c++)
    kept += class_of (self, c)->n;
  *others = whole && kept == n ? 0 : n;
  supcon_index_free (index);
  return self;
}
