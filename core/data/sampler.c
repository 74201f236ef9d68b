/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "data/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "rng.h"

/* Streams of random numbers, apart from those of augmentation. */
#define OPERATION_CHOICE 0xFF00
#define OPERATION_EPOCH 0xFF01

#define MAX_BATCH (1u << 24)

/* The pictures of one class that are in use: members[first], ..., n of them. */
typedef struct {
  guint32 first, n, walked;
} Class;

struct _SupconSampler {
  SupconSamplerConfig config;
  guint32 n;        /* pictures in use */
  guint32 *members; /* n, as the data set has them; class-balanced: by class */
  Class *classes;   /* class-balanced: those that have a picture */
  guint n_classes;
  guint32 *walk;    /* class-balanced: n, members with each class shuffled */
  guint32 *scratch; /* class-balanced: n, a permutation of a class's pictures */
  guint32 *chosen;  /* class-balanced: n_classes, the classes as a batch takes them */
  guint32 length;
  guint32 *order; /* length, for epoch */
  guint64 epoch;
  gboolean order_known;
};

/* Where a picture stands in its class, as a share: number / of. */
typedef struct {
  guint32 index, number, of, place;
} Rank;

static int
compare_ranks (gconstpointer a, gconstpointer b)
{
  const Rank *x = a, *y = b;
  guint64 left = (2 * (guint64)x->number + 1) * y->of, right = (2 * (guint64)y->number + 1) * x->of;

  if (left != right)
    return left < right ? -1 : 1;
  return x->place < y->place ? -1 : x->place > y->place;
}

static int
compare_indices (gconstpointer a, gconstpointer b)
{
  guint32 x = *(const guint32 *)a, y = *(const guint32 *)b;

  return x < y ? -1 : x > y;
}

/* A random choice that keeps the classes' shares: pictures ordered by how far down in their shuffled class they stand,
 * and of these the first. */
static void
choose_stratified (SupconSampler *self, const SupconDataset *dataset)
{
  guint32 count = supcon_dataset_count (dataset);
  guint32 *order = g_new (guint32, count), *sizes = g_new0 (guint32, supcon_dataset_n_classes (dataset));
  Rank *ranks = g_new (Rank, count);
  SupconRng rng;

  supcon_rng_init (&rng, self->config.seed, 0, 0, OPERATION_CHOICE);
  supcon_rng_permutation (&rng, order, count);
  for (guint32 i = 0; i < count; i++)
    ranks[i] = (Rank){ .index = order[i], .number = sizes[supcon_dataset_label (dataset, order[i])]++, .place = i };
  for (guint32 i = 0; i < count; i++)
    ranks[i].of = sizes[supcon_dataset_label (dataset, ranks[i].index)];
  qsort (ranks, count, sizeof *ranks, compare_ranks);
  for (guint32 i = 0; i < self->n; i++)
    self->members[i] = ranks[i].index;
  qsort (self->members, self->n, sizeof *self->members, compare_indices);
  g_free (ranks);
  g_free (sizes);
  g_free (order);
}

/* Sorts members by class and lists the classes. */
static void
group_by_class (SupconSampler *self, const SupconDataset *dataset)
{
  guint n_all = supcon_dataset_n_classes (dataset);
  Class *all = g_new0 (Class, n_all);
  guint32 *grouped = g_new (guint32, self->n);

  for (guint32 i = 0; i < self->n; i++)
    all[supcon_dataset_label (dataset, self->members[i])].n++;
  for (guint c = 1; c < n_all; c++)
    all[c].first = all[c - 1].first + all[c - 1].n;
  for (guint32 i = 0; i < self->n; i++) {
    Class *class = &all[supcon_dataset_label (dataset, self->members[i])];

    grouped[class->first + class->walked++] = self->members[i];
  }
  for (guint c = 0; c < n_all; c++) {
    if (all[c].n)
      all[self->n_classes++] = all[c];
  }
  g_free (self->members);
  self->members = grouped;
  self->classes = all;
}

static gboolean
prepare_balanced (SupconSampler *self, const SupconDataset *dataset, GError **error)
{
  SupconSamplerConfig *config = &self->config;
  guint64 batch;

  group_by_class (self, dataset);
  if (config->classes_per_batch == 0)
    config->classes_per_batch = self->n_classes;
  if (config->classes_per_batch > self->n_classes) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "classes-per-batch: %u asked for, the data set has pictures of %u", config->classes_per_batch, self->n_classes);
    return FALSE;
  }
  batch = (guint64)config->classes_per_batch * config->samples_per_class;
  if (batch == 0 || batch > MAX_BATCH) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "samples-per-class: %u of each of %u classes asked for, a batch is 1 to %u", config->samples_per_class,
        config->classes_per_batch, MAX_BATCH);
    return FALSE;
  }
  self->length = MAX (1, self->n / batch) * batch;
  self->walk = g_new (guint32, self->n);
  self->scratch = g_new (guint32, self->n);
  self->chosen = g_new (guint32, self->n_classes);
  return TRUE;
}

SupconSampler *
supcon_sampler_new (const SupconDataset *dataset, const SupconSamplerConfig *config, GError **error)
{
  SupconSampler *self = g_new0 (SupconSampler, 1);
  guint32 count = supcon_dataset_count (dataset);

  self->config = *config;
  self->n = config->max_samples ? MIN (config->max_samples, count) : count;
  self->members = g_new (guint32, self->n);
  if (config->shuffle && self->n < count) {
    choose_stratified (self, dataset);
  } else {
    for (guint32 i = 0; i < self->n; i++)
      self->members[i] = i;
  }
  self->length = self->n;
  if (config->kind == SUPCON_SAMPLER_CLASS_BALANCED && !prepare_balanced (self, dataset, error)) {
    supcon_sampler_free (self);
    return NULL;
  }
  self->order = g_new (guint32, self->length);
  return self;
}

void
supcon_sampler_free (SupconSampler *sampler)
{
  if (!sampler)
    return;
  g_free (sampler->members);
  g_free (sampler->classes);
  g_free (sampler->walk);
  g_free (sampler->scratch);
  g_free (sampler->chosen);
  g_free (sampler->order);
  g_free (sampler);
}

guint32
supcon_sampler_epoch_length (const SupconSampler *sampler)
{
  return sampler->length;
}

static void
shuffle_class (SupconSampler *self, Class *class, SupconRng *rng)
{
  supcon_rng_permutation (rng, self->scratch, class->n);
  for (guint32 i = 0; i < class->n; i++)
    self->walk[class->first + i] = self->members[class->first + self->scratch[i]];
  class->walked = 0;
}

static void
order_balanced (SupconSampler *self, SupconRng *rng)
{
  guint32 *at = self->order;

  for (guint c = 0; c < self->n_classes; c++)
    shuffle_class (self, &self->classes[c], rng);
  while (at < self->order + self->length) {
    supcon_rng_permutation (rng, self->chosen, self->n_classes);
    for (guint c = 0; c < self->config.classes_per_batch; c++) {
      Class *class = &self->classes[self->chosen[c]];

      for (guint k = 0; k < self->config.samples_per_class; k++) {
        if (class->walked == class->n)
          shuffle_class (self, class, rng);
        *at++ = self->walk[class->first + class->walked++];
      }
    }
  }
}

static void
make_order (SupconSampler *self, guint64 epoch)
{
  SupconRng rng;

  supcon_rng_init (&rng, self->config.seed, epoch, 0, OPERATION_EPOCH);
  if (self->config.kind == SUPCON_SAMPLER_CLASS_BALANCED) {
    order_balanced (self, &rng);
  } else if (self->config.shuffle) {
    supcon_rng_permutation (&rng, self->order, self->n);
    for (guint32 i = 0; i < self->n; i++)
      self->order[i] = self->members[self->order[i]];
  } else {
    memcpy (self->order, self->members, self->n * sizeof *self->order);
  }
  self->epoch = epoch;
  self->order_known = TRUE;
}

guint32
supcon_sampler_index (SupconSampler *sampler, guint64 epoch, guint32 position)
{
  if (!sampler->order_known || sampler->epoch != epoch)
    make_order (sampler, epoch);
  return sampler->order[position];
}
