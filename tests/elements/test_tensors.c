/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconencoder with GStreamer 1.28 or newer: embeddings as GstTensorMeta and in the caps, logits as its own decoder reads
 * them. */
#include <gst/analytics/analytics.h>
#include <math.h>

#include "folder.h"
#include "gstsupconmeta.h"
#include "tiny_model.h"

static const gchar *const class_names[] = { "cup", "box", "can" };

/* A model with a classifier of three classes, and the names of these beside it. */
static gchar *
write_model (void)
{
  gchar *location = g_build_filename (folder, "m.safetensors", NULL);
  gchar *names = g_build_filename (folder, "names.txt", NULL);
  SupconModel *model = tiny_model_new (location);
  SupconLabels *labels = supcon_labels_new ();

  for (guint i = 0; i < G_N_ELEMENTS (class_names); i++)
    supcon_labels_add (labels, class_names[i]);
  supcon_model_set_n_classes (model, G_N_ELEMENTS (class_names));
  fail_unless (supcon_checkpoint_save (location, model,
          &(SupconCheckpointInfo) {.stage = "linear",.labels = labels,
            .temperature = 1}, NULL));
  fail_unless (g_file_set_contents (names, "cup\nbox\ncan\n", -1, NULL));
  supcon_labels_free (labels);
  supcon_model_free (model);
  g_free (names);
  return location;
}

static const GstTensor *
get_tensor (GstBuffer * frame, const gchar * id, gsize dim)
{
  GstTensorMeta *meta = gst_buffer_get_tensor_meta (frame);

  fail_unless (meta != NULL && meta->num_tensors == 1);
  return gst_tensor_meta_get_typed_tensor (meta, g_quark_from_string (id),
      GST_TENSOR_DATA_TYPE_FLOAT32, GST_TENSOR_DIM_ORDER_ROW_MAJOR, 1, &dim);
}

static GstBuffer *
encode (GstHarness * h, guint number)
{
  GstBuffer *frame = gst_harness_push_and_pull (h, numbered_frame_new (number));

  fail_unless (frame != NULL);
  return frame;
}

/* The tensor is the embedding of the meta, and the caps tell of it, beside what they told of others' before. */
GST_START_TEST (an_embedding_is_a_tensor)
{
  gchar *location = write_model ();
  gchar *line = g_strdup_printf ("supconencoder location=%s", location);
  GstHarness *h = gst_harness_new_parse (line);
  GstCaps *caps, *expected;
  GstBuffer *frame, *embedding;
  const GstTensor *tensor;

#define OTHERS "other=(/uniquelist){ (GstCaps)[tensor/strided, tensor-id=(string)other] }"
  gst_harness_set_src_caps_str (h, CAPS
      ",tensors=(structure)[tensorgroups, " OTHERS "]");
  frame = encode (h, 3);
  tensor = get_tensor (frame, "supcon-embedding", 64);
  embedding = gst_supcon_buffer_get_embedding (frame, NULL, NULL, NULL);
  fail_unless (tensor && tensor->data == embedding);
  gst_buffer_unref (embedding);
  caps = gst_pad_get_current_caps (h->sinkpad);
  expected = gst_caps_from_string (CAPS ",tensors=(structure)[tensorgroups, "
      OTHERS ", supcon-embedding=(/uniquelist){ (GstCaps)[tensor/strided, "
      "tensor-id=(string)supcon-embedding, dims=<(int)64>, "
      "dims-order=(string)row-major, type=(string)float32] }]");
  fail_unless (gst_caps_is_equal (caps, expected), "%" GST_PTR_FORMAT, caps);
  gst_caps_unref (caps);
  gst_caps_unref (expected);
  gst_buffer_unref (frame);
  gst_harness_teardown (h);
  g_free (line);
  g_free (location);
}
GST_END_TEST;

/* GStreamer's decoder makes of the logits the most probable class, by softmax. */
GST_START_TEST (logits_are_classified_by_others)
{
  gchar *location = write_model ();
  gchar *line = g_strdup_printf ("supconencoder layer=logits location=%s ! "
      "classifiertensordecoder class-confidence-threshold=0 "
      "labels-file=%s/names.txt", location, folder);
  GstHarness *h = gst_harness_new_parse (line);

  gst_harness_set_src_caps_str (h, CAPS);
  for (guint i = 0; i < 5; i++) {
    GstBuffer *frame = encode (h, 50 * i);
    const GstTensor *tensor =
        get_tensor (frame, "classification-generic-out", 3);
    GstAnalyticsRelationMeta *meta =
        gst_buffer_get_analytics_relation_meta (frame);
    GstAnalyticsClsMtd found;
    gfloat logits[3];
    gdouble sum = 0;
    guint best = 0;

    fail_unless (tensor && meta);
    gst_buffer_extract (tensor->data, 0, logits, sizeof logits);
    for (guint k = 0; k < 3; k++) {
      sum += exp (logits[k]);
      if (logits[k] > logits[best])
        best = k;
    }
    fail_unless (gst_analytics_relation_meta_get_cls_mtd (meta, 0, &found));
    fail_unless_equals_string (g_quark_to_string
        (gst_analytics_cls_mtd_get_quark (&found, 0)), class_names[best]);
    fail_unless (fabs (gst_analytics_cls_mtd_get_level (&found, 0)
            - exp (logits[best]) / sum) < 1e-5);
    gst_buffer_unref (frame);
  }
  gst_harness_teardown (h);
  g_free (line);
  g_free (location);
}
GST_END_TEST;

static Suite *
tensors_suite (void)
{
  Suite *suite = suite_create ("tensors");
  TCase *tcase = tcase_create ("general");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, an_embedding_is_a_tensor);
  tcase_add_test (tcase, logits_are_classified_by_others);
  return suite;
}

GST_CHECK_MAIN (tensors);
