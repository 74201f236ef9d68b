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

#define MAX_PICTURES 1000

/* n pictures of 3x2, the first two pixels their number, the others counting up; labels 0, 1, 2, 0, ... */
static void
write_idx (const char *prefix, guint n, guint n_labels, guint8 magic, gint missing)
{
  guint8 pictures[16 + 6 * MAX_PICTURES] = { 0, 0, 8, magic, 0, 0, n >> 8, n, 0, 0, 0, 2, 0, 0, 0, 3 };
  guint8 labels[8 + MAX_PICTURES] = { 0, 0, 8, 1, 0, 0, n_labels >> 8, n_labels };
  char name[64];

  for (guint i = 0; i < 6 * n; i++)
    pictures[16 + i] = i % 6 == 0 ? i / 6 & 255 : i % 6 == 1 ? i / 6 >> 8 : i;
  for (guint i = 0; i < n_labels; i++)
    labels[8 + i] = i % 3;
  g_snprintf (name, sizeof name, "%s-images-idx3-ubyte", prefix);
  write_file (name, pictures, 16 + 6 * n - missing);
  g_snprintf (name, sizeof name, "%s-labels-idx1-ubyte", prefix);
  write_file (name, labels, 8 + n_labels);
}

static guint
number_of (const SupconSample *sample)
{
  return sample->pixels[0] | sample->pixels[1] << 8;
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
  SupconDataset *dataset = supcon_dataset_open (location, NULL, split, 0, &error);

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
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
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
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TEST, 0, NULL);
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
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
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
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
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

/* Of 1,000 pictures, each in one of train and val, and in the same one whatever else the data set holds. */
START_TEST (test_hold_out)
{
  static const SupconSplit splits[2] = { SUPCON_SPLIT_TRAIN, SUPCON_SPLIT_VAL };
  guint count[2], seen[1000] = { 0 }, first[2][100], n_first[2] = { 0, 0 };
  GError *error = NULL;

  setup ();
  write_idx ("train", 1000, 1000, 3, 0);
  write_idx ("t10k", 4, 4, 3, 0);
  check_error (folder, SUPCON_SPLIT_VAL, SUPCON_ERROR_SETTINGS, "val-fraction");
  for (guint s = 0; s < 2; s++) {
    SupconDataset *dataset = supcon_dataset_open (folder, NULL, splits[s], 0.2, &error);

    g_assert_no_error (error);
    count[s] = supcon_dataset_count (dataset);
    for (guint i = 0; i < count[s]; i++) {
      SupconSample sample;
      guint at;

      supcon_dataset_get (dataset, i, &sample);
      at = number_of (&sample);
      seen[at]++;
      ck_assert_uint_eq (sample.label, at % 3);
      if (at < 100)
        first[s][n_first[s]++] = at;
    }
    supcon_dataset_free (dataset);
  }
  ck_assert_uint_eq (count[0] + count[1], 1000);
  ck_assert (count[1] > 150 && count[1] < 250); /* 4 standard deviations */
  for (guint i = 0; i < 1000; i++)
    ck_assert_uint_eq (seen[i], 1);

  write_idx ("train", 100, 100, 3, 0);
  for (guint s = 0; s < 2; s++) {
    SupconDataset *dataset = supcon_dataset_open (folder, NULL, splits[s], 0.2, NULL);

    ck_assert_uint_eq (supcon_dataset_count (dataset), n_first[s]);
    for (guint i = 0; i < n_first[s]; i++) {
      SupconSample sample;

      supcon_dataset_get (dataset, i, &sample);
      ck_assert_uint_eq (number_of (&sample), first[s][i]);
    }
    supcon_dataset_free (dataset);
  }
  teardown ();
}
END_TEST

START_TEST (test_val_folder)
{
  GError *error = NULL;
  SupconDataset *dataset;

  setup ();
  for (guint i = 0; i < 40; i++) {
    char name[32];

    g_snprintf (name, sizeof name, "train/cat/%u.jpg", i);
    write_file (name, (const guint8 *)"x", 1);
  }
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_VAL, 0.5, &error);
  g_assert_no_error (error);
  ck_assert_uint_gt (supcon_dataset_count (dataset), 0);
  ck_assert_uint_lt (supcon_dataset_count (dataset), 40);
  supcon_dataset_free (dataset);
  write_file ("val/cat/a.jpg", (const guint8 *)"x", 1);
  write_file ("test/cat/b.jpg", (const guint8 *)"x", 1);
  for (guint split = SUPCON_SPLIT_TRAIN; split <= SUPCON_SPLIT_TEST; split++) {
    dataset = supcon_dataset_open (folder, NULL, split, 0.5, &error);
    g_assert_no_error (error);
    ck_assert_uint_eq (supcon_dataset_count (dataset), split == SUPCON_SPLIT_TRAIN ? 40 : 1);
    supcon_dataset_free (dataset);
  }
  teardown ();
}
END_TEST

START_TEST (test_hidden_and_spoilt)
{
  guint labelled = 0, spoilt = 0, both = 0, shift[3] = { 0 };
  SupconDataset *dataset;

  setup ();
  write_idx ("train", 1000, 1000, 3, 0);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  supcon_dataset_hide_labels (dataset, 0.3);
  supcon_dataset_spoil_labels (dataset, 0.4);
  for (guint i = 0; i < 1000; i++) {
    SupconSample sample;

    supcon_dataset_get (dataset, i, &sample);
    labelled += sample.labelled;
    spoilt += sample.label != i % 3;
    both += sample.labelled && sample.label != i % 3;
    shift[(sample.label + 3 - i % 3) % 3]++;
  }
  /* 4 standard deviations; the choices do not depend on each other. */
  ck_assert (labelled > 242 && labelled < 358);
  ck_assert (spoilt > 338 && spoilt < 462);
  ck_assert (both > 80 && both < 160);
  ck_assert (shift[1] > 150 && shift[2] > 150);
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

SUPCON_CHECK_MAIN ("data", test_idx, test_idx_wrong, test_cifar, test_folder, test_hold_out, test_val_folder,
    test_hidden_and_spoilt, test_sampler)
