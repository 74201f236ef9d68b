/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints: what is saved comes back, and where it cannot be saved the old file survives. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "checkpoints.h"

static void
assert_same_models (SupconModel *a, SupconModel *b)
{
  guint n_a, n_b;
  SupconParam *x = supcon_model_params (a, &n_a), *y = supcon_model_params (b, &n_b);

  ck_assert_uint_eq (n_a, n_b);
  for (guint i = 0; i < n_a; i++) {
    ck_assert_str_eq (x[i].name, y[i].name);
    ck_assert_uint_eq (x[i].size, y[i].size);
    ck_assert_msg (memcmp (x[i].data, y[i].data, x[i].size * sizeof *x[i].data) == 0, "%s", x[i].name);
    ck_assert_int_eq (x[i].velocity != NULL, y[i].velocity != NULL);
    if (x[i].velocity)
      ck_assert_msg (memcmp (x[i].velocity, y[i].velocity, x[i].size * sizeof *x[i].data) == 0, "%s", x[i].name);
  }
}

/* What the library has synced, and whether the file had its name by then; NULL: nobody looks. */
static GString *synced;
static const char *synced_location;

/* In place of libc's, which would not tell. */
int
fsync (int fd)
{
  struct stat what;

  if (!synced)
    return 0;
  ck_assert_int_eq (fstat (fd, &what), 0);
  g_string_append_printf (synced, "%s %s it is named, ", S_ISDIR (what.st_mode) ? "folder" : "file",
      access (synced_location, F_OK) == 0 ? "after" : "before");
  return 0;
}

/* Or a loss of power soon after leaves an empty file under the name, or none. */
START_TEST (test_synced)
{
  synced_location = path_of ("m.safetensors");
  synced = g_string_new (NULL);
  saved_file ("m.safetensors");
  ck_assert_str_eq (synced->str, "file before it is named, folder after it is named, ");
  g_string_free (synced, TRUE);
  synced = NULL;
  remove_folder ();
}
END_TEST

START_TEST (test_round_trip)
{
  const char *location = path_of ("m.safetensors");
  SupconLabels *labels = new_labels ();
  SupconCheckpointInfo info;
  SupconModelConfig config;
  const SupconModelConfig *got;

  small_config (&config);
  for (guint projection = SUPCON_PROJECTION_MLP; projection <= SUPCON_PROJECTION_NONE; projection++)
    for (guint training = 0; training < 2; training++) {
      SupconModel *model, *loaded;

      config.projection = projection;
      model = new_model (&config, 3, training);
      save (location, model, labels, G_MAXINT64);
      loaded = load (location, NULL, &info);
      assert_same_models (model, loaded);
      ck_assert_str_eq (info.stage, "linear");
      ck_assert_uint_eq (info.step, G_MAXINT64);
      ck_assert_uint_eq (info.frames, G_MAXINT64 - 1);
      ck_assert_uint_eq (info.batch_size, 7);
      ck_assert_double_eq (info.temperature, 1); /* which divides: not 0, though none was saved */
      ck_assert_uint_eq (supcon_labels_count (info.labels), 3);
      for (guint i = 0; i < 3; i++)
        ck_assert_str_eq (supcon_labels_name (info.labels, i), supcon_labels_name (labels, i));
      got = supcon_model_config (loaded);
      ck_assert_str_eq (got->encoder, "resnet8");
      ck_assert (got->stem == config.stem && got->projection == config.projection && got->width == config.width);
      ck_assert (got->input_width == 40 && got->input_height == 24);
      ck_assert (got->projection_dim == 12 && got->projection_hidden == 9);
      ck_assert (memcmp (got->mean, config.mean, sizeof got->mean) == 0);
      ck_assert (memcmp (got->std, config.std, sizeof got->std) == 0);
      ck_assert_uint_eq (supcon_model_n_classes (loaded), 3);
      supcon_checkpoint_info_clear (&info);
      supcon_model_free (model);
      supcon_model_free (loaded);
    }
  supcon_labels_free (labels);
  ck_assert_uint_eq (count_entries (folder), 1);
  remove_folder ();
}
END_TEST

/* What early stopping goes on by; a best accuracy of nothing is one too. */
START_TEST (test_validations)
{
  static const struct {
    gboolean validated;
    double best;
    guint worse;
  } cases[] = { { TRUE, 0.8125, 3 }, { TRUE, 0, 3 }, { TRUE, 0, 0 }, { FALSE, 0, 0 } };
  const char *location = path_of ("m.safetensors");
  SupconModelConfig config;
  SupconModel *model;

  small_config (&config);
  model = new_model (&config, 0, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    SupconCheckpointInfo info = { .stage = "linear",
      .step = 5,
      .validated = cases[i].validated,
      .best_accuracy = cases[i].best,
      .worse = cases[i].worse };

    ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
    supcon_model_free (load (location, NULL, &info));
    ck_assert_int_eq (info.validated, cases[i].validated);
    ck_assert_double_eq (info.best_accuracy, cases[i].best);
    ck_assert_uint_eq (info.worse, cases[i].worse);
    supcon_checkpoint_info_clear (&info);
  }
  supcon_model_free (model);
  remove_folder ();
}
END_TEST

START_TEST (test_labels)
{
  const char *location = path_of ("m.safetensors");
  SupconLabels *labels = new_labels ();
  SupconCheckpointInfo info;
  SupconModelConfig config;
  SupconModel *model;
  GError *error = NULL;

  small_config (&config);
  model = new_model (&config, 0, FALSE);
  save (location, model, labels, 1);
  supcon_model_free (load (location, NULL, &info));
  ck_assert_uint_eq (supcon_labels_count (info.labels), 3); /* without a classifier: all of them */
  supcon_checkpoint_info_clear (&info);
  save (location, model, NULL, 1);
  supcon_model_free (load (location, NULL, &info));
  ck_assert_uint_eq (supcon_labels_count (info.labels), 0);
  supcon_checkpoint_info_clear (&info);

  supcon_model_set_n_classes (model, 2);
  save (location, model, labels, 1);
  supcon_model_free (load (location, NULL, &info));
  ck_assert_uint_eq (supcon_labels_count (info.labels), 2); /* the classifier has rows for these */
  supcon_checkpoint_info_clear (&info);

  supcon_model_set_n_classes (model, 4);
  ck_assert (!supcon_checkpoint_save (
      location, model, &(SupconCheckpointInfo){ .labels = labels, .stage = "linear", .step = 1 }, &error));
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS));
  ck_assert_ptr_nonnull (strstr (error->message, "3 labels for a classifier of 4"));
  g_clear_error (&error);
  supcon_labels_add (labels, "\xff");
  ck_assert (!supcon_checkpoint_save (
      location, model, &(SupconCheckpointInfo){ .labels = labels, .stage = "linear", .step = 1 }, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "label 3 is not valid UTF-8"));
  g_clear_error (&error);
  supcon_model_free (model);
  supcon_labels_free (labels);
  remove_folder ();
}
END_TEST

START_TEST (test_layout)
{
  const char *location = path_of ("m.safetensors");
  SupconModelConfig config;
  SupconModel *model;
  SupconSafetensors *file;
  const SupconTensor *tensor;
  SupconParam *params;
  guint n, n_norms = 0;

  small_config (&config);
  config.width = 1.25; /* 20 channels: more than are gathered at once, and not a multiple */
  model = new_model (&config, 0, TRUE);
  save (location, model, NULL, 41);
  file = supcon_safetensors_open (location, NULL);
  ck_assert_ptr_nonnull (file);
  ck_assert (supcon_safetensors_map (file, NULL));
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++) {
    const gsize *dims = params[i].dims;

    tensor = supcon_safetensors_find (file, params[i].name);
    ck_assert_msg (tensor != NULL, "%s", params[i].name);
    ck_assert_uint_eq (tensor->n_dims, params[i].n_dims);
    ck_assert_uint_eq (tensor->size, params[i].size);
    ck_assert_int_eq (tensor->dtype, SUPCON_DTYPE_F32);
    if (g_str_has_suffix (params[i].name, "running_mean"))
      n_norms++;
    if (params[i].n_dims != 4)
      continue;
    for (gsize o = 0; o < dims[0]; o++)
      for (gsize c = 0; c < dims[1]; c++)
        for (gsize y = 0; y < dims[2]; y++)
          for (gsize x = 0; x < dims[3]; x++)
            ck_assert (supcon_tensor_get (tensor, ((o * dims[1] + c) * dims[2] + y) * dims[3] + x)
                       == params[i].data[((y * dims[3] + x) * dims[1] + c) * dims[0] + o]);
  }

  /* PyTorch needs one number of batches for each BatchNorm, and eight bytes where it can view them. */
  supcon_safetensors_tensors (file, &n);
  for (guint i = 0; i < n; i++) {
    tensor = &supcon_safetensors_tensors (file, &n)[i];
    ck_assert_uint_eq (GPOINTER_TO_SIZE (tensor->data) % supcon_dtype_size (tensor->dtype), 0);
    if (g_str_has_suffix (tensor->name, ".num_batches_tracked")) {
      guint64 value;

      ck_assert_int_eq (tensor->dtype, SUPCON_DTYPE_I64);
      ck_assert_uint_eq (tensor->n_dims, 0);
      memcpy (&value, tensor->data, sizeof value);
      ck_assert_uint_eq (GUINT64_FROM_LE (value), 41);
      n_norms--;
    }
  }
  ck_assert_uint_eq (n_norms, 0);
  ck_assert_ptr_nonnull (supcon_safetensors_find (file, "bn1.num_batches_tracked"));
  supcon_safetensors_free (file);
  supcon_model_free (model);
  remove_folder ();
}
END_TEST

START_TEST (test_same_bytes)
{
  const char *first = saved_file ("a.safetensors"), *second = saved_file ("b.safetensors");
  SupconCheckpointInfo info;
  SupconModel *model = load (second, NULL, &info);
  char *a, *b;
  gsize n_a, n_b;

  read_file (first, &a, &n_a);
  read_file (second, &b, &n_b);
  ck_assert (n_a == n_b && memcmp (a, b, n_a) == 0);
  ck_assert_uint_eq (*(guint64 *)(gpointer)a % 8, 0);
  g_free (b);
  save (second, model, info.labels, info.step);
  read_file (second, &b, &n_b);
  ck_assert (n_a == n_b && memcmp (a, b, n_a) == 0);
  g_free (a);
  g_free (b);
  supcon_model_free (model);
  supcon_checkpoint_info_clear (&info);
  remove_folder ();
}
END_TEST

/* Load would refuse it, so the file that is there stays. */
START_TEST (test_not_finite)
{
  const char *location = saved_file ("m.safetensors");
  SupconCheckpointInfo info;
  SupconModel *model = load (location, NULL, &info);
  char *old, *now;
  gsize n_old, n_now;
  guint n;

  read_file (location, &old, &n_old);
  for (guint i = 0; i < 2; i++) {
    SupconParam *param = supcon_model_params (model, &n) + i;
    SupconReal *value = i ? param->velocity : param->data, kept = value[0];
    GError *error = NULL;

    value[0] = i ? INFINITY : NAN;
    ck_assert (!supcon_checkpoint_save (location, model, &info, &error));
    ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_NUMERIC));
    ck_assert_msg (strstr (error->message, param->name) && strstr (error->message, location), "%s", error->message);
    g_error_free (error);
    value[0] = kept;
    read_file (location, &now, &n_now);
    ck_assert (n_now == n_old && memcmp (now, old, n_old) == 0);
    g_free (now);
  }
  ck_assert_uint_eq (count_entries (folder), 1);
  ck_assert (supcon_checkpoint_save (location, model, &info, NULL));
  g_free (old);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (model);
  remove_folder ();
}
END_TEST

static void
not_writable (const char *location, const char *part)
{
  SupconModelConfig config;
  SupconModel *model;
  GError *error = NULL;

  ck_assert (!supcon_checkpoint_check_writable (location, &error));
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_WRITE));
  ck_assert_msg (strstr (error->message, part) != NULL, "%s", error->message);
  ck_assert_msg (g_str_has_prefix (error->message, location), "%s", error->message);
  g_clear_error (&error);

  small_config (&config);
  model = new_model (&config, 0, FALSE);
  ck_assert (!supcon_checkpoint_save (
      location, model, &(SupconCheckpointInfo){ .labels = NULL, .stage = "contrastive", .step = 0 }, &error));
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_WRITE));
  g_clear_error (&error);
  supcon_model_free (model);
}

START_TEST (test_unwritable)
{
  const char *location = path_of ("m.safetensors"), *pipe = path_of ("pipe");
  char *bytes;
  gsize n;

  ck_assert (supcon_checkpoint_check_writable (location, NULL));
  ck_assert_uint_eq (count_entries (folder), 0);
  write_file (location, "old", 3);
  ck_assert (supcon_checkpoint_check_writable (location, NULL));
  ck_assert_uint_eq (count_entries (folder), 1);
  read_file (location, &bytes, &n);
  ck_assert_str_eq (bytes, "old");
  g_free (bytes);

  not_writable (path_of ("no/such.safetensors"), "No such file");
  not_writable (folder, "it is a folder");
  not_writable ("", "not the name of a file");
  not_writable ("/dev/full", "it is not a regular file");
  not_writable (path_of ("m.safetensors/"), "cannot be written");
  ck_assert_int_eq (mkfifo (pipe, 0600), 0);
  not_writable (pipe, "it is not a regular file");
  ck_assert_uint_eq (count_entries (folder), 2);

  /* The owner's bits say nothing to root. */
  ck_assert_int_eq (g_chmod (folder, 0555), 0);
  if (geteuid () == 0)
    ck_assert_int_eq (seteuid (65534), 0);
  not_writable (location, "Permission denied");
  if (getuid () == 0)
    ck_assert_int_eq (seteuid (0), 0);
  ck_assert_int_eq (g_chmod (folder, 0755), 0);
  ck_assert_uint_eq (count_entries (folder), 2);
  remove_folder ();
}
END_TEST

START_TEST (test_disk_full)
{
  const char *location = saved_file ("m.safetensors");
  char *old, *now;
  struct rlimit limit = { 0, RLIM_INFINITY };
  SupconLabels *labels = new_labels ();
  /* As large as the old one. */
  SupconCheckpointInfo info, next = { .labels = labels, .stage = "linear", .step = 99, .frames = 98, .batch_size = 7 };
  SupconModel *model = load (location, NULL, &info);
  gsize n_old, n_now;

  signal (SIGXFSZ, SIG_IGN);
  read_file (location, &old, &n_old);
  for (guint i = 0; i < 12; i++) {
    GError *error = NULL;

    limit.rlim_cur = i < 11 ? n_old * i / 11 : n_old - 1;
    ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
    ck_assert (!supcon_checkpoint_save (location, model, &next, &error));
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
    ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_WRITE));
    ck_assert_msg (strstr (error->message, g_strerror (EFBIG)) != NULL, "%s", error->message);
    g_error_free (error);
    read_file (location, &now, &n_now);
    ck_assert (n_now == n_old && memcmp (now, old, n_old) == 0);
    g_free (now);
    ck_assert_uint_eq (count_entries (folder), 1);
  }
  save (location, model, labels, 99);
  g_free (old);
  supcon_labels_free (labels);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (model);
  remove_folder ();
}
END_TEST

/* Room for the weights alone is not enough for a file that holds their momenta too. */
START_TEST (test_room)
{
  const char *location = path_of ("m.safetensors");
  struct rlimit limit = { 0, RLIM_INFINITY };
  SupconModelConfig config;

  signal (SIGXFSZ, SIG_IGN);
  small_config (&config);
  for (guint training = 0; training < 2; training++) {
    SupconModel *model = new_model (&config, 3, training);
    SupconParam *params;
    GError *error = NULL;
    gboolean has_room;
    gsize weights = 0;
    guint n;

    params = supcon_model_params (model, &n);
    for (guint i = 0; i < n; i++)
      weights += params[i].size;
    limit.rlim_cur = weights * sizeof (float) * 3 / 2;
    ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
    has_room = supcon_checkpoint_check_room (location, model, &error);
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq (has_room, !training);
    ck_assert (!training || g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_WRITE));
    ck_assert_uint_eq (count_entries (folder), 0);
    g_clear_error (&error);
    supcon_model_free (model);
  }
  remove_folder ();
}
END_TEST

/* Killed at any moment, the file is one of those that were saved. */
START_TEST (test_killed)
{
  const char *location = saved_file ("m.safetensors");
  guint64 last = 0;

  for (guint round = 0; round < 20; round++) {
    SupconCheckpointInfo info;
    SupconModel *model = load (location, NULL, &info);
    GStatBuf before, now;
    pid_t child;

    ck_assert_uint_gt (info.step, last);
    last = info.step;
    ck_assert_int_eq (g_stat (location, &before), 0);
    child = fork ();
    ck_assert_int_ge (child, 0);
    while (child == 0)
      if (info.step++, !supcon_checkpoint_save (location, model, &info, NULL))
        _exit (1);
    do
      ck_assert_int_eq (g_stat (location, &now), 0);
    while (now.st_ino == before.st_ino);
    g_usleep (round * 731);
    ck_assert_int_eq (kill (child, SIGKILL), 0);
    ck_assert_int_eq (waitpid (child, NULL, 0), child);
    supcon_checkpoint_info_clear (&info);
    supcon_model_free (model);
  }
  ck_assert (supcon_checkpoint_check_writable (location, NULL));
  ck_assert_uint_eq (count_entries (folder), 1);
  remove_folder ();
}
END_TEST

SUPCON_CHECK_MAIN ("checkpoint", test_round_trip, test_validations, test_labels, test_layout, test_same_bytes,
    test_not_finite, test_unwritable, test_disk_full, test_room, test_killed, test_synced)
