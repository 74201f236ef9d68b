/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which operations there are and what they take. */
#include <math.h>

#include "augment/program_private.h"

#define FACTOR                                                                                                         \
  {                                                                                                                    \
    {                                                                                                                  \
      "factor", 0, 10, NAN, NAN, REAL                                                                                  \
    }                                                                                                                  \
  }

/* How shears and turns sample: 0 takes the nearest pixel, 1 samples bilinearly. */
#define BILINEAR                                                                                                       \
  {                                                                                                                    \
    "bilinear", 0, 1, 0, 0, WHOLE                                                                                      \
  }
#define SEVERITY                                                                                                       \
  {                                                                                                                    \
    {                                                                                                                  \
      "severity", 1, 5, NAN, NAN, WHOLE                                                                                \
    }                                                                                                                  \
  }

const Operation supcon_operations[SUPCON_N_OPERATIONS] = {
  [SUPCON_OPERATION_CROP]
  = { "crop", { { "scale", 0, 1, 0.08, 1, INTERVAL }, { "ratio", 0.01, 100, 3.0 / 4, 4.0 / 3, INTERVAL } } },
  [SUPCON_OPERATION_FLIP] = { "flip", { { 0 } } },
  [SUPCON_OPERATION_COLOR] = { "color", { { "amount", 0, 2, 0.8, 0.8, REAL }, { "hue", 0, 0.5, 0.2, 0.2, REAL } } },
  [SUPCON_OPERATION_GREYSCALE] = { "greyscale", { { 0 } } },
  [SUPCON_OPERATION_BLUR] = { "blur", { { "sigma", 0.01, 100, 0.1, 2, REAL }, { "kernel", 0, 1, 0.1, 0.1, REAL } } },
  [SUPCON_OPERATION_BRIGHTNESS] = { "brightness", FACTOR },
  [SUPCON_OPERATION_CONTRAST] = { "contrast", FACTOR },
  [SUPCON_OPERATION_SATURATION] = { "saturation", FACTOR },
  [SUPCON_OPERATION_HUE] = { "hue", { { "shift", -0.5, 0.5, NAN, NAN, REAL } } },
  [SUPCON_OPERATION_SHARPNESS] = { "sharpness", FACTOR },
  [SUPCON_OPERATION_POSTERIZE] = { "posterize", { { "bits", 0, 8, NAN, NAN, REAL } } },
  [SUPCON_OPERATION_SOLARIZE] = { "solarize", { { "threshold", 0, 256, NAN, NAN, REAL } } },
  [SUPCON_OPERATION_AUTO_CONTRAST] = { "auto-contrast", { { 0 } } },
  [SUPCON_OPERATION_EQUALIZE] = { "equalize", { { 0 } } },
  [SUPCON_OPERATION_INVERT] = { "invert", { { 0 } } },
  [SUPCON_OPERATION_IDENTITY] = { "identity", { { 0 } } },
  [SUPCON_OPERATION_SHEAR_X] = { "shear-x", { { "slope", -10, 10, NAN, NAN, REAL }, BILINEAR } },
  [SUPCON_OPERATION_SHEAR_Y] = { "shear-y", { { "slope", -10, 10, NAN, NAN, REAL }, BILINEAR } },
  [SUPCON_OPERATION_TRANSLATE_X]
  = { "translate-x", { { "share", -1, 1, 0, 0, REAL }, { "pixels", -32767, 32767, 0, 0, REAL } } },
  [SUPCON_OPERATION_TRANSLATE_Y]
  = { "translate-y", { { "share", -1, 1, 0, 0, REAL }, { "pixels", -32767, 32767, 0, 0, REAL } } },
  [SUPCON_OPERATION_ROTATE] = { "rotate", { { "degrees", -360, 360, NAN, NAN, REAL }, BILINEAR } },
  [SUPCON_OPERATION_ERASE]
  = { "erase", { { "scale", 0, 1, 0.02, 0.33, INTERVAL }, { "ratio", 0.01, 100, 0.3, 3.3, INTERVAL },
                   { "fill", -1, 255, 0, 0, REAL } } },
  [SUPCON_OPERATION_PICK] = { "pick", { { "count", 1, MAX_PICKS, 1, 1, WHOLE } } },
  [SUPCON_OPERATION_MIX] = { "mix", { { "width", 1, MAX_WIDTH, 3, 3, WHOLE }, { "depth", -1, MAX_DEPTH, -1, -1, WHOLE },
                                        { "alpha", 0.01, 100, 1, 1, REAL } } },
  [SUPCON_OPERATION_WARP] = { "warp",
      { { "length", 0, 1, 0, 23.0 / 224, REAL }, { "points", 2, 4, 2, 2, WHOLE }, { "boundary", 0, 8, 0, 0, WHOLE } } },
  [SUPCON_OPERATION_CUTOUT] = { "cutout", { { "size", 0, 2, 0.5, 0.5, REAL }, { "fill", -1, 255, 0, 0, REAL } } },
  [SUPCON_OPERATION_GAUSSIAN_NOISE] = { "gaussian-noise", SEVERITY },
  [SUPCON_OPERATION_SHOT_NOISE] = { "shot-noise", SEVERITY },
  [SUPCON_OPERATION_IMPULSE_NOISE] = { "impulse-noise", SEVERITY },
  [SUPCON_OPERATION_DEFOCUS_BLUR] = { "defocus-blur", SEVERITY },
  [SUPCON_OPERATION_GLASS_BLUR] = { "glass-blur", SEVERITY },
  [SUPCON_OPERATION_MOTION_BLUR] = { "motion-blur", SEVERITY },
  [SUPCON_OPERATION_ZOOM_BLUR] = { "zoom-blur", SEVERITY },
  [SUPCON_OPERATION_SNOW] = { "snow", SEVERITY },
  [SUPCON_OPERATION_FROST] = { "frost", SEVERITY },
  [SUPCON_OPERATION_FOG] = { "fog", SEVERITY },
  [SUPCON_OPERATION_CORRUPT_BRIGHTNESS] = { "corrupt-brightness", SEVERITY },
  [SUPCON_OPERATION_CORRUPT_CONTRAST] = { "corrupt-contrast", SEVERITY },
  [SUPCON_OPERATION_ELASTIC] = { "elastic", SEVERITY },
  [SUPCON_OPERATION_PIXELATE] = { "pixelate", SEVERITY },
  [SUPCON_OPERATION_JPEG] = { "jpeg", SEVERITY },
  [SUPCON_OPERATION_CENTER_CROP] = { "center-crop", { { "share", 0, 1, 1, 1, REAL } } },
  [SUPCON_OPERATION_BICUBIC] = { "bicubic", { { 0 } } },
  [SUPCON_OPERATION_COMPOSE] = { "compose", { { 0 } } },
};

const gchar *
supcon_operation_name (SupconOperation operation)
{
  return supcon_operations[operation].name;
}

static void
add_values (GString *text, const SupconStep *step, guint n)
{
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];

  for (guint i = 0; i < n; i++)
    g_string_append_printf (
        text, "%s%s", i ? "," : "(", g_ascii_formatd (number, sizeof number, "%.6g", step->values[i]));
  g_string_append (text, n ? ")" : "");
}

gchar *
supcon_draws_to_text (const SupconDraws *draws)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < draws->n_steps; i++) {
    const SupconStep *step = &draws->steps[i];
    const gchar *name = supcon_operations[step->operation].name;
    guint n = 0;

    g_string_append_printf (text, "%s%s", i ? " " : "", name ? name : "chain");
    switch (step->operation) {
    case SUPCON_OPERATION_COLOR:
      add_values (text, step, 4);
      g_string_append_printf (text, "[order %u%u%u%u]", step->order[0], step->order[1], step->order[2], step->order[3]);
      break;
    case SUPCON_OPERATION_ERASE:
    case SUPCON_OPERATION_CUTOUT:
      add_values (text, step, 5);
      break;
    case SUPCON_OPERATION_MIX:
    case SUPCON_OPERATION_GROUP:
      add_values (text, step, 2);
      break;
    default:
      while (n < MAX_ARGUMENTS && supcon_operations[step->operation].arguments[n].name)
        n++;
      add_values (text, step, n);
      break;
    }
  }
  return g_string_free (text, FALSE);
}
