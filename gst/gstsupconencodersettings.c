/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconencodersettings.h"

#include "error.h"
#include "gstsupconenums.h"
#include "parallel.h"

#define MAX_BATCH_SIZE 1024

/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (GType, gst_supcon_encoder_layer_get_type, "GstSupconEncoderLayer",
    {GST_SUPCON_LAYER_EMBEDDING, "The encoder's output r", "embedding"},
    {GST_SUPCON_LAYER_PROJECTION, "The projection head's output z, of unit length", "projection"},
    {GST_SUPCON_LAYER_LOGITS, "The linear classifier's output", "logits"})
/* *INDENT-ON* */

static GstSupconSettingsClass *settings_class;

#define ADD(field, spec) \
  gst_supcon_settings_install (settings_class, \
      G_STRUCT_OFFSET (GstSupconEncoderSettings, field), spec)

static void
install_model_properties (GParamFlags ready)
{
  ADD (location, g_param_spec_string ("location", "Location",
          "Checkpoint to read: one that supcontrainer wrote, or a torchvision "
          "ResNet as safetensors; with model as well, what is used until the "
          "trainer shares its first", NULL, ready));
  ADD (model, g_param_spec_string ("model", "Model",
          "Name under which a supcontrainer of this process shares its model; "
          "frames pass without an embedding until there is one", NULL, ready));
  ADD (watch, g_param_spec_boolean ("watch", "Watch",
          "Read the checkpoint again, between two frames, when it is replaced; "
          "the one before stays in use when the new one is bad", FALSE, ready));
  ADD (encoder, g_param_spec_enum ("encoder", "Encoder",
          "Architecture of a checkpoint that does not say it itself",
          GST_TYPE_SUPCON_ENCODER_NAME, 0, ready));
  ADD (stem, g_param_spec_enum ("stem", "Stem",
          "Stem of a checkpoint that does not say it itself; its input is then "
          "224x224 (imagenet) or 32x32 (small)", GST_TYPE_SUPCON_STEM,
          SUPCON_STEM_IMAGENET, ready));
  ADD (width, g_param_spec_double ("width", "Width",
          "Factor of the channels of a checkpoint that does not say it itself",
          0.01, 8.0, 1.0, ready));
  ADD (threads, g_param_spec_uint ("threads", "Threads",
          "Threads to compute with; 0 = one for each processor that the "
          "process may use", 0, SUPCON_MAX_THREADS, 0, ready));
  ADD (precision, g_param_spec_enum ("precision", "Precision",
          "Numbers that the encoder computes with; float32, since the result "
          "then depends least on the processor", GST_TYPE_SUPCON_PRECISION,
          SUPCON_PRECISION_FLOAT32, ready));
}

static void
install_frame_properties (GParamFlags ready,
    GParamFlags playing)
{
  ADD (layer, g_param_spec_enum ("layer", "Layer",
          "Which of the model's outputs leaves; classifiers and retrieval work "
          "on the embedding (paper, section 3.1)",
          GST_TYPE_SUPCON_ENCODER_LAYER, GST_SUPCON_LAYER_EMBEDDING, ready));
  ADD (normalize, g_param_spec_boolean ("normalize", "Normalize",
          "Scale what leaves to unit length, as searches by cosine want it; "
          "the linear classifier wants it as it is", FALSE, playing));
  ADD (center_crop, g_param_spec_double ("center-crop", "Center crop",
          "Encode this share, to each side, of the largest middle part of the "
          "frame or region that has the shape of the model's input (0.875 is "
          "usual for ImageNet); 0: the whole, so that nothing is left out",
          0.0, 1.0, 0.0, ready));
  ADD (interpolation, g_param_spec_enum ("interpolation", "Interpolation",
          "How frames are resized to the model's input; bilinear is "
          "torchvision's default", GST_TYPE_SUPCON_INTERPOLATION,
          SUPCON_INTERPOLATION_BILINEAR, ready));
  ADD (interval, g_param_spec_uint ("interval", "Interval",
          "Encode every so many frames; those between carry the last result",
          1, G_MAXUINT, 1, playing));
  ADD (batch_size, g_param_spec_uint ("batch-size", "Batch size",
          "Frames to encode at once; more take less time for each, and come "
          "later. 1, since a live frame is not to wait for others", 1,
          MAX_BATCH_SIZE, 1, ready));
  ADD (batch_timeout, g_param_spec_uint64 ("batch-timeout", "Batch timeout",
          "Nanoseconds that the first frame of a batch waits for the others at "
          "most; 0: as long as batch-size frames last by the caps, or at 25 a "
          "second where those do not tell", 0, G_MAXINT64, 0, ready));
  ADD (regions, g_param_spec_boolean ("regions", "Regions",
          "Encode each region of interest that a frame carries, all at once, "
          "in place of the whole frame; a frame without any is encoded whole",
          FALSE, playing));
  ADD (skipped_regions, g_param_spec_uint64 ("skipped-regions",
          "Skipped regions",
          "Regions that lie outside their frame; those that stick out of it "
          "are cut", 0, G_MAXUINT64, 0,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

GstSupconSettingsClass *
gst_supcon_encoder_settings_install (GObjectClass * klass, gsize fields)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  settings_class = gst_supcon_settings_class_new (klass, 1, fields);
  install_model_properties (flags | GST_PARAM_MUTABLE_READY);
  install_frame_properties (flags | GST_PARAM_MUTABLE_READY,
      flags | GST_PARAM_MUTABLE_PLAYING);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_ENCODER_LAYER, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_ENCODER_NAME, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_STEM, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_INTERPOLATION, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_PRECISION, 0);
  return settings_class;
}

GstSupconInference *
gst_supcon_encoder_settings_open (const GstSupconEncoderSettings * settings,
    GError ** error)
{
  SupconModelConfig fallback;

  if (!settings->location && !settings->model) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND,
        "The property location is not set, nor is model; expected a "
        "checkpoint or the name of a model that a supcontrainer shares.");
    return NULL;
  }
  supcon_model_config_init (&fallback);
  g_strlcpy (fallback.encoder,
      gst_supcon_enum_nick (GST_TYPE_SUPCON_ENCODER_NAME, settings->encoder),
      sizeof fallback.encoder);
  fallback.stem = settings->stem;
  fallback.width = settings->width;
  fallback.input_width = fallback.input_height =
      settings->stem == SUPCON_STEM_IMAGENET ? 224 : 32;
  return gst_supcon_inference_new (gst_supcon_model_source_new
      (settings->model, settings->location, settings->watch, &fallback),
      settings->layer, settings->threads, settings->precision,
      (GstSupconPreparation) {settings->interpolation, settings->center_crop},
      error);
}
