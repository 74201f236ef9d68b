/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Labelled pictures on disk: the MNIST family's IDX files, CIFAR's binary files, folders of class folders.
 */
#ifndef SUPCON_DATA_DATASET_H
#define SUPCON_DATA_DATASET_H

#include <glib.h>

/* The largest width or height of a picture that is believed. */
#define SUPCON_DATASET_MAX_SIDE 16384

typedef enum { SUPCON_SPLIT_TRAIN, SUPCON_SPLIT_VAL, SUPCON_SPLIT_TEST } SupconSplit;

typedef struct _SupconDataset SupconDataset;

/** Owned by the data set. */
typedef struct {
  const guint8 *pixels; /* interleaved rows without padding, or NULL: the picture is the file at path */
  const char *path;
  guint width, height, channels; /* 1 (grey) or 3 (RGB); 0 when pixels is NULL */
  guint label;                   /* < n_classes */
  gboolean labelled;             /* the label may be shown */
} SupconSample;

/**
 * Opens what is at location:
 *
 * - an IDX file of pictures, plain or gzip'ed. labels_location: its labels; NULL: the same name with images-idx3
 * replaced by labels-idx1.
 * - a folder with train-images-idx3-ubyte or t10k-images-idx3-ubyte (each perhaps .gz) and their labels.
 * - a folder with CIFAR-10's data_batch_*.bin and test_batch.bin or CIFAR-100's train.bin and test.bin (fine labels).
 *   Names come from batches.meta.txt and fine_label_names.txt where these are there.
 * - a folder whose sub-folders are the classes, in the order of their names. Pictures anywhere below them count, by
 *   their extension. Where all sub-folders are called train, test or val, split chooses: test takes test, else val.
 *
 * val_fraction, [0, 1): the share of the training pictures that split val takes and train leaves. Which ones depends on
 * each picture's place in its file, or its path below location, alone, so it is the same in every run and stays when
 * pictures are added to a folder. Where a folder val is there, it is split val, and train is whole.
 *
 * Pixels of IDX and CIFAR are read into memory; pictures in folders are only listed. Everything is validated first.
 * Errors name the file, what was found and what was expected.
 */
SupconDataset *supcon_dataset_open (
    const char *location, const char *labels_location, SupconSplit split, double val_fraction, GError **error);
void supcon_dataset_free (SupconDataset *dataset);

/** At least 1. */
guint32 supcon_dataset_count (const SupconDataset *dataset);
/** Classes are numbered from 0; a class may have no picture. */
guint supcon_dataset_n_classes (const SupconDataset *dataset);
const char *supcon_dataset_class_name (const SupconDataset *dataset, guint index);
/**
 * Renames the classes. names: separated by commas, blanks around them do not count; all different and as many as there
 * are classes, or more. SUPCON_ERROR_SETTINGS.
 */
gboolean supcon_dataset_set_class_names (SupconDataset *dataset, const char *names, GError **error);
/**
 * For experiments, each on pictures that are chosen as those of split val are. hide: all but a share 'labelled' of the
 * pictures lose their label. spoil: a share 'noise' of the labels becomes another class's, all equally likely.
 */
void supcon_dataset_hide_labels (SupconDataset *dataset, double labelled);
void supcon_dataset_spoil_labels (SupconDataset *dataset, double noise);
/** index < count. */
guint supcon_dataset_label (const SupconDataset *dataset, guint32 index);
void supcon_dataset_get (const SupconDataset *dataset, guint32 index, SupconSample *sample);

#endif
