/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supcontagger
 * @title: supcontagger
 * @short_description: Tags frames by their embeddings
 *
 * Says what a frame shows, from the embedding that supconencoder attached to it. With method=linear the classifier in
 * the checkpoint at #GstSupconTagger:location decides, or the one that a supcontrainer of this process shares
 * (#GstSupconTagger:model). Methods centroid and knn need no training: they compare with examples. Frames that carry a
 * true label (see supconlabel) are examples (unless learning=false), and so is what the action signal
 * #GstSupconTagger::learn says of the frame that was seen last; #GstSupconTagger:memory-location keeps them, which one
 * element at a time writes.
 *
 * Tags leave in these ways:
 *
 * * on the frame, a #GstVideoRegionOfInterestMeta of type `supcon` over the whole of it, with a parameter
 *   `classification` { label string, confidence double, label_id int, model_name string } for each of the
 *   #GstSupconTagger:top-k labels, as DL Streamer names them;
 * * built against GStreamer 1.24 or newer, in the frame's #GstAnalyticsRelationMeta a classification of these labels and
 *   confidences; that of a region is related to an object detection of its type and rectangle;
 * * an element message `supcon-tags` { timestamp uint64, labels, confidences #GstValueArray, version, encoding-time,
 *   tagging-time uint64 (nanoseconds) } for each tagged frame;
 * * text on the request pad `text`, a line for each label: "cup 97 %". It goes to a file or onto the picture by
 *   textoverlay;
 * * a tag event with #GST_TAG_KEYWORDS when the first label changes.
 *
 * A frame for which no label reaches #GstSupconTagger:threshold is tagged `unknown` (label_id -1), and has no text.
 *
 * Where supconencoder regions=true found regions, each of them is tagged: the parameters are its own, the message has also
 * regions #GstValueArray of { x, y, width, height uint, type string, labels, confidences }, text and tag event are of all
 * and of the first. #GstSupconTagger:smoothing, #GstSupconTagger:majority and #GstSupconTagger:hysteresis are for whole
 * frames alone.
 *
 * Frames that carry a true label are counted, and at the end of the stream, or when the element is stopped before it, an
 * element message `supcon-evaluation` { count, unknown-labels uint64, top1, top5, ece, nll, brier double, labels,
 * confusion #GstValueArray } tells how right the tags were; evaluation-location writes them to a file. With
 * #GstSupconTagger:examples-location it has also examples uint64, knn-1, knn-20, knn-200 and centroid double: how right the
 * vote of so many nearest examples (Wu et al. 2018, arXiv 1805.01978) and the nearest centroid are, so that embeddings are
 * judged without a classifier. With method=centroid or knn each such frame is first judged by what was learnt before it,
 * and only then learnt from.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! videoconvert ! supconencoder location=model.safetensors ! supcontagger name=t location=model.safetensors ! textoverlay name=o ! fakesink t.text ! o.text_sink
 * ]| Tags a test picture with a trained model and draws the tags on it.
 */

#include "gstsupcontagger.h"

#include "gstsupconevaluation.h"
#include "gstsupconjson.h"
#include "gstsupconjudge.h"
#include "gstsupconkeyword.h"
#include "gstsupconlesson.h"
#include "gstsupconmeta.h"
#include "gstsupconstream.h"
#include "gstsupcontags.h"
#include "gstsupcontextbranch.h"

GST_DEBUG_CATEGORY_STATIC (supcon_tagger_debug);
#define GST_CAT_DEFAULT supcon_tagger_debug

struct _GstSupconTagger
{
  GstBaseTransform parent;

  /* Under the object lock. */
  GstSupconTaggerSettings settings;
  GstSupconTextBranch text;

  GMutex lock;                  /* guards the classifier; taken before the object lock */
  GstSupconClassifier *classifier;      /* from start to stop */
  guint32 lesson;               /* the last event's that taught */

  /* Streaming thread, from start to stop. */
  gint width, height;
  gint current;                 /* the first tag's class of the last whole frame, -1: none */
  GstClockTime last;            /* the last frame's time */
  GstSupconKeyword keyword;
  GstSupconTextFile *evaluation;        /* what evaluation-location names, or NULL */
  gboolean told;                /* that the examples could not be written at the stream's end */
};

static GstSupconSettingsClass *settings_class;

G_DEFINE_TYPE_WITH_CODE (GstSupconTagger, gst_supcon_tagger,
    GST_TYPE_BASE_TRANSFORM,
    GST_DEBUG_CATEGORY_INIT (supcon_tagger_debug, "supcontagger", 0,
        "supcontagger element"));
GST_ELEMENT_REGISTER_DEFINE (supcontagger, "supcontagger", GST_RANK_NONE,
    GST_TYPE_SUPCON_TAGGER);

/* The text pad */

static GstPad *
gst_supcon_tagger_request_new_pad (GstElement * element,
    GstPadTemplate * templ, G_GNUC_UNUSED const gchar * name,
    G_GNUC_UNUSED const GstCaps * caps)
{
  return gst_supcon_text_branch_request (&GST_SUPCON_TAGGER (element)->text,
      templ);
}

static void
gst_supcon_tagger_release_pad (GstElement * element, GstPad * pad)
{
  gst_supcon_text_branch_release (&GST_SUPCON_TAGGER (element)->text, pad);
}

static GstStateChangeReturn
gst_supcon_tagger_change_state (GstElement * element,
    GstStateChange transition)
{
  gst_supcon_text_branch_change_state (&GST_SUPCON_TAGGER (element)->text,
      transition);
  return GST_ELEMENT_CLASS (gst_supcon_tagger_parent_class)->change_state
      (element, transition);
}

/* Teaching */

/* error: transfer full. */
static void
warn (GstSupconTagger * self, GError * error)
{
  GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS, ("%s", error->message), (NULL));
  g_error_free (error);
}

/* Whatever the thread. */
static gboolean
teach (GstSupconTagger * self, GstSupconLesson lesson)
{
  GError *error = NULL;
  gboolean done;

  g_mutex_lock (&self->lock);
  done = gst_supcon_lesson_teach (&lesson, self->classifier, &error);
  g_mutex_unlock (&self->lock);
  if (!done)
    warn (self, error);
  return done;
}

static gboolean
gst_supcon_tagger_learn (GstSupconTagger * self, const gchar * label)
{
  return teach (self, (GstSupconLesson) {
        GST_SUPCON_LESSON_LEARN, label, NULL});
}

static gboolean
gst_supcon_tagger_forget (GstSupconTagger * self, const gchar * label)
{
  return teach (self, (GstSupconLesson) {
        GST_SUPCON_LESSON_FORGET, label, NULL});
}

static gboolean
gst_supcon_tagger_rename (GstSupconTagger * self, const gchar * from,
    const gchar * to)
{
  return teach (self, (GstSupconLesson) {
        GST_SUPCON_LESSON_RENAME, from, to});
}

/* Whether the event was one of those that teach. It goes on, as there may be other taggers; behind a tee it comes from each
 * of the ways that it takes up. */
static gboolean
take_lesson (GstSupconTagger * self, GstEvent * event)
{
  GstSupconLesson lesson;
  gboolean repeated;

  if (!gst_supcon_lesson_from_event (event, &lesson))
    return FALSE;
  g_mutex_lock (&self->lock);
  repeated = self->lesson == gst_event_get_seqnum (event);
  self->lesson = gst_event_get_seqnum (event);
  g_mutex_unlock (&self->lock);
  if (!repeated)
    teach (self, lesson);
  return TRUE;
}

/* Start and stop */

static gboolean
gst_supcon_tagger_start (GstBaseTransform * trans)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (trans);
  GstSupconTaggerSettings settings;
  GstSupconClassifier *classifier = NULL;
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  settings = self->settings;
  gst_supcon_settings_own_strings (settings_class, &settings);
  GST_OBJECT_UNLOCK (self);
  /* A long stream is not measured for nothing. */
  if (settings.evaluation_location)
    self->evaluation = gst_supcon_text_file_new ("evaluation-location",
        settings.evaluation_location, GST_SUPCON_TEXT_JSON, &error);
  if (!error)
    classifier = gst_supcon_classifier_new (&(GstSupconClassifierConfig) {
          .method = settings.method,.neighbours = settings.neighbours,
          .name = settings.model,.location = settings.location,
          .watch = settings.watch,.memory_location = settings.memory_location,
          .learning = settings.learning,
          .examples_location = settings.examples_location
        }, &error);
  if (classifier && settings.method != GST_SUPCON_CLASSIFIER_LINEAR
      && settings.memory_location && !settings.learning
      && !g_file_test (settings.memory_location, G_FILE_TEST_EXISTS))
    gst_supcon_post_info (GST_ELEMENT (self), "memory-location: there is no %s "
        "to read, and learning=false: frames have no tags until a lesson.",
        settings.memory_location);
  gst_supcon_settings_clear (settings_class, &settings);
  if (!classifier) {
    g_clear_pointer (&self->evaluation, gst_supcon_text_file_free);
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  self->current = -1;
  self->last = GST_CLOCK_TIME_NONE;
  self->told = FALSE;
  g_mutex_lock (&self->lock);
  self->lesson = GST_SEQNUM_INVALID;
  self->classifier = classifier;
  g_mutex_unlock (&self->lock);
  return TRUE;
}

/* FALSE: it failed, of which say posts the error. */
static gboolean
save_memory (GstSupconTagger * self, gboolean say)
{
  GError *error = NULL;
  gboolean ok;

  g_mutex_lock (&self->lock);
  ok = gst_supcon_classifier_save (self->classifier, &error);
  g_mutex_unlock (&self->lock);
  if (!ok && say)
    gst_supcon_post_error (GST_ELEMENT (self), error);
  else if (!ok)
    g_error_free (error);
  return ok;
}

/* ended: whether the stream has ended, and ought to have had something to measure. */
static void
report_evaluation (GstSupconTagger * self, gboolean ended)
{
  const SupconEvaluation *evaluation;
  GstSupconEvaluationReport *report;
  gboolean print;
  guint64 unknown;

  GST_OBJECT_LOCK (self);
  print = self->settings.print_evaluation;
  GST_OBJECT_UNLOCK (self);

  g_mutex_lock (&self->lock);
  evaluation = gst_supcon_classifier_evaluation (self->classifier, &unknown);
  report = gst_supcon_evaluation_report_new (evaluation,
      gst_supcon_classifier_labels (self->classifier), unknown);
  /* Another stream may follow. */
  if (report)
    gst_supcon_classifier_reset_evaluation (self->classifier);
  g_mutex_unlock (&self->lock);

  if (report)
    gst_supcon_evaluation_report_give (report, GST_ELEMENT (self), print,
        self->evaluation);
  else if (ended && (self->evaluation || print))
    GST_ELEMENT_WARNING (self, RESOURCE, WRITE,
        ("No frame had a true label, so nothing was measured%s%s%s.",
            self->evaluation ? " and evaluation-location " : "",
            self->evaluation ?
            gst_supcon_text_file_location (self->evaluation) : "",
            self->evaluation ? " is not written" : ""), (NULL));
}

static gboolean
gst_supcon_tagger_stop (GstBaseTransform * trans)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (trans);

  report_evaluation (self, FALSE);
  save_memory (self, !self->told);
  g_clear_pointer (&self->evaluation, gst_supcon_text_file_free);
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->classifier, gst_supcon_classifier_free);
  g_mutex_unlock (&self->lock);
  gst_supcon_keyword_clear (&self->keyword);
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

/* The next frame has nothing to do with those before it. */
static void
forget_frames (GstSupconTagger * self)
{
  gst_supcon_classifier_forget_frames (self->classifier);
  self->current = -1;
}

static void
post_tags (GstSupconTagger * self, GstBuffer * buffer, const GArray * verdicts,
    gint64 start)
{
  GstStructure *s = gst_structure_new ("supcon-tags", "timestamp",
      G_TYPE_UINT64, GST_BUFFER_PTS (buffer), NULL);
  GstClockTime latency = 0;
  guint64 version = 0;

  gst_supcon_verdicts_to_structure (verdicts, s);
  gst_supcon_buffer_get_embedding_origin (buffer, &version, &latency);
  gst_structure_set (s, "version", G_TYPE_UINT64, version,
      "encoding-time", G_TYPE_UINT64, latency, "tagging-time", G_TYPE_UINT64,
      (g_get_monotonic_time () - start) * GST_USECOND, NULL);
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self), s));
}

static GstFlowReturn
publish (GstSupconTagger * self, GstBuffer * buffer, const GArray * verdicts,
    gboolean post, gint64 start)
{
  gst_supcon_verdicts_attach (verdicts, buffer, self->width, self->height);
  if (verdicts->len) {
    GstEvent *event = gst_supcon_keyword_change (&self->keyword,
        g_array_index (verdicts, GstSupconVerdict, 0).tags[0].label);

    if (post)
      post_tags (self, buffer, verdicts, start);
    if (event)
      gst_pad_push_event (GST_BASE_TRANSFORM_SRC_PAD (self), event);
  }
  return gst_supcon_text_branch_push_text (&self->text, buffer,
      gst_supcon_verdicts_to_text (verdicts));
}

static GstFlowReturn
gst_supcon_tagger_transform_ip (GstBaseTransform * trans, GstBuffer * buffer)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (trans);
  gint64 start = g_get_monotonic_time ();
  GError *error = NULL, *bad_model = NULL;
  GstSupconTaggerSettings settings;
  GstFlowReturn flow;
  GArray *verdicts;
  gboolean ok, relabelled;

  if (!gst_supcon_check_encoded (GST_ELEMENT (self), buffer))
    return GST_FLOW_ERROR;

  GST_OBJECT_LOCK (self);
  settings = self->settings;
  GST_OBJECT_UNLOCK (self);

  verdicts = g_array_new (FALSE, FALSE, sizeof (GstSupconVerdict));
  g_mutex_lock (&self->lock);
  if (gst_supcon_classifier_update (self->classifier, &relabelled, &bad_model))
    gst_supcon_classifier_check_encoder (self->classifier,
        gst_supcon_buffer_get_embedding_encoder (buffer), &bad_model);
  if (relabelled || gst_supcon_is_jump (buffer, self->last,
          GST_BUFFER_PTS (buffer)))
    forget_frames (self);
  self->last = GST_BUFFER_PTS (buffer);
  ok = gst_supcon_judge (self->classifier, buffer, &settings, &self->current,
      verdicts, &error);
  if (ok && !bad_model)
    gst_supcon_classifier_check_length (self->classifier, &bad_model);
  g_mutex_unlock (&self->lock);
  if (bad_model)
    warn (self, bad_model);
  if (relabelled)
    gst_supcon_post_info (GST_ELEMENT (self),
        "The new model has other classes than the one before: the evaluation "
        "starts again.");
  if (ok) {
    flow = publish (self, buffer, verdicts, settings.post_messages, start);
  } else {
    gst_supcon_post_error (GST_ELEMENT (self), error);
    flow = GST_FLOW_ERROR;
  }
  g_array_unref (verdicts);
  return flow;
}

/* Events */

static gboolean
gst_supcon_tagger_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (trans);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      gst_supcon_keyword_clear (&self->keyword);
      break;
    case GST_EVENT_SEGMENT:    /* also behind a flush */
      g_mutex_lock (&self->lock);
      forget_frames (self);
      g_mutex_unlock (&self->lock);
      break;
    case GST_EVENT_TAG:
      event = gst_supcon_keyword_merge (&self->keyword, event);
      break;
    case GST_EVENT_EOS:
      report_evaluation (self, TRUE);
      self->told = !save_memory (self, TRUE);
      break;
    case GST_EVENT_CUSTOM_DOWNSTREAM:
    case GST_EVENT_CUSTOM_DOWNSTREAM_OOB:
    case GST_EVENT_CUSTOM_BOTH:
    case GST_EVENT_CUSTOM_BOTH_OOB:
      take_lesson (self, event);
      break;
    default:
      break;
  }
  return gst_supcon_text_branch_sink_event (&self->text,
      GST_BASE_TRANSFORM_CLASS (gst_supcon_tagger_parent_class), event);
}

static gboolean
gst_supcon_tagger_src_event (GstBaseTransform * trans, GstEvent * event)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (trans);
  gboolean taken = FALSE, passed;

  if (gst_supcon_text_branch_is_repeated_seek (&self->text, event)) {
    gst_event_unref (event);
    return TRUE;
  }
  if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_UPSTREAM
      || GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_BOTH
      || GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_BOTH_OOB)
    taken = take_lesson (self, event);
  passed = GST_BASE_TRANSFORM_CLASS (gst_supcon_tagger_parent_class)->src_event
      (trans, event);
  return taken || passed;
}

/* Properties */

static void
gst_supcon_tagger_finalize (GObject * object)
{
  GstSupconTagger *self = GST_SUPCON_TAGGER (object);

  gst_supcon_settings_clear (settings_class, &self->settings);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_supcon_tagger_parent_class)->finalize (object);
}

/**
 * GstSupconTagger::learn:
 * @tagger: the element
 * @label: what is seen
 *
 * With method=centroid or knn, the frame that was tagged last (of several regions the last) becomes an example of label.
 * The same does a custom event `supcon-learn` { label string }, upstream or downstream. Methods centroid and knn know a
 * class from its first example on.
 *
 * Returns: %FALSE when no frame has come yet, or the method cannot be taught; a warning says why.
 */
/**
 * GstSupconTagger::forget:
 * @tagger: the element
 * @label: a label
 *
 * Forgets all examples of label. The same does a custom event `supcon-forget` { label string }.
 *
 * Returns: %FALSE when there is none; a warning says so.
 */
/**
 * GstSupconTagger::rename:
 * @tagger: the element
 * @old: a label
 * @new: its new name; the name of another class joins the two
 *
 * The same does a custom event `supcon-rename` { old string, new string }.
 *
 * Returns: %FALSE when there is no example of old; a warning says so.
 */
static void
install_signals (GType type)
{
  const GSignalFlags flags = G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION;

  g_signal_new_class_handler ("learn", type, flags,
      G_CALLBACK (gst_supcon_tagger_learn), NULL, NULL, NULL, G_TYPE_BOOLEAN, 1,
      G_TYPE_STRING);
  g_signal_new_class_handler ("forget", type, flags,
      G_CALLBACK (gst_supcon_tagger_forget), NULL, NULL, NULL, G_TYPE_BOOLEAN,
      1, G_TYPE_STRING);
  g_signal_new_class_handler ("rename", type, flags,
      G_CALLBACK (gst_supcon_tagger_rename), NULL, NULL, NULL, G_TYPE_BOOLEAN,
      2, G_TYPE_STRING, G_TYPE_STRING);
}

static void
gst_supcon_tagger_class_init (GstSupconTaggerClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->finalize = gst_supcon_tagger_finalize;
  settings_class = gst_supcon_tagger_settings_install (object_class,
      G_STRUCT_OFFSET (GstSupconTagger, settings));
  install_signals (G_TYPE_FROM_CLASS (klass));

  gst_supcon_text_branch_add_pad_templates (element_class);
  gst_element_class_set_static_metadata (element_class, "SupCon tagger",
      "Filter/Analyzer/Video",
      "Tags frames by the embeddings that supconencoder attached to them",
      "The gst-supcon authors");
  element_class->request_new_pad = gst_supcon_tagger_request_new_pad;
  element_class->release_pad = gst_supcon_tagger_release_pad;
  element_class->change_state = gst_supcon_tagger_change_state;

  trans_class->start = gst_supcon_tagger_start;
  trans_class->stop = gst_supcon_tagger_stop;
  trans_class->set_caps = gst_supcon_tagger_set_caps;
  trans_class->before_transform = gst_supcon_sync_values;
  trans_class->transform_ip = gst_supcon_tagger_transform_ip;
  trans_class->sink_event = gst_supcon_tagger_sink_event;
  trans_class->src_event = gst_supcon_tagger_src_event;

  gst_type_mark_as_plugin_api (GST_TYPE_SUPCON_TEXT_PAD, 0);
}

static void
gst_supcon_tagger_init (GstSupconTagger * self)
{
  g_mutex_init (&self->lock);
  gst_supcon_settings_init (settings_class, &self->settings);
  gst_supcon_text_branch_init (&self->text, GST_BASE_TRANSFORM (self));
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}
