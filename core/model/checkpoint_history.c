/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"
#include "file.h"
#include "model/checkpoint.h"

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

/* nth: of several of that step, from the second on "-2", "-3", ... */
static char *
name_of (const char *prefix, const char *why, guint64 step, guint nth)
{
  if (nth > 1)
    return g_strdup_printf ("%s%s%" G_GUINT64_FORMAT "-%u" SUFFIX, prefix, why, step, nth);
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
    char *old = name_of (prefix, STEP, g_array_index (steps, guint64, i), 1);
    char *path = g_build_filename (folder, old, NULL);

    g_unlink (path);
    g_free (path);
    g_free (old);
  }
  g_array_free (steps, TRUE);
}

/* Where location leads, apart, and without its suffix: the names beside it begin with base. */
typedef struct {
  char *target, *folder, *base;
} Place;

static Place
place_of (const char *location)
{
  char *target = supcon_file_target (location);
  Place place = { target, g_path_get_dirname (target), g_path_get_basename (target) };

  if (g_str_has_suffix (place.base, SUFFIX))
    place.base[strlen (place.base) - strlen (SUFFIX)] = '\0';
  return place;
}

static void
place_clear (Place *place)
{
  g_free (place->target);
  g_free (place->folder);
  g_free (place->base);
}

static gboolean
fail_link (const char *location, const char *path, int error_number, GError **error)
{
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_WRITE, "%s: cannot be made a second name of %s: %s", path, location,
      g_strerror (error_number));
  return FALSE;
}

gboolean
supcon_checkpoint_keep (const char *location, guint64 step, guint keep, GError **error)
{
  Place place = place_of (location);
  char *name = name_of (place.base, STEP, step, 1), *path = g_build_filename (place.folder, name, NULL);
  gboolean done;

  /* The bytes stay where they are: the next checkpoint is another file that takes location's name. */
  g_unlink (path);
  done = link (place.target, path) == 0 || fail_link (location, path, errno, error);
  if (done)
    remove_old (place.folder, place.base, step, keep);
  g_free (path);
  g_free (name);
  place_clear (&place);
  return done;
}

gboolean
supcon_checkpoint_is_same_file (const char *a, const char *b)
{
  GStatBuf of_a, of_b;

  if (!a || !b)
    return FALSE;
  return g_str_equal (a, b)
         || (g_stat (a, &of_a) == 0 && g_stat (b, &of_b) == 0 && of_a.st_dev == of_b.st_dev
             && of_a.st_ino == of_b.st_ino);
}

gboolean
supcon_checkpoint_keep_replaced (const char *location, guint64 step, char **kept, GError **error)
{
  Place place = place_of (location);
  int failed = EEXIST;
  char *path = NULL;

  /* A name that is taken is that of another training of as many steps, or of this one, whose start came to nothing. */
  for (guint nth = 1; failed == EEXIST; nth++) {
    char *name = name_of (place.base, REPLACED, step, nth);

    g_free (path);
    path = g_build_filename (place.folder, name, NULL);
    g_free (name);
    failed = link (place.target, path) == 0 ? 0 : errno;
    if (failed == EEXIST && supcon_checkpoint_is_same_file (place.target, path))
      failed = 0;
  }
  if (failed)
    fail_link (location, path, failed, error);
  else if (kept)
    *kept = g_steal_pointer (&path);
  g_free (path);
  place_clear (&place);
  return failed == 0;
}
