/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supcontrainer in whole pipelines: what it learns, says and writes, and how it meets what is wrong. */
#include <gst/check/gstharness.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include <glib/gstdio.h>

#include "model/checkpoint.h"
#include "pipeline.h"

/* Two things to tell apart: a moving ball and snow, by turns. */
#define CAPS "video/x-raw,format=RGB,width=12,height=12,framerate=30/1"
#define THINGS(frames) \
    "videotestsrc pattern=ball num-buffers=" #frames " ! " CAPS " ! supconlabel label=ball ! f. " \
    "videotestsrc pattern=snow num-buffers=" #frames " ! " CAPS " ! supconlabel label=snow ! f. "
#define TRAINER "funnel name=f ! supcontrainer name=t encoder=resnet8 width=0.25 message-interval=1 "

static gchar *folder, *model;

static void
setup (void)
{
  folder = folder_new ();
  model = g_build_filename (folder, "m.safetensors", NULL);
}

static void
teardown (void)
{
  g_free (model);
  folder_free (folder);
}

static gchar *
contents_of (const gchar * path, gsize * size)
{
  gchar *contents;

  fail_unless (g_file_get_contents (path, &contents, size, NULL));
  return contents;
}

GST_START_TEST (test_trains_and_tells)
{
  Run run = run_launch (TRAINER "batch-size=16 location=%s " THINGS (64), model);
  const GstStructure *s = run_message (&run, "supcon-train");
  guint64 step, examples;
  gdouble loss, rate, norm, speed, positives;
  const gchar *location;
  SupconCheckpointInfo info;
  SupconModel *loaded;

  run_assert_ended (run);
  fail_unless (gst_structure_get (s, "step", G_TYPE_UINT64, &step, "examples",
          G_TYPE_UINT64, &examples, "loss", G_TYPE_DOUBLE, &loss,
          "learning-rate", G_TYPE_DOUBLE, &rate, "gradient-norm",
          G_TYPE_DOUBLE, &norm, "examples-per-second", G_TYPE_DOUBLE, &speed,
          "positives-per-anchor", G_TYPE_DOUBLE, &positives, NULL));
  fail_unless_equals_uint64 (step, 8);
  fail_unless_equals_uint64 (examples, 128);
  fail_unless (loss > 0 && loss < 5 && norm > 0 && speed > 0);
  fail_unless (positives >= 1 && positives <= 15);

  s = run_message (&run, "supcon-checkpoint");
  fail_unless (gst_structure_get (s, "step", G_TYPE_UINT64, &step, NULL));
  fail_unless_equals_uint64 (step, 8);
  location = gst_structure_get_string (s, "location");
  fail_unless_equals_string (location, model);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless (loaded != NULL);
  fail_unless_equals_string (info.stage, "contrastive");
  fail_unless_equals_int (supcon_labels_count (info.labels), 2);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
  run_clear (&run);
}
GST_END_TEST;

/* One source, so that frames come in one order. */
#define ONE_THING "videotestsrc pattern=ball num-buffers=48 ! " CAPS " ! supconlabel name=l label=ball ! supconaugment views=2 ! " CAPS \
    " ! supcontrainer encoder=resnet8 width=0.25 batch-size=24 seed=3 "

GST_START_TEST (test_same_bytes_for_any_threads)
{
  static const gchar *const precisions[] = { "float32", "bfloat16" };
  gchar *bytes[2];
  gsize size[2];

  for (guint i = 0; i < 2; i++) {
    Run run = run_launch (ONE_THING "threads=%u precision=%s location=%s", 1 + i, precisions[__i__], model);

    run_assert_ended (run);
    bytes[i] = contents_of (model, &size[i]);
    run_clear (&run);
  }
  fail_unless (size[0] == size[1] && memcmp (bytes[0], bytes[1], size[0]) == 0);
  g_free (bytes[0]);
  g_free (bytes[1]);
}
GST_END_TEST;

/* A header with every property, then a line for each message; resuming adds to them. */
GST_START_TEST (test_metrics)
{
  gchar *metrics = g_build_filename (folder, "m.jsonl", NULL), *text, **lines;
  FILE *file;
  Run run = run_launch (ONE_THING "message-interval=1 total-steps=2 "
      "metrics-location=%s location=%s", metrics, model);

  run_assert_ended (run);
  run_clear (&run);
  /* As a killed writer may leave it. */
  file = g_fopen (metrics, "a");
  fail_unless (file && fputs ("{\"step\":3,\"lo", file) > 0 && fclose (file) == 0);
  run = run_launch (ONE_THING "message-interval=1 total-steps=3 resume=true "
      "metrics-location=%s location=%s", metrics, model);
  run_assert_ended (run);
  run_clear (&run);
  fail_unless (g_file_get_contents (metrics, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  fail_unless_equals_int (g_strv_length (lines), 5);
  fail_unless (strstr (lines[0], "\"batch-size\":24") != NULL
      && strstr (lines[0], "\"stage\":\"contrastive\"") != NULL
      && strstr (lines[0], "\"version\":") != NULL, "%s", lines[0]);
  for (guint i = 1; i < 4; i++) {
    gchar *step = g_strdup_printf ("\"step\":%u,", i);

    fail_unless (strstr (lines[i], step) && strstr (lines[i], "\"loss\":"),
        "%s", lines[i]);
    g_free (step);
  }
  g_strfreev (lines);
  g_free (text);

  run = run_launch (ONE_THING "metrics-location=%s location=%s", folder, model);
  run_assert_error (run, "cannot be written");
  run_clear (&run);
  g_free (metrics);
}
GST_END_TEST;

/* A disk without room is told before the first step. */
GST_START_TEST (test_disk_full)
{
  struct rlimit limit = { 1000, RLIM_INFINITY };
  Run run;

  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &limit);
  run = run_launch (ONE_THING "message-interval=1 location=%s", model);
  limit.rlim_cur = RLIM_INFINITY;
  setrlimit (RLIMIT_FSIZE, &limit);
  run_assert_error (run, "cannot be written");
  fail_unless (strstr (run.error, model) != NULL, "%s", run.error);
  fail_unless (run_message (&run, "supcon-train") == NULL);
  fail_unless (!g_file_test (model, G_FILE_TEST_EXISTS));
  run_clear (&run);
}
GST_END_TEST;

/* A disk that is full in the middle: what is there stays, a warning says so, and the next checkpoint is written when there
 * is room again. The limit is changed on the training thread itself, between two steps. */
static GstBusSyncReply
fill_disk (G_GNUC_UNUSED GstBus * bus, GstMessage * message, gpointer user_data)
{
  const GstStructure *s = gst_message_get_structure (message);
  struct rlimit limit = { 1000, RLIM_INFINITY };
  guint64 step, *full_steps = user_data;

  if (!s || !gst_structure_has_name (s, "supcon-train"))
    return GST_BUS_PASS;
  gst_structure_get_uint64 (s, "step", &step);
  if (step < 3 || step > 5) {
    limit.rlim_cur = RLIM_INFINITY;
  } else {
    SupconCheckpointInfo info;
    SupconModel *loaded = supcon_checkpoint_load (model, NULL, &info, NULL);

    fail_unless (loaded != NULL && info.step == 2);
    supcon_checkpoint_info_clear (&info);
    supcon_model_free (loaded);
    (*full_steps)++;
  }
  setrlimit (RLIMIT_FSIZE, &limit);
  return GST_BUS_PASS;
}

GST_START_TEST (test_disk_full_for_a_while)
{
  gchar *line = g_strdup_printf ("videotestsrc pattern=ball num-buffers=96 ! " CAPS " ! supconlabel label=ball ! supconaugment "
      "views=2 ! " CAPS " ! supcontrainer encoder=resnet8 width=0.25 batch-size=24 message-interval=1 checkpoint-interval=1 "
      "location=%s", model);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  SupconCheckpointInfo info;
  guint64 full_steps = 0;
  guint written = 0;
  SupconModel *loaded;
  GDir *dir;
  Run run;

  signal (SIGXFSZ, SIG_IGN);
  gst_bus_set_sync_handler (bus, fill_disk, &full_steps, NULL);
  run = run_pipeline (pipeline);
  run_assert_ended (run);
  run_assert_warning (run, "cannot be written");
  fail_unless_equals_uint64 (full_steps, 3);
  for (GList * l = run.messages; l; l = l->next)
    written += gst_structure_has_name (l->data, "supcon-checkpoint");
  fail_unless_equals_int (written, 8 - 3);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless (loaded != NULL);
  fail_unless_equals_uint64 (info.step, 8);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
  /* Nothing is left of the attempts. */
  dir = g_dir_open (folder, 0, NULL);
  fail_unless_equals_string (g_dir_read_name (dir), "m.safetensors");
  fail_unless (g_dir_read_name (dir) == NULL);
  g_dir_close (dir);
  run_clear (&run);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_free (line);
}
GST_END_TEST;

#define SHAPE_SIZE 12
#define N_SHAPES 4

static void
write_idx (const gchar * folder, const gchar * name, const guint32 * header,
    guint n_fields, const guint8 * bytes, gsize size)
{
  gchar *path = g_build_filename (folder, name, NULL);
  FILE *file = g_fopen (path, "wb");

  for (guint i = 0; i < n_fields; i++) {
    guint32 field = GUINT32_TO_BE (header[i]);

    fail_unless (fwrite (&field, sizeof field, 1, file) == 1);
  }
  fail_unless (fwrite (bytes, 1, size, file) == size);
  fail_unless (fclose (file) == 0);
  g_free (path);
}

/* A data set that is easy to learn, the same at each call: lines across, lines down, a disc and a frame, moved and in
 * noise. Of one source, so that batches do not depend on how busy the machine is. */
static void
write_shapes (guint n)
{
  const guint32 pictures[] = { 0x803, n, SHAPE_SIZE, SHAPE_SIZE }, labels[] = { 0x801, n };
  guint8 *pixels = g_malloc (n * SHAPE_SIZE * SHAPE_SIZE), *classes = g_malloc (n), *at = pixels;
  GRand *rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < n; i++) {
    gint across = g_rand_int_range (rand, 0, 4), down = g_rand_int_range (rand, 0, 4);

    classes[i] = i % N_SHAPES;
    for (gint y = 0; y < SHAPE_SIZE; y++)
      for (gint x = 0; x < SHAPE_SIZE; x++) {
        gint dx = x - 4 - across, dy = y - 4 - down;
        const gboolean lit[N_SHAPES] = { (y + down) % 4 < 2, (x + across) % 4 < 2, dx * dx + dy * dy < 12,
          MAX (ABS (dx), ABS (dy)) == 4
        };

        *at++ = (lit[classes[i]] ? 160 : 40) + g_rand_int_range (rand, -40, 40);
      }
  }
  write_idx (folder, "train-images-idx3-ubyte", pictures, 4, pixels, at - pixels);
  write_idx (folder, "train-labels-idx1-ubyte", labels, 2, classes, n);
  g_rand_free (rand);
  g_free (classes);
  g_free (pixels);
}

#define SHAPES "supcondatasetsrc location=%s val-fraction=0.25 "
#define SHAPE_CAPS "video/x-raw,format=GRAY8,width=12,height=12"
/* A trainer that learns shapes for so many epochs and is validated on others; its properties follow. Twice the folder,
 * then the model, are printed into it. */
#define LEARN_SHAPES(epochs) \
    SHAPES "shuffle=true seed=1 epochs=" #epochs " ! supconaugment policy=crop scale-min=0.7 seed=1 ! " SHAPE_CAPS " ! t. " \
    SHAPES "split=val ! supconaugment policy=none views=1 ! " SHAPE_CAPS " ! t.validation " \
    "supcontrainer name=t encoder=resnet8 width=0.5 batch-size=64 message-interval=1 seed=1 location=%s "

/* A run that was cut short and gone on with ends with the bytes of one that was not. The batches of 20 views end in the
 * middle of a frame's. */
static const gchar *const methods[] = {
  "", "queue-size=40 momentum-encoder=true", "optimizer=adam average-decay=0.9 online-linear=true",
  "loss=generalized cutmix=1 mixup=0.3 label-smoothing=0.1 micro-batch=5",
  "stage=cross-entropy dropout=0.3 optimizer=rmsprop learning-rate=0.001",
  "stage=cross-entropy cutmix=1 optimizer=lars", "stage=linear optimizer=adamw",
  "stage=finetune freeze=layer1 encoder-learning-rate=0.001 dropout=0.1 average-decay=0.5",
  "stage=regression clip-norm=1"
};

GST_START_TEST (test_resume)
{
  const gchar *common = "supcondatasetsrc location=%s shuffle=true seed=5 epochs=2 ! supconaugment views=2 ! " SHAPE_CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=20 seed=3 schedule=constant warmup-steps=3 drop-last=false "
      "init-location=%s %s %s location=%s";
  const gchar *method = methods[__i__];
  gchar *other = g_build_filename (folder, "other.safetensors", NULL);
  gchar *first = g_build_filename (folder, "first.safetensors", NULL);
  const gchar *endings[] = { "", "total-steps=3", "resume=true message-interval=1", "resume=true message-interval=1" };
  gchar *bytes[2];
  gsize size[2];
  Run run;

  write_shapes (24);
  run = run_launch ("supcondatasetsrc location=%s ! supconaugment ! " SHAPE_CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=24 location=%s", folder, first);
  run_assert_ended (run);
  run_clear (&run);
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++) {
    const GstStructure *s;
    guint64 step;

    run = run_launch (common, folder, first, method, endings[i], i == 0 ? model : other);
    run_assert_ended (run);
    if (i == 2) {
      s = run_message (&run, "supcon-train");
      gst_structure_get_uint64 (s, "step", &step);
      fail_unless_equals_uint64 (step, 5);
    } else if (i == 3) {
      run_assert_warning (run, "nothing is left to do");
    }
    run_clear (&run);
  }
  bytes[0] = contents_of (model, &size[0]);
  bytes[1] = contents_of (other, &size[1]);
  fail_unless (size[0] == size[1] && memcmp (bytes[0], bytes[1], size[0]) == 0);
  g_free (bytes[0]);
  g_free (bytes[1]);
  g_free (first);
  g_free (other);
}
GST_END_TEST;

/* A trainer that goes on with a checkpoint finds it as its settings say, or says what it found. */
GST_START_TEST (test_resume_mistakes)
{
  static const gchar *const cases[][2] = {
    {"encoder=resnet20", "holds encoder resnet8, but encoder=resnet20 is asked for"},
    {"encoder=resnet8 width=0.25", "holds an encoder of width 0.5, but width=0.25 is asked for"},
    {"encoder=resnet8 stem=imagenet", "holds an encoder with stem small, but stem=imagenet is asked for"},
    {"optimizer=adam", "was written by optimizer=sgd, which resume=true cannot go on with by optimizer=adam"},
    {"stage=cross-entropy", "was written by stage contrastive, which resume=true cannot go on with in stage cross-entropy"}
  };
  const gchar *line = SHAPES "%s ! supconaugment views=1 ! " SHAPE_CAPS " ! supcontrainer resume=true batch-size=64 location=%s %s";
  gchar *before, *after;
  gsize sizes[2];
  Run run;

  write_shapes (128);
  run = run_launch (line, folder, "", model, "encoder=resnet8 width=0.5");
  run_assert_ended (run);
  run_clear (&run);
  before = contents_of (model, &sizes[0]);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    run = run_launch (line, folder, "", model, cases[i][0]);
    run_assert_error (run, cases[i][1]);
    fail_unless (strstr (run.error, model) != NULL, "%s", run.error);
    run_clear (&run);
  }
  run = run_launch (line, folder, "class-names=across,down,disc,frame", model, "");
  run_assert_error (run, "\", which the source does not have");
  run_clear (&run);
  /* What is said upstream of supconlabel is not what comes. */
  run = run_launch (SHAPES "class-names=across,down,disc,frame epochs=2 ! supconlabel label=0 ! supcontrainer resume=true "
      "batch-size=64 location=%s", folder, model);
  run_assert_ended (run);
  run_clear (&run);
  after = contents_of (model, &sizes[1]);
  fail_if (sizes[0] == sizes[1] && memcmp (before, after, sizes[0]) == 0);
  g_free (before);
  g_free (after);
}
GST_END_TEST;

static guint
count_messages (const Run * run, const gchar * name)
{
  guint n = 0;

  for (GList * l = run->messages; l; l = l->next)
    n += gst_structure_has_name (l->data, name);
  return n;
}

/* Judged by neighbours while the encoder learns, by the classifier while that learns; the best is kept. */
GST_START_TEST (test_validation)
{
  gchar *best = g_build_filename (folder, "best.safetensors", NULL);
  const GstStructure *s;
  guint64 step;
  gdouble accuracy;
  guint count;
  Run run;

  write_shapes (640);
  run = run_launch (LEARN_SHAPES (6) "validate-interval=32 best-location=%s", folder, folder, model, best);
  run_assert_ended (run);
  s = run_message (&run, "supcon-validation");
  fail_unless (gst_structure_get (s, "step", G_TYPE_UINT64, &step, "count",
          G_TYPE_UINT, &count, "validation-accuracy", G_TYPE_DOUBLE, &accuracy,
          NULL));
  fail_unless (count > 100 && count < 220, "%u", count);
  fail_unless_equals_uint64 (step, (640 - count) * 6 * 2 / 64);
  fail_unless_equals_int (count_messages (&run, "supcon-validation"), (step + 31) / 32);
  fail_unless (accuracy > 0.95, "accuracy %g", accuracy);
  fail_unless (g_file_test (best, G_FILE_TEST_EXISTS));
  run_clear (&run);

  run = run_launch (LEARN_SHAPES (6) "stage=linear", folder, folder, model);
  run_assert_ended (run);
  fail_unless_equals_int (count_messages (&run, "supcon-validation"), 1);
  s = run_message (&run, "supcon-validation");
  gst_structure_get_double (s, "validation-accuracy", &accuracy);
  fail_unless (accuracy > 0.95, "accuracy %g", accuracy);
  run_clear (&run);
  g_free (best);
}
GST_END_TEST;

static gchar *
metadata_of (const gchar * path, const gchar * key)
{
  gchar *contents = contents_of (path, NULL), *quoted = g_strdup_printf ("\"%s\":\"", key);
  gchar *at = g_strstr_len (contents + 8, 1 << 14, quoted), *value = NULL;

  if (at) {
    at += strlen (quoted);
    value = g_strndup (at, strchr (at, '"') - at);
  }
  g_free (quoted);
  g_free (contents);
  return value;
}

/* How good the best was is known after a stop, so that a worse one does not take its place; and the end has the bytes of a
 * training that was not stopped. */
GST_START_TEST (test_best_over_resume)
{
  const gchar *line = LEARN_SHAPES (3) "schedule=constant warmup-steps=2 validate-interval=2 checkpoint-interval=1 "
      "best-location=%s resume=true %s";
  gchar *whole = g_build_filename (folder, "whole.safetensors", NULL);
  gchar *best[2] = { g_build_filename (folder, "best.safetensors", NULL), g_build_filename (folder, "best2.safetensors", NULL) };
  gchar *names[2] = { whole, model }, *bytes[4], *accuracy;
  gsize sizes[4];
  Run run;

  write_shapes (640);
  run = run_launch (line, folder, folder, whole, best[0], "");
  run_assert_ended (run);
  run_clear (&run);
  for (guint i = 0; i < 3; i++) {
    run = run_launch (line, folder, folder, model, best[1], i == 0 ? "total-steps=4" : i == 1 ? "total-steps=10" : "");
    run_assert_ended (run);
    run_clear (&run);
    if (i < 2)
      continue;
    accuracy = metadata_of (model, "best-accuracy");
    fail_unless (accuracy && g_ascii_strtod (accuracy, NULL) > 0.3, "%s", accuracy);
    g_free (accuracy);
  }
  for (guint i = 0; i < 4; i++)
    bytes[i] = contents_of (i < 2 ? names[i] : best[i - 2], &sizes[i]);
  for (guint i = 0; i < 4; i += 2) {
    fail_unless (sizes[i] == sizes[i + 1] && memcmp (bytes[i], bytes[i + 1], sizes[i]) == 0, "%u", i);
    g_free (bytes[i]);
    g_free (bytes[i + 1]);
  }
  g_free (whole);
  g_free (best[0]);
  g_free (best[1]);
}
GST_END_TEST;

/* A learning rate that moves nothing: the training ends though the stream never does. */
GST_START_TEST (test_early_stop)
{
  const GstStructure *s;
  guint64 step;
  Run run;

  write_shapes (96);
  run = run_launch (LEARN_SHAPES (0) "validate-interval=1 patience=5 learning-rate=1e-9", folder, folder, model);
  run_assert_ended (run);
  s = run_message (&run, "supcon-train");
  gst_structure_get_uint64 (s, "step", &step);
  fail_unless (step >= 6 && step < 60, "step %" G_GUINT64_FORMAT, step);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS));
  run_clear (&run);

  /* It is over for those who go on with it too. */
  run = run_launch (LEARN_SHAPES (0) "validate-interval=1 patience=5 learning-rate=1e-9 resume=true", folder, folder, model);
  run_assert_ended (run);
  run_assert_warning (run, "nothing is left to do");
  fail_unless (run_message (&run, "supcon-train") == NULL);
  run_clear (&run);
}
GST_END_TEST;

#define MISTAKEN ONE_THING "name=t location=%s videotestsrc num-buffers=3 ! "

GST_START_TEST (test_validation_mistakes)
{
  Run run = run_launch (MISTAKEN "video/x-raw,format=RGB,width=14,height=12 ! "
      "t.validation", model);

  run_assert_error (run, "14x12");
  run_clear (&run);
  run = run_launch (MISTAKEN CAPS " ! t.validation", model);
  run_assert_error (run, "None of the 3 frames");
  run_clear (&run);
}
GST_END_TEST;

GST_START_TEST (test_checkpoint_keep)
{
  Run run = run_launch (ONE_THING "checkpoint-interval=1 checkpoint-keep=2 location=%s", model);
  gchar *names[] = { "m.step-2.safetensors", "m.step-3.safetensors", "m.step-4.safetensors", "m.safetensors" };

  run_assert_ended (run);
  run_clear (&run);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    gchar *path = g_build_filename (folder, names[i], NULL);
    SupconCheckpointInfo info;
    SupconModel *loaded = supcon_checkpoint_load (path, NULL, &info, NULL);

    fail_unless ((loaded != NULL) == (i > 0), "%s", names[i]);
    if (loaded)
      fail_unless_equals_uint64 (info.step, MIN (i + 2, 4));
    supcon_checkpoint_info_clear (&info);
    supcon_model_free (loaded);
    g_free (path);
  }
}
GST_END_TEST;

/* Each setting with what is said against it, before there is a frame. */
GST_START_TEST (test_bad_settings)
{
  static const gchar *const cases[][2] = {
    {"temperature=0", "temperature is 0; expected more than 0"},
    {"queue-size=16 batch-size=32", "queue-size is 16, smaller than batch-size, 32"},
    {"micro-batch=5 batch-size=32", "micro-batch is 5, which does not divide batch-size, 32"},
    {"mixup=1", "mixup is set"},
    {"momentum-encoder=true", "momentum-encoder is set, but queue-size is 0"},
    {"dropout=0.5", "dropout is set, but stage is contrastive"},
    {"optimizer=adam nesterov=true", "nesterov is set, but optimizer is adam"},
    {"warmup-epochs=1", "warmup-epochs is 1, but upstream does not say"},
    {"stage=regression", "stage=regression needs a trained encoder"}
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run run = run_launch (ONE_THING "%s location=%s", cases[i][0], model);

    run_assert_error (run, cases[i][1]);
    fail_unless (!g_file_test (model, G_FILE_TEST_EXISTS));
    run_clear (&run);
  }
}
GST_END_TEST;

static gdouble
loss_of (const GstStructure * s)
{
  gdouble loss;

  fail_unless (gst_structure_get_double (s, "loss", &loss));
  return loss;
}

/* Every optimiser, loss, stage and mixing learns shapes: the last loss is below the first, or that of chance, by so much. */
GST_START_TEST (test_methods)
{
  static const struct
  {
    const gchar *properties;
    gdouble fall;
    guint contrasts;            /* 0: as in the first step */
  } cases[] = {
    {"optimizer=lars warmup-steps=0", 0.5, 0},
    {"optimizer=adamw clip-norm=1 average-decay=0.9", 0.5, 0},
    {"optimizer=rmsprop learning-rate=0.001", 0.5, 0},
    {"loss=sincere base-temperature=0.07", 0.5, 0},
    {"loss=generalized cutmix=1 mixup=0.2 label-smoothing=0.1", 0.1, 0},
    {"loss=supcon-in micro-batch=16", 0.5, 0},
    {"queue-size=64 momentum-encoder=true", 0.5, 127},
    {"stage=cross-entropy dropout=0.2 label-smoothing=0.1 cutmix=1 micro-batch=16", 0.1, 0},
    {"online-linear=true scale-learning-rate=true", 0.5, 0}
  };

  write_shapes (320);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run run = run_launch (SHAPES "shuffle=true seed=1 epochs=5 ! supconaugment policy=crop scale-min=0.7 seed=1 ! " SHAPE_CAPS
        " ! supcontrainer encoder=resnet8 width=0.5 batch-size=64 message-interval=1 seed=1 location=%s %s", folder,
        model, cases[i].properties);
    const GstStructure *last = run_message (&run, "supcon-train");
    const gchar *properties = cases[i].properties;
    gdouble first, accuracy;

    run_assert_ended (run);
    first = cases[i].contrasts ? log (cases[i].contrasts) : loss_of (run.messages->data);
    fail_unless (loss_of (last) < first - cases[i].fall, "%s: from %g to %g", properties, first, loss_of (last));
    fail_unless (gst_structure_has_field (last, "alignment") == !strstr (properties, "cross-entropy"), "%s", properties);
    fail_unless (gst_structure_has_field (last, "accuracy") ==
        (strstr (properties, "cross-entropy") || strstr (properties, "online-linear")), "%s", properties);
    if (strstr (properties, "online-linear"))
      fail_unless (gst_structure_get_double (last, "accuracy", &accuracy) && accuracy > 0.6, "accuracy %g", accuracy);
    run_clear (&run);
    g_remove (model);
  }
}
GST_END_TEST;

GST_START_TEST (test_finetune_and_regression)
{
  Run run = run_launch (TRAINER "batch-size=16 location=%s " THINGS (64), model);
  const gchar *numbers = "videotestsrc pattern=%s num-buffers=1600 ! " CAPS " ! supconlabel label=%s ! supcontrainer "
      "stage=regression batch-size=16 learning-rate=0.02 momentum=0.5 message-interval=1 location=%s";
  SupconCheckpointInfo info;
  SupconModel *loaded;
  gdouble loss;
  gchar *line;

  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (TRAINER "stage=finetune freeze=layer1 encoder-learning-rate=0.001 batch-size=16 location=%s "
      THINGS (64), model);
  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (TRAINER "stage=finetune freeze=layer7 batch-size=16 location=%s " THINGS (64), model);
  run_assert_error (run, "freeze is \"layer7\", which is no layer of resnet8");
  run_clear (&run);

  line = g_strdup_printf (numbers, "ball", "3.5", model);
  run = run_launch ("%s", line);
  run_assert_ended (run);
  fail_unless (gst_structure_get_double (run_message (&run, "supcon-train"), "loss", &loss));
  fail_unless (loss < 0.2, "squared error %g", loss);
  run_clear (&run);
  g_free (line);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless_equals_string (info.stage, "regression");
  fail_unless_equals_int (supcon_model_n_classes (loaded), 1);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);

  run = run_launch ("videotestsrc num-buffers=4 ! " CAPS " ! supcontrainer name=t stage=regression location=%s "
      "videotestsrc num-buffers=4 ! " CAPS " ! t.validation", model);
  run_assert_error (run, "pad validation is linked");
  run_clear (&run);

  line = g_strdup_printf (numbers, "ball", "cup", model);
  run = run_launch ("%s", line);
  run_assert_error (run, "the label \"cup\"; expected a number");
  run_clear (&run);
  g_free (line);
}
GST_END_TEST;

GST_START_TEST (test_linear_stage)
{
  Run run = run_launch (TRAINER "stage=linear location=%s " THINGS (8), model);
  const GstStructure *s;
  gdouble accuracy;
  SupconCheckpointInfo info;
  SupconModel *loaded;

  run_assert_error (run, "stage=linear needs a trained encoder");
  run_clear (&run);
  write_shapes (640);
  run = run_launch (LEARN_SHAPES (6), folder, folder, model);
  run_assert_ended (run);
  run_clear (&run);
  run = run_launch (LEARN_SHAPES (6) "stage=linear", folder, folder, model);
  run_assert_ended (run);
  s = run_message (&run, "supcon-train");
  fail_unless (gst_structure_get_double (s, "accuracy", &accuracy));
  fail_unless (accuracy > 0.9, "accuracy %g", accuracy);
  run_clear (&run);

  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  fail_unless_equals_int (supcon_model_n_classes (loaded), N_SHAPES);
  fail_unless_equals_string (info.stage, "linear");
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
}
GST_END_TEST;

GST_START_TEST (test_no_labels)
{
  Run run = run_launch ("videotestsrc num-buffers=32 ! " CAPS
      " ! supcontrainer encoder=resnet8 width=0.25 batch-size=8 location=%s",
      model);

  run_assert_ended (run);
  run_assert_warning (run, "has a positive");
  run_clear (&run);
  run = run_launch ("videotestsrc num-buffers=32 ! " CAPS
      " ! supcontrainer stage=linear batch-size=8 location=%s", model);
  run_assert_error (run, "None of the 32 frames has a label");
  run_clear (&run);
}
GST_END_TEST;

GST_START_TEST (test_one_class)
{
  Run run = run_launch (ONE_THING "location=%s", model);

  run_assert_ended (run);
  run_assert_warning (run, "have the label \"ball\"");
  run_clear (&run);
}
GST_END_TEST;

/* Black frames all have the same embedding: the loss is log (n - 1) and stays there. */
GST_START_TEST (test_collapse)
{
  Run run = run_launch ("funnel name=f ! supcontrainer encoder=resnet8 "
      "width=0.25 batch-size=8 location=%s "
      "videotestsrc pattern=black num-buffers=260 ! " CAPS
      " ! supconlabel label=a ! f. "
      "videotestsrc pattern=black num-buffers=260 ! " CAPS
      " ! supconlabel label=b ! f. ", model);

  run_assert_ended (run);
  run_assert_warning (run, "collapsed to one point");
  fail_unless (strstr (strstr (run.warnings->str, "collapsed") + 1,
          "collapsed") == NULL, "said more than once");
  run_clear (&run);
}
GST_END_TEST;

GST_START_TEST (test_not_finite)
{
  gchar *huge = g_build_filename (folder, "huge.safetensors", NULL);
  SupconCheckpointInfo info;
  SupconModel *loaded;
  SupconParam *params;
  gchar *before, *after;
  gsize before_size, after_size;
  guint n;
  Run run = run_launch (TRAINER "batch-size=16 location=%s " THINGS (16), model);

  run_assert_ended (run);
  run_clear (&run);
  before = contents_of (model, &before_size);
  loaded = supcon_checkpoint_load (model, NULL, &info, NULL);
  params = supcon_model_params (loaded, &n);
  for (guint p = 0; p < n; p++)
    for (gsize i = 0; g_str_equal (params[p].name, "projection.2.weight")
        && i < params[p].size; i++)
      params[p].data[i] = 3e38;
  info.step = info.frames = 0;
  fail_unless (supcon_checkpoint_save (huge, loaded, &info, NULL));
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);

  run = run_launch (TRAINER "batch-size=16 init-location=%s location=%s "
      THINGS (64), huge, model);
  run_assert_error (run, "step 1");
  run_assert_error (run, "not a finite number");
  run_clear (&run);
  after = contents_of (model, &after_size);
  fail_unless (before_size == after_size
      && memcmp (before, after, before_size) == 0);
  g_free (before);
  g_free (after);
  g_free (huge);
}
GST_END_TEST;

GST_START_TEST (test_bad_locations)
{
  Run run = run_launch (TRAINER THINGS (8));

  run_assert_error (run, "location is not set");
  run_clear (&run);
  run = run_launch (TRAINER "location=/nowhere/at/all.safetensors " THINGS (8));
  run_assert_error (run, "/nowhere/at/all.safetensors");
  run_clear (&run);
  run = run_launch (TRAINER "init-location=%s/none location=%s " THINGS (8),
      folder, model);
  run_assert_error (run, "none");
  run_clear (&run);
}
GST_END_TEST;

/* A file is one trainer's as long as it runs. */
GST_START_TEST (test_one_writer)
{
  Run run = run_launch ("videotestsrc num-buffers=8 ! " CAPS " ! tee name=t ! queue ! "
      "supcontrainer encoder=resnet8 location=%s t. ! queue ! "
      "supcontrainer encoder=resnet8 location=%s/./m.safetensors", model, folder);

  run_assert_error (run, "is written by another supcontrainer too");
  run_clear (&run);
  run = run_launch (TRAINER "location=%s best-location=%s " THINGS (8), model,
      model);
  run_assert_error (run, "both location and best-location name it");
  run_clear (&run);
  for (guint i = 0; i < 2; i++) {
    run = run_launch (TRAINER "batch-size=8 location=%s " THINGS (8), model);
    run_assert_ended (run);
    run_clear (&run);
  }
}
GST_END_TEST;

GST_START_TEST (test_too_small)
{
  Run run = run_launch ("videotestsrc num-buffers=8 ! "
      "video/x-raw,format=RGB,width=16,height=16 ! supcontrainer "
      "encoder=resnet18 stem=imagenet location=%s", model);

  run_assert_error (run, "16x16");
  run_clear (&run);
}
GST_END_TEST;

GST_START_TEST (test_few_frames)
{
  Run run = run_launch (TRAINER "batch-size=64 location=%s " THINGS (8), model);

  run_assert_ended (run);
  run_assert_warning (run, "nothing was trained");
  fail_if (g_file_test (model, G_FILE_TEST_EXISTS));
  run_clear (&run);
  run = run_launch (TRAINER "batch-size=64 drop-last=false location=%s "
      THINGS (8), model);
  run_assert_ended (run);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS));
  run_clear (&run);
}
GST_END_TEST;

static GstBuffer *
frame_of (GstHarness * h, gsize size)
{
  GstBuffer *buffer = gst_harness_create_buffer (h, size);

  gst_buffer_memset (buffer, 0, 99, size);
  return buffer;
}

GST_START_TEST (test_leaky)
{
  gchar *line = g_strdup_printf ("supcontrainer name=t encoder=resnet56 "
      "batch-size=64 leaky=upstream location=%s", model);
  GstHarness *h = gst_harness_new_parse (line);
  GstElement *trainer = gst_bin_get_by_name (GST_BIN (h->element), "t");
  guint64 dropped;

  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=32,height=32,framerate=30/1");
  for (guint i = 0; i < 64 * 6; i++)
    fail_unless_equals_int (gst_harness_push (h, frame_of (h, 32 * 32 * 3)),
        GST_FLOW_OK);
  g_object_get (trainer, "dropped", &dropped, NULL);
  fail_unless (dropped > 0 && dropped < 64 * 6, "%" G_GUINT64_FORMAT, dropped);
  gst_object_unref (trainer);
  gst_harness_teardown (h);
  g_free (line);
}
GST_END_TEST;

/* States back and forth, flushes and a frame of another size in the middle. */
GST_START_TEST (test_life)
{
  gchar *line = g_strdup_printf ("supcontrainer name=t encoder=resnet8 "
      "width=0.25 batch-size=8 location=%s", model);
  GstHarness *h = gst_harness_new_parse (line);
  GstElement *trainer = gst_bin_get_by_name (GST_BIN (h->element), "t");
  GstCaps *caps;
  GstSegment segment;
  guint64 step;

  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=GRAY8,width=12,height=12,framerate=30/1");
  for (guint i = 0; i < 12; i++)
    gst_harness_push (h, frame_of (h, 12 * 12));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (guint i = 0; i < 8; i++)
    fail_unless_equals_int (gst_harness_push (h, frame_of (h, 12 * 12)),
        GST_FLOW_OK);
  /* Colour instead of grey goes on; another size is refused: the model's is fixed now, and upstream is told. */
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=12,height=12,framerate=30/1");
  fail_unless_equals_int (gst_harness_push (h, frame_of (h, 12 * 36)),
      GST_FLOW_OK);
  caps = gst_caps_from_string
      ("video/x-raw,format=RGB,width=16,height=12,framerate=30/1");
  gst_harness_push_event (h, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  fail_unless_equals_int (gst_harness_push (h, frame_of (h, 12 * 48)),
      GST_FLOW_NOT_NEGOTIATED);
  caps = gst_pad_peer_query_caps (h->srcpad, NULL);
  fail_unless_equals_int (g_value_get_int (gst_structure_get_value
          (gst_caps_get_structure (caps, 0), "width")), 12);
  gst_caps_unref (caps);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  g_object_get (trainer, "step", &step, NULL);
  fail_unless (step >= 1 && step <= 2, "%" G_GUINT64_FORMAT, step);

  gst_element_set_state (h->element, GST_STATE_READY);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS));
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_object_unref (trainer);
  gst_harness_teardown (h);
  g_free (line);
}
GST_END_TEST;

/* Plays on until the stream has ended, and says how many frames the last validation was by. */
static guint
play_to_end (GstElement * pipeline)
{
  const GstMessageType types = GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_ELEMENT;
  GstBus *bus = gst_element_get_bus (pipeline);
  gboolean done = FALSE;
  guint count = 0;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!done) {
    GstMessage *message = gst_bus_timed_pop_filtered (bus, RUN_SECONDS * GST_SECOND, types);
    const GstStructure *s;

    fail_unless (message != NULL, "the pipeline hangs");
    fail_unless (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ERROR, "an error");
    s = gst_message_get_structure (message);
    if (s && gst_structure_has_name (s, "supcon-validation"))
      gst_structure_get_uint (s, "count", &count);
    done = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    gst_message_unref (message);
  }
  gst_object_unref (bus);
  return count;
}

#define WAIT_FOR(condition) \
  for (guint waited = 0; !(condition); waited++) { \
    fail_unless (waited < RUN_SECONDS * 100, "it never comes to " #condition); \
    g_usleep (10000); \
  }

static guint64
step_of (GstElement * trainer)
{
  guint64 step;

  g_object_get (trainer, "step", &step, NULL);
  return step;
}

/* At the end of the stream the trainer waits for a validation stream that has none: pausing and stopping do not. */
GST_START_TEST (test_stop_while_validating)
{
  gchar *line = g_strdup_printf (ONE_THING "name=t location=%s videotestsrc ! " CAPS " ! identity sleep-time=100000 ! "
      "supconlabel label=ball ! t.validation", model);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstElement *trainer = gst_bin_get_by_name (GST_BIN (pipeline), "t");

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  WAIT_FOR (step_of (trainer) == 4);
  g_usleep (G_USEC_PER_SEC / 2);
  fail_if (g_file_test (model, G_FILE_TEST_EXISTS));
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_usleep (G_USEC_PER_SEC / 10);
  fail_if (g_file_test (model, G_FILE_TEST_EXISTS));
  gst_element_set_state (pipeline, GST_STATE_READY);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (trainer);
  gst_object_unref (pipeline);
  g_free (line);
}
GST_END_TEST;

/* One source for both pads: the end of the validation's stream is behind frames that wait for the trainer. */
GST_START_TEST (test_validation_teed)
{
  static const gchar *const queue[] = { "", " ! queue max-size-buffers=5" };
  Run run;

  write_shapes (320);
  run = run_launch (SHAPES " ! supconaugment views=1 policy=none ! " SHAPE_CAPS " ! tee name=x  x.%s ! t.  x.%s ! t.validation "
      "supcontrainer name=t encoder=resnet8 width=0.25 batch-size=32 validate-interval=2 location=%s", folder,
      queue[__i__], queue[__i__], model);
  run_assert_ended (run);
  run_assert_warning (run, "has not ended at step 2: the model is judged by the");
  fail_unless (count_messages (&run, "supcon-validation") > 1);
  fail_unless (strstr (strstr (run.warnings->str, "has not ended") + 1, "has not ended") == NULL, "said more than once");
  run_clear (&run);
}
GST_END_TEST;

/* A camera's stream has no end. */
GST_START_TEST (test_validation_live)
{
  Run run = run_launch (ONE_THING "name=t validate-interval=1 location=%s videotestsrc is-live=true ! " CAPS
      " ! supconlabel label=ball ! t.validation", model);

  run_assert_ended (run);
  run_assert_warning (run, "has not ended at step 1");
  run_clear (&run);
}
GST_END_TEST;

/* A second run takes what was set in READY, and does not keep the first one's frames. What is set while it plays is for the
 * next one. */
GST_START_TEST (test_runs)
{
  static const gchar *const strings[] = { "location", "best-location", "metrics-location", "model", "freeze" };
  gchar *line, *second = g_build_filename (folder, "second.safetensors", NULL);
  gchar *metrics = g_build_filename (folder, "m.jsonl", NULL), *best = g_build_filename (folder, "best.safetensors", NULL);
  GstElement *pipeline, *trainer;
  SupconCheckpointInfo info;
  SupconModel *loaded;
  guint count;

  write_shapes (640);
  line = g_strdup_printf (LEARN_SHAPES (1) "validate-interval=2", folder, folder, model);
  pipeline = gst_parse_launch (line, NULL);
  trainer = gst_bin_get_by_name (GST_BIN (pipeline), "t");
  g_object_set (trainer, "location", NULL, NULL);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  g_object_set (trainer, "location", model, "best-location", best, "metrics-location", metrics, "model", "shared", NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  WAIT_FOR (step_of (trainer) >= 1);
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    g_object_set (trainer, strings[i], NULL, NULL);
  count = play_to_end (pipeline);
  fail_unless (count > 0);
  fail_unless (g_file_test (model, G_FILE_TEST_EXISTS) && g_file_test (best, G_FILE_TEST_EXISTS));

  gst_element_set_state (pipeline, GST_STATE_READY);
  gst_util_set_object_arg (G_OBJECT (trainer), "encoder", "resnet20");
  g_object_set (trainer, "location", second, NULL);
  fail_unless_equals_int (play_to_end (pipeline), count);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  loaded = supcon_checkpoint_load (second, NULL, &info, NULL);
  fail_unless (loaded != NULL);
  fail_unless_equals_string (supcon_model_config (loaded)->encoder, "resnet20");
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
  gst_object_unref (trainer);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (second);
  g_free (metrics);
  g_free (best);
}
GST_END_TEST;

/* Whether the learning rate can follow its schedule. */
GST_START_TEST (test_length_not_known)
{
  Run run = run_launch (TRAINER "batch-size=16 location=%s " THINGS (16), model);

  run_assert_ended (run);
  run_assert_warning (run, "schedule=cosine, but the stream's length is not known");
  run_clear (&run);
  write_shapes (128);
  run = run_launch (LEARN_SHAPES (1), folder, folder, model);
  run_assert_ended (run);
  fail_unless (strstr (run.warnings->str, "length") == NULL, "%s", run.warnings->str);
  run_clear (&run);
}
GST_END_TEST;

/* Sanitizers reserve more address space than any limit leaves. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
GST_START_TEST (test_too_large)
{
  static const gchar *const cases[][2] = {
    {"batch-size=1000000", "batch-size is 1000000: two batches of pictures of 48x48 take 13824000000 bytes"},
    {"batch-size=50000", "batch-size is 50000: to encode so many pictures of 48x48"},
    {"batch-size=16 queue-size=16777216", "queue-size is 16777216: so many embeddings of 128 numbers"},
    {"batch-size=16 projection-hidden=65536 projection-dim=65536", "resnet8 of width 1 with its projection head has about 4.3e+09 weights"}
  };
  struct rlimit limit = { G_GUINT64_CONSTANT (4) << 30, RLIM_INFINITY };

  setrlimit (RLIMIT_AS, &limit);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run run = run_launch ("videotestsrc num-buffers=32 ! video/x-raw,format=RGB,width=48,height=48 ! supconlabel label=a ! "
        "supcontrainer encoder=resnet8 location=%s %s", model, cases[i][0]);

    run_assert_error (run, cases[i][1]);
    run_clear (&run);
  }
}
GST_END_TEST;
#endif

static Suite *
trainer_suite (void)
{
  Suite *suite = suite_create ("supcontrainer");
  TCase *tcase = tcase_create ("supcontrainer");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_trains_and_tells);
  tcase_add_loop_test (tcase, test_same_bytes_for_any_threads, 0, 2);
  tcase_add_loop_test (tcase, test_resume, 0, G_N_ELEMENTS (methods));
  tcase_add_test (tcase, test_metrics);
  tcase_add_test (tcase, test_validation);
  tcase_add_test (tcase, test_best_over_resume);
  tcase_add_test (tcase, test_early_stop);
  tcase_add_test (tcase, test_validation_mistakes);
  tcase_add_test (tcase, test_checkpoint_keep);
  tcase_add_test (tcase, test_disk_full);
  tcase_add_test (tcase, test_disk_full_for_a_while);
  tcase_add_test (tcase, test_bad_settings);
  tcase_add_test (tcase, test_methods);
  tcase_add_test (tcase, test_finetune_and_regression);
  tcase_add_test (tcase, test_linear_stage);
  tcase_add_test (tcase, test_no_labels);
  tcase_add_test (tcase, test_one_class);
  tcase_add_test (tcase, test_collapse);
  tcase_add_test (tcase, test_not_finite);
  tcase_add_test (tcase, test_bad_locations);
  tcase_add_test (tcase, test_one_writer);
  tcase_add_test (tcase, test_resume_mistakes);
  tcase_add_test (tcase, test_too_small);
  tcase_add_test (tcase, test_few_frames);
  tcase_add_test (tcase, test_leaky);
  tcase_add_test (tcase, test_life);

  tcase = tcase_create ("runs");
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, RUN_SECONDS + 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_stop_while_validating);
  tcase_add_loop_test (tcase, test_validation_teed, 0, 2);
  tcase_add_test (tcase, test_validation_live);
  tcase_add_test (tcase, test_runs);
  tcase_add_test (tcase, test_length_not_known);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  tcase_add_test (tcase, test_too_large);
#endif
  return suite;
}

GST_CHECK_MAIN (trainer);
