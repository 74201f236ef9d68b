/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readers of data sets, on files that the tests write, right and wrong ones. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets.h"

/* A symbolic link, in place of one that is there. */
static void
link_to (const char *name, const char *target)
{
  char *path = g_build_filename (folder, name, NULL);

  g_unlink (path);
  ck_assert_int_eq (symlink (target, path), 0);
  g_free (path);
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
  ck_assert (!supcon_dataset_set_class_names (dataset, "a,,c", NULL));
  ck_assert (!supcon_dataset_set_class_names (dataset, "a,b,a", NULL));
  ck_assert_str_eq (supcon_dataset_class_name (dataset, 1), "b");
  ck_assert (supcon_dataset_set_class_names (dataset, "a,b,c,d", NULL));
  supcon_dataset_free (dataset);
  /* A part that is held out is one of what there is to learn from. */
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TEST, 0.9, NULL);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 4);
  supcon_dataset_free (dataset);
  teardown ();
  /* There need be nothing to learn from. */
  setup ();
  write_idx ("t10k", 4, 4, 3, 0);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TEST, 0, NULL);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 4);
  supcon_dataset_free (dataset);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_NOT_FOUND, "neither train-images-idx3-ubyte");
  teardown ();
}
END_TEST

/* Labels of a file that is named, of a folder and of a file of pictures. */
START_TEST (test_labels_elsewhere)
{
  char *labels, *pictures;

  setup ();
  write_idx ("train", 10, 10, 3, 0);
  write_file ("elsewhere", (const guint8[18]){ 0, 0, 8, 1, 0, 0, 0, 10, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4 }, 18);
  labels = g_build_filename (folder, "elsewhere", NULL);
  pictures = g_build_filename (folder, "train-images-idx3-ubyte", NULL);
  for (guint by_name = 0; by_name < 2; by_name++) {
    const char *location = by_name ? pictures : folder;
    SupconDataset *dataset = supcon_dataset_open (location, labels, SUPCON_SPLIT_TRAIN, 0, NULL);
    GError *error = NULL;

    ck_assert_uint_eq (supcon_dataset_label (dataset, 3), 4);
    supcon_dataset_free (dataset);
    ck_assert_ptr_null (supcon_dataset_open (location, "/nowhere", SUPCON_SPLIT_TRAIN, 0, &error));
    ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND));
    g_error_free (error);
  }
  g_free (labels);
  g_free (pictures);
  teardown ();
  setup ();
  write_text ("cat/a.jpg", "x");
  ck_assert_ptr_null (supcon_dataset_open (folder, "/nowhere", SUPCON_SPLIT_TRAIN, 0, NULL));
  check_error ("/nowhere", SUPCON_SPLIT_TRAIN, SUPCON_ERROR_NOT_FOUND, "there is no such file or folder");
  /* What holds no pictures is told so, whether or not labels lie beside it. */
  write_text ("notes", "no file of pictures");
  pictures = g_build_filename (folder, "notes", NULL);
  check_error (pictures, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "magic number");
  g_free (pictures);
  teardown ();
}
END_TEST

/* More than is read at once: each byte comes to its place. */
START_TEST (test_idx_large)
{
  enum { N = 1000, SIDE = 40, SIZE = SIDE * SIDE };
  guint8 labels[8 + N] = { 0, 0, 8, 1, 0, 0, N >> 8, N & 255 }, *pictures = g_malloc0 (16 + N * SIZE + 1);
  const guint8 header[16] = { 0, 0, 8, 3, 0, 0, N >> 8, N & 255, 0, 0, 0, SIDE, 0, 0, 0, SIDE };
  SupconDataset *dataset;

  setup ();
  memcpy (pictures, header, sizeof header);
  for (guint i = 0; i < N * SIZE; i++)
    pictures[16 + i] = i * 2654435761u >> 24;
  write_file ("train-images-idx3-ubyte", pictures, 16 + N * SIZE);
  write_file ("train-labels-idx1-ubyte", labels, sizeof labels);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  ck_assert_uint_eq (supcon_dataset_count (dataset), N);
  for (guint i = 0; i < N; i++) {
    SupconSample sample;

    supcon_dataset_get (dataset, i, &sample);
    ck_assert (sample.width == SIDE && sample.height == SIDE);
    ck_assert_msg (memcmp (sample.pixels, pictures + 16 + i * SIZE, SIZE) == 0, "picture %u", i);
  }
  supcon_dataset_free (dataset);
  write_file ("train-images-idx3-ubyte", pictures, 16 + N * SIZE + 1);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "more values found than the 1600000");
  teardown ();
  g_free (pictures);
}
END_TEST

/* Pictures and labels, each packed or not, found by the folder and by the pictures' name. */
START_TEST (test_idx_packed)
{
  for (guint packed = 0; packed < 4; packed++) {
    const char *name = packed & 1 ? "train-images-idx3-ubyte.gz" : "train-images-idx3-ubyte";
    char *pictures;

    setup ();
    write_idx ("train", 10, 10, 3, 0);
    if (packed & 1)
      pack_file ("train-images-idx3-ubyte");
    if (packed & 2)
      pack_file ("train-labels-idx1-ubyte");
    pictures = g_build_filename (folder, name, NULL);
    for (guint by_name = 0; by_name < 2; by_name++) {
      GError *error = NULL;
      SupconDataset *dataset = supcon_dataset_open (by_name ? pictures : folder, NULL, SUPCON_SPLIT_TRAIN, 0, &error);
      SupconSample sample;

      g_assert_no_error (error);
      ck_assert_uint_eq (supcon_dataset_count (dataset), 10);
      supcon_dataset_get (dataset, 7, &sample);
      ck_assert (number_of (&sample) == 7 && sample.label == 1);
      supcon_dataset_free (dataset);
    }
    g_free (pictures);
    teardown ();
  }
}
END_TEST

START_TEST (test_idx_wrong)
{
  guint8 many[8 + (1 << 16)] = { 0, 0, 8, 1, 0, 1 };

  setup ();
  check_error ("/nowhere", SUPCON_SPLIT_TRAIN, SUPCON_ERROR_NOT_FOUND, "/nowhere");
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_NOT_FOUND, folder);
  write_idx ("train", 10, 10, 1, 0);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "train-images");
  write_idx ("train", 10, 10, 3, 1);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "train-images");
  write_idx ("train", 10, 10, 3, -1);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "more values found than the 60");
  write_idx ("train", 10, 9, 3, 0);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "9 labels found, 10 expected");
  write_file ("train-labels-idx1-ubyte", (const guint8[9]){ 0, 0, 8, 1, 0, 0, 0, 1 }, 9);
  write_file ("train-images-idx3-ubyte", (const guint8[16]){ 0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3 }, 16);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "height 0 found, 1 to 16384 expected");
  write_file ("train-images-idx3-ubyte", (const guint8[16]){ 0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 64, 1 }, 16);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "width 16385 found, 1 to 16384 expected");
  write_file ("train-images-idx3-ubyte", (const guint8[16]){ 0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 64, 0 }, 16);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "0 values found, 16384 expected");
  /* A header that promises far more than there is. */
  write_file ("train-images-idx3-ubyte", (const guint8[16]){ 0, 0, 8, 3, 255, 255, 255, 255, 255, 255 }, 16);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "train-images");
  write_file ("train-labels-idx1-ubyte", many, sizeof many);
  write_file ("train-images-idx3-ubyte", (const guint8[16]){ 0, 0, 8, 3, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0 }, 16);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "0 values found, 4294967296 expected");
  write_file ("train-images-idx3-ubyte", (const guint8[3]){ 0, 0, 8 }, 3);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "short file: 3 bytes found");
  /* One byte of gzip's two is not gzip's. */
  write_file ("train-labels-idx1-ubyte", (const guint8[9]){ 0x1f, 0, 8, 1, 0, 0, 0, 1 }, 9);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "magic number 0x1f000801 found");
  write_file ("train-labels-idx1-ubyte", (const guint8[9]){ 0, 0x8b, 8, 1, 0, 0, 0, 1 }, 9);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "magic number 0x008b0801 found");
  write_file ("train-labels-idx1-ubyte", (const guint8[8]){ 0, 0, 8, 1 }, 8);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "no label found");
  teardown ();
}
END_TEST

START_TEST (test_cifar)
{
  static const guint written[5] = { 3, 1, 5, 2, 4 };
  guint8 *batch = g_malloc (2 * 3073);
  SupconDataset *dataset;
  SupconSample sample;

  setup ();
  for (guint i = 0; i < 2 * 3073; i++)
    batch[i] = i % 3073 == 0 ? 3 + i / 3073 : (i % 3073 - 1) / 1024 * 10 + i / 3073;
  for (guint i = 0; i < 5; i++) {
    char name[32];

    g_snprintf (name, sizeof name, "data_batch_%u.bin", written[i]);
    batch[1] = 100 + written[i];
    write_file (name, batch, 2 * 3073);
  }
  write_file ("test_batch.bin", batch, 3073);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  ck_assert_ptr_nonnull (dataset);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 10);
  supcon_dataset_get (dataset, 1, &sample);
  ck_assert (sample.width == 32 && sample.height == 32 && sample.channels == 3 && sample.label == 4);
  ck_assert (sample.pixels[0] == 1 && sample.pixels[1] == 11 && sample.pixels[2] == 21);
  /* By name, in whatever order the folder lists its files. */
  for (guint i = 0; i < 5; i++) {
    supcon_dataset_get (dataset, 2 * i, &sample);
    ck_assert_uint_eq (sample.pixels[0], 101 + i);
  }
  supcon_dataset_free (dataset);
  /* Held out of what there is to learn from. */
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_VAL, 0.5, NULL);
  ck_assert_ptr_nonnull (dataset);
  ck_assert_uint_gt (supcon_dataset_count (dataset), 1);
  supcon_dataset_free (dataset);
  write_file ("test_batch.bin", batch, 0);
  check_error (folder, SUPCON_SPLIT_TEST, SUPCON_ERROR_FORMAT, "0 bytes found");
  write_file ("test_batch.bin", batch, 3000);
  check_error (folder, SUPCON_SPLIT_TEST, SUPCON_ERROR_FORMAT, "test_batch.bin");
  batch[3073] = 10;
  write_file ("test_batch.bin", batch, 2 * 3073);
  check_error (folder, SUPCON_SPLIT_TEST, SUPCON_ERROR_FORMAT, "label 10 found at byte 3073, 0 to 9 expected");
  write_text ("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\n\n");
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "9 names (9 different) found, 10 expected");
  write_text ("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\na\n");
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "10 names (9 different) found, 10 expected");
  write_text ("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\r\nj\n\n");
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  ck_assert_ptr_nonnull (dataset);
  ck_assert_str_eq (supcon_dataset_class_name (dataset, 8), "i");
  supcon_dataset_free (dataset);
  /* Names that cannot be reached are not taken for none. */
  link_to ("batches.meta.txt", "batches.meta.txt");
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_READ, "batches.meta.txt: ");
  teardown ();
  g_free (batch);
}
END_TEST

/* A coarse and a fine label, of which the fine one counts. */
START_TEST (test_cifar_100)
{
  guint8 record[3074] = { 3, 77, 5 };
  SupconDataset *dataset;
  SupconSample sample;

  setup ();
  record[3073] = 6;
  write_file ("train.bin", record, sizeof record);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  ck_assert_ptr_nonnull (dataset);
  ck_assert_uint_eq (supcon_dataset_n_classes (dataset), 100);
  supcon_dataset_get (dataset, 0, &sample);
  ck_assert_uint_eq (sample.label, 77);
  ck_assert (sample.pixels[0] == 5 && sample.pixels[3 * 1024 - 1] == 6);
  supcon_dataset_free (dataset);
  record[1] = 100;
  write_file ("train.bin", record, sizeof record);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_FORMAT, "label 100 found at byte 1, 0 to 99 expected");
  teardown ();
  /* Only pictures to test with. */
  setup ();
  record[1] = 77;
  write_file ("test.bin", record, sizeof record);
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TEST, 0, NULL);
  ck_assert_ptr_nonnull (dataset);
  supcon_dataset_free (dataset);
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_NOT_FOUND, "no train.bin found in it");
  teardown ();
}
END_TEST

START_TEST (test_folder)
{
  SupconDataset *dataset;
  SupconSample sample;

  setup ();
  write_text ("dog/b.jpg", "x");
  write_text ("dog/a.PNG", "x");
  write_text ("dog/notes.txt", "x");
  write_text ("dog/.hidden.jpg", "x");
  write_text ("dog/young/d.png", "x"); /* anywhere below */
  write_text ("dog/z/2/3/4/e.png", "x");
  write_text ("dog/z/2/3/4/5/f.png", "x"); /* too deep */
  write_text ("cat/c.jpeg", "x");
  write_text (".thumbnails/c.jpeg", "x");
  write_text ("readme.jpg", "x"); /* beside the classes */
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 5);
  ck_assert_uint_eq (supcon_dataset_n_classes (dataset), 2);
  ck_assert_str_eq (supcon_dataset_class_name (dataset, 0), "cat");
  supcon_dataset_get (dataset, 1, &sample);
  ck_assert_ptr_null (sample.pixels);
  ck_assert_uint_eq (sample.label, 1);
  ck_assert (g_str_has_suffix (sample.path, "a.PNG"));
  supcon_dataset_get (dataset, 3, &sample);
  ck_assert (sample.label == 1 && g_str_has_suffix (sample.path, "dog/young/d.png"));
  supcon_dataset_get (dataset, 4, &sample);
  ck_assert (sample.label == 1 && g_str_has_suffix (sample.path, "dog/z/2/3/4/e.png"));
  supcon_dataset_free (dataset);
  /* A link that leads nowhere, or in a circle, is no folder; it is a picture by its name, which cannot be read. */
  link_to ("nothing", "nowhere");
  link_to ("class", "class");
  link_to ("dog/circle", "circle");
  link_to ("dog/circle.png", "circle.png");
  dataset = supcon_dataset_open (folder, NULL, SUPCON_SPLIT_TRAIN, 0, NULL);
  ck_assert_uint_eq (supcon_dataset_count (dataset), 6);
  ck_assert_uint_eq (supcon_dataset_n_classes (dataset), 2);
  supcon_dataset_get (dataset, 3, &sample);
  ck_assert (sample.label == 1 && g_str_has_suffix (sample.path, "dog/circle.png"));
  supcon_dataset_free (dataset);
  write_text ("eel/none.txt", "x");
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_NOT_FOUND, "eel: no picture found in this class folder");
  /* Names in Shift-JIS, which are both two bytes that are no UTF-8, would be one class. */
  write_text ("\x8c\xa2/a.jpg", "x");
  write_text ("\x8b\x9b/a.jpg", "x");
  write_text ("eel/a.jpg", "x");
  check_error (folder, SUPCON_SPLIT_TRAIN, SUPCON_ERROR_SETTINGS, "expected names in UTF-8");
  teardown ();
}
END_TEST

SUPCON_CHECK_MAIN ("data", test_idx, test_labels_elsewhere, test_idx_large, test_idx_packed, test_idx_wrong, test_cifar,
    test_cifar_100, test_folder)
