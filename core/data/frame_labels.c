/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "data/frame_labels.h"

#include <string.h>

#include "data/readers.h"
#include "error.h"

/* No text of labels is longer when unpacked; a .gz that says otherwise would fill the memory. */
#define MAX_TEXT (256 * 1024 * 1024)
/* Nor has a stream more frames: three days of 60 a second. Each takes some 40 bytes, whatever is in the file. */
#define MAX_LABELS (1 << 24)

static GPtrArray *
read_idx (const char *path, GError **error)
{
  guint32 count;
  guint8 *values = supcon_idx_read_labels (path, MAX_LABELS, &count, error);
  GPtrArray *labels;

  if (!values)
    return NULL;
  labels = g_ptr_array_new_with_free_func (g_free);
  for (guint32 i = 0; i < count; i++)
    g_ptr_array_add (labels, g_strdup_printf ("%u", values[i]));
  g_free (values);
  return labels;
}

/* The rest of the stream behind what text holds. */
static gboolean
read_text (GInputStream *stream, const char *path, GByteArray *text, GError **error)
{
  guint8 chunk[16384];
  gsize got;

  do {
    if (!supcon_stream_read (stream, path, chunk, sizeof chunk, &got, error))
      return FALSE;
    if (text->len + got > MAX_TEXT) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT, "%s: more than %d bytes found, expected a label a line",
          path, MAX_TEXT);
      return FALSE;
    }
    g_byte_array_append (text, chunk, got);
  } while (got == sizeof chunk);
  return TRUE;
}

static gboolean
check_lines (const char *text, const char *end, const char *path, GError **error)
{
  guint n = 0;

  while (text < end && (text = memchr (text, '\n', end - text)) && n <= MAX_LABELS) {
    text++;
    n++;
  }
  if (n > MAX_LABELS)
    g_set_error (
        error, SUPCON_ERROR, SUPCON_ERROR_FORMAT, "%s: more than %d labels found, expected no more", path, MAX_LABELS);
  return n <= MAX_LABELS;
}

static GPtrArray *
split_lines (const GByteArray *text, const char *path, GError **error)
{
  const char *line = (const char *)text->data;
  const char *end = line + text->len;
  GPtrArray *labels;

  /* The mark that some editors put before UTF-8. */
  if (text->len >= 3 && memcmp (line, "\xef\xbb\xbf", 3) == 0)
    line += 3;
  if (!check_lines (line, end, path, error))
    return NULL;
  labels = g_ptr_array_new_with_free_func (g_free);
  while (line < end) {
    const char *stop = memchr (line, '\n', end - line);

    if (!stop)
      stop = end;
    if (!g_utf8_validate (line, stop - line, NULL)) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
          "%s: line %u is not UTF-8; expected a label a line, or an IDX file", path, labels->len + 1);
      g_ptr_array_unref (labels);
      return NULL;
    }
    g_ptr_array_add (labels, g_strstrip (g_strndup (line, stop - line)));
    line = stop + 1;
  }
  return labels;
}

GPtrArray *
supcon_frame_labels_read (const char *path, GError **error)
{
  GInputStream *stream = supcon_stream_open (path, error);
  GByteArray *text;
  GPtrArray *labels = NULL;
  guint8 start[2];
  gsize got;

  if (!stream)
    return NULL;
  text = g_byte_array_new ();
  if (supcon_stream_read (stream, path, start, sizeof start, &got, error)) {
    g_byte_array_append (text, start, got);
    if (got == 2 && !start[0] && !start[1])
      labels = read_idx (path, error);
    else if (read_text (stream, path, text, error))
      labels = split_lines (text, path, error);
  }
  g_byte_array_unref (text);
  g_object_unref (stream);
  return labels;
}
