/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"
#include "model/checkpoint.h"
#include "model/safetensors.h"

#define SUFFIX ".safetensors"
#define STEP ".step-"
#define REPLACED ".replaced-"

/* Its step, when name is prefix, ".step-", digits, ".safetensors". */
static gboolean
step_of (const char *name, const char *prefix, guint64 *step)
{
  const char *at = name + strlen (prefix);
  char *end;

  if (!g_str_has_prefix (name, prefix) || !g_str_has_prefix (at, STEP) || !g_ascii_isdigit (at[strlen (STEP)]))
    return FALSE;
  *step = g_ascii_strtoull (at + strlen (STEP), &end, 10);
  return g_str_equal (end, SUFFIX);
}

/* Oldest first. Steps above the newest one are those of a training before. */
static int
compare_ages (gconstpointer a, gconstpointer b, gpointer newest)
{
  guint64 x = *(const guint64 *)a, y = *(const guint64 *)b, now = *(guint64 *)newest;

  if ((x > now) != (y > now))
    return x > now ? -1 : 1;
  return (x > y) - (x < y);
}

static char *
name_of (const char *prefix, const char *why, guint64 step)
{
  return g_strdup_printf ("%s%s%" G_GUINT64_FORMAT SUFFIX, prefix, why, step);
}

/* Leaves the newest ones of folder, the last of which is that of step newest. */
static void
remove_old (const char *folder, const char *prefix, guint64 newest, guint keep)
{
  GArray *steps = g_array_new (FALSE, FALSE, sizeof (guint64));
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint64 step;

  while (dir && (name = g_dir_read_name (dir)))
    if (step_of (name, prefix, &step))
      g_array_append_val (steps, step);
  if (dir)
    g_dir_close (dir);
  g_array_sort_with_data (steps, compare_ages, &newest);
  for (guint i = 0; i + keep < steps->len; i++) {
    char *old = name_of (prefix, STEP, g_array_index (steps, guint64, i)), *path = g_build_filename (folder, old, NULL);

    g_unlink (path);
    g_free (path);
    g_free (old);
  }
  g_array_free (steps, TRUE);
}

/* keep: of those of the same kind; 0: all. */
static gboolean
name_again (const char *location, const char *why, guint64 step, guint keep, GError **error)
{
  char *target = supcon_safetensors_target (location), *name, *path;
  char *base = g_path_get_basename (target), *folder = g_path_get_dirname (target);
  gboolean done;

  if (g_str_has_suffix (base, SUFFIX))
    base[strlen (base) - strlen (SUFFIX)] = '\0';
  name = name_of (base, why, step);
  path = g_build_filename (folder, name, NULL);
  /* The bytes stay where they are: the next checkpoint is another file that takes location's name. */
  g_unlink (path);
  done = link (target, path) == 0;
  if (!done)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_WRITE, "%s: cannot be made a second name of %s: %s", path, location,
        g_strerror (errno));
  if (keep)
    remove_old (folder, base, step, keep);
  g_free (path);
  g_free (name);
  g_free (folder);
  g_free (base);
  g_free (target);
  return done;
}

gboolean
supcon_checkpoint_keep (const char *location, guint64 step, guint keep, GError **error)
{
  return name_again (location, STEP, step, keep, error);
}

gboolean
supcon_checkpoint_keep_replaced (const char *location, guint64 step, GError **error)
{
  return name_again (location, REPLACED, step, 0, error);
}
