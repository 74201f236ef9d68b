/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-supconindex
 * @title: supconindex
 * @short_description: Finds frames like this one
 *
 * Keeps an index of embeddings, each with its label, time and URI, and finds in it those that are the most like a frame's.
 * supconencoder upstream makes the embeddings; normalize need not be set for #GstSupconIndex:metric=cosine.
 *
 * With #GstSupconIndex:mode=add or append frames go into the index, which is written to #GstSupconIndex:location at the
 * end of the stream, when the element is stopped, or by the action signal #GstSupconIndex::save; an element message
 * `supcon-index` { location string, count uint64 } tells that it was. With mode=search the index is loaded from there (the
 * embeddings stay in the file, which is mapped) and each frame's #GstSupconIndex:neighbours nearest entries leave in three
 * ways:
 *
 * * on the frame, as meta `supcon-neighbours`;
 * * as element message of the same name and fields: { timestamp uint64, scores #GstValueArray of double, labels and uris
 *   #GstValueArray of string (empty: none), timestamps #GstValueArray of uint64 in the stream of that URI
 *   (GST_CLOCK_TIME_NONE: none) }, the nearest first;
 * * as text on the request pad `text`, a line for each: time, score, label, and the last part of the URI.
 *
 * An index is of one encoder: frames of another cannot be added to it, and a search by them leads to a warning.
 *
 * Of entries of one URI that are less than #GstSupconIndex:min-gap apart only the nearest is given, so that five neighbours
 * are five places rather than five frames of one.
 *
 * The search is exact, unless #GstSupconIndex:probes is set: then, where this was built with faiss, the entries are put into
 * lists when the element starts, and a frame is compared with those of the nearest lists alone.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=50 pattern=ball ! videoconvert ! supconencoder location=model.safetensors ! supconindex mode=add location=ball.safetensors uri=test:ball ! fakesink &&
 * gst-launch-1.0 videotestsrc num-buffers=1 pattern=ball ! videoconvert ! supconencoder location=model.safetensors ! supconindex name=i location=ball.safetensors neighbours=3 ! fakesink i.text ! fdsink
 * ]| Fills an index from a moving ball, then prints where in it something like a picture is.
 */

#include "gstsupconindex.h"

#include <glib/gstdio.h>

#include "error.h"
#include "file.h"
#include "gstsupconindexsettings.h"
#include "gstsupconmeta.h"
#include "gstsupconneighbours.h"
#include "gstsupconstream.h"
#include "gstsupcontextbranch.h"
#include "model/checkpoint.h"

GST_DEBUG_CATEGORY_STATIC (supcon_index_debug);
#define GST_CAT_DEFAULT supcon_index_debug

/* The property count, which is no setting. */
#define ID_COUNT 1

struct _GstSupconIndex
{
  GstBaseTransform parent;

  /* Under the object lock. */
  GstSupconIndexSettings settings;
  GstSupconTextBranch text;

  GMutex lock;                  /* protects what follows; taken before the object lock */
  gchar *location;              /* from start to stop */
  SupconCheckpointLock *file_lock;      /* nobody else may write it meanwhile; NULL: it is only read */
  SupconIndex *index;           /* NULL until the first frame tells the dimension */
  gboolean changed;             /* since it was written */

  /* Streaming thread, from start to stop. */
  GstSupconIndexMode mode;
  SupconMetric metric;
  gchar *stream_uri;            /* what upstream answers */
  guint64 useless;              /* embeddings that could not be added */
  gboolean told;                /* that the index could not be written at the stream's end */
  gboolean told_encoder;        /* that it is searched by frames of another encoder */
};

static GstSupconSettingsClass *settings_class;

G_DEFINE_TYPE_WITH_CODE (GstSupconIndex, gst_supcon_index,
    GST_TYPE_BASE_TRANSFORM,
    GST_DEBUG_CATEGORY_INIT (supcon_index_debug, "supconindex", 0,
        "supconindex element"));
GST_ELEMENT_REGISTER_DEFINE (supconindex, "supconindex", GST_RANK_NONE,
    GST_TYPE_SUPCON_INDEX);

/* The text pad */

static GstPad *
gst_supcon_index_request_new_pad (GstElement * element,
    GstPadTemplate * templ, G_GNUC_UNUSED const gchar * name,
    G_GNUC_UNUSED const GstCaps * caps)
{
  return gst_supcon_text_branch_request (&GST_SUPCON_INDEX (element)->text,
      templ);
}

static void
gst_supcon_index_release_pad (GstElement * element, GstPad * pad)
{
  gst_supcon_text_branch_release (&GST_SUPCON_INDEX (element)->text, pad);
}

static GstStateChangeReturn
gst_supcon_index_change_state (GstElement * element,
    GstStateChange transition)
{
  gst_supcon_text_branch_change_state (&GST_SUPCON_INDEX (element)->text,
      transition);
  return GST_ELEMENT_CLASS (gst_supcon_index_parent_class)->change_state
      (element, transition);
}

/* The file */

/* Writes what has changed, once. FALSE: it failed, of which say posts the error. */
static gboolean
save (GstSupconIndex * self, gboolean say)
{
  gchar *location = NULL;
  GError *error = NULL;
  guint64 count = 0;
  gboolean ok = TRUE;

  g_mutex_lock (&self->lock);
  if (self->index && self->changed) {
    location = g_strdup (self->location);
    ok = supcon_index_save (self->index, location, &error);
    self->changed = !ok;
    count = supcon_index_count (self->index);
  }
  g_mutex_unlock (&self->lock);
  if (!ok && say)
    gst_supcon_post_error (GST_ELEMENT (self), error);
  else if (!ok)
    g_error_free (error);
  else if (count)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_element (GST_OBJECT (self),
            gst_structure_new ("supcon-index", "location", G_TYPE_STRING,
                location, "count", G_TYPE_UINT64, count, NULL)));
  g_free (location);
  return ok;
}

/* Why there is nothing to write, or NULL. */
static const gchar *
find_obstacle (GstSupconIndex * self)
{
  const gchar *obstacle = NULL;

  g_mutex_lock (&self->lock);
  if (!self->location)
    obstacle = "supconindex is stopped";
  else if (!self->file_lock)
    obstacle = "it is only searched (mode=search)";
  else if (!self->index)
    obstacle = "no frame carried an embedding; those of regions (supconencoder "
        "regions=true) are not taken";
  g_mutex_unlock (&self->lock);
  return obstacle;
}

static void
warn_of_nothing (GstSupconIndex * self, const gchar * obstacle)
{
  GST_ELEMENT_WARNING (self, RESOURCE, WRITE, ("The index is not written: %s.",
          obstacle), (NULL));
}

static gboolean
gst_supcon_index_save (GstSupconIndex * self)
{
  const gchar *obstacle = find_obstacle (self);

  if (!obstacle)
    return save (self, TRUE);
  warn_of_nothing (self, obstacle);
  return FALSE;
}

/* Who only searches writes nothing. */
static void
save_at_end (GstSupconIndex * self)
{
  const gchar *obstacle = find_obstacle (self);

  self->told = !save (self, TRUE);
  if (obstacle && self->mode != GST_SUPCON_INDEX_SEARCH)
    warn_of_nothing (self, obstacle);
}

/* An index that a new one is about to replace keeps a second name. */
static gboolean
keep_replaced (const gchar * location, GError ** error)
{
  SupconIndex *there;
  GStatBuf status;
  guint64 count;

  if (!supcon_file_stat (location, &status, error))
    return FALSE;
  if (status.st_size == 0)      /* nothing, or an empty file */
    return TRUE;
  there = supcon_index_load (location, error);
  if (!there) {
    g_prefix_error (error, "What is there is no index to replace: ");
    return FALSE;
  }
  count = supcon_index_count (there);
  supcon_index_free (there);
  return count == 0
      || supcon_checkpoint_keep_replaced (location, count, NULL, error);
}

/* Claims the file, where it will be written, and then reads what the mode needs of it: nobody adds to it in between, and
 * a long stream is not indexed for nothing. index: NULL where the mode begins with none. */
static gboolean
open_file (GstSupconIndex * self, const gchar * location, guint probes,
    SupconIndex ** index, GError ** error)
{
  GStatBuf status;

  if (self->mode != GST_SUPCON_INDEX_SEARCH) {
    self->file_lock = supcon_checkpoint_claim (location, error);
    if (!self->file_lock)
      return FALSE;
  }
  if (self->mode == GST_SUPCON_INDEX_ADD)
    return keep_replaced (location, error);
  if (!supcon_file_stat (location, &status, error))
    return FALSE;
  if (self->mode == GST_SUPCON_INDEX_APPEND && !status.st_mode)
    return TRUE;
  *index = supcon_index_load (location, error);
  return *index && (self->mode != GST_SUPCON_INDEX_SEARCH || probes == 0
      || supcon_index_approximate (*index, probes, 0, error));
}

static gboolean
gst_supcon_index_start (GstBaseTransform * trans)
{
  GstSupconIndex *self = GST_SUPCON_INDEX (trans);
  GError *error = NULL;
  SupconIndex *index = NULL;
  gchar *location;
  gboolean ok;
  guint probes;

  GST_OBJECT_LOCK (self);
  location = g_strdup (self->settings.location);
  self->mode = self->settings.mode;
  self->metric = self->settings.metric;
  probes = self->settings.probes;
  GST_OBJECT_UNLOCK (self);
  if (!location) {
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND,
        ("supconindex needs location, the file of the index."), (NULL));
    return FALSE;
  }
  ok = open_file (self, location, probes, &index, &error);
  if (!ok) {
    gst_supcon_post_error (GST_ELEMENT (self), error);
    g_clear_pointer (&self->file_lock, supcon_checkpoint_lock_free);
    g_clear_pointer (&index, supcon_index_free);
    g_clear_pointer (&location, g_free);
  }
  g_mutex_lock (&self->lock);
  self->location = location;
  self->index = index;
  self->changed = FALSE;
  g_mutex_unlock (&self->lock);
  self->useless = 0;
  self->told = self->told_encoder = FALSE;
  return ok;
}

static gboolean
gst_supcon_index_stop (GstBaseTransform * trans)
{
  GstSupconIndex *self = GST_SUPCON_INDEX (trans);

  save (self, !self->told);     /* if it fails the bus tells; stopping goes on */
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->index, supcon_index_free);
  g_clear_pointer (&self->location, g_free);
  g_clear_pointer (&self->file_lock, supcon_checkpoint_lock_free);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&self->stream_uri, g_free);
  return TRUE;
}

/* Frames */

/* Under the lock; begins an index where there is none. */
static gboolean
check_dim (GstSupconIndex * self, guint dim, guint64 encoder, GError ** error)
{
  if (!self->index && dim <= SUPCON_INDEX_MAX_DIM) {
    self->index = supcon_index_new (dim, self->metric);
    supcon_index_set_encoder (self->index, encoder);
  }
  if (self->index && supcon_index_dim (self->index) == dim)
    return TRUE;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
      "An embedding of %u numbers, expected %s%u: the index is of another "
      "model or layer.", dim, self->index ? "" : "at most ",
      self->index ? supcon_index_dim (self->index) : SUPCON_INDEX_MAX_DIM);
  return FALSE;
}

/* Under the lock, after check_dim. Embeddings of two encoders cannot be compared, even if they are as long. FALSE once for
 * a search, which goes on. */
static gboolean
check_encoder (GstSupconIndex * self, guint64 encoder, GError ** error)
{
  guint64 expected = supcon_index_encoder (self->index);
  gboolean searches = self->mode == GST_SUPCON_INDEX_SEARCH;

  if (!encoder || !expected || encoder == expected || self->told_encoder)
    return TRUE;
  self->told_encoder = searches;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
      "The frames' embeddings are of another encoder than those of the index "
      "in '%s', %s; expected the encoder that it was begun with%s",
      self->location, searches ? "so that what is found is not like them"
      : "and cannot be added to them",
      searches ? "" : ", or mode=add to begin another index");
  return FALSE;
}

/* Under the lock. FALSE: the embedding is of no use. */
static gboolean
add (GstSupconIndex * self, GstBuffer * buffer, const gfloat * embedding)
{
  GstClockTime time =
      gst_supcon_stream_time (&GST_BASE_TRANSFORM (self)->segment, buffer);
  SupconEntry entry = { NULL, NULL, MIN (time, G_MAXINT64) };
  gboolean useful;
  gchar *uri;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    entry.timestamp = -1;
  gst_supcon_buffer_get_sample (buffer, &entry.label, NULL, NULL);
  GST_OBJECT_LOCK (self);
  uri = g_strdup (self->settings.uri ? self->settings.uri : self->stream_uri);
  GST_OBJECT_UNLOCK (self);
  entry.uri = uri;
  useful = supcon_index_add (self->index, embedding, &entry);
  self->changed |= useful;
  g_free (uri);
  return useful;
}

/* Under the lock; the structure and the text of what was found. */
static void
search (GstSupconIndex * self, GstBuffer * buffer, const gfloat * embedding,
    GstStructure ** structure, gchar ** text)
{
  SupconNeighbour neighbours[GST_SUPCON_INDEX_MAX_NEIGHBOURS];
  guint wanted, n;
  gdouble threshold;
  guint64 min_gap;

  GST_OBJECT_LOCK (self);
  wanted = self->settings.neighbours;
  threshold = self->settings.threshold;
  min_gap = self->settings.min_gap;
  GST_OBJECT_UNLOCK (self);
  n = supcon_index_search_distinct (self->index, embedding, wanted,
      MIN (min_gap, G_MAXINT64), threshold, 0, neighbours);
  *structure = gst_supcon_neighbours_to_structure (self->index, neighbours, n,
      GST_BUFFER_PTS (buffer));
  *text = gst_supcon_neighbours_to_text (self->index, neighbours, n);
}

/* Takes structure. */
static void
publish (GstSupconIndex * self, GstBuffer * buffer, GstStructure * structure)
{
  gboolean post;

  gst_supcon_buffer_set_neighbours (buffer, structure);
  GST_OBJECT_LOCK (self);
  post = self->settings.post_messages;
  GST_OBJECT_UNLOCK (self);
  if (post)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_element (GST_OBJECT (self), structure));
  else
    gst_structure_free (structure);
}

static GstFlowReturn
gst_supcon_index_transform_ip (GstBaseTransform * trans, GstBuffer * buffer)
{
  GstSupconIndex *self = GST_SUPCON_INDEX (trans);
  GstStructure *structure = NULL;
  gboolean useful = TRUE;
  GError *error = NULL;
  gchar *text = NULL;
  GstMapInfo map;
  guint dim;
  guint64 encoder = gst_supcon_buffer_get_embedding_encoder (buffer);
  GstBuffer *embedding =
      gst_supcon_buffer_get_embedding (buffer, &dim, NULL, NULL);

  if (!embedding)
    return gst_supcon_check_encoded (GST_ELEMENT (self), buffer) ?
        gst_supcon_text_branch_push_text (&self->text, buffer, NULL) :
        GST_FLOW_ERROR;
  if (!gst_buffer_map (embedding, &map, GST_MAP_READ)) {
    gst_buffer_unref (embedding);
    GST_ELEMENT_ERROR (self, RESOURCE, READ,
        ("The embedding of a frame cannot be read."), (NULL));
    return GST_FLOW_ERROR;
  }
  g_mutex_lock (&self->lock);
  if (check_dim (self, dim, encoder, &error)) {
    gboolean comparable = check_encoder (self, encoder, &error);

    if (self->mode == GST_SUPCON_INDEX_SEARCH)
      search (self, buffer, (const gfloat *) map.data, &structure, &text);
    else if (comparable)
      useful = add (self, buffer, (const gfloat *) map.data);
  }
  g_mutex_unlock (&self->lock);
  gst_buffer_unmap (embedding, &map);
  gst_buffer_unref (embedding);
  if (error && !structure) {
    gst_supcon_post_error (GST_ELEMENT (self), error);
    return GST_FLOW_ERROR;
  }
  if (error) {
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS, ("%s", error->message),
        (NULL));
    g_error_free (error);
  }
  if (!useful && self->useless++ == 0)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("An embedding without a direction, or not finite, was left out of the "
            "index (more of them are counted only)."), (NULL));
  if (structure)
    publish (self, buffer, structure);
  return gst_supcon_text_branch_push_text (&self->text, buffer, text);
}

/* Events */

static gboolean
gst_supcon_index_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstSupconIndex *self = GST_SUPCON_INDEX (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
    g_free (self->stream_uri);
    self->stream_uri = gst_supcon_upstream_uri (trans->sinkpad);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
    save_at_end (self);
  }
  return gst_supcon_text_branch_sink_event (&self->text,
      GST_BASE_TRANSFORM_CLASS (gst_supcon_index_parent_class), event);
}

static gboolean
gst_supcon_index_src_event (GstBaseTransform * trans, GstEvent * event)
{
  if (gst_supcon_text_branch_is_repeated_seek (&GST_SUPCON_INDEX (trans)->text,
          event)) {
    gst_event_unref (event);
    return TRUE;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_supcon_index_parent_class)->src_event
      (trans, event);
}

/* Properties */

static guint64
count_entries (GstSupconIndex * self)
{
  guint64 count;

  g_mutex_lock (&self->lock);
  count = self->index ? supcon_index_count (self->index) : 0;
  g_mutex_unlock (&self->lock);
  return count;
}

static void
gst_supcon_index_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  if (id == ID_COUNT)
    g_value_set_uint64 (value, count_entries (GST_SUPCON_INDEX (object)));
  else
    gst_supcon_settings_get_property (object, id, value, pspec);
}

static void
gst_supcon_index_finalize (GObject * object)
{
  GstSupconIndex *self = GST_SUPCON_INDEX (object);

  gst_supcon_settings_clear (settings_class, &self->settings);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_supcon_index_parent_class)->finalize (object);
}

static void
gst_supcon_index_class_init (GstSupconIndexClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->finalize = gst_supcon_index_finalize;
  settings_class =
      gst_supcon_index_settings_install (object_class, ID_COUNT + 1,
      G_STRUCT_OFFSET (GstSupconIndex, settings));
  object_class->get_property = gst_supcon_index_get_property;
  g_object_class_install_property (object_class, ID_COUNT,
      g_param_spec_uint64 ("count", "Count", "Entries of the index", 0,
          G_MAXUINT64, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  /**
   * GstSupconIndex::save:
   *
   * Writes the index now. Returns FALSE, and an error is on the bus, when that fails, or a warning, when there is none to
   * write: before the first embedding, while stopped, with mode=search.
   */
  g_signal_new_class_handler ("save", G_TYPE_FROM_CLASS (klass),
      G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION, G_CALLBACK (gst_supcon_index_save),
      NULL, NULL, NULL, G_TYPE_BOOLEAN, 0);

  gst_supcon_text_branch_add_pad_templates (element_class);
  gst_element_class_set_static_metadata (element_class, "SupCon index",
      "Filter/Analyzer/Video",
      "Keeps embeddings and finds those that are the most like a frame's",
      "The gst-supcon authors");
  element_class->request_new_pad = gst_supcon_index_request_new_pad;
  element_class->release_pad = gst_supcon_index_release_pad;
  element_class->change_state = gst_supcon_index_change_state;

  trans_class->start = gst_supcon_index_start;
  trans_class->stop = gst_supcon_index_stop;
  trans_class->before_transform = gst_supcon_sync_values;
  trans_class->transform_ip = gst_supcon_index_transform_ip;
  trans_class->sink_event = gst_supcon_index_sink_event;
  trans_class->src_event = gst_supcon_index_src_event;
}

static void
gst_supcon_index_init (GstSupconIndex * self)
{
  gst_supcon_settings_init (settings_class, &self->settings);
  g_mutex_init (&self->lock);
  gst_supcon_text_branch_init (&self->text, GST_BASE_TRANSFORM (self));
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}
