/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/policy.h"

#include "augment/autoaugment.h"

void
supcon_policy_init (SupconPolicy *policy, SupconPolicyKind kind)
{
  *policy = (SupconPolicy){ .kind = kind,
    .scale_min = 0.08,
    .scale_max = 1.0,
    .ratio_min = 3.0 / 4.0,
    .ratio_max = 4.0 / 3.0,
    .flip_probability = 0.5,
    .strength = 1.0,
    .color_probability = 0.8,
    .greyscale_probability = 0.2,
    .blur_probability = 0.5,
    .sigma_min = 0.1,
    .sigma_max = 2.0,
    .num_ops = 2,
    .num_magnitude_bins = 31,
    .magnitude = 9.0,
    .warp_length = 23.0 / 224.0,
    .warp_points = 2,
    .severity = 3,
    .mixture_width = 3,
    .chain_depth = -1,
    .alpha = 1.0,
    .cutout_size = 0.5 };
}

/* Appends pattern, each # of it replaced by a number, whatever the locale. */
static void
add (GString *text, const gchar *pattern, ...)
{
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];
  va_list args;

  va_start (args, pattern);
  for (; *pattern; pattern++) {
    if (*pattern == '#')
      g_string_append (text, g_ascii_dtostr (number, sizeof number, va_arg (args, double)));
    else
      g_string_append_c (text, *pattern);
  }
  va_end (args);
}

/* What magnitudes mean: of AutoAugment and RandAugment, and of TrivialAugment's wide space. */
static const struct {
  SupconOperation operation;
  const gchar *prefix; /* what stands before the magnitude */
  double low, high;
  const gchar *wide_prefix;
  double wide_low, wide_high;
} magnitudes[] = {
  { SUPCON_OPERATION_IDENTITY, NULL, 0, 0, NULL, 0, 0 },
  { SUPCON_OPERATION_SHEAR_X, "+-", 0, 0.3, "+-", 0, 0.99 },
  { SUPCON_OPERATION_SHEAR_Y, "+-", 0, 0.3, "+-", 0, 0.99 },
  { SUPCON_OPERATION_TRANSLATE_X, "+-", 0, 150.0 / 331.0, "pixels=+-", 0, 32 },
  { SUPCON_OPERATION_TRANSLATE_Y, "+-", 0, 150.0 / 331.0, "pixels=+-", 0, 32 },
  { SUPCON_OPERATION_ROTATE, "+-", 0, 30, "+-", 0, 135 },
  { SUPCON_OPERATION_BRIGHTNESS, "1+-", 0, 0.9, "1+-", 0, 0.99 },
  { SUPCON_OPERATION_SATURATION, "1+-", 0, 0.9, "1+-", 0, 0.99 },
  { SUPCON_OPERATION_CONTRAST, "1+-", 0, 0.9, "1+-", 0, 0.99 },
  { SUPCON_OPERATION_SHARPNESS, "1+-", 0, 0.9, "1+-", 0, 0.99 },
  { SUPCON_OPERATION_POSTERIZE, "", 8, 4, "", 8, 2 },
  { SUPCON_OPERATION_SOLARIZE, "", 255, 0, "", 255, 0 },
  { SUPCON_OPERATION_AUTO_CONTRAST, NULL, 0, 0, NULL, 0, 0 },
  { SUPCON_OPERATION_EQUALIZE, NULL, 0, 0, NULL, 0, 0 },
};

/* An operation by a share of its largest magnitude. */
static void
add_operation (GString *text, SupconOperation operation, double share, double probability)
{
  add (text, " ");
  g_string_append (text, supcon_operation_name (operation));
  add (text, "(");
  for (guint i = 0; i < G_N_ELEMENTS (magnitudes); i++)
    if (magnitudes[i].operation == operation && magnitudes[i].prefix) {
      add (text, magnitudes[i].prefix);
      add (text, "#,", magnitudes[i].low + share * (magnitudes[i].high - magnitudes[i].low));
    }
  add (text, "p=#)", probability);
}

static void
add_color (GString *text, const SupconPolicy *policy)
{
  add (text, " color(#,hue=#,p=#)", 0.8 * policy->strength, 0.2 * policy->strength, policy->color_probability);
}

static void
add_blur (GString *text, const SupconPolicy *policy)
{
  add (text, " blur(#:#,p=#)", policy->sigma_min, policy->sigma_max, policy->blur_probability);
}

static void
add_warp (GString *text, const SupconPolicy *policy)
{
  if (policy->warp_probability > 0)
    add (text, " warp(0:#,points=#,boundary=#,p=#)", policy->warp_length, (double)policy->warp_points,
        (double)policy->warp_boundary, policy->warp_probability);
}

static void
add_autoaugment (GString *text, const SupconPolicy *policy)
{
  add (text, " pick(1){");
  for (guint i = 0; i < SUPCON_N_SUB_POLICIES; i++) {
    add (text, " {");
    for (guint k = 0; k < 2; k++)
      add_operation (text, supcon_autoaugment[policy->table][i][k].operation,
          supcon_autoaugment[policy->table][i][k].ninths / 9.0, supcon_autoaugment[policy->table][i][k].probability);
    add (text, " }");
  }
  add (text, " }");
}

static void
add_randaugment (GString *text, const SupconPolicy *policy)
{
  double most = policy->num_magnitude_bins - 1;

  add (text, " pick(#){", (double)policy->num_ops);
  for (guint i = 0; i < G_N_ELEMENTS (magnitudes); i++)
    add_operation (text, magnitudes[i].operation, MIN (policy->magnitude, most) / most, 1.0);
  add (text, " }");
}

static void
add_trivialaugment (GString *text, const SupconPolicy *policy)
{
  add (text, " pick(1){");
  for (guint i = 0; i < G_N_ELEMENTS (magnitudes); i++) {
    add (text, " ");
    g_string_append (text, supcon_operation_name (magnitudes[i].operation));
    if (magnitudes[i].wide_prefix) {
      add (text, "(");
      add (text, magnitudes[i].wide_prefix);
      add (text, "#:#/#)", magnitudes[i].wide_low, magnitudes[i].wide_high, (double)policy->num_magnitude_bins);
    }
  }
  add (text, " }");
}

/* torchvision's space: RandAugment's but for moves by a third, 4 to 0 bits, and no identity; sampled bilinearly. */
static void
add_augmix (GString *text, const SupconPolicy *policy)
{
  double share = (policy->severity - 1) / 9.0;

  add (text, " mix(#,#,#){", (double)policy->mixture_width, (double)policy->chain_depth, policy->alpha);
  for (guint i = 1; i < G_N_ELEMENTS (magnitudes); i++) {
    SupconOperation operation = magnitudes[i].operation;
    double low = magnitudes[i].low, high = magnitudes[i].high;

    if (operation == SUPCON_OPERATION_TRANSLATE_X || operation == SUPCON_OPERATION_TRANSLATE_Y)
      high = 1.0 / 3;
    if (operation == SUPCON_OPERATION_POSTERIZE)
      low = 4, high = 0;
    add (text, " ");
    g_string_append (text, supcon_operation_name (operation));
    if (!magnitudes[i].prefix)
      continue;
    add (text, "(");
    add (text, magnitudes[i].prefix);
    add (text, "#", low);
    if (policy->severity > 1)
      add (text, ":#/#", low + share * (high - low), (double)policy->severity);
    if (operation == SUPCON_OPERATION_SHEAR_X || operation == SUPCON_OPERATION_SHEAR_Y
        || operation == SUPCON_OPERATION_ROTATE)
      add (text, ",bilinear=1");
    add (text, ")");
  }
  add (text, " }");
}

gchar *
supcon_policy_to_text (const SupconPolicy *policy)
{
  GString *text = g_string_new (NULL);

  if (policy->kind != SUPCON_POLICY_NONE)
    add (text, "crop(scale=#:#,ratio=#:#) flip(#)", policy->scale_min, policy->scale_max, policy->ratio_min,
        policy->ratio_max, policy->flip_probability);
  else if (policy->center_crop > 0)
    add (text, "center-crop(#)", policy->center_crop);
  if (policy->interpolation == SUPCON_INTERPOLATION_BICUBIC)
    add (text, " bicubic");
  if (policy->kind == SUPCON_POLICY_NONE)
    return g_string_free (text, FALSE);
  switch (policy->kind) {
  case SUPCON_POLICY_SIMAUGMENT:
    add_color (text, policy);
    add (text, " greyscale(#)", policy->greyscale_probability);
    add_blur (text, policy);
    add_warp (text, policy);
    break;
  case SUPCON_POLICY_AUTOAUGMENT:
    add_autoaugment (text, policy);
    break;
  case SUPCON_POLICY_RANDAUGMENT:
    add_randaugment (text, policy);
    break;
  case SUPCON_POLICY_STACKED_RANDAUGMENT:
    add_color (text, policy);
    add_blur (text, policy);
    add_randaugment (text, policy);
    add (text, " greyscale(#)", policy->greyscale_probability);
    add_warp (text, policy);
    break;
  case SUPCON_POLICY_AUGMIX:
    add_augmix (text, policy);
    break;
  case SUPCON_POLICY_TRIVIALAUGMENT:
    add_trivialaugment (text, policy);
    break;
  default:
    break;
  }
  if (policy->erase_probability > 0)
    add (text, " erase(fill=#,p=#)", policy->erase_fill, policy->erase_probability);
  if (policy->cutout_probability > 0)
    add (text, " cutout(#,fill=#,p=#)", policy->cutout_size, policy->erase_fill, policy->cutout_probability);
  return g_string_free (text, FALSE);
}
