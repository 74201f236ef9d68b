/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Runs whole pipelines for the tests of elements. */
#ifndef TEST_PIPELINE_H
#define TEST_PIPELINE_H

#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <string.h>

/* A run that takes longer hangs. */
#define RUN_SECONDS 240

typedef struct
{
  gchar *error;                 /* text of the first error; NULL: the stream ended */
  GString *warnings;            /* texts of all warnings and infos, a line each */
  GList *messages;              /* structures of the element messages */
} Run;

/* Plays a pipeline to its end, or to its first error. */
static inline Run
run_pipeline (GstElement * pipeline)
{
  Run run = { NULL, g_string_new (NULL), NULL };
  GstBus *bus = gst_element_get_bus (pipeline);
  gboolean done = FALSE;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!done) {
    GstMessage *message = gst_bus_timed_pop (bus, RUN_SECONDS * GST_SECOND);
    GError *error = NULL;

    fail_unless (message != NULL, "the pipeline hangs");
    switch (GST_MESSAGE_TYPE (message)) {
      case GST_MESSAGE_ERROR:
        gst_message_parse_error (message, &error, NULL);
        run.error = g_strdup (error->message);
        done = TRUE;
        break;
      case GST_MESSAGE_WARNING:
        gst_message_parse_warning (message, &error, NULL);
        g_string_append_printf (run.warnings, "%s\n", error->message);
        break;
      case GST_MESSAGE_INFO:
        gst_message_parse_info (message, &error, NULL);
        g_string_append_printf (run.warnings, "%s\n", error->message);
        break;
      case GST_MESSAGE_ELEMENT:
        run.messages = g_list_append (run.messages,
            gst_structure_copy (gst_message_get_structure (message)));
        break;
      case GST_MESSAGE_EOS:
        done = TRUE;
        break;
      default:
        break;
    }
    g_clear_error (&error);
    gst_message_unref (message);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  return run;
}

/* The same for a gst-launch line with printf's fields. */
static inline Run G_GNUC_PRINTF (1, 2)
run_launch (const gchar * format, ...)
{
  va_list args;
  gchar *line;
  GError *error = NULL;
  GstElement *pipeline;
  Run run;

  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  pipeline = gst_parse_launch (line, &error);
  fail_unless (error == NULL, "%s: %s", line, error ? error->message : "");
  run = run_pipeline (pipeline);
  gst_object_unref (pipeline);
  g_free (line);
  return run;
}

/* On a pad of an element, both by name. */
static inline void
add_probe (GstElement * pipeline, const gchar * name, const gchar * pad_name,
    GstPadProbeType type, GstPadProbeCallback callback, gpointer data)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), name);
  GstPad *pad = gst_element_get_static_pad (element, pad_name);

  gst_pad_add_probe (pad, type, callback, data, NULL);
  gst_object_unref (pad);
  gst_object_unref (element);
}

/* The last element message of that name, or NULL. */
static inline const GstStructure *
run_message (const Run * run, const gchar * name)
{
  for (GList * l = g_list_last (run->messages); l; l = l->prev)
    if (gst_structure_has_name (l->data, name))
      return l->data;
  return NULL;
}

static inline guint
run_count_messages (const Run * run, const gchar * name)
{
  guint n = 0;

  for (GList * l = run->messages; l; l = l->next)
    n += gst_structure_has_name (l->data, name);
  return n;
}

static inline void
run_clear (Run * run)
{
  g_free (run->error);
  g_string_free (run->warnings, TRUE);
  g_list_free_full (run->messages, (GDestroyNotify) gst_structure_free);
}

#define run_assert_ended(run) \
  fail_unless ((run).error == NULL, "error: %s", (run).error)
#define run_assert_error(run, text) \
  fail_unless ((run).error && strstr ((run).error, text), "error: %s", (run).error)
#define run_assert_warning(run, text) \
  fail_unless (strstr ((run).warnings->str, text) != NULL, "warnings: %s", (run).warnings->str)

/* A folder for the test's files; it is removed with all that is in it. */
static inline gchar *
folder_new (void)
{
  return g_dir_make_tmp ("gst-supcon-XXXXXX", NULL);
}

static inline void
folder_free (gchar * folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    gchar *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR))
      folder_free (path);
    else {
      g_unlink (path);
      g_free (path);
    }
  }
  if (dir)
    g_dir_close (dir);
  g_rmdir (folder);
  g_free (folder);
}

#endif
