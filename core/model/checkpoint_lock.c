/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A locked file beside the checkpoint, which itself is another file after each write. The system unlocks it when its
 * holder ends, however that is; the file is removed by the holder, or taken over by the next one. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"
#include "file.h"
#include "model/checkpoint.h"

struct _SupconCheckpointLock {
  char *path;
  int fd;
};

static char *
path_of (const char *location)
{
  char *target = supcon_file_target (location);
  char *folder = g_path_get_dirname (target), *name = g_path_get_basename (target);
  char *path = g_strdup_printf ("%s" G_DIR_SEPARATOR_S ".%s.lock", folder, name);

  g_free (name);
  g_free (folder);
  g_free (target);
  return path;
}

/* The locked file, or -1 with errno. */
static int
open_locked (const char *path)
{
  struct stat status;
  int fd;

  do {
    fd = g_open (path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (fd < 0)
      return -1;
    if (flock (fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK)
        return fd; /* a file system without locks */
      close (fd);
      errno = EWOULDBLOCK;
      return -1;
    }
    /* Its last holder may have removed it in between. */
    if (fstat (fd, &status) != 0 || status.st_nlink > 0)
      return fd;
    close (fd);
  } while (TRUE);
}

SupconCheckpointLock *
supcon_checkpoint_lock_new (const char *location, GError **error)
{
  char *path = path_of (location);
  int fd = open_locked (path), cause = errno;
  SupconCheckpointLock *lock;

  if (fd < 0) {
    char *shown = g_filename_display_name (location);

    if (cause == EWOULDBLOCK)
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
          "%s is written by another element, of this process or of another one, or twice by this one; expected a "
          "file of its own",
          shown);
    else
      g_set_error (
          error, SUPCON_ERROR, SUPCON_ERROR_WRITE, "%s: cannot be written: %s: %s", shown, path, g_strerror (cause));
    g_free (shown);
    g_free (path);
    return NULL;
  }
  lock = g_new (SupconCheckpointLock, 1);
  lock->path = path;
  lock->fd = fd;
  return lock;
}

SupconCheckpointLock *
supcon_checkpoint_claim (const char *location, GError **error)
{
  return supcon_checkpoint_check_writable (location, error) ? supcon_checkpoint_lock_new (location, error) : NULL;
}

void
supcon_checkpoint_lock_free (SupconCheckpointLock *lock)
{
  if (!lock)
    return;
  /* While it is still locked, so that it is no one else's. */
  g_unlink (lock->path);
  close (lock->fd);
  g_free (lock->path);
  g_free (lock);
}
