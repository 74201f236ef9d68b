/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontaggersettings.h"

#include "gstsupconenums.h"
#include "gstsupcontags.h"
#include "train/examples.h"
#include "train/smooth.h"

static GstSupconSettingsClass *settings_class;

/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, method_get_type, "GstSupconTaggerMethod",
    {GST_SUPCON_CLASSIFIER_LINEAR, "The linear classifier of the checkpoint", "linear"},
    {GST_SUPCON_CLASSIFIER_CENTROID, "The nearest mean of the examples so far", "centroid"},
    {GST_SUPCON_CLASSIFIER_KNN, "The vote of the nearest examples so far", "knn"})
/* *INDENT-ON* */

#define ADD(field, spec) \
  gst_supcon_settings_install (settings_class, \
      G_STRUCT_OFFSET (GstSupconTaggerSettings, field), spec)

static void
install_start_properties (GParamFlags flags)
{
  ADD (location,
      g_param_spec_string ("location", "Location",
          "Checkpoint (safetensors) with the classifier and its labels; "
          "methods of examples can do without, and take the labels' order "
          "from it", NULL, flags));
  ADD (model,
      g_param_spec_string ("model", "Model",
          "Name under which a supcontrainer of this process shares its "
          "classifier (of stage linear, cross-entropy or finetune), for "
          "method=linear; frames pass untagged until there is one", NULL,
          flags));
  ADD (watch,
      g_param_spec_boolean ("watch", "Watch",
          "Read the checkpoint of method=linear again, between two frames, "
          "when it is replaced; the one before stays in use when the new one "
          "is bad", FALSE, flags));
  ADD (memory_location,
      g_param_spec_string ("memory-location", "Memory location",
          "File of examples that methods centroid and knn read when they start "
          "and write at the end, as one element at a time may (with "
          "learning=false it may be read-only); supconindex reads it too", NULL,
          flags));
  ADD (method,
      g_param_spec_enum ("method", "Method",
          "What turns an embedding into a label",
          method_get_type (), GST_SUPCON_CLASSIFIER_LINEAR, flags));
  ADD (neighbours,
      g_param_spec_uint ("neighbours", "Neighbours",
          "Examples that vote with method=knn; a class that was shown less "
          "often than half of them cannot win alone, so it is small", 1,
          SUPCON_MAX_NEIGHBOURS, 5, flags));
  ADD (examples_location,
      g_param_spec_string ("examples-location", "Examples location",
          "Index of labelled frames (supconindex writes it), usually those that "
          "were trained on: the evaluation also tells how right their 1, 20 "
          "and 200 nearest neighbours and the nearest centroid are", NULL,
          flags));
  ADD (evaluation_location,
      g_param_spec_string ("evaluation-location", "Evaluation location",
          "JSON file to write at the end of a stream that carries true labels: "
          "accuracy, calibration, confusion, reliability", NULL, flags));
}

static void
install_frame_properties (GParamFlags flags)
{
  const GParamFlags controllable = flags | GST_PARAM_CONTROLLABLE;

  ADD (top_k,
      g_param_spec_uint ("top-k", "Top k",
          "The most labels that a frame is tagged with", 1, GST_SUPCON_MAX_TAGS,
          1, controllable));
  ADD (threshold,
      g_param_spec_double ("threshold", "Threshold",
          "The least probability of a label that is given; a frame without one "
          "is tagged unknown (0: the most probable label always is given)",
          0, 1, 0, controllable));
  ADD (smoothing,
      g_param_spec_double ("smoothing", "Smoothing",
          "Weight of the frames before in the probabilities, p = s * p_before + "
          "(1 - s) * p (0: each frame for itself, right for unrelated pictures)",
          0, 1, 0, controllable));
  ADD (majority,
      g_param_spec_uint ("majority", "Majority",
          "Frames, this one the last, whose most probable labels are counted; "
          "the confidence is the share of them (1: each frame for itself)",
          1, SUPCON_MAX_MAJORITY, 1, controllable));
  ADD (hysteresis,
      g_param_spec_double ("hysteresis", "Hysteresis",
          "How much more probable than the last frame's label another must be "
          "to take its place, and how far below threshold that label may fall "
          "(0: labels change at once)", 0, 1, 0, controllable));
  ADD (learning,
      g_param_spec_boolean ("learning", "Learning",
          "Frames with a true label are examples for methods centroid and knn; "
          "otherwise they only are counted, and tagged like others", TRUE,
          flags));
  ADD (post_messages,
      g_param_spec_boolean ("post-messages", "Post messages",
          "Post a supcon-tags element message for each tagged frame", TRUE,
          flags));
  ADD (print_evaluation,
      g_param_spec_boolean ("print-evaluation", "Print evaluation",
          "Print accuracy and, of at most 100 classes, the confusion matrix to "
          "standard output at the end of a stream that carries true labels", FALSE, flags));
}

GstSupconSettingsClass *
gst_supcon_tagger_settings_install (GObjectClass * klass, gsize fields)
{
  settings_class = gst_supcon_settings_class_new (klass, 1, fields);
  install_start_properties (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY);
  install_frame_properties (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING);
  gst_type_mark_as_plugin_api (method_get_type (), 0);
  return settings_class;
}
