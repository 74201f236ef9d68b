/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which pictures of a data set are held out for validation, and whose labels are hidden. */
#include <stdlib.h>
#include <string.h>

#include "datasets.h"

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

/* The names of the pictures of split val, sorted as they come. */
static GString *
held_out (const char *location)
{
  GError *error = NULL;
  SupconDataset *dataset = supcon_dataset_open (location, NULL, SUPCON_SPLIT_VAL, 0.5, &error);
  GString *names = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < supcon_dataset_count (dataset); i++) {
    SupconSample sample;

    supcon_dataset_get (dataset, i, &sample);
    g_string_append (names, sample.path + strlen (location));
  }
  supcon_dataset_free (dataset);
  return names;
}

/* A picture of a folder is held out by its path below it: wherever the folder lies, and whatever is added. */
START_TEST (test_hold_out_of_folder)
{
  char *old, *new;
  GString *before, *after;

  setup ();
  old = g_build_filename (folder, "old", NULL);
  new = g_build_filename (folder, "a-new-name", NULL);
  for (guint i = 10; i < 50; i++) {
    char name[32];

    g_snprintf (name, sizeof name, "old/cat/%u.jpg", i);
    write_text (name, "x");
  }
  before = held_out (old);
  ck_assert_int_eq (g_rename (old, new), 0);
  after = held_out (new);
  ck_assert_str_eq (after->str, before->str);
  g_string_free (after, TRUE);
  /* First of all, so that all others move on; held out or not. */
  write_text ("a-new-name/cat/0.jpg", "x");
  after = held_out (new);
  g_string_replace (after, "/cat/0.jpg", "", 0);
  ck_assert_str_eq (after->str, before->str);
  g_string_free (after, TRUE);
  g_string_free (before, TRUE);
  g_free (old);
  g_free (new);
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
    write_text (name, "x");
  }
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_VAL, 0.5, &error);
  g_assert_no_error (error);
  ck_assert_uint_gt (supcon_dataset_count (dataset), 0);
  ck_assert_uint_lt (supcon_dataset_count (dataset), 40);
  supcon_dataset_free (dataset);
  write_text ("val/cat/a.jpg", "x");
  /* Without a folder test, val is what there is to test with. */
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TEST, 0, &error);
  g_assert_no_error (error);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 1);
  supcon_dataset_free (dataset);
  write_text ("test/cat/b.jpg", "x");
  for (guint split = SUPCON_SPLIT_TRAIN; split <= SUPCON_SPLIT_TEST; split++) {
    dataset = supcon_dataset_open (folder, NULL, split, 0.5, &error);
    g_assert_no_error (error);
    ck_assert_uint_eq (supcon_dataset_count (dataset), split == SUPCON_SPLIT_TRAIN ? 40 : 1);
    supcon_dataset_free (dataset);
  }
  /* Beside another folder they are classes. */
  write_text ("bus/c.jpg", "x");
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, &error);
  g_assert_no_error (error);
  ck_assert_uint_eq (supcon_dataset_n_classes (dataset), 4);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 43);
  supcon_dataset_free (dataset);
  teardown ();
  setup ();
  write_text ("val/cat/a.jpg", "x");
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_NOT_FOUND, "no folder train found in it");
  teardown ();
}
END_TEST

/* Which labels are hidden depends on the picture, not on what a split took away before it. */
static void
check_hidden_after_split (guint n, guint (*number) (const SupconSample *sample))
{
  SupconDataset *dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  gboolean *labelled = g_new (gboolean, n);
  guint n_labelled = 0;
  SupconSample sample;

  ck_assert_uint_eq (supcon_dataset_count (dataset), n);
  supcon_dataset_hide_labels (dataset, 0.5);
  for (guint i = 0; i < n; i++) {
    supcon_dataset_get (dataset, i, &sample);
    labelled[number (&sample)] = sample.labelled;
  }
  supcon_dataset_free (dataset);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0.5, NULL);
  ck_assert_uint_lt (supcon_dataset_count (dataset), n);
  supcon_dataset_hide_labels (dataset, 0.5);
  for (guint i = 0; i < supcon_dataset_count (dataset); i++) {
    supcon_dataset_get (dataset, i, &sample);
    ck_assert_int_eq (sample.labelled, labelled[number (&sample)]);
    n_labelled += sample.labelled;
  }
  /* Nor are they those that were taken away. */
  ck_assert_uint_gt (n_labelled, supcon_dataset_count (dataset) / 4);
  ck_assert_uint_lt (n_labelled, supcon_dataset_count (dataset) * 3 / 4);
  supcon_dataset_free (dataset);
  g_free (labelled);
}

static guint
number_of_path (const SupconSample *sample)
{
  return atoi (strrchr (sample->path, '/') + 1);
}

START_TEST (test_hidden_after_split)
{
  setup ();
  for (guint i = 0; i < 40; i++) {
    char name[32];

    g_snprintf (name, sizeof name, "cat/%u.jpg", i);
    write_text (name, "x");
  }
  check_hidden_after_split (40, number_of_path);
  write_idx ("train", 1000, 1000, 3, 0); /* which come before folders */
  check_hidden_after_split (1000, number_of);
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
  supcon_dataset_hide_labels (dataset, 0.9); /* what is hidden stays so */
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
  /* There is no other label than that of the one class. */
  write_idx ("train", 1, 1, 3, 0);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  supcon_dataset_spoil_labels (dataset, 1);
  ck_assert_uint_eq (supcon_dataset_label (dataset, 0), 0);
  supcon_dataset_free (dataset);
  teardown ();
}
END_TEST

SUPCON_CHECK_MAIN (
    "splits", test_hold_out, test_hold_out_of_folder, test_val_folder, test_hidden_after_split, test_hidden_and_spoilt)
