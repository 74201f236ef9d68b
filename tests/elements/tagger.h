/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A supcontagger in a harness, with embeddings made by hand, so that every confidence is known. */
#ifndef TEST_TAGGER_H
#define TEST_TAGGER_H

#include <gst/video/video.h>
#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

#include "gstsupconmeta.h"
#include "harness.h"
#include "model/checkpoint.h"
#include "posted.h"

/* Numbers of an embedding of the model. */
#define DIM 64
#define assert_close(a, b) fail_unless (fabs ((a) - (b)) < 1e-5, \
    "%s is %.9g, expected %.9g", #a, (double) (a), (double) (b))

static const gchar *const class_names[] = { "cup", "box", "can" };

/* A checkpoint whose classifier gives embedding[c] as the logit of class c. */
static inline gchar *
save_model_of_stage (const gchar * stage, guint n_classes, gdouble temperature)
{
  gchar *location = NULL;
  gint fd = g_file_open_tmp ("tagger-XXXXXX.safetensors", &location, NULL);
  SupconLabels *labels = supcon_labels_new ();
  SupconModelConfig config;
  SupconModel *model;
  SupconParam *params;
  GError *error = NULL;
  SupconCheckpointInfo info = {.labels = labels,.step = 1,
    .temperature = temperature
  };
  guint n;

  fail_unless (fd >= 0);
  close (fd);
  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof (config.encoder));
  config.input_width = config.input_height = 32;
  model = supcon_model_new (&config, 1, &error);
  g_assert_no_error (error);
  supcon_model_set_n_classes (model, n_classes);
  fail_unless_equals_int (supcon_model_embedding_dim (model), DIM);
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++) {
    if (params[i].part != SUPCON_PART_CLASSIFIER)
      continue;
    memset (params[i].data, 0, params[i].size * sizeof (SupconReal));
    if (params[i].n_dims == 2)
      for (guint c = 0; c < n_classes; c++)
        params[i].data[c * DIM + c] = 1;
  }
  for (guint c = 0; c < n_classes; c++)
    supcon_labels_add (labels, class_names[c]);
  g_strlcpy (info.stage, stage, sizeof info.stage);
  supcon_checkpoint_save (location, model, &info, &error);
  g_assert_no_error (error);
  supcon_model_free (model);
  supcon_labels_free (labels);
  return location;
}

static inline gchar *
save_model (guint n_classes, gdouble temperature)
{
  return save_model_of_stage ("linear", n_classes, temperature);
}

/* A harness on the checkpoint of three classes, with more of properties. */
static inline void
start_linear (Fixture * f, const gchar * properties, gboolean with_text)
{
  gchar *location = save_model (3, 1);
  gchar *launch = g_strdup_printf ("supcontagger location=%s %s", location,
      properties);

  start (f, launch, with_text);
  g_unlink (location);
  g_free (launch);
  g_free (location);
}

static inline GstBuffer *
new_embedded (Fixture * f, const gfloat * embedding, guint dim,
    const gchar * label)
{
  GstBuffer *frame = new_frame (f);

  gst_supcon_buffer_set_embedding (frame, embedding, dim, "embedding", "m");
  if (label)
    gst_supcon_buffer_set_sample (frame, label, f->n_frames, 0);
  return frame;
}

/* A frame that the linear model finds to be of the three classes with these probabilities. */
static inline GstBuffer *
new_likely (Fixture * f, gfloat p0, gfloat p1, gfloat p2, const gchar * label)
{
  const gfloat embedding[DIM] = { logf (p0), logf (p1), logf (p2) };

  return new_embedded (f, embedding, DIM, label);
}

static inline GstBuffer *
pass (Fixture * f, GstBuffer * frame)
{
  fail_unless_equals_int (gst_harness_push (f->video, frame), GST_FLOW_OK);
  frame = gst_harness_pull (f->video);
  fail_unless (frame != NULL);
  return frame;
}

/* The n-th tag on a frame; label is NULL when there are not as many. */
static inline gdouble
get_tag (GstBuffer * frame, guint n, const gchar ** label, gint * id)
{
  GstVideoRegionOfInterestMeta *roi =
      gst_buffer_get_video_region_of_interest_meta_id (frame, 0);
  GstStructure *s = roi ? g_list_nth_data (roi->params, n) : NULL;
  gdouble confidence = -1;

  *label = NULL;
  if (!s)
    return -1;
  fail_unless_equals_string (g_quark_to_string (roi->roi_type), "supcon");
  fail_unless (roi->x == 0 && roi->y == 0 && roi->w == 8 && roi->h == 4);
  fail_unless (gst_structure_has_name (s, "classification"));
  *label = gst_structure_get_string (s, "label");
  fail_unless (gst_structure_get_double (s, "confidence", &confidence));
  fail_unless (gst_structure_get_int (s, "label_id", id));
  fail_unless_equals_string (gst_structure_get_string (s, "model_name"), "m");
  return confidence;
}

static inline void
check_tag (GstBuffer * frame, guint n, const gchar * expected, gint id,
    gdouble confidence)
{
  const gchar *label;
  gint found = -2;
  gdouble p = get_tag (frame, n, &label, &found);

  fail_unless_equals_string (label, expected);
  if (expected) {
    fail_unless_equals_int (found, id);
    assert_close (p, confidence);
  }
}

static inline void
check_pass (Fixture * f, GstBuffer * frame, const gchar * expected, gint id,
    gdouble confidence)
{
  frame = pass (f, frame);
  check_tag (frame, 0, expected, id, confidence);
  gst_buffer_unref (frame);
}

/* The next element message of the name, or NULL. */
static inline GstMessage *
pop_message (Fixture * f, const gchar * name)
{
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_ELEMENT))) {
    if (gst_message_has_name (message, name))
      return message;
    gst_message_unref (message);
  }
  return NULL;
}

static inline gdouble
get_double (const GstStructure * s, const gchar * field)
{
  gdouble value = -1;

  fail_unless (gst_structure_get_double (s, field, &value), "%s", field);
  return value;
}

static inline guint64
get_uint64 (const GstStructure * s, const gchar * field)
{
  guint64 value = 0;

  fail_unless (gst_structure_get_uint64 (s, field, &value), "%s", field);
  return value;
}

/* What the line (printf's, of one element) says does not start, and the error has the part in it. */
static inline void G_GNUC_PRINTF (2, 3)
check_start_error (const gchar * part, const gchar * format, ...)
{
  GstBus *bus = gst_bus_new ();
  GstElement *element;
  gchar *launch;
  va_list args;

  va_start (args, format);
  launch = g_strdup_vprintf (format, args);
  va_end (args);
  element = gst_parse_launch (launch, NULL);
  gst_element_set_bus (element, bus);
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  check_posted (bus, GST_MESSAGE_ERROR, part);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
  g_free (launch);
}

/* Consumes the frame and expects an error whose text has both parts in it. */
static inline void
check_error (Fixture * f, GstBuffer * frame, GQuark domain, gint code,
    const gchar * part, const gchar * other)
{
  GstMessage *message;
  GError *error;

  fail_unless_equals_int (gst_harness_push (f->video, frame), GST_FLOW_ERROR);
  message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, domain, code), "%s", error->message);
  fail_unless (strstr (error->message, part) && strstr (error->message, other),
      "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  stop (f);
}

#endif
