/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconenums.h"

#include "augment/resize.h"
#include "model/model.h"

/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (GType, gst_supcon_encoder_name_get_type, "GstSupconEncoderName",
    {0, "ResNet-18", "resnet18"},
    {1, "ResNet-34", "resnet34"},
    {2, "ResNet-50", "resnet50"},
    {3, "ResNet-101", "resnet101"},
    {4, "ResNet-152", "resnet152"},
    {5, "ResNet-200", "resnet200"},
    {6, "ResNet-8 for small pictures", "resnet8"},
    {GST_SUPCON_ENCODER_NAME_RESNET20, "ResNet-20 for small pictures", "resnet20"},
    {8, "ResNet-32 for small pictures", "resnet32"},
    {9, "ResNet-56 for small pictures", "resnet56"},
    {10, "ResNet-110 for small pictures", "resnet110"})

GST_SUPCON_DEFINE_ENUM (GType, gst_supcon_stem_get_type, "GstSupconStem",
    {SUPCON_STEM_IMAGENET, "7x7 convolution of stride 2 and maximum pool", "imagenet"},
    {SUPCON_STEM_SMALL, "3x3 convolution of stride 1", "small"})

GST_SUPCON_DEFINE_ENUM (GType, gst_supcon_projection_get_type, "GstSupconProjection",
    {SUPCON_PROJECTION_MLP, "One hidden layer with ReLU", "mlp"},
    {SUPCON_PROJECTION_LINEAR, "One layer", "linear"},
    {SUPCON_PROJECTION_NONE, "The embedding itself, of unit length", "none"})

GST_SUPCON_DEFINE_ENUM (GType, gst_supcon_precision_get_type, "GstSupconPrecision",
    {SUPCON_PRECISION_FLOAT32, "32 bits throughout", "float32"},
    {SUPCON_PRECISION_BFLOAT16, "The encoder's activations in 16 bits, sums and weights in 32", "bfloat16"},
    {SUPCON_PRECISION_AUTO, "bfloat16 where the processor multiplies it, else float32", "auto"})

GST_SUPCON_DEFINE_ENUM (GType, gst_supcon_interpolation_get_type, "GstSupconInterpolation",
    {SUPCON_INTERPOLATION_BILINEAR, "Bilinear, antialiased", "bilinear"},
    {SUPCON_INTERPOLATION_BICUBIC, "Bicubic (a = -0.5), antialiased", "bicubic"})
/* *INDENT-ON* */

const gchar *
gst_supcon_enum_nick (GType type, gint value)
{
  GEnumClass *klass = g_type_class_ref (type);
  const gchar *nick = g_enum_get_value (klass, value)->value_nick;

  g_type_class_unref (klass);
  return nick;
}
