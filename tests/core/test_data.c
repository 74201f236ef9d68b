/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readers of data sets, on files that the tests write, right and wrong ones; and the sampler's orders. */
#include <glib/gstdio.h>
#include <string.h>

#include "check_main.h"
#include "data/sampler.h"
#include "error.h"

static char *folder;

static void
write_file (const char *name, const guint8 *bytes, gsize n)
{
  char *path = g_build_filename (folder, name, NULL), *dir = g_path_get_dirname (path);

  g_mkdir_with_parents (dir, 0700);
  ck_assert (g_file_set_contents (path, (const char *)bytes, n, NULL));
  g_free (dir);
  g_free (path);
}

static void
remove_all (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    char *child = g_build_filename (path, name, NULL);

    remove_all (child);
    g_free (child);
  }
  if (dir)
    g_dir_close (dir);
  g_remove (path);
}

/* n pictures of 3x2, pixels counting up; labels 0, 1, 2, 0, ... */
static void
write_idx (const char *prefix, guint n, guint n_labels, guint8 magic, gint missing)
{
  guint8 pictures[16 + 6 * 64] = { 0, 0, 8, magic, 0, 0, 0, n, 0, 0, 0, 2, 0, 0, 0, 3 };
  guint8 labels[8 + 64] = { 0, 0, 8, 1, 0, 0, 0, n_labels };
  char name[64];

  for (guint i = 0; i < 6 * n; i++)
    pictures[16 + i] = i;
  for (guint i = 0; i < n_labels; i++)
    labels[8 + i] = i % 3;
  g_snprintf (name, sizeof name, "%s-images-idx3-ubyte", prefix);
  write_file (name, pictures, 16 + 6 * n - missing);
  g_snprintf (name, sizeof name, "%s-labels-idx1-ubyte", prefix);
  write_file (name, labels, 8 + n_labels);
}

static void
setup (void)
{
  folder = g_dir_make_tmp ("gst-supcon-XXXXXX", NULL);
}

static void
teardown (void)
{
  remove_all (folder);
  g_free (folder);
}

static void
check_error (const char *location, SupconSplit split, SupconErrorCode code, const char *named)
{
  GError *error = NULL;
  SupconDataset *dataset = supcon_dataset_open (location, NULL, split, &error);

  ck_assert_ptr_null (dataset);
  ck_assert_msg (g_error_matches (error, SUPCON_ERROR, code), "%s", error->message);
  ck_assert_msg (strstr (error->message, named) != NULL, "%s", error->message);
  g_error_free (error);
}

START_TEST (test_idx)
{
  SupconDataset *dataset;
  SupconSample sample;

  setup ();
  write_idx ("train", 10, 10, 3, 0);
  write_idx ("t10k", 4, 4, 3, 0);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, NULL);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 10);
  ck_assert_uint_eq (supcon_dataset_n_classes (dataset), 3);
  ck_assert_str_eq (supcon_dataset_class_name (dataset, 2), "2");
  supcon_dataset_get (dataset, 7, &sample);
  ck_assert (sample.width == 3 && sample.height == 2 && sample.channels == 1 && sample.label == 1);
  ck_assert_uint_eq (sample.pixels[5], 47);
  ck_assert (supcon_dataset_set_class_names (dataset, "a, b,c", NULL));
  ck_assert_str_eq (supcon_dataset_class_name (dataset, 1), "b");
  ck_assert (!supcon_dataset_set_class_names (dataset, "a,b", NULL));
  supcon_dataset_free (dataset);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TEST, NULL);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 4);
  supcon_dataset_free (dataset);
  teardown ();
}
END_TEST

START_TEST (test_idx_wrong)
{
  setup ();
  check_error ("/nowhere", SUPCON_SPLIT_TRAIN, SUPCON_ERROR_NOT_FOUND, "/nowhere");
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_NOT_FOUND, folder);
  write_idx ("train", 10, 10, 1, 0);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "train-images");
  write_idx ("train", 10, 10, 3, 1);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "train-images");
  write_idx ("train", 10, 9, 3, 0);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "9");
  /* A header that promises far more than there is. */
  write_file ("train-images-idx3-ubyte", (const guint8[16]){ 0, 0, 8, 3, 255, 255, 255, 255, 255, 255 }, 16);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "train-images");
  write_file ("train-images-idx3-ubyte", (const guint8[3]){ 0, 0, 8 }, 3);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "train-images");
  teardown ();
}
END_TEST

START_TEST (test_cifar)
{
  guint8 *batch = g_malloc (2 * 3073);
  SupconDataset *dataset;
  SupconSample sample;

  setup ();
  for (guint i = 0; i < 2 * 3073; i++)
    batch[i] = i % 3073 == 0 ? 3 + i / 3073 : (i % 3073 - 1) / 1024 * 10 + i / 3073;
  for (guint i = 1; i <= 5; i++) {
    char name[32];

    g_snprintf (name, sizeof name, "data_batch_%u.bin", i);
    write_file (name, batch, 2 * 3073);
  }
  write_file ("test_batch.bin", batch, 3073);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, NULL);
  ck_assert_ptr_nonnull (dataset);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 10);
  supcon_dataset_get (dataset, 1, &sample);
  ck_assert (sample.width == 32 && sample.height == 32 && sample.channels == 3 && sample.label == 4);
  ck_assert (sample.pixels[0] == 1 && sample.pixels[1] == 11 && sample.pixels[2] == 21);
  supcon_dataset_free (dataset);
  write_file ("test_batch.bin", batch, 3000);
  check_error (folder, SUPCON_SPLIT_TEST, SUPCON_ERROR_FORMAT, "test_batch.bin");
  teardown ();
  g_free (batch);
}
END_TEST

START_TEST (test_folder)
{
  SupconDataset *dataset;
  SupconSample sample;

  setup ();
  write_file ("dog/b.jpg", (const guint8 *)"x", 1);
  write_file ("dog/a.PNG", (const guint8 *)"x", 1);
  write_file ("dog/notes.txt", (const guint8 *)"x", 1);
  write_file ("cat/c.jpeg", (const guint8 *)"x", 1);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, NULL);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 3);
  ck_assert_str_eq (supcon_dataset_class_name (dataset, 0), "cat");
  supcon_dataset_get (dataset, 1, &sample);
  ck_assert_ptr_null (sample.pixels);
  ck_assert_uint_eq (sample.label, 1);
  ck_assert (g_str_has_suffix (sample.path, "a.PNG"));
  supcon_dataset_free (dataset);
  teardown ();
}
END_TEST

START_TEST (test_sampler)
{
  SupconSamplerConfig config = { .shuffle = TRUE, .seed = 3 };
  SupconDataset *dataset;
  SupconSampler *sampler, *again;
  gboolean seen[30] = { FALSE }, differs = FALSE;

  setup ();
  write_idx ("train", 30, 30, 3, 0);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, NULL);
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
  supcon_sampler_free (sampler);

  config.kind = SUPCON_SAMPLER_CLASS_BALANCED;
  config.classes_per_batch = 2;
  config.samples_per_class = 4;
  sampler = supcon_sampler_new (dataset, &config, NULL);
  ck_assert_uint_eq (supcon_sampler_epoch_length (sampler) % 8, 0);
  for (guint batch = 0; batch < supcon_sampler_epoch_length (sampler); batch += 8) {
    guint counts[3] = { 0 };

    for (guint i = 0; i < 8; i++)
      counts[supcon_dataset_label (dataset, supcon_sampler_index (sampler, 0, batch + i))]++;
    for (guint c = 0; c < 3; c++)
      ck_assert (counts[c] == 0 || counts[c] == 4);
  }
  supcon_sampler_free (sampler);
  config.classes_per_batch = 4;
  ck_assert_ptr_null (supcon_sampler_new (dataset, &config, NULL));
  supcon_dataset_free (dataset);
  teardown ();
}
END_TEST

SUPCON_CHECK_MAIN ("data", test_idx, test_idx_wrong, test_cifar, test_folder, test_sampler)
