/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sampler's orders: what comes, how often, and what it depends on. */
#include "data/sampler.h"
#include "datasets.h"

/* Whether their orders of an epoch do. */
static gboolean
differ (SupconSampler *a, SupconSampler *b, guint64 epoch)
{
  for (guint i = 0; i < supcon_sampler_epoch_length (a); i++)
    if (supcon_sampler_index (a, epoch, i) != supcon_sampler_index (b, epoch, i))
      return TRUE;
  return FALSE;
}

START_TEST (test_sequential)
{
  SupconSamplerConfig config = { .shuffle = TRUE, .seed = 3 };
  SupconDataset *dataset;
  SupconSampler *sampler, *again;
  gboolean seen[30] = { FALSE }, differs = FALSE;

  setup ();
  write_idx ("train", 30, 30, 3, 0);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  sampler = supcon_sampler_new (dataset, &config, NULL);
  again = supcon_sampler_new (dataset, &config, NULL);
  ck_assert_uint_eq (supcon_sampler_epoch_length (sampler), 30);
  for (guint i = 0; i < 30; i++) {
    guint32 index = supcon_sampler_index (sampler, 0, i);

    ck_assert (index < 30 && !seen[index]);
    seen[index] = TRUE;
  }
  for (guint i = 0; i < 30; i++)
    differs |= supcon_sampler_index (sampler, 1, i) != supcon_sampler_index (again, 0, i);
  ck_assert (differs);
  /* A seek into another epoch finds what playing there does. */
  ck_assert_uint_eq (supcon_sampler_index (again, 1, 17), supcon_sampler_index (sampler, 1, 17));
  supcon_sampler_free (again);

  config.seed = 4;
  again = supcon_sampler_new (dataset, &config, NULL);
  ck_assert (differ (sampler, again, 0));
  supcon_sampler_free (again);
  supcon_sampler_free (sampler);
  supcon_dataset_free (dataset);
  teardown ();
}
END_TEST

/* Batches of 2 of the 3 classes, 4 pictures of each, of classes of 10. */
START_TEST (test_balanced)
{
  enum { EPOCHS = 100, LENGTH = 24 };
  SupconSamplerConfig config
      = { .kind = SUPCON_SAMPLER_CLASS_BALANCED, .seed = 3, .classes_per_batch = 2, .samples_per_class = 4 };
  guint batches[3] = { 0 }, complete = 0;
  gboolean was_first[30] = { FALSE };
  SupconDataset *dataset;
  SupconSampler *sampler, *again;

  setup ();
  write_idx ("train", 30, 30, 3, 0);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  sampler = supcon_sampler_new (dataset, &config, NULL);
  ck_assert_uint_eq (supcon_sampler_epoch_length (sampler), LENGTH);
  for (guint epoch = 0; epoch < EPOCHS; epoch++) {
    guint drawn[3] = { 0 };
    gboolean seen[30] = { FALSE };

    for (guint at = 0; at < LENGTH; at += 8) {
      guint counts[3] = { 0 };

      for (guint i = at; i < at + 8; i++) {
        guint32 index = supcon_sampler_index (sampler, epoch, i);
        guint label = supcon_dataset_label (dataset, index);

        counts[label]++;
        was_first[index] |= drawn[label] == 0;
        /* A class begins anew when all of its pictures have come. */
        ck_assert (drawn[label]++ >= 10 || !seen[index]);
        seen[index] = TRUE;
      }
      for (guint c = 0; c < 3; c++) {
        ck_assert (counts[c] == 0 || counts[c] == 4);
        batches[c] += counts[c] > 0;
      }
    }
    complete += drawn[0] && drawn[1] && drawn[2];
  }
  /* Each batch draws its own: three in a row leave the same class out in one epoch of nine, within 4 standard
   * deviations of sqrt (100 8/81). */
  ck_assert_uint_gt (complete, 76);
  for (guint i = 0; i < 30; i++)
    ck_assert (was_first[i]); /* in one of 100 epochs the first of its class of 10 */
  /* Each class is in 2 of 3 batches: 200 of 300, within 4 standard deviations of sqrt (300 2/9). */
  for (guint c = 0; c < 3; c++)
    ck_assert_msg (batches[c] > 167 && batches[c] < 233, "class %u is in %u batches", c, batches[c]);

  config.seed = 4;
  again = supcon_sampler_new (dataset, &config, NULL);
  ck_assert (differ (sampler, again, 0));
  supcon_sampler_free (again);
  supcon_sampler_free (sampler);
  config.classes_per_batch = 4;
  ck_assert_ptr_null (supcon_sampler_new (dataset, &config, NULL));
  /* Of the classes of the pictures that are used. */
  config.classes_per_batch = 3;
  config.max_samples = 2;
  ck_assert_ptr_null (supcon_sampler_new (dataset, &config, NULL));
  config.max_samples = 0;
  /* No more than fits, whatever the product is in 32 bits. */
  config.classes_per_batch = 2;
  config.samples_per_class = 1u << 24;
  ck_assert_ptr_null (supcon_sampler_new (dataset, &config, NULL));
  config.samples_per_class = (1u << 31) + 1;
  ck_assert_ptr_null (supcon_sampler_new (dataset, &config, NULL));
  config.samples_per_class = 0;
  ck_assert_ptr_null (supcon_sampler_new (dataset, &config, NULL));
  /* One batch at least, for which pictures come again. */
  config.samples_per_class = 20;
  sampler = supcon_sampler_new (dataset, &config, NULL);
  ck_assert_uint_eq (supcon_sampler_epoch_length (sampler), 40);
  supcon_sampler_free (sampler);
  config.samples_per_class = 4;

  config.classes_per_batch = 0;
  sampler = supcon_sampler_new (dataset, &config, NULL);
  ck_assert_uint_eq (supcon_sampler_epoch_length (sampler), LENGTH);
  for (guint at = 0; at < LENGTH; at += 12) {
    guint counts[3] = { 0 };

    for (guint i = at; i < at + 12; i++)
      counts[supcon_dataset_label (dataset, supcon_sampler_index (sampler, 0, i))]++;
    ck_assert (counts[0] == 4 && counts[1] == 4 && counts[2] == 4);
  }
  supcon_sampler_free (sampler);
  supcon_dataset_free (dataset);
  teardown ();
}
END_TEST

/* 16 of classes of 100, 50 and 10: of each class a tenth. */
START_TEST (test_max_samples)
{
  SupconSamplerConfig config = { .max_samples = 16 };
  guint8 labels[8 + 160] = { 0, 0, 8, 1, 0, 0, 0, 160 };
  SupconDataset *dataset;
  SupconSampler *sampler;
  guint64 chosen[3] = { 0 }; /* by seed: the sum of 2^n of the class of 50's pictures n */

  setup ();
  write_idx ("train", 160, 160, 3, 0);
  for (guint i = 0; i < 160; i++)
    labels[8 + i] = (i >= 100) + (i >= 150);
  write_file ("train-labels-idx1-ubyte", labels, sizeof labels);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  sampler = supcon_sampler_new (dataset, &config, NULL);
  ck_assert_uint_eq (supcon_sampler_epoch_length (sampler), 16);
  for (guint i = 0; i < 16; i++)
    ck_assert_uint_eq (supcon_sampler_index (sampler, 0, i), i);
  supcon_sampler_free (sampler);

  config.shuffle = TRUE;
  for (config.seed = 0; config.seed < 3; config.seed++) {
    sampler = supcon_sampler_new (dataset, &config, NULL);
    ck_assert_uint_eq (supcon_sampler_epoch_length (sampler), 16);
    for (guint epoch = 0; epoch < 2; epoch++) {
      guint counts[3] = { 0 };
      guint64 now = 0;

      for (guint i = 0; i < 16; i++) {
        guint32 index = supcon_sampler_index (sampler, epoch, i);

        counts[supcon_dataset_label (dataset, index)]++;
        if (index >= 100 && index < 150)
          now |= G_GUINT64_CONSTANT (1) << (index - 100);
      }
      ck_assert (counts[0] == 10 && counts[1] == 5 && counts[2] == 1);
      ck_assert (epoch == 0 || now == chosen[config.seed]); /* the same pictures in every epoch */
      chosen[config.seed] = now;
    }
    supcon_sampler_free (sampler);
  }
  ck_assert (chosen[0] != chosen[1] && chosen[1] != chosen[2]);

  /* Shares of 1.9, 0.9 and 0.2. */
  config.max_samples = 3;
  for (config.seed = 0; config.seed < 5; config.seed++) {
    sampler = supcon_sampler_new (dataset, &config, NULL);
    for (guint i = 0; i < 3; i++)
      ck_assert_uint_lt (supcon_dataset_label (dataset, supcon_sampler_index (sampler, 0, i)), 2);
    supcon_sampler_free (sampler);
  }

  config.max_samples = 1000;
  sampler = supcon_sampler_new (dataset, &config, NULL);
  ck_assert_uint_eq (supcon_sampler_epoch_length (sampler), 160);
  supcon_sampler_free (sampler);
  supcon_dataset_free (dataset);
  teardown ();
}
END_TEST

SUPCON_CHECK_MAIN ("sampler", test_sequential, test_balanced, test_max_samples)
