/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontextfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"
#include "file.h"
#include "model/checkpoint.h"

struct _GstSupconTextFile
{
  gchar *location;
  SupconCheckpointLock *lock;   /* NULL: it is no regular file */
};

/* The descriptor that a name is of, -1 where it is of none. */
static gint
descriptor_of (const gchar * location)
{
  guint64 number;

  if (g_str_equal (location, "/dev/stdout"))
    return STDOUT_FILENO;
  if (g_str_equal (location, "/dev/stderr"))
    return STDERR_FILENO;
  if (g_str_has_prefix (location, "/dev/fd/")
      && g_ascii_string_to_unsigned (location + strlen ("/dev/fd/"), 10, 0,
          G_MAXINT, &number, NULL))
    return number;
  return -1;
}

/* Pipes and devices have nothing to lose. */
static gboolean
is_regular (const gchar * location)
{
  return descriptor_of (location) < 0
      && (!g_file_test (location, G_FILE_TEST_EXISTS)
      || g_file_test (location, G_FILE_TEST_IS_REGULAR));
}

/* Whether what is there already, if anything, is of the kind. */
static gboolean
check_kind (const gchar * location, GstSupconTextKind kind, GError ** error)
{
  static const struct
  {
    const gchar *name, *begins; /* with one of these bytes */
  } kinds[] = { {"JSON", "{"}, {"subtitles", "0123456789\xef"} };
  gint first;
  GStatBuf status;
  FILE *file;

  if (!supcon_file_stat (location, &status, error))
    return FALSE;
  if (!status.st_mode)
    return TRUE;
  file = g_fopen (location, "re");
  first = file ? fgetc (file) : EOF;
  if (!file || ferror (file)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_READ,
        "%s is there and cannot be read: %s; expected a new name, or that of a "
        "file of %s to replace", location, g_strerror (errno),
        kinds[kind].name);
    g_clear_pointer (&file, fclose);
    return FALSE;
  }
  fclose (file);
  if (first == EOF || (first && strchr (kinds[kind].begins, first)))
    return TRUE;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
      "%s is there and is no %s; expected a new name, or that of a file of %s "
      "to replace", location, kinds[kind].name, kinds[kind].name);
  return FALSE;
}

GstSupconTextFile *
gst_supcon_text_file_new (const gchar * property, const gchar * location,
    GstSupconTextKind kind, GError ** error)
{
  GstSupconTextFile *self = g_new0 (GstSupconTextFile, 1);

  self->location = g_strdup (location);
  if (!is_regular (location))
    return self;
  if (supcon_checkpoint_check_writable (location, error)
      && check_kind (location, kind, error))
    self->lock = supcon_checkpoint_lock_new (location, error);
  if (self->lock)
    return self;
  g_prefix_error (error, "%s: ", property);
  gst_supcon_text_file_free (self);
  return NULL;
}

void
gst_supcon_text_file_free (GstSupconTextFile * self)
{
  if (!self)
    return;
  g_clear_pointer (&self->lock, supcon_checkpoint_lock_free);
  g_free (self->location);
  g_free (self);
}

const gchar *
gst_supcon_text_file_location (const GstSupconTextFile * self)
{
  return self->location;
}

gboolean
gst_supcon_text_file_is_owned (const GstSupconTextFile * self)
{
  return self->lock != NULL;
}

static gboolean
fail (const GstSupconTextFile * self, GError ** error)
{
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_WRITE,
      "%s: cannot be written: %s", self->location, g_strerror (errno));
  return FALSE;
}

gint
gst_supcon_text_file_open (const GstSupconTextFile * self, gint flags,
    GError ** error)
{
  gint descriptor = descriptor_of (self->location);
  gint fd = descriptor >= 0 ? fcntl (descriptor, F_DUPFD_CLOEXEC, 0)
      : g_open (self->location, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);

  if (fd < 0)
    fail (self, error);
  return fd;
}

static gboolean
append (const GstSupconTextFile * self, const gchar * text, GError ** error)
{
  gint fd = gst_supcon_text_file_open (self, 0, error);
  FILE *stream = fd >= 0 ? fdopen (fd, "w") : NULL;
  gboolean written;

  if (!stream)
    return FALSE;
  written = fputs (text, stream) >= 0;
  written = fclose (stream) == 0 && written;
  return written || fail (self, error);
}

gboolean
gst_supcon_text_file_replace (const GstSupconTextFile * self,
    const gchar * text, GError ** error)
{
  GError *cause = NULL;
  gchar *target;

  if (!self->lock)
    return append (self, text, error);
  /* Renamed onto a link, it would be in its place. */
  target = supcon_file_target (self->location);
  g_file_set_contents (target, text, -1, &cause);
  g_free (target);
  if (!cause)
    return TRUE;
  /* Its text tells of a temporary file too. */
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_WRITE,
      "%s: cannot be written: %s", self->location, cause->message);
  g_error_free (cause);
  return FALSE;
}
