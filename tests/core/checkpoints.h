/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Checkpoints of a small network in the test's own folder. */
#ifndef TEST_CHECKPOINTS_H
#define TEST_CHECKPOINTS_H

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "../entries.h"
#include "check_main.h"
#include "error.h"
#include "model/checkpoint.h"
#include "model/safetensors.h"

static char *folder;

/* A path in the test's own folder, interned. */
static inline const char *
path_of (const char *name)
{
  char *path;
  const char *interned;

  if (!folder)
    folder = g_dir_make_tmp ("supcon-checkpoint-XXXXXX", NULL);
  ck_assert_ptr_nonnull (folder);
  path = g_build_filename (folder, name, NULL);
  interned = g_intern_string (path);
  g_free (path);
  return interned;
}

static inline void
remove_folder (void)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)))
    g_remove (path_of (name));
  g_dir_close (dir);
  ck_assert_int_eq (g_rmdir (folder), 0);
  g_clear_pointer (&folder, g_free);
}

static inline void
small_config (SupconModelConfig *config)
{
  supcon_model_config_init (config);
  g_strlcpy (config->encoder, "resnet8", sizeof config->encoder);
  config->width = 0.3;
  config->input_width = 40;
  config->input_height = 24;
  config->projection_dim = 12;
  config->projection_hidden = 9;
  config->mean[0] = 1.0 / 3;
  config->std[2] = 0.1;
}

static inline void
fill (SupconReal *values, gsize n, GRand *rand)
{
  for (gsize i = 0; values && i < n; i++)
    values[i] = (float)g_rand_double_range (rand, -1, 1);
}

static inline gboolean
is_variance (const SupconParam *param)
{
  return g_str_has_suffix (param->name, ".running_var");
}

/* Every tensor, buffers and momenta too, with numbers of its own. */
static inline SupconModel *
new_model (const SupconModelConfig *config, guint n_classes, gboolean training)
{
  GError *error = NULL;
  SupconModel *model = supcon_model_new (config, 1, &error);
  GRand *rand = g_rand_new_with_seed (5);
  SupconParam *params;
  guint n;

  ck_assert_msg (model != NULL, "%s", error ? error->message : "");
  supcon_model_set_n_classes (model, n_classes);
  if (training)
    supcon_model_enable_training (model);
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++) {
    fill (params[i].data, params[i].size, rand);
    for (gsize e = 0; is_variance (&params[i]) && e < params[i].size; e++)
      params[i].data[e] = ABS (params[i].data[e]);
    fill (params[i].velocity, params[i].size, rand);
  }
  g_rand_free (rand);
  return model;
}

static inline SupconLabels *
new_labels (void)
{
  SupconLabels *labels = supcon_labels_new ();

  supcon_labels_add (labels, "cup");
  supcon_labels_add (labels, "a \"box\"\\\n");
  supcon_labels_add (labels, "\xe7\xae\xb1");
  return labels;
}

static inline void
save (const char *location, SupconModel *model, const SupconLabels *labels, guint64 step)
{
  GError *error = NULL;
  SupconCheckpointInfo info
      = { .labels = (SupconLabels *)labels, .stage = "linear", .step = step, .frames = step - 1, .batch_size = 7 };
  gboolean done = supcon_checkpoint_save (location, model, &info, &error);

  ck_assert_msg (done, "%s", error ? error->message : "no error set");
  ck_assert_ptr_null (error);
}

/* The usual file: momenta and three classes. */
static inline const char *
saved_file (const char *name)
{
  SupconModelConfig config;
  SupconLabels *labels = new_labels ();
  const char *location = path_of (name);
  SupconModel *model;

  small_config (&config);
  model = new_model (&config, 3, TRUE);
  save (location, model, labels, 77);
  supcon_model_free (model);
  supcon_labels_free (labels);
  return location;
}

static inline SupconModel *
load (const char *location, const SupconModelConfig *fallback, SupconCheckpointInfo *info)
{
  GError *error = NULL;
  SupconModel *model = supcon_checkpoint_load (location, fallback, info, &error);

  ck_assert_msg (model != NULL, "%s", error ? error->message : "no error set");
  ck_assert_ptr_null (error);
  return model;
}

static inline void
write_file (const char *location, const void *bytes, gsize n)
{
  ck_assert (g_file_set_contents (location, bytes, n, NULL));
}

static inline void
read_file (const char *location, char **bytes, gsize *n)
{
  ck_assert (g_file_get_contents (location, bytes, n, NULL));
}

#endif
