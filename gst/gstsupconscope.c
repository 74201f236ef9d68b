/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supconscope
 * @title: supconscope
 * @short_description: Draws the embedding space and the loss as video
 *
 * For each frame that comes in, a picture of its own leaves, of the size that downstream's caps ask for (640x480 when they
 * leave it open). It shows
 *
 * * the last #GstSupconScope:max-points embeddings that frames carried (see supconencoder) as points in the plane in which
 *   they differ most, found while they come; older ones fade, each label has a colour and a shape, which a legend names.
 *   The label is the frame's true one (supconlabel) or else the first tag of supcontagger; points of neither are grey.
 * * loss and learning rate over the steps of a supcontrainer anywhere in the same pipeline, from the `supcon-train` messages
 *   that pass the pipeline's bus. #GstSupconScope:trainer names one of several.
 *
 * Frames without an embedding add no point, so that the curves can be shown alone, over any video.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=60 pattern=ball ! videoconvert ! supconencoder location=model.safetensors ! supconlabel label=ball ! supconscope ! video/x-raw,width=640,height=480 ! fakesink
 * ]| Draws where a ball that moves goes in the embedding space.
 */

#include "gstsupconscope.h"

#include <gst/video/video.h>
#include <string.h>

#include "gstsupconenums.h"
#include "gstsupconmeta.h"
#include "gstsupconplot.h"
#include "gstsupconsettings.h"
#include "gstsupconsteps.h"
#include "gstsupconstream.h"
#include "gstsupcontags.h"

GST_DEBUG_CATEGORY_STATIC (supcon_scope_debug);
#define GST_CAT_DEFAULT supcon_scope_debug

typedef enum
{
  VIEW_BOTH,
  VIEW_EMBEDDINGS,
  VIEW_CURVES
} View;

typedef struct
{
  gint view;
  guint max_points;
  gchar *trainer;
} Settings;

/* Text and curves are drawn anew so many times a second of video; points each time. */
#define LAYERS_PER_SECOND 5
#define EMBEDDINGS_SHARE 0.66   /* of the height, where both are shown */

struct _GstSupconScope
{
  GstBaseTransform parent;

  Settings settings;            /* under the object lock */
  GstSupconSteps steps;

  /* Streaming thread, from start to stop. */
  GstVideoInfo info;
  SupconMap *map;
  SupconLabels *labels;
  SupconMapPoint *points;
  GstSupconPlotView view;
  cairo_surface_t *layer;       /* all but the points; NULL: the size is new */
  View drawn;                   /* by layer */
  GstSupconPlotArea plot;       /* where the points go, of a layer that has a map */
  guint layer_age;              /* frames */
};

static GstSupconSettingsClass *settings_class;

#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define CAIRO_CAPS "video/x-raw, format = (string) BGRx, "
#else
#define CAIRO_CAPS "video/x-raw, format = (string) xRGB, "
#endif

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAIRO_CAPS
        "width = (int) [ 240, 4096 ], height = (int) [ 180, 4096 ], "
        "framerate = (fraction) [ 0, MAX ]"));

#define GST_TYPE_SUPCON_SCOPE_VIEW (gst_supcon_scope_view_get_type ())
/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, gst_supcon_scope_view_get_type, "GstSupconScopeView",
    {VIEW_BOTH, "Embeddings, and the curves below them", "both"},
    {VIEW_EMBEDDINGS, "Embeddings alone", "embeddings"},
    {VIEW_CURVES, "Loss and learning rate alone", "curves"})
/* *INDENT-ON* */

G_DEFINE_TYPE_WITH_CODE (GstSupconScope, gst_supcon_scope,
    GST_TYPE_BASE_TRANSFORM,
    GST_DEBUG_CATEGORY_INIT (supcon_scope_debug, "supconscope", 0,
        "supconscope element"));
GST_ELEMENT_REGISTER_DEFINE (supconscope, "supconscope", GST_RANK_NONE,
    GST_TYPE_SUPCON_SCOPE);

static gboolean
gst_supcon_scope_start (GstBaseTransform * trans)
{
  GstSupconScope *self = GST_SUPCON_SCOPE (trans);

  self->labels = supcon_labels_new ();
  self->view = (GstSupconPlotView) { 0 };
  gst_supcon_steps_start (&self->steps);
  return TRUE;
}

static gboolean
gst_supcon_scope_stop (GstBaseTransform * trans)
{
  GstSupconScope *self = GST_SUPCON_SCOPE (trans);

  gst_supcon_steps_stop (&self->steps);
  g_clear_pointer (&self->map, supcon_map_free);
  g_clear_pointer (&self->labels, supcon_labels_free);
  g_clear_pointer (&self->points, g_free);
  g_clear_pointer (&self->layer, cairo_surface_destroy);
  return TRUE;
}

/* Caps */

static GstCaps *
gst_supcon_scope_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstPad *other = direction == GST_PAD_SINK ? trans->srcpad : trans->sinkpad;
  GstCaps *templ = gst_pad_get_pad_template_caps (other);
  GstCaps *result = gst_caps_new_empty ();

  /* Each frame makes one; nothing else goes through. */
  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    const GValue *rate =
        gst_structure_get_value (gst_caps_get_structure (caps, i), "framerate");
    GstCaps *one = gst_caps_copy (templ);

    if (rate)
      gst_caps_set_value (one, "framerate", rate);
    result = gst_caps_merge (result, one);
  }
  gst_caps_unref (templ);
  return gst_supcon_filter_caps (result, filter);
}

static GstCaps *
gst_supcon_scope_fixate_caps (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstPadDirection direction, G_GNUC_UNUSED GstCaps * caps,
    GstCaps * othercaps)
{
  GstStructure *s;

  othercaps = gst_caps_make_writable (gst_caps_truncate (othercaps));
  s = gst_caps_get_structure (othercaps, 0);
  gst_structure_fixate_field_nearest_int (s, "width", 640);
  gst_structure_fixate_field_nearest_int (s, "height", 480);
  return gst_caps_fixate (othercaps);
}

static gboolean
gst_supcon_scope_transform_size (G_GNUC_UNUSED GstBaseTransform * trans,
    GstPadDirection direction, G_GNUC_UNUSED GstCaps * caps, gsize size,
    GstCaps * othercaps, gsize * othersize)
{
  GstVideoInfo info;

  if (direction == GST_PAD_SRC) {
    *othersize = size;
    return TRUE;
  }
  if (!gst_video_info_from_caps (&info, othercaps))
    return FALSE;
  *othersize = GST_VIDEO_INFO_SIZE (&info);
  return TRUE;
}

static gboolean
gst_supcon_scope_set_caps (GstBaseTransform * trans,
    G_GNUC_UNUSED GstCaps * incaps, GstCaps * outcaps)
{
  GstSupconScope *self = GST_SUPCON_SCOPE (trans);

  g_clear_pointer (&self->layer, cairo_surface_destroy);
  return gst_video_info_from_caps (&self->info, outcaps);
}

static gboolean
gst_supcon_scope_transform_meta (G_GNUC_UNUSED GstBaseTransform * trans,
    G_GNUC_UNUSED GstBuffer * outbuf, G_GNUC_UNUSED GstMeta * meta,
    G_GNUC_UNUSED GstBuffer * inbuf)
{
  return FALSE;                 /* what is said of a frame is not true of the drawing */
}

/* Frames */

/* The true label or the first tag, as a number; -1: neither. */
static gint
label_of (GstSupconScope * self, GstBuffer * buffer)
{
  const gchar *label = NULL;

  gst_supcon_buffer_get_sample (buffer, &label, NULL, NULL);
  if (!label)
    label = gst_supcon_frame_first_label (buffer);
  return label ? (gint) supcon_labels_add (self->labels, label) : -1;
}

static void
add_point (GstSupconScope * self, GstBuffer * buffer)
{
  guint dim, max_points;
  GstMapInfo map;
  GstBuffer *embedding =
      gst_supcon_buffer_get_embedding (buffer, &dim, NULL, NULL);

  if (embedding && gst_buffer_map (embedding, &map, GST_MAP_READ)) {
    if (self->map && supcon_map_dim (self->map) != dim)
      g_clear_pointer (&self->map, supcon_map_free);    /* another model */
    if (!self->map) {
      GST_OBJECT_LOCK (self);
      max_points = self->settings.max_points;
      GST_OBJECT_UNLOCK (self);
      self->map = supcon_map_new (dim, max_points);
      self->points = g_renew (SupconMapPoint, self->points, max_points);
    }
    supcon_map_add (self->map, (const gfloat *) map.data, label_of (self,
            buffer));
    gst_buffer_unmap (embedding, &map);
  }
  gst_clear_buffer (&embedding);
}

static void
draw_layer (GstSupconScope * self, View view)
{
  gint width = GST_VIDEO_INFO_WIDTH (&self->info);
  gint height = GST_VIDEO_INFO_HEIGHT (&self->info);
  gint split = view == VIEW_BOTH ? height * EMBEDDINGS_SHARE :
      view == VIEW_CURVES ? 0 : height;
  GstSupconPlotArea map = { 0, 0, width, split };
  GstSupconPlotArea curves = { 0, split, width, height - split };
  cairo_t *cr;

  if (!self->layer)
    self->layer =
        cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);
  cr = cairo_create (self->layer);
  gst_supcon_plot_clear (cr);
  if (view != VIEW_CURVES)
    self->plot = gst_supcon_plot_map (cr, &map, self->labels,
        self->map ? supcon_map_explained (self->map) : 0);
  if (view != VIEW_EMBEDDINGS)
    gst_supcon_steps_draw (&self->steps, cr, &curves);
  cairo_destroy (cr);
  cairo_surface_flush (self->layer);
}

static GstFlowReturn
gst_supcon_scope_transform (GstBaseTransform * trans, GstBuffer * inbuf,
    GstBuffer * outbuf)
{
  GstSupconScope *self = GST_SUPCON_SCOPE (trans);
  guint fps =
      GST_VIDEO_INFO_FPS_N (&self->info) / GST_VIDEO_INFO_FPS_D (&self->info);
  GstVideoFrame frame;
  const guint8 *drawn;
  gsize from, to;
  guint n;
  View view;

  GST_OBJECT_LOCK (self);
  view = self->settings.view;
  GST_OBJECT_UNLOCK (self);
  add_point (self, inbuf);
  if (!self->layer || view != self->drawn
      || ++self->layer_age * LAYERS_PER_SECOND >= fps) {
    draw_layer (self, view);
    self->drawn = view;
    self->layer_age = 0;
  }
  if (!gst_video_frame_map (&frame, &self->info, outbuf, GST_MAP_READWRITE)) {
    GST_ELEMENT_ERROR (self, RESOURCE, WRITE,
        ("A frame of downstream's cannot be written to."), (NULL));
    return GST_FLOW_ERROR;
  }
  drawn = cairo_image_surface_get_data (self->layer);
  from = cairo_image_surface_get_stride (self->layer);
  to = GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0);
  for (gint y = 0; y < GST_VIDEO_FRAME_HEIGHT (&frame); y++)
    memcpy ((guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0) + y * to,
        drawn + y * from, (gsize) GST_VIDEO_FRAME_WIDTH (&frame) * 4);
  n = self->map && view != VIEW_CURVES ?
      supcon_map_points (self->map, self->points) : 0;
  if (n)
    gst_supcon_plot_points (GST_VIDEO_FRAME_PLANE_DATA (&frame, 0), to,
        &self->plot, self->points, n, &self->view);
  gst_video_frame_unmap (&frame);
  return GST_FLOW_OK;
}

/* Properties */

static void
gst_supcon_scope_finalize (GObject * object)
{
  GstSupconScope *self = GST_SUPCON_SCOPE (object);

  gst_supcon_settings_clear (settings_class, &self->settings);
  gst_supcon_steps_clear (&self->steps);
  G_OBJECT_CLASS (gst_supcon_scope_parent_class)->finalize (object);
}

#define ADD(field, spec) \
  gst_supcon_settings_install (settings_class, \
      G_STRUCT_OFFSET (Settings, field), spec)

static void
gst_supcon_scope_class_init (GstSupconScopeClass * klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->finalize = gst_supcon_scope_finalize;
  settings_class = gst_supcon_settings_class_new (object_class, 1,
      G_STRUCT_OFFSET (GstSupconScope, settings));
  ADD (view, g_param_spec_enum ("view", "View",
          "What is drawn", GST_TYPE_SUPCON_SCOPE_VIEW, VIEW_BOTH,
          flags | GST_PARAM_MUTABLE_PLAYING));
  ADD (max_points, g_param_spec_uint ("max-points",
          "Maximum points", "Embeddings that are shown, the last ones", 1,
          20000, 2000, flags | GST_PARAM_MUTABLE_READY));
  ADD (trainer, g_param_spec_string ("trainer",
          "Trainer", "Name of the supcontrainer whose curves are drawn; not "
          "set: any", NULL, flags | GST_PARAM_MUTABLE_PLAYING));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "SupCon scope",
      "Visualization/Video", "Draws the embedding space and the loss as video",
      "The gst-supcon authors");

  trans_class->start = gst_supcon_scope_start;
  trans_class->stop = gst_supcon_scope_stop;
  trans_class->transform_caps = gst_supcon_scope_transform_caps;
  trans_class->fixate_caps = gst_supcon_scope_fixate_caps;
  trans_class->transform_size = gst_supcon_scope_transform_size;
  trans_class->set_caps = gst_supcon_scope_set_caps;
  trans_class->transform_meta = gst_supcon_scope_transform_meta;
  trans_class->transform = gst_supcon_scope_transform;

  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_SCOPE_VIEW, 0);
}

static void
gst_supcon_scope_init (GstSupconScope * self)
{
  gst_supcon_settings_init (settings_class, &self->settings);
  gst_supcon_steps_init (&self->steps, GST_ELEMENT (self),
      &self->settings.trainer);
}
