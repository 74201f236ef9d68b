/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconsubtitles.h"

#include <string.h>

#include "gstsupconstream.h"
#include "gstsupcontags.h"

struct _GstSupconSubtitles
{
  FILE *file;
  guint n_cues;

  /* The cue that is not at its end yet. */
  gchar *cue;                   /* NULL: none */
  GstClockTime start, end;
};

GstSupconSubtitles *
gst_supcon_subtitles_new (FILE * file)
{
  GstSupconSubtitles *self = g_new0 (GstSupconSubtitles, 1);

  self->file = file;
  return self;
}

void
gst_supcon_subtitles_free (GstSupconSubtitles * self)
{
  g_free (self->cue);
  g_free (self);
}

static gboolean
is_marked (gchar c)
{
  return c == '<' || c == '\n';
}

/* As a cue's text; free with g_free. */
static gchar *
write_text (const gchar * label)
{
  gchar *stripped = g_strstrip (g_strdelimit (g_strdup (label), "\r", ' '));
  GString *text = g_string_new (NULL);

  for (const gchar * at = stripped; *at; at++) {
    g_string_append_c (text, *at);
    if (is_marked (*at))
      g_string_append (text, GST_SUPCON_SUBTITLES_JOINER);
  }
  g_free (stripped);
  return g_string_free (text, FALSE);
}

gchar *
gst_supcon_subtitles_read (const gchar * text)
{
  const gsize length = strlen (GST_SUPCON_SUBTITLES_JOINER);
  GString *label = g_string_new (NULL);

  for (const gchar * at = text; *at; at++) {
    g_string_append_c (label, *at);
    if (is_marked (*at)
        && strncmp (at + 1, GST_SUPCON_SUBTITLES_JOINER, length) == 0)
      at += length;
  }
  return g_strstrip (g_string_free (label, FALSE));
}

static void
write_time (FILE * file, GstClockTime time)
{
  guint64 ms = time / GST_MSECOND;

  fprintf (file, "%02u:%02u:%02u,%03u", (guint) (ms / 3600000),
      (guint) (ms / 60000 % 60), (guint) (ms / 1000 % 60), (guint) (ms % 1000));
}

gboolean
gst_supcon_subtitles_end (GstSupconSubtitles * self)
{
  if (!self->cue)
    return TRUE;
  fprintf (self->file, "%u\n", ++self->n_cues);
  write_time (self->file, self->start);
  fprintf (self->file, " --> ");
  write_time (self->file, self->end);
  fprintf (self->file, "\n%s\n\n", self->cue);
  g_clear_pointer (&self->cue, g_free);
  return fflush (self->file) == 0;
}

gboolean
gst_supcon_subtitles_add (GstSupconSubtitles * self, GstBuffer * frame,
    GstClockTime time)
{
  GstClockTime duration = GST_BUFFER_DURATION (frame);
  gboolean ok = TRUE;
  const gchar *label;
  gchar *text;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return TRUE;
  label = gst_supcon_frame_first_label (frame);
  text = label ? write_text (label) : NULL;
  if (self->cue && (g_strcmp0 (text, self->cue) != 0 || time < self->start
          || gst_supcon_is_jump (frame, self->end, time))) {
    /* It lasts until this frame, unless time jumped. */
    if (time > self->start && !GST_BUFFER_IS_DISCONT (frame))
      self->end = time;
    ok = gst_supcon_subtitles_end (self);
  }
  if (!self->cue && text) {
    self->cue = g_steal_pointer (&text);
    self->start = time;
  }
  g_free (text);
  self->end = time + (GST_CLOCK_TIME_IS_VALID (duration) ? duration : 0);
  return ok;
}
