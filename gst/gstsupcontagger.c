/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supcontagger
 * @title: supcontagger
 * @short_description: Tags frames by their embeddings
 *
 * Says what a frame shows, from the embedding that supconencoder attached to it. With method=linear the classifier in
 * the checkpoint at #GstSupconTagger:location decides; with method=centroid the frames that carry a true label (see
 * supconlabel) teach, and those that carry none get the label whose examples' mean direction is the nearest.
 *
 * Tags leave in five ways:
 *
 * * on the frame, a #GstVideoRegionOfInterestMeta of type `supcon` over the whole of it, with a parameter
 *   `classification` { label string, confidence double, label_id int } for each of the #GstSupconTagger:top-k labels, as
 *   DL Streamer names them;
 * * an element message `supcon-tags` { timestamp uint64, labels, confidences #GstValueArray } for each tagged frame;
 * * text on the request pad `text`, a line for each label: "cup 97 %". It goes to a file or onto the picture by
 *   textoverlay;
 * * a tag event with #GST_TAG_KEYWORDS when the first label changes.
 *
 * A frame for which no label reaches #GstSupconTagger:threshold is tagged `unknown` (label_id -1), and has no text.
 *
 * Frames that carry a true label are counted, and at the end of the stream an element message `supcon-evaluation` {
 * count, unknown-labels uint64, top1, top5, ece, nll, brier double, labels, confusion #GstValueArray } tells how right the tags
 * were; evaluation-location writes them to a file. With method=centroid each such frame is first judged by what was learnt before it, and only then learnt from.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! videoconvert ! supconencoder location=model.safetensors ! supcontagger name=t location=model.safetensors ! textoverlay name=o ! fakesink t.text ! o.text_sink
 * ]| Tags a test picture with a trained model and draws the tags on it.
 */

#include "gstsupcontagger.h"

#include "gstsupconclassifier.h"
#include "gstsupconenums.h"
#include "gstsupconevaluation.h"
#include "gstsupconmeta.h"
#include "gstsupcontags.h"
#include "gstsupcontextpad.h"
#include "model/checkpoint.h"

GST_DEBUG_CATEGORY_STATIC (supcon_tagger_debug);
#define GST_CAT_DEFAULT supcon_tagger_debug

enum
{
  PROP_0,
  PROP_LOCATION,
  PROP_METHOD,
  PROP_TOP_K,
  PROP_THRESHOLD,
  PROP_SMOOTHING,
  PROP_POST_MESSAGES,
  PROP_PRINT_EVALUATION,
  PROP_EVALUATION_LOCATION
};

#define DEFAULT_METHOD GST_SUPCON_CLASSIFIER_LINEAR
#define DEFAULT_TOP_K 1
#define DEFAULT_THRESHOLD 0.0
#define DEFAULT_SMOOTHING 0.0
#define DEFAULT_POST_MESSAGES TRUE
#define DEFAULT_PRINT_EVALUATION FALSE

struct _GstSupconTagger
{
  GstBaseTransform parent;

  /* Under the object lock. */
  gchar *location, *evaluation_location;
  GstSupconClassifierMethod method;
  guint top_k;
  gdouble threshold, smoothing;
  gboolean post_messages, print_evaluation;
  GstSupconTextPad *text;       /* owned by the element's pads; NULL until requested */
  guint32 seek_seqnum;

  /* Streaming thread, from start to stop. */
  GstSupconClassifier *classifier;
  gint width, height;
  GstTagList *upstream_tags;
  gchar *keyword;               /* in the last tag event */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));

static GstStaticPadTemplate text_template = GST_STATIC_PAD_TEMPLATE ("text",
    GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("text/x-raw, format = (string) utf8"));

#define GST_TYPE_SUPCON_TAGGER_METHOD (gst_supcon_tagger_method_get_type ())
/* *INDENT-OFF* */
GST_SUPCON_DEFINE_ENUM (static GType, gst_supcon_tagger_method_get_type, "GstSupconTaggerMethod",
    {GST_SUPCON_CLASSIFIER_LINEAR, "The linear classifier of the checkpoint", "linear"},
    {GST_SUPCON_CLASSIFIER_CENTROID, "The nearest mean of the labelled frames so far", "centroid"})
/* *INDENT-ON* */

G_DEFINE_TYPE_WITH_CODE (GstSupconTagger, gst_supcon_tagger,
    GST_TYPE_BASE_TRANSFORM,
    GST_DEBUG_CATEGORY_INIT (supcon_tagger_debug, "supcontagger", 0,
        "supcontagger element"));
GST_ELEMENT_REGISTER_DEFINE (supcontagger, "supcontagger", GST_RANK_NONE,
    GST_TYPE_SUPCON_TAGGER);

/* The text pad */

static GstSupconTextPad *
ref_text_pad (GstSupconTagger * self)
{
  GstSupconTextPad *text;

  GST_OBJECT_LOCK (self);
  text = self->text ? gst_object_ref (self->text) : NULL;
  GST_OBJECT_UNLOCK (self);
  return text;
}

/* item: transfer full. */
static GstFlowReturn
push_text (GstSupconTagger * self, gpointer item)
{
  GstSupconTextPad *text = ref_text_pad (self);
  GstFlowReturn flow;

  if (!text) {
    gst_mini_object_unref (item);
    return GST_FLOW_OK;
  }
  flow = gst_supcon_text_pad_push (text, GST_BASE_TRANSFORM_SINK_PAD (self),
      item);
  gst_object_unref (text);
  return flow;
}

/* Whoever joins text and pictures sends a seek up both pads; one of them is enough. */
static gboolean
is_repeated_seek (GstSupconTagger * self, GstEvent * event)
{
  guint32 seqnum = gst_event_get_seqnum (event);
  gboolean repeated;

  if (GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    return FALSE;
  GST_OBJECT_LOCK (self);
  repeated = self->seek_seqnum == seqnum;
  self->seek_seqnum = seqnum;
  GST_OBJECT_UNLOCK (self);
  return repeated;
}

static gboolean
gst_supcon_tagger_text_event (GstPad * pad, GstObject * parent,
    GstEvent * event)
{
  /* That a text is late says nothing about the pictures. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS
      || is_repeated_seek (GST_SUPCON_TAGGER (parent), event)) {
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_event_default (pad, parent, event);
}

static GstPad *
gst_supcon_tagger_request_new_pad (GstElement * element,
    GstPadTemplate * templ, G_GNUC_UNUSED const gchar * name,
    G_GNUC_UNUSED const GstCaps * caps)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (element);
  GstPad *pad;
  gboolean exists;

  GST_OBJECT_LOCK (self);
  exists = self->text != NULL;
  GST_OBJECT_UNLOCK (self);
  if (exists)
    return NULL;

  pad = g_object_new (GST_TYPE_SUPCON_TEXT_PAD, "name", "text",
      "direction", GST_PAD_SRC, "template", templ, NULL);
  gst_pad_set_event_function (pad, gst_supcon_tagger_text_event);
  if (gst_pad_is_active (GST_BASE_TRANSFORM_SINK_PAD (self)))
    gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  GST_OBJECT_LOCK (self);
  self->text = GST_SUPCON_TEXT_PAD (pad);
  GST_OBJECT_UNLOCK (self);
  return pad;
}

static void
gst_supcon_tagger_release_pad (GstElement * element, GstPad * pad)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (element);

  GST_OBJECT_LOCK (self);
  self->text = NULL;
  GST_OBJECT_UNLOCK (self);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
}

/* Start and stop */

static gboolean
gst_supcon_tagger_start (GstBaseTransform * trans)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (trans);
  GstSupconClassifierMethod method;
  GError *error = NULL;
  gchar *location, *evaluation_location;

  GST_OBJECT_LOCK (self);
  method = self->method;
  location = g_strdup (self->location);
  evaluation_location = g_strdup (self->evaluation_location);
  GST_OBJECT_UNLOCK (self);
  /* What cannot be written is said now, not when all is measured. */
  if (!evaluation_location
      || supcon_checkpoint_check_writable (evaluation_location, &error))
    self->classifier = gst_supcon_classifier_new (method, location, &error);
  g_free (location);
  g_free (evaluation_location);
  if (!self->classifier) {
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  return TRUE;
}

static gboolean
gst_supcon_tagger_stop (GstBaseTransform * trans)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (trans);

  g_clear_pointer (&self->classifier, gst_supcon_classifier_free);
  gst_clear_tag_list (&self->upstream_tags);
  g_clear_pointer (&self->keyword, g_free);
  return TRUE;
}

static gboolean
gst_supcon_tagger_set_caps (GstBaseTransform * trans, GstCaps * incaps,
    G_GNUC_UNUSED GstCaps * outcaps)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (trans);
  const GstStructure *s = gst_caps_get_structure (incaps, 0);

  return gst_structure_get_int (s, "width", &self->width)
      && gst_structure_get_int (s, "height", &self->height);
}

/* Frames */

/* A tag event replaces the one before it, so it holds upstream's tags as well. */
static GstEvent *
new_tag_event (GstSupconTagger * self)
{
  GstTagList *list = self->upstream_tags ?
      gst_tag_list_copy (self->upstream_tags) : gst_tag_list_new_empty ();

  if (self->keyword)
    gst_tag_list_add (list, GST_TAG_MERGE_REPLACE, GST_TAG_KEYWORDS,
        self->keyword, NULL);
  return gst_event_new_tag (list);
}

/* n = 0: there is nothing to say of the frame. */
static GstFlowReturn
publish (GstSupconTagger * self, GstBuffer * buffer, const GstSupconTag * tags,
    guint n, gboolean post)
{
  GstMiniObject *text;

  if (n) {
    gst_supcon_tags_attach (tags, n, buffer, self->width, self->height);
    if (post)
      gst_element_post_message (GST_ELEMENT (self),
          gst_message_new_element (GST_OBJECT (self),
              gst_supcon_tags_to_structure (tags, n, GST_BUFFER_PTS (buffer))));
    if (g_strcmp0 (self->keyword, tags[0].label) != 0) {
      g_free (self->keyword);
      self->keyword = g_strdup (tags[0].label);
      gst_pad_push_event (GST_BASE_TRANSFORM_SRC_PAD (self),
          new_tag_event (self));
    }
  }
  text = gst_supcon_tags_to_text (tags, n, buffer);
  return text ? push_text (self, text) : GST_FLOW_OK;
}

static void
gst_supcon_tagger_before_transform (GstBaseTransform * trans,
    GstBuffer * buffer)
{
  GstClockTime time = gst_segment_to_stream_time (&trans->segment,
      GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));

  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_object_sync_values (GST_OBJECT (trans), time);
}

static GstFlowReturn
gst_supcon_tagger_transform_ip (GstBaseTransform * trans, GstBuffer * buffer)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (trans);
  GstSupconTag tags[GST_SUPCON_MAX_TAGS];
  const gchar *layer, *label = NULL;
  const gfloat *probabilities;
  guint dim, top_k, n_classes, n = 0;
  gdouble threshold, smoothing;
  gboolean post, ok;
  GError *error = NULL;
  GstMapInfo map;
  GstBuffer *embedding =
      gst_supcon_buffer_get_embedding (buffer, &dim, &layer, NULL);

  if (!embedding || !gst_buffer_map (embedding, &map, GST_MAP_READ)) {
    gst_clear_buffer (&embedding);
    GST_ELEMENT_ERROR (self, STREAM, WRONG_TYPE,
        ("A frame has no embedding: supconencoder must be upstream of "
            "supcontagger."),
        ("no valid %s meta at %" GST_TIME_FORMAT, GST_SUPCON_EMBEDDING_META,
            GST_TIME_ARGS (GST_BUFFER_PTS (buffer))));
    return GST_FLOW_ERROR;
  }

  GST_OBJECT_LOCK (self);
  top_k = self->top_k;
  threshold = self->threshold;
  smoothing = self->smoothing;
  post = self->post_messages;
  GST_OBJECT_UNLOCK (self);

  gst_supcon_buffer_get_sample (buffer, &label, NULL, NULL);
  if (GST_BUFFER_IS_DISCONT (buffer))
    gst_supcon_classifier_forget_frames (self->classifier);
  ok = gst_supcon_classifier_take (self->classifier,
      (const gfloat *) map.data, dim, layer, label, smoothing, &probabilities,
      &n_classes, &error);
  gst_buffer_unmap (embedding, &map);
  gst_buffer_unref (embedding);
  if (!ok) {
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return GST_FLOW_ERROR;
  }
  if (n_classes)
    n = gst_supcon_tags_choose (probabilities, n_classes,
        gst_supcon_classifier_labels (self->classifier), top_k, threshold,
        tags);
  return publish (self, buffer, tags, n, post);
}

/* Events */

static void
write_evaluation (GstSupconTagger * self, const gchar * location,
    const SupconEvaluation * evaluation, const SupconLabels * labels,
    guint64 unknown)
{
  gchar *text = supcon_evaluation_to_json (evaluation, labels, unknown);
  GError *error = NULL;

  if (!g_file_set_contents (location, text, -1, &error)) {
    GST_ELEMENT_ERROR (self, RESOURCE, WRITE, ("%s", error->message), (NULL));
    g_error_free (error);
  }
  g_free (text);
}

static void
report_evaluation (GstSupconTagger * self)
{
  guint64 unknown;
  const SupconEvaluation *evaluation =
      gst_supcon_classifier_evaluation (self->classifier, &unknown);
  const SupconLabels *labels = gst_supcon_classifier_labels (self->classifier);
  gboolean print;
  gchar *location;

  if (!supcon_evaluation_count (evaluation) && !unknown)
    return;
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self),
          gst_supcon_evaluation_to_structure (evaluation, labels, unknown)));
  GST_OBJECT_LOCK (self);
  print = self->print_evaluation;
  location = g_strdup (self->evaluation_location);
  GST_OBJECT_UNLOCK (self);
  if (location)
    write_evaluation (self, location, evaluation, labels, unknown);
  g_free (location);
  if (print) {
    gchar *text = gst_supcon_evaluation_to_text (evaluation, labels, unknown);

    g_print ("%s", text);
    g_free (text);
  }
  /* Another stream may follow. */
  gst_supcon_classifier_reset_evaluation (self->classifier);
}

/* Flushes both pads, at flush-start the pictures first, since they may be what the text's peer waits for. */
static gboolean
flush (GstSupconTagger * self, GstEvent * event)
{
  GstSupconTextPad *text = ref_text_pad (self);
  gboolean ok;

  gst_event_ref (event);
  ok = GST_BASE_TRANSFORM_CLASS (gst_supcon_tagger_parent_class)->sink_event
      (GST_BASE_TRANSFORM (self), event);
  if (text) {
    gst_supcon_text_pad_flush (text, event);
    gst_object_unref (text);
  }
  gst_event_unref (event);
  return ok;
}

/* Transfer full, both ways. */
static GstEvent *
merge_upstream_tags (GstSupconTagger * self, GstEvent * event)
{
  GstTagList *list;

  gst_event_parse_tag (event, &list);
  if (gst_tag_list_get_scope (list) != GST_TAG_SCOPE_STREAM)
    return event;
  gst_clear_tag_list (&self->upstream_tags);
  self->upstream_tags = gst_tag_list_ref (list);
  gst_event_unref (event);
  return new_tag_event (self);
}

static gboolean
gst_supcon_tagger_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (trans);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_STOP:
      gst_supcon_classifier_forget_frames (self->classifier);
      return flush (self, event);
    case GST_EVENT_FLUSH_START:
      return flush (self, event);
    case GST_EVENT_STREAM_START:
      gst_clear_tag_list (&self->upstream_tags);
      g_clear_pointer (&self->keyword, g_free);
      break;
    case GST_EVENT_SEGMENT:
      gst_supcon_classifier_forget_frames (self->classifier);
      break;
    case GST_EVENT_TAG:
      event = merge_upstream_tags (self, event);
      break;
    case GST_EVENT_EOS:
      report_evaluation (self);
      push_text (self, gst_event_ref (event));
      break;
    case GST_EVENT_GAP:
    case GST_EVENT_SEGMENT_DONE:
      push_text (self, gst_event_ref (event));
      break;
    default:
      break;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_supcon_tagger_parent_class)->sink_event
      (trans, event);
}

static gboolean
gst_supcon_tagger_src_event (GstBaseTransform * trans, GstEvent * event)
{
  if (is_repeated_seek (GST_SUPCON_TAGGER (trans), event)) {
    gst_event_unref (event);
    return TRUE;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_supcon_tagger_parent_class)->src_event
      (trans, event);
}

/* Properties */

static void
gst_supcon_tagger_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_free (self->location);
      self->location = g_value_dup_string (value);
      break;
    case PROP_METHOD:
      self->method = g_value_get_enum (value);
      break;
    case PROP_TOP_K:
      self->top_k = g_value_get_uint (value);
      break;
    case PROP_THRESHOLD:
      self->threshold = g_value_get_double (value);
      break;
    case PROP_SMOOTHING:
      self->smoothing = g_value_get_double (value);
      break;
    case PROP_POST_MESSAGES:
      self->post_messages = g_value_get_boolean (value);
      break;
    case PROP_PRINT_EVALUATION:
      self->print_evaluation = g_value_get_boolean (value);
      break;
    case PROP_EVALUATION_LOCATION:
      g_free (self->evaluation_location);
      self->evaluation_location = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_tagger_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, self->location);
      break;
    case PROP_METHOD:
      g_value_set_enum (value, self->method);
      break;
    case PROP_TOP_K:
      g_value_set_uint (value, self->top_k);
      break;
    case PROP_THRESHOLD:
      g_value_set_double (value, self->threshold);
      break;
    case PROP_SMOOTHING:
      g_value_set_double (value, self->smoothing);
      break;
    case PROP_POST_MESSAGES:
      g_value_set_boolean (value, self->post_messages);
      break;
    case PROP_PRINT_EVALUATION:
      g_value_set_boolean (value, self->print_evaluation);
      break;
    case PROP_EVALUATION_LOCATION:
      g_value_set_string (value, self->evaluation_location);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_supcon_tagger_finalize (GObject * object)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (object);

  g_free (self->location);
  g_free (self->evaluation_location);
  G_OBJECT_CLASS (gst_supcon_tagger_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass * klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags ready = flags | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing = flags | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (klass, PROP_LOCATION,
      g_param_spec_string ("location", "Location",
          "Checkpoint (safetensors) with the classifier and its labels; "
          "method=centroid can do without, and takes the labels' order from it",
          NULL, ready));
  g_object_class_install_property (klass, PROP_METHOD,
      g_param_spec_enum ("method", "Method",
          "What turns an embedding into a label",
          GST_TYPE_SUPCON_TAGGER_METHOD, DEFAULT_METHOD, ready));
  g_object_class_install_property (klass, PROP_TOP_K,
      g_param_spec_uint ("top-k", "Top k",
          "The most labels that a frame is tagged with", 1, GST_SUPCON_MAX_TAGS,
          DEFAULT_TOP_K, playing | GST_PARAM_CONTROLLABLE));
  g_object_class_install_property (klass, PROP_THRESHOLD,
      g_param_spec_double ("threshold", "Threshold",
          "The least probability of a label that is given; a frame without one "
          "is tagged unknown (0: the most probable label always is given)",
          0, 1, DEFAULT_THRESHOLD, playing | GST_PARAM_CONTROLLABLE));
  g_object_class_install_property (klass, PROP_SMOOTHING,
      g_param_spec_double ("smoothing", "Smoothing",
          "Weight of the frames before in the probabilities, p = s * p_before + "
          "(1 - s) * p (0: each frame for itself, right for unrelated pictures)",
          0, 1, DEFAULT_SMOOTHING, playing | GST_PARAM_CONTROLLABLE));
  g_object_class_install_property (klass, PROP_POST_MESSAGES,
      g_param_spec_boolean ("post-messages", "Post messages",
          "Post a supcon-tags element message for each tagged frame",
          DEFAULT_POST_MESSAGES, playing));
  g_object_class_install_property (klass, PROP_PRINT_EVALUATION,
      g_param_spec_boolean ("print-evaluation", "Print evaluation",
          "Print accuracy and confusion matrix to standard output at the end of "
          "a stream that carries true labels", DEFAULT_PRINT_EVALUATION,
          playing));
  g_object_class_install_property (klass, PROP_EVALUATION_LOCATION,
      g_param_spec_string ("evaluation-location", "Evaluation location",
          "JSON file to write at the end of a stream that carries true labels: "
          "accuracy, calibration, confusion, reliability", NULL, ready));
}

static void
gst_supcon_tagger_class_init (GstSupconTaggerClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->set_property = gst_supcon_tagger_set_property;
  object_class->get_property = gst_supcon_tagger_get_property;
  object_class->finalize = gst_supcon_tagger_finalize;
  install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template_with_gtype (element_class,
      &text_template, GST_TYPE_SUPCON_TEXT_PAD);
  gst_element_class_set_static_metadata (element_class, "SupCon tagger",
      "Filter/Analyzer/Video",
      "Tags frames by the embeddings that supconencoder attached to them",
      "The gst-supcon authors");
  element_class->request_new_pad = gst_supcon_tagger_request_new_pad;
  element_class->release_pad = gst_supcon_tagger_release_pad;

  trans_class->start = gst_supcon_tagger_start;
  trans_class->stop = gst_supcon_tagger_stop;
  trans_class->set_caps = gst_supcon_tagger_set_caps;
  trans_class->before_transform = gst_supcon_tagger_before_transform;
  trans_class->transform_ip = gst_supcon_tagger_transform_ip;
  trans_class->sink_event = gst_supcon_tagger_sink_event;
  trans_class->src_event = gst_supcon_tagger_src_event;

  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_TAGGER_METHOD, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_TEXT_PAD, 0);
}

static void
gst_supcon_tagger_init (GstSupconTagger * self)
{
  self->method = DEFAULT_METHOD;
  self->top_k = DEFAULT_TOP_K;
  self->threshold = DEFAULT_THRESHOLD;
  self->smoothing = DEFAULT_SMOOTHING;
  self->post_messages = DEFAULT_POST_MESSAGES;
  self->print_evaluation = DEFAULT_PRINT_EVALUATION;
  self->seek_seqnum = GST_SEQNUM_INVALID;
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}
