/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Labels of frames, a line each: text, packed or not, and what is none. */
#include <string.h>

#include "data/frame_labels.h"
#include "datasets.h"

/* A label a line, of a text far longer than what is read at once, packed or not; some lines are empty. */
START_TEST (test_frame_labels)
{
  enum { N = 20000 };
  GString *text = g_string_new (NULL);

  setup ();
  for (guint i = 0; i < N; i++)
    g_string_append_printf (text, i % 7 ? " label %u\r\n" : "\n", i);
  write_text ("labels", text->str);
  for (guint packed = 0; packed < 2; packed++) {
    char *path = g_build_filename (folder, packed ? "labels.gz" : "labels", NULL);
    GError *error = NULL;
    GPtrArray *labels;

    if (packed)
      pack_file ("labels");
    labels = supcon_frame_labels_read (path, &error);
    g_assert_no_error (error);
    ck_assert_uint_eq (labels->len, N);
    for (guint i = 0; i < N; i++) {
      char expected[32] = "";

      if (i % 7)
        g_snprintf (expected, sizeof expected, "label %u", i);
      check_number (g_str_equal (g_ptr_array_index (labels, i), expected), "line %u", i + 1);
    }
    g_ptr_array_unref (labels);
    g_free (path);
  }
  g_string_free (text, TRUE);
  teardown ();
}
END_TEST

/* Text that begins with the first byte of a gzip file alone. */
START_TEST (test_frame_labels_first_byte)
{
  GPtrArray *labels;
  char *path;

  setup ();
  write_text ("labels", "\x1f"
                        "a\n");
  path = g_build_filename (folder, "labels", NULL);
  labels = supcon_frame_labels_read (path, NULL);
  ck_assert_ptr_nonnull (labels);
  ck_assert_uint_eq (labels->len, 1);
  ck_assert_str_eq (g_ptr_array_index (labels, 0), "\x1f"
                                                   "a");
  g_ptr_array_unref (labels);
  g_free (path);
  teardown ();
}
END_TEST

/* What is neither text nor an IDX file. Blank lines count. */
START_TEST (test_frame_labels_wrong)
{
  static const char *const texts[] = { "\0a\n", "a\n\n\xff\n" };
  static const gsize sizes[] = { 3, 5 };
  static const char *const named[] = { "line 1 is not UTF-8", "line 3 is not UTF-8" };
  char *path;

  setup ();
  path = g_build_filename (folder, "labels", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    GError *error = NULL;

    write_file ("labels", (const guint8 *)texts[i], sizes[i]);
    ck_assert_ptr_null (supcon_frame_labels_read (path, &error));
    ck_assert_msg (strstr (error->message, named[i]) != NULL, "%s", error->message);
    g_error_free (error);
  }
  g_free (path);
  teardown ();
}
END_TEST

/* Longer than any such text is: a .gz of a few bytes could say so. */
START_TEST (test_frame_labels_too_long)
{
  GError *error = NULL;
  char *path;

  setup ();
  path = g_build_filename (folder, "labels", NULL);
  write_text ("labels", "a label\n");
  ck_assert_int_eq (truncate (path, 256 * 1024 * 1024 + 1), 0); /* a hole, which takes no space */
  ck_assert_ptr_null (supcon_frame_labels_read (path, &error));
  ck_assert_msg (strstr (error->message, "more than 268435456 bytes found") != NULL, "%s", error->message);
  g_error_free (error);
  g_free (path);
  teardown ();
}
END_TEST

/* As many frames no stream has, but a .gz of a few bytes. */
START_TEST (test_frame_labels_too_many)
{
  GString *text = g_string_new (NULL);
  GError *error = NULL;
  char *path;

  setup ();
  path = g_build_filename (folder, "labels", NULL);
  g_string_set_size (text, (1 << 24) + 1);
  memset (text->str, '\n', text->len);
  write_text ("labels", text->str);
  ck_assert_ptr_null (supcon_frame_labels_read (path, &error));
  ck_assert_msg (strstr (error->message, "more than 16777216 labels found") != NULL, "%s", error->message);
  g_clear_error (&error);
  ck_assert (g_file_set_contents (path, "\0\0\10\1\1\0\0\1", 8, NULL));
  ck_assert_ptr_null (supcon_frame_labels_read (path, &error));
  ck_assert_msg (
      strstr (error->message, "16777217 labels found, at most 16777216 expected") != NULL, "%s", error->message);
  g_clear_error (&error);
  g_string_free (text, TRUE);
  g_free (path);
  teardown ();
}
END_TEST

SUPCON_CHECK_MAIN ("framelabels", test_frame_labels, test_frame_labels_first_byte, test_frame_labels_wrong,
    test_frame_labels_too_long, test_frame_labels_too_many)
