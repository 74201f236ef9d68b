/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconaugmentsettings.h"

#include <gst/gst.h>

#include "gstsupconenums.h"
#include "parallel.h"

static GstSupconSettingsClass *settings_class;
/* Properties up to this one are what the program is made of. */
static guint id_last_of_program;
static guint id_seed;

#define GST_TYPE_SUPCON_POLICY (gst_supcon_policy_get_type ())
/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, gst_supcon_policy_get_type, "GstSupconPolicy",
    {SUPCON_POLICY_NONE, "Resize only, for evaluation", "none"},
    {SUPCON_POLICY_CROP, "Random resized crop and horizontal flip", "crop"},
    {SUPCON_POLICY_SIMAUGMENT, "Crop, flip, colour distortion, greyscale, Gaussian blur", "simaugment"},
    {SUPCON_POLICY_AUTOAUGMENT, "Crop, flip, one of 25 published pairs of operations", "autoaugment"},
    {SUPCON_POLICY_RANDAUGMENT, "Crop, flip, num-ops random operations", "randaugment"},
    {SUPCON_POLICY_STACKED_RANDAUGMENT, "Crop, flip, colour distortion, blur, random operations, greyscale", "stacked-randaugment"},
    {SUPCON_POLICY_TRIVIALAUGMENT, "Crop, flip, one operation of random magnitude", "trivialaugment"},
    {SUPCON_POLICY_AUGMIX, "Crop, flip, a mixture of mixture-width chains of operations", "augmix"})

#define GST_TYPE_SUPCON_TABLE (gst_supcon_table_get_type ())
GST_SUPCON_DEFINE_ENUM (static GType, gst_supcon_table_get_type, "GstSupconAutoaugmentTable",
    {SUPCON_AUTOAUGMENT_IMAGENET, "Found on ImageNet", "imagenet"},
    {SUPCON_AUTOAUGMENT_CIFAR10, "Found on CIFAR-10", "cifar10"},
    {SUPCON_AUTOAUGMENT_SVHN, "Found on SVHN", "svhn"})

#define GST_TYPE_SUPCON_CONSISTENT (gst_supcon_consistent_get_type ())
GST_SUPCON_DEFINE_ENUM (static GType, gst_supcon_consistent_get_type, "GstSupconConsistent",
    {GST_SUPCON_CONSISTENT_FRAME, "Every frame draws anew", "frame"},
    {GST_SUPCON_CONSISTENT_CLIP, "The frames of a clip share what one view number draws", "clip"})
/* *INDENT-ON* */

#define ADD(field, spec) \
  gst_supcon_settings_install (settings_class, \
      G_STRUCT_OFFSET (GstSupconAugmentSettings, field), spec)

/* What every policy begins and ends with. */
static void
install_common_properties (const SupconPolicy * defaults, GParamFlags playing,
    GParamFlags number)
{
  ADD (policy.kind,
      g_param_spec_enum ("policy", "Policy", "What is done to each view",
          GST_TYPE_SUPCON_POLICY, defaults->kind, playing));
  ADD (policy.center_crop,
      g_param_spec_double ("center-crop", "Center crop",
          "policy=none takes this share, to each side, of the largest middle "
          "part of the frame that has the view's shape, for evaluation (0.875 "
          "is usual for ImageNet); 0: the whole frame, so that nothing is "
          "left out", 0.0, 1.0, defaults->center_crop, number));
  ADD (policy.scale_min,
      g_param_spec_double ("scale-min", "Smallest scale",
          "Smallest share of the frame's area that a crop takes; "
          "torchvision's default", 0.0, 1.0, defaults->scale_min, number));
  ADD (policy.scale_max,
      g_param_spec_double ("scale-max", "Largest scale",
          "Largest share of the frame's area that a crop takes; torchvision's "
          "default", 0.0, 1.0, defaults->scale_max, number));
  ADD (policy.ratio_min,
      g_param_spec_double ("ratio-min", "Smallest ratio",
          "Smallest width / height of a crop, in pixels; torchvision's "
          "default", 0.01, 100.0, defaults->ratio_min, number));
  ADD (policy.ratio_max,
      g_param_spec_double ("ratio-max", "Largest ratio",
          "Largest width / height of a crop, in pixels; torchvision's default",
          0.01, 100.0, defaults->ratio_max, number));
  ADD (policy.flip_probability,
      g_param_spec_double ("flip-probability", "Flip probability",
          "Probability that a view is flipped left to right; torchvision's "
          "default", 0.0, 1.0, defaults->flip_probability, number));
  ADD (policy.interpolation,
      g_param_spec_enum ("interpolation", "Interpolation",
          "How policies resize; bilinear is torchvision's default and the "
          "faster one. operations name bicubic themselves",
          GST_TYPE_SUPCON_INTERPOLATION, SUPCON_INTERPOLATION_BILINEAR,
          playing));
  ADD (policy.erase_probability,
      g_param_spec_double ("erase-probability", "Erase probability",
          "Probability that a random rectangle of the view is filled at the "
          "end; sizes are those of torchvision's RandomErasing", 0.0, 1.0,
          defaults->erase_probability, number));
  ADD (policy.erase_fill,
      g_param_spec_double ("erase-fill", "Erase fill",
          "Byte that erase and cutout fill with; 0: black, torchvision's "
          "default; -1: random bytes", -1.0, 255.0,
          defaults->erase_fill, number));
  ADD (policy.cutout_probability,
      g_param_spec_double ("cutout-probability", "Cutout probability",
          "Probability that a square of the view is filled at the end "
          "(DeVries and Taylor 2017)", 0.0, 1.0,
          defaults->cutout_probability, number));
  ADD (policy.cutout_size,
      g_param_spec_double ("cutout-size", "Cutout size",
          "Side of cutout's square as a share of the view's shorter side; the "
          "authors' default for CIFAR-10", 0.0, 2.0,
          defaults->cutout_size, number));
}

static void
install_policy_properties (const SupconPolicy * defaults, GParamFlags playing,
    GParamFlags number)
{
  ADD (policy.strength,
      g_param_spec_double ("strength", "Strength",
          "Of the colour distortion of simaugment and stacked-randaugment; "
          "SimCLR's default, 0.5 is usual for pictures of 32 x 32", 0.0, 2.0,
          defaults->strength, number));
  ADD (policy.color_probability,
      g_param_spec_double ("color-probability", "Colour probability",
          "Probability that simaugment and stacked-randaugment change "
          "brightness, contrast, saturation and hue; SimCLR's default", 0.0,
          1.0, defaults->color_probability, number));
  ADD (policy.greyscale_probability,
      g_param_spec_double ("greyscale-probability", "Greyscale probability",
          "Probability that simaugment and stacked-randaugment take the "
          "colours away; SimCLR's default", 0.0, 1.0,
          defaults->greyscale_probability, number));
  ADD (policy.blur_probability,
      g_param_spec_double ("blur-probability", "Blur probability",
          "Probability of the Gaussian blur of simaugment and "
          "stacked-randaugment; SimCLR's default", 0.0, 1.0,
          defaults->blur_probability, number));
  ADD (policy.sigma_min,
      g_param_spec_double ("sigma-min", "Smallest sigma",
          "Smallest standard deviation of the Gaussian blur, in pixels; "
          "SimCLR's default", 0.01, 100.0, defaults->sigma_min, number));
  ADD (policy.sigma_max,
      g_param_spec_double ("sigma-max", "Largest sigma",
          "Largest standard deviation of the Gaussian blur, in pixels; "
          "SimCLR's default", 0.01, 100.0, defaults->sigma_max, number));
  ADD (policy.warp_probability,
      g_param_spec_double ("warp-probability", "Warp probability",
          "Probability of a sparse image warp at the end of simaugment and "
          "stacked-randaugment; 0, since SimCLR has none (the code of "
          "supervised contrastive learning's authors has it at 0.5)", 0.0, 1.0,
          defaults->warp_probability, number));
  ADD (policy.warp_length,
      g_param_spec_double ("warp-length", "Warp length",
          "Largest standard deviation of the warp's displacements, as a share "
          "of the shorter side; the authors' default, 23 pixels of 224",
          0.0, 1.0, defaults->warp_length, number));
  ADD (policy.warp_points,
      g_param_spec_uint ("warp-points", "Warp points",
          "Points to each axis that the warp displaces; the authors' default",
          2, 4, defaults->warp_points, number));
  ADD (policy.warp_boundary,
      g_param_spec_uint ("warp-boundary", "Warp boundary",
          "Points to each edge that the warp leaves where they are; 0: none, "
          "the authors' default", 0, 8, defaults->warp_boundary, number));
  ADD (policy.table,
      g_param_spec_enum ("table", "Table",
          "Which of the published policies autoaugment is",
          GST_TYPE_SUPCON_TABLE, SUPCON_AUTOAUGMENT_IMAGENET, playing));
  ADD (policy.num_ops,
      g_param_spec_uint ("num-ops", "Number of operations",
          "Operations that randaugment and stacked-randaugment do one after "
          "the other; torchvision's default", 1, 16, defaults->num_ops,
          number));
  ADD (policy.num_magnitude_bins,
      g_param_spec_uint ("num-magnitude-bins", "Number of magnitude bins",
          "Steps from the smallest magnitude to the largest one of "
          "randaugment, stacked-randaugment and trivialaugment; torchvision's "
          "default", 2, 1001, defaults->num_magnitude_bins, number));
  ADD (policy.magnitude,
      g_param_spec_double ("magnitude", "Magnitude",
          "Of the operations of randaugment and stacked-randaugment, in bins "
          "from 0 on; torchvision's default", 0.0, 1000.0,
          defaults->magnitude, number));
  ADD (policy.severity,
      g_param_spec_uint ("severity", "Severity",
          "Augmix's operations draw from the first so many of ten magnitudes; "
          "torchvision's default", 1, 10, defaults->severity, number));
  ADD (policy.mixture_width,
      g_param_spec_uint ("mixture-width", "Mixture width",
          "Chains of operations that augmix mixes; torchvision's default", 1, 5,
          defaults->mixture_width, number));
  ADD (policy.chain_depth,
      g_param_spec_int ("chain-depth", "Chain depth",
          "Operations of each of augmix's chains; -1 or 0: 1 to 3 by chance, "
          "torchvision's default", -1, 3, defaults->chain_depth, number));
  ADD (policy.alpha,
      g_param_spec_double ("alpha", "Alpha",
          "Of the distributions of augmix's weights; torchvision's default",
          0.01, 100.0, defaults->alpha, number));
}

static void
install_stream_properties (GParamFlags playing,
    GParamFlags number)
{
  ADD (views,
      g_param_spec_uint ("views", "Views",
          "Views made of each frame; two, since a contrastive loss compares "
          "views of one picture", 1, GST_SUPCON_AUGMENT_MAX_VIEWS, 2, number));
  ADD (consistent,
      g_param_spec_enum ("consistent", "Consistent",
          "Whether every frame draws anew or all frames of a clip share a draw, "
          "which leaves movement as it is; a clip ends where a stream starts or "
          "after clip-length frames", GST_TYPE_SUPCON_CONSISTENT,
          GST_SUPCON_CONSISTENT_FRAME, playing));
  ADD (clip_length,
      g_param_spec_uint ("clip-length", "Clip length",
          "Frames of a clip where consistent=clip; 0: to the next stream", 0,
          G_MAXUINT, 0, number));
  ADD (temporal_window,
      g_param_spec_uint ("temporal-window", "Temporal window",
          "Views after the first take the picture of one of so many frames "
          "before, where they are of the same clip and label: temporal "
          "positives; 0: of the frame itself", 0, 1000, 0, number));
  ADD (record_draws,
      g_param_spec_boolean ("record-draws", "Record draws",
          "Whether the supcon-sample meta has the field draws, from which a "
          "view can be made again", FALSE, playing));
  ADD (threads,
      g_param_spec_uint ("threads", "Threads",
          "Threads that make the views of a frame, which do not depend on it; "
          "0: one for each processor that the process may use; 1, since what "
          "comes after a queue, as a trainer, takes the others", 0,
          SUPCON_MAX_THREADS, 1, number));
  ADD (lookahead,
      g_param_spec_uint ("lookahead", "Lookahead",
          "Frames that wait for later ones so that the views of all are made "
          "together: the more views, the less threads wait for each other; 0, "
          "since each is that much latency", 0, 64, 0,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));
  id_seed = ADD (seed,
      g_param_spec_int64 ("seed", "Seed",
          "Seed of the random numbers; -1: drawn at each start, after which the "
          "property reads the number drawn", -1, G_MAXINT64, 0,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));
}

void
gst_supcon_augment_settings_install (GObjectClass * klass, guint first_id,
    gsize fields)
{
  const GParamFlags playing = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;
  const GParamFlags number = playing | GST_PARAM_CONTROLLABLE;
  SupconPolicy defaults;

  supcon_policy_init (&defaults, SUPCON_POLICY_CROP);
  settings_class = gst_supcon_settings_class_new (klass, first_id, fields);
  install_common_properties (&defaults, playing, number);
  install_policy_properties (&defaults, playing, number);
  id_last_of_program = ADD (operations,
      g_param_spec_string ("operations", "Operations",
          "A policy of one's own as text, instead of policy; e.g. "
          "\"crop(scale=0.2:1) flip(0.5) color(0.4,p=0.8) blur(0.1:2,p=0.5) "
          "pick(1){ rotate(+-30) shear-x(+-0:0.3) equalize }\"; "
          "docs/augmentation.md has the language. Operations: crop, flip, "
          "color, greyscale, blur, brightness, contrast, saturation, hue, "
          "sharpness, posterize, solarize, auto-contrast, equalize, invert, "
          "identity, shear-x, shear-y, translate-x, translate-y, rotate, "
          "erase, cutout, warp, pick, mix; corruptions by severity, 1 to 5: "
          "gaussian-noise, shot-noise, impulse-noise, defocus-blur, glass-blur, "
          "motion-blur, zoom-blur, snow, frost, fog, corrupt-brightness, "
          "corrupt-contrast, elastic, pixelate, jpeg; center-crop in place of "
          "crop, bicubic, and compose", NULL, playing));
  install_stream_properties (playing, number);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_POLICY, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_TABLE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_INTERPOLATION, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_CONSISTENT, 0);
}

void
gst_supcon_augment_settings_init (GstSupconAugmentSettings * self)
{
  gst_supcon_settings_init (settings_class, self);
  self->program_changed = TRUE;
}

void
gst_supcon_augment_settings_clear (GstSupconAugmentSettings * self)
{
  gst_supcon_settings_clear (settings_class, self);
}

void
gst_supcon_augment_settings_note (GstSupconAugmentSettings * self, guint id)
{
  self->program_changed |= id <= id_last_of_program;
  if (id == id_seed)
    self->seed_drawn = FALSE;
}

gboolean
gst_supcon_augment_settings_draw_seed (GstSupconAugmentSettings * self)
{
  self->seed_drawn |= self->seed < 0;
  if (self->seed_drawn)
    self->seed = (gint64) g_random_int () << 31 | g_random_int () >> 1;
  return self->seed_drawn;
}

gchar *
gst_supcon_augment_settings_get_program (const GstSupconAugmentSettings * self)
{
  return self->operations ? g_strdup (self->operations)
      : supcon_policy_to_text (&self->policy);
}
