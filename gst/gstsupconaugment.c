/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supconaugment
 * @title: supconaugment
 *
 * Turns every frame into `views` random views of the size and format that downstream's caps ask for (the frame's own
 * where they leave it open). Each view keeps the frame's timestamp, duration and metas and carries a `supcon-sample`
 * meta with the frame's label, its sample number (the one it came with, else the number of the frame) and the number
 * of the view.
 *
 * Policies are written in a small language, in which `operations` takes one's own; docs/augmentation.md describes it.
 *
 * What a view gets depends on `seed`, the number of the frame in the stream and the number of the view: the same
 * picture looks different in another epoch, and a run with the same seed repeats itself.
 *
 * With `temporal-window` the views after the first are of frames shortly before; `record-draws` adds to the meta what a
 * view can be made again from.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=10 ! supconaugment policy=simaugment views=2 ! video/x-raw,width=32,height=32 ! fakesink
 * ]|
 */

#include "gstsupconaugment.h"

#include "augment/augmenter.h"
#include "augment/policy.h"
#include "gstsupconenums.h"
#include "gstsupconformat.h"
#include "gstsupconmeta.h"

GST_DEBUG_CATEGORY_STATIC (gst_supcon_augment_debug);
#define GST_CAT_DEFAULT gst_supcon_augment_debug

#define DEFAULT_POLICY SUPCON_POLICY_CROP
#define DEFAULT_VIEWS 2
#define MAX_VIEWS 64
#define DEFAULT_SEED 0

enum
{
  PROP_0,
  PROP_POLICY,
  PROP_VIEWS,
  PROP_SEED,
  PROP_OPERATIONS,
  PROP_TABLE,
  PROP_NUM_OPS,
  PROP_NUM_MAGNITUDE_BINS,
  PROP_CONSISTENT,
  PROP_CLIP_LENGTH,
  PROP_WARP_POINTS,
  PROP_WARP_BOUNDARY,
  PROP_SEVERITY,
  PROP_MIXTURE_WIDTH,
  PROP_CHAIN_DEPTH,
  PROP_INTERPOLATION,
  PROP_TEMPORAL_WINDOW,
  PROP_RECORD_DRAWS,
  PROP_NUMBERS,                 /* the first of numbers[] */
};

/* The policy's numbers, each a property. */
static const struct
{
  const gchar *name, *nick, *blurb;
  gdouble min, max;
  gsize offset;
} numbers[] = {
  {"center-crop", "Center crop",
        "policy=none takes this share, to each side, of the largest middle part "
        "of the frame that has the view's shape, for evaluation (0.875 is usual "
        "for ImageNet); 0: the whole frame, so that nothing is left out", 0.0,
      1.0, G_STRUCT_OFFSET (SupconPolicy, center_crop)},
  {"scale-min", "Smallest scale",
        "Smallest share of the frame's area that a crop takes; torchvision's "
        "default", 0.0, 1.0, G_STRUCT_OFFSET (SupconPolicy, scale_min)},
  {"scale-max", "Largest scale",
        "Largest share of the frame's area that a crop takes; torchvision's "
        "default", 0.0, 1.0, G_STRUCT_OFFSET (SupconPolicy, scale_max)},
  {"ratio-min", "Smallest ratio",
        "Smallest width / height of a crop, in pixels; torchvision's default",
      0.01, 100.0, G_STRUCT_OFFSET (SupconPolicy, ratio_min)},
  {"ratio-max", "Largest ratio",
        "Largest width / height of a crop, in pixels; torchvision's default",
      0.01, 100.0, G_STRUCT_OFFSET (SupconPolicy, ratio_max)},
  {"flip-probability", "Flip probability",
        "Probability that a view is flipped left to right; torchvision's "
        "default", 0.0, 1.0, G_STRUCT_OFFSET (SupconPolicy, flip_probability)},
  {"strength", "Strength",
        "Of simaugment's colour distortion; SimCLR's default, 0.5 is usual for "
        "pictures of 32 x 32", 0.0, 2.0,
      G_STRUCT_OFFSET (SupconPolicy, strength)},
  {"color-probability", "Colour probability",
        "Probability of simaugment's change of brightness, contrast, saturation "
        "and hue; SimCLR's default", 0.0, 1.0,
      G_STRUCT_OFFSET (SupconPolicy, color_probability)},
  {"greyscale-probability", "Greyscale probability",
        "Probability that simaugment takes the colours away; SimCLR's default",
      0.0, 1.0, G_STRUCT_OFFSET (SupconPolicy, greyscale_probability)},
  {"blur-probability", "Blur probability",
        "Probability of simaugment's Gaussian blur; SimCLR's default", 0.0, 1.0,
      G_STRUCT_OFFSET (SupconPolicy, blur_probability)},
  {"sigma-min", "Smallest sigma",
        "Smallest standard deviation of simaugment's blur, in pixels; SimCLR's "
        "default", 0.01, 100.0, G_STRUCT_OFFSET (SupconPolicy, sigma_min)},
  {"sigma-max", "Largest sigma",
        "Largest standard deviation of simaugment's blur, in pixels; SimCLR's "
        "default", 0.01, 100.0, G_STRUCT_OFFSET (SupconPolicy, sigma_max)},
  {"magnitude", "Magnitude",
        "Of randaugment's operations, in bins from 0 on; torchvision's default",
      0.0, 1000.0, G_STRUCT_OFFSET (SupconPolicy, magnitude)},
  {"warp-probability", "Warp probability",
        "Probability of a sparse image warp at the end of simaugment and "
        "stacked-randaugment; 0, since SimCLR has none (the code of supervised "
        "contrastive learning's authors has it at 0.5)", 0.0, 1.0,
      G_STRUCT_OFFSET (SupconPolicy, warp_probability)},
  {"warp-length", "Warp length",
        "Largest standard deviation of the warp's displacements, as a share of "
        "the shorter side; the authors' default, 23 pixels of 224", 0.0, 1.0,
      G_STRUCT_OFFSET (SupconPolicy, warp_length)},
  {"alpha", "Alpha",
        "Of the distributions of augmix's weights; torchvision's default", 0.01,
      100.0, G_STRUCT_OFFSET (SupconPolicy, alpha)},
  {"erase-probability", "Erase probability",
        "Probability that a random rectangle of the view is filled at the end; "
        "sizes are those of torchvision's RandomErasing", 0.0, 1.0,
      G_STRUCT_OFFSET (SupconPolicy, erase_probability)},
  {"erase-fill", "Erase fill",
        "Byte that erase and cutout fill with; 0: black, torchvision's default; "
        "-1: random bytes", -1.0, 255.0,
      G_STRUCT_OFFSET (SupconPolicy, erase_fill)},
  {"cutout-probability", "Cutout probability",
        "Probability that a square of the view is filled at the end (DeVries "
        "and Taylor 2017)", 0.0, 1.0,
      G_STRUCT_OFFSET (SupconPolicy, cutout_probability)},
  {"cutout-size", "Cutout size",
        "Side of cutout's square as a share of the view's shorter side; the "
        "authors' default for CIFAR-10", 0.0, 2.0,
      G_STRUCT_OFFSET (SupconPolicy, cutout_size)},
};

typedef enum
{
  GST_SUPCON_CONSISTENT_FRAME,
  GST_SUPCON_CONSISTENT_CLIP
} GstSupconConsistent;

struct _GstSupconAugment
{
  GstBaseTransform parent;

  /* Properties, under the object lock. */
  SupconPolicy policy;
  gchar *operations;
  gboolean changed;             /* policy or operations, since program was made */
  GstSupconConsistent consistent;
  guint clip_length;
  guint temporal_window;
  gboolean record_draws;
  guint views;
  gint64 seed;

  /* The streaming thread's. */
  SupconAugmenter *augmenter;
  GstVideoInfo in_info, out_info;
  gboolean frame_known;         /* frame counts on from the last one */
  guint64 frame;
  guint64 clip;                 /* clips before this one */
  guint clip_frames;            /* of this one */
  guint64 draw;                 /* the number that the frame's views draw by */
  SupconProgram *program;       /* what the properties were when the frame came */
  gchar *program_text;
  gboolean frame_record;
  GQueue frames;                /* of the clip: this one, then those before it, with temporal-window */
  guint frame_views;
  guint64 frame_seed;
  guint view;                   /* the view to make next */
};

#define gst_supcon_augment_parent_class parent_class
G_DEFINE_FINAL_TYPE (GstSupconAugment, gst_supcon_augment,
    GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (supconaugment, "supconaugment", GST_RANK_NONE,
    GST_TYPE_SUPCON_AUGMENT);

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_SUPCON_PICTURE_FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8 }")));

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

#define GST_TYPE_SUPCON_INTERPOLATION (gst_supcon_interpolation_get_type ())
GST_SUPCON_DEFINE_ENUM (static GType, gst_supcon_interpolation_get_type, "GstSupconInterpolation",
    {SUPCON_INTERPOLATION_BILINEAR, "Bilinear, antialiased", "bilinear"},
    {SUPCON_INTERPOLATION_BICUBIC, "Bicubic (a = -0.5), antialiased", "bicubic"})

#define GST_TYPE_SUPCON_CONSISTENT (gst_supcon_consistent_get_type ())
GST_SUPCON_DEFINE_ENUM (static GType, gst_supcon_consistent_get_type, "GstSupconConsistent",
    {GST_SUPCON_CONSISTENT_FRAME, "Every frame draws anew", "frame"},
    {GST_SUPCON_CONSISTENT_CLIP, "The frames of a clip share what one view number draws", "clip"})
/* *INDENT-ON* */

static gdouble *
policy_number (SupconPolicy * policy, guint id)
{
  return &G_STRUCT_MEMBER (gdouble, policy, numbers[id - PROP_NUMBERS].offset);
}

static void
gst_supcon_augment_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_POLICY:
      self->policy.kind = g_value_get_enum (value);
      self->changed = TRUE;
      break;
    case PROP_OPERATIONS:
      g_free (self->operations);
      self->operations = g_value_dup_string (value);
      self->changed = TRUE;
      break;
    case PROP_TABLE:
      self->policy.table = g_value_get_enum (value);
      self->changed = TRUE;
      break;
    case PROP_NUM_OPS:
      self->policy.num_ops = g_value_get_uint (value);
      self->changed = TRUE;
      break;
    case PROP_NUM_MAGNITUDE_BINS:
      self->policy.num_magnitude_bins = g_value_get_uint (value);
      self->changed = TRUE;
      break;
    case PROP_WARP_POINTS:
      self->policy.warp_points = g_value_get_uint (value);
      self->changed = TRUE;
      break;
    case PROP_WARP_BOUNDARY:
      self->policy.warp_boundary = g_value_get_uint (value);
      self->changed = TRUE;
      break;
    case PROP_SEVERITY:
      self->policy.severity = g_value_get_uint (value);
      self->changed = TRUE;
      break;
    case PROP_MIXTURE_WIDTH:
      self->policy.mixture_width = g_value_get_uint (value);
      self->changed = TRUE;
      break;
    case PROP_CHAIN_DEPTH:
      self->policy.chain_depth = g_value_get_int (value) > 0 ?
          g_value_get_int (value) : -1;
      self->changed = TRUE;
      break;
    case PROP_INTERPOLATION:
      self->policy.interpolation = g_value_get_enum (value);
      self->changed = TRUE;
      break;
    case PROP_TEMPORAL_WINDOW:
      self->temporal_window = g_value_get_uint (value);
      break;
    case PROP_RECORD_DRAWS:
      self->record_draws = g_value_get_boolean (value);
      break;
    case PROP_CONSISTENT:
      self->consistent = g_value_get_enum (value);
      break;
    case PROP_CLIP_LENGTH:
      self->clip_length = g_value_get_uint (value);
      break;
    case PROP_VIEWS:
      self->views = g_value_get_uint (value);
      break;
    case PROP_SEED:
      self->seed = g_value_get_int64 (value);
      break;
    default:
      if (id >= PROP_NUMBERS && id < PROP_NUMBERS + G_N_ELEMENTS (numbers)) {
        *policy_number (&self->policy, id) = g_value_get_double (value);
        self->changed = TRUE;
      } else
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_augment_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_POLICY:
      g_value_set_enum (value, self->policy.kind);
      break;
    case PROP_OPERATIONS:
      g_value_set_string (value, self->operations);
      break;
    case PROP_TABLE:
      g_value_set_enum (value, self->policy.table);
      break;
    case PROP_NUM_OPS:
      g_value_set_uint (value, self->policy.num_ops);
      break;
    case PROP_NUM_MAGNITUDE_BINS:
      g_value_set_uint (value, self->policy.num_magnitude_bins);
      break;
    case PROP_WARP_POINTS:
      g_value_set_uint (value, self->policy.warp_points);
      break;
    case PROP_WARP_BOUNDARY:
      g_value_set_uint (value, self->policy.warp_boundary);
      break;
    case PROP_SEVERITY:
      g_value_set_uint (value, self->policy.severity);
      break;
    case PROP_MIXTURE_WIDTH:
      g_value_set_uint (value, self->policy.mixture_width);
      break;
    case PROP_CHAIN_DEPTH:
      g_value_set_int (value, self->policy.chain_depth);
      break;
    case PROP_INTERPOLATION:
      g_value_set_enum (value, self->policy.interpolation);
      break;
    case PROP_TEMPORAL_WINDOW:
      g_value_set_uint (value, self->temporal_window);
      break;
    case PROP_RECORD_DRAWS:
      g_value_set_boolean (value, self->record_draws);
      break;
    case PROP_CONSISTENT:
      g_value_set_enum (value, self->consistent);
      break;
    case PROP_CLIP_LENGTH:
      g_value_set_uint (value, self->clip_length);
      break;
    case PROP_VIEWS:
      g_value_set_uint (value, self->views);
      break;
    case PROP_SEED:
      g_value_set_int64 (value, self->seed);
      break;
    default:
      if (id >= PROP_NUMBERS && id < PROP_NUMBERS + G_N_ELEMENTS (numbers))
        g_value_set_double (value, *policy_number (&self->policy, id));
      else
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

/* Makes the program anew when properties have changed. Where they make none the old one stays. */
static gboolean
gst_supcon_augment_update_program (GstSupconAugment * self, GError ** error)
{
  SupconProgram *program;
  gchar *text;

  GST_OBJECT_LOCK (self);
  if (!self->changed) {
    GST_OBJECT_UNLOCK (self);
    return TRUE;
  }
  self->changed = FALSE;
  text = self->operations ? g_strdup (self->operations)
      : supcon_policy_to_text (&self->policy);
  GST_OBJECT_UNLOCK (self);

  GST_DEBUG_OBJECT (self, "operations: %s", text);
  program = supcon_program_parse (text, error);
  if (!program) {
    g_free (text);
    return FALSE;
  }
  supcon_program_free (self->program);
  self->program = program;
  g_free (self->program_text);
  self->program_text = text;
  return TRUE;
}

static void
gst_supcon_augment_keep_frames (GstSupconAugment * self, guint n)
{
  while (g_queue_get_length (&self->frames) > n)
    gst_buffer_unref (g_queue_pop_tail (&self->frames));
}

/* The frame whose views are not all made is given up, and frames are counted anew. */
static void
gst_supcon_augment_reset (GstSupconAugment * self)
{
  gst_buffer_replace (&GST_BASE_TRANSFORM (self)->queued_buf, NULL);
  gst_supcon_augment_keep_frames (self, 0);
  self->frame_known = FALSE;
}

static gboolean
gst_supcon_augment_start (GstBaseTransform * trans)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  gboolean drawn = FALSE;
  GError *error = NULL;

  if (!gst_supcon_augment_update_program (self, &error)) {
    GST_ELEMENT_ERROR (self, LIBRARY, SETTINGS, ("%s", error->message), (NULL));
    g_error_free (error);
    /* Another start finds the mistake again. */
    self->changed = TRUE;
    return FALSE;
  }
  gst_supcon_augment_reset (self);
  self->clip = 0;
  self->clip_frames = 0;
  GST_OBJECT_LOCK (self);
  if (self->seed < 0) {
    self->seed = (gint64) g_random_int () << 31 | g_random_int () >> 1;
    drawn = TRUE;
  }
  self->frame_seed = self->seed;
  GST_OBJECT_UNLOCK (self);
  if (drawn)
    g_object_notify (G_OBJECT (self), "seed");
  return TRUE;
}

static gboolean
gst_supcon_augment_stop (GstBaseTransform * trans)
{
  gst_supcon_augment_reset (GST_SUPCON_AUGMENT (trans));
  return TRUE;
}

/* Size, format and what hangs on them (shape of the pixels, colorimetry) are free on the other side. */
static GstCaps *
gst_supcon_augment_transform_caps (G_GNUC_UNUSED GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstCaps *result = gst_caps_new_empty ();
  GValue formats = G_VALUE_INIT;

  g_value_init (&formats, GST_TYPE_LIST);
  gst_value_deserialize (&formats, direction == GST_PAD_SINK ?
      "{ RGB, GRAY8 }" : GST_SUPCON_PICTURE_FORMATS);
  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    GstStructure *s = gst_structure_copy (gst_caps_get_structure (caps, i));

    gst_structure_set (s, "width", GST_TYPE_INT_RANGE, 1, G_MAXINT, "height",
        GST_TYPE_INT_RANGE, 1, G_MAXINT, NULL);
    gst_structure_set_value (s, "format", &formats);
    if (gst_structure_has_field (s, "pixel-aspect-ratio"))
      gst_structure_set (s, "pixel-aspect-ratio", GST_TYPE_FRACTION_RANGE, 1,
          G_MAXINT, G_MAXINT, 1, NULL);
    gst_structure_remove_fields (s, "colorimetry", "chroma-site", NULL);
    result = gst_caps_merge_structure_full (result, s,
        gst_caps_features_copy (gst_caps_get_features (caps, i)));
  }
  g_value_unset (&formats);

  if (filter) {
    GstCaps *all = result;

    result = gst_caps_intersect_full (filter, all, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref (all);
  }
  return result;
}

/* What of others agrees with those fields of s that are named; NULL if nothing does. */
static GstCaps *
agreeing (GstCaps * others, const GstStructure * s, const gchar * const *fields)
{
  GstCaps *wanted = gst_caps_new_empty_simple ("video/x-raw"), *result;

  for (; *fields; fields++) {
    const GValue *value = gst_structure_get_value (s, *fields);

    if (value)
      gst_caps_set_value (wanted, *fields, value);
  }
  result = gst_caps_intersect_full (others, wanted, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (wanted);
  if (gst_caps_is_empty (result))
    gst_clear_caps (&result);
  return result;
}

/* As near to the given side as the other side allows: its format first, then its size. */
static GstCaps *
gst_supcon_augment_fixate_caps (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstPadDirection direction, GstCaps * caps, GstCaps * others)
{
  static const gchar *const same[] = { "format", "width", "height", NULL };
  static const gchar *const same_format[] = { "format", NULL };
  GstStructure *in = gst_caps_get_structure (caps, 0), *out;
  gint width = 0, height = 0, out_width = 0, out_height = 0;
  const GValue *colorimetry = gst_structure_get_value (in, "colorimetry");
  const gchar *format = gst_structure_get_string (in, "format");
  GstCaps *best = agreeing (others, in, same);

  if (!best)
    best = agreeing (others, in, same_format);
  if (best) {
    gst_caps_unref (others);
    others = best;
  }
  others = gst_caps_make_writable (gst_caps_truncate (others));
  out = gst_caps_get_structure (others, 0);

  gst_structure_get (in, "width", G_TYPE_INT, &width, "height", G_TYPE_INT,
      &height, NULL);
  gst_structure_fixate_field_nearest_int (out, "width", width);
  gst_structure_fixate_field_nearest_int (out, "height", height);
  gst_structure_get (out, "width", G_TYPE_INT, &out_width, "height",
      G_TYPE_INT, &out_height, NULL);
  /* Pixels keep their shape in a frame that keeps its size; a view of another size has square ones. */
  if (gst_structure_has_field (out, "pixel-aspect-ratio")) {
    gint n = 1, d = 1;

    if (out_width == width && out_height == height)
      gst_structure_get_fraction (in, "pixel-aspect-ratio", &n, &d);
    gst_structure_fixate_field_nearest_fraction (out, "pixel-aspect-ratio", n,
        d);
  }
  gst_structure_fixate_field_string (out, "format", format ? format : "RGB");
  if (colorimetry && !gst_structure_has_field (out, "colorimetry")
      && g_strcmp0 (gst_structure_get_string (out, "format"), format) == 0)
    gst_structure_set_value (out, "colorimetry", colorimetry);
  return gst_caps_fixate (others);
}

static gboolean
gst_supcon_augment_set_caps (GstBaseTransform * trans, GstCaps * in,
    GstCaps * out)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  /* Frames of other caps are no neighbours. */
  gst_supcon_augment_keep_frames (self, 0);
  if (!gst_video_info_from_caps (&self->in_info, in)
      || !gst_video_info_from_caps (&self->out_info, out))
    return FALSE;
  if (GST_VIDEO_INFO_IS_INTERLACED (&self->in_info)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("interlaced video (%s), expected progressive",
            gst_video_interlace_mode_to_string (GST_VIDEO_INFO_INTERLACE_MODE
                (&self->in_info))), ("put deinterlace before supconaugment"));
    return FALSE;
  }
  return TRUE;
}

static gboolean
gst_supcon_augment_transform_size (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstPadDirection direction, G_GNUC_UNUSED GstCaps * caps,
    G_GNUC_UNUSED gsize size, GstCaps * other_caps, gsize * other_size)
{
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, other_caps))
    return FALSE;
  *other_size = GST_VIDEO_INFO_SIZE (&info);
  return TRUE;
}

static gboolean
gst_supcon_augment_propose_allocation (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstQuery * decide_query, GstQuery * query)
{
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return TRUE;
}

/* A pool that downstream offers may pad rows as downstream likes, if downstream reads the meta that says so. */
static gboolean
gst_supcon_augment_decide_allocation (GstBaseTransform * trans,
    GstQuery * query)
{
  GstBufferPool *pool = NULL;

  if (gst_query_get_n_allocation_pools (query) > 0)
    gst_query_parse_nth_allocation_pool (query, 0, &pool, NULL, NULL, NULL);
  if (pool) {
    if (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL)
        && gst_buffer_pool_has_option (pool,
            GST_BUFFER_POOL_OPTION_VIDEO_META)) {
      GstStructure *config = gst_buffer_pool_get_config (pool);

      gst_buffer_pool_config_add_option (config,
          GST_BUFFER_POOL_OPTION_VIDEO_META);
      gst_buffer_pool_set_config (pool, config);
    }
    gst_object_unref (pool);
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->decide_allocation (trans,
      query);
}

/* Metas about the frame as such go on; those about places, sizes or the memory of this one do not. */
static gboolean
gst_supcon_augment_transform_meta (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstBuffer * outbuf, GstMeta * meta,
    G_GNUC_UNUSED GstBuffer * inbuf)
{
  const gchar *const *tags = gst_meta_api_type_get_tags (meta->info->api);

  if (meta->info->api == GST_VIDEO_CROP_META_API_TYPE)
    return FALSE;
  return !tags || !tags[0] || (!tags[1]
      && g_str_equal (tags[0], GST_META_TAG_VIDEO_STR));
}

static gboolean
gst_supcon_augment_copy_metadata (GstBaseTransform * trans, GstBuffer * inbuf,
    GstBuffer * outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);

  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->copy_metadata (trans, inbuf,
          outbuf))
    return FALSE;
  if (self->view > 0)
    GST_BUFFER_FLAG_UNSET (outbuf, GST_BUFFER_FLAG_DISCONT);
  /* Offsets count frames, and there are more of them now. */
  if (GST_BUFFER_OFFSET_IS_VALID (inbuf)) {
    GST_BUFFER_OFFSET (outbuf) =
        GST_BUFFER_OFFSET (inbuf) * self->frame_views + self->view;
    GST_BUFFER_OFFSET_END (outbuf) = GST_BUFFER_OFFSET (outbuf) + 1;
  }
  return TRUE;
}

static void
gst_supcon_augment_end_clip (GstSupconAugment * self)
{
  if (self->clip_frames > 0)
    self->clip++;
  self->clip_frames = 0;
  gst_supcon_augment_keep_frames (self, 0);
}

static GstFlowReturn
gst_supcon_augment_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * buffer)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  GstClockTime time = gst_segment_to_stream_time (&trans->segment,
      GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  GstFlowReturn ret;
  GError *error = NULL;
  guint window;

  if (!self->frame_known) {
    self->frame =
        GST_BUFFER_OFFSET_IS_VALID (buffer) ? GST_BUFFER_OFFSET (buffer) : 0;
    self->frame_known = TRUE;
  } else {
    self->frame++;
  }

  ret = GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (trans,
      is_discont, buffer);
  if (ret != GST_FLOW_OK)
    return ret;

  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_object_sync_values (GST_OBJECT (self), time);
  if (!gst_supcon_augment_update_program (self, &error)) {
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS, ("%s", error->message),
        ("going on with the operations before"));
    g_error_free (error);
  }
  GST_OBJECT_LOCK (self);
  self->frame_views = self->views;
  if (self->clip_length > 0 && self->clip_frames >= self->clip_length)
    gst_supcon_augment_end_clip (self);
  self->clip_frames++;
  self->draw = self->consistent == GST_SUPCON_CONSISTENT_CLIP ? self->clip
      : self->frame;
  self->frame_record = self->record_draws;
  window = self->temporal_window;
  GST_OBJECT_UNLOCK (self);
  if (window > 0)
    g_queue_push_head (&self->frames, gst_buffer_ref (trans->queued_buf));
  gst_supcon_augment_keep_frames (self, window > 0 ? window + 1 : 0);
  self->view = 0;
  return GST_FLOW_OK;
}

/* The base class's way of one frame out of one frame, as often as there are views. */
static GstFlowReturn
gst_supcon_augment_generate_output (GstBaseTransform * trans,
    GstBuffer ** outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  GstBuffer *frame = NULL;
  GstFlowReturn ret;

  *outbuf = NULL;
  if (!trans->queued_buf)
    return GST_FLOW_OK;
  if (self->view + 1 < self->frame_views)
    frame = gst_buffer_ref (trans->queued_buf);
  ret = GST_BASE_TRANSFORM_CLASS (parent_class)->generate_output (trans,
      outbuf);
  trans->queued_buf = frame;
  self->view++;
  return ret;
}

/* How many frames back the view's picture is: of those before it in the clip that have the frame's label, so that the
 * label stays true. */
static guint
gst_supcon_augment_draw_neighbour (GstSupconAugment * self, GstBuffer * frame)
{
  const gchar *label = NULL;
  guint n = 0;

  if (self->view == 0 || g_queue_is_empty (&self->frames))
    return 0;
  gst_supcon_buffer_get_sample (frame, &label, NULL, NULL);
  for (GList * l = self->frames.head->next; l; l = l->next, n++) {
    const gchar *other = NULL;

    gst_supcon_buffer_get_sample (l->data, &other, NULL, NULL);
    if (g_strcmp0 (label, other) != 0)
      break;
  }
  return supcon_draw_neighbour (self->frame_seed, self->frame, self->view, n);
}

/* What makes the view again, and what it drew. */
static void
gst_supcon_augment_record (GstSupconAugment * self, GstBuffer * outbuf,
    guint back, const SupconImage * picture, const SupconImage * view)
{
  GstStructure *structure;
  SupconDraws draws;
  gchar *steps;

  supcon_program_draw (self->program, self->frame_seed, self->draw, self->view,
      picture->width, picture->height, view->width, view->height, &draws);
  steps = supcon_draws_to_text (&draws);
  structure = gst_structure_new ("draws", "operations", G_TYPE_STRING,
      self->program_text, "seed", G_TYPE_UINT64, self->frame_seed, "number",
      G_TYPE_UINT64, self->draw, "frames-back", G_TYPE_UINT, back, "x",
      G_TYPE_UINT, draws.crop.x, "y", G_TYPE_UINT, draws.crop.y, "width",
      G_TYPE_UINT, draws.crop.width, "height", G_TYPE_UINT, draws.crop.height,
      "mirror", G_TYPE_BOOLEAN, draws.mirror, "steps", G_TYPE_STRING, steps,
      NULL);
  gst_supcon_buffer_set_draws (outbuf, structure);
  gst_structure_free (structure);
  g_free (steps);
}

static GstFlowReturn
gst_supcon_augment_transform (GstBaseTransform * trans, GstBuffer * inbuf,
    GstBuffer * outbuf)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (trans);
  guint64 sample = self->frame;
  const gchar *label = NULL;
  SupconImage picture, view = { 0 };
  SupconChroma chroma;
  GstVideoFrame in, out;
  guint back = gst_supcon_augment_draw_neighbour (self, inbuf);
  GstBuffer *frame = back > 0 ? g_queue_peek_nth (&self->frames, back) : inbuf;

  if (!gst_video_frame_map (&in, &self->in_info, frame, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, (NULL),
        ("a frame of %" G_GSIZE_FORMAT " bytes, expected %" G_GSIZE_FORMAT
            " for its caps", gst_buffer_get_size (frame),
            GST_VIDEO_INFO_SIZE (&self->in_info)));
    return GST_FLOW_ERROR;
  }
  if (!gst_video_frame_map (&out, &self->out_info, outbuf, GST_MAP_WRITE)) {
    gst_video_frame_unmap (&in);
    GST_ELEMENT_ERROR (self, RESOURCE, WRITE, (NULL),
        ("cannot map an output frame of %" G_GSIZE_FORMAT " bytes",
            gst_buffer_get_size (outbuf)));
    return GST_FLOW_ERROR;
  }
  gst_supcon_frame_picture (&in, &picture, &chroma);
  gst_supcon_frame_visible (&out, &view.pixels, &view.stride, &view.width,
      &view.height, &view.channels);
  supcon_augmenter_apply (self->augmenter, self->program, self->frame_seed,
      self->draw, self->view, &picture, &view);
  gst_video_frame_unmap (&out);
  gst_video_frame_unmap (&in);

  gst_supcon_buffer_get_sample (inbuf, &label, &sample, NULL);
  gst_supcon_buffer_set_sample (outbuf, label, sample, self->view);
  if (self->frame_record)
    gst_supcon_augment_record (self, outbuf, back, &picture, &view);
  return GST_FLOW_OK;
}

static gboolean
gst_supcon_augment_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_supcon_augment_reset (GST_SUPCON_AUGMENT (trans));
  else if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
    gst_supcon_augment_end_clip (GST_SUPCON_AUGMENT (trans));
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);
}

static guint
get_views (GstSupconAugment * self)
{
  guint views;

  GST_OBJECT_LOCK (self);
  views = self->views;
  GST_OBJECT_UNLOCK (self);
  return views;
}

static gboolean
counts_frames (GstFormat format)
{
  return format == GST_FORMAT_DEFAULT || format == GST_FORMAT_BUFFERS;
}

/* Downstream counts views, upstream counts frames: a seek to a view is one to its frame. */
static gboolean
gst_supcon_augment_src_event (GstBaseTransform * trans, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK) {
    guint views = get_views (GST_SUPCON_AUGMENT (trans));
    GstSeekType start_type, stop_type;
    gint64 start, stop;
    GstSeekFlags flags;
    GstFormat format;
    gdouble rate;

    gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
        &stop_type, &stop);
    if (counts_frames (format)) {
      GstEvent *scaled = gst_event_new_seek (rate, format, flags, start_type,
          start < 0 ? start : start / views, stop_type,
          stop < 0 ? stop : stop / views);

      gst_event_set_seqnum (scaled, gst_event_get_seqnum (event));
      gst_event_unref (event);
      event = scaled;
    }
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->src_event (trans, event);
}

static gboolean
gst_supcon_augment_query (GstBaseTransform * trans, GstPadDirection direction,
    GstQuery * query)
{
  guint views = get_views (GST_SUPCON_AUGMENT (trans));
  GstFormat format;
  gint64 value;

  if (direction == GST_PAD_SRC && GST_QUERY_TYPE (query) == GST_QUERY_DURATION) {
    gst_query_parse_duration (query, &format, NULL);
    if (counts_frames (format)) {
      if (!gst_pad_peer_query (trans->sinkpad, query))
        return FALSE;
      gst_query_parse_duration (query, NULL, &value);
      if (value > 0)
        gst_query_set_duration (query, format, value * views);
      return TRUE;
    }
  } else if (direction == GST_PAD_SRC
      && GST_QUERY_TYPE (query) == GST_QUERY_POSITION) {
    gst_query_parse_position (query, &format, NULL);
    if (counts_frames (format)) {
      if (!gst_pad_peer_query (trans->sinkpad, query))
        return FALSE;
      gst_query_parse_position (query, NULL, &value);
      if (value > 0)
        gst_query_set_position (query, format, value * views);
      return TRUE;
    }
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->query (trans, direction,
      query);
}

static void
gst_supcon_augment_finalize (GObject * object)
{
  GstSupconAugment *self = GST_SUPCON_AUGMENT (object);

  supcon_augmenter_free (self->augmenter);
  supcon_program_free (self->program);
  gst_supcon_augment_keep_frames (self, 0);
  g_free (self->program_text);
  g_free (self->operations);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_supcon_augment_init (GstSupconAugment * self)
{
  supcon_policy_init (&self->policy, DEFAULT_POLICY);
  self->changed = TRUE;
  self->views = DEFAULT_VIEWS;
  self->seed = DEFAULT_SEED;
  self->augmenter = supcon_augmenter_new ();
}

static void
gst_supcon_augment_class_init (GstSupconAugmentClass * klass)
{
  GObjectClass *gobject_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags playing = flags | GST_PARAM_MUTABLE_PLAYING;
  SupconPolicy policy;

  GST_DEBUG_CATEGORY_INIT (gst_supcon_augment_debug, "supconaugment", 0,
      "random views of frames");

  gobject_class->set_property = gst_supcon_augment_set_property;
  gobject_class->get_property = gst_supcon_augment_get_property;
  gobject_class->finalize = gst_supcon_augment_finalize;
  trans_class->start = gst_supcon_augment_start;
  trans_class->stop = gst_supcon_augment_stop;
  trans_class->transform_caps = gst_supcon_augment_transform_caps;
  trans_class->fixate_caps = gst_supcon_augment_fixate_caps;
  trans_class->set_caps = gst_supcon_augment_set_caps;
  trans_class->transform_size = gst_supcon_augment_transform_size;
  trans_class->propose_allocation = gst_supcon_augment_propose_allocation;
  trans_class->decide_allocation = gst_supcon_augment_decide_allocation;
  trans_class->transform_meta = gst_supcon_augment_transform_meta;
  trans_class->copy_metadata = gst_supcon_augment_copy_metadata;
  trans_class->submit_input_buffer = gst_supcon_augment_submit_input_buffer;
  trans_class->generate_output = gst_supcon_augment_generate_output;
  trans_class->transform = gst_supcon_augment_transform;
  trans_class->sink_event = gst_supcon_augment_sink_event;
  trans_class->src_event = gst_supcon_augment_src_event;
  trans_class->query = gst_supcon_augment_query;

  supcon_policy_init (&policy, DEFAULT_POLICY);
  g_object_class_install_property (gobject_class, PROP_POLICY,
      g_param_spec_enum ("policy", "Policy", "What is done to each view",
          GST_TYPE_SUPCON_POLICY, DEFAULT_POLICY, playing));
  g_object_class_install_property (gobject_class, PROP_VIEWS,
      g_param_spec_uint ("views", "Views",
          "Views made of each frame; two, since a contrastive loss compares "
          "views of one picture", 1, MAX_VIEWS, DEFAULT_VIEWS, playing));
  g_object_class_install_property (gobject_class, PROP_SEED,
      g_param_spec_int64 ("seed", "Seed",
          "Seed of the random numbers; -1: drawn at start, the property then "
          "reads the number drawn", -1, G_MAXINT64, DEFAULT_SEED,
          flags | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (gobject_class, PROP_OPERATIONS,
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
          "crop, and bicubic", NULL, playing));
  g_object_class_install_property (gobject_class, PROP_TABLE,
      g_param_spec_enum ("table", "Table",
          "Which of the published policies autoaugment is",
          GST_TYPE_SUPCON_TABLE, SUPCON_AUTOAUGMENT_IMAGENET, playing));
  g_object_class_install_property (gobject_class, PROP_NUM_OPS,
      g_param_spec_uint ("num-ops", "Number of operations",
          "Operations that randaugment does one after the other; torchvision's "
          "default", 1, 16, policy.num_ops, playing));
  g_object_class_install_property (gobject_class, PROP_NUM_MAGNITUDE_BINS,
      g_param_spec_uint ("num-magnitude-bins", "Number of magnitude bins",
          "Steps from the smallest magnitude to the largest one of randaugment "
          "and trivialaugment; torchvision's default", 2, 1001,
          policy.num_magnitude_bins, playing));
  g_object_class_install_property (gobject_class, PROP_WARP_POINTS,
      g_param_spec_uint ("warp-points", "Warp points",
          "Points to each axis that the warp displaces; the authors' default", 2,
          4, policy.warp_points, playing));
  g_object_class_install_property (gobject_class, PROP_WARP_BOUNDARY,
      g_param_spec_uint ("warp-boundary", "Warp boundary",
          "Points to each edge that the warp leaves where they are; 0: none, "
          "the authors' default", 0, 8, policy.warp_boundary, playing));
  g_object_class_install_property (gobject_class, PROP_SEVERITY,
      g_param_spec_uint ("severity", "Severity",
          "Augmix's operations draw from the first so many of ten magnitudes; "
          "torchvision's default", 1, 10, policy.severity, playing));
  g_object_class_install_property (gobject_class, PROP_MIXTURE_WIDTH,
      g_param_spec_uint ("mixture-width", "Mixture width",
          "Chains of operations that augmix mixes; torchvision's default", 1, 5,
          policy.mixture_width, playing));
  g_object_class_install_property (gobject_class, PROP_CHAIN_DEPTH,
      g_param_spec_int ("chain-depth", "Chain depth",
          "Operations of each of augmix's chains; -1: 1 to 3 by chance, "
          "torchvision's default", -1, 3, policy.chain_depth, playing));
  g_object_class_install_property (gobject_class, PROP_INTERPOLATION,
      g_param_spec_enum ("interpolation", "Interpolation",
          "How policies resize; bilinear is torchvision's default and the "
          "faster one. operations name bicubic themselves",
          GST_TYPE_SUPCON_INTERPOLATION, SUPCON_INTERPOLATION_BILINEAR,
          playing));
  g_object_class_install_property (gobject_class, PROP_CONSISTENT,
      g_param_spec_enum ("consistent", "Consistent",
          "Whether every frame draws anew or all frames of a clip share a draw, "
          "which leaves movement as it is; a clip ends where a stream starts or "
          "after clip-length frames", GST_TYPE_SUPCON_CONSISTENT,
          GST_SUPCON_CONSISTENT_FRAME, playing));
  g_object_class_install_property (gobject_class, PROP_CLIP_LENGTH,
      g_param_spec_uint ("clip-length", "Clip length",
          "Frames of a clip where consistent=clip; 0: to the next stream", 0,
          G_MAXUINT, 0, playing));
  g_object_class_install_property (gobject_class, PROP_TEMPORAL_WINDOW,
      g_param_spec_uint ("temporal-window", "Temporal window",
          "Views after the first take the picture of one of so many frames "
          "before, where they are of the same clip and label: temporal "
          "positives; 0: of the frame itself", 0, 1000, 0, playing));
  g_object_class_install_property (gobject_class, PROP_RECORD_DRAWS,
      g_param_spec_boolean ("record-draws", "Record draws",
          "Whether the supcon-sample meta has the field draws, from which a "
          "view can be made again", FALSE, playing));
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    g_object_class_install_property (gobject_class, PROP_NUMBERS + i,
        g_param_spec_double (numbers[i].name, numbers[i].nick,
            numbers[i].blurb, numbers[i].min, numbers[i].max,
            *policy_number (&policy, PROP_NUMBERS + i),
            playing | GST_PARAM_CONTROLLABLE));

  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_POLICY, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_TABLE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_INTERPOLATION, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_CONSISTENT, 0);
  gst_element_class_set_static_metadata (element_class,
      "Random views of frames", "Filter/Effect/Video",
      "Makes several random views of each frame, in the size that downstream "
      "asks for", "gst-supcon");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
}
