/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a checkpoint: where links lead, second names, what killed writers left, and whose it is to write. */
#include <signal.h>
#include <sys/wait.h>

#include "checkpoints.h"

static void
save_step (const char *location, guint64 step)
{
  SupconModelConfig config;
  SupconModel *model;

  small_config (&config);
  model = new_model (&config, 0, FALSE);
  save (location, model, NULL, step);
  supcon_model_free (model);
}

static guint64
step_at (const char *name)
{
  SupconCheckpointInfo info;
  guint64 step;

  supcon_model_free (load (path_of (name), NULL, &info));
  step = info.step;
  supcon_checkpoint_info_clear (&info);
  return step;
}

/* Names in the folder, but for those given. */
static void
assert_names (const char *const *names, guint n)
{
  for (guint i = 0; i < n; i++)
    ck_assert_msg (g_file_test (path_of (names[i]), G_FILE_TEST_EXISTS), "%s", names[i]);
  ck_assert_uint_eq (count_entries (folder), n);
}

/* A link is written through, also one that leads to what is not there yet, by another link. */
START_TEST (test_links)
{
  static const char *const names[] = { "a", "b", "deep.safetensors" };

  ck_assert_int_eq (symlink ("b", path_of ("a")), 0);
  ck_assert_int_eq (symlink (path_of ("deep.safetensors"), path_of ("b")), 0);
  for (guint step = 1; step <= 2; step++) {
    ck_assert (supcon_checkpoint_check_writable (path_of ("a"), NULL));
    save_step (path_of ("a"), step);
    assert_names (names, G_N_ELEMENTS (names));
    ck_assert (
        g_file_test (path_of ("a"), G_FILE_TEST_IS_SYMLINK) && g_file_test (path_of ("b"), G_FILE_TEST_IS_SYMLINK));
    ck_assert (!g_file_test (path_of ("deep.safetensors"), G_FILE_TEST_IS_SYMLINK));
    ck_assert_uint_eq (step_at ("a"), step);
  }
  remove_folder ();
}
END_TEST

static void
keep_steps (const char *location, guint64 first, guint64 last)
{
  for (guint64 step = first; step <= last; step++) {
    GError *error = NULL;

    save_step (location, step);
    ck_assert_msg (supcon_checkpoint_keep (location, step, 2, &error), "%s", error ? error->message : "");
  }
}

/* Each kept name keeps its step, by a link too. Names that are only like those of steps stay, and do not count. */
START_TEST (test_keep)
{
  static const char *const names[] = { "m.safetensors", "m.step-9.safetensors", "m.step-10.safetensors", "link",
    "m.step-10.safetensors.bak", "m.step-+10.safetensors", "m.step-.safetensors", "m.step-1-2.safetensors",
    "m.replaced-1.safetensors", "n.step-10.safetensors" };
  const guint64 steps[] = { 10, 9, 10, 10 };

  for (guint i = G_N_ELEMENTS (steps); i < G_N_ELEMENTS (names); i++)
    write_file (path_of (names[i]), "mine", 4);
  ck_assert_int_eq (symlink ("m.safetensors", path_of ("link")), 0);
  keep_steps (path_of ("link"), 7, 10);
  assert_names (names, G_N_ELEMENTS (names));
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    ck_assert_uint_eq (step_at (names[i]), steps[i]);
  remove_folder ();
}
END_TEST

/* A training that begins anew keeps its own: those of the one before are older, though their steps are later. */
START_TEST (test_keep_anew)
{
  static const char *const names[] = { "m.safetensors", "m.step-1.safetensors", "m.step-2.safetensors" };

  keep_steps (path_of ("m.safetensors"), 8, 9);
  keep_steps (path_of ("m.safetensors"), 1, 1);
  ck_assert_uint_eq (step_at ("m.step-1.safetensors"), 1);
  ck_assert_uint_eq (step_at ("m.step-9.safetensors"), 9);
  /* The second is written twice, as by who resumes the first. */
  keep_steps (path_of ("m.safetensors"), 2, 2);
  keep_steps (path_of ("m.safetensors"), 2, 2);
  assert_names (names, G_N_ELEMENTS (names));
  /* None goes for one that cannot be kept. */
  ck_assert_int_eq (g_remove (path_of ("m.safetensors")), 0);
  ck_assert (!supcon_checkpoint_keep (path_of ("m.safetensors"), 3, 1, NULL));
  assert_names (names + 1, G_N_ELEMENTS (names) - 1);
  remove_folder ();
}
END_TEST

/* A name need not say of what kind the file is; no name is no file's. */
START_TEST (test_keep_without_suffix)
{
  static const char *const names[] = { "model-of-cups", "model-of-cups.step-1.safetensors" };

  keep_steps (path_of (names[0]), 1, 1);
  assert_names (names, G_N_ELEMENTS (names));
  ck_assert (supcon_checkpoint_is_same_file (path_of (names[0]), path_of (names[1])));
  ck_assert (
      !supcon_checkpoint_is_same_file (NULL, path_of (names[0])) && !supcon_checkpoint_is_same_file (NULL, NULL));
  remove_folder ();
}
END_TEST

/* Trainings of as many steps that were replaced one after another are all kept; one that is kept already, as by a start
 * that came to nothing, gets no other name. */
START_TEST (test_keep_replaced)
{
  static const char *const names[]
      = { "m.safetensors", "m.replaced-5.safetensors", "m.replaced-5-2.safetensors", "m.replaced-5-3.safetensors" };
  const char *location = path_of ("m.safetensors");
  GError *error = NULL;

  for (guint64 training = 1; training <= 3; training++) {
    save_step (location, training); /* a number to tell them apart */
    for (guint again = 0; again < 2; again++) {
      char *kept = NULL;

      ck_assert_msg (supcon_checkpoint_keep_replaced (location, 5, &kept, &error), "%s", error ? error->message : "");
      ck_assert_str_eq (kept, path_of (names[training]));
      g_free (kept);
    }
  }
  assert_names (names, G_N_ELEMENTS (names));
  for (guint64 training = 1; training <= 3; training++)
    ck_assert_uint_eq (step_at (names[training]), training);

  /* What cannot be linked costs nothing of what is kept. */
  ck_assert_int_eq (g_remove (location), 0);
  ck_assert (!supcon_checkpoint_keep_replaced (location, 5, NULL, &error));
  ck_assert_msg (strstr (error->message, "cannot be made a second name of") != NULL, "%s", error->message);
  g_error_free (error);
  assert_names (names + 1, G_N_ELEMENTS (names) - 1);
  remove_folder ();
}
END_TEST

/* A checkpoint may be replaced, as may nothing and an empty file; what something else has written may not. */
START_TEST (test_replaced)
{
  /* The second has all that is read of a checkpoint, behind its 60 bytes of header as a length, but does not say that
   * it is one. */
  static const char *const others[]
      = { "my notes", "<\0\0\0\0\0\0\0"
                      "{\"__metadata__\":{\"labels\":\"[]\",\"stage\":\"linear\",\"step\":\"7\"}}" };
  static const gsize sizes[] = { 8, 8 + 60 };
  const char *location = path_of ("m.safetensors");
  guint64 step = 9;

  ck_assert (supcon_checkpoint_check_replaced (location, &step, NULL) && step == 0);
  write_file (location, "", 0);
  step = 9;
  ck_assert (supcon_checkpoint_check_replaced (location, &step, NULL) && step == 0);
  save_step (location, 77);
  ck_assert (supcon_checkpoint_check_replaced (location, &step, NULL) && step == 77);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    GError *error = NULL;

    write_file (location, others[i], sizes[i]);
    ck_assert (!supcon_checkpoint_check_replaced (location, &step, &error));
    ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT));
    ck_assert_msg (strstr (error->message, "is there and is no checkpoint") != NULL, "%s", error->message);
    g_error_free (error);
  }
  remove_folder ();
}
END_TEST

/* What killed writers left goes at the next start; a living writer's file, and those of other names, stay. */
START_TEST (test_stale)
{
  const char *location = path_of ("m.safetensors");
  static const char *const others[] = { "m.safetensors", ".m.safetensors.backup", ".m.safetensors.partial",
    ".other.safetensors.abcdef.partial", ".m.safetensors.toolong.partial", "m.safetensors.abcdef.partial" };
  SupconSafetensorsWriter *writer;

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    write_file (path_of (others[i]), "old", 3);
  write_file (path_of (".m.safetensors.abcdef.partial"), "left", 4);
  write_file (path_of (".m.safetensors.ABCDEF.partial"), "", 0);
  writer = supcon_safetensors_writer_new (location, NULL);
  ck_assert_ptr_nonnull (writer);
  ck_assert_uint_eq (count_entries (folder), G_N_ELEMENTS (others) + 3);
  ck_assert (supcon_checkpoint_check_writable (location, NULL));
  ck_assert_uint_eq (count_entries (folder), G_N_ELEMENTS (others) + 1);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    ck_assert_msg (g_file_test (path_of (others[i]), G_FILE_TEST_EXISTS), "%s", others[i]);
  supcon_safetensors_writer_add_metadata (writer, "format", "new");
  ck_assert (supcon_safetensors_writer_finish (writer, NULL));
  supcon_safetensors_writer_free (writer);
  ck_assert_uint_eq (count_entries (folder), G_N_ELEMENTS (others));
  supcon_safetensors_remove_stale (path_of ("no/such.safetensors"));

  write_file (path_of (".m.safetensors.abcdef.partial"), "left", 4);
  ck_assert_int_eq (symlink ("m.safetensors", path_of ("link.safetensors")), 0);
  ck_assert (supcon_checkpoint_check_writable (path_of ("link.safetensors"), NULL));
  ck_assert_uint_eq (count_entries (folder), G_N_ELEMENTS (others) + 1);
  remove_folder ();
}
END_TEST

static void
assert_locked (const char *location)
{
  GError *error = NULL;

  ck_assert_ptr_null (supcon_checkpoint_lock_new (location, &error));
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS));
  ck_assert_msg (strstr (error->message, "is written by another element") != NULL, "%s", error->message);
  ck_assert_msg (g_str_has_prefix (error->message, location), "%s", error->message);
  g_error_free (error);
}

/* One holder at a time, in this process and in others, by whatever name; who is killed loses it. */
START_TEST (test_lock)
{
  const char *location = path_of ("m.safetensors"), *link = path_of ("link.safetensors");
  SupconCheckpointLock *lock = supcon_checkpoint_lock_new (location, NULL), *other;
  int ready[2], code;
  char byte;
  pid_t child;

  ck_assert_ptr_nonnull (lock);
  ck_assert_int_eq (symlink ("m.safetensors", link), 0);
  assert_locked (location);
  assert_locked (link);
  other = supcon_checkpoint_lock_new (path_of ("other.safetensors"), NULL);
  ck_assert_ptr_nonnull (other);
  supcon_checkpoint_lock_free (other);
  /* What is written meanwhile has nothing to do with it. */
  save_step (location, 1);
  assert_locked (location);
  supcon_checkpoint_lock_free (lock);
  ck_assert_uint_eq (count_entries (folder), 2);

  ck_assert_int_eq (pipe (ready), 0);
  child = fork ();
  ck_assert_int_ge (child, 0);
  if (child == 0) {
    code = supcon_checkpoint_lock_new (location, NULL) ? 0 : 1;
    if (write (ready[1], &byte, 1) == 1)
      pause ();
    _exit (code);
  }
  ck_assert_int_eq (read (ready[0], &byte, 1), 1);
  assert_locked (link);
  ck_assert_int_eq (kill (child, SIGKILL), 0);
  ck_assert_int_eq (waitpid (child, NULL, 0), child);
  ck_assert (g_file_test (path_of (".m.safetensors.lock"), G_FILE_TEST_EXISTS));
  lock = supcon_checkpoint_lock_new (location, NULL);
  ck_assert_ptr_nonnull (lock);
  supcon_checkpoint_lock_free (lock);
  ck_assert_uint_eq (count_entries (folder), 2);
  remove_folder ();
}
END_TEST

enum { HOLDERS = 4, TURNS = 200 };

/* Many that take and give it back all the time: never two at once, which would find the other's mark. */
START_TEST (test_lock_contested)
{
  const char *location = path_of ("m.safetensors"), *mark = path_of ("mark");
  pid_t children[HOLDERS];

  for (guint i = 0; i < HOLDERS; i++) {
    children[i] = fork ();
    ck_assert_int_ge (children[i], 0);
    for (guint turn = 0; children[i] == 0; turn++) {
      SupconCheckpointLock *lock;

      if (turn == TURNS)
        _exit (0);
      while (!(lock = supcon_checkpoint_lock_new (location, NULL)))
        g_thread_yield ();
      if (g_file_test (mark, G_FILE_TEST_EXISTS) || !g_file_set_contents (mark, "", 0, NULL) || g_unlink (mark) != 0)
        _exit (1);
      supcon_checkpoint_lock_free (lock);
    }
  }
  for (guint i = 0; i < HOLDERS; i++) {
    int status;

    ck_assert_int_eq (waitpid (children[i], &status, 0), children[i]);
    ck_assert_int_eq (status, 0);
  }
  ck_assert_uint_eq (count_entries (folder), 0);
  remove_folder ();
}
END_TEST

SUPCON_CHECK_MAIN ("checkpointfiles", test_links, test_keep, test_keep_anew, test_keep_without_suffix,
    test_keep_replaced, test_replaced, test_stale, test_lock, test_lock_contested)
