/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In double precision: what a checkpoint holds beside the model, so that training goes on as if it had not stopped. */
#include "train/calibrate.h"

#include "checkpoints.h"
#include "training.h"

/* By a file at location, into info. */
static SupconModel *
save_and_load (SupconModel *model, SupconCheckpointInfo info, SupconCheckpointInfo *found)
{
  GError *error = NULL;
  SupconModel *loaded;

  info.labels = new_labels ();
  ck_assert_msg (
      supcon_checkpoint_save (path_of ("m.safetensors"), model, &info, &error), "%s", error ? error->message : "");
  loaded = load (path_of ("m.safetensors"), NULL, found);
  supcon_labels_free (info.labels);
  remove_folder ();
  return loaded;
}

/* A file holds float32, so that the run that is gone on with agrees with the other to its precision. */
START_TEST (test_optimizer_in_checkpoint)
{
  static const SupconOptimizerKind kinds[] = { SUPCON_OPTIMIZER_SGD, SUPCON_OPTIMIZER_LARS, SUPCON_OPTIMIZER_ADAM,
    SUPCON_OPTIMIZER_ADAMW, SUPCON_OPTIMIZER_RMSPROP };

  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
    SupconModel *model = model_new (), *loaded;
    SupconCheckpointInfo info = { .stage = "contrastive", .optimizer = "adamw", .step = 2 };
    GArray *expected, *found;

    config.optimizer.kind = kinds[k];
    config.schedule.learning_rate = 1e-3;
    config.average_decay = 0.8;
    train (model, &config, 0, 2);
    loaded = save_and_load (model, info, &info);
    ck_assert_str_eq (info.optimizer, "adamw");
    supcon_checkpoint_info_clear (&info);
    expected = weights_of (model, TRUE); /* what the file gives as the model */
    found = weights_of (loaded, FALSE);
    ck_assert_double_lt (difference (found, expected), 1e-6);
    g_array_unref (expected);
    g_array_unref (found);

    supcon_model_swap_average (loaded);
    train (model, &config, 2, 4);
    train (loaded, &config, 2, 4);
    for (guint average = 0; average < 2; average++) {
      expected = weights_of (model, average);
      found = weights_of (loaded, average);
      ck_assert_msg (difference (found, expected) < 2e-5, "%s differs by %g", supcon_optimizer_name (kinds[k]),
          difference (found, expected));
      g_array_unref (expected);
      g_array_unref (found);
    }
    supcon_model_free (model);
    supcon_model_free (loaded);
  }
}
END_TEST

/* The logits that the fit goes by are in a checkpoint: who goes on from it fits to the same. */
START_TEST (test_calibration_resumed)
{
  SupconTrainerConfig config = config_of (SUPCON_STAGE_CROSS_ENTROPY);
  SupconModel *model = model_new (), *loaded;
  SupconTrainer *trainer = supcon_trainer_new (model, &config, 0), *resumed;
  SupconCheckpointInfo info = { .stage = "cross-entropy" }, found;
  const guint batches = SUPCON_CALIBRATION_PICTURES / VIEWS;
  guint n;

  step_to (trainer, batches + 3); /* the queue has gone round */
  /* A file holds floats; the trainer goes on with its doubles, so they are floats too. */
  for (SupconParam *param = supcon_model_params (model, &n), *end = param + n; param < end; param++)
    for (gsize k = 0; k < param->size; k++) {
      param->data[k] = (float)param->data[k];
      if (param->velocity)
        param->velocity[k] = (float)param->velocity[k];
    }
  info.logits = (SupconQueue *)supcon_trainer_logits (trainer);
  ck_assert_uint_eq (info.logits->n, SUPCON_CALIBRATION_PICTURES);
  for (gsize k = 0; k < (gsize)info.logits->n * info.logits->dim; k++)
    info.logits->z[k] = (float)info.logits->z[k];
  loaded = save_and_load (model, info, &found);
  resumed = supcon_trainer_new (loaded, &config, batches + 3);
  supcon_trainer_restore (resumed, NULL, found.logits);
  step_to (trainer, batches + 8);
  step_to (resumed, batches + 8);
  ck_assert_double_ne (supcon_trainer_calibrate (trainer, FALSE), 1);
  ck_assert_double_eq (supcon_trainer_calibrate (resumed, FALSE), supcon_trainer_calibrate (trainer, FALSE));
  supcon_checkpoint_info_clear (&found);
  supcon_trainer_free (resumed);
  supcon_trainer_free (trainer);
  supcon_model_free (loaded);
  supcon_model_free (model);
}
END_TEST

/* Who goes on without a queue has no use for that of a checkpoint; who goes on with one begins with it. */
START_TEST (test_queue_if_wanted)
{
  for (guint size = 0; size < 4; size += 3) {
    SupconTrainerConfig config = config_of (SUPCON_STAGE_CONTRASTIVE);
    SupconModel *model = model_new ();
    SupconQueue *past = supcon_queue_new (1, supcon_model_projection_dim (model));
    const SupconReal z[5] = { 0, 1 };
    SupconTrainer *trainer;

    config.queue_size = size;
    trainer = supcon_trainer_new (model, &config, 1);
    supcon_queue_push (past, z, &(gint32){ 2 }, &(guint64){ 7 }, 1);
    supcon_trainer_restore (trainer, past, NULL);
    ck_assert ((supcon_trainer_queue (trainer) != NULL) == (size > 0));
    if (size) {
      ck_assert_uint_eq (supcon_trainer_queue (trainer)->n, 1);
      ck_assert_uint_eq (supcon_queue_place (supcon_trainer_queue (trainer), 0), 0);
      ck_assert_int_eq (supcon_trainer_queue (trainer)->labels[0], 2);
      ck_assert_mem_eq (supcon_trainer_queue (trainer)->z, z, sizeof z);
    }
    supcon_queue_free (past);
    supcon_trainer_free (trainer);
    supcon_model_free (model);
  }
}
END_TEST

/* A queue that has gone round once comes back oldest first. */
START_TEST (test_queue_in_checkpoint)
{
  SupconModel *model = model_new ();
  guint dim = supcon_model_projection_dim (model);
  SupconCheckpointInfo info = { .stage = "contrastive", .queue = supcon_queue_new (3, dim) }, found;
  SupconReal z[4 * 5];

  for (guint i = 0; i < 4 * dim; i++)
    z[i] = i / 32.0;
  /* Of an empty one there is nothing to write. */
  supcon_model_free (save_and_load (model, info, &found));
  ck_assert_ptr_null (found.queue);
  supcon_checkpoint_info_clear (&found);
  supcon_queue_push (info.queue, z, (const gint32[]){ 0, 1, -1, 9 }, (const guint64[]){ 5, 6, G_MAXUINT64, 8 }, 4);
  supcon_model_free (save_and_load (model, info, &found));
  ck_assert_uint_eq (found.queue->n, 3);
  for (guint i = 0; i < 3; i++) {
    guint at = supcon_queue_place (found.queue, i);

    ck_assert_int_eq (found.queue->labels[at], ((const gint32[]){ 1, -1, -1 })[i]); /* label 9 has no name */
    ck_assert (found.queue->samples[at] == ((const guint64[]){ 6, G_MAXUINT64, 8 })[i]);
    ck_assert (memcmp (found.queue->z + at * dim, z + (i + 1) * dim, dim * sizeof *z) == 0);
  }
  supcon_checkpoint_info_clear (&found);
  supcon_queue_free (info.queue);
  supcon_model_free (model);
}
END_TEST

/* Wherever the file holds one, it holds the other. */
static void
replace_float (const char *location, float from, float to)
{
  char *bytes;
  gsize n;

  read_file (location, &bytes, &n);
  for (gsize i = 0; i + sizeof from <= n; i++)
    if (memcmp (bytes + i, &from, sizeof from) == 0)
      memcpy (bytes + i, &to, sizeof to);
  write_file (location, bytes, n);
  g_free (bytes);
}

/* Numbers that are not finite are refused by who reads them, and not written in the first place. */
START_TEST (test_queue_not_finite)
{
  const char *location = path_of ("m.safetensors");
  SupconModel *model = model_new ();
  SupconCheckpointInfo info = {
    .labels = new_labels (), .stage = "contrastive", .queue = supcon_queue_new (1, supcon_model_projection_dim (model))
  };
  SupconReal z[5] = { 0, 12345.6789f, 0, 0, 0 };
  GError *error = NULL;

  supcon_queue_push (info.queue, z, (const gint32[]){ 0 }, (const guint64[]){ 5 }, 1);
  ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
  info.queue->z[1] = NAN;
  ck_assert (!supcon_checkpoint_save (location, model, &info, &error));
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_NUMERIC));
  ck_assert_msg (strstr (error->message, "queue.embeddings") != NULL, "%s", error->message);
  g_clear_error (&error);
  /* Logits are written after the queue, and by the same hand. */
  info.queue->z[1] = 0;
  info.logits = supcon_queue_new (1, CLASSES);
  supcon_queue_push (info.logits, (const SupconReal[CLASSES]){ 0, INFINITY }, &(gint32){ 0 }, &(guint64){ 5 }, 1);
  ck_assert (!supcon_checkpoint_save (location, model, &info, &error));
  ck_assert_msg (strstr (error->message, "calibration.logits") != NULL, "%s", error->message);
  g_clear_error (&error);
  supcon_queue_free (info.logits);
  supcon_queue_free (info.queue);
  supcon_labels_free (info.labels);
  supcon_model_free (load (location, NULL, &info));
  supcon_checkpoint_info_clear (&info);

  replace_float (location, 12345.6789f, NAN);
  ck_assert (!supcon_checkpoint_load (location, NULL, &info, &error));
  ck_assert_msg (strstr (error->message, "of queue.embeddings has") && strstr (error->message, "not finite"), "%s",
      error->message);
  g_error_free (error);
  supcon_model_free (model);
  remove_folder ();
}
END_TEST

/* A label that a file's list of three has no name for would be read beyond what is kept for each label. */
START_TEST (test_queue_labels)
{
  static const struct {
    gint64 label;
    gboolean good;
  } cases[] = { { 2, TRUE }, { 3, FALSE }, { -1, TRUE }, { -2, FALSE }, { G_MAXINT64, FALSE } };
  const char *location = path_of ("m.safetensors");
  SupconModel *model = model_new ();
  SupconCheckpointInfo info = {
    .labels = new_labels (), .stage = "contrastive", .queue = supcon_queue_new (1, supcon_model_projection_dim (model))
  };
  SupconReal z[5] = { 0 };
  SupconSafetensors *file;
  gsize start, n;
  char *bytes;

  supcon_queue_push (info.queue, z, (const gint32[]){ 0 }, (const guint64[]){ 5 }, 1);
  ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
  supcon_queue_free (info.queue);
  supcon_labels_free (info.labels);
  file = supcon_safetensors_open (location, NULL);
  start = supcon_safetensors_find (file, "queue.labels")->start;
  supcon_safetensors_free (file);
  read_file (location, &bytes, &n);
  start += 8 + GUINT64_FROM_LE (*(guint64 *)(gpointer)bytes);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gint64 label = GINT64_TO_LE (cases[i].label);
    GError *error = NULL;
    SupconModel *loaded;

    memcpy (bytes + start, &label, sizeof label);
    write_file (location, bytes, n);
    loaded = supcon_checkpoint_load (location, NULL, &info, &error);
    ck_assert_msg ((loaded != NULL) == cases[i].good, "label %" G_GINT64_FORMAT, cases[i].label);
    ck_assert (loaded || strstr (error->message, "-1 or a label below 3"));
    g_clear_error (&error);
    supcon_checkpoint_info_clear (&info);
    supcon_model_free (loaded);
  }
  g_free (bytes);
  supcon_model_free (model);
  remove_folder ();
}
END_TEST

/* Tensors of a queue that are of another type, or have other rows than the embeddings of this network. */
START_TEST (test_queue_of_others)
{
  static const struct {
    const char *tensor, *find, *replacement, *error;
  } cases[] = {
    { "\"queue.labels\"", "I64", "F64", "tensor queue.labels is F64 of shape [1], expected I64 of shape [1]" },
    { "\"queue.samples\"", "[1]", "[ ]", "tensor queue.samples is I64 of shape [], expected I64 of shape [1]" },
    { "\"queue.embeddings\"", "[1,5]", "[5,1]",
        "tensor queue.embeddings is F32 of shape [5, 1], expected F32 of rows of 5" },
  };
  const char *location = path_of ("m.safetensors");
  SupconModel *model = model_new ();
  SupconCheckpointInfo info = {
    .labels = new_labels (), .stage = "contrastive", .queue = supcon_queue_new (1, supcon_model_projection_dim (model))
  };

  supcon_queue_push (info.queue, (const SupconReal[5]){ 0 }, &(gint32){ 0 }, &(guint64){ 5 }, 1);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    SupconCheckpointInfo found;
    GError *error = NULL;
    char *bytes, *at;
    gsize n;

    ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
    read_file (location, &bytes, &n);
    at = strstr (strstr (bytes + 8, cases[i].tensor), cases[i].find);
    memcpy (at, cases[i].replacement, strlen (cases[i].replacement));
    write_file (location, bytes, n);
    ck_assert_ptr_null (supcon_checkpoint_load (location, NULL, &found, &error));
    ck_assert_msg (strstr (error->message, cases[i].error) != NULL, "%s", error->message);
    g_error_free (error);
    g_free (bytes);
  }
  supcon_queue_free (info.queue);
  supcon_labels_free (info.labels);
  supcon_model_free (model);
  remove_folder ();
}
END_TEST

/* Labels or samples of more rows than the queue has embeddings: those of the logits, with which they swap names. */
START_TEST (test_queue_of_other_length)
{
  static const struct {
    const char *ours, *theirs, *error;
  } cases[] = {
    { "\"queue.labels\"", "\"calibration.labels\"",
        "tensor queue.labels is I64 of shape [2], expected I64 of shape [1]" },
    { "\"queue.samples\"", "\"calibration.samples\"",
        "tensor queue.samples is I64 of shape [2], expected I64 of shape [1]" },
  };
  const char *location = path_of ("m.safetensors");
  SupconModel *model = model_new ();
  SupconCheckpointInfo info = { .labels = new_labels (),
    .stage = "contrastive",
    .queue = supcon_queue_new (1, supcon_model_projection_dim (model)),
    .logits = supcon_queue_new (2, CLASSES) };

  supcon_queue_push (info.queue, (const SupconReal[5]){ 0 }, &(gint32){ 0 }, &(guint64){ 5 }, 1);
  supcon_queue_push (
      info.logits, (const SupconReal[2 * CLASSES]){ 0 }, (const gint32[]){ 0, 1 }, (const guint64[]){ 5, 6 }, 2);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    SupconCheckpointInfo found;
    GError *error = NULL;
    GString *header;
    char *bytes;
    gsize n;

    ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
    read_file (location, &bytes, &n);
    header = g_string_new_len (bytes + 8, GUINT64_FROM_LE (*(guint64 *)(gpointer)bytes));
    g_string_replace (header, cases[i].ours, "?", 1);
    g_string_replace (header, cases[i].theirs, cases[i].ours, 1);
    g_string_replace (header, "?", cases[i].theirs, 1);
    memcpy (bytes + 8, header->str, header->len);
    write_file (location, bytes, n);
    ck_assert_ptr_null (supcon_checkpoint_load (location, NULL, &found, &error));
    ck_assert_msg (strstr (error->message, cases[i].error) != NULL, "%s", error->message);
    g_error_free (error);
    g_string_free (header, TRUE);
    g_free (bytes);
  }
  supcon_queue_free (info.queue);
  supcon_queue_free (info.logits);
  supcon_labels_free (info.labels);
  supcon_model_free (model);
  remove_folder ();
}
END_TEST

/* Logits of no classifier have no number of classes, by which what is kept of them is divided. */
START_TEST (test_logits_without_classifier)
{
  const char *location = path_of ("m.safetensors");
  SupconModel *model = model_new ();
  SupconCheckpointInfo info = { .labels = new_labels (), .stage = "linear", .logits = supcon_queue_new (1, 1) };
  GError *error = NULL;
  char *bytes, *shape;
  gsize n;

  supcon_model_set_n_classes (model, 0);
  supcon_queue_push (info.logits, (const SupconReal[]){ 0 }, (const gint32[]){ -1 }, (const guint64[]){ 5 }, 1);
  ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
  supcon_queue_free (info.logits);
  supcon_labels_free (info.labels);
  read_file (location, &bytes, &n);
  shape = strstr (bytes + 8, "\"calibration.logits\"");
  shape = strstr (shape, "[1,1]");
  for (guint dims = 2; dims > 0; dims--) {
    ck_assert (!supcon_checkpoint_load (location, NULL, &info, &error));
    ck_assert_msg (
        strstr (error->message, "tensor calibration.l") && strstr (error->message, "is not one of resnet8's"), "%s",
        error->message);
    g_clear_error (&error);
    memcpy (shape, "[1]  ", 5);
    write_file (location, bytes, n);
  }
  g_free (bytes);
  supcon_model_free (model);
  remove_folder ();
}
END_TEST

SUPCON_CHECK_MAIN ("resumed", test_queue_if_wanted, test_optimizer_in_checkpoint, test_calibration_resumed,
    test_queue_in_checkpoint, test_queue_not_finite, test_queue_labels, test_queue_of_others,
    test_queue_of_other_length, test_logits_without_classifier)
