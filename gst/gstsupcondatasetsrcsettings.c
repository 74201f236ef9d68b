/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcondatasetsrcsettings.h"

#include "error.h"
#include "gstsupconenums.h"

/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, split_get_type, "GstSupconDatasetSrcSplit",
    {SUPCON_SPLIT_TRAIN, "Pictures to learn from", "train"},
    {SUPCON_SPLIT_VAL, "Pictures of the training part that are held out, see val-fraction", "val"},
    {SUPCON_SPLIT_TEST, "Pictures to be judged by", "test"})
GST_SUPCON_DEFINE_ENUM (static GType, sampler_get_type, "GstSupconDatasetSrcSampler",
    {SUPCON_SAMPLER_SEQUENTIAL, "Every picture once an epoch", "sequential"},
    {SUPCON_SAMPLER_CLASS_BALANCED, "classes-per-batch random classes by samples-per-class pictures each", "class-balanced"})
/* *INDENT-ON* */

static GstSupconSettingsClass *settings_class;

#define ADD(field, spec) \
  gst_supcon_settings_install (settings_class, \
      G_STRUCT_OFFSET (GstSupconDatasetSrcSettings, field), spec)

static void
install_dataset_properties (GParamFlags ready)
{
  ADD (location, g_param_spec_string ("location", "Location",
          "Data set: an IDX file or a folder with them, a folder of CIFAR's "
          "binary files, or a folder of class folders", NULL, ready));
  ADD (labels_location,
      g_param_spec_string ("labels-location", "Labels location",
          "IDX file of labels where it is not beside the pictures under its "
          "usual name", NULL, ready));
  ADD (split, g_param_spec_enum ("split", "Split", "Which part of the data set",
          split_get_type (), SUPCON_SPLIT_TRAIN, ready));
  ADD (val_fraction, g_param_spec_double ("val-fraction", "Validation fraction",
          "Share of the training pictures that split=val plays and split=train "
          "leaves out, always the same ones; a folder val takes its place", 0.0,
          0.99, 0.0, ready));
  ADD (labelled, g_param_spec_double ("labelled", "Labelled",
          "Share of the pictures that keep their label, always the same ones, "
          "to try how few are enough", 0.0, 1.0, 1.0, ready));
  ADD (label_noise, g_param_spec_double ("label-noise", "Label noise",
          "Share of the labels that are made wrong, always the same ones, to "
          "try how many do no harm", 0.0, 1.0, 0.0, ready));
  ADD (class_names, g_param_spec_string ("class-names", "Class names",
          "Names of the classes in their order, separated by commas; not set: "
          "the data set's own, or numbers", NULL, ready));
}

static void
install_order_properties (GParamFlags ready)
{
  ADD (sampler_config.shuffle, g_param_spec_boolean ("shuffle", "Shuffle",
          "Play each epoch in another random order", FALSE, ready));
  ADD (sampler_config.seed, g_param_spec_uint64 ("seed", "Seed",
          "Seed of the random order", 0, G_MAXUINT64, 0, ready));
  ADD (epochs, g_param_spec_uint ("epochs", "Epochs",
          "How often the data set is played; 0 = without end", 0, G_MAXUINT,
          1, ready));
  ADD (sampler_config.max_samples,
      g_param_spec_uint ("max-samples", "Maximum samples",
          "Use only so many pictures: the first, or with shuffle a random "
          "choice that keeps the shares of the classes; 0 = all", 0, G_MAXUINT,
          0, ready));
  ADD (sampler_config.kind, g_param_spec_enum ("sampler", "Sampler",
          "How pictures are drawn; class-balanced makes sure that batches of "
          "the contrastive loss have positives", sampler_get_type (),
          SUPCON_SAMPLER_SEQUENTIAL, ready));
  ADD (sampler_config.classes_per_batch,
      g_param_spec_uint ("classes-per-batch", "Classes per batch",
          "Different classes of a batch of sampler=class-balanced; 0 = all", 0,
          G_MAXUINT, 0, ready));
  ADD (sampler_config.samples_per_class,
      g_param_spec_uint ("samples-per-class", "Samples per class",
          "Pictures of each class in a batch of sampler=class-balanced, which "
          "is classes-per-batch times as many; 2, so that each has a positive",
          1, G_MAXUINT, 2, ready));
}

static void
install_stream_properties (GParamFlags ready)
{
  ADD (framerate, gst_param_spec_fraction ("framerate", "Framerate",
          "Pictures a second, for the timestamps", 1, G_MAXINT, G_MAXINT, 1,
          30, 1, ready));
  ADD (skip_corrupt, g_param_spec_boolean ("skip-corrupt", "Skip corrupt",
          "Skip pictures that cannot be read, with a warning, instead of "
          "stopping with an error", FALSE, ready));
  ADD (skipped, g_param_spec_uint64 ("skipped", "Skipped",
          "Pictures skipped since the start", 0, G_MAXUINT64, 0,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

GstSupconSettingsClass *
gst_supcon_dataset_src_settings_install (GObjectClass * klass, gsize fields)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;

  settings_class = gst_supcon_settings_class_new (klass, 1, fields);
  install_dataset_properties (ready);
  install_order_properties (ready);
  install_stream_properties (ready);
  gst_type_mark_as_plugin_api (split_get_type (), 0);
  gst_type_mark_as_plugin_api (sampler_get_type (), 0);
  return settings_class;
}

SupconDataset *
gst_supcon_dataset_src_settings_open (const GstSupconDatasetSrcSettings *
    settings, GError ** error)
{
  SupconDataset *dataset;

  if (!settings->location) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND,
        "The property location is not set; expected a data set.");
    return NULL;
  }
  /* It would group pictures by what labelled hides. */
  if (settings->sampler_config.kind == SUPCON_SAMPLER_CLASS_BALANCED
      && settings->labelled < 1) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "sampler=class-balanced draws pictures by their labels, of which "
        "labelled=%g hides some; expected labelled=1.", settings->labelled);
    return NULL;
  }
  dataset = supcon_dataset_open (settings->location, settings->labels_location,
      settings->split, settings->val_fraction, error);
  if (!dataset)
    return NULL;
  if (settings->labelled < 1)
    supcon_dataset_hide_labels (dataset, settings->labelled);
  supcon_dataset_spoil_labels (dataset, settings->label_noise);
  if (settings->class_names
      && !supcon_dataset_set_class_names (dataset, settings->class_names,
          error))
    g_clear_pointer (&dataset, supcon_dataset_free);
  return dataset;
}
