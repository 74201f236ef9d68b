/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconindexsettings.h"

#include "gstsupconenums.h"

/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, mode_get_type, "GstSupconIndexMode",
    {GST_SUPCON_INDEX_SEARCH, "Find each frame's neighbours in the index", "search"},
    {GST_SUPCON_INDEX_ADD, "Put the frames into a new index", "add"},
    {GST_SUPCON_INDEX_APPEND, "Put the frames into the index at location, or into a new one", "append"})

GST_SUPCON_DEFINE_ENUM (static GType, metric_get_type, "GstSupconMetric",
    {SUPCON_METRIC_COSINE, "The cosine of the angle between embeddings", "cosine"},
    {SUPCON_METRIC_INNER_PRODUCT, "The inner product of embeddings as they are", "inner-product"})
/* *INDENT-ON* */

#define ADD(field, spec) \
  gst_supcon_settings_install (settings_class, \
      G_STRUCT_OFFSET (GstSupconIndexSettings, field), spec)

GstSupconSettingsClass *
gst_supcon_index_settings_install (GObjectClass * klass, guint first_id,
    gsize fields)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags ready = flags | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing = flags | GST_PARAM_MUTABLE_PLAYING;
  GstSupconSettingsClass *settings_class =
      gst_supcon_settings_class_new (klass, first_id, fields);

  ADD (location, g_param_spec_string ("location", "Location",
          "File of the index (safetensors)", NULL, ready));
  ADD (mode, g_param_spec_enum ("mode", "Mode", "What is done with frames",
          mode_get_type (), GST_SUPCON_INDEX_SEARCH, ready));
  ADD (metric, g_param_spec_enum ("metric", "Metric",
          "How alike two embeddings are, for a new index (a loaded one has its "
          "own); the encoder learns angles, hence the default",
          metric_get_type (), SUPCON_METRIC_COSINE, ready));
  ADD (neighbours, g_param_spec_uint ("neighbours", "Neighbours",
          "The most entries that are found for a frame", 1,
          GST_SUPCON_INDEX_MAX_NEIGHBOURS, 5,
          playing | GST_PARAM_CONTROLLABLE));
  ADD (probes, g_param_spec_uint ("probes", "Probes",
          "Approximate search: lists that a frame is compared with, of as many "
          "as the square root of the entries (0: exact search, of all entries); "
          "needs faiss", 0, G_MAXUINT16, 0, ready));
  ADD (threshold, g_param_spec_double ("threshold", "Threshold",
          "The least score of an entry that is found (the default: any)",
          -G_MAXDOUBLE, G_MAXDOUBLE, -G_MAXDOUBLE,
          playing | GST_PARAM_CONTROLLABLE));
  ADD (min_gap, g_param_spec_uint64 ("min-gap", "Minimum gap",
          "Of entries of one URI that are less than so many nanoseconds apart, "
          "only the nearest is found (0: all)", 0, G_MAXUINT64, 0,
          playing));
  ADD (uri, g_param_spec_string ("uri", "URI",
          "Where the frames that are added come from; not set: as upstream "
          "answers", NULL, playing));
  ADD (post_messages, g_param_spec_boolean ("post-messages", "Post messages",
          "Post a supcon-neighbours element message for each frame",
          TRUE, playing));
  gst_type_mark_as_plugin_api (mode_get_type (), 0);
  gst_type_mark_as_plugin_api (metric_get_type (), 0);
  return settings_class;
}
