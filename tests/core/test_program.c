/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The language of policies: mistakes and their columns, that draws are independent. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apply_policy.h"
#include "augment/autoaugment.h"
#include "check_main.h"
#include "error.h"
#include "rng.h"

START_TEST (test_mistakes)
{
  static const struct {
    const gchar *text, *column, *expected;
  } mistakes[] = {
    { "crop flop", "column 6: 'flop'", "an operation" },
    { "flip crop", "column 6: 'crop'", "crop only in the first place" },
    { "pick(2){crop}", "column 9: 'crop'", "crop only in the first place" },
    { "flip(1.5)", "column 6: '1.5'", "p from 0 to 1" },
    { "flip(0.1:0.2)", "column 6: '0.1:0.2'", "a probability, one number" },
    { "blur(0.1:2,q=1)", "column 12: 'q=1'", "sigma=, kernel=, p=" },
    { "blur(0.1:2,p=)", "column 14: ')'", "a number" },
    { "blur(0.1:2,p 1)", "column 14: '1'", "'='" },
    { "blur(0.1:2", "column 11: the end", "',' or ')'" },
    { "rotate(nan)", "column 8: 'nan'", "p=" },
    { "rotate(1e999)", "column 8: '1e999'", "a number" },
    { "rotate(0x10)", "column 8: '0x10'", "a number" },
    { "rotate(+-0X1)", "column 10: '0X1'", "a number" },
    { "rotate(+-30,0.6)", "column 13: '0.6'", "bilinear as a whole number from 0 to 1" },
    { "rotate(30,0:1)", "column 11: '0:1'", "bilinear as a whole number from 0 to 1" },
    { "rotate(30,bilinear=2)", "column 20: '2'", "bilinear from 0 to 1" },
    { "shear-x(1,+-0.5)", "column 11: '+-0.5'", "bilinear as a whole number" },
    { "jpeg(2.5)", "column 6: '2.5'", "severity as a whole number from 1 to 5" },
    { "fog(1|2.5)", "column 5: '1|2.5'", "severity as a whole number" },
    { "snow(2.5+-1)", "column 6: '2.5+-1'", "severity as a whole number" },
    { "fog(1:5/4)", "column 5: '1:5/4'", "severity as a whole number" },
    { "warp(0.1,points=2.5)", "column 17: '2.5'", "points as a whole number from 2 to 4" },
    { "warp(0.1,boundary=0.5)", "column 19: '0.5'", "boundary as a whole number from 0 to 8" },
    { "rotate", "column 1: 'rotate'", "rotate(degrees)" },
    { "rotate(+-400)", "column 8: '+-400'", "degrees from -360 to 360" },
    { "rotate(1,1,1,1)", "column 14: '1'", "at most 3 values" },
    { "brightness(0.5+-0.6)", "column 12: '0.5+-0.6'", "factor from 0 to 10" },
    { "posterize(9)", "column 11: '9'", "bits from 0 to 8" },
    { "solarize(0:256/1)", "column 16: '1'", "how many values" },
    { "solarize(0:256/2.5)", "column 16: '2.5'", "how many values" },
    { "solarize(1|2|3|4|5|6|7|8|9)", "column 26: '9'", "at most 8 choices" },
    { "crop(scale=0.5+-0.2)", "column 12: '0.5+-0.2'", "scale as a number or as low:high" },
    { "crop(scale=0.1:0.9/3)", "column 12: '0.1:0.9/3'", "scale as a number or as low:high" },
    { "crop(scale=0.1|0.2)", "column 12: '0.1|0.2'", "scale as a number or as low:high" },
    { "pick(2)", "column 8: the end", "'{'" },
    { "pick(2){", "column 9: the end", "'}'" },
    { "pick(2){}", "column 9: '}'", "something to pick from" },
    { "pick(1.5){flip}", "column 6: '1.5'", "count as a whole number from 1 to 16" },
    { "pick(1|2){flip}", "column 1: 'pick'", "a whole number" },
    { "pick(2){pick{flip}}", "column 9: 'pick'", "no pick or mix inside" },
    { "mix{flip mix{flip}}", "column 10: 'mix'", "no pick or mix inside" },
    { "mix(1|3){flip}", "column 1: 'mix'", "whole numbers" },
    { "mix(3,1|2){flip}", "column 1: 'mix'", "whole numbers" },
    { "mix(6){flip}", "column 5: '6'", "width from 1 to 5" },
    { "mix(3,4){flip}", "column 7: '4'", "depth from -1 to 3" },
    { "mix(3,-1,0){flip}", "column 10: '0'", "alpha from 0.01 to 100" },
    { "fog(0)", "column 5: '0'", "severity from 1 to 5" },
    { "warp(0.1,points=1)", "column 17: '1'", "points from 2 to 4" },
    { "pick(17){flip}", "column 6: '17'", "count from 1 to 16" },
    { "}", "column 1: '}'", "an operation" },
    { "{{{{{{{{{{{{{{{{{flip}}}}}}}}}}}}}}}}}", "column 17: '{", "at most 16 groups" },
    { "flip(0.5,1)", "column 10: '1'", "at most 1 value" },
    { "color flip frog", "column 12: 'frog'", "(crop, flip, color, greyscale" },
    { "frog", "column 1: 'frog'", "fog, corrupt-brightness" },
    { "frog", "column 1: 'frog'", "bicubic, compose)" },
    { "flip pick(16){{invert invert}} hue(0)", "column 6: 'pick'", "at most 32 operations" },
    { "pick(16){{invert invert}} invert", "column 27: 'invert'", "at most 32 operations" },
    { "pick(16){{invert invert invert}}", "column 1: 'pick'", "at most 32 operations" },
    { "pick(16){{invert invert invert} invert}", "column 1: 'pick'", "at most 32 operations" },
    /* A mix of three chains of three is 13 steps: itself, and a head before each chain. */
    { "mix(3,3){invert} mix(3,3){invert} invert invert invert invert invert invert hue(0)", "column 77: 'hue'",
        "at most 32 operations" },
    { "\xff\xfe", "column 1: '", "an operation" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++) {
    GError *error = NULL;

    ck_assert_msg (supcon_program_parse (mistakes[i].text, &error) == NULL, "%s", mistakes[i].text);
    ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS));
    ck_assert_msg (strstr (error->message, mistakes[i].column) && strstr (error->message, mistakes[i].expected),
        "%s: %s", mistakes[i].text, error->message);
    ck_assert (g_utf8_validate (error->message, -1, NULL));
    g_error_free (error);
  }
}
END_TEST

/* Each place of an operation draws numbers of its own, of which there are so many. */
START_TEST (test_occurrences)
{
  GString *text = g_string_new ("pick(1){");
  GError *error = NULL;
  SupconProgram *program;

  for (guint i = 0; i < 64; i++)
    g_string_append (text, "invert ");
  g_string_append (text, "}");
  program = supcon_program_parse (text->str, &error);
  ck_assert_msg (program != NULL, "%s", error ? error->message : "");
  supcon_program_free (program);
  /* One group after the other is none inside the other. */
  program = supcon_program_parse ("pick{invert} mix{invert} pick{invert}", &error);
  ck_assert_msg (program != NULL, "%s", error ? error->message : "");
  supcon_program_free (program);
  g_string_append (text, " invert");
  ck_assert_ptr_null (supcon_program_parse (text->str, &error));
  ck_assert_msg (strstr (error->message, "it at most 64 times") != NULL, "%s", error->message);
  g_error_free (error);
  g_string_free (text, TRUE);
}
END_TEST

static const gchar *const texts[] = {
  "crop(scale=0.2:1) flip(0.5) color(0.4,p=0.8) greyscale(0.2) blur(0.1:2,p=0.5)",
  "pick(2){ identity shear-x(+-0:0.3/31) equalize {posterize(4,p=0.4) rotate(+-30,p=0.6)} } erase(p=0.3)",
  "fog(1:5/5) jpeg(3+-2) snow(1|3) rotate(30,0|1) shear-x(0.1,0:1/2) warp(points=2:4/2) posterize(1.5) rotate(0e0)",
  "brightness(1+-0:0.9/10) solarize(10|20|200) translate-x(pixels=+-3) hue(-0.1:0.1) sharpness(2)",
};

/* Texts with random changes parse or name a column, and what parses can be drawn and applied. */
START_TEST (test_mutations)
{
  static const gchar alphabet[] = "{}():/|,=+-.0129 pcropflickshearbu\xff";
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  guint8 in[5 * 7 * 3] = { 9, 200, 30 }, out[6 * 4 * 3];
  SupconImage picture = { .pixels = in, .stride = 15, .width = 5, .height = 7, .channels = 3 },
              view = { .pixels = out, .stride = 18, .width = 6, .height = 4, .channels = 3 };
  guint parsed = 0;
  SupconRng rng;

  supcon_rng_init (&rng, 5, 0, 0, 0);
  for (guint i = 0; i < 30000; i++) {
    gchar *text = g_strdup (texts[i % G_N_ELEMENTS (texts)]);
    guint n = (guint)strlen (text);
    SupconProgram *program;
    GError *error = NULL;

    for (guint changes = 1 + supcon_rng_below (&rng, 3); changes > 0; changes--)
      text[supcon_rng_below (&rng, n)] = alphabet[supcon_rng_below (&rng, sizeof alphabet)];
    program = supcon_program_parse (text, &error);
    if (program) {
      supcon_augmenter_apply (augmenter, program, 1, i, 0, &picture, &view);
      supcon_program_free (program);
      parsed++;
    } else {
      ck_assert_msg (strstr (error->message, "column ") != NULL, "%s", error->message);
      g_error_free (error);
    }
    g_free (text);
  }
  ck_assert_uint_gt (parsed, 300);
  ck_assert_uint_lt (parsed, 29000);
  supcon_augmenter_free (augmenter);
}
END_TEST

static void
draw (const SupconProgram *program, guint64 sample, SupconDraws *draws)
{
  supcon_program_draw (program, 7, sample, 0, 64, 48, 32, 32, draws);
}

/* What an operation draws is the same whatever else stands in the program. */
START_TEST (test_independent)
{
  SupconProgram *alone = parse_program ("rotate(-30:30,p=0.7)");
  SupconProgram *together = parse_program ("crop flip(0.5) color(0.4) blur(p=0.5) rotate(-30:30,p=0.7) equalize(0.1)");

  for (guint i = 0; i < 1000; i++) {
    const SupconStep *rotation = NULL;
    SupconDraws a, b;

    draw (alone, i, &a);
    draw (together, i, &b);
    for (guint k = 0; k < b.n_steps; k++)
      if (b.steps[k].operation == SUPCON_OPERATION_ROTATE)
        rotation = &b.steps[k];
    ck_assert_uint_eq (a.n_steps, rotation != NULL);
    if (rotation)
      ck_assert (a.steps[0].values[0] == rotation->values[0]);
  }
  supcon_program_free (alone);
  supcon_program_free (together);
}
END_TEST

START_TEST (test_kinds)
{
  for (guint kind = SUPCON_POLICY_NONE; kind <= SUPCON_POLICY_AUGMIX; kind++) {
    SupconPolicy policy;
    gchar *text;

    supcon_policy_init (&policy, kind);
    policy.erase_probability = policy.cutout_probability = policy.warp_probability = 1.0;
    text = supcon_policy_to_text (&policy);
    supcon_program_free (parse_program (text));
    g_free (text);
  }
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    supcon_program_free (parse_program (texts[i]));
}
END_TEST

/* The same text, numbers to 9 digits. */
static void
assert_text (const SupconPolicy *policy, const gchar *expected)
{
  gchar *text = supcon_policy_to_text (policy), *at = text;

  for (const gchar *e = expected; *at || *e;) {
    if (g_ascii_isdigit (*at) && g_ascii_isdigit (*e)) {
      double number = g_ascii_strtod (at, &at), wanted = g_ascii_strtod (e, (gchar **)&e);

      check_number (
          fabs (number - wanted) <= 1e-9 * wanted, "%s: %.17g where %s has %.17g", text, number, expected, wanted);
    } else {
      check_number (*at == *e, "%s: '%s' where %s has '%s'", text, at, expected, e);
      at++, e++;
    }
  }
  g_free (text);
}

/* What policies are by themselves: SimCLR's for a small picture's views (paper, appendix), torchvision's of AugMix, a
 * square of half a side; and no warp unless it is asked for. */
START_TEST (test_defaults)
{
  SupconPolicy policy;
  gchar *text;

  supcon_policy_init (&policy, SUPCON_POLICY_SIMAUGMENT);
  policy.cutout_probability = 1;
  assert_text (&policy, "crop(scale=0.08:1,ratio=0.75:1.3333333333333333) flip(0.5) color(0.8,hue=0.2,p=0.8)"
                        " greyscale(0.2) blur(0.1:2,p=0.5) cutout(0.5,fill=0,p=1)");
  supcon_policy_init (&policy, SUPCON_POLICY_AUGMIX);
  text = supcon_policy_to_text (&policy);
  ck_assert_msg (strstr (text, " mix(3,-1,1){") && strstr (text, "/3)"), "%s", text);
  g_free (text);
}
END_TEST

/* Every number of a policy reaches the text: none of these is a default, and the second set is not the first. */
START_TEST (test_numbers)
{
  SupconPolicy policy;

  policy = (SupconPolicy){ .kind = SUPCON_POLICY_SIMAUGMENT,
    .scale_min = 0.25,
    .scale_max = 0.75,
    .ratio_min = 0.5,
    .ratio_max = 2,
    .flip_probability = 0.125,
    .strength = 0.5,
    .color_probability = 0.7,
    .greyscale_probability = 0.3,
    .blur_probability = 0.6,
    .sigma_min = 0.4,
    .sigma_max = 3,
    .warp_probability = 0.9,
    .warp_length = 0.15,
    .warp_points = 3,
    .warp_boundary = 5,
    .erase_probability = 0.35,
    .erase_fill = 77,
    .cutout_probability = 0.45,
    .cutout_size = 0.625 };
  assert_text (&policy, "crop(scale=0.25:0.75,ratio=0.5:2) flip(0.125) color(0.4,hue=0.1,p=0.7) greyscale(0.3)"
                        " blur(0.4:3,p=0.6) warp(0:0.15,points=3,boundary=5,p=0.9) erase(fill=77,p=0.35)"
                        " cutout(0.625,fill=77,p=0.45)");
  policy = (SupconPolicy){ .kind = SUPCON_POLICY_SIMAUGMENT,
    .interpolation = SUPCON_INTERPOLATION_BICUBIC,
    .scale_min = 0.1,
    .scale_max = 0.9,
    .ratio_min = 1,
    .ratio_max = 3,
    .flip_probability = 1,
    .strength = 2,
    .color_probability = 0.2,
    .greyscale_probability = 0.6,
    .blur_probability = 0.1,
    .sigma_min = 1.5,
    .sigma_max = 1.75,
    .warp_probability = 0.3,
    .warp_length = 0.05,
    .warp_points = 4,
    .warp_boundary = 1,
    .erase_probability = 1,
    .erase_fill = -1,
    .cutout_probability = 0.8,
    .cutout_size = 1 };
  assert_text (&policy, "crop(scale=0.1:0.9,ratio=1:3) flip(1) bicubic color(1.6,hue=0.4,p=0.2) greyscale(0.6)"
                        " blur(1.5:1.75,p=0.1) warp(0:0.05,points=4,boundary=1,p=0.3) erase(fill=-1,p=1)"
                        " cutout(1,fill=-1,p=0.8)");
}
END_TEST

/* torchvision's ranges up to the severity's magnitude, the severity-1'th of 9 steps; of 1 there is nothing to draw. */
START_TEST (test_augmix_numbers)
{
  SupconPolicy policy;

  supcon_policy_init (&policy, SUPCON_POLICY_AUGMIX);
  policy.scale_min = 0.5;
  policy.ratio_min = policy.ratio_max = 1;
  policy.severity = 2;
  policy.mixture_width = 2;
  policy.chain_depth = 1;
  policy.alpha = 0.25;
  assert_text (&policy, "crop(scale=0.5:1,ratio=1:1) flip(0.5) mix(2,1,0.25){ shear-x(+-0:0.0333333333333/2,bilinear=1)"
                        " shear-y(+-0:0.0333333333333/2,bilinear=1) translate-x(+-0:0.037037037037/2)"
                        " translate-y(+-0:0.037037037037/2) rotate(+-0:3.33333333333/2,bilinear=1)"
                        " brightness(1+-0:0.1/2) saturation(1+-0:0.1/2) contrast(1+-0:0.1/2) sharpness(1+-0:0.1/2)"
                        " posterize(4:3.55555555556/2) solarize(255:226.666666667/2) auto-contrast equalize }");
  policy.severity = 1;
  policy.mixture_width = 5;
  policy.chain_depth = -1;
  policy.alpha = 2;
  assert_text (&policy, "crop(scale=0.5:1,ratio=1:1) flip(0.5) mix(5,-1,2){ shear-x(+-0,bilinear=1)"
                        " shear-y(+-0,bilinear=1) translate-x(+-0) translate-y(+-0) rotate(+-0,bilinear=1)"
                        " brightness(1+-0) saturation(1+-0) contrast(1+-0) sharpness(1+-0) posterize(4)"
                        " solarize(255) auto-contrast equalize }");
}
END_TEST

/* A magnitude beyond the last bin counts as that one's. */
START_TEST (test_largest_magnitude)
{
  SupconPolicy policy;
  gchar *last;

  supcon_policy_init (&policy, SUPCON_POLICY_RANDAUGMENT);
  policy.num_magnitude_bins = 5;
  policy.magnitude = 4;
  last = supcon_policy_to_text (&policy);
  policy.magnitude = 9;
  assert_text (&policy, last);
  g_free (last);
}
END_TEST

/* The middle in the view's shape: as large as it may be, a share of that, a pixel at least; in the middle to a pixel.
 * The property's range is the language's. */
START_TEST (test_center_crop)
{
  static const guint pictures[][2] = { { 64, 48 }, { 65, 48 }, { 33, 97 }, { 1, 1 }, { 7, 3 }, { 1919, 1081 } },
                     views[][2] = { { 32, 32 }, { 31, 17 }, { 5, 9 }, { 224, 224 }, { 64, 48 } };
  static const double shares[] = { 1, 0.875, 0.5, 1.0 / 3, 0.0005, G_MINDOUBLE };

  for (guint i = 0; i < G_N_ELEMENTS (pictures) * G_N_ELEMENTS (views) * G_N_ELEMENTS (shares); i++) {
    const guint *picture = pictures[i % G_N_ELEMENTS (pictures)];
    const guint *view = views[i / G_N_ELEMENTS (pictures) % G_N_ELEMENTS (views)];
    double share = shares[i / G_N_ELEMENTS (pictures) / G_N_ELEMENTS (views)];
    double both = share * MIN (picture[0] * view[1], picture[1] * view[0]);
    SupconPolicy policy;
    SupconProgram *program;
    SupconDraws draws;
    gchar *text;

    supcon_policy_init (&policy, SUPCON_POLICY_NONE);
    policy.center_crop = share;
    text = supcon_policy_to_text (&policy);
    program = parse_program (text);
    supcon_program_draw (program, 1, i, 0, picture[0], picture[1], view[0], view[1], &draws);
    for (guint axis = 0; axis < 2; axis++) {
      guint size = axis ? draws.crop.height : draws.crop.width, at = axis ? draws.crop.y : draws.crop.x;

      ck_assert_double_le (fabs (size - MAX (both / view[1 - axis], 1)), 0.5 + 1e-9);
      ck_assert_uint_le (at + size, picture[axis]);
      ck_assert_uint_eq (at, (picture[axis] - size) / 2);
    }
    supcon_program_free (program);
    g_free (text);
  }
}
END_TEST

/* 0 is the whole picture in either, whatever the view's shape. */
START_TEST (test_no_center_crop)
{
  static const gchar *const nothing[] = { "center-crop(0)", "" };

  for (guint i = 0; i < G_N_ELEMENTS (nothing); i++) {
    SupconProgram *program = parse_program (nothing[i]);
    SupconDraws draws;

    supcon_program_draw (program, 1, 0, 0, 65, 49, 8, 3, &draws);
    ck_assert_uint_eq (draws.crop.x + draws.crop.y, 0);
    ck_assert_uint_eq (draws.crop.width, 65);
    ck_assert_uint_eq (draws.crop.height, 49);
    supcon_program_free (program);
  }
}
END_TEST

SUPCON_CHECK_MAIN ("program", test_mistakes, test_occurrences, test_mutations, test_independent, test_kinds,
    test_defaults, test_numbers, test_augmix_numbers, test_center_crop, test_no_center_crop, test_largest_magnitude)
