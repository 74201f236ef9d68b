/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints: what is written is read back, the same model gives the same bytes, and no broken file does harm. */
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "check_main.h"
#include "error.h"
#include "model/checkpoint.h"

static char *folder, *location;

static void
setup (void)
{
  folder = g_dir_make_tmp ("gst-supcon-XXXXXX", NULL);
  location = g_build_filename (folder, "m.safetensors", NULL);
}

static void
teardown (void)
{
  g_remove (location);
  ck_assert_msg (g_rmdir (folder) == 0, "a temporary file was left behind");
  g_free (folder);
  g_free (location);
}

static SupconModel *
model_new (void)
{
  SupconModelConfig config;
  SupconModel *model;
  SupconParam *params;
  guint n;

  supcon_model_config_init (&config);
  g_strlcpy (config.encoder, "resnet8", sizeof config.encoder);
  config.width = 0.25;
  config.input_width = 10;
  config.input_height = 12;
  model = supcon_model_new (&config, 1, NULL);
  supcon_model_set_n_classes (model, 3);
  supcon_model_enable_training (model);
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; params[i].velocity && k < params[i].size; k++)
      params[i].velocity[k] = i + k * 0.5;
  return model;
}

static SupconLabels *
labels_new (void)
{
  SupconLabels *labels = supcon_labels_new ();

  supcon_labels_add (labels, "plain");
  supcon_labels_add (labels, "with \"quotes\", commas");
  supcon_labels_add (labels, "Tür");
  return labels;
}

static void
save (void)
{
  SupconModel *model = model_new ();
  SupconLabels *labels = labels_new ();
  GError *error = NULL;

  ck_assert_msg (
      supcon_checkpoint_save (location, model, labels, "linear", 77, &error), "%s", error ? error->message : "");
  supcon_labels_free (labels);
  supcon_model_free (model);
}

START_TEST (test_round_trip)
{
  SupconModel *model = model_new (), *loaded;
  SupconCheckpointInfo info;
  SupconParam *a, *b;
  guint n, m;

  setup ();
  save ();
  loaded = supcon_checkpoint_load (location, NULL, &info, NULL);
  ck_assert_ptr_nonnull (loaded);
  ck_assert_str_eq (info.stage, "linear");
  ck_assert_uint_eq (info.step, 77);
  ck_assert_uint_eq (supcon_labels_count (info.labels), 3);
  ck_assert_str_eq (supcon_labels_name (info.labels, 1), "with \"quotes\", commas");
  ck_assert_uint_eq (supcon_model_config (loaded)->input_height, 12);
  ck_assert_double_eq (supcon_model_config (loaded)->width, 0.25);
  a = supcon_model_params (model, &n);
  b = supcon_model_params (loaded, &m);
  ck_assert_uint_eq (n, m);
  for (guint i = 0; i < n; i++) {
    ck_assert_str_eq (a[i].name, b[i].name);
    ck_assert_mem_eq (a[i].data, b[i].data, a[i].size * sizeof *a[i].data);
    if (a[i].velocity)
      ck_assert_mem_eq (a[i].velocity, b[i].velocity, a[i].size * sizeof *a[i].data);
  }
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (model);
  supcon_model_free (loaded);
  teardown ();
}
END_TEST

START_TEST (test_same_bytes)
{
  char *first, *second;
  gsize n, m;

  setup ();
  save ();
  g_file_get_contents (location, &first, &n, NULL);
  save ();
  g_file_get_contents (location, &second, &m, NULL);
  ck_assert (n == m && memcmp (first, second, n) == 0);
  g_free (first);
  g_free (second);
  teardown ();
}
END_TEST

static void
expect_error (const char *bytes, gsize n, const char *named)
{
  GError *error = NULL;
  SupconCheckpointInfo info;

  g_file_set_contents (location, bytes, n, NULL);
  ck_assert_ptr_null (supcon_checkpoint_load (location, NULL, &info, &error));
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (strstr (error->message, named) != NULL, "%s", error->message);
  g_error_free (error);
}

START_TEST (test_truncated)
{
  char *bytes;
  gsize n;

  setup ();
  save ();
  g_file_get_contents (location, &bytes, &n, NULL);
  for (gsize length = 0; length < n; length += 1 + n / 300)
    expect_error (bytes, length, "m.safetensors");
  expect_error (bytes, n - 1, "m.safetensors");
  g_free (bytes);
  teardown ();
}
END_TEST

/* Replaces the first 'from' in the header by 'to' of the same length. */
static void
expect_changed (const char *from, const char *to, const char *named)
{
  char *bytes, *at;
  gsize n;

  save ();
  g_file_get_contents (location, &bytes, &n, NULL);
  at = memmem (bytes, n, from, strlen (from));
  ck_assert_msg (at != NULL, "no %s", from);
  ck_assert_uint_eq (strlen (from), strlen (to));
  memcpy (at, to, strlen (to));
  expect_error (bytes, n, named);
  g_free (bytes);
}

START_TEST (test_hostile)
{
  setup ();
  expect_error ("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10, "m.safetensors");
  expect_error ("\x02\0\0\0\0\0\0\0{]", 10, "m.safetensors");
  expect_error ("\x02\0\0\0\0\0\0\0{}", 10, "gst-supcon");
  expect_changed ("resnet8", "resnet9", "resnet9");
  expect_changed ("layer1.0.conv1.weight", "layer1.0.conv9.weight", "layer1.0.conv");
  expect_changed ("\"shape\":[4,3,3,3]", "\"shape\":[4,3,3,9]", "conv1.weight");
  expect_changed ("\"F32\"", "\"Q32\"", "conv1.weight");
  teardown ();
}
END_TEST

START_TEST (test_not_finite)
{
  SupconModel *model = model_new ();
  SupconLabels *labels = labels_new ();
  SupconCheckpointInfo info;
  GError *error = NULL;
  guint n;

  setup ();
  supcon_model_params (model, &n)[0].data[5] = NAN;
  ck_assert (supcon_checkpoint_save (location, model, labels, "linear", 1, NULL));
  ck_assert_ptr_null (supcon_checkpoint_load (location, NULL, &info, &error));
  ck_assert_msg (strstr (error->message, "conv1.weight") != NULL, "%s", error->message);
  g_error_free (error);
  supcon_labels_free (labels);
  supcon_model_free (model);
  teardown ();
}
END_TEST

/* What stands for a full disk: a limit on the size of files. The old file stays. */
START_TEST (test_full_disk)
{
  SupconModel *model = model_new (), *loaded;
  SupconLabels *labels = labels_new ();
  SupconCheckpointInfo info;
  GError *error = NULL;
  struct rlimit limit, small;

  setup ();
  save ();
  signal (SIGXFSZ, SIG_IGN);
  getrlimit (RLIMIT_FSIZE, &limit);
  small = limit;
  small.rlim_cur = 5000;
  setrlimit (RLIMIT_FSIZE, &small);
  ck_assert (!supcon_checkpoint_save (location, model, labels, "linear", 99, &error));
  setrlimit (RLIMIT_FSIZE, &limit);
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_WRITE));
  g_error_free (error);
  loaded = supcon_checkpoint_load (location, NULL, &info, NULL);
  ck_assert_ptr_nonnull (loaded);
  ck_assert_uint_eq (info.step, 77);
  supcon_checkpoint_info_clear (&info);
  supcon_model_free (loaded);
  supcon_model_free (model);
  supcon_labels_free (labels);
  teardown ();
}
END_TEST

START_TEST (test_unwritable)
{
  GError *error = NULL;

  ck_assert (!supcon_checkpoint_check_writable ("/nowhere/m.safetensors", &error));
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_WRITE));
  ck_assert (strstr (error->message, "/nowhere") != NULL);
  g_error_free (error);
}
END_TEST

SUPCON_CHECK_MAIN ("checkpoint", test_round_trip, test_same_bytes, test_truncated, test_hostile, test_not_finite,
    test_full_disk, test_unwritable)
