/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Classes that supcontagger learns from frames. */

#include "index/index.h"
#include "tagger.h"

GST_START_TEST (test_centroid)
{
  static const gfloat cup[2] = { 2, 0 }, box[2] = { 0, .1 }, query[2] = { 3, 4 };
  static const gfloat near_cup[2] = { 1, .1 };
  Fixture f;
  GstMessage *message;
  const GstStructure *s;

  start (&f, "supcontagger method=centroid", TRUE);
  /* Nothing is known yet; labelled frames teach and are not tagged. */
  check_pass (&f, new_embedded (&f, query, 2, NULL), NULL, 0, 0);
  check_pass (&f, new_embedded (&f, cup, 2, "cup"), NULL, 0, 0);
  check_pass (&f, new_embedded (&f, query, 2, NULL), "cup", 0, 1);
  check_pass (&f, new_embedded (&f, box, 2, "box"), NULL, 0, 0);
  /* Cosines .6 and .8 at temperature .1. */
  check_pass (&f, new_embedded (&f, query, 2, NULL), "box", 1,
      1 / (1 + exp (-2)));
  check_pass (&f, new_embedded (&f, near_cup, 2, "cup"), NULL, 0, 0);
  gst_harness_push_event (f.video, gst_event_new_eos ());

  /* The first of each label was unknown; the last was judged before it was learnt from. */
  fail_unless ((message = pop_message (&f, "supcon-evaluation")) != NULL);
  s = gst_message_get_structure (message);
  fail_unless_equals_uint64 (get_uint64 (s, "count"), 1);
  fail_unless_equals_uint64 (get_uint64 (s, "unknown-labels"), 2);
  assert_close (get_double (s, "top1"), 1);
  assert_close (get_double (s, "nll"), log1p (exp (-9 / sqrt (1.01))));
  gst_message_unref (message);
  stop (&f);
}

GST_END_TEST;

GST_START_TEST (test_centroid_with_labels)
{
  static const gfloat can[2] = { 1, 0 };
  Fixture f;
  GstMessage *message;

  /* Numbers of classes are the checkpoint's, and classes without examples are never guessed. */
  start_linear (&f, "method=centroid top-k=3", FALSE);
  check_pass (&f, new_embedded (&f, can, 2, "can"), NULL, 0, 0);
  check_pass (&f, new_embedded (&f, can, 2, "box"), NULL, 0, 0);
  for (guint i = 0; i < 2; i++) {
    GstBuffer *frame = pass (&f, new_embedded (&f, can, 2, NULL));

    check_tag (frame, 0, "box", 1, .5);
    check_tag (frame, 1, "can", 2, .5);
    check_tag (frame, 2, NULL, 0, 0);
    gst_buffer_unref (frame);
  }
  gst_harness_push_event (f.video, gst_event_new_eos ());
  fail_unless ((message = pop_message (&f, "supcon-evaluation")) != NULL);
  fail_unless_equals_uint64 (get_uint64 (gst_message_get_structure (message),
          "unknown-labels"), 2);
  gst_message_unref (message);
  stop (&f);
}

GST_END_TEST;

/* Examples with labels judge the embeddings beside the classifier. */
GST_START_TEST (test_examples_location)
{
  Fixture f;
  gchar *path = g_build_filename (g_get_tmp_dir (), "supcon-examples.safetensors", NULL);
  gchar *line = g_strdup_printf ("examples-location=%s", path);
  SupconIndex *index = supcon_index_new (DIM, SUPCON_METRIC_COSINE);
  gfloat embedding[DIM] = { 0 };
  GstStructure *s;
  GstMessage *message;
  guint64 examples;
  gdouble knn1, knn200, centroid;
  GstElement *element;

  for (guint c = 0; c < 2; c++) {
    embedding[0] = c ? -1 : -0.1;
    embedding[1] = c ? -0.1 : -1;
    fail_unless (supcon_index_add (index, embedding, &(SupconEntry) {.label = class_names[c],.timestamp = -1 }));
  }
  fail_unless (supcon_index_save (index, path, NULL));
  supcon_index_free (index);
  start_linear (&f, line, FALSE);
  /* Near the first example, the classifier right; and near it, but said to be the second's. */
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "cup")));
  gst_buffer_unref (pass (&f, new_likely (&f, .7, .2, .1, "box")));
  /* No example has this label. */
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .1, .8, "can")));
  gst_harness_push_event (f.video, gst_event_new_eos ());
  message = pop_message (&f, "supcon-evaluation");
  fail_unless (message != NULL);
  s = (GstStructure *) gst_message_get_structure (message);
  fail_unless (gst_structure_get (s, "examples", G_TYPE_UINT64, &examples, "knn-1", G_TYPE_DOUBLE, &knn1, "knn-200",
          G_TYPE_DOUBLE, &knn200, "centroid", G_TYPE_DOUBLE, &centroid, NULL));
  fail_unless_equals_uint64 (examples, 2);
  assert_close (knn1, 0.5);
  assert_close (knn200, 0.5);
  assert_close (centroid, 0.5);
  gst_message_unref (message);
  stop (&f);

  /* Embeddings of another length, and an index without a label. */
  index = supcon_index_new (3, SUPCON_METRIC_COSINE);
  embedding[0] = 1;
  supcon_index_add (index, embedding, &(SupconEntry) {.label = "cup",.timestamp = -1 });
  fail_unless (supcon_index_save (index, path, NULL));
  start_linear (&f, line, FALSE);
  check_error (&f, new_likely (&f, .7, .2, .1, "cup"), GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_SETTINGS, "has 64 numbers", "examples-location have 3");
  supcon_index_free (index);

  index = supcon_index_new (DIM, SUPCON_METRIC_COSINE);
  supcon_index_add (index, embedding, &(SupconEntry) {.timestamp = -1 });
  fail_unless (supcon_index_save (index, path, NULL));
  supcon_index_free (index);
  element = gst_element_factory_make ("supcontagger", NULL);
  g_object_set (element, "examples-location", path, NULL);
  gst_util_set_object_arg (G_OBJECT (element), "method", "centroid");
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
  g_remove (path);
  g_free (line);
  g_free (path);
}

GST_END_TEST;

static gboolean
act (Fixture * f, const gchar * signal, const gchar * a, const gchar * b)
{
  gboolean done = FALSE;

  if (b)
    g_signal_emit_by_name (f->video->element, signal, a, b, &done);
  else
    g_signal_emit_by_name (f->video->element, signal, a, &done);
  return done;
}

/* What is seen is named, renamed, joined and forgotten, by signals and by events; the file keeps it. */
GST_START_TEST (test_teaching)
{
  static const gchar *const methods[] = { "centroid", "knn" };
  static const gfloat a[2] = { 1, 0 }, b[2] = { 0, 1 };
  const gchar *strange = "\"杯\"\nline";
  GstEvent *event;
  GstPad *pad;
  Fixture f;

  for (guint i = 0; i < 2; i++) {
    gchar *folder = g_dir_make_tmp ("tagger-XXXXXX", NULL);
    gchar *memory = g_build_filename (folder, "memory.safetensors", NULL);
    gchar *launch = g_strdup_printf ("supcontagger method=%s "
        "memory-location=%s", methods[i], memory);
    GstMessage *message;

    start (&f, launch, TRUE);
    fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_INFO));
    fail_if (act (&f, "learn", "cup", NULL));
    check_posted (f.bus, GST_MESSAGE_WARNING, "no frame has come yet");
    check_pass (&f, new_embedded (&f, a, 2, NULL), NULL, 0, 0);
    fail_if (act (&f, "learn", "", NULL));
    check_posted (f.bus, GST_MESSAGE_WARNING, "not empty");
    fail_if (act (&f, "learn", "\xff", NULL));
    check_posted (f.bus, GST_MESSAGE_WARNING, "UTF-8");
    fail_if (act (&f, "forget", "cup", NULL));
    check_posted (f.bus, GST_MESSAGE_WARNING, "no example of 'cup'");
    fail_unless (act (&f, "learn", "cup", NULL));
    check_pass (&f, new_embedded (&f, b, 2, NULL), "cup", 0, 1);
    gst_harness_push_event (f.video,
        gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
            gst_structure_new ("supcon-learn", "label", G_TYPE_STRING, strange,
                NULL)));
    check_pass (&f, new_embedded (&f, b, 2, NULL), strange, 1,
        i ? 1 : 1 / (1 + exp (-10)));
    check_pass (&f, new_embedded (&f, a, 2, NULL), "cup", 0,
        i ? 1 : 1 / (1 + exp (-10)));

    fail_unless (gst_harness_push_upstream_event (f.video,
            gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
                gst_structure_new ("supcon-rename", "old", G_TYPE_STRING, "cup",
                    "new", G_TYPE_STRING, "mug", NULL))));
    fail_if (act (&f, "rename", "cup", "can"));
    check_posted (f.bus, GST_MESSAGE_WARNING, "no example of 'cup'");
    check_pass (&f, new_embedded (&f, a, 2, NULL), "mug", 0,
        i ? 1 : 1 / (1 + exp (-10)));
    gst_harness_push_event (f.video, gst_event_new_eos ());
    stop (&f);

    start (&f, launch, FALSE);
    check_pass (&f, new_embedded (&f, b, 2, NULL), strange, 1,
        i ? 1 : 1 / (1 + exp (-10)));
    message = pop_message (&f, "supcon-tags");
    fail_unless (gst_structure_has_field_typed (gst_message_get_structure
            (message), "tagging-time", G_TYPE_UINT64));
    gst_message_unref (message);
    fail_unless (act (&f, "rename", "mug", strange));
    check_pass (&f, new_embedded (&f, a, 2, NULL), strange, 1, 1);
    fail_unless (act (&f, "forget", strange, NULL));
    check_pass (&f, new_embedded (&f, a, 2, NULL), NULL, 0, 0);
    fail_if (act (&f, "rename", strange, "cup"));
    check_posted (f.bus, GST_MESSAGE_WARNING, "no example");
    stop (&f);
    start (&f, launch, FALSE);
    check_pass (&f, new_embedded (&f, a, 2, NULL), NULL, 0, 0);
    stop (&f);
    g_unlink (memory);
    g_rmdir (folder);
    g_free (launch);
    g_free (memory);
    g_free (folder);
  }
  /* Behind a tee an event comes up each of its ways: it is one lesson. */
  start (&f, "supcontagger method=centroid", FALSE);
  check_pass (&f, new_embedded (&f, a, 2, NULL), NULL, 0, 0);
  act (&f, "learn", "cup", NULL);
  event = gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
      gst_structure_new ("supcon-forget", "label", G_TYPE_STRING, "cup", NULL));
  for (guint i = 0; i < 2; i++)
    fail_unless (gst_harness_push_upstream_event (f.video,
            gst_event_ref (event)));
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  gst_event_unref (event);
  /* It is taken though nobody upstream takes it, and whichever ways it goes. */
  pad = gst_element_get_static_pad (f.video->element, "sink");
  gst_pad_unlink (f.video->srcpad, pad);
  gst_object_unref (pad);
  fail_unless (gst_harness_push_upstream_event (f.video,
          gst_event_new_custom (GST_EVENT_CUSTOM_BOTH_OOB,
              gst_structure_new ("supcon-learn", "label", G_TYPE_STRING, "cup",
                  NULL))));
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  gst_pad_send_event (f.video->element->sinkpads->data,
      gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_OOB,
          gst_structure_new ("supcon-forget", "label", G_TYPE_STRING, "cup",
              NULL)));
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  fail_if (act (&f, "forget", "cup", NULL));
  stop (&f);
  start_linear (&f, "", FALSE);
  gst_buffer_unref (pass (&f, new_likely (&f, .1, .7, .2, NULL)));
  fail_if (act (&f, "learn", "cup", NULL));
  check_posted (f.bus, GST_MESSAGE_WARNING, "method=linear");
  stop (&f);
}

GST_END_TEST;

/* Frames that teach say nothing of those after them, and what was smoothed goes with the classes that it was of. */
GST_START_TEST (test_lessons_and_smoothing)
{
  static const gfloat a[3] = { 1, 0, 0 }, b[3] = { 0, 1, 0 }, c[3] = { 0, 0, 1 };

  for (guint i = 0; i < 3; i++) {
    GstBuffer *frame;
    const gchar *label;
    gint id;
    Fixture f;

    start (&f, "supcontagger method=knn smoothing=0.5", FALSE);
    check_pass (&f, new_embedded (&f, a, 3, "cup"), NULL, 0, 0);
    check_pass (&f, new_embedded (&f, b, 3, "box"), NULL, 0, 0);
    check_pass (&f, new_embedded (&f, c, 3, "can"), NULL, 0, 0);
    if (i)
      check_pass (&f, new_embedded (&f, a, 3, NULL), "cup", 0, 1);
    if (i == 1)
      fail_unless (act (&f, "forget", "cup", NULL));
    if (i == 2)
      fail_unless (act (&f, "rename", "cup", "box"));
    frame = pass (&f, new_embedded (&f, c, 3, NULL));
    assert_close (get_tag (frame, 0, &label, &id), 1);
    fail_unless_equals_string (label, "can");
    gst_buffer_unref (frame);
    stop (&f);
  }
}

GST_END_TEST;

/* A folder with, maybe, a memory, and what writes and what only reads it. */
typedef struct
{
  gchar *folder, *memory, *learning, *reading;
} Place;

static Place
place_new (void)
{
  Place place;

  place.folder = g_dir_make_tmp ("tagger-XXXXXX", NULL);
  place.memory = g_build_filename (place.folder, "memory.safetensors", NULL);
  place.learning =
      g_strdup_printf ("supcontagger method=knn memory-location=%s "
      "learning=true", place.memory);
  place.reading =
      g_strdup_printf ("supcontagger method=knn memory-location=%s "
      "learning=false", place.memory);
  return place;
}

static void
place_clear (Place * place)
{
  g_unlink (place->memory);
  fail_unless_equals_int (g_rmdir (place->folder), 0);
  g_free (place->learning);
  g_free (place->reading);
  g_free (place->memory);
  g_free (place->folder);
}

/* Examples that could not be kept are not learnt, but those of a read-only file can be compared with. */
GST_START_TEST (test_memory_read_only)
{
  static const gfloat a[2] = { 1, 0 };
  Place place = place_new ();
  Fixture f;

  /* What cannot be told is not taken for none. */
  fail_unless_equals_int (symlink (place.memory, place.memory), 0);
  check_start_error ("Too many levels of symbolic links", "%s", place.learning);
  check_start_error ("Too many levels of symbolic links", "%s", place.reading);
  fail_unless_equals_int (g_unlink (place.memory), 0);

  start (&f, place.learning, FALSE);
  check_pass (&f, new_embedded (&f, a, 2, "cup"), NULL, 0, 0);
  stop (&f);

  /* The owner's bits say nothing to root. */
  fail_unless_equals_int (g_chmod (place.folder, 0555), 0);
  fail_unless_equals_int (g_chmod (place.memory, 0444), 0);
  if (geteuid () == 0)
    fail_unless_equals_int (seteuid (65534), 0);
  check_start_error (place.memory, "%s", place.learning);
  check_start_error ("memory-location", "%s", place.learning);
  start (&f, place.reading, FALSE);
  check_pass (&f, new_embedded (&f, a, 2, NULL), "cup", 0, 1);
  stop (&f);
  if (getuid () == 0)
    fail_unless_equals_int (seteuid (0), 0);

  fail_unless_equals_int (g_chmod (place.folder, 0755), 0);
  place_clear (&place);
}

GST_END_TEST;

/* One at a time writes the examples, and that they cannot be written is said once. */
GST_START_TEST (test_memory_has_one_writer)
{
  static const gfloat a[2] = { 1, 0 }, b[2] = { 0, 1 };
  Place place = place_new ();
  gchar *lock = g_build_filename (place.folder, ".memory.safetensors.lock", NULL);
  Fixture f, reader;

  for (guint i = 0; i < 2; i++) {
    start (&f, place.learning, FALSE);
    check_pass (&f, new_embedded (&f, a, 2, "cup"), NULL, 0, 0);
    check_start_error ("is written by another element", "%s", place.learning);
    check_start_error ("memory-location", "%s", place.learning);
    if (i) {
      /* Who only reads may, and cannot be taught meanwhile. */
      start (&reader, place.reading, FALSE);
      check_pass (&reader, new_embedded (&reader, a, 2, NULL), "cup", 0, 1);
      fail_if (act (&reader, "learn", "box", NULL));
      check_posted (reader.bus, GST_MESSAGE_WARNING,
          "is written by another element");
      check_pass (&f, new_embedded (&f, b, 2, "disc"), NULL, 0, 0);
    }
    stop (&f);
    if (i) {
      /* Afterwards its lesson is added to what was written since it began. */
      fail_unless (act (&reader, "learn", "box", NULL));
      stop (&reader);
      start (&reader, place.reading, FALSE);
      check_pass (&reader, new_embedded (&reader, b, 2, NULL), "disc", 1, 1);
      fail_unless (act (&reader, "forget", "box", NULL));
      stop (&reader);
    }
    fail_if (g_file_test (lock, G_FILE_TEST_EXISTS));
  }

  start (&f, place.learning, FALSE);
  check_pass (&f, new_embedded (&f, a, 2, "box"), NULL, 0, 0);
  g_unlink (lock);
  g_unlink (place.memory);
  fail_unless_equals_int (g_rmdir (place.folder), 0);
  gst_harness_push_event (f.video, gst_event_new_eos ());
  check_posted (f.bus, GST_MESSAGE_ERROR, "cannot be written");
  gst_element_set_state (f.video->element, GST_STATE_READY);
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_ERROR));
  stop (&f);
  fail_unless_equals_int (g_mkdir (place.folder, 0755), 0);
  place_clear (&place);
  g_free (lock);
}

GST_END_TEST;

/* A lesson that is refused leaves everything as it was, for others too. */
GST_START_TEST (test_refused_lesson)
{
  static const gfloat two[2] = { 1, 0 }, three[3] = { 1, 0, 0 };
  Place place = place_new ();
  Fixture f, other;

  start (&f, place.reading, FALSE);
  check_posted (f.bus, GST_MESSAGE_INFO, place.memory);
  check_pass (&f, new_embedded (&f, two, 2, NULL), NULL, 0, 0);
  fail_if (act (&f, "forget", "nothing", NULL));
  check_posted (f.bus, GST_MESSAGE_WARNING, "no example of 'nothing'");
  start (&other, place.learning, FALSE);
  check_pass (&other, new_embedded (&other, three, 3, "cup"), NULL, 0, 0);
  stop (&other);
  fail_if (act (&f, "learn", "box", NULL));
  check_posted (f.bus, GST_MESSAGE_WARNING, "have 3 numbers, expected 2");
  check_pass (&f, new_embedded (&f, two, 2, NULL), NULL, 0, 0);
  start (&other, place.learning, FALSE);
  check_pass (&other, new_embedded (&other, three, 3, NULL), "cup", 0, 1);
  stop (&other);
  stop (&f);

  place_clear (&place);
}

GST_END_TEST;

/* The index of frames that a tagger begins with is not lost when it writes its examples. */
GST_START_TEST (test_index_is_kept)
{
  static const gfloat a[2] = { 1, 0 };
  Place place = place_new ();
  gchar *kept =
      g_build_filename (place.folder, "memory.replaced-3.safetensors", NULL);
  gchar *again =
      g_build_filename (place.folder, "memory.replaced-3-2.safetensors", NULL);
  SupconIndex *index = supcon_index_new (2, SUPCON_METRIC_COSINE);
  Fixture f;

  for (guint i = 0; i < 3; i++)
    supcon_index_add (index, a, &(SupconEntry) {
        .label = "cup",.uri = "file:///a",.timestamp = i});
  fail_unless (supcon_index_save (index, place.memory, NULL));
  supcon_index_free (index);
  for (guint i = 0; i < 2; i++) {
    start (&f, place.learning, FALSE);
    check_pass (&f, new_embedded (&f, a, 2, "cup"), NULL, 0, 0);
    /* What is written again is its own. */
    gst_harness_push_event (f.video, gst_event_new_eos ());
    fail_unless (act (&f, "learn", "cup", NULL));
    stop (&f);
  }
  fail_if (g_file_test (again, G_FILE_TEST_EXISTS));
  index = supcon_index_load (kept, NULL);
  fail_unless (index && supcon_index_entry (index, 2).timestamp == 2);
  supcon_index_free (index);
  index = supcon_index_load (place.memory, NULL);
  fail_unless (index && supcon_index_count (index) == 7);
  supcon_index_free (index);

  g_unlink (kept);
  place_clear (&place);
  g_free (again);
  g_free (kept);
}

GST_END_TEST;

static GstBuffer *
new_encoded (Fixture * f, guint64 encoder, const gfloat * embedding)
{
  GstBuffer *frame = new_embedded (f, embedding, 2, NULL);

  gst_supcon_buffer_set_embedding_encoder (frame, encoder);
  return frame;
}

/* Examples say nothing of frames of another encoder; where those are watched there is a moment to follow. */
GST_START_TEST (test_examples_of_another_encoder)
{
  static const gfloat a[2] = { 1, 0 };
  Place place = place_new ();
  gchar *watching = g_strdup_printf ("%s watch=true", place.reading);
  gchar *judging = g_strdup_printf ("supcontagger method=centroid "
      "examples-location=%s", place.memory);
  Fixture f;

  start (&f, place.reading, FALSE);
  check_pass (&f, new_encoded (&f, 7, a), NULL, 0, 0);
  fail_unless (act (&f, "learn", "cup", NULL));
  check_pass (&f, new_encoded (&f, 7, a), "cup", 0, 1);
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  check_pass (&f, new_encoded (&f, 8, a), "cup", 0, 1);
  check_posted (f.bus, GST_MESSAGE_WARNING, "of another encoder than the examples");
  /* Once nothing is known any more, frames of any may teach. */
  fail_unless (act (&f, "forget", "cup", NULL));
  fail_unless (act (&f, "learn", "cup", NULL));
  stop (&f);

  start (&f, place.reading, FALSE);
  check_pass (&f, new_encoded (&f, 8, a), "cup", 0, 1);
  check_pass (&f, new_embedded (&f, a, 2, NULL), "cup", 0, 1);
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  for (guint i = 0; i < 3; i++)
    check_pass (&f, new_encoded (&f, 7, a), "cup", 0, 1);
  check_posted (f.bus, GST_MESSAGE_WARNING, "expected the encoder that those were taught with");
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  stop (&f);

  start (&f, watching, FALSE);
  check_pass (&f, new_encoded (&f, 7, a), "cup", 0, 1);
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  g_usleep (2100 * 1000);
  check_pass (&f, new_encoded (&f, 8, a), "cup", 0, 1);
  check_pass (&f, new_encoded (&f, 7, a), "cup", 0, 1);
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  g_usleep (2100 * 1000);
  check_pass (&f, new_encoded (&f, 7, a), "cup", 0, 1);
  check_posted (f.bus, GST_MESSAGE_WARNING, "of another encoder than the examples");
  stop (&f);

  start (&f, judging, FALSE);
  check_pass (&f, new_encoded (&f, 7, a), NULL, 0, 0);
  check_posted (f.bus, GST_MESSAGE_WARNING, "than those of examples-location");
  stop (&f);
  place_clear (&place);
  g_free (watching);
  g_free (judging);
}

GST_END_TEST;

static Suite *
taggerlearn_suite (void)
{
  Suite *suite = suite_create ("taggerlearn");
  TCase *tcase = tcase_create ("taggerlearn");

  gst_supcon_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_centroid);
  tcase_add_test (tcase, test_centroid_with_labels);
  tcase_add_test (tcase, test_examples_location);
  tcase_add_test (tcase, test_teaching);
  tcase_add_test (tcase, test_lessons_and_smoothing);
  tcase_add_test (tcase, test_memory_read_only);
  tcase_add_test (tcase, test_memory_has_one_writer);
  tcase_add_test (tcase, test_refused_lesson);
  tcase_add_test (tcase, test_index_is_kept);
  tcase_add_test (tcase, test_examples_of_another_encoder);
  return suite;
}

GST_CHECK_MAIN (taggerlearn);
